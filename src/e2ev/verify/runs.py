"""Sorted runs on disk: what stands on a board twice is found however large the board is, in little memory.

A record is a value and, in its last four bytes, the row of the ballot that has it; all records of one kind are equally
wide. Runs of them are sorted, written to a folder, and merged when they are read.
"""

import hashlib
import heapq
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from e2ev.errors import StorageError

ROW_BYTES = 4
HELD = 1 << 20
"""Bytes of records that a spool keeps in memory before it writes a run."""
FAN = 64
"""Runs that are merged at once, which is how many files are open."""
_BLOCK = 4096
"""Records that are read at once."""


def record(value: bytes, row: int) -> bytes:
    """Return the record of a value that the ballot in this row has."""
    return value + row.to_bytes(ROW_BYTES, "big")


def row_of(one: bytes) -> int:
    """Return the row that a record names."""
    return int.from_bytes(one[-ROW_BYTES:], "big")


def value_of(one: bytes) -> bytes:
    """Return the value of a record."""
    return one[:-ROW_BYTES]


def sorted_run(records: Iterable[bytes]) -> bytes:
    """Return records as a run."""
    return b"".join(sorted(records))


def _cut(run: bytes, width: int) -> Iterator[bytes]:
    return (run[i : i + width] for i in range(0, len(run), width))


@dataclass(frozen=True, slots=True)
class Run:
    """A sorted run in a file: where it starts, and how many records of which width it has."""

    path: Path
    width: int
    count: int
    start: int = 0

    def __iter__(self) -> Iterator[bytes]:
        left = self.count * self.width
        with self.path.open("rb") as stream:
            stream.seek(self.start)
            while left and (block := stream.read(min(left, _BLOCK * self.width))):
                left -= len(block)
                yield from _cut(block, self.width)

    def digest(self) -> bytes:
        """Return the SHA-256 of all records."""
        state = hashlib.sha256()
        for one in self:
            state.update(one)
        return state.digest()


class Spool:
    """Records of one width in sorted runs, as many as there may be.

    Args:
        folder: Where runs are written; whoever made it removes it.
        name: Of the files.
        width: Of a record.
        held: Bytes that are kept in memory.
    """

    def __init__(self, folder: Path, name: str, width: int, held: int = HELD) -> None:
        self.folder, self.name, self.width, self.held = folder, name, width, held
        self._buffer = bytearray()
        self._levels: list[list[Run]] = []
        self._made = 0

    def add(self, run: bytes) -> None:
        """Take in records, in any order."""
        self._buffer += run
        if len(self._buffer) >= self.held:
            self._spill()

    def add_run(self, run: Run) -> None:
        """Take in a run that stands in a file already, which has to stay there."""
        self._put(0, run)

    def __iter__(self) -> Iterator[bytes]:
        """Yield all records in order."""
        runs = [run for level in self._levels for run in level]
        return heapq.merge(*runs, sorted(_cut(bytes(self._buffer), self.width)))

    def write(self, path: Path) -> Run:
        """Write all records in order as one run."""
        return _written(self, path, self.width)

    def _spill(self) -> None:
        run = self._file(sorted(_cut(bytes(self._buffer), self.width)))
        self._buffer.clear()
        self._put(0, run)

    def _put(self, level: int, run: Run) -> None:
        """Keep a run; as many as are merged at once become one of the next level."""
        while len(self._levels) <= level:
            self._levels.append([])
        self._levels[level].append(run)
        if len(self._levels[level]) == FAN:
            merged = self._file(heapq.merge(*self._levels[level]))
            for old in self._levels[level]:
                if old.path.parent == self.folder:
                    old.path.unlink()
            self._levels[level] = []
            self._put(level + 1, merged)

    def _file(self, records: Iterable[bytes]) -> Run:
        self._made += 1
        return _written(records, self.folder / f"{self.name}-{self._made}.run", self.width)


def _written(records: Iterable[bytes], path: Path, width: int) -> Run:
    count = 0
    try:
        with path.open("wb") as stream:
            for one in records:
                stream.write(one)
                count += 1
    except OSError as error:
        remedy = "free some space, or set TMPDIR to a folder on a larger disk"
        raise StorageError(f"cannot write: {error.strerror}", where=str(path), remedy=remedy) from error
    return Run(path, width, count)


def repeated(records: Spool, void: Container[int] = ()) -> Iterator[tuple[int, int]]:
    """Yield the row of each ballot that has a value which stands on the board before, and the first row that has it.

    Rows come in order, each once. A value that one ballot has twice counts as well.

    Args:
        records: The values of all ballots.
        void: Rows of ballots whose values count for nothing.
    """
    found = Spool(records.folder, f"{records.name}-repeated", 2 * ROW_BYTES)
    value, first = b"", -1
    for one in records:
        if void and row_of(one) in void:
            continue
        if first >= 0 and value_of(one) == value:
            found.add(record(one[-ROW_BYTES:], first))
        else:
            value, first = value_of(one), row_of(one)
    for row, pairs in groupby(found, value_of):
        yield int.from_bytes(row, "big"), row_of(next(pairs))
