"""An entry: a small signed header, which is the Merkle leaf, and the body beside it (specs/record.md)."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, BinaryIO, Literal

from e2ev.errors import DataError, E2evError, RejectedError
from e2ev.hashing import Digest
from e2ev.record.codec import decode, encode
from e2ev.record.frame import MAX_PAYLOAD, Frame, FrameKind, frame, read_frame
from e2ev.signing import ED25519, SigningKey, VerifyKey, check_signature

MAX_HEADER = 512
_SIGNED = b"e2ev entry v1\0"
_NO_SIGNATURE = bytes([ED25519]) + bytes(64)
NO_ENTRY = bytes(32)
"""`previous` of an author's first entry."""

Author = Annotated[bytes, 33]
"""Algorithm id and public key of who posts."""


def author_of(key: VerifyKey) -> bytes:
    """Return the author that a verify key stands for."""
    return bytes([ED25519]) + key.raw


@lru_cache(maxsize=4096)
def key_of(author: bytes) -> VerifyKey:
    """Return an author's verify key.

    Raises:
        DataError: The algorithm is unknown or the key not a good one.
    """
    if author[0] != ED25519:
        raise DataError(f"key algorithm {author[0]} is unknown")
    return VerifyKey.from_bytes(author[1:])


@dataclass(frozen=True, slots=True)
class Header:
    """The signed leaf.

    Attributes:
        version: Of the header's form.
        kind: Number of the entry kind.
        election: The election's id; zeros in genesis, whose body gives it.
        author: Who posts.
        counter: The author's own count of its entries, from 1.
        previous: Leaf hash of the author's entry before; zeros for the first.
        body_size: Length of the body in bytes.
        body_hash: SHA-256 of the body.
        code: A ballot's confirmation code; nil for other kinds.
        signature: Algorithm id and signature over everything above.
    """

    version: Literal[1]
    kind: int
    election: Digest
    author: Author
    counter: int
    previous: Digest
    body_size: int
    body_hash: Digest
    code: Digest | None
    signature: Annotated[bytes, 65]

    def signed_bytes(self) -> bytes:
        """Return what the signature covers."""
        return _SIGNED + encode(replace(self, signature=_NO_SIGNATURE))


@dataclass(frozen=True, slots=True)
class Entry:
    """A header as its exact bytes and as a value, and the body's bytes."""

    leaf: bytes
    header: Header
    body: bytes

    @property
    def leaf_hash(self) -> bytes:
        """SHA-256(0x00 ‖ leaf): names the entry everywhere (RFC 6962 §2.1)."""
        return hashlib.sha256(b"\0" + self.leaf).digest()

    def frames(self) -> bytes:
        """Return the entry as it stands in a board or a message file."""
        chunks = (self.body[i : i + MAX_PAYLOAD] for i in range(0, len(self.body), MAX_PAYLOAD))
        return frame(FrameKind.HEADER, self.leaf) + b"".join(frame(FrameKind.BODY, chunk) for chunk in chunks)


@dataclass(frozen=True, slots=True)
class Pen:
    """Where an author stands in its own chain: key, election, next counter, last entry. It signs the next entry."""

    key: SigningKey
    election: bytes
    counter: int = 1
    previous: bytes = NO_ENTRY

    @property
    def author(self) -> bytes:
        """The author that the pen signs as."""
        return author_of(self.key.verify_key)

    def write(self, kind: int, body: bytes, code: bytes | None = None) -> tuple[Entry, "Pen"]:
        """Return the author's next entry, and the pen after it."""
        blank = Header(1, int(kind), self.election, self.author, self.counter, self.previous, len(body),
                       hashlib.sha256(body).digest(), code, _NO_SIGNATURE)  # fmt: skip
        header = replace(blank, signature=bytes([ED25519]) + self.key.sign(blank.signed_bytes()))
        entry = Entry(encode(header), header, body)
        return entry, replace(self, counter=self.counter + 1, previous=entry.leaf_hash)


def decode_header(leaf: bytes, where: str) -> Header:
    """Return a header from its exact bytes; form alone is checked.

    Raises:
        DataError: The bytes are too many, or no canonical header.
    """
    if len(leaf) > MAX_HEADER:
        raise DataError(f"a header of {len(leaf)} bytes; {MAX_HEADER} are the most", where=where)
    return decode(Header, leaf, None, where).form


def check_header_signature(header: Header, where: str) -> None:
    """Check that the author signed the header.

    Raises:
        RejectedError: It did not, or its key is no good one.
    """
    try:
        _check_signed(header)
    except E2evError as error:
        raise RejectedError(error.found, where=where) from error


@lru_cache(maxsize=1 << 14)
def _check_signed(header: Header) -> None:
    """Check a signature once a process: a role reads its board many times. Failures are not remembered."""
    key = key_of(header.author)
    if header.signature[0] != header.author[0]:
        raise RejectedError("the signature's algorithm is not the key's")
    check_signature(key, header.signed_bytes(), header.signature[1:])


def check_body(entry: Entry, where: str) -> None:
    """Check that the body is the one whose size and hash the header signs.

    Raises:
        RejectedError: It is not.
    """
    header = entry.header
    if len(entry.body) != header.body_size or hashlib.sha256(entry.body).digest() != header.body_hash:
        raise RejectedError("the body is not the one that the header signs", where=where)


def read_entry(stream: BinaryIO, first: Frame, limit_of: Callable[[int], int], where: str) -> tuple[Entry, int]:
    """Return the entry whose header frame was just read, and the offset behind it.

    Args:
        stream: Stands behind `first`.
        first: A header frame.
        limit_of: The most bytes of a body by kind; a larger claim is refused before it is read.
        where: Named in errors.

    Raises:
        DataError: The header is malformed, the body too large, or frames are missing.
    """
    header = decode_header(first.payload, where)
    limit = limit_of(header.kind)
    if header.body_size > limit:
        raise DataError(f"a body of {header.body_size} bytes; {limit} are the most for this kind", where=where)
    offset, parts, missing = first.end, [], header.body_size
    while missing > 0:
        part = read_frame(stream, offset, where)
        if part is None or part.kind is not FrameKind.BODY or not 0 < len(part.payload) <= missing:
            raise DataError("the entry's body is cut short", where=where)
        parts.append(part.payload)
        missing -= len(part.payload)
        offset = part.end
    return Entry(first.payload, header, b"".join(parts)), offset


MESSAGE_MAGIC = b"E2EVMSG1"


def message_file(entries: tuple[Entry, ...]) -> bytes:
    """Return the bytes of a message file: entries of one author, signed and complete."""
    return MESSAGE_MAGIC + b"".join(entry.frames() for entry in entries)


def read_message(stream: BinaryIO, limit_of: Callable[[int], int], where: str) -> Iterator[Entry]:
    """Yield the entries of a message file.

    Raises:
        DataError: It is no message file, or damaged.
    """
    if stream.read(len(MESSAGE_MAGIC)) != MESSAGE_MAGIC:
        raise DataError("this is no message file", where=where, remedy="message files end in .e2ev")
    offset = len(MESSAGE_MAGIC)
    while (first := read_frame(stream, offset, where)) is not None:
        if first.kind is not FrameKind.HEADER:
            raise DataError("a message file holds entries alone", where=where)
        entry, offset = read_entry(stream, first, limit_of, where)
        yield entry
