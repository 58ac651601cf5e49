"""Announced results: pages of results as entries, which continue or correct one another, and isolate nobody."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev.board.announced import time_of
from e2ev.board.archive import export
from e2ev.board.atoms import Atoms
from e2ev.board.contents import Contents
from e2ev.board.ledger import read_contents
from e2ev.demo import elections
from e2ev.demo.elections import LYNESS_PAPER, RYSA, one
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.demo.toy import TOY
from e2ev.errors import ConflictError, NotReadyError, RejectedError
from e2ev.record.kinds import RESULTS, STATIONS
from e2ev.record.results import AnnouncedLine, Shares, Turnout
from e2ev.roles import announcing, merging
from e2ev.roles.announcing import Announcement, announce, lines_on_board, shares_of
from e2ev.verify.anchors import read_anchors
from e2ev.verify.check import Verdict
from e2ev.verify.run import Options, verify

GROUPS = (TOY,)
AT = datetime(2027, 5, 6, 22, 0, tzinfo=UTC)
Lines = tuple[AnnouncedLine, ...]


@pytest.fixture(scope="module")
def election(tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    """The election when it is over: announcements that the rules refuse leave it as it is."""
    return elections.announced(tmp_path_factory.mktemp("announced"), TOY)


@pytest.fixture(scope="module")
def contents(election: HonestElection) -> Contents:
    return read_contents(election.board, GROUPS)


def refused_by(check: str, election: HonestElection, announcement: Announcement) -> None:
    before = election.board.stat().st_size
    with pytest.raises(RejectedError, match=rf"check {check}:"):
        announce(election.administrator, announcement, PASSPHRASE)
    assert election.board.stat().st_size == before


# Honest announcements


def test_announcements_are_accepted_and_the_correction_stands(election: HonestElection, contents: Contents) -> None:
    anchors = read_anchors(election.administrator.anchors_path.read_bytes(), "anchors")
    report = verify(election.board, Options(groups=GROUPS, anchors=anchors))
    assert (report.verdict, report.findings) == (Verdict.ACCEPTED, ())
    first, second, third = contents.announced
    assert contents.superseded == {second}
    assert contents.standing[1, "board", announcing.EVERYWHERE][1].counts == (5, 3)
    assert contents.standing[1, "paper", announcing.EVERYWHERE] == (third, contents.announced[third].body.form.lines[1])
    assert contents.announced[first].body.form.lines[0].units == (1,)


def test_announcements_stand_in_the_export(election: HonestElection, tmp_path: Path) -> None:
    export(election.board, tmp_path / "json", GROUPS)
    held = json.loads((tmp_path / "json" / "announced.json").read_bytes())
    assert [one["number"] for one in held] == [1, 2, 3]
    assert held[2]["reason"] == "one ballot of Lyness was read wrongly"
    assert held[0]["lines"][0]["shares"] == {"of": "votes", "points": [7500, 2500]}


def test_small_place_is_announced_with_its_neighbour_alone(contents: Contents) -> None:
    (line,) = lines_on_board(contents, "the islands", ("Hoy", "Rysa"))
    assert (line.units, line.ballots, line.counts, line.of) == ((2, RYSA), 4, (2, 2), 2)
    with pytest.raises(NotReadyError, match="nothing of these places"):
        lines_on_board(contents, "Rysa", ("Rysa",))


def test_shares_are_rounded_and_sum_to_the_whole_within_a_point_each() -> None:
    assert shares_of((1, 1, 1)) == Shares("votes", (3333, 3333, 3333))
    assert shares_of((0, 0)) is None


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_stated_shares_never_object_to_themselves(counts: list[int]) -> None:
    shares, whole = shares_of(counts), sum(counts)
    if shares is not None:
        assert all(abs(p * whole - 10_000 * c) <= whole for p, c in zip(shares.points, counts, strict=True))
        assert abs(sum(shares.points) - 10_000) <= len(counts)


# What the intake refuses


def paper(contents: Contents, **changes: Any) -> Lines:
    """Return the standing lines, the paper's one changed."""
    (board, held) = (line for _, line in contents.standing.values())
    return (board, replace(held, **changes))


Edit = Callable[[Contents], Announcement]

REFUSED: dict[str, tuple[str, Edit]] = {
    "paper falls": ("Q.1", lambda c: Announcement(AT, paper(c, counts=(1, 3), shares=None))),
    "ballots fall": ("Q.1", lambda c: Announcement(AT, paper(c, ballots=4, counts=(2, 2), shares=None))),
    "share of another count": (
        "Q.2",
        lambda c: Announcement(AT, paper(c, shares=Shares("votes", (6000, 4000))), None, [*c.announced][2], "why"),
    ),
    "shares of nothing": (
        "Q.2",
        lambda c: Announcement(
            AT, paper(c, counts=(0, 0), shares=Shares("votes", (1, 0))), None, [*c.announced][2], "all of it was void"
        ),
    ),
    "corrects what was corrected": (
        "Q.3",
        lambda c: Announcement(AT, paper(c), None, [*c.announced][1], "again"),
    ),
    "paper of a place without a count": ("Q.5", lambda c: Announcement(AT, paper(c, units=(2, 3), group="more"))),
    "more paper than was counted": ("Q.6", lambda c: Announcement(AT, paper(c, ballots=6))),
    "more ballots than voters": ("Q.6", lambda c: Announcement(AT, paper(c), Turnout(20, 7, 3500))),
    "two votes a ballot": ("Q.6", lambda c: Announcement(AT, paper(c, counts=(4, 4), shares=None))),
    "one line twice": ("R.1", lambda c: Announcement(AT, (*paper(c), paper(c)[0]))),
    "no lines": ("R.1", lambda _: Announcement(AT, ())),
    "unit not in the manifest": ("R.1", lambda c: Announcement(AT, paper(c, units=(3, 9)))),
    "a share too few": ("R.1", lambda c: Announcement(AT, paper(c, shares=Shares("votes", (10_000,))))),
    "no zone": ("R.1", lambda c: Announcement(AT.replace(tzinfo=None), paper(c))),
}


