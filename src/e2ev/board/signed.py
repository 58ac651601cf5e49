"""A board as a log that signs what it says: its key, its checkpoints, its last state (specs/board.md, "Checkpoints").

For whoever handles a board as a file, whatever election stands on it. The log's key is the one that the board names;
whether that is the right one, only a key from elsewhere tells.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from e2ev.board.cosigned import joined
from e2ev.board.naming import Naming
from e2ev.board.note import MAX_SIGNATURES, Checkpoint, NoteKey, check_checkpoint
from e2ev.board.reader import BEGINNING, Committed, Cosigned, Damaged, Logged, Place, open_board, read_head, scan
from e2ev.errors import DataError, RejectedError

MIRROR = "get the board again, from a second place as well"


@dataclass(frozen=True, slots=True)
class Signed:
    """A board up to its last checkpoint.

    Attributes:
        election: Id in the file's first bytes.
        key: The log's key.
        checkpoint: What it signed last.
        note: The note in which it did.
        cosigned: The same, with the lines of witnesses that stand behind it, not checked.
        end: Offset behind the last checkpoint and its cosignatures.
        loose: Whole entries behind it, which nobody was promised.
    """

    election: bytes
    key: NoteKey
    checkpoint: Checkpoint
    note: bytes
    cosigned: bytes
    end: int
    loose: int


def with_lines(note: bytes, cosigned: bytes) -> bytes:
    """Return a checkpoint with the lines that a cosigned checkpoint adds to it, if it is the same one.

    Nobody vouches for what stands in cosignature frames: what makes no note of it changes nothing.
    """
    merged = joined((note, cosigned))
    if len(merged) != 1 or len(merged[0].signatures) > MAX_SIGNATURES:
        return note
    return merged[0].to_bytes()


def check_committed(event: Committed, key: NoteKey, where: str) -> Checkpoint:
    """Return a checkpoint only if the log signed it, over just the entries that stand before it.

    Raises:
        DataError, RejectedError: It did not.
    """
    stated = check_checkpoint(event.note, key, where=f"{where}, checkpoint over {event.size} entries")
    if (stated.size, stated.root) != (event.size, event.root):
        raise RejectedError("size and root of a checkpoint are not those of the entries before it",
                            where=f"{where}, checkpoint over {event.size} entries", remedy=MIRROR)  # fmt: skip
    return stated


def signed_events(
    path: Path, key: NoteKey | None = None, start: Place = BEGINNING
) -> Iterator[Logged | Committed | Cosigned]:
    """Yield what stands in a board file, every checkpoint checked; a torn tail ends it.

    Args:
        path: The board file.
        key: Of its log; None for the one that the board names.
        start: Where to begin; elsewhere than at the beginning, `key` has to be there.

    Raises:
        DataError: This is no board, or does not begin with genesis.
        RejectedError: A checkpoint is not the log's or not over its entries, or the board is damaged before one.
    """
    naming, log = Naming(), key if start.tree.size else None
    for event in scan(path, start):
        if isinstance(event, Damaged):
            if event.before_commit:
                raise RejectedError(event.error.found, where=event.error.where, remedy=MIRROR)
            return
        if isinstance(event, Logged) and log is None:
            naming.take(event.entry, event.index, str(path))
        elif isinstance(event, Committed):
            log = log or naming.log(event.note, str(path))
            if key not in (None, log):
                raise RejectedError(f"the board's log is {log.vkey()}, not the one that you named", where=str(path))
            check_committed(event, log, str(path))
        yield event


def last_signed(path: Path, key: NoteKey | None = None) -> Signed:
    """Return the last state of a board that its log signed; errors as of `signed_events`.

    Raises:
        DataError: Nothing on it was ever signed.
    """
    with open_board(path) as stream:
        election = read_head(stream, str(path)).election
    size, cosigned, last, naming = 0, b"", list[Committed](), Naming()
    end = 0
    for event in signed_events(path, key):
        if isinstance(event, Logged):
            if key is None:
                naming.take(event.entry, event.index, str(path))
            size = event.index + 1
        elif isinstance(event, Committed):
            key = key or naming.log(event.note, str(path))
            last, cosigned, end = [event], event.note, event.end
        elif last and last[0].size == size:
            cosigned, end = with_lines(cosigned, event.note), event.end
    if not last or key is None:
        raise DataError("nothing on this board was ever signed", where=str(path))
    checkpoint = Checkpoint(key.name, last[0].size, last[0].root)
    return Signed(election, key, checkpoint, last[0].note, cosigned, end, size - checkpoint.size)
