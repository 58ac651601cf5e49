"""Every earlier copy of a board is put back, with every mark and every state there was: it never signs a fork.

A copy older than the mark is refused, and so is a mark older than the board. Where board, mark and state are all of one
moment nothing on the machine can tell; then witnesses do, and the mark is never to be copied back for that reason.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from unittest.mock import patch

from e2ev.board import log as board_log
from e2ev.board.log import BoardLog
from e2ev.board.reader import Damaged, scan
from e2ev.errors import ConflictError, E2evError, RejectedError
from e2ev.record.entry import Entry
from tests.records import Writer
from tests.torture.places import Unsynced, board_of, create, entries, folder_in_memory, reopen


@dataclass
class Seen:
    """What came out."""

    refused: int = 0
    opened: int = 0

    def __str__(self) -> str:
        return f"{self.refused:,} older or mixed copies refused, {self.opened:,} opened as they stood; 0 forks"


def torture(seed: int, wanted: int, tell: Callable[[str], None] = lambda _: None, commits: int = 12) -> Seen:
    """Try so many combinations of an older board, mark and state, chosen by the seed, or all of them."""
    posted, seen = entries(commits), Seen()
    other = Writer(9).write()
    with folder_in_memory() as folder, patch.object(board_log, "STATE_EVERY", 3):
        board, keep = board_of(folder), folder / "keep"
        boards, marks, states, known = list[bytes](), list[bytes](), list[bytes](), list[int]()

        def remember(log: BoardLog) -> None:
            boards.append(board.read_bytes())
            marks.append((keep / "mark").read_bytes())
            states.append((keep / "state").read_bytes() if (keep / "state").exists() else b"")
            known.append(log.size)

        with create(folder, Unsynced()) as log:
            remember(log)
            for entry in posted:
                log.append([entry])
                remember(log)
        ends = [event.end for event in scan(board) if not isinstance(event, Damaged)]
        cuts = [boards[-1][:end] for end in ends[::2]]  # behind entries, in front of their checkpoints
        copies = [*((data, size) for data, size in zip(boards, known, strict=True)), *((cut, -1) for cut in cuts)]
        everything = list(product(range(len(copies)), range(len(marks)), range(len(states))))
        chosen = everything if wanted >= len(everything) else random.Random(seed).sample(everything, wanted)
        for count, (at, mark, state) in enumerate(chosen, 1):
            data, size = copies[at]
            board.write_bytes(data)
            (keep / "mark").write_bytes(marks[mark])
            (keep / "state").write_bytes(states[state])
            # an entry behind the last checkpoint is a marked one, or a torn tail
            cut = size < 0 and at - len(boards) + 1 - known[mark] in (0, 1)
            _continue(folder, known[mark], size == known[mark] or cut, other, seen)
            if count % 1000 == 0:
                tell(str(seen))
    return seen


def _continue(folder: Path, marked: int, fits: bool, other: Entry, seen: Seen) -> None:
    before = board_of(folder).read_bytes()
    try:
        with reopen(folder, Unsynced()) as log:
            assert fits, f"a copy that is not the one of {marked} entries was opened"
            assert log.size == marked
            log.append([other])
            seen.opened += 1
    except (ConflictError, RejectedError):
        assert not fits
        assert board_of(folder).read_bytes() == before, "a refused board was changed"
        seen.refused += 1
    except E2evError as error:
        raise AssertionError(error) from error
