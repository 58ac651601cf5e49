"""Writing a board: append, sync, mark, sign, commit, sync; recovery when it is opened (specs/board.md, "Commit order").

The board file is public. Beside it, in a folder of its own that nobody publishes, stand the lock, the log's key and
the mark: the size and root that were about to be signed last. A board that lacks what its mark says is an older copy,
and is never signed onwards.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

from e2ev.board.merkle import Tree
from e2ev.board.note import Checkpoint, NoteKey, check_checkpoint, sign_checkpoint
from e2ev.board.reader import HEAD_BYTES, BoardHead, Committed, Cosigned, Damaged, Logged, open_board, scan
from e2ev.errors import ConflictError, DataError, E2evError, RejectedError, StorageError
from e2ev.record.entry import NO_ENTRY, Entry, check_body, check_header_signature, message_file
from e2ev.record.frame import FrameKind, frame
from e2ev.record.kinds import body_limit
from e2ev.signing import SigningKey
from e2ev.storage.disk import REAL, AppendFile, Disk, FolderLock, read_bounded, write_atomically

RESTORE = "restore the board from a mirror that has the same root, or keep the newer of two copies"
_MARK = re.compile(rb"(0|[1-9][0-9]{0,18}) [0-9a-f]{64}\n")


@dataclass(frozen=True, slots=True)
class Mark:
    """The anti-rollback mark: what was signed last, or was about to be."""

    size: int
    root: bytes

    def to_bytes(self) -> bytes:
        """Return the mark as its file has it: one line."""
        return f"{self.size} {self.root.hex()}\n".encode()


def read_mark(path: Path) -> Mark:
    """Return the mark in `path`.

    Raises:
        DataError: It is missing or malformed.
    """
    text = read_bounded(path, 128)
    if not _MARK.fullmatch(text):
        raise DataError("the board's mark is malformed", where=str(path), remedy=RESTORE)
    parts = text.decode("ascii").split()
    return Mark(int(parts[0]), bytes.fromhex(parts[1]))


@dataclass(frozen=True, slots=True)
class Head:
    """An author's last entry on the board."""

    counter: int
    leaf_hash: bytes


