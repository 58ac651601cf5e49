"""Writing a board: append, sync, mark, sign, commit, sync; recovery when it is opened (specs/board.md, "Commit order").

The board file is public. Beside it, in a folder of its own that nobody publishes, stand the lock, the log's key and
the mark: the size and root that were about to be signed last. A board that lacks what its mark says is an older copy,
and is never signed onwards.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

from e2ev.board.growing import GrowingBoard
from e2ev.board.mark import RESTORE, Mark, read_mark
from e2ev.board.merkle import Tree
from e2ev.board.note import Checkpoint, NoteKey, sign_checkpoint
from e2ev.board.reader import Logged, scan
from e2ev.board.recovery import Marked
from e2ev.board.state import STATE_EVERY, Head, State, find_state
from e2ev.errors import ConflictError, RejectedError, StorageError
from e2ev.record.entry import NO_ENTRY, Entry, Header, check_body, check_header_signature, message_file
from e2ev.record.frame import FrameKind, frame
from e2ev.record.kinds import CLOSING, body_limit
from e2ev.signing import SigningKey
from e2ev.storage.disk import REAL, Disk, is_full, read_bounded, write_atomically
from e2ev.storage.lock import FolderLock
from e2ev.storage.reserve import Reserve

__all__ = ["RESERVE_BYTES", "RESTORE", "BoardLog", "Head", "Mark", "read_mark"]

RESERVE_BYTES = 4 << 20
"""What is kept of the disk for the entries that end a voting day; some thousands of them."""
LOW_BYTES = 1 << 20
"""With less than this free, a disk is as good as full."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An entry that was admitted, with what writing it needs."""

    entry: Entry
    leaf_hash: bytes
    data: bytes


