"""The state of a log at one of its checkpoints, kept so that opening reads what came after alone (specs/board.md).

It is a shortcut, never evidence: the log's own key signs it, and it is used only where the board has, at the stated
offset, a checkpoint of that size and root that the log signed. Otherwise the whole board is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from e2ev.board.files import open_board
from e2ev.board.mark import Mark
from e2ev.board.merkle import HASH_BYTES, Tree
from e2ev.board.note import NoteKey, check_checkpoint
from e2ev.board.reader import Place
from e2ev.errors import DataError, E2evError
from e2ev.record.frame import FrameKind, read_frame
from e2ev.signing import SIGNATURE_BYTES, SigningKey, VerifyKey, check_signature
from e2ev.storage.disk import read_bounded

STATE_EVERY = 2048
"""Entries between two states: what opening has to read takes well under a second."""
_MAGIC = b"E2EVSTA1"
_SIGNED = b"e2ev log state v1\0"
_AUTHOR_BYTES, _COUNTER_BYTES = 33, 4
_HEAD_ROW = _AUTHOR_BYTES + _COUNTER_BYTES + HASH_BYTES
_LIMIT = 1 << 30


@dataclass(frozen=True, slots=True)
class Head:
    """An author's last entry on the board."""

    counter: int
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class State:
    """What must be known of a board to go on with it.

    Attributes:
        tree: Over all entries up to a checkpoint.
        note: Offset of that checkpoint's frame.
        heads: Where each author stands.
    """

    tree: Tree
    note: int
    heads: Mapping[bytes, Head]

    def to_bytes(self, key: SigningKey) -> bytes:
        """Return the state as its file has it, signed by the log."""
        rows = (author + head.counter.to_bytes(_COUNTER_BYTES, "big") + head.leaf_hash
                for author, head in self.heads.items())  # fmt: skip
        body = _MAGIC + self.tree.size.to_bytes(8, "big") + self.note.to_bytes(8, "big")
        body += b"".join(self.tree.peaks) + b"".join(rows)
        return body + key.sign(_SIGNED + body)


def parse_state(data: bytes, key: VerifyKey, where: str) -> State:
    """Return the state that the log signed.

    Raises:
        DataError, RejectedError: It is malformed, or signed by somebody else.
    """
    body, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
    if not body.startswith(_MAGIC) or len(body) < len(_MAGIC) + 16:
        raise DataError("this is no state of a log", where=where)
    check_signature(key, _SIGNED + body, signature, where=where)
    size, note, rest = int.from_bytes(body[8:16], "big"), int.from_bytes(body[16:24], "big"), body[24:]
    peaks, rows = rest[: HASH_BYTES * size.bit_count()], rest[HASH_BYTES * size.bit_count() :]
    if len(peaks) != HASH_BYTES * size.bit_count() or len(rows) % _HEAD_ROW:
        raise DataError("a log's state has another length", where=where)
    tree = Tree(size, tuple(peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)))
    return State(tree, note, dict(_head(rows[at : at + _HEAD_ROW]) for at in range(0, len(rows), _HEAD_ROW)))


def _head(row: bytes) -> tuple[bytes, Head]:
    counter = int.from_bytes(row[_AUTHOR_BYTES : _AUTHOR_BYTES + _COUNTER_BYTES], "big")
    return row[:_AUTHOR_BYTES], Head(counter, row[_AUTHOR_BYTES + _COUNTER_BYTES :])


def find_state(path: Path, board: Path, key: NoteKey, mark: Mark) -> tuple[Place, State] | None:
    """Return the state in `path` and where reading goes on; None unless board and mark bear it out.

    Args:
        path: The state's file; it may be missing or hold anything.
        board: The board.
        key: The log's.
        mark: Of the board.
    """
    if not path.exists():
        return None
    try:
        state = parse_state(read_bounded(path, _LIMIT), key.key, str(path))
        with open_board(board) as stream:
            stream.seek(state.note)
            found = read_frame(stream, state.note, str(board))
        if found is None or found.kind is not FrameKind.CHECKPOINT:
            return None
        stated = check_checkpoint(found.payload, key)
    except (E2evError, ValueError, OSError):
        return None
    if (stated.size, stated.root) != (state.tree.size, state.tree.root()) or state.tree.size > mark.size:
        return None
    return Place(found.end, state.tree), state
