"""What all of them share: a folder in memory, a disk that syncs nothing, entries of a few authors, boards to open."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from e2ev.board.log import BoardLog
from e2ev.board.merkle import Tree
from e2ev.record.entry import Entry
from e2ev.record.kinds import Kind
from e2ev.storage.disk import REAL, Disk
from tests.records import ELECTION, LOG_KEY, ORIGIN, Writer

MEMORY = Path("/dev/shm")  # a folder in memory, where there is one


class Unsynced(Disk):
    """A disk in memory has nothing to sync."""

    def sync(self, descriptor: int) -> None:
        pass

    def sync_data(self, descriptor: int) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """Give an empty folder that is as fast as the machine has one."""
    with tempfile.TemporaryDirectory(prefix="e2ev-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


def board_of(folder: Path) -> Path:
    return folder / "test.board"


def create(folder: Path, disk: Disk = REAL, limit: int = 0) -> BoardLog:
    """Return the writer of a new board."""
    (folder / "keep").mkdir(exist_ok=True)
    return BoardLog.create(
        board_of(folder), folder / "keep", ORIGIN, LOG_KEY, ELECTION, segment_size=limit, disk=disk, reserve=0
    )


def reopen(folder: Path, disk: Disk = REAL) -> BoardLog:
    """Return the writer of the board in `folder`."""
    return BoardLog(board_of(folder), folder / "keep", ORIGIN, LOG_KEY, disk=disk, reserve=0)


def entries(count: int, authors: int = 3, size: int = 40) -> list[Entry]:
    """Return entries of several authors in turn, no two bodies alike."""
    writers = [Writer(number + 1) for number in range(authors)]
    return [
        writers[i % authors].write(Kind.CORRECTION, i.to_bytes(4, "big") * (size // 4 + i % 5)) for i in range(count)
    ]


def roots_of(posted: Sequence[Entry]) -> list[bytes]:
    """Return the root over the first n of them, for each n."""
    trees = [Tree()]
    for entry in posted:
        trees.append(trees[-1].append(entry.leaf_hash))
    return [tree.root() for tree in trees]
