"""Partial files: what is refused, by name, and what every refusal is for."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev.demo import elections
from e2ev.demo.forge import Step, take_apart, write_board
from e2ev.demo.toy import TOY
from e2ev.errors import DataError, IncompleteError, StorageError
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.kinds import Kind
from e2ev.signing import SigningKey
from e2ev.verify.check import KEPT, Finding, Findings
from e2ev.verify.partial import Count, PartialFile, Statement, WeightClass, read_partial, write_file
from e2ev.verify.run import Options, verify
from e2ev.verify.runs import Run
from e2ev.verify.shards import Shard, merge, write_partial
from tests.commands import Shell
from tests.elections import finished
from tests.groups import law

KEY, STRANGER = SigningKey.from_seed(bytes(32)), SigningKey.from_seed(b"\x01" * 32)
AUTHOR = b"\x01" + KEY.verify_key.raw
OPTIONS = Options(groups=(TOY,), need_anchors=False)
COUNT = 3


@pytest.fixture(scope="module")
def board() -> Path:
    return finished(TOY).board


@pytest.fixture(scope="module")
def made(board: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the partials of a board in three shards, never changed."""
    folder = tmp_path_factory.mktemp("made")
    paths = [folder / f"part-{i}" for i in range(1, COUNT + 1)]
    for i, path in enumerate(paths, 1):
        write_partial(board, Shard(i, COUNT), path, KEY, OPTIONS)
    return paths


def refusal(board: Path, paths: list[Path], trusted: bytes = AUTHOR) -> IncompleteError:
    with pytest.raises(IncompleteError) as caught:
        merge(board, paths, frozenset({trusted}), OPTIONS)
    assert caught.value.exit_code == 4
    return caught.value


def signed_again(path: Path, out: Path, change: Callable[[Statement], Statement], body: bytes | None = None) -> Path:
    """Write a partial again with another statement, or body, under the same key."""
    file = read_partial(path)
    held = file.body() if body is None else body
    statement = file.statement
    part = replace(statement.body, size=len(held), hash=sha256(held).digest())
    write_file(out, KEY, change(replace(statement, body=part)), held, file.runs)
    return out


# What is taken


def test_partials_of_all_shards_give_the_report(board: Path, made: list[Path]) -> None:
    assert merge(board, made, frozenset({AUTHOR}), OPTIONS) == verify(board, OPTIONS)


def test_partial_made_again_is_the_same_file(board: Path, made: list[Path], tmp_path: Path) -> None:
    write_partial(board, Shard(2, COUNT), tmp_path / "again", KEY, replace(OPTIONS, jobs=2))
    assert (tmp_path / "again").read_bytes() == made[1].read_bytes()


def test_more_shards_than_ballots_are_fine(board: Path, tmp_path: Path) -> None:
    paths = [tmp_path / str(i) for i in range(1, 21)]
    for i, path in enumerate(paths, 1):
        write_partial(board, Shard(i, 20), path, KEY, OPTIONS)
    assert merge(board, paths, frozenset({AUTHOR}), OPTIONS) == verify(board, OPTIONS)


@pytest.mark.parametrize("ballots", [0, 1, 7, 16, 17, 1_000_003])
@pytest.mark.parametrize("shards", [1, 2, 16])
def test_shards_have_each_ballot_once(ballots: int, shards: int) -> None:
    rows = [Shard(i, shards).rows(ballots) for i in range(1, shards + 1)]
    assert (rows[0].start, rows[-1].stop) == (0, ballots)
    assert all(left.stop == right.start for left, right in pairwise(rows))
    assert max(map(len, rows)) - min(map(len, rows)) <= 1


@pytest.mark.parametrize(("number", "shards"), [(0, 3), (4, 3), (1, 0)])
def test_shard_that_does_not_exist_is_refused(number: int, shards: int) -> None:
    with pytest.raises(DataError, match="there is no shard"):
        Shard(number, shards)


# What is refused


def test_missing_shard_is_named(board: Path, made: list[Path]) -> None:
    error = refusal(board, [made[0], made[2]])
    assert "shard 2/3 is missing" in error.found
    assert "--shard 2/3" in error.remedy


