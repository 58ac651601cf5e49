"""Reads results in the form of NIST SP 1500-100 revision 2, ours and others', as slate and deliveries.

Counts of stations are read: of units that no other unit with counts is a part of. Where a unit has no counts of type
"total", those of the standard's types (early, absentee and so on) are added up; a suppressed count is blank. What is no
vote (seats) is left.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from e2ev.accountability.sheets import MAX_COUNT, Channel, Contest, Delivery, Figure, Sheet, Slate, Station, StationId
from e2ev.errors import DataError
from e2ev.formats.nist import AREA, ELECTION_ID, OTHER, PREFIX, TOTAL, Json

RESULTS = "results"
"""Name of the channel of counts of type "total"."""
_REMEDY = "validate the file: e2ev results check FILE"
_UNCOUNTED = ("seats",)

Counts = dict[tuple[str, str], dict[str, int | None]]
"""By unit and by channel's name, counts by type."""


def is_report(value: object) -> bool:
    """Return whether a JSON value says that it is such a report."""
    return isinstance(value, dict) and value.get("@type") == f"{PREFIX}ElectionReport"


def read_report(data: bytes, where: str = "") -> tuple[Slate, tuple[Delivery, ...]]:
    """Return what a report says.

    Raises:
        DataError: It is no such report, names what is not there, or has a count that is none.
    """
    try:
        report = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not JSON: {error}", where=where, remedy="get the file again") from error
    if not is_report(report):
        raise DataError("is no ElectionReport", where=where, remedy='its "@type" is "ElectionResults.ElectionReport"')
    try:
        return _Report(report, where).read()
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise DataError(f"lacks what the standard asks for: {error}", where=where, remedy=_REMEDY) from error


