"""Shamir's sharing with public commitments to the coefficients (EGDS 2.1 §3.2, §3.6.4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NewType

from e2ev.group import SYSTEM_RANDOMNESS, Element, Group, Randomness, Scalar, SecretScalar, product

TrusteeId = NewType("TrusteeId", int)
"""A trustee's index i, 1 .. n: the point at which its share is taken."""


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A secret polynomial P_i of degree k-1; its constant term is the trustee's secret key."""

    coefficients: tuple[SecretScalar, ...] = field(repr=False)

    @classmethod
    def random(cls, group: Group, quorum: int, randomness: Randomness = SYSTEM_RANDOMNESS) -> "Polynomial":
        """Return a polynomial with `quorum` random coefficients (EGDS (7))."""
        return cls(tuple(group.random_secret(randomness) for _ in range(quorum)))

    def commitments(self) -> tuple[Element, ...]:
        """Return K_i,j = g^a_i,j for each coefficient (EGDS (8))."""
        g = self.coefficients[0].group.generator
        return tuple(g**coefficient for coefficient in self.coefficients)

    def at(self, trustee: TrusteeId) -> SecretScalar:
        """Return the share P_i(l), by Horner's rule."""
        result = self.coefficients[-1]
        for coefficient in reversed(self.coefficients[:-1]):
            result = result * trustee + coefficient
        return result


def share_commitment(commitments: Sequence[Element], trustee: TrusteeId) -> Element:
    """Return g^P_i(l) from the commitments alone (EGDS (14), (28))."""
    group = commitments[0].group
    return product(group, (element ** pow(trustee, j, int(group.q)) for j, element in enumerate(commitments)))


def lagrange_coefficient(group: Group, quorum: Iterable[TrusteeId], trustee: TrusteeId) -> Scalar:
    """Return w_i, the coefficient at 0 of `trustee` over `quorum` (EGDS (85)).

    Args:
        group: The group whose q is meant.
        quorum: The trustees that take part, distinct, none zero.
        trustee: One of them.

    Raises:
        ValueError: `trustee` is not in `quorum`, or the quorum is not a set of distinct positive numbers.
    """
    members = list(quorum)
    if trustee not in members or len(set(members)) != len(members) or min(members) < 1:
        raise ValueError("Lagrange coefficients need distinct positive trustees, with this one among them")
    others = [other for other in members if other != trustee]
    numerator, denominator = group.scalar(1), group.scalar(1)
    for other in others:
        numerator, denominator = numerator * other, denominator * (other - trustee)
    return numerator * denominator.inverse()


def combine_shares(shares: Mapping[TrusteeId, Element]) -> Element:
    """Return the product of M_i^w_i over the quorum that the keys are (EGDS (86))."""
    group = next(iter(shares.values())).group
    return product(group, (element ** lagrange_coefficient(group, shares, i) for i, element in shares.items()))
