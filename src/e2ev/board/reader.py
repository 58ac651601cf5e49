"""Reading a board file: entries and checkpoints in order, with the tree computed beside them (specs/board.md).

Nothing is believed here: whether the log signed a checkpoint, and whether its root is the computed one, the caller
compares. Readers take no lock; what stands behind the last checkpoint is not part of the board.
"""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from e2ev.board.files import HEAD_BYTES, MAGIC, BoardFiles, BoardHead, find_files, open_board, read_head
from e2ev.board.merkle import Tree
from e2ev.errors import DataError
from e2ev.record.entry import Entry, read_entry
from e2ev.record.frame import OVERHEAD, FrameKind, TornFrameError, read_frame
from e2ev.record.kinds import body_limit

__all__ = ["BEGINNING", "HEAD_BYTES", "MAGIC", "BoardHead", "Committed", "Cosigned", "Damaged", "Event", "Logged",
           "Place", "notes_in", "open_board", "read_head", "read_logged", "scan"]  # fmt: skip

HELD_BYTES = 4 << 20
"""Entries that are held until their checkpoint was read."""
_CHECKPOINT_STARTS = bytes([FrameKind.CHECKPOINT, 0, 0])
"""How the frame of every checkpoint begins that a log writes: it is far shorter than 64 KiB."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where reading starts: between two frames, with the tree over all entries before."""

    offset: int
    tree: Tree


BEGINNING = Place(HEAD_BYTES, Tree())


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
    """A checkpoint frame, with the size and root that the entries before it really have, and the tree over them."""

    note: bytes
    size: int
    root: bytes
    end: int
    tree: Tree = field(default_factory=Tree, compare=False, repr=False)

    @property
    def offset(self) -> int:
        """The offset of its first byte."""
        return self.end - OVERHEAD - len(self.note)


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A cosignature frame: an earlier checkpoint as a note, with the lines of witnesses behind the log's own."""

    note: bytes
    end: int

    @property
    def offset(self) -> int:
        """The offset of its first byte."""
        return self.end - OVERHEAD - len(self.note)


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


def scan(path: Path, start: Place = BEGINNING) -> Iterator[Event]:
    """Yield everything on the board from `start` on, in order; damage ends it.

    The board may grow meanwhile, and its writer may set aside a torn tail and write others in its place. So entries
    come with the checkpoint behind them, up to `HELD_BYTES` of them; what does not fit together is read once more from
    the checkpoint before it, since no writer ever changes what stands in front of a checkpoint. Nothing is given twice:
    of a commit too large to hold, what was given stays given, and what does not fit is told at once.

    Raises:
        DataError: This is no board, or it cannot be opened.
    """
    place, doubted = start, False
    while True:
        held, size, given = list[Logged](), 0, False
        for event in _read_from(path, place):
            if isinstance(event, Logged) and size < HELD_BYTES:
                held.append(event)
                size += event.end - event.offset
                continue
            if _is_doubtful(event) and not (doubted or given):
                doubted = True
                break
            yield from held
            yield event
            held, given = [], True
            if isinstance(event, Committed) or (isinstance(event, Cosigned) and not size):
                tree = event.tree if isinstance(event, Committed) else place.tree
                place, size, doubted, given = Place(event.end, tree), 0, False, False
        else:
            yield from held
            return


def _read_from(path: Path, place: Place) -> Iterator[Event]:
    """Yield what stands there now."""
    files = find_files(path)
    with files.open() as stream:
        head = read_head(stream, str(path))
        if (head.segment, head.first_index) != (1, 0):
            found = f"this is segment {head.segment} of a board"
            raise DataError(found, where=str(path), remedy="name its first file, which has no number")
        stream.seek(place.offset)
        yield from _events(stream, files, place)


def _is_doubtful(event: Event) -> bool:
    """Return whether an event can come of a tail that was replaced while it was read."""
    if isinstance(event, Committed):
        return b"\n%d\n%s\n" % (event.size, b64encode(event.root)) not in event.note
    return isinstance(event, Damaged) and event.before_commit


def first_origin(path: Path) -> str:
    """Return the first line of a board's first checkpoint, which names its log and proves nothing; "" without one.

    Raises:
        DataError: This is no board, or it cannot be opened.
    """
    for event in scan(path):
        if isinstance(event, Committed):
            return event.note.partition(b"\n")[0].decode("utf-8", "replace")
    return ""


def _events(stream: BinaryIO, files: BoardFiles, start: Place) -> Iterator[Event]:
    tree, offset = start.tree, start.offset
    while True:
        try:
            event = _next(stream, files, offset, tree)
        except DataError as error:
            yield Damaged(tree.size, offset, error, _has_commit_behind(stream, files, offset))
            return
        if event is None:
            return
        yield event
        if isinstance(event, Logged):
            tree = tree.append(event.entry.leaf_hash)
        offset = event.end


def _next(stream: BinaryIO, files: BoardFiles, offset: int, tree: Tree) -> Logged | Committed | Cosigned | None:
    """Return what stands at the stream's position, which is `offset`; None at the end.

    Raises:
        DataError: It cannot be read.
    """
    where = f"{files.board}, entry {tree.size}"
    found = read_frame(stream, offset, where)
    if found is None:
        files.check_places(offset, offset, tree.size)
        files.check_end()
        return None
    if found.kind is FrameKind.BODY:
        raise DataError("a body without its header", where=where)
    if found.kind is FrameKind.COMMITMENTS:
        raise DataError("commitments stand beside a board, not in it", where=where)
    event: Logged | Committed | Cosigned
    if found.kind is FrameKind.HEADER:
        entry, end = read_entry(stream, found, body_limit, where)
        event = Logged(tree.size, offset, end, entry, tree)
    elif found.kind is FrameKind.CHECKPOINT:
        event = Committed(found.payload, tree.size, tree.root(), found.end, tree)
    else:
        event = Cosigned(found.payload, found.end)
    files.check_places(offset, event.end, tree.size)
    return event


def _has_commit_behind(stream: BinaryIO, files: BoardFiles, offset: int) -> bool:
    """Return whether a whole checkpoint frame starts anywhere behind `offset`, or in a file that cannot be read."""
    if any(True for _ in _notes_behind(stream, offset + 1, str(files.board))):
        return True
    return any(True for path in files.strays for _ in notes_in(path))


def notes_in(path: Path) -> Iterator[bytes]:
    """Yield the payload of every whole checkpoint frame in a file, wherever it stands, whatever is around it."""
    with path.open("rb") as stream:
        yield from _notes_behind(stream, 0, str(path))


def _notes_behind(stream: BinaryIO, offset: int, where: str) -> Iterator[bytes]:
    stream.seek(offset)
    kept = b""
    while block := stream.read(1 << 20):
        window, resume = kept + block, stream.tell()
        base = resume - len(window)
        position = window.find(_CHECKPOINT_STARTS)
        while position != -1:
            if note := _note_at(stream, base + position, where):
                yield note
            position = window.find(_CHECKPOINT_STARTS, position + 1)
        kept = window[1 - len(_CHECKPOINT_STARTS) :]
        stream.seek(resume)


def _note_at(stream: BinaryIO, position: int, where: str) -> bytes:
    """Return the payload of the frame that starts there; nothing if none does."""
    stream.seek(position)
    try:
        found = read_frame(stream, position, where)
    except TornFrameError:
        return b""
    return found.payload if found else b""


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
