"""Seats from votes: what real elections gave, ties, thresholds, and what open ballots could change."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev.accountability.seats import Tie, allocate, passes, seats_at_stake, stakes
from e2ev.errors import DataError
from e2ev.manifest import SeatRule, Seats

RULES: tuple[SeatRule, ...] = ("plurality", "block", "dhondt", "sainte-lague", "modified-sainte-lague", "hare")

# Real elections: votes and seats as the commissions announced them

NETHERLANDS_2021 = {
    "VVD": (2_279_130, 34), "D66": (1_565_861, 24), "PVV": (1_124_482, 17), "CDA": (990_601, 15), "SP": (623_371, 9),
    "PvdA": (597_192, 9), "GL": (537_308, 8), "FVD": (523_083, 8), "PvdD": (399_750, 6), "CU": (351_275, 5),
    "Volt": (252_480, 3), "JA21": (246_620, 3), "SGP": (215_249, 3), "DENK": (211_237, 3), "50PLUS": (106_702, 1),
    "BBB": (104_319, 1), "BIJ1": (87_238, 1),
}  # fmt: skip
"""Kiesraad, 26 March 2021: 10,422,852 valid votes, 150 seats by d'Hondt, one quota at least."""

KAZAKHSTAN_2023 = {
    "Amanat": (3_431_510, 40), "Auyl": (693_938, 8), "Respublica": (547_154, 6), "Aq Jol": (534_139, 6),
    "People's Party": (432_920, 5), "Social Democrats": (331_058, 4), "Baytaq": (146_431, 0),
    "against all": (249_817, 0),
}  # fmt: skip
"""Central Election Commission, 27 March 2023: 69 seats by party lists, 5 %, Hare quota with largest remainders."""

RUSSIA_2016 = {
    "United Russia": (28_527_828, 140), "Communist Party": (7_019_752, 35), "LDPR": (6_917_063, 34),
    "A Just Russia": (3_275_053, 16),
}  # fmt: skip
"""Central Election Commission, 23 September 2016: 225 seats by party lists, Hare quota with largest remainders."""

NEW_ZEALAND_2020 = {
    "Labour": (1_443_545, 65), "National": (738_275, 33), "Green": (226_757, 10), "ACT": (219_031, 10),
    "Māori Party": (33_630, 2), "New Zealand First": (75_020, 0),
}  # fmt: skip
"""Electoral Commission, 6 November 2020: 120 seats by Sainte-Laguë, 5 %; the Māori Party won an electorate."""

NEPAL_2017 = {
    "CPN (UML)": (3_173_494, 41), "Nepali Congress": (3_128_389, 40), "CPN (Maoist Centre)": (1_303_721, 17),
    "Rastriya Janata Party": (472_254, 6), "Sanghiya Samajwadi Forum": (470_201, 6),
}  # fmt: skip
"""Election Commission, December 2017: 110 seats by lists, Sainte-Laguë with the first divisor 1.4."""


def votes_of(held: dict[str, tuple[int, int]]) -> dict[str, int]:
    return {option: votes for option, (votes, _) in held.items()}


REAL = {
    "Netherlands 2021": (NETHERLANDS_2021, Seats("dhondt", 150, threshold_votes=69_486), 10_422_852),
    "Kazakhstan 2023": (
        KAZAKHSTAN_2023,
        Seats("hare", 69, threshold_points=500, seatless=frozenset({"against all"})),
        None,
    ),
    "Russia 2016": (RUSSIA_2016, Seats("hare", 225), None),
    "New Zealand 2020": (
        NEW_ZEALAND_2020,
        Seats("sainte-lague", 120, threshold_points=500, exempt=frozenset({"Māori Party"})),
        None,
    ),
    "Nepal 2017": (NEPAL_2017, Seats("modified-sainte-lague", 110, threshold_points=300), None),
}


@pytest.mark.parametrize("name", REAL)
def test_seats_are_those_that_the_election_gave(name: str) -> None:
    held, rule, valid = REAL[name]
    found = allocate(rule, votes_of(held), valid=valid)
    assert {option: found.seats.get(option, 0) for option in held} == {o: seats for o, (_, seats) in held.items()}
    assert (found.tie, found.vacant) == (None, 0)


def test_votes_lost_to_the_threshold_are_told_apart_from_those_against_all() -> None:
    held, rule, _ = REAL["Kazakhstan 2023"]
    found = allocate(rule, votes_of(held))
    assert (found.below, found.lost) == ({"Baytaq": 146_431}, 146_431)
    assert found.seatless == {"against all": 249_817}


VIRGINIA_94 = {"David Yancey": 11_608, "Shelly Simonds": 11_608, "Michael Bartley": 675}
"""House of Delegates, 94th district, 7 November 2017; a name was drawn from a bowl on 4 January 2018: Yancey."""


