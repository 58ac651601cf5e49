"""The group of EGDS 2.1 §3.1.1: residues, elements and scalars, and the only door to them from int and bytes.

A `Residue` is any 0 < n < p: what decoding yields. An `Element` is a residue that is known to be in Z_p^r, the
subgroup of order q. A `Scalar` is a public integer modulo q, a `Nonce` one that is used once, a `SecretScalar` one
that lives long. Formulas are written with elements and scalars alone.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import ClassVar, Self

from e2ev import arith
from e2ev.arith import Integer
from e2ev.errors import DataError, RejectedError

Randomness = Callable[[int], bytes]
"""Returns that many uniformly random bytes."""

SYSTEM_RANDOMNESS: Randomness = secrets.token_bytes

_BATCH_EXPONENT_BYTES = 16
"""A set with a non-member passes the batch with probability 2^-128 (specs/protocol.md, "Membership in batch")."""


@dataclass(frozen=True, slots=True)
class Group:
    """A subgroup of prime order q of the integers modulo a prime p, with (p-1)/2q prime and p = 3 mod 4."""

    name: str
    p: Integer = field(repr=False)
    q: Integer = field(repr=False)
    g: Integer = field(repr=False)

    @property
    def element_bytes(self) -> int:
        """l_p, the width of an encoded residue (EGDS §5.1.1)."""
        return (self.p.bit_length() + 7) // 8

    @property
    def scalar_bytes(self) -> int:
        """l_q, the width of an encoded scalar (EGDS §5.1.2)."""
        return (self.q.bit_length() + 7) // 8

    @property
    def generator(self) -> "Base":
        """The generator g, with its table."""
        return Base(self, self.g)

    @property
    def identity(self) -> "Element":
        """The neutral element."""
        return Element(self, arith.integer(1))

    def residue(self, encoded: bytes) -> "Residue":
        """Return the residue with this encoding.

        Raises:
            DataError: The width is not l_p, or the value is not in 1..p-1.
        """
        if len(encoded) != self.element_bytes:
            raise DataError(f"{len(encoded)} bytes where a residue of {self.name} has {self.element_bytes}")
        value = arith.integer(encoded)
        if not 0 < value < self.p:
            raise DataError("a residue has to be above 0 and below p")
        return Residue(self, value)

    def element(self, residue: "Residue") -> "Element":
        """Return `residue` as an element.

        Raises:
            RejectedError: It is not in Z_p^r.
        """
        if not self.is_member(residue):
            raise RejectedError("the value is not in Z_p^r")
        return Element(self, residue.value)

    def is_member(self, residue: "Residue") -> bool:
        """Return whether x^q = 1, the membership test of EGDS verification 6.A."""
        return arith.power(residue.value, self.q, self.p) == 1

    def find_non_members(self, residues: Sequence["Residue"], randomness: Randomness = SYSTEM_RANDOMNESS) -> list[int]:
        """Return the positions of the residues that are not in Z_p^r, found in batch.

        Each Jacobi symbol is taken, which settles the part of order 2; a product with random 128-bit exponents
        settles the part of order (p-1)/2q, which is prime. Only where that product fails is each one tested alone.
        """
        odd: list[int] = []
        even: list[int] = []
        for i, residue in enumerate(residues):
            (even if arith.jacobi(residue.value, self.p) == 1 else odd).append(i)
        values = [residues[i].value for i in even]
        exponents = [arith.integer(randomness(_BATCH_EXPONENT_BYTES)) for _ in values]
        product = arith.multi_power(values, exponents, self.p)
        if arith.power(product, self.q, self.p) != 1:
            odd += [i for i in even if not self.is_member(residues[i])]
        return sorted(odd)

    def raw_scalar(self, encoded: bytes) -> "RawScalar":
        """Return the integer with this encoding, which may be q or more.

        Raises:
            DataError: The width is not l_q.
        """
        if len(encoded) != self.scalar_bytes:
            raise DataError(f"{len(encoded)} bytes where a scalar of {self.name} has {self.scalar_bytes}")
        return RawScalar(self, arith.integer(encoded))

    def scalar(self, value: int | Integer) -> "Scalar":
        """Return `value` mod q as a public scalar."""
        return Scalar(self, arith.integer(value) % self.q)

    def random_nonce(self, randomness: Randomness = SYSTEM_RANDOMNESS) -> "Nonce":
        """Return a uniformly random nonce below q."""
        return Nonce(self, self._draw(randomness))

    def random_secret(self, randomness: Randomness = SYSTEM_RANDOMNESS) -> "SecretScalar":
        """Return a uniformly random long-lived secret below q."""
        return SecretScalar(self, self._draw(randomness))

    def random_scalar(self, randomness: Randomness = SYSTEM_RANDOMNESS) -> "Scalar":
        """Return a uniformly random public scalar below q."""
        return Scalar(self, self._draw(randomness))

    def _draw(self, randomness: Randomness) -> Integer:
        while True:
            value = arith.integer(randomness(self.scalar_bytes))
            if value < self.q:
                return value


@dataclass(frozen=True, slots=True)
class Residue:
    """An integer in 1..p-1 of which nothing else is known."""

    group: Group = field(repr=False)
    value: Integer

    def to_bytes(self) -> bytes:
        """Return the value in l_p bytes, big endian (EGDS §5.1.1)."""
        return self.value.to_bytes(self.group.element_bytes, "big")


@dataclass(frozen=True, slots=True)
class RawScalar:
    """An integer of l_q bytes of which nothing else is known."""

    group: Group = field(repr=False)
    value: Integer

    def to_bytes(self) -> bytes:
        """Return the value in l_q bytes, big endian."""
        return self.value.to_bytes(self.group.scalar_bytes, "big")


@dataclass(frozen=True, slots=True)
class Element(Residue):
    """A residue that is in Z_p^r."""

    def __mul__(self, other: "Element") -> "Element":
        return Element(self.group, arith.multiply(self.value, _element_value(other), self.group.p))

    def __truediv__(self, other: "Element") -> "Element":
        inverse = arith.inverse(_element_value(other), self.group.p)
        return Element(self.group, arith.multiply(self.value, inverse, self.group.p))

    def __pow__(self, exponent: "Exponent | int") -> "Element":
        if isinstance(exponent, SecretScalar):
            # q more keeps the exponent's length fixed and changes nothing, since the base is a member.
            return Element(self.group, arith.power_secret(self.value, exponent.value + self.group.q, self.group.p))
        if isinstance(exponent, Exponent):
            return Element(self.group, self._power(exponent.value))
        return Element(self.group, self._power(arith.integer(exponent) % self.group.q))

    def _power(self, exponent: Integer) -> Integer:
        return arith.power(self.value, exponent, self.group.p)

    def powers(self, exponents: "Sequence[Scalar]") -> "list[Element]":
        """Return the powers to several public exponents, which share their squarings."""
        group = self.group
        raised = arith.powers(self.value, [exponent.value for exponent in exponents], group.p)
        return [Element(group, value) for value in raised]

    def prepared(self) -> "Base":
        """Return the same element as a base with a table: worth it from about fifty exponentiations on."""
        return Base(self.group, self.value)


@dataclass(frozen=True, slots=True)
class Base(Element):
    """An element that is raised often: g, K, K̂. Its table is made on first use and kept by the process."""

    def _power(self, exponent: Integer) -> Integer:
        group = self.group
        return arith.fixed_base(self.value, group.p, group.q.bit_length()).power(exponent)


def _element_value(other: Element) -> Integer:
    if not isinstance(other, Element):
        raise TypeError("a residue takes part in formulas only after its membership was checked")
    return other.value


@dataclass(frozen=True, slots=True)
class Exponent:
    """An integer modulo q; the subclass says who may see it."""

    group: Group = field(repr=False)
    value: Integer

    hidden: ClassVar[bool] = True

    def __add__(self, other: "Exponent | int") -> Self:
        return self._like(self.value + self._operand(other))

    def __sub__(self, other: "Exponent | int") -> Self:
        return self._like(self.value - self._operand(other))

    def __mul__(self, other: "Exponent | int") -> Self:
        return self._like(self.value * self._operand(other))

    def __neg__(self) -> Self:
        return self._like(-self.value)

    def _like(self, value: Integer) -> Self:
        return type(self)(self.group, value % self.group.q)

    def _operand(self, other: "Exponent | int") -> Integer:
        if isinstance(other, int):
            return arith.integer(other)
        if other.hidden and not self.hidden:
            raise TypeError("a public scalar on the left cannot take in a secret: write the secret first")
        return other.value


@dataclass(frozen=True, slots=True)
class Scalar(Exponent):
    """A public integer modulo q: challenges, responses, Lagrange coefficients, published nonces."""

    hidden: ClassVar[bool] = False

    def to_bytes(self) -> bytes:
        """Return the value in l_q bytes, big endian (EGDS §5.1.2)."""
        return self.value.to_bytes(self.group.scalar_bytes, "big")

    def inverse(self) -> "Scalar":
        """Return the multiplicative inverse modulo q."""
        return Scalar(self.group, arith.inverse(self.value, self.group.q))


@dataclass(frozen=True, slots=True)
class Nonce(Exponent):
    """A secret integer modulo q that is used once. Powers of it are not constant-time. It has no record codec."""

    value: Integer = field(repr=False)

    def publish(self) -> Scalar:
        """Return the value as public: for responses, and for the nonces of challenged ballots."""
        return Scalar(self.group, self.value)

    def __repr__(self) -> str:
        return "<secret>"


@dataclass(frozen=True, slots=True)
class SecretScalar(Exponent):
    """A long-lived secret: a trustee's key or share. Powers of it are constant-time. It has no record codec."""

    value: Integer = field(repr=False)

    def __repr__(self) -> str:
        return "<secret>"

    def to_key_file(self) -> bytes:
        """Return l_q bytes for a sealed key file or a sealed share, and for nothing else."""
        return self.value.to_bytes(self.group.scalar_bytes, "big")


