"""The whole board as a folder of static files, and a board file from such a folder (specs/board.md, "Tiles")."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2ev.board.merkle import Tree
from e2ev.board.naming import Naming
from e2ev.board.note import Checkpoint, NoteKey, parse_checkpoint, parse_note
from e2ev.board.reader import HEAD_BYTES, BoardHead, Committed, Cosigned, Logged, open_board, read_head
from e2ev.board.signed import check_committed, last_signed, signed_events, with_lines
from e2ev.board.tiles import CHECKPOINT, MAX_CHECKPOINT, TileReader, TileWriter, write_file
from e2ev.errors import ConflictError, DataError, RejectedError, StorageError
from e2ev.record.entry import Entry, check_body, decode_header
from e2ev.record.frame import MAX_PAYLOAD, FrameKind, frame, read_frame
from e2ev.record.kinds import body_limit
from e2ev.storage.disk import read_bounded

HISTORY = "history"
"""The file of all checkpoints and cosignatures, and of where they stand: what tiles alone do not tell."""
_COUNT_BYTES = 8
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Moved:
    """What an export or an import has written.

    Attributes:
        size: Number of entries.
        root: Their root.
        loose: Whole entries behind the last checkpoint, which were left out.
    """

    size: int
    root: bytes
    loose: int = 0


def body_path(body_hash: bytes) -> str:
    """Return where a body stands below the folder, by its SHA-256; empty bodies have no file."""
    return f"body/{body_hash.hex()[:2]}/{body_hash.hex()}"


# Board to folder


class Folder:
    """Brings a folder up to a board, event by event: what a checkpoint covers is there before the checkpoint is.

    Args:
        folder: Written anew; what stands there already and is the same stays.
        head: Of the board.
        last: How large the board is, where it does not grow meanwhile (`TileWriter`).
    """

    def __init__(self, folder: Path, head: BoardHead, last: int = 0) -> None:
        self._folder, self._tiles = folder, TileWriter(folder, last)
        self._note, self._noted = b"", 0
        self._history = folder / f".{HISTORY}.new"
        folder.mkdir(parents=True, exist_ok=True)
        self._history.write_bytes(head.to_bytes())

    def take(self, event: Logged | Committed | Cosigned) -> None:
        """Write an event, in the order of the board; `OSError` if the disk refuses."""
        if isinstance(event, Logged):
            entry = event.entry
            self._tiles.append(entry.leaf)
            if entry.body:
                write_file(self._folder / body_path(entry.header.body_hash), entry.body)
        elif isinstance(event, Committed):
            self._tiles.commit()
            self._note, self._noted = event.note, self._tiles.size
            self._remember(FrameKind.CHECKPOINT, event.note)
        else:
            if self._noted == self._tiles.size:
                self._note = with_lines(self._note, event.note)
            self._remember(FrameKind.COSIGNATURE, event.note)

    def publish(self) -> None:
        """Show the last checkpoint; `OSError` if the disk refuses."""
        shown = self._folder / HISTORY
        if self._history != shown:
            self._history.replace(shown)
            self._history = shown
        write_file(self._folder / CHECKPOINT, self._note)

    def _remember(self, kind: FrameKind, payload: bytes) -> None:
        with self._history.open("ab") as stream:
            stream.write(self._tiles.size.to_bytes(_COUNT_BYTES, "big") + frame(kind, payload))


def export(board: Path, folder: Path, progress: Progress = lambda _done, _all: None) -> Moved:
    """Write a board up to its last checkpoint as static files; the same board always gives the same files.

    Args:
        board: The board file.
        folder: New or empty, or with an earlier export of the same log, which grows.
        progress: Told about entries, done and all.

    Raises:
        DataError: The file is no board, or nothing on it was ever signed.
        RejectedError: A checkpoint is not the log's or not over its entries, or the board is damaged.
        ConflictError: The folder has something else, or a state that this board never had.
        StorageError: The disk refused.
    """
    signed, shown = last_signed(board), _shown(folder)
    with open_board(board) as stream:
        head = read_head(stream, str(board))
    if shown is not None:
        _check_grown(board, folder, shown)
    with writing(folder):
        target = Folder(folder, head, signed.checkpoint.size)
        for event in signed_events(board, signed.key):
            if event.end > signed.end:
                break
            if isinstance(event, Logged):
                _check_cut(board, event)
                progress(event.index + 1, signed.checkpoint.size)
            target.take(event)
        target.publish()
    return Moved(signed.checkpoint.size, signed.checkpoint.root, signed.loose)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the disk says into a `StorageError` that names the folder."""
    try:
        yield
    except OSError as error:
        found = f"cannot be written: {error.strerror}"
        raise StorageError(found, where=str(folder), remedy="check the disk and the folder's owner") from error


def _shown(folder: Path) -> Checkpoint | None:
    """Return what an earlier export says in its checkpoint; None if there was none."""
    path = folder / CHECKPOINT
    if not path.exists():
        unfinished = (folder / f".{HISTORY}.new").exists()
        if folder.exists() and not unfinished and (not folder.is_dir() or any(folder.iterdir())):
            raise ConflictError("the folder is not empty, and no export", where=str(folder), remedy="name a new folder")
        return None
    return parse_checkpoint(parse_note(read_bounded(path, MAX_CHECKPOINT), where=str(path)).text, where=str(path))


