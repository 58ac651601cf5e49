"""What an auditor's own runs have verified, in a signed file: with it, only what is new is looked at (specs/states.md).

A state holds what blocks of neighbouring ballots gave, each under a digest of everything that this depends on. A block
whose digest is the same is taken from the state; every other one is looked at. So the report is that of a run in one
piece, whatever came on the board meanwhile.
"""

import hashlib
import os
from collections import deque
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Literal

from e2ev.errors import DataError, E2evError, PolicyError, StorageError
from e2ev.hashing import Digest
from e2ev.record.codec import decode, encode, judge_all
from e2ev.record.entry import Author, author_of, key_of
from e2ev.signing import ED25519, SIGNATURE_BYTES, SigningKey, check_signature
from e2ev.verify.check import Report
from e2ev.verify.partial import RUN_WIDTHS, Body, body_of, partial_of
from e2ev.verify.run import Options, Ready, executor_for, verify_with
from e2ev.verify.segments import Partial, Unit, ballot_jobs, commitment_offsets, units, verify_segment
from e2ev.verify.shards import context_state, job_bytes, program
from e2ev.verify.sums import Sum

MAGIC = b"E2EVSTA2"
STEP = 64
"""Ballots of a block."""
MAX_STATEMENT, MAX_HEAD = 1024, 256
_SIGNED = b"e2ev state v1\0"
_LENGTH = 4
_AGAIN = "remove it, and the board is verified from its beginning"


@dataclass(frozen=True, slots=True)
class Statement:
    """The signed first part of a state.

    Attributes:
        form: Of this statement.
        program: Name and version of what made it.
        author: Whose key signs.
        election: Its id.
        board_size: Number of entries before the last checkpoint.
        board_root: Merkle root over them.
        blocks: How many blocks follow.
        size: How many bytes they have.
        hash: SHA-256 of those.
    """

    form: Literal[1]
    program: str
    author: Author
    election: Digest
    board_size: int
    board_root: Digest
    blocks: int
    size: int
    hash: Digest


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before each block: its first row and how many, the digest, how many bytes and records follow."""

    first: int
    ballots: int
    context: Digest
    body: int
    identifiers: int
    ciphertexts: int
    commitments: int

    def sizes(self) -> tuple[int, ...]:
        """Return how many bytes the body and each run have."""
        counts = (self.identifiers, self.ciphertexts, self.commitments)
        return (self.body, *(width * count for width, count in zip(RUN_WIDTHS, counts, strict=True)))


@dataclass(frozen=True, slots=True)
class Block:
    """A block where it stands: its head, the file, the offset of the head's length and of its body."""

    head: Head
    path: Path
    start: int
    content: int

    @property
    def end(self) -> int:
        """Offset behind it."""
        return self.content + sum(self.head.sizes())

    def read(self) -> bytes:
        """Return its bytes."""
        with self.path.open("rb") as stream:
            stream.seek(self.start)
            return stream.read(self.end - self.start)


@dataclass(frozen=True, slots=True)
class State:
    """A state that the auditor's own key has signed."""

    statement: Statement
    blocks: tuple[Block, ...]


# Verifying with one


def verify_on(path: Path, state: Path, key: SigningKey, options: Options) -> Report:
    """Return what all checks say of a board, and leave in `state` what was verified: the next run goes on from there.

    Args:
        path: The board file.
        state: Of this board, if it was verified before.
        key: The auditor's own, which signs states.
        options: As in `verify`, on level full.

    Raises:
        ConflictError: The board does not extend the one that was verified: it is shorter, or a fork.
        PolicyError: Somebody else signed the state.
        DataError: The board or the state cannot be read.
        StorageError: The state cannot be written.
    """
    held = read_state(state, key) if state.exists() else None
    if held is not None and held.statement.board_size:
        options = replace(options, extends=(held.statement.board_size, held.statement.board_root))
    with TemporaryDirectory(prefix="e2ev-state-") as folder:
        new = _New(held, Path(folder) / "blocks")
        report = verify_with(new.look, path, options)
        if new.ready is not None:
            write_state(state, key, new.ready, new.blocks())
    return report


