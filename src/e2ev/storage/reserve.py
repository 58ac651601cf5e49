"""A file that keeps some of the disk free for what must not fail: it is given up when nothing else fits."""

import os
from contextlib import suppress
from pathlib import Path

from e2ev.errors import StorageError
from e2ev.storage.disk import PRIVATE, REAL, Disk, is_full, naming


class Reserve:
    """So many bytes of the disk that `path` stands on, held by a file there; of none, it is always whole."""

    def __init__(self, path: Path, size: int, *, disk: Disk = REAL) -> None:
        self._path, self._size, self._disk = path, size, disk

    def fill(self) -> bool:
        """Hold the bytes, and return whether the disk had them.

        Raises:
            StorageError: The disk refused for another reason.
        """
        if not self._size:
            return True
        try:
            self._fill()
        except StorageError as error:
            if not is_full(error):
                raise
            self.release()
            return False
        return True

    def _fill(self) -> None:
        with naming(self._path, "reserve space with"):
            descriptor = self._disk.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE)
            try:
                if os.fstat(descriptor).st_size < self._size:
                    self._disk.allocate(descriptor, self._size)
                    self._disk.sync(descriptor)
                    self._disk.sync_folder(self._path.parent)
            finally:
                os.close(descriptor)

    def release(self) -> bool:
        """Give the bytes back to the disk, and return whether there were any."""
        held = self._path.exists()
        with naming(self._path, "give up"), suppress(FileNotFoundError):
            self._disk.unlink(self._path)
        return held
