"""A log of many entries, and what is claimed of it: proofs, notes and tiles, good ones and tampered ones."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2ev.board.log import BoardLog
from e2ev.board.merkle import consistency_proof, inclusion_proof, leaf_hash, root_of
from e2ev.board.note import COSIGNATURE, NoteKey, sign_cosignature
from e2ev.board.reader import Logged, scan
from e2ev.board.signed import last_signed
from e2ev.board.static import export
from e2ev.board.tiles import WIDTH, TileReader, open_tiles, tile_path
from e2ev.hashing import election_identifier
from e2ev.record.frame import FrameKind, frame
from tests.records import LOG_KEY, ORIGIN, Writer, genesis, key

GROUP = 1000
"""Entries under one checkpoint."""


@dataclass(frozen=True)
class Case:
    """One claim.

    Attributes:
        kind: "inclusion", "consistency", "note" or "tile".
        what: How it was tampered with; "good" if it was not.
        claim: What a client is told.
    """

    kind: str
    what: str
    claim: dict[str, Any]

    @property
    def good(self) -> bool:
        """Whether it must be accepted."""
        return self.what == "good"


def log_of(folder: Path, size: int) -> Path:
    """Return a board of so many entries, its last checkpoint cosigned by two witnesses."""
    first = genesis()
    (folder / "keep").mkdir(parents=True)
    board = folder / "outside.board"
    writer, left = Writer(1, election_identifier(first.body)), size - 1
    with BoardLog.create(board, folder / "keep", ORIGIN, LOG_KEY, writer.pen.election) as log:
        log.append([first])
        while left:
            made = min(GROUP, left)
            log.append([writer.write() for _ in range(made)])
            left -= made
    signed = last_signed(board)
    text = signed.checkpoint.text()
    lines = "".join(sign_cosignature(text, f"witness-{n}.example", key(n), 1_800_000_000 + n) for n in (1, 2))
    with board.open("ab") as stream:
        stream.write(frame(FrameKind.COSIGNATURE, signed.note + lines.encode()))
    return board


def write_cases(folder: Path, size: int, seed: int) -> list[Case]:
    """Write a log and `cases.json` into a folder, and return the cases."""
    board, chance = log_of(folder / "log", size), random.Random(seed)
    export(board, folder / "tiles")
    entries = [event.entry.leaf for event in scan(board) if isinstance(event, Logged)]
    signed = last_signed(board)
    reader = open_tiles(folder / "tiles", signed.key)
    cases = [
        *_inclusions(entries, reader, chance),
        *_consistencies([leaf_hash(entry) for entry in entries], chance),
        *_notes(signed.cosigned, chance),
        *_tiles(folder, entries, reader, chance),
    ]
    told = {
        "vkey": signed.key.vkey(), "origin": ORIGIN, "key": LOG_KEY.verify_key.raw.hex(), "id": signed.key.id.hex(),
        "size": size, "root": signed.checkpoint.root.hex(), "tiles": str(folder / "tiles"),
        "entries": str(folder / "entries"), "cases": [{"kind": case.kind, **case.claim} for case in cases],
    }  # fmt: skip
    (folder / "entries").write_text("".join(entry.hex() + "\n" for entry in entries))
    (folder / "cases.json").write_text(json.dumps(told))
    return cases


def _flipped(data: bytes, chance: random.Random) -> bytes:
    place, bit = chance.randrange(len(data)), 1 << chance.randrange(8)
    return data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]


def _proofs(proof: tuple[bytes, ...], chance: random.Random) -> Iterator[tuple[str, list[str]]]:
    """Yield a proof as it is, and in every way in which it can be wrong."""
    yield "good", [one.hex() for one in proof]
    for i in range(len(proof)):
        changed = [*proof[:i], _flipped(proof[i], chance), *proof[i + 1 :]]
        yield f"hash {i} of the proof changed", [one.hex() for one in changed]
    if proof:
        yield "last hash of the proof missing", [one.hex() for one in proof[:-1]]
        yield "first hash of the proof missing", [one.hex() for one in proof[1:]]
    if len(proof) > 1:
        yield "two hashes of the proof swapped", [one.hex() for one in (proof[1], proof[0], *proof[2:])]
    yield "a hash added to the proof", [one.hex() for one in (*proof, bytes(32))]


def _inclusions(entries: list[bytes], reader: TileReader, chance: random.Random) -> Iterator[Case]:
    hashes, size = [leaf_hash(entry) for entry in entries], len(entries)
    edges = {0, 1, WIDTH - 1, WIDTH, WIDTH**2 - 1, WIDTH**2, size // 2, size - 2, size - 1}
    places = [(i, size) for i in sorted(edges) if i < size]
    places += [(chance.randrange(n), n) for n in (1, 2, 3, 255, 256, 257, *(chance.randint(1, size) for _ in range(4)))]
    for index, n in places:
        proof = reader.proved(index)[1] if n == size else inclusion_proof(hashes, index, n)
        root = root_of(hashes[:n])
        claim = {"index": index, "size": n, "root": root.hex(), "entry": entries[index].hex()}
        for what, hexes in _proofs(proof, chance):
            yield Case("inclusion", what, {**claim, "proof": hexes})
        good = {**claim, "proof": [one.hex() for one in proof]}
        yield Case("inclusion", "entry changed", {**good, "entry": _flipped(entries[index], chance).hex()})
        yield Case("inclusion", "root changed", {**good, "root": _flipped(root, chance).hex()})
        if n > 1:
            yield Case("inclusion", "another index", {**good, "index": index ^ 1 if index ^ 1 < n else index - 1})
        yield Case("inclusion", "index outside", {**good, "index": n})


def _consistencies(hashes: list[bytes], chance: random.Random) -> Iterator[Case]:
    size = len(hashes)
    pairs = [(1, size), (WIDTH, size), (size - 1, size), (size, size), (size // 2, size), (3, 7), (4, 8), (6, 8)]
    pairs += [tuple(sorted(chance.sample(range(1, size + 1), 2))) for _ in range(4)]  # type: ignore[misc]
    for old, new in pairs:
        before, after = root_of(hashes[:old]), root_of(hashes[:new])
        claim = {"old": old, "old_root": before.hex(), "new": new, "new_root": after.hex()}
        proof = consistency_proof(hashes, old, new)
        for what, hexes in _proofs(proof, chance):
            yield Case("consistency", what, {**claim, "proof": hexes})
        good = {**claim, "proof": [one.hex() for one in proof]}
        yield Case("consistency", "old root changed", {**good, "old_root": _flipped(before, chance).hex()})
        yield Case("consistency", "new root changed", {**good, "new_root": _flipped(after, chance).hex()})


def _notes(note: bytes, chance: random.Random) -> Iterator[Case]:
    text, _, lines = note.decode().partition("\n\n")
    own, *witnesses = lines.splitlines(keepends=True)
    origin, size, root = text.split("\n")
    signature = own.split(" ")[2]
    place = chance.randrange(12, 80)
    changed = signature[:place] + ("A" if signature[place] != "A" else "B") + signature[place + 1 :]
    forms = {
        "good": note.decode(),
        "size changed": f"{origin}\n{int(size) + 1}\n{root}\n\n{lines}",
        "root changed": f"{origin}\n{size}\n{'A' if root[0] != 'A' else 'B'}{root[1:]}\n\n{lines}",
        "origin changed": f"{origin}x\n{size}\n{root}\n\n{lines}",
        "signature changed": f"{text}\n\n{own.replace(signature, changed)}{''.join(witnesses)}",
        "the log's line removed": f"{text}\n\n{''.join(witnesses)}",
        "the log's line under another name": f"{text}\n\n{own.replace(ORIGIN, 'example.net/x')}{''.join(witnesses)}",
        "no line": f"{text}\n\n",
    }
    assert NoteKey("witness-1.example", key(1).verify_key, COSIGNATURE).name in lines
    yield from (Case("note", what, {"note": said}) for what, said in forms.items())


def _tiles(folder: Path, entries: list[bytes], reader: TileReader, chance: random.Random) -> Iterator[Case]:
    """Yield tiles as they are, and forged ones: each a folder of the few files that differ."""
    size = len(entries)
    for number, index in enumerate(sorted({0, WIDTH - 1, size // 2, size - 1})):
        claim = {"index": index, "entry": entries[index].hex(), "changed": {}}
        yield Case("tile", "good", claim)
        tile, place = divmod(index, WIDTH)
        path = tile_path(0, tile, min(WIDTH, size - tile * WIDTH))
        data, forged = (folder / "tiles" / path).read_bytes(), _flipped(entries[index], chance)
        start, end = place * 32, place * 32 + 32
        both = data[:start] + leaf_hash(forged) + data[end:]
        yield Case("tile", "entry and its hash forged alike",
                   {"index": index, "entry": forged.hex(), "changed": {path: both.hex()}})  # fmt: skip
        yield Case("tile", "entry forged", {**claim, "entry": forged.hex()})
        for level in range(1, 8):
            above = tile_path(level, 0, min(WIDTH, size >> 8 * level))
            if not (folder / "tiles" / above).exists():
                break
            higher = bytearray((folder / "tiles" / above).read_bytes())
            at = index >> 8 * level
            if at * 32 < len(higher):
                higher[at * 32] ^= 1 + number
                yield Case("tile", f"hash on level {level} forged", {**claim, "changed": {above: bytes(higher).hex()}})
