"""What an entry that the rules allow changes in the contents of a board (specs/record.md, "Rules")."""

from collections.abc import Callable
from typing import Any, cast

from e2ev.board import announced, eligibility, stations
from e2ev.board.contents import Attempt, Ceremony, Contents, Device, Posted
from e2ev.board.places import BallotPlace, Decided
from e2ev.board.reader import Logged
from e2ev.record.kinds import Kind

Take = Callable[[Contents, Posted[Any]], None]


def take_ballot(contents: Contents, logged: Logged) -> None:
    """Note where the ballot stands, and that it is the last of its device."""
    header = logged.entry.header
    code = cast(bytes, header.code)
    device = contents.devices[header.author]
    place = BallotPlace(
        logged.index, logged.offset, header.author, header.counter, device.last_code, logged.entry.leaf_hash
    )
    contents.ballots.put(code, place)
    device.ballots += 1
    device.last_code = code


def _take_keys(contents: Contents, posted: Posted[Any]) -> None:
    contents.ceremony.keys[posted.body.form.keys.trustee] = posted


def _take_complaint(contents: Contents, posted: Posted[Any]) -> None:
    contents.ceremony.complaint = posted
    contents.ceremonies.append(Ceremony(contents.ceremony.number + 1))


def _take_tally(contents: Contents, posted: Posted[Any]) -> None:
    contents.attempts[posted.body.form.attempt] = Attempt(posted)


def _setting(name: str) -> Take:
    return lambda contents, posted: setattr(contents, name, posted)


def _keeping(place: Callable[[Contents, Any], dict[Any, Any]], key: Callable[[Any], object]) -> Take:
    def take(contents: Contents, posted: Posted[Any]) -> None:
        place(contents, posted.body.form)[key(posted.body.form)] = posted

    return take


def _take_device(contents: Contents, posted: Posted[Any]) -> None:
    contents.devices[posted.body.form.author] = Device(posted)


def _take_device_closed(contents: Contents, posted: Posted[Any]) -> None:
    contents.devices[posted.header.author].closed = posted


def _take_device_replaced(contents: Contents, posted: Posted[Any]) -> None:
    contents.devices[posted.body.form.device].replaced = posted


def _take_decision(contents: Contents, posted: Posted[Any]) -> None:
    body = posted.body.form
    contents.decisions.put(body.ballot, Decided(posted.index, body.decision, body.reason))
    eligibility.take_decided(contents, posted)


def _take_result(contents: Contents, posted: Posted[Any]) -> None:
    contents.attempts[posted.body.form.attempt].result = posted


def _take_correction(contents: Contents, posted: Posted[Any]) -> None:
    contents.corrections.append(posted)


TAKES: dict[Kind, Take] = {
    Kind.GENESIS: _take_correction,
    Kind.TRUSTEE_KEYS: _take_keys,
    Kind.SHARES: _keeping(lambda c, _: c.ceremony.shares, lambda b: b.sender),
    Kind.ACCEPTANCE: _keeping(lambda c, _: c.ceremony.acceptances, lambda b: b.trustee),
    Kind.COMPLAINT: _take_complaint,
    Kind.JOINT_KEYS: _setting("joint"),
    Kind.REHEARSAL: _keeping(lambda c, _: c.rehearsals, lambda b: b.trustee),
    Kind.DEVICE_ADMITTED: _take_device,
    Kind.DEVICE_CLOSED: _take_device_closed,
    Kind.DEVICE_REPLACED: _take_device_replaced,
    Kind.OPEN: stations.take_opened,
    Kind.CLOSE: _setting("closed"),
    Kind.STATION_ADMITTED: stations.take_admitted,
    Kind.HANDOVER: stations.take_handover,
    Kind.REGISTRAR_ADMITTED: eligibility.take_admitted,
    Kind.DECISION: _take_decision,
    Kind.EXCLUSION: _keeping(lambda c, _: c.exclusions, lambda b: b.ballot),
    Kind.AUTHORIZATION: eligibility.take_authorization,
    Kind.TALLY: _take_tally,
    Kind.COMMITMENTS: _keeping(lambda c, b: c.attempts[b.attempt].commitments, lambda b: b.trustee),
    Kind.OPENINGS: _keeping(lambda c, b: c.attempts[b.attempt].openings, lambda b: b.trustee),
    Kind.RESPONSES: _keeping(lambda c, b: c.attempts[b.attempt].responses, lambda b: b.trustee),
    Kind.RESULT: _take_result,
    Kind.OPENED_BALLOT: _keeping(lambda c, _: c.opened_ballots, lambda b: b.ballot),
    Kind.DECRYPTED_BALLOT: _keeping(lambda c, _: c.decrypted_ballots, lambda b: b.ballot),
    Kind.CORRECTION: _take_correction,
    Kind.ROLL: eligibility.take_roll,
    Kind.CHECK_IN: eligibility.take_check_in,
    Kind.PAPER_COUNT: stations.take_paper_count,
    Kind.STATION_CHECKPOINT: stations.take_checkpoint,
    Kind.WITNESS_POLICY: _setting("policy"),
    Kind.REGISTER: eligibility.take_register,
    Kind.ROLL_ENDORSED: eligibility.take_endorsed,
    Kind.ANNOUNCED_RESULT: announced.take_announced,
}
