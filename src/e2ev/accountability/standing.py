"""The bottom line: could disputed and missing ballots change who wins? Bounds are honest, or said to be missing.

A station is settled for a contest if one full set of numbers stands there unopposed. Of a disputed one, each channel's
set is possible. Where there is none, or the station's key signed two statements, everybody on its register may have
voted in any way; without a register nothing bounds it.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from e2ev.accountability.sheets import Contest, Figure, Slate, StationId
from e2ev.accountability.verdicts import Said, Standing, StationResult, Verdict

Seats = Callable[[Sequence[int], Sequence[int]], Sequence[tuple[int, int]]]
"""Takes the fewest and the most votes of each option, and returns its fewest and its most seats."""

Vector = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Possible:
    """What a station may have given in one contest.

    Attributes:
        station: Which one.
        sets: Numbers that channels state, the first channel's first; empty if none is known.
        slack: Votes that may lie anywhere besides: of unknown ballots, or of ballots in dispute; None if unbounded.
        alone: Whether one origin alone states the numbers.
    """

    station: StationId
    sets: tuple[Vector, ...]
    slack: int | None = 0
    alone: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether there is only one possibility."""
        return len(self.sets) == 1 and self.slack == 0

    def fewest(self, option: int) -> int:
        """Return the fewest votes that an option may have here."""
        return min((one[option] for one in self.sets), default=0)

    def most(self, option: int) -> int:
        """Return the most votes that an option may have here, where what is open is bounded."""
        return max((one[option] for one in self.sets), default=0) + (self.slack or 0)

    def swing(self, leader: int, challenger: int) -> int | None:
        """Return by how much the leader's lead over the challenger may shrink from the first set; None if unbounded."""
        if self.slack is None:
            return None
        leads = [one[leader] - one[challenger] for one in self.sets]
        return (leads[0] - min(leads) if leads else 0) + self.slack


def standings(slate: Slate, results: Sequence[StationResult], seats: Mapping[str, Seats]) -> tuple[Standing, ...]:
    """Return the bottom line of each contest that some channel carries."""
    made = []
    for contest in slate.contests:
        if any(contest.label in said.sheet.votes for result in results for said in result.accepted):
            made.append(_standing(contest, list(_possible(slate, contest, results)), seats.get(contest.label)))
    return tuple(made)


def _possible(slate: Slate, contest: Contest, results: Sequence[StationResult]) -> Iterator[Possible]:
    for result in results:
        if slate.station(result.id) is None or contest not in slate.contests_at(result.id):
            continue
        firm = [said for said in result.accepted if said.is_firm and contest.label in said.sheet.votes]
        told = firm or [said for said in result.accepted if contest.label in said.sheet.votes]
        sets = _sets(contest, told)
        if result.verdict is Verdict.FORK or not sets:
            bound = _bound(slate, result)
            yield Possible(result.id, (), None if bound is None else bound * contest.limit)
            continue
        slack = max(_ballots_in_dispute(result.accepted) * contest.limit, _votes_in_excess(contest, result))
        origins = {said.channel.origin for said in told if said.sheet.total(contest.label) is not None}
        yield Possible(result.id, sets, slack, alone=len(origins) < 2)


def _sets(contest: Contest, told: Sequence[Said]) -> tuple[Vector, ...]:
    """Return each full set of numbers once, in the order of the channels; blanks are filled from every full set."""
    stated = tuple(dict.fromkeys(tuple(said.sheet.votes[contest.label]) for said in told))
    full = [counts for counts in stated if None not in counts]
    filled = [
        tuple(base if count is None else count for count, base in zip(counts, known, strict=True))
        for counts in stated
        for known in full
    ]
    return tuple(dict.fromkeys(map(_known, (*full[:1], *filled))))


def _known(counts: Sequence[int | None]) -> Vector:
    return tuple(count for count in counts if count is not None)


def _bound(slate: Slate, result: StationResult) -> int | None:
    """Return how many ballots a station can have at most: those counted without dispute, or its register."""
    counted = {count for said in result.accepted if said.is_firm
               if (count := said.sheet.figures.get(Figure.BALLOTS)) is not None}  # fmt: skip
    if len(counted) == 1 and result.verdict is not Verdict.FORK:
        return counted.pop()
    station = slate.station(result.id)
    if station is not None and station.registered is not None:
        return station.registered
    stated = [size for said in (*result.accepted, *result.set_aside) if said.is_firm
              if (size := said.sheet.figures.get(Figure.REGISTERED)) is not None]  # fmt: skip
    return max(stated, default=None)


def _ballots_in_dispute(accepted: Sequence[Said]) -> int:
    counted = [count for said in accepted if said.is_firm
               if (count := said.sheet.figures.get(Figure.BALLOTS)) is not None]  # fmt: skip
    return max(counted, default=0) - min(counted, default=0)


def _votes_in_excess(contest: Contest, result: StationResult) -> int:
    """Return how many votes there are above the ballots of another channel: no option has them for certain."""
    excess = (
        one.amount or 0
        for one in result.findings
        if one.verdict is Verdict.DISPUTE and one.contest == contest.label and not one.option
    )
    return max(excess, default=0)


def _standing(contest: Contest, stations: Sequence[Possible], seats: Seats | None) -> Standing:
    totals = _sum(len(contest.options), [one.sets[0] for one in stations if one.sets])
    unsettled = [one for one in stations if not one.is_settled]
    order = sorted(range(len(totals)), key=lambda i: -totals[i])
    leader = order[0] if len(order) > 1 and totals[order[0]] > totals[order[1]] else None
    first = order[0]
    challenger = _nearest(first, totals, unsettled)
    swings = [(one.station, one.swing(first, challenger)) for one in unsettled] if challenger is not None else []
    bounded = [swing for _, swing in swings if swing is not None]
    unbounded = tuple(one.station for one in unsettled if one.slack is None)
    return Standing(
        contest.label,
        contest.options,
        totals,
        leader,
        challenger,
        totals[first] - totals[challenger] if challenger is not None else 0,
        None if unbounded else sum(bounded),
        tuple(sorted(swings, key=lambda pair: -(math.inf if pair[1] is None else pair[1]))),
        unbounded,
        sum(one.alone for one in stations),
        tuple(_seat_changes(contest, stations, seats)) if seats and unsettled and not unbounded else (),
    )


def _nearest(leader: int, totals: Vector, unsettled: Sequence[Possible]) -> int | None:
    """Return who has the least lead left against them when all that is open goes against the leader."""

    def left(rival: int) -> int:
        swings = [one.swing(leader, rival) for one in unsettled]
        return totals[leader] - totals[rival] - sum(swing for swing in swings if swing is not None)

    return min((i for i in range(len(totals)) if i != leader), key=left, default=None)


def _sum(width: int, vectors: Sequence[Vector]) -> Vector:
    return tuple(map(sum, zip(*vectors, strict=True))) if vectors else (0,) * width


def _seat_changes(contest: Contest, stations: Sequence[Possible], seats: Seats) -> Iterator[str]:
    """Yield options whose number of seats is not certain; where none is yielded, nothing open can change a seat."""
    places = range(len(contest.options))
    low = [sum(one.fewest(i) for one in stations) for i in places]
    high = [sum(one.most(i) for one in stations) for i in places]
    for label, (least, most) in zip(contest.options, seats(low, high), strict=True):
        if least < most:
            yield f"{label}: {least} to {most}"
