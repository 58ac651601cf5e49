"""What a board holds as measured by its mark: the first half of opening it for writing (specs/board.md, "Recovery")."""

from pathlib import Path

from e2ev.board.mark import RESTORE, Mark
from e2ev.board.merkle import Tree
from e2ev.board.note import NoteKey, check_checkpoint
from e2ev.board.reader import BEGINNING, Committed, Cosigned, Damaged, Logged, Place, scan
from e2ev.board.state import Head, State
from e2ev.errors import ConflictError, E2evError, RejectedError

_START = State(Tree(), 0, {})


class Marked:
    """The board up to its mark, as one pass over its file found it.

    Args:
        path: The board.
        key: The log's.
        mark: The mark.
        known: Where to begin, and the state there; the beginning of the board if there is none.

    Attributes:
        tree: Over the marked entries.
        heads: Where each author stands after them.
        committed: Size of the last checkpoint.
        note: Offset of that checkpoint; of the board's first frame before there is one.
        end: Offset behind the marked entries, their checkpoint and its cosignatures.

    Raises:
        RejectedError: The board is damaged before its mark, or has a checkpoint that the log did not sign over it.
        ConflictError: It is an older or another copy, or was signed beyond the mark.
    """

    def __init__(self, path: Path, key: NoteKey, mark: Mark, known: tuple[Place, State] | None = None) -> None:
        start, state = known or (BEGINNING, _START)
        self._path, self._key, self._mark = path, key, mark
        self.tree, self.heads, self.committed = state.tree, dict[bytes, Head](state.heads), state.tree.size
        self.note, self.end = (state.note, start.offset) if known else (start.offset, start.offset)
        for event in scan(path, start):
            if isinstance(event, Damaged):
                self._damaged(event)
            elif isinstance(event, Logged):
                self._logged(event)
            elif isinstance(event, Committed):
                self._checkpoint(event)
            elif isinstance(event, Cosigned) and self.committed == self.tree.size and event.offset == self.end:
                self.end = event.end
        if (self.tree.size, self.tree.root()) != (mark.size, mark.root):
            raise ConflictError(
                f"the board has {self.tree.size} entries, and {mark.size} with another root were signed",
                where=str(path),
                remedy=RESTORE,
            )

    def _logged(self, event: Logged) -> None:
        if self.tree.size >= self._mark.size:
            return
        header = event.entry.header
        self.tree = self.tree.append(event.entry.leaf_hash)
        self.heads[header.author] = Head(header.counter, event.entry.leaf_hash)
        self.end = event.end

    def _checkpoint(self, event: Committed) -> None:
        where = f"{self._path}, checkpoint at {event.size}"
        try:
            stated = check_checkpoint(event.note, self._key, where=where)
        except E2evError as error:
            raise RejectedError(error.found, where=error.where, remedy=RESTORE) from error
        if (stated.size, stated.root) != (event.size, event.root):
            found = f"a checkpoint does not cover the entries before it, of which {self.committed} were covered before"
            raise RejectedError(found, where=where, remedy=RESTORE)
        if event.size > self.tree.size:
            raise ConflictError("the board was signed beyond its mark", where=str(self._path), remedy=RESTORE)
        self.committed, self.note, self.end = event.size, event.offset, event.end

    def _damaged(self, event: Damaged) -> None:
        if event.before_commit or event.index < self._mark.size:
            raise RejectedError(
                f"the board is damaged at entry {event.index}: {event.error.found}",
                where=f"byte {event.offset}",
                remedy=RESTORE,
            )
