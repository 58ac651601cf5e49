"""Fixed bases and multi-exponentiation against Python's own pow, and the counts that stand in for timings."""

from collections.abc import Iterator, Sequence
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev import arith
from e2ev.arith import COUNTS, FixedBase, integer, multi_power
from e2ev.demo.toy import TOY
from e2ev.group import P4096
from tests.groups import law

P, Q, G = int(TOY.p), int(TOY.q), int(TOY.g)
exponents = st.integers(min_value=0, max_value=Q - 1)


@pytest.fixture(autouse=True)
def counts_from_zero() -> Iterator[None]:
    COUNTS.reset()
    yield
    COUNTS.reset()


def test_bytes_are_read_big_endian() -> None:
    assert integer(b"\x01\x02") == 258
    assert integer(b"") == 0


@law
@given(st.integers(min_value=1, max_value=P - 1), exponents)
def test_power_and_secret_power_are_pythons_pow(base: int, exponent: int) -> None:
    expected = pow(base, exponent, P)
    assert arith.power(integer(base), integer(exponent), TOY.p) == expected
    assert arith.power_secret(integer(base), integer(exponent) + TOY.q, TOY.p) == expected * pow(base, Q, P) % P


@pytest.mark.parametrize("window", [1, 3, 8, 12])
def test_fixed_base_agrees_with_pow_at_every_edge_of_its_windows(window: int) -> None:
    table = FixedBase.of(TOY.g, TOY.p, 64, window)
    for exponent in {0, 1, 2, Q - 1, 2**64 - 1, *(2**bit + off for bit in range(1, 64) for off in (-1, 0, 1))}:
        assert table.power(integer(exponent)) == pow(G, exponent, P)


@law
@given(exponents)
def test_fixed_base_agrees_with_pow(exponent: int) -> None:
    table = arith.fixed_base(TOY.g, TOY.p, 64)
    assert table.power(integer(exponent)) == pow(G, exponent, P)


def test_fixed_base_of_the_standard_group_agrees_with_pow() -> None:
    table = arith.fixed_base(P4096.g, P4096.p, 256)
    for exponent in (integer(0), P4096.q - 1, integer(0x123456789ABCDEF << 190)):
        assert table.power(exponent) == arith.power(P4096.g, exponent, P4096.p)


@pytest.mark.parametrize("exponent", [2**64, 2**70, -1])
def test_fixed_base_refuses_an_exponent_that_does_not_fit_the_table(exponent: int) -> None:
    table = arith.fixed_base(TOY.g, TOY.p, 64)
    with pytest.raises(ValueError, match="longer than the table"):
        table.power(integer(exponent))


def test_fixed_base_holds_reduced_powers_alone() -> None:
    table = arith.fixed_base(TOY.g, TOY.p, 64)
    assert [(width, len(row)) for width, row in table.rows] == [(8, 256)] * 8
    assert all(0 < entry < TOY.p for _, row in table.rows for entry in row)
    assert str(table) == f"FixedBase(modulus={TOY.p!r})"


@pytest.mark.parametrize(("bits", "window", "rows"), [(256, 12, 21), (64, 12, 5), (64, 8, 8), (7, 8, 1), (66, 8, 8)])
def test_windows_of_a_table_add_up_to_the_exponent_in_as_few_rows_as_fit(bits: int, window: int, rows: int) -> None:
    widths = [width for width, _ in FixedBase.of(integer(1), TOY.p, bits, window).rows]
    assert (len(widths), sum(widths)) == (rows, bits)
    assert max(widths) - min(widths) <= 1


