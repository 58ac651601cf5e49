"""How votes become seats, recomputed from a rule and votes alone (specs/results.md, "Seats").

All arithmetic is exact. Where options are level for a seat, nothing here decides: the tie is in the answer, and a lot
that was drawn in public decides if it is given.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from e2ev.errors import DataError
from e2ev.manifest import WHOLE, Seats

Votes = Mapping[str, int]
"""Votes by the options' labels."""

_HIGHEST_AVERAGES = ("dhondt", "sainte-lague", "modified-sainte-lague")


@dataclass(frozen=True, slots=True)
class Tie:
    """Options that are level for fewer seats than they are.

    Attributes:
        options: Their labels, in the order of the contest.
        seats: How many seats they are level for.
        by_lot: Who won them by the lot that was given; nobody if none was.
    """

    options: tuple[str, ...]
    seats: int
    by_lot: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Allocation:
    """The seats of a contest.

    Attributes:
        rule: By which they were given.
        seats: By option, in the order of the contest; those that take part and win none have 0.
        below: Votes of options below the threshold, which are lost.
        seatless: Votes of options that win no seats by the rule.
        valid: All votes.
        tie: For the last seats, if there is one.
        vacant: Seats that nobody has votes for, or that a tie leaves open.
    """

    rule: Seats
    seats: Mapping[str, int]
    below: Mapping[str, int]
    seatless: Mapping[str, int]
    valid: int
    tie: Tie | None = None
    vacant: int = 0

    @property
    def lost(self) -> int:
        """Votes that are lost to the threshold."""
        return sum(self.below.values())

    def most(self, option: str) -> int:
        """Return the most seats that an option has, however a tie is decided."""
        in_tie = self.tie is not None and not self.tie.by_lot and option in self.tie.options
        return self.seats.get(option, 0) + in_tie


def allocate(rule: Seats, votes: Votes, lot: Sequence[str] = (), valid: int | None = None) -> Allocation:
    """Return the seats that votes give.

    Args:
        rule: Of the contest.
        votes: Of every option, in the order of the contest.
        lot: Options in the order in which a lot put them: the first of those that are level wins.
        valid: All valid votes, of which a threshold is a share; by default, those of `votes`.

    Raises:
        DataError: A number is negative, or the lot lacks somebody who is level.
    """
    if any(count < 0 for count in votes.values()):
        raise DataError("an option has a negative number of votes", remedy="look for a count that was wrapped")
    whole = sum(votes.values()) if valid is None else valid
    seatless = {option: count for option, count in votes.items() if option in rule.seatless}
    standing = {option: count for option, count in votes.items() if option not in rule.seatless}
    below = {o: count for o, count in standing.items() if o not in rule.exempt and not passes(rule, count, whole)}
    taking = {option: count for option, count in standing.items() if option not in below}
    won = _given(rule, taking)
    tie, seats = won.tie, dict(won.seats)
    if tie is not None and lot:
        tie = _drawn(tie, lot)
        seats |= {option: seats[option] + 1 for option in tie.by_lot}
    return Allocation(rule, seats, below, seatless, whole, tie, rule.number - sum(seats.values()))


def passes(rule: Seats, votes: int, valid: int) -> bool:
    """Return whether so many votes of all valid ones are enough for the threshold."""
    return votes * WHOLE >= rule.threshold_points * valid and votes >= rule.threshold_votes


def _drawn(tie: Tie, lot: Sequence[str]) -> Tie:
    missing = [option for option in tie.options if option not in lot]
    if missing:
        raise DataError(f"the lot does not have {', '.join(missing)}, who are level",
                        remedy="draw the lot among all who are level, and give all of them in its order")  # fmt: skip
    ordered = sorted(tie.options, key=list(lot).index)
    return Tie(tie.options, tie.seats, tuple(ordered[: tie.seats]))


@dataclass(slots=True)
class _Given:
    """Seats as they are given out, one place in the ranking after another."""

    left: int
    seats: dict[str, int]
    tie: Tie | None = None

    def to(self, level: Iterable[str]) -> bool:
        """Give one seat to each of those who are level, if there are enough; return whether to go on."""
        asked = set(level)
        who = [option for option in self.seats if option in asked]
        if len(who) > self.left:
            self.tie = Tie(tuple(who), self.left) if self.left else None
            return False
        for option in who:
            self.seats[option] += 1
        self.left -= len(who)
        return self.left > 0


def _given(rule: Seats, votes: Votes) -> _Given:
    given = _Given(rule.number, dict.fromkeys(votes, 0))
    if rule.rule in _HIGHEST_AVERAGES:
        _highest_averages(rule, votes, given)
    elif rule.rule == "hare":
        _largest_remainder(votes, given)
    else:
        for count in sorted({count for count in votes.values() if count}, reverse=True):
            if not given.to(option for option, held in votes.items() if held == count):
                break
    return given