@pytest.mark.parametrize("lacking", [0, 2])
def test_first_and_last_shard_are_missed_as_well(board: Path, made: list[Path], lacking: int) -> None:
    assert f"shard {lacking + 1}/3 is missing" in refusal(board, [p for i, p in enumerate(made) if i != lacking]).found


def test_file_that_is_not_there_is_named(board: Path, made: list[Path], tmp_path: Path) -> None:
    assert refusal(board, [*made, tmp_path / "none"]).where == str(tmp_path / "none")


def test_shard_twice_is_refused(board: Path, made: list[Path], tmp_path: Path) -> None:
    copy = Path(shutil.copy(made[1], tmp_path / "copy"))
    error = refusal(board, [*made, copy])
    assert "has ballots in common with" in error.found
    assert error.where in (str(copy), str(made[1]))


def test_shards_that_overlap_are_refused(board: Path, made: list[Path], tmp_path: Path) -> None:
    write_partial(board, Shard(1, 2), tmp_path / "half", KEY, OPTIONS)
    assert "has ballots in common with" in refusal(board, [tmp_path / "half", *made[1:]]).found


def test_partial_of_an_older_board_is_refused(board: Path, made: list[Path], tmp_path: Path) -> None:
    forgery = take_apart(finished(TOY))
    note = Step(forgery.administrator, Kind.CORRECTION, bodies.CorrectionBody(1, bytes(32), "a misprint"))
    write_board(forgery.insert(len(forgery.steps), note), tmp_path / "newer.board")
    error = refusal(tmp_path / "newer.board", made)
    assert error.found.startswith("this partial is stale: its board had ")
    assert error.where == str(made[0])


def test_partial_of_another_election_is_refused(made: list[Path], tmp_path: Path) -> None:
    other = elections.plain_chain(tmp_path, TOY)
    assert "foreign: it belongs to another election" in refusal(other.board, made).found


