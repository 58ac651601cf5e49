"""Partial files: what one shard of a board's ballots gave, signed by who looked at it (specs/partials.md).

`shards` makes and merges them; here stands their form.
"""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from e2ev.counting import Pile
from e2ev.elgamal import Ciphertext
from e2ev.errors import DataError, E2evError, IncompleteError, StorageError
from e2ev.hashing import Digest
from e2ev.record.codec import decode, encode
from e2ev.record.entry import Author, key_of
from e2ev.signing import ED25519, SIGNATURE_BYTES, SigningKey, check_signature
from e2ev.verify.check import Finding
from e2ev.verify.runs import Run, row_of
from e2ev.verify.segments import DIGEST_WIDTH, IDENTIFIER_WIDTH, Partial

MAGIC = b"E2EVPRT2"
MAX_STATEMENT, MAX_BODY = 1024, 256 << 20
RUN_WIDTHS = (IDENTIFIER_WIDTH, DIGEST_WIDTH, DIGEST_WIDTH)
_SIGNED = b"e2ev partial v1\0"
# What stands in a file


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a partial file: how many bytes or records it has, and the SHA-256 of them."""

    size: int
    hash: Digest


@dataclass(frozen=True, slots=True)
class Statement:
    """The signed first part of a partial file.

    Attributes:
        form: Of this statement.
        program: Name and version of what made it.
        author: Who signs.
        election: Its id.
        board_size: Number of entries on the board.
        board_root: Merkle root over them.
        shard: Which shard.
        shards: Of how many.
        first: Row of its first ballot.
        ballots: How many it has.
        context: Digest of everything else that the outcome depends on (`context_digest`).
        body: The part with everything but the runs.
        identifiers: The run of id_B.
        ciphertexts: The run of ciphertexts.
        commitments: The run of proofs' commitments.
    """

    form: Literal[1]
    program: str
    author: Author
    election: Digest
    board_size: int
    board_root: Digest
    shard: int
    shards: int
    first: int
    ballots: int
    context: Digest
    body: Part
    identifiers: Part
    ciphertexts: Part
    commitments: Part

    @property
    def rows(self) -> range:
        """The rows of its ballots."""
        return range(self.first, self.first + self.ballots)


@dataclass(frozen=True, slots=True)
class Count:
    """A number for a check."""

    check: str
    number: int


@dataclass(frozen=True, slots=True)
class WeightClass:
    """How many ballots carry a weight."""

    weight: int
    ballots: int


@dataclass(frozen=True, slots=True)
class PostedPile:
    """A pile and its place."""

    contest: int
    unit: int
    classes: tuple[WeightClass, ...]
    totals: tuple[Ciphertext, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """A partial without its runs; everything in it in increasing order."""

    form: Literal[2]
    findings: tuple[Finding, ...]
    counts: tuple[Count, ...]
    excluded: tuple[Finding, ...]
    excluded_counts: tuple[Count, ...]
    reproduced: tuple[int, ...]
    subjects: tuple[Count, ...]
    piles: tuple[PostedPile, ...]


def body_of(part: Partial) -> Body:
    """Return the body that a partial's summary is written as."""
    return Body(
        2,
        part.findings,
        tuple(Count(*pair) for pair in part.counts),
        part.excluded,
        tuple(Count(*pair) for pair in part.excluded_counts),
        part.reproduced,
        tuple(Count(*pair) for pair in part.subjects),
        tuple(
            PostedPile(*place, tuple(WeightClass(*one) for one in pile.classes), pile.totals)
            for place, pile in part.piles
        ),
    )


def partial_of(body: Body, ballots: int) -> Partial:
    """Return the partial, without its runs, that a body was made of."""
    return Partial(
        ballots,
        body.findings,
        tuple((one.check, one.number) for one in body.counts),
        body.excluded,
        tuple((one.check, one.number) for one in body.excluded_counts),
        body.reproduced,
        tuple((one.check, one.number) for one in body.subjects),
        tuple(
            ((one.contest, one.unit), Pile(tuple((c.weight, c.ballots) for c in one.classes), one.totals))
            for one in body.piles
        ),
    )


# Writing one


