"""What the page of a report shows of a board: people, ballots, results and counting groups, as mere values.

Nothing here judges. A board that was tampered with can state anything, so whatever it states is taken only where it
fits the manifest; the checks say what is wrong with the rest.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from e2ev.board.contents import Contents
from e2ev.counting import cells
from e2ev.manifest import Contest, Manifest
from e2ev.record.bodies import CellResult
from e2ev.verify.answers import DeviceBallots, device_ballots, result_of
from e2ev.verify.check import Report, State

LONGEST = 500
"""Rows of one table that are shown."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a key who had a part in the election.

    Attributes:
        role: In the words of the glossary, a message.
        name: As the board has it, or empty.
        key: In hex.
        state: How the check came out that compares the key with what is known from elsewhere.
    """

    role: str
    name: str
    key: str
    state: State


@dataclass(frozen=True, slots=True)
class PlaceBallots:
    """What became of the ballots of one polling place; numbers as in `DeviceBallots`."""

    place: str
    devices: int
    ballots: int
    counted: int
    excluded: int
    tests: int
    other: int


@dataclass(frozen=True, slots=True)
class Group:
    """Ballots of one contest that are counted together.

    Attributes:
        places: Names of their polling places; several where they were merged.
        ballots: How many.
        counts: Votes by option; None if nothing is decrypted yet, or if the group stays closed for good.
        closed: Whether it stays closed: there are too few ballots to hide each.
    """

    places: tuple[str, ...]
    ballots: int
    counts: tuple[int, ...] | None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class ContestShown:
    """One contest: its options, how many votes each has in all opened groups together, and the groups."""

    title: str
    options: tuple[tuple[str, int], ...]
    groups: tuple[Group, ...]

    @property
    def votes(self) -> int:
        """All votes together."""
        return sum(count for _, count in self.options)

    @property
    def opened(self) -> int:
        """Ballots whose votes are in the result."""
        return sum(group.ballots for group in self.groups if group.counts is not None)


def people(report: Report) -> tuple[Person, ...]:
    """Return who ran the election: the election office, the log, the key holders."""
    contents = report.contents
    if contents is None:
        return ()
    states = {one.check.id: one.state for one in report.outcomes}
    genesis = contents.genesis.body.form

    def person(role: str, name: str, key: bytes, check: str) -> Person:
        return Person(role, name, key.hex(), states.get(check, State.NOT_RUN))

    return (
        person("election office", "", contents.administrator, "A.4"),
        person("log of the board", genesis.log_origin, genesis.log_key, "A.3"),
        *(person("key holder", seat.name, seat.author, "A.2") for seat in genesis.trustees),
    )


def places(report: Report) -> tuple[PlaceBallots, ...]:
    """Return what became of the ballots, polling place by polling place."""
    by_place: dict[str, list[DeviceBallots]] = {}
    for device in device_ballots(report):
        by_place.setdefault(device.place, []).append(device)
    return tuple(_place(place, devices) for place, devices in by_place.items())


def _place(place: str, devices: Sequence[DeviceBallots]) -> PlaceBallots:
    sums = Counter[str]()
    for one in devices:
        sums.update(ballots=one.ballots, counted=one.counted, excluded=one.excluded, tests=one.tests)
    other = sums["ballots"] - sums["counted"] - sums["excluded"] - sums["tests"]
    return PlaceBallots(place, len(devices), sums["ballots"], sums["counted"], sums["excluded"], sums["tests"], other)


def contests(report: Report, languages: tuple[str, ...]) -> tuple[ContestShown, ...]:
    """Return every contest with its result and its counting groups, named in the best of `languages`."""
    contents = report.contents
    if contents is None:
        return ()
    result = result_of(contents)
    stated = tuple(_fitting(contents, result.cells)) if result else ()
    return tuple(_contest(report, contents, contest, stated, languages) for contest in contents.manifest.contests)


def _fitting(contents: Contents, stated: Sequence[CellResult]) -> Iterator[CellResult]:
    """Yield those cells of a result whose contest and number of options the manifest has."""
    known = {contest.index: contest for contest in contents.manifest.contests}
    for cell in stated:
        contest = known.get(cell.contest)
        if contest is not None and len(cell.options) == len(contest.options):
            yield cell


def _contest(
    report: Report, contents: Contents, contest: Contest, stated: Sequence[CellResult], languages: tuple[str, ...]
) -> ContestShown:
    groups = tuple(_groups(report, contents.manifest, contest, stated, languages))
    counts = [group.counts for group in groups if group.counts is not None]
    totals = [sum(column) for column in zip(*counts, strict=True)] if counts else [0] * len(contest.options)
    titles = [option.title(languages) for option in contest.options]
    return ContestShown(contest.title(languages), tuple(zip(titles, totals, strict=True)), groups)


def _groups(
    report: Report, manifest: Manifest, contest: Contest, stated: Sequence[CellResult], languages: tuple[str, ...]
) -> Iterator[Group]:
    """Yield the cells that follow from the ballots, with what the result states of each, then what stays closed."""
    by_units = {cell.units: tuple(one.count.count for one in cell.options) for cell in stated
                if cell.contest == contest.index}  # fmt: skip
    own = {place: pile for place, pile in report.piles.items() if place[0] == contest.index}
    made = cells(own, manifest.minimum_cell)
    for cell in made:
        yield Group(_titles(manifest, cell.units, languages), cell.pile.ballots, by_units.get(cell.units))
    if own and not made:
        units = tuple(sorted(unit for _, unit in own))
        yield Group(_titles(manifest, units, languages), sum(pile.ballots for pile in own.values()), None, closed=True)


def _titles(manifest: Manifest, units: Sequence[int], languages: tuple[str, ...]) -> tuple[str, ...]:
    known = manifest.reporting_units
    return tuple(known[unit - 1].title(languages) if 1 <= unit <= len(known) else f"#{unit}" for unit in units)
