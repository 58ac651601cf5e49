"""The files of a board as its writer holds them: they grow at the end of the last one (specs/board.md, "Segments")."""

from contextlib import suppress
from pathlib import Path

from e2ev.board.files import HEAD_BYTES, BoardHead, find_files, read_head, segment_path
from e2ev.errors import ConflictError
from e2ev.storage.disk import REAL, AppendFile, Disk, naming

COMMIT_ROOM = 1 << 14
"""Bytes at the end of a segment that entries leave free, for a checkpoint and its cosignatures."""


class GrowingBoard:
    """The files of a board, open for one writer; offsets are those of `files`.

    Args:
        path: The board.
        limit: The most bytes of a file; 0 for one file however large.
        disk: The system calls.
    """

    def __init__(self, path: Path, limit: int = 0, *, disk: Disk = REAL) -> None:
        self._path, self._limit, self._disk = path, limit, disk
        files = find_files(path)
        with files.open() as stream:
            self._election = read_head(stream, str(path)).election
        self._strays = files.strays
        last = files.segments[-1]
        self._number, self._base = last.number, _base(last.number, last.start)
        self._file = AppendFile.open(last.path, disk=disk)

    @staticmethod
    def create(path: Path, election: bytes, *, disk: Disk = REAL) -> None:
        """Make an empty board.

        Raises:
            ConflictError: There is one, or a file with the name of its second segment.
        """
        if segment_path(path, 2).exists():
            remedy = "choose another name: this file would be taken for the board's second segment"
            raise ConflictError("exists already", where=str(segment_path(path, 2)), remedy=remedy)
        AppendFile.create(path, BoardHead(1, 0, election).to_bytes(), disk=disk).close()

    @property
    def size(self) -> int:
        """The offset behind the last byte."""
        return self._base + self._file.size

    def append(self, data: bytes) -> None:
        """Write `data` at the end; durable only after `sync`."""
        self._file.append(data)

    def sync(self) -> None:
        """Make everything appended so far durable."""
        self._file.sync()

    def holds(self, size: int) -> bool:
        """Return whether entries of `size` bytes go into a new file without making it larger than asked."""
        return not self._limit or HEAD_BYTES + size + COMMIT_ROOM <= self._limit

    def has_room(self, size: int) -> bool:
        """Return whether entries of `size` bytes go into the last file; into a new one any go."""
        return not self._limit or self._file.size == HEAD_BYTES or self._file.size + size + COMMIT_ROOM <= self._limit

    def begin_segment(self, first_index: int) -> None:
        """Go on in a new file, which will start with entry `first_index`."""
        size, number = self.size, self._number + 1
        self._file.close()
        head = BoardHead(number, first_index, self._election).to_bytes()
        self._file = AppendFile.create(segment_path(self._path, number), head, disk=self._disk)
        self._number, self._base = number, _base(number, size)

    def tail(self, start: int) -> bytes:
        """Return everything from `start` on, and the files behind that cannot be read as segments."""
        strays = b"".join(path.read_bytes() for path in self._strays)
        if start >= self.size:
            return strays
        with find_files(self._path).open() as stream:
            stream.seek(start)
            return stream.read(self.size - start) + strays

    def cut(self, end: int) -> None:
        """Cut everything from `end` on, and the files behind that cannot be read as segments."""
        for path in reversed(self._strays):
            self._remove(path)
        self._strays = ()
        while self._number > 1 and self._base + HEAD_BYTES >= end:
            self._file.close()
            self._remove(segment_path(self._path, self._number))
            last = find_files(self._path).segments[-1]
            self._number, self._base = last.number, _base(last.number, last.start)
            self._file = AppendFile.open(last.path, disk=self._disk)
        if self.size > end:
            self._file.truncate(end - self._base)

    def renew(self, start: int) -> None:
        """Write what stands from `start` on in the last file once more, and make it durable (`AppendFile.renew`)."""
        if start < self.size:
            self._file.renew(max(start - self._base, HEAD_BYTES))

    def close(self) -> None:
        """Close the file; what was not synced is not promised."""
        self._file.close()

    def _remove(self, path: Path) -> None:
        with naming(path, "remove"), suppress(FileNotFoundError):
            self._disk.unlink(path)
            self._disk.sync_folder(path.parent)


def _base(number: int, start: int) -> int:
    """Return the offset that the first byte of a file would have, were its head counted."""
    return start if number == 1 else start - HEAD_BYTES
