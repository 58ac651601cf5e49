"""Results in the form of NIST SP 1500-100 revision 2 (specs/results.md, "Other forms"); `nist_reading` reads them.

A slate's stations are reporting units, its contests candidate contests, their options candidates. A blank number has no
element: it is never zero. The first delivery's counts are of type "total"; others are "other", by their name.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from typing import Any

from e2ev.accountability.sheets import Contest, Delivery, Figure, Sheet, Slate, StationId
from e2ev.errors import DataError

Json = dict[str, Any]

PREFIX = "ElectionResults."
ELECTION_ID = "e2ev election id"
EVERYWHERE = "unit-all"
TOTAL, OTHER, AREA = "total", "other", "area"
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class About:
    """What a report says beside numbers.

    Attributes:
        issuer: Who publishes it.
        abbreviation: The same, short.
        day: Of the election.
        made: When the report was made, with a time zone.
        status: One of the standard's words.
        language: Of all names.
    """

    issuer: str
    abbreviation: str
    day: date
    made: datetime
    status: str = "unofficial-partial"
    language: str = "en"


def nist_bytes(slate: Slate, deliveries: Sequence[Delivery], about: About) -> bytes:
    """Return the bytes of a report's file."""
    return json.dumps(nist_report(slate, deliveries, about), ensure_ascii=False, indent=1).encode() + b"\n"


def nist_report(slate: Slate, deliveries: Sequence[Delivery], about: About) -> Json:
    """Return results as an ElectionReport."""
    made = _Writer(slate, tuple(deliveries), about.language)
    day = about.day.isoformat()
    election = _object("Election", ElectionScopeId=EVERYWHERE, StartDate=day, EndDate=day, Name=made.text(slate.title),
                       Type="general", Candidate=list(made.candidates()), Contest=list(made.contests()),
                       BallotCounts=list(made.ballots()))  # fmt: skip
    if slate.election:
        election["ExternalIdentifier"] = [_identifier(OTHER, slate.election, ELECTION_ID)]
    return _object(
        "ElectionReport", Format="precinct-level", GeneratedDate=about.made.isoformat(timespec="seconds"),
        Issuer=about.issuer, IssuerAbbreviation=about.abbreviation, SequenceStart=1, SequenceEnd=1, Status=about.status,
        VendorApplicationId="e2ev", Election=[election], GpUnit=[made.everywhere(), *made.areas(), *made.units()],
    )  # fmt: skip


def _object(kind: str, **fields: object) -> Json:
    return {"@type": PREFIX + kind, **fields}


def _identifier(kind: str, value: str, other: str = "") -> Json:
    made = _object("ExternalIdentifier", Type=kind, Value=value)
    return made | ({"OtherType": other} if other else {})


