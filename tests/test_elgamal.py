"""Encryption of small numbers with base K, of bytes by hash, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev.arith import integer
from e2ev.demo.toy import TOY
from e2ev.elgamal import (
    Ciphertext,
    HashedCiphertext,
    combine,
    discrete_logarithm,
    encrypt,
    encryption_pair,
    xor,
)
from e2ev.errors import RejectedError
from e2ev.group import P3072, P4096, Element, Group, Nonce, SecretScalar
from e2ev.sigma import Proof
from tests.groups import law, over

SECRET = 0x5EC2E7
nonces = st.integers(min_value=0, max_value=int(TOY.q) - 1)


def key_of(group: Group) -> Element:
    return (group.generator**SECRET).prepared()


def decrypt(group: Group, cipher: Ciphertext, bound: int) -> int:
    power = cipher.beta / cipher.alpha ** SecretScalar(group, integer(SECRET))
    return discrete_logarithm(key_of(group), power, bound)


@law
@given(st.integers(min_value=0, max_value=1000), nonces)
def test_decryption_undoes_encryption(value: int, nonce: int) -> None:
    assert decrypt(TOY, encrypt(key_of(TOY), value, Nonce(TOY, integer(nonce))), 1000) == value


@over(P3072, P4096)
def test_decryption_undoes_encryption_in_the_standard_groups(group: Group) -> None:
    assert decrypt(group, encrypt(key_of(group), 42, Nonce(group, integer(2**200 + 1))), 100) == 42


def test_encryption_is_a_power_of_g_and_one_of_k() -> None:
    cipher = encrypt(key_of(TOY), 3, Nonce(TOY, integer(10)))
    assert cipher == Ciphertext(TOY.generator**10, key_of(TOY) ** 13)
    assert encryption_pair(key_of(TOY), Nonce(TOY, integer(10))) == (TOY.generator**10, key_of(TOY) ** 10)


@law
@given(st.lists(st.tuples(st.integers(min_value=0, max_value=5), nonces, st.integers(min_value=1, max_value=9)),
                max_size=6))  # fmt: skip
def test_product_to_the_weights_encrypts_the_weighted_sum(votes: list[tuple[int, int, int]]) -> None:
    key = key_of(TOY)
    ciphers = [encrypt(key, value, Nonce(TOY, integer(nonce))) ** weight for value, nonce, weight in votes]
    assert decrypt(TOY, combine(TOY, ciphers), 300) == sum(value * weight for value, _, weight in votes)


def test_product_of_two_is_that_of_combine_and_weight_one_changes_nothing() -> None:
    one, two = (encrypt(key_of(TOY), value, Nonce(TOY, integer(value + 7))) for value in (1, 2))
    assert one * two == combine(TOY, [one, two])
    assert one**1 is one
    assert one**3 == one * one * one


def test_product_of_no_ciphertexts_is_one_and_one() -> None:
    assert combine(TOY, []) == Ciphertext(TOY.identity, TOY.identity)
    assert decrypt(TOY, combine(TOY, []), 0) == 0


# Small logarithms


@pytest.mark.parametrize("bound", [*range(18), 24, 25, 26, 99, 100, 101])
def test_every_count_up_to_the_bound_is_found_and_the_next_is_refused(bound: int) -> None:
    key = key_of(TOY)
    assert [discrete_logarithm(key, key**count, bound) for count in range(bound + 1)] == list(range(bound + 1))
    for outside in (bound + 1, bound + 2, -1, 2 * bound + 3, 10**9):
        with pytest.raises(RejectedError, match=f"not a count of 0 to {bound}"):
            discrete_logarithm(key, key**outside, bound)


def test_count_of_a_million_is_found_in_the_standard_group() -> None:
    key = key_of(P4096)
    assert discrete_logarithm(key, key**999_999, 1_000_000) == 999_999


def test_element_that_is_no_power_of_the_key_within_the_bound_is_refused() -> None:
    with pytest.raises(RejectedError, match="the decrypted value is not a count"):
        discrete_logarithm(key_of(TOY), TOY.generator**3, 1000)


# Bytes


@law
@given(st.binary(max_size=70), st.data())
def test_xor_undoes_itself_and_works_byte_by_byte(left: bytes, data: st.DataObject) -> None:
    right = data.draw(st.binary(min_size=len(left), max_size=len(left)))
    mixed = xor(left, right)
    assert mixed == bytes(a ^ b for a, b in zip(left, right, strict=True))
    assert xor(mixed, right) == left


def test_xor_refuses_strings_of_two_lengths() -> None:
    with pytest.raises(ValueError, match="one length"):
        xor(b"ab", b"a")


def test_hashed_ciphertext_is_written_as_c0_c1_and_c_v_in_fixed_widths() -> None:
    proof = Proof(TOY.scalar(1), (TOY.scalar(2),))
    encoded = HashedCiphertext(TOY.identity, b"some bytes", proof).to_bytes()
    assert encoded == bytes(31) + b"\x01" + b"some bytes" + bytes(7) + b"\x01" + bytes(7) + b"\x02"


def test_hashed_ciphertext_with_a_broken_proof_is_written_like_any_other_so_that_its_checks_can_name_it() -> None:
    whole = HashedCiphertext(TOY.identity, b"", Proof(TOY.scalar(1), (TOY.scalar(2),))).to_bytes()
    for responses in ((), (TOY.scalar(2), TOY.scalar(0))):
        broken = HashedCiphertext(TOY.identity, b"", Proof(TOY.scalar(1), responses)).to_bytes()
        assert broken != whole
