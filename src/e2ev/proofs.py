"""The statements that EGDS 2.1 proves, each as rows of a linear relation."""

from collections.abc import Sequence

from e2ev.elgamal import Ciphertext
from e2ev.group import Element
from e2ev.sigma import Known, Relation, Row


def knowledge(*powers: tuple[Element, Element]) -> Relation:
    """I know x_0, x_1, ... with target = base^x for each (target, base): Schnorr's proof, one challenge for all."""
    return tuple(Row(((target, 1),), ((base, i),)) for i, (target, base) in enumerate(powers))


def possession(commitments: Sequence[Element], communication_key: Element) -> Relation:
    """I know all coefficients behind K_i,0 .. K_i,k-1 and the secret behind κ_i (EGDS §3.2.2)."""
    g = communication_key.group.generator
    return knowledge(*((element, g) for element in (*commitments, communication_key)))


def equal_logarithms(first: tuple[Element, Element], second: tuple[Element, Element]) -> Relation:
    """I know one x with target = base^x for both (target, base): Chaum and Pedersen's proof (EGDS §3.6.5)."""
    return tuple(Row(((target, 1),), ((base, 0),)) for target, base in (first, second))


def in_range(ciphertext: Ciphertext, key: Element, limit: int) -> tuple[Relation, ...]:
    """One of 0 .. limit is encrypted: branch j says α = g^ξ and β·K^-j = K^ξ (EGDS (57), (58))."""
    return sum_in_range((ciphertext,), key, limit)


def sum_in_range(ciphertexts: Sequence[Ciphertext], key: Element, limit: int) -> tuple[Relation, ...]:
    """One of 0 .. limit is encrypted by the product of the ciphertexts, written factor by factor."""
    g = key.group.generator
    alphas = tuple((cipher.alpha, 1) for cipher in ciphertexts)
    betas = tuple((cipher.beta, 1) for cipher in ciphertexts)
    return tuple((Row(alphas, ((g, 0),)), Row((*betas, (key, -j)), ((key, 0),))) for j in range(limit + 1))


def in_range_known(key: Element, value: int, limit: int) -> tuple[Known, ...]:
    """The branches of `in_range` as the encrypter knows them: α = g^ξ and β·K^-j = K^(ξ + value - j)."""
    g = key.group.generator
    return tuple(((g, 0), (key, value - j)) for j in range(limit + 1))
