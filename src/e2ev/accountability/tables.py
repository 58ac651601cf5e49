"""Observers' copies of result sheets as a table with our own headings, and empty ones (specs/channels.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from e2ev.accountability.collection import Collection, conflicts
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
    options: dict[str, None] = {}
    figures: dict[str, None] = {}
    numbers: dict[str, dict[str, int | None]] = {}
    for one in collection.of(Result):
        said = one.said
        if not isinstance(said, Result) or said.at_least:
            continue
        held = numbers.setdefault(said.station, {})
        votes = {heading(said.contest, vote.option): vote.votes for vote in said.votes}
        counts = {counted.figure: counted.number for counted in said.figures}
        options |= dict.fromkeys(votes)
        figures |= dict.fromkeys(counts)
        held.update({head: number for head, number in (votes | counts).items() if number is not None})
    disputed = {(one.station, one.about.removeprefix(f"{VOTES}: ")) for one in conflicts(collection) if one.station}
    heads = ("station", *figures, *options)
    rows = tuple(
        (station, *(None if (station, head) in disputed else held.get(head) for head in heads[1:]))
        for station, held in sorted(numbers.items())
    )
    return Sheets(heads, rows, tuple(sorted(pair for pair in disputed if pair[1] in heads)))


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
