"""Audits by hand: draws that anybody repeats, known answers, and a risk limit that holds."""

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from math import inf, log, sqrt
from random import Random

import pytest

from e2ev.accountability.audit import (
    Batch,
    Counts,
    Pair,
    Population,
    Step,
    assess,
    counts_of,
    draws_needed,
    population,
    read_seed,
    taint_of,
)
from e2ev.accountability.sheets import Channel, Contest, Delivery, Figure, Sheet, Slate, Station, StationId
from e2ev.errors import DataError

SEED = "31415926535897932384"
TAPE = Channel("tape", "station")


def slate_of(contests: Mapping[str, tuple[str, ...]], where: Mapping[str, tuple[str, ...]]) -> Slate:
    """Return a slate of contests, and of stations with what is voted on there."""
    stations = tuple(Station(StationId(name), contests=held) for name, held in where.items())
    return Slate("test", tuple(Contest(label, options) for label, options in contests.items()), stations)


def sheet(station: str, votes: Mapping[str, tuple[int | None, ...]], ballots: int | None) -> Sheet:
    return Sheet(StationId(station), votes, {Figure.BALLOTS: ballots})


# Known answers


@pytest.fixture(scope="module")
def three_contests() -> Population:
    """The example of Arlo's tests of MACRO (votingworks/arlo, server/tests/audit_math/test_macro.py)."""
    votes = {"A": (20, 18), "B": (20, 16), "C": (20, 14)}
    where, sheets = {}, []
    for i in range(200):
        held = tuple(
            c for c in "ABC" if c == "A" or (c == "B" and i < 100) or (c == "C" and (i < 30 or 100 <= i < 130))
        )
        for name, scale in ((f"Batch {i}", 10), (f"Batch {i} AV", 5)):
            where[name] = held
            sheets.append(sheet(name, {c: (votes[c][0] * scale, votes[c][1] * scale) for c in held}, 40 * scale))
    slate = slate_of(dict.fromkeys("ABC", ("winner", "loser")), where)
    return population(slate, Delivery(TAPE, tuple(sheets)), {"A": 1, "B": 1, "C": 1})


def test_bounds_are_the_largest_across_contests(three_contests: Population) -> None:
    bounds = {batch.station: float(batch.bound) for batch in three_contests.batches}
    assert bounds[StationId("Batch 199")] == pytest.approx(0.0700, abs=5e-5)
    assert bounds[StationId("Batch 199 AV")] == pytest.approx(0.0350, abs=5e-5)
    assert bounds[StationId("Batch 99")] == pytest.approx(0.0733, abs=5e-5)
    assert bounds[StationId("Batch 0")] == pytest.approx(0.0852, abs=5e-5)
    assert [pair.margin for pair in three_contests.pairs] == [6000, 6000, 5400]


def test_size_without_errors_is_the_logarithm_that_the_paper_gives(three_contests: Population) -> None:
    total = float(three_contests.bound)
    for risk in (0.25, 0.1, 0.05):
        needed = three_contests.size(risk)
        assert needed - 1 < log(risk) / log(1 - 1 / total) <= needed
    assert draws_needed(Fraction(21), 0.25) == 29, "Contest A alone: U = 21"
    assert draws_needed(Fraction(1), 0.05) == 1
    assert draws_needed(Fraction(99, 100), 0.05) == 0, "all stations together cannot change the outcome"


def test_risk_is_the_product_of_the_paper() -> None:
    pair = Pair("A", 0, 1, 6000)
    batches = tuple(Batch(StationId(f"{i}"), {"A": (200, 180)}, 400, Fraction(420, 6000)) for i in range(300))
    held = Population((pair,), batches)
    counted: dict[StationId, Counts] = {batch.station: {"A": (200, 180)} for batch in batches}
    counted[StationId("5")] = {"A": (190, 190)}
    found = assess(held, [batch.station for batch in batches[:10]], counted, 0.01)
    assert taint_of([pair], batches[0], {"A": (190, 190)}) == Fraction(20, 420)
    assert found.risk == pytest.approx((1 - 1 / 21) ** 10 / (1 - 20 / 420))
    assert (found.step, found.missing) == (Step.MORE, ())
    assert found.risk * (1 - 1 / 21) ** found.further <= 0.01 < found.risk * (1 - 1 / 21) ** (found.further - 1)


# The draw


def test_draw_is_rivests_sampler_on_the_line_of_bounds() -> None:
    bounds = [Fraction(1, 2), Fraction(3, 2), Fraction(1)]
    batches = tuple(Batch(StationId(name), {}, 1, bound) for name, bound in zip("abc", bounds, strict=True))
    found = Population((), batches).draw(SEED, 50)
    for i, station in enumerate(found, 1):
        number = int(hashlib.sha256(f"{SEED},{i}".encode()).hexdigest(), 16) / 2**256 * 3
        assert station == ("a" if number < 0.5 else "b" if number < 2 else "c")
    assert set(found) == {"a", "b", "c"}


def test_larger_sample_has_the_smaller_one_in_front(three_contests: Population) -> None:
    assert three_contests.draw(SEED, 30)[:10] == three_contests.draw(SEED, 10)
    assert three_contests.draw(SEED, 10) != three_contests.draw(SEED[::-1], 10)


def test_seed_is_its_digits_in_any_script() -> None:
    assert read_seed("31415 92653-58979 32384") == SEED
    assert read_seed("٣١٤١٥٩٢٦٥٣٥٨٩٧٩٣٢٣٨٤") == SEED
    for bad in ("1234", "", "thirty-one", SEED + "x"):
        with pytest.raises(DataError, match="20 digits"):
            read_seed(bad)


