"""A mapping file: strict JSON in which somebody says what the columns of other people's files mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from e2ev.accountability.mapping import FileMapping, Register, Source, read_time
from e2ev.accountability.rows import Spelling
from e2ev.accountability.sheets import Channel, Contest, Figure, Reading
from e2ev.errors import DataError
from e2ev.strict_json import ABSENT, JsonError, JsonObject, Place, read_json, refuse_repeats

FORMAT = "e2ev mapping 1"
MOST_CHANNELS, MOST_CONTESTS, MOST_OPTIONS, LONGEST = 50, 200, 1_000, 200


class MappingError(JsonError):
    """A mapping file that cannot be used."""

    document: ClassVar[str] = "mapping"


def read_mapping(data: bytes, where: str = "") -> FileMapping:
    """Return the mapping in a file.

    Raises:
        MappingError: With every problem that was found.
    """
    return read_json(data, _mapping, error=MappingError, where=where)


@dataclass(frozen=True, slots=True)
class _Columns:
    """A contest as the file has it: its value, and the usual column of each option."""

    contest: Contest
    columns: tuple[str, ...]


def _mapping(root: Place) -> FileMapping:
    root.only("format", "title", "contests", "numbers", "zone", "stations", "channels")
    if root.at("format").string(40) != FORMAT:
        root.at("format").refuse("is another format", f"write {FORMAT!r}")
    places = root.at("contests").items(0, MOST_CONTESTS)
    contests = [_contest(place) for place in places]
    refuse_repeats([place.at("label") for place in places])
    spelling = _spelling(root.at("numbers", None))
    zone = _text(root.at("zone", ""), 6)
    entries = root.at("channels").items(1, MOST_CHANNELS)
    sources = tuple(_source(place, contests, spelling, zone) for place in entries)
    refuse_repeats([place.at("name") for place in entries])
    register = _register(root.at("stations", None), [source.channel.name for source in sources])
    title = root.at("title").label(LONGEST)
    return FileMapping(title, tuple(one.contest for one in contests), sources, register)


def _contest(place: Place) -> _Columns:
    place.only("label", "limit", "options")
    options = place.at("options").items(1, MOST_OPTIONS)
    labels, columns = [], []
    for option in options:
        option.only("label", "column")
        labels.append(option.at("label").label(LONGEST))
        columns.append(_text(option.at("column", None), LONGEST) or labels[-1])
    refuse_repeats([option.at("label") for option in options])
    limit = place.at("limit", 1).whole(1, MOST_OPTIONS)
    return _Columns(Contest(place.at("label").label(LONGEST), tuple(labels), limit), tuple(columns))


def _source(place: Place, contests: Sequence[_Columns], spelling: Spelling, zone: str) -> Source:
    place.only("name", "origin", "reading", "partial", "station", "separator", "contests", "rename", "figures", "image",
               "time", "at", "statement", "only", "numbers")  # fmt: skip
    reading = place.at("reading", Reading.MACHINE.value).word(tuple(one.value for one in Reading))
    channel = Channel(
        place.at("name").label(LONGEST),
        place.at("origin").label(LONGEST),
        Reading(reading),
        place.at("partial", default=False).take(bool, "true or false") or False,
    )
    renamed = dict(_texts(place.at("rename", None)))
    carried = _carried(place.at("contests", None), contests)
    return Source(
        channel,
        _list(place.at("station")),
        _text(place.at("separator", "-"), 5),
        {one.contest.label: tuple(renamed.get(column, column) for column in one.columns) for one in carried},
        _figures(place.at("figures", None)),
        _text(place.at("image", ""), LONGEST),
        _text(place.at("time", ""), LONGEST),
        _at(place.at("at", None), zone),
        zone,
        _text(place.at("statement", ""), LONGEST),
        _only(place.at("only", None)),
        _spelling(place.at("numbers", None)) if place.at("numbers").value is not ABSENT else spelling,
    )


def _carried(place: Place, contests: Sequence[_Columns]) -> Sequence[_Columns]:
    if place.value is None:
        return contests
    known = {one.contest.label: one for one in contests}
    found = []
    for item in place.items(0, MOST_CONTESTS):
        label = item.label(LONGEST)
        if label in known:
            found.append(known[label])
        else:
            item.refuse_unknown("is no contest of this mapping", label, known)
    return found


def _figures(place: Place) -> Mapping[Figure, str]:
    words = {figure.value: figure for figure in Figure}
    if place.value is None:
        return {}
    place.only(*words, kind="figure")
    return {words[name]: column for name, column in _texts(place) if name in words}


def _register(place: Place, channels: Sequence[str]) -> Register | None:
    if place.value is None:
        return None
    place.only("channel", "name", "area", "registered")
    channel = place.at("channel").label(LONGEST)
    if channel and channel not in channels:
        place.at("channel").refuse_unknown("is no channel of this mapping", channel, channels)
    name, area = (_list(place.at(field)) if place.at(field).value is not ABSENT else () for field in ("name", "area"))
    return Register(channel, name, area, _text(place.at("registered", ""), LONGEST))


def _spelling(place: Place) -> Spelling:
    if place.value is None:
        return Spelling()
    place.only("thousands", "decimal", "blank")
    blank = place.at("blank", None)
    words = tuple(item.label(40) for item in blank.items(0, 20)) if blank.value is not None else ()
    return Spelling(_text(place.at("thousands", ""), 3), _text(place.at("decimal", "."), 1) or ".", words)


def _only(place: Place) -> Mapping[str, tuple[str, ...]]:
    if place.value is None:
        return {}
    fields = place.take(JsonObject, "an object: column to a list of texts") or JsonObject([])
    return {column: tuple(_text(item, LONGEST) for item in place.at(column).items(1, 1_000)) for column in fields}


def _at(place: Place, zone: str) -> datetime | None:
    if place.value is None:
        return None
    try:
        return read_time(place.string(40), zone)
    except DataError as flaw:
        place.refuse(flaw.found, flaw.remedy)
        return None


def _list(place: Place) -> tuple[str, ...]:
    """Return one column, or several."""
    if isinstance(place.value, str):
        return (place.label(LONGEST),)
    return tuple(item.label(LONGEST) for item in place.items(1, 10))


def _texts(place: Place) -> list[tuple[str, str]]:
    if place.value is None:
        return []
    fields = place.take(JsonObject, "an object of texts") or JsonObject([])
    return [(name, place.at(name).label(LONGEST)) for name in fields]


def _text(place: Place, longest: int) -> str:
    """Return text that may be empty, or not there."""
    if place.value in ("", None):
        return ""
    return place.string(longest)
