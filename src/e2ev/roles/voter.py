"""What a voter asks a board: is my ballot there, and what had the device encrypted in my test ballot?

The board is read as it stands, and a broken entry elsewhere takes no answer away; what is wrong comes as remarks.
Whether a ballot that is there counts, was a test or was abandoned, `track` does not say.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from e2ev.board.contents import Contents
from e2ev.board.ledger import Ledger
from e2ev.board.note import check_checkpoint
from e2ev.board.reader import Committed, Damaged, Logged, first_origin, scan
from e2ev.codes import CodePrefix, parse_tracking_code, search_prefix, tracking_code
from e2ev.contest_data import ContestData, decode_contest_data
from e2ev.errors import ConflictError, DataError, E2evError, NotReadyError, RejectedError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record.kinds import Kind
from e2ev.strict_json import quoted
from e2ev.verify import cases, opened
from e2ev.verify import tally as tally_checks
from e2ev.verify.check import Finding, Gathered
from e2ev.verify.segments import SegmentSetting, ballot_jobs, verify_segment
from e2ev.verify.setting import setting_of

CANDIDATES = 10
"""The most that a search lists."""


class Answer(Enum):
    """What the board says to a code."""

    ON_BOARD = "on the board"
    NOT_ON_BOARD = "not on the board"
    SEVERAL = "more than one ballot"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Found:
    """One entry whose confirmation code fits what was typed.

    Attributes:
        code: Its confirmation code.
        entry: Its index.
        refusal: Why the rules of the board refuse it; empty for a ballot that they allow.
    """

    code: bytes
    entry: int
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Tracked:
    """The answer to one code.

    Attributes:
        answer: In one word.
        found: What fits; of a search the first ten.
        matches: How many fit.
        size: Number of entries under the last checkpoint that the log signed.
        root: The root that it states.
        remarks: What is wrong with the board, as far as it was seen on the way.
    """

    answer: Answer
    found: tuple[Found, ...]
    matches: int
    size: int
    root: bytes
    remarks: tuple[str, ...]


def track(board: Path, text: str, groups: Sequence[Group] = STANDARD_GROUPS) -> Tracked:
    """Return what a board says to a tracking code; a shorter one searches, and confirms nothing.

    Args:
        board: The board file.
        text: What somebody typed.
        groups: Groups that genesis may name: for tests alone.

    Raises:
        DataError: The text is no code, or the file no board.
    """
    wanted = _wanted(text)
    look = _look(board, groups)
    fits = [found for found in look.ballots if _matches(wanted, found.code)]
    if isinstance(wanted, CodePrefix):
        answer = Answer.SEARCH if fits else Answer.NOT_ON_BOARD
    elif len(fits) > 1:
        answer = Answer.SEVERAL
    else:
        answer = Answer.ON_BOARD if fits and not fits[0].refusal else Answer.NOT_ON_BOARD
    remarks = [*look.remarks, *_superseded(look, fits)]
    if answer is Answer.NOT_ON_BOARD and any(_matches(wanted, code) for code in look.waiting):
        remarks.append("such a ballot stands behind the last checkpoint: ask again in a minute")
    return Tracked(answer, tuple(fits[:CANDIDATES]), len(fits), look.size, look.root, tuple(remarks))


def _superseded(look: "_Look", fits: Sequence[Found]) -> Iterator[str]:
    """Say it where a ballot counts no more, because its voter cast another one later."""
    for found in fits:
        if look.ledger.held.is_superseded(found.code):
            yield f"entry {found.entry} does not count: a later ballot was cast with the same private codes"


def _wanted(text: str) -> bytes | CodePrefix:
    """Return the code's first 160 bits, or the prefix to search with.

    Raises:
        DataError: It is neither.
    """
    try:
        return search_prefix(text)
    except DataError:
        return parse_tracking_code(text)


def _matches(wanted: bytes | CodePrefix, code: bytes) -> bool:
    return wanted.matches(code) if isinstance(wanted, CodePrefix) else code.startswith(wanted)


@dataclass(slots=True)
class _Look:
    """What one pass over a board saw."""

    ledger: Ledger
    ballots: list[Found] = field(default_factory=list)
    waiting: list[bytes] = field(default_factory=list)
    size: int = 0
    root: bytes = b""
    remarks: list[str] = field(default_factory=list)


def _look(board: Path, groups: Sequence[Group]) -> _Look:
    look, fresh, refused = _Look(Ledger(groups, origin=first_origin(board))), list[Found](), 0
    for event in scan(board):
        if isinstance(event, Logged):
            objections = look.ledger.take(event)
            refused += bool(objections)
            header = event.entry.header
            if header.kind == Kind.BALLOT and header.code is not None:
                reason = f"{objections[0].check}: {objections[0].found}" if objections else ""
                fresh.append(Found(header.code, event.index, reason))
        elif isinstance(event, Committed):
            if _is_signed(look.ledger.contents, event):
                look.ballots += fresh
                look.size, look.root = event.size, event.root
                fresh = []
            else:
                look.remarks.append(f"the checkpoint over {event.size} entries is not one that the log signed")
        elif isinstance(event, Damaged):
            look.remarks.append(f"the file is damaged from entry {event.index} on")
    look.waiting = [found.code for found in fresh]
    if refused:
        look.remarks.append(f"{refused} of its entries break the board's rules")
    if look.ledger.contents is None or not look.size:
        raise RejectedError("this board has no beginning that its log signed", where=str(board), remedy="e2ev verify")
    return look


def _is_signed(contents: Contents | None, event: Committed) -> bool:
    """Return whether the board's log signed just these entries."""
    if contents is None:
        return False
    try:
        stated = check_checkpoint(event.note, contents.log())
    except E2evError:
        return False
    return (stated.size, stated.root) == (event.size, event.root)


