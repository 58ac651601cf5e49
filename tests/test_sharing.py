"""Any k of n trustees agree on the secret and k-1 do not; commitments say what shares are right."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev.arith import integer
from e2ev.demo.toy import TOY
from e2ev.group import P3072, P4096, Group, Scalar, SecretScalar
from e2ev.sharing import Polynomial, TrusteeId, combine_shares, lagrange_coefficient, share_commitment
from tests.groups import TOY32, Script, Stream, law, over


def ids(*numbers: int) -> tuple[TrusteeId, ...]:
    return tuple(TrusteeId(number) for number in numbers)


def at_zero(group: Group, polynomial: Polynomial, quorum: tuple[TrusteeId, ...]) -> SecretScalar:
    total = SecretScalar(group, integer(0))
    for trustee in quorum:
        total = total + polynomial.at(trustee) * lagrange_coefficient(group, quorum, trustee)
    return total


@law
@given(st.data())
def test_any_k_of_n_agree_and_any_k_minus_1_do_not(data: st.DataObject) -> None:
    trustees = data.draw(st.integers(min_value=1, max_value=9))
    quorum = data.draw(st.integers(min_value=1, max_value=trustees))
    chosen = data.draw(st.permutations(ids(*range(1, trustees + 1))))
    polynomial = Polynomial.random(TOY, quorum, Stream(f"{trustees} {quorum}"))
    secret = polynomial.coefficients[0]
    assert at_zero(TOY, polynomial, tuple(chosen[:quorum])) == secret
    assert at_zero(TOY, polynomial, tuple(chosen)) == secret
    if quorum > 1:
        assert at_zero(TOY, polynomial, tuple(chosen[: quorum - 1])) != secret


@over(TOY, P4096)
def test_every_quorum_of_five_and_three_raises_to_the_same_secret(group: Group) -> None:
    polynomial, base = Polynomial.random(group, 3, Stream("five and three")), group.generator**99
    expected = base ** polynomial.coefficients[0]
    for quorum in combinations(ids(1, 2, 3, 4, 5), 3):
        assert combine_shares({i: base ** polynomial.at(i) for i in quorum}) == expected
    two = ids(2, 5)
    assert combine_shares({i: base ** polynomial.at(i) for i in two}) != expected


@over(TOY, P3072)
def test_commitments_give_each_share_in_the_exponent(group: Group) -> None:
    polynomial = Polynomial.random(group, 4, Stream("commitments"))
    commitments = polynomial.commitments()
    for trustee in ids(1, 2, 7, 300):
        assert share_commitment(commitments, trustee) == group.generator ** polynomial.at(trustee)
    assert share_commitment(commitments, TrusteeId(1)) != group.generator ** polynomial.at(TrusteeId(2))


def test_powers_of_an_index_are_reduced_where_they_pass_q() -> None:
    polynomial = Polynomial.random(TOY32, 9, Stream("a small q"))
    trustee = TrusteeId(1_000_003)
    assert share_commitment(polynomial.commitments(), trustee) == TOY32.generator ** polynomial.at(trustee)


def test_coefficients_are_drawn_from_the_constant_up_and_the_share_is_the_polynomial() -> None:
    script = Script(*(number.to_bytes(8, "big") for number in (7, 11, 13)))
    polynomial = Polynomial.random(TOY, 3, script)
    assert [each.value for each in polynomial.coefficients] == [7, 11, 13]
    assert polynomial.at(TrusteeId(10)).value == 7 + 11 * 10 + 13 * 100


@pytest.mark.parametrize("quorum", [ids(1), ids(1, 2), ids(2, 5, 9), ids(9, 1, 4, 2)])
def test_coefficients_take_constants_to_themselves_and_other_powers_to_zero(quorum: tuple[TrusteeId, ...]) -> None:
    for power in range(len(quorum)):
        total = TOY.scalar(0)
        for i in quorum:
            total = total + lagrange_coefficient(TOY, quorum, i) * i**power
        assert total == TOY.scalar(1 if power == 0 else 0)


def test_coefficient_is_the_product_that_egds_writes() -> None:
    # EGDS (85) for U = {1, 3, 4}: w_1 = 3/2 · 4/3 = 2, w_3 = 1/-2 · 4/1 = -2, w_4 = 1/-3 · 3/-1 = 1.
    found = [lagrange_coefficient(TOY, ids(1, 3, 4), i) for i in ids(1, 3, 4)]
    assert found == [TOY.scalar(2), TOY.scalar(-2), TOY.scalar(1)]
    assert all(isinstance(each, Scalar) for each in found)


@pytest.mark.parametrize(("quorum", "trustee"), [((), 1), ((1, 2), 3), ((1, 1, 2), 1), ((0, 1), 1), ((-1, 2), 2)])
def test_coefficients_want_distinct_positive_trustees_with_this_one_among_them(
    quorum: tuple[int, ...], trustee: int
) -> None:
    with pytest.raises(ValueError, match="distinct positive trustees"):
        lagrange_coefficient(TOY, ids(*quorum), TrusteeId(trustee))


def test_polynomial_does_not_show_its_coefficients() -> None:
    polynomial = Polynomial((SecretScalar(TOY, integer(0xC0FFEE)),))
    assert str(0xC0FFEE) not in repr(polynomial)
    assert repr(polynomial) == "Polynomial()"
