"""Two paths, one verdict: whatever stands in the side file, wherever a bad ballot hides, the findings are the same."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import pytest

from e2ev import arith, claims, hashing, sigma
from e2ev.board.commitments import MAGIC, commitments_frame, commitments_of, index_commitments, read_commitments
from e2ev.board.ledger import read_contents
from e2ev.demo import elections
from e2ev.demo.forge import Forgery, Tampering, take_apart, write_board
from e2ev.demo.honest import HonestElection
from e2ev.demo.tamper import options_for
from e2ev.demo.tamper_ballots import BALLOTS
from e2ev.demo.tamper_copies import COPIES
from e2ev.demo.toy import LOOSE
from e2ev.elgamal import HashedCiphertext
from e2ev.errors import StorageError
from e2ev.group import Element, Group, Residue
from e2ev.sigma import Proof, ProofOfOne
from e2ev.verify import rebuild
from e2ev.verify.batch import certifiable, certify
from e2ev.verify.check import Report, Verdict
from e2ev.verify.rebuild import Rebuilt, rebuild_commitments
from e2ev.verify.run import Options, verify
from tests.commands import Shell

OPTIONS = Options(groups=(LOOSE,), need_anchors=False)
Frames = Mapping[bytes, list[Residue]]


@dataclass(frozen=True)
class Desk:
    """An honest election, its board in a forger's hands, and the commitments that its devices left, by code."""

    election: HonestElection
    forgery: Forgery
    frames: Frames


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Desk]:
    """Return what makes each desk once."""

    @cache
    def make(base: str) -> Desk:
        election = elections.BASES[base](tmp_path_factory.mktemp(base), LOOSE, 1)
        return Desk(election, take_apart(election), frames_of(election.board))

    return make


def frames_of(board: Path) -> Frames:
    return {code: list(read_commitments(board, at, code, LOOSE)) for code, at in index_commitments(board).items()}


@pytest.fixture(scope="module")
def election(desk: Callable[[str], Desk]) -> HonestElection:
    return desk("small").election


@pytest.fixture(scope="module")
def forgery(desk: Callable[[str], Desk]) -> Forgery:
    return desk("small").forgery


@pytest.fixture(scope="module")
def honest(desk: Callable[[str], Desk]) -> Frames:
    return desk("small").frames


def write_side_file(board: Path, frames: Frames) -> None:
    content = b"".join(commitments_frame(code, held) for code, held in frames.items())
    commitments_of(board).write_bytes(MAGIC + content)


def both(board: Path, frames: Frames, options: Options = OPTIONS) -> Report:
    """Return the report of a board, which is the same with these commitments and without any."""
    commitments_of(board).unlink(missing_ok=True)
    plain = verify(board, options)
    write_side_file(board, frames)
    assert verify(board, options) == plain
    return plain


def powers(board: Path) -> int:
    """Return how many exponentiations of variable bases a verification takes."""
    arith.COUNTS.reset()
    verify(board, OPTIONS)
    return arith.COUNTS.power + arith.COUNTS.shared_power


# Tampered ballots among honest ones


@pytest.mark.parametrize("tampering", [*BALLOTS, *COPIES], ids=[t.name for t in (*BALLOTS, *COPIES)])
def test_both_paths_find_the_same(tampering: Tampering, desk: Callable[[str], Desk], tmp_path: Path) -> None:
    held, board = desk(tampering.base), tmp_path / "tampered.board"
    write_board(tampering.change(held.forgery), board)
    assert both(board, held.frames, options_for(tampering.name, held.election)).tripped() == tampering.trips


# Proofs whose commitments are hashed and wrong: their maker knows what will be looked at


def negated(element: Element) -> Residue:
    return Residue(element.group, element.group.p - element.value)


def zero(element: Element) -> Residue:
    return Residue(element.group, arith.integer(0))


def same(element: Element) -> Residue:
    return element


def own_nonce(group: Group, identifier_hash: bytes, twist: Callable[[Element], Residue]) -> tuple[HashedCiphertext, Residue]:  # fmt: skip  # noqa: E501
    """Return an encrypted ballot nonce whose proof was made for a twisted commitment, and that commitment."""
    nonce, u = group.random_nonce(), group.random_nonce()
    c0, c1 = group.generator**nonce, bytes(32)
    commitment = twist(group.generator**u)
    shown = Element(group, commitment.value)
    challenge = hashing.ballot_nonce_challenge(group, identifier_hash, shown, c0, c1)
    return HashedCiphertext(c0, c1, Proof(challenge, (sigma.respond(u, challenge, nonce),))), commitment