class _New:
    """A state in the making: blocks that are still good, and new ones in a file of their own."""

    def __init__(self, held: State | None, path: Path) -> None:
        same = held is not None and held.statement.program == program()
        self._known = {block.head.first: block for block in held.blocks} if held is not None and same else {}
        self._path = path
        self._taken: list[Block] = []
        self._waiting: deque[Head] = deque()
        self.ready: Ready | None = None

    def look(self, ready: Ready, total: Sum) -> None:
        """Add up what all ballots give: as the state has it, or looked at now."""
        options, ballots = ready.options, ready.setting.contents.ballots
        executor = executor_for(options, -(-len(ballots) // STEP))
        fresh = self._fresh_units(ready, total)
        with (
            closing(executor.run(partial(verify_segment, ready.segment), fresh)) as parts,
            self._path.open("wb") as out,
        ):
            for part in parts:
                self._taken.append(_write_block(out, self._path, self._waiting.popleft(), part))
                total.add(part)
                options.progress(total.ballots, len(ballots))
        self.ready = ready

    def _fresh_units(self, ready: Ready, total: Sum) -> Iterator[Unit]:
        """Yield the units that have to be looked at; take those that need not from the state."""
        contents, begun = ready.setting.contents, context_state(ready)
        jobs = ballot_jobs(
            ready.setting, range(len(contents.ballots)), commitment_offsets(ready.path, contents.ballots)
        )
        for unit in units(jobs, STEP):
            digest = begun.copy()
            for job in unit:
                digest.update(job_bytes(job))
            head = Head(unit[0].row, len(unit), digest.digest(), 0, 0, 0, 0)
            block = self._known.get(head.first)
            if block is not None and (block.head.ballots, block.head.context) == (head.ballots, head.context):
                total.add(_content(block, ready))
                self._taken.append(block)
                ready.options.progress(total.ballots, len(contents.ballots))
            else:
                self._waiting.append(head)
                yield unit

    def blocks(self) -> list[Block]:
        """Return all blocks, by their rows."""
        return sorted(self._taken, key=lambda block: block.head.first)


def _write_block(out: BinaryIO, path: Path, head: Head, part: Partial) -> Block:
    body = encode(body_of(part))
    runs = (part.identifiers, part.ciphertexts, part.commitments)
    counts = (len(run) // width for run, width in zip(runs, RUN_WIDTHS, strict=True))
    head = Head(head.first, head.ballots, head.context, len(body), *counts)
    start, encoded = out.tell(), encode(head)
    out.write(len(encoded).to_bytes(_LENGTH, "big") + encoded)
    content = out.tell()
    out.writelines((body, *runs))
    return Block(head, path, start, content)


def _content(block: Block, ready: Ready) -> Partial:
    """Return what a block says; its values are those that this auditor's run had computed and signed."""
    data, sizes = block.read()[block.content - block.start :], block.head.sizes()
    ends = [0]
    for size in sizes:
        ends.append(ends[-1] + size)
    body, *runs = (data[start:end] for start, end in pairwise(ends))
    where = f"ballots from {block.head.first} on"
    (judged,) = judge_all([decode(Body, body, ready.segment.context.group, where)], lambda _path: True)
    part = partial_of(judged.value, block.head.ballots)
    return replace(part, identifiers=runs[0], ciphertexts=runs[1], commitments=runs[2])


# The file


def write_state(path: Path, key: SigningKey, ready: Ready, blocks: list[Block]) -> None:
    """Write a state; what stood there before is replaced.

    Raises:
        StorageError: It cannot be written.
    """
    digest, committed = hashlib.sha256(), ready.log.committed
    for block in blocks:
        digest.update(block.read())
    encoded = encode(Statement(
        1, program(), author_of(key.verify_key), ready.setting.contents.id, committed.size, committed.root(),
        len(blocks), sum(block.end - block.start for block in blocks), digest.digest(),
    ))  # fmt: skip
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        with unfinished.open("wb") as stream:
            stream.write(MAGIC + len(encoded).to_bytes(_LENGTH, "big") + encoded)
            stream.write(bytes([ED25519]) + key.sign(_SIGNED + encoded))
            for block in blocks:
                stream.write(block.read())
        os.replace(unfinished, path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        remedy = "choose another --state, or free some space"
        raise StorageError(f"cannot be written: {error.strerror}", where=str(path), remedy=remedy) from error


def read_state(path: Path, key: SigningKey) -> State:
    """Return a state, all of whose bytes are those that this key has signed.

    Raises:
        PolicyError: Another key has signed it.
        DataError: It is damaged, or no state.
    """
    try:
        with path.open("rb") as stream:
            statement = _read_statement(stream)
            if statement.author != author_of(key.verify_key):
                raise PolicyError(f"this state is signed by {statement.author.hex()}, not by your key", where=str(path),
                                  remedy=f"give the key with --key, or {_AGAIN}")  # fmt: skip
            blocks = tuple(_read_blocks(path, stream, statement))
    except PolicyError:
        raise
    except (OSError, E2evError) as error:
        raise DataError(f"this state cannot be read: {error}", where=str(path), remedy=_AGAIN) from error
    return State(statement, blocks)


def _read_statement(stream: BinaryIO) -> Statement:
    head = stream.read(len(MAGIC) + _LENGTH)
    size = int.from_bytes(head[len(MAGIC) :], "big")
    if not head.startswith(MAGIC) or size > MAX_STATEMENT:
        raise DataError("it does not begin as states do")
    encoded, signature = stream.read(size), stream.read(1 + SIGNATURE_BYTES)
    statement = decode(Statement, encoded, None, "statement").form
    if signature[:1] != statement.author[:1]:
        raise DataError("the signature's algorithm is not the key's")
    check_signature(key_of(statement.author), _SIGNED + encoded, signature[1:])
    return statement


def _read_blocks(path: Path, stream: BinaryIO, statement: Statement) -> Iterator[Block]:
    """Yield the blocks; at the end, all of their bytes have been compared with the signed hash."""
    begin, digest = stream.tell(), hashlib.sha256()
    if path.stat().st_size != begin + statement.size:
        raise DataError(f"it has not the {statement.size} bytes behind its signature that are stated")
    while piece := stream.read(1 << 20):
        digest.update(piece)
    if digest.digest() != statement.hash:
        raise DataError("its blocks are not the ones that were signed")
    stream.seek(begin)
    for _ in range(statement.blocks):
        start = stream.tell()
        size = int.from_bytes(stream.read(_LENGTH), "big")
        if size > MAX_HEAD:
            raise DataError("a block has no head")
        head = decode(Head, stream.read(size), None, "block").form
        block = Block(head, path, start, stream.tell())
        stream.seek(block.end)
        yield block
