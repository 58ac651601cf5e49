"""The bytes of contest data, there and back; and its encryption."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev import hashing, proofs, sigma
from e2ev.arith import integer
from e2ev.claims import is_valid_data_proof
from e2ev.contest_data import (
    ContestData,
    decode_contest_data,
    decrypt_contest_data,
    encode_contest_data,
    encrypt_contest_data,
    is_overvote,
)
from e2ev.demo.toy import TOY
from e2ev.elgamal import HashedCiphertext
from e2ev.errors import DataError
from e2ev.group import P3072, P4096, Element, Group, Nonce
from e2ev.manifest import Contest, Option, Text
from e2ev.sigma import Proof
from tests.groups import Stream, law, over


def contest(limit: int = 2, option_limits: tuple[int, ...] = (1, 1, 2), write_ins: int = 2, blocks: int = 4) -> Contest:
    options = tuple(Option(j, f"option {j}", Text(), Text(), each) for j, each in enumerate(option_limits, 1))
    return Contest(1, "the contest", Text(), Text(), limit, options, write_ins, blocks)


# Bytes


@pytest.mark.parametrize(
    ("selections", "status", "marks"),
    [
        ((0, 0, 0), "null vote", ()),
        ((1, 0, 0), "undervote", ()),
        ((1, 1, 0), "normal", ()),
        ((0, 0, 2), "normal", ()),
        ((1, 1, 1), "overvote", (1, 1, 1)),
        ((2, 0, 0), "overvote", (2, 0, 0)),
        ((0, 0, 3), "overvote", (0, 0, 3)),
        ((0, 70_000, 65_535), "overvote", (0, 0xFFFF, 0xFFFF)),
    ],
)
def test_status_and_marks_are_kept_and_marks_only_of_an_overvote(
    selections: tuple[int, ...], status: str, marks: tuple[int, ...]
) -> None:
    assert decode_contest_data(encode_contest_data(contest(), selections, ())) == ContestData(status, marks, ())
    assert is_overvote(contest(), selections) == (status == "overvote")


def test_bytes_are_status_marks_write_ins_a_marker_and_zeros() -> None:
    encoded = encode_contest_data(contest(blocks=1), (1, 1, 1), ("Zoë",))
    assert encoded == b"\x03" + b"\0\x03" + b"\0\x01" * 3 + b"\0\x04Zo\xc3\xab" + b"\x80" + bytes(16)


@law
@given(
    st.tuples(*[st.integers(min_value=0, max_value=0xFFFF)] * 3),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=10), max_size=2),
)
def test_decoding_undoes_encoding(selections: tuple[int, ...], write_ins: list[str]) -> None:
    encoded = encode_contest_data(contest(), selections, write_ins)
    decoded = decode_contest_data(encoded)
    assert len(encoded) == 128
    assert decoded.write_ins == tuple(write_ins)
    assert decoded.marks == (selections if is_overvote(contest(), selections) else ())


def encode_again(decoded: ContestData, size: int) -> bytes:
    """The bytes of decoded contest data, written down a second time."""
    status = ("normal", "undervote", "null vote", "overvote").index(decoded.status)
    marks = b"".join(mark.to_bytes(2, "big") for mark in decoded.marks)
    texts = [text.encode() for text in decoded.write_ins]
    body = bytes([status]) + len(decoded.marks).to_bytes(2, "big") + marks
    return (body + b"".join(len(text).to_bytes(2, "big") + text for text in texts) + b"\x80").ljust(size, b"\0")


@law
@given(st.binary(max_size=128))
def test_any_bytes_decode_or_raise_a_data_error(data: bytes) -> None:
    try:
        decoded = decode_contest_data(data)
    except DataError:
        return
    assert encode_again(decoded, len(data)) == data


@law
@given(st.integers(min_value=0, max_value=4), st.integers(min_value=0, max_value=3), st.binary(max_size=20),
       st.integers(min_value=0, max_value=9))  # fmt: skip
def test_bytes_that_are_nearly_right_decode_to_what_encodes_to_them_or_raise_a_data_error(
    status: int, marks: int, rest: bytes, zeros: int
) -> None:
    data = bytes([status]) + marks.to_bytes(2, "big") + rest + b"\x80" + bytes(zeros)
    try:
        decoded = decode_contest_data(data)
    except DataError:
        return
    assert encode_again(decoded, len(data)) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(32),
        b"\x80",
        b"\x00\x80",
        b"\x00\x00\x80",
        b"\x04\x00\x00\x80",
        b"\x00\x00\x00",
        b"\x00\x00\x00\x81",
        b"\x03\x00\x02\x00\x01\x80",
        b"\x01\xff\xff\x80",
        b"\x00\x00\x00\x05\x80",
        b"\x00\x00\x00\x00\x80",
        b"\x00\x00\x00\x00\x05abcd\x80",
        b"\x00\x00\x00\x00\x01\xff\x80",
        b"\x00\x00\x00\x00\x03\xed\xa0\x80\x80",
    ],
)
def test_bytes_that_are_no_contest_data_are_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="does not decode"):
        decode_contest_data(data.ljust(32, b"\0"))


@pytest.mark.parametrize("write_ins", [("a" * 125,), ("a" * 60, "b" * 65), ("a" * 70_000,), ("ё" * 63,)])
def test_what_does_not_fit_the_blocks_is_refused_with_advice(write_ins: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="bytes and the manifest keeps 128") as error:
        encode_contest_data(contest(), (1, 0, 0), write_ins)
    assert error.value.where == "the contest"
    assert "shorten the write-in" in error.value.remedy


def test_what_just_fits_the_blocks_is_taken() -> None:
    encoded = encode_contest_data(contest(), (1, 0, 0), ("a" * 122,))
    assert len(encoded) == 128
    assert decode_contest_data(encoded).write_ins == ("a" * 122,)


def test_marks_of_an_overvote_count_towards_the_size() -> None:
    fits, too_large = (contest(1, (1,) * options, 0, blocks=1) for options in (14, 15))
    assert len(encode_contest_data(fits, (1,) * 14, ())) == 32
    with pytest.raises(DataError, match="contest data takes 34 bytes and the manifest keeps 32"):
        encode_contest_data(too_large, (1,) * 15, ())


def test_marks_of_more_than_255_options_come_back() -> None:
    large = contest(1, (1,) * 300, 0, blocks=20)
    selections = tuple(range(300))
    assert decode_contest_data(encode_contest_data(large, selections, ())).marks == selections


def test_selections_for_another_number_of_options_are_a_programmers_mistake() -> None:
    for selections in ((0, 0), (0, 0, 0, 0)):
        with pytest.raises(ValueError, match="zip"):
            is_overvote(contest(), selections)


def test_more_write_ins_than_the_contest_keeps_are_refused() -> None:
    with pytest.raises(DataError, match="3 write-ins where the contest keeps 2"):
        encode_contest_data(contest(), (0, 0, 0), ("a", "b", "c"))


def test_write_in_that_is_no_text_is_refused() -> None:
    with pytest.raises(DataError, match="half a surrogate pair"):
        encode_contest_data(contest(), (0, 0, 0), ("\ud800",))


# Encryption


def encrypted(group: Group, data: bytes, index: int = 258) -> tuple[HashedCiphertext, Element]:
    """The ciphertext, and β as a quorum would compute it."""
    secret, nonce = 987654321, Nonce(group, integer(123456789))
    key = group.generator**secret
    return encrypt_contest_data(key, b"h" * 32, index, data, nonce, Stream("data")), key**nonce


@pytest.mark.parametrize("blocks", [1, 2, 9])
@over(TOY, P3072, P4096)
def test_decryption_undoes_encryption(group: Group, blocks: int) -> None:
    data = bytes(range(32)) * blocks
    cipher, beta = encrypted(group, data)
    assert cipher.c1 != data
    assert is_valid_data_proof(b"h" * 32, 258, cipher)
    assert decrypt_contest_data(b"h" * 32, 258, cipher, beta) == data


def test_blocks_of_the_same_text_are_hidden_by_different_pads() -> None:
    cipher, _ = encrypted(TOY, bytes(64))
    assert cipher.c1[:32] != cipher.c1[32:]


def test_decryption_depends_on_ballot_contest_and_key() -> None:
    data = bytes(32)
    cipher, beta = encrypted(TOY, data)
    assert decrypt_contest_data(b"i" * 32, 258, cipher, beta) != data
    assert decrypt_contest_data(b"h" * 32, 2, cipher, beta) != data
    assert decrypt_contest_data(b"h" * 32, 258, cipher, beta * beta) != data


def test_proof_fails_for_every_changed_part_and_for_broken_blocks() -> None:
    cipher, _ = encrypted(TOY, bytes(64))
    proof, zero = cipher.c2, TOY.scalar(0)
    changed = {
        "another ballot": (b"i" * 32, 258, cipher),
        "another contest": (b"h" * 32, 257, cipher),
        "c0": (b"h" * 32, 258, HashedCiphertext(cipher.c0 * TOY.generator, cipher.c1, proof)),
        "c1": (b"h" * 32, 258, HashedCiphertext(cipher.c0, bytes(64), proof)),
        "c1, a block less": (b"h" * 32, 258, HashedCiphertext(cipher.c0, cipher.c1[:32], proof)),
        "challenge": (b"h" * 32, 258, HashedCiphertext(cipher.c0, cipher.c1, Proof(zero, proof.responses))),
        "response": (b"h" * 32, 258, HashedCiphertext(cipher.c0, cipher.c1, Proof(proof.challenge, (zero,)))),
        "no response": (b"h" * 32, 258, HashedCiphertext(cipher.c0, cipher.c1, Proof(proof.challenge, ()))),
        "two responses": (
            b"h" * 32, 258, HashedCiphertext(cipher.c0, cipher.c1, Proof(proof.challenge, proof.responses * 2))
        ),
    }  # fmt: skip
    for what, (identifier, index, altered) in changed.items():
        assert not is_valid_data_proof(identifier, index, altered), what


def test_ciphertext_that_is_not_whole_blocks_is_invalid_even_with_a_proof() -> None:
    nonce, key = Nonce(TOY, integer(5)), TOY.generator**7
    whole = encrypt_contest_data(key, b"h" * 32, 1, b"", nonce, Stream("empty"))
    assert is_valid_data_proof(b"h" * 32, 1, whole)
    for length in (1, 31, 33):
        broken = HashedCiphertext(whole.c0, bytes(length), proof_over(whole.c0, bytes(length), nonce))
        assert not is_valid_data_proof(b"h" * 32, 1, broken)
    assert is_valid_data_proof(
        b"h" * 32, 1, HashedCiphertext(whole.c0, bytes(32), proof_over(whole.c0, bytes(32), nonce))
    )


@pytest.mark.parametrize("length", [0, 1, 31, 33, 65])
def test_ciphertext_that_is_not_whole_blocks_decrypts_to_its_own_length_and_raises_nothing(length: int) -> None:
    whole, beta = encrypted(TOY, bytes(96))
    cut = HashedCiphertext(whole.c0, whole.c1[:length], whole.c2)
    assert len(decrypt_contest_data(b"h" * 32, 258, cut, beta)) == length


def proof_over(c0: Element, c1: bytes, nonce: Nonce) -> Proof:
    return sigma.prove(
        proofs.knowledge((c0, TOY.generator)),
        (nonce,),
        lambda h: hashing.contest_data_challenge(TOY, b"h" * 32, 1, h[0], c0, c1),
        Stream("proof"),
    )
