"""The arithmetic of reconciliation, at its edges: limits, bounds, slack, seats, and what is only remarked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from e2ev.accountability.reconcile import reconcile
from e2ev.accountability.sheets import (
    MAX_COUNT,
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
from e2ev.accountability.standing import Seats
from e2ev.accountability.verdicts import Finding, Reconciliation, StationResult, Verdict

ONE = StationId("1")
Numbers = Sequence[int | None]
COUNCIL = Contest("Council", ("A", "B", "C"), 3)
MAYOR = Contest("Mayor", ("A", "B"))


def said(
    name: str,
    votes: Mapping[str, Numbers] | None = None,
    reading: Reading = Reading.MACHINE,
    *,
    origin: str = "",
    partial: bool = False,
    station: str = "1",
    at: datetime | None = None,
    seal: Seal | None = None,
    **figures: int | None,
) -> Delivery:
    """Return a channel with one sheet; its origin is its own unless it is given."""
    named = {Figure(name.replace("_", " ")): count for name, count in figures.items()}
    sheet = Sheet(StationId(station), {k: tuple(v) for k, v in (votes or {}).items()}, named, at, where=name, seal=seal)
    return Delivery(Channel(name, origin or name, reading, partial), (sheet,))


def compare(
    *deliveries: Delivery,
    contests: tuple[Contest, ...] = (MAYOR,),
    registered: int | None = 1000,
    seats: Mapping[str, Seats] | None = None,
) -> Reconciliation:
    slate = Slate("Town", contests, (Station(ONE, registered=registered),))
    return reconcile(slate, deliveries, seats=seats)


def only(found: Reconciliation) -> StationResult:
    return next(one for one in found.stations if one.id == ONE)


def of_rule(found: Reconciliation, rule: str) -> list[Finding]:
    return [one for one in found.findings() if one.rule == rule]


def mayor(a: int | None, b: int | None) -> dict[str, Numbers]:
    return {"Mayor": (a, b)}


# Numbers that cannot be


@pytest.mark.parametrize(
    ("votes", "excess"), [((27, 0, 0), 0), ((28, 0, 0), 1), ((20, 8, 0), 1), ((28, None, None), 1), ((10, 9, 8), 0)]
)
def test_a_ballot_holds_as_many_votes_as_its_limit_and_an_invalid_one_none(votes: Numbers, excess: int) -> None:
    found = compare(said("tape", {"Council": votes}, ballots=10, invalid=1), contests=(COUNCIL,))
    assert [one.amount for one in of_rule(found, "X.5")] == ([excess] if excess else [])
    assert (only(found).verdict is Verdict.REJECT) == bool(excess)


@pytest.mark.parametrize(("count", "fine"), [(-1, False), (0, True), (MAX_COUNT, True), (MAX_COUNT + 1, False)])
def test_number_of_a_station_has_its_bounds(count: int, fine: bool) -> None:
    assert (of_rule(compare(said("tape", mayor(count, 0))), "X.4") == []) is fine
    assert (of_rule(compare(said("tape", {}, ballots=count)), "X.4") == []) is fine


def test_soft_numbers_that_cannot_be_are_looked_at_and_set_aside() -> None:
    found = compare(said("tape", mayor(-5, 3), Reading.TYPED), said("card", mayor(5, 3)))
    assert only(found).verdict is Verdict.CHECK_IMAGE
    assert [one.channel.name for one in only(found).accepted] == ["card"]
    assert [one.channel.name for one in only(found).set_aside] == ["tape"]


def test_soft_sums_that_cannot_be_are_looked_at_and_still_compared() -> None:
    found = compare(said("tape", mayor(5, 30), Reading.OCR, ballots=8), said("card", mayor(5, 3)))
    assert [one.rule for one in only(found).findings if one.verdict] == ["X.5", "X.11"]


# Numbers that differ


@pytest.mark.parametrize(("votes", "excess"), [((9, 9, 9), 0), ((10, 9, 9), 1)])
def test_votes_are_held_against_the_ballots_of_other_channels(votes: Numbers, excess: int) -> None:
    found = compare(said("tape", {"Council": votes}), said("board", {}, ballots=9), contests=(COUNCIL,))
    assert [one.amount for one in of_rule(found, "X.7")] == ([excess] if excess else [])
    if excess:
        assert of_rule(found, "X.7")[0].found == "Council: 28 votes on tape, 9 ballots on board"


def test_votes_read_once_are_held_against_no_ballots() -> None:
    found = compare(said("tape", mayor(5, 5), Reading.OCR), said("board", {}, ballots=9))
    assert of_rule(found, "X.7") == []


def twice(figure: str) -> list[Delivery]:
    told: list[dict[str, Any]] = [{figure: 7}, {figure: 9}]
    return [said(name, mayor(3, 2), **more) for name, more in zip(("card", "tape"), told, strict=True)]


@pytest.mark.parametrize("figure", ["ballots", "invalid", "checked_in", "unused"])
def test_figures_are_compared(figure: str) -> None:
    (finding,) = of_rule(compare(*twice(figure)), "X.7")
    assert (finding.contest, finding.amount, finding.verdict) == (figure.replace("_", " "), 2, Verdict.DISPUTE)
    assert finding.found == f"{figure.replace('_', ' ')}: 7 on card, 9 on tape"


@pytest.mark.parametrize("figure", ["turnout", "registered"])
def test_turnout_and_register_are_never_in_dispute(figure: str) -> None:
    assert only(compare(*twice(figure))).verdict is Verdict.MATCH


def test_soft_number_that_agrees_with_one_side_of_a_dispute_is_no_finding_of_its_own() -> None:
    found = compare(said("card", mayor(3, 2)), said("tape", mayor(4, 2)), said("ocr", mayor(4, 2), Reading.OCR))
    assert [one.rule for one in only(found).findings] == ["X.7"]


def test_soft_numbers_that_differ_among_themselves_are_looked_at() -> None:
    found = compare(said("one", mayor(3, 2), Reading.TYPED), said("two", mayor(4, 2), Reading.TYPED))
    assert only(found).verdict is Verdict.CHECK_IMAGE


def test_one_of_three_sheets_that_differs_is_a_dispute_and_not_counted_once() -> None:
    card = said("card", mayor(3, 2))
    sheets = (*card.sheets * 2, *said("card", mayor(2, 3)).sheets)
    found = compare(Delivery(card.channel, sheets))
    assert {one.rule for one in of_rule(found, "X.8")} == {"X.8"}
    assert [one.verdict for one in of_rule(found, "X.8")] == [Verdict.DISPUTE] * 2


def test_blanks_are_told_by_name_up_to_five() -> None:
    many = Contest("List", tuple("abcdefgh"))
    (finding,) = of_rule(compare(said("tape", {"List": (None,) * 6 + (1, 2)}), contests=(many,)), "X.10")
    assert (finding.found, finding.amount) == ("6 blank or unread on tape: a, b, c, d, e and 1 more", 6)
    (finding,) = of_rule(compare(said("tape", {"List": (None,) * 5 + (1, 1, 1)}), contests=(many,)), "X.10")
    assert finding.found == "5 blank or unread on tape: a, b, c, d, e"
    (finding,) = of_rule(compare(said("tape", mayor(None, 4), ballots=None)), "X.10")
    assert finding.found == "2 blank or unread on tape: A, ballots"


# How far sheets confirm each other


def test_two_channels_of_one_origin_are_consistent_and_of_two_a_match() -> None:
    assert (
        only(compare(said("a", mayor(1, 2), origin="x"), said("b", mayor(1, 2), origin="x"))).verdict
        is Verdict.CONSISTENT
    )
    assert only(compare(said("a", mayor(1, 2)), said("b", mayor(1, 2)))).verdict is Verdict.MATCH


def test_match_needs_every_contest_of_the_station() -> None:
    both = [said(name, mayor(1, 2)) for name in ("a", "b")]
    assert only(compare(*both, contests=(MAYOR, COUNCIL))).verdict is Verdict.CONSISTENT
    more = [said(name, {**mayor(1, 2), "Council": (1, 2, 3)}) for name in ("a", "b")]
    assert only(compare(*more, contests=(MAYOR, COUNCIL))).verdict is Verdict.MATCH
    half = [more[0], both[1]]
    assert only(compare(*half, contests=(MAYOR, COUNCIL))).verdict is Verdict.CONSISTENT


def test_ballots_alone_match_where_no_channel_carries_votes() -> None:
    assert only(compare(said("a", ballots=5), said("b", ballots=5))).verdict is Verdict.MATCH
    assert only(compare(said("a", ballots=5), said("b", ballots=5, origin="a"))).verdict is Verdict.CONSISTENT
    assert only(compare(said("a", mayor(1, 2), ballots=5), said("b", ballots=5))).verdict is Verdict.CONSISTENT
    assert only(compare(said("a", ballots=5))).verdict is Verdict.ONE_SOURCE


def test_numbers_read_once_confirm_and_never_match() -> None:
    found = compare(said("card", mayor(1, 2)), said("tape", mayor(1, 2), Reading.TYPED))
    assert only(found).verdict is Verdict.CONSISTENT


def test_channels_with_nothing_in_common_are_one_source_each() -> None:
    found = compare(said("a", mayor(1, 2)), said("b", {"Council": (1, 2, 3)}), contests=(MAYOR, COUNCIL))
    assert only(found).verdict is Verdict.ONE_SOURCE


def test_channel_that_has_turnout_alone_is_expected_nowhere_and_an_empty_one_everywhere() -> None:
    other = said("radio", turnout=3, station="2")
    assert of_rule(compare(said("a", mayor(1, 2)), other), "X.12") == []
    empty = Delivery(Channel("card", "card"), ())
    found = compare(said("a", mayor(1, 2)), said("b", mayor(1, 2)), empty)
    assert only(found).verdict is Verdict.CARD_MISSING
    mixed = Delivery(
        Channel("Tape", "t"), (*said("x", turnout=3, station="2").sheets, *said("x", mayor(1, 2), station="3").sheets)
    )
    assert only(compare(said("a", mayor(1, 2)), said("b", mayor(1, 2)), mixed)).verdict is Verdict.NO_TAPE


def test_absent_channel_of_another_name_is_a_remark() -> None:
    mine = said("a", mayor(1, 2))
    found = compare(mine, said("b", mayor(1, 2)), Delivery(Channel("web", "w"), ()))
    assert [(one.verdict, one.found) for one in of_rule(found, "X.12")] == [(None, "no sheet on web")]
    assert only(found).verdict is Verdict.MATCH


# Remarks


def test_turnout_is_held_against_the_most_votes_of_contests_with_one_vote() -> None:
    votes = {**mayor(6, 5), "Council": (20, 5, 5), "Small": (1, 1)}
    contests = (MAYOR, COUNCIL, Contest("Small", ("A", "B")))
    hour = datetime(2027, 5, 6, 17, tzinfo=UTC)
    found = compare(said("card", votes), said("radio", turnout=8, at=hour, partial=True), contests=contests)
    (finding,) = of_rule(found, "X.15")
    assert (finding.amount, finding.verdict) == (3, None)
    assert finding.found == "11 votes on card, a turnout of 8 on radio of 2027-05-06T17:00:00+00:00"
    assert of_rule(compare(said("card", mayor(4, 4)), said("radio", turnout=8)), "X.15") == []
    assert of_rule(compare(said("ocr", mayor(9, 9), Reading.OCR), said("radio", turnout=8)), "X.15") == []


def test_register_is_held_against_the_slate() -> None:
    found = compare(said("card", mayor(1, 2), registered=990), said("ocr", mayor(1, 2), Reading.OCR, registered=5))
    (finding,) = of_rule(found, "X.16")
    assert (finding.amount, finding.found) == (10, "the register has 990 people on card, and 1,000 on the slate")
    assert of_rule(compare(said("card", mayor(1, 2), registered=990), registered=None), "X.16") == []
    assert of_rule(compare(said("card", mayor(1, 2), registered=1000)), "X.16") == []


def test_sheets_without_a_result_of_unknown_stations_are_counted_and_passed_over() -> None:
    radio = Delivery(Channel("radio", "r"), tuple(s for i in "789" for s in said("r", turnout=3, station=i).sheets))
    found = compare(said("card", mayor(1, 2)), radio)
    assert found.left_out == {"radio": 3}
    assert [one.id for one in found.stations] == ["1"]


def test_sheet_that_came_cut_short_is_set_aside_and_its_channel_is_there() -> None:
    last = Seal(ONE, "", 40, "aa", "last", roots={30: "bb"})
    running = Seal(ONE, "", 30, "bb", "running", closing=False)
    found = compare(said("card", mayor(5, 3), ballots=9, seal=last), said("transmission", ballots=4, seal=running))
    assert [one.channel.name for one in only(found).set_aside] == ["transmission"]
    assert of_rule(found, "X.12") == []
    assert (
        of_rule(found, "X.6")[0].found
        == "transmission came with 30 of 40 entries, which are shown to be the first of them"
    )


def test_beginning_is_shown_by_any_longer_board_that_is_there() -> None:
    last = Seal(ONE, "", 40, "aa", "last", roots={30: "bb"})
    running = Seal(ONE, "", 30, "bb", "running", closing=False)
    bare = Seal(ONE, "", 40, "aa", "last")
    told = [
        said("tape", ballots=9, seal=bare),
        said("card", ballots=9, seal=last),
        said("sent", ballots=4, seal=running),
    ]
    assert only(compare(*told)).verdict is Verdict.LATE
    more = said("more", ballots=9, seal=Seal(ONE, "", 50, "dd", "more", closing=False, roots={30: "bb"}))
    state = replace(last, closing=False)
    longer = compare(said("card", ballots=9, seal=state), said("sent", ballots=4, seal=running), more)
    assert "sent came with 30 of 50 entries" in of_rule(longer, "X.6")[-1].found
    again = said("again", ballots=9, seal=Seal(ONE, "", 40, "aa", "a state", closing=False))
    assert of_rule(compare(said("card", ballots=9, seal=last), again), "X.6") == []


def test_two_running_states_of_one_size_are_a_fork_if_their_roots_differ() -> None:
    for root, fork in (("bb", False), ("cc", True)):
        states = [Seal(ONE, "", 30, one, f"state {one} {i}", closing=False) for i, one in enumerate(("bb", root))]
        found = compare(*(said(f"copy {i}", ballots=4, seal=one) for i, one in enumerate(states)))
        assert (only(found).verdict is Verdict.FORK) is fork


# The bottom line


def test_ballots_in_dispute_may_lie_anywhere() -> None:
    found = compare(said("card", mayor(50, 43), ballots=93), said("tape", mayor(50, 43), ballots=99))
    (standing,) = found.standings
    assert (standing.margin, standing.swing, standing.could_change) == (7, 6, False)
    votes = {"Council": (90, 70, 1)}
    three = compare(said("card", votes, ballots=93), said("tape", votes, ballots=99), contests=(COUNCIL,))
    assert (three.standings[0].swing, three.standings[0].could_change) == (18, False)


def test_votes_above_the_ballots_of_another_channel_are_nobodys_for_certain() -> None:
    found = compare(said("tape", mayor(50, 43)), said("board", ballots=87))
    assert (found.standings[0].margin, found.standings[0].swing) == (7, 6)
    two = compare(said("tape", {**mayor(50, 43), "Council": (5, 4, 3)}), said("board", ballots=87),
                  contests=(MAYOR, COUNCIL))  # fmt: skip
    assert [one.swing for one in two.standings] == [6, 0]


def test_blanks_may_be_any_of_the_full_sets() -> None:
    told = (said("a", mayor(50, 10)), said("b", mayor(20, 10)), said("c", mayor(None, 15)))
    assert compare(*told).standings[0].swing == 35


def test_ballots_that_were_read_once_are_in_no_dispute() -> None:
    found = compare(said("card", mayor(50, 43), ballots=93), said("ocr", mayor(50, 43), Reading.OCR, ballots=99))
    assert found.standings[0].open == ()


def elsewhere(*deliveries: Delivery, registered: int | None = None) -> Reconciliation:
    """Reconcile station 1 beside a settled station 2, where A leads B by 100."""
    slate = Slate("Town", (MAYOR,), (Station(ONE, registered=registered), Station(StationId("2"), registered=500)))
    settled = said("settled", mayor(200, 100), station="2", partial=True)
    return reconcile(slate, [settled, *deliveries])


def test_station_with_ballots_and_no_votes_is_bounded_by_its_ballots() -> None:
    found = elsewhere(said("board", ballots=60), registered=700)
    assert (found.standings[0].swing, found.standings[0].could_change) == (60, False)


def test_ballots_that_differ_or_were_read_once_bound_nothing() -> None:
    both = elsewhere(said("board", ballots=60), said("card", ballots=61), registered=700)
    assert both.standings[0].swing == 700
    once = elsewhere(said("tape", mayor(None, None), Reading.TYPED, ballots=60), registered=700)
    assert once.standings[0].swing == 700


def test_register_on_a_sheet_bounds_where_the_slate_has_none() -> None:
    found = elsewhere(said("board", mayor(None, 1), registered=80), said("card", mayor(None, 1), registered=90))
    assert found.standings[0].swing == 90
    read = elsewhere(said("ocr", mayor(None, 1), Reading.OCR, registered=80))
    assert (read.standings[0].swing, read.standings[0].unbounded) == (None, ("1",))


def test_register_on_a_sheet_that_was_set_aside_still_bounds() -> None:
    found = elsewhere(said("card", mayor(-1, 1), registered=80))
    assert (only(found).verdict, found.standings[0].swing) == (Verdict.REJECT, 80)


def test_open_stations_are_told_the_unbounded_first_then_the_largest() -> None:
    stations = tuple(
        Station(StationId(i), registered=size) for i, size in zip("12345", (10, 30, None, 20, 500), strict=True)
    )
    slate = Slate("Town", (MAYOR,), stations)
    (standing,) = reconcile(slate, [said("a", mayor(9, 1), station="5", partial=True)]).standings
    assert standing.open == (("3", None), ("2", 30), ("4", 20), ("1", 10))


def test_stations_that_stand_on_one_origin_are_counted() -> None:
    assert compare(said("a", mayor(5, 1))).standings[0].alone == 1
    assert compare(said("a", mayor(5, 1)), said("b", mayor(5, 1), origin="a")).standings[0].alone == 1
    assert compare(said("a", mayor(5, 1)), said("b", mayor(5, 1))).standings[0].alone == 0
    assert compare(said("a", mayor(5, 1)), said("b", mayor(None, 1))).standings[0].alone == 1


def test_blank_of_a_disputed_sheet_is_filled_from_the_full_one() -> None:
    found = compare(said("a", mayor(50, 10)), said("b", mayor(None, 40)))
    assert (found.standings[0].totals, found.standings[0].swing) == ((50, 10), 30)


def test_nobody_leads_alone_in_a_draw_and_one_option_always_wins() -> None:
    (drawn,) = compare(said("a", mayor(5, 5)), said("b", mayor(5, 4))).standings
    assert (drawn.leader, drawn.could_change) == (None, True)
    settled = compare(said("a", mayor(5, 5)), said("b", mayor(5, 5))).standings[0]
    assert (settled.leader, settled.could_change) == (None, False)
    alone = Contest("Only", ("A",))
    (only_one,) = compare(said("a", {"Only": (5,)}), said("b", {"Only": (4,)}), contests=(alone,)).standings
    assert (only_one.challenger, only_one.could_change) == (None, False)


def test_seats_are_bounded_by_the_least_and_the_most_that_each_option_may_have() -> None:
    def tens(low: Sequence[int], high: Sequence[int]) -> list[tuple[int, int]]:
        return [(fewest // 10, most // 10) for fewest, most in zip(low, high, strict=True)]

    disputed = (said("a", mayor(45, 18)), said("b", mayor(41, 22)))
    for order in (disputed, disputed[::-1]):
        assert compare(*order, seats={"Mayor": tens}).standings[0].seats == ("B: 1 to 2",)
    agreed = (said("a", mayor(45, 18)), said("b", mayor(45, 18)))
    assert compare(*agreed, seats={"Mayor": tens}).standings[0].seats == ()


def test_contest_of_a_station_is_asked_of_no_other() -> None:
    slate = Slate(
        "Town", (MAYOR, COUNCIL), (Station(ONE, contests=("Mayor",)), Station(StationId("2"), contests=("Council",)))
    )
    sheets = (*said("a", mayor(5, 3)).sheets, *said("a", {"Council": (1, 2, 3)}, station="2").sheets)
    found = reconcile(slate, [Delivery(Channel(name, name), sheets) for name in ("a", "b")])
    assert {one.verdict for one in found.stations} == {Verdict.MATCH}
    assert [one.open for one in found.standings] == [(), ()]
    assert [one.totals for one in found.standings] == [(5, 3), (1, 2, 3)]


def test_numbers_read_once_count_where_there_are_no_others() -> None:
    (standing,) = compare(said("tape", mayor(3, 5), Reading.TYPED)).standings
    assert (standing.totals, standing.open, standing.leader) == ((3, 5), (), 1)
    (blank,) = compare(said("tape", mayor(None, None))).standings
    assert (blank.totals, blank.swing) == ((0, 0), 1000)


def test_stations_with_no_swing_are_told_last() -> None:
    slate = Slate("Town", (MAYOR,), tuple(Station(StationId(i)) for i in "123"))
    sheets = [[s for i, v in zip("123", votes, strict=True) for s in said("x", v, station=i).sheets] for votes in (
        (mayor(5, 4), mayor(5, 5), mayor(90, 1)), (mayor(7, 4), mayor(5, 6), mayor(90, 1)))]  # fmt: skip
    (standing,) = reconcile(
        slate, [Delivery(Channel(str(i), str(i)), tuple(one)) for i, one in enumerate(sheets)]
    ).standings
    assert standing.open == (("2", 1), ("1", 0))


def test_sheet_is_late_after_the_hour_and_not_at_it() -> None:
    hour = datetime(2027, 5, 6, 22, tzinfo=UTC)
    told = [said(name, mayor(1, 2), at=hour) for name in ("a", "b")]
    slate = Slate("Town", (MAYOR,), (Station(ONE),))
    assert [one.verdict for one in reconcile(slate, told, late_after=hour).stations] == [Verdict.MATCH]
    before = datetime(2027, 5, 6, 21, 59, tzinfo=UTC)
    assert [one.verdict for one in reconcile(slate, told, late_after=before).stations] == [Verdict.LATE]


def test_one_channel_alone_is_said_so_and_copies_are_called_copies() -> None:
    assert of_rule(compare(said("a", mayor(1, 2))), "X.14")[0].found == "one channel alone: a"
    copies = compare(said("a", mayor(1, 2), origin="x"), said("b", mayor(1, 2), origin="x"))
    assert of_rule(copies, "X.14")[0].found == "not two independent origins in full: x"


def test_picture_is_that_of_the_sheet_that_was_read_once() -> None:
    told = []
    for name, reading, count in (("card", Reading.MACHINE, 5), ("tape", Reading.OCR, 6)):
        (sheet,) = said(name, mayor(count, 2), reading).sheets
        told.append(Delivery(Channel(name, name, reading), (replace(sheet, image=f"{name}.jpg"),)))
    assert of_rule(compare(*told), "X.11")[0].image == "tape.jpg"


def test_blank_votes_are_above_no_turnout() -> None:
    assert of_rule(compare(said("card", mayor(None, None)), said("radio", turnout=0)), "X.15") == []
