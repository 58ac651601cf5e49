"""Every bit of a board is flipped, the board is cut everywhere, every frame is dropped, doubled, exchanged, put in.

Each changed board is opened as its writer opens it. In front of the marked end it is refused, with the index of the
entry; behind it, it is a torn tail. A checkpoint that is left out or stands twice changes no entry and no root.
"""

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from e2ev.board.files import HEAD_BYTES
from e2ev.board.log import BoardLog
from e2ev.board.reader import Committed, Logged, scan
from e2ev.errors import DataError, E2evError, RejectedError
from e2ev.record.entry import Entry
from e2ev.record.frame import FrameKind, frame
from e2ev.record.kinds import Kind
from tests.records import Writer
from tests.torture.places import Unsynced, board_of, create, folder_in_memory, reopen


@dataclass
class Seen:
    """What came out, by what was done to the board."""

    refused: dict[str, int] = field(default_factory=dict)
    torn: dict[str, int] = field(default_factory=dict)
    same: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        def listed(counts: dict[str, int]) -> str:
            return f"{sum(counts.values()):,} ({', '.join(f'{name} {n:,}' for name, n in counts.items()) or '-'})"

        return (
            f"refused at the right entry: {listed(self.refused)}; torn tails set aside: {listed(self.torn)}; "
            f"same entries and same root: {listed(self.same)}; 0 accepted that should not be"
        )


@dataclass(frozen=True)
class Piece:
    """One event on the board: its bytes, and the index of the entry that it is, or that would come next."""

    start: int
    data: bytes
    index: int
    is_entry: bool

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class Target:
    """A board with about twenty entries of many sizes, three to a checkpoint, and everything that may become of it."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, writers = folder, [Writer(1), Writer(2)]
        rng, batch = random.Random(size), list[Entry]()
        (folder / "keep").mkdir(exist_ok=True)
        with create(folder, Unsynced()) as log:
            while board_of(folder).stat().st_size + sum(len(entry.frames()) for entry in batch) < size:
                batch.append(rng.choice(writers).write(Kind.BALLOT, rng.randbytes(rng.randrange(1500)), bytes(32)))
                if len(batch) == 3:
                    log.append(batch)
                    batch = []
            log.append(batch or [writers[0].write()])
        self.whole = board_of(folder).read_bytes()
        self.mark = (folder / "keep/mark").read_bytes()
        events = list(scan(board_of(folder)))
        self.pieces = list(self._pieces(events))
        self.marked = max(piece.end for piece in self.pieces if piece.is_entry)
        self.entries = [event.entry for event in events if isinstance(event, Logged)]
        self._starts = [piece.start for piece in self.pieces]
        self.stranger = Writer(3).write().frames()

    def _pieces(self, events: Sequence[object]) -> Iterator[Piece]:
        start = HEAD_BYTES
        for event in events:
            assert isinstance(event, Logged | Committed)
            index = event.index if isinstance(event, Logged) else event.size
            yield Piece(start, self.whole[start : event.end], index, isinstance(event, Logged))
            start = event.end

    def piece_at(self, position: int) -> Piece:
        return self.pieces[bisect_right(self._starts, position) - 1]

    def open(self, data: bytes) -> BoardLog | E2evError:
        """Return the log of the changed board, or why it is refused."""
        board_of(self.folder).write_bytes(data)
        (self.folder / "keep/mark").write_bytes(self.mark)
        for path in (self.folder / "keep").glob("torn-*"):
            path.unlink()
        try:
            with reopen(self.folder, Unsynced()) as log:
                return log
        except E2evError as error:
            return error

    def judge(self, name: str, data: bytes, index: int, seen: Seen, *, behind: bool) -> None:
        """Open a board that was changed at entry `index`, or behind the marked entries."""
        found = self.open(data)
        if isinstance(found, BoardLog):
            kept = [event.entry for event in scan(board_of(self.folder)) if isinstance(event, Logged)]
            assert kept == self.entries, f"{name} at entry {index} was taken for the board"
            group = seen.torn if behind or found.torn else seen.same
            group[name] = group.get(name, 0) + 1
            return
        assert not behind, f"{name} behind the marked entries: {found}"
        assert self.names(found, index), f"{name} at entry {index}: {found}"
        seen.refused[name] = seen.refused.get(name, 0) + 1

    def names(self, error: E2evError, index: int) -> bool:
        """Return whether an error names this entry: by its index, or the first checkpoint that is wrong over it."""
        if f"damaged at entry {index}:" in error.found or f"has {index} entries, and" in error.found:
            return True
        if error.where.endswith(f"checkpoint at {index}"):
            return True
        if isinstance(error, RejectedError) and "does not cover the entries before it" in error.found:
            size = int(error.where.rpartition(" ")[2])
            before = int(error.found.split(" of which ")[1].split()[0])
            return before <= index <= size
        return False


def flip(target: Target, position: int, bit: int, seen: Seen) -> None:
    data = bytearray(target.whole)
    data[position] ^= 1 << bit
    if position < HEAD_BYTES:
        assert isinstance(target.open(bytes(data)), DataError)
        seen.refused["bit of the head"] = seen.refused.get("bit of the head", 0) + 1
        return
    piece = target.piece_at(position)
    target.judge("bit", bytes(data), piece.index, seen, behind=position >= target.marked)


def cut(target: Target, position: int, seen: Seen) -> None:
    if position < HEAD_BYTES:
        assert isinstance(target.open(target.whole[:position]), E2evError)
        seen.refused["cut in the head"] = seen.refused.get("cut in the head", 0) + 1
        return
    index = target.piece_at(position).index
    target.judge("cut", target.whole[:position], index, seen, behind=position >= target.marked)


def frames(target: Target, seen: Seen) -> None:
    """Drop, double, exchange and put in every frame."""
    head, parts = target.whole[:HEAD_BYTES], [piece.data for piece in target.pieces]
    note = frame(FrameKind.CHECKPOINT, b"any note\n")

    def edited(name: str, i: int, changed: list[bytes]) -> None:
        behind = i == len(parts) - 1 and name in ("frame dropped", "frame doubled")
        target.judge(name, head + b"".join(changed), target.pieces[i].index, seen, behind=behind)

    for i, piece in enumerate(target.pieces):
        before, own, after = parts[:i], parts[i], parts[i + 1 :]
        edited("frame dropped", i, [*before, *after])
        edited("frame doubled", i, [*before, own, own, *after])
        edited("strange entry put in", i, [*before, target.stranger, own, *after])
        if after:
            edited("strange checkpoint put in", i, [*before, note, own, *after])
            edited("frames exchanged", i, [*before, after[0], own, *after[1:]])
        if piece.is_entry:
            body = 9 + int.from_bytes(own[1:5], "big")
            edited("header dropped", i, [*before, own[body:], *after])
            edited("body dropped", i, [*before, own[:body], *after])


def torture(seed: int, bits: int, tell: Callable[[str], None] = lambda _: None, size: int = 20_000) -> Seen:
    """Flip so many bits, cut at so many places, or at all of them if there are not so many; and edit all frames."""
    rng, seen = random.Random(seed), Seen()
    with folder_in_memory() as folder:
        target = Target(folder, size)
        frames(target, seen)
        tell(str(seen))
        places = range(8 * len(target.whole))
        for count, place in enumerate(places if bits >= len(places) else rng.sample(places, bits)):
            flip(target, place // 8, place % 8, seen)
            if count % 20_000 == 19_999:
                tell(str(seen))
        cuts = range(len(target.whole))
        for place in cuts if bits >= len(cuts) else rng.sample(cuts, bits):
            cut(target, place, seen)
    return seen
