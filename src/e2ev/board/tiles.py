"""A board as static files that any web server can hold (C2SP tlog-tiles), and back (specs/board.md, "Tiles").

Leaves are headers; the bodies stand beside them, named by their hashes. Nobody who reads tiles believes them: a proof
is put together from their hashes and checked against the signed root, beginning with the entry's own bytes. So an
entry that was forged together with its hash leads to another root, and so does any other changed tile on its way.
"""

import shutil
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from e2ev.board.merkle import (
    HASH_BYTES,
    Range,
    Tree,
    check_consistency,
    check_inclusion,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    root_of,
)
from e2ev.board.note import Checkpoint, NoteKey, check_checkpoint
from e2ev.errors import DataError, RejectedError
from e2ev.storage.disk import read_bounded

WIDTH = 256
HEIGHT = 8
"""Levels of the tree in one tile: WIDTH is 2 to this."""
MAX_ENTRY = (1 << 16) - 1
MAX_CHECKPOINT = 1 << 16
CHECKPOINT = "checkpoint"
_LENGTH = 2
_KEPT = 32
"""Tiles that a reader keeps: a path from a leaf to the root has far fewer."""


def tile_path(level: int | str, index: int, width: int = WIDTH) -> str:
    """Return where a tile stands below the folder.

    Args:
        level: From 0, the leaves' hashes; "entries" for the entries themselves.
        index: Of the tile within its level.
        width: How many hashes or entries it has: 256, or fewer in a partial one.
    """
    parts, rest = [f"{index % 1000:03}"], index // 1000
    while rest:
        parts.append(f"x{rest % 1000:03}")
        rest //= 1000
    path = f"tile/{level}/{'/'.join(reversed(parts))}"
    return path if width == WIDTH else f"{path}.p/{width}"


def write_file(path: Path, data: bytes) -> None:
    """Make a file hold `data`, at once or not at all; not synced, since it can be made again."""
    if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(data)
    new.replace(path)


