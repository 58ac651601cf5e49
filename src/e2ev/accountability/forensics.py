"""Screening of results by station: patterns that are worth a look, and no proof of anything (specs/results.md).

Three pictures: turnout against one option's share, last digits, and percentages that are whole. Each has innocent
explanations; none can say who did what, or that anybody did. No verdict of any kind rests on them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, exp, pi, sqrt
from random import Random
from statistics import fmean, pstdev

from e2ev.accountability.sheets import Delivery, Figure, Sheet, Slate, StationId
from e2ev.errors import DataError

SMALLEST = 100
"""Stations with fewer people on the register, or fewer votes, are left out: their percentages are coarse."""
FEWEST_DIGITS = 200
"""Numbers below which last digits are counted and not judged."""
FEWEST_STATIONS = 50
"""Stations below which nothing is drawn."""
BINS = 50
FINE = 4
"""Bins in each percent."""
_TOLERANCE = 0.05
"""Percentage points around a whole percentage that count as whole (Kobak, Shpilkin and Pshenichnikov 2016)."""
_WORK, _MOST_RUNS, _FEWEST_RUNS = 400_000, 300, 100
_SEED = 2016


@dataclass(frozen=True, slots=True)
class Point:
    """A station: people on its register, ballots, votes for all options, votes for the one that is looked at."""

    station: StationId
    registered: int
    ballots: int
    votes: int
    option: int

    @property
    def turnout(self) -> float:
        """Ballots, in percent of the register."""
        return 100 * self.ballots / self.registered

    @property
    def share(self) -> float:
        """The option's votes, in percent of all votes."""
        return 100 * self.option / self.votes


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many stations could not be looked at, by reason."""

    unread: int = 0
    no_register: int = 0
    small: int = 0
    above: int = 0
    """More ballots than people on the register: voters were added on the day, or a number is wrong."""


@dataclass(frozen=True, slots=True)
class Digits:
    """Last digits of one column of numbers.

    Attributes:
        of: What the numbers are.
        counts: How often each digit from 0 to 9 is the last one.
        chi_square: Against equal frequencies, 9 degrees of freedom.
        p_value: Chance of so large a value if all digits were equally frequent; None with too few numbers.
    """

    of: str
    counts: tuple[int, ...]
    chi_square: float
    p_value: float | None

    @property
    def numbers(self) -> int:
        """How many numbers there are."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Whole:
    """How many stations have a percentage that is whole, within 0.05 points.

    Attributes:
        of: What the percentages are.
        stations: How many there are.
        found: How many are whole.
        expected: Mean of the simulations.
        spread: Their standard deviation.
        as_many: Simulations that have at least as many.
        runs: Number of simulations.
        bins: Stations by quarter of a percent; every fourth bin, from the first, is around a whole percentage.
    """

    of: str
    stations: int
    found: int
    expected: float
    spread: float
    as_many: int
    runs: int
    bins: tuple[int, ...]

    @property
    def p_value(self) -> float:
        """Chance of so many whole ones if votes fell independently around each station's own percentages."""
        return (self.as_many + 1) / (self.runs + 1)


@dataclass(frozen=True, slots=True)
class Screening:
    """Everything that was looked at.

    Attributes:
        title: Of the election.
        contest: Label of the contest.
        option: Label of the option that is looked at.
        points: Stations that could be looked at.
        left_out: Those that could not.
        heat: Stations by bins of turnout and of share, counted; only bins with some.
        digits: Last digits of the option's votes, of all votes.
        whole: Whole percentages of turnout, of the option's share.
    """

    title: str
    contest: str
    option: str
    points: tuple[Point, ...]
    left_out: LeftOut
    heat: dict[tuple[int, int], int]
    digits: tuple[Digits, ...]
    whole: tuple[Whole, ...]


def screen(slate: Slate, delivery: Delivery, contest: str = "", option: str = "") -> Screening:
    """Return what the results of stations look like.

    Args:
        slate: Contests and stations with their registers.
        delivery: The results.
        contest: Label; by default the first one.
        option: Label; by default the one with the most votes.

    Raises:
        DataError: There is no such contest or option, or too few stations can be looked at.
    """
    labels = {one.label: one for one in slate.contests}
    if contest not in labels and contest:
        raise DataError(f"no contest is called {contest!r}", remedy=f"one of: {', '.join(labels)}")
    held = labels[contest or slate.contests[0].label]
    if option and option not in held.options:
        raise DataError(f"{held.label} has no option {option!r}", remedy=f"one of: {', '.join(held.options)}")
    place = held.options.index(option) if option else _leader(delivery, held.label, len(held.options))
    points, left_out = _points(slate, delivery, held.label, place)
    if len(points) < FEWEST_STATIONS:
        found = f"{len(points)} stations can be looked at, and {FEWEST_STATIONS} are the fewest that mean anything"
        raise DataError(found, remedy="give the size of each register, and the results of more stations")
    name = held.options[place]
    return Screening(slate.title, held.label, name, points, left_out, _heat(points), _digits(points, name),
                     _whole(points, name))  # fmt: skip