@pytest.mark.parametrize("case", REFUSED)
def test_intake_refuses(case: str, election: HonestElection, contents: Contents) -> None:
    check, edit = REFUSED[case]
    refused_by(check, election, edit(contents))


def test_nothing_is_announced_before_it_is_counted(tmp_path: Path) -> None:
    made = elections.opened(tmp_path, TOY, elections.ANNOUNCED, ("Town",), 2, 2, features=(STATIONS, RESULTS))
    made.vote([(one(1, 0), "cast"), (one(0, 1), "cast")])
    line = AnnouncedLine(1, "board", "all", 4, (1,), 2, (1, 1), None)
    refused_by("B.8", made, Announcement(AT, (line,)))
    merging.count_on_paper(made.administrator, LYNESS_PAPER, PASSPHRASE)
    made.close()
    refused_by("Q.5", made, Announcement(AT, (line,)))


def test_election_without_the_part_announces_nothing(tmp_path: Path) -> None:
    made = HonestElection(tmp_path, TOY)
    made.found(elections.PLAIN, 2, 2)
    with pytest.raises(ConflictError, match="without announced results"):
        announce(made.administrator, Announcement(AT, ()), PASSPHRASE)


def test_small_paper_count_shows_no_totals(tmp_path: Path) -> None:
    made = elections.opened(tmp_path, TOY, elections.ANNOUNCED, ("Town",), 2, 2, features=(STATIONS, RESULTS))
    lone = replace(LYNESS_PAPER, ballots=1, totals=(replace(LYNESS_PAPER.totals[0], counts=(1, 0)),))
    with pytest.raises(RejectedError, match=r"check Q\.4:"):
        merging.count_on_paper(made.administrator, lone, PASSPHRASE)
    merging.count_on_paper(made.administrator, replace(lone, totals=()), PASSPHRASE)


def test_other_counts_of_the_same_places_under_another_name_are_a_fall(tmp_path: Path) -> None:
    made = elections.opened(tmp_path, TOY, elections.ANNOUNCED, ("Town",), 2, 2, features=(STATIONS, RESULTS))
    merging.count_on_paper(made.administrator, replace(LYNESS_PAPER, totals=()), PASSPHRASE)
    made.close()
    line = AnnouncedLine(1, "paper", "Lyness", 1, (3,), 5, (3, 2), None)
    announce(made.administrator, Announcement(AT, (line,)), PASSPHRASE)
    refused_by("Q.1", made, Announcement(AT, (replace(line, group="the south", counts=(2, 3)),)))
    announce(made.administrator, Announcement(AT, (replace(line, group="the south"),)), PASSPHRASE)


@pytest.mark.parametrize("text", ["2027-05-06", "2027-05-06T22:00", "", "tonight", "2027-13-06T22:00+06:00"])
def test_time_without_its_distance_from_utc_is_none(text: str) -> None:
    assert time_of(text) is None


# Isolation


SETS = st.lists(st.frozensets(st.integers(0, 5), min_size=1), min_size=1, max_size=5)


@given(SETS, st.lists(st.integers(0, 4), min_size=6, max_size=6))
def test_atoms_are_units_of_the_same_sets_with_their_ballots(sets: list[frozenset[int]], ballots: list[int]) -> None:
    atoms, held = Atoms(), dict(enumerate(ballots))
    for published in sets:
        atoms.publish(published, held)
    known = sorted(frozenset.union(*sets))
    for left, right in combinations(known, 2):
        together = all((left in published) == (right in published) for published in sets)
        assert (atoms.atom[left] == atoms.atom[right]) == together
    for unit in known:
        members = [other for other in known if atoms.atom[other] == atoms.atom[unit]]
        assert atoms.ballots[atoms.atom[unit]] == sum(held[member] for member in members)


@given(SETS, st.lists(st.integers(0, 4), min_size=6, max_size=6))
def test_sets_that_publish_passes_have_no_small_difference(sets: list[frozenset[int]], ballots: list[int]) -> None:
    atoms, held, passed = Atoms(), dict(enumerate(ballots)), list[frozenset[int]]()
    for published in sets:
        tried = atoms.copy()
        if tried.publish(published, held) in (0, 3, 4, *range(5, 30)):
            atoms = tried
            passed.append(published)
    for one_set in passed:
        for other in (*passed, frozenset[int]()):
            for part in (one_set - other, one_set & other):
                assert not 0 < sum(held[unit] for unit in part) < 3


def test_small_place_is_isolated_by_subtraction_of_paper_totals() -> None:
    atoms, held = Atoms(), {1: 50, 2: 60, 3: 1}
    assert atoms.publish((1, 2, 3), held) == 111
    assert atoms.copy().publish((1, 2), held) == 1, "1 and 2 without 3 leave 3 alone"
    assert atoms.publish((1,), held) == 50
