"""A damaged board is repaired from a mirror with the same root, and from nothing else."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from e2ev.board.files import find_files
from e2ev.board.growing import COMMIT_ROOM
from e2ev.board.log import BoardLog
from e2ev.board.note import NoteKey
from e2ev.board.reader import Logged, scan
from e2ev.board.repair import repair
from e2ev.demo.toy import TOY
from e2ev.errors import ConflictError, DataError, E2evError, RejectedError, StorageError
from e2ev.record.entry import Entry
from e2ev.record.kinds import Kind
from e2ev.roles.intake import keep_of
from e2ev.storage.disk import REAL, Disk
from tests.commands import Shell
from tests.elections import finished
from tests.records import ELECTION, LOG_KEY, ORIGIN, Writer, old_board

KEY = NoteKey(ORIGIN, LOG_KEY.verify_key)
LIMIT = COMMIT_ROOM + 2000


def entries(count: int) -> list[Entry]:
    writer = Writer(1)
    return [writer.write(Kind.CORRECTION, bytes([i]) * 300) for i in range(count)]


POSTED = entries(14)


def board(folder: Path, count: int = 12, limit: int = 0) -> Path:
    (folder / "keep").mkdir(parents=True)
    path = folder / "test.board"
    with BoardLog.create(path, folder / "keep", ORIGIN, LOG_KEY, ELECTION, segment_size=limit, reserve=0) as log:
        for entry in POSTED[:count]:
            log.append([entry])
    return path


def flip(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:800] + bytes([data[800] ^ 1]) + data[801:])


def cut(path: Path) -> None:
    os.truncate(path, 900)


def overwrite(path: Path) -> None:
    path.write_bytes(b"what is this")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "a flipped bit": flip,
    "cut short": cut,
    "emptied": lambda path: os.truncate(path, 0),
    "missing": Path.unlink,
    "another file": overwrite,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("limits", [(0, 0), (LIMIT, LIMIT), (LIMIT, 0), (0, LIMIT)], ids=str)
def test_damaged_board_has_what_was_signed_again(
    tmp_path: Path, damage: Callable[[Path], None], limits: tuple[int, int]
) -> None:
    path, mirror = board(tmp_path / "a", limit=limits[0]), board(tmp_path / "b", limit=limits[1])
    before = sorted((file.name, file.read_bytes()) for file in (tmp_path / "b").iterdir() if file.is_file())
    damage(path)
    aside = repair(path, tmp_path / "a/keep", KEY, mirror)
    assert aside == tmp_path / "a/keep/damaged-1"
    with old_board(tmp_path / "a") as log:
        assert (log.size, log.torn) == (12, None)
        log.append(POSTED)
    assert [event.entry for event in scan(path) if isinstance(event, Logged)] == POSTED
    assert sorted((f.name, f.read_bytes()) for f in (tmp_path / "b").iterdir() if f.is_file()) == before
    assert list((tmp_path / "a").glob(".repair*")) == []


def test_damaged_files_are_put_aside_whole(tmp_path: Path) -> None:
    path, mirror = board(tmp_path / "a", limit=LIMIT), board(tmp_path / "b")
    flip(path)
    before = {segment.path.name: segment.path.read_bytes() for segment in find_files(path).segments}
    aside = repair(path, tmp_path / "a/keep", KEY, mirror)
    assert aside is not None
    assert {file.name: file.read_bytes() for file in aside.iterdir()} == before


def test_whole_board_is_left_alone(tmp_path: Path) -> None:
    path, mirror = board(tmp_path / "a"), board(tmp_path / "b")
    path.write_bytes(path.read_bytes() + b"torn")
    assert repair(path, tmp_path / "a/keep", KEY, mirror) is None
    assert path.read_bytes().endswith(b"torn")


def another(folder: Path) -> Path:
    (folder / "keep").mkdir(parents=True)
    writer = Writer(2)
    with BoardLog.create(folder / "test.board", folder / "keep", ORIGIN, LOG_KEY, ELECTION, reserve=0) as log:
        for _ in range(12):
            log.append([writer.write()])
    return folder / "test.board"


def damaged_mirror(folder: Path) -> Path:
    flip(path := board(folder))
    return path


MIRRORS: dict[str, tuple[Callable[[Path], Path], type[E2evError], str]] = {
    "shorter": (lambda folder: board(folder, 11), ConflictError, "has 11 entries, and 12"),
    "signed beyond": (lambda folder: board(folder, 13), ConflictError, "signed beyond its mark"),
    "another": (another, ConflictError, "another root"),
    "damaged": (damaged_mirror, RejectedError, "damaged at entry"),
    "missing": (lambda folder: folder / "test.board", DataError, "cannot be opened"),
}


@pytest.mark.parametrize(("make", "error", "words"), MIRRORS.values(), ids=MIRRORS)
def test_mirror_with_another_root_repairs_nothing(
    tmp_path: Path, make: Callable[[Path], Path], error: type[E2evError], words: str
) -> None:
    flip(path := board(tmp_path / "a"))
    before = path.read_bytes()
    with pytest.raises(error, match=f"the mirror does not do: .*{words}"):
        repair(path, tmp_path / "a/keep", KEY, make(tmp_path / "b"))
    assert path.read_bytes() == before
    assert not list((tmp_path / "a/keep").glob("damaged*"))


def test_board_that_was_signed_beyond_its_mark_is_never_taken_back(tmp_path: Path) -> None:
    path, mirror = board(tmp_path / "a"), board(tmp_path / "b", 11)
    shutil.copy(tmp_path / "b/keep/mark", tmp_path / "a/keep/mark")
    flip(path)
    with pytest.raises(ConflictError, match="signed beyond its mark"):
        repair(path, tmp_path / "a/keep", KEY, mirror)


class Stopping(Disk):
    """Refuses call number `stop` that changes a name."""

    def __init__(self, stop: int) -> None:
        self.stop, self.calls = stop, 0

    def _count(self) -> None:
        self.calls += 1
        if self.calls - 1 == self.stop:
            raise OSError(errno.EIO, "input/output error")

    def rename(self, source: Path, target: Path) -> None:
        self._count()
        super().rename(source, target)

    def sync_folder(self, folder: Path) -> None:
        self._count()
        super().sync_folder(folder)


def test_repair_that_was_interrupted_is_finished_by_the_same_command(tmp_path: Path) -> None:
    mirror = board(tmp_path / "mirror", limit=LIMIT)
    stop, stopped = 0, True
    while stopped:
        folder = tmp_path / str(stop)
        flip(path := board(folder, limit=LIMIT))
        try:
            repair(path, folder / "keep", KEY, mirror, disk=Stopping(stop))
            stopped = False
        except StorageError:
            if not path.exists():
                with pytest.raises(DataError):
                    old_board(folder).__enter__()
        repair(path, folder / "keep", KEY, mirror, disk=REAL)
        with old_board(folder) as log:
            assert log.size == 12
        stop += 1
    assert stop > 10


# The command


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return the board of a finished election, of which `mirror.board` is a copy."""
    source = finished(TOY).board
    shutil.copytree(keep_of(source), tmp_path / "x.board.keep")
    shutil.copy(source, tmp_path / "mirror.board")
    return Path(shutil.copy(source, tmp_path / "x.board"))


