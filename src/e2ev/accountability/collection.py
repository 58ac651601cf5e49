"""What many observers and groups say, put together: nothing dropped, what repeats or contradicts listed.

A collection is a file of JSON lines (specs/observers.md, "Collections"). A signed statement keeps its entry, so that
whoever gets the collection checks the signature again; what was imported from a table has none, and says so.
"""

import base64
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from e2ev.accountability.observer_file import FILE_LIMIT, Damage, Read, check_entry, name_of, read_bytes
from e2ev.accountability.observers import (
    MAX_STATEMENT,
    Begun,
    Result,
    Statement,
    election_of,
    statement_from_json,
    statement_json,
)
from e2ev.errors import DataError, E2evError
from e2ev.record.entry import MESSAGE_MAGIC, Entry, read_message
from e2ev.storage.disk import read_bounded
from e2ev.strict_json import JsonObject, Place, read_json

FORMAT = "e2ev observations 1"


@dataclass(frozen=True, slots=True)
class Observation:
    """One statement and whose it is.

    Attributes:
        source: Its name; of a signed one with the beginning of the key.
        said: The statement.
        where: File and place, for findings.
        entry: With the signature; None for what was imported.
    """

    source: str
    said: Statement
    where: str
    entry: Entry | None = None

    @property
    def station(self) -> str:
        """The polling station that it is about; empty if about none."""
        return "" if isinstance(self.said, Begun) else self.said.station


@dataclass(frozen=True, slots=True)
class Collection:
    """Observations of one election.

    Attributes:
        title: Of the election.
        observations: All that can be read.
        damages: What cannot, or is signed wrongly.
        duplicates: Pairs of places that say the same thing from the same source.
        digests: SHA-256 of every file that went in, by name.
    """

    title: str
    observations: tuple[Observation, ...]
    damages: tuple[Damage, ...] = ()
    duplicates: tuple[tuple[str, str], ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)

    def of(self, kind: type[Statement]) -> Iterator[Observation]:
        """Yield the observations of one kind."""
        return (one for one in self.observations if isinstance(one.said, kind))


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sources, or one source twice, say different things of one station.

    Attributes:
        station: Which one.
        about: What: a contest and option, a figure, or a file.
        said: Each number, and who says it where.
    """

    station: str
    about: str
    said: tuple[tuple[str, str], ...]


def from_file(read: Read, name: str) -> tuple[Observation, ...]:
    """Return the observations of an observer's file."""
    source = name_of(read.begun, read.statements[0].author) if read.statements else name
    return tuple(
        Observation(source, one.statement, f"{name}, statement {number}", one.entry)
        for number, one in enumerate(read.statements, 1)
    )


def merge(title: str, parts: Iterable[Collection]) -> Collection:
    """Return everything that the parts hold; what one source says twice in the same words counts once, and is listed.

    Raises:
        DataError: A part is about another election.
    """
    kept: dict[object, Observation] = {}
    damages: list[Damage] = []
    duplicates: list[tuple[str, str]] = []
    digests: dict[str, str] = {}
    for part in parts:
        if part.title != title:
            where = part.observations[0].where if part.observations else part.title
            raise DataError(f"is about {part.title!r}, expected {title!r}", where=where, remedy="leave it out")
        damages += part.damages
        duplicates += part.duplicates
        digests |= part.digests
        for one in part.observations:
            first = kept.setdefault((one.source, one.entry.leaf_hash if one.entry else one.said), one)
            if first is not one:
                duplicates.append((first.where, one.where))
    return Collection(title, tuple(kept.values()), tuple(damages), tuple(duplicates), digests)


def conflicts(collection: Collection) -> tuple[Conflict, ...]:
    """Return every contradiction: copies that differ, and files that one key continued in two ways, or with gaps."""
    return (*_forks(collection), *_gaps(collection), *_sheets(collection))