def test_tie_is_reported_and_only_a_lot_breaks_it() -> None:
    rule = Seats("plurality", 1)
    level = ("David Yancey", "Shelly Simonds")
    found = allocate(rule, VIRGINIA_94)
    assert (found.tie, found.vacant, set(found.seats.values())) == (Tie(level, 1), 1, {0})
    drawn = allocate(rule, VIRGINIA_94, ("David Yancey", "Shelly Simonds"))
    assert drawn.tie == Tie(level, 1, ("David Yancey",))
    assert drawn.seats["David Yancey"] == 1
    with pytest.raises(DataError, match="the lot does not have Shelly Simonds"):
        allocate(rule, VIRGINIA_94, ("David Yancey",))


# Rules by hand


def test_first_divisor_keeps_a_small_list_out() -> None:
    votes = {"A": 50, "B": 22, "C": 11}
    assert allocate(Seats("sainte-lague", 5), votes).seats == {"A": 3, "B": 1, "C": 1}
    assert allocate(Seats("modified-sainte-lague", 5, first_divisor=170), votes).seats == {"A": 3, "B": 2, "C": 0}
    assert allocate(Seats("dhondt", 5), votes).seats == {"A": 4, "B": 1, "C": 0}


def test_block_takes_the_first_and_reports_who_is_level_for_the_last() -> None:
    found = allocate(Seats("block", 3), {"A": 9, "B": 5, "C": 7, "D": 5, "E": 0})
    assert (found.seats["A"], found.seats["C"], found.tie) == (1, 1, Tie(("B", "D"), 1))
    assert (found.most("B"), found.most("E")) == (1, 0)


@pytest.mark.parametrize("rule", RULES)
def test_nobody_is_seated_without_votes(rule: SeatRule) -> None:
    found = allocate(Seats(rule, 1), {"A": 0, "B": 0})
    assert (found.seats, found.vacant, found.tie) == ({"A": 0, "B": 0}, 1, None)


def test_threshold_is_met_by_just_enough_votes() -> None:
    rule = Seats("dhondt", 1, threshold_points=500, threshold_votes=5)
    assert passes(rule, 5, 100)
    assert not passes(rule, 5, 101)
    assert not passes(rule, 4, 10)


def test_negative_votes_are_refused() -> None:
    with pytest.raises(DataError, match="negative"):
        allocate(Seats("hare", 2), {"A": -3, "B": 10})


VOTES = st.dictionaries(st.sampled_from("ABCDE"), st.integers(0, 60), min_size=1)


@given(st.sampled_from(RULES[1:]), st.integers(1, 12), VOTES, st.sampled_from([0, 1000]))
def test_all_seats_are_given_vacant_or_in_the_tie(
    rule: SeatRule, number: int, votes: dict[str, int], points: int
) -> None:
    found = allocate(Seats(rule, number, threshold_points=points), votes)
    assert sum(found.seats.values()) + found.vacant == number
    assert all(seats >= 0 for seats in found.seats.values())
    if found.tie is not None:
        assert found.tie.seats <= found.vacant
        assert len(found.tie.options) > found.tie.seats > 0


@given(st.integers(1, 12), VOTES)
def test_dhondt_gives_at_least_the_quota_rounded_down(number: int, votes: dict[str, int]) -> None:
    found, whole = allocate(Seats("dhondt", number), votes), sum(votes.values())
    assert all(found.most(o) >= number * count // whole for o, count in votes.items() if count)


def test_bounds_come_in_the_order_of_the_options() -> None:
    bounds = stakes(Seats("dhondt", 3, seatless=frozenset("C")), "ABC")
    assert bounds((60, 30, 50), (60, 30, 50)) == [(2, 2), (1, 1), (0, 0)]
    assert bounds((60, 20, 50), (60, 40, 50)) == [(2, 3), (0, 1), (0, 0)]


# What open ballots could change


@given(
    st.sampled_from(RULES[1:]), st.integers(1, 4), st.sampled_from([0, 1500]),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=2, max_size=3),
)  # fmt: skip
def test_every_outcome_within_the_bounds_is_in_the_ranges(
    rule: SeatRule, number: int, points: int, spans: list[tuple[int, int]]
) -> None:
    options = "ABC"[: len(spans)]
    seats = Seats(rule, number, threshold_points=points)
    low = {o: least for o, (least, _) in zip(options, spans, strict=True)}
    high = {o: least + more for o, (least, more) in zip(options, spans, strict=True)}
    stake = {one.option: one for one in seats_at_stake(seats, low, high).ranges}
    for held in product(*(range(low[o], high[o] + 1) for o in options)):
        found = allocate(seats, dict(zip(options, held, strict=True)))
        for option in options:
            assert stake[option].least <= found.seats.get(option, 0)
            assert found.most(option) <= stake[option].most


def test_seats_are_certain_where_the_margin_is_larger_than_what_is_open() -> None:
    votes = votes_of(RUSSIA_2016)
    stake = seats_at_stake(Seats("dhondt", 225), votes, {o: count + 50 for o, count in votes.items()})
    assert not stake.could_change
    assert stake.sure == 225
    wider = seats_at_stake(Seats("dhondt", 225), votes, {o: count + 300_000 for o, count in votes.items()})
    assert wider.could_change


def test_bounds_that_cross_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="none above"):
        seats_at_stake(Seats("hare", 2), {"A": 2}, {"A": 1})