@dataclass
class _Report:
    """A report that is being read."""

    report: Json
    where: str
    units: dict[str, Json] = field(default_factory=dict)
    votes: dict[tuple[str, int], Counts] = field(default_factory=dict)
    ballots: dict[Figure, Counts] = field(default_factory=dict)

    def read(self) -> tuple[Slate, tuple[Delivery, ...]]:
        """Return slate and deliveries."""
        (election,) = self.report["Election"]
        self.units = {unit["@id"]: unit for unit in self.report.get("GpUnit", ())}
        contests = tuple(self._contest(contest, election) for contest in election.get("Contest", ()))
        for one in election.get("BallotCounts", ()):
            for figure, name in ((Figure.BALLOTS, "BallotsCast"), (Figure.INVALID, "BallotsRejected")):
                if name in one:
                    self._take(self.ballots.setdefault(figure, {}), one, one[name])
        stations = self._stations(contests)
        named = [one["Value"] for one in election.get("ExternalIdentifier", ()) if one.get("OtherType") == ELECTION_ID]
        slate = Slate(text_of(election["Name"]), contests, tuple(stations.values()), named[0] if named else "")
        return slate, tuple(self._delivery(name, contests, stations) for name in self._channels())

    def _contest(self, contest: Json, election: Json) -> Contest:
        options = []
        for place, selection in enumerate(contest.get("ContestSelection", ())):
            options.append(self._option(selection, election))
            counts = self.votes.setdefault((contest["Name"], place), {})
            for one in selection.get("VoteCounts", ()):
                self._take(counts, one, one["Count"])
        return Contest(contest["Name"], tuple(options), contest.get("VotesAllowed", 1))

    def _option(self, selection: Json, election: Json) -> str:
        if "Selection" in selection:
            return text_of(selection["Selection"])
        if "PartyIds" in selection:
            parties = {one["@id"]: text_of(one["Name"]) for one in self.report.get("Party", ())}
            return " + ".join(parties[one] for one in selection["PartyIds"])
        names = {one["@id"]: text_of(one["BallotName"]) for one in election.get("Candidate", ())}
        held = [names[one] for one in selection.get("CandidateIds", ())]
        return " + ".join(held) if held else "write-in"

    def _take(self, counts: Counts, one: Json, number: object) -> None:
        """Note a count; of one that is suppressed, that it is blank."""
        if one["GpUnitId"] not in self.units:
            raise DataError(f"counts are of {one['GpUnitId']!r}, which is no unit", where=self.where, remedy=_REMEDY)
        kind, other = one["Type"], one.get("OtherType", "")
        if kind in _UNCOUNTED:
            return
        blank = bool(one.get("IsSuppressedForPrivacy", False))
        held = counts.setdefault((one["GpUnitId"], other if kind == OTHER else ""), {})
        if kind in held:
            raise DataError(f"two counts of type {kind} for {one['GpUnitId']!r}", where=self.where, remedy=_REMEDY)
        held[kind] = None if blank else _whole(number, f"{self.where}, {one['GpUnitId']}")

    def _all_counts(self) -> Iterable[Counts]:
        return (*self.votes.values(), *self.ballots.values())

    def _channels(self) -> list[str]:
        """Return the names under which there are counts, totals first."""
        found = dict.fromkeys(name for counts in self._all_counts() for _, name in counts)
        return sorted(found, key=bool)

    def _stations(self, contests: tuple[Contest, ...]) -> dict[str, Station]:
        """Return the stations by unit: units with counts, without parts that have some."""
        counted = {unit for counts in self._all_counts() for unit, _ in counts}
        areas = {part: text_of(unit["Name"]) for unit in self.units.values() if unit.get("OtherType") == AREA
                 for part in unit.get("ComposingGpUnitIds", ())}  # fmt: skip
        kept = {
            one: unit
            for one, unit in self.units.items()
            if one in counted or (unit.get("Type") == "polling-place" and not unit.get("ComposingGpUnitIds"))
        }
        whole = [one for one, unit in kept.items() if not counted.isdisjoint(unit.get("ComposingGpUnitIds", ()))]
        found = {}
        for one, unit in kept.items():
            if one in whole:
                continue
            voted = tuple(c.label for c in contests if self._votes_at(c, one))
            limited = () if len(voted) in (0, len(contests)) else voted
            number = next((i["Value"] for i in unit.get("ExternalIdentifier", ()) if i["Type"] == "local-level"), one)
            name = text_of(unit["Name"]) if "Name" in unit else ""
            registered = None if "VotersRegistered" not in unit else _whole(unit["VotersRegistered"], self.where)
            found[one] = Station(
                StationId(number), "" if name == number else name, areas.get(one, ""), registered, limited
            )
        return found

    def _votes_at(self, contest: Contest, unit: str) -> bool:
        places = range(len(contest.options))
        return any(held == unit for place in places for held, _ in self.votes[contest.label, place])

    def _delivery(self, name: str, contests: tuple[Contest, ...], stations: Mapping[str, Station]) -> Delivery:
        sheets = [self._sheet(name, unit, station, contests) for unit, station in stations.items()]
        channel = Channel(name or RESULTS, str(self.report["Issuer"]))
        return Delivery(channel, tuple(sheet for sheet in sheets if not sheet.is_blank()))

    def _sheet(self, name: str, unit: str, station: Station, contests: tuple[Contest, ...]) -> Sheet:
        votes = {
            contest.label: tuple(
                _sum(self.votes[contest.label, i].get((unit, name))) for i in range(len(contest.options))
            )
            for contest in contests
            if any((unit, name) in self.votes[contest.label, i] for i in range(len(contest.options)))
        }
        figures: dict[Figure, int | None] = {
            figure: _sum(counts[unit, name]) for figure, counts in self.ballots.items() if (unit, name) in counts
        }
        if not name and "VotersParticipated" in self.units[unit]:
            figures[Figure.CHECKED_IN] = _whole(self.units[unit]["VotersParticipated"], self.where)
        return Sheet(station.id, votes, figures, where=f"{self.where}, {unit}")


def _sum(held: Mapping[str, int | None] | None) -> int | None:
    """Return the total, as stated or added up; None if a part is blank."""
    if held is None:
        return None
    if TOTAL in held:
        return held[TOTAL]
    known = [number for number in held.values() if number is not None]
    return sum(known) if len(known) == len(held) else None


def _whole(number: object, where: str) -> int:
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MAX_COUNT:
        raise DataError(f"a count is {number!r}, not a whole number from 0 to {MAX_COUNT}", where=where, remedy=_REMEDY)
    return number


def text_of(value: Any) -> str:
    """Return a text of the standard in its first language."""
    return str(value["Text"][0]["Content"])