# Test ballots


@dataclass(frozen=True, slots=True)
class ShownContest:
    """What a test ballot held in one contest.

    Attributes:
        title: The contest's name.
        chosen: Options by name with their votes, those without a vote left out.
        data: Write-ins and the marks of an overvote, by name; None if the contest keeps none.
        unreadable: Contest data that no honest device writes, in hex.
    """

    title: str
    chosen: tuple[tuple[str, int], ...]
    data: ContestData | None = None
    marks: tuple[tuple[str, int], ...] = ()
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class ShownBallot:
    """A test ballot, opened.

    Attributes:
        code: Its confirmation code.
        entry: Index of the ballot.
        opened: Index of the entry that opens it.
        device: Who made it: name of the device.
        station: Where.
        by_nonces: Whether the published nonces open it; else the trustees decrypted it selection by selection.
        contests: What it held.
        findings: What speaks against the opening; none if it is proved.
        remarks: What is wrong with the board elsewhere, as far as it was seen on the way.
    """

    code: bytes
    entry: int
    opened: int
    device: str
    station: str
    by_nonces: bool
    contests: tuple[ShownContest, ...]
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...]


def open_test_ballot(board: Path, text: str, groups: Sequence[Group] = STANDARD_GROUPS) -> ShownBallot:
    """Return what a test ballot held, with everything that the checks find against it.

    Args:
        board: The board file.
        text: The whole tracking code.
        groups: Groups that genesis may name: for tests alone.

    Raises:
        DataError: The text is no tracking code, or the file no board.
        RejectedError: No such ballot is on the board, or it was excluded for a check that it fails.
        ConflictError: The ballot was cast or abandoned, so it stays closed; or two ballots have this code.
        NotReadyError: It is not decided about, or not opened yet.
    """
    wanted = parse_tracking_code(text)
    look = _look(board, groups)
    contents = look.ledger.held
    fits = [found for found in look.ballots if found.code.startswith(wanted) and not found.refusal]
    if not fits:
        remedy = "compare the code with the printed one; e2ev track says more"
        raise RejectedError("no ballot with this code is on the board", where=str(board), remedy=remedy)
    if len(fits) > 1:
        entries = " and ".join(f"entry {found.entry}" for found in fits)
        raise ConflictError("more than one ballot has this code", where=entries, remedy="tell the auditors")
    code = fits[0].code
    _check_open(contents, code, look.remarks)
    place, by_nonces = contents.ballots[code], code in contents.opened_ballots
    posted = contents.opened_ballots[code].index if by_nonces else contents.decrypted_ballots[code].index
    findings = _judge(board, contents, code)
    device = contents.devices[place.author]
    contests = tuple(_shown(contents, code))
    return ShownBallot(code, place.index, posted, device.name, contents.station(place.author), by_nonces,
                       contests, findings, tuple(look.remarks))  # fmt: skip


