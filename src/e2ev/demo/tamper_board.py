"""Tamperings with the board: its file, headers, who posted what and when, decisions; and records of somebody else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from e2ev import ballot, chaining, hashing
from e2ev.ballot import PlainBallot, PlainContest
from e2ev.demo.forge import Change, Forgery, Step, Tampering, always, flip, trips, write_entry
from e2ev.demo.reseal import partition, rename_all, settle
from e2ev.demo.tamper_ballots import abandoned, first_cast
from e2ev.demo.tamper_setup import accept_again, admit_again
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.entry import Entry, Pen, author_of
from e2ev.record.kinds import Kind
from e2ev.signing import SigningKey

STUFFED = 10


def _note(forgery: Forgery, text: str = "a misspelt name in an earlier entry") -> Step:
    """Return an entry of the administrator on which nothing depends."""
    return Step(forgery.administrator, Kind.CORRECTION, bodies.CorrectionBody(1, bytes(32), text))


def _noted(**changes: Any) -> Change:
    """Put a last entry on the board that was made in another way than it should."""
    return lambda forgery: forgery.insert(len(forgery.steps), replace(_note(forgery), **changes))


def _own_key(forgery: Forgery, key: SigningKey) -> Forgery:
    """Return the forgery with a further key in hand."""
    signing = {**forgery.keys.signing, author_of(key.verify_key): key}
    return replace(forgery, keys=replace(forgery.keys, signing=signing))


# The file and its headers


def _forged_signature(pen: Pen, step: Step, body: bytes) -> Entry:
    entry = write_entry(pen, step, body)
    signature = entry.header.signature[:1] + SigningKey.generate().sign(entry.header.signed_bytes())
    header = replace(entry.header, signature=signature)
    return Entry(encode(header), header, body)


def _exchanged_body(pen: Pen, step: Step, body: bytes) -> Entry:
    return replace(write_entry(pen, step, body), body=encode(replace(step.body, reason=step.body.reason[::-1])))


def _of_another_election(pen: Pen, step: Step, body: bytes) -> Entry:
    return write_entry(replace(pen, election=flip(pen.election)), step, body)


def _written_differently(forgery: Forgery) -> Forgery:
    """Write the form number 1 in two bytes, which no canonical encoding does."""
    body = encode(_note(forgery).body)
    return _noted(body=body[:1] + b"\xcc" + body[1:])(forgery)


def _unfinished(forgery: Forgery) -> Forgery:
    last = len(forgery.steps) - 1
    return forgery.set(last, replace(forgery.steps[last], committed=False))


def _left_out(forgery: Forgery) -> Forgery:
    lost, further = replace(_note(forgery, "what nobody shall see"), kept=False), _note(forgery)
    return forgery.insert(len(forgery.steps), lost, further)


def _second_genesis(forgery: Forgery) -> Forgery:
    return forgery.insert(len(forgery.steps), replace(forgery.steps[0], committed=True))


def _by_trustee(forgery: Forgery) -> Forgery:
    return _noted(author=forgery.genesis.trustees[-1].author)(forgery)


# What comes at the wrong time


def _opened_twice(forgery: Forgery) -> Forgery:
    (opened,) = forgery.indices(Kind.OPEN)
    return forgery.insert(opened + 1, forgery.steps[opened])


def _stuffed(forgery: Forgery) -> Forgery:
    """Post ballots after their device closed, and state at the close what was expected with them."""
    end = forgery.indices(Kind.DEVICE_CLOSED)[-1]
    forgery = forgery.insert(end + 1, *fresh_ballots(forgery, forgery.steps[end].author, end + 1, STUFFED))
    (close,) = forgery.indices(Kind.CLOSE)
    body: bodies.CloseBody = forgery.steps[close].body
    counts = replace(body, ballots=body.ballots + STUFFED, cast=body.cast + STUFFED)
    return forgery.edit(close, always(counts)).until(close)


def fresh_ballots(forgery: Forgery, author: bytes, place: int, count: int) -> list[Step]:
    """Return ballots for the last option of every contest, and the decisions to cast them, to stand at `place`."""
    context, steps = forgery.context, list[Step]()
    before = [step for step in forgery.steps[:place] if step.author == author]
    codes = [step.code for step in before if step.code]
    unit = next(body.unit for body in forgery.said(Kind.DEVICE_ADMITTED) if body.author == author)
    style = next(style for style in context.manifest.ballot_styles if unit in style.units)
    votes = tuple(PlainContest(i, (*(0 for _ in context.manifest.contest(i).options[1:]), 1)) for i in style.contests)
    device = hashing.device_hash(context.extended_hash, forgery.device_name(author))
    for n in range(count):
        last = codes[-1] if codes else None
        field = chaining.chaining_field(context.manifest.chaining, context.extended_hash, device, last)
        plain = PlainBallot(style.index, unit, votes)
        made, _ = ballot.encrypt_ballot(context, plain, author, len(before) + 2 * n + 1, field)
        codes.append(made.code)
        steps.append(Step(author, Kind.BALLOT, bodies.BallotBody(1, made), made.code))
        steps.append(Step(author, Kind.DECISION, bodies.DecisionBody(1, made.code, "cast", "")))
    return steps


def _hidden_ballot(forgery: Forgery) -> Forgery:
    end = forgery.indices(Kind.DEVICE_CLOSED)[-1]
    return forgery.edit(end, lambda ballots: ballots - 1, "ballots").until(end)


def _before_opening(forgery: Forgery) -> Forgery:
    (opened,) = forgery.indices(Kind.OPEN)
    first = forgery.indices(Kind.BALLOT)[0]
    return forgery.without(first).insert(opened, forgery.steps[first]).until(opened + 1)


def _after_the_count(forgery: Forgery) -> Forgery:
    end, author = len(forgery.steps), forgery.steps[forgery.indices(Kind.DEVICE_CLOSED)[-1]].author
    return forgery.insert(end, fresh_ballots(forgery, author, end, 1)[0])


# Decisions


def _decided(author_of_other: bool) -> Change:
    """Let a device, its own or another one, decide about the first cast ballot once more."""

    def changed(forgery: Forgery) -> Forgery:
        step = forgery.steps[first_cast(forgery)]
        ends = forgery.indices(Kind.DEVICE_CLOSED)
        end = next(i for i in ends if (forgery.steps[i].author != step.author) == author_of_other)
        body = bodies.DecisionBody(1, step.code or b"", "cast", "")
        return forgery.insert(end, Step(forgery.steps[end].author, Kind.DECISION, body))

    return changed


def _decision_about_nothing(forgery: Forgery) -> Forgery:
    end = forgery.indices(Kind.DEVICE_CLOSED)[0]
    body = bodies.DecisionBody(1, bytes(32), "challenged", "")
    return forgery.insert(end, Step(forgery.steps[end].author, Kind.DECISION, body))


def _valid_excluded(forgery: Forgery) -> Forgery:
    code = forgery.steps[first_cast(forgery)].code or b""
    body = bodies.ExclusionBody(1, code, "6.D", "the proof that 0 to 1 is encrypted does not verify")
    close = forgery.indices(Kind.CLOSE)[-1]
    return partition(forgery.insert(close + 1, Step(forgery.administrator, Kind.EXCLUSION, body)))


def _excluded_for_a_twin(forgery: Forgery) -> Forgery:
    """Exclude a valid ballot for what is wrong with another entry that bears its code."""
    step = forgery.steps[first_cast(forgery)]
    end, close = forgery.indices(Kind.DEVICE_CLOSED)[0], forgery.indices(Kind.CLOSE)[-1]
    body = bodies.ExclusionBody(1, step.code or b"", "B.4", "the body is not the one that the header signs")
    excluded = forgery.insert(close + 1, Step(forgery.administrator, Kind.EXCLUSION, body))
    twin = replace(step, author=forgery.steps[end].author, sign=_cut_body)
    return partition(excluded).insert(end, twin)


def _cut_body(pen: Pen, step: Step, body: bytes) -> Entry:
    entry = write_entry(pen, step, body)
    return replace(entry, body=flip(body))


def _miscounted(forgery: Forgery) -> Forgery:
    (close,) = forgery.indices(Kind.CLOSE)
    return forgery.edit(close, lambda cast: cast + 1, "cast").until(close)


# Perfect records, of somebody else


def _other_manifest(forgery: Forgery) -> Forgery:
    """Put another manifest in place of the one that was agreed on, up to the opening."""
    manifest = forgery.genesis.manifest.replace(b" election", b" referendum")
    forgery = forgery.edit(0, always(manifest), "manifest")
    forgery = forgery.edit(0, always(forgery.election.base_hash), "base_hash")
    return admit_again(accept_again(forgery.until(forgery.indices(Kind.OPEN)[0])))


def other_author(whose: Callable[[Forgery], bytes]) -> Change:
    """Let somebody else sign everything that this person has signed."""

    def changed(forgery: Forgery) -> Forgery:
        key = SigningKey.generate()
        return rename_all(_own_key(forgery, key), {whose(forgery): author_of(key.verify_key)})

    return changed


def _other_log(forgery: Forgery) -> Forgery:
    key = SigningKey.generate()
    return replace(forgery.edit(0, always(author_of(key.verify_key)), "log_key"), log=key)


def _unknown_device(forgery: Forgery) -> Forgery:
    """Admit a device of which nobody was told, and close it."""
    key, extended = SigningKey.generate(), forgery.joint_keys.extended_hash
    author, name = author_of(key.verify_key), "D9"
    device = hashing.device_hash(extended, name)
    start, ends = chaining.chain_start(extended, device), chaining.chain_end(extended, device, None)
    admitted = bodies.DeviceAdmittedBody(1, author, name, 1, device, start)
    opened, close = forgery.indices(Kind.OPEN)[0], forgery.indices(Kind.CLOSE)[0]
    forgery = forgery.insert(close, Step(author, Kind.DEVICE_CLOSED, bodies.DeviceClosedBody(1, 0, *ends)))
    return _own_key(forgery.insert(opened, Step(forgery.administrator, Kind.DEVICE_ADMITTED, admitted)), key)


def _last_ballot_gone(forgery: Forgery) -> Forgery:
    last = abandoned(forgery)
    code = forgery.steps[last].code
    decision = next(
        i for i, step in enumerate(forgery.steps) if step.kind == Kind.DECISION and step.body.ballot == code
    )
    return settle(forgery.without(last, decision))


_ANYWHERE = (
    Tampering("body-written-differently", "An entry's body is written in another encoding of the same value.",
              trips("R.1"), _written_differently),
    Tampering("unknown-kind", "An entry is of a kind that nobody knows.", trips("R.2"), _noted(kind=99)),
    Tampering("bytes-behind-the-end", "Something that is no entry stands behind the last checkpoint.", trips("B.1"),
              lambda forgery: replace(forgery, tail=b"and so on")),
    Tampering("last-checkpoint-missing", "The log has not signed the last entries.", trips("B.1"), _unfinished),
    Tampering("checkpoints-of-another-log", "The checkpoints are signed by another key than the log's.", trips("B.2"),
              lambda forgery: replace(forgery, log=SigningKey.generate())),
    Tampering("signature-forged", "An entry was not signed by its author.", trips("B.3"),
              _noted(sign=_forged_signature)),
    Tampering("body-exchanged", "An entry's body was exchanged after it was signed.", trips("B.4"),
              _noted(sign=_exchanged_body)),
    Tampering("entry-left-out", "The board leaves out an entry of the administrator.", trips("B.5"), _left_out),
    Tampering("entry-of-another-election", "An entry was signed for another election.", trips("B.6"),
              _noted(sign=_of_another_election)),
    Tampering("file-of-another-election", "The file's first bytes name another election.", trips("B.6"),
              lambda forgery: replace(forgery, head=bytes(32))),
    Tampering("second-genesis", "The administrator founds the election a second time on the same board.",
              trips("B.6"), _second_genesis),
    Tampering("trustee-as-administrator", "A key holder posts what only the administrator may post.", trips("B.7"),
              _by_trustee),
    Tampering("opened-twice", "Voting is opened a second time.", trips("B.8"), _opened_twice),
    Tampering("stuffed-after-close", f"{STUFFED} ballots are stuffed after their station closed.",
              trips("B.9", "D.2", "D.4"), _stuffed),
    Tampering("ballot-hidden-at-closing", "A device closes over one ballot less than it posted.", trips("B.9"),
              _hidden_ballot),
    Tampering("ballot-before-opening", "A device posts a ballot before voting is opened.", trips("B.10"),
              _before_opening),
    Tampering("ballot-after-the-count", "A ballot is posted after the result.", trips("B.9", "B.10"),
              _after_the_count),
    Tampering("second-decision", "A device decides about a ballot a second time.", trips("D.1"),
              _decided(author_of_other=False)),
    Tampering("decision-about-nothing", "A device decides about a ballot that nobody posted.", trips("D.2"),
              _decision_about_nothing),
    Tampering("valid-ballot-excluded", "A valid ballot is excluded for a check that it passes.", trips("D.3"),
              _valid_excluded),
    Tampering("excluded-for-a-twin", "A valid ballot is excluded for what is wrong with an entry that bears its code.",
              trips("B.4", "D.3"), _excluded_for_a_twin,
              no_control="with B.4 off the twin is refused for its code (I.3)"),
    Tampering("close-miscounts", "The close states more cast ballots than there are.", trips("D.4"), _miscounted),
    Tampering("manifest-replaced", "The record is perfect and about another manifest.", trips("A.1"),
              _other_manifest),
    Tampering("trustee-key-swapped", "The record is perfect and one of its key holders is somebody else.",
              trips("A.2"), other_author(lambda forgery: forgery.genesis.trustees[-1].author)),
    Tampering("log-replaced", "The record is perfect and signed by another log.", trips("A.3"), _other_log),
    Tampering("administrator-replaced", "The record is perfect and its administrator is somebody else.", trips("A.4"),
              other_author(lambda forgery: forgery.administrator)),
)  # fmt: skip
"""On any election."""

_LARGER = (
    Tampering("decision-by-another-device", "A device decides about another device's ballot.", trips("D.1", "D.2"),
              _decided(author_of_other=True)),
    Tampering("unknown-device", "The record is perfect and has a device of which nobody was told.", trips("A.5"),
              _unknown_device, knows=("devices",)),
    Tampering("last-ballot-gone", "The last ballot of a device is taken away, and everything signed again without it.",
              trips("A.6"), _last_ballot_gone, knows=("root",)),
)  # fmt: skip
"""On an election with two devices, chains of codes and an abandoned ballot."""

BOARD = (*(replace(tampering, base="plain") for tampering in _ANYWHERE), *_LARGER)
"""Tamperings with the board as a file, with its rules, and with who is behind it."""
