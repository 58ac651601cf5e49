"""How deep a verification goes, and which ballots a sample takes (specs/verification.md, "Levels")."""

import hashlib
import heapq
import unicodedata
from dataclasses import dataclass
from enum import Enum

from e2ev.errors import DataError

MAX_SEED = 1024
"""Bytes of a seed."""
CONFIDENCE = 0.95
_TICKET = b"e2ev sample v1\0"


class Level(Enum):
    """How deep a verification goes; each level does what the one before does, and more."""

    STRUCTURE = "structure"
    LOG = "log"
    SAMPLE = "sample"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Sample:
    """Which ballots are looked at: so many, drawn by a seed from outside.

    Attributes:
        seed: Text that nobody knew when the board got its root, like a roll of dice in public.
        size: How many ballots.

    Raises:
        DataError: The seed is empty or too long, or there is nothing to draw.
    """

    seed: str
    size: int

    def __post_init__(self) -> None:
        if not 1 <= len(self._seed()) <= MAX_SEED:
            remedy = "roll dice in public once the root is known, and write down what fell: --seed 4613552601"
            raise DataError(f"a seed has 1 to {MAX_SEED} bytes", where="--seed", remedy=remedy)
        if self.size < 1:
            raise DataError("a sample has at least one ballot", where="--sample")

    def _seed(self) -> bytes:
        return unicodedata.normalize("NFC", self.seed.strip()).encode()

    def ticket(self, root: bytes, row: int) -> bytes:
        """Return the ticket of the ballot in a row: those with the smallest are drawn."""
        seed = self._seed()
        return hashlib.sha256(_TICKET + root + len(seed).to_bytes(4, "big") + seed + row.to_bytes(8, "big")).digest()

    def rows(self, root: bytes, ballots: int) -> list[int]:
        """Return the rows that are drawn, in order; all of them if there are not more.

        Args:
            root: Merkle root over all entries of the board.
            ballots: How many ballots it has.
        """
        return sorted(heapq.nsmallest(self.size, range(ballots), key=lambda row: self.ticket(root, row)))


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a sample has looked at.

    Attributes:
        sample: The seed, and how many ballots were wanted.
        drawn: How many were drawn.
        ballots: From how many.
    """

    sample: Sample
    drawn: int
    ballots: int

    @property
    def bound(self) -> float:
        """The share f of bad ballots with (1-f)^n = 0.05: with more than that, one is drawn in 95 of 100 samples."""
        return 1 - (1 - CONFIDENCE) ** (1 / self.drawn) if self.drawn else 1.0

    def in_words(self) -> tuple[str, str]:
        """Return what the sample says, and what it does not."""
        says = (
            f"{self.drawn} of {self.ballots} ballots were drawn by the seed {self.sample.seed.strip()!r}: if a share f "
            f"of all ballots is bad, none is among those with a probability of at most (1-f)^{self.drawn}; more than "
            f"{100 * self.bound:.3g} % bad ones would have been seen in 95 of 100 samples"
        )
        return says, "a sample says nothing about the result: one ballot that is not proved can hold a million votes"
