"""Channels from files: tables of any kind, boards, closing statements, one file or a folder of them for each."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from e2ev.accountability import boards, closing
from e2ev.accountability.mapping import FileMapping, Opened, Source, deliver, no_seals, slate_of, unused_columns
from e2ev.accountability.plain import STATIONS, plain_mapping, stated_reading
from e2ev.accountability.rows import Table, TableError
from e2ev.accountability.sheets import Channel, Delivery, Reading, Seal, Sheet, Slate, Station, StationId
from e2ev.board.ledger import read_contents
from e2ev.board.note import NoteKey
from e2ev.errors import ConflictError, DataError, RejectedError
from e2ev.formats.tables import MAX_BYTES, parse_table
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.storage.disk import read_bounded

TABLES = (".csv", ".tsv", ".json", ".xlsx", ".txt")
STATEMENTS = (".statement", ".note", ".checkpoint", ".txt")
BOARD = ".board"
FOREIGN = (".xls", ".xlsb", ".xlsm", ".ods", ".numbers")
"""Tables that have to be saved as another kind first."""
MOST_FILES = 100_000
UNSAID = "not said"
"""The origin of channels for which nobody named one: all of them may be copies of one source."""

ON_PAPER = "a count on paper"
"""The origin of paper counts that stand on a board."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a person says of a channel.

    Attributes:
        name: Of the channel.
        paths: Its files, or folders of them.
        origin: Who or what first made the numbers; empty if nobody says.
        reading: How they got into the file; None if the file or the mapping says.
        partial: Whether sheets are expected from some stations only.
    """

    name: str
    paths: tuple[Path, ...]
    origin: str = ""
    reading: Reading | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known beside the channels.

    Attributes:
        title: Of the election.
        mapping: What columns mean; None where headings are our own.
        stations: A table of the stations that have to report.
        national: The national board, which names contests, polling places and their keys.
        keys: A file of stations' keys.
        zone: For times without a time zone.
        groups: Those that genesis may name.
    """

    title: str = "Election"
    mapping: FileMapping | None = None
    stations: Path | None = None
    national: Path | None = None
    keys: Path | None = None
    zone: str = ""
    groups: tuple[Group, ...] = STANDARD_GROUPS


@dataclass(frozen=True, slots=True)
class Collected:
    """Everything that was read.

    Attributes:
        slate: The slate.
        deliveries: By channel.
        unused: By file, the columns that the mapping does not speak of.
        assumed: Channels with tables of which nobody said how the numbers got there: taken as written by a machine.
    """

    slate: Slate
    deliveries: tuple[Delivery, ...]
    unused: Mapping[str, tuple[str, ...]]
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    data: bytes
    table: Table | None = None

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def collect(given: Sequence[Given], knowledge: Knowledge) -> Collected:
    """Return slate and deliveries from the files of all channels.

    Raises:
        DataError: A file cannot be read, columns are missing, or nobody said what was voted on.
        TableError: Cells cannot be used; all of a file are named.
        RejectedError: The national board breaks a rule.
        PolicyError: Statements or stations' boards came along, and nobody said whose keys are trusted.
    """
    files = {one.name: _files(one) for one in given}
    national = read_contents(knowledge.national, knowledge.groups) if knowledge.national is not None else None
    keys = boards.keys_of_board(national) if national is not None else None
    if knowledge.keys is not None:
        named = closing.read_keys(read_bounded(knowledge.keys, 1 << 24), str(knowledge.keys))
        keys = _together(keys or {}, named, str(knowledge.keys))
    known = boards.slate_of_board(national) if national is not None else None
    tables = {name: tuple(one.table for one in held if one.table) for name, held in files.items()}
    tables = {name: held for name, held in tables.items() if held}
    mapping = knowledge.mapping or _plain(given, tables, knowledge, known)
    flaws: list[DataError] = []
    slate = Slate("", mapping.contests, ())
    with _gathering(flaws):
        slate = _slate(mapping, tables, knowledge, known)
    deliveries: list[Delivery] = []
    unused: dict[str, tuple[str, ...]] = {}
    for one in given:
        source = _source(one, mapping, tables)
        with _gathering(flaws):
            deliveries += _deliveries(source, files[one.name], keys, slate, knowledge.groups)
        unused |= {held.name: left for held in tables.get(one.name, ()) if knowledge.mapping is not None
                   and (left := unused_columns(held, source, mapping.register))}  # fmt: skip
    flaws += _unknown_contests(slate, deliveries)
    if not flaws and (known is not None or mapping.register is not None):
        flaws += _without_zeros(slate, deliveries)
    if flaws:
        raise TableError(tuple({str(flaw): flaw for flaw in flaws}.values()))
    assumed = tuple(one.name for one in given if knowledge.mapping is None and one.reading is None
                    and any(stated_reading(table) is None for table in tables.get(one.name, ())))  # fmt: skip
    return Collected(_with_stations(slate, deliveries, mapping, known), tuple(deliveries), unused, assumed)


