"""Receipts: that an entry stands in a log, shown without the board (C2SP tlog-proof; specs/board.md, "Receipts").

A receipt is a list of tlog proofs. The first one shows that the entry stands in a log; each further one, that another
log has an entry which states the log before. The last checkpoint is judged by the policy of whoever checks; all else
follows from hashes.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from e2ev.board.cosigned import best_checkpoint
from e2ev.board.merkle import check_consistency, check_inclusion, inclusion_proof
from e2ev.board.note import Checkpoint, read_base64
from e2ev.board.outline import read_outline, statement_of
from e2ev.board.policy import Policy, Standing, judge
from e2ev.board.reader import Logged
from e2ev.codes import CODE_BYTES, parse_tracking_code
from e2ev.errors import ConflictError, DataError, RejectedError
from e2ev.hashing import Digest
from e2ev.record.codec import decode, encode
from e2ev.record.entry import Entry, Header, check_body, check_header_signature, decode_header

FIRST_LINE = "c2sp.org/tlog-proof@v1"
RECEIPT_LIMIT = 256 << 10
MAX_PROOFS, MAX_HASHES = 8, 63
_NUMBER = re.compile("0|[1-9][0-9]{0,18}")
_LEAF_HASH = re.compile("[0-9a-fA-F]{64}")
_AGAIN = "get the receipt again, or make it from the board: e2ev receipt make"

Wanted = Callable[[Logged], bool]
States = Callable[[Entry], Checkpoint]
"""Returns what an entry of one log states about another one; DataError if it states nothing."""


@dataclass(frozen=True, slots=True)
class Linked:
    """What the `extra` line of a proof holds: the entry, as far as the proof needs it.

    Attributes:
        form: Of these bytes.
        header: The entry's header, which is the leaf.
        body: Its body, where the entry states another log; nil in the first proof.
        consistency: That the log before only grew, up to what the entry states; empty in the first proof.
    """

    form: Literal[1]
    header: bytes
    body: bytes | None
    consistency: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """One tlog proof: that a leaf stands at `index` in the tree of the checkpoint in `note`. Nothing is checked."""

    extra: bytes
    index: int
    path: tuple[bytes, ...]
    note: bytes

    def to_bytes(self) -> bytes:
        """Return the proof as C2SP tlog-proof writes it."""
        hashes = "".join(f"{_base64(one)}\n" for one in self.path)
        return f"{FIRST_LINE}\nextra {_base64(self.extra)}\nindex {self.index}\n{hashes}\n".encode() + self.note


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a receipt shows once it is checked.

    Attributes:
        header: Of the entry; its author signed it.
        leaf_hash: Names the entry.
        index: Its place in the first log.
        origins: Names of the logs, the one that the policy knows last.
        standing: What the last checkpoint is worth.
    """

    header: Header
    leaf_hash: bytes
    index: int
    origins: tuple[str, ...]
    standing: Standing

    @property
    def provisional(self) -> bool:
        """Whether the log alone vouches: the quorum is not met, or nobody at all cosigned."""
        return not self.standing.quorum or not self.standing.cosigned


def receipt_file(proofs: tuple[Proof, ...]) -> bytes:
    """Return a receipt: its proofs, parted by empty lines."""
    return b"\n".join(proof.to_bytes() for proof in proofs)


# Make


def named(text: str) -> Wanted:
    """Return what finds an entry by a ballot's tracking code, or by a leaf hash in 64 hex digits.

    Raises:
        DataError: The text is neither.
    """
    if _LEAF_HASH.fullmatch(text.strip()):
        leaf = bytes.fromhex(text.strip())
        return lambda logged: logged.entry.leaf_hash == leaf
    code = parse_tracking_code(text)
    return lambda logged: logged.entry.header.code is not None and logged.entry.header.code[:CODE_BYTES] == code


def make_receipt(board: Path, wanted: Wanted, policy: Policy | None = None) -> bytes:
    """Return the receipt of the one entry that is wanted, under the checkpoint that vouches best for it.

    Args:
        board: The board file.
        wanted: Finds the entry; `named` makes it.
        policy: Whose cosigners count; without one, all that the board has are kept, unchecked.

    Raises:
        ConflictError: Several entries are wanted.
        DataError: The file is no board.
        NotReadyError: No checkpoint covers the entry yet.
        PolicyError: The policy does not know the log.
        RejectedError: The board has no such entry, or is damaged.
    """
    outline = read_outline(board, wanted)
    if not outline.found:
        remedy = "compare the code with the printed one, or ask with a newer board"
        raise RejectedError("no such entry is on the board", where=str(board), remedy=remedy)
    if len(outline.found) > 1:
        places = " and ".join(f"entry {logged.index}" for logged in outline.found[:10])
        raise ConflictError("more than one entry is meant", where=places, remedy="tell the auditors; or use --index")
    entry, index = outline.found[0].entry, outline.found[0].index
    note = best_checkpoint(outline, index, policy)
    path = inclusion_proof(outline.hashes, index, statement_of(note).size)
    return receipt_file((Proof(encode(Linked(1, entry.leaf, None, ())), index, path, note),))