# What is audited


SMALL = slate_of({"m": ("x", "y", "z")}, {"1": (), "2": (), "3": ()})


def test_station_that_nobody_read_stands_in_the_population_with_its_register() -> None:
    register = Slate("t", SMALL.contests, (*SMALL.stations[:2], Station(StationId("3"), registered=40)))
    sheets = (
        sheet("1", {"m": (30, 10, 0)}, 41),
        sheet("2", {"m": (20, 15, 5)}, None),
        sheet("3", {"m": (9, None, 1)}, None),
    )
    with pytest.raises(DataError, match="nobody says how many ballots station 2"):
        population(register, Delivery(TAPE, sheets), {"m": 1})
    found = population(register, Delivery(TAPE, (sheets[0], sheet("2", {"m": (20, 15, 5)}, 44), sheets[2])), {"m": 1})
    assert found.unreported == ("3",)
    assert found.batches[2] == Batch(StationId("3"), {"m": (0, 0, 0)}, 40, Fraction(40, 25))


def test_level_contest_and_contest_without_a_loser_are_refused() -> None:
    level = Delivery(TAPE, tuple(sheet(name, {"m": (5, 5, 1)}, 12) for name in "123"))
    with pytest.raises(DataError, match="level"):
        population(SMALL, level, {"m": 1})
    with pytest.raises(DataError, match="3 options, and 3 win"):
        population(SMALL, level, {"m": 3})


def test_bound_covers_more_votes_than_stated_ballots() -> None:
    sheets = tuple(sheet(name, {"m": (30, 10, 0)}, 3) for name in "123")
    assert {batch.most for batch in population(SMALL, Delivery(TAPE, sheets), {"m": 1}).batches} == {40}


def test_assessment_asks_for_what_is_not_counted_and_for_everything_after_the_worst_error() -> None:
    sheets = tuple(sheet(name, {"m": (30, 10, 0)}, 40) for name in "123")
    held = population(SMALL, Delivery(TAPE, sheets), {"m": 1})
    drawn = [StationId("1"), StationId("2")]
    waiting = assess(held, drawn, {StationId("1"): {"m": (30, 10, 0)}}, 0.1)
    assert (waiting.step, waiting.missing, len(waiting.draws)) == (Step.COUNT, ("2",), 1)
    swapped = assess(held, drawn, {one: {"m": (0, 40, 0)} for one in drawn}, 0.1)
    assert (swapped.step, swapped.risk) == (Step.FULL, inf)
    with pytest.raises(DataError, match="lacks options"):
        assess(held, drawn, {one: {"m": (30, 10)} for one in drawn}, 0.1)


def test_hand_counts_with_blanks_are_not_counted_and_two_different_ones_are_refused() -> None:
    held = counts_of(SMALL, Delivery(TAPE, (sheet("1", {"m": (1, None, 2)}, 9), sheet("2", {"m": (1, 2, 3)}, 9))))
    assert held == {"2": {"m": (1, 2, 3)}}
    twice = Delivery(TAPE, (sheet("2", {"m": (1, 2, 3)}, 9), sheet("2", {"m": (1, 2, 4)}, 9)))
    with pytest.raises(DataError, match="two different hand counts"):
        counts_of(SMALL, twice)


# The risk limit holds


def wrong_outcome(random: Random, stations: int, altered: float) -> tuple[Population, dict[StationId, Counts]]:
    """Return a reported win of x, and hand counts by which y wins or is level, with the error in some stations only."""
    names = [str(number) for number in range(stations)]
    slate = slate_of({"m": ("x", "y")}, dict.fromkeys(names, ()))
    reported = {name: (200 + random.randrange(60), 170 + random.randrange(60)) for name in names}
    counted = dict(reported)
    margin = sum(x - y for x, y in reported.values())
    order = sorted(names, key=lambda _: random.random())[: max(2, int(altered * stations))]
    left = margin
    while left > 0:
        for name in order:
            x, y = counted[name]
            moved = min(5, x, (left + 1) // 2)
            counted[name], left = (x - moved, y + moved), left - 2 * moved
    held = population(slate, Delivery(TAPE, tuple(sheet(n, {"m": reported[n]}, 460) for n in names)), {"m": 1})
    return held, {StationId(name): {"m": votes} for name, votes in counted.items()}


@pytest.mark.parametrize("altered", [0.1, 0.4, 1.0])
def test_wrong_outcome_is_confirmed_no_more_often_than_the_risk_limit(altered: float) -> None:
    random, limit, tries = Random(20090), 0.2, 400
    held, counted = wrong_outcome(random, 60, altered)
    assert held.bound > 1
    confirmed = 0
    for _ in range(tries):
        drawn = held.draw("".join(random.choices("0123456789", k=20)), 3 * held.size(limit))
        confirmed += assess(held, drawn, counted, limit).step is Step.STOP
    assert confirmed / tries <= limit + 3 * sqrt(limit * (1 - limit) / tries)


def test_right_outcome_stops_after_the_planned_draws() -> None:
    held, _ = wrong_outcome(Random(7), 60, 0.4)
    honest: dict[StationId, Counts] = {batch.station: batch.votes for batch in held.batches}
    size = held.size(0.05)
    found = assess(held, held.draw(SEED, size), honest, 0.05)
    assert (found.step, len(found.draws)) == (Step.STOP, size)
