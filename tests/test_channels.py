"""Reconciliation: the public vectors give their verdicts, and the bottom line is what arithmetic says."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev.accountability.reconcile import reconcile
from e2ev.accountability.seats import stakes
from e2ev.accountability.sheets import (
    Channel,
    Contest,
    Delivery,
    Figure,
    Reading,
    Seal,
    Sheet,
    Slate,
    Station,
    StationId,
)
from e2ev.accountability.verdicts import FINDINGS, RULES, Reconciliation, Verdict
from e2ev.manifest import Seats
from e2ev.report.reconciled import bottom_line
from tests.make_channels import PATH, to_bytes

VECTORS = json.loads(PATH.read_bytes())


def slate_from(content: dict[str, Any]) -> Slate:
    contests = tuple(Contest(one["label"], tuple(one["options"]), one["limit"]) for one in content["contests"])
    stations = tuple(Station(StationId(one["id"]), registered=one["registered"]) for one in content["stations"])
    return Slate(content["title"], contests, stations, content["election"])


def sheet_from(content: dict[str, Any]) -> Sheet:
    seal = content.get("seal")
    made = Seal(**{**seal, "roots": {int(k): v for k, v in seal["roots"].items()}}) if seal else None
    return Sheet(
        StationId(content["station"]),
        {contest: tuple(counts) for contest, counts in content["votes"].items()},
        {Figure(name): count for name, count in content["figures"].items()},
        datetime.fromisoformat(content["at"]) if content.get("at") else None,
        content.get("image", ""),
        seal=made,
    )


def delivery_from(content: dict[str, Any]) -> Delivery:
    channel = Channel(content["name"], content["origin"], Reading(content["reading"]), content["partial"])
    return Delivery(channel, tuple(map(sheet_from, content["sheets"])))


def run(case: dict[str, Any]) -> Reconciliation:
    late = datetime.fromisoformat(case["late_after"]) if case["late_after"] else None
    return reconcile(slate_from(VECTORS["slate"]), list(map(delivery_from, case["channels"])), late_after=late)


def test_vectors_are_what_their_maker_makes() -> None:
    assert PATH.read_bytes() == to_bytes()


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_vector_gives_its_verdicts_and_trips_just_its_rules(case: dict[str, Any]) -> None:
    found = run(case)
    expect = case["expect"]
    assert {one.id: one.verdict.value for one in found.stations} == expect["verdicts"]
    tripped = {one.rule for result in found.stations if result.id != "11" for one in result.findings}
    assert sorted(tripped) == sorted(set(expect["rules"]))
    assert any(one.could_change for one in found.standings) is expect["could_change"]


def test_each_vector_but_the_first_names_its_base() -> None:
    names = [case["name"] for case in VECTORS["cases"]]
    assert [case["base"] for case in VECTORS["cases"]] == [None] + ["everything-agrees"] * (len(names) - 1)
    assert len(set(names)) == len(names)


def test_every_rule_and_every_verdict_has_a_vector() -> None:
    assert {rule for case in VECTORS["cases"] for rule in case["expect"]["rules"]} == set(RULES)
    shown = {verdict for case in VECTORS["cases"] for verdict in case["expect"]["verdicts"].values()}
    assert shown == {verdict.value for verdict in Verdict}


# Parts of a finding


def case_named(name: str) -> dict[str, Any]:
    return next(case for case in VECTORS["cases"] if case["name"] == name)


def test_dispute_says_which_option_how_much_and_which_channels() -> None:
    (first, second) = [one for one in run(case_named("tape-differs")).findings() if one.rule == "X.7"]
    assert (first.contest, first.option, first.amount) == ("Council", "Aida", 10)
    assert (second.option, second.amount) == ("Bolot", 10)
    assert first.found == "Council, Aida: 210 on transmission and card and hand count, 200 on tape"
    assert first.channels == ("transmission", "card", "tape", "hand count")


def test_picture_of_a_number_typed_once_is_named() -> None:
    (finding,) = [one for one in run(case_named("tape-typed-once-differs")).findings() if one.rule == "X.11"]
    assert finding.image == "12.jpg"


def test_exit_code_is_that_of_the_worst() -> None:
    codes = {name: run(case_named(name)).exit_code for name in (
        "everything-agrees", "card-not-there", "option-is-blank", "no-sheet-at-all", "tape-differs",
        "tape-read-by-ocr-differs", "two-closing-statements", "number-is-negative")}  # fmt: skip
    assert list(codes.values()) == [0, 0, 4, 4, 1, 4, 1, 1]


def test_two_channels_of_one_name_are_the_callers_mistake() -> None:
    one = Delivery(Channel("tape", "device"), ())
    with pytest.raises(ValueError, match="one name"):
        reconcile(Slate("x", (), ()), [one, one])


# The bottom line


def bottom(votes: dict[str, list[list[int]]], registers: dict[str, int | None]) -> Reconciliation:
    """Reconcile one contest of three options; each station's lists are those of firm channels of different origins."""
    contest = Contest("Mayor", ("A", "B", "C"))
    slate = Slate("Town", (contest,), tuple(Station(StationId(s), registered=size) for s, size in registers.items()))
    width = max((len(told) for told in votes.values()), default=1)
    deliveries = []
    for i in range(width):
        sheets = tuple(Sheet(StationId(s), {"Mayor": tuple(told[i])}) for s, told in votes.items() if len(told) > i)
        deliveries.append(Delivery(Channel(f"channel {i}", f"origin {i}", partial=True), sheets))
    return reconcile(slate, deliveries)


