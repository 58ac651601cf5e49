"""Every call that changes the disk fails, or the process is killed at it: nothing acknowledged is lost, nothing forks.

The run makes a board and appends entries one by one. Killing is done by strace where it is there, which no code of
ours knows of, and else by a disk that kills its own process.
"""

import errno
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from e2ev.board.note import NoteKey, check_checkpoint
from e2ev.board.reader import Committed, Logged, notes_in, scan
from e2ev.errors import E2evError, StorageError
from e2ev.record.entry import Entry
from e2ev.storage.disk import Disk
from tests.commands import ENVIRONMENT, ROOT
from tests.records import LOG_KEY, ORIGIN
from tests.torture.places import Unsynced, board_of, create, entries, folder_in_memory, reopen, roots_of

KEY = NoteKey(ORIGIN, LOG_KEY.verify_key)
CALLS = ("write", "sync", "sync_data", "sync_folder", "rename", "truncate", "unlink")
ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT)
SYSTEM_CALLS = ("write", "fsync", "fdatasync", "rename", "unlink")
RUN = 200
"""Appends in a whole run."""


class Faulty(Unsynced):
    """Counts its calls; call number `stop` does what `fault` says instead."""

    def __init__(self, stop: int = -1, fault: Callable[[int, memoryview | None], int] | None = None) -> None:
        self.stop, self.fault, self.calls = stop, fault, 0

    def due(self) -> bool:
        self.calls += 1
        return self.calls - 1 == self.stop

    def write(self, descriptor: int, data: memoryview) -> int:
        if self.due() and self.fault:
            return self.fault(descriptor, data)
        return super().write(descriptor, data)


def _counted(name: str) -> Callable[..., None]:
    def method(disk: Faulty, *arguments: object) -> None:
        if disk.due() and disk.fault:
            disk.fault(-1, None)
        getattr(Unsynced, name)(disk, *arguments)

    return method


for _name in CALLS[1:]:
    setattr(Faulty, _name, _counted(_name))