@pytest.mark.parametrize("twist", [negated, zero])
def test_commitment_outside_the_squares_is_never_tried_though_it_is_hashed(
    twist: Callable[[Element], Residue],
) -> None:
    """An element of order 2 would pass a random combination half of the time."""
    (good, commitment), (bad, twisted) = (own_nonce(LOOSE, bytes(32), one) for one in (same, twist))
    right, wrong = (claims.nonce_claim(bytes(32), one) for one in (good, bad))
    alone = certifiable([right], [commitment])
    assert alone is not None
    assert certify([alone]) == [True]
    assert certifiable([wrong], [twisted]) is None
    assert certifiable([right, wrong], [commitment, twisted]) is None


def with_own_nonce(forgery: Forgery, place: int, twist: Callable[[Element], Residue]) -> tuple[Forgery, Residue]:
    cipher, commitment = own_nonce(forgery.group, forgery.ballot(place).identifier_hash, twist)
    return forgery.edit(place, lambda _: cipher, "ballot", "nonce"), commitment


def of_large_order(element: Element) -> Residue:
    """Return the element times one of order (p-1)/2q, whose Jacobi symbol is that of a member."""
    group = element.group
    outside = arith.power(arith.integer(3), 2 * group.q, group.p)
    assert arith.jacobi(outside, group.p) == 1
    return Residue(group, element.value * outside % group.p)


def times(factor: Element, element: Element) -> Residue:
    return element * factor


def cast(forgery: Forgery) -> list[int]:
    return forgery.ballots("cast")


@pytest.mark.parametrize(
    "twist", [negated, of_large_order, zero, partial(times, LOOSE.generator)], ids=["-h", "h·s", "0", "h·g"]
)
def test_wrong_commitment_that_was_hashed_is_found_either_way(
    twist: Callable[[Element], Residue], forgery: Forgery, honest: Frames, tmp_path: Path
) -> None:
    place = cast(forgery)[2]
    made, commitment = with_own_nonce(forgery, place, twist)
    write_board(made, tmp_path / "b.board")
    code = made.ballot(place).code
    report = both(tmp_path / "b.board", {**honest, code: [*honest[code][:-1], commitment]})
    assert [(finding.check, finding.ballot) for finding in report.findings if finding.check[0] != "T"] == [
        ("N.1", code)
    ]


def test_errors_that_cancel_are_found_either_way(forgery: Forgery, honest: Frames, tmp_path: Path) -> None:
    g, frames, codes = LOOSE.generator, dict(honest), set()
    for place, factor in zip(cast(forgery)[:2], (g, LOOSE.identity / g), strict=True):
        forgery, commitment = with_own_nonce(forgery, place, partial(times, factor))
        code = forgery.ballot(place).code
        frames[code] = [*honest[code][:-1], commitment]
        codes.add(code)
    write_board(forgery, tmp_path / "b.board")
    report = both(tmp_path / "b.board", frames)
    assert {finding.ballot for finding in report.findings if finding.check == "N.1"} == codes


def test_honest_commitment_of_ones_own_nonce_is_fine(forgery: Forgery, honest: Frames, tmp_path: Path) -> None:
    place = cast(forgery)[2]
    made, commitment = with_own_nonce(forgery, place, lambda element: element)
    write_board(made, tmp_path / "b.board")
    code = made.ballot(place).code
    assert "N.1" not in both(tmp_path / "b.board", {**honest, code: [*honest[code][:-1], commitment]}).tripped()


def made_up(forgery: Forgery, place: int) -> tuple[Forgery, list[Residue]]:
    """Return a forgery one of whose selections is proved by commitments out of the air, hashed as they should be."""
    context, ballot = forgery.context, forgery.ballot(place)
    contest, selection = ballot.contests[0], ballot.contests[0].selections[0]
    option = context.manifest.contest(contest.contest).options[0]
    claim = claims.selection_claim(context.vote_key, ballot.identifier_hash, contest.contest, option, selection)
    group = forgery.group
    air = [group.generator ** group.random_nonce() for _ in range(claim.commitments)]
    first = group.random_scalar()
    proof = ProofOfOne((first, claim.challenge_of(air) - first), (group.random_scalar(), group.random_scalar()))
    path = ("ballot", "contests", 0, "selections", 0, "proof")
    return forgery.edit(place, lambda _: proof, *path), list(air)


