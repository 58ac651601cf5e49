"""Tracking codes and fingerprints, as people read, type and say them."""

import base64
from collections import Counter
from itertools import combinations
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev.codes import (
    ALPHABET,
    CodePrefix,
    check_symbols,
    matches_spoken,
    parse_tracking_code,
    search_prefix,
    short_hex,
    spoken,
    tracking_code,
)
from e2ev.errors import DataError

CODE = bytes(range(7, 39))
SHOWN = tracking_code(CODE)
PLACES = 34
confirmation_codes = st.binary(min_size=32, max_size=32)


def bare(shown: str) -> str:
    return shown.replace("-", "")


def is_read(text: str) -> bool:
    try:
        parse_tracking_code(text)
    except DataError:
        return False
    return True


# Tracking codes


def test_tracking_code_is_eight_groups_of_four_and_one_of_two() -> None:
    assert SHOWN == "0W40-J2GB-1G6G-W3RG-2491-650N-2RBH-G68T-CZ"
    assert [len(group) for group in SHOWN.split("-")] == [4] * 8 + [2]


@given(confirmation_codes)
def test_first_symbols_are_those_of_base_32_in_crockfords_alphabet(code: bytes) -> None:
    to_crockford = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET)
    assert bare(tracking_code(code))[:32] == base64.b32encode(code[:20]).decode().translate(to_crockford)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (bytes(32), "0000-0000-0000-0000-0000-0000-0000-0000-00"),
        (bytes(19) + b"\1" + bytes(12), "0000-0000-0000-0000-0000-0000-0000-0001-21"),
        (b"\x08" + bytes(31), "1000-0000-0000-0000-0000-0000-0000-0000-20"),
        (b"\0\x40" + bytes(30), "0100-0000-0000-0000-0000-0000-0000-0000-44"),
    ],
)
def test_tracking_code_of_a_few_bits_is_known(code: bytes, shown: str) -> None:
    assert tracking_code(code) == shown


@given(confirmation_codes)
def test_tracking_code_comes_back_as_the_first_twenty_bytes(code: bytes) -> None:
    assert parse_tracking_code(tracking_code(code)) == code[:20]


@given(confirmation_codes, st.binary(min_size=12, max_size=12))
def test_tracking_code_shows_nothing_of_the_last_twelve_bytes(code: bytes, rest: bytes) -> None:
    assert tracking_code(code) == tracking_code(code[:20] + rest)


@given(confirmation_codes, st.randoms(use_true_random=False))
def test_tracking_code_is_read_in_any_case_with_any_separators_and_with_letters_for_digits(
    code: bytes, rng: Random
) -> None:
    other = {"0": "0oO", "1": "1iIlL"}
    typed = "".join(
        rng.choice(other.get(letter, letter.lower() + letter)) + rng.choice(["", "-", " ", ".", " - ", "\n", "\u2013"])
        for letter in bare(tracking_code(code))
    )
    assert parse_tracking_code(typed) == code[:20]


@pytest.mark.parametrize("length", [0, 20, 31, 33])
def test_confirmation_code_of_another_length_is_a_programmers_mistake(length: int) -> None:
    with pytest.raises(ValueError, match=f"32 bytes, not {length}"):
        tracking_code(bytes(length))


@pytest.mark.parametrize("length", [0, 1, 4, 32, 33, 35, 68])
def test_code_of_another_length_is_refused_with_its_length(length: int) -> None:
    with pytest.raises(DataError, match=f"has {length} symbols, expected 34") as refusal:
        parse_tracking_code("7" * length, where="line 2")
    assert refusal.value.where == "line 2"
    assert refusal.value.remedy


@pytest.mark.parametrize("letter", ["U", "u", "_", "/", "*", "é", "\u0410", "\u0661", "\uff11", "ı", "ß"])
@pytest.mark.parametrize("place", [1, 6, 34])
def test_symbol_that_no_code_has_is_refused_with_its_place(letter: str, place: int) -> None:
    symbols = bare(SHOWN)
    typed = f"{symbols[: place - 1]}{letter}{symbols[place:]}"
    with pytest.raises(DataError, match=rf"symbol {place} \(group {(place + 3) // 4}, place") as refusal:
        parse_tracking_code(typed)
    assert repr(letter) in refusal.value.found
    assert "Latin" in refusal.value.remedy


def test_wrong_symbol_is_named_before_a_wrong_length() -> None:
    with pytest.raises(DataError, match=r"symbol 3 \(group 1, place 3\) is 'U'"):
        parse_tracking_code("00U")


def test_check_symbols_that_do_not_fit_are_refused_as_such() -> None:
    with pytest.raises(DataError, match="check symbols do not fit") as refusal:
        parse_tracking_code(SHOWN[:-1] + ("0" if SHOWN[-1] != "0" else "1"), where="line 2")
    assert (refusal.value.where, refusal.value.exit_code) == ("line 2", 3)
    assert "group by group" in refusal.value.remedy


