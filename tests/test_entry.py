"""Entries: signed headers, the chain of an author, bodies in frames, message files."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from io import BytesIO

import pytest

from e2ev.errors import DataError, RejectedError
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.entry import (
    MAX_HEADER,
    MESSAGE_MAGIC,
    NO_ENTRY,
    Entry,
    Header,
    author_of,
    check_body,
    check_header_signature,
    decode_header,
    key_of,
    message_file,
    read_message,
)
from e2ev.record.frame import MAX_PAYLOAD, FrameKind, TornFrameError, frame
from e2ev.record.kinds import KINDS, MAX_BODY, Kind, body_limit
from e2ev.signing import check_signature
from tests.records import ELECTION, Writer, key

CODE = bytes([7]) * 32


def entries(*sizes: int) -> tuple[Entry, ...]:
    writer = Writer(1)
    return tuple(writer.write(Kind.BALLOT, bytes(size), CODE) for size in sizes)


def read(data: bytes, limit_of: Callable[[int], int] = body_limit) -> list[Entry]:
    return list(read_message(BytesIO(data), limit_of, "message"))


FIRST, SECOND, THIRD = entries(100, 0, 300)


# Signatures and chains


def test_first_entry_of_a_pen_has_counter_1_and_nothing_before_it() -> None:
    assert (FIRST.header.counter, FIRST.header.previous) == (1, NO_ENTRY)


def test_each_entry_of_a_pen_names_the_one_before() -> None:
    assert [entry.header.counter for entry in (FIRST, SECOND, THIRD)] == [1, 2, 3]
    assert SECOND.header.previous == FIRST.leaf_hash
    assert THIRD.header.previous == SECOND.leaf_hash


def test_header_says_who_where_and_what() -> None:
    header = FIRST.header
    assert (header.version, header.kind, header.election, header.author) == (
        1,
        20,
        ELECTION,
        author_of(key(1).verify_key),
    )
    assert (header.body_size, header.body_hash, header.code) == (100, sha256(bytes(100)).digest(), CODE)


def test_signature_covers_a_label_and_the_leaf_with_64_zeros_in_its_place() -> None:
    signed = b"e2ev entry v1\0" + FIRST.leaf[:-64] + bytes(64)
    assert FIRST.header.signed_bytes() == signed
    check_signature(key(1).verify_key, signed, FIRST.leaf[-64:])


def test_leaf_is_the_encoded_header_and_is_hashed_as_rfc_6962_has_it() -> None:
    assert FIRST.leaf == encode(FIRST.header)
    assert FIRST.leaf_hash == sha256(b"\0" + FIRST.leaf).digest()
    assert decode_header(FIRST.leaf, "header") == FIRST.header


def test_honest_header_is_accepted() -> None:
    for entry in (FIRST, SECOND, THIRD):
        check_header_signature(entry.header, "header")
        check_body(entry, "body")


def flipped(data: bytes, position: int = 5) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


HEADER = FIRST.header
CHANGED = {
    "kind": replace(HEADER, kind=21),
    "election": replace(HEADER, election=flipped(ELECTION)),
    "author": replace(HEADER, author=author_of(key(2).verify_key)),
    "author that is no key": replace(HEADER, author=b"\x01" + bytes(32)),
    "author with another algorithm": replace(HEADER, author=b"\x02" + HEADER.author[1:]),
    "counter": replace(HEADER, counter=2),
    "previous": replace(HEADER, previous=flipped(NO_ENTRY)),
    "body_size": replace(HEADER, body_size=101),
    "body_hash": replace(HEADER, body_hash=flipped(HEADER.body_hash)),
    "code": replace(HEADER, code=flipped(CODE)),
    "code left out": replace(HEADER, code=None),
    "signature with another algorithm": replace(HEADER, signature=b"\x02" + HEADER.signature[1:]),
    "first half of the signature": replace(HEADER, signature=flipped(HEADER.signature, 3)),
    "second half of the signature": replace(HEADER, signature=flipped(HEADER.signature, 40)),
}


@pytest.mark.parametrize("header", CHANGED.values(), ids=CHANGED)
def test_changed_header_is_not_what_the_author_signed(header: Header) -> None:
    with pytest.raises(RejectedError) as caught:
        check_header_signature(header, "entry 3")
    assert caught.value.where == "entry 3"


def test_every_field_of_a_header_is_among_the_changed_ones() -> None:
    words = " ".join(CHANGED)
    assert [name for name in Header.__dataclass_fields__ if name not in words] == ["version"]


@pytest.mark.parametrize(
    "body", [b"", bytes(99), bytes(101), flipped(bytes(100))], ids=["none", "shorter", "longer", "changed"]
)
def test_another_body_is_not_what_the_header_signs(body: bytes) -> None:
    with pytest.raises(RejectedError, match="not the one that the header signs"):
        check_body(replace(FIRST, body=body), "entry 3")


def test_key_of_an_author_is_refused_for_an_unknown_algorithm() -> None:
    assert key_of(HEADER.author) == key(1).verify_key
    with pytest.raises(DataError, match="algorithm 2 is unknown"):
        key_of(b"\x02" + HEADER.author[1:])


def test_header_of_another_version_or_form_is_refused() -> None:
    for leaf in (flipped(FIRST.leaf, 1), FIRST.leaf + b"\0", FIRST.leaf[:-1], b""):
        with pytest.raises(DataError):
            decode_header(leaf, "header")


def test_header_longer_than_any_header_is_refused_unread() -> None:
    with pytest.raises(DataError, match=f"{MAX_HEADER} are the most"):
        decode_header(FIRST.leaf + bytes(MAX_HEADER), "header")
    longest = replace(HEADER, kind=2**31 - 1, counter=2**31 - 1, body_size=2**31 - 1)
    assert len(encode(longest)) < MAX_HEADER


# Message files


@pytest.mark.parametrize(
    "sizes", [(), (0,), (1,), (100, 0, 300), (MAX_PAYLOAD, MAX_PAYLOAD + 1), (2 * MAX_PAYLOAD + 5, 7)], ids=str
)
def test_message_file_gives_back_its_entries(sizes: tuple[int, ...]) -> None:
    written = entries(*sizes)
    assert read(message_file(written)) == list(written)


def test_body_stands_in_frames_of_at_most_a_mebibyte() -> None:
    (entry,) = entries(2 * MAX_PAYLOAD + 5)
    chunks = (bytes(MAX_PAYLOAD), bytes(MAX_PAYLOAD), bytes(5))
    assert entry.frames() == frame(FrameKind.HEADER, entry.leaf) + b"".join(frame(FrameKind.BODY, c) for c in chunks)


MESSAGE = message_file((FIRST, SECOND, THIRD))


def test_message_file_cut_short_gives_whole_entries_and_then_an_error() -> None:
    ends = [len(message_file((FIRST, SECOND, THIRD)[:count])) for count in range(4)]
    for size in range(len(MESSAGE)):
        found: list[Entry] = []
        try:
            for entry in read_message(BytesIO(MESSAGE[:size]), body_limit, "message"):
                found.append(entry)
        except DataError:
            assert size not in ends
        else:
            assert size in ends
        assert found == [FIRST, SECOND, THIRD][: sum(end <= size for end in ends[1:])]


def test_every_changed_byte_of_a_message_file_is_noticed() -> None:
    for position in range(len(MESSAGE)):
        with pytest.raises(DataError):
            read(flipped(MESSAGE, position))


NO_MESSAGE = {
    "empty": b"",
    "a board": b"E2EVBRD1" + MESSAGE[8:],
    "a body first": MESSAGE_MAGIC + frame(FrameKind.BODY, b"x"),
    "a checkpoint": MESSAGE + frame(FrameKind.CHECKPOINT, b"x"),
    "a checkpoint for a body": MESSAGE_MAGIC
    + frame(FrameKind.HEADER, FIRST.leaf)
    + frame(FrameKind.CHECKPOINT, bytes(100)),
    "two headers": MESSAGE_MAGIC + frame(FrameKind.HEADER, FIRST.leaf) * 2,
    "too little body": MESSAGE_MAGIC + frame(FrameKind.HEADER, FIRST.leaf) + frame(FrameKind.BODY, bytes(99)),
    "too much body": MESSAGE_MAGIC + frame(FrameKind.HEADER, FIRST.leaf) + frame(FrameKind.BODY, bytes(101)),
    "an empty part": MESSAGE_MAGIC + frame(FrameKind.HEADER, FIRST.leaf) + frame(FrameKind.BODY, b"") * 5,
    "body for an entry without one": MESSAGE_MAGIC + frame(FrameKind.HEADER, SECOND.leaf) + frame(FrameKind.BODY, b"x"),
}


@pytest.mark.parametrize("data", NO_MESSAGE.values(), ids=NO_MESSAGE)
def test_what_is_no_message_file_is_refused(data: bytes) -> None:
    with pytest.raises(DataError) as caught:
        read(data)
    assert caught.value.where.startswith("message")


# Sizes


def test_header_that_claims_a_gigabyte_is_refused_before_its_body_is_read() -> None:
    header = frame(FrameKind.HEADER, encode(replace(HEADER, body_size=1 << 30)))
    stream = BytesIO(MESSAGE_MAGIC + header + frame(FrameKind.BODY, bytes(100)))
    with pytest.raises(DataError, match="a body of 1073741824 bytes; 8388608 are the most for this kind"):
        list(read_message(stream, body_limit, "message"))
    assert stream.tell() == len(MESSAGE_MAGIC + header)


@pytest.mark.parametrize(("kind", "most"), [(row.kind, row.limit) for row in KINDS.values()] + [(999, MAX_BODY)])
def test_body_is_refused_beyond_the_limit_of_its_kind(kind: int, most: int) -> None:
    for size, words in ((most, "cut short"), (most + 1, f"{most} are the most")):
        header = encode(replace(HEADER, kind=int(kind), body_size=size))
        with pytest.raises(DataError, match=words):
            read(MESSAGE_MAGIC + frame(FrameKind.HEADER, header))


def test_torn_frame_in_a_body_says_at_which_byte() -> None:
    with pytest.raises(TornFrameError) as caught:
        read(MESSAGE_MAGIC + frame(FrameKind.HEADER, FIRST.leaf) + frame(FrameKind.BODY, bytes(100))[:-1])
    assert caught.value.offset == len(MESSAGE_MAGIC + frame(FrameKind.HEADER, FIRST.leaf))


def test_pen_takes_the_kind_as_a_number_or_by_name() -> None:
    body = encode(bodies.OpenBody(1))
    assert Writer(1).pen.write(Kind.OPEN, body)[0] == Writer(1).pen.write(13, body)[0]
