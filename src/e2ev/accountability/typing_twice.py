"""Double entry: two people type the same sheets, and what they typed differently stays blank until it is looked at."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from e2ev.accountability.plain import AREA, IMAGE, NAME, READING, STATEMENT, STATION, own_name
from e2ev.accountability.rows import Row, Spelling, Table, TableError, read_number, tidy
from e2ev.accountability.sheets import Reading
from e2ev.errors import DataError

SPELLING = Spelling(thousands=",", blank=("-", "–", "—"))
_TEXTS = (NAME, AREA, IMAGE, STATEMENT, "at")


@dataclass(frozen=True, slots=True)
class Difference:
    """One cell that two people typed differently.

    Attributes:
        station: Whose sheet it is on.
        column: Heading.
        first: What the first one typed; empty for nothing.
        second: What the second one typed.
        rows: Numbers of the two rows; 0 where one person has no sheet of the station.
    """

    station: str
    column: str
    first: str
    second: str
    rows: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Agreed:
    """What both typed alike.

    Attributes:
        heads: Those of the first file, then "reading".
        rows: One a station, in the first file's order; what differs is blank.
        differences: All of them.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str | int | None, ...], ...]
    differences: tuple[Difference, ...]


def agree(first: Table, second: Table) -> Agreed:
    """Return what two tables of the same sheets have in common.

    Raises:
        DataError: They have no column "station", or other columns.
        TableError: Cells hold no number where one is expected, or a station stands twice.
    """
    heads = _common_heads(first, second)
    flaws: list[DataError] = []
    ours, theirs = _by_station(first, flaws), _by_station(second, flaws)
    differences: list[Difference] = []
    rows: list[tuple[str | int | None, ...]] = []
    for station in dict.fromkeys((*ours, *theirs)):
        mine, other = ours.get(station), theirs.get(station)
        if mine is None or other is None:
            said = ("not typed", "typed") if mine is None else ("typed", "not typed")
            differences.append(Difference(station, STATION, *said, (_number(mine), _number(other))))
            rows.append(tuple(station if own_name(head) == STATION else None for head in heads))
        else:
            found = tuple(_cell(first, mine, second, other, head, flaws) for head in heads)
            rows.append(tuple(value for value, _ in found))
            differences += [Difference(station, head, first.get(mine, head), second.get(other, _like(second, head)),
                                       (mine.number, other.number))
                            for head, (_, same) in zip(heads, found, strict=True) if not same]  # fmt: skip
    if flaws:
        raise TableError(flaws)
    reading = Reading.TYPED_TWICE.value
    return Agreed((*heads, READING), tuple((*row, reading) for row in rows), tuple(differences))


def _common_heads(first: Table, second: Table) -> tuple[str, ...]:
    names = [
        tuple(own_name(head) or head for head in table.heads if own_name(head) != READING) for table in (first, second)
    ]
    if STATION not in names[0]:
        raise DataError('has no column "station"', where=first.name, remedy="both files need the same template")
    odd = set(names[0]) ^ set(names[1])
    if odd:
        found = f"only one of the two files has the columns {', '.join(sorted(odd)[:10])}"
        raise DataError(found, where=f"{first.name} and {second.name}", remedy="type both in the same template")
    return tuple(head for head in first.heads if own_name(head) != READING)


def _by_station(table: Table, flaws: list[DataError]) -> dict[str, Row]:
    head = next(head for head in table.heads if own_name(head) == STATION)
    named = Counter(table.get(row, head) for row in table.rows)
    for row in table.rows:
        station = table.get(row, head)
        if not station or named[station] > 1:
            found = f"station {station} stands twice" if station else "the row has no station"
            flaws.append(DataError(found, where=table.where(row, head), remedy="keep one row for each sheet"))
    return {tidy(table.get(row, head)): row for row in table.rows}


def _cell(
    first: Table, mine: Row, second: Table, other: Row, head: str, flaws: list[DataError]
) -> tuple[str | int | None, bool]:
    """Return what both typed, and whether it is alike; numbers are alike however they are spelt."""
    texts = first.get(mine, head), second.get(other, _like(second, head))
    if own_name(head) in (STATION, *_TEXTS):
        return (texts[0], True) if texts[0] == texts[1] else (None, False)
    numbers = list(_numbers(texts, (first.where(mine, head), second.where(other, head)), flaws))
    return (numbers[0], True) if numbers[0] == numbers[1] else (None, False)


def _numbers(texts: Sequence[str], places: Sequence[str], flaws: list[DataError]) -> Iterator[int | None]:
    for text, place in zip(texts, places, strict=True):
        try:
            yield read_number(text, SPELLING)
        except DataError as flaw:
            flaws.append(DataError(flaw.found, where=place, remedy=flaw.remedy))
            yield None


def _like(table: Table, head: str) -> str:
    name = own_name(head)
    return next(one for one in table.heads if one == head or (name and own_name(one) == name))


def _number(row: Row | None) -> int:
    return row.number if row is not None else 0
