"""From a list of stations and of those that were drawn to a design, and from observers' copies to votes by station."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from e2ev.accountability.collection import Collection, stated
from e2ev.accountability.estimate import Design, Stratum
from e2ev.accountability.observers import Result
from e2ev.accountability.sheets import Slate
from e2ev.errors import DataError


def design_of(slate: Slate, drawn: Sequence[str], *, stratified: bool) -> Design:
    """Return the design: all stations as one stratum, or one stratum an area.

    Raises:
        DataError: A station was drawn that is not on the list, or none.
    """
    areas = {station.id: station.area if stratified else "" for station in slate.stations}
    unknown = [name for name in drawn if name not in areas]
    if unknown or not drawn:
        raise DataError(f"{', '.join(unknown[:5]) or 'nothing'} was drawn, and is not on the list of stations")
    sizes: dict[str, int] = defaultdict(int)
    for area in areas.values():
        sizes[area] += 1
    by_area = {area: tuple(name for name in drawn if areas[name] == area) for area in sizes}  # type: ignore[index]  # a station's number is text
    return Design(tuple(Stratum(area, size, by_area[area]) for area, size in sizes.items()))


def votes_of(collection: Collection, contest: str) -> tuple[Mapping[str, Mapping[str, int]], tuple[str, ...]]:
    """Return the votes of a contest by station and option, from copies of sheets that agree and can be read; options.

    Raises:
        DataError: There is no copy of a sheet of this contest.
    """
    prefix = f"{contest}: "
    copies = [one.said for one in collection.of(Result) if isinstance(one.said, Result) and not one.said.at_least]
    options = dict.fromkeys(vote.option for said in copies if said.contest == contest for vote in said.votes)
    if not options:
        raise DataError(f"there is no copy of a result sheet of {contest!r}", remedy="check the contest's label")
    votes: dict[str, dict[str, int]] = defaultdict(dict)
    for (station, about), said_of in stated(collection, at_least=False).items():
        numbers = {number for number, _ in said_of}
        if about.startswith(prefix) and len(numbers) == 1:
            votes[station][about.removeprefix(prefix)] = numbers.pop()
    return {station: read for station, read in votes.items() if len(read) == len(options)}, tuple(options)