def divisor(rule: Seats, seats: int) -> Fraction:
    """Return what an option's votes are divided by for its next seat when it has so many."""
    if rule.rule == "dhondt":
        return Fraction(seats + 1)
    if rule.rule == "modified-sainte-lague" and not seats:
        return Fraction(rule.first_divisor, 100)
    return Fraction(2 * seats + 1)


def _highest_averages(rule: Seats, votes: Votes, given: _Given) -> None:
    next_ones = {option: count / divisor(rule, 0) for option, count in votes.items() if count}
    going = bool(next_ones)
    while going:
        highest = max(next_ones.values())
        level = [option for option, quotient in next_ones.items() if quotient == highest]
        going = given.to(level)
        next_ones |= {option: votes[option] / divisor(rule, given.seats[option]) for option in level}


def _largest_remainder(votes: Votes, given: _Given) -> None:
    whole, number = sum(votes.values()), given.left
    if not whole:
        return
    shares = {option: Fraction(count * number, whole) for option, count in votes.items()}
    given.seats = {option: floor(share) for option, share in shares.items()}
    given.left -= sum(given.seats.values())
    remainders = {option: share - given.seats[option] for option, share in shares.items()}
    for remainder in sorted(set(remainders.values()), reverse=True):
        if not given.to(option for option, held in remainders.items() if held == remainder):
            break


# What disputed ballots could change


@dataclass(frozen=True, slots=True)
class SeatRange:
    """How many seats an option has for certain, and how many it could have."""

    option: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class AtStake:
    """What open ballots could do to the seats.

    Attributes:
        ranges: Every option that takes part, in the order of the contest.
        sure: Seats that are certain, all together.
    """

    ranges: tuple[SeatRange, ...]
    sure: int = field(default=0)

    @property
    def contested(self) -> tuple[SeatRange, ...]:
        """Options whose number of seats is not certain."""
        return tuple(one for one in self.ranges if one.least < one.most)

    @property
    def could_change(self) -> bool:
        """Whether some seat is not certain; where this is False, no ballots within the bounds can change any."""
        return bool(self.contested)


def seats_at_stake(rule: Seats, low: Votes, high: Votes) -> AtStake:
    """Return what is certain about seats when each option's votes lie between two bounds.

    For missing ballots `low` is what is counted, and `high` has the missing ones on top, for each option; for disputed
    ones `low` is without what the dispute could take. The bounds of options are taken apart from one another, so "could
    change" may be said where no one set of ballots does it; "cannot change" is certain.

    Raises:
        ValueError: The two are not of the same options, or one is above the other.
    """
    if low.keys() != high.keys() or any(low[option] > high[option] for option in low):
        raise ValueError("bounds are of the same options, none above the other")
    taking = [option for option in low if option not in rule.seatless]
    ranges = tuple(_range(rule, option, low, high, taking) for option in taking)
    return AtStake(ranges, sum(one.least for one in ranges))


def stakes(rule: Seats, options: Sequence[str]) -> Callable[[Sequence[int], Sequence[int]], Sequence[tuple[int, int]]]:
    """Return what turns the fewest and the most votes of options, in their order, into their fewest and most seats."""

    def bounds(low: Sequence[int], high: Sequence[int]) -> Sequence[tuple[int, int]]:
        pairs = (dict(zip(options, votes, strict=True)) for votes in (low, high))
        found = {one.option: (one.least, one.most) for one in seats_at_stake(rule, *pairs).ranges}
        return [found.get(option, (0, 0)) for option in options]

    return bounds


def _range(rule: Seats, option: str, low: Votes, high: Votes, taking: Sequence[str]) -> SeatRange:
    fewest, most = sum(low.values()), sum(high.values())
    others = [other for other in taking if other != option]
    able = [o for o in others if o in rule.exempt or passes(rule, high[o], fewest)]
    sure = [o for o in others if o in rule.exempt or passes(rule, low[o], most)]
    worst = {option: low[option]} | {o: high[o] for o in able}
    best = {option: high[option]} | {o: low[o] for o in sure}
    in_at_worst = option in rule.exempt or passes(rule, low[option], most)
    in_at_best = option in rule.exempt or passes(rule, high[option], fewest)
    least = _fewest_seats(rule, option, worst) if in_at_worst else 0
    return SeatRange(option, least, _most_seats(rule, option, best) if in_at_best else 0)


def _fewest_seats(rule: Seats, option: str, votes: Votes) -> int:
    if rule.rule == "hare":
        return floor(_quota(rule, option, votes))
    return _given(rule, votes).seats[option]


def _most_seats(rule: Seats, option: str, votes: Votes) -> int:
    if rule.rule == "hare":
        return ceil(_quota(rule, option, votes))
    given = _given(rule, votes)
    return given.seats[option] + (given.tie is not None and option in given.tie.options)


def _quota(rule: Seats, option: str, votes: Votes) -> Fraction:
    """Return how many quotas an option has: largest remainders give it that number, rounded down or up."""
    whole = sum(votes.values())
    return Fraction(votes[option] * rule.number, whole) if whole else Fraction(0)
