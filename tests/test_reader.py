"""Reading boards: every entry where it stands, and every torn or changed byte noticed and judged."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import pytest

from e2ev.board import reader
from e2ev.board.files import BoardFiles
from e2ev.board.merkle import Tree, root_of
from e2ev.board.note import Checkpoint, NoteKey, check_checkpoint
from e2ev.board.reader import (
    HEAD_BYTES,
    BoardHead,
    Committed,
    Cosigned,
    Damaged,
    Event,
    Logged,
    open_board,
    read_head,
    read_logged,
    scan,
)
from e2ev.errors import DataError
from e2ev.record.entry import Entry
from e2ev.record.frame import FrameKind, frame
from e2ev.record.kinds import Kind
from tests.records import ELECTION, LOG_KEY, ORIGIN, Writer, new_board, old_board

LINES = "— witness.example AAAA\n".encode()
BLOCK = 1 << 20
KEY = NoteKey(ORIGIN, LOG_KEY.verify_key)
HEAD = BoardHead(1, 0, ELECTION).to_bytes()


@dataclass(frozen=True)
class Board:
    """A board of four entries and two checkpoints, with a cosignature behind the second."""

    data: bytes
    entries: tuple[Entry, ...]
    events: tuple[Event, ...]


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    folder = tmp_path_factory.mktemp("board")
    one, two = Writer(1), Writer(2)
    entries = (one.write(), two.write(Kind.BALLOT, b"ballot" * 30, bytes(32)), two.write(Kind.OPEN, b""), one.write())
    with new_board(folder) as log:
        log.append(entries[:2])
        log.append(entries[2:])
    path = folder / "test.board"
    path.write_bytes(path.read_bytes() + frame(FrameKind.COSIGNATURE, LINES))
    return Board(path.read_bytes(), entries, tuple(scan(path)))


def events_of(folder: Path, data: bytes) -> list[Event]:
    path = folder / "other.board"
    path.write_bytes(data)
    return list(scan(path))


def start_of(board: Board, position: int) -> int:
    """Return where the event begins that the byte at `position` belongs to."""
    return max([HEAD_BYTES, *(event_end(event) for event in board.events if event_end(event) <= position)])


def event_end(event: Event) -> int:
    assert not isinstance(event, Damaged)
    return event.end


# An honest board


def test_board_is_read_in_order(board: Board) -> None:
    assert [type(event) for event in board.events] == [Logged, Logged, Committed, Logged, Logged, Committed, Cosigned]


def test_entries_are_numbered_and_stand_between_their_offsets(board: Board) -> None:
    logged = [event for event in board.events if isinstance(event, Logged)]
    assert tuple(event.entry for event in logged) == board.entries
    assert [event.index for event in logged] == [0, 1, 2, 3]
    for event in logged:
        assert board.data[event.offset : event.end] == event.entry.frames()
    assert logged[0].offset == HEAD_BYTES


def test_entry_comes_with_the_tree_over_those_before_it(board: Board) -> None:
    hashes = [entry.leaf_hash for entry in board.entries]
    for event in board.events:
        if isinstance(event, Logged):
            assert (event.before.size, event.before.root()) == (event.index, root_of(hashes[: event.index]))


def test_checkpoint_comes_with_the_size_and_root_of_the_entries_before_it(board: Board) -> None:
    hashes = [entry.leaf_hash for entry in board.entries]
    found = [(event.size, event.root) for event in board.events if isinstance(event, Committed)]
    assert found == [(2, root_of(hashes[:2])), (4, root_of(hashes))]


def test_cosignature_lines_are_given_as_they_stand(board: Board) -> None:
    assert [event.note for event in board.events if isinstance(event, Cosigned)] == [LINES]


def test_head_says_segment_first_index_and_election(board: Board, tmp_path: Path) -> None:
    (tmp_path / "a.board").write_bytes(board.data)
    with open_board(tmp_path / "a.board") as stream:
        assert read_head(stream, "a") == BoardHead(1, 0, ELECTION)
    assert board.data.startswith(b"E2EVBRD1" + bytes([0, 0, 0, 1]) + bytes(8) + ELECTION)


def test_board_without_entries_has_no_events(tmp_path: Path) -> None:
    assert events_of(tmp_path, HEAD) == []


def test_entry_is_read_again_at_its_offset(board: Board, tmp_path: Path) -> None:
    (tmp_path / "a.board").write_bytes(board.data)
    with open_board(tmp_path / "a.board") as stream:
        for event in board.events:
            if isinstance(event, Logged):
                assert read_logged(stream, event.offset, event.index, "a") == event.entry


@pytest.mark.parametrize("offset", [1, 3, 1 << 20])
def test_entry_that_is_no_longer_at_its_offset_is_refused(board: Board, tmp_path: Path, offset: int) -> None:
    (tmp_path / "a.board").write_bytes(board.data)
    with open_board(tmp_path / "a.board") as stream, pytest.raises(DataError):
        read_logged(stream, HEAD_BYTES + offset, 0, "a")


def test_checkpoint_is_not_read_as_an_entry(board: Board, tmp_path: Path) -> None:
    (tmp_path / "a.board").write_bytes(board.data)
    offset = event_end(board.events[1])
    with open_board(tmp_path / "a.board") as stream, pytest.raises(DataError, match="changed while it was read"):
        read_logged(stream, offset, 2, "a")


# What is no board


@pytest.mark.parametrize(
    "data", [b"", b"E2EV", b"E2EVMSG1" + HEAD[8:], HEAD[:-1]], ids=["empty", "short", "message file", "cut"]
)
def test_other_files_are_no_boards(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError, match="no board"):
        events_of(tmp_path, data)


def test_missing_board_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be opened"):
        list(scan(tmp_path / "missing.board"))


@pytest.mark.parametrize("head", [BoardHead(2, 0, ELECTION), BoardHead(1, 7, ELECTION)], ids=["second", "later"])
def test_segment_that_does_not_begin_the_board_is_refused(tmp_path: Path, head: BoardHead) -> None:
    with pytest.raises(DataError, match="this is segment"):
        events_of(tmp_path, head.to_bytes())


# Torn and changed


def test_every_truncation_gives_what_is_whole_and_then_says_where_it_ends(board: Board, tmp_path: Path) -> None:
    ends = [HEAD_BYTES, *map(event_end, board.events)]
    for size in range(HEAD_BYTES, len(board.data)):
        found = events_of(tmp_path, board.data[:size])
        whole = [event for event in board.events if event_end(event) <= size]
        if size in ends:
            assert found == whole
            continue
        damage = found.pop()
        assert found == whole
        assert isinstance(damage, Damaged)
        assert (damage.offset, damage.before_commit) == (start_of(board, size), False)
        assert damage.index == sum(isinstance(event, Logged) for event in whole)


def test_truncated_head_is_no_board(board: Board, tmp_path: Path) -> None:
    for size in range(HEAD_BYTES):
        with pytest.raises(DataError):
            events_of(tmp_path, board.data[:size])


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_every_changed_byte_ends_the_board_before_the_event_it_is_in(board: Board, tmp_path: Path, mask: int) -> None:
    checkpoints = [start_of(board, event.end - 1) for event in board.events if isinstance(event, Committed)]
    for position in range(HEAD_BYTES, len(board.data)):
        changed = board.data[:position] + bytes([board.data[position] ^ mask]) + board.data[position + 1 :]
        *found, damage = events_of(tmp_path, changed)
        assert found == [event for event in board.events if event_end(event) <= position]
        assert isinstance(damage, Damaged)
        assert damage.offset == start_of(board, position)
        assert damage.before_commit is any(start > damage.offset for start in checkpoints)


def test_every_changed_byte_of_the_head_is_refused(board: Board, tmp_path: Path) -> None:
    for position in range(HEAD_BYTES):
        with pytest.raises(DataError):
            events_of(tmp_path, board.data[:position] + b"\xff" + board.data[position + 1 :])


def rewritten(edit: Callable[[list[bytes]], object]) -> Callable[[Board], bytes]:
    """Return the board whose events, each with its frames, were edited by somebody who computes check sums."""

    def make(board: Board) -> bytes:
        starts = [HEAD_BYTES, *map(event_end, board.events)]
        parts = [board.data[start:end] for start, end in pairwise(starts)]
        edit(parts)
        return board.data[:HEAD_BYTES] + b"".join(parts)

    return make


FORGED = {
    "an entry left out": rewritten(lambda parts: parts.pop(0)),
    "two entries exchanged": rewritten(lambda parts: parts.insert(0, parts.pop(1))),
    "an entry twice": rewritten(lambda parts: parts.insert(0, parts[0])),
    "an entry of somebody else": rewritten(lambda parts: parts.insert(1, Writer(9).write().frames())),
    "an entry moved behind the checkpoint": rewritten(lambda parts: parts.insert(2, parts.pop(1))),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_rewritten_board_has_other_roots(board: Board, tmp_path: Path, forge: Callable[[Board], bytes]) -> None:
    found = events_of(tmp_path, forge(board))
    honest = [(event.size, event.root) for event in board.events if isinstance(event, Committed)]
    computed = [(event.size, event.root) for event in found if isinstance(event, Committed)]
    assert len(computed) == 2
    assert computed != honest


def test_body_without_a_header_is_damage(tmp_path: Path) -> None:
    (damage,) = events_of(tmp_path, HEAD + frame(FrameKind.BODY, b"x"))
    assert isinstance(damage, Damaged)
    assert "without its header" in damage.error.found


def test_commitments_in_a_board_are_damage(tmp_path: Path) -> None:
    (damage,) = events_of(tmp_path, HEAD + frame(FrameKind.COMMITMENTS, bytes(64)))
    assert isinstance(damage, Damaged)
    assert "beside a board" in damage.error.found


def test_body_that_claims_more_than_its_kind_may_have_is_damage(tmp_path: Path) -> None:
    entry = Writer(1).write(Kind.OPEN, bytes(1025))
    (damage,) = events_of(tmp_path, HEAD + entry.frames())
    assert isinstance(damage, Damaged)
    assert "1024 are the most" in damage.error.found


# A whole checkpoint behind the damage, wherever it stands


CHECKPOINT = frame(FrameKind.CHECKPOINT, b"any note" * 20)


@pytest.mark.parametrize("before", [0, 1, BLOCK - 3, BLOCK - 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK - 1])
@pytest.mark.parametrize("whole", [True, False])
def test_checkpoint_behind_damage_is_found_wherever_it_starts(tmp_path: Path, before: int, whole: bool) -> None:
    checkpoint = CHECKPOINT if whole else CHECKPOINT[:-1] + b"?"
    (damage,) = events_of(tmp_path, HEAD + b"\xff" + b"\x01" * before + checkpoint + b"torn")
    assert isinstance(damage, Damaged)
    assert damage.before_commit is whole


def test_bytes_that_only_begin_like_checkpoints_are_none(tmp_path: Path) -> None:
    random = b"".join(sha256(bytes([i])).digest() for i in range(100))
    (damage,) = events_of(tmp_path, HEAD + b"\xff" + b"\x03\x00\x00\x00\x05" * 300 + random + CHECKPOINT[:9])
    assert isinstance(damage, Damaged)
    assert damage.before_commit is False


# While a writer sets aside a torn tail


class Crashed:
    """A board whose writer died: behind its checkpoint stands an entry that nobody was promised, and others follow."""

    def __init__(self, folder: Path, *, torn: bool, cosigned: bool = False) -> None:
        self.folder, self.path = folder, folder / "test.board"
        writer = Writer(1)
        with new_board(folder) as log:
            log.append([writer.write() for _ in range(3)])
        pen = writer.pen
        self.tail = writer.write(Kind.CORRECTION, b"never promised").frames()
        writer.pen = pen
        self.later = [writer.write(Kind.CORRECTION, b"then committed"), writer.write()]
        lines = frame(FrameKind.COSIGNATURE, LINES) if cosigned else b""
        self.path.write_bytes(self.path.read_bytes() + lines + (self.tail[:-3] if torn else self.tail))

    def go_on(self) -> None:
        """Let the next writer open the board and post."""
        with old_board(self.folder) as log:
            for entry in self.later:
                log.append([entry])


@pytest.mark.parametrize(("torn", "cosigned"), [(False, False), (True, False), (False, True), (True, True)])
def test_reader_of_a_tail_that_is_replaced_meanwhile_sees_what_was_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: bool, cosigned: bool
) -> None:
    board, looked = Crashed(tmp_path, torn=torn, cosigned=cosigned), list[int]()
    next_of = reader._next

    def next_and_then(stream: BinaryIO, files: BoardFiles, offset: int, tree: Tree) -> object:
        try:
            return next_of(stream, files, offset, tree)
        finally:
            if tree.size == 3 and stream.tell() > offset:
                looked.append(offset)
                board.go_on() if len(looked) == 1 else None

    monkeypatch.setattr(reader, "_next", next_and_then)
    events = list(scan(board.path))
    assert looked
    assert [event.entry for event in events if isinstance(event, Logged)][3:] == board.later
    assert [event.size for event in events if isinstance(event, Committed)] == [3, 4, 5]
    assert not [event for event in events if isinstance(event, Damaged)]
    for event in events:
        if isinstance(event, Committed):
            assert check_checkpoint(event.note, KEY) == Checkpoint(ORIGIN, event.size, event.root)


def test_damage_that_stays_is_told_once(tmp_path: Path) -> None:
    board = Crashed(tmp_path, torn=False)
    board.go_on()
    data = bytearray(board.path.read_bytes())
    data[next(event.offset for event in scan(board.path) if isinstance(event, Logged) and event.index == 3) + 20] ^= 1
    board.path.write_bytes(data)
    *before, damaged = scan(board.path)
    assert isinstance(damaged, Damaged)
    assert (damaged.index, damaged.before_commit) == (3, True)
    assert [event.size for event in before if isinstance(event, Committed)] == [3]


def test_entries_of_a_commit_too_large_to_hold_are_given_as_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(1)
    with new_board(tmp_path) as log:
        log.append([writer.write() for _ in range(40)])
    whole = list(scan(tmp_path / "test.board"))
    monkeypatch.setattr(reader, "HELD_BYTES", 1_000)
    assert list(scan(tmp_path / "test.board")) == whole
    opened = scan(tmp_path / "test.board")
    assert isinstance(next(opened), Logged)


def test_damage_in_a_commit_too_large_to_hold_gives_no_entry_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(1)
    with new_board(tmp_path) as log:
        log.append([writer.write() for _ in range(40)])
    path = tmp_path / "test.board"
    offset = next(event.offset for event in scan(path) if isinstance(event, Logged) and event.index == 30)
    data = bytearray(path.read_bytes())
    data[offset + 20] ^= 1
    path.write_bytes(data)
    monkeypatch.setattr(reader, "HELD_BYTES", 1_000)
    *entries, damaged = scan(path)
    assert [event.index for event in entries if isinstance(event, Logged)] == list(range(30))
    assert isinstance(damaged, Damaged)
