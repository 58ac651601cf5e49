"""Which reporting units what is published keeps together (specs/results.md, "Isolation")."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Atoms:
    """Units that nobody can tell apart by what is published of one contest: each is in the same published sets.

    Whatever is computed from the totals of published sets is the same for all units of an atom, so a set that is made
    of whole atoms, each with no ballot or with m of them, isolates nobody, however sums and differences are taken.

    Attributes:
        atom: Of each unit that is in a published set.
        ballots: Of each atom.
    """

    atom: dict[int, int] = field(default_factory=dict)
    ballots: dict[int, int] = field(default_factory=dict)

    def publish(self, units: Iterable[int], held: dict[int, int]) -> int:
        """Publish a total over some units, and return the fewest ballots, above 0, of an atom that this makes.

        Args:
            units: The set.
            held: Ballots of each unit.
        """
        inside: dict[int, list[int]] = {}
        for unit in units:
            inside.setdefault(self.atom.get(unit, -1), []).append(unit)
        made = []
        for atom, members in inside.items():
            count = sum(held.get(unit, 0) for unit in members)
            rest = self.ballots[atom] - count if atom >= 0 else 0
            new = len(self.ballots)
            self.ballots[new] = count
            if atom >= 0:
                self.ballots[atom] = rest
            self.atom |= dict.fromkeys(members, new)
            made += [count, rest]
        return min((count for count in made if count), default=0)

    def copy(self) -> "Atoms":
        """Return the same, to try something on."""
        return Atoms(dict(self.atom), dict(self.ballots))
