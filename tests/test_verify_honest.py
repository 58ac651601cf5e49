"""Honest elections of every shape are accepted, and boards that are not finished say what is missing."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

from e2ev.ballot import PlainBallot, PlainContest
from e2ev.demo import elections
from e2ev.demo.elections import PLAIN_VOTES, SMALL_VOTES, Vote
from e2ev.demo.forge import take_apart, write_board
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.demo.tamper import find, options_for, tamper
from e2ev.demo.toy import LOOSE, TOY
from e2ev.group import P3072, P4096, Group
from e2ev.record.kinds import Kind
from e2ev.verify import run
from e2ev.verify.anchors import anchors_file, anchors_of, read_anchors
from e2ev.verify.check import Report, State, Verdict
from e2ev.verify.run import Options, verify
from tests.groups import over

Made = Callable[[str], HonestElection]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Return what makes each of the elections once."""

    @cache
    def make(name: str) -> HonestElection:
        return elections.BASES[name](tmp_path_factory.mktemp(name), LOOSE, 1)

    return make


def with_anchors(election: HonestElection, **further: object) -> Options:
    """Return how somebody checks who has the anchors that were published at the founding."""
    anchors = read_anchors(election.administrator.anchors_path.read_bytes(), "anchors")
    return replace(election.options, anchors=anchors, **further)  # type: ignore[arg-type]  # fields of Options


def check(election: HonestElection) -> Report:
    return verify(election.board, with_anchors(election))


def states(report: Report) -> dict[str, tuple[State, str]]:
    return {outcome.check.id: (outcome.state, outcome.reason) for outcome in report.outcomes}


def counts(election: HonestElection) -> dict[tuple[str, str], int]:
    """Return the published counts, by labels of contest and option."""
    result = next(a.result for a in election.administrator.contents().attempts.values() if a.result)
    total = Counter[tuple[str, str]]()
    for cell in result.body.form.cells:
        total.update({(cell.label, option.label): option.count.count for option in cell.options})
    return dict(total)


# Shapes of elections


@pytest.mark.parametrize(("trustees", "quorum"), [(1, 1), (2, 1), (3, 2), (5, 3), (7, 4)])
def test_election_of_any_size_is_accepted(trustees: int, quorum: int, tmp_path: Path) -> None:
    election = elections.closed(tmp_path, LOOSE, trustees, quorum)
    election.tally(range(1, quorum + 1))
    assert check(election).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("members", list(combinations((1, 2, 3, 4), 2)))
def test_any_quorum_decrypts_the_same_counts(members: tuple[int, int], tmp_path: Path) -> None:
    election = elections.closed(tmp_path, LOOSE, 4, 2)
    election.tally(members)
    assert check(election).verdict is Verdict.ACCEPTED
    assert counts(election) == {("question", "yes"): 2, ("question", "no"): 1}


def test_more_trustees_than_the_quorum_decrypt(tmp_path: Path) -> None:
    election = elections.closed(tmp_path, LOOSE, 4, 2)
    election.tally((1, 3, 4))
    assert check(election).verdict is Verdict.ACCEPTED


@over(TOY, P3072, P4096)
def test_election_in_every_group_is_accepted(group: Group, tmp_path: Path) -> None:
    election = elections.tiny(tmp_path, group)
    assert check(election).verdict is Verdict.ACCEPTED
    assert counts(election) == {("mayor", "Aida"): 1, ("mayor", "Bolot"): 0}


@pytest.mark.parametrize(("name", "other"), [("small", "8.D"), ("plain", "8.E")])
def test_both_ways_of_chaining_are_accepted(name: str, other: str, made: Made) -> None:
    report = check(made(name))
    assert report.verdict is Verdict.ACCEPTED
    assert states(report)[other][0] is State.NOT_APPLICABLE


def test_counts_are_those_that_were_cast(made: Made) -> None:
    expected = Counter[tuple[str, str]]()
    manifest = made("small").administrator.contents().manifest
    for plain, decision in SMALL_VOTES:
        for chosen in plain.contests:
            contest = manifest.contest(chosen.contest)
            over = sum(chosen.selections) > contest.selection_limit
            for option, value in zip(contest.options, chosen.selections, strict=True):
                counted = 0 if over or decision != "cast" else value * plain.weight
                expected[contest.label, option.label] += counted
    assert counts(made("small")) == dict(expected)


def test_record_with_one_of_everything_is_accepted(made: Made) -> None:
    election = made("small")
    report, contents = check(election), election.administrator.contents()
    assert report.verdict is Verdict.ACCEPTED
    assert report.ballots == (13, 9, 1)
    assert [finding.check for finding in report.excluded] == ["6.D"]
    assert len(contents.opened_ballots) == len(contents.decrypted_ballots) == 1
    assert [contents.decision(code) for code in contents.ballots].count("abandoned") == 1
    assert any("excluded" in remark for remark in report.remarks)


def test_every_check_has_something_to_look_at_in_one_of_the_elections(made: Made) -> None:
    reports = [
        verify(made(name).board, everything_known(made(name)))
        for name in ("small", "plain", "places", "announced", "roll", "desks")
    ]
    passed = {name for report in reports for name, (state, _) in states(report).items() if state is State.PASSED}
    assert passed == {check.id for check in run.CHECKS}


def everything_known(election: HonestElection) -> Options:
    root = verify(election.board, election.options).root
    return replace(election.options, anchors=anchors_of(election.administrator.contents(), root))


