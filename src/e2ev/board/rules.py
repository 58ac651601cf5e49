"""Who may post what, and when (specs/record.md, "Rules"): one rule a kind of entry.

A rule says what speaks against an entry, given what stands on the board before it: objections, each with the id of its
check in specs/verification.md. `ledger` applies the rules, for the board's intake and for the verifier alike.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, cast

from e2ev.board import announced, eligibility, stations
from e2ev.board.contents import Contents, Posted
from e2ev.board.objections import (
    Objection,
    Rule,
    before_open,
    by_administrator,
    by_device,
    keys_in_use,
    name_of,
    not_again,
)
from e2ev.board.places import UNDECIDED
from e2ev.board.policy import parse_policy
from e2ev.board.reader import Logged
from e2ev.ceremony import ShareComplaint
from e2ev.errors import DataError
from e2ev.record.bodies import ComplaintBody
from e2ev.record.codec import encode
from e2ev.record.kinds import Kind

# Each rule: what speaks against the entry


def _seat(contents: Contents, posted: Posted[Any], trustee: int) -> Iterator[Objection]:
    if contents.seat_of(posted.header.author) != trustee:
        who = name_of(contents, posted.header.author)
        yield Objection("B.7", f"{who} posts in the name of trustee {trustee}", who)


def _ceremony(contents: Contents, posted: Posted[Any], trustee: int, held: object) -> Iterator[Objection]:
    """Rules of all four messages of the ceremony."""
    yield from _seat(contents, posted, trustee)
    yield from before_open(contents, "a message of the ceremony")
    yield from not_again(held, "the same message of the ceremony")
    if posted.body.form.attempt != contents.ceremony.number:
        yield Objection("B.8", f"attempt {posted.body.form.attempt} of the ceremony during {contents.ceremony.number}")
    if contents.joint is not None:
        yield Objection("B.8", "a message of the ceremony after the joint keys")


def _keys(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    trustee = posted.body.form.keys.trustee
    return _ceremony(contents, posted, trustee, contents.ceremony.keys.get(trustee))


def _shares(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    sender = posted.body.form.sender
    yield from _ceremony(contents, posted, sender, contents.ceremony.shares.get(sender))
    if len(contents.ceremony.keys) != len(contents.seats):
        yield Objection("B.8", "shares before the keys of all trustees")
    if len(posted.body.form.share_hashes) != len(contents.seats) - 1:
        yield Objection("K.1", "not one share for each other trustee", name_of(contents, posted.header.author))


def _acceptance(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    trustee = posted.body.form.trustee
    yield from _ceremony(contents, posted, trustee, contents.ceremony.acceptances.get(trustee))
    if len(contents.ceremony.shares) != len(contents.seats):
        yield Objection("B.8", "acceptance before the shares of all trustees")


def _complaint(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    yield from _ceremony(contents, posted, posted.body.form.accuser, None)
    if not 1 <= posted.body.form.accused <= len(contents.seats):
        yield Objection("K.1", "a complaint about nobody")
    if (posted.body.form.reason == "share") != (posted.body.form.evidence is not None):
        yield Objection("K.1", "a complaint about a share has evidence, and no other has")
    if posted.body.form.evidence is not None:
        yield from _evidence(contents, posted.body.form)


def _evidence(contents: Contents, body: ComplaintBody) -> Iterator[Objection]:
    """The share in a complaint is the one that the accused's message names, and it went to the accuser."""
    share, sent = cast(ShareComplaint, body.evidence).share, contents.ceremony.shares.get(body.accused)
    if (share.sender, share.recipient) != (body.accused, body.accuser) or body.accused == body.accuser:
        yield Objection("K.1", "the share in a complaint is not one from the accused to the accuser")
    elif sent is None:
        yield Objection("K.1", "a complaint about a share that was never posted")
    else:
        place = body.accuser - 1 if body.accuser < body.accused else body.accuser - 2
        if sent.body.form.share_hashes[place] != hashlib.sha256(encode(share)).digest():
            yield Objection("K.1", "the share in a complaint is not the one that the accused's message names")