def test_commitments_out_of_the_air_are_found_either_way(forgery: Forgery, honest: Frames, tmp_path: Path) -> None:
    place = cast(forgery)[0]
    made, air = made_up(forgery, place)
    write_board(made, tmp_path / "b.board")
    code = made.ballot(place).code
    report = both(tmp_path / "b.board", {**honest, code: [*air, *honest[code][len(air) :]]})
    found = [(finding.check, finding.ballot) for finding in report.findings]
    assert ("6.D", code) in found
    assert report.tripped() <= {"6.D", "T.1"}


# The side file of a bare board


@pytest.fixture
def bare(election: HonestElection, tmp_path: Path) -> Path:
    return Path(shutil.copy(election.board, tmp_path / "bare.board"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_side_file_made_again_is_the_devices_own(
    jobs: int, bare: Path, honest: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "segment_size", lambda *_: 3)
    told: list[tuple[int, int]] = []
    made = rebuild_commitments(bare, replace(OPTIONS, jobs=jobs, progress=lambda *at: told.append(at)))
    again, contents = frames_of(bare), read_contents(bare, (LOOSE,))
    assert set(contents.ballots) - set(again) == set(contents.exclusions)
    others = {code for code, held in again.items() if honest.get(code) != held}
    abandoned = {code for code in contents.ballots if contents.decision(code) == "abandoned"}
    assert others == {*abandoned, *contents.decrypted_ballots}  # one was cut off, one device lied about the nonce
    assert made == Rebuilt(commitments_of(bare), len(contents.ballots), len(again))
    assert told[-1] == (made.ballots, made.ballots)


def test_verification_after_it_takes_fewer_powers(bare: Path) -> None:
    before = powers(bare)
    made = rebuild_commitments(bare, OPTIONS)
    assert powers(bare) < before - 20 * made.kept
    assert sorted(path.name for path in bare.parent.iterdir()) == ["bare.board", "bare.board.commitments"]


def test_side_file_that_is_there_is_replaced(bare: Path) -> None:
    commitments_of(bare).write_bytes(b"something else")
    rebuild_commitments(bare, OPTIONS)
    first = commitments_of(bare).read_bytes()
    rebuild_commitments(bare, OPTIONS)
    assert commitments_of(bare).read_bytes() == first
    assert first.startswith(MAGIC)


@pytest.mark.parametrize("name", ["selection-not-proved", "option-left-out", "negative-alpha", "three-votes-for-one"])
def test_ballots_whose_proofs_do_not_hold_are_left_out(
    name: str, election: HonestElection, forgery: Forgery, bare: Path
) -> None:
    rebuild_commitments(bare, OPTIONS)
    board = bare.with_name("tampered.board")
    write_board(next(t for t in BALLOTS if t.name == name).change(forgery), board)
    plain = verify(board, OPTIONS)
    made = rebuild_commitments(board, OPTIONS)
    assert made.kept == made.ballots - 2  # this one, and the one that is excluded
    assert verify(board, OPTIONS) == plain


def test_side_file_that_cannot_be_written_is_an_error(bare: Path) -> None:
    commitments_of(bare).mkdir()
    with pytest.raises(StorageError):
        rebuild_commitments(bare, OPTIONS)
    assert not bare.with_name(bare.name + ".commitments.unfinished").exists()


def test_command_makes_the_side_file(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("e2ev.verify.run.Options", partial(Options, groups=(LOOSE,)))
    made = Shell()("commitments", "make", bare, "--json", "--jobs", 1).json
    assert made == {"file": f"{bare}.commitments", "ballots": 13, "kept": 12}
    said = Shell()("commitments", "make", bare, "--jobs", 1)
    assert "commitments of 12 of 13 ballots" in said.out
    assert "e2ev verify" in said.err
    Shell()("commitments", "make", tmp_path / "none.board", code=3)


def test_honest_board_is_accepted_with_the_side_file_and_without(election: HonestElection, honest: Frames) -> None:
    board = election.root / "copy.board"
    shutil.copy(election.board, board)
    assert both(board, honest).verdict is Verdict.ACCEPTED