CHANGES: dict[str, tuple[Callable[[Statement], Statement], str]] = {
    "other context": (lambda said: replace(said, context=bytes(32)), "foreign"),
    "other program": (lambda said: replace(said, program="e2ev 9.9"), "was made by e2ev 9.9"),
    "other root": (lambda said: replace(said, board_root=bytes(32)), "stale"),
    "other size": (lambda said: replace(said, board_size=1), "stale"),
    "other election": (lambda said: replace(said, election=bytes(32)), "foreign"),
    "other shard": (lambda said: replace(said, shard=1), "foreign"),
    "no shard": (lambda said: replace(said, shard=9), "foreign"),
    "fewer ballots": (lambda said: replace(said, ballots=said.ballots - 1), "damaged"),
    "other author": (lambda said: replace(said, author=b"\x01" + STRANGER.verify_key.raw), "damaged"),
    "fewer records": (
        lambda said: replace(said, ciphertexts=replace(said.ciphertexts, size=said.ciphertexts.size - 1)),
        "damaged",
    ),
    "other records": (lambda said: replace(said, identifiers=replace(said.identifiers, hash=bytes(32))), "damaged"),
    "other body": (lambda said: replace(said, body=replace(said.body, hash=bytes(32))), "damaged"),
    "huge body": (lambda said: replace(said, body=replace(said.body, size=2**31 - 1)), "damaged"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_partial_that_says_something_else_is_refused(name: str, board: Path, made: list[Path], tmp_path: Path) -> None:
    change, found = CHANGES[name]
    bad = signed_again(made[1], tmp_path / "bad", change)
    error = refusal(board, [made[0], bad, made[2]])
    assert found in error.found
    assert error.where == str(bad)


def test_every_part_of_a_file_is_signed(board: Path, made: list[Path], tmp_path: Path) -> None:
    data, bad = made[1].read_bytes(), tmp_path / "bad"
    places = [*range(0, len(data), max(1, len(data) // 40)), 0, 8, 12, len(data) - 1]
    for place in places:
        bad.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        error = refusal(board, [made[0], bad, made[2]])
        assert (error.where, "damaged" in error.found) == (str(bad), True), place


@pytest.mark.parametrize(
    "change",
    [lambda d: b"", lambda d: d[:-1], lambda d: d[:100], lambda d: d + b"\0"],
    ids=["empty", "one short", "cut", "one more"],
)
def test_file_of_another_length_is_refused(
    change: Callable[[bytes], bytes], board: Path, made: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "bad").write_bytes(change(made[0].read_bytes()))
    assert "damaged" in refusal(board, [tmp_path / "bad", *made[1:]]).found


@law
@given(junk=st.binary(max_size=600), kept=st.integers(0, 600))
def test_bytes_from_anywhere_are_refused(
    junk: bytes, kept: int, board: Path, made: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    bad = tmp_path_factory.mktemp("junk") / "part"
    bad.write_bytes(made[0].read_bytes()[:kept] + junk)
    with pytest.raises(IncompleteError, match="damaged"):
        read_partial(bad)


def bodies_that_cannot_be(file: PartialFile) -> dict[str, bytes]:
    """Return bodies with the right form that no ballots can give."""
    from e2ev.record.codec import admit, decode
    from e2ev.verify.partial import Body

    body: Any = admit(decode(Body, file.body(), TOY, "body"), "body")
    first, *others = body.piles
    outside = replace(first.totals[0], alpha=replace(first.totals[0].alpha, value=TOY.p - 1))

    def with_first(**changes: Any) -> bytes:
        return encode(replace(body, piles=(replace(first, **changes), *others)))

    return {
        "not in the group": with_first(totals=(outside, *first.totals[1:])),
        "another contest": with_first(contest=9),
        "another unit": with_first(unit=0),
        "fewer options": with_first(totals=first.totals[1:]),
        "unknown weight": with_first(classes=(WeightClass(7, 1),)),
        "too many ballots": with_first(classes=(WeightClass(1, 1_000),)),
        "another's exclusion": encode(replace(body, reproduced=(0,))),
        "finding that is not counted": encode(replace(body, findings=(Finding("6.D", "hidden"),))),
        "count of nothing": encode(replace(body, counts=(Count("6.D", 0),))),
        "no body": b"",
    }


def test_body_that_cannot_be_is_refused(board: Path, made: list[Path], tmp_path: Path) -> None:
    for name, body in bodies_that_cannot_be(read_partial(made[1])).items():
        bad = signed_again(made[1], tmp_path / name, lambda said: said, body)
        error = refusal(board, [made[0], bad, made[2]])
        assert (error.where, "damaged" in error.found) == (str(bad), True), name


@pytest.mark.parametrize("disorder", ["unsorted", "of another shard"])
def test_run_that_hides_what_is_repeated_is_refused(
    disorder: str, board: Path, made: list[Path], tmp_path: Path
) -> None:
    file, records = read_partial(made[1]), tmp_path / "records"
    identifiers, *others = file.runs
    held = list(identifiers)
    changed = held[::-1] if disorder == "unsorted" else [one[:-4] + bytes(4) for one in held]
    records.write_bytes(b"".join(changed))
    said = replace(file.statement.identifiers, hash=sha256(b"".join(changed)).digest())
    run = Run(records, identifiers.width, len(changed))
    statement = replace(file.statement, identifiers=said)
    write_file(tmp_path / "bad", KEY, statement, file.body(), (run, *others))
    error = refusal(board, [made[0], tmp_path / "bad", made[2]])
    assert "not sorted, or names ballots of other shards" in error.found


def test_partial_of_a_stranger_is_refused(board: Path, made: list[Path], tmp_path: Path) -> None:
    write_partial(board, Shard(2, COUNT), tmp_path / "strange", STRANGER, OPTIONS)
    error = refusal(board, [made[0], tmp_path / "strange", made[2]])
    assert STRANGER.verify_key.raw.hex() in error.found
    assert "--trust 01" + STRANGER.verify_key.raw.hex() in error.remedy
    trusted = frozenset({AUTHOR, b"\x01" + STRANGER.verify_key.raw})
    assert merge(board, [made[0], tmp_path / "strange", made[2]], trusted, OPTIONS) == verify(board, OPTIONS)


def test_board_without_keys_has_no_shards(tmp_path: Path) -> None:
    forgery = take_apart(finished(TOY))
    write_board(forgery.until(2), tmp_path / "young.board")
    with pytest.raises(IncompleteError, match="the keys of all trustees"):
        write_partial(tmp_path / "young.board", Shard(1, 1), tmp_path / "part", KEY, OPTIONS)


def test_partial_that_cannot_be_written_leaves_nothing(board: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        write_partial(board, Shard(1, 1), tmp_path / "none" / "part", KEY, OPTIONS)
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError):
        write_partial(board, Shard(1, 1), tmp_path / "folder", KEY, OPTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


# Findings are bounded


def test_first_findings_of_a_check_are_kept_and_all_counted() -> None:
    found = [Finding("6.D", "wrong", i) for i in range(3 * KEPT)]
    forwards, backwards, halves = Findings(), Findings(), Findings()
    forwards.take(found)
    backwards.take([*reversed(found), Finding("5.A", "another", 7)])
    for half in (found[1::2], found[::2]):
        other = Findings()
        other.take(half)
        halves.add(other, other.counts)
    assert list(forwards) == list(halves) == found[:KEPT]
    assert (len(forwards), len(halves), len(backwards)) == (3 * KEPT, 3 * KEPT, 3 * KEPT + 1)
    assert list(backwards) == sorted([*found[:KEPT], Finding("5.A", "another", 7)], key=lambda f: (f.entry, f.check))
    assert (forwards.unlisted(), backwards.unlisted()) == ({"6.D": 2 * KEPT}, {"6.D": 2 * KEPT})


def test_findings_about_the_board_as_a_whole_come_last() -> None:
    findings = Findings()
    findings.take([Finding("B.2", "no place"), Finding("B.5", "late", 9), Finding("B.1", "late", 9)])
    assert [finding.check for finding in findings] == ["B.1", "B.5", "B.2"]


# The commands


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a board in a toy group, which the commands take for a real one."""
    monkeypatch.setattr("e2ev.verify.run.Options", partial(Options, groups=(TOY,)))
    return finished(TOY).board


def test_commands_give_the_report_of_a_single_run(real: Path, tmp_path: Path) -> None:
    e2ev, key = Shell(), tmp_path / "keys" / "auditor.key"
    written = e2ev("verify", real, "--shard", "1/2", "--out", tmp_path / "1", "--key", key, "--json").json
    assert (written["shard"], written["shards"], written["first"], written["author"][:2]) == (1, 2, 0, "01")
    said = e2ev("verify", real, "--shard", "2/2", "--out", tmp_path / "2", "--key", key, "--jobs", 1)
    assert written["author"] in said.out
    assert "e2ev merge" in said.err
    merged = e2ev("merge", real, tmp_path / "2", tmp_path / "1", "--key", key, "--no-anchor", "--json").json
    assert merged == e2ev("verify", real, "--no-anchor", "--json", "--jobs", 1).json
    assert key.stat().st_mode & 0o777 == 0o600


def test_command_believes_only_whom_it_is_told(real: Path, tmp_path: Path) -> None:
    e2ev, mine = Shell(), tmp_path / "mine.key"
    theirs = e2ev("verify", real, "--shard", "1/1", "--out", tmp_path / "1", "--key", tmp_path / "k", "--json").json
    refused = e2ev("merge", real, tmp_path / "1", "--key", mine, "--no-anchor", code=4)
    assert f"--trust {theirs['author']}" in refused.err
    assert str(tmp_path / "1") in refused.err
    assert not mine.exists()
    trusted = e2ev("merge", real, tmp_path / "1", "--key", mine, "--trust", theirs["author"], "--no-anchor", "--quiet")
    assert trusted.out.startswith("ACCEPTED")
    e2ev("merge", real, tmp_path / "1", "--trust", "01abc", code=3)
