"""The same report, byte for byte, whoever does the work, by whichever path, and in however many pieces."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from e2ev.board.commitments import commitments_of
from e2ev.demo import elections
from e2ev.demo.forge import Forgery, take_apart, write_board
from e2ev.demo.honest import HonestElection
from e2ev.demo.tamper import find, leave_commitments, options_for
from e2ev.demo.toy import LOOSE
from e2ev.record.entry import author_of
from e2ev.report.as_json import report_json
from e2ev.signing import SigningKey
from e2ev.verify.executors import Processes, Serial
from e2ev.verify.levels import Level, Sample
from e2ev.verify.run import LEFT_OUT, Options, verify
from e2ev.verify.shards import Shard, merge, write_partial
from e2ev.verify.state import verify_on

KEY = SigningKey.from_seed(bytes(32))
BOARDS = ("", "vote-counted-twice", "negative-alpha", "weight-of-five", "proof-nonce-used-twice", "count-plus-one")
"""Honest, and broken: in what two ballots share, in a value, in a pile, in a proof, after the ballots."""
Way = Callable[[Path, Options, Path], bytes]


def said(board: Path, options: Options) -> bytes:
    return json.dumps(report_json(verify(board, options))).encode()


def without_commitments(board: Path, options: Options, folder: Path) -> bytes:
    """Return what is said of a copy with no side file, so that every proof is looked at by itself."""
    alone = folder / "alone.board"
    alone.write_bytes(board.read_bytes())
    assert commitments_of(board).exists() > commitments_of(alone).exists()
    return said(alone, options)


def with_wrong_commitments(board: Path, options: Options, folder: Path) -> bytes:
    wrong, side = folder / "wrong.board", bytearray(commitments_of(board).read_bytes())
    for place in range(200, len(side), 997):
        side[place] ^= 1
    wrong.write_bytes(board.read_bytes())
    commitments_of(wrong).write_bytes(side)
    return said(wrong, options)


def by_shards(board: Path, options: Options, folder: Path) -> bytes:
    parts = [folder / f"part-{number}" for number in (1, 2, 3)]
    for number, part in enumerate(parts, 1):
        write_partial(board, Shard(number, 3), part, KEY, options)
    trusted = frozenset({author_of(KEY.verify_key)})
    return json.dumps(report_json(merge(board, parts, trusted, options))).encode()


def on_a_state(board: Path, options: Options, folder: Path) -> bytes:
    verify_on(board, folder / "state", KEY, options)
    return json.dumps(report_json(verify_on(board, folder / "state", KEY, options))).encode()


ANYWHERE: dict[str, Way] = {
    "serial": lambda board, options, _: said(board, replace(options, executor=Serial())),
    "two processes": lambda board, options, _: said(board, replace(options, executor=Processes(2))),
    "no side file": without_commitments,
    "wrong side file": with_wrong_commitments,
}
WHOLE: dict[str, Way] = {"shards": by_shards, "state": on_a_state}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[HonestElection, Forgery]]:
    @cache
    def make(base: str) -> tuple[HonestElection, Forgery]:
        election = elections.BASES[base](tmp_path_factory.mktemp(base), LOOSE, 1)
        return election, take_apart(election)

    return make


@pytest.fixture(scope="module")
def board_of(desk: Callable[[str], tuple[HonestElection, Forgery]]) -> Callable[[str], tuple[Path, Options]]:
    @cache
    def make(name: str) -> tuple[Path, Options]:
        election, forgery = desk(find(name).base if name else "small")
        board = election.root / f"{name or 'honest'}.board"
        write_board(find(name).change(forgery) if name else forgery, board)
        leave_commitments(election, board)
        return board, options_for(name or "last-ballot-gone", election)

    return make


BoardOf = Callable[[str], tuple[Path, Options]]


CASES = [(name, Level.FULL) for name in BOARDS] + [
    (name, level) for level in Level if level is not Level.FULL for name in ("", "negative-alpha")
]


@pytest.mark.parametrize(("name", "level"), CASES)
def test_report_is_the_same_bytes_by_every_way(
    name: str, level: Level, board_of: BoardOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("e2ev.verify.run.segment_size", lambda *_: 3)
    monkeypatch.setattr("e2ev.verify.state.STEP", 5)
    board, given = board_of(name)
    options = replace(given, level=level, sample=Sample("6 2 5 1", 6) if level is Level.SAMPLE else None)
    ways = ANYWHERE | (WHOLE if level is Level.FULL else {})
    made = {way: run(board, options, tmp_path) for way, run in ways.items()}
    assert len(set(made.values())) == 1, [way for way in made if made[way] != made["serial"]]
    report = json.loads(made["serial"])
    found = {finding["check"] for finding in report["findings"]}
    trips = find(name).trips if name else frozenset[str]()
    assert found <= trips - LEFT_OUT[level][0]
    assert level is not Level.FULL or found == trips
