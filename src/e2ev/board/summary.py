"""What a board file holds at a glance. Nothing is judged: not who signed, and not what entries say."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from e2ev.board.merkle import EMPTY_ROOT
from e2ev.board.note import parse_note
from e2ev.board.outline import genesis_of, log_of
from e2ev.board.reader import HEAD_BYTES, Committed, Cosigned, Damaged, Logged, open_board, read_head, scan
from e2ev.errors import DataError
from e2ev.record.kinds import KINDS


@dataclass(frozen=True, slots=True)
class Summary:
    """A board up to its last checkpoint, and what stands behind it.

    Attributes:
        election: Id in the file's first bytes.
        log: The log's name and key in genesis, as policies have them; empty if genesis cannot be read.
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
    log = ""
    for event in scan(path):
        match event:
            case Logged(entry=entry):
                log = log if event.index else _log(event)
                waiting[_kind_name(entry.header.kind)] += 1
            case Committed():
                committed.update(waiting)
                waiting.clear()
                size, root, end, checkpoints = event.size, event.root, event.end, checkpoints + 1
                signers = _signers(event.note, "checkpoint")
            case Cosigned():
                end = event.end if not waiting else end
                signers = tuple(dict.fromkeys((*signers, *_signers(event.note, "cosignatures"))))
            case Damaged():
                damage = str(event.error)
    kinds = dict(sorted(committed.items()))
    return Summary(head.election, log, size, root, end, checkpoints, signers, kinds, waiting.total(), damage)


def _log(first: Logged) -> str:
    try:
        return log_of(genesis_of(first, "entry 0")).vkey()
    except DataError:
        return ""


def _kind_name(kind: int) -> str:
    row = KINDS.get(kind)
    return row.kind.name.lower().replace("_", " ") if row else f"kind {kind}"


def _signers(note: bytes, where: str) -> tuple[str, ...]:
    try:
        return tuple(line.name for line in parse_note(note, where=where).signatures)
    except DataError:
        return ()