def _forks(collection: Collection) -> Iterator[Conflict]:
    places: dict[tuple[bytes, int], list[Observation]] = defaultdict(list)
    for one in collection.observations:
        if one.entry is not None:
            places[one.entry.header.author, one.entry.header.counter].append(one)
    for (_, counter), found in places.items():
        if len(found) > 1:
            said = tuple((one.where, one.source) for one in found)
            yield Conflict(found[0].station, f"FORK: two different statements {counter} of one key", said)


def _gaps(collection: Collection) -> Iterator[Conflict]:
    counters: dict[str, set[int]] = defaultdict(set)
    for one in collection.observations:
        if one.entry is not None:
            counters[one.source].add(one.entry.header.counter)
    for source, found in counters.items():
        missing = sorted(set(range(1, max(found) + 1)) - found)
        if missing:
            said = tuple((f"statement {number}", source) for number in missing)
            yield Conflict("", "MISSING: statements that come before others of one key", said)


def _sheets(collection: Collection) -> Iterator[Conflict]:
    for (station, about), said in sorted(stated(collection, at_least=False).items(), key=lambda item: item[0]):
        if len({number for number, _ in said}) > 1:
            yield Conflict(station, about, tuple((str(number), f"{one.source}, {one.where}") for number, one in said))


def stated(collection: Collection, *, at_least: bool) -> Mapping[tuple[str, str], Sequence[tuple[int, Observation]]]:
    """Return what is said of each station's numbers, by station and what the number is of; blanks are not there.

    Of one key the last statement stands: a mistake can be corrected. What was imported has no order, and all of it
    stays.

    Args:
        collection: What was observed.
        at_least: Whether copies of sheets are asked for (false), or what was seen counted.
    """
    return {place: _last_of_each(said) for place, said in _every(collection, at_least=at_least).items()}


def corrections(collection: Collection) -> tuple[Conflict, ...]:
    """Return the numbers that a later statement of the same key replaces, with all that the key said of them."""
    found = []
    for at_least in (False, True):
        for (station, about), said in sorted(_every(collection, at_least=at_least).items(), key=lambda item: item[0]):
            for author in dict.fromkeys(one.entry.header.author for _, one in said if one.entry):
                own = [
                    (str(number), one.where) for number, one in said if one.entry and one.entry.header.author == author
                ]
                if len({number for number, _ in own}) > 1:
                    found.append(Conflict(station, about, tuple(own)))
    return tuple(found)


def _every(collection: Collection, *, at_least: bool) -> dict[tuple[str, str], list[tuple[int, Observation]]]:
    found: dict[tuple[str, str], list[tuple[int, Observation]]] = defaultdict(list)
    for one in collection.of(Result):
        if isinstance(one.said, Result) and one.said.at_least == at_least:
            for about, number in numbers_of(one.said):
                if number is not None:
                    found[one.station, about].append((number, one))
    return found


def _last_of_each(said: Sequence[tuple[int, Observation]]) -> Sequence[tuple[int, Observation]]:
    """Return what stands: of each key its highest counter, twice where the key was continued in two ways."""
    last: dict[bytes, int] = {}
    for _, one in said:
        if one.entry is not None:
            header = one.entry.header
            last[header.author] = max(last.get(header.author, 0), header.counter)
    return [(number, one) for number, one in said
            if one.entry is None or one.entry.header.counter == last[one.entry.header.author]]  # fmt: skip


def numbers_of(said: Statement) -> Iterator[tuple[str, int | None]]:
    """Yield the numbers of a result, each with what it is of: "contest: option", or the name of a figure."""
    if isinstance(said, Result):
        yield from ((f"{said.contest}: {one.option}", one.votes) for one in said.votes)
        yield from ((one.figure, one.number) for one in said.figures)


# As a file


def to_lines(collection: Collection) -> bytes:
    """Return a collection as its file."""
    lines: list[dict[str, object]] = [{"format": FORMAT, "title": collection.title}]
    lines += [{"file": list(pair)} for pair in collection.digests.items()]
    lines += [{"damaged": [one.where, one.found]} for one in collection.damages]
    lines += [{"duplicate": list(pair)} for pair in collection.duplicates]
    lines += map(_line, collection.observations)
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


