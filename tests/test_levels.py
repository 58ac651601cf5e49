"""Levels of verification: what each looks at, what a sample draws, and that none but full is ever ACCEPTED."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev.demo import elections
from e2ev.demo.forge import Forgery, take_apart, write_board
from e2ev.demo.honest import HonestElection
from e2ev.demo.tamper import find, options_for
from e2ev.demo.toy import LOOSE
from e2ev.errors import DataError
from e2ev.verify.check import Report, State, Verdict
from e2ev.verify.levels import Drawn, Level, Sample
from e2ev.verify.run import CHECKS, LEFT_OUT, Options, prepare, verify
from tests.groups import law

DICE = Sample("4613552601", 4)
ROOT = bytes(range(32))
Desk = Callable[[str], tuple[HonestElection, Forgery]]
Judge = Callable[[str, Level], Report]
PARTS = (Level.STRUCTURE, Level.LOG, Level.SAMPLE)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Return what makes each honest election, and its board in a forger's hands, once."""

    @cache
    def make(base: str) -> tuple[HonestElection, Forgery]:
        election = elections.BASES[base](tmp_path_factory.mktemp(base), LOOSE, 1)
        return election, take_apart(election)

    return make


@pytest.fixture(scope="module")
def election(desk: Desk) -> HonestElection:
    return desk("small")[0]


@pytest.fixture(scope="module")
def judge(desk: Desk) -> Judge:
    """Return what a level says of a tampered board, or of the small honest one."""

    @cache
    def board_of(name: str) -> tuple[Path, Options]:
        election, forgery = desk(find(name).base if name else "small")
        board = election.root / f"{name}.board"
        write_board(find(name).change(forgery) if name else forgery, board)
        return board, options_for(name or "close-miscounts", election)

    def run(name: str, level: Level) -> Report:
        board, options = board_of(name)
        return verify(board, at(level, options))

    return run


def at(level: Level, options: Options, sample: Sample = DICE) -> Options:
    return replace(options, level=level, sample=sample if level is Level.SAMPLE else None)


# Verdicts


@pytest.mark.parametrize("level", PARTS)
def test_honest_record_is_incomplete_on_every_level_but_full(level: Level, judge: Judge) -> None:
    report = judge("", level)
    assert (report.verdict, report.findings, report.level) == (Verdict.INCOMPLETE, (), level)
    assert report.verdict.exit_code == 4
    assert judge("", Level.FULL).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("level", PARTS)
def test_what_a_level_leaves_out_is_not_run_for_that_reason(level: Level, judge: Judge) -> None:
    left_out, reason = LEFT_OUT[level]
    idle = {one.check.id: one.reason for one in judge("", level).outcomes if one.state is State.NOT_RUN}
    assert idle == dict.fromkeys(left_out, reason)
    assert 0 < len(left_out) < len(CHECKS)


def test_each_level_looks_at_all_that_the_one_before_looks_at() -> None:
    left_out = [LEFT_OUT[level][0] for level in Level]
    assert all(later < earlier for earlier, later in pairwise(left_out))


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("option-missing-in-result", None),
        ("bytes-behind-the-end", Level.STRUCTURE),
        ("body-written-differently", Level.STRUCTURE),
        ("unknown-kind", Level.STRUCTURE),
        ("signature-forged", Level.LOG),
        ("close-miscounts", Level.LOG),
        ("key-not-proved", Level.LOG),
        ("two-codes", Level.LOG),
        ("trustee-key-swapped", Level.LOG),
        ("count-plus-one", Level.SAMPLE),
        ("other-vote-shown", Level.SAMPLE),
        ("one-vote-added", Level.FULL),
        ("nonces-used-twice", Level.FULL),
        ("valid-ballot-excluded", Level.FULL),
    ],
)
def test_tampering_is_found_from_its_level_on(name: str, level: Level | None, judge: Judge) -> None:
    for tried in Level:
        reached = list(Level).index(tried) >= list(Level).index(level or Level.SAMPLE)
        report = judge(name, tried)
        assert report.verdict is (Verdict.REJECTED if reached else Verdict.INCOMPLETE), tried
        assert report.tripped() == (find(name).trips - LEFT_OUT[tried][0] if reached else frozenset())


