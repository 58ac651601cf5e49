"""Checks of single ballots, encrypted, opened or shown, at edges that a whole record seldom reaches."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from e2ev.counting import add_piles, piles_of
from e2ev.demo.toy import TOY
from e2ev.manifest import Manifest
from e2ev.record.codec import judge
from e2ev.verify import ballots, opened
from e2ev.verify.ballots import BallotCase
from e2ev.verify.cases import Decryption
from e2ev.verify.check import Finding, labels, unlike
from e2ev.verify.opened import OpenedCase, ShownCase, ShownContest, shown_by_nonce
from e2ev.verify.run import Options, prepare
from e2ev.verify.segments import ballot_jobs, read_cases
from tests.elections import finished


@cache
def case() -> BallotCase:
    """Return the first ballot of a finished election."""
    ready = prepare(finished(TOY).board, Options(groups=(TOY,), need_anchors=False))
    (found,), unreadable = read_cases(ready.segment, tuple(ballot_jobs(ready.setting, [0])))
    assert unreadable == []
    return found


def under(change: Callable[[Manifest], Manifest]) -> BallotCase:
    """Return that ballot under another manifest."""
    return replace(case(), context=replace(case().context, manifest=change(case().context.manifest)))


def holding(**changes: Any) -> BallotCase:
    """Return that ballot with other parts."""
    body = case().judged.value
    return replace(case(), judged=replace(case().judged, value=replace(body, ballot=replace(body.ballot, **changes))))


def said(check: Callable[[BallotCase], Iterator[Finding]], about: BallotCase) -> list[str]:
    return [finding.found for finding in check(about)]


@pytest.mark.parametrize("check", [one.run for one in ballots.CHECKS], ids=[one.id for one in ballots.CHECKS])
def test_honest_ballot_passes_each_check(check: Callable[[BallotCase], Iterator[Finding]]) -> None:
    assert list(check(case())) == []


def test_style_that_is_not_voted_at_the_unit_is_found() -> None:
    def elsewhere(manifest: Manifest) -> Manifest:
        return replace(manifest, ballot_styles=tuple(replace(one, units=(2,)) for one in manifest.ballot_styles))

    assert case().ballot.unit == 1
    assert said(ballots.place, under(elsewhere)) == ["the ballot style is not voted at this reporting unit"]


@pytest.mark.parametrize("style", [0, 3])
def test_style_that_is_none_is_found_once_and_stops_nothing(style: int) -> None:
    assert said(ballots.style, holding(style=style)) == [f"ballot style {style} is not in the manifest"]
    assert said(ballots.place, holding(style=style)) == []


@pytest.mark.parametrize("style", [1, 2])
def test_every_style_of_the_manifest_is_known(style: int) -> None:
    expected = [*case().context.manifest.style(style).contests]
    found = ["contests [1, 2], expected [1], those of the ballot style"]
    assert said(ballots.style, holding(style=style)) == (found if expected == [1] else [])


@pytest.mark.parametrize("contest", [0, 3])
def test_contest_that_is_none_is_passed_over_by_what_looks_into_contests(contest: int) -> None:
    other = holding(contests=tuple(replace(one, contest=contest) for one in case().ballot.contests))
    assert list(other.contests()) == []
    assert said(ballots.options, other) == []
    assert [one.contest for one in ballots.contest_hashes(other)] == [str(contest)] * 2


def test_number_of_options_is_that_of_the_manifest() -> None:
    first, second = case().ballot.contests
    short = holding(contests=(replace(first, selections=first.selections[1:]), second))
    assert [contest.label for _, contest, _ in short.contests()] == ["projects"]
    assert [finding.contest for finding in ballots.options(short)] == ["mayor"]


@pytest.mark.parametrize(
    ("path", "contest", "option"),
    [(("contests", 0, "selections", 0, "ciphertext", "alpha"), "mayor", "Aida"),
     (("contests", 1, "selections", 2, "proof", "responses", 0), "projects", "bench"),
     (("contests", 1, "limit_proof", "challenges", 0), "projects", ""), (("contests", 0, "data", "c0"), "mayor", "")],
)  # fmt: skip
def test_path_leads_into_a_contest_and_an_option(path: tuple[str | int, ...], contest: str, option: str) -> None:
    assert case().named(("ballot", *path)) == {"contest": contest, "option": option}


def test_path_that_leads_into_no_contest_names_none() -> None:
    assert case().named(("ballot", "nonce", "c0")) == {}


@pytest.mark.parametrize(
    ("contest", "option", "named"),
    [(1, 0, ("mayor", "")), (2, 3, ("projects", "bench")), (2, 4, ("projects", "4")), (3, 1, ("3", "1")),
     (0, 0, ("0", ""))],
)  # fmt: skip
def test_what_the_manifest_does_not_have_is_named_by_its_number(
    contest: int, option: int, named: tuple[str, str]
) -> None:
    assert labels(case().context.manifest, contest, option) == {"contest": named[0], "option": named[1]}


def test_values_that_should_be_one_are_shown_by_their_beginnings() -> None:
    assert unlike(bytes(8) + b"x", b"\xab" * 32) == "0000000000000000, expected abababababababab"
    assert unlike(b"", b"\xab" * 32).startswith("nothing, expected")


def test_total_is_there_where_all_its_factors_are_in_the_group() -> None:
    bad = ("ballot", "contests", 0, "selections", 1, "ciphertext", "alpha")
    broken = replace(case(), judged=replace(case().judged, failures=(bad,)))
    assert [broken.has_total(i, contest) for i, contest, _ in broken.contests()] == [False, True]
    names = [name for name, _ in broken.claims()]
    assert (0, "limit") not in names
    assert (0, 1) not in names
    assert {(0, 0), (0, 2), (1, "limit")} <= set(names)


# Ballots that are shown


def shown(*contests: tuple[int, str, tuple[tuple[str, int], ...]], style: int = 1) -> ShownCase:
    """Return the ballot as it would be shown with these contests, labels and values."""
    ballot = replace(case().ballot, style=style)
    return ShownCase(case().context, ballot, 7, tuple(ShownContest(*one) for one in contests))


MAYOR = (1, "mayor", (("Aida", 1), ("Bolot", 0), ("Cholpon", 0)))
PROJECTS = (2, "projects", (("roof", 2), ("garden", 1), ("bench", 0)))


def objections(about: ShownCase) -> list[tuple[str, str, str]]:
    found = (finding for check in opened.SHOWN_CHECKS if check.run for finding in check.run(about))
    return [(finding.check, finding.contest, finding.option) for finding in found]


def test_ballot_that_is_shown_as_it_is_passes() -> None:
    assert objections(shown(MAYOR, PROJECTS)) == []


def test_contests_are_shown_in_the_manifests_order_whatever_they_are_called() -> None:
    assert objections(shown(PROJECTS, MAYOR)) == [("14.B", "", "")]

    def renamed(manifest: Manifest) -> Manifest:
        first, second = manifest.contests
        return replace(manifest, contests=(replace(first, label="z"), replace(second, label="a")))

    other = replace(shown((1, "z", MAYOR[2]), (2, "a", PROJECTS[2])), context=under(renamed).context)
    assert objections(other) == []
    assert objections(replace(other, contests=other.contests[::-1])) == [("14.B", "", "")]


def test_contest_that_is_missing_or_shown_twice_is_named() -> None:
    assert objections(shown(MAYOR)) == [("14.B", "projects", "")]
    assert objections(shown(MAYOR, PROJECTS, PROJECTS)) == [("14.B", "projects", "")]
    assert objections(shown()) == [("14.B", "mayor", ""), ("14.B", "projects", "")]


@pytest.mark.parametrize("style", [0, 3])
def test_ballot_of_no_style_shows_nothing_that_is_known(style: int) -> None:
    assert objections(shown(MAYOR, PROJECTS, style=style)) == [("14.A", "mayor", ""), ("14.A", "projects", "")]


def test_contest_is_shown_under_its_own_label() -> None:
    assert objections(shown((2, "mayor", MAYOR[2]), PROJECTS)) == [("14.A", "mayor", "")]


def test_options_are_all_there_once_in_order_and_no_others() -> None:
    aida, bolot, cholpon = MAYOR[2]
    assert objections(shown((1, "mayor", (bolot, aida, cholpon)), PROJECTS)) == [("14.D", "mayor", "")]
    assert objections(shown((1, "mayor", (aida, cholpon)), PROJECTS)) == [("14.D", "mayor", "")]
    assert objections(shown((1, "mayor", (aida, bolot, cholpon, ("Nobody", 0))), PROJECTS)) == [
        ("14.C", "mayor", "Nobody"), ("14.D", "mayor", "")]  # fmt: skip


@pytest.mark.parametrize(
    ("votes", "found"),
    [((2, 1, 0), []), ((3, 0, 0), [("14.E", "projects", "roof")]), ((2, 2, 0), [("14.F", "projects", "")]),
     ((0, 0, 4), [("14.E", "projects", "bench"), ("14.F", "projects", "")])],
)  # fmt: skip
def test_limits_of_options_and_contests_are_kept(votes: tuple[int, ...], found: list[tuple[str, str, str]]) -> None:
    labels_ = ("roof", "garden", "bench")
    assert objections(shown(MAYOR, (2, "projects", tuple(zip(labels_, votes, strict=True))))) == found


# Ballots that were opened


@cache
def opened_case() -> OpenedCase:
    """Return the test ballot of a finished election that was opened by its nonces."""
    ready = prepare(finished(TOY).board, Options(groups=(TOY,), need_anchors=False))
    contents = ready.setting.contents
    ((code, posted),) = contents.opened_ballots.items()
    row = contents.ballots.row(code)
    assert row is not None
    (found,), _ = read_cases(ready.segment, tuple(ballot_jobs(ready.setting, [row])))
    judged = judge(posted.body)
    return OpenedCase(ShownCase(found.context, found.ballot, posted.index, shown_by_nonce(judged.value)), judged)


def opened_with(*, has_data: bool = True, failures: tuple[Any, ...] = (), **changes: Any) -> OpenedCase:
    """Return that test ballot with another first contest."""
    held = opened_case()
    body, ballot = held.judged.value, held.shown.ballot
    other = replace(body, contests=(replace(body.contests[0], **changes), *body.contests[1:]))
    if not has_data:
        ballot = replace(ballot, contests=(replace(ballot.contests[0], data=None), *ballot.contests[1:]))
    return OpenedCase(replace(held.shown, ballot=ballot), replace(held.judged, value=other, failures=failures))


def opened_objections(about: OpenedCase) -> list[tuple[str, str, str]]:
    found = (finding for check in opened.OPENED_CHECKS if check.run for finding in check.run(about))
    return [(finding.check, finding.contest, finding.option) for finding in found]


def test_test_ballot_that_is_opened_as_it_is_passes() -> None:
    assert opened_objections(opened_case()) == []


def test_contest_data_is_opened_where_the_ballot_has_some_and_only_there() -> None:
    held = opened_case().judged.value.contests[0]
    there, other_code = ("13.A", "mayor", ""), ("13.B", "", "")
    assert opened_objections(opened_with(data_nonce=None)) == [there]
    assert opened_objections(opened_with(data_nonce=None, data=b"")) == [there]
    assert opened_objections(opened_with(has_data=False)) == [there, other_code]
    assert opened_objections(opened_with(has_data=False, data_nonce=None)) == [there, other_code]
    assert opened_objections(opened_with(has_data=False, data_nonce=None, data=b"")) == [other_code]
    assert opened_objections(opened_with(data=bytes(len(held.data)))) == [there]


def test_nonce_of_contest_data_is_the_one_behind_its_ciphertext() -> None:
    nonce = opened_case().judged.value.contests[0].data_nonce
    assert nonce is not None
    assert opened_objections(opened_with(data_nonce=nonce + 1)) == [("13.A", "mayor", ""), ("O.1", "mayor", "")]


def test_selections_are_opened_one_by_one_or_the_ballot_is_not_opened() -> None:
    selections = opened_case().judged.value.contests[0].selections
    assert opened_objections(opened_with(selections=selections[1:])) == [("13.B", "", "")]
    assert opened_objections(opened_with(selections=selections[::-1])) == [("13.B", "", "")]


@pytest.mark.parametrize(
    ("path", "contest", "option"),
    [(("contests", 0, "selections", 1, "nonce"), "mayor", "Bolot"), (("contests", 0, "data_nonce"), "mayor", "")],
)
def test_nonce_that_is_not_below_q_is_named_and_the_rest_of_its_contest_passed_over(
    path: tuple[str | int, ...], contest: str, option: str
) -> None:
    assert opened_objections(opened_with(failures=(path,), data=b"other")) == [("O.2", contest, option)]


# Counts


def test_no_count_may_be_more_than_weights_and_limits_allow() -> None:
    board = finished(TOY).board
    ready = prepare(board, Options(groups=(TOY,), need_anchors=False))
    context = ready.setting.ballot_context
    assert context is not None
    rows = range(len(ready.setting.contents.ballots))
    cases, _ = read_cases(ready.segment, tuple(ballot_jobs(ready.setting, rows)))
    piles = add_piles(piles_of(one.ballot) for one in cases if one.job.counted)
    counts = Decryption(board, ready.setting, context, piles).counts()
    cells = {(one.place, one.named["contest"]): one.bound for one in counts if one.ballot is None}
    # at North three ballots of weight 1 and three of 2, at South three and two; projects takes two votes for one option
    assert cells == {("cells[0]", "mayor"): 9, ("cells[1]", "mayor"): 3, ("cells[2]", "projects"): 22}
    assert {one.bound for one in counts if one.ballot is not None} == {1, 2}
    assert len({(one.place, *one.named.values()) for one in counts}) == len(counts) == 9 + 6
