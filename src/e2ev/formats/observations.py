"""Observations from tables: Excel, and the CSV that ODK, KoBoToolbox and Apollo export (specs/observers.md, "Import").

Only the columns that the mapping names are read, so that names, telephone numbers and places of devices stay behind. A
cell that cannot be read is listed, and takes only its own statement along.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from e2ev.accountability.collection import Collection, Observation
from e2ev.accountability.mapping import deliver
from e2ev.accountability.observer_file import Damage
from e2ev.accountability.observers import Counted, Door, Incident, Result, Statement, Votes, check, what_of
from e2ev.accountability.plain import plain_mapping
from e2ev.accountability.rows import Row, Spelling, Table, read_number
from e2ev.accountability.sheets import MAX_COUNT, Channel, Figure
from e2ev.accountability.times import moment, zone_of
from e2ev.errors import DataError, E2evError
from e2ev.formats.observer_import import DoorColumns, Import, IncidentColumns, ResultColumns

_PREFIX = re.compile(r"^.*[/:\-]")


@dataclass(frozen=True, slots=True)
class Imported:
    """What a table gave.

    Attributes:
        collection: Its observations; cells that cannot be read are among the damages.
        unread: Headings that the mapping does not name.
    """

    collection: Collection
    unread: tuple[str, ...]


def from_table(table: Table, mapping: Import, title: str, now: datetime) -> Imported:
    """Return what a table says, in the words of observers' files.

    Args:
        table: Its rows.
        mapping: What its columns mean.
        title: Of the election that it is about.
        now: For moments without a day or a time zone.

    Raises:
        DataError: A column that the mapping names is not there, or several could be it.
    """
    reader = _Reader(table, mapping, now.astimezone(zone_of(mapping.zone)) if mapping.zone else now)
    reader.find_columns()
    found: list[Observation] = []
    damages: list[Damage] = []
    for row in table.rows:
        for make in reader.statements(row):
            try:
                if (said := make()) is not None:
                    check(said, table.where(row))
                    found.append(Observation(reader.source(row), said, table.where(row)))
            except E2evError as error:
                damages.append(Damage(error.where or table.where(row), error.found))
    unread = tuple(head for head in table.heads if head not in reader.columns.values())
    return Imported(Collection(title, tuple(found), tuple(damages), (), {table.name: table.digest}), unread)


def from_plain(table: Table, group: str, title: str) -> Collection:
    """Return what a table of result sheets with our own headings says (specs/channels.md), as copies of the sheets.

    Args:
        table: One row a station.
        group: Whose table it is: the origin of everything in it.
        title: Of the election that it is about.

    Raises:
        DataError: It has no column "station".
        TableError: Cells cannot be used; all of them are named.
    """
    mapping = plain_mapping(title, {"sheets": (table,)}, [Channel("sheets", group)])
    options = {contest.label: contest.options for contest in mapping.contests}
    source = f"{group}/{Path(table.name).stem}"
    found: list[Observation] = []
    for sheet in deliver(table, mapping.sources[0]).sheets:
        counts = {figure.value: number for figure, number in sheet.figures.items() if figure is not Figure.REGISTERED}
        figures = tuple(Counted(figure, number) for figure, number in counts.items() if number is not None)
        for contest, held in sheet.votes.items():
            votes = tuple(map(Votes, options[contest], held))
            said = Result(1, sheet.station, contest, votes, figures, at_least=False, photo=None, note="", made=0)
            found.append(Observation(source, said, sheet.where))
            figures = ()  # they stand with the first contest
    return Collection(title, tuple(found), (), (), {table.name: table.digest})


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the rows of one table; `columns` are headings of the table by what the mapping calls them."""

    table: Table
    mapping: Import
    now: datetime
    columns: dict[str, str] = field(default_factory=dict)

    def find_columns(self) -> None:
        for name in self._needed():
            self.columns[name] = self._column(name)
        for name in (name for door in self.mapping.doors for name in (door.since, door.until)):
            if not self._is_moment(name):
                self.columns[name] = self._column(name)

    def _needed(self) -> Iterator[str]:
        mapping = self.mapping
        yield mapping.station
        yield from (name for name in (mapping.source, mapping.made) if name)
        for result in mapping.results:
            yield from (*result.votes.values(), *result.figures.values())
        yield from (door.people for door in mapping.doors)
        if mapping.incident:
            yield from (name for name in (mapping.incident.what, mapping.incident.at, mapping.incident.words) if name)

    def _column(self, name: str) -> str:
        """Return a heading of the table: the name itself, or the only one that has it behind its groups."""
        if self.table.has(name):
            return name
        behind = [head for head in self.table.heads if _PREFIX.sub("", head) == name]
        if len(behind) == 1:
            return behind[0]
        found = f"has {len(behind)} columns that could be" if behind else "has no column"
        raise DataError(f"{found} {name!r}", where=self.table.name, remedy="correct the mapping, or the heading")

    def _is_moment(self, text: str) -> bool:
        try:
            moment(text, self.now)
        except DataError:
            return False
        return True

    def source(self, row: Row) -> str:
        named = self._text(row, self.mapping.source) if self.mapping.source else ""
        return f"{self.mapping.group}/{named}" if named else self.mapping.group

    def statements(self, row: Row) -> Iterator[Callable[[], Statement | None]]:
        yield from (partial(self._result, row, columns) for columns in self.mapping.results)
        yield from (partial(self._door, row, columns) for columns in self.mapping.doors)
        if self.mapping.incident:
            yield partial(self._incident, row, self.mapping.incident)

    def _text(self, row: Row, name: str) -> str:
        text = self.table.get(row, self.columns[name])
        return "" if text in self.mapping.blank else text

    def _number(self, row: Row, name: str) -> int | None:
        where = self.table.where(row, self.columns[name])
        try:
            number = read_number(self._text(row, name), Spelling(blank=self.mapping.blank))
        except DataError as error:
            raise DataError(error.found, where=where, remedy=error.remedy) from error
        if number is not None and not 0 <= number <= MAX_COUNT:
            raise DataError(f"is {number}, which no station has", where=where)
        return number

    def _moment(self, row: Row, name: str) -> int:
        if name not in self.columns:
            return moment(name, self.now)
        text = self._text(row, name)
        try:
            return moment(text, self.now)
        except DataError as error:
            raise DataError(error.found, where=self.table.where(row, self.columns[name])) from error

    def _made(self, row: Row) -> int:
        return self._moment(row, self.mapping.made) if self.mapping.made and self._text(row, self.mapping.made) else 0

    def _result(self, row: Row, columns: ResultColumns) -> Result | None:
        votes = tuple(Votes(option, self._number(row, name)) for option, name in columns.votes.items())
        figures = tuple(Counted(figure, self._number(row, name)) for figure, name in columns.figures.items())
        if all(number is None for number in (*(one.votes for one in votes), *(one.number for one in figures))):
            return None
        station = self._text(row, self.mapping.station)
        return Result(1, station, columns.contest, votes, figures, columns.at_least, None, "", self._made(row))

    def _door(self, row: Row, columns: DoorColumns) -> Door | None:
        people = self._number(row, columns.people)
        if people is None:
            return None
        since, until = self._moment(row, columns.since), self._moment(row, columns.until)
        return Door(1, self._text(row, self.mapping.station), since, until, people, "", self._made(row))

    def _incident(self, row: Row, columns: IncidentColumns) -> Incident | None:
        text = self._text(row, columns.what)
        if not text:
            return None
        what = what_of(columns.kinds.get(text, text))
        words = self._text(row, columns.words) if columns.words else ""
        station, at = self._text(row, self.mapping.station), self._moment(row, columns.at)
        return Incident(1, station, what, at, words, None, "", self._made(row))