def secret_from_key_file(group: Group, encoded: bytes) -> SecretScalar:
    """Return the secret that `to_key_file` wrote.

    Raises:
        DataError: The width is wrong or the value not below q; the value is not shown.
    """
    value = arith.integer(encoded)
    if len(encoded) != group.scalar_bytes or value >= group.q:
        raise DataError("a stored secret has the wrong width or is not below q")
    return SecretScalar(group, value)


def product(group: Group, elements: Iterable[Element]) -> Element:
    """Return the product of `elements`; of none, the identity."""
    value = arith.integer(1)
    for element in elements:
        value = arith.multiply(value, _element_value(element), group.p)
    return Element(group, value)


def wide_tables(*bases: Element) -> AbstractContextManager[None]:
    """Raise these, where they are prepared, by wide tables as long as this context lasts (`arith.wide_tables`)."""
    group = bases[0].group
    return arith.wide_tables((base.value for base in bases), group.p, group.q.bit_length())


_P_4096 = (
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffb17217f7d1cf79abc9e3b39803f2f6af"
    "40f343267298b62d8a0d175b8baafa2be7b876206debac98559552fb4afa1b10ed2eae35c138214427573b291169b825"
    "3e96ca16224ae8c51acbda11317c387eb9ea9bc3b136603b256fa0ec7657f74b72ce87b19d6548caf5dfa6bd38303248"
    "655fa1872f20e3a2da2d97c50f3fd5c607f4ca11fb5bfb90610d30f88fe551a2ee569d6dfc1efa157d2e23de1400b396"
    "17460775db8990e5c943e732b479cd33cccc4e659393514c4c1a1e0bd1d6095d25669b333564a3376a9c7f8a5e148e82"
    "074db6015cfe7aa30c480a5417350d2c955d5179b1e17b9dae313cdb6c606cb1078f735d1b2db31b5f50b5185064c18b"
    "4d162db3b365853d7598a1951ae273ee5570b6c68f96983496d4e6d330af889b44a02554731cdc8ea17293d1228a4ef9"
    "8d6f5177fbcf0755268a5c1f9538b98261affd446b1ca3cf5e9222b88c66d3c5422183edc99421090bbb16faf3d949f2"
    "36e02b20cee886b905c128d53d0bd2f9621363196af503020060e49908391a0c57339ba2beba7d052ac5b61cc4e9207c"
    "ef2f0ce2d7373958d762265890445744fb5f2da4b751005892d356890defe9cad9b9d4b713e06162a2d8fdd0df2fd608"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
)
_G_4096 = (
    "36036fed214f3b50dc566d3a312fe4131fee1c2bce6d02ea39b477ac05f7f885f38cfe77a7e45acf4029114c4d7a9bfe"
    "058bf2f995d2479d3dda618ffd910d3c4236ab2cfdd783a5016f7465cf59bbf45d24a22f130f2d04fe93b2d58bb9c1d1"
    "d27fc9a17d2af49a779f3ffbdca22900c14202ee6c99616034be35cbcdd3e7bb7996adfe534b63cca41e21ff5dc778eb"
    "b1b86c53bfbe99987d7aea0756237fb40922139f90a62f2aa8d9ad34dff799e33c857a6468d001acf3b681db87dc4242"
    "755e2ac5a5027db81984f033c4d178371f273dbb4fcea1e628c23e52759bc7765728035cea26b44c49a65666889820a4"
    "5c33dd37ea4a1d00cb62305cd541be1e8a92685a07012b1a20a746c3591a2db3815000d2aaccfe43dc49e828c1ed7387"
    "466afd8e4bf1935593b2a442eec271c50ad39f733797a1ea11802a2557916534662a6b7e9a9e449a24c8cff809e79a4d"
    "806eb681119330e6c57985e39b200b4893639fdfdea49f76ad1acd997eba13657541e79ec57437e504eda9dd01106151"
    "6c643fb30d6d58afccd28b73feda29ec12b01a5eb86399a593a9d5f450de39cb92962c5ec6925348db54d128fd99c14b"
    "457f883ec20112a75a6a0581d3d80a3b4ef09ec86f9552ffda1653f133aa2534983a6f31b0ee4697935a6b1ea2f75b85"
    "e7eba151ba486094d68722b054633fec51ca3f29b31e77e317b178b6b9d8ae0f"
)
_P_3072 = (
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffb17217f7d1cf79abc9e3b39803f2f6af"
    "40f343267298b62d8a0d175b8baafa2be7b876206debac98559552fb4afa1b10ed2eae35c138214427573b291169b825"
    "3e96ca16224ae8c51acbda11317c387eb9ea9bc3b136603b256fa0ec7657f74b72ce87b19d6548caf5dfa6bd38303248"
    "655fa1872f20e3a2da2d97c50f3fd5c607f4ca11fb5bfb90610d30f88fe551a2ee569d6dfc1efa157d2e23de1400b396"
    "17460775db8990e5c943e732b479cd33cccc4e659393514c4c1a1e0bd1d6095d25669b333564a3376a9c7f8a5e148e82"
    "074db6015cfe7aa30c480a5417350d2c955d5179b1e17b9dae313cdb6c606cb1078f735d1b2db31b5f50b5185064c18b"
    "4d162db3b365853d7598a1951ae273ee5570b6c68f96983496d4e6d330d6e582cab40d66550984ef0c42a4574280b378"
    "45189610ae3e4bb22590a08f6ad27bfbffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
)
_G_3072 = (
    "4a1523cb0111b38104ebcde5163f581eeedd91637ac57544c1d2283234272732ff0cd85f385395443f57370132a237ff"
    "38702ab037f35e7c7003669d83697ba13bed69b63c88bd610d33c6a89e4882ee6f849f0506a4a8f0b169e5ca000a21dc"
    "16d7dcecc69e593c659677393b6ce260d3d6a578e74e42a1b2ade1ed8627050cfb59e604cac389e99161da6e6e9407df"
    "9451786401003a8b7626ac5e90b888eabb5e07e996b186629b17165fd630e139788f674dff4978a6b74c6d020a6570cc"
    "7c7a9e3821283571ba3fa1fcc6901a8c28d02ef8b8c4b019f7ddade51a089c57ef90c2ce50761754d778bc9abfd84809"
    "5c4a0ed0fa7b7ae52cda4bd6e2cb16f38edc033f32f259c513dd9e0d1f780886d71d7db835f3f08db11cc9cd41eb0d5a"
    "37ac6dba1a1eba55c378bc0695b9d93aa59903eba1ce52886a0baafb153548631bceac5207b97205be8fdf830f27348c"
    "7ae852f9f8876887d23b8054a077dc8aec0bf615a1fa74bc727014cfac40e20ea194489f63a6c22427cb999c9d04aa61"
)
_Q = arith.integer(2**256 - 189)


def _standard(name: str, p: str, g: str) -> Group:
    return Group(name, arith.integer(int(p, 16)), _Q, arith.integer(int(g, 16)))


P4096 = _standard("egds-2.1-4096", _P_4096, _G_4096)
"""The standard parameters (EGDS 2.1 §3.1.1)."""

P3072 = _standard("egds-2.1-3072", _P_3072, _G_3072)
"""The reduced parameters (EGDS 2.1, appendix): an explicit choice."""

STANDARD_GROUPS = (P4096, P3072)
