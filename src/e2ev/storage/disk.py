"""The only place that syncs: whole files, append-only files and locks, on POSIX.

What a function here has written stands on the disk when it returns; otherwise it raises. A failed fsync is never
retried: the kernel may have dropped the pages and call them clean (Rebello et al., USENIX ATC 2020).
"""

import errno
import fcntl
import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from e2ev.errors import ConflictError, DataError, StorageError

PRIVATE = 0o600
_FS_IOC_GETVERSION = 0x80087601  # linux/fs.h on 64-bit machines; the kernel fills four bytes
_REMEDIES = {
    errno.ENOSPC: "free some space on this disk, then run it again",
    errno.EDQUOT: "free some space, or have the quota raised, then run it again",
    errno.EACCES: "check who owns the folder and its permissions",
    errno.EPERM: "check who owns the folder, and that its file system has hard links (FAT has none)",
    errno.ENOENT: "create the folder first",
    errno.EISDIR: "choose another name: a folder stands there",
}
_REOPEN = "stop, reopen the file and read again what stands in it"


class Disk:
    """The system calls that change a disk, one method each, on real descriptors; a subclass can make them fail."""

    def open(self, path: Path, flags: int, mode: int = PRIVATE) -> int:
        """Return a descriptor of the file, created with `mode` where `flags` ask for it."""
        return os.open(path, flags, mode)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Return how many bytes were taken from the front of `data`, perhaps fewer than all."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Bring the file's bytes and all that is known about it to the medium."""
        _sync_fully(descriptor, os.fsync)

    def sync_data(self, descriptor: int) -> None:
        """Bring the file's bytes and its length to the medium."""
        _sync_fully(descriptor, getattr(os, "fdatasync", os.fsync))

    def sync_folder(self, folder: Path) -> None:
        """Bring the names in the folder to the medium."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _sync_fully(descriptor, os.fsync)
        finally:
            os.close(descriptor)

    def chmod(self, descriptor: int, mode: int) -> None:
        """Set the permissions, whatever the umask."""
        os.fchmod(descriptor, mode)

    def rename(self, source: Path, target: Path) -> None:
        """Give the file its new name, in place of what bore it."""
        os.rename(source, target)

    def link(self, source: Path, target: Path) -> None:
        """Give the file a second name; `FileExistsError` if something bears it."""
        os.link(source, target)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file to `size` bytes."""
        os.ftruncate(descriptor, size)

    def unlink(self, path: Path) -> None:
        """Take the name away."""
        os.unlink(path)

    def allocate(self, descriptor: int, size: int) -> None:
        """Give the file `size` bytes of the disk, whatever they hold."""
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
        else:
            os.write(descriptor, bytes(size))

    def identity(self, descriptor: int) -> tuple[int, int]:
        """Return the inode number and the inode's version (Linux) or time of birth (macOS), or 0 where none is told.

        The second tells apart files that had the same number one after the other, as happens on ext4.
        """
        status = os.fstat(descriptor)
        if (birth := getattr(status, "st_birthtime", None)) is not None:
            return status.st_ino, int(birth * 1e9)
        with suppress(OSError):
            version = fcntl.ioctl(descriptor, _FS_IOC_GETVERSION, bytes(8))
            return status.st_ino, int.from_bytes(version[:4], sys.byteorder)
        return status.st_ino, 0


REAL = Disk()


def is_full(error: StorageError) -> bool:
    """Return whether the disk refused because nothing fits on it any more."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in (errno.ENOSPC, errno.EDQUOT)


def write_atomically(path: Path, data: bytes, mode: int = 0o644, *, disk: Disk = REAL) -> None:
    """Make `path` hold exactly `data`, durably; after any failure it holds either that or what it held before.

    Args:
        path: The file; a symbolic link there is replaced, not followed.
        data: All its bytes.
        mode: Its permissions, whatever the umask. Until it has its name only its owner can read it.
        disk: The system calls, here and below.

    Raises:
        StorageError: The disk refused, or does not give back what was written.
    """
    write_atomically_knowing(path, lambda _: data, mode, disk=disk)


def write_atomically_knowing(
    path: Path, make: Callable[[tuple[int, int]], bytes], mode: int = 0o644, *, disk: Disk = REAL
) -> bytes:
    """Do as `write_atomically` with what `make` gives for the file's own identity (`Disk.identity`); return that."""
    with naming(path, "write"), _temporary(path.parent, make, disk) as (temporary, descriptor, data):
        disk.rename(temporary, path)
        _settle(path, descriptor, data, mode, disk)
    return data


