"""Two boards of one log side by side, and evidence that it signed both, for anyone to check (specs/board.md, "Forks").

A log that signed (m, r1) and (n, r2), m <= n, and whose n entries begin with m entries of another root r', has signed
two histories. The proof that they begin so is a consistency proof from (m, r') to (n, r2); it needs neither board.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from e2ev.board.merkle import HASH_BYTES, check_consistency, consistency_ranges, range_roots
from e2ev.board.note import Checkpoint, NoteKey, check_checkpoint, parse_vkey
from e2ev.board.reader import Logged
from e2ev.board.signed import MIRROR, Signed, last_signed, signed_events
from e2ev.errors import DataError, RejectedError
from e2ev.record.entry import Entry, check_body

FORMAT = "e2ev fork evidence 1"
MAX_EVIDENCE = 1 << 18
_MAX_PROOF = 64


class Relation(Enum):
    """How two boards of one log stand to each other."""

    IDENTICAL = "identical"
    PREFIX = "the first is the beginning of the second"
    EXTENSION = "the second is the beginning of the first"
    FORK = "fork"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proves that a log signed two histories.

    Attributes:
        key: The log's.
        first: A note of it, over m entries.
        second: A note of it, over n >= m entries.
        root: r', the root over the first m of the entries under `second`.
        proof: That they begin so: the consistency proof from (m, r') to what `second` says; empty where m = n.
    """

    key: NoteKey
    first: bytes
    second: bytes
    root: bytes
    proof: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """Return the evidence as the text that people hand on."""
        hashes = "".join(b64encode(one).decode() + "\n" for one in self.proof)
        head = f"{FORMAT}\nlog {self.key.vkey()}\nroot {b64encode(self.root).decode()}\n{hashes}\n"
        return head.encode() + self.first + b"\n" + self.second


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two boards of one log.

    Attributes:
        relation: How they stand to each other, up to the last checkpoint of each.
        first: The one.
        second: The other.
        common: How many entries they have in common, from the beginning.
        evidence: Of a fork; None where there is none.
    """

    relation: Relation
    first: Signed
    second: Signed
    common: int
    evidence: Evidence | None = None


def compare(first: Path, second: Path, key: NoteKey | None = None) -> Comparison:
    """Return how two boards stand to each other, all of whose checkpoints the log signed.

    Args:
        first: A board file.
        second: Another one.
        key: Of their log; None for the one that the first's genesis names.

    Raises:
        DataError: One is no board, or they are boards of two logs: then nothing follows.
        RejectedError: One is damaged, or has a checkpoint that its log did not sign, or that its entries contradict.
    """
    one, other = last_signed(first, key), last_signed(second, key)
    if one.key != other.key:
        raise DataError(f"these are boards of two logs, {one.key.vkey()} and {other.key.vkey()}", where=str(second),
                        remedy="compare the keys with the one that was published")  # fmt: skip
    shorter = min(one.checkpoint.size, other.checkpoint.size)
    pairs = zip(_entries(first, one), _entries(second, other), strict=False)
    common = next((i for i, (a, b) in enumerate(pairs) if a.leaf != b.leaf), shorter)
    if common < shorter:
        if one.checkpoint.size <= other.checkpoint.size:
            return Comparison(
                Relation.FORK, one, other, common, evidence_against(one.cosigned, one.checkpoint, second, other)
            )
        return Comparison(
            Relation.FORK, one, other, common, evidence_against(other.cosigned, other.checkpoint, first, one)
        )
    if one.checkpoint.size == other.checkpoint.size:
        return Comparison(Relation.IDENTICAL, one, other, common)
    relation = Relation.PREFIX if one.checkpoint.size == common else Relation.EXTENSION
    return Comparison(relation, one, other, common)


def _entries(path: Path, signed: Signed) -> Iterator[Entry]:
    for event in signed_events(path, signed.key):
        if isinstance(event, Logged):
            if event.index == signed.checkpoint.size:
                return
            check_body(event.entry, f"{path}, entry {event.index}")
            yield event.entry


def evidence_against(note: bytes, stated: Checkpoint, board: Path, signed: Signed) -> Evidence | None:
    """Return the proof that a board is not what a note of its log says; None if the board begins with just that.

    Args:
        note: Signed by the log.
        stated: What it states; not more entries than the board has.
        board: The board file.
        signed: Its last state.
    """
    spans = ((0, stated.size), *consistency_ranges(stated.size, signed.checkpoint.size))
    root, *proof = range_roots((entry.leaf_hash for entry in _entries(board, signed)), spans)
    return Evidence(signed.key, note, signed.cosigned, root, tuple(proof)) if root != stated.root else None


def check_evidence(evidence: Evidence, key: NoteKey, *, where: str = "") -> tuple[Checkpoint, Checkpoint]:
    """Return the two statements only if the log with this key signed both and they cannot both stand.

    Raises:
        DataError, RejectedError: One is not signed by it; they fit together; or the proof does not hold.
    """
    first = check_checkpoint(evidence.first, key, where=f"{where}, first note")
    second = check_checkpoint(evidence.second, key, where=f"{where}, second note")
    check_consistency(first.size, evidence.root, second.size, second.root, evidence.proof, where=where)
    if evidence.root == first.root:
        raise RejectedError("the two notes fit together: this proves no fork", where=where)
    return first, second


def read_evidence(data: bytes, *, where: str = "") -> Evidence:
    """Return the evidence in a file; form alone is checked.

    Raises:
        DataError: It is none.
    """
    try:
        head, *notes = data.decode().split("\n\n")
        name, log, root, *proof = head.split("\n")
        first_text, first_lines, second_text, second_lines = notes
    except ValueError:
        raise DataError("this is no evidence of a fork", where=where, remedy=f"it begins with {FORMAT!r}") from None
    if name != FORMAT or not log.startswith("log ") or not root.startswith("root ") or len(proof) > _MAX_PROOF:
        raise DataError(f"this is no evidence of a fork in the form {FORMAT!r}", where=where)
    found = Evidence(
        parse_vkey(log.removeprefix("log "), where=where),
        f"{first_text}\n\n{first_lines}\n".encode(),
        f"{second_text}\n\n{second_lines}".encode(),
        _hash(root.removeprefix("root "), where),
        tuple(_hash(line, where) for line in proof),
    )
    if found.to_bytes() != data:
        raise DataError("the evidence is not written as it has to be", where=where, remedy=MIRROR)
    return found


def _hash(text: str, where: str) -> bytes:
    try:
        found = b64decode(text, validate=True)
    except ValueError:
        found = b""
    if len(found) != HASH_BYTES:
        raise DataError(f"not a hash of {HASH_BYTES} bytes in base64", where=where)
    return found
