"""What a board file holds at a glance. Nothing is judged: not who signed, and not what entries say."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from e2ev.board.merkle import EMPTY_ROOT
from e2ev.board.naming import Naming
from e2ev.board.note import parse_note
from e2ev.board.reader import HEAD_BYTES, Committed, Cosigned, Damaged, Logged, open_board, read_head, scan
from e2ev.errors import DataError, RejectedError
from e2ev.record.kinds import KINDS


@dataclass(frozen=True, slots=True)
class Summary:
    """A board up to its last checkpoint, and what stands behind it.

    Attributes:
        election: Id in the file's first bytes.
        log: The log's name and key, as policies have them; empty if nothing was signed, or genesis cannot be read.
        station: Whether it is the board of a station, which begins as the national one does.
        size: Number of entries under the last checkpoint.
        root: Their Merkle root, computed.
        end: Where the last checkpoint ends, in bytes.
        checkpoints: How many there are.
        signers: Names on the last checkpoint and on the cosignatures behind it; none is checked here.
        kinds: Entries of each kind, by name.
        loose: Whole entries behind the last checkpoint.
        damage: Why the file cannot be read to its end, empty if it can.
    """

    election: bytes
    log: str
    station: bool
    size: int
    root: bytes
    end: int
    checkpoints: int
    signers: tuple[str, ...]
    kinds: Mapping[str, int]
    loose: int
    damage: str


def summarize(path: Path) -> Summary:
    """Return what the file holds.

    Raises:
        DataError: This is no board.
    """
    with open_board(path) as stream:
        head = read_head(stream, str(path))
    committed, waiting = Counter[str](), Counter[str]()
    size, root, end, checkpoints, damage = 0, EMPTY_ROOT, HEAD_BYTES, 0, ""
    signers: tuple[str, ...] = ()
    log, station, naming = "", False, Naming()
    for event in scan(path):
        match event:
            case Logged(entry=entry):
                if not checkpoints:
                    _name(naming, event)
                waiting[_kind_name(entry.header.kind)] += 1
            case Committed():
                committed.update(waiting)
                waiting.clear()
                if not checkpoints:
                    log, station = _log(naming, event.note)
                size, root, end, checkpoints = event.size, event.root, event.end, checkpoints + 1
                signers = _signers(event.note, "checkpoint")
            case Cosigned():
                end = event.end if not waiting else end
                signers = tuple(dict.fromkeys((*signers, *_signers(event.note, "cosignatures"))))
            case Damaged():
                damage = str(event.error)
    kinds = dict(sorted(committed.items()))
    return Summary(head.election, log, station, size, root, end, checkpoints, signers, kinds, waiting.total(), damage)


def _name(naming: Naming, event: Logged) -> None:
    with suppress(DataError):
        naming.take(event.entry, event.index, f"entry {event.index}")


def _log(naming: Naming, note: bytes) -> tuple[str, bool]:
    try:
        key = naming.log(note, "checkpoint")
    except (DataError, RejectedError):
        return "", False
    return key.vkey(), key.name != naming.national


def _kind_name(kind: int) -> str:
    row = KINDS.get(kind)
    return row.kind.name.lower().replace("_", " ") if row else f"kind {kind}"


def _signers(note: bytes, where: str) -> tuple[str, ...]:
    try:
        return tuple(line.name for line in parse_note(note, where=where).signatures)
    except DataError:
        return ()