def test_missing_station_is_bounded_by_its_register() -> None:
    for register, could in ((49, False), (50, True), (51, True)):
        (standing,) = bottom({"1": [[100, 50, 0], [100, 50, 0]]}, {"1": 200, "2": register}).standings
        assert (standing.margin, standing.swing, standing.could_change) == (50, register, could)
        assert standing.open == (("2", register),)


def test_missing_station_without_a_register_is_unbounded_and_says_so() -> None:
    (standing,) = bottom({"1": [[100, 50, 0]]}, {"1": 200, "2": None}).standings
    assert (standing.swing, standing.unbounded, standing.could_change) == (None, ("2",), True)
    assert bottom_line(standing) == (
        "Mayor: disputed and missing ballots could change the winner: A leads B by 50; 1 station could move that "
        "without a bound: 2 (unbounded: no register); 1 station of this on one origin alone"
    )


def test_challenger_is_who_gains_most_from_what_is_open_not_who_is_second() -> None:
    (standing,) = bottom({"1": [[100, 60, 50]] * 2, "2": [[100, 0, 0], [20, 0, 80]]}, {"1": 500, "2": 500}).standings
    assert standing.options[standing.challenger or 0] == "C"
    assert (standing.totals, standing.margin, standing.swing) == ((200, 60, 50), 150, 160)
    assert standing.could_change


def test_seats_that_open_ballots_could_change_are_said_and_certain_ones_are_not() -> None:
    contest = Contest("List", ("A", "B"))
    told = Delivery(Channel("a", "a"), (Sheet(StationId("1"), {"List": (60, 39)}),))
    rule = {"List": stakes(Seats("dhondt", 2), contest.options)}

    def bounds(register: int) -> tuple[str, ...]:
        stations = (Station(StationId("1"), registered=100), Station(StationId("2"), registered=register))
        (standing,) = reconcile(Slate("Town", (contest,), stations), [told], seats=rule).standings
        assert standing.could_change == bool(standing.seats)
        return standing.seats

    assert bounds(20) == ("A: 1 to 2", "B: 0 to 1")
    assert bounds(10) == ()


@given(
    st.lists(
        st.tuples(st.lists(st.tuples(*[st.integers(0, 60)] * 3), min_size=0, max_size=3), st.integers(0, 100)),
        min_size=1,
        max_size=6,
    )
)
def test_winner_never_changes_when_it_is_said_that_it_could_not(stations: Any) -> None:
    votes = {str(i): [list(v) for v in told] for i, (told, _) in enumerate(stations) if told}
    found = bottom(votes, {str(i): size for i, (_, size) in enumerate(stations)})
    for standing in found.standings:
        if standing.could_change or standing.leader is None:
            continue
        for rival in range(3):
            if rival == standing.leader:
                continue
            worst = 0  # the worst for the leader, station by station, computed on its own
            for told, size in stations:
                worst += min((v[standing.leader] - v[rival] for v in told), default=-size)
            assert worst > 0


@given(st.permutations(range(4)), st.sampled_from([case["name"] for case in VECTORS["cases"]]))
def test_order_of_channels_changes_no_verdict(order: list[int], name: str) -> None:
    case = case_named(name)
    moved = {**case, "channels": sorted(case["channels"], key=lambda one: order[case["channels"].index(one) % 4])}
    assert {one.id: one.verdict for one in run(moved).stations} == {one.id: one.verdict for one in run(case).stations}


def test_what_was_read_once_never_disputes() -> None:
    for case in VECTORS["cases"]:
        if "seal" in str(case["expect"]["rules"]) or set(case["expect"]["rules"]) & {"X.1", "X.2", "X.3", "X.6"}:
            continue
        channels = [{**one, "reading": "ocr"} for one in case["channels"]]
        verdicts = {one.verdict for one in run({**case, "channels": channels}).stations}
        assert not verdicts & FINDINGS, case["name"]