def write_once(path: Path, data: bytes, mode: int = 0o644, *, disk: Disk = REAL) -> None:
    """Make `path` hold `data`, durably, now and ever: the same bytes again are fine, others are refused.

    Its file system must have hard links; of two that write at once the first one stands.

    Raises:
        ConflictError: `path` holds other bytes.
        DataError: `path` is a folder or a device.
        StorageError: The disk refused, or does not give back what was written.
    """
    with naming(path, "write"):
        if os.path.lexists(path):
            _confirm(path, data, disk)
            return
        with _temporary(path.parent, lambda _: data, disk) as (temporary, descriptor, _):
            try:
                disk.link(temporary, path)
            except FileExistsError:
                _confirm(path, data, disk)
            else:
                _settle(path, descriptor, data, mode, disk)


@contextmanager
def reading(path: Path, *, disk: Disk = REAL) -> Iterator[int]:
    """Give a descriptor of the plain file at `path`, closed afterwards.

    Raises:
        DataError: Nothing is there, or a folder, pipe or device.
        StorageError: The disk refused.
    """
    with naming(path, "open"):
        try:
            # without O_NONBLOCK a pipe left in a folder would hold us for ever
            descriptor = disk.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DataError("there is no such file", where=str(path), remedy="check the path") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DataError("is a folder or a device, expected a file", where=str(path), remedy="name a plain file")
        yield descriptor
    finally:
        os.close(descriptor)


def read_descriptor(descriptor: int, path: Path, limit: int) -> bytes:
    """Return all bytes from the descriptor's position on; `path` names it in errors.

    Raises:
        DataError: There are more than `limit` bytes; no more than one beyond is read.
        StorageError: The disk refused.
    """
    with naming(path, "read"):
        data = _read_up_to(descriptor, limit + 1)
        size = max(len(data), os.fstat(descriptor).st_size)
    if len(data) > limit:
        remedy = "check that this is the right file"
        raise DataError(f"has {size} bytes, expected at most {limit}", where=str(path), remedy=remedy)
    return data


def read_bounded(path: Path, limit: int, *, disk: Disk = REAL) -> bytes:
    """Return all bytes of a file of at most `limit` bytes; errors as of `reading` and `read_descriptor`."""
    with reading(path, disk=disk) as descriptor:
        return read_descriptor(descriptor, path, limit)


class AppendFile:
    """A file that grows at its end, by one writer (the caller's lock sees to that); durable after `sync`.

    A call raises `StorageError` if the disk refuses. After a failure or an interruption inside `append`, `sync` or
    `truncate` the end is unknown, and from then on every call raises it: open the file anew and read.
    """

    def __init__(self, path: Path, descriptor: int, disk: Disk) -> None:
        self._path = path
        self._descriptor = descriptor
        self._disk = disk
        self._size = os.fstat(descriptor).st_size
        self._doubtful = False

    @classmethod
    def create(cls, path: Path, header: bytes, mode: int = 0o644, *, disk: Disk = REAL) -> Self:
        """Return a new file that durably holds `header` (after a crash: a part of it); `ConflictError` if it exists."""
        with naming(path, "create"):
            try:
                descriptor = disk.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, PRIVATE)
            except FileExistsError as error:
                remedy = "open the existing file, or choose another name"
                raise ConflictError("exists already, expected a new file", where=str(path), remedy=remedy) from error
            try:
                _write_all(descriptor, header, disk)
                disk.chmod(descriptor, mode)
                disk.sync(descriptor)
                disk.sync_folder(path.parent)
            except BaseException:
                os.close(descriptor)
                with suppress(OSError):
                    disk.unlink(path)
                raise
        return cls(path, descriptor, disk)

    @classmethod
    def open(cls, path: Path, *, disk: Disk = REAL) -> Self:
        """Return the existing file, durable as it stands; `DataError` if no plain file is there."""
        with reading(path, disk=disk) as found, naming(path, "open"):
            disk.sync(found)
            descriptor = disk.open(path, os.O_RDWR | os.O_APPEND)
        return cls(path, descriptor, disk)

    @property
    def size(self) -> int:
        """The length in bytes, appended ones included."""
        self._check_certain()
        return self._size

    def append(self, data: bytes) -> int:
        """Write `data` at the end and return the offset at which it starts; durable only after `sync`."""
        with self._attempting("append to"):
            if (found := os.fstat(self._descriptor).st_size) != self._size:
                wrong = f"has {found} bytes, expected {self._size}: somebody else has written"
                raise StorageError(wrong, where=str(self._path), remedy=_REOPEN)
            _write_all(self._descriptor, data, self._disk)
            self._size += len(data)
        return self._size - len(data)

    def sync(self) -> None:
        """Make everything appended so far durable."""
        with self._attempting("sync"):
            self._disk.sync_data(self._descriptor)

    def truncate(self, size: int) -> bytes:
        """Cut the file to `size` bytes, durably, and return the bytes cut off."""
        if not 0 <= size <= self.size:
            raise ValueError(f"cannot cut a file of {self._size} bytes to {size}")
        with self._attempting("truncate"):
            os.lseek(self._descriptor, size, os.SEEK_SET)
            cut = _read_up_to(self._descriptor, self._size - size)
            self._disk.truncate(self._descriptor, size)
            self._disk.sync(self._descriptor)
            self._size = size
        return cut

    def renew(self, start: int) -> None:
        """Write the bytes from `start` to the end once more, in their place, and make them durable.

        After a failed sync the kernel may show bytes that never came to the medium, and not write them by itself.
        """
        with self._attempting("renew"):
            os.lseek(self._descriptor, start, os.SEEK_SET)
            data = _read_up_to(self._descriptor, self._size - start)
            descriptor = self._disk.open(self._path, os.O_WRONLY)
            try:
                os.lseek(descriptor, start, os.SEEK_SET)
                _write_all(descriptor, data, self._disk)
                self._disk.sync(descriptor)
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Close the file; what was not synced is not promised."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with naming(self._path, "close"):
                os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_certain(self) -> None:
        if self._descriptor < 0:
            raise ValueError("the file is closed")
        if self._doubtful:
            raise StorageError("an earlier write failed, so its end is unknown", where=str(self._path), remedy=_REOPEN)

    @contextmanager
    def _attempting(self, step: str) -> Iterator[None]:
        self._check_certain()
        self._doubtful = True
        with naming(self._path, step):
            yield
        self._doubtful = False


