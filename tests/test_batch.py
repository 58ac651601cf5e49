"""Proofs in batch: they change the speed of a verification and never its verdict."""

import shutil
from pathlib import Path

import pytest

from e2ev import arith
from e2ev.board.commitments import MAGIC, append_commitments, commitments_of, index_commitments, read_commitments
from e2ev.board.contents import read_ballot
from e2ev.claims import ballot_claims
from e2ev.demo import ward
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.demo.toy import TOY
from e2ev.group import Element, Residue
from e2ev.record.codec import admit
from e2ev.record.frame import FrameKind, frame
from e2ev.verify.batch import certifiable, certify
from e2ev.verify.run import Options, verify
from e2ev.verify.setting import setting_of

OPTIONS = Options(groups=(TOY,))
BALLOTS = 24


@pytest.fixture(scope="module")
def election(tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    made = HonestElection(tmp_path_factory.mktemp("batch"), TOY)
    made.found(ward.ward_manifest(minimum_cell=2), 2, 1)
    made.hold_ceremony()
    made.admit_devices(ward.STATIONS)
    made.administrator.open(PASSPHRASE)
    made.vote([(ward.plain(vote, i % 3), "cast") for i, vote in enumerate(ward.ward_ballots(BALLOTS, 1))])
    made.close()
    return made


@pytest.fixture
def board(election: HonestElection, tmp_path: Path) -> Path:
    path = tmp_path / election.board.name
    shutil.copy(election.board, path)
    shutil.copy(commitments_of(election.board), commitments_of(path))
    return path


def outcome(board: Path) -> tuple[object, object]:
    report = verify(board, OPTIONS)
    return report.verdict, report.findings


def powers(board: Path) -> int:
    """Return how many exponentiations of variable bases a verification takes."""
    arith.COUNTS.reset()
    verify(board, OPTIONS)
    return arith.COUNTS.power + arith.COUNTS.shared_power


def items(election: HonestElection) -> list[tuple[list[object], tuple[Residue, ...]]]:
    contents = election.administrator.contents()
    context = setting_of(contents, lambda _path: False).ballot_context
    assert context is not None
    offsets = index_commitments(election.board)
    made = []
    for code in contents.ballots:
        ballot = admit(read_ballot(election.board, contents, code), "ballot").ballot
        made.append((list(ballot_claims(context, ballot)), read_commitments(election.board, offsets[code], code, TOY)))
    return made  # type: ignore[return-value]  # the claims' type is of no interest here


def test_devices_leave_the_commitments_of_every_ballot(election: HonestElection) -> None:
    assert len(index_commitments(election.board)) == BALLOTS


def test_a_board_with_commitments_needs_no_exponentiation_for_its_proofs(board: Path) -> None:
    with_them = powers(board)
    commitments_of(board).unlink()
    without = powers(board)
    # a plain ballot of six options has 7 range proofs with 4 powers each, and 1 for its nonce
    assert without - with_them >= BALLOTS * 29 - 10


@pytest.mark.parametrize(
    "content", [b"", MAGIC, b"garbage", MAGIC + b"\0" * 100], ids=["empty", "bare", "garbage", "zeros"]
)
def test_a_useless_side_file_changes_nothing(board: Path, content: bytes) -> None:
    expected = outcome(board)
    commitments_of(board).write_bytes(content)
    assert outcome(board) == expected


def test_a_short_side_file_changes_nothing(board: Path) -> None:
    expected, whole = outcome(board), commitments_of(board).read_bytes()
    commitments_of(board).write_bytes(whole[: len(whole) // 2])
    assert outcome(board) == expected


@pytest.mark.parametrize("change", ["negated", "exchanged", "other ballot's", "one too few"])
def test_hostile_commitments_change_nothing(board: Path, election: HonestElection, change: str) -> None:
    expected = outcome(board)
    hostile = bytearray(MAGIC)
    contents, offsets = election.administrator.contents(), index_commitments(board)
    codes = list(contents.ballots)
    for i, code in enumerate(codes):
        source = codes[(i + 1) % len(codes)] if change == "other ballot's" else code
        held = list(read_commitments(board, offsets[source], source, TOY))
        if change == "negated":
            held[0] = Residue(TOY, TOY.p - held[0].value)
        elif change == "exchanged":
            held[0], held[1] = held[1], held[0]
        elif change == "one too few":
            held.pop()
        hostile += frame(FrameKind.COMMITMENTS, code + b"".join(one.to_bytes() for one in held))
    commitments_of(board).write_bytes(bytes(hostile))
    assert outcome(board) == expected


def test_a_code_that_stands_twice_is_found_by_its_last_frame(board: Path, election: HonestElection) -> None:
    code = next(iter(election.administrator.contents().ballots))
    append_commitments(board, [(code, [TOY.generator])])
    assert read_commitments(board, index_commitments(board)[code], code, TOY) == (Residue(TOY, TOY.g),)


def test_honest_items_are_all_certified(election: HonestElection) -> None:
    tried = [certifiable(claims, held) for claims, held in items(election)]  # type: ignore[arg-type]
    assert all(tried)
    assert certify([one for one in tried if one]) == [True] * BALLOTS


def test_exponents_of_a_batch_have_128_bits(election: HonestElection) -> None:
    tried = [certifiable(claims, held) for claims, held in items(election)]  # type: ignore[arg-type]
    drawn: list[int] = []

    def noting(size: int) -> bytes:
        drawn.append(size)
        return b"\1" * size

    assert certify([one for one in tried if one], noting) == [True] * BALLOTS
    assert set(drawn) == {16}


def test_a_bad_item_is_found_among_honest_ones(election: HonestElection) -> None:
    tried = [certifiable(claims, held) for claims, held in items(election)]  # type: ignore[arg-type]
    good = [one for one in tried if one]
    claims, held = good[5]
    bad = (claims, [held[0] * TOY.generator, *held[1:]])
    found = certify([*good[:5], bad, *good[6:]])
    assert found == [i != 5 for i in range(BALLOTS)]


def test_errors_that_cancel_in_a_plain_product_are_found(election: HonestElection) -> None:
    tried = [certifiable(claims, held) for claims, held in items(election)]  # type: ignore[arg-type]
    good = [one for one in tried if one]
    g = TOY.generator
    first, second = good[0], good[1]
    one = (first[0], [first[1][0] * g, *first[1][1:]])
    other = (second[0], [second[1][0] / g, *second[1][1:]])
    assert certify([one, other, *good[2:]])[:2] == [False, False]


def test_a_commitment_of_jacobi_symbol_minus_one_is_never_tried(election: HonestElection) -> None:
    claims, held = items(election)[0]
    flipped = (Residue(TOY, TOY.p - held[0].value), *held[1:])
    assert certifiable(claims, flipped) is None  # type: ignore[arg-type]


def test_a_commitment_with_a_part_of_the_large_cofactor_fails(election: HonestElection) -> None:
    claims, held = items(election)[0]
    tried = certifiable(claims, held)  # type: ignore[arg-type]
    assert tried
    odd = arith.power(arith.integer(3), 2 * TOY.q, TOY.p)  # of order (p-1)/2q, Jacobi symbol 1
    assert arith.jacobi(odd, TOY.p) == 1
    assert odd != 1
    bad = (tried[0], [tried[1][0] * Element(TOY, odd), *tried[1][1:]])
    assert certify([bad]) == [False]