# What the check symbols notice. They are linear, so whether an error is noticed depends on the error alone, and the
# errors of one symbol, all 34 × 31 of them, are enough to know of all.


def effect(place: int, error: int) -> tuple[int, int]:
    """Return how far the check symbols are off if the symbol at `place` is off by `error`."""
    if place >= 32:
        return (error, 0) if place == 32 else (0, error)
    return check_symbols([error if at == place else 0 for at in range(32)])


EFFECTS = {(place, error): effect(place, error) for place in range(PLACES) for error in range(1, 32)}
thirty_two_symbols = st.lists(st.integers(0, 31), min_size=32, max_size=32)


def product(a: int, b: int) -> int:
    """Return a·b in GF(2)[x]/(x⁵ + x² + 1)."""
    whole = 0
    for bit in range(5):
        whole ^= a << bit if b >> bit & 1 else 0
    for bit in range(8, 4, -1):
        whole ^= 0b100101 << bit - 5 if whole >> bit & 1 else 0
    return whole


def power(base: int, exponent: int) -> int:
    return product(base, power(base, exponent - 1)) if exponent else 1


@given(thirty_two_symbols)
def test_check_symbols_are_the_two_sums_of_their_definition(symbols: list[int]) -> None:
    first = second = 0
    for i, symbol in enumerate(symbols):
        first ^= product(power(2, i), symbol)
        second ^= product(power(4, i), symbol) if i else 0
    assert check_symbols(symbols) == (product(2, first), second)


@given(thirty_two_symbols, thirty_two_symbols)
def test_check_symbols_are_linear(one: list[int], other: list[int]) -> None:
    together = check_symbols([a ^ b for a, b in zip(one, other, strict=True)])
    (a, b), (c, d) = check_symbols(one), check_symbols(other)
    assert together == (a ^ c, b ^ d)


def test_every_single_wrong_symbol_is_noticed() -> None:
    assert (0, 0) not in EFFECTS.values()
    assert len(EFFECTS) == PLACES * 31


def test_every_exchange_of_two_different_symbols_is_noticed() -> None:
    for one, other in combinations(range(PLACES), 2):
        assert all(EFFECTS[one, error] != EFFECTS[other, error] for error in range(1, 32))


def test_two_wrong_symbols_are_noticed_but_for_one_pair_of_places() -> None:
    places_by_effect: dict[tuple[int, int], list[int]] = {}
    for (place, _), value in EFFECTS.items():
        places_by_effect.setdefault(value, []).append(place)
    unnoticed = Counter(pair for places in places_by_effect.values() for pair in combinations(places, 2))
    assert unnoticed == {(0, 32): 31}


def test_every_single_wrong_symbol_is_refused_by_the_parser() -> None:
    symbols = bare(SHOWN)
    changed = [f"{symbols[:i]}{new}{symbols[i + 1 :]}" for i in range(PLACES) for new in ALPHABET if new != symbols[i]]
    assert len(changed) == PLACES * 31
    assert not any(is_read(text) for text in changed)


@settings(max_examples=20, deadline=None)
@given(confirmation_codes)
def test_every_exchange_of_two_different_symbols_is_refused_by_the_parser(code: bytes) -> None:
    symbols = bare(tracking_code(code))
    for i, j in combinations(range(PLACES), 2):
        swapped = f"{symbols[:i]}{symbols[j]}{symbols[i + 1 : j]}{symbols[i]}{symbols[j + 1 :]}"
        assert is_read(swapped) is (symbols[i] == symbols[j])


def test_every_exchange_of_two_different_groups_of_this_code_is_refused() -> None:
    groups = SHOWN.split("-")
    for i, j in combinations(range(8), 2):
        swapped = groups.copy()
        swapped[i], swapped[j] = groups[j], groups[i]
        assert not is_read("-".join(swapped))


@pytest.mark.parametrize("symbols", [[0] * 31, [0] * 33, [0] * 31 + [32], [-1] + [0] * 31])
def test_check_symbols_of_anything_else_are_a_programmers_mistake(symbols: list[int]) -> None:
    with pytest.raises(ValueError, match="32 symbols of 0 to 31"):
        check_symbols(symbols)


# Searching


@given(confirmation_codes, st.integers(4, 32))
def test_code_is_found_by_every_beginning_of_its_tracking_code(code: bytes, length: int) -> None:
    prefix = search_prefix(bare(tracking_code(code))[:length].lower())
    assert prefix.symbols == bare(tracking_code(code))[:length]
    assert prefix.matches(code)


@given(confirmation_codes, confirmation_codes, st.integers(4, 32))
def test_prefix_matches_the_codes_that_begin_with_it_and_no_others(code: bytes, other: bytes, length: int) -> None:
    prefix = CodePrefix(bare(tracking_code(code))[:length])
    assert prefix.matches(other) is bare(tracking_code(other)).startswith(prefix.symbols)


