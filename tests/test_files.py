"""Boards in several files, the state that shortens opening, and the reserve for a full disk."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest

from e2ev.board import log as board_log
from e2ev.board.files import HEAD_BYTES, BoardHead, board_bytes, find_files, open_board, read_head, segment_path
from e2ev.board.growing import COMMIT_ROOM
from e2ev.board.log import BoardLog
from e2ev.board.reader import Committed, Damaged, Logged, scan
from e2ev.board.summary import summarize
from e2ev.demo.toy import TOY
from e2ev.errors import ConflictError, DataError, RejectedError, StorageError
from e2ev.record.entry import Entry
from e2ev.record.kinds import Kind
from e2ev.storage.disk import Disk
from e2ev.storage.reserve import Reserve
from e2ev.verify.check import Verdict
from e2ev.verify.run import verify
from tests.commands import Shell
from tests.elections import finished
from tests.records import ELECTION, LOG_KEY, ORIGIN, Writer, new_board, old_board

LIMIT = COMMIT_ROOM + 2000


def entries(count: int, size: int = 200) -> list[Entry]:
    writer = Writer(1)
    return [writer.write(Kind.CORRECTION, bytes([i % 256]) * size) for i in range(count)]


def segmented(folder: Path, posted: list[Entry], limit: int = LIMIT) -> Path:
    """Return a board in files of a few entries each, every entry with its checkpoint."""
    (folder / "keep").mkdir(exist_ok=True)
    path = folder / "test.board"
    with BoardLog.create(path, folder / "keep", ORIGIN, LOG_KEY, ELECTION, segment_size=limit, reserve=0) as log:
        for entry in posted:
            log.append([entry])
    return path


def files_of(path: Path) -> list[Path]:
    return [segment.path for segment in find_files(path).segments]


def logged(path: Path) -> list[Entry]:
    return [event.entry for event in scan(path) if isinstance(event, Logged)]


# Segments


def test_board_in_segments_is_the_same_board_as_in_one_file(tmp_path: Path) -> None:
    posted = entries(12)
    (tmp_path / "one").mkdir()
    with new_board(tmp_path / "one") as log:
        for entry in posted:
            log.append([entry])
    one, many = tmp_path / "one/test.board", segmented(tmp_path, posted)
    assert len(files_of(many)) > 2
    assert all(path.stat().st_size <= LIMIT for path in files_of(many))
    assert list(scan(many)) == list(scan(one))
    assert summarize(many) == summarize(one)
    assert board_bytes(many) == one.stat().st_size
    with open_board(many) as stream:
        assert stream.read() == one.read_bytes()


def test_every_segment_says_which_it_is_and_ends_behind_a_checkpoint(tmp_path: Path) -> None:
    path = segmented(tmp_path, entries(12))
    ends = {event.end for event in scan(path) if isinstance(event, Committed)}
    for number, segment in enumerate(find_files(path).segments, 1):
        head = BoardHead(number, segment.first_index, ELECTION).to_bytes()
        assert segment.path.read_bytes()[:HEAD_BYTES] == head
        assert segment.end in ends
    assert [path.name for path in files_of(path)][:2] == ["test.board", "test.0002.board"]


@pytest.mark.parametrize("offset", [0, 1, 100])
def test_board_in_segments_can_be_read_at_any_place(tmp_path: Path, offset: int) -> None:
    path = segmented(tmp_path, entries(12))
    with open_board(path) as stream:
        whole = stream.read()
        for start in range(offset, len(whole), 997):
            stream.seek(start)
            assert stream.tell() == start
            assert stream.read(700) == whole[start : start + 700]


def test_board_in_segments_goes_on_after_it_is_opened_again(tmp_path: Path) -> None:
    posted = entries(20)
    path = segmented(tmp_path, posted[:7])
    with old_board(tmp_path) as log:
        assert log.torn is None
        log.append(posted[7:])
    assert logged(path) == posted
    with old_board(tmp_path) as log:
        assert (log.size, log.torn) == (20, None)


def test_commit_that_is_larger_than_a_segment_is_cut_into_several(tmp_path: Path) -> None:
    posted = entries(60, 200)
    path = segmented(tmp_path, posted[:1])
    with old_board(tmp_path) as log:
        checkpoint = log.append(posted[1:])
        assert (checkpoint.size, log.head(posted[0].header.author).counter) == (60, 60)
    assert logged(path) == posted
    assert len(files_of(path)) > 5
    assert max(file.stat().st_size for file in files_of(path)) <= LIMIT
    assert [event.size for event in scan(path) if isinstance(event, Committed)][-1] == 60


def test_entry_that_is_larger_than_a_segment_has_one_of_its_own(tmp_path: Path) -> None:
    posted = entries(30, 2000)
    path = segmented(tmp_path, posted[:1])
    with old_board(tmp_path) as log:
        log.append(posted[1:])
    assert [segment.first_index for segment in find_files(path).segments] == list(range(30))
    assert logged(path) == posted


def test_large_commit_that_was_cut_off_is_posted_again_as_a_whole(tmp_path: Path) -> None:
    posted = entries(60, 200)
    path, disk = segmented(tmp_path, posted[:1]), FailingLater(12)
    with pytest.raises(StorageError), old_board(tmp_path, disk=disk) as log:
        log.append(posted[1:])
    with old_board(tmp_path) as log:
        assert 1 < log.size < 60
        assert logged(path)[: log.size] == posted[: log.size]
        log.append(posted[1:])
    assert logged(path) == posted


class FailingLater(Disk):
    """A disk that syncs so many times, and then not any more."""

    def __init__(self, syncs: int) -> None:
        self.left = syncs

    def sync_data(self, descriptor: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync_data(descriptor)


def change(path: Path, number: int, edit: Callable[[bytes], bytes | None]) -> None:
    file = segment_path(path, number)
    changed = edit(file.read_bytes())
    if changed is None:
        file.unlink()
    else:
        file.write_bytes(changed)


WRONG: dict[str, tuple[Callable[[bytes], bytes | None], str]] = {
    "missing": (lambda _: None, "missing"),
    "empty": (lambda _: b"", "no board file"),
    "damaged head": (lambda data: data[:20] + b"\xff" + data[21:], "first bytes are damaged"),
    "another segment's": (lambda data: BoardHead(3, 4, ELECTION).to_bytes() + data[HEAD_BYTES:], "not segment 2"),
    "another election's": (lambda data: BoardHead(2, 4, bytes(32)).to_bytes() + data[HEAD_BYTES:], "not segment 2"),
    "another first entry": (lambda data: BoardHead(2, 5, ELECTION).to_bytes() + data[HEAD_BYTES:], "claims to start"),
}


@pytest.mark.parametrize(("edit", "words"), WRONG.values(), ids=WRONG)
def test_wrong_segment_in_the_middle_is_damage_at_its_first_entry(
    tmp_path: Path, edit: Callable[[bytes], bytes | None], words: str
) -> None:
    path = segmented(tmp_path, entries(12))
    second = find_files(path).segments[1]
    change(path, 2, edit)
    *_, damage = scan(path)
    assert isinstance(damage, Damaged)
    assert words in damage.error.found
    assert (damage.index, damage.offset, damage.before_commit) == (second.first_index, second.start, True)
    with pytest.raises(RejectedError, match=f"damaged at entry {second.first_index}"):
        old_board(tmp_path).__enter__()
    assert list((tmp_path / "keep").glob("torn-*")) == []


def test_entry_that_runs_over_the_end_of_its_file_is_damage(tmp_path: Path) -> None:
    path = segmented(tmp_path, entries(12))
    first, second = (file.read_bytes() for file in files_of(path)[:2])
    path.write_bytes(first + second[HEAD_BYTES : HEAD_BYTES + 50])
    segment_path(path, 2).write_bytes(second[:HEAD_BYTES] + second[HEAD_BYTES + 50 :])
    *_, damage = scan(path)
    assert isinstance(damage, Damaged)
    assert "runs over" in damage.error.found


def test_last_segment_that_is_lost_is_an_older_copy(tmp_path: Path) -> None:
    path = segmented(tmp_path, entries(12))
    files_of(path)[-1].unlink()
    with pytest.raises(ConflictError, match="were signed"):
        old_board(tmp_path).__enter__()


@pytest.mark.parametrize("data", [b"", b"E2EVBRD1", bytes(HEAD_BYTES), BoardHead(9, 0, ELECTION).to_bytes()])
def test_segment_that_was_never_finished_is_set_aside(tmp_path: Path, data: bytes) -> None:
    posted = entries(20)
    path = segmented(tmp_path, posted[:12])
    torn = segment_path(path, len(files_of(path)) + 1)
    torn.write_bytes(data)
    with old_board(tmp_path) as log:
        assert (log.torn.read_bytes() if log.torn else b"") == data
        assert not torn.exists()
        log.append(posted[12:])
    assert logged(path) == posted


def test_segment_with_nothing_but_torn_entries_is_set_aside(tmp_path: Path) -> None:
    posted = entries(20)
    path = segmented(tmp_path, posted[:12])
    torn = segment_path(path, number := len(files_of(path)) + 1)
    torn.write_bytes(BoardHead(number, 12, ELECTION).to_bytes() + posted[12].frames()[:-5])
    with old_board(tmp_path) as log:
        assert log.torn is not None
        assert log.torn.read_bytes() == posted[12].frames()[:-5]
        assert not torn.exists()
        log.append(posted[12:])
    assert logged(path) == posted


def test_later_segment_is_no_board_by_itself(tmp_path: Path) -> None:
    path = segmented(tmp_path, entries(12))
    with pytest.raises(DataError, match="segment 2"):
        list(scan(segment_path(path, 2)))


def test_board_is_not_made_where_a_second_segment_stands(tmp_path: Path) -> None:
    path = segmented(tmp_path, entries(12))
    path.unlink()
    (tmp_path / "keep/mark").unlink()
    with pytest.raises(ConflictError, match="exists already"):
        new_board(tmp_path)


def test_election_whose_board_is_cut_into_segments_is_verified_as_before(tmp_path: Path) -> None:
    election = finished(TOY)
    whole, path = election.board.read_bytes(), tmp_path / "cut.board"
    events = list(scan(election.board))
    ends = [(event.end, event.size) for event in events if isinstance(event, Committed)]
    cuts = [(HEAD_BYTES, 0), *ends[len(ends) // 4 : -1 : len(ends) // 4], ends[-1]]
    for number, ((start, first), (end, _)) in enumerate(pairwise(cuts), 1):
        head = BoardHead(number, first, read_head(BytesIO(whole), "").election).to_bytes()
        segment_path(path, number).write_bytes(head + whole[start:end])
    assert len(files_of(path)) > 3
    report = verify(path, replace(election.options, jobs=2, need_anchors=False))
    assert report.verdict is Verdict.ACCEPTED
    assert (report.root, report.ballots) == ((before := verify(election.board, election.options)).root, before.ballots)
    shown = Shell()("board", "info", path, "--json").json
    assert shown == Shell()("board", "info", election.board, "--json").json


# The state


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_log, "STATE_EVERY", 5)


def reads_from_the_beginning(folder: Path) -> bool:
    """Return whether opening the board notices damage in its first entry, which is undone."""
    path = folder / "test.board"
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    try:
        with old_board(folder) as log:
            assert log.size
    except RejectedError as error:
        return "damaged at entry 0" in error.found
    finally:
        path.write_bytes(whole)
    return False


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("limit", [0, LIMIT], ids=["one file", "segments"])
def test_opening_reads_what_came_after_the_state_alone(tmp_path: Path, limit: int) -> None:
    posted = entries(18)
    segmented(tmp_path, posted[:13], limit=limit)
    assert not reads_from_the_beginning(tmp_path)
    with old_board(tmp_path) as log:
        found = (log.checkpoint(), log.tree, log.head(Writer(1).author))
    (tmp_path / "keep/state").unlink()
    assert reads_from_the_beginning(tmp_path)
    with old_board(tmp_path) as log:
        assert (log.checkpoint(), log.tree, log.head(Writer(1).author)) == found
        log.append(posted)
    assert logged(tmp_path / "test.board") == posted


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("spoil", ["flip", "cut", "empty", "older", "other board's"])
def test_state_that_does_not_fit_is_not_believed(tmp_path: Path, spoil: str) -> None:
    posted = entries(18)
    with new_board(tmp_path) as log:
        log.append(posted[:6])
        older = (tmp_path / "keep/state").read_bytes()
        log.append(posted[6:12])
    (tmp_path / "other").mkdir()
    with new_board(tmp_path / "other") as log:
        log.append(entries(7, 100))
    data, other = ((folder / "keep/state").read_bytes() for folder in (tmp_path, tmp_path / "other"))
    flipped = data[:30] + bytes([data[30] ^ 1]) + data[31:]
    changed = {"flip": flipped, "cut": data[:-1], "empty": b"", "older": older, "other board's": other}
    (tmp_path / "keep/state").write_bytes(changed[spoil])
    assert reads_from_the_beginning(tmp_path) is (spoil != "older")
    with old_board(tmp_path) as log:
        assert log.size == 12
        log.append(posted)
    assert logged(tmp_path / "test.board") == posted


@pytest.mark.usefixtures("often")
def test_state_beyond_the_mark_is_not_believed(tmp_path: Path) -> None:
    posted = entries(12)
    with new_board(tmp_path) as log:
        log.append(posted[:3])
        older = (tmp_path / "keep/mark").read_bytes()
        log.append(posted[3:])
    (tmp_path / "keep/mark").write_bytes(older)
    with pytest.raises(ConflictError, match="signed beyond its mark"):
        old_board(tmp_path).__enter__()


@pytest.mark.usefixtures("often")
def test_older_copy_of_the_board_is_refused_whatever_the_state_says(tmp_path: Path) -> None:
    posted = entries(12)
    with new_board(tmp_path) as log:
        copies = []
        for entry in posted:
            copies.append((tmp_path / "test.board").read_bytes())
            log.append([entry])
    for copy in copies:
        (tmp_path / "test.board").write_bytes(copy)
        with pytest.raises(ConflictError, match="were signed"):
            old_board(tmp_path).__enter__()


# A full disk


class SmallDisk(Disk):
    """A disk of so many bytes, of which the reserve takes its part; writes beyond fail, some bytes of them done."""

    def __init__(self, room: int, number: int = errno.ENOSPC) -> None:
        self.room, self.number = room, number

    def _take(self, size: int) -> int:
        if self.room <= 0:
            raise OSError(self.number, os.strerror(self.number))
        taken = min(size, self.room)
        self.room -= taken
        return taken

    def write(self, descriptor: int, data: memoryview) -> int:
        return super().write(descriptor, data[: self._take(len(data))])

    def allocate(self, descriptor: int, size: int) -> None:
        if self.room < size:
            raise OSError(self.number, os.strerror(self.number))
        self.room -= size
        super().allocate(descriptor, size)

    def unlink(self, path: Path) -> None:
        size = path.stat().st_size
        super().unlink(path)
        self.room += size

    def truncate(self, descriptor: int, size: int) -> None:
        self.room += os.fstat(descriptor).st_size - size
        super().truncate(descriptor, size)

    def rename(self, source: Path, target: Path) -> None:
        self.room += target.stat().st_size if target.exists() else 0
        super().rename(source, target)


RESERVED = 8192


def on(folder: Path, disk: Disk) -> BoardLog:
    return BoardLog(folder / "test.board", folder / "keep", ORIGIN, LOG_KEY, disk=disk, reserve=RESERVED)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_still_takes_the_closing_entries(tmp_path: Path, number: int) -> None:
    with new_board(tmp_path):
        pass
    writer, disk = Writer(1), SmallDisk(RESERVED + 4000, number)
    posted, entry = list[Entry](), writer.write(Kind.CORRECTION, bytes(300))
    with on(tmp_path, disk) as log:
        assert not log.full
        while disk.room > 1500:
            log.append([entry])
            posted.append(entry)
            entry = writer.write(Kind.CORRECTION, bytes(300))
        disk.room = 300
        with pytest.raises(StorageError, match="cannot append") as caught:
            log.append([entry])
    assert "free some space" in caught.value.remedy
    assert len(posted) > 2
    writer = Writer(1)
    for _ in posted:
        writer.write(Kind.CORRECTION, bytes(300))
    with on(tmp_path, disk) as log:
        assert log.full
        assert log.size == len(posted)
        with pytest.raises(StorageError, match="the disk is full"):
            log.append([entry])
        for kind in (Kind.DECISION, Kind.DEVICE_CLOSED, Kind.CLOSE):
            posted.append(writer.write(kind, b"closing"))
            log.append(posted[-1:])
    assert logged(tmp_path / "test.board") == posted
    disk.room += 4 * RESERVED
    with on(tmp_path, disk) as log:
        assert not log.full
        log.append([writer.write()])


def test_closing_entries_use_the_reserve_in_a_log_that_is_open(tmp_path: Path) -> None:
    with new_board(tmp_path):
        pass
    disk = SmallDisk(RESERVED + 10_000)
    writer = Writer(1)
    with on(tmp_path, disk) as log:
        log.append([first := writer.write()])
        disk.room = 100
        log.append([last := writer.write(Kind.CLOSE, b"closing")])
        assert log.full
        assert log.size == 2
        log.append([more := writer.write(Kind.DECISION, b"closing")])
    assert logged(tmp_path / "test.board") == [first, last, more]


def test_reserve_is_held_and_given_back(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", 100_000)
    assert reserve.fill()
    assert reserve.fill()
    assert (tmp_path / "reserve").stat().st_size == 100_000
    assert reserve.release()
    assert not reserve.release()
    assert list(tmp_path.iterdir()) == []


def test_reserve_that_does_not_fit_is_not_there(tmp_path: Path) -> None:
    assert not Reserve(tmp_path / "reserve", 100_000, disk=SmallDisk(99_999)).fill()
    assert list(tmp_path.iterdir()) == []


def test_reserve_reports_other_errors(tmp_path: Path) -> None:
    class Broken(Disk):
        def allocate(self, descriptor: int, size: int) -> None:
            raise OSError(errno.EIO, "input/output error")

    with pytest.raises(StorageError, match="reserve space"):
        Reserve(tmp_path / "reserve", 100, disk=Broken()).fill()