def test_recover_says_that_nothing_had_to_be_done(kept: Path) -> None:
    before, info = kept.read_bytes(), Shell()("board", "info", kept, "--json").json
    ran = Shell()("board", "recover", kept)
    assert "nothing had to be repaired" in ran.err
    assert info["root"] in ran.out
    assert kept.read_bytes() == before


def test_recover_sets_a_torn_tail_aside(kept: Path) -> None:
    before = kept.read_bytes()
    kept.write_bytes(before + b"torn")
    done = Shell()("board", "recover", kept, "--json").json
    assert Path(done["torn"]).read_bytes() == b"torn"
    assert kept.read_bytes() == before


def test_recover_names_the_damaged_entry_and_repairs_it_from_a_mirror(kept: Path) -> None:
    before = kept.read_bytes()
    kept.write_bytes(before[:5000] + b"????" + before[5004:])
    index = [event.index for event in scan(kept) if isinstance(event, Logged)][-1] + 1
    refused = Shell()("board", "recover", kept, code=1)
    assert f"damaged at entry {index}" in refused.err
    assert "mirror" in refused.err
    ran = Shell()("board", "recover", kept, "--from", kept.with_name("mirror.board"))
    assert "repaired from" in ran.err
    assert kept.read_bytes() == before
    kept.unlink()
    Shell()("board", "recover", kept, code=3)
    Shell()("board", "recover", kept, "--from", kept.with_name("mirror.board"))
    assert kept.read_bytes() == before


def test_recover_needs_the_keys_that_are_kept_beside_the_board(kept: Path) -> None:
    assert "a copy of the board" in Shell()("board", "recover", kept.with_name("mirror.board"), code=3).err