def test_structure_of_a_board_without_a_genesis_that_can_be_read_is_a_finding(
    election: HonestElection, tmp_path: Path
) -> None:
    data = bytearray(election.board.read_bytes())
    (tmp_path / "cut.board").write_bytes(data[: len(data) - 7])
    report = verify(tmp_path / "cut.board", at(Level.STRUCTURE, election.options))
    assert report.tripped() == {"B.1"}
    strange = verify(election.board, at(Level.STRUCTURE, Options()))  # the group of this election is unknown to it
    assert (strange.tripped(), strange.findings[0].entry) == (frozenset({"R.1"}), 0)


# Samples


def test_ticket_is_the_hash_that_the_specification_says() -> None:
    said = b"e2ev sample v1\0" + ROOT + (10).to_bytes(4, "big") + b"4613552601" + (7).to_bytes(8, "big")
    assert Sample("  4613552601\n", 1).ticket(ROOT, 7) == hashlib.sha256(said).digest()


@given(size=st.integers(1, 60), ballots=st.integers(0, 50), seed=st.text(min_size=1).filter(str.strip))
@settings(law, max_examples=30)
def test_sample_has_distinct_rows_and_grows_with_its_size(size: int, ballots: int, seed: str) -> None:
    rows = Sample(seed, size).rows(ROOT, ballots)
    assert len(rows) == len(set(rows)) == min(size, ballots)
    assert set(rows) <= set(range(ballots))
    assert set(rows) <= set(Sample(seed, size + 1).rows(ROOT, ballots))


def test_sample_depends_on_seed_and_root() -> None:
    drawn = {tuple(Sample(seed, 20).rows(root, 10_000)) for seed in ("1", "2", "12") for root in (ROOT, ROOT[::-1])}
    assert len(drawn) == 6


def test_every_row_is_drawn_about_equally_often() -> None:
    times = [0] * 20
    for seed in range(1_000):
        for row in Sample(f"throw {seed}", 5).rows(ROOT, 20):
            times[row] += 1
    assert sum(times) == 5_000
    assert all(170 < count < 330 for count in times)  # 250 expected, 14 the standard deviation


@pytest.mark.parametrize(("size", "bound"), [(1, 0.95), (59, 0.0495), (299, 0.00997)])
def test_bound_of_a_sample_is_that_of_the_formula(size: int, bound: float) -> None:
    drawn = Drawn(Sample("1", size), size, 10_000)
    assert drawn.bound == pytest.approx(bound, rel=1e-2)
    assert (1 - drawn.bound) ** size == pytest.approx(0.05)


def test_sample_looks_at_just_the_ballots_that_are_drawn(judge: Judge) -> None:
    report = judge("", Level.SAMPLE)
    looked = {one.check.id: one.subjects for one in report.outcomes}
    assert (looked["6.D"], looked["7.D"], looked["I.1"]) == (4, 4, 4)
    assert report.drawn == Drawn(DICE, 4, 13)
    assert any("(1-f)^4" in remark for remark in report.remarks)
    assert any("nothing about the result" in remark for remark in report.remarks)


def test_bad_ballot_is_found_when_it_is_drawn_and_only_then(election: HonestElection, judge: Judge) -> None:
    code = judge("negative-alpha", Level.FULL).findings[0].ballot
    board, options = election.root / "negative-alpha.board", options_for("close-miscounts", election)
    bad = list(prepare(board, options).setting.contents.ballots).index(code or b"")
    found = set()
    for seed in range(12):
        sample = Sample(f"{seed}", 4)
        report = verify(board, at(Level.SAMPLE, options, sample))
        assert bool(report.findings) == (bad in sample.rows(report.root, 13))
        found.add(bool(report.findings))
    assert found == {True, False}


@pytest.mark.parametrize(("seed", "size"), [("", 1), ("  ", 1), ("x" * 1025, 1), ("1", 0)])
def test_sample_without_a_seed_or_a_size_is_refused(seed: str, size: int) -> None:
    with pytest.raises(DataError):
        Sample(seed, size)


def test_sample_belongs_to_its_level() -> None:
    with pytest.raises(ValueError, match="sample"):
        Options(level=Level.SAMPLE)
    with pytest.raises(ValueError, match="sample"):
        Options(sample=DICE)
