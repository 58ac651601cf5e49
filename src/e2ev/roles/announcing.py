"""The administrator announces results: each page of results is an entry that continues or corrects the one before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from e2ev.board.announced import WHOLE, decrypted_cells
from e2ev.board.contents import Contents
from e2ev.errors import ConflictError, NotReadyError
from e2ev.record.codec import encode
from e2ev.record.kinds import RESULTS, Kind
from e2ev.record.results import AnnouncedLine, AnnouncedResultBody, Shares, Turnout
from e2ev.roles.administrator import Administrator
from e2ev.roles.intake import Intake
from e2ev.storage.seal import Passphrase

EVERYWHERE = "all places"
"""The group of an announcement that names none."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What an administrator wants to announce.

    Attributes:
        as_of: When the numbers were these, with a time zone.
        lines: Of contests and groups.
        turnout: If it is announced.
        corrects: Leaf hash of the announcement that this one corrects.
        reason: Of the correction.
    """

    as_of: datetime
    lines: tuple[AnnouncedLine, ...]
    turnout: Turnout | None = None
    corrects: bytes | None = None
    reason: str = ""


def announce(administrator: Administrator, announcement: Announcement, passphrase: Passphrase) -> bytes:
    """Post an announcement, and return the leaf hash of its entry.

    Raises:
        ConflictError: The election was founded without announced results.
        RejectedError: It does not follow from the board, or from what was announced before.
    """
    key = administrator.key(passphrase)
    with Intake(administrator.board, administrator.groups) as intake:
        contents = intake.contents
        if RESULTS not in contents.genesis.body.form.features:
            raise ConflictError("this election was founded without announced results",
                                where=str(administrator.board), remedy="e2ev election new --results")  # fmt: skip
        at = announcement.as_of.isoformat(timespec="minutes")
        body = AnnouncedResultBody(1, len(contents.announced) + 1, at, announcement.lines, announcement.turnout,
                                   announcement.corrects, announcement.reason)  # fmt: skip
        entry, _ = intake.pen(key).write(Kind.ANNOUNCED_RESULT, encode(body))
        intake.post([entry])
    return entry.leaf_hash


def lines_on_board(
    contents: Contents, group: str = EVERYWHERE, labels: Sequence[str] = ()
) -> tuple[AnnouncedLine, ...]:
    """Return what the board gives of some reporting units, or of all: what was decrypted, and paper counts, apart.

    Raises:
        NotReadyError: Nothing of them is decrypted or counted on paper.
    """
    units = {contents.manifest.unit_by_label(label).index for label in labels}
    units = units or {unit.index for unit in contents.manifest.reporting_units}
    found = (*_decrypted(contents, group, units), *_on_paper(contents, group, units))
    if not found:
        raise NotReadyError(
            "nothing of these places is decrypted, or counted on paper with its totals",
            remedy="e2ev election result; places that are counted together are announced together",
        )
    return found


def _decrypted(contents: Contents, group: str, units: set[int]) -> Iterator[AnnouncedLine]:
    cells = [(cell, counts) for cell, counts in decrypted_cells(contents) if units.issuperset(cell.units)]
    for contest in sorted({cell.contest for cell, _ in cells}):
        held = [(cell, counts) for cell, counts in cells if cell.contest == contest]
        reported = tuple(sorted(unit for cell, _ in held for unit in cell.units))
        counts = tuple(map(sum, zip(*(counts for _, counts in held), strict=True)))
        ballots = sum(cell.ballots for cell, _ in held)
        yield AnnouncedLine(contest, "board", group, len(units), reported, ballots, counts, shares_of(counts))


def _on_paper(contents: Contents, group: str, units: set[int]) -> Iterator[AnnouncedLine]:
    for contest in contents.manifest.contests:
        held = {
            unit: (posted.body.form.ballots, total.counts)
            for unit, posted in sorted(contents.paper.items())
            for total in posted.body.form.totals
            if unit in units and total.contest == contest.index
        }
        if held:
            counts = tuple(map(sum, zip(*(counts for _, counts in held.values()), strict=True)))
            ballots = sum(ballots for ballots, _ in held.values())
            yield AnnouncedLine(contest.index, "paper", group, len(units), tuple(held), ballots, counts,
                                shares_of(counts))  # fmt: skip


def shares_of(counts: Sequence[int]) -> Shares | None:
    """Return the shares of all votes, rounded to basis points; None where there is no vote."""
    whole = sum(counts)
    if not whole:
        return None
    return Shares("votes", tuple((2 * WHOLE * count + whole) // (2 * whole) for count in counts))


def restated(line: AnnouncedLine, counts: Sequence[int], ballots: int) -> AnnouncedLine:
    """Return the line with other counts, as a recount found them."""
    return replace(line, counts=tuple(counts), ballots=ballots, shares=shares_of(counts))
