"""Many proofs at once: random linear combination over their commitments (specs/protocol.md, "Proofs in batch").

What passes here is right, but for a probability of 2^-128; what does not pass is not thereby wrong: it goes down the
plain path, which alone makes findings. So commitments change the speed and never the verdict.
"""

from collections.abc import Sequence

from e2ev import arith
from e2ev.arith import Integer
from e2ev.group import SYSTEM_RANDOMNESS, Base, Element, Group, Randomness, Residue
from e2ev.sigma import Claim

EXPONENT_BYTES = 16

Certifiable = tuple[Sequence[Claim], Sequence[Element]]
"""Claims of one ballot, and all their commitments in order."""


def certifiable(claims: Sequence[Claim], commitments: Sequence[Residue]) -> Certifiable | None:
    """Return what can be tried in batch: every challenge is the hash of its commitments, none has Jacobi symbol -1.

    An element of order 2 would pass a random combination half of the time; the symbol sees it always. What is left
    of the group has no small subgroup, since (p-1)/2q is prime.
    """
    if sum(claim.commitments for claim in claims) != len(commitments):
        return None
    group = commitments[0].group
    if any(arith.jacobi(one.value, group.p) != 1 for one in commitments):
        return None
    elements = [Element(group, one.value) for one in commitments]
    done = 0
    for claim in claims:
        if not claim.is_of(elements[done : done + claim.commitments]):
            return None
        done += claim.commitments
    return claims, elements


def certify(items: Sequence[Certifiable], randomness: Randomness = SYSTEM_RANDOMNESS) -> list[bool]:
    """Return for each item whether all its claims hold; where a batch fails, halves of it are tried, down to one."""
    if not items:
        return []
    if _holds(items, randomness):
        return [True] * len(items)
    if len(items) == 1:
        return [False]
    half = len(items) // 2
    return [*certify(items[:half], randomness), *certify(items[half:], randomness)]


def _holds(items: Sequence[Certifiable], randomness: Randomness) -> bool:
    """Return whether a random combination of all equations holds; exponents are drawn now, after the data is fixed."""
    group = items[0][1][0].group
    left: dict[Integer, tuple[Element, Integer]] = {}
    right: list[tuple[Integer, Integer]] = []
    for claims, commitments in items:
        made = iter(commitments)
        for claim in claims:
            for terms in claim.terms():
                weight = arith.integer(randomness(EXPONENT_BYTES))
                right.append((next(made).value, weight))
                for element, exponent in terms:
                    value = exponent if isinstance(exponent, int) else exponent.value
                    held = left.get(element.value, (element, arith.integer(0)))
                    left[element.value] = (held[0], (held[1] + weight * value) % group.q)
    return _product(group, list(left.values())) == _multi(group, right)


def _product(group: Group, terms: Sequence[tuple[Element, Integer]]) -> Integer:
    fixed = [(base, exponent) for base, exponent in terms if isinstance(base, Base)]
    result = _multi(group, [(base.value, exponent) for base, exponent in terms if not isinstance(base, Base)])
    for base, exponent in fixed:
        result = result * (base ** group.scalar(exponent)).value % group.p
    return result


def _multi(group: Group, terms: Sequence[tuple[Integer, Integer]]) -> Integer:
    return arith.multi_power([base for base, _ in terms], [exponent for _, exponent in terms], group.p)
