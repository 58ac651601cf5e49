"""Canonical bytes: every record type there and back, every other form refused, secrets kept out, leaves judged."""

import struct
import tracemalloc
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev.arith import integer
from e2ev.ballot import BallotSecret, PlainBallot, PlainContest
from e2ev.demo.toy import TOY
from e2ev.elgamal import Ciphertext
from e2ev.errors import DataError, RejectedError
from e2ev.group import P3072, Element, RawScalar, Residue, Scalar
from e2ev.record import bodies
from e2ev.record.codec import (
    Judged,
    Path,
    Unchecked,
    admit,
    decode,
    encode,
    judge,
    judge_all,
    leaves,
    path_text,
)
from e2ev.record.kinds import Kind
from e2ev.sharing import TrusteeId
from e2ev.sigma import Proof
from tests.groups import element_outside, hold_ceremony
from tests.records import ELEMENTS, RECORD_TYPES, key, sample, values

BALLOT = bytes(range(32))
DECISION = bodies.DecisionBody(1, BALLOT, "cast", "because")
PLAIN = bytes.fromhex("94 01 c420") + BALLOT + bytes.fromhex("a4") + b"cast" + bytes.fromhex("a7") + b"because"
"""The encoding of DECISION, written by hand."""


def read(kind: Any, data: bytes) -> Any:
    return decode(kind, data, TOY, "it").form


# There and back


@pytest.mark.parametrize("kind", RECORD_TYPES, ids=lambda kind: kind.__name__)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_every_record_type_is_read_back_as_it_was_written(kind: type, data: st.DataObject) -> None:
    value = data.draw(values(kind))
    judged: Judged[Any] = judge(decode(kind, encode(value), TOY, "it"))
    assert judged.failures == ()
    assert judged.value == value


@pytest.mark.parametrize("kind", RECORD_TYPES, ids=lambda kind: kind.__name__)
def test_residues_and_raw_integers_are_encoded_like_what_they_become(kind: type) -> None:
    encoded = encode(sample(kind))
    assert encode(read(kind, encoded)) == encoded


def test_encoding_is_the_one_that_the_specification_describes() -> None:
    assert encode(DECISION) == PLAIN
    assert read(bodies.DecisionBody, PLAIN) == DECISION


@pytest.mark.parametrize(
    ("number", "encoded"),
    [(0, "00"), (127, "7f"), (128, "cc80"), (255, "ccff"), (256, "cd0100"), (65536, "ce00010000"),
     (2**31 - 1, "ce7fffffff")],
)  # fmt: skip
def test_integers_take_the_shortest_of_their_forms(number: int, encoded: str) -> None:
    body = bodies.RehearsalBody(1, TrusteeId(number), sample(Proof))
    assert encode(body)[2:].startswith(bytes.fromhex(encoded))
    assert judge(decode(bodies.RehearsalBody, encode(body), TOY, "it")).value == body


def test_text_is_written_in_normal_form() -> None:
    assert encode(replace(DECISION, reason="Cafe\u0301")) == encode(replace(DECISION, reason="Caf\u00e9"))


# What is not canonical


def with_reason(reason: bytes) -> bytes:
    return PLAIN[:-8] + reason


def text(raw: bytes) -> bytes:
    return bytes([0xD9, len(raw)]) + raw if len(raw) > 31 else bytes([0xA0 + len(raw)]) + raw


