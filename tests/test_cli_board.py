"""`e2ev board`: what anybody does with a board as a file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from e2ev.board.note import COSIGNATURE, NoteKey, sign_cosignature
from e2ev.board.reader import Committed, scan
from e2ev.board.signed import last_signed
from e2ev.demo import elections
from e2ev.demo.elections import one
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.demo.toy import TOY
from e2ev.errors import StorageError
from e2ev.group import P3072
from e2ev.record.frame import FrameKind, frame
from tests.commands import ENVIRONMENT, Shell
from tests.elections import finished
from tests.records import LOG_KEY, ORIGIN, founded_board, key

VKEY = NoteKey(ORIGIN, LOG_KEY.verify_key).vkey()
OTHER = NoteKey(ORIGIN, key(9).verify_key).vkey()


def test_output_that_nobody_reads_any_more_is_no_rejection() -> None:
    board = finished(TOY).board
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "from e2ev_cli.main import run; run()", "board", "info", str(board)]
    with os.fdopen(writer) as closed:
        done = subprocess.run(command, env=ENVIRONMENT, stdout=closed, stderr=subprocess.DEVNULL, check=False)
    assert done.returncode == StorageError.exit_code


def test_info_counts_entries_by_kind_and_says_what_stands_behind_the_last_checkpoint(tmp_path: Path) -> None:
    board = Path(shutil.copy(finished(TOY).board, tmp_path / "copy.board"))
    whole = Shell()("board", "info", board, "--json").json
    assert sum(whole["kinds"].values()) == whole["entries"] > whole["kinds"]["ballot"] > 0
    assert whole["bytes"] == board.stat().st_size
    assert (whole["behind_last_checkpoint"], whole["damage"]) == (0, "")
    with board.open("ab") as end:
        end.write(b"\x01torn")
    torn = Shell()("board", "info", board, "--json").json
    assert torn["root"] == whole["root"]
    assert torn["damage"]
    said = Shell()("board", "info", board).out
    assert "cannot be read on" in said
    assert str(whole["kinds"]["ballot"]) in said
    Shell()("board", "info", tmp_path / "none.board", code=3)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return founded_board(tmp_path_factory.mktemp("board"), (1, 4, 9), (1, 2))


def test_verify_says_whether_the_log_holds_and_whose_it_is(board: Path, tmp_path: Path) -> None:
    e2ev = Shell()
    assert e2ev("board", "verify", board, "--key", VKEY).out.startswith("THE LOG HOLDS: 9 entries")
    named = e2ev("board", "verify", board, code=4)
    assert named.out.startswith("CONSISTENT IN ITSELF")
    assert VKEY in named.out
    assert e2ev("board", "verify", board, "--no-anchor", "--json").json["identity_checked"] is False
    assert "not the one that you named" in e2ev("board", "verify", board, "--key", OTHER, code=1).out
    e2ev("board", "verify", board, "--key", "what", code=3)
    data, copy = board.read_bytes(), tmp_path / "copy.board"
    for changed, check in ((data[:-1], "B.1"), (data + b"tail", "B.1"), (data[:1500] + b"x" + data[1501:], "B.1")):
        copy.write_bytes(changed)
        said = e2ev("board", "verify", copy, "--key", VKEY, "--json", code=1).json
        assert [one["check"] for one in said["findings"]] == [check]


def test_verify_with_a_policy_says_whether_a_quorum_has_seen_the_board(board: Path, tmp_path: Path) -> None:
    e2ev, copy, policy = Shell(), Path(shutil.copy(board, tmp_path / "copy.board")), tmp_path / "my.policy"
    witness = NoteKey("witness.example", key(4).verify_key, COSIGNATURE)
    policy.write_text(f"log {VKEY}\nwitness w {witness.vkey()}\nquorum w\n")
    assert "no quorum" in e2ev("board", "verify", copy, "--policy", policy, code=7).out
    signed = last_signed(copy)
    line = sign_cosignature(signed.checkpoint.text(), "witness.example", key(4), 1_800_000_000).encode()
    with copy.open("ab") as end:
        end.write(frame(FrameKind.COSIGNATURE, signed.note + line))
    said = e2ev("board", "verify", copy, "--policy", policy, "--json").json
    assert (said["quorum"], said["cosigners"], said["identity_checked"]) == (True, ["w"], True)
    assert e2ev("board", "checkpoint", copy).out.encode() == signed.note + line
    policy.write_text(f"log {OTHER}\nquorum none\n")
    e2ev("board", "verify", copy, "--policy", policy, code=1)


def test_checkpoint_is_printed_alone(board: Path) -> None:
    last = [event for event in scan(board) if isinstance(event, Committed)][-1]
    assert Shell()("board", "checkpoint", board).out == last.note.decode()
    said = Shell()("board", "checkpoint", board, "--json").json
    assert (said["entries"], said["root"], said["log"]) == (9, last.root.hex(), VKEY)


def test_board_goes_out_as_files_and_comes_back(board: Path, tmp_path: Path) -> None:
    e2ev = Shell()
    assert e2ev("board", "export", board, "--to", "tiles", tmp_path / "out", "--json").json["entries"] == 9
    e2ev("board", "export", board, tmp_path / "out")
    e2ev("board", "import", tmp_path / "out", tmp_path / "again.board")
    assert (tmp_path / "again.board").read_bytes() == board.read_bytes()
    e2ev("board", "import", tmp_path / "out", tmp_path / "again.board", code=8)
    (tmp_path / "out" / "checkpoint").unlink()
    e2ev("board", "import", tmp_path / "out", tmp_path / "third.board", code=3)


def test_diff_names_the_fork_and_its_evidence_stands_alone(
    board: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    e2ev, other = Shell(), founded_board(tmp_path / "other", (1, 4, 12), (1, 2, 1, 3))
    assert e2ev("board", "diff", board, shutil.copy(board, tmp_path / "copy.board")).out.startswith("IDENTICAL")
    ran = e2ev("board", "diff", board, other, code=8)
    assert ran.out.startswith("FORK at entry 4")
    (evidence,) = tmp_path.glob("*.evidence")
    assert evidence.name in ran.err
    assert e2ev("board", "check-evidence", evidence, "--key", VKEY).out.startswith("PROVED")
    assert e2ev("board", "check-evidence", evidence, "--json").json["statements"][1]["entries"] == 12
    e2ev("board", "check-evidence", evidence, "--key", OTHER, code=1)
    evidence.write_bytes(evidence.read_bytes()[:-9])
    e2ev("board", "check-evidence", evidence, code=3)
    said = e2ev("board", "diff", other, board, "--json", "--evidence", tmp_path / "mine", "--key", VKEY, code=8).json
    assert (said["relation"], said["common"], said["evidence"]) == ("fork", 4, str(tmp_path / "mine"))
    e2ev("board", "diff", board, finished(TOY).board, code=3)


def test_watch_says_by_its_exit_code_what_it_saw(board: Path, tmp_path: Path) -> None:
    data, copy, e2ev = board.read_bytes(), tmp_path / "copy.board", Shell()
    ends = [event.end for event in scan(board) if isinstance(event, Committed)]
    look = ("board", "watch", tmp_path, "--once", "--log-only")
    copy.write_bytes(data[: ends[1]])
    assert "4 entries" in e2ev(*look).out
    copy.write_bytes(data[: ends[1] + 3] + b"?" + data[ends[1] + 4 :])
    assert "ALARM" in e2ev(*look, code=1).out
    copy.write_bytes(data)
    assert json.loads(e2ev(*look, "--json").out)["entries"] == 9
    copy.write_bytes(data[: ends[0]])
    assert "shrunk" in e2ev(*look, code=8).out
    (tmp_path / "empty").mkdir()
    e2ev("board", "watch", tmp_path / "empty", "--once", code=2)


def test_append_takes_messages_once_and_watch_judges_the_ballot_that_comes(tmp_path: Path) -> None:
    election, e2ev = HonestElection(tmp_path / "e", P3072), Shell()
    election.found(elections.TINY, 1, 1)
    (trustee,) = election.trustees
    append = ("board", "append", election.board, trustee.outbox, "--json")
    trustee.keygen(election.board, PASSPHRASE)
    (message,) = trustee.outbox.glob("*.e2ev")
    (tmp_path / "bad.e2ev").write_bytes(message.read_bytes()[:-1])
    refused = e2ev("board", "append", election.board, tmp_path / "bad.e2ev", code=1).out
    assert "refused" in refused
    for state in ("posted", "known"):
        assert [one["state"] for one in e2ev(*append).json["messages"]] == [state]
    trustee.share(election.board, PASSPHRASE)
    assert [one["state"] for one in e2ev(*append).json["messages"]] == ["known", "posted"]
    trustee.accept(election.board, election.outboxes, trustee.fingerprints(election.board), PASSPHRASE)
    election.collect()
    election.administrator.join_keys(PASSPHRASE)
    trustee.backup(trustee.home / "backup.key", PASSPHRASE, PASSPHRASE)
    trustee.rehearse(election.board, trustee.home / "backup.key", PASSPHRASE)
    election.collect()
    election.admit_devices(["Hall"])
    election.administrator.open(PASSPHRASE)
    watch = ("board", "watch", election.board, "--home", tmp_path / "home", "--once", "--json")
    assert json.loads(e2ev(*watch).out)["ballots"] == 0
    election.vote([(one(1, 0), "cast")])
    assert json.loads(e2ev(*watch).out)["ballots"] == 1
    election.lie(election.devices[0], one(0, 1), elections.bad_proof, "cast")
    alarm, end = map(json.loads, e2ev(*watch, code=1).out.splitlines())
    assert (alarm["alarm"], end["ballots"]) == ("6.D", 2)
