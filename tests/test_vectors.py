"""Our own vectors: the files are what the code makes, and their hashes are what a second reading makes of them."""

import hashlib
import hmac
import inspect
import json
from functools import lru_cache
from typing import Any

import pytest

from e2ev import hashing
from e2ev.arith import integer
from e2ev.demo.toy import TOY
from e2ev.group import Scalar
from tests.make_vectors import FOLDER, HashCall, generate, recording
from tests.records import ELEMENTS

FILES = sorted(path.name for path in FOLDER.glob("*.json"))
LARGEST_IN_ALL = 1_000_000
UNKEYED = {"election_identifier", "selection_identifier"}
OUR_OWN = UNKEYED | {"rehearsal_challenge", "complaint_challenge", "nonce_share_challenge"}

made = lru_cache(maxsize=1)(generate)


def hashes_of(name: str) -> list[dict[str, Any]]:
    return [one for case in json.loads((FOLDER / name).read_bytes())["cases"] for one in case["hashes"]]


def test_folder_holds_the_files_that_the_code_makes_and_no_others() -> None:
    assert sorted(made()) == FILES


@pytest.mark.parametrize("name", FILES)
def test_file_is_byte_for_byte_what_the_code_makes(name: str) -> None:
    assert (FOLDER / name).read_bytes() == made()[name], "the protocol changed: run `make vectors` and say why"


def test_all_files_together_stay_small() -> None:
    assert sum((FOLDER / name).stat().st_size for name in FILES) < LARGEST_IN_ALL


@pytest.mark.parametrize("name", [name for name in FILES if "toy" in name])
def test_every_digest_is_that_of_the_message_written_beside_it(name: str) -> None:
    for one in hashes_of(name):
        key, message = bytes.fromhex(one["key"]), bytes.fromhex(one["message"])
        plain = hmac.new(key, message, hashlib.sha256) if key else hashlib.sha256(message)
        assert plain.hexdigest() == one["digest"], one["function"]


def test_every_hash_function_has_a_vector() -> None:
    own = {
        name
        for name, value in vars(hashing).items()
        if inspect.isfunction(value) and value.__module__ == hashing.__name__ and not name.startswith("_")
    }
    assert {one["function"] for name in FILES for one in hashes_of(name)} == own


@pytest.mark.parametrize("name", FILES)
def test_messages_of_egds_start_below_0x80_and_our_own_with_our_prefix(name: str) -> None:
    for one in hashes_of(name):
        start = bytes.fromhex(one.get("message") or one["message_start"])
        if one["function"] in OUR_OWN:
            assert start.startswith(b"\x80e2ev/"), one["function"]
        else:
            assert start[0] < 0x80, one["function"]
        assert one["key"] == "" if one["function"] in UNKEYED else len(one["key"]) == 64


def test_our_own_hashes_are_of_the_messages_that_the_specification_lays_out() -> None:
    key, (first, second, third) = bytes(range(32)), ELEMENTS[2:5]

    def own(label: bytes, *parts: bytes) -> bytes:
        return b"\x80e2ev/" + len(label).to_bytes(4, "big") + label + b"".join(parts)

    def scalar(label: bytes, *parts: bytes) -> Scalar:
        return TOY.scalar(integer(hmac.digest(key, own(label, *parts), "sha256")))

    one, three, four = ((number).to_bytes(4, "big") for number in (1, 3, 4))
    residues = [each.to_bytes() for each in (first, second, third)]
    assert hashing.election_identifier(b"genesis") == hashlib.sha256(own(b"election", b"genesis")).digest()
    bound = own(b"id_B", bytes([0, 0, 0, 6]), b"author", (7).to_bytes(8, "big"), key)
    assert hashing.selection_identifier(b"author", 7, key) == hashlib.sha256(bound).digest()
    assert hashing.rehearsal_challenge(TOY, key, 3, (first, second), (third,)) == scalar(b"rehearsal", three, *residues)
    assert hashing.complaint_challenge(TOY, key, 1, 4, (first, second), (third,)) == scalar(
        b"complaint", one, four, *residues
    )
    assert hashing.nonce_share_challenge(TOY, key, 3, (first, second), (third,)) == scalar(
        b"nonce share", three, *residues
    )


def test_recorder_notes_the_call_the_code_makes_and_leaves_nothing_behind() -> None:
    before = hashing.base_hash(bytes(32), b"manifest")
    with recording() as calls:
        hashing.base_hash(bytes(32), b"manifest")
    assert calls == [HashCall("base_hash", bytes(32), b"\x01\0\0\0\x08manifest", before)]
    hashing.base_hash(bytes(32), b"another")
    assert len(calls) == 1
