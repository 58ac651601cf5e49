"""The roll: rows of voters without names, each one key a registrar, a ballot style, a unit and a weight.

A roll can have millions of rows. Their keys stand in a temporary file, row after row, so that a row's keys are found
at a known place; the table of sections, two numbers a row and the peaks of the tree are what memory holds.
"""

import hashlib
import struct
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, cast

from e2ev.board.merkle import Tree
from e2ev.board.posted import Posted
from e2ev.errors import StorageError
from e2ev.manifest import Manifest
from e2ev.record.eligibility import (
    WHOLE,
    CheckInBody,
    RegisterBody,
    RegistrarAdmittedBody,
    RollEndorsedBody,
    RollSection,
)
from e2ev.signing import KEY_BYTES

MAX_ROWS = 1 << 27
HELD = 1 << 20
"""Bytes of keys that are held in memory before they go to a file."""
_BLOCK = 1 << 16
"""Rows that are hashed at once."""
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Class:
    """What the voters of one section have in common: ballot style, reporting unit, weight."""

    style: int
    unit: int
    weight: int


def row_hashes(section: RollSection, width: int) -> Iterator[list[bytes]]:
    """Yield the leaf hashes of a section's rows, in blocks: over style, unit, weight (4 bytes each), and the keys."""
    head = b"\0" + struct.pack(">III", section.style, section.unit, section.weight)
    keys, step = section.keys, _BLOCK * width
    for start in range(0, len(keys), step):
        ends = range(start, min(start + step, len(keys)), width)
        yield [hashlib.sha256(head + keys[i : i + width]).digest() for i in ends]


