"""What observers saw, held against what the authority says: the rules OB.1 to OB.5 (specs/observers.md).

A rule says what follows if the sources that it names told the truth. No rule adds up sources, and none judges by a
sample; an estimate from one is made elsewhere (`estimate`), and is no finding.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from e2ev.accountability.collection import Collection, Observation, stated
from e2ev.accountability.observers import Document, Door, Incident, group_of
from e2ev.accountability.sheets import Delivery, Figure, Sheet, Slate, StationId
from e2ev.accountability.times import text_of

RULES: Mapping[str, str] = {
    "OB.1": "the official turnout of a station is no larger than the people whom a complete count at its door saw",
    "OB.2": "no official number is smaller than what independent observers saw counted",
    "OB.3": "every station has an official result sheet",
    "OB.4": "official numbers are those of the copies of the sheet that observers have",
    "OB.5": "observers got their copies and documents, and were let stay",
}
ADVICE: Mapping[str, str] = {
    "OB.1": "ask whoever counted whether the count has no gap, and how many voted at home or early; then go to court",
    "OB.2": "ask for the ballots to be counted by hand before those who saw the count",
    "OB.3": "ask for the result sheet in writing, and note when and whom you asked: e2ev observe document",
    "OB.4": "have two people type the copy from its photograph: e2ev reconcile type; then e2ev observe complaint",
    "OB.5": "write down who refused, when, and by which rule; the finding says what was not seen, not what happened",
}
_REFUSALS = frozenset({"COPY REFUSED", "OBSERVER REMOVED", "OBSERVER HINDERED", "COUNT HIDDEN", "SHEET NOT POSTED"})


def explained(what: str) -> tuple[str, str, str] | None:
    """Return a rule's id, statement and advice; None if there is no such rule."""
    rule = what.strip().upper()
    return (rule, RULES[rule], ADVICE[rule]) if rule in RULES else None


