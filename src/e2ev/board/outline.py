"""What a board commits to, without the bodies: leaf hashes, checkpoints, cosigned checkpoints (specs/board.md).

Receipts, witnesses and cosigners work on this. It takes 32 bytes an entry and 40 a checkpoint.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from e2ev.board.merkle import HASH_BYTES
from e2ev.board.naming import Naming
from e2ev.board.note import Checkpoint, NoteKey, check_checkpoint, parse_checkpoint, parse_note
from e2ev.board.reader import Committed, Cosigned, Damaged, Logged, scan
from e2ev.errors import DataError, E2evError, RejectedError

_SEE_VERIFY = "e2ev verify says everything that is wrong with the board"


class LeafHashes(Sequence[bytes]):
    """Leaf hashes one after another, as few bytes as they have."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf, 32 bytes."""
        self._bytes += leaf

    def __len__(self) -> int:
        return len(self._bytes) // HASH_BYTES

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[bytes, ...]: ...
    def __getitem__(self, at: int | slice) -> bytes | tuple[bytes, ...]:
        if isinstance(at, slice):
            return tuple(self[i] for i in range(len(self))[at])
        start = range(len(self))[at] * HASH_BYTES
        return bytes(self._bytes[start : start + HASH_BYTES])


class Roots:
    """The root at each size that has a checkpoint, computed from the entries."""

    def __init__(self) -> None:
        self._sizes = array("Q")
        self._roots = LeafHashes()

    def put(self, size: int, root: bytes) -> None:
        """Keep the root of so many entries; sizes never become smaller."""
        if not self._sizes or self._sizes[-1] < size:
            self._sizes.append(size)
            self._roots.append(root)

    def get(self, size: int) -> bytes | None:
        """Return the root of so many entries, None where no checkpoint stands."""
        at = bisect_left(self._sizes, size)
        return self._roots[at] if at < len(self._sizes) and self._sizes[at] == size else None


@dataclass(slots=True)
class Outline:
    """What one pass over a board file saw; nobody's signature was checked.

    Attributes:
        log: Its name and key, as genesis has them, or the entry that admits the station whose board it is.
        hashes: Of all entries in the file, also of those behind the last checkpoint.
        roots: At each checkpoint.
        size: Number of entries under the last checkpoint.
        note: The last checkpoint.
        cosigned: What stands in cosignature frames.
        found: The entries that were looked for.
        strays: Checkpoints, cosigned or not, that state other entries than stand before them, or are another log's.
    """

    log: NoteKey
    hashes: LeafHashes = field(default_factory=LeafHashes)
    roots: Roots = field(default_factory=Roots)
    size: int = 0
    note: bytes = b""
    cosigned: list[bytes] = field(default_factory=list)
    found: list[Logged] = field(default_factory=list)
    strays: list[bytes] = field(default_factory=list)

    def checkpoint(self, log: NoteKey) -> Checkpoint:
        """Return what the last checkpoint states: just the entries before it, signed by `log`.

        Raises:
            RejectedError: It states something else, or the log did not sign it.
            DataError: It is no checkpoint.
        """
        stated = check_checkpoint(self.note, log, where="the last checkpoint")
        if (stated.size, stated.root) != (self.size, self.roots.get(self.size)):
            found = "the last checkpoint does not state the entries before it"
            raise RejectedError(found, remedy=_SEE_VERIFY)
        return stated


def read_outline(path: Path, wanted: Callable[[Logged], bool] = lambda _: False) -> Outline:
    """Return what a board commits to, up to its last checkpoint.

    Args:
        path: The board file.
        wanted: Says which entries are looked for.

    Raises:
        DataError: This is no board, or it has no beginning.
        RejectedError: It is damaged before its last checkpoint.
    """
    outline, naming, early = None, Naming(), list[Cosigned]()
    hashes, found = LeafHashes(), list[Logged]()
    for event in scan(path):
        if isinstance(event, Damaged):
            if event.before_commit:
                raise RejectedError(event.error.found, where=event.error.where, remedy=_SEE_VERIFY)
            break
        if isinstance(event, Logged):
            if outline is None:
                naming.take(event.entry, event.index, str(path))
            hashes.append(event.entry.leaf_hash)
            if wanted(event):
                found.append(event)
        elif outline is not None:
            _take_note(outline, event)
        elif isinstance(event, Cosigned):
            early.append(event)
        else:
            outline = Outline(naming.log(event.note, str(path)), hashes, found=found)
            _take_note(outline, event)
            for cosigned in early:
                _take_note(outline, cosigned)
    if outline is None:
        raise DataError("the board has no checkpoint yet", where=str(path), remedy="ask again later")
    return outline


def statement_of(note: bytes, where: str = "") -> Checkpoint:
    """Return what a checkpoint states, whoever signed it.

    Raises:
        DataError: This is no checkpoint.
    """
    return parse_checkpoint(parse_note(note, where=where).text, where=where)


def _take_note(outline: Outline, event: Committed | Cosigned) -> None:
    if isinstance(event, Committed):
        outline.roots.put(event.size, event.root)
        outline.size, outline.note = event.size, event.note
    else:
        outline.cosigned.append(event.note)
    try:
        stated = statement_of(event.note)
    except E2evError:
        return
    if stated.origin != outline.log.name or outline.roots.get(stated.size) != stated.root:
        outline.strays.append(event.note)