def _sync_fully(descriptor: int, otherwise: Callable[[int], None]) -> None:
    # macOS leaves the bytes in the drive's cache unless it is told so
    if (command := getattr(fcntl, "F_FULLFSYNC", None)) is not None:
        fcntl.fcntl(descriptor, command)
    else:
        otherwise(descriptor)


@contextmanager
def naming(path: Path, step: str) -> Iterator[None]:
    """Turn an `OSError` inside into a `StorageError` that names the file, what was tried, and what to do."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "check the disk; then begin again from what stands on it")
        raise StorageError(f"cannot {step} it: {error.strerror}", where=str(path), remedy=remedy) from error


def _write_all(descriptor: int, data: bytes, disk: Disk) -> None:
    rest = memoryview(data)
    while rest:
        if (written := disk.write(descriptor, rest)) <= 0:
            raise OSError(errno.EIO, "the disk takes no more bytes")
        rest = rest[written:]


def _read_up_to(descriptor: int, most: int) -> bytes:
    data = bytearray()
    while len(data) < most and (chunk := os.read(descriptor, min(most - len(data), 1 << 20))):
        data += chunk
    return bytes(data)


@contextmanager
def _temporary(folder: Path, make: Callable[[tuple[int, int]], bytes], disk: Disk) -> Iterator[tuple[Path, int, bytes]]:
    path = folder / f".e2ev-{secrets.token_hex(8)}.tmp"
    descriptor = disk.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE)
    try:
        data = make(disk.identity(descriptor))
        _write_all(descriptor, data, disk)
        disk.sync(descriptor)
        yield path, descriptor, data
    finally:
        # after a rename this name is gone already
        with suppress(OSError):
            disk.unlink(path)
        os.close(descriptor)


def _settle(path: Path, descriptor: int, data: bytes, mode: int, disk: Disk) -> None:
    if mode != PRIVATE:
        disk.chmod(descriptor, mode)
        disk.sync(descriptor)
    disk.sync_folder(path.parent)
    with reading(path, disk=disk) as again:
        if _read_up_to(again, len(data) + 1) != data:
            remedy = "do not rely on this disk; write to another one"
            raise StorageError("holds something else than was just written", where=str(path), remedy=remedy)


def _confirm(path: Path, data: bytes, disk: Disk) -> None:
    with reading(path, disk=disk) as descriptor:
        if _read_up_to(descriptor, len(data) + 1) != data:
            remedy = "keep what stands there; write the new one under another name if both are needed"
            raise ConflictError("exists already with other bytes", where=str(path), remedy=remedy)
        # whoever wrote it may have been stopped before it was durable
        disk.sync(descriptor)
        disk.sync_folder(path.parent)
