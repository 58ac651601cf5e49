"""A lock between processes, for whoever is the one writer of something."""

import fcntl
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from e2ev.errors import ConflictError
from e2ev.storage.disk import PRIVATE, REAL, Disk, naming


class FolderLock:
    """A lock between processes, held inside `with`, on a file of its own that is never deleted.

    Entering raises `ConflictError` at once while another process holds it. It goes when its holder ends, however that
    happens, and binds those who ask for it, on local file systems.
    """

    def __init__(self, path: Path, *, disk: Disk = REAL) -> None:
        self._path = path
        self._disk = disk
        self._descriptor = -1

    def __enter__(self) -> Self:
        with naming(self._path, "lock"):
            descriptor = self._disk.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE)
            with ExitStack() as undo:
                undo.callback(os.close, descriptor)
                self._take(descriptor)
                undo.pop_all()
        self._descriptor = descriptor
        return self

    def __exit__(self, *_: object) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        # a forked child shares the lock, so closing our descriptor alone would not give it back
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)

    def _take(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            remedy = "wait until the other e2ev command here has ended, or end it; deleting this file does not help"
            raise ConflictError("another process holds this lock", where=str(self._path), remedy=remedy) from error
        # a lock on a file that lost its name meanwhile keeps nobody out
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(self._path)):
                return
        remedy = "let nothing delete this file, then run it again"
        raise ConflictError("the lock file was replaced while it was locked", where=str(self._path), remedy=remedy)