class _Writer:
    """Writes the parts of a report. Ids are places on the slate, since a station's number may hold any sign."""

    def __init__(self, slate: Slate, deliveries: tuple[Delivery, ...], language: str) -> None:
        self.slate, self.deliveries, self.language = slate, deliveries, language
        self.place = {station.id: f"unit-{i}" for i, station in enumerate(slate.stations, 1)}

    def text(self, content: str) -> Json:
        """Return a text in the report's language."""
        written = _object("LanguageString", Content=content, Language=self.language)
        return _object("InternationalizedText", Text=[written])

    def everywhere(self) -> Json:
        """Return the unit of all stations."""
        parts = list(self.place.values())
        return _object("ReportingUnit", Type="country", Name=self.text(self.slate.title), ComposingGpUnitIds=parts,
                       TotalSubUnits=len(parts)) | {"@id": EVERYWHERE}  # fmt: skip

    def areas(self) -> Iterator[Json]:
        """Yield districts and regions."""
        for i, area in enumerate(sorted({one.area for one in self.slate.stations if one.area}), 1):
            parts = [self.place[one.id] for one in self.slate.stations if one.area == area]
            yield _object("ReportingUnit", Type=OTHER, OtherType=AREA, Name=self.text(area),
                          ComposingGpUnitIds=parts) | {"@id": f"area-{i}"}  # fmt: skip

    def units(self) -> Iterator[Json]:
        """Yield stations."""
        registers, checked = self._figure(Figure.REGISTERED), self._figure(Figure.CHECKED_IN)
        for station in self.slate.stations:
            made = _object("ReportingUnit", Type="polling-place", Name=self.text(station.name or station.id),
                           ExternalIdentifier=[_identifier("local-level", station.id)])  # fmt: skip
            made["@id"] = self.place[station.id]
            registered = registers.get(station.id) if station.registered is None else station.registered
            if registered is not None:
                made["VotersRegistered"] = registered
            if station.id in checked:
                made["VotersParticipated"] = checked[station.id]
            yield made

    def _figure(self, figure: Figure) -> dict[StationId, int]:
        held = ((sheet.station, sheet.figures.get(figure)) for one in self.deliveries[:1] for sheet in one.sheets)
        return {station: number for station, number in held if number is not None}

    def candidates(self) -> Iterator[Json]:
        """Yield options."""
        for i, contest in enumerate(self.slate.contests, 1):
            for j, option in enumerate(contest.options, 1):
                yield _object("Candidate", BallotName=self.text(option)) | {"@id": f"candidate-{i}-{j}"}

    def contests(self) -> Iterator[Json]:
        """Yield contests with their counts."""
        for i, contest in enumerate(self.slate.contests, 1):
            yield _object("CandidateContest", Name=contest.label, ElectionDistrictId=EVERYWHERE,
                          VotesAllowed=contest.limit, SequenceOrder=i,
                          ContestSelection=list(self._selections(contest, i))) | {"@id": f"contest-{i}"}  # fmt: skip

    def _selections(self, contest: Contest, number: int) -> Iterator[Json]:
        for j in range(1, len(contest.options) + 1):
            counts = [
                _object("VoteCounts", GpUnitId=self.place[sheet.station], Count=sheet.votes[contest.label][j - 1])
                | kind
                for kind, sheet in self._sheets()
                if contest.label in sheet.votes and sheet.votes[contest.label][j - 1] is not None
            ]
            yield _object("CandidateSelection", CandidateIds=[f"candidate-{number}-{j}"], SequenceOrder=j,
                          VoteCounts=counts) | {"@id": f"selection-{number}-{j}"}  # fmt: skip

    def ballots(self) -> Iterator[Json]:
        """Yield numbers of ballots; invalid ones are what the standard calls rejected."""
        names = {Figure.BALLOTS: "BallotsCast", Figure.INVALID: "BallotsRejected"}
        for kind, sheet in self._sheets():
            held = {
                name: sheet.figures[figure] for figure, name in names.items() if sheet.figures.get(figure) is not None
            }
            if held:
                yield _object("BallotCounts", GpUnitId=self.place[sheet.station], **held) | kind

    def _sheets(self) -> Iterator[tuple[dict[str, str], Sheet]]:
        """Yield sheets of stations on the slate, with the type of their counts."""
        for i, delivery in enumerate(self.deliveries):
            kind = {"Type": OTHER, "OtherType": delivery.channel.name} if i else {"Type": TOTAL}
            yield from ((kind, sheet) for sheet in delivery.sheets if sheet.station in self.place)


def problems(report: object) -> list[str]:
    """Return what the standard's JSON Schema has against a report, place by place; nothing if it holds.

    Raises:
        DataError: jsonschema is not installed.
    """
    try:
        from jsonschema import Draft4Validator, validators  # type: ignore[import-untyped]  # ships no types
    except ImportError as error:
        raise DataError(
            "the standard's schema needs the package jsonschema", remedy="pip install 'e2ev[nist]'"
        ) from error
    path = files("e2ev.formats") / "standards" / "NIST_V2_election_results_reporting.json"
    schema = json.loads(path.read_text("utf-8"))
    validator = validators.extend(Draft4Validator, {"oneOf": _one_of(Draft4Validator.VALIDATORS["oneOf"])})
    found = sorted(validator(schema).iter_errors(report), key=lambda one: list(map(str, one.absolute_path)))
    return [f"$.{'.'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in found[:_MOST_PROBLEMS]]


def _one_of(plain: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """Return the keyword "oneOf" that looks at the alternative which an object's "@type" names, if one does.

    All alternatives of the standard are objects that differ in "@type", so no other one can hold; to try each of them
    at every level takes minutes for a country.
    """

    def one_of(validator: Any, alternatives: list[Json], instance: Any, schema: Json) -> Iterator[Any]:
        named = instance.get("@type") if isinstance(instance, dict) else None
        same = [one for one in alternatives if one.get("$ref") == f"#/definitions/{named}"]
        if len(same) == 1:
            yield from validator.descend(instance, same[0])
        else:
            yield from plain(validator, alternatives, instance, schema)

    return one_of