def _leader(delivery: Delivery, contest: str, options: int) -> int:
    totals = [0] * options
    for sheet in delivery.sheets:
        for i, count in enumerate(sheet.votes.get(contest, ())):
            totals[i] += count or 0
    return max(range(options), key=totals.__getitem__)


def _points(slate: Slate, delivery: Delivery, contest: str, place: int) -> tuple[tuple[Point, ...], LeftOut]:
    found: list[Point] = []
    reasons: Counter[str] = Counter()
    sheets = {sheet.station: sheet for sheet in delivery.sheets}
    for station in slate.stations:
        if all(one.label != contest for one in slate.contests_at(station.id)):
            continue
        made = _point(sheets.get(station.id), station.id, station.registered, contest, place)
        if isinstance(made, Point):
            found.append(made)
        else:
            reasons[made] += 1
    return tuple(found), LeftOut(**reasons)


def _point(sheet: Sheet | None, station: StationId, register: int | None, contest: str, place: int) -> Point | str:
    """Return a station's numbers, or why it is left out."""
    votes = sheet.total(contest) if sheet is not None else None
    if sheet is None or votes is None:
        return "unread"
    registered = register if register is not None else sheet.figures.get(Figure.REGISTERED)
    stated = sheet.figures.get(Figure.BALLOTS)
    ballots = votes if stated is None else stated
    if registered is None:
        return "no_register"
    if registered < SMALLEST or votes < SMALLEST or ballots < SMALLEST:
        return "small"
    if ballots > registered:
        return "above"
    return Point(station, registered, ballots, votes, sheet.votes[contest][place] or 0)


def _heat(points: Sequence[Point]) -> dict[tuple[int, int], int]:
    width = 100 / BINS
    return dict(Counter((min(int(p.turnout / width), BINS - 1), min(int(p.share / width), BINS - 1)) for p in points))


# Last digits


def _digits(points: Sequence[Point], option: str) -> tuple[Digits, ...]:
    return (
        last_digits(f"votes for {option}", [point.option for point in points]),
        last_digits("all votes", [point.votes for point in points]),
    )


def last_digits(of: str, numbers: Sequence[int]) -> Digits:
    """Return the last digits of those numbers that have three digits or more: of shorter ones, they are not even."""
    held = Counter(number % 10 for number in numbers if number >= SMALLEST)
    counts = tuple(held[digit] for digit in range(10))
    expected = sum(counts) / 10
    chi_square = sum((count - expected) ** 2 for count in counts) / expected if expected else 0.0
    enough = sum(counts) >= FEWEST_DIGITS
    return Digits(of, counts, chi_square, chi_square_tail(chi_square) if enough else None)


def chi_square_tail(value: float) -> float:
    """Return the chance of a chi-square of 9 degrees of freedom or more: a closed form, since 9 is odd."""
    terms = sum(value**k / odd for k, odd in enumerate((1, 3, 15, 105)))
    return erfc(sqrt(value / 2)) + sqrt(2 * value / pi) * exp(-value / 2) * terms


# Whole percentages


def _whole(points: Sequence[Point], option: str) -> tuple[Whole, ...]:
    runs = max(_FEWEST_RUNS, min(_MOST_RUNS, _WORK // len(points)))
    pairs = (
        ("turnout", [(point.registered, point.ballots) for point in points]),
        (f"share of {option}", [(point.votes, point.option) for point in points]),
    )
    return tuple(whole_percentages(of, held, runs) for of, held in pairs)


def whole_percentages(of: str, held: Sequence[tuple[int, int]], runs: int) -> Whole:
    """Return how many percentages are whole, and how many would be by chance.

    In each simulation every station draws its part anew, from a normal distribution with the mean and variance of the
    binomial one of its own size and percentage: so round numbers of the register stay, and whatever people chose goes.
    The generator starts from a fixed number, so that everybody gets the same.
    """
    random = Random(_SEED)
    simulated = []
    spreads = [(whole, part, sqrt(part * (1 - part / whole))) for whole, part in held]
    for _ in range(runs):
        count = 0
        for whole, part, spread in spreads:
            drawn = min(max(round(random.gauss(part, spread)), 0), whole)
            count += is_whole(whole, drawn)
        simulated.append(count)
    found = sum(is_whole(whole, part) for whole, part in held)
    bins = Counter(round(100 * FINE * part / whole) for whole, part in held)
    as_many = sum(count >= found for count in simulated)
    return Whole(of, len(held), found, fmean(simulated), pstdev(simulated), as_many, runs,
                 tuple(bins[i] for i in range(100 * FINE + 1)))  # fmt: skip


def is_whole(whole: int, part: int) -> bool:
    """Return whether a percentage is whole, within 0.05 points; 0 % and 100 % are not counted."""
    percent = 100 * part / whole
    return 0 < part < whole and abs(percent - round(percent)) <= _TOLERANCE
