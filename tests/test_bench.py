"""What the benchmarks compare does the same work, and takes exactly so many operations."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from benchmarks import cases, naive, ours, whole
from benchmarks.boards import is_right, ward_board
from benchmarks.naive import Ballot, Election, Powmod, Proof, Tabled, ballot_of
from benchmarks.ours import AUTHOR, COUNTER, FIELD, SINGLE, Sample, Shape, Stream
from benchmarks.paired import Case, Figure, Kind, Result, Turns, Work, compare
from benchmarks.table import table, verdict

from e2ev.arith import COUNTS, integer
from e2ev.ballot import BULK
from e2ev.demo import bench
from e2ev.demo.toy import TOY
from e2ev.group import P4096, Group, Residue
from e2ev_cli.bench import as_lines, as_value
from tests.groups import element_outside, over

PAIR = Shape(2, 3)
THREE = Shape(1, 4, limit=3)


def operations(run: Callable[[], object]) -> dict[str, int]:
    """Return how often each kind of operation ran, but multiplications, which depend on the exponents."""
    COUNTS.reset()
    run()
    return {kind: count for kind, count in asdict(COUNTS).items() if count and kind != "multiplication"}


def multiplications(run: Callable[[], object]) -> int:
    COUNTS.reset()
    run()
    return COUNTS.multiplication


def sample_of(shape: Shape, count: int = 2, group: Group = TOY) -> Sample:
    return ours.sample(ours.context_of(group, shape), shape, count, Stream())


# The baseline and the library agree


@over(TOY, P4096)
def test_naive_encryption_makes_the_very_ballot_of_the_library(group: Group) -> None:
    shape = PAIR if group is TOY else Shape(1, 2)
    context = ours.context_of(group, shape)
    expected = Election.of(context, Powmod(group)).encrypt(shape.values(), AUTHOR, COUNTER, FIELD, Stream())
    (made,) = ours.encrypt(context, shape, 1, Stream())
    assert ballot_of(made) == expected


@pytest.mark.parametrize("shape", [SINGLE, PAIR, THREE], ids=str)
def test_all_verifiers_accept_honest_ballots(shape: Shape) -> None:
    sample = sample_of(shape)
    ballots = [ballot_of(one) for one in sample.ballots()]
    assert ours.verify_plain(sample)
    assert ours.verify_batch(sample)
    assert all(Election.of(sample.context, kind(TOY)).verify(ballots) for kind in (Powmod, Tabled))


def bad_element(ballot: Ballot) -> Ballot:
    return with_first(ballot, alpha=element_outside(TOY, 2).value)


def bad_proof(ballot: Ballot) -> Ballot:
    proof = ballot.contests[0].selections[0].proof
    return with_first(ballot, proof=Proof((proof.challenges[0] + 1, *proof.challenges[1:]), proof.responses))


def bad_limit(ballot: Ballot) -> Ballot:
    contest = ballot.contests[0]
    proof = Proof(contest.limit_proof.challenges, contest.limit_proof.responses[::-1])
    return ballot._replace(contests=(contest._replace(limit_proof=proof),))


def bad_nonce(ballot: Ballot) -> Ballot:
    return ballot._replace(c1=bytes(32))


def bad_contest_hash(ballot: Ballot) -> Ballot:
    return ballot._replace(contests=(ballot.contests[0]._replace(contest_hash=bytes(32)),))


def bad_code(ballot: Ballot) -> Ballot:
    return ballot._replace(code=bytes(32))


def with_first(ballot: Ballot, **changed: object) -> Ballot:
    contest = ballot.contests[0]
    selections = (contest.selections[0]._replace(**changed), *contest.selections[1:])  # type: ignore[arg-type]  # any field
    return ballot._replace(contests=(contest._replace(selections=selections),))


@pytest.mark.parametrize("kind", [Powmod, Tabled])
@pytest.mark.parametrize(
    "change", [bad_element, bad_proof, bad_limit, bad_nonce, bad_contest_hash, bad_code], ids=lambda f: f.__name__
)
def test_baselines_reject_what_is_wrong(kind: type[Powmod], change: Callable[[Ballot], Ballot]) -> None:
    sample = sample_of(SINGLE)
    first, second = (ballot_of(one) for one in sample.ballots())
    assert not Election.of(sample.context, kind(TOY)).verify([first, change(second)])


def test_our_verifications_reject_a_ballot_whose_commitments_are_anothers() -> None:
    sample = sample_of(SINGLE)
    assert not ours.verify_batch(replace(sample, commitments=sample.commitments[::-1]))


def test_our_verifications_reject_a_value_outside_the_group() -> None:
    sample = sample_of(SINGLE)
    ballot = sample.bodies[0].form.ballot
    contest = ballot.contests[0]
    cipher = replace(contest.selections[0].ciphertext, alpha=element_outside(TOY, 2))  # type: ignore[arg-type]  # no element: that is the point
    selections = (replace(contest.selections[0], ciphertext=cipher), *contest.selections[1:])
    wrong = replace(ballot, contests=(replace(contest, selections=selections),))
    bodies = (replace(sample.bodies[0], form=replace(sample.bodies[0].form, ballot=wrong)), sample.bodies[1])
    assert not ours.verify_plain(replace(sample, bodies=bodies))
    assert not ours.verify_batch(replace(sample, bodies=bodies))


# Exact counts: S selections with limit 1 each, contests with limit L, B ballots


def branches(shape: Shape) -> int:
    """Return how many branches the proofs of one ballot have: 2 a selection, L+1 a contest."""
    return shape.contests * (2 * shape.options + shape.limit + 1)


def residues(shape: Shape) -> int:
    """Return how many residues a ballot has: two a selection, one for its nonce."""
    return 2 * shape.contests * shape.options + 1


SHAPES = pytest.mark.parametrize("shape", [SINGLE, PAIR, THREE, Shape(1, 18)], ids=str)


@SHAPES
def test_encryption_takes_six_powers_a_selection_and_two_a_branch_of_the_limit_all_from_tables(shape: Shape) -> None:
    context = ours.context_of(TOY, shape)
    selections = shape.contests * shape.options
    expected = 6 * selections + 2 * (shape.limit + 1) * shape.contests + 3  # 3 for the ballot nonce and its proof
    assert operations(lambda: ours.encrypt(context, shape, 5, Stream())) == {"fixed_base": 5 * expected}


@SHAPES
def test_encryption_takes_a_multiplication_a_window_and_two_a_selection_for_its_contest(shape: Shape) -> None:
    context, rows = ours.context_of(TOY, shape), 64 // 8
    powers = operations(lambda: ours.encrypt(context, shape, 5, Stream()))["fixed_base"]
    totals = 5 * 2 * shape.contests * shape.options
    assert multiplications(lambda: ours.encrypt(context, shape, 5, Stream())) == powers * (rows - 1) + totals


def test_multiplications_a_selection_in_the_standard_group() -> None:
    sample = sample_of(SINGLE, 40, P4096)

    def each(run: Callable[[], object], ballots: int) -> float:
        return multiplications(run) / (ballots * SINGLE.options)

    context = sample.context
    assert each(lambda: ours.encrypt(context, SINGLE, 2, Stream()), 2) == (31 * 31 + 8) / 4
    with context.in_bulk(BULK):
        assert each(lambda: ours.encrypt(context, SINGLE, 2, Stream()), 2) == (30 * 20 + 31 + 8) / 4
    assert 1250 < each(lambda: ours.verify_plain(sample.first(5)), 5) < 1300
    assert 280 < each(lambda: ours.verify_batch(sample), 40) < 300


@SHAPES
def test_a_prepared_ballot_takes_no_power_at_all(shape: Shape) -> None:
    case = cases.seal(TOY, shape, 3)
    assert operations(case.ours.run) == {}


@SHAPES
def test_plain_verification_takes_two_table_powers_and_two_of_shared_squarings_a_branch(shape: Shape) -> None:
    sample = sample_of(shape, 5)
    assert operations(lambda: ours.verify_plain(sample)) == {
        "fixed_base": 5 * (2 * branches(shape) + 1),
        "shared_power": 5 * 2 * branches(shape),
        "power": 5 + 1,  # the nonce's proof has one branch; one power to q for all members together
        "multi_power_bases": 5 * residues(shape),
        "jacobi": 5 * residues(shape),
    }


@SHAPES
def test_verification_in_batch_takes_three_powers_however_many_ballots_there_are(shape: Shape) -> None:
    sample = sample_of(shape, 5)
    commitments = 2 * branches(shape) + 1
    assert operations(lambda: ours.verify_batch(sample)) == {
        "fixed_base": 2,  # g and K
        "power": 1,  # to q
        "multi_power_bases": 5 * (2 * residues(shape) + commitments),
        "jacobi": 5 * (residues(shape) + commitments),
    }


@SHAPES
def test_the_baseline_takes_ten_powers_a_selection_and_four_a_branch_of_the_limit(shape: Shape) -> None:
    sample = sample_of(shape)
    election = Election.of(sample.context, Powmod(TOY))
    ballots = [ballot_of(one) for one in sample.ballots()]
    each = 4 * branches(shape) + 2 + residues(shape)
    assert operations(lambda: election.verify(ballots)) == {"power": 2 * each}


def test_bare_integers_take_the_same_operations_as_types() -> None:
    case = cases.typed(TOY, 4)
    assert operations(case.ours.run) == operations(case.baseline.run)


# Pairing, and what the table says


def result_of(kind: Kind, figure: Figure | None, *times: tuple[float, float]) -> Result:
    works = Work(lambda: None), Work(lambda: None)
    return Result(Case("a case", "ballot", *works, kind=kind, figure=figure), times, {"power": 2.5}, {"power": 40}, 1.0)


@pytest.mark.parametrize(
    ("kind", "value"), [(Kind.SPEED, 4.0), (Kind.OVERHEAD, -75.0), (Kind.SHARE, 25.0), (Kind.SECONDS, 2.0)]
)
def test_a_case_tells_the_median_over_its_rounds(kind: Kind, value: float) -> None:
    assert result_of(kind, None, (2.0, 8.0), (1.0, 9.0), (4.0, 4.0)).value == value


@pytest.mark.parametrize(
    ("kind", "figure", "said"),
    [
        (Kind.SPEED, Figure(3, 4), "yes, and the aim"),
        (Kind.SPEED, Figure(3, 5), "yes; aim missed by 20 %"),
        (Kind.SPEED, Figure(8, 9), "NO: missed by 50 %"),
        (Kind.SECONDS, Figure(3, 2), "yes, and the aim"),
        (Kind.SECONDS, Figure(1, 0.5), "NO: missed by 100 %"),
        (Kind.SPEED, None, ""),
    ],
)
def test_the_table_says_whether_a_figure_is_reached_and_by_how_much_not(
    kind: Kind, figure: Figure | None, said: str
) -> None:
    assert verdict(result_of(kind, figure, (2.0, 8.0))) == said


def test_a_case_runs_turn_by_turn_and_counts_for_one_unit() -> None:
    turns: list[str] = []

    def power(side: str) -> object:
        turns.append(side)
        return naive.power(TOY.g, integer(5), TOY.p)

    case = Case("x", "power", Work(lambda: power("ours"), 2), Work(lambda: power("baseline")), least=3, seconds=0)
    found = compare(case)
    assert turns == ["ours", "baseline"] + ["baseline", "ours"] * 3
    assert (found.ours_counted, found.baseline_counted) == ({"power": 0.5}, {"power": 1.0})


def test_sides_that_do_not_agree_are_no_result() -> None:
    turns = Turns(Case("x", "power", Work(lambda: 1), Work(lambda: 2)))
    turns.take_baseline()
    turns.take_ours()
    with pytest.raises(ValueError, match="do not agree"):
        turns.result()


def quick(case: Case) -> Result:
    return compare(replace(case, seconds=0, least=1))


def test_every_case_runs() -> None:
    sample = sample_of(SINGLE, 6)
    made = [
        cases.fixed_base(TOY, 8),
        cases.shared_squarings(TOY),
        cases.secret_power(TOY),
        cases.multi_power(TOY, 20),
        cases.multi_power(TOY, 100),
        cases.membership(TOY, 30),
        cases.jacobi(TOY),
        cases.encrypt(TOY, PAIR, 4),
        cases.encrypt(TOY, PAIR, bulk=True),
        cases.seal(TOY, PAIR, 2),
        cases.verify_plain(TOY, PAIR, 2),
        cases.verify_batch(sample),
        cases.typed(TOY, 2),
        cases.hashing_share(sample),
        cases.decoding_share(sample),
        cases.decoding(sample),
    ]
    shown = table([quick(case) for case in made])
    assert all(case.name in shown for case in made)


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    return ward_board(tmp_path_factory.mktemp("ward"), TOY, 30)


def test_cases_of_boards_run(tmp_path: Path) -> None:
    quick(whole.life(tmp_path / "life", TOY, PAIR, 2))
    quick(whole.from_file(tmp_path / "file", TOY, PAIR, 2))


def test_case_of_processes_runs_and_tells_how_long_one_waits(ward: tuple[Path, int]) -> None:
    processes = quick(whole.two_processes(ward[0], TOY, ward[1]))
    assert whole.waiting(processes).ours == pytest.approx(30 * processes.ours)


def test_a_board_that_is_wrong_is_no_measurement(ward: tuple[Path, int], tmp_path: Path) -> None:
    board = tmp_path / "wrong.board"
    content = bytearray(ward[0].read_bytes())
    content[-300] ^= 1
    board.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="do not agree"):
        quick(Case("x", "board", Work(lambda: is_right(board, TOY)), Work(lambda: True)))


def test_help_imports_nothing_heavy() -> None:
    assert whole.heavy(whole.modules_of_help()) == frozenset()


def test_a_heavy_module_is_seen() -> None:
    assert whole.heavy(["gmpy2.gmpy2", "gmpy", "typer"]) == {"gmpy2.gmpy2"}


# The short form


def test_short_form_measures_a_real_election_and_says_what_three_sizes_need(tmp_path: Path) -> None:
    speed = bench.measure(tmp_path, TOY, (3, 8))
    value = as_value(speed)
    assert json.loads(json.dumps(value)) == value
    assert "300,000" in "\n".join(as_lines(speed))


def test_core_hours_are_seconds_by_ballots() -> None:
    assert bench.Speed(0.01, 0.1, 0.02).core_hours(36_000) == pytest.approx((0.1, 1.0, 0.2))


def test_residues_of_a_sample_are_not_yet_elements() -> None:
    assert type(sample_of(SINGLE).bodies[0].form.ballot.nonce.c0) is Residue
