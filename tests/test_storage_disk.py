import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import e2ev
from e2ev.errors import ConflictError, DataError, E2evError, StorageError
from e2ev.storage.disk import AppendFile, Disk, read_bounded, write_atomically, write_once
from e2ev.storage.lock import FolderLock

HOLDER = """
import sys, time
from pathlib import Path
from e2ev.storage.lock import FolderLock
with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def noting(call: str) -> Callable[..., Any]:
    def method(disk: "FaultyDisk", *arguments: object) -> object:
        disk.calls.append(call)
        if call in disk.refuse:
            raise disk.refuse[call]
        return getattr(Disk, call)(disk, *arguments)

    return method


class FaultyDisk(Disk):
    """Keeps a list of the calls, takes at most `slice_size` bytes at once, and refuses the calls named in `refuse`."""

    def __init__(self, refuse: dict[str, BaseException] | None = None, slice_size: int = 1 << 30) -> None:
        self.calls: list[str] = []
        self.refuse = refuse or {}
        self.slice_size = slice_size

    take = noting("write")
    sync = noting("sync")
    sync_data = noting("sync_data")
    sync_folder = noting("sync_folder")
    rename = noting("rename")
    link = noting("link")
    truncate = noting("truncate")

    def write(self, descriptor: int, data: memoryview) -> int:
        return int(self.take(descriptor, data[: self.slice_size]))


class FullDisk(FaultyDisk):
    """Has room for `room` more bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, descriptor: int, data: memoryview) -> int:
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = super().write(descriptor, data[: self.room])
        self.room -= written
        return written


def refused(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("data", [b"", b"new", bytes(3 << 20)], ids=["empty", "short", "long"])
def test_atomic_write_replaces_what_stood_there(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    write_atomically(path, data)
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666])
@pytest.mark.parametrize("write", [write_atomically, write_once])
def test_mode_is_as_asked_whatever_the_umask(tmp_path: Path, mode: int, write: Callable[..., None]) -> None:
    old = os.umask(0o077)
    try:
        write(tmp_path / "file", b"data", mode)
    finally:
        os.umask(old)
    assert mode_of(tmp_path / "file") == mode


def test_nobody_else_can_read_a_file_before_it_has_its_name(tmp_path: Path) -> None:
    modes: list[int] = []

    class Watching(Disk):
        def rename(self, source: Path, target: Path) -> None:
            modes.append(mode_of(source))
            super().rename(source, target)

    write_atomically(tmp_path / "file", b"data", 0o644, disk=Watching())
    assert modes == [0o600]


@pytest.mark.parametrize(
    ("step", "calls"),
    [
        (lambda path, disk: write_atomically(path, b"x", 0o600, disk=disk), ["write", "sync", "rename", "sync_folder"]),
        (
            lambda path, disk: write_once(path.with_name("b"), b"x", 0o600, disk=disk),
            ["write", "sync", "link", "sync_folder"],
        ),
        (lambda path, disk: write_once(path, b"there", disk=disk), ["sync", "sync_folder"]),
        (lambda path, disk: AppendFile.create(path.with_name("b"), b"x", disk=disk), ["write", "sync", "sync_folder"]),
        (lambda path, disk: AppendFile.open(path, disk=disk), ["sync"]),
    ],
    ids=["atomic", "once", "once again", "create", "open"],
)
def test_bytes_are_durable_before_their_name_and_the_name_before_return(
    tmp_path: Path, step: Callable[[Path, Disk], object], calls: list[str]
) -> None:
    (tmp_path / "file").write_bytes(b"there")
    disk = FaultyDisk()
    step(tmp_path / "file", disk)
    assert disk.calls == calls


@pytest.mark.parametrize("write", [write_atomically, write_once])
def test_short_writes_are_completed(tmp_path: Path, write: Callable[..., None]) -> None:
    write(tmp_path / "file", b"0123456789", disk=FaultyDisk(slice_size=3))
    assert (tmp_path / "file").read_bytes() == b"0123456789"


@pytest.mark.parametrize(
    "disk",
    [FaultyDisk({call: refused(errno.EIO)}) for call in ("write", "sync", "rename")]
    + [FaultyDisk(slice_size=0), FullDisk(4)],
    ids=["write", "sync", "rename", "no byte taken", "full on the way"],
)
def test_refused_atomic_write_leaves_the_old_file_alone(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(StorageError, match=r"cannot write it: .") as caught:
        write_atomically(path, b"0123456789", disk=disk)
    assert caught.value.where == str(path)
    assert ("free some space" if isinstance(disk, FullDisk) else "check the disk") in caught.value.remedy
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["sync", "sync_folder"])
def test_failed_sync_is_not_tried_again(tmp_path: Path, call: str) -> None:
    disk = FaultyDisk({call: refused(errno.EIO)})
    with pytest.raises(StorageError):
        write_atomically(tmp_path / "file", b"data", 0o600, disk=disk)
    assert disk.calls.count(call) == 1