def test_contest_with_too_few_ballots_stays_closed(tmp_path: Path) -> None:
    manifest = elections.SMALL.replace(b'"minimum_cell": 3', b'"minimum_cell": 4')
    election = elections.opened(tmp_path, LOOSE, manifest, ("North", "South"), 2, 2)
    few: list[Vote] = [(elections.full(elections.NORTH, (1, 0, 0), (1, 0, 0)), "cast")] * 3
    short = PlainBallot(elections.SHORT, elections.SOUTH, (PlainContest(1, (0, 1, 0)),))
    many: list[Vote] = [(short, "cast")] * 4
    election.vote([*few, *many])
    election.close()
    election.tally((1, 2))
    assert check(election).verdict is Verdict.ACCEPTED
    assert counts(election) == {("mayor", "Aida"): 3, ("mayor", "Bolot"): 4, ("mayor", "Cholpon"): 0}


def test_correction_changes_no_verdict(tmp_path: Path) -> None:
    election = elections.plain_chain(tmp_path, LOOSE)
    election.administrator.correct(bytes(32), "a misspelt name", PASSPHRASE)
    assert check(election).verdict is Verdict.ACCEPTED


# Anchors


def test_without_anchors_the_verdict_is_incomplete(made: Made) -> None:
    report = verify(made("plain").board, made("plain").options)
    assert report.verdict is Verdict.INCOMPLETE
    assert not report.findings
    missing = {name for name, (state, _) in states(report).items() if state is State.NOT_RUN}
    assert missing == {"A.1", "A.2", "A.3", "A.4"}


def test_without_anchors_is_accepted_if_none_are_asked_for(made: Made) -> None:
    options = replace(made("plain").options, need_anchors=False)
    assert verify(made("plain").board, options).verdict is Verdict.ACCEPTED


def test_all_anchors_together_are_met(made: Made) -> None:
    options = everything_known(made("small"))
    report = verify(made("small").board, options)
    assert report.verdict is Verdict.ACCEPTED
    assert options.anchors is not None
    assert read_anchors(anchors_file(options.anchors), "anchors") == options.anchors


def test_a_missing_required_anchor_makes_the_verdict_incomplete(made: Made) -> None:
    options = with_anchors(made("plain"))
    assert options.anchors is not None
    report = verify(made("plain").board, replace(options, anchors=replace(options.anchors, log=b"")))
    assert report.verdict is Verdict.INCOMPLETE
    assert states(report)["A.3"][0] is State.NOT_RUN


# The same from any number of processes


@pytest.mark.parametrize("name", ["", "negative-vote", "vote-counted-twice", "weight-of-five"])
def test_processes_do_not_change_the_report(name: str, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "segment_size", lambda *_: 4)  # so that a few ballots make several segments
    election = made("small")
    board = tamper(name, election) if name else election.board
    options = options_for(name, election) if name else with_anchors(election)
    alone, together = (verify(board, replace(options, jobs=jobs)) for jobs in (1, 2))
    assert alone == together
    assert alone.tripped() == (find(name).trips if name else frozenset())


# Boards that are not finished


def test_board_before_the_tally_is_incomplete_and_says_why(tmp_path: Path) -> None:
    election = elections.closed(tmp_path, LOOSE)
    report = check(election)
    assert report.verdict is Verdict.INCOMPLETE
    assert not report.findings
    waiting = {name: reason for name, (state, reason) in states(report).items() if state is State.NOT_RUN}
    assert all(waiting.values())
    assert "no result yet" in waiting["10.B"]
    assert "1 challenged ballots are not opened yet" in waiting["14.A"]


def test_every_beginning_of_an_honest_board_is_incomplete_without_findings(made: Made, tmp_path: Path) -> None:
    forgery, options = take_apart(made("plain")), with_anchors(made("plain"))
    for last in range(len(forgery.steps) - 1):
        write_board(forgery.until(last), tmp_path / "part.board")
        report = verify(tmp_path / "part.board", options)
        assert (report.verdict, report.findings) == (Verdict.INCOMPLETE, ()), forgery.steps[last].kind


def test_unopened_test_ballot_keeps_the_verdict_incomplete(made: Made, tmp_path: Path) -> None:
    forgery = take_apart(made("plain"))
    write_board(forgery.without(*forgery.indices(Kind.OPENED_BALLOT)), tmp_path / "part.board")
    report = verify(tmp_path / "part.board", with_anchors(made("plain")))
    assert (report.verdict, report.findings) == (Verdict.INCOMPLETE, ())
    assert any("not opened" in remark for remark in report.remarks)


def test_feature_that_this_verifier_does_not_know_keeps_the_verdict_incomplete(made: Made, tmp_path: Path) -> None:
    forgery = take_apart(made("plain")).edit(0, lambda features: (*features, "shuffle"), "features")
    write_board(forgery, tmp_path / "shuffled.board")
    report = verify(tmp_path / "shuffled.board", with_anchors(made("plain")))
    assert (report.verdict, report.findings) == (Verdict.INCOMPLETE, ())
    assert "the record uses shuffle, which this verifier does not know" in report.remarks
    assert all(state is not State.NOT_RUN for state, _ in states(report).values())


def test_ballots_of_the_plain_election_are_all_on_the_board(made: Made) -> None:
    assert check(made("plain")).ballots == (len(PLAIN_VOTES), 3, 0)
