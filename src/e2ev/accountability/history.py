"""The history of a page of results: from a board's announcements, or from snapshots of a page (specs/results.md).

A snapshot is a table with a row for each option, so this serves an election on paper that has nothing but a web page.
Findings have the names of the verifier's checks: what they ask of announcements, they ask of pages.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from e2ev.accountability.rows import Row, Table, TableError, read_number
from e2ev.board.announced import name_of_line, time_of
from e2ev.board.contents import Contents, Posted, decode_posted
from e2ev.board.reader import Logged, scan
from e2ev.errors import DataError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record.kinds import Kind
from e2ev.record.results import AnnouncedResultBody
from e2ev.verify.log import read_log

HEADS = ("contest", "option", "votes", "share", "ballots", "reported", "of", "at", "corrects", "reason")
"""Columns of a snapshot; option and votes are needed."""
RESULTS = "results"
_STAMP = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)[T_ -]?(\d\d)[-:.h]?(\d\d)(?:[-:.]?(\d\d))?")


@dataclass(frozen=True, slots=True)
class Share:
    """A share in percent as it was shown, and its number of decimals."""

    percent: Fraction
    decimals: int

    @property
    def half(self) -> Fraction:
        """Half a unit of its last decimal: what rounding can change."""
        return Fraction(1, 2 * 10**self.decimals)


@dataclass(frozen=True, slots=True)
class Line:
    """One contest, or one group of places, on one page.

    Attributes:
        votes: By option, in the page's order.
        shares: Those that are shown.
        ballots: How many are counted, if the page says.
        reported: Number of places that are counted, and of all, if the page says.
        whole: What shares are of: "votes", or "ballots" if the page says so.
    """

    votes: Mapping[str, int]
    shares: Mapping[str, Share] = field(default_factory=dict)
    ballots: int | None = None
    reported: int | None = None
    of: int | None = None
    whole: str = "votes"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of results at one time.

    Attributes:
        at: When.
        where: Its entry or file.
        lines: By name.
        corrects: What it says that it corrects; empty if nothing.
        reason: Of the correction.
    """

    at: datetime
    where: str
    lines: Mapping[str, Line]
    corrects: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """A finding: by which check, where, and what."""

    check: str
    where: str
    found: str


@dataclass(frozen=True, slots=True)
class History:
    """All pages in the order of their times, and what speaks against them."""

    title: str
    pages: tuple[Page, ...]
    findings: tuple[Noted, ...]


# From a board


def history_of_board(path: Path, groups: Sequence[Group] = STANDARD_GROUPS) -> History:
    """Return the announcements on a board, those too that its rules refuse, with what the verifier says of them.

    Raises:
        DataError: The file is no board.
    """
    log = read_log(path, groups)
    contents = log.ledger.held
    pages = tuple(_page(contents, posted) for posted in _announcements(path, contents))
    told = tuple(Noted(one.check, f"entry {one.entry}", one.found) for one in log.findings if one.check[0] == "Q")
    return History(contents.manifest.label, pages, told)


def _announcements(path: Path, contents: Contents) -> Iterator[Posted[AnnouncedResultBody]]:
    for event in scan(path):
        if isinstance(event, Logged) and event.entry.header.kind == Kind.ANNOUNCED_RESULT:
            try:
                posted = cast(Posted[AnnouncedResultBody], decode_posted(event, contents.group))
                lines = posted.body.form.lines
                well = all(len(contents.manifest.contest(one.contest).options) == len(one.counts) for one in lines)
            except DataError:  # R.1 says so to who verifies
                continue
            if well:
                yield posted


def _page(contents: Contents, posted: Posted[AnnouncedResultBody]) -> Page:
    body = posted.body.form
    lines = {}
    for one in body.lines:
        options = [option.label for option in contents.manifest.contest(one.contest).options]
        points = one.shares.points if one.shares else ()
        lines[name_of_line(contents, one)] = Line(
            dict(zip(options, one.counts, strict=True)),
            {option: Share(Fraction(point, 100), 2) for option, point in zip(options, points, strict=False)},
            one.ballots, len(one.units), one.of, one.shares.of if one.shares else "votes",
        )  # fmt: skip
    corrects = body.supersedes.hex() if body.supersedes else ""
    at = time_of(body.as_of) or datetime.fromtimestamp(0, UTC)
    return Page(at, f"entry {posted.index}", lines, corrects, body.reason)


