"""Receipts: that an entry stands in a log, shown without the board (C2SP tlog-proof; specs/board.md, "Receipts").

A receipt is a list of tlog proofs. The first one shows that the entry stands in a log; each further one, that another
log has an entry which states the log before. The last checkpoint is judged by the policy of whoever checks; all else
follows from hashes.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from e2ev.board.contents import station_of
from e2ev.board.cosigned import best_checkpoint
from e2ev.board.merkle import check_consistency, check_inclusion, consistency_proof, inclusion_proof
from e2ev.board.note import Checkpoint, check_checkpoint, read_base64
from e2ev.board.outline import Outline, read_outline, statement_of
from e2ev.board.policy import Policy, Standing, judge
from e2ev.board.reader import Logged, open_board
from e2ev.board.stations import stated_checkpoint
from e2ev.codes import CODE_BYTES, parse_tracking_code
from e2ev.errors import ConflictError, DataError, InternalError, NotReadyError, RejectedError
from e2ev.hashing import Digest
from e2ev.record.codec import decode, encode
from e2ev.record.entry import Entry, Header, check_body, check_header_signature, decode_header
from e2ev.record.frame import FrameKind, read_frame
from e2ev.record.kinds import Kind

FIRST_LINE = "c2sp.org/tlog-proof@v1"
RECEIPT_LIMIT = 256 << 10
MAX_PROOFS, MAX_HASHES = 8, 63
_NUMBER = re.compile("0|[1-9][0-9]{0,18}")
_LEAF_HASH = re.compile("[0-9a-fA-F]{64}")
_AGAIN = "get the receipt again, or make it from the board: e2ev receipt make"

Wanted = Callable[[Logged], bool]


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
        stated: The checkpoint of each log, that of the one that the policy knows last.
        standing: What the last checkpoint is worth.
    """

    header: Header
    leaf_hash: bytes
    index: int
    stated: tuple[Checkpoint, ...]
    standing: Standing

    @property
    def origins(self) -> tuple[str, ...]:
        """Names of the logs, in the same order."""
        return tuple(checkpoint.origin for checkpoint in self.stated)

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
    logged = _the_one(outline.found, str(board))
    note = best_checkpoint(outline, logged.index, policy)
    return receipt_file((_proof(outline, logged, note),))


def make_chained(station: Path, national: Path, wanted: Wanted, policy: Policy | None = None) -> bytes:
    """Return the receipt of an entry on a station's own board that leads to the national one.

    Its first proof is the receipt that the station's desk hands out; the second one shows that the national board has
    logged the station's final checkpoint, which continues the first one's.

    Args:
        station: The station's board.
        national: The national board, with the station's final checkpoint.
        wanted: Finds the entry on the station's board.
        policy: Whose cosigners of the national board count; without one, all that it has are kept, unchecked.

    Raises:
        ConflictError: The station's board is not the one whose final checkpoint was logged: an older copy, or a fork.
        DataError: The first is no station's board of the second.
        NotReadyError: The final checkpoint is not on the national board, or no checkpoint covers it yet.
        Else as of `make_receipt`.
    """
    own = read_outline(station, wanted)
    logged = _the_one(own.found, str(station))
    above = read_outline(national, lambda held: held.entry.header.kind == Kind.STATION_CHECKPOINT)
    if station_of(above.log.name, own.log.name) is None:
        found = f"the log {own.log.name!r} is no station's of the log {above.log.name!r}"
        raise DataError(found, where=str(station), remedy="name the station's own board first, the national one after")
    stating = [held for held in above.found if stated_checkpoint(held.entry).origin == own.log.name]
    if not stating:
        found = f"the final checkpoint of the log {own.log.name!r} is not on the national board"
        raise NotReadyError(found, where=str(national), remedy="ask again when the station has closed")
    final = stated_checkpoint(stating[0].entry)
    _check_holds(own, final, str(station))
    if logged.index >= final.size:
        raise RejectedError(f"entry {logged.index} came after the final checkpoint, which covers {final.size}",
                            where=str(station), remedy="tell the auditors: it is not counted")  # fmt: skip
    first = note_behind(station, logged.offset)
    begun = check_checkpoint(first, own.log, where=str(station))
    consistency = consistency_proof(own.hashes, begun.size, final.size)
    last = best_checkpoint(above, stating[0].index, policy)
    return receipt_file((_proof(own, logged, first), _proof(above, stating[0], last, consistency)))


def _the_one(found: Sequence[Logged], where: str) -> Logged:
    if not found:
        remedy = "compare the code with the printed one, or ask with a newer board"
        raise RejectedError("no such entry is on the board", where=where, remedy=remedy)
    if len(found) > 1:
        places = " and ".join(f"entry {logged.index}" for logged in found[:10])
        raise ConflictError("more than one entry is meant", where=places, remedy="tell the auditors; or use --index")
    return found[0]


def _check_holds(own: Outline, final: Checkpoint, where: str) -> None:
    """Check that a station's board has the entries under its final checkpoint."""
    if own.size < final.size:
        found = f"this board has {own.size} entries, and its final checkpoint covers {final.size}"
        raise ConflictError(found, where=where, remedy="find the newer copy of the station's board")
    if own.roots.get(final.size) != final.root:
        found = f"the first {final.size} entries are not those of the final checkpoint on the national board: a fork"
        raise ConflictError(found, where=where, remedy="show both boards to whoever investigates")


def _proof(outline: Outline, logged: Logged, note: bytes, consistency: tuple[bytes, ...] | None = None) -> Proof:
    """Return the proof of an entry under a checkpoint: of a further log, if it comes with a consistency proof."""
    linked = Linked(1, logged.entry.leaf, None if consistency is None else logged.entry.body, consistency or ())
    path = inclusion_proof(outline.hashes, logged.index, statement_of(note).size)
    return Proof(encode(linked), logged.index, path, note)


def note_behind(board: Path, offset: int) -> bytes:
    """Return the first checkpoint behind an offset at which a frame starts, of an entry that was committed."""
    with open_board(board) as stream:
        stream.seek(offset)
        while (found := read_frame(stream, offset, str(board))) is not None:
            if found.kind is FrameKind.CHECKPOINT:
                return found.payload
            offset = found.end
    raise InternalError("an entry was committed and no checkpoint covers it", where=str(board))


# Check


def check_receipt(data: bytes, policy: Policy, *, where: str = "") -> Vouched:
    """Return what a receipt shows, only if all of it holds; without the board (specs/board.md, "Receipts").

    Args:
        data: The receipt.
        policy: Of whoever checks, from a place that they trust.
        where: Names the receipt in errors.

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
        _check_link(before, entry_after, consistency, where)
    first = entries[0][0]
    standing = judge(policy, proofs[-1].note, where=where)
    return Vouched(first.header, first.leaf_hash, proofs[0].index, tuple(stated), standing)


def _entry(proof: Proof, *, first: bool, where: str) -> tuple[Entry, tuple[bytes, ...]]:
    """Return the entry of a proof, and the consistency proof beside it."""
    linked = decode(Linked, proof.extra, None, f"{where}: extra").form
    entry = Entry(linked.header, decode_header(linked.header, where), linked.body or b"")
    if first != (linked.body is None) or (first and linked.consistency):
        raise DataError("the first proof of a receipt has a header alone, the others a body too", where=where)
    if not first:
        check_body(entry, where)
    return entry, linked.consistency


def _check_link(before: Checkpoint, entry: Entry, consistency: tuple[bytes, ...], where: str) -> None:
    """Check that an entry of the next log states the log before, grown from the checkpoint that was proved."""
    stated = stated_checkpoint(entry, where)
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
