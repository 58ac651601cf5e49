"""Checks of single ballots, at the edges that a whole record reaches seldom: a manifest that is another one."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from e2ev.demo.toy import TOY
from e2ev.manifest import Manifest
from e2ev.verify import ballots
from e2ev.verify.ballots import BallotCase
from e2ev.verify.check import Finding, labels, unlike
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