# From snapshots


def page_of_table(table: Table, zone: datetime | None = None) -> Page:
    """Return the page in a table; one without rows is a page that shows nothing.

    Its time is that of the column "at", else the one in the file's name: 2021-11-28T21-40.csv.

    Args:
        table: A row for each option.
        zone: Any time with the zone of times that have none; by default UTC.

    Raises:
        TableError: Cells cannot be read; all of them are named.
        DataError: A column is missing, an option stands twice, or nothing says when the page was so.
    """
    missing = [head for head in ("option", "votes") if not table.has(head)]
    if missing:
        raise DataError(f"has no column {' and '.join(missing)}", where=table.name,
                        remedy=f"name the columns: {', '.join(HEADS)}")  # fmt: skip
    flaws: list[DataError] = []
    lines: dict[str, list[Row]] = {}
    for row in table.rows:
        lines.setdefault(_text(table, row, "contest") or RESULTS, []).append(row)
    made = {name: _line(table, rows, flaws) for name, rows in lines.items()}
    if flaws:
        raise TableError(flaws, where=table.name)
    first = table.rows[0] if table.rows else None
    told = {head: _text(table, first, head) if first else "" for head in ("at", "corrects", "reason")}
    return Page(_time(told["at"], table.name, zone), table.name, made, told["corrects"], told["reason"])


def _text(table: Table, row: Row, head: str) -> str:
    return table.get(row, head) if table.has(head) else ""


def _line(table: Table, rows: Sequence[Row], flaws: list[DataError]) -> Line:
    votes: dict[str, int] = {}
    shares: dict[str, Share] = {}
    for row in rows:
        option, where = _text(table, row, "option"), table.where(row, "votes")
        number = _number(table, row, "votes", flaws)
        if not option or option in votes or number is None:
            flaws.append(DataError("each option of a contest stands once, with its votes", where=where))
            continue
        votes[option] = number
        shown = _text(table, row, "share")
        if shown:
            shares[option] = _share(shown, table.where(row, "share"), flaws)
    ballots, reported, of = (_number(table, rows[0], head, flaws) for head in ("ballots", "reported", "of"))
    return Line(votes, shares, ballots, reported, of)


def _number(table: Table, row: Row, head: str, flaws: list[DataError]) -> int | None:
    try:
        return read_number(_text(table, row, head))
    except DataError as flaw:
        flaws.append(DataError(flaw.found, where=table.where(row, head), remedy=flaw.remedy))
        return None


def _share(text: str, where: str, flaws: list[DataError]) -> Share:
    plain = text.replace("%", "").replace("\u066b", ".").replace(",", ".").strip()
    digits = re.fullmatch(r"(\d+)(?:\.(\d+))?", plain)
    if not digits or not plain.isascii():
        flaws.append(DataError(f"is {text[:20]!r}, which is no percentage", where=where, remedy="write 36.21 or 36,21"))
        return Share(Fraction(0), 0)
    return Share(Fraction(plain), len(digits[2] or ""))


def _time(text: str, name: str, zone: datetime | None) -> datetime:
    found = time_of(text) if text else None
    if found is not None:
        return found
    stamp = _STAMP.search(text or name)
    if stamp is None:
        remedy = 'write the time into a column "at", or into the file\'s name: 2021-11-28T21-40.csv'
        raise DataError("nothing says when the page was so", where=name, remedy=remedy)
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in stamp.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=zone.tzinfo if zone else UTC)
    except ValueError as error:
        raise DataError(f"{stamp[0]!r} is no time", where=name, remedy="write 2021-11-28T21-40") from error


def history_of_pages(title: str, pages: Iterable[Page]) -> History:
    """Return pages in the order of their times, and what speaks against them by themselves and one after another."""
    ordered = tuple(sorted(pages, key=lambda page: (page.at, page.where)))
    findings = [noted for page in ordered for noted in (*_alone(page), *_blank(page))]
    shown = [page for page in ordered if page.lines]
    findings += [noted for before, page in pairwise(shown) for noted in _after(before, page)]
    order = {page.where: i for i, page in enumerate(ordered)}
    return History(title, ordered, tuple(sorted(findings, key=lambda noted: order[noted.where])))


