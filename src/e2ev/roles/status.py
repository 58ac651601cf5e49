"""Where an election stands: pure functions over what is on the board. What comes next stands in `roles.advice`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from e2ev import ceremony
from e2ev.board.contents import Attempt, Ceremony, Contents, Device, Posted
from e2ev.board.stations import missing_of
from e2ev.errors import E2evError
from e2ev.record import bodies
from e2ev.record.stations import PaperCountBody
from e2ev.sharing import TrusteeId


class Mark(Enum):
    """What became of one step of one trustee."""

    DONE = "☑"
    OPEN = "☐"
    WRONG = "☒"
    NOT_ASKED = "–"


class Phase(Enum):
    """Where an election stands as a whole."""

    CEREMONY = "key ceremony"
    REHEARSAL = "rehearsals"
    READY = "ready to open"
    VOTING = "voting"
    CLOSED = "closed, not tallied"
    DECRYPTION = "decryption"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one trustee."""

    name: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class TrusteeRow:
    """One trustee and its steps, the same steps in the same order for all."""

    trustee: TrusteeId
    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many ballots there are, by what became of them, and how many devices."""

    ballots: int
    cast: int
    challenged: int
    abandoned: int
    undecided: int
    excluded: int
    devices: int
    devices_open: int


@dataclass(frozen=True, slots=True)
class CellCount:
    """Counts of one contest in one cell, as they stand on the board, option by option."""

    units: tuple[str, ...]
    ballots: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ContestCount:
    """Counts of one contest: in every cell, and in all of them together."""

    label: str
    options: tuple[str, ...]
    cells: tuple[CellCount, ...]

    @property
    def total(self) -> CellCount:
        """The sum of the cells."""
        counts = tuple(map(sum, zip(*(cell.counts for cell in self.cells), strict=True)))
        return CellCount((), sum(cell.ballots for cell in self.cells), counts)


# Steps of the trustees


def trustee_rows(contents: Contents) -> tuple[TrusteeRow, ...]:
    """Return what each trustee has done: this attempt at the ceremony, then the latest at decryption."""
    attempt = contents.latest_attempt() if contents.attempts else None
    return tuple(
        TrusteeRow(i, contents.seats[i - 1].name, (*_ceremony_steps(contents, i), *_decryption_steps(attempt, i)))
        for i in contents.election.everyone()
    )


def _ceremony_steps(contents: Contents, trustee: TrusteeId) -> Iterator[Step]:
    held = contents.ceremony
    yield Step("keys", _mark(held.keys.get(trustee), lambda posted: _keys_verify(contents, held, trustee)))
    yield Step("shares", _mark(held.shares.get(trustee)))
    yield Step("acceptance", _mark(held.acceptances.get(trustee), lambda posted: _accepts_these(contents, posted)))
    yield Step(
        "rehearsal", _mark(contents.rehearsals.get(trustee), lambda posted: _rehearsed(contents, trustee, posted))
    )


def _decryption_steps(attempt: Attempt | None, trustee: TrusteeId) -> Iterator[Step]:
    if attempt is None:
        return
    taking_part = trustee in attempt.tally.body.form.quorum
    for name, posted in rounds(attempt):
        yield Step(name, _mark(posted.get(trustee)) if taking_part else Mark.NOT_ASKED)


def rounds(attempt: Attempt) -> tuple[tuple[str, Mapping[TrusteeId, object]], ...]:
    """Return the three rounds of decryption: what each trustee writes, and who has posted it."""
    return ("commitment", attempt.commitments), ("opening", attempt.openings), ("response", attempt.responses)


def _mark(posted: object | None, is_right: Callable[[object], bool] = lambda _: True) -> Mark:
    if posted is None:
        return Mark.OPEN
    try:
        return Mark.DONE if is_right(posted) else Mark.WRONG
    except E2evError:
        return Mark.WRONG


def _keys_verify(contents: Contents, held: Ceremony, trustee: TrusteeId) -> bool:
    return ceremony.has_valid_proofs(contents.election, held.keys[trustee].admitted().keys)


def _accepts_these(contents: Contents, posted: object) -> bool:
    keys = ceremony.joint_keys(contents.election, contents.trustee_keys())
    return isinstance(posted, Posted) and posted.body.form.trustee_record_hash == keys.trustee_record_hash


def _rehearsed(contents: Contents, trustee: TrusteeId, posted: object) -> bool:
    return isinstance(posted, Posted) and ceremony.is_rehearsed(
        contents.joint_keys(), contents.trustee_keys(), trustee, posted.admitted().proof
    )


def voided(contents: Contents) -> tuple[str, ...]:
    """Return why each earlier attempt at the ceremony is void, and who is at fault where evidence shows it."""
    return tuple(_voided(contents, held) for held in contents.ceremonies if held.complaint is not None)


def _voided(contents: Contents, held: Ceremony) -> str:
    if held.complaint is None:
        return ""
    body = held.complaint.body.form
    accuser, accused = contents.name_of(body.accuser), contents.name_of(body.accused)
    told = f"attempt {held.number} of the ceremony is void: {accuser} complained about {accused}: {body.text}"
    if body.evidence is None:
        return f"{told} (no evidence can show this; ask both)"
    return f"{told}; the evidence shows that {_culprit(contents, held, held.complaint)} is at fault"


def _culprit(contents: Contents, held: Ceremony, complaint: Posted[bodies.ComplaintBody]) -> str:
    try:
        body = complaint.admitted()
        sender, recipient = (held.keys[i].admitted().keys for i in (body.accused, body.accuser))
        if body.evidence is None or (body.evidence.share.sender, body.evidence.share.recipient) != (
            body.accused, body.accuser,
        ):  # fmt: skip
            return contents.name_of(complaint.body.form.accuser)
        return contents.name_of(ceremony.judge_complaint(contents.election, body.evidence, sender, recipient))
    except (E2evError, KeyError):
        return contents.name_of(complaint.body.form.accuser)


# The election as a whole


def numbers(contents: Contents) -> Numbers:
    """Return the counts of ballots and devices."""
    made = contents.decision_counts()
    devices_open = sum(1 for d in contents.devices.values() if d.in_service)
    return Numbers(
        len(contents.ballots),
        made["cast"],
        made["challenged"],
        made["abandoned"],
        made["undecided"],
        len(contents.exclusions),
        len(contents.devices),
        devices_open,
    )


def phase(contents: Contents) -> Phase:
    """Return where the election stands."""
    if contents.joint is None:
        return Phase.CEREMONY
    if contents.opened is None:
        rehearsed = len(contents.rehearsals) == len(contents.seats)
        return Phase.READY if rehearsed else Phase.REHEARSAL
    if contents.closed is None:
        return Phase.VOTING
    if not is_published(contents):
        return Phase.DECRYPTION
    if not is_counted(contents):
        return Phase.CLOSED
    return Phase.DECRYPTION if waiting_ballots(contents) else Phase.FINISHED


def is_counted(contents: Contents) -> bool:
    """Return whether the result is on the board, or there is no counted ballot."""
    counted = any(contents.counted(code) for code in contents.ballots)
    return not counted or any(attempt.result is not None for attempt in contents.attempts.values())


def is_published(contents: Contents) -> bool:
    """Return whether the latest attempt at decryption has given all that it can; true if there was none."""
    if not contents.attempts:
        return True
    attempt = contents.latest_attempt()
    body = attempt.tally.body.form
    if len(attempt.responses) < len(body.quorum):
        return False
    shown = {*contents.opened_ballots, *contents.decrypted_ballots}
    if body.cells:
        return attempt.result is not None
    return not (body.open_by_nonce or body.open_by_selection) or not shown.isdisjoint(
        (*body.open_by_nonce, *body.open_by_selection)
    )


def waiting_ballots(contents: Contents) -> tuple[bytes, ...]:
    """Return the codes of challenged ballots that nobody has opened yet."""
    shown = {*contents.opened_ballots, *contents.decrypted_ballots}
    return tuple(c for c in contents.ballots if contents.decision(c) == "challenged" and c not in shown)


def tried_ballots(contents: Contents) -> frozenset[bytes]:
    """Return the codes of ballots that trustees have answered about, so that their nonces opened them or never will."""
    answered = [a for a in contents.attempts.values() if len(a.responses) == len(a.tally.body.form.quorum)]
    return frozenset(code for attempt in answered for code in attempt.tally.body.form.open_by_nonce)


def counts(contents: Contents) -> tuple[ContestCount, ...]:
    """Return the result that was posted, contest by contest; whether it is right, `verify` says."""
    done = [attempt for attempt in contents.attempts.values() if attempt.result is not None]
    if not done or done[-1].result is None:
        return ()
    ballots = {(cell.contest, cell.units): cell.ballots for cell in done[-1].tally.body.form.cells}
    found: dict[int, list[bodies.CellResult]] = {}
    for cell in done[-1].result.body.form.cells:
        found.setdefault(cell.contest, []).append(cell)
    return tuple(
        ContestCount(
            cells[0].label,
            tuple(option.label for option in cells[0].options),
            tuple(
                CellCount(
                    tuple(contents.manifest.unit(unit).label for unit in cell.units),
                    ballots.get((contest, cell.units), 0),
                    tuple(option.count.count for option in cell.options),
                )
                for cell in cells
            ),
        )
        for contest, cells in found.items()
    )


def awaited_devices(contents: Contents) -> tuple[str, ...]:
    """Return the devices that have to close before voting can, "booth 1 at Hoy"."""
    return tuple(f"{d.name} at {contents.place(d.unit)}" for d in contents.devices.values() if d.in_service)


def awaited_stations(contents: Contents) -> tuple[str, ...]:
    """Return in words what is awaited of stations before voting can be closed."""
    return tuple(said for unit in contents.stations if (said := missing_of(contents, unit)))


@dataclass(frozen=True, slots=True)
class PaperShown:
    """A paper count as it is shown beside a result, and never in it.

    Attributes:
        place: Label of the polling place.
        ballots: How many were counted on paper.
        on_board: How many others of the place are on the board.
        totals: Contest by contest its label and the counts by the labels of its options; those that were stated.
        sheet: SHA-256 of the result sheet; None if none was published.
        reason: Why.
    """

    place: str
    ballots: int
    on_board: int
    totals: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    sheet: bytes | None
    reason: str


def paper_counts(contents: Contents) -> tuple[PaperShown, ...]:
    """Return what was counted on paper, place by place."""
    return tuple(_paper_shown(contents, posted.body.form) for posted in contents.paper.values())


def _paper_shown(contents: Contents, body: PaperCountBody) -> PaperShown:
    contests = [(contents.manifest.contest(total.contest), total.counts) for total in body.totals]
    totals = tuple(
        (contest.label, tuple(zip((option.label for option in contest.options), counts, strict=True)))
        for contest, counts in contests
    )
    return PaperShown(contents.place(body.unit), body.ballots, body.on_board, totals, body.sheet, body.reason)


def named_devices(contents: Contents, text: str) -> list[Device]:
    """Return the devices whose name or key in hex this is."""
    return [d for author, d in contents.devices.items() if text in (d.name, author.hex())]