class BoardLog:
    """The one writer of a board, inside `with`: it holds the lock, and has recovered the file when it enters.

    Attributes:
        tree: Over all entries that are committed.
        ahead: Over those and the ones that wait.
        torn: Where a torn tail was set aside on opening, if there was one.
        full: Whether the disk is full, so that only entries that end a voting day are taken.
    """

    def __init__(
        self, path: Path, keep: Path, origin: str, key: SigningKey, *, disk: Disk = REAL, reserve: int = RESERVE_BYTES
    ) -> None:
        self.tree = self.ahead = Tree()
        self.torn: Path | None = None
        self.full = False
        self._path, self._keep, self._disk = path, keep, disk
        self._origin, self._key = origin, key
        self._heads: dict[bytes, Head] = {}
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._ahead: dict[bytes, Head] = {}
        self._lock = FolderLock(keep / "lock", disk=disk)
        self._reserve = Reserve(keep / "reserve", reserve, disk=disk)
        self._certain = True
        self._state_size = 0

    @classmethod
    def create(
        cls, path: Path, keep: Path, origin: str, key: SigningKey, election: bytes, *,
        segment_size: int = 0, disk: Disk = REAL, reserve: int = RESERVE_BYTES,
    ) -> Self:  # fmt: skip
        """Return the writer of a new, empty board, in files of at most `segment_size` bytes, or in one.

        Raises:
            ConflictError: The board exists, or another board's mark is kept there.
        """
        if (keep / "mark").exists():
            remedy = "open that board, or give the new one a folder of its own for its lock and mark"
            raise ConflictError("a board's mark is kept here already", where=str(keep / "mark"), remedy=remedy)
        if segment_size:
            write_atomically(keep / "segment-size", f"{segment_size}\n".encode(), 0o600, disk=disk)
        GrowingBoard.create(path, election, disk=disk)
        write_atomically(keep / "mark", Mark(0, Tree().root()).to_bytes(), 0o600, disk=disk)
        return cls(path, keep, origin, key, disk=disk, reserve=reserve)

    def __enter__(self) -> Self:
        self._lock.__enter__()
        try:
            self._open()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def _open(self) -> None:
        if shutil.disk_usage(self._keep).free < LOW_BYTES:
            self._reserve.release()
        try:
            self._recover()
        except StorageError as error:
            if not (is_full(error) and self._reserve.release()):
                raise
            self._recover()
        self.full = not (shutil.disk_usage(self._keep).free >= LOW_BYTES and self._reserve.fill())

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
        return self._file.size + self._waiting_bytes

    @property
    def waiting(self) -> int:
        """Number of entries that wait for the next commit."""
        return len(self._waiting)

    def waiting_entries(self) -> Iterator[Logged]:
        """Yield the entries that wait, where they will stand."""
        tree, offset = self.tree, self._file.size
        for one in self._waiting:
            yield Logged(tree.size, offset, offset + len(one.data), one.entry, tree)
            tree, offset = tree.append(one.leaf_hash), offset + len(one.data)

    def append(self, entries: Iterable[Entry]) -> Checkpoint:
        """Commit the entries that are not on the board yet, and return the checkpoint that covers all of them.

        Raises:
            RejectedError: A signature or body is wrong; nothing was written.
            ConflictError: An author's counter is taken by another entry, kept as evidence, or its chain has a gap.
            StorageError: The disk refused; nothing was acknowledged, and the board has to be opened anew.
        """
        kept = self.waiting
        try:
            for entry in entries:
                self.admit(entry)
        except BaseException:
            self.retract(kept)
            raise
        return self.commit()

    def admit(self, entry: Entry) -> None:
        """Let an entry wait for the next commit, unless it waits or is on the board already; errors as of `append`."""
        self._check_certain()
        where = f"entry {self.tree.size + self.waiting}"
        check_header_signature(entry.header, where)
        check_body(entry, where)
        if entry.header.body_size > body_limit(entry.header.kind):
            raise RejectedError("the body is larger than its kind may be", where=where)
        author = entry.header.author
        if not self._is_new(entry, self._ahead.get(author) or self.head(author), where):
            return
        if self.full and entry.header.kind not in CLOSING:
            remedy = "free some space on this disk, then run it again; decisions and closing are taken meanwhile"
            raise StorageError("the disk is full", where=str(self._path), remedy=remedy)
        one = _Waiting(entry, entry.leaf_hash, entry.frames())
        self._ahead[author] = Head(entry.header.counter, one.leaf_hash)
        self.ahead = self.ahead.append(one.leaf_hash)
        self._waiting.append(one)
        self._waiting_bytes += len(one.data)

    def retract(self, kept: int) -> None:
        """Let go of all waiting entries but the first `kept`."""
        if kept < self.waiting:
            self._keep_waiting(self._waiting[:kept])

    def _keep_waiting(self, waiting: list[_Waiting]) -> None:
        self._waiting, self._waiting_bytes = waiting, sum(len(one.data) for one in waiting)
        self._ahead = {one.entry.header.author: Head(one.entry.header.counter, one.leaf_hash) for one in waiting}
        self.ahead = reduce(Tree.append, (one.leaf_hash for one in waiting), self.tree)

    def commit(self) -> Checkpoint:
        """Commit all entries that wait, and return the checkpoint that covers them.

        Raises:
            StorageError: The disk refused; nothing was acknowledged, and the board has to be opened anew.
        """
        self._check_certain()
        if self._waiting:
            waiting = self._waiting
            self._keep_waiting([])
            try:
                self._write(waiting)
            except StorageError as error:
                if not (is_full(error) and self._is_closing(waiting) and self._reserve.release()):
                    raise
                self._write_from_reserve(waiting)
            if self.tree.size - self._state_size >= STATE_EVERY:
                self._keep_state()
        return self.checkpoint()

    def cosign(self, note: bytes) -> None:
        """Append a cosigned checkpoint, which the caller has checked (`board.cosigned`), durably.

        Raises:
            StorageError: The disk refused; the board has to be opened anew.
            ValueError: Entries wait, whose places are told already.
        """
        if self._waiting:
            raise ValueError("entries wait for their commit")
        self._check_certain()
        self._certain = False
        self._file.append(frame(FrameKind.COSIGNATURE, note))
        self._file.sync()
        self._certain = True

    def checkpoint(self) -> Checkpoint:
        """Return the board's size and root."""
        return Checkpoint(self._origin, self.tree.size, self.tree.root())

    def head(self, author: bytes) -> Head:
        """Return the author's last entry on the board; counter 0 before its first."""
        return self._heads.get(author, Head(0, NO_ENTRY))

    def _check_certain(self) -> None:
        if not self._certain:
            remedy = "open the board again, then post what was not acknowledged"
            raise StorageError("an earlier write failed, so its end is unknown", where=str(self._path), remedy=remedy)

    def _is_new(self, entry: Entry, head: Head, where: str) -> bool:
        header = entry.header
        if header.counter == head.counter + 1 and header.previous == head.leaf_hash:
            return True
        if header.counter > head.counter:
            raise ConflictError(
                f"the author's entry {header.counter} comes after {head.counter}, or does not continue its chain",
                where=where,
                remedy="post the author's earlier messages first",
            )
        held = self._find(header)
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

    def holds(self, entry: Entry) -> bool:
        """Return whether just this entry is on the board, or waits for the next commit."""
        held = self._find(entry.header)
        return held is not None and held.leaf == entry.leaf

    def _find(self, header: Header) -> Entry | None:
        """Return the entry of this author and counter, from the board or among those that wait."""
        if header.counter > self._ahead.get(header.author, self.head(header.author)).counter:
            return None
        logged = (event.entry for event in scan(self._path) if isinstance(event, Logged))
        for entry in chain((one.entry for one in self._waiting), logged):
            if (entry.header.author, entry.header.counter) == (header.author, header.counter):
                return entry
        return None

    def _is_closing(self, waiting: Sequence[_Waiting]) -> bool:
        return all(one.entry.header.kind in CLOSING for one in waiting)

    def _write_from_reserve(self, waiting: Sequence[_Waiting]) -> None:
        """Read the board anew and write what is not on it, on a disk that has the reserve's space again."""
        self.full = True
        self._file.close()
        self._recover()
        self._write([one for one in waiting if one.entry.header.counter > self.head(one.entry.header.author).counter])

    def _write(self, waiting: Sequence[_Waiting]) -> None:
        """Write and commit the entries: at once, or in as many commits as files are needed for them."""
        self._certain, some, size = False, list[_Waiting](), 0
        for one in waiting:
            if some and not self._file.holds(size + len(one.data)):
                self._write_together(some)
                some, size = [], 0
            some.append(one)
            size += len(one.data)
        self._write_together(some)
        self._certain = True

    def _write_together(self, some: Sequence[_Waiting]) -> None:
        """Write entries, into a new file where the last one has no room, and commit them."""
        if not some:
            return
        data, tree = b"".join(one.data for one in some), self.tree
        for one in some:
            tree = tree.append(one.leaf_hash)
        if not self._file.has_room(len(data)):
            self._file.begin_segment(self.tree.size)
        self._file.append(data)
        self._file.sync()
        self._commit(tree)
        for one in some:
            self._heads[one.entry.header.author] = Head(one.entry.header.counter, one.leaf_hash)

    def _commit(self, tree: Tree) -> None:
        """Mark, sign and commit what is durably on disk."""
        write_atomically(self._keep / "mark", Mark(tree.size, tree.root()).to_bytes(), 0o600, disk=self._disk)
        note = sign_checkpoint(Checkpoint(self._origin, tree.size, tree.root()), self._key)
        self._note = self._file.size
        self._file.append(frame(FrameKind.CHECKPOINT, note.encode()))
        self._file.sync()
        self.tree = self.ahead = tree

    def _keep_state(self) -> None:
        """Keep what opening has to know of the entries so far."""
        self._certain = False
        state = State(self.tree, self._note, self._heads)
        write_atomically(self._keep / "state", state.to_bytes(self._key), 0o600, disk=self._disk)
        self._state_size = self.tree.size
        self._certain = True

    def _recover(self) -> None:
        """Bring the file to its mark: commit again what was marked, set aside what is torn, refuse an older copy."""
        mark, key = read_mark(self._keep / "mark"), NoteKey(self._origin, self._key.verify_key)
        known = find_state(self._keep / "state", self._path, key, mark)
        found = Marked(self._path, key, mark, known)
        self._file = GrowingBoard(self._path, self._segment_size(), disk=self._disk)
        try:
            self._set_aside(found.end)
            self.tree, self._heads, self._note = found.tree, found.heads, found.note
            self._keep_waiting([])
            if found.committed < mark.size:
                self._commit(found.tree)
            else:
                self._file.renew(found.note)
            self._state_size = known[1].tree.size if known else 0
            self._certain = True
        except BaseException:
            self._file.close()
            raise

    def _segment_size(self) -> int:
        path = self._keep / "segment-size"
        return int(read_bounded(path, 32)) if path.exists() else 0

    def _set_aside(self, end: int) -> None:
        """Move what stands behind the marked entries and their checkpoint into a file of its own."""
        if tail := self._file.tail(end):
            self.torn = self._keep / f"torn-{end}-{sha256(tail).hexdigest()[:8]}"
            write_atomically(self.torn, tail, 0o600, disk=self._disk)
        self._file.cut(end)