class TileWriter:
    """Cuts a growing log into tiles, with memory for one unfinished tile a level.

    Args:
        folder: Where they go.
        last: How large the log becomes, where that is known: partial tiles that will have been completed by then are
            left out. They are removed otherwise, so the same files come out.
    """

    def __init__(self, folder: Path, last: int = 0) -> None:
        self.size = 0
        self._folder, self._last = folder, last
        self._bundle = bytearray()
        self._tiles: list[list[bytes]] = []

    def append(self, entry: bytes) -> None:
        """Take in the next entry.

        Raises:
            ValueError: It is longer than a bundle can say.
        """
        if len(entry) > MAX_ENTRY:
            raise ValueError(f"an entry of {len(entry)} bytes; {MAX_ENTRY} are the most in a tile")
        self._bundle += len(entry).to_bytes(_LENGTH, "big") + entry
        self.size += 1
        if self.size % WIDTH == 0:
            self._complete("entries", self.size // WIDTH - 1, bytes(self._bundle))
            self._bundle.clear()
        self._push(0, leaf_hash(entry))

    def commit(self) -> None:
        """Write the partial tiles of the log as large as it is now: a checkpoint of it is about to be shown."""
        self._partial("entries", 0, bytes(self._bundle))
        for level, tile in enumerate(self._tiles):
            self._partial(level, level, b"".join(tile))

    def _push(self, level: int, found: bytes) -> None:
        if level == len(self._tiles):
            self._tiles.append([])
        tile = self._tiles[level]
        tile.append(found)
        if len(tile) == WIDTH:
            self._complete(level, (self.size >> HEIGHT * (level + 1)) - 1, b"".join(tile))
            self._push(level + 1, root_of(tile))
            tile.clear()

    def _complete(self, name: int | str, index: int, data: bytes) -> None:
        path = self._folder / tile_path(name, index)
        write_file(path, data)
        shutil.rmtree(path.with_name(path.name + ".p"), ignore_errors=True)

    def _partial(self, name: int | str, level: int, data: bytes) -> None:
        width, index = (self.size >> HEIGHT * level) % WIDTH, self.size >> HEIGHT * (level + 1)
        if width and index >= self._last >> HEIGHT * (level + 1):
            write_file(self._folder / tile_path(name, index, width), data)


class TileReader:
    """Reads a log from its tiles, given a checkpoint that is trusted.

    Args:
        folder: Where the tiles are.
        checkpoint: Already checked: its root is what everything is held against.

    Every method raises `DataError` where a tile is missing or malformed.
    """

    def __init__(self, folder: Path, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._folder = folder
        self._hashes = lru_cache(_KEPT)(self._read_hashes)
        self._entries = lru_cache(2)(self._read_entries)

    def entry(self, index: int) -> bytes:
        """Return an entry only if it stands at `index` under the checkpoint.

        Raises:
            RejectedError: It does not: the entry is forged, or a tile on its way to the root.
            ValueError: The log is not as large.
        """
        return self.proved(index)[0]

    def proved(self, index: int) -> tuple[bytes, tuple[bytes, ...]]:
        """Return an entry and the inclusion proof for it; errors as of `entry`."""
        proof, size = self._roots(inclusion_ranges(index, self.checkpoint.size)), self.checkpoint.size
        found = self._entries(index // WIDTH)[index % WIDTH]
        where = f"{self._folder}, entry {index}"
        check_inclusion(leaf_hash(found), index, size, proof, self.checkpoint.root, where=where)
        return found, proof

    def consistency(self, old: Checkpoint) -> tuple[bytes, ...]:
        """Return the proof that `old`, of the same log and not empty, is the beginning of this one.

        Raises:
            RejectedError: It is not, or a tile is forged.
        """
        if not 0 < old.size <= self.checkpoint.size:
            raise RejectedError(f"no consistency can be shown from size {old.size} to {self.checkpoint.size}")
        proof = self._roots(consistency_ranges(old.size, self.checkpoint.size))
        check_consistency(
            old.size, old.root, self.checkpoint.size, self.checkpoint.root, proof, where=str(self._folder)
        )
        return proof

    def entries(self) -> Iterator[bytes]:
        """Yield all entries; only after the last one it is known whether they are those of the checkpoint.

        Raises:
            RejectedError: At the end: they have another root.
        """
        tree = Tree()
        for index in range(-(-self.checkpoint.size // WIDTH)):
            for found in self._read_entries(index):
                tree = tree.append(leaf_hash(found))
                yield found
        if tree.root() != self.checkpoint.root:
            raise RejectedError("the entries are not those that were signed", where=str(self._folder))

    def _roots(self, spans: tuple[Range, ...]) -> tuple[bytes, ...]:
        return tuple(self._root(*span) for span in spans)

    def _root(self, start: int, end: int) -> bytes:
        """Return the root over a range of a proof, whose perfect subtrees all begin at multiples of their size."""
        size, peaks = end - start, []
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                peaks.append(self._node(level, start >> level))
                start += 1 << level
        return Tree(size, tuple(peaks)).root()

    def _node(self, level: int, index: int) -> bytes:
        tile_level, below = divmod(level, HEIGHT)
        tile, first = divmod(index << below, WIDTH)
        return root_of(self._hashes(tile_level, tile)[first : first + (1 << below)])

    def _width(self, level: int, index: int) -> int:
        return min(WIDTH, (self.checkpoint.size >> HEIGHT * level) - index * WIDTH)

    def _read_hashes(self, level: int, index: int) -> tuple[bytes, ...]:
        width = self._width(level, index)
        data, where = self._read(level, index, width, WIDTH * HASH_BYTES)
        if len(data) % HASH_BYTES or len(data) < width * HASH_BYTES:
            raise DataError(f"a tile of {len(data)} bytes, expected {width} hashes", where=where)
        return tuple(data[i * HASH_BYTES : (i + 1) * HASH_BYTES] for i in range(width))

    def _read_entries(self, index: int) -> tuple[bytes, ...]:
        width = self._width(0, index)
        data, where = self._read("entries", index, width, WIDTH * (_LENGTH + MAX_ENTRY))
        found = list(_unbundled(data, where))
        if len(found) < width:
            raise DataError(f"a bundle of {len(found)} entries, expected {width}", where=where)
        return tuple(found[:width])

    def _read(self, level: int | str, index: int, width: int, limit: int) -> tuple[bytes, str]:
        """Return the tile of that width, or else the full one, which may have taken its place."""
        path = self._folder / tile_path(level, index, width)
        if width < WIDTH and not path.exists():
            path = self._folder / tile_path(level, index)
        return read_bounded(path, limit), str(path)


def _unbundled(data: bytes, where: str) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        end = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH], "big")
        if at + _LENGTH > len(data) or end > len(data):
            raise DataError("a bundle of entries is cut short", where=where)
        yield data[at + _LENGTH : end]
        at = end


def open_tiles(folder: Path, key: NoteKey) -> TileReader:
    """Return a reader of the log whose checkpoint stands in the folder.

    Raises:
        DataError: There is none.
        RejectedError: The log with this key did not sign it.
    """
    path = folder / CHECKPOINT
    return TileReader(folder, check_checkpoint(read_bounded(path, MAX_CHECKPOINT), key, where=str(path)))
