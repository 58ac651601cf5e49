"""Following a board that grows: only new bytes are read, and what was verified once is held against what comes next.

Everything that can be judged without judging the election is judged: frames, the log's signature and root under each
checkpoint, who signed each entry, its body, its author's chain. `verify` and the watcher both go this way.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from e2ev.board.ledger import outside_objections
from e2ev.board.log import Head
from e2ev.board.merkle import Tree
from e2ev.board.naming import Naming
from e2ev.board.note import NoteKey
from e2ev.board.objections import Objection
from e2ev.board.reader import HEAD_BYTES, Committed, Cosigned, Damaged, Logged, Place, open_board, read_head, scan
from e2ev.board.signed import check_committed
from e2ev.errors import DataError, E2evError
from e2ev.hashing import election_identifier
from e2ev.record.entry import NO_ENTRY
from e2ev.record.frame import FrameKind, frame

CHANGED = "changed"
SHRUNK = "shrunk"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something about a board that must not be.

    Attributes:
        check: Id of the check in specs/verification.md; "changed" or "shrunk" where the board is not what it was.
        found: What was found and what was expected.
        entry: Index of the entry concerned, None where it is the file.
        culprit: Whose doing it is, if a signature proves that.
    """

    check: str
    found: str
    entry: int | None = None
    culprit: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a board was verified, up to a checkpoint, and all that is needed to go on from there.

    Attributes:
        election: Id in the file's first bytes.
        key: The log's key; None before genesis.
        tree: Over the entries under the checkpoint.
        note: The checkpoint, empty before the first.
        noted_at: Offset of its frame.
        end: Offset behind it.
        heads: Each author's last entry.
    """

    election: bytes
    key: NoteKey | None = None
    tree: Tree = field(default_factory=Tree)
    note: bytes = b""
    noted_at: int = HEAD_BYTES
    end: int = HEAD_BYTES
    heads: Mapping[bytes, Head] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Advance:
    """What one more checkpoint brought: the entries under it, what speaks against them, and where that leaves us."""

    entries: tuple[Logged, ...]
    alarms: tuple[Alarm, ...]
    position: Position


def begin(path: Path, key: NoteKey | None = None) -> Position:
    """Return the position before everything.

    Args:
        path: The board file.
        key: Of its log, from elsewhere; None for the one that genesis names.

    Raises:
        DataError: This is no board.
    """
    with open_board(path) as stream:
        return Position(read_head(stream, str(path)).election, key)


def follow(path: Path, position: Position) -> Iterator[Advance | Alarm]:
    """Yield what has come since: one advance a checkpoint; an alarm about the file ends it.

    A file that ends in the middle of something is still growing. It is read from the last checkpoint again next time.

    Raises:
        DataError: The file cannot be opened.
    """
    if (broken := _not_what_it_was(path, position)) is not None:
        yield broken
        return
    waiting = list[Logged]()
    for event in scan(path, Place(position.end, position.tree)):
        if isinstance(event, Logged):
            waiting.append(event)
        elif isinstance(event, Damaged):
            if event.before_commit:
                yield Alarm("B.1", f"{event.error.found} (byte {event.offset})", event.index)
            return
        elif isinstance(event, Cosigned):
            if not waiting:
                position = replace(position, end=event.end)
                yield Advance((), (), position)
        else:
            found = _committed(path, position, event, waiting)
            if isinstance(found, Alarm):
                yield found
                return
            alarms, heads = judge_log(found, waiting)
            position = replace(found, tree=event.tree, heads=heads)
            yield Advance(tuple(waiting), tuple(alarms), position)
            waiting.clear()


def _not_what_it_was(path: Path, position: Position) -> Alarm | None:
    """Return what the file lacks of what was verified before: its length, its first bytes, its last checkpoint."""
    with open_board(path) as stream:
        size = stream.seek(0, 2)
        if size < position.end:
            return Alarm(SHRUNK, f"the board has {size} bytes, and had {position.end} that were verified")
        stream.seek(0)
        kept = frame(FrameKind.CHECKPOINT, position.note) if position.note else b""
        try:
            same = read_head(stream, str(path)).election == position.election
        except DataError:
            same = False
        stream.seek(position.noted_at)
        if not same or stream.read(len(kept)) != kept:
            return Alarm(CHANGED, f"the checkpoint over {position.tree.size} entries no longer stands where it stood")
    return None


def _committed(path: Path, position: Position, event: Committed, waiting: Sequence[Logged]) -> Position | Alarm:
    """Return the position with a new checkpoint, if the log signed it over just the entries before it."""
    key = position.key
    try:
        if position.tree.size == 0 or key is None:
            naming = Naming()
            for logged in waiting:
                naming.take(logged.entry, logged.index, "the board")
            named = naming.log(event.note, "the board")
            if key not in (None, named):
                return Alarm("B.2", f"the board's log is {named.vkey()}, not the one that you named", 0)
            key = named
        check_committed(event, key, str(path))
    except E2evError as error:
        return Alarm("B.2", f"{error.found} ({error.where})")
    return replace(position, key=key, note=event.note, noted_at=event.offset, end=event.end)


def judge_log(position: Position, entries: Sequence[Logged]) -> tuple[list[Alarm], Mapping[bytes, Head]]:
    """Return what speaks against entries whatever the election is: signatures, bodies, chains (B.3 to B.6)."""
    alarms, heads = list[Alarm](), dict(position.heads)
    for logged in entries:
        entry, header = logged.entry, logged.entry.header
        objections = list(outside_objections(entry))
        head = heads.get(header.author, Head(0, NO_ENTRY))
        election = election_identifier(entry.body) if logged.index == 0 else header.election
        if election != position.election:
            objections.append(Objection("B.6", "the entry belongs to another election"))
        if header.counter != head.counter + 1 or header.previous != head.leaf_hash:
            found = f"the author's entry {header.counter} after {head.counter} here, or its chain does not continue"
            objections.append(Objection("B.5", found))
        if all(objection.check != "B.3" for objection in objections):
            heads[header.author] = Head(header.counter, entry.leaf_hash)
        alarms += [Alarm(one.check, one.found, logged.index, one.culprit) for one in objections]
    return alarms, MappingProxyType(heads)
