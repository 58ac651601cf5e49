"""Deleting an observer's file, and saying honestly what that does not do."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from e2ev.accountability.observer_file import key_path, lock_path, read
from e2ev.accountability.observers import Document, Incident, Result
from e2ev.errors import DataError
from e2ev.storage.disk import read_bounded
from e2ev.storage.whole import delete_durably

MAX_FILE = 64 << 20
NOT_DONE = (
    "memory sticks, SD cards, telephones and SSDs write to new places and keep old ones: somebody with the chip may"
    " read what was deleted, and overwriting would not change that",
    "copies elsewhere stay: backups, clouds, messengers, whoever you sent it to, a second telephone",
    "the shell's history, lists of recent files and thumbnails of photographs may still name it",
    "what helps is a disk that was encrypted before the file was made, or a telephone that is reset to its first state",
)


def what_goes(path: Path, photos: Path | None = None) -> tuple[Path, ...]:
    """Return what belongs to an observer's file: itself, its key, lock and torn ends, and photographs that it names.

    Raises:
        DataError: It is no observer's file.
        StorageError: The disk refused.
    """
    named: set[bytes] = set()
    for one in read(path).statements:
        said = one.statement
        digest = said.photo if isinstance(said, Result | Incident) else getattr(said, "file", None)
        if digest is not None and isinstance(said, Result | Incident | Document):
            named.add(digest)
    beside = [key_path(path), lock_path(path), *sorted(path.parent.glob(f"{path.name}.torn-*"))]
    found = [one for one in _files(photos) if hashlib.sha256(read_bounded(one, MAX_FILE)).digest() in named]
    return (path, *(one for one in beside if one.exists()), *found)


def _files(folder: Path | None) -> Sequence[Path]:
    if folder is None:
        return ()
    if not folder.is_dir():
        raise DataError("is no folder", where=str(folder), remedy="name the folder of the photographs")
    return sorted(one for one in folder.rglob("*") if one.is_file() and one.stat().st_size <= MAX_FILE)


def delete(paths: Sequence[Path]) -> None:
    """Take the names away, the key's first, durably as far as the file system goes.

    Raises:
        StorageError: The disk refused.
    """
    delete_durably(sorted(paths, key=lambda one: one.suffix != ".key"))