class BoardLog:
    """The one writer of a board, inside `with`: it holds the lock, and has recovered the file when it enters.

    Attributes:
        tree: Over all entries that are committed.
        torn: Where a torn tail was set aside on opening, if there was one.
    """

    def __init__(self, path: Path, keep: Path, origin: str, key: SigningKey, *, disk: Disk = REAL) -> None:
        self.tree = Tree()
        self.torn: Path | None = None
        self._path, self._keep, self._disk = path, keep, disk
        self._origin, self._key = origin, key
        self._heads: dict[bytes, Head] = {}
        self._lock = FolderLock(keep / "lock", disk=disk)
        self._certain = True

    @classmethod
    def create(
        cls, path: Path, keep: Path, origin: str, key: SigningKey, election: bytes, *, disk: Disk = REAL
    ) -> Self:
        """Return the writer of a new, empty board.

        Raises:
            ConflictError: The board exists, or another board's mark is kept there.
        """
        if (keep / "mark").exists():
            remedy = "open that board, or give the new one a folder of its own for its lock and mark"
            raise ConflictError("a board's mark is kept here already", where=str(keep / "mark"), remedy=remedy)
        AppendFile.create(path, BoardHead(1, 0, election).to_bytes(), disk=disk).close()
        write_atomically(keep / "mark", Mark(0, Tree().root()).to_bytes(), 0o600, disk=disk)
        return cls(path, keep, origin, key, disk=disk)

    def __enter__(self) -> Self:
        self._lock.__enter__()
        try:
            self._recover()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._lock.__exit__(kind, error, trace)

    @property
    def size(self) -> int:
        """Number of committed entries."""
        return self.tree.size

    @property
    def end(self) -> int:
        """The offset at which the next entry will stand."""
        return self._file.size

    def append(self, entries: Iterable[Entry]) -> Checkpoint:
        """Commit the entries that are not on the board yet, and return the checkpoint that covers all of them.

        Raises:
            RejectedError: A signature or body is wrong; nothing was written.
            ConflictError: An author's counter is taken by another entry, kept as evidence, or its chain has a gap.
            StorageError: The disk refused; nothing was acknowledged, and the board has to be opened anew.
        """
        self._check_certain()
        heads = dict(self._heads)
        fresh: list[Entry] = []
        for entry in entries:
            where = f"entry {self.tree.size + len(fresh)}"
            check_header_signature(entry.header, where)
            check_body(entry, where)
            if entry.header.body_size > body_limit(entry.header.kind):
                raise RejectedError("the body is larger than its kind may be", where=where)
            if self._is_new(entry, heads.get(entry.header.author, Head(0, NO_ENTRY)), fresh, where):
                heads[entry.header.author] = Head(entry.header.counter, entry.leaf_hash)
                fresh.append(entry)
        if fresh:
            self._write(fresh)
            self._heads = heads
        return self.checkpoint()

    def cosign(self, note: bytes) -> None:
        """Append a cosigned checkpoint, which the caller has checked (`board.cosigned`), durably.

        Raises:
            StorageError: The disk refused; the board has to be opened anew.
        """
        self._check_certain()
        self._certain = False
        self._file.append(frame(FrameKind.COSIGNATURE, note))
        self._file.sync()
        self._certain = True

    def _check_certain(self) -> None:
        if not self._certain:
            remedy = "open the board again, then post what was not acknowledged"
            raise StorageError("an earlier write failed, so its end is unknown", where=str(self._path), remedy=remedy)

    def checkpoint(self) -> Checkpoint:
        """Return the board's size and root."""
        return Checkpoint(self._origin, self.tree.size, self.tree.root())

    def head(self, author: bytes) -> Head:
        """Return the author's last entry on the board; counter 0 before its first."""
        return self._heads.get(author, Head(0, NO_ENTRY))

    def _is_new(self, entry: Entry, head: Head, fresh: Sequence[Entry], where: str) -> bool:
        header = entry.header
        if header.counter == head.counter + 1 and header.previous == head.leaf_hash:
            return True
        if header.counter > head.counter:
            raise ConflictError(
                f"the author's entry {header.counter} comes after {head.counter}, or does not continue its chain",
                where=where,
                remedy="post the author's earlier messages first",
            )
        held = self._find(header.author, header.counter, fresh)
        if held is not None and held.leaf == entry.leaf:
            return False
        evidence = self._keep / f"evidence-{entry.leaf_hash.hex()[:16]}.e2ev"
        write_atomically(evidence, message_file((held, entry) if held else (entry,)), disk=self._disk)
        raise ConflictError(
            f"the author's counter {header.counter} is taken by another entry",
            where=where,
            culprit=f"author {header.author.hex()[2:18]}",
            remedy=f"both entries are kept in {evidence}",
        )

    def _find(self, author: bytes, counter: int, fresh: Sequence[Entry]) -> Entry | None:
        """Return the author's entry of this counter, from the board or among those about to be written."""
        logged = (event.entry for event in scan(self._path) if isinstance(event, Logged))
        for entry in chain(fresh, logged):
            if (entry.header.author, entry.header.counter) == (author, counter):
                return entry
        return None

    def _write(self, entries: list[Entry]) -> None:
        tree = self.tree
        for entry in entries:
            tree = tree.append(entry.leaf_hash)
        self._certain = False
        self._file.append(b"".join(entry.frames() for entry in entries))
        self._file.sync()
        self._commit(tree)
        self._certain = True

    def _commit(self, tree: Tree) -> None:
        """Mark, sign and commit what is durably on disk."""
        write_atomically(self._keep / "mark", Mark(tree.size, tree.root()).to_bytes(), 0o600, disk=self._disk)
        note = sign_checkpoint(Checkpoint(self._origin, tree.size, tree.root()), self._key)
        self._file.append(frame(FrameKind.CHECKPOINT, note.encode()))
        self._file.sync()
        self.tree = tree

    def _recover(self) -> None:
        """Bring the file to its mark: commit again what was marked, set aside what is torn, refuse an older copy."""
        mark = read_mark(self._keep / "mark")
        self.tree, self._heads, self.torn = Tree(), {}, None
        seen = _Seen(self._path, NoteKey(self._origin, self._key.verify_key), mark)
        if seen.tree_at_mark is None or seen.tree_at_mark.root() != mark.root:
            raise ConflictError(
                f"the board has {seen.tree.size} entries, and {mark.size} with another root were signed",
                where=str(self._path),
                remedy=RESTORE,
            )
        self._file = AppendFile.open(self._path, disk=self._disk)
        try:
            self._set_aside(seen.end_at_mark)
            self._heads = seen.heads
            if seen.committed < mark.size:
                self._commit(seen.tree_at_mark)
            self.tree = seen.tree_at_mark
            self._certain = True
        except BaseException:
            self._file.close()
            raise

    def _set_aside(self, end: int) -> None:
        """Move what stands behind the marked entries and their checkpoint into a file of its own."""
        if self._file.size > end:
            with open_board(self._path) as stream:
                stream.seek(end)
                tail = stream.read()
            self.torn = self._keep / f"torn-{end}-{sha256(tail).hexdigest()[:8]}"
            write_atomically(self.torn, tail, 0o600, disk=self._disk)
            self._file.truncate(end)


class _Seen:
    """What one pass over the file found, up to the mark."""

    def __init__(self, path: Path, key: NoteKey, mark: Mark) -> None:
        self.tree, self.heads, self.committed = Tree(), dict[bytes, Head](), 0
        self.tree_at_mark: Tree | None = Tree() if mark.size == 0 else None
        self.end_at_mark = HEAD_BYTES
        for event in scan(path):
            if isinstance(event, Damaged):
                self._damaged(event, mark)
            elif isinstance(event, Logged):
                self._logged(event, mark)
            elif isinstance(event, Committed):
                self._checkpoint(event, key, path)
            elif isinstance(event, Cosigned) and self.committed == self.tree.size:
                self.end_at_mark = event.end

    def _logged(self, event: Logged, mark: Mark) -> None:
        if self.tree.size >= mark.size:
            return
        header = event.entry.header
        self.tree = self.tree.append(event.entry.leaf_hash)
        self.heads[header.author] = Head(header.counter, event.entry.leaf_hash)
        self.end_at_mark = event.end
        if self.tree.size == mark.size:
            self.tree_at_mark = self.tree

    def _checkpoint(self, event: Committed, key: NoteKey, path: Path) -> None:
        try:
            checkpoint = check_checkpoint(event.note, key, where=f"{path}, checkpoint at {event.size}")
        except E2evError as error:
            raise RejectedError(error.found, where=error.where, remedy=RESTORE) from error
        if (checkpoint.size, checkpoint.root) != (event.size, event.root):
            raise RejectedError("a checkpoint does not cover the entries before it", where=str(path), remedy=RESTORE)
        if event.size > self.tree.size:
            raise ConflictError("the board was signed beyond its mark", where=str(path), remedy=RESTORE)
        self.committed, self.end_at_mark = event.size, event.end

    def _damaged(self, event: Damaged, mark: Mark) -> None:
        if event.before_commit or event.index < mark.size:
            raise RejectedError(
                f"the board is damaged at entry {event.index}: {event.error.found}",
                where=f"byte {event.offset}",
                remedy=RESTORE,
            )