# Check


def check_receipt(data: bytes, policy: Policy, *, where: str = "", states: States | None = None) -> Vouched:
    """Return what a receipt shows, only if all of it holds; without the board (specs/board.md, "Receipts").

    Args:
        data: The receipt.
        policy: Of whoever checks, from a place that they trust.
        where: Names the receipt in errors.
        states: Reads what an entry states about another log; needed for receipts of several proofs.

    Raises:
        DataError: This is no receipt.
        PolicyError: The policy does not know the last log.
        RejectedError: A hash, a signature or a link is wrong.
    """
    proofs = parse_receipt(data, where=where)
    entries = [_entry(proof, first=place == 0, where=where) for place, proof in enumerate(proofs)]
    stated = [statement_of(proof.note, where) for proof in proofs]
    for entry, proof, checkpoint in zip(entries, proofs, stated, strict=True):
        check_inclusion(entry[0].leaf_hash, proof.index, checkpoint.size, proof.path, checkpoint.root, where=where)
        check_header_signature(entry[0].header, where)
    for before, (entry_after, consistency) in zip(stated, entries[1:], strict=False):
        _check_link(before, entry_after, consistency, states, where)
    first = entries[0][0]
    origins = tuple(checkpoint.origin for checkpoint in stated)
    return Vouched(first.header, first.leaf_hash, proofs[0].index, origins, judge(policy, proofs[-1].note, where=where))


def _entry(proof: Proof, *, first: bool, where: str) -> tuple[Entry, tuple[bytes, ...]]:
    """Return the entry of a proof, and the consistency proof beside it."""
    linked = decode(Linked, proof.extra, None, f"{where}: extra").form
    entry = Entry(linked.header, decode_header(linked.header, where), linked.body or b"")
    if first != (linked.body is None) or (first and linked.consistency):
        raise DataError("the first proof of a receipt has a header alone, the others a body too", where=where)
    if not first:
        check_body(entry, where)
    return entry, linked.consistency


def _check_link(
    before: Checkpoint, entry: Entry, consistency: tuple[bytes, ...], states: States | None, where: str
) -> None:
    """Check that an entry of the next log states the log before, grown from the checkpoint that was proved."""
    if states is None:
        raise DataError("the receipt leads over several logs, which cannot be read here", where=where, remedy=_AGAIN)
    stated = states(entry)
    if stated.origin != before.origin:
        raise RejectedError(f"the next log states {stated.origin!r}, expected {before.origin!r}", where=where)
    check_consistency(before.size, before.root, stated.size, stated.root, consistency, where=where)


# The file


def parse_receipt(data: bytes, *, where: str = "") -> tuple[Proof, ...]:
    """Return the proofs of a receipt; nothing is checked but the form.

    CR LF is read as LF, and a last newline that is missing is added: what a QR code or a letter makes of the text.

    Raises:
        DataError: This is no receipt, or not written the one way.
    """
    if len(data) > RECEIPT_LIMIT:
        raise DataError(f"receipt of {len(data)} bytes, expected at most {RECEIPT_LIMIT}", where=where)
    data = data.replace(b"\r\n", b"\n")
    data += b"" if data.endswith(b"\n") else b"\n"
    try:
        parts = data.decode().split(f"\n\n{FIRST_LINE}\n")
    except UnicodeDecodeError as flaw:
        raise DataError(f"receipt is not UTF-8 at byte {flaw.start}", where=where, remedy=_AGAIN) from None
    start, found, parts[0] = parts[0].partition(f"{FIRST_LINE}\n")
    if start or not found or len(parts) > MAX_PROOFS:
        raise DataError(f"this is no receipt: expected 1 to {MAX_PROOFS} tlog proofs", where=where, remedy=_AGAIN)
    proofs = tuple(_parse_proof(part.removesuffix("\n") + "\n", where) for part in parts)
    if receipt_file(proofs) != data:
        raise DataError("the receipt is not written the one way", where=where, remedy=_AGAIN)
    return proofs


def _parse_proof(text: str, where: str) -> Proof:
    head, _, note = text.partition("\n\n")
    rows = [*head.split("\n"), "", ""]
    extra, index = rows[0].removeprefix("extra "), rows[1].removeprefix("index ")
    hashes = rows[2:-2]
    if not _NUMBER.fullmatch(index) or len(hashes) > MAX_HASHES:
        raise DataError("the receipt has no extra line, no index, or too many hashes", where=where, remedy=_AGAIN)
    path = tuple(read_base64(row, where) for row in hashes)
    return Proof(read_base64(extra, where), int(index), path, note.encode())


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
