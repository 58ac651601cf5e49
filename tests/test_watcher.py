"""Watching a board: only new bytes are read, a restart goes on, and nothing that breaks stays unheard."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO
from unittest.mock import patch

import pytest

from e2ev.board import follow as following
from e2ev.board import reader
from e2ev.board import recall as recalling
from e2ev.board.follow import Advance, Alarm, begin, follow
from e2ev.board.fork import check_evidence, compare, read_evidence
from e2ev.board.growing import COMMIT_ROOM
from e2ev.board.ledger import read_ledger
from e2ev.board.note import NoteKey
from e2ev.board.reader import BEGINNING, HEAD_BYTES, Committed, Event, Logged, Place, read_logged, scan
from e2ev.board.recall import recall, tree_before
from e2ev.board.signed import last_signed
from e2ev.board.static import export, restore
from e2ev.demo import elections
from e2ev.demo.elections import bad_proof, one
from e2ev.demo.toy import TOY
from e2ev.errors import DataError, RejectedError
from e2ev.record.entry import Entry
from e2ev.record.frame import FrameKind, frame
from e2ev.record.kinds import Kind
from e2ev.roles.watcher import State, Watcher, own_key, read_state, state_file
from tests.elections import finished
from tests.records import LOG_KEY, ORIGIN, founded_board, key

KEY = NoteKey(ORIGIN, LOG_KEY.verify_key)
SIZES = (1, 3, 4, 9, 17)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return founded_board(tmp_path_factory.mktemp("watched"), SIZES, (1, 2))


def ends_of(board: Path) -> list[int]:
    return [event.end for event in scan(board) if isinstance(event, Committed)]


def looked(board: Path, home: Path, *, judging: bool = False) -> list[str]:
    return [alarm.check for alarm in Watcher(board, home, KEY, judging=judging, groups=(TOY,)).look()]


# Following


def test_all_that_an_honest_log_holds_is_followed_checkpoint_by_checkpoint(board: Path) -> None:
    steps = list(follow(board, begin(board)))
    assert all(isinstance(step, Advance) and not step.alarms for step in steps)
    assert [step.position.tree.size for step in steps if isinstance(step, Advance)] == list(SIZES)
    assert [step.position.end for step in steps if isinstance(step, Advance)] == ends_of(board)


def test_only_new_bytes_are_read(board: Path, tmp_path: Path) -> None:
    data, copy = board.read_bytes(), tmp_path / "growing.board"
    offsets: list[int] = []
    real = reader.scan

    def noted(path: Path, start: Place = BEGINNING) -> Iterator[Event]:
        offsets.append(start.offset)
        return real(path, start)

    with patch.object(following, "scan", noted):
        for end in ends_of(board):
            copy.write_bytes(data[:end])
            assert looked(copy, tmp_path / "home") == []
    assert offsets == [HEAD_BYTES, *ends_of(board)[:-1]]


@pytest.mark.parametrize("step", [3, 50])
def test_a_board_that_grows_bit_by_bit_raises_no_alarm(board: Path, tmp_path: Path, step: int) -> None:
    data, copy = board.read_bytes(), tmp_path / "growing.board"
    copy.write_bytes(data[:HEAD_BYTES])
    watcher = Watcher(copy, tmp_path / "home", KEY, judging=False)
    seen = set()
    for end in range(HEAD_BYTES, min(len(data), 4_000), step):
        copy.write_bytes(data[:end])
        assert list(watcher.look()) == []
        seen.add(watcher.position.tree.size)
    assert seen >= {0, 1, 3}


def test_restart_goes_on_and_ends_where_one_run_ends(board: Path, tmp_path: Path) -> None:
    data, copy = board.read_bytes(), tmp_path / "growing.board"
    for end in ends_of(board):
        copy.write_bytes(data[:end])
        assert looked(copy, tmp_path / "often") == []
    assert looked(copy, tmp_path / "once") == []
    often, once = (Watcher(copy, tmp_path / name, judging=False).state for name in ("often", "once"))
    assert often == once
    assert often.position.tree.size == SIZES[-1]


# What breaks


@pytest.mark.parametrize("judging", [False, True])
def test_shorter_board_is_noticed(tmp_path: Path, judging: bool) -> None:
    board = Path(shutil.copy(finished(TOY).board, tmp_path / "toy.board"))
    ends = ends_of(board)
    home = tmp_path / "home"
    assert list(Watcher(board, home, judging=judging, groups=(TOY,)).look()) == []
    board.write_bytes(board.read_bytes()[: ends[-3]])
    for _ in range(2):
        alarms = list(Watcher(board, home, judging=judging, groups=(TOY,)).look())
        assert [alarm.check for alarm in alarms] == ["shrunk"]


def test_fork_is_noticed_with_evidence(tmp_path: Path) -> None:
    shared, home = [1] * 5, tmp_path / "home"
    old = founded_board(tmp_path / "a", (1, 4, 8), [*shared, *[2] * 20])
    new = founded_board(tmp_path / "b", (1, 4, 9, 12), [*shared, *[3] * 20])
    assert looked(old, home) == []
    shutil.copy(new, old)
    (alarm,) = Watcher(old, home, KEY, judging=False).look()
    assert alarm.check == "fork"
    (path,) = home.glob("*.evidence")
    assert str(path) in alarm.found
    first, second = check_evidence(read_evidence(path.read_bytes()), KEY)
    assert (first.size, second.size) == (8, 12)
    assert looked(old, home) == ["fork"]


def test_fork_that_begins_behind_what_was_verified_is_no_change(tmp_path: Path) -> None:
    shared, home = [1] * 7, tmp_path / "home"
    old = founded_board(tmp_path / "a", (1, 4, 8), [*shared, *[2] * 20])
    new = founded_board(tmp_path / "b", (1, 4, 8, 12), [*shared, *[3] * 20])
    assert looked(old, home) == []
    shutil.copy(new, old)
    assert looked(old, home) == []


def test_flipped_byte_of_what_is_new_is_noticed(board: Path, tmp_path: Path) -> None:
    data, ends, copy, home = board.read_bytes(), ends_of(board), tmp_path / "b.board", tmp_path / "home"
    copy.write_bytes(data[: ends[1]])
    assert looked(copy, home) == []
    kept = (home / "state").read_bytes()
    for place in range(ends[1], ends[2], 3):
        copy.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert looked(copy, home) == ["B.1"], place
        assert (home / "state").read_bytes() == kept


def test_flipped_bit_of_the_last_checkpoint_is_noticed(board: Path, tmp_path: Path) -> None:
    data, copy, home = board.read_bytes(), tmp_path / "b.board", tmp_path / "home"
    copy.write_bytes(data)
    assert looked(copy, home) == []
    last = [event for event in scan(board) if isinstance(event, Committed)][-1]
    for place in range(last.end - len(last.note), last.end, 5):
        copy.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert looked(copy, home) == ["changed"]


def resealed(board: Path, change: Sequence[bytes], tmp_path: Path) -> Path:
    """Return a board with other frames behind the first checkpoint, none of it signed anew."""
    path = tmp_path / "resealed.board"
    path.write_bytes(board.read_bytes()[: ends_of(board)[0]] + b"".join(change))
    return path


def test_checkpoint_that_the_log_did_not_sign_is_noticed(board: Path, tmp_path: Path) -> None:
    entry = next(e for e in scan(board) if isinstance(e, Logged) and e.index == 1).entry
    notes = [event.note for event in scan(board) if isinstance(event, Committed)]
    for note in (notes[0], notes[1], notes[1].replace(b"3\n", b"2\n", 1), b"no note\n"):
        path = resealed(board, [entry.frames(), frame(FrameKind.CHECKPOINT, note)], tmp_path)
        assert looked(path, tmp_path / "home") == ["B.2"]


def test_body_signature_and_chain_are_checked(tmp_path: Path) -> None:
    from e2ev.board.merkle import Tree
    from e2ev.board.note import Checkpoint, sign_checkpoint
    from e2ev.record.entry import Entry

    board = founded_board(tmp_path / "a", (1, 4))
    events = [event for event in scan(board) if isinstance(event, Logged)]
    second, third = events[1].entry, events[2].entry
    body = Entry(second.leaf, second.header, b"X" * len(second.body))
    position = second.leaf.rindex(second.header.signature[1:]) + 5
    leaf = second.leaf[:position] + bytes([second.leaf[position] ^ 1]) + second.leaf[position + 1 :]
    for entry, checks in ((body, ["B.4"]), (Entry(leaf, second.header, second.body), ["B.3"]), (third, ["B.5"])):
        tree = Tree().append(events[0].entry.leaf_hash).append(entry.leaf_hash)
        note = sign_checkpoint(Checkpoint(ORIGIN, 2, tree.root()), LOG_KEY).encode()
        path = resealed(board, [entry.frames(), frame(FrameKind.CHECKPOINT, note)], tmp_path)
        assert looked(path, tmp_path / "home") == checks


def test_board_that_is_gone_or_another_file_is_noticed(board: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(board, tmp_path / "b.board"))
    watcher = Watcher(copy, tmp_path / "home", KEY, judging=False)
    assert list(watcher.look()) == []
    copy.write_bytes(bytes(len(board.read_bytes())))
    assert [alarm.check for alarm in watcher.look()] == ["changed"]
    copy.unlink()
    assert [alarm.check for alarm in watcher.look()] == ["changed"]


def test_board_in_segments_is_followed_over_its_files(tmp_path: Path) -> None:
    board = founded_board(tmp_path / "cut", (1, *range(20, 300, 20)), segment=COMMIT_ROOM + 12_000)
    assert looked(board, tmp_path / "home") == []
    assert Watcher(board, tmp_path / "home", judging=False).position.tree.size == 280
    last = sorted(board.parent.glob("test.0*.board"))[-1]
    last.unlink()
    assert looked(board, tmp_path / "home") == ["shrunk"]


def test_stations_own_board_is_followed_under_its_own_log(tmp_path: Path) -> None:
    election = elections.places_open(tmp_path / "e", TOY)
    for unit, board in election.stations.items():
        for judging in (False, True):
            watcher = Watcher(board, tmp_path / f"{unit}-{judging}", judging=judging, groups=(TOY,))
            assert list(watcher.look()) == []
            signed = last_signed(board)
            assert watcher.position.key == signed.key
            assert "/station/" in signed.key.name
        export(board, tmp_path / unit)
        restore(tmp_path / unit, tmp_path / f"{unit}.board")
        assert (tmp_path / f"{unit}.board").read_bytes() == board.read_bytes()
        with pytest.raises(DataError, match="two logs"):
            compare(board, election.board)


def test_another_log_than_the_one_named_is_noticed(board: Path, tmp_path: Path) -> None:
    watcher = Watcher(board, tmp_path / "home", NoteKey(ORIGIN, key(9).verify_key), judging=False)
    assert [alarm.check for alarm in watcher.look()] == ["B.2"]


# The election


def test_finished_election_is_judged_without_an_alarm_and_no_ballot_twice(tmp_path: Path) -> None:
    board = finished(TOY).board
    watcher = Watcher(board, tmp_path, groups=(TOY,))
    assert list(watcher.look()) == []
    ballots = sum(event.entry.header.kind == Kind.BALLOT for event in scan(board) if isinstance(event, Logged))
    assert watcher.state.ballots == ballots > 0
    with patch("e2ev.roles.watcher.verify_segment") as checked:
        again = Watcher(board, tmp_path, groups=(TOY,))
        assert list(again.look()) == []
    assert checked.call_count == 0
    assert again.position.tree.size == watcher.position.tree.size


def test_ballot_with_a_wrong_proof_and_a_broken_rule_are_told_as_they_come(tmp_path: Path) -> None:
    election = elections.opened(tmp_path / "e", TOY, elections.PLAIN, ("Hall",), 1, 1)
    home = tmp_path / "home"
    watcher = Watcher(election.board, home, groups=(TOY,))
    assert list(watcher.look()) == []
    election.vote([(one(1, 0), "cast")])
    assert list(watcher.look()) == []
    assert watcher.state.ballots == 1
    (device,) = election.devices
    election.lie(device, one(0, 1), bad_proof, "cast")
    alarms = list(watcher.look())
    assert [alarm.check for alarm in alarms] == ["6.D"]
    assert "Hall" in alarms[0].culprit
    assert list(watcher.look()) == []
    again = Watcher(election.board, home, groups=(TOY,))
    assert again.position.tree.size > 0
    assert [alarm.check for alarm in again.look()] == ["6.D"]


def test_restart_of_a_watcher_that_judges_goes_on_where_it_was(tmp_path: Path) -> None:
    election = elections.opened(tmp_path / "e", TOY, elections.PLAIN, ("Hall",), 1, 1)
    election.vote([(one(1, 0), "cast"), (one(0, 1), "challenged"), (one(0, 1), "cast")])
    board, copy, home = election.board, tmp_path / "growing.board", tmp_path / "home"
    data, ballots, read, offsets = board.read_bytes(), set[int](), list[int](), list[int]()
    for event in scan(board):
        if isinstance(event, Logged) and event.entry.header.kind == Kind.BALLOT:
            ballots.add(event.offset)

    def noted(path: Path, start: Place = BEGINNING) -> Iterator[Event]:
        offsets.append(start.offset)
        return reader.scan(path, start)

    def read_whole(stream: BinaryIO, offset: int, index: int, where: str) -> Entry:
        read.append(offset)
        return read_logged(stream, offset, index, where)

    with patch.object(following, "scan", noted), patch.object(recalling, "read_logged", read_whole):
        for end in [*ends_of(board)[::3], len(data)]:
            copy.write_bytes(data[:end])
            assert list(Watcher(copy, home, groups=(TOY,)).look()) == []
    assert offsets == [HEAD_BYTES, *ends_of(board)[::3]]
    assert read
    assert not ballots & set(read)
    once = Watcher(board, tmp_path / "once", groups=(TOY,))
    assert list(once.look()) == []
    assert Watcher(copy, home, groups=(TOY,)).state == once.state


def test_what_a_judging_watcher_recalls_is_what_stands_there(tmp_path: Path) -> None:
    board = finished(TOY).board
    signed, whole = last_signed(board), read_ledger(board, (TOY,))
    tree = tree_before(board, signed.end)
    found = recall(board, tree, signed.end, signed.key.name, (TOY,))
    assert tree.root() == signed.checkpoint.root
    for attribute in ("id", "closed", "opened", "joint", "devices", "attempts", "exclusions", "opened_ballots"):
        assert getattr(found.held, attribute) == getattr(whole.held, attribute)
    assert list(found.held.ballots.items()) == list(whole.held.ballots.items())
    assert found.held.decision_counts() == whole.held.decision_counts()
    assert found.held.heads == whole.held.heads


def test_rules_are_asked_about_what_only_the_log_was_checked_of(board: Path, tmp_path: Path) -> None:
    assert looked(board, tmp_path / "home", judging=False) == []
    fresh = looked(board, tmp_path / "fresh", judging=True)
    assert looked(board, tmp_path / "home", judging=True) == fresh != []


def test_changed_body_of_what_was_judged_is_told_at_the_restart(tmp_path: Path) -> None:
    board, copy = finished(TOY).board, tmp_path / "copy.board"
    shutil.copy(board, copy)
    assert list(Watcher(copy, tmp_path / "home", groups=(TOY,)).look()) == []
    event = next(one for one in scan(board) if isinstance(one, Logged) and one.entry.header.kind == Kind.OPEN)
    body = bytes([event.entry.body[0] ^ 1]) + event.entry.body[1:]
    data, changed = board.read_bytes(), replace(event.entry, body=body).frames()
    copy.write_bytes(data[: event.offset] + changed + data[event.end :])
    alarms = list(Watcher(copy, tmp_path / "home", groups=(TOY,)).look())
    assert ("B.4", event.index) in [(alarm.check, alarm.entry) for alarm in alarms]


def test_board_in_an_unknown_group_is_told(tmp_path: Path) -> None:
    alarms = list(Watcher(finished(TOY).board, tmp_path).look())
    assert alarms
    assert all(isinstance(alarm, Alarm) for alarm in alarms)
    assert not (tmp_path / "state").exists()


# The state


def test_state_comes_back_as_it_was_and_every_flipped_byte_is_refused(board: Path, tmp_path: Path) -> None:
    assert looked(board, tmp_path) == []
    data, signer = (tmp_path / "state").read_bytes(), own_key(tmp_path)
    state = read_state(data, signer, "here")
    assert state_file(state, signer) == data
    assert isinstance(state, State)
    for place in range(0, len(data), 3):
        with pytest.raises(DataError, match="no state"):
            read_state(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], signer, "here")
    with pytest.raises(DataError, match="no state"):
        read_state(data, key(5), "here")
    for first, second in pairwise((0, 10, len(data) // 2, len(data) - 1)):
        with pytest.raises(DataError, match="no state"):
            read_state(data[:first] + data[second:], signer, "here")


def test_state_of_another_board_is_refused(board: Path, tmp_path: Path) -> None:
    assert looked(board, tmp_path) == []
    with pytest.raises(RejectedError, match="another board"):
        Watcher(finished(TOY).board, tmp_path, groups=(TOY,))
