"""Reading a board file: entries and checkpoints in order, with the tree computed beside them (specs/board.md).

Nothing is believed here: whether the log signed a checkpoint, and whether its root is the computed one, the caller
compares. Readers take no lock; what stands behind the last checkpoint is not part of the board.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from e2ev.board.merkle import Tree
from e2ev.errors import DataError
from e2ev.record.entry import Entry, read_entry
from e2ev.record.frame import Frame, FrameKind, TornFrameError, read_frame
from e2ev.record.kinds import body_limit

MAGIC = b"E2EVBRD1"
HEAD_BYTES = len(MAGIC) + 4 + 8 + 32 + 4
_CHECKPOINT_STARTS = bytes([FrameKind.CHECKPOINT, 0, 0])
"""How the frame of every checkpoint begins that a log writes: it is far shorter than 64 KiB."""


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
        raise DataError("the board's first bytes are damaged", where=where, remedy="get the board from a mirror")
    return BoardHead(int.from_bytes(data[8:12], "big"), int.from_bytes(data[12:20], "big"), data[20:52])


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry where it stands, with the tree over all entries before it."""

    index: int
    offset: int
    end: int
    entry: Entry
    before: Tree


@dataclass(frozen=True, slots=True)
class Committed:
    """A checkpoint frame, with the size and root that the entries before it really have."""

    note: bytes
    size: int
    root: bytes
    end: int


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A cosignature frame: an earlier checkpoint as a note, with the lines of witnesses behind the log's own."""

    note: bytes
    end: int


@dataclass(frozen=True, slots=True)
class Damaged:
    """The file cannot be read on from here.

    Attributes:
        index: Of the entry that would have come next.
        offset: Of the first bad byte.
        error: What is wrong.
        before_commit: Whether a whole checkpoint frame stands behind the damage: then it is no torn tail.
    """

    index: int
    offset: int
    error: DataError
    before_commit: bool


Event = Logged | Committed | Cosigned | Damaged


def scan(path: Path) -> Iterator[Event]:
    """Yield everything in the file in order; damage ends it.

    Raises:
        DataError: This is no board, or it cannot be opened.
    """
    with open_board(path) as stream:
        head = read_head(stream, str(path))
        if (head.segment, head.first_index) != (1, 0):
            raise DataError(f"segment {head.segment} of a board in several files, which cannot be read yet",
                            where=str(path), remedy="get a later e2ev")  # fmt: skip
        yield from _events(stream, str(path))


def first_origin(path: Path) -> str:
    """Return the first line of a board's first checkpoint, which names its log and proves nothing; "" without one.

    Raises:
        DataError: This is no board, or it cannot be opened.
    """
    for event in scan(path):
        if isinstance(event, Committed):
            return event.note.partition(b"\n")[0].decode("utf-8", "replace")
    return ""


def open_board(path: Path) -> BinaryIO:
    """Return the file opened for reading.

    Raises:
        DataError: It cannot be opened.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(
            f"cannot be opened: {error.strerror}", where=str(path), remedy="give the board's path"
        ) from error


def _events(stream: BinaryIO, where: str) -> Iterator[Event]:
    tree, offset = Tree(), HEAD_BYTES
    while True:
        place = f"{where}, entry {tree.size}"
        try:
            found = read_frame(stream, offset, place)
            if found is None:
                return
            if found.kind is FrameKind.HEADER:
                entry, end = read_entry(stream, found, body_limit, place)
                yield Logged(tree.size, offset, end, entry, tree)
                tree, offset = tree.append(entry.leaf_hash), end
                continue
            if found.kind is FrameKind.BODY:
                raise DataError("a body without its header", where=place)
            if found.kind is FrameKind.COMMITMENTS:
                raise DataError("commitments stand beside a board, not in it", where=place)
        except DataError as error:
            yield Damaged(tree.size, offset, error, _has_checkpoint_behind(stream, offset, where))
            return
        offset = found.end
        if found.kind is FrameKind.CHECKPOINT:
            yield Committed(found.payload, tree.size, tree.root(), offset)
        else:
            yield Cosigned(found.payload, offset)


def _has_checkpoint_behind(stream: BinaryIO, offset: int, where: str) -> bool:
    """Return whether a whole checkpoint frame starts anywhere behind `offset`."""
    stream.seek(offset + 1)
    kept = b""
    while block := stream.read(1 << 20):
        window, base = kept + block, stream.tell() - len(block) - len(kept)
        position = window.find(_CHECKPOINT_STARTS)
        while position != -1:
            if _is_checkpoint_at(stream, base + position, where):
                return True
            position = window.find(_CHECKPOINT_STARTS, position + 1)
        kept = window[1 - len(_CHECKPOINT_STARTS) :]
    return False


def _is_checkpoint_at(stream: BinaryIO, position: int, where: str) -> bool:
    resume = stream.tell()
    stream.seek(position)
    try:
        found: Frame | None = read_frame(stream, position, where)
    except TornFrameError:
        found = None
    stream.seek(resume)
    return found is not None


def read_logged(stream: BinaryIO, offset: int, index: int, where: str) -> Entry:
    """Return the entry at `offset`, where `scan` has seen one.

    Raises:
        DataError: The file has changed since.
    """
    place = f"{where}, entry {index}"
    stream.seek(offset)
    found = read_frame(stream, offset, place)
    if found is None or found.kind is not FrameKind.HEADER:
        raise DataError("the board changed while it was read", where=place, remedy="run the command again")
    return read_entry(stream, found, body_limit, place)[0]
