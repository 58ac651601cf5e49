"""A board that was verified before, read again as far as its contents need it (specs/board.md, "Watching").

The headers alone show that its entries are the same: they are the leaves under the root that was kept. What the rules
then need are the headers and the bodies of everything but ballots, and those are a small part of a board. No signature
and no proof is checked again.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from e2ev.board.files import HEAD_BYTES, open_board
from e2ev.board.ledger import Ledger
from e2ev.board.merkle import Tree, leaf_hash
from e2ev.board.reader import Logged, read_logged
from e2ev.errors import ConflictError, DataError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record.entry import Entry, check_body, decode_header
from e2ev.record.frame import MAX_PAYLOAD, OVERHEAD, FrameKind
from e2ev.record.kinds import Kind


def recall(path: Path, tree: Tree, end: int, origin: str, groups: Sequence[Group] = STANDARD_GROUPS) -> Ledger:
    """Return the ledger over entries all of which the rules were asked about before, and allowed.

    Args:
        path: The board file.
        tree: Over those entries.
        end: The offset behind them.
        origin: Name of the board's log.
        groups: Those that genesis may name: for tests alone.

    Raises:
        ConflictError: The board begins with other entries.
        DataError, RejectedError: They cannot be read, or a body is not the one that its header names.
    """
    if tree_before(path, end) != tree:
        raise ConflictError("the board begins with other entries than were verified before", where=str(path))
    ledger = Ledger(groups, origin=origin)
    for logged in _entries_before(path, end):
        ledger.remember(logged)
    return ledger


def tree_before(path: Path, end: int) -> Tree:
    """Return the tree over the entries before an offset, from their headers alone.

    Raises:
        DataError: The file cannot be opened, or no frames stand there.
    """
    tree = Tree()
    with open_board(path) as stream:
        for kind, _, size in _frames_before(stream, end, str(path)):
            if kind == FrameKind.HEADER:
                tree = tree.append(leaf_hash(stream.read(size)))
    return tree


def _entries_before(path: Path, end: int) -> Iterator[Logged]:
    """Yield the entries before an offset, ballots without their bodies."""
    tree = Tree()
    with open_board(path) as stream:
        for kind, offset, size in _frames_before(stream, end, str(path)):
            if kind != FrameKind.HEADER:
                continue
            where, leaf = f"{path}, entry {tree.size}", stream.read(size)
            entry = Entry(leaf, decode_header(leaf, where), b"")
            if entry.header.kind != Kind.BALLOT:
                entry = read_logged(stream, offset, tree.size, str(path))
                check_body(entry, where)
            yield Logged(tree.size, offset, offset + OVERHEAD + size, entry, tree)
            tree = tree.append(entry.leaf_hash)


def _frames_before(stream: BinaryIO, end: int, where: str) -> Iterator[tuple[int, int, int]]:
    """Yield kind, offset and size of the payload of each frame before an offset; the stream stands at the payload."""
    offset = HEAD_BYTES
    while offset < end:
        stream.seek(offset)
        head = stream.read(OVERHEAD)
        size = int.from_bytes(head[1:5], "big")
        if len(head) < OVERHEAD or size > MAX_PAYLOAD:
            raise DataError("no frame stands here, and one did", where=f"{where}, byte {offset}")
        yield head[0], offset, size
        offset += OVERHEAD + size
