"""Which ballots are decrypted together: counted ballots fall into cells (ARCHITECTURE 11; EGDS 2.1 §3.5).

Per contest, the counted ballots of one reporting unit make a pile. A cell is one pile, or piles of neighbouring units
put together, so that each weight class in it has at least m ballots. The total is the sum of the cells, and nothing
smaller than a cell is ever decrypted; EGDS's single tally is the case of one cell.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from e2ev.ballot import EncryptedBallot
from e2ev.elgamal import Ciphertext

Place = tuple[int, int]
"""A contest and a reporting unit, by index."""


@dataclass(frozen=True, slots=True)
class Pile:
    """The counted ballots of one contest at one reporting unit.

    Attributes:
        classes: Pairs of a weight and the number of ballots that carry it, by weight.
        totals: The weighted product of their ciphertexts, one an option (EGDS (79), (80)).
    """

    classes: tuple[tuple[int, int], ...]
    totals: tuple[Ciphertext, ...]

    @property
    def ballots(self) -> int:
        """Number of ballots."""
        return sum(count for _, count in self.classes)

    @property
    def bound(self) -> int:
        """The sum of all weights: each option's count is at most this times its limit."""
        return sum(weight * count for weight, count in self.classes)

    def __add__(self, other: "Pile") -> "Pile":
        counts = dict(self.classes)
        for weight, count in other.classes:
            counts[weight] = counts.get(weight, 0) + count
        totals = (left * right for left, right in zip(self.totals, other.totals, strict=True))
        return Pile(tuple(sorted(counts.items())), tuple(totals))

    def hides(self, minimum: int) -> bool:
        """Return whether each weight class has at least `minimum` ballots."""
        return all(count >= minimum for _, count in self.classes)


def piles_of(ballot: EncryptedBallot) -> dict[Place, Pile]:
    """Return what one counted ballot adds, contest by contest."""
    return {
        (contest.contest, ballot.unit): Pile(
            ((ballot.weight, 1),),
            tuple(selection.ciphertext**ballot.weight for selection in contest.selections),
        )
        for contest in ballot.contests
    }


def add_piles(parts: Iterable[Mapping[Place, Pile]]) -> dict[Place, Pile]:
    """Return the sums, place by place; the order of the parts does not matter."""
    sums: dict[Place, Pile] = {}
    for part in parts:
        for place, pile in part.items():
            held = sums.get(place)
            sums[place] = pile if held is None else held + pile
    return sums


@dataclass(frozen=True, slots=True)
class CountedCell:
    """One cell: the contest, its units in increasing order, and the pile of all its ballots."""

    contest: int
    units: tuple[int, ...]
    pile: Pile


def cells(piles: Mapping[Place, Pile], minimum: int) -> tuple[CountedCell, ...]:
    """Return the cells of every contest that has ballots, in order: the one partition that everybody computes.

    Units are taken in increasing order and put together until the cell hides its ballots; what is left over at the
    end joins the cell before it. A contest all of whose ballots together do not hide stays closed: it has no cell.
    """
    contests = sorted({contest for contest, _ in piles})
    return tuple(cell for contest in contests for cell in _cells_of(contest, piles, minimum))


def _cells_of(contest: int, piles: Mapping[Place, Pile], minimum: int) -> Sequence[CountedCell]:
    found: list[CountedCell] = []
    units: tuple[int, ...] = ()
    pile: Pile | None = None
    for unit in sorted(unit for held, unit in piles if held == contest):
        units, pile = (*units, unit), piles[contest, unit] if pile is None else pile + piles[contest, unit]
        if pile.hides(minimum):
            found.append(CountedCell(contest, units, pile))
            units, pile = (), None
    while pile is not None and found:
        last = found.pop()
        units, pile = (*last.units, *units), last.pile + pile
        if pile.hides(minimum):
            return [*found, CountedCell(contest, units, pile)]
    return found
