"""Every ballot on a board and what was decided about it, in about two hundred bytes each.

A board of a country has millions of ballots, and whoever reads it keeps where each one stands. So they are kept as
columns of numbers, and made into values when somebody looks at one.
"""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from e2ev.board.merkle import HASH_BYTES

UNDECIDED = "undecided"
_NONE = -1


@dataclass(frozen=True, slots=True)
class BallotPlace:
    """Where a ballot stands, who posted it, and the code its device's chain had before it.

    Attributes:
        index: Of its entry.
        offset: In the board file.
        author: The device.
        counter: The device's counter.
        previous_code: The device's code before it, None for its first.
        leaf_hash: Names the entry.
    """

    index: int
    offset: int
    author: bytes
    counter: int
    previous_code: bytes | None
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of one ballot: the decision, its reason, and the index of the entry that says so."""

    index: int
    decision: str
    reason: str


class _Authors:
    """The few devices of a board, each kept once and known by its number."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self.values: list[bytes] = []

    def number(self, author: bytes) -> int:
        found = self._numbers.setdefault(author, len(self.values))
        if found == len(self.values):
            self.values.append(author)
        return found


class Ballots(Mapping[bytes, BallotPlace]):
    """The ballots of a board by confirmation code, in their order on it; a ballot's row is its place in that order.

    Attributes:
        decisions: What was decided about them.
    """

    def __init__(self) -> None:
        self.decisions = Decisions(self)
        self._rows: dict[bytes, int] = {}
        self._codes: list[bytes] = []
        self._indices, self._offsets, self._counters = array("q"), array("q"), array("q")
        self._previous, self._by = array("i"), array("i")
        self._leaf_hashes = bytearray()
        self._authors = _Authors()

    def __getitem__(self, code: bytes) -> BallotPlace:
        return self.at(self._rows[code])

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._codes)

    def __len__(self) -> int:
        return len(self._codes)

    def __contains__(self, code: object) -> bool:
        return code in self._rows

    def __repr__(self) -> str:
        return f"Ballots({dict(self)!r})"

    def row(self, code: bytes) -> int | None:
        """Return the row of a ballot; None if it is not on the board."""
        return self._rows.get(code)

    def code(self, row: int) -> bytes:
        """Return the code of the ballot in a row."""
        return self._codes[row]

    def at(self, row: int) -> BallotPlace:
        """Return the place of the ballot in a row."""
        previous, start = self._previous[row], row * HASH_BYTES
        return BallotPlace(
            self._indices[row],
            self._offsets[row],
            self._authors.values[self._by[row]],
            self._counters[row],
            None if previous == _NONE else self._codes[previous],
            bytes(self._leaf_hashes[start : start + HASH_BYTES]),
        )

    def put(self, code: bytes, place: BallotPlace) -> None:
        """Note a ballot; a code that is there already, which a rule forbids, names the later ballot from now on."""
        previous = _NONE if place.previous_code is None else self._rows[place.previous_code]
        row = self._rows.setdefault(code, len(self._codes))
        if row == len(self._codes):
            self._codes.append(code)
            for column in (self._indices, self._offsets, self._counters, self._previous, self._by):
                column.append(0)
            self._leaf_hashes += bytes(HASH_BYTES)
        self._indices[row], self._offsets[row], self._counters[row] = place.index, place.offset, place.counter
        self._previous[row], self._by[row] = previous, self._authors.number(place.author)
        self._leaf_hashes[row * HASH_BYTES : (row + 1) * HASH_BYTES] = place.leaf_hash


class Decisions(Mapping[bytes, Decided]):
    """What was decided about ballots, by code, in the order of the ballots."""

    def __init__(self, ballots: Ballots) -> None:
        self._ballots = ballots
        self._indices = array("q")
        self._said = array("i")
        self._numbers = {(UNDECIDED, ""): 0}
        self._pairs = [(UNDECIDED, "")]
        self._others: dict[bytes, Decided] = {}

    def __getitem__(self, code: bytes) -> Decided:
        row = self._ballots.row(code)
        if row is None:
            return self._others[code]
        if not self._is_decided(row):
            raise KeyError(code)
        return Decided(self._indices[row], *self._pairs[self._said[row]])

    def __iter__(self) -> Iterator[bytes]:
        yield from (code for row, code in enumerate(self._ballots) if self._is_decided(row))
        yield from self._others

    def __len__(self) -> int:
        return sum(map(bool, self._said)) + len(self._others)

    def __repr__(self) -> str:
        return f"Decisions({dict(self)!r})"

    def word(self, row: int) -> str:
        """Return what was decided about the ballot in a row, "undecided" where nothing was."""
        return self._pairs[self._said[row]][0] if row < len(self._said) else UNDECIDED

    def put(self, code: bytes, decided: Decided) -> None:
        """Note a decision; one about a ballot that is not on the board, which a rule forbids, is kept as well."""
        row = self._ballots.row(code)
        if row is None:
            self._others[code] = decided
            return
        missing = row + 1 - len(self._said)
        if missing > 0:
            self._said.extend([0] * missing)
            self._indices.extend([0] * missing)
        pair = (decided.decision, decided.reason)
        number = self._numbers.setdefault(pair, len(self._pairs))
        if number == len(self._pairs):
            self._pairs.append(pair)
        self._indices[row], self._said[row] = decided.index, number

    def _is_decided(self, row: int) -> bool:
        return row < len(self._said) and self._said[row] != 0