NOT_CANONICAL: dict[str, bytes] = {
    "nothing": b"",
    "cut short": PLAIN[:-1],
    "a byte too many": PLAIN + b"\0",
    "a second value behind": PLAIN + PLAIN,
    "array header of 16 bits": b"\xdc\0\x04" + PLAIN[1:],
    "array header of 32 bits": b"\xdd\0\0\0\x04" + PLAIN[1:],
    "a field too few": b"\x93" + PLAIN[1:-8],
    "a field too many": b"\x95" + PLAIN[1:] + b"\xc0",
    "array that ends early": b"\x95" + PLAIN[1:],
    "integer of 8 bits": b"\x94\xcc\x01" + PLAIN[2:],
    "integer of 16 bits": b"\x94\xcd\0\x01" + PLAIN[2:],
    "integer of 32 bits": b"\x94\xce\0\0\0\x01" + PLAIN[2:],
    "integer of 64 bits": b"\x94\xcf\0\0\0\0\0\0\0\x01" + PLAIN[2:],
    "signed integer": b"\x94\xd0\x01" + PLAIN[2:],
    "negative integer": b"\x94\xff" + PLAIN[2:],
    "true for 1": b"\x94\xc3" + PLAIN[2:],
    "nil for 1": b"\x94\xc0" + PLAIN[2:],
    "float of 32 bits": b"\x94\xca" + struct.pack(">f", 1.0) + PLAIN[2:],
    "float of 64 bits": b"\x94\xcb" + struct.pack(">d", 1.0) + PLAIN[2:],
    "another form number": b"\x94\x02" + PLAIN[2:],
    "digest with a long header": PLAIN[:2] + b"\xc5\0\x20" + PLAIN[4:],
    "digest of 31 bytes": PLAIN[:2] + b"\xc4\x1f" + PLAIN[5:],
    "digest of 33 bytes": PLAIN[:2] + b"\xc4\x21\0" + PLAIN[4:],
    "digest as text": PLAIN[:2] + b"\xd9\x20" + PLAIN[4:],
    "digest as an array": PLAIN[:2] + b"\xdc\0\x20" + PLAIN[4:],
    "nil for a digest": PLAIN[:2] + b"\xc0" + PLAIN[36:],
    "word that is none of the choices": PLAIN[:36] + text(b"lost") + PLAIN[41:],
    "word with a long header": PLAIN[:36] + b"\xd9\x04" + PLAIN[37:],
    "word as bytes": PLAIN[:36] + b"\xc4\x04" + PLAIN[37:],
    "text with a long header": with_reason(b"\xd9\x07because"),
    "text as bytes": with_reason(b"\xc4\x07because"),
    "text not in NFC": with_reason(text("Cafe\u0301".encode())),
    "text with a control character": with_reason(text(b"a\nb")),
    "text with a C1 control character": with_reason(text("a\u0085b".encode())),
    "text that is no UTF-8": with_reason(text(b"\xff")),
    "text with an overlong form": with_reason(text(b"\xc0\xaf")),
    "text with half a surrogate pair": with_reason(text(b"\xed\xa0\x80")),
    "text of 4097 characters": with_reason(b"\xda\x10\x01" + b"x" * 4097),
    "empty map": with_reason(b"\x80"),
    "map for the body": b"\x84" + b"".join(text(bytes([97 + i])) + b"\x01" for i in range(4)),
    "map of 16 bits": with_reason(b"\xde\0\0"),
    "extension": with_reason(b"\xd4\x05\0"),
    "empty extension": with_reason(b"\xc7\0\x05"),
    "timestamp": with_reason(b"\xd6\xff\0\0\0\0"),
    "empty timestamp": with_reason(b"\xc7\0\xff"),
    "byte that MessagePack never uses": with_reason(b"\xc1"),
    "arrays 100 deep": b"\x91" * 100 + b"\xc0",
    "arrays 100,000 deep": b"\x91" * 100_000 + b"\xc0",
    "array 100 deep for a digest": PLAIN[:2] + b"\x91" * 100 + b"\xc0" + PLAIN[36:],
}


@pytest.mark.parametrize("data", NOT_CANONICAL.values(), ids=NOT_CANONICAL)
def test_other_forms_are_refused(data: bytes) -> None:
    with pytest.raises(DataError) as caught:
        read(bodies.DecisionBody, data)
    assert caught.value.where.startswith("it")


@pytest.mark.parametrize("data", [b"", PLAIN[:-1], PLAIN + b"\0", b"\xc1"])
def test_bytes_that_are_no_messagepack_are_said_to_be_none(data: bytes) -> None:
    with pytest.raises(DataError, match="not MessagePack"):
        read(bodies.DecisionBody, data)


@dataclass(frozen=True, slots=True)
class Flags:
    good: bool
    note: bytes


