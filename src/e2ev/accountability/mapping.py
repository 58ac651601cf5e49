"""From the columns of a file to sheets and a slate: what each column means is said by a mapping (specs/channels.md).

A blank cell is missing, and never zero. A cell that cannot be used is an error with file, row, column and remedy, and
all of them are named at once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from e2ev.accountability.rows import PLAIN, Row, Spelling, Table, TableError, read_number, tidy
from e2ev.accountability.sheets import (
    MAX_COUNT,
    Channel,
    Contest,
    Delivery,
    Figure,
    Seal,
    Sheet,
    Slate,
    Station,
    StationId,
)
from e2ev.errors import DataError, PolicyError

_NO_SEALS = "a statement needs the stations' keys"


@dataclass(frozen=True, slots=True)
class Source:
    """What the columns of one channel's file mean.

    Attributes:
        channel: The channel.
        station: Columns whose texts together are a station's number.
        separator: Between them.
        votes: By contest, the column of each option in the slate's order.
        figures: By figure, its column.
        image: Column with the path or address of a picture.
        time: Column with a date and time.
        at: The time of all sheets where no column has it.
        zone: For times that have no time zone: "+04:00".
        statement: Column with the text of a closing statement, as a QR code gives it.
        only: Rows count where each of these columns has one of these texts.
        spelling: How numbers are written.
    """

    channel: Channel
    station: tuple[str, ...]
    separator: str = "-"
    votes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    figures: Mapping[Figure, str] = field(default_factory=dict)
    image: str = ""
    time: str = ""
    at: datetime | None = None
    zone: str = ""
    statement: str = ""
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    spelling: Spelling = PLAIN

    def columns(self) -> tuple[str, ...]:
        """Return every column that is read."""
        options = [column for columns in self.votes.values() for column in columns]
        single = [column for column in (self.image, self.time, self.statement) if column]
        return (*self.station, *options, *self.figures.values(), *single, *self.only)


@dataclass(frozen=True, slots=True)
class Register:
    """Where the stations that have to report are listed.

    Attributes:
        channel: Name of the channel whose file lists them.
        name: Columns with a station's name or address.
        area: Columns with its district.
        registered: Column with the size of its register.
    """

    channel: str
    name: tuple[str, ...] = ()
    area: tuple[str, ...] = ()
    registered: str = ""


@dataclass(frozen=True, slots=True)
class FileMapping:
    """How the files of one election are read.

    Attributes:
        title: Of the election.
        contests: What is voted on.
        sources: One for each channel.
        register: Where the stations stand; None if every station that some file names has to report.
    """

    title: str
    contests: tuple[Contest, ...]
    sources: tuple[Source, ...]
    register: Register | None = None

    def source(self, channel: str) -> Source:
        """Return what the mapping says of a channel.

        Raises:
            DataError: It says nothing.
        """
        for source in self.sources:
            if source.channel.name == channel:
                return source
        names = ", ".join(source.channel.name for source in self.sources)
        raise DataError(f"the mapping has no channel {channel!r}", remedy=f"use one of these names: {names}")


@dataclass(frozen=True, slots=True)
class Opened:
    """A closing statement that was read: its seal, and the numbers that it states."""

    seal: Seal
    votes: Mapping[str, tuple[int | None, ...]]
    figures: Mapping[Figure, int | None]


OpenSeal = Callable[[str, str], Opened]
"""Takes a statement's text and its place, and returns it with its signature judged."""


def no_seals(_text: str, where: str) -> Opened:
    """Refuse statements: nobody said whose keys are trusted."""
    raise PolicyError(_NO_SEALS, where=where, remedy="name the national board: --board; or a file of keys: --keys")


def deliver(table: Table, source: Source, open_seal: OpenSeal = no_seals) -> Delivery:
    """Return what a channel's file says.

    Raises:
        DataError: Columns are missing.
        TableError: Cells cannot be used; all of them are named.
    """
    _check_columns(table, source.columns(), source.channel.name)
    flaws: list[DataError] = []
    sheets = tuple(sheet for row in _rows(table, source) for sheet in _sheets(table, row, source, open_seal, flaws))
    if flaws:
        raise TableError(flaws, where=table.name)
    return Delivery(source.channel, sheets, table.digest)


def slate_of(mapping: FileMapping, tables: Mapping[str, Sequence[Table]], election: str = "") -> Slate:
    """Return the stations that have to report, from the file that lists them, or from all files together.

    Args:
        mapping: What columns mean.
        tables: Files by channel.
        election: Id of the election on its board, if it has one.

    Raises:
        DataError: The file that lists the stations is not there.
        TableError: A station stands twice with another register, or a cell cannot be used.
    """
    register = mapping.register
    if register is not None and register.channel not in tables:
        raise DataError(f"the stations stand in the file of channel {register.channel}, which was not given",
                        remedy=f"give --channel {register.channel}=FILE as well")  # fmt: skip
    names = [register.channel] if register is not None else list(tables)
    stations: dict[StationId, Station] = {}
    flaws: list[DataError] = []
    for name in names:
        source = mapping.source(name)
        listed = (*register.name, *register.area, register.registered) if register is not None else ()
        columns = (*source.station, *source.only, *(column for column in listed if column))
        for table in tables[name]:
            _check_columns(table, columns, name)
            _list_stations(table, source, register, stations, flaws)
    if flaws:
        raise TableError(flaws)
    return Slate(mapping.title, mapping.contests, tuple(stations.values()), election)