def _blank(page: Page) -> Iterator[Noted]:
    if not page.lines:
        yield Noted("Q.3", page.where, "the page shows nothing, and says nothing of why")


def _alone(page: Page) -> Iterator[Noted]:
    """Yield what is wrong with one page: Q.2 and Q.6, and a correction without a reason (Q.3)."""
    if page.corrects and not page.reason.strip():
        yield Noted("Q.3", page.where, "a correction gives no reason")
    for name, line in page.lines.items():
        yield from (Noted("Q.2", page.where, f"{name}: {found}") for found in _wrong_shares(line))
        negative = [option for option, votes in line.votes.items() if votes < 0]
        if negative:
            yield Noted("Q.6", page.where, f"{name}: {', '.join(negative)} has less than no votes")
        if line.ballots is not None and max(line.votes.values(), default=0) > line.ballots:
            most = max(line.votes.values())
            yield Noted("Q.6", page.where, f"{name}: {most} votes for one option on {line.ballots} ballots")
        if line.reported is not None and line.of is not None and line.reported > line.of:
            yield Noted("Q.6", page.where, f"{name}: {line.reported} of {line.of} places are counted")


def _wrong_shares(line: Line) -> Iterator[str]:
    if not line.shares:
        return
    together = sum((share.percent for share in line.shares.values()), Fraction(0))
    room = sum((share.half for share in line.shares.values()), Fraction(0))
    whole = sum(line.votes.values()) if line.whole == "votes" else line.ballots or 0
    complete = len(line.shares) == len(line.votes)
    if together > 100 + room or (line.whole == "votes" and complete and whole > 0 and together < 100 - room):
        yield f"the shares sum to {float(together):.2f} %"
        return
    for option, share in line.shares.items() if whole > 0 and complete else ():
        follows = Fraction(100 * line.votes[option], whole)
        if abs(follows - share.percent) > share.half + Fraction(1, 200):
            yield f"{option} has {float(share.percent):.2f} %, and {line.votes[option]} of {whole}"


def _after(before: Page, page: Page) -> Iterator[Noted]:
    """Yield what a page changes that only a correction may change: Q.1 and Q.3."""
    if page.corrects and page.reason.strip():
        return
    for name, old in before.lines.items():
        new = page.lines.get(name)
        if new is None:
            yield Noted("Q.3", page.where, f"{name} is not shown any more")
            continue
        fell = [f"{o} from {n} to {new.votes[o]}" for o, n in old.votes.items() if o in new.votes and new.votes[o] < n]
        gone = [option for option in old.votes if option not in new.votes]
        if old.ballots is not None and new.ballots is not None and new.ballots < old.ballots:
            fell.append(f"ballots from {old.ballots} to {new.ballots}")
        if old.reported is not None and new.reported is not None and new.reported < old.reported:
            fell.append(f"places that are counted from {old.reported} to {new.reported}")
        if fell:
            yield Noted("Q.1", page.where, f"{name}: without a correction, {'; '.join(fell)}")
        if gone:
            yield Noted("Q.3", page.where, f"{name}: {', '.join(gone)} is not shown any more")
        if not fell and _is_silent_edit(old, new):
            yield Noted("Q.3", page.where, f"{name}: numbers changed while no place more was counted (silent edit)")


def _is_silent_edit(old: Line, new: Line) -> bool:
    """Return whether votes changed though the number of places that are counted did not."""
    changed = any(new.votes.get(option, number) != number for option, number in old.votes.items())
    return changed and old.reported is not None and old.reported == new.reported


def as_json(history: History) -> dict[str, Any]:
    """Return a history for programs."""
    return {
        "title": history.title,
        "pages": [
            {
                "at": page.at.isoformat(), "where": page.where, "corrects": page.corrects or None,
                "reason": page.reason or None,
                "lines": {
                    name: {"votes": dict(line.votes), "ballots": line.ballots, "reported": line.reported, "of": line.of,
                           "shares": {option: float(share.percent) for option, share in line.shares.items()}}
                    for name, line in page.lines.items()
                },
            }
            for page in history.pages
        ],
        "findings": [{"check": one.check, "where": one.where, "found": one.found} for one in history.findings],
    }  # fmt: skip
