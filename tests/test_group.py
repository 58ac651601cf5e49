"""The door from bytes and integers: what gets in, what is found out, what may not be written down."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev import arith
from e2ev.arith import COUNTS, integer
from e2ev.demo import toy
from e2ev.demo.toy import TOY
from e2ev.errors import DataError, RejectedError
from e2ev.group import (
    P3072,
    P4096,
    STANDARD_GROUPS,
    Base,
    Element,
    Group,
    Nonce,
    Residue,
    Scalar,
    SecretScalar,
    product,
    secret_from_key_file,
)
from tests.groups import ALL_GROUPS, Script, Stream, cofactor, element_outside, law, over

LN_2 = "b17217f7d1cf79abc9e3b39803f2f6af40f343267298b62d8a0d175b8baafa2be7b876206debac98559552fb4afa1b1"
"""The first fractional digits of ln 2, of which EGDS takes the middle bits of p."""

scalars = st.integers(min_value=0, max_value=int(TOY.q) - 1)


def is_probable_prime(number: int) -> bool:
    """Miller's test to four bases, with the one exponentiation that is slow done by the package."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7):
        value = int(arith.power(integer(base), integer(odd), integer(number)))
        if value in (1, number - 1):
            continue
        if not any((value := value * value % number) == number - 1 for _ in range(twos - 1)):
            return False
    return True


# Parameters

EVERY_GROUP = {group.name: group for group in (*ALL_GROUPS, *vars(toy).values()) if isinstance(group, Group)}


@over(*EVERY_GROUP.values())
def test_parameters_are_a_subgroup_of_prime_order_with_a_prime_cofactor(group: Group) -> None:
    p, q = int(group.p), int(group.q)
    assert (p - 1) % (2 * q) == 0
    assert p % 4 == 3
    assert all(is_probable_prime(number) for number in (p, q, cofactor(group)))
    assert group.g != 1
    assert arith.power(group.g, group.q, group.p) == 1