def test_truth_values_and_bytes_are_read_as_they_were_written() -> None:
    for good, byte in ((True, b"\xc3"), (False, b"\xc2")):
        assert encode(Flags(good, b"x")) == b"\x92" + byte + b"\xc4\x01x"
        assert read(Flags, encode(Flags(good, b"x"))) == Flags(good, b"x")


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"\x92\x01\xc4\x01x", "int where a bool"), (b"\x92\xc0\xc4\x01x", "nil where a bool"),
     (b"\x92\xc3\xa1x", "str where bin"), (b"\x92\xc3\xc0", "nil where bin"), (b"\x92\xc3\x90", "array where bin")],
)  # fmt: skip
def test_nothing_else_is_a_truth_value_or_bytes(data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(Flags, data)


def test_text_of_4096_characters_is_taken() -> None:
    long = replace(DECISION, reason="ы" * 4096)
    assert read(bodies.DecisionBody, encode(long)) == long


@pytest.mark.parametrize("number", [2**31, 2**32, 2**63])
def test_integers_beyond_31_bits_are_refused(number: int) -> None:
    body = bodies.RehearsalBody(1, TrusteeId(number), sample(Proof))
    with pytest.raises(DataError, match="an int of 0 to 2147483647") as caught:
        read(bodies.RehearsalBody, encode(body))
    assert caught.value.where == "it.trustee"


@pytest.mark.parametrize(
    ("element", "words"),
    [(b"", "0 bytes"), (bytes(31) + b"", "31 bytes"), (bytes(32) + b"\1", "33 bytes"), (bytes(32), "above 0"),
     (int(TOY.p).to_bytes(32, "big"), "below p"), (b"\xff" * 32, "below p")],
    ids=["empty", "short", "long", "zero", "p", "above p"],
)  # fmt: skip
def test_residues_have_the_width_of_the_group_and_lie_above_zero_and_below_p(element: bytes, words: str) -> None:
    good = bodies.RoleKey("vote", "toy", ELEMENTS[3])
    data = encode(good)[:-34] + b"\xc4" + bytes([len(element)]) + element
    with pytest.raises(DataError, match=words) as caught:
        read(bodies.RoleKey, data)
    assert caught.value.where == "it.key"


@pytest.mark.parametrize("value", [b"\xc0", b"\x07", b"\x90", b"\xa4" + b"text"])
def test_only_bytes_are_a_residue_or_an_integer_modulo_q(value: bytes) -> None:
    with pytest.raises(DataError, match="where a residue is expected"):
        read(bodies.RoleKey, encode(bodies.RoleKey("vote", "toy", ELEMENTS[3]))[:-34] + value)
    with pytest.raises(DataError, match="where an integer of l_q bytes is expected"):
        read(Proof, b"\x92" + value + b"\x90")


@pytest.mark.parametrize("width", [0, 7, 9, 32])
def test_integers_modulo_q_have_the_width_of_the_group(width: int) -> None:
    data = b"\x92\xc4" + bytes([width]) + bytes(width) + b"\x90"
    with pytest.raises(DataError, match="l_q bytes") as caught:
        read(Proof, data)
    assert caught.value.where == "it.challenge"


def test_widths_are_those_of_the_group_that_is_passed() -> None:
    for kind in (Proof, bodies.RoleKey):
        data = encode(sample(kind))
        for group in (P3072, None):
            with pytest.raises(DataError):
                decode(kind, data, group, "it")


def test_place_of_a_wrong_field_is_named_by_its_path() -> None:
    body = sample(bodies.BallotBody)
    contest = body.ballot.contests[1]
    wrong = replace(contest.selections[1], proof=sample(Ciphertext))
    spoilt = replace(contest, selections=(contest.selections[0], wrong))
    ballot = replace(body.ballot, contests=(body.ballot.contests[0], spoilt))
    with pytest.raises(DataError, match="bin where an array is expected") as caught:
        read(bodies.BallotBody, encode(replace(body, ballot=ballot)))
    assert caught.value.where == "it.ballot.contests[1].selections[1].proof.challenges"


def test_path_is_shown_with_dots_and_brackets() -> None:
    assert path_text(("contests", 0, "selections", 2, "alpha")) == "contests[0].selections[2].alpha"
    assert path_text(()) == ""


# What costs nothing


HUGE = {
    "array": b"\xdd\xff\xff\xff\xff",
    "array as large as the data": b"\xdd\x00\x0f\xff\xff",
    "many arrays in each other": b"\xdd\x00\x0f\x00\x00" * 500,
    "bytes": b"\xc6\xff\xff\xff\xff",
    "text": b"\xdb\xff\xff\xff\xff",
    "map": b"\xdf\xff\xff\xff\xff",
    "extension": b"\xc9\xff\xff\xff\xff\x05",
}


@pytest.mark.parametrize("claim", HUGE.values(), ids=HUGE)
def test_huge_claims_are_refused_before_memory_is_taken(claim: bytes) -> None:
    data = claim + b"\xc0" * ((1 << 20) - len(claim) - 1)
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            read(bodies.TallyBody, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * len(data)


# Any bytes


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(RECORD_TYPES), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_as_data(kind: type, data: bytes) -> None:
    with suppress(DataError):
        assert encode(read(kind, data)) == data


@pytest.mark.parametrize("kind", RECORD_TYPES, ids=lambda kind: kind.__name__)
def test_every_changed_byte_is_refused_or_read_as_another_value(kind: type) -> None:
    data = encode(sample(kind))
    original = read(kind, data)
    for position in range(0, len(data), 1 + len(data) // 700):
        for mask in (0x01, 0x10, 0x80, 0xFF):
            changed = data[:position] + bytes([data[position] ^ mask]) + data[position + 1 :]
            try:
                found = read(kind, changed)
            except DataError:
                continue
            assert found != original
            assert encode(found) == changed


# Secrets


SHARE = hold_ceremony(TOY, 3, 2).shares[0]
SECRETS: dict[str, object] = {
    "ballot nonce": BallotSecret(bytes(32)),
    "plain ballot": PlainBallot(1, 1, (PlainContest(1, (1, 0)),)),
    "plain contest": PlainContest(1, (1, 0)),
    "key share": SHARE,
    "secret scalar": SHARE.vote,
    "nonce": TOY.random_nonce(),
    "trustee's secrets": hold_ceremony(TOY, 3, 2).secrets[0],
    "polynomial": hold_ceremony(TOY, 3, 2).secrets[0].vote,
    "signing key": key(1),
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_secrets_cannot_be_encoded_whatever_they_stand_in(secret: Any) -> None:
    for value in (
        secret,
        (secret,),
        bodies.ResponsesBody(1, 1, TrusteeId(1), (secret,)),
        replace(DECISION, ballot=secret),
    ):
        with pytest.raises(TypeError, match="has no record codec"):
            encode(value)


@pytest.mark.parametrize("kind", [type(secret) for secret in SECRETS.values()], ids=lambda kind: kind.__name__)
def test_secrets_cannot_be_decoded(kind: Any) -> None:
    with pytest.raises(TypeError, match="has no record codec"):
        decode(kind, b"\x91\x01", TOY, "it")


@pytest.mark.parametrize(
    "value",
    [1.0, [1], {1: 2}, {1}, bytearray(b"x"), object(), Kind.BALLOT, Kind, TOY],
    ids=lambda value: repr(value)[:20],
)
def test_values_of_no_record_type_cannot_be_encoded(value: object) -> None:
    with pytest.raises(TypeError):
        encode(replace(DECISION, reason=value))  # type: ignore[arg-type]  # what a careless caller might do


def test_types_that_the_codec_cannot_read_are_a_programmers_error() -> None:
    @dataclass(frozen=True, slots=True)
    class Odd:
        field: float

    @dataclass(frozen=True, slots=True)
    class Pair:
        field: tuple[int, str]

    for kind, words in ((Odd, "has no record codec"), (Pair, "one type of item and any length")):
        with pytest.raises(TypeError, match=words):
            decode(kind, b"\x91\x01", TOY, "it")


# Judging


def leaf_paths(kind: type) -> list[Path]:
    return [path for path, _ in leaves(read(kind, encode(sample(kind))))]


def spoil(form: Any, bad: frozenset[Path], path: Path = ()) -> Any:
    """Return the form with a non-member or an integer of q or more at each path in `bad`."""
    if isinstance(form, Residue):
        return element_outside(TOY, 2) if path in bad else form
    if isinstance(form, RawScalar):
        return RawScalar(TOY, TOY.q + 3) if path in bad else form
    if isinstance(form, tuple):
        return tuple(spoil(item, bad, (*path, i)) for i, item in enumerate(form))
    if hasattr(form, "__dataclass_fields__"):
        return replace(form, **{n: spoil(getattr(form, n), bad, (*path, n)) for n in form.__dataclass_fields__})
    return form


LEAFY = tuple(kind for kind in RECORD_TYPES if leaf_paths(kind))


@pytest.mark.parametrize("kind", LEAFY, ids=lambda kind: kind.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_judging_names_just_the_bad_leaves_and_upgrades_all_others(kind: type, data: st.DataObject) -> None:
    bad = frozenset(data.draw(st.sets(st.sampled_from(leaf_paths(kind)), max_size=4)))
    form = spoil(read(kind, encode(sample(kind))), bad)
    judged: Judged[Any] = judge(decode(kind, encode(form), TOY, "it"))
    assert sorted(judged.failures, key=str) == sorted(bad, key=str)
    for path, leaf in leaves_of(judged.value):
        assert isinstance(leaf, Element | Scalar) is (path not in bad)


def leaves_of(value: Any, path: Path = ()) -> list[tuple[Path, object]]:
    if isinstance(value, Residue | RawScalar | Scalar):
        return [(path, value)]
    if isinstance(value, tuple):
        return [found for i, item in enumerate(value) for found in leaves_of(item, (*path, i))]
    names = getattr(value, "__dataclass_fields__", ())
    return [found for name in names for found in leaves_of(getattr(value, name), (*path, name))]


def test_a_leaf_that_failed_takes_part_in_no_formula() -> None:
    form = spoil(read(bodies.RoleKey, encode(sample(bodies.RoleKey))), frozenset({("key",)}))
    judged = judge(Unchecked(form))
    with pytest.raises(TypeError):
        TOY.identity * judged.value.key


@pytest.mark.parametrize("order", [2, int((TOY.p - 1) // (TOY.q * 2))], ids=["order 2", "the cofactor's prime"])
def test_residues_of_every_foreign_order_fail(order: int) -> None:
    form = bodies.RoleKey("vote", "toy", element_outside(TOY, order))  # type: ignore[arg-type]  # a form
    assert judge(Unchecked(form)).failures == (("key",),)


@pytest.mark.parametrize(("value", "fails"), [(-1, False), (0, True), (1, True)])
def test_integers_fail_from_q_on(value: int, fails: bool) -> None:
    form = Proof(RawScalar(TOY, TOY.q + integer(value)), ())  # type: ignore[arg-type]  # a form
    assert bool(judge(Unchecked(form)).failures) is fails


def test_values_judged_together_fail_apart() -> None:
    good = read(bodies.RoleKey, encode(sample(bodies.RoleKey)))
    bad = spoil(good, frozenset({("key",)}))
    judged = judge_all([Unchecked(good), Unchecked(bad), Unchecked(good)])
    assert [one.failures for one in judged] == [(), (("key",),), ()]
    assert [one.holds("key") for one in judged] == [True, False, True]
    assert judge_all([]) == []


def test_trusted_leaves_are_taken_as_they_are() -> None:
    bad = spoil(read(bodies.RoleKey, encode(sample(bodies.RoleKey))), frozenset({("key",)}))
    (judged,) = judge_all([Unchecked(bad)], trusted=lambda path: path == ("key",))
    assert judged.failures == ()
    assert isinstance(judged.value.key, Element)


def test_part_of_a_value_holds_where_no_leaf_under_it_failed() -> None:
    form = read(bodies.OpeningsBody, encode(sample(bodies.OpeningsBody)))
    judged = judge(Unchecked(spoil(form, frozenset({("openings", 1, "b")}))))
    assert judged.holds("openings", 0)
    assert judged.holds("openings", 1, "a")
    assert not judged.holds("openings", 1)
    assert not judged.holds()


def test_admission_gives_the_value_or_names_the_first_bad_leaf() -> None:
    value = sample(bodies.OpeningsBody)
    form = read(bodies.OpeningsBody, encode(value))
    assert admit(Unchecked(form), "entry 7") == value
    with pytest.raises(RejectedError) as caught:
        admit(Unchecked(spoil(form, frozenset({("openings", 1, "b")}))), "entry 7")
    assert caught.value.where == "entry 7: openings[1].b"
