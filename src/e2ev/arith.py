"""Modular exponentiation: the only module that imports gmpy2.

Everything here is about integers modulo p; what they mean stands in `group`. Nothing here but `power_secret` is
constant-time: tables, `powmod` and multi-exponentiation are for public values and for nonces that are used once.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache

from gmpy2 import invert as _invert
from gmpy2 import jacobi as _jacobi
from gmpy2 import mpz, powmod, powmod_sec

__all__ = ["COUNTS", "Counts", "FixedBase", "Integer", "fixed_base", "integer", "inverse", "jacobi", "multi_power",
           "multiply", "power", "power_secret", "powers", "wide_tables"]  # fmt: skip

Integer = mpz


@dataclass(slots=True)
class Counts:
    """How often each kind of operation ran in this process: exact where times are noisy.

    `multiplication` counts those modulo p that are made here, squarings among them, and not what goes on inside of
    gmpy2's powers.
    """

    power: int = 0
    power_secret: int = 0
    fixed_base: int = 0
    multi_power_bases: int = 0
    jacobi: int = 0
    shared_power: int = 0
    multiplication: int = 0

    def reset(self) -> None:
        """Start again from zero."""
        for name in self.__slots__:
            setattr(self, name, 0)


COUNTS = Counts()


def integer(value: int | bytes | Integer) -> Integer:
    """Return `value` as an Integer; bytes are big endian."""
    return mpz.from_bytes(value, "big") if isinstance(value, bytes) else mpz(value)


def multiply(left: Integer, right: Integer, modulus: Integer) -> Integer:
    """Return left * right mod modulus."""
    COUNTS.multiplication += 1
    return left * right % modulus


def power(base: Integer, exponent: Integer, modulus: Integer) -> Integer:
    """Return base^exponent mod modulus for a public exponent."""
    COUNTS.power += 1
    return powmod(base, exponent, modulus)


def power_secret(base: Integer, exponent: Integer, modulus: Integer) -> Integer:
    """Return base^exponent mod modulus in time that depends on the lengths alone (GMP's mpz_powm_sec).

    Args:
        base: Any residue.
        exponent: Positive; the caller gives it a fixed length.
        modulus: Odd.
    """
    COUNTS.power_secret += 1
    return powmod_sec(base, exponent, modulus)


def inverse(value: Integer, modulus: Integer) -> Integer:
    """Return value^-1 mod modulus.

    Raises:
        ZeroDivisionError: `value` has no inverse.
    """
    return _invert(value, modulus)


def jacobi(value: Integer, modulus: Integer) -> int:
    """Return the Jacobi symbol (value / modulus): 1, -1 or 0."""
    COUNTS.jacobi += 1
    return _jacobi(value, modulus)


NARROW, WIDE = 8, 12
"""Bits of a table's windows: for whoever raises a base some hundred times, and for bulk work (`wide_tables`)."""


@dataclass(frozen=True, slots=True)
class FixedBase:
    """Powers of one base, so that an exponentiation becomes one multiplication a window.

    For a 256-bit exponent and a 4096-bit modulus, 8-bit windows make 32 rows, 5 MiB and 0.1 s; 12-bit ones 21 rows
    (four of them 13 bits wide), 55 MiB and 1 s. Not constant-time.
    """

    modulus: Integer
    rows: tuple[tuple[int, tuple[Integer, ...]], ...] = field(repr=False)

    @classmethod
    def of(cls, base: Integer, modulus: Integer, bits: int, window: int = NARROW) -> "FixedBase":
        """Return the table for exponents of up to `bits` bits, in windows of `window` bits, some of one more."""
        count, rows = max(1, bits // window), []
        for i in range(count):
            width = bits * (i + 1) // count - bits * i // count
            row = [mpz(1)]
            for _ in range((1 << width) - 1):
                row.append(row[-1] * base % modulus)
            rows.append((width, tuple(row)))
            base = row[-1] * base % modulus
        return cls(modulus, tuple(rows))

    def power(self, exponent: Integer) -> Integer:
        """Return base^exponent mod modulus for 0 <= exponent < 2^bits."""
        modulus, rest = self.modulus, int(exponent)
        COUNTS.fixed_base += 1
        COUNTS.multiplication += len(self.rows) - 1
        result: Integer | None = None
        for width, row in self.rows:
            entry = row[rest & (len(row) - 1)]
            result = entry if result is None else result * entry % modulus
            rest >>= width
        if rest or result is None:
            raise ValueError("the exponent is longer than the table")
        return result


def fixed_base(base: Integer, modulus: Integer, bits: int) -> FixedBase:
    """Return this process's table for `base`: the wide one where there is one; of narrow ones sixteen are kept."""
    return _wide.get((base, modulus, bits)) or _narrow(base, modulus, bits)


_wide: dict[tuple[Integer, Integer, int], FixedBase] = {}


@lru_cache(maxsize=16)
def _narrow(base: Integer, modulus: Integer, bits: int) -> FixedBase:
    return FixedBase.of(base, modulus, bits, NARROW)


@contextmanager
def wide_tables(bases: Iterable[Integer], modulus: Integer, bits: int) -> Iterator[None]:
    """Raise these bases by tables of `WIDE` windows, and drop the tables at the end.

    Of the 4096-bit group each takes 55 MiB, and 1 s to make, which some 8,000 powers earn back.
    """
    fresh = {key: FixedBase.of(*key, WIDE) for base in bases if (key := (base, modulus, bits)) not in _wide}
    _wide.update(fresh)
    try:
        yield
    finally:
        for key in fresh:
            del _wide[key]


_SHARED_WINDOW = 4
"""Best for two to four exponents of 256 bits: 64 squarings of 4, and about 80 multiplications an exponent."""


def powers(base: Integer, exponents: Sequence[Integer], modulus: Integer) -> list[Integer]:
    """Return base^exponent for each exponent; all share one chain of squarings (Yao 1976).

    Two exponents of 256 bits take 0.78 of two calls of `power`.

    Args:
        base: A residue.
        exponents: Public and not negative.
        modulus: Positive.
    """
    COUNTS.shared_power += len(exponents)
    mask = (1 << _SHARED_WINDOW) - 1
    rests = [int(exponent) for exponent in exponents]
    buckets: list[list[Integer | None]] = [[None] * (mask + 1) for _ in exponents]
    while any(rests):
        for i, rest in enumerate(rests):
            digit = rest & mask
            if digit:
                held = buckets[i][digit]
                buckets[i][digit] = base if held is None else multiply(held, base, modulus)
            rests[i] = rest >> _SHARED_WINDOW
        for _ in range(_SHARED_WINDOW):
            base = base * base % modulus
        COUNTS.multiplication += _SHARED_WINDOW
    return [_weighted(row, modulus) for row in buckets]


def multi_power(bases: Sequence[Integer], exponents: Sequence[Integer], modulus: Integer) -> Integer:
    """Return the product of base^exponent over all pairs (Pippenger's buckets).

    Args:
        bases: Residues.
        exponents: Non-negative, as many as bases.
        modulus: Positive.
    """
    if len(bases) != len(exponents):
        raise ValueError("as many exponents as bases are needed")
    COUNTS.multi_power_bases += len(bases)
    bits = max((exponent.bit_length() for exponent in exponents), default=0)
    window = _window(len(bases), bits)
    plain = [int(exponent) for exponent in exponents]
    result = mpz(1)
    for shift in reversed(range(0, bits, window)):
        for _ in range(window):
            result = result * result % modulus
        result = result * _bucket_product(zip(bases, plain, strict=True), shift, window, modulus) % modulus
    COUNTS.multiplication += -(-bits // window) * (window + 1)
    return result


def _window(count: int, bits: int) -> int:
    """Return the width that makes ceil(bits / w) * (count + 2^(w+1)) least."""
    return min(range(1, 17), key=lambda width: -(-bits // width) * (count + (2 << width)))


def _bucket_product(pairs: Iterable[tuple[Integer, int]], shift: int, window: int, modulus: Integer) -> Integer:
    """Return the product of base^digit, where digit is the exponent's window at `shift`."""
    mask, filled = (1 << window) - 1, 0
    buckets: list[Integer | None] = [None] * (mask + 1)
    for base, exponent in pairs:
        digit = (exponent >> shift) & mask
        if digit:
            filled += 1
            held = buckets[digit]
            buckets[digit] = base if held is None else held * base % modulus
    COUNTS.multiplication += filled - (mask + 1 - buckets.count(None))
    return _weighted(buckets, modulus)


def _weighted(buckets: Sequence[Integer | None], modulus: Integer) -> Integer:
    """Return the product of bucket^position over all positions."""
    running = result = mpz(1)
    for bucket in reversed(buckets[1:]):
        if bucket is not None:
            running = multiply(running, bucket, modulus)
        result = result * running % modulus
    COUNTS.multiplication += len(buckets) - 1
    return result