def write_file(out: Path, key: SigningKey, statement: Statement, body: bytes, runs: Iterable[Run]) -> None:
    """Write a partial file; what stood there before is replaced.

    Raises:
        StorageError: It cannot be written.
    """
    encoded = encode(statement)
    signature = bytes([ED25519]) + key.sign(_SIGNED + encoded)
    unfinished = out.with_name(out.name + ".unfinished")
    try:
        with unfinished.open("wb") as stream:
            stream.write(MAGIC + len(encoded).to_bytes(4, "big") + encoded + signature + body)
            for run in runs:
                stream.writelines(run)
        os.replace(unfinished, out)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        remedy = "choose another --out, or free some space"
        raise StorageError(f"cannot be written: {error.strerror}", where=str(out), remedy=remedy) from error


# Reading them


@dataclass(frozen=True, slots=True)
class PartialFile:
    """A partial file whose bytes are whole and signed by its author; whether anybody believes it is another question.

    Attributes:
        path: The file.
        statement: Its first part.
        start: Where the second part starts.
        runs: The three others.
    """

    path: Path
    statement: Statement
    start: int
    runs: tuple[Run, ...]

    def body(self) -> bytes:
        """Return the second part, which nobody has decoded yet.

        Raises:
            DataError: It is not the one that was signed.
        """
        with self.path.open("rb") as stream:
            stream.seek(self.start)
            return _read_body(stream, self.statement.body)


def refused(path: Path, found: str, remedy: str = "") -> IncompleteError:
    """Return the error that a partial file is not taken, by name."""
    return IncompleteError(f"this partial {found}", where=str(path), remedy=remedy or AGAIN)


AGAIN = "make it again from this board: e2ev verify BOARD --shard I/N --out FILE"


def read_partial(path: Path) -> PartialFile:
    """Return a partial file, all of whose bytes are those that its author signed.

    Raises:
        IncompleteError: It is missing or damaged, or no partial file.
    """
    try:
        with path.open("rb") as stream:
            return _read(path, stream)
    except OSError as error:
        raise refused(path, f"cannot be opened: {error.strerror}") from error
    except E2evError as error:
        raise refused(path, f"is damaged: {error.found}") from error


def _read(path: Path, stream: BinaryIO) -> PartialFile:
    head = stream.read(len(MAGIC) + 4)
    if not head.startswith(MAGIC):
        raise DataError("it does not begin as partial files do")
    size = int.from_bytes(head[len(MAGIC) :], "big")
    if size > MAX_STATEMENT:
        raise DataError(f"a statement of {size} bytes; {MAX_STATEMENT} are the most")
    encoded, signature = stream.read(size), stream.read(1 + SIGNATURE_BYTES)
    statement = decode(Statement, encoded, None, "statement").form
    if signature[:1] != statement.author[:1]:
        raise DataError("the signature's algorithm is not the key's")
    check_signature(key_of(statement.author), _SIGNED + encoded, signature[1:])
    begin = stream.tell()
    _read_body(stream, statement.body)
    start, runs = stream.tell(), list[Run]()
    stated = (statement.identifiers, statement.ciphertexts, statement.commitments)
    for part, width in zip(stated, RUN_WIDTHS, strict=True):
        runs.append(Run(path, width, part.size, start))
        start += width * part.size
    if path.stat().st_size != start:
        raise DataError(f"the file has {path.stat().st_size} bytes where {start} are stated")
    for run, part in zip(runs, stated, strict=True):
        _check_run(run, part, statement.rows)
    return PartialFile(path, statement, begin, tuple(runs))


def _read_body(stream: BinaryIO, stated: Part) -> bytes:
    if stated.size > MAX_BODY:
        raise DataError(f"a body of {stated.size} bytes; {MAX_BODY} are the most")
    body = stream.read(stated.size)
    if hashlib.sha256(body).digest() != stated.hash:
        raise DataError("the body is not the one that was signed")
    return body


def _check_run(run: Run, stated: Part, rows: range) -> None:
    """Check that a run is the signed one, sorted, and about ballots of its shard."""
    state, before = hashlib.sha256(), b""
    for one in run:
        state.update(one)
        if one < before or row_of(one) not in rows:
            raise DataError("a run is not sorted, or names ballots of other shards")
        before = one
    if state.digest() != stated.hash:
        raise DataError("a run is not the one that was signed")