@dataclass(frozen=True, slots=True)
class Terms:
    """What observations are held against official numbers with.

    Attributes:
        opens: When stations open, in seconds since 1970; 0 where nobody said: then no count at the door is complete.
        closes: When they close.
        per_minute: The most people who can go in at one door in a minute, where a count has gaps; 0 where nobody said:
            then only complete counts tell.
        elsewhere: Ballots of a station that were not cast behind its door: at home, early, by post.
        groups: How many independent groups must have seen a number, for OB.2.
        known: Names of the groups that count for OB.2; empty for all, though anybody can call a key by any name.
    """

    opens: int = 0
    closes: int = 0
    per_minute: int = 0
    elsewhere: Mapping[str, int] = field(default_factory=dict)
    groups: int = 2
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """One finding of a rule.

    Attributes:
        rule: Its id.
        station: Where.
        found: What was found, in words.
        sources: On whose word it stands.
        about: Of which number: "contest: option" or a figure; empty where it is about none.
        official: The official number.
        observed: What it is held against.
    """

    rule: str
    station: str
    found: str
    sources: tuple[str, ...] = ()
    about: str = ""
    official: int | None = None
    observed: int | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of it.

    Attributes:
        findings: By rule, then station.
        not_tested: Per rule, what could not be tested and why.
        seen: Stations of the slate that have any observation.
    """

    findings: tuple[Found, ...]
    not_tested: tuple[Found, ...]
    seen: tuple[StationId, ...]


@dataclass(frozen=True, slots=True)
class DoorCount:
    """What one source counted at one door.

    Attributes:
        source: Its name.
        people: Everybody who was counted.
        gap: Seconds between opening and close that it does not cover.
    """

    source: str
    people: int
    gap: int


def compare(slate: Slate, collection: Collection, official: Sequence[Delivery], terms: Terms) -> Compared:
    """Return what the observations show of the official deliveries, rule by rule."""
    sheets: dict[str, list[tuple[str, Sheet]]] = defaultdict(list)
    for delivery in official:
        for sheet in delivery.sheets:
            sheets[sheet.station].append((delivery.channel.name, sheet))
    findings: list[Found] = []
    untested: list[Found] = []
    for rule in (_turnout, _lower_bounds, _missing, _copies, _refusals):
        for tested, found in rule(slate, collection, sheets, terms):
            (findings if tested else untested).append(found)
    known = {one.station for one in collection.observations}
    seen = tuple(station.id for station in slate.stations if station.id in known)
    return Compared(tuple(findings), tuple(untested), seen)


Sheets = Mapping[str, Sequence[tuple[str, Sheet]]]
Ruled = Iterator[tuple[bool, Found]]
"""Yields findings with True, and what could not be tested with False."""


# OB.1


def _turnout(slate: Slate, collection: Collection, sheets: Sheets, terms: Terms) -> Ruled:
    doors: dict[str, list[Observation]] = defaultdict(list)
    for one in collection.of(Door):
        doors[one.station].append(one)
    for station, counts in sorted(doors.items()):
        stated = [(channel, figure, number, at) for channel, sheet in sheets.get(station, ())
                  for figure, number, at in _turnouts(sheet, terms)]  # fmt: skip
        for channel, figure, number, at in stated or [("", Figure.BALLOTS, 0, terms.closes)]:
            until = replace(terms, closes=at)
            some = [one for one in counts if _door(one).since < at]
            bounds = [bound for bound in (_bound(count, until) for count in door_counts(some, until)) if bound]
            if not bounds:
                yield False, Found("OB.1", station, _why_no_bound(some, until), _sources(counts))
                continue
            most, said, source = min(bounds)
            most += terms.elsewhere.get(station, 0)
            if number > most:
                found = f"{channel} says {number:,} {figure.value}; {said}; that is {number - most:,} too many"
                yield True, Found("OB.1", station, found, (source,), figure.value, number, most)


def _turnouts(sheet: Sheet, terms: Terms) -> Iterator[tuple[Figure, int, int]]:
    """Yield what a sheet says of how many came, and by when: at the close, or by the hour of a turnout notice."""
    for figure in (Figure.CHECKED_IN, Figure.BALLOTS, Figure.TURNOUT):
        number = sheet.figures.get(figure)
        if number is not None and figure is not Figure.TURNOUT:
            yield figure, number, terms.closes
        elif number is not None and sheet.at is not None:
            yield figure, number, min(int(sheet.at.timestamp()), terms.closes)


def door_counts(counts: Sequence[Observation], terms: Terms) -> tuple[DoorCount, ...]:
    """Return what each source counted at one station, and what all of them together did.

    People counted by two sources at once are counted twice in what they did together, so that it stays an upper bound.
    """
    names = sorted({one.source for one in counts})
    sets = [(name, [one for one in counts if one.source == name]) for name in names]
    if len(names) > 1:
        sets.append((" and ".join(names), list(counts)))
    return tuple(DoorCount(name, sum(_door(one).people for one in some), _gap(some, terms)) for name, some in sets)


def _door(one: Observation) -> Door:
    if not isinstance(one.said, Door):
        raise TypeError("not a count at the door")
    return one.said


def _gap(counts: Sequence[Observation], terms: Terms) -> int:
    """Return the seconds between opening and close that no count covers."""
    gap, reached = 0, terms.opens
    for door in sorted(map(_door, counts), key=lambda door: door.since):
        if min(door.since, terms.closes) > reached:
            gap += min(door.since, terms.closes) - reached
        reached = max(reached, min(door.until, terms.closes))
    return gap + max(terms.closes - reached, 0)


def _bound(count: DoorCount, terms: Terms) -> tuple[int, str, str] | None:
    """Return the most people who can have gone in, in numbers and words; None where nobody can say."""
    if terms.closes <= terms.opens:
        return None
    if not count.gap:
        return count.people, f"{count.people:,} people went in from opening until then", count.source
    if not terms.per_minute:
        return None
    could = -(-count.gap * terms.per_minute // 60)
    said = f"{count.people:,} people were counted, and {-(-count.gap // 60):,} minutes not covered hold {could:,} more"
    return count.people + could, said, count.source


def _why_no_bound(counts: Sequence[Observation], terms: Terms) -> str:
    if terms.closes <= terms.opens:
        return "nobody said when the station opens and closes, so no count at its door is known to be complete"
    gap = min((count.gap for count in door_counts(counts, terms)), default=terms.closes - terms.opens)
    return f"the count at the door is not complete: {-(-gap // 60):,} minutes are not covered"


def _sources(observations: Sequence[Observation]) -> tuple[str, ...]:
    return tuple(sorted({one.source for one in observations}))


# OB.2 and OB.4


def _lower_bounds(slate: Slate, collection: Collection, sheets: Sheets, terms: Terms) -> Ruled:
    seen: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for place, said in stated(collection, at_least=True).items():
        for counted, one in said:
            group = group_of(one.source)
            if not terms.known or group in terms.known:
                seen[place][group] = max(seen[place].get(group, 0), counted)
    for (station, about), by_group in sorted(seen.items()):
        agreed = sorted(by_group.items(), key=lambda item: -item[1])[: terms.groups]
        groups, least = tuple(group for group, _ in agreed), agreed[-1][1]
        for channel, sheet in sheets.get(station, ()):
            number = dict(official_numbers(slate, sheet)).get(about)
            if number is None or number >= least:
                continue
            found = f"{channel} says {number:,} of {about}; at least {least:,} were seen counted"
            if len(agreed) < terms.groups:
                found += f", by {len(agreed)} of the {terms.groups} independent groups that are asked for"
            yield len(agreed) >= terms.groups, Found("OB.2", station, found, groups, about, number, least)


def official_numbers(slate: Slate, sheet: Sheet) -> Iterator[tuple[str, int | None]]:
    """Yield the numbers of a sheet, each named as `collection.numbers_of` names those of observers."""
    for contest, counts in sheet.votes.items():
        options = slate.contest(contest).options
        yield from ((f"{contest}: {option}", count) for option, count in zip(options, counts, strict=False))
    yield from ((figure.value, number) for figure, number in sheet.figures.items())


def _copies(slate: Slate, collection: Collection, sheets: Sheets, terms: Terms) -> Ruled:
    for (station, about), said in sorted(stated(collection, at_least=False).items(), key=lambda item: item[0]):
        for channel, sheet in sheets.get(station, ()):
            official = dict(official_numbers(slate, sheet)).get(about)
            for copied, one in said:
                if official is not None and copied != official:
                    found = f"{about}: {channel} says {official:,}, the copy of the sheet {copied:,} ({one.where})"
                    yield True, Found("OB.4", station, found, (one.source,), about, official, copied)


# OB.3 and OB.5


def _missing(slate: Slate, collection: Collection, sheets: Sheets, terms: Terms) -> Ruled:
    if not sheets:
        yield False, Found("OB.3", "", "no official numbers were given")
        return
    refused: dict[str, list[Observation]] = defaultdict(list)
    for one in collection.of(Incident):
        if isinstance(one.said, Incident) and one.said.what == "COPY REFUSED":
            refused[one.station].append(one)
    for station in slate.stations:
        if all(sheet.is_blank() for _, sheet in sheets.get(station.id, ())):
            said = refused.get(station.id, ())
            more = "; observers were refused a copy" if said else ""
            yield True, Found("OB.3", station.id, f"there is no official result sheet{more}", _sources(said))


def _refusals(slate: Slate, collection: Collection, sheets: Sheets, terms: Terms) -> Ruled:
    for one in collection.of(Incident):
        if isinstance(one.said, Incident) and one.said.what in _REFUSALS:
            words = f": {one.said.words}" if one.said.words else ""
            yield True, Found("OB.5", one.station, f"{one.said.what}, {text_of(one.said.at)}{words}", (one.source,))
    for one in collection.of(Document):
        if isinstance(one.said, Document) and one.said.state == "refused":
            yield True, Found("OB.5", one.station, f"{one.said.name}: refused on {one.said.date}", (one.source,))