def _list_stations(
    table: Table, source: Source, register: Register | None, stations: dict[StationId, Station], flaws: list[DataError]
) -> None:
    for row in _rows(table, source):
        station = _station(table, row, source, register, flaws)
        if stations.setdefault(station.id, station) != station and register is not None:
            found = f"station {station.id} stands twice, with different names or registers"
            flaws.append(DataError(found, where=table.where(row), remedy="keep one of the rows"))


def unused_columns(table: Table, source: Source, register: Register | None = None) -> tuple[str, ...]:
    """Return the headings of a file that the mapping does not speak of."""
    read = set(source.columns())
    if register is not None and register.channel == source.channel.name:
        read |= {*register.name, *register.area, register.registered}
    return tuple(head for head in table.heads if head not in read)


def _check_columns(table: Table, columns: Sequence[str], channel: str) -> None:
    missing = [column for column in dict.fromkeys(columns) if not table.has(column)]
    if missing:
        found = f"has no column {', '.join(repr(column) for column in missing[:10])}, which channel {channel} needs"
        known = ", ".join(table.heads[:12]) + ("…" if len(table.heads) > 12 else "")
        raise DataError(found, where=table.name, remedy=f"its columns are {known}; mend the mapping or the file")


def _rows(table: Table, source: Source) -> Iterator[Row]:
    for row in table.rows:
        if all(table.get(row, column) in texts for column, texts in source.only.items()):
            yield row


def _joined(table: Table, row: Row, columns: Sequence[str], separator: str) -> str:
    return separator.join(text for column in columns if (text := tidy(table.get(row, column))))


def _id(table: Table, row: Row, source: Source, flaws: list[DataError]) -> StationId:
    text = _joined(table, row, source.station, source.separator)
    if not text:
        where = table.where(row, source.station[0])
        flaws.append(DataError("is blank: the row has no station", where=where, remedy="write the station's number"))
    return StationId(text)


def _station(table: Table, row: Row, source: Source, register: Register | None, flaws: list[DataError]) -> Station:
    id_ = _id(table, row, source, flaws)
    if register is None:
        return Station(id_)
    size = _number(table, row, register.registered, source, flaws) if register.registered else None
    if size is not None and not 0 <= size <= MAX_COUNT:
        where = table.where(row, register.registered)
        flaws.append(DataError(f"no register has {size:,} people", where=where, remedy="mend the number"))
    return Station(id_, _joined(table, row, register.name, ", "), _joined(table, row, register.area, ", "), size)


def _sheets(table: Table, row: Row, source: Source, open_seal: OpenSeal, flaws: list[DataError]) -> Iterator[Sheet]:
    """Yield the sheet of a row; a second one if a statement on it says other numbers than the columns."""
    votes = {
        contest: tuple(_number(table, row, column, source, flaws) for column in columns)
        for contest, columns in source.votes.items()
    }
    figures = {figure: _number(table, row, column, source, flaws) for figure, column in source.figures.items()}
    image = table.get(row, source.image) if source.image else ""
    typed = Sheet(_id(table, row, source, flaws), votes, figures, _time(table, row, source, flaws), image,
                  table.where(row))  # fmt: skip
    opened = _opened(table, row, source, open_seal, flaws)
    if opened is None:
        yield typed
        return
    stated = replace(typed, votes=opened.votes, figures=opened.figures, seal=opened.seal)
    if _differ(typed, stated):
        yield typed
        yield stated
    else:
        yield _filled(typed, stated)


def _differ(typed: Sheet, stated: Sheet) -> bool:
    """Return whether two sheets have different numbers in one place; a blank differs from nothing."""
    pairs = [
        *((count, typed.figures.get(figure)) for figure, count in stated.figures.items()),
        *(pair for contest, counts in stated.votes.items() if len(typed.votes.get(contest, ())) == len(counts)
          for pair in zip(counts, typed.votes[contest], strict=True)),
    ]  # fmt: skip
    return any(one is not None and other is not None and one != other for one, other in pairs)


def _filled(typed: Sheet, stated: Sheet) -> Sheet:
    """Return the statement's sheet with everything that only the columns have."""
    return replace(stated, votes={**typed.votes, **stated.votes}, figures={**typed.figures, **stated.figures})


def _opened(table: Table, row: Row, source: Source, open_seal: OpenSeal, flaws: list[DataError]) -> Opened | None:
    text = table.get(row, source.statement) if source.statement else ""
    try:
        return open_seal(text, table.where(row, source.statement)) if text else None
    except DataError as flaw:
        flaws.append(flaw)
        return None


def _number(table: Table, row: Row, column: str, source: Source, flaws: list[DataError]) -> int | None:
    try:
        return read_number(table.get(row, column), source.spelling)
    except DataError as flaw:
        flaws.append(DataError(flaw.found, where=table.where(row, column), remedy=flaw.remedy))
        return None


def _time(table: Table, row: Row, source: Source, flaws: list[DataError]) -> datetime | None:
    text = table.get(row, source.time) if source.time else ""
    if not text:
        return source.at
    try:
        return read_time(text, source.zone)
    except DataError as flaw:
        flaws.append(DataError(flaw.found, where=table.where(row, source.time), remedy=flaw.remedy))
        return None


def read_time(text: str, zone: str = "") -> datetime:
    """Return a date and time in ISO 8601; one without a time zone is in `zone`.

    Raises:
        DataError: It is none, or has no time zone and neither is one given.
    """
    remedy = "write it like 2024-10-26T20:00+04:00"
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None and zone:
            time = datetime.fromisoformat(time.isoformat() + zone)
    except ValueError as error:
        raise DataError(f"is {text[:40]!r}, which is no date and time", remedy=remedy) from error
    if time.tzinfo is None:
        raise DataError(f"is {text[:40]!r}, which has no time zone", remedy=remedy)
    return time
