"""Exponential ElGamal with base K (EGDS 2.1 §3.3.1), hashed ElGamal (§3.2.2, §3.3.4), small discrete logarithms."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import isqrt

from e2ev.errors import RejectedError
from e2ev.group import Element, Exponent, Group, Nonce, product
from e2ev.sigma import Proof


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """An encryption (α, β) = (g^ξ, K^(σ+ξ)) of a small integer σ; or a product of such."""

    alpha: Element
    beta: Element

    def __mul__(self, other: "Ciphertext") -> "Ciphertext":
        return Ciphertext(self.alpha * other.alpha, self.beta * other.beta)

    def __pow__(self, weight: int) -> "Ciphertext":
        return self if weight == 1 else Ciphertext(self.alpha**weight, self.beta**weight)


@dataclass(frozen=True, slots=True)
class HashedCiphertext:
    """An encryption (C_0, C_1, C_2) of bytes: C_0 = g^ξ, C_1 = bytes XOR pad, C_2 proves knowledge of ξ."""

    c0: Element
    c1: bytes
    c2: Proof

    def to_bytes(self) -> bytes:
        """Return C_0 ‖ C_1 ‖ C_2 as EGDS hashes it, C_2 in 2·l_q bytes if it is a proof at all (EGDS §5.5.3)."""
        scalars = (self.c2.challenge, *self.c2.responses)
        return self.c0.to_bytes() + self.c1 + b"".join(scalar.to_bytes() for scalar in scalars)


def encrypt(key: Element, value: int, nonce: Exponent) -> Ciphertext:
    """Return the encryption of `value` under `key` (EGDS (31))."""
    return Ciphertext(key.group.generator**nonce, key ** (nonce + value))


def combine(group: Group, ciphertexts: Iterable[Ciphertext]) -> Ciphertext:
    """Return the product of `ciphertexts`, an encryption of the sum (EGDS (79)); of none, (1, 1)."""
    held = tuple(ciphertexts)
    return Ciphertext(product(group, (c.alpha for c in held)), product(group, (c.beta for c in held)))


def encryption_pair(key: Element, nonce: Nonce) -> tuple[Element, Element]:
    """Return (α, β) = (g^ξ, key^ξ), from which hashed ElGamal derives its pad (EGDS (15), (34))."""
    return key.group.generator**nonce, key**nonce


def xor(left: bytes, right: bytes) -> bytes:
    """Return the bitwise XOR of two byte strings of one length."""
    if len(left) != len(right):
        raise ValueError("XOR needs two byte strings of one length")
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def discrete_logarithm(base: Element, power: Element, bound: int) -> int:
    """Return t with base^t = power and 0 <= t <= bound, by baby steps and giant steps (EGDS §3.6.2).

    Raises:
        RejectedError: There is none: the ciphertext held something that no count of votes can be.
    """
    width = isqrt(bound) + 1
    steps = _baby_steps(base, width)
    giant = base**-width
    for i in range(bound // width + 1):
        found = steps.get(power.value)
        if found is not None and i * width + found <= bound:
            return i * width + found
        power = power * giant
    raise RejectedError(f"the decrypted value is not a count of 0 to {bound}")


@lru_cache(maxsize=4)
def _baby_steps(base: Element, width: int) -> dict[object, int]:
    steps: dict[object, int] = {}
    current = base.group.identity
    for exponent in range(width):
        steps[current.value] = exponent
        current = current * base
    return steps