@over(*EVERY_GROUP.values())
def test_generator_is_two_to_the_r(group: Group) -> None:
    assert group.g == arith.power(integer(2), (group.p - 1) // group.q, group.p)


@over(*STANDARD_GROUPS)
def test_standard_primes_have_the_shape_that_egds_states(group: Group) -> None:
    digits = f"{int(group.p):x}"
    assert digits.startswith("f" * 64 + LN_2)
    assert digits.endswith("f" * 64)
    assert group.q == 2**256 - 189


def test_widths_are_those_of_the_group_and_never_a_literal() -> None:
    assert [(group.element_bytes, group.scalar_bytes) for group in ALL_GROUPS] == [
        (16, 4), (32, 8), (384, 32), (512, 32)]  # fmt: skip
    assert [group.p.bit_length() for group in STANDARD_GROUPS] == [4096, 3072]


# Residues and membership


@over(TOY, P4096)
def test_residue_refuses_zero_and_p_and_takes_what_lies_between(group: Group) -> None:
    def encoded(value: int) -> bytes:
        return value.to_bytes(group.element_bytes, "big")

    p = int(group.p)
    for outside in (0, p, p + 1, 2 ** (8 * group.element_bytes) - 1):
        with pytest.raises(DataError, match="above 0 and below p"):
            group.residue(encoded(outside))
    for inside in (1, 2, p - 1):
        assert group.residue(encoded(inside)).to_bytes() == encoded(inside)


@pytest.mark.parametrize("width", [0, 31, 33, 64])
def test_residue_refuses_any_other_width(width: int) -> None:
    with pytest.raises(DataError, match=f"{width} bytes where a residue of toy-q64-p256 has 32"):
        TOY.residue(bytes(width - 1) + b"\x02" if width else b"")


def outsiders(group: Group) -> dict[str, Residue]:
    """Residues outside of Z_p^r, by what is wrong with them."""
    member = int((group.generator**123).value)
    small = element_outside(group, cofactor(group))
    return {
        "a negated member": Residue(group, group.p - member),
        "minus one": Residue(group, group.p - 1),
        "order (p-1)/2q": small,
        "a member times order (p-1)/2q": Residue(group, small.value * member % group.p),
        "order (p-1)/q": Residue(group, group.p - small.value),
    }


@over(TOY, P4096)
def test_outsiders_of_every_kind_are_no_members_one_by_one(group: Group) -> None:
    for kind, residue in outsiders(group).items():
        assert not group.is_member(residue), kind
        with pytest.raises(RejectedError, match="not in Z_p"):
            group.element(residue)


@over(TOY, P4096)
def test_outsiders_of_every_kind_are_found_in_batch(group: Group) -> None:
    members: list[Residue] = [group.generator**exponent for exponent in range(2, 6)]
    assert group.find_non_members(members, Stream("batch")) == []
    for kind, residue in outsiders(group).items():
        assert group.find_non_members([*members, residue, members[0]], Stream("batch")) == [4], kind


def test_residue_of_order_p_minus_1_over_2q_has_symbol_1_so_only_the_exponents_find_it() -> None:
    hidden = element_outside(TOY, cofactor(TOY))
    assert arith.jacobi(hidden.value, TOY.p) == 1
    assert TOY.find_non_members([hidden], Stream("batch")) == [0]


def test_two_negated_members_would_cancel_in_the_product_and_are_both_found() -> None:
    members = [TOY.generator**2, TOY.generator**3]
    flipped = [Residue(TOY, TOY.p - member.value) for member in members]
    even = Script((2).to_bytes(16, "big"), (4).to_bytes(16, "big"), (6).to_bytes(16, "big"))
    product_of_squares = arith.multi_power([each.value for each in flipped], [integer(2), integer(4)], TOY.p)
    assert arith.power(product_of_squares, TOY.q, TOY.p) == 1, "without the Jacobi symbols nothing would be seen"
    assert TOY.find_non_members([*flipped, members[0]], even) == [0, 1]


def test_two_outsiders_whose_product_is_a_member_are_both_found() -> None:
    hidden = element_outside(TOY, cofactor(TOY))
    opposite = Residue(TOY, arith.inverse(hidden.value, TOY.p))
    assert TOY.is_member(Residue(TOY, hidden.value * opposite.value % TOY.p))
    assert TOY.find_non_members([hidden, TOY.generator**2, opposite], Stream("batch")) == [0, 2]


def test_batch_of_nothing_finds_nothing() -> None:
    assert TOY.find_non_members([]) == []


def test_batch_takes_one_symbol_each_and_one_power_in_all() -> None:
    members: list[Residue] = [TOY.generator**exponent for exponent in range(50)]
    COUNTS.reset()
    TOY.find_non_members(members, Stream("batch"))
    assert (COUNTS.jacobi, COUNTS.power, COUNTS.multi_power_bases) == (50, 1, 50)


@law
@given(scalars)
def test_every_power_of_g_is_a_member_and_its_negation_is_none(exponent: int) -> None:
    power = TOY.generator**exponent
    assert TOY.is_member(power)
    assert not TOY.is_member(Residue(TOY, TOY.p - power.value))


# Formulas


@over(TOY, P3072)
def test_division_undoes_multiplication_and_powers_add_up(group: Group) -> None:
    x, y = group.generator**5, group.generator**-3
    assert x * y == group.generator**2
    assert (x / y).value == (group.generator**8).value
    assert x / x == group.identity
    assert product(group, [x, y, x]) == group.generator**7
    assert product(group, []) == group.identity


def test_exponents_of_every_kind_give_the_same_power() -> None:
    value = integer(987654321)
    for base in (TOY.generator, Element(TOY, (TOY.generator**3).value)):
        expected = pow(int(base.value), int(value), int(TOY.p))
        for exponent in (int(value), Scalar(TOY, value), Nonce(TOY, value), SecretScalar(TOY, value)):
            assert (base**exponent).value == expected


def test_only_secret_scalars_are_raised_in_constant_time_even_over_a_prepared_base() -> None:
    base = TOY.generator
    COUNTS.reset()
    base ** SecretScalar(TOY, integer(5))
    assert (COUNTS.power_secret, COUNTS.fixed_base) == (1, 0)
    base ** Nonce(TOY, integer(5))
    assert (COUNTS.power_secret, COUNTS.fixed_base) == (1, 1)
    Element(TOY, base.value) ** Scalar(TOY, integer(5))
    assert (COUNTS.power_secret, COUNTS.fixed_base, COUNTS.power) == (1, 1, 1)


def test_prepared_base_is_the_same_element() -> None:
    element = TOY.generator**77
    assert isinstance(element.prepared(), Base)
    assert (element.prepared() ** 12345).value == (element**12345).value


def test_residue_takes_part_in_no_formula() -> None:
    residue, element = Residue(TOY, (TOY.generator**2).value), TOY.generator**3
    with pytest.raises(TypeError, match="after its membership was checked"):
        element * residue  # type: ignore[operator]  # that is the point
    with pytest.raises(TypeError, match="after its membership was checked"):
        element / residue  # type: ignore[operator]  # that is the point
    with pytest.raises(TypeError, match="after its membership was checked"):
        product(TOY, [residue])  # type: ignore[list-item]  # that is the point
    with pytest.raises(TypeError, match="unsupported operand"):
        residue * element  # type: ignore[operator]  # that is the point
    with pytest.raises(TypeError, match="unsupported operand"):
        residue**2  # type: ignore[operator]  # that is the point


# Scalars and secrets


@law
@given(scalars, scalars)
def test_scalars_add_subtract_multiply_and_negate_modulo_q(x: int, y: int) -> None:
    q, left, right = int(TOY.q), TOY.scalar(x), TOY.scalar(y)
    assert (left + right).value == (x + y) % q
    assert (left - right).value == (x - y) % q
    assert (left * right).value == x * y % q
    assert (-left).value == -x % q
    assert (left + y, left - y, left * y) == (left + right, left - right, left * right)
    if x:
        assert (left * left.inverse()).value == 1


def test_scalar_is_written_in_the_width_of_q() -> None:
    assert TOY.scalar(1).to_bytes() == bytes(7) + b"\x01"
    assert P4096.scalar(-1).to_bytes() == bytes.fromhex("f" * 62 + "42")


@pytest.mark.parametrize("kind", [Nonce, SecretScalar])
def test_public_scalar_on_the_left_takes_in_no_secret(kind: type[Nonce] | type[SecretScalar]) -> None:
    hidden, public = kind(TOY, integer(7)), TOY.scalar(3)
    for operation in (operator.add, operator.sub, operator.mul):
        with pytest.raises(TypeError, match="write the secret first"):
            operation(public, hidden)
    for kept in (hidden + public, hidden - public, hidden * public, -hidden, hidden + 4):
        assert type(kept) is kind


@pytest.mark.parametrize("kind", [Nonce, SecretScalar])
def test_secret_shows_itself_in_no_form_of_text(kind: type[Nonce] | type[SecretScalar]) -> None:
    secret = kind(TOY, integer(0xC0FFEE))
    assert [repr(secret), str(secret), f"{secret}", f"{[secret]}"] == ["<secret>"] * 3 + ["[<secret>]"]


def test_long_lived_secret_cannot_be_published_by_a_slip() -> None:
    assert not hasattr(SecretScalar(TOY, integer(7)), "publish")
    assert not hasattr(SecretScalar(TOY, integer(7)), "to_bytes")
    assert Nonce(TOY, integer(7)).publish() == TOY.scalar(7)


def test_secret_comes_back_from_the_key_file() -> None:
    secret = TOY.random_secret(Stream("key file"))
    assert secret_from_key_file(TOY, secret.to_key_file()) == secret


@pytest.mark.parametrize("encoded", [b"", bytes(7), bytes(9), int(TOY.q).to_bytes(8, "big"), b"\xff" * 8])
def test_key_file_with_another_width_or_a_value_of_q_or_more_is_refused(encoded: bytes) -> None:
    with pytest.raises(DataError, match="wrong width or is not below q") as error:
        secret_from_key_file(TOY, encoded)
    assert encoded.hex() not in str(error.value) or not encoded


def test_draws_of_q_or_more_are_thrown_away_not_reduced() -> None:
    above, below = int(TOY.q).to_bytes(8, "big"), (5).to_bytes(8, "big")
    for draw in (TOY.random_nonce, TOY.random_secret, TOY.random_scalar):
        script = Script(above, b"\xff" * 8, below)
        assert draw(script).value == 5
        assert script.left == []


def test_raw_scalar_keeps_what_is_not_below_q_and_refuses_other_widths() -> None:
    assert TOY.raw_scalar(b"\xff" * 8).value == 2**64 - 1
    assert TOY.raw_scalar(b"\xff" * 8).to_bytes() == b"\xff" * 8
    with pytest.raises(DataError, match="9 bytes where a scalar of toy-q64-p256 has 8"):
        TOY.raw_scalar(bytes(9))
