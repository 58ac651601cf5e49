"""What the columns of a table of observations mean: the mapping file by which Excel and CSV exports are read.

The shapes (specs/observers.md, "Import"): ODK Central and Briefcase write `SubmissionDate`, the form's fields with
their groups before them (`group-field`), and `KEY`; KoBoToolbox writes `group/field` and `_uuid`, between semicolons;
Apollo writes `Participant ID`, location columns, `Location Code`, the form's tags, and `Timestamp`. Names of people,
telephone numbers and places of devices stand beside them: only the columns that a mapping names are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from e2ev.accountability.sheets import Figure
from e2ev.accountability.times import zone_of
from e2ev.errors import DataError
from e2ev.strict_json import Place, read_json

FORMAT = "e2ev observer import 1"
_FIGURES = tuple(figure.value for figure in Figure)


@dataclass(frozen=True, slots=True)
class ResultColumns:
    """Where the result of one contest stands: headings by option, and by figure."""

    contest: str
    votes: Mapping[str, str]
    figures: Mapping[str, str]
    at_least: bool


@dataclass(frozen=True, slots=True)
class DoorColumns:
    """Where a count at the door stands: beginning and end are headings, or moments that hold for all rows."""

    since: str
    until: str
    people: str


@dataclass(frozen=True, slots=True)
class IncidentColumns:
    """Where an incident stands: headings, and what the words of the table mean in ours."""

    what: str
    at: str
    words: str
    kinds: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Import:
    """A mapping file: what the columns of a table mean.

    Attributes:
        group: Whose table it is: the origin of everything in it.
        station: Heading of the station's number.
        source: Heading of who reported, without a name that is a person's; empty for the group alone.
        made: Heading of when the report was sent; empty where nobody knows.
        zone: Offset that holds for times without one; empty for this machine's.
        blank: What stands in cells where there is no number.
        results: Of which contests.
        doors: Which counts at the door.
        incident: Where incidents stand, if the table has any.
    """

    group: str
    station: str
    source: str
    made: str
    zone: str
    blank: tuple[str, ...]
    results: tuple[ResultColumns, ...]
    doors: tuple[DoorColumns, ...]
    incident: IncidentColumns | None


def read_import(data: bytes, where: str) -> Import:
    """Return the mapping in a file; specs/observer-import.schema.json describes it.

    Raises:
        DataError: It is malformed, with every problem named.
    """
    return read_json(data, _import, where=where)


def _import(place: Place) -> Import:
    place.only("format", "group", "station", "source", "made", "zone", "blank", "results", "doors", "incident")
    if place.at("format").string(60) != FORMAT:
        place.at("format").refuse("is another format", f"write {FORMAT!r}")
    incident = place.at("incident", None)
    return Import(
        place.at("group").label(200),
        place.at("station").label(500),
        _label(place.at("source", "")),
        _label(place.at("made", "")),
        _zone(place.at("zone", "")),
        tuple(one.string(40) for one in place.at("blank", []).items(0, 20)),
        tuple(_result(one) for one in place.at("results", []).items(0, 200)),
        tuple(_door(one) for one in place.at("doors", []).items(0, 100)),
        None if incident.value is None else _incident(incident),
    )


def _label(place: Place) -> str:
    return place.label(500) if place.value != "" else ""


def _zone(place: Place) -> str:
    zone = _label(place)
    try:
        zone_of(zone)
    except DataError as error:
        place.refuse(error.found, error.remedy)
    return zone


def _result(place: Place) -> ResultColumns:
    place.only("contest", "votes", "figures", "at_least")
    figures = _headings(place.at("figures", {}))
    for name in figures:
        if name not in _FIGURES:
            place.at("figures").at(name).refuse_unknown("is no figure", name, _FIGURES)
    at_least = place.at("at_least", False).take(bool, "true or false") or False
    return ResultColumns(place.at("contest").label(500), _headings(place.at("votes", {})), figures, at_least)


def _headings(place: Place) -> dict[str, str]:
    names = place.value if isinstance(place.value, dict) else {}
    if not isinstance(place.value, dict):
        place.refuse("is no object", 'write {"what it is": "the heading of its column"}')
    return {str(name): place.at(str(name)).label(500) for name in names}


def _door(place: Place) -> DoorColumns:
    place.only("since", "until", "people")
    return DoorColumns(place.at("since").label(500), place.at("until").label(500), place.at("people").label(500))


def _incident(place: Place) -> IncidentColumns:
    place.only("what", "at", "words", "kinds")
    kinds = _headings(place.at("kinds", {}))
    return IncidentColumns(place.at("what").label(500), place.at("at").label(500), _label(place.at("words", "")), kinds)