def _joint(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    yield from by_administrator(contents, posted)
    yield from not_again(contents.joint, "joint keys")
    if len(contents.ceremony.acceptances) != len(contents.seats):
        yield Objection("B.8", "joint keys before every trustee accepted")
    if posted.body.form.attempt != contents.ceremony.number:
        yield Objection("B.8", f"joint keys of attempt {posted.body.form.attempt} during {contents.ceremony.number}")
    name = contents.group.name
    if [(item.role, item.group) for item in posted.body.form.keys] != [("vote", name), ("data", name)]:
        yield Objection("R.1", "joint keys are one for votes, then one for data, of the election's group")


def _rehearsal(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    trustee = posted.body.form.trustee
    yield from _seat(contents, posted, trustee)
    yield from before_open(contents, "a message of the ceremony")
    yield from not_again(contents.rehearsals.get(trustee), "a rehearsal")
    if contents.joint is None:
        yield Objection("B.8", "a rehearsal before the joint keys")


def _admitted(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    body = posted.body.form
    yield from by_administrator(contents, posted)
    yield from not_again(contents.devices.get(body.author), "the same device")
    if contents.joint is None or contents.closed is not None:
        yield Objection("B.8", "a device is admitted between the joint keys and the close")
    if body.author in keys_in_use(contents) - contents.devices.keys():
        yield Objection("B.7", "a device has a key of its own")
    if not 1 <= body.unit <= len(contents.manifest.reporting_units):
        yield Objection("R.1", f"reporting unit {body.unit} is not in the manifest")
    if body.unit in contents.stations and contents.opened is not None:
        yield Objection("B.8", "a device of a station with a board of its own is admitted before voting is opened")


def _device_closed(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    yield from by_device(contents, posted.header.author)
    device = contents.devices.get(posted.header.author)
    if device is not None and posted.body.form.ballots != device.ballots:
        who = name_of(contents, posted.header.author)
        yield Objection("B.9", f"{who} closes over {posted.body.form.ballots} ballots and posted {device.ballots}", who)


def _device_replaced(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    yield from by_administrator(contents, posted)
    device = contents.devices.get(posted.body.form.device)
    if device is None:
        yield Objection("B.9", "a device is replaced that was never admitted")
        return
    if not device.in_service:
        yield Objection("B.9", f"{name_of(contents, posted.body.form.device)} is replaced after its chain was closed")
    if posted.body.form.ballots != device.ballots:
        yield Objection("B.9", f"{posted.body.form.ballots} ballots are stated and {device.ballots} are on the board")


def _open(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    yield from by_administrator(contents, posted)
    yield from not_again(contents.opened, "voting is opened")
    missing = [seat.name for i, seat in enumerate(contents.seats, 1) if i not in contents.rehearsals]
    if missing:
        yield Objection("K.4", "voting is opened before the rehearsal of " + ", ".join(missing))
    yield from eligibility.at_open(contents)


def _close(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    yield from by_administrator(contents, posted)
    yield from not_again(contents.closed, "voting is closed")
    if contents.opened is None:
        yield Objection("B.8", "voting is closed before it was opened")
    yield from stations.at_close(contents)
    yield from eligibility.at_close(contents)
    open_still = [d for d in contents.devices.values() if d.in_service]
    if open_still:
        names = ", ".join(f"{d.name} at {contents.manifest.unit(d.unit).label}" for d in open_still)
        yield Objection("B.9", f"voting is closed and these devices never closed their chain: {names}")
    made = contents.decision_counts()
    counts = {name: made[name] for name in (UNDECIDED, "cast", "challenged", "abandoned")}
    body = posted.body.form
    if counts[UNDECIDED]:
        yield Objection("D.1", f"{counts[UNDECIDED]} ballots are undecided when voting is closed")
    stated = (body.ballots, body.cast, body.challenged, body.abandoned)
    if stated != (len(contents.ballots), counts["cast"], counts["challenged"], counts["abandoned"]):
        found = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        yield Objection(
            "D.4", f"the close states other counts than the board has: {len(contents.ballots)} ballots, {found}"
        )


def ballot_rule(contents: Contents, logged: Logged) -> Iterator[Objection]:
    """Yield what speaks against a ballot; its body is judged in `verify`."""
    header = logged.entry.header
    yield from by_device(contents, header.author)
    if contents.opened is None or contents.closed is not None:
        when = "after the close" if contents.closed is not None else "before voting was opened"
        who = name_of(contents, header.author)
        yield Objection("B.10", f"{who} posts a ballot {when}", who)
    if header.code in contents.ballots:
        who = name_of(contents, header.author)
        yield Objection("I.3", f"{who} posts a confirmation code that is on the board already", who)


def _decision(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    body, author = posted.body.form, posted.header.author
    place = contents.ballots.get(body.ballot)
    who = name_of(contents, author)
    if place is None:
        yield Objection("D.2", f"{who} decides about a ballot that is not on the board", who)
        return
    if body.ballot in contents.decisions:
        yield Objection("D.1", f"{who} decides about ballot {body.ballot.hex()[:12]} a second time", who)
    if author == contents.administrator and body.decision == "abandoned":
        if contents.closed is not None:
            yield Objection("B.8", "a ballot is abandoned after the close")
        return
    if author != contents.holder(place.author):
        yield Objection("D.2", f"{who} decides about a ballot that {name_of(contents, place.author)} posted", who)
    yield from by_device(contents, author)
    yield from eligibility.decided(contents, posted)


def _exclusion(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    yield from by_administrator(contents, posted)
    if any(attempt.tally.body.form.cells for attempt in contents.attempts.values()):
        yield Objection("B.8", "a ballot is excluded after the cells were decided")
    if contents.decision(posted.body.form.ballot) == UNDECIDED:
        yield Objection("D.3", "only a ballot that was decided about can be excluded")
    yield from not_again(contents.exclusions.get(posted.body.form.ballot), "the same ballot is excluded")


def _tally(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    body = posted.body.form
    yield from by_administrator(contents, posted)
    if contents.closed is None and body.cells:
        yield Objection("B.8", "a tally before voting was closed")
    if body.attempt != len(contents.attempts) + 1:
        yield Objection("T.1", f"attempt {body.attempt} at decryption after {len(contents.attempts)}")
    quorum, group = list(body.quorum), contents.election
    if quorum != sorted(set(quorum)) or not set(quorum) <= set(group.everyone()) or len(quorum) < group.quorum:
        yield Objection("T.1", f"the quorum {quorum} is not {group.quorum} or more trustees in increasing order")
    if body.board_size > posted.index:
        yield Objection("T.1", "the tally names a state of the board that is yet to come")


def _message(contents: Contents, posted: Posted[Any], held: str, needs: str) -> Iterator[Objection]:
    """Rules of the three messages of decryption."""
    body = posted.body.form
    yield from _seat(contents, posted, body.trustee)
    attempt = contents.attempts.get(body.attempt)
    if attempt is None or body.attempt != max(contents.attempts):
        yield Objection("T.1", f"attempt {body.attempt} at decryption is not the one that was decided last")
        return
    if body.trustee not in attempt.tally.body.form.quorum:
        yield Objection("T.1", f"trustee {body.trustee} is not in the quorum that was decided")
    yield from not_again(getattr(attempt, held).get(body.trustee), f"a trustee's {held}")
    if needs and set(getattr(attempt, needs)) != set(attempt.tally.body.form.quorum):
        yield Objection("T.2", f"{held} before the {needs} of the whole quorum")


def _commitments(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    return _message(contents, posted, "commitments", "")


def _openings(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    return _message(contents, posted, "openings", "commitments")


def _responses(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    return _message(contents, posted, "responses", "openings")


def _result(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    yield from by_administrator(contents, posted)
    attempt = contents.attempts.get(posted.body.form.attempt)
    if attempt is None:
        yield Objection("T.1", "a result of an attempt that was never decided")
        return
    yield from not_again(attempt.result, "a result")
    if set(attempt.responses) != set(attempt.tally.body.form.quorum):
        yield Objection("T.2", "a result before the responses of the whole quorum")


def _opened(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    body = posted.body.form
    yield from by_administrator(contents, posted)
    yield from not_again(contents.opened_ballots.get(body.ballot), "the same ballot is opened")
    attempt = contents.attempts.get(body.attempt)
    if attempt is None or body.ballot not in attempt.tally.body.form.open_by_nonce:
        yield Objection("D.5", "a ballot is opened that no tally decided to open")


def _decrypted(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    body = posted.body.form
    yield from by_administrator(contents, posted)
    yield from not_again(contents.decrypted_ballots.get(body.ballot), "the same ballot is decrypted")
    attempt = contents.attempts.get(body.attempt)
    if attempt is None or body.ballot not in attempt.tally.body.form.open_by_selection:
        yield Objection("D.5", "a ballot is decrypted that no tally decided to decrypt")


def _correction(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    return by_administrator(contents, posted)


def _witness_policy(contents: Contents, posted: Posted[Any]) -> Iterator[Objection]:
    yield from by_administrator(contents, posted)
    yield from before_open(contents, "a witness policy")
    yield from not_again(contents.policy, "a witness policy")
    try:
        known = parse_policy(posted.body.form.policy).knows(contents.log())
    except DataError as error:
        yield Objection("R.1", f"the witness policy cannot be read: {error}")
        return
    if not known:
        yield Objection("R.1", "the witness policy does not name the log of this election")


def _second_genesis(_contents: Contents, _posted: Posted[Any]) -> Iterator[Objection]:
    yield Objection("B.6", "a second genesis")


RULES: dict[Kind, Rule] = {
    Kind.GENESIS: _second_genesis,
    Kind.TRUSTEE_KEYS: _keys,
    Kind.SHARES: _shares,
    Kind.ACCEPTANCE: _acceptance,
    Kind.COMPLAINT: _complaint,
    Kind.JOINT_KEYS: _joint,
    Kind.REHEARSAL: _rehearsal,
    Kind.DEVICE_ADMITTED: _admitted,
    Kind.DEVICE_CLOSED: _device_closed,
    Kind.DEVICE_REPLACED: _device_replaced,
    Kind.OPEN: _open,
    Kind.CLOSE: _close,
    Kind.STATION_ADMITTED: stations.admitted,
    Kind.HANDOVER: stations.handover,
    Kind.REGISTRAR_ADMITTED: eligibility.admitted,
    Kind.DECISION: _decision,
    Kind.EXCLUSION: _exclusion,
    Kind.AUTHORIZATION: eligibility.authorization,
    Kind.TALLY: _tally,
    Kind.COMMITMENTS: _commitments,
    Kind.OPENINGS: _openings,
    Kind.RESPONSES: _responses,
    Kind.RESULT: _result,
    Kind.OPENED_BALLOT: _opened,
    Kind.DECRYPTED_BALLOT: _decrypted,
    Kind.CORRECTION: _correction,
    Kind.ROLL: eligibility.roll,
    Kind.CHECK_IN: eligibility.check_in,
    Kind.PAPER_COUNT: stations.paper_count,
    Kind.STATION_CHECKPOINT: stations.checkpoint,
    Kind.WITNESS_POLICY: _witness_policy,
    Kind.REGISTER: eligibility.register,
    Kind.ROLL_ENDORSED: eligibility.endorsed,
    Kind.ANNOUNCED_RESULT: announced.announced,
}