def test_bytes_that_come_back_changed_are_refused(tmp_path: Path) -> None:
    class Forgetful(Disk):
        def rename(self, source: Path, target: Path) -> None:
            super().rename(source, target)
            target.write_bytes(b"dat4")

    with pytest.raises(StorageError, match="something else than was just written"):
        write_atomically(tmp_path / "file", b"data", disk=Forgetful())


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (lambda path: read_bounded(path, 5), DataError),
        (AppendFile.open, DataError),
        (lambda path: write_atomically(path / "file", b"x"), StorageError),
        (lambda path: AppendFile.create(path / "file", b"x"), StorageError),
        (lambda path: FolderLock(path / "file").__enter__(), StorageError),
    ],
    ids=["read", "open", "write", "create", "lock"],
)
def test_what_is_missing_is_named_with_what_to_do(
    tmp_path: Path, step: Callable[[Path], object], error: type[E2evError]
) -> None:
    with pytest.raises(error) as caught:
        step(tmp_path / "missing")
    assert caught.value.where.startswith(str(tmp_path / "missing"))
    assert caught.value.remedy in ("check the path", "create the folder first")


def test_write_once_accepts_the_same_bytes_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_once(path, b"data")
    before = path.stat().st_ino
    write_once(path, b"data")
    assert (path.read_bytes(), path.stat().st_ino) == (b"data", before)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("other", [b"", b"dat", b"data ", b"Data"])
def test_write_once_refuses_other_bytes(tmp_path: Path, other: bytes) -> None:
    path = tmp_path / "file"
    write_once(path, b"data")
    with pytest.raises(ConflictError) as caught:
        write_once(path, other)
    assert caught.value.where == str(path)
    assert path.read_bytes() == b"data"


@pytest.mark.parametrize("other", [b"data", b"other"])
def test_write_once_never_replaces_what_a_faster_writer_wrote(tmp_path: Path, other: bytes) -> None:
    class Race(Disk):
        def link(self, source: Path, target: Path) -> None:
            target.write_bytes(other)
            super().link(source, target)

    with nullcontext() if other == b"data" else pytest.raises(ConflictError):
        write_once(tmp_path / "file", b"data", disk=Race())
    assert (tmp_path / "file").read_bytes() == other
    assert os.listdir(tmp_path) == ["file"]


def test_write_once_without_hard_links_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        write_once(tmp_path / "file", b"data", disk=FaultyDisk({"link": refused(errno.EPERM)}))
    assert "hard links" in caught.value.remedy
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("size", [6, 1 << 40], ids=["by one", "by a terabyte"])
def test_bounded_read_refuses_a_larger_file_and_names_both_sizes(tmp_path: Path, size: int) -> None:
    (tmp_path / "file").touch()
    os.truncate(tmp_path / "file", size)
    with pytest.raises(DataError, match=f"has {size} bytes, expected at most 5"):
        read_bounded(tmp_path / "file", 5)
    assert size > 6 or read_bounded(tmp_path / "file", 6) == bytes(6)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_bounded_read_refuses_what_is_no_plain_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "thing")
    with pytest.raises(DataError, match="expected a file"):
        read_bounded(tmp_path / "thing", 5)


@settings(deadline=None)
@given(pieces=st.lists(st.binary(max_size=40), max_size=12), slice_size=st.integers(1, 7))
def test_append_file_holds_its_header_and_every_piece_in_order(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], slice_size: int
) -> None:
    path = tmp_path_factory.mktemp("append") / "file"
    with AppendFile.create(path, b"header", disk=FaultyDisk(slice_size=slice_size)) as file:
        offsets = [file.append(piece) for piece in pieces]
        file.sync()
        size = file.size
    content = path.read_bytes()
    assert content == b"header" + b"".join(pieces)
    assert size == len(content)
    assert all(content[start : start + len(piece)] == piece for start, piece in zip(offsets, pieces, strict=True))


def test_append_file_is_not_created_over_another_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"there")
    with pytest.raises(ConflictError):
        AppendFile.create(tmp_path / "file", b"header")
    assert (tmp_path / "file").read_bytes() == b"there"


