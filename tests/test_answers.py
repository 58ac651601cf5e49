from dataclasses import replace
from pathlib import Path

import pytest

from e2ev.demo import elections
from e2ev.demo.toy import TOY
from e2ev.verify.anchors import read_anchors
from e2ev.verify.answers import Answer, Answered, DeviceBallots, answers, device_ballots, missed, result_of
from e2ev.verify.check import Finding, Outcome, Report, State, Verdict
from e2ev.verify.cosigners import Cosigner, Cosigners, Seen
from e2ev.verify.levels import Level, Sample
from e2ev.verify.paper import PaperPlace
from e2ev.verify.run import Options, verify
from tests.elections import finished

YES, NO, NOT_TESTED = Answered.YES, Answered.NO, Answered.NOT_TESTED


@pytest.fixture(scope="module")
def report() -> Report:
    board = finished(TOY).board
    known = board.with_suffix(".anchors.json")
    return verify(board, Options(groups=(TOY,), anchors=read_anchors(known.read_bytes(), str(known))))


def given(report: Report) -> list[Answered]:
    return [answer.answered for answer in answers(report)]


def sentences(answer: Answer) -> str:
    return " ".join(map(str, answer.said))


def with_finding(report: Report, finding: Finding) -> Report:
    outcomes = tuple(replace(one, state=State.FAILED, failures=1) if one.check.id == finding.check else one
                     for one in report.outcomes)  # fmt: skip
    return replace(report, verdict=Verdict.REJECTED, findings=(finding,), outcomes=outcomes)


def with_state(report: Report, check: str, state: State) -> tuple[Outcome, ...]:
    return tuple(replace(one, state=state) if one.check.id == check else one for one in report.outcomes)


def test_honest_election_answers_what_was_tested_and_no_more(report: Report) -> None:
    result, devices, eligibility, cosigners = answers(report)
    assert given(report) == [YES, YES, NOT_TESTED, NOT_TESTED]
    assert "Ballots counted: 9." in sentences(result)
    assert "not counted, each for a check that it fails: 1." in sentences(result)
    assert "had encrypted: 2. Devices with at least one: 2 of 2." in sentences(devices)
    assert "had left a wrong secret: 1." in sentences(devices)
    assert "counted ballots, 9," in sentences(eligibility)
    assert f"{report.entries:,} entries" in sentences(cosigners)


def test_ballots_of_devices_add_up_to_all(report: Report) -> None:
    devices = device_ballots(report)
    assert sum(device.ballots for device in devices) == report.ballots[0]
    assert sum(device.counted for device in devices) == report.ballots[1]
    assert sum(device.excluded for device in devices) == report.ballots[2]
    for one in devices:
        assert one.ballots == one.counted + one.excluded + one.tests + one.wrong + one.closed + one.abandoned


def test_finding_about_the_record_makes_the_first_answer_no(report: Report) -> None:
    result, devices, *_ = answers(with_finding(report, Finding("9.A", "other product", 40)))
    assert (result.answered, devices.answered) == (NO, YES)
    assert "9.A" in sentences(result)


def test_wrong_test_ballot_makes_the_second_answer_no_and_leaves_the_first(report: Report) -> None:
    assert report.contents is not None
    code = next(iter(report.contents.opened_ballots))
    broken = with_finding(report, Finding("13.B", "another code", 50, ballot=code))
    assert given(broken)[:2] == [YES, NO]
    assert "Test ballots in which something was found wrong: 1. Checks: 13.B." in sentences(answers(broken)[1])
    assert sum(device.tests for device in device_ballots(broken)) == 1


def test_record_of_another_election_is_no_result_of_this_one(report: Report) -> None:
    result = answers(with_finding(report, Finding("A.3", "the log's key is not the one that you expected", 0)))[0]
    assert result.answered is NO
    assert "not the record of the election whose keys" in sentences(result)


def test_without_known_keys_the_first_answer_is_not_tested_unless_nobody_asks(report: Report) -> None:
    board = finished(TOY).board
    result = answers(verify(board, Options(groups=(TOY,))))[0]
    assert result.answered is NOT_TESTED
    assert "could be a perfect record of another election" in sentences(result)
    result = answers(verify(board, Options(groups=(TOY,), need_anchors=False)))[0]
    assert result.answered is YES
    assert "Whose election this is was not asked." in sentences(result)


def test_verdict_that_is_incomplete_for_whatever_reason_answers_not_tested(report: Report) -> None:
    assert given(replace(report, verdict=Verdict.INCOMPLETE))[0] is NOT_TESTED
    idle = replace(report, verdict=Verdict.REJECTED, outcomes=with_state(report, "9.A", State.NOT_RUN))
    assert given(idle)[0] is NOT_TESTED
    assert given(replace(report, contents=None))[:2] == [NOT_TESTED, NOT_TESTED]


def test_unopened_test_ballots_leave_the_result_and_are_no_tests(report: Report, tmp_path: Path) -> None:
    election = elections.closed(tmp_path, TOY)
    early = verify(election.board, Options(groups=(TOY,), need_anchors=False))
    assert given(early)[:2] == [NOT_TESTED, NOT_TESTED]
    assert "There is no result on the board yet." in sentences(answers(early)[0])
    assert early.contents is not None
    assert result_of(early.contents) is None
    assert [device.closed for device in device_ballots(early)] == [1]
    assert "No test ballot was made and opened" in sentences(answers(early)[1])


@pytest.mark.parametrize("level", [Level.STRUCTURE, Level.LOG, Level.SAMPLE])
def test_part_of_a_verification_answers_nothing(level: Level) -> None:
    sample = Sample("4613552601", 3) if level is Level.SAMPLE else None
    options = Options(groups=(TOY,), need_anchors=False, level=level, sample=sample)
    found = answers(verify(finished(TOY).board, options))
    assert [answer.answered for answer in found[:2]] == [NOT_TESTED, NOT_TESTED]
    assert f"on level {level.value}. That says nothing" in sentences(found[0])
    assert "on level" in sentences(found[1])


def test_device_without_a_test_is_not_tested_by_those_of_others() -> None:
    one, other = DeviceBallots("D1", "North", 100, tests=4), DeviceBallots("D2", "South", 100)
    assert missed((one, other), 10) == pytest.approx((0.9**4 + 1) / 2)
    assert missed((one,), 100) == pytest.approx(0.99**4)
    assert float(missed((), 10)) == 1.0


@pytest.mark.parametrize(
    ("found", "answered", "words"),
    [
        (Cosigners(Seen.MET, 64, (Cosigner("alpha", 64, 1), Cosigner("beta", 64, 2))), YES, "alpha, beta"),
        (Cosigners(Seen.NOT_MET, 12), NO, "quorum saw: 12 of"),
        (Cosigners(Seen.MET, 64, (Cosigner("alpha", 64, 1),), strange=1), NO, "There may be two boards"),
        (Cosigners(), NOT_TESTED, "No list of cosigners that you trust was given"),
    ],
)
def test_cosigners_answer_by_the_policy_alone(report: Report, found: Cosigners, answered: Answered, words: str) -> None:
    answer = answers(replace(report, cosigners=found))[3]
    assert answer.answered is answered
    assert words in sentences(answer)


def test_places_on_paper_are_named_in_the_first_answer(report: Report) -> None:
    on_paper = replace(report, paper=(PaperPlace("North", 40, 0, False), PaperPlace("South", 2, 1, False)))
    assert "polling places 2, ballots 42." in sentences(answers(on_paper)[0])