def _check_grown(board: Path, folder: Path, shown: Checkpoint) -> None:
    """Refuse a folder whose checkpoint is no earlier state of this board."""
    tree = Tree()
    for event in signed_events(board):
        if tree.size >= shown.size:
            break
        if isinstance(event, Logged):
            tree = event.before.append(event.entry.leaf_hash)
    if (tree.size, tree.root()) != (shown.size, shown.root):
        raise ConflictError(
            f"the folder shows {shown.size} entries that this board does not begin with",
            where=str(folder),
            remedy="e2ev board import that folder, then e2ev board diff: the two may be a fork",
        )


def _check_cut(board: Path, event: Logged) -> None:
    """Refuse a body cut into frames otherwise than a log cuts it: its board could not be made again byte for byte."""
    if len(event.entry.body) > MAX_PAYLOAD or event.end - event.offset != len(event.entry.frames()):
        with open_board(board) as stream:
            stream.seek(event.offset)
            if stream.read(event.end - event.offset) != event.entry.frames():
                raise RejectedError("the body's frames are not cut as a log cuts them",
                                    where=f"{board}, entry {event.index}")  # fmt: skip


# Folder to board


def restore(folder: Path, board: Path, progress: Progress = lambda _done, _all: None) -> Moved:
    """Make the board file that a folder was exported from; everything in it is hashed again and held against the root.

    Raises:
        DataError: Something is missing in the folder, or malformed.
        RejectedError: An entry or body is not the one that was signed, or a checkpoint is not the log's.
        ConflictError: A file of that name exists.
        StorageError: The disk refused.
    """
    if board.exists():
        raise ConflictError("exists already", where=str(board), remedy="choose another name")
    new = board.with_name(f".{board.name}.new")
    try:
        with writing(board):
            moved = _Restoring(folder, new, progress).run()
            new.rename(board)
    finally:
        new.unlink(missing_ok=True)
    return moved


class _Restoring:
    """One import under way."""

    def __init__(self, folder: Path, board: Path, progress: Progress) -> None:
        self._folder, self._board, self._progress = folder, board, progress
        self._tree, self._end, self._naming = Tree(), HEAD_BYTES, Naming()
        self._key: NoteKey | None = None
        self._shown, self._note = read_bounded(folder / CHECKPOINT, MAX_CHECKPOINT), b""
        self._noted = 0
        stated = parse_note(self._shown, where=str(folder / CHECKPOINT))
        self._checkpoint = parse_checkpoint(stated.text, where=str(folder / CHECKPOINT))

    def run(self) -> Moved:
        """Write the board."""
        history = self._folder / HISTORY
        entries = TileReader(self._folder, self._checkpoint).entries()
        with open_board(history) as stream, self._board.open("wb") as self._out:
            self._out.write(read_head(stream, str(history)).to_bytes())
            offset = HEAD_BYTES
            while count := stream.read(_COUNT_BYTES):
                found = read_frame(stream, offset + _COUNT_BYTES, str(history))
                if found is None or found.kind not in (FrameKind.CHECKPOINT, FrameKind.COSIGNATURE):
                    raise DataError("the history of checkpoints is malformed", where=str(history))
                self._fill(entries, int.from_bytes(count, "big"))
                self._write(frame(found.kind, found.payload))
                self._state(found.kind, found.payload)
                offset = found.end
        if next(entries, None) is not None or self._note != self._shown:
            raise RejectedError("the checkpoint is not the last one of the history", where=str(self._folder),
                                remedy="copy the folder again, as a whole")  # fmt: skip
        return Moved(self._tree.size, self._tree.root())

    def _fill(self, entries: Iterator[bytes], count: int) -> None:
        """Write entries until there are `count`."""
        while self._tree.size < count:
            where = f"{self._folder}, entry {self._tree.size}"
            leaf = next(entries, None)
            if leaf is None:
                raise DataError("the history has more entries than the tiles", where=where)
            entry = self._entry(leaf, where)
            if self._key is None:
                self._naming.take(entry, self._tree.size, str(self._folder))
            self._tree = self._tree.append(entry.leaf_hash)
            self._write(entry.frames())
            self._progress(self._tree.size, self._checkpoint.size)

    def _entry(self, leaf: bytes, where: str) -> Entry:
        header = decode_header(leaf, where)
        if header.body_size > body_limit(header.kind):
            raise DataError(f"a body of {header.body_size} bytes is more than its kind may have", where=where)
        path = self._folder / body_path(header.body_hash)
        entry = Entry(leaf, header, read_bounded(path, header.body_size) if header.body_size else b"")
        check_body(entry, where)
        return entry

    def _state(self, kind: FrameKind, payload: bytes) -> None:
        """Take in a checkpoint or cosignatures; a checkpoint must be the log's, over the entries so far."""
        if kind is FrameKind.CHECKPOINT:
            self._key = self._key or self._naming.log(payload, str(self._folder))
            event = Committed(payload, self._tree.size, self._tree.root(), self._end)
            check_committed(event, self._key, str(self._folder))
            self._note, self._noted = payload, self._tree.size
        elif self._noted == self._tree.size:
            self._note = with_lines(self._note, payload)

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self._end += len(data)
