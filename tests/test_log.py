"""Writing a board: what was acknowledged stays, whatever the disk does; older copies are never signed onwards."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from e2ev.board.log import BoardLog, Head, Mark, read_mark
from e2ev.board.merkle import Tree, root_of
from e2ev.board.note import Checkpoint, NoteKey, check_checkpoint, sign_checkpoint
from e2ev.board.reader import HEAD_BYTES, Committed, Cosigned, Logged, scan
from e2ev.errors import ConflictError, DataError, RejectedError, StorageError
from e2ev.record.entry import NO_ENTRY, Entry, Header, read_message
from e2ev.record.frame import MAX_PAYLOAD, FrameKind, frame
from e2ev.record.kinds import Kind, body_limit
from e2ev.storage.disk import Disk
from tests.records import ELECTION, LOG_KEY, ORIGIN, Writer, key, new_board, old_board

ONE, TWO = Writer(1), Writer(2)
A1, A2, B1, A3 = ONE.write(), ONE.write(Kind.OPEN, b""), TWO.write(Kind.BALLOT, b"ballot" * 40, bytes(32)), ONE.write()
ALL = (A1, A2, B1, A3)


def another(entry: Entry) -> Entry:
    """Return another entry of the same author with the same counter."""
    number = 1 if entry.header.author == ONE.author else 2
    writer = Writer(number)
    for _ in range(1, entry.header.counter):
        writer.write()
    return writer.write(body=b"another")


def board_of(folder: Path) -> Path:
    return folder / "test.board"


def entries_of(folder: Path) -> list[Entry]:
    return [event.entry for event in scan(board_of(folder)) if isinstance(event, Logged)]


def roots_of(folder: Path) -> list[tuple[int, bytes]]:
    """Return sizes and roots of all checkpoints, each of which the log signed over the entries before it."""
    found = []
    for event in scan(board_of(folder)):
        if isinstance(event, Committed):
            note = check_checkpoint(event.note, NoteKey(ORIGIN, LOG_KEY.verify_key))
            assert (note.size, note.root) == (event.size, event.root)
            found.append((event.size, event.root))
    return found


def checkpoint_of(*entries: Entry) -> Checkpoint:
    return Checkpoint(ORIGIN, len(entries), root_of(entry.leaf_hash for entry in entries))


def written(folder: Path, *batches: tuple[Entry, ...]) -> Path:
    """Return `folder`, in which a board holds these batches, each with its checkpoint."""
    with new_board(folder) as log:
        for batch in batches:
            log.append(batch)
    return folder


def kept(folder: Path, pattern: str) -> list[Path]:
    return sorted((folder / "keep").glob(pattern))


# Appending


def test_new_board_is_empty_and_its_mark_says_so(tmp_path: Path) -> None:
    with new_board(tmp_path) as log:
        assert (log.size, log.torn) == (0, None)
        assert log.checkpoint() == checkpoint_of()
    assert read_mark(tmp_path / "keep/mark") == Mark(0, Tree().root())


def test_entries_stand_on_the_board_in_order_under_a_signed_checkpoint(tmp_path: Path) -> None:
    with new_board(tmp_path) as log:
        assert log.append([A1, A2]) == checkpoint_of(A1, A2)
        assert log.append([B1, A3]) == checkpoint_of(*ALL)
        assert log.size == 4
    assert entries_of(tmp_path) == list(ALL)
    assert roots_of(tmp_path) == [(2, checkpoint_of(A1, A2).root), (4, checkpoint_of(*ALL).root)]
    assert read_mark(tmp_path / "keep/mark") == Mark(4, checkpoint_of(*ALL).root)


def test_reopened_board_goes_on_where_it_stood(tmp_path: Path) -> None:
    written(tmp_path, (A1, A2))
    with old_board(tmp_path) as log:
        assert log.checkpoint() == checkpoint_of(A1, A2)
        assert log.torn is None
        assert log.append([B1, A3]) == checkpoint_of(*ALL)
    assert entries_of(tmp_path) == list(ALL)


def test_reopening_alone_changes_nothing(tmp_path: Path) -> None:
    before = board_of(written(tmp_path, (A1,), (A2,))).read_bytes()
    with old_board(tmp_path):
        pass
    assert board_of(tmp_path).read_bytes() == before


def test_head_of_an_author_is_its_last_committed_entry(tmp_path: Path) -> None:
    with new_board(tmp_path) as log:
        assert log.head(ONE.author) == Head(0, NO_ENTRY)
        log.append([A1, A2, B1])
        assert log.head(ONE.author) == Head(2, A2.leaf_hash)
    with old_board(tmp_path) as log:
        assert (log.head(ONE.author), log.head(TWO.author)) == (Head(2, A2.leaf_hash), Head(1, B1.leaf_hash))


def test_posting_again_changes_nothing_and_gives_the_checkpoint(tmp_path: Path) -> None:
    with new_board(tmp_path) as log:
        log.append([A1, A2])
        before = board_of(tmp_path).read_bytes()
        for again in ([A1], [A2], [A1, A2], [A2, A1], []):
            assert log.append(again) == checkpoint_of(A1, A2)
        assert board_of(tmp_path).read_bytes() == before


def test_only_what_is_new_in_a_batch_is_written(tmp_path: Path) -> None:
    with new_board(tmp_path) as log:
        log.append([A1])
        log.append([A1, A2, A1, B1, A2])
    assert entries_of(tmp_path) == [A1, A2, B1]


def test_entry_that_is_twice_in_a_batch_is_written_once(tmp_path: Path) -> None:
    with new_board(tmp_path) as log:
        assert log.append([A1, A1, B1, A1]) == checkpoint_of(A1, B1)
    assert kept(tmp_path, "evidence-*") == []


# What is refused


@pytest.mark.parametrize("first", [[A1], [A1, A2, B1]])
def test_second_entry_for_one_counter_is_refused_and_both_are_kept(tmp_path: Path, first: list[Entry]) -> None:
    with new_board(tmp_path) as log:
        log.append(first)
        with pytest.raises(ConflictError, match="counter 1 is taken") as caught:
            log.append([B1, another(A1)])
        assert log.append(first) == checkpoint_of(*first)
    (evidence,) = kept(tmp_path, "evidence-*.e2ev")
    assert str(evidence) in caught.value.remedy
    assert ONE.author.hex()[2:18] in caught.value.culprit
    assert list(read_message(BytesIO(evidence.read_bytes()), body_limit, "")) == [A1, another(A1)]
    assert entries_of(tmp_path) == first


def test_two_entries_for_one_counter_in_a_batch_are_both_kept_and_neither_written(tmp_path: Path) -> None:
    with new_board(tmp_path) as log, pytest.raises(ConflictError, match="counter 2 is taken"):
        log.append([A1, A2, another(A2)])
    (evidence,) = kept(tmp_path, "evidence-*.e2ev")
    assert list(read_message(BytesIO(evidence.read_bytes()), body_limit, "")) == [A2, another(A2)]
    assert entries_of(tmp_path) == []


@pytest.mark.parametrize("batch", [[A2], [A1, A3], [A2, A1]], ids=["second alone", "gap", "wrong order"])
def test_gap_in_an_authors_chain_is_refused(tmp_path: Path, batch: list[Entry]) -> None:
    with new_board(tmp_path) as log:
        with pytest.raises(ConflictError, match="does not continue its chain") as caught:
            log.append(batch)
        assert caught.value.remedy == "post the author's earlier messages first"
        assert log.size == 0
    assert board_of(tmp_path).stat().st_size == HEAD_BYTES


def test_entry_that_continues_another_chain_is_refused(tmp_path: Path) -> None:
    other = Writer(1)
    other.write(body=b"never posted")
    with new_board(tmp_path) as log:
        log.append([A1])
        with pytest.raises(ConflictError, match="does not continue its chain"):
            log.append([other.write()])


def broken(entry: Entry, **changes: Any) -> Entry:
    values: dict[str, Any] = {name: getattr(entry.header, name) for name in Header.__dataclass_fields__}
    return Entry(entry.leaf, Header(**{**values, **changes}), entry.body)


BAD: dict[str, tuple[Callable[[], Entry], str]] = {
    "signature": (lambda: broken(A1, signature=A2.header.signature), "signature does not verify"),
    "kind": (lambda: broken(A1, kind=3), "signature does not verify"),
    "body": (lambda: Entry(A1.leaf, A1.header, A1.body + b"x"), "not the one that the header signs"),
    "size": (lambda: Writer(1).write(Kind.OPEN, bytes(1025)), "larger than its kind may be"),
}


@pytest.mark.parametrize(("make", "words"), BAD.values(), ids=BAD)
def test_bad_entry_is_refused_with_all_that_came_with_it(tmp_path: Path, make: Callable[[], Entry], words: str) -> None:
    with new_board(tmp_path) as log:
        with pytest.raises(RejectedError, match=words) as caught:
            log.append([B1, make()])
        assert caught.value.where == "entry 1"
        assert log.append([A1]) == checkpoint_of(A1)
    assert entries_of(tmp_path) == [A1]


def test_board_is_not_created_over_another(tmp_path: Path) -> None:
    before = board_of(written(tmp_path, (A1,))).read_bytes()
    with pytest.raises(ConflictError):
        new_board(tmp_path)
    (tmp_path / "keep/mark").unlink()
    with pytest.raises(ConflictError):
        new_board(tmp_path)
    assert board_of(tmp_path).read_bytes() == before


def test_mark_of_a_board_is_not_reset_by_making_a_new_one(tmp_path: Path) -> None:
    written(tmp_path, (A1,))
    board_of(tmp_path).unlink()
    with pytest.raises(ConflictError, match="mark is kept here already"):
        new_board(tmp_path)
    assert read_mark(tmp_path / "keep/mark").size == 1


def test_board_has_one_writer_at_a_time(tmp_path: Path) -> None:
    with new_board(tmp_path), pytest.raises(ConflictError, match="another process"), old_board(tmp_path):
        pytest.fail("two writers")
    with old_board(tmp_path) as log:
        assert log.append([A1]).size == 1


# Recovery


def behind(folder: Path, data: bytes) -> Path:
    with board_of(folder).open("ab") as file:
        file.write(data)
    return folder


TAILS = {
    "garbage": b"garbage",
    "half a header": A3.frames()[:50],
    "a header without its body": frame(FrameKind.HEADER, A3.leaf),
    "a whole entry": A3.frames(),
    "two entries, one torn": A3.frames() + A3.frames()[:-1],
    "half a checkpoint": frame(FrameKind.CHECKPOINT, b"note" * 30)[:-4],
    "zeros": bytes(5000),
    "half a large body": Writer(1).write(Kind.BALLOT, bytes(MAX_PAYLOAD + 10), bytes(32)).frames()[:-20],
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_torn_tail_is_set_aside_and_reported(tmp_path: Path, tail: bytes) -> None:
    before = board_of(written(tmp_path, (A1, A2), (B1,))).read_bytes()
    with old_board(behind(tmp_path, tail)) as log:
        assert log.torn is not None
        assert log.torn.read_bytes() == tail
        assert log.torn.parent == tmp_path / "keep"
        assert board_of(tmp_path).read_bytes() == before
        assert log.append([A3]) == checkpoint_of(*ALL)
    with old_board(tmp_path) as log:
        assert log.torn is None


def test_torn_tails_of_several_crashes_are_all_kept(tmp_path: Path) -> None:
    written(tmp_path, (A1,))
    for tail in (b"first", b"second"):
        with old_board(behind(tmp_path, tail)):
            pass
    assert sorted(path.read_bytes() for path in kept(tmp_path, "torn-*")) == [b"first", b"second"]


def test_cosignatures_behind_the_last_checkpoint_stay(tmp_path: Path) -> None:
    lines = frame(FrameKind.COSIGNATURE, b"lines")
    with old_board(behind(written(tmp_path, (A1,)), lines)) as log:
        assert log.torn is None
        log.append([A2])
    assert [event.note for event in scan(board_of(tmp_path)) if isinstance(event, Cosigned)] == [b"lines"]


def cut_to(folder: Path, size: int) -> Path:
    os.truncate(board_of(folder), size)
    return folder


@pytest.mark.parametrize("kept_bytes", [0, 1, 20, -1], ids=["none", "one byte", "20 bytes", "all but one byte"])
def test_marked_entries_without_their_checkpoint_are_committed_again(tmp_path: Path, kept_bytes: int) -> None:
    written(tmp_path, (A1, A2), (B1, A3))
    whole = board_of(tmp_path).read_bytes()
    end = max(event.end for event in scan(board_of(tmp_path)) if isinstance(event, Logged))
    cut_to(tmp_path, end + kept_bytes if kept_bytes >= 0 else len(whole) - 1)
    with old_board(tmp_path) as log:
        assert log.checkpoint() == checkpoint_of(*ALL)
    assert board_of(tmp_path).read_bytes() == whole


def test_older_copy_of_a_board_is_refused(tmp_path: Path) -> None:
    written(tmp_path, (A1, A2))
    older = board_of(tmp_path).read_bytes()
    with old_board(tmp_path) as log:
        log.append([B1])
    board_of(tmp_path).write_bytes(older)
    with pytest.raises(ConflictError, match="has 2 entries, and 3 with another root were signed") as caught:
        old_board(tmp_path).__enter__()
    assert "mirror" in caught.value.remedy
    assert board_of(tmp_path).read_bytes() == older


def test_older_mark_is_refused(tmp_path: Path) -> None:
    written(tmp_path, (A1, A2))
    older = (tmp_path / "keep/mark").read_bytes()
    with old_board(tmp_path) as log:
        log.append([B1])
    (tmp_path / "keep/mark").write_bytes(older)
    with pytest.raises(ConflictError, match="signed beyond its mark"):
        old_board(tmp_path).__enter__()


def test_another_board_of_the_same_size_is_refused(tmp_path: Path) -> None:
    for name, entry in (("one", A1), ("two", B1)):
        (tmp_path / name).mkdir()
        written(tmp_path / name, (entry,))
    shutil.copy(board_of(tmp_path / "two"), board_of(tmp_path / "one"))
    with pytest.raises(ConflictError, match="with another root"):
        old_board(tmp_path / "one").__enter__()


def test_board_damaged_before_its_mark_is_refused(tmp_path: Path) -> None:
    whole = board_of(written(tmp_path, (A1, A2), (B1,))).read_bytes()
    last = max(event.end for event in scan(board_of(tmp_path)) if isinstance(event, Logged))
    for position in range(HEAD_BYTES, last, 7):
        board_of(tmp_path).write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(RejectedError, match="is damaged at entry") as caught:
            old_board(tmp_path).__enter__()
        assert "mirror" in caught.value.remedy
    assert kept(tmp_path, "torn-*") == []


def resigned(folder: Path, note: str) -> Path:
    """Return `folder`, whose board has `note` in the place of its last checkpoint."""
    end = max(event.end for event in scan(board_of(folder)) if isinstance(event, Logged))
    return behind(cut_to(folder, end), frame(FrameKind.CHECKPOINT, note.encode()))


@pytest.mark.parametrize(
    "note",
    [
        sign_checkpoint(checkpoint_of(A1), key(7)),
        sign_checkpoint(Checkpoint("example.org/other", 1, checkpoint_of(A1).root), LOG_KEY),
        sign_checkpoint(checkpoint_of(B1), LOG_KEY),
        sign_checkpoint(checkpoint_of(), LOG_KEY),
        "no note",
    ],
    ids=["another key", "another log", "another root", "another size", "no note"],
)
def test_checkpoint_that_the_log_never_signed_over_these_entries_is_refused(tmp_path: Path, note: str) -> None:
    with pytest.raises(RejectedError):
        old_board(resigned(written(tmp_path, (A1,)), note)).__enter__()


MARKS = {
    "empty": b"",
    "one word": b"3\n",
    "no newline": b"0 " + Tree().root().hex().encode(),
    "capitals": b"0 " + Tree().root().hex().upper().encode() + b"\n",
    "no hex": b"0 " + b"z" * 64 + b"\n",
    "leading zero": b"00 " + Tree().root().hex().encode() + b"\n",
    "negative": b"-1 " + Tree().root().hex().encode() + b"\n",
    "other digits": "٣ ".encode() + Tree().root().hex().encode() + b"\n",
    "short root": b"0 " + b"00" * 31 + b"\n",
    "no text": bytes(range(128, 200)),
    "too long": b"0" * 200,
}


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS)
def test_malformed_mark_is_refused(tmp_path: Path, mark: bytes) -> None:
    written(tmp_path)
    (tmp_path / "keep/mark").write_bytes(mark)
    with pytest.raises(DataError):
        old_board(tmp_path).__enter__()


@pytest.mark.parametrize("missing", ["keep/mark", "test.board"])
def test_missing_file_is_refused_and_the_lock_given_back(tmp_path: Path, missing: str) -> None:
    written(tmp_path, (A1,))
    content = (tmp_path / missing).read_bytes()
    (tmp_path / missing).unlink()
    with pytest.raises(DataError) as caught:
        old_board(tmp_path).__enter__()
    assert str(tmp_path / missing) in caught.value.where
    (tmp_path / missing).write_bytes(content)
    with old_board(tmp_path) as log:
        assert log.size == 1


# A disk that fails, and machines that stop


class Killed(BaseException):
    """The process ends here."""


class Machine(Disk):
    """A disk whose call number `stop` fails with `failure`; `calls` counts them.

    After `Killed` nothing reaches the disk any more. `lose_power` takes back all that was not synced: bytes of files,
    and names in folders. To sync is to remember, so that nothing waits for a medium.
    """

    def __init__(self, stop: int = -1, failure: BaseException | None = None) -> None:
        self.calls = 0
        self.stop, self.failure = stop, failure or Killed()
        self.dead = False
        self._paths: dict[int, Path] = {}
        self._stable: dict[Path, bytes] = {}
        self._names: list[tuple[Path, bytes | None]] = []

    def _call(self, at_last: Callable[[], object] = lambda: None) -> None:
        if self.dead:
            raise OSError(errno.EIO, "the machine is off")
        self.calls += 1
        if self.calls - 1 == self.stop:
            at_last()
            self.dead = isinstance(self.failure, Killed)
            raise self.failure

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        self._call()
        if not path.exists() and flags & os.O_CREAT:
            self._names.append((path, None))
        descriptor = super().open(path, flags, mode)
        self._paths[descriptor] = path
        if flags & (os.O_RDWR | os.O_WRONLY):
            self._stable.setdefault(path, path.read_bytes())
        return descriptor

    def write(self, descriptor: int, data: memoryview) -> int:
        self._call(lambda: os.write(descriptor, data[: len(data) // 2]))
        return super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self._call()
        self._stable[self._paths[descriptor]] = self._paths[descriptor].read_bytes()

    def sync_data(self, descriptor: int) -> None:
        self._call()
        self._stable[self._paths[descriptor]] = self._paths[descriptor].read_bytes()

    def sync_folder(self, folder: Path) -> None:
        self._call()
        self._names = [(path, old) for path, old in self._names if path.parent != folder]

    def chmod(self, descriptor: int, mode: int) -> None:
        self._call()
        super().chmod(descriptor, mode)

    def rename(self, source: Path, target: Path) -> None:
        self._call()
        self._names.append((target, target.read_bytes() if target.exists() else None))
        super().rename(source, target)
        self._stable[target] = self._stable.pop(source)
        self._paths = {d: target if path == source else path for d, path in self._paths.items()}

    def truncate(self, descriptor: int, size: int) -> None:
        self._call()
        super().truncate(descriptor, size)

    def unlink(self, path: Path) -> None:
        self._call()
        super().unlink(path)

    def lose_power(self) -> None:
        for path, content in self._stable.items():
            if path.exists():
                path.write_bytes(content)
        for path, old in reversed(self._names):
            if old is not None:
                path.write_bytes(old)
            elif path.exists():
                path.unlink()


BATCHES = ((A1, A2), (B1,), (A3,))


def small_run(folder: Path, disk: Disk) -> Iterator[Checkpoint]:
    """Yield each checkpoint that is acknowledged while a new board is filled, reopened and filled further."""
    with new_board(folder, disk) as log:
        for batch in BATCHES[:2]:
            yield log.append(batch)
    with old_board(folder, disk) as log:
        yield log.append(BATCHES[2])


def calls_of_a_whole_run(folder: Path) -> int:
    machine = Machine()
    (folder / "whole").mkdir()
    assert list(small_run(folder / "whole", machine))[-1] == checkpoint_of(*ALL)
    return machine.calls


def check_nothing_is_lost(folder: Path, acknowledged: list[Checkpoint]) -> None:
    """Check that the board opens with all that was acknowledged, and can be filled up."""
    if not acknowledged and not (board_of(folder).exists() and (folder / "keep/mark").exists()):
        return  # it never came to be
    try:
        with old_board(folder) as log:
            for checkpoint in acknowledged:
                assert log.size >= checkpoint.size
                assert checkpoint == checkpoint_of(*entries_of(folder)[: checkpoint.size])
                assert (checkpoint.size, checkpoint.root) in roots_of(folder)
            assert log.append(ALL) == checkpoint_of(*ALL)
    except DataError:
        assert not acknowledged  # killed while the file's first bytes were written
        return
    assert entries_of(folder) == list(ALL)
    assert roots_of(folder)[-1] == (4, checkpoint_of(*ALL).root)


def test_checkpoint_stands_on_the_medium_when_it_is_acknowledged(tmp_path: Path) -> None:
    machine = Machine()
    with new_board(tmp_path, machine) as log:
        for count in range(1, len(ALL) + 1):
            checkpoint = log.append(ALL[:count])
            machine.lose_power()
            assert roots_of(tmp_path)[-1] == (checkpoint.size, checkpoint.root) == (count, checkpoint.root)
            assert read_mark(tmp_path / "keep/mark") == Mark(count, checkpoint.root)


@pytest.mark.parametrize("power", [False, True], ids=["process", "power"])
def test_nothing_acknowledged_is_lost_wherever_the_machine_stops(tmp_path: Path, power: bool) -> None:
    stops = range(calls_of_a_whole_run(tmp_path))
    for stop in stops:
        folder, machine, acknowledged = tmp_path / f"stop {stop}", Machine(stop), list[Checkpoint]()
        folder.mkdir()
        try:
            for checkpoint in small_run(folder, machine):
                acknowledged.append(checkpoint)
        except (Killed, StorageError):
            assert machine.dead
        if power:
            machine.lose_power()
        check_nothing_is_lost(folder, acknowledged)
    assert len(stops) > 40


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_disk_error_is_never_acknowledged_and_nothing_before_it_is_lost(tmp_path: Path, number: int) -> None:
    harmless = 0
    for stop in range(calls_of_a_whole_run(tmp_path)):
        folder, acknowledged = tmp_path / f"stop {stop}", list[Checkpoint]()
        folder.mkdir()
        try:
            for checkpoint in small_run(folder, Machine(stop, OSError(number, os.strerror(number)))):
                acknowledged.append(checkpoint)
        except StorageError:
            assert len(acknowledged) < len(BATCHES)
        else:
            harmless += 1
            assert len(acknowledged) == len(BATCHES)
        check_nothing_is_lost(folder, acknowledged)
    assert harmless <= 6, "the names of temporary files are all that may fail to go"


def test_log_that_failed_takes_nothing_until_it_is_opened_again(tmp_path: Path) -> None:
    calls = Machine()
    with new_board(tmp_path, calls) as log:
        log.append([A1])
        before = calls.calls
        log.append([A2])
        per_append = calls.calls - before
    refused = 0
    for stop in range(per_append):
        folder = tmp_path / str(stop)
        folder.mkdir()
        machine = Machine(-1, OSError(errno.EIO, "input/output error"))
        with new_board(folder, machine) as log:
            log.append([A1])
            machine.stop = machine.calls + stop
            try:
                log.append([A2])
            except StorageError:
                refused += 1
                assert log.checkpoint() == checkpoint_of(A1)
                for batch in ([A2], [A1], [B1]):
                    with pytest.raises(StorageError, match="an earlier write failed"):
                        log.append(batch)
        check_nothing_is_lost(folder, [checkpoint_of(A1)])
    assert refused >= per_append - 1


def test_folders_that_are_not_there_are_storage_errors(tmp_path: Path) -> None:
    (tmp_path / "keep").mkdir()
    with pytest.raises(StorageError, match="No such file"):
        BoardLog.create(tmp_path / "none" / "x.board", tmp_path / "keep", ORIGIN, LOG_KEY, ELECTION)
    with pytest.raises(StorageError, match="No such file"):
        BoardLog(tmp_path / "x.board", tmp_path / "none", ORIGIN, LOG_KEY).__enter__()