def _line(one: Observation) -> dict[str, object]:
    entry = base64.b64encode(one.entry.frames()).decode() if one.entry else None
    return {"source": one.source, "where": one.where, "said": statement_json(one.said), "entry": entry}


def from_lines(data: bytes, where: str) -> Collection:
    """Return the collection in a file's bytes; every signature is checked again.

    What cannot be read or is signed wrongly is among the damages. The source of what is signed is the one that its key
    began with, whatever the line says.

    Raises:
        DataError: It is no collection.
    """
    first, *lines = data.splitlines() or [b""]
    title = read_json(first, _head, where=f"{where}, line 1")
    observations: list[Observation] = []
    notes: dict[str, list[tuple[str, str]]] = {"file": [], "damaged": [], "duplicate": []}
    names: dict[bytes, str] = {}
    for number, line in enumerate(lines, 2):
        try:
            read = read_json(line, _read_line, where=f"{where}, line {number}")
            if isinstance(read, Observation):
                observations.append(_named(read, title, names))
            else:
                notes[read[0]].append(read[1])
        except E2evError as error:
            notes["damaged"].append((f"{where}, line {number}", error.found))
    damages = tuple(Damage(*pair) for pair in notes["damaged"])
    return Collection(title, tuple(observations), damages, tuple(notes["duplicate"]), dict(notes["file"]))


def _read_line(place: Place) -> Observation | tuple[str, tuple[str, str]]:
    for kind in ("file", "damaged", "duplicate"):
        if isinstance(place.value, JsonObject) and kind in place.value:
            return kind, _pair(place.only(kind).at(kind))
    return _observation(place)


def _named(one: Observation, title: str, names: dict[bytes, str]) -> Observation:
    if one.entry is None:
        return one
    author = one.entry.header.author
    if one.entry.header.election != election_of(title):
        raise DataError("the statement is about another election", where=one.where)
    if isinstance(one.said, Begun):
        names.setdefault(author, name_of(one.said, author))
    if author not in names:
        raise DataError("the first statement of this key does not stand before it", where=one.where)
    return replace(one, source=names[author])


def _head(place: Place) -> str:
    place.only("format", "title")
    if place.at("format").string(60) != FORMAT:
        place.at("format").refuse("is another format", f"write {FORMAT!r}")
    return place.at("title").label(1000)


def _pair(place: Place) -> tuple[str, str]:
    first, second = [*place.items(2, 2), place, place][:2]
    return first.string(5000), second.string(5000)


def _observation(place: Place) -> Observation:
    place.only("source", "where", "said", "entry")
    source, where = place.at("source").string(500), place.at("where").string(2000)
    said = statement_from_json(place.at("said").value, where)
    if place.at("entry").value is None:
        return Observation(source, said, where)
    entry = _entry(place.at("entry").string(2 * MAX_STATEMENT), where)
    if check_entry(entry, where) != said:
        raise DataError("what is written is not what was signed", where=where)
    return Observation(source, said, where, entry)


def _entry(text: str, where: str) -> Entry:
    try:
        data = MESSAGE_MAGIC + base64.b64decode(text, validate=True)
    except ValueError as error:
        raise DataError("the entry is not base64", where=where) from error
    entry, *more = [*read_message(io.BytesIO(data), lambda _: MAX_STATEMENT, where), None]
    if entry is None or len(more) > 1:
        raise DataError("there is not exactly one entry", where=where)
    return entry


def open_observations(path: Path) -> Collection:
    """Return what an observer's file or a collection holds.

    Raises:
        DataError: It is neither.
    """
    data = read_bounded(path, FILE_LIMIT)
    if not data.startswith(MESSAGE_MAGIC):
        return from_lines(data, path.name)
    read = read_bytes(data, path.name)
    digests = {path.name: hashlib.sha256(data).hexdigest()}
    return Collection(read.begun.title, from_file(read, path.name), read.damages, (), digests)