def _unknown_contests(slate: Slate, deliveries: Sequence[Delivery]) -> Iterator[DataError]:
    """Yield contests that a board or a statement carries and the slate does not know: they would be passed over."""
    known = {contest.label: len(contest.options) for contest in slate.contests}
    for delivery in deliveries:
        unknown = {label: sheet.where for sheet in delivery.sheets for label, counts in sheet.votes.items()
                   if known.get(label) != len(counts)}  # fmt: skip
        for label, where in unknown.items():
            yield DataError(f"has the contest {label!r}, which no file of options has like that", where=where,
                            remedy="name the national board: --board FILE")  # fmt: skip


def _without_zeros(slate: Slate, deliveries: Sequence[Delivery]) -> Iterator[DataError]:
    """Yield stations that are on the slate with zeros before them: a spreadsheet took them off."""
    numbers = {station.id.lstrip("0"): station.id for station in slate.stations if station.id.startswith("0")}
    for sheet in (sheet for delivery in deliveries for sheet in delivery.sheets):
        whole = numbers.get(sheet.station)
        if whole is not None and slate.station(sheet.station) is None:
            yield DataError(f"station {sheet.station} is not on the slate, and {whole} is", where=sheet.where,
                            remedy="make the column text in the spreadsheet, and write the zeros again")  # fmt: skip


@contextmanager
def _gathering(flaws: list[DataError]) -> Iterator[None]:
    """Keep the flaws of one file, so that those of all files are named together."""
    try:
        yield
    except TableError as error:
        flaws += error.flaws


def _files(given: Given) -> tuple[_File, ...]:
    """Return the files of a channel, tables parsed."""
    found: list[_File] = []
    for path in given.paths:
        inside = _inside(path) if path.is_dir() else [path]
        if not inside:
            raise DataError(
                "holds no table, board or statement", where=str(path), remedy="name the folder of the files"
            )
        found += [_file(one, given.name) for one in inside]
    return tuple(found)


def _inside(folder: Path) -> list[Path]:
    """Return the files of a folder that say something, by name; tables of kinds that cannot be read are among them.

    Pictures may lie beside them, and what spreadsheet programs leave while a file is open.
    """
    kinds = {*TABLES, *STATEMENTS, *FOREIGN, BOARD}
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in kinds and not p.name.startswith(("~$", ".")))
    if len(found) > MOST_FILES:
        raise DataError(f"holds {len(found)} files, expected at most {MOST_FILES}", where=str(folder))
    return found


def _file(path: Path, channel: str) -> _File:
    ending = path.suffix.lower()
    if ending == BOARD:
        return _File(path, b"")
    data = read_bounded(path, MAX_BYTES)
    if ending in STATEMENTS and (ending != ".txt" or closing.FORMAT.encode() in data):
        return _File(path, data)
    if ending in TABLES:
        return _File(path, data, parse_table(data, path.name))
    remedy = "give a table (.csv, .xlsx, .json), a board, or closing statements (.statement)"
    raise DataError(f"is nothing that the channel {channel} can be read from", where=str(path), remedy=remedy)


def _together(keys: Mapping[str, NoteKey], named: Mapping[str, NoteKey], where: str) -> dict[str, NoteKey]:
    for origin, key in named.items():
        if keys.get(origin, key) != key:
            found = f"names another key of {origin} than the national board"
            raise ConflictError(found, where=where, remedy="find out which of them is false before anything else")
    return {**keys, **named}


def _channel(given: Given, tables: Sequence[Table]) -> Channel:
    reading = given.reading or next((one for one in map(stated_reading, tables) if one is not None), Reading.MACHINE)
    return Channel(given.name, given.origin or UNSAID, reading, given.partial)


