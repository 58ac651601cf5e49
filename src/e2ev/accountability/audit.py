"""A hand count of a few stations that bounds the chance of a wrong outcome: batch comparison, risk limiting.

Method (specs/results.md, "Audit by hand"): MACRO, the maximum relative overstatement of margins across contests, with
batches drawn with probability proportional to their error bounds and the Kaplan-Markov P-value. P. B. Stark, Efficient
post-election audits of multiple contests: 2009 California tests, Conference on Empirical Legal Studies 2009; and
Risk-limiting post-election audits: conservative P-values from common probability inequalities, IEEE Transactions on
Information Forensics and Security 4(4), 2009. Bounds and draws are exact fractions: everybody draws the same.
"""

import hashlib
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from itertools import accumulate
from math import ceil, inf, log

from e2ev.accountability.sheets import Delivery, Figure, Sheet, Slate, StationId
from e2ev.errors import DataError

FEWEST_DIGITS = 20
"""Of a seed: so many rolls of dice nobody foresees or tries out."""
_TICKET = 1 << 256

Counts = Mapping[str, tuple[int, ...]]
"""Votes by contest, one number an option in the slate's order."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A winner and a loser of a contest, by position of their options, and the margin between them."""

    contest: str
    winner: int
    loser: int
    margin: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One station as it was reported.

    Attributes:
        station: Its number.
        votes: As reported; zeros where no sheet says.
        most: More ballots than this were not cast there.
        bound: The most by which it can overstate a margin, as a share of the margin (u_p).
    """

    station: StationId
    votes: Counts
    most: int
    bound: Fraction


@dataclass(frozen=True, slots=True)
class Population:
    """What a sample is drawn from.

    Attributes:
        pairs: Every winner with every loser of every contest.
        batches: Stations, in the slate's order.
        unreported: Stations without a readable sheet: they stand in the reported result with zeros.
    """

    pairs: tuple[Pair, ...]
    batches: tuple[Batch, ...]
    unreported: tuple[StationId, ...] = ()

    @property
    def bound(self) -> Fraction:
        """The most that all stations together can overstate (U); the outcome can be wrong only if it is at least 1."""
        return sum((batch.bound for batch in self.batches), Fraction(0))

    def size(self, risk_limit: float) -> int:
        """Return how many draws suffice if the hand count finds nothing (Kaplan-Markov)."""
        return draws_needed(self.bound, risk_limit)

    def draw(self, seed: str, draws: int) -> tuple[StationId, ...]:
        """Return the stations that a seed draws, in order; a station can be drawn again.

        Draw i takes the batch into whose part of the line of all bounds the number
        SHA-256(seed ‖ "," ‖ i) / 2^256 · U falls: R. L. Rivest's sampler, i in decimal from 1.

        Raises:
            DataError: The seed is too short, or no station can overstate anything.
        """
        text, ends = read_seed(seed), list(accumulate(batch.bound for batch in self.batches))
        if not ends or not ends[-1]:
            raise DataError("no station can change the outcome: there is nothing to draw")
        numbers = (int.from_bytes(hashlib.sha256(f"{text},{i}".encode()).digest()) for i in range(1, draws + 1))
        return tuple(self.batches[bisect_right(ends, number * ends[-1] / _TICKET)].station for number in numbers)


def read_seed(seed: str) -> str:
    """Return a seed as it is hashed: its digits alone, at least `FEWEST_DIGITS`.

    Raises:
        DataError: It is too short, or has other signs than digits, spaces and hyphens.
    """
    digits = "".join(str(unicodedata.decimal(sign, "?")) for sign in seed if sign not in " -\n\t")
    if "?" in digits or len(digits) < FEWEST_DIGITS:
        remedy = "roll ten-sided dice in public, or six-sided ones, and write what they show"
        raise DataError(f"a seed has {FEWEST_DIGITS} digits or more, and nothing else", remedy=remedy)
    return digits


def draws_needed(bound: Fraction, risk: float) -> int:
    """Return how many draws without an error bring a risk of 1 down to `risk`."""
    if bound <= 1:  # at 1, a single station without the full error shows that the outcome is right
        return int(bound == 1)
    return ceil(log(risk) / log(1 - 1 / float(bound)))


def population(slate: Slate, delivery: Delivery, winners: Mapping[str, int]) -> Population:
    """Return what is audited: contests in which the options with the most votes win.

    Args:
        slate: Contests and stations.
        delivery: The reported results.
        winners: How many options win, by contest; others are not audited.

    Raises:
        DataError: A contest is level, has no loser, or a station's ballots cannot be bounded.
    """
    sheets = {sheet.station: sheet for sheet in delivery.sheets}
    reported = {station.id: _reported(slate, sheets.get(station.id), station.id, winners) for station in slate.stations}
    pairs = tuple(pair for contest in winners for pair in _pairs(slate, contest, winners[contest], reported))
    blank = tuple(one for one in reported if not _is_readable(slate, sheets.get(one), one, winners))
    made = []
    for station in slate.stations:
        sheet, votes = sheets.get(station.id), reported[station.id]
        most = _most_ballots(slate, sheet, station.registered, votes)
        if most is None:
            raise DataError(f"nobody says how many ballots station {station.id} can have",
                            where=sheet.where if sheet else "",
                            remedy="give its number of ballots, or the size of its register")  # fmt: skip
        made.append(Batch(station.id, votes, most, _error_bound(slate, pairs, votes, most, station.id)))
    return Population(pairs, tuple(made), blank)


def _is_readable(slate: Slate, sheet: Sheet | None, station: StationId, winners: Mapping[str, int]) -> bool:
    held = [contest.label for contest in slate.contests_at(station) if contest.label in winners]
    return sheet is not None and all(sheet.total(contest) is not None for contest in held)


def _reported(slate: Slate, sheet: Sheet | None, station: StationId, winners: Mapping[str, int]) -> Counts:
    readable = _is_readable(slate, sheet, station, winners)
    return {
        contest.label: tuple(count or 0 for count in sheet.votes[contest.label])
        if sheet is not None and readable
        else (0,) * len(contest.options)
        for contest in slate.contests_at(station)
        if contest.label in winners
    }


def _pairs(slate: Slate, label: str, number: int, reported: Mapping[StationId, Counts]) -> Iterator[Pair]:
    options = slate.contest(label).options
    totals = [sum(votes[label][i] for votes in reported.values() if label in votes) for i in range(len(options))]
    order = sorted(range(len(options)), key=totals.__getitem__, reverse=True)
    if not 1 <= number < len(options):
        raise DataError(f"{label} has {len(options)} options, and {number} win", remedy="--winners, below the options")
    for winner in order[:number]:
        for loser in order[number:]:
            if totals[winner] == totals[loser]:
                raise DataError(f"{label}: {options[winner]} and {options[loser]} are level",
                                remedy="count all of it by hand: no sample can tell who is ahead")  # fmt: skip
            yield Pair(label, winner, loser, totals[winner] - totals[loser])


def _most_ballots(slate: Slate, sheet: Sheet | None, registered: int | None, votes: Counts) -> int | None:
    """Return a bound on a station's ballots: what its sheet states; where it is blank, its register."""
    figures = sheet.figures if sheet is not None else {}
    stated, own = figures.get(Figure.BALLOTS), figures.get(Figure.REGISTERED)
    known = next((number for number in (stated, registered, own) if number is not None), None)
    if known is None:
        return None
    return max([known, *(-(-sum(counts) // slate.contest(label).limit) for label, counts in votes.items())])


def _error_bound(slate: Slate, pairs: Sequence[Pair], votes: Counts, most: int, station: StationId) -> Fraction:
    held = {contest.label: contest.limit for contest in slate.contests_at(station)}
    bounds = [
        Fraction(votes[pair.contest][pair.winner] - votes[pair.contest][pair.loser] + most, pair.margin)
        for pair in pairs
        if pair.contest in held
    ]
    return max(bounds, default=Fraction(0))


# What the hand count says


class Step(Enum):
    """What an assessment says is to be done."""

    STOP = "stop: the reported outcome stands"
    COUNT = "count the stations that are drawn"
    MORE = "draw more stations, and count them"
    FULL = "count every station by hand"


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw: the station, the taint that the hand count found (None if it was not counted), and the risk so far."""

    number: int
    station: StationId
    taint: Fraction | None
    risk: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the hand count says.

    Attributes:
        draws: In order, as far as they were counted.
        risk: The measured risk: had the outcome been wrong, so good a sample had at most this chance.
        step: What is to be done.
        missing: Stations that are drawn and not counted.
        further: How many draws more would suffice if they show no error.
    """

    draws: tuple[Draw, ...]
    risk: float
    step: Step
    missing: tuple[StationId, ...]
    further: int


def assess(reported: Population, drawn: Sequence[StationId], counted: Mapping[StationId, Counts],
           risk_limit: float) -> Assessment:  # fmt: skip
    """Return what the hand counts of the drawn stations say, draw after draw.

    The product of (1 - 1/U) / (1 - taint) has a mean of at most 1 at each draw where the outcome is wrong, so whoever
    stops when it is at most the risk limit stops wrongly with no more than that chance, however often they look.

    Raises:
        DataError: A station was counted in another form than reported, or nothing can be at stake.
    """
    if reported.bound < 1:  # all stations together cannot overstate a margin
        return Assessment((), 0.0, Step.STOP, (), 0)
    batches = {batch.station: batch for batch in reported.batches}
    factor = 1 - 1 / float(reported.bound)
    risk, draws = 1.0, list[Draw]()
    missing = tuple(dict.fromkeys(station for station in drawn if station not in counted))
    for number, station in enumerate(drawn, 1):
        if station in missing:
            break
        taint = taint_of(reported.pairs, batches[station], counted[station])
        risk = inf if taint >= 1 else risk * factor / float(1 - taint)
        draws.append(Draw(number, station, taint, risk))
        if risk <= risk_limit:
            return Assessment(tuple(draws), risk, Step.STOP, (), 0)
    return _unfinished(reported, tuple(draws), missing, risk, risk_limit)


def _unfinished(
    reported: Population, draws: tuple[Draw, ...], missing: tuple[StationId, ...], risk: float, risk_limit: float
) -> Assessment:
    if risk == inf:
        return Assessment(draws, inf, Step.FULL, missing, 0)
    further = draws_needed(reported.bound, risk_limit / risk)
    if missing:
        return Assessment(draws, risk, Step.COUNT, missing, further)
    step = Step.FULL if len(draws) + further >= len(reported.batches) else Step.MORE
    return Assessment(draws, risk, step, (), further)


def taint_of(pairs: Sequence[Pair], batch: Batch, counted: Counts) -> Fraction:
    """Return the overstatement that the hand count found in a station, as a share of its bound (t_p)."""
    for contest, votes in batch.votes.items():
        if len(counted.get(contest, ())) != len(votes):
            raise DataError(f"the hand count of {batch.station} is not of {contest}, or lacks options of it",
                            remedy="count every audited contest of a drawn station, every option")  # fmt: skip
    errors = [_overstated(pair, batch.votes[pair.contest], counted[pair.contest]) for pair in pairs
              if pair.contest in batch.votes]  # fmt: skip
    worst = max(errors, default=Fraction(0))
    return worst / batch.bound if batch.bound > 0 else Fraction(int(worst > 0))


def _overstated(pair: Pair, reported: Sequence[int], counted: Sequence[int]) -> Fraction:
    stated = reported[pair.winner] - reported[pair.loser]
    return Fraction(stated - (counted[pair.winner] - counted[pair.loser]), pair.margin)


def counts_of(slate: Slate, delivery: Delivery) -> dict[StationId, Counts]:
    """Return the hand counts in a delivery: stations all of whose numbers are there.

    Raises:
        DataError: A station was counted twice with different numbers.
    """
    found: dict[StationId, Counts] = {}
    for sheet in delivery.sheets:
        counts = {label: tuple(count for count in votes if count is not None) for label, votes in sheet.votes.items()}
        if any(len(counts[label]) != len(slate.contest(label).options) for label in counts) or not counts:
            continue
        if found.setdefault(sheet.station, counts) != counts:
            raise DataError(f"station {sheet.station} has two different hand counts", where=sheet.where,
                            remedy="find out which one holds, and give that one alone")  # fmt: skip
    return found


def alike(slate: Slate, other: Slate, counted: Mapping[StationId, Counts]) -> dict[StationId, Counts]:
    """Return hand counts with contests and options as the results have them, whose tables may order them otherwise.

    Raises:
        DataError: The hand count has other options.
    """
    places = {}
    for contest in slate.contests:
        same = [one for one in other.contests if one.label == contest.label]
        if not same and len(slate.contests) == len(other.contests) == 1:
            same = list(other.contests)
        if same and set(same[0].options) != set(contest.options):
            raise DataError(f"the hand count of {contest.label} has other options than the results",
                            remedy=f"name them: {', '.join(contest.options)}")  # fmt: skip
        if same:
            order = [same[0].options.index(option) for option in contest.options]
            places[contest.label] = (same[0].label, order)
    return {
        station: {
            label: tuple(votes[held][i] for i in order) for label, (held, order) in places.items() if held in votes
        }
        for station, votes in counted.items()
    }