def test_prefix_that_differs_in_its_last_bit_does_not_match() -> None:
    for length in range(4, 33):
        flipped = (int.from_bytes(CODE, "big") ^ 1 << 256 - 5 * length).to_bytes(32, "big")
        assert not CodePrefix(bare(SHOWN)[:length]).matches(flipped)


def test_prefix_is_typed_as_kindly_as_a_whole_code() -> None:
    assert search_prefix("o1l. - iX") == CodePrefix("0111X")
    assert search_prefix("0w40").bits == int.from_bytes(CODE, "big") >> 256 - 20


@pytest.mark.parametrize(("text", "found"), [("", "0 symbols"), ("0-0 0", "3 symbols"), ("0" * 33, "33 symbols")])
def test_prefix_that_is_too_short_or_too_long_is_refused_with_a_remedy(text: str, found: str) -> None:
    with pytest.raises(DataError, match=found) as refusal:
        search_prefix(text, where="search")
    assert refusal.value.where == "search"
    assert refusal.value.remedy


def test_prefix_with_a_symbol_that_no_code_has_is_refused() -> None:
    with pytest.raises(DataError, match="symbol 4"):
        search_prefix("000U")


@pytest.mark.parametrize("symbols", ["", "000", "0" * 33, "abcd", "000O", "00-00"])
def test_prefix_of_anything_else_is_a_programmers_mistake(symbols: str) -> None:
    with pytest.raises(ValueError, match="no prefix"):
        CodePrefix(symbols)


# Fingerprints


@pytest.mark.parametrize(
    ("digest", "said"),
    [
        ("7f000001", "lusab babad"),
        ("3f54dcc1", "gutih tugad"),
        ("00000000", "babab babab"),
        ("ffffffff", "zuzuz zuzuz"),
    ],
)
def test_words_are_the_known_proquints(digest: str, said: str) -> None:
    assert spoken(bytes.fromhex(digest), 2) == said


def test_all_sixteen_bit_words_differ_and_can_be_said() -> None:
    said = {spoken(number.to_bytes(2, "big"), 1) for number in range(1 << 16)}
    assert len(said) == 1 << 16
    assert all(len(word) == 5 and set(word[1::2]) <= set("aiou") for word in said)


def test_four_words_are_said_unless_asked_otherwise() -> None:
    assert spoken(bytes.fromhex("7f0000013f54dcc1") + bytes(24)) == "lusab babad gutih tugad"


@pytest.mark.parametrize(
    "text",
    [
        "lusab babad gutih tugad",
        " LUSAB-babad\n Gutih   tuGAD ",
        "lusab-babad-gutih-tugad",
        "lusab\u2013babadgutih.tugad",
    ],
)
def test_words_are_heard_in_any_case_with_any_separators(text: str) -> None:
    assert matches_spoken(text, bytes.fromhex("7f0000013f54dcc1") + bytes(24))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lusab babad gutih",
        "lusab babad gutih tugad babab",
        "babad lusab gutih tugad",
        "lusab babad gutih tugab",
        "lusab, babad, gutih, tugad",
    ],
)
def test_other_words_are_not_taken_for_the_digests(text: str) -> None:
    assert not matches_spoken(text, bytes.fromhex("7f0000013f54dcc1") + bytes(24))


@given(st.binary(min_size=8, max_size=64), st.integers(0, 63))
def test_words_of_a_digest_with_one_flipped_bit_do_not_match(digest: bytes, bit: int) -> None:
    changed = (int.from_bytes(digest[:8], "big") ^ 1 << bit).to_bytes(8, "big")
    assert matches_spoken(spoken(digest), digest)
    assert not matches_spoken(spoken(changed), digest)


@pytest.mark.parametrize(("length", "words"), [(7, 4), (8, 0), (8, -1), (0, 1)])
def test_words_that_a_digest_does_not_have_are_a_programmers_mistake(length: int, words: int) -> None:
    with pytest.raises(ValueError, match="words in a digest"):
        spoken(bytes(length), words)


def test_short_hex_is_shown_in_groups_of_four() -> None:
    digest = bytes.fromhex("0123456789abcdef")
    assert short_hex(digest) == "0123 4567"
    assert short_hex(digest, 4) == "0123"
    assert short_hex(digest, 16) == "0123 4567 89ab cdef"


@pytest.mark.parametrize("digits", [-4, 0, 2, 6, 20])
def test_hex_digits_that_do_not_make_groups_are_a_programmers_mistake(digits: int) -> None:
    with pytest.raises(ValueError, match="hex digits in groups of four"):
        short_hex(bytes(8), digits)


def test_specification_shows_the_code_and_the_words_of_its_example() -> None:
    page = (Path(__file__).parents[1] / "specs/board.md").read_text("utf-8")
    digest = bytes(range(32))
    assert f"these are `{tracking_code(digest)}` and `{spoken(digest, 8)}`" in page
