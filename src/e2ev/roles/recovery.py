"""Looking after a board that somebody writes: read it whole, set a torn tail aside, repair it from a mirror."""

from dataclasses import dataclass
from pathlib import Path

from e2ev.board.log import BoardLog
from e2ev.board.naming import Naming
from e2ev.board.note import Checkpoint, NoteKey
from e2ev.board.reader import Logged, scan
from e2ev.board.repair import repair
from e2ev.errors import DataError, E2evError
from e2ev.record.entry import author_of
from e2ev.roles.intake import keep_of, load_log_key
from e2ev.storage.disk import REAL, Disk
from e2ev.storage.lock import FolderLock


@dataclass(frozen=True, slots=True)
class Recovered:
    """A board that can be written again.

    Attributes:
        checkpoint: What it holds.
        torn: Where a torn tail was set aside, if there was one.
        damaged: Where damaged files were put, if a mirror took their place.
        full: Whether its disk is full.
    """

    checkpoint: Checkpoint
    torn: Path | None
    damaged: Path | None
    full: bool


def recover(board: Path, mirror: Path | None = None, *, disk: Disk = REAL) -> Recovered:
    """Return what a board holds after it was read from its beginning, and repaired from a mirror if it had to be.

    Args:
        board: The board.
        mirror: Another copy of it; without one, nothing before the mark is touched.
        disk: The system calls.

    Raises:
        RejectedError: It is damaged, at the entry that is named, and there is no mirror.
        ConflictError: It is an older copy, or the mirror has another root.
        DataError: There is no board, or its keys are not kept beside it.
    """
    keep, damaged = keep_of(board), None
    key = load_log_key(board)
    origin = _origin(board, mirror, author_of(key.verify_key))
    if mirror is not None:
        with FolderLock(keep / "lock", disk=disk):
            damaged = repair(board, keep, NoteKey(origin, key.verify_key), mirror, disk=disk)
    (keep / "state").unlink(missing_ok=True)
    with BoardLog(board, keep, origin, key, disk=disk) as log:
        return Recovered(log.checkpoint(), log.torn, damaged, log.full)


def _origin(board: Path, mirror: Path | None, author: bytes) -> str:
    """Return the name of the log whose key is kept here, from what stands on the board, or else on the mirror."""
    reason: E2evError | None = None
    for path in (board, mirror):
        naming = Naming()
        try:
            for event in scan(path) if path is not None else ():
                if isinstance(event, Logged):
                    naming.take(event.entry, event.index, str(path))
                    if origin := naming.origin_of(author):
                        return origin
        except E2evError as error:
            reason = reason or error
    remedy = "give a mirror with --from; or find the folder .keep of this very board"
    raise reason or DataError("nothing here names the log whose key is kept beside it", where=str(board), remedy=remedy)
