"""The board's intake: everything that is posted goes through the rules first, then into the log.

Beside NAME.board stands NAME.board.keep, a private folder with the log's lock, mark and key. Whoever has it can post.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from e2ev.board.contents import Contents
from e2ev.board.ledger import Ledger, read_ledger
from e2ev.board.log import BoardLog, Head
from e2ev.board.note import Checkpoint
from e2ev.board.reader import Logged
from e2ev.errors import DataError, RejectedError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record.entry import Entry, Pen
from e2ev.record.kinds import KINDS
from e2ev.signing import SigningKey
from e2ev.storage.disk import PRIVATE, REAL, Disk, read_bounded, write_once


def keep_of(board: Path) -> Path:
    """Return the private folder beside a board."""
    return board.with_name(board.name + ".keep")


def save_online_key(path: Path, key: SigningKey) -> None:
    """Keep a key that signs without a person: readable by its owner alone, not sealed (specs/decisions)."""
    write_once(path, key.seed().hex().encode() + b"\n", PRIVATE)


def load_online_key(path: Path) -> SigningKey:
    """Return the key that `save_online_key` kept.

    Raises:
        DataError: It is missing or malformed; its content is not shown.
    """
    try:
        return SigningKey.from_seed(bytes.fromhex(read_bounded(path, 128).decode("ascii").strip()))
    except ValueError as error:
        raise DataError("this is no key of a log or device", where=str(path)) from error


def load_log_key(board: Path) -> SigningKey:
    """Return the key of a board's log, which only its keeper has.

    Raises:
        DataError: The board's private folder is not here, or the key is malformed.
    """
    path = keep_of(board) / "log.key"
    if not path.exists():
        remedy = f"run this on the machine of its keeper, where {keep_of(board).name} stands beside the board"
        raise DataError("this is a copy of the board: the key of its log is not here", where=str(board),
                        remedy=remedy)  # fmt: skip
    return load_online_key(path)


class Intake:
    """Posting to a board, inside `with`: holds the lock, knows the contents, refuses what the rules refuse."""

    def __init__(self, board: Path, groups: Sequence[Group] = STANDARD_GROUPS, *, disk: Disk = REAL) -> None:
        self._board, self._groups, self._disk = board, groups, disk
        self._ledger = Ledger(groups)

    def __enter__(self) -> Self:
        ledger = read_ledger(self._board, self._groups)
        keep = keep_of(self._board)
        name = ledger.held.log().name
        self._log = BoardLog(self._board, keep, name, load_log_key(self._board), disk=self._disk)
        self._log.__enter__()
        try:
            self._ledger = read_ledger(self._board, self._groups)
        except BaseException:
            self._log.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._log.__exit__(kind, error, trace)

    @property
    def contents(self) -> Contents:
        """What stands on the board, with what was posted here."""
        return self._ledger.held

    @property
    def torn(self) -> Path | None:
        """Where a torn tail was set aside on opening."""
        return self._log.torn

    @property
    def next_index(self) -> int:
        """The index that the next entry will have."""
        return self._log.ahead.size

    @property
    def waiting(self) -> int:
        """Number of entries that wait for the next commit."""
        return self._log.waiting

    @property
    def end(self) -> int:
        """The offset at which the next entry will stand."""
        return self._log.end

    def head(self, author: bytes) -> Head:
        """Return an author's last entry on the board."""
        return self._ledger.head(author)

    def holds(self, entry: Entry) -> bool:
        """Return whether just this entry is on the board, or waits for the next commit."""
        return self._log.holds(entry)

    def pen(self, key: SigningKey) -> Pen:
        """Return the pen with which an author writes its next entry."""
        return pen_after(self._ledger, key)

    def post(self, entries: Iterable[Entry]) -> Checkpoint:
        """Commit the entries, all or none; those that are on the board already stay as they are.

        Raises:
            RejectedError: The rules refuse one; nothing was written.
            ConflictError: An author's counter is taken by another entry.
            StorageError: The disk refused, or is full; nothing was acknowledged.
        """
        self.admit(entries)
        return self.commit()

    def admit(self, entries: Iterable[Entry]) -> None:
        """Let the entries wait for the next commit, all or none; what waited before still does.

        Raises:
            RejectedError: The rules refuse one.
            ConflictError: An author's counter is taken by another entry.
        """
        kept = self._log.waiting
        try:
            for entry in entries:
                self._admit(entry)
        except BaseException:
            if self._log.waiting > kept:
                self._log.retract(kept)
                self._read_again()
            raise

    def commit(self) -> Checkpoint:
        """Commit all entries that wait, and return the checkpoint that covers them.

        Raises:
            StorageError: The disk refused; nothing was acknowledged.
        """
        try:
            return self._log.commit()
        except BaseException:
            self._ledger = read_ledger(self._board, self._groups)
            raise

    def _admit(self, entry: Entry) -> None:
        """Ask the rules about an entry that is new, and let the log have it."""
        if entry.header.counter <= self.head(entry.header.author).counter:
            self._log.admit(entry)
            return
        take = self.examine(entry)
        self._log.admit(entry)
        take()

    def examine(self, entry: Entry) -> Callable[[], None]:
        """Ask the rules about an entry as the next one on the board; return what takes it into the contents.

        Raises:
            RejectedError: They refuse it.
        """
        tree, end = self._log.ahead, self._log.end
        row = KINDS.get(entry.header.kind)
        if row is not None and row.body is None:
            # a verifier would have to call the whole record incomplete, for ever and because of anybody
            raise RejectedError(f"this board knows no rules for {row.feature}", where=f"entry {tree.size}",
                                remedy="nothing is left to do")  # fmt: skip
        logged = Logged(tree.size, end, end + len(entry.frames()), entry, tree)
        objections, take = self._ledger.examine(logged)
        if objections:
            first = objections[0]
            raise RejectedError(f"refused by check {first.check}: {first.found}", where=f"entry {logged.index}",
                                culprit=first.culprit, remedy=f"e2ev explain {first.check}")  # fmt: skip
        return take

    def _read_again(self) -> None:
        """Make the contents those of the board and of what waits."""
        self._ledger = read_ledger(self._board, self._groups)
        for logged in self._log.waiting_entries():
            self._ledger.take(logged)


def pen_after(ledger: Ledger, key: SigningKey) -> Pen:
    """Return the pen that continues the author's chain as it stands on the board."""
    pen = Pen(key, ledger.held.id)
    head = ledger.head(pen.author)
    return Pen(key, pen.election, head.counter + 1, head.leaf_hash)