def failing(number: int) -> Callable[[int, memoryview | None], int]:
    """Return a fault that is an error, after half of what was to be written."""

    def fault(descriptor: int, data: memoryview | None) -> int:
        if data is not None:
            os.write(descriptor, data[: len(data) // 2])
        raise OSError(number, os.strerror(number))

    return fault


def short(descriptor: int, data: memoryview | None) -> int:
    """Write some of the bytes, and say so; other calls work."""
    return os.write(descriptor, data[: max(1, len(data) // 3)]) if data is not None else 0


def killing(_descriptor: int, _data: memoryview | None) -> int:
    """End this process as a kill does."""
    os.kill(os.getpid(), 9)
    return 0


# What has to hold afterwards


def check(folder: Path, posted: list[Entry], roots: list[bytes], acknowledged: int) -> None:
    """Open the board: all that was acknowledged is there; it goes on; all it ever signed is a part of it."""
    board = board_of(folder)
    if not (board.exists() and (folder / "keep/mark").exists()):
        assert acknowledged < 0, "the board is gone"
        return
    signed = [check_checkpoint(note, KEY) for note in notes_in(board)]
    try:
        with reopen(folder, Unsynced()) as log:
            assert log.size >= acknowledged, f"{log.size} entries, {acknowledged} acknowledged"
            assert log.append(posted).root == roots[-1]
    except E2evError:
        assert acknowledged < 0
        return
    assert all(stated.root == roots[stated.size] for stated in signed)
    leaves = [event.entry for event in scan(board) if isinstance(event, Logged)]
    assert leaves == posted
    for event in scan(board):
        if isinstance(event, Committed):
            stated = check_checkpoint(event.note, KEY)
            assert (stated.size, stated.root) == (event.size, event.root)


def appending(folder: Path, posted: list[Entry], disk: Disk) -> Iterator[int]:
    """Yield how many entries are acknowledged, while a new board is filled; half way it is closed and opened."""
    with create(folder, disk) as log:
        yield 0
        for entry in posted[: len(posted) // 2]:
            yield log.append([entry]).size
    with reopen(folder, disk) as log:
        for entry in posted[len(posted) // 2 :]:
            yield log.append([entry]).size


# Errors


@dataclass
class Seen:
    """What came out."""

    points: int = 0
    refused: int = 0
    harmless: int = 0
    killed: int = 0
    by: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        kinds = ", ".join(f"{name} {count:,}" for name, count in self.by.items())
        return (
            f"{self.points:,} points ({kinds}); {self.refused:,} runs refused or stopped, {self.killed:,} killed, "
            f"{self.harmless:,} ended well; 0 acknowledged entries lost, 0 forks"
        )


def count_calls(folder: Path, posted: list[Entry]) -> int:
    disk = Faulty()
    for _ in appending(folder, posted, disk):
        pass
    return disk.calls


def empty(folder: Path) -> None:
    for place in (folder, folder / "keep"):
        for name in os.listdir(place) if place.is_dir() else ():
            if name != "keep":
                os.unlink(place / name)


def errors(seed: int, appends: int, step: int = 1) -> Seen:
    """Let every call fail in every way, or every `step`-th from a seeded one on."""
    posted, seen = entries(appends), Seen()
    roots = roots_of(posted)
    faults = {errno.errorcode[number]: failing(number) for number in ERRORS} | {"short write": short}
    with folder_in_memory() as folder:
        calls = count_calls(folder, posted)
        for name, fault in faults.items():
            for stop in range(random.Random(f"{seed} {name}").randrange(step), calls, step):
                empty(folder)
                acknowledged, disk = -1, Faulty(stop, fault)
                try:
                    for size in appending(folder, posted, disk):
                        acknowledged = size
                except StorageError:
                    seen.refused += 1
                    assert acknowledged < len(posted)
                    assert name != "short write"
                else:
                    seen.harmless += 1
                seen.points += 1
                seen.by[name] = seen.by.get(name, 0) + 1
                check(folder, posted, roots, acknowledged)
    return seen


# Kills


CHILD = """
import os, sys
from pathlib import Path
from tests.torture.calls import Faulty, appending, entries, killing
from e2ev.storage.disk import REAL
folder, appends, stop = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
disk = REAL if stop < 0 else Faulty(stop, killing)
posted = entries(appends)
os.writev(1, [b"go\\n"])
for size in appending(folder, posted, disk):
    os.writev(1, [b"%d\\n" % size])
"""


def strace() -> str | None:
    """Return the path of a strace that can stop a process at a call."""
    found = shutil.which("strace")
    if found is None:
        return None
    probe = [found, "-qq", "-o", os.devnull, "-e", "inject=write:signal=KILL:when=1", "echo", "alive"]
    return found if b"alive" not in subprocess.run(probe, capture_output=True, check=False).stdout else None


def child(folder: Path, appends: int, stop: int, before: tuple[str, ...] = ()) -> tuple[int, bool]:
    """Run the child to its end; return what it acknowledged last, and whether it was killed."""
    command = [*before, sys.executable, "-c", CHILD, str(folder), str(appends), str(stop)]
    ran = subprocess.run(command, env=ENVIRONMENT, cwd=ROOT, capture_output=True, check=False)
    lines = ran.stdout.split()
    assert lines[:1] in ([b"go"], []), ran.stderr.decode()
    return (int(lines[-1]) if len(lines) > 1 else -1), ran.returncode != 0


def system_calls(folder: Path, appends: int, tracer: str) -> dict[str, int]:
    """Return how often the child makes each system call, by strace."""
    out = folder / "trace"
    child(folder, appends, -1, (tracer, "-qq", "-o", str(out), "-e", f"trace={','.join(SYSTEM_CALLS)}"))
    names = [line.partition("(")[0] for line in out.read_text().splitlines()]
    out.unlink()
    return {name: names.count(name) for name in SYSTEM_CALLS}


def kills(seed: int, appends: int, wanted: int, tell: Callable[[str], None] = lambda _: None) -> Seen:
    """Kill a run at so many of its calls, chosen by the seed, or at all of them; by strace, or by its own disk."""
    posted, seen, tracer = entries(appends), Seen(), strace()
    roots = roots_of(posted)
    with folder_in_memory() as folder:
        if tracer:
            counts = system_calls(folder, appends, tracer)
            points = [(name, n) for name, count in counts.items() for n in range(1, count + 1)]
        else:
            points = [("disk", n) for n in range(count_calls(folder, posted))]
        chosen = points if wanted >= len(points) else random.Random(seed).sample(points, wanted)
        for name, number in chosen:
            empty(folder)
            inject = (str(tracer), "-qq", "-o", os.devnull, "-e", f"trace={name}", "-e",
                      f"inject={name}:signal=KILL:when={number}")  # fmt: skip
            acknowledged, killed = child(folder, appends, -1 if tracer else number, inject if tracer else ())
            assert killed, f"the run went past {name} {number}"
            seen.points, seen.killed = seen.points + 1, seen.killed + 1
            label = f"{name} by strace" if tracer else "calls by the disk"
            seen.by[label] = seen.by.get(label, 0) + 1
            check(folder, posted, roots, acknowledged)
            if seen.points % 100 == 0:
                tell(str(seen))
    return seen
