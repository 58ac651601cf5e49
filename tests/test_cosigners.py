"""What a verifier says of cosigners: by the auditor's own policy, about just this board, and beside the verdict."""

import shutil
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from e2ev.board.log import BoardLog
from e2ev.board.note import COSIGNATURE, NoteKey, sign_checkpoint, sign_cosignature
from e2ev.board.outline import read_outline, statement_of
from e2ev.board.policy import Policy, parse_policy
from e2ev.board.reader import Committed, scan
from e2ev.demo.toy import TOY
from e2ev.roles.intake import keep_of, load_online_key
from e2ev.verify.check import Report, Verdict
from e2ev.verify.cosigners import Cosigner, Cosigners, Seen, Sighting
from e2ev.verify.run import Options, verify
from tests.cosigned import LOG, ORIGIN, WITNESS_KEYS, WITNESSES, SmallBoard, policy_of
from tests.elections import finished
from tests.records import key

TIME = 1_800_000_000


def judged(board: Path, policy: Policy) -> Cosigners:
    """Return what a pass over a board gives."""
    sighting = Sighting(policy)
    for event in scan(board):
        sighting.take(event)
    return sighting.judge(read_outline(board).log)


def cosign(board: SmallBoard, size: int, *names: str) -> None:
    """Append the checkpoint over so many entries, cosigned."""
    note = next(e.note for e in scan(board.path) if isinstance(e, Committed) and e.size == size)
    append(board, note + lines_for(note, *names))


def lines_for(note: bytes, *names: str) -> bytes:
    text = note.decode().partition("\n\n")[0] + "\n"
    return "".join(sign_cosignature(text, WITNESSES[n].name, WITNESS_KEYS[n], TIME) for n in names).encode()


def append(board: SmallBoard, note: bytes) -> None:
    with board.log() as log:
        log.cosign(note)


@pytest.fixture
def board(tmp_path: Path) -> SmallBoard:
    return SmallBoard(tmp_path / "vote" / "vote.board").found().ballots(5)


def test_quorum_is_met_only_by_who_saw_the_last_checkpoint(board: SmallBoard) -> None:
    for size, names, seen, entries in (
        (4, ("w1",), Seen.NOT_MET, 0),
        (3, ("w2",), Seen.NOT_MET, 3),
        (6, ("w1",), Seen.NOT_MET, 3),
        (5, ("w2",), Seen.NOT_MET, 5),
        (6, ("w3",), Seen.MET, 6),
    ):
        cosign(board, size, *names)
        found = judged(board.path, policy_of())
        assert (found.seen, found.entries, found.strange) == (seen, entries, 0)
    assert set(found.cosigners) == {Cosigner("w1", 6, TIME), Cosigner("w2", 5, TIME), Cosigner("w3", 6, TIME)}
    board.ballots(1)
    assert (judged(board.path, policy_of()).seen, judged(board.path, policy_of()).entries) == (Seen.NOT_MET, 6)


def test_nobody_is_no_quorum_even_where_none_is_asked_for(board: SmallBoard) -> None:
    assert judged(board.path, policy_of("quorum none")) == Cosigners(Seen.NOT_MET)
    cosign(board, 6, "w2")
    assert judged(board.path, policy_of("quorum none")).seen is Seen.MET


def test_lines_that_do_not_verify_take_nothing_away(board: SmallBoard) -> None:
    note = read_outline(board.path).note
    bad = lines_for(note, "w1", "w2").replace(b"AAA", b"AAB")
    other = sign_checkpoint(statement_of(note), key(9)).encode().partition(b"\n\n")[2]
    for payload in (
        b"no note",
        note + lines_for(b"%b\n1\nAA" % ORIGIN.encode() + b"A" * 41 + b"=\n\n", "w1"),
        bad,
        other,
    ):
        append(board, payload)
    append(board, note + bad + other + lines_for(note, "w2", "w3"))
    found = judged(board.path, policy_of())
    assert (found.seen, [one.name for one in found.cosigners]) == (Seen.MET, ["w2", "w3"])


def test_cosigned_checkpoints_of_another_board_do_not_count_and_are_told(board: SmallBoard, tmp_path: Path) -> None:
    fork = SmallBoard(tmp_path / "fork" / "vote.board", b"other").found().ballots(5)
    note = read_outline(fork.path).note
    append(board, note + lines_for(note, "w1", "w2", "w3"))
    assert judged(board.path, policy_of()) == Cosigners(Seen.NOT_MET, 0, (), 1)


def test_cosigners_of_what_the_log_did_not_sign_do_not_count(board: SmallBoard) -> None:
    stated = statement_of(read_outline(board.path).note)
    note = sign_checkpoint(stated, key(9)).encode()
    append(board, note + lines_for(note, "w1", "w2", "w3"))
    append(board, stated.text().encode() + b"\n" + lines_for(note, "w1", "w2", "w3"))
    assert judged(board.path, policy_of()) == Cosigners(Seen.NOT_MET)


def test_policy_of_another_log_is_not_met_and_one_without_logs_is_about_genesiss(board: SmallBoard) -> None:
    cosign(board, 6, "w1", "w2")
    assert judged(board.path, replace(policy_of(), logs=(NoteKey(ORIGIN, key(9).verify_key),))) == Cosigners(
        Seen.NOT_MET
    )
    assert judged(board.path, replace(policy_of(), logs=())).seen is Seen.MET
    assert LOG in policy_of().logs


# In a whole verification


@lru_cache
def cosigned_election() -> tuple[Path, Policy]:
    """Return an honest election whose last checkpoint two witnesses cosigned, and the policy that asks for them."""
    folder = Path(mkdtemp(prefix="e2ev-test-"))
    path = folder / "demo.board"
    shutil.copytree(finished(TOY).board.parent, folder, dirs_exist_ok=True)
    outline = read_outline(path)
    text = outline.note.decode().partition("\n\n")[0] + "\n"
    names = ("one.example", "two.example")
    lines = "".join(sign_cosignature(text, name, key(90 + i), TIME) for i, name in enumerate(names))
    with BoardLog(path, keep_of(path), outline.log.name, load_online_key(keep_of(path) / "log.key")) as log:
        log.cosign(outline.note + lines.encode())
    keys = [NoteKey(name, key(90 + i).verify_key, COSIGNATURE) for i, name in enumerate(names)]
    witnesses = "".join(f"witness w{i} {one.vkey()}\n" for i, one in enumerate(keys))
    return path, parse_policy(f"log {outline.log.vkey()}\n{witnesses}group G all w0 w1\nquorum G\n".encode())


def report(board: Path, policy: Policy | None) -> Report:
    return verify(board, Options(groups=(TOY,), need_anchors=False, policy=policy))


def test_report_says_whether_a_quorum_saw_the_board_and_the_verdict_is_the_same() -> None:
    board, policy = cosigned_election()
    met, untold = report(board, policy), report(board, None)
    assert (met.cosigners.seen, untold.cosigners.seen) == (Seen.MET, Seen.NOT_TESTED)
    assert (met.verdict, met.findings, met.root) == (untold.verdict, untold.findings, untold.root)
    assert met.verdict is Verdict.ACCEPTED
    assert met.remarks[-1] == "independent cosigners saw this board: w0, w1"
    assert untold.remarks[-1] == "whether independent cosigners saw this board was not tested (--policy FILE)"