def test_wide_tables_last_as_long_as_their_context() -> None:
    narrow = arith.fixed_base(TOY.g, TOY.p, 64)
    with arith.wide_tables([TOY.g], TOY.p, 64):
        wide = arith.fixed_base(TOY.g, TOY.p, 64)
        assert len(wide.rows) == 5
        with arith.wide_tables([TOY.g], TOY.p, 64):
            assert arith.fixed_base(TOY.g, TOY.p, 64) is wide
        assert arith.fixed_base(TOY.g, TOY.p, 64) is wide
        assert wide.power(integer(Q - 2)) == narrow.power(integer(Q - 2))
    assert arith.fixed_base(TOY.g, TOY.p, 64) is narrow


def test_fixed_base_is_made_once_for_each_base() -> None:
    assert arith.fixed_base(TOY.g, TOY.p, 64) is arith.fixed_base(TOY.g, TOY.p, 64)
    assert arith.fixed_base(TOY.g, TOY.p, 64) is not arith.fixed_base(integer(4), TOY.p, 64)


def naive(bases: Sequence[int], powers: Sequence[int]) -> int:
    return prod(pow(base, power, P) for base, power in zip(bases, powers, strict=True)) % P


@law
@given(st.lists(st.tuples(st.integers(min_value=0, max_value=P - 1), st.integers(min_value=0, max_value=2**130)),
                max_size=40))  # fmt: skip
def test_multi_power_agrees_with_one_power_after_the_other(pairs: list[tuple[int, int]]) -> None:
    bases, powers = [base for base, _ in pairs], [power for _, power in pairs]
    found = multi_power([integer(base) for base in bases], [integer(power) for power in powers], TOY.p)
    assert found == naive(bases, powers)


@pytest.mark.parametrize("count", [1, 2, 17, 300])
@pytest.mark.parametrize("bits", [1, 16, 128, 256])
def test_multi_power_agrees_for_each_window_width(count: int, bits: int) -> None:
    bases = [pow(G, i + 1, P) for i in range(count)]
    powers = [pow(3, 7 * i + 5, 2**bits) | 1 << (bits - 1) for i in range(count)]
    assert multi_power([*map(integer, bases)], [*map(integer, powers)], TOY.p) == naive(bases, powers)


def test_multi_power_of_nothing_and_of_zeros_is_one() -> None:
    assert multi_power([], [], TOY.p) == 1
    assert multi_power([TOY.g, TOY.g], [integer(0), integer(0)], TOY.p) == 1


def test_multi_power_wants_as_many_exponents_as_bases() -> None:
    with pytest.raises(ValueError, match="as many exponents"):
        multi_power([TOY.g], [], TOY.p)


def test_jacobi_symbol_is_that_of_eulers_criterion() -> None:
    for value in range(1, 60):
        expected = 1 if pow(value, (P - 1) // 2, P) == 1 else -1
        assert arith.jacobi(integer(value), TOY.p) == expected


def test_inverse_of_zero_is_refused() -> None:
    assert arith.inverse(integer(5), TOY.q) * 5 % TOY.q == 1
    with pytest.raises(ZeroDivisionError):
        arith.inverse(integer(0), TOY.q)


def test_counts_are_exact() -> None:
    table = arith.fixed_base(TOY.g, TOY.p, 64)
    for _ in range(3):
        arith.power(TOY.g, integer(5), TOY.p)
    arith.power_secret(TOY.g, integer(5), TOY.p)
    for exponent in range(4):
        table.power(integer(exponent))
    assert COUNTS.multiplication == 4 * 7, "eight rows, of which the first is only looked up"
    multi_power([TOY.g] * 7, [integer(3)] * 7, TOY.p)
    assert COUNTS.multiplication == 4 * 7 + 13, "3 squarings and products, 6 into the bucket of 3, 1 out of it, 3 down"
    arith.jacobi(TOY.g, TOY.p)
    arith.multiply(TOY.g, TOY.g, TOY.p)
    assert (
        arith.Counts(power=3, power_secret=1, fixed_base=4, multi_power_bases=7, jacobi=1, multiplication=42) == COUNTS
    )
    COUNTS.reset()
    assert arith.Counts() == COUNTS