@pytest.mark.parametrize("call", ["write", "sync", "sync_folder"])
def test_append_file_that_cannot_be_created_is_taken_away_again(tmp_path: Path, call: str) -> None:
    with pytest.raises(StorageError):
        AppendFile.create(tmp_path / "file", b"header", disk=FaultyDisk({call: refused(errno.EIO)}))
    assert os.listdir(tmp_path) == []


def test_truncate_gives_back_what_it_cuts_off(tmp_path: Path) -> None:
    disk = FaultyDisk()
    with AppendFile.create(tmp_path / "file", b"header", disk=disk) as file:
        file.append(b"torn")
        disk.calls.clear()
        assert file.truncate(6) == b"torn"
        assert disk.calls == ["truncate", "sync"]
        assert file.append(b"whole") == 6
    assert (tmp_path / "file").read_bytes() == b"headerwhole"


@pytest.mark.parametrize(
    ("call", "step"),
    [
        ("write", lambda file: file.append(b"data")),
        ("sync_data", lambda file: file.sync()),
        ("truncate", lambda file: file.truncate(0)),
        ("sync", lambda file: file.truncate(0)),
    ],
    ids=["append", "sync", "truncate", "sync of truncate"],
)
@pytest.mark.parametrize("failure", [refused(errno.EIO), refused(errno.ENOSPC), KeyboardInterrupt()], ids=repr)
def test_append_file_is_unusable_after_a_failure(
    tmp_path: Path, call: str, step: Callable[[AppendFile], object], failure: BaseException
) -> None:
    disk = FaultyDisk()
    with AppendFile.create(tmp_path / "file", b"header", disk=disk) as file:
        disk.refuse = {call: failure}
        with pytest.raises((StorageError, KeyboardInterrupt)):
            step(file)
        disk.refuse = {}
        disk.calls.clear()
        for later in (lambda: file.append(b"more"), file.sync, lambda: file.truncate(0), lambda: file.size):
            with pytest.raises(StorageError) as caught:
                later()
            assert "reopen" in caught.value.remedy
        assert disk.calls == []


def test_append_file_on_a_full_disk_is_mended_by_reopening_and_cutting(tmp_path: Path) -> None:
    with AppendFile.create(tmp_path / "file", b"header", disk=(disk := FullDisk(10))) as file:
        with pytest.raises(StorageError):
            file.append(b"0123456789")
        disk.room = 100
    with AppendFile.open(tmp_path / "file") as file:
        assert file.truncate(6) == b"0123"
        assert file.append(b"0123456789") == 6


def test_append_file_notices_a_second_writer(tmp_path: Path) -> None:
    with AppendFile.create(tmp_path / "file", b"header") as one, AppendFile.open(tmp_path / "file") as other:
        other.append(b"mine")
        with pytest.raises(StorageError, match="has 10 bytes, expected 6"):
            one.append(b"mine too")


def hold(path: Path) -> subprocess.Popen[str]:
    source = str(Path(e2ev.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_lock_held_by_another_process_is_refused_until_that_process_dies(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold(path) as holder:
        try:
            with pytest.raises(ConflictError, match="another process") as caught, FolderLock(path):
                pytest.fail("two processes hold the lock")
        finally:
            holder.send_signal(signal.SIGKILL)
    assert caught.value.where == str(path)
    assert "wait until" in caught.value.remedy
    with FolderLock(path):
        assert path.exists()


def test_lock_cannot_be_taken_twice_and_is_free_afterwards(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "lock")
    with lock:
        for second in (lock, FolderLock(tmp_path / "lock")):
            with pytest.raises(ConflictError), second:
                pytest.fail("the lock is held twice")
    with lock:
        pass
    assert (tmp_path / "lock").exists()


@pytest.mark.parametrize("again", [True, False], ids=["replaced", "deleted"])
def test_lock_on_a_file_that_lost_its_name_is_refused(tmp_path: Path, again: bool) -> None:
    class Replacing(Disk):
        def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
            descriptor = super().open(path, flags, mode)
            path.rename(path.with_name("old"))
            if again:
                path.touch()
            return descriptor

    with pytest.raises(ConflictError, match="replaced"), FolderLock(tmp_path / "lock", disk=Replacing()):
        pytest.fail("a lock that keeps nobody out")


def test_files_that_follow_each_other_have_different_identities(tmp_path: Path) -> None:
    identities = []
    for _ in range(20):
        descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT, 0o600)
        identities.append(Disk().identity(descriptor))
        os.close(descriptor)
        (tmp_path / "file").unlink()
    if not identities[0][1]:
        pytest.skip("this file system does not tell inode versions")
    assert len(set(identities)) == 20
