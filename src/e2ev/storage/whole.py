"""Files that small tools grow and delete: one durable call each, where no role keeps the file open."""

from collections.abc import Sequence
from pathlib import Path

from e2ev.storage.disk import REAL, AppendFile, Disk, naming


def append_durably(path: Path, end: int, data: bytes, *, disk: Disk = REAL) -> bytes:
    """Make the file hold its first `end` bytes and then `data`, durably; return the bytes that were cut off.

    Raises:
        DataError: No plain file is there.
        StorageError: The disk refused; the file may end in a part of `data`.
    """
    with AppendFile.open(path, disk=disk) as file:
        cut = file.truncate(end) if file.size > end else b""
        file.append(data)
        file.sync()
    return cut


def delete_durably(paths: Sequence[Path], *, disk: Disk = REAL) -> None:
    """Take the names away, in this order, and make that durable.

    Raises:
        StorageError: The disk refused; some may still be there.
    """
    for path in paths:
        with naming(path, "delete"):
            disk.unlink(path)
    for folder in sorted({path.parent for path in paths}):
        with naming(folder, "sync"):
            disk.sync_folder(folder)
