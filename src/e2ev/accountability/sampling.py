"""From a list of stations and of those that were drawn to a design, and from observers' copies to votes by station."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from e2ev.accountability.collection import Collection, conflicts
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
    disputed = {one.station for one in conflicts(collection) if one.about.startswith(f"{contest}: ")}
    votes: dict[str, Mapping[str, int]] = {}
    options: dict[str, None] = {}
    for one in collection.of(Result):
        said = one.said
        if not isinstance(said, Result) or said.contest != contest or said.at_least:
            continue
        options |= dict.fromkeys(vote.option for vote in said.votes)
        read = {vote.option: vote.votes for vote in said.votes if vote.votes is not None}
        if said.station not in disputed and len(read) == len(said.votes) > 0:
            votes[said.station] = read
    if not options:
        raise DataError(f"there is no copy of a result sheet of {contest!r}", remedy="check the contest's label")
    whole = {station: read for station, read in votes.items() if len(read) == len(options)}
    return whole, tuple(options)
