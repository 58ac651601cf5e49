"""The files of a board: NAME.board, and NAME.0002.board and so on of a board in segments (specs/board.md, "Segments").

Offsets are those in the one file that the segments would be, put together without the heads of all but the first. So
a board is the same board, with the same offsets, however it is cut.
"""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast
from zlib import crc32

from e2ev.errors import DataError

MAGIC = b"E2EVBRD1"
HEAD_BYTES = len(MAGIC) + 4 + 8 + 32 + 4
_MIRROR = "get the board from a mirror"


@dataclass(frozen=True, slots=True)
class BoardHead:
    """The first bytes of a board file: which segment it is, the index of its first entry, the election."""

    segment: int
    first_index: int
    election: bytes

    def to_bytes(self) -> bytes:
        """Return the bytes, their CRC-32 last."""
        body = MAGIC + self.segment.to_bytes(4, "big") + self.first_index.to_bytes(8, "big") + self.election
        return body + crc32(body).to_bytes(4, "big")


def read_head(stream: BinaryIO, where: str) -> BoardHead:
    """Return the head of a board file.

    Raises:
        DataError: This is no board.
    """
    data = stream.read(HEAD_BYTES)
    if len(data) != HEAD_BYTES or not data.startswith(MAGIC):
        raise DataError("this is no board file", where=where, remedy="boards end in .board")
    if crc32(data[:-4]).to_bytes(4, "big") != data[-4:]:
        raise DataError("the board's first bytes are damaged", where=where, remedy=_MIRROR)
    return BoardHead(int.from_bytes(data[8:12], "big"), int.from_bytes(data[12:20], "big"), data[20:52])


def segment_path(board: Path, number: int) -> Path:
    """Return where a segment stands; the first is the board itself."""
    stem, suffix = os.path.splitext(board)
    return board if number == 1 else Path(f"{stem}.{number:04}{suffix}")


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a board.

    Attributes:
        path: The file.
        number: From 1.
        start: Offset of the first byte in it that counts.
        end: Offset behind its last byte, when it was looked at.
        first_index: Of the entry that it starts with.
    """

    path: Path
    number: int
    start: int
    end: int
    first_index: int


@dataclass(frozen=True, slots=True)
class BoardFiles:
    """The files of a board as they were found.

    Attributes:
        board: The first of them.
        segments: All that continue it, in order.
        flaw: Why the file with the next number is none of them, if there is one.
    """

    board: Path
    segments: tuple[Segment, ...]
    flaw: DataError | None = None

    @property
    def end(self) -> int:
        """The offset behind the last byte."""
        return self.segments[-1].end

    @property
    def strays(self) -> tuple[Path, ...]:
        """Files that bear the numbers of later segments and cannot be read as such."""
        prefix, suffix = f"{self.board.stem}.", self.board.suffix
        found = (
            int(number)
            for name in os.listdir(self.board.parent)
            if name.startswith(prefix)
            and name.endswith(suffix)
            and _is_number(number := name[len(prefix) : len(name) - len(suffix)])
        )
        return tuple(segment_path(self.board, number) for number in sorted(found) if number > len(self.segments))

    def open(self) -> BinaryIO:
        """Return the board opened for reading, as if it were one file.

        Raises:
            DataError: It cannot be opened.
        """
        if len(self.segments) == 1:
            return _open(self.board)
        return cast(BinaryIO, io.BufferedReader(_Joined(self.segments), 1 << 16))

    def check_places(self, start: int, end: int, index: int) -> None:
        """Check that what stands from `start` to `end`, with the next entry's index, is within one segment.

        Raises:
            DataError: It runs over the end of its file, or its file claims to start with another entry.
        """
        for segment in self.segments[1:]:
            if segment.start == start and segment.first_index != index:
                found = f"the file starts with entry {index}, and claims to start with {segment.first_index}"
                raise DataError(found, where=str(segment.path), remedy=_MIRROR)
            if start < segment.start < end:
                raise DataError("an entry runs over the end of its file", where=str(segment.path), remedy=_MIRROR)

    def check_end(self) -> None:
        """Check that the last segment is the last one.

        Raises:
            DataError: The next one is damaged or missing.
        """
        if self.flaw is not None:
            raise self.flaw
        if self.strays and not (following := segment_path(self.board, len(self.segments) + 1)).exists():
            raise DataError("a file of the board is missing", where=str(following), remedy=_MIRROR)


def find_files(board: Path) -> BoardFiles:
    """Return the files of a board.

    Raises:
        DataError: There is none.
    """
    number = 1
    while segment_path(board, number + 1).exists():
        number += 1
    # sizes are taken after the last file was seen: by then the others do not grow any more
    with _open(board) as stream:
        segments = [Segment(board, 1, 0, os.fstat(stream.fileno()).st_size, 0)]
        election = read_head(stream, str(board)).election if number > 1 else b""
    for later in range(2, number + 1):
        try:
            segments.append(_segment(segment_path(board, later), later, election, segments[-1].end))
        except DataError as flaw:
            return BoardFiles(board, tuple(segments), flaw)
    return BoardFiles(board, tuple(segments))


def _segment(path: Path, number: int, election: bytes, start: int) -> Segment:
    with _open(path) as stream:
        head = read_head(stream, str(path))
        if (head.segment, head.election) != (number, election):
            raise DataError(f"this is not segment {number} of this board", where=str(path), remedy=_MIRROR)
        return Segment(path, number, start, start + os.fstat(stream.fileno()).st_size - HEAD_BYTES, head.first_index)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and text == f"{int(text):04}"


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(
            f"cannot be opened: {error.strerror}", where=str(path), remedy="give the board's path"
        ) from error


def open_board(path: Path) -> BinaryIO:
    """Return the board opened for reading, as if it were one file.

    Raises:
        DataError: It cannot be opened.
    """
    return find_files(path).open()


def board_bytes(path: Path) -> int:
    """Return how many bytes a board has, as if it were one file; errors as of `open_board`."""
    return find_files(path).end


class _Joined(io.RawIOBase):
    """Segments read as one file; one of them is open at a time."""

    def __init__(self, segments: tuple[Segment, ...]) -> None:
        self._segments, self._at = segments, 0
        self._number, self._stream = 1, _open(segments[0].path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._segments[-1].end}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # typed as a Buffer from 3.12 on
        for segment in self._from_here():
            stream = self._open(segment)
            stream.seek(self._at - segment.start + (0 if segment.number == 1 else HEAD_BYTES))
            data = stream.read(min(len(view), segment.end - self._at))
            view[: len(data)] = data
            self._at += len(data)
            return len(data)
        return 0

    def close(self) -> None:
        self._stream.close()
        super().close()

    def _from_here(self) -> Iterator[Segment]:
        return (segment for segment in self._segments if self._at < segment.end)

    def _open(self, segment: Segment) -> BinaryIO:
        if segment.number != self._number:
            self._stream.close()
            self._number, self._stream = segment.number, _open(segment.path)
        return self._stream
