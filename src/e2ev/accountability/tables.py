"""Observers' copies of result sheets as a table with our own headings, and empty ones (specs/channels.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from e2ev.accountability.collection import Collection, stated
from e2ev.accountability.observers import Result
from e2ev.accountability.plain import VOTES
from e2ev.accountability.sheets import Figure, Slate

FILLED_IN = (Figure.CHECKED_IN, Figure.BALLOTS, Figure.INVALID)
"""Figures that an empty table asks for, beside the size of the register."""

Cells = tuple[str | int | None, ...]


@dataclass(frozen=True, slots=True)
class Sheets:
    """A table of result sheets.

    Attributes:
        heads: Its headings.
        rows: One a station.
        blank: Cells that copies contradict each other about: station and heading. They are blank.
    """

    heads: tuple[str, ...]
    rows: tuple[Cells, ...]
    blank: tuple[tuple[str, str], ...] = ()


def sheets_of(collection: Collection) -> Sheets:
    """Return one row for each station of which somebody has a copy of the sheet; blank where copies differ.

    What observers saw counted ("at least") is no copy, and stays out.
    """
    copies = [one.said for one in collection.of(Result) if isinstance(one.said, Result) and not one.said.at_least]
    figures = dict.fromkeys(counted.figure for said in copies for counted in said.figures)
    options = dict.fromkeys((said.contest, vote.option) for said in copies for vote in said.votes)
    columns = [(name, name) for name in figures]
    columns += [(f"{contest}: {option}", heading(contest, option)) for contest, option in options]
    said_of = stated(collection, at_least=False)
    rows, blank = [], []
    for station in sorted({said.station for said in copies}):
        cells: list[int | None] = []
        for about, head in columns:
            numbers = {number for number, _ in said_of.get((station, about), ())}
            cells.append(numbers.pop() if len(numbers) == 1 else None)
            if numbers:
                blank.append((station, head))
        rows.append((station, *cells))
    return Sheets(("station", *(head for _, head in columns)), tuple(rows), tuple(blank))


def heading(contest: str, option: str) -> str:
    """Return the heading of an option's column: the option alone where the contest is the only one."""
    return option if contest == VOTES else f"{contest}: {option}"


def empty_sheets(slate: Slate, options: Sequence[str]) -> Sheets:
    """Return an empty table for the stations of a slate: a row each, and a column for each option.

    Args:
        slate: The stations.
        options: Headings of the options: "Contest: Option", or the option alone where there is one contest.
    """
    heads = ("station", "name", "area", Figure.REGISTERED.value, *(figure.value for figure in FILLED_IN), *options,
             "image", "at")  # fmt: skip
    empty = (None,) * (len(heads) - 4)
    rows = tuple((one.id, one.name, one.area, one.registered, *empty) for one in slate.stations)
    return Sheets(heads, rows)


def filled(sheets: Sheets, numbers: Mapping[str, Mapping[str, int]]) -> Sheets:
    """Return a table with numbers in it, by station and heading; what is not named stays as it is."""
    rows = tuple(
        tuple(numbers.get(str(row[0]), {}).get(head, cell) for head, cell in zip(sheets.heads, row, strict=True))
        for row in sheets.rows
    )
    return Sheets(sheets.heads, rows, sheets.blank)