def _plain(
    given: Sequence[Given], tables: Mapping[str, tuple[Table, ...]], knowledge: Knowledge, known: Slate | None
) -> FileMapping:
    listed = dict(tables)
    if knowledge.stations is not None:
        listed[STATIONS] = (parse_table(read_bounded(knowledge.stations, MAX_BYTES), knowledge.stations.name),)
    channels = [_channel(one, tables[one.name]) for one in given if one.name in tables]
    contests = known.contests if known is not None else ()
    return plain_mapping(knowledge.title, listed, channels, contests, knowledge.zone)


def _slate(
    mapping: FileMapping, tables: Mapping[str, tuple[Table, ...]], knowledge: Knowledge, known: Slate | None
) -> Slate:
    """Return the slate that the mapping gives; with a national board, its polling places and contests."""
    listed = dict(tables)
    if knowledge.stations is not None and mapping.register is not None and mapping.register.channel == STATIONS:
        listed[STATIONS] = (parse_table(read_bounded(knowledge.stations, MAX_BYTES), knowledge.stations.name),)
    made = slate_of(mapping, listed, known.election if known is not None else "")
    if known is None:
        return made
    sizes = {station.id: station for station in made.stations}
    stations = tuple(sizes.get(station.id, station) for station in known.stations)
    return replace(known, stations=stations)


def _source(given: Given, mapping: FileMapping, tables: Mapping[str, tuple[Table, ...]]) -> Source:
    if given.name not in tables:
        named = [one for one in mapping.sources if one.channel.name == given.name]
        channel = named[0].channel if named else _channel(given, ())
        return Source(channel, ())
    source = mapping.source(given.name)
    channel = source.channel
    channel = replace(channel, origin=given.origin or channel.origin, reading=given.reading or channel.reading,
                      partial=given.partial or channel.partial)  # fmt: skip
    return replace(source, channel=channel)


def _deliveries(
    source: Source, files: Sequence[_File], keys: Mapping[str, NoteKey] | None, slate: Slate, groups: Sequence[Group]
) -> Iterator[Delivery]:
    """Yield what came on a channel; what a board says was counted on paper is a channel of its own, typed once."""

    def open_seal(text: str, where: str) -> Opened:
        return closing.judge_closing(text, where, keys, slate) if keys is not None else no_seals(text, where)

    sheets: list[Sheet] = []
    paper: list[Sheet] = []
    digests = []
    for file in files:
        if file.table is not None:
            sheets += deliver(file.table, source, open_seal).sheets
        elif file.path.suffix.lower() == BOARD:
            board = _board(file.path, keys, groups)
            sheets += board.sheets
            paper += board.paper
        else:
            texts = closing.statements_in(file.data.decode(errors="replace"))
            places = [f"{file.path.name}, statement {number}" for number in range(1, len(texts) + 1)]
            sheets += (_stated(open_seal(text.decode(), at), at) for text, at in zip(texts, places, strict=True))
        digests.append(file.digest if file.data else _digest_of(file.path))
    digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    yield Delivery(source.channel, tuple(sheets), digest)
    if paper:
        channel = Channel(f"{source.channel.name}, paper counts", ON_PAPER, Reading.TYPED, partial=True)
        yield Delivery(channel, tuple(paper), digest)


def _stated(opened: Opened, where: str) -> Sheet:
    return Sheet(opened.seal.station, opened.votes, opened.figures, where=where, seal=opened.seal)


def _board(path: Path, keys: Mapping[str, NoteKey] | None, groups: Sequence[Group]) -> boards.BoardSheets:
    """Return what a board says; one that breaks a rule is a sheet that is not believed, and hides no other."""
    try:
        return boards.board_sheets(path, keys, groups)
    except (DataError, RejectedError) as error:
        place = StationId(path.stem)
        seal = Seal(place, "", 0, "", "", f"the board is not sound: {error.found}")
        return boards.BoardSheets((Sheet(place, {}, {}, where=str(path), seal=seal),))


def _digest_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _with_stations(slate: Slate, deliveries: Sequence[Delivery], mapping: FileMapping, known: Slate | None) -> Slate:
    """Return the slate with every station that some sheet names, where nobody listed those that have to report."""
    if known is not None or mapping.register is not None:
        return slate
    named = {sheet.station: Station(sheet.station) for delivery in deliveries for sheet in delivery.sheets}
    stations = {**named, **{station.id: station for station in slate.stations}}
    return replace(slate, stations=tuple(stations.values()))
