"""Chaining fields of both modes and the closing of a chain, against the byte layout of EGDS §3.4.4."""

import hmac

import pytest

from e2ev.chaining import chain_end, chain_start, chaining_field

EXTENDED, DEVICE, CODE = b"E" * 32, b"D" * 32, b"C" * 32


def h(*parts: bytes) -> bytes:
    return hmac.new(EXTENDED, b"".join(parts), "sha256").digest()


@pytest.mark.parametrize("previous", [None, CODE])
def test_field_without_chaining_is_four_zeros_and_the_device_hash_always(previous: bytes | None) -> None:
    assert chaining_field("none", EXTENDED, DEVICE, previous) == bytes(4) + DEVICE


def test_first_field_of_a_simple_chain_holds_the_hash_of_the_chains_start() -> None:
    start = h(b"\x29", b"\0\0\0\x01", DEVICE)
    assert chain_start(EXTENDED, DEVICE) == start
    assert chaining_field("simple", EXTENDED, DEVICE, None) == b"\0\0\0\x01" + start


def test_later_field_of_a_simple_chain_holds_the_previous_code() -> None:
    assert chaining_field("simple", EXTENDED, DEVICE, CODE) == b"\0\0\0\x01" + CODE


def test_closing_hashes_the_last_code_with_the_first_field() -> None:
    field, closing = chain_end(EXTENDED, DEVICE, CODE)
    assert field == b"\0\0\0\x01" + h(b"\x2b", CODE, b"\0\0\0\x01", DEVICE)
    assert closing == h(b"\x29", field)


def test_chain_without_ballots_closes_over_its_start() -> None:
    assert chain_end(EXTENDED, DEVICE, None) == chain_end(EXTENDED, DEVICE, chain_start(EXTENDED, DEVICE))


def test_every_field_has_36_bytes() -> None:
    fields = [chaining_field(mode, EXTENDED, DEVICE, code) for mode in ("none", "simple") for code in (None, CODE)]
    assert [len(field) for field in (*fields, chain_end(EXTENDED, DEVICE, CODE)[0])] == [36] * 5


def test_chains_of_two_devices_and_of_two_elections_differ_from_their_start_to_their_end() -> None:
    ends = {
        (chain_start(extended, device), *chain_end(extended, device, last))
        for extended in (EXTENDED, b"F" * 32)
        for device in (DEVICE, b"d" * 32)
        for last in (None, CODE)
    }
    assert len({start for start, _, _ in ends}) == 4
    assert len({closing for _, _, closing in ends}) == 8