class Roll:
    """The rows of a roll so far.

    Args:
        columns: How many registrars have a key in each row.

    Attributes:
        tree: Over all rows.
    """

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.tree = Tree()
        self._firsts, self._classes = array("q"), list[Class]()
        self._keys: IO[bytes] | None = None

    @property
    def width(self) -> int:
        """Bytes of a row's keys."""
        return KEY_BYTES * self.columns

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.tree.size

    def add(self, section: RollSection) -> None:
        """Take in the rows of a section.

        Raises:
            StorageError: The temporary file cannot be written.
        """
        held = Class(section.style, section.unit, section.weight)
        if not self._classes or self._classes[-1] != held:
            self._firsts.append(self.rows)
            self._classes.append(held)
        try:
            if self._keys is None:
                self._keys = cast(IO[bytes], SpooledTemporaryFile(max_size=HELD))  # noqa: SIM115 -- lives as the roll
            self._keys.seek(self.rows * self.width)
            self._keys.write(section.keys)
        except OSError as error:
            remedy = "free some space, or set TMPDIR to a folder on a larger disk"
            raise StorageError(f"the roll cannot be kept: {error.strerror}", remedy=remedy) from error
        for block in row_hashes(section, self.width):
            self.tree = self.tree.extend(block)

    def last_class(self) -> Class | None:
        """Return what the last row's voters have in common; None without rows."""
        return self._classes[-1] if self._classes else None

    def class_of(self, row: int) -> Class:
        """Return style, unit and weight of a row."""
        return self._classes[bisect_right(self._firsts, row) - 1]

    def keys_of(self, row: int) -> tuple[bytes, ...]:
        """Return the keys of a row, one a registrar."""
        data = next(self.blocks(row, row + 1))
        return tuple(data[i : i + KEY_BYTES] for i in range(0, len(data), KEY_BYTES))

    def blocks(self, first: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the keys of rows one after another, some thousand rows at once."""
        end = self.rows if end is None else end
        while first < end and self._keys is not None:
            count = min(end - first, _BLOCK)
            self._keys.seek(first * self.width)
            yield self._keys.read(count * self.width)
            first += count

    def row_of(self, key: bytes) -> int | None:
        """Return the first row that has a key; None if none has."""
        first = 0
        for block in self.blocks():
            at = block.find(key)
            while at >= 0 and at % KEY_BYTES:
                at = block.find(key, at + 1)
            if at >= 0:
                return first + at // self.width
            first += len(block) // self.width
        return None

    def sizes(self) -> Iterator[tuple[Class, int]]:
        """Yield each section's class, and how many rows it has."""
        ends = (*self._firsts[1:], self.rows)[: len(self._firsts)]
        yield from ((held, end - first) for held, first, end in zip(self._classes, self._firsts, ends, strict=True))

    def too_small(self, manifest: Manifest) -> list[tuple[int, int, int]]:
        """Return contest, weight and number of voters of each weight class that is too small to hide anybody."""
        counts: Counter[tuple[int, int]] = Counter()
        for held, rows in self.sizes():
            for contest in manifest.style(held.style).contests:
                counts[contest, held.weight] += rows
        least = manifest.minimum_cell
        return [(contest, weight, n) for (contest, weight), n in sorted(counts.items()) if n < least]


@dataclass(slots=True)
class Eligibility:
    """What stands on a board about who may vote.

    Attributes:
        roll: The roll.
        registrars: By key, in the order of their admission.
        endorsements: Of the roll, by registrar.
        registers: The register before voting opened, as each registrar states it.
        check_ins: By reporting unit.
        supersedes: Whether a later ballot takes the place of an earlier one of the same row.
        superseded: How many ballots were cast and then superseded.
        authorized: By the ballot's row on the board, its row of the roll.
        last: By row of the roll, the ballot that was cast last.
    """

    roll: Roll
    supersedes: bool = False
    registrars: dict[bytes, Posted[RegistrarAdmittedBody]] = field(default_factory=dict)
    endorsements: dict[bytes, Posted[RollEndorsedBody]] = field(default_factory=dict)
    registers: dict[bytes, Posted[RegisterBody]] = field(default_factory=dict)
    check_ins: dict[int, Posted[CheckInBody]] = field(default_factory=dict)
    superseded: int = 0
    authorized: "array[int]" = field(default_factory=lambda: array("i"), repr=False)
    last: "array[int]" = field(default_factory=lambda: array("i"), repr=False)

    @classmethod
    def of(cls, manifest: Manifest) -> "Eligibility":
        """Return what a board has before anything was posted."""
        rule = manifest.eligibility
        if rule is None or rule.mode != "roll":
            return cls(Roll(0))
        return cls(Roll(rule.registrars), rule.revotes == "last")

    def whole(self) -> list[bytes]:
        """Return the keys of the registrars of the whole election, in the order of their admission."""
        return [author for author, posted in self.registrars.items() if posted.body.form.unit == WHOLE]

    def row(self, ballot: int) -> int | None:
        """Return the row of the roll that authorizes a ballot, by the ballot's row on the board; None if none does."""
        row = self.authorized[ballot] if ballot < len(self.authorized) else NOBODY
        return None if row == NOBODY else row

    def authorize(self, ballot: int, row: int) -> None:
        """Note that a row of the roll authorizes a ballot."""
        self.authorized.extend([NOBODY] * (ballot + 1 - len(self.authorized)))
        self.authorized[ballot] = row

    def cast(self, ballot: int) -> None:
        """Note that a ballot was cast; one that its voter cast before is superseded, if the manifest says so."""
        row = self.row(ballot)
        if row is None or row >= self.roll.rows:
            return
        self.last.extend([NOBODY] * (self.roll.rows - len(self.last)))
        self.superseded += self.supersedes and self.last[row] != NOBODY
        self.last[row] = ballot

    def voted(self, row: int) -> int | None:
        """Return the ballot that a row of the roll cast last; None if it cast none."""
        ballot = self.last[row] if row < len(self.last) else NOBODY
        return None if ballot == NOBODY else ballot

    def is_superseded(self, ballot: int) -> bool:
        """Return whether its voter cast another ballot later, which counts in its place."""
        if not self.supersedes or (row := self.row(ballot)) is None:
            return False
        return self.voted(row) not in (None, ballot)

    def register_of(self, unit: int) -> int:
        """Return how many are registered at a reporting unit, as the first registrar stated it."""
        stated = next(iter(self.registers.values()), None)
        found = (one.size for one in stated.body.form.units if one.unit == unit) if stated else iter(())
        return next(found, 0)