def _check_open(contents: Contents, code: bytes, remarks: Sequence[str]) -> None:
    where, decision = tracking_code(code), contents.decision(code)
    if decision == "cast":
        raise ConflictError(
            "this ballot was cast, and cast ballots stay closed: opening one would show a vote",
            where=where,
            remedy="if it was meant as a test, the device cast it against the voter's word: tell the poll workers",
        )
    if decision == "abandoned":
        reason = quoted(contents.decisions[code].reason)
        raise ConflictError(
            f"this is an unfinished ballot ({reason}): it does not count and is not opened",
            where=where,
            remedy="make another test ballot",
        )
    if code in contents.exclusions:
        failed = contents.exclusions[code].body.form
        raise RejectedError(
            f"this test ballot is not opened, because it fails check {failed.check}: {quoted(failed.reason)}",
            where=where,
            remedy=f"tell the observers what the device made: e2ev explain {failed.check}",
        )
    if decision == "undecided":
        found, remedy = "nobody has said yet whether this ballot is cast or a test", "decide on the voting device"
    elif code not in contents.opened_ballots and code not in contents.decrypted_ballots:
        found, remedy = "the key holders have not opened this test ballot yet", "ask again with a newer board"
    else:
        return
    raise NotReadyError(found, where=where, remedy="; ".join([remedy, *remarks]))


def _judge(board: Path, contents: Contents, code: bytes) -> tuple[Finding, ...]:
    """Return what the checks of ballots, of opened ballots and of decryption find against this one."""
    setting = setting_of(contents, lambda _path: False)
    context = setting.ballot_context
    if context is None:
        raise RejectedError("the keys on the board are not in the group", where=str(board), remedy="e2ev verify")
    row = contents.ballots.row(code)
    jobs = tuple(ballot_jobs(setting, () if row is None else (row,)))
    gathered, part = Gathered(), verify_segment(SegmentSetting(board, context), jobs)
    gathered.findings.take((*part.findings, *part.excluded))
    alone = replace(
        contents,
        attempts={},
        opened_ballots={c: posted for c, posted in contents.opened_ballots.items() if c == code},
        decrypted_ballots={c: posted for c, posted in contents.decrypted_ballots.items() if c == code},
    )
    decryption = cases.Decryption(board, replace(setting, contents=alone), context, {})
    gathered.look(opened.OPENED_CHECKS, decryption.opened(), frozenset())
    gathered.look(opened.SHOWN_CHECKS, decryption.shown(), frozenset())
    gathered.look(tally_checks.COUNT_CHECKS, decryption.counts(), frozenset())
    gathered.look(tally_checks.DATA_CHECKS, decryption.data(), frozenset())
    return tuple(gathered.findings)


def _shown(contents: Contents, code: bytes) -> list[ShownContest]:
    if code in contents.opened_ballots:
        nonces = contents.opened_ballots[code].body.form
        return [
            _contest(contents, held.label, [(one.label, one.value) for one in held.selections], held.data)
            for held in nonces.contests
        ]
    decrypted = contents.decrypted_ballots[code].body.form
    return [
        _contest(contents, held.label, [(one.label, one.count.count) for one in held.options],
                 held.data.data if held.data else b"")
        for held in decrypted.contests
    ]  # fmt: skip


def _contest(contents: Contents, label: str, options: list[tuple[str, int]], data: bytes) -> ShownContest:
    """Return one contest with names in place of labels, where the manifest has them."""
    known = next((contest for contest in contents.manifest.contests if contest.label == label), None)
    names = {option.label: option.title() for option in known.options} if known else {}
    named = [(names.get(held, held), votes) for held, votes in options]
    shown = ShownContest(known.title() if known else label, tuple((name, votes) for name, votes in named if votes))
    if not data:
        return shown
    try:
        decoded = decode_contest_data(data)
    except DataError:
        return replace(shown, unreadable=data.hex())
    marks = zip(named, decoded.marks, strict=False)
    return replace(shown, data=decoded, marks=tuple((name, mark) for (name, _), mark in marks if mark))
