"""Eight writers and four readers at one board, and the one that holds the lock is killed again and again.

Nothing is mixed: every author's chain stands whole and in order, every checkpoint is true, everything acknowledged is
there. Readers take no lock, and always see a valid beginning of the board that is never shorter than the one before.
"""

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from e2ev.board.note import NoteKey, check_checkpoint
from e2ev.board.reader import Committed, Damaged, Logged, scan
from tests.commands import ENVIRONMENT, ROOT
from tests.records import LOG_KEY, ORIGIN, Writer
from tests.torture.places import board_of, create, folder_in_memory, reopen

KEY = NoteKey(ORIGIN, LOG_KEY.verify_key)
WRITERS, READERS = 8, 4

WRITER = """
import os, random, sys, time
from pathlib import Path
from e2ev.errors import ConflictError
from tests.records import Writer
from tests.torture.places import reopen
folder, number = Path(sys.argv[1]), int(sys.argv[2])
def tell(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
tell("ready")
while True:
    try:
        with reopen(folder) as log:
            tell("holds")
            writer = Writer(number)
            for _ in range(log.head(writer.author).counter):
                writer.write()
            for _ in range(3):
                counter = writer.pen.counter
                log.append([writer.write()])
                tell("wrote", counter)
        tell("free")
        time.sleep(0.02 + 0.02 * random.random())
    except ConflictError as error:
        assert "another process" in str(error), error
        time.sleep(0.01 * random.random())
"""

READER = """
import os, sys, time
from pathlib import Path
from tests.torture.crowd import valid_prefix
os.write(1, b"ready\\n")
known = []
while True:
    known = valid_prefix(Path(sys.argv[1]), known)
    os.write(1, b"read %d\\n" % (known[-1][0] if known else 0))
    time.sleep(0.01)
"""


def valid_prefix(folder: Path, known: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Return size and root of every checkpoint, each signed and true, after checking that the known ones are there."""
    found: list[tuple[int, bytes]] = []
    for event in scan(board_of(folder)):
        if isinstance(event, Committed):
            stated = check_checkpoint(event.note, KEY)
            assert (stated.size, stated.root) == (event.size, event.root), "a checkpoint is not true"
            found.append((event.size, event.root))
        assert not (isinstance(event, Damaged) and event.before_commit), "damage in front of a checkpoint"
    assert found[: len(known)] == known, "what was read before has changed"
    return found


@dataclass
class Seen:
    """What came out."""

    killed: int = 0
    appended: int = 0
    acknowledged: int = 0
    readings: int = 0

    def __str__(self) -> str:
        return (
            f"{self.killed:,} lock holders killed, {self.appended:,} entries of {WRITERS} writers on the board, "
            f"{self.acknowledged:,} of them acknowledged, {self.readings:,} readings by {READERS} readers, all valid; "
            "0 acknowledged entries lost, 0 chains mixed"
        )


@dataclass
class Process:
    """One writer or reader, and what it said."""

    script: str
    arguments: tuple[str, ...]
    running: subprocess.Popen[bytes] = field(init=False)
    rest: bytes = b""
    said: list[str] = field(default_factory=list)

    def start(self) -> None:
        command = [sys.executable, "-c", self.script, *self.arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.running = subprocess.Popen(command, env=ENVIRONMENT, cwd=ROOT, **pipes)  # type: ignore[call-overload]  # typed one by one
        os.set_blocking(self.out.fileno(), False)

    @property
    def out(self) -> IO[bytes]:
        assert self.running.stdout is not None
        return self.running.stdout

    def hear(self) -> list[str]:
        """Return what it said since."""
        new = self.out.read() or b""
        *lines, self.rest = (self.rest + new).split(b"\n")
        words = [line.decode() for line in lines]
        self.said += words
        ended = self.running.poll()
        assert ended in (None, -signal.SIGKILL), f"ended with {ended}: {self.complaint()}"
        return words

    def complaint(self) -> str:
        return self.running.stderr.read().decode() if self.running.stderr else ""

    def end(self) -> None:
        self.running.kill()
        self.running.wait()
        self.hear()
        for stream in (self.running.stdout, self.running.stderr):
            if stream:
                stream.close()


def torture(seed: int, kills: int, tell: Callable[[str], None] = lambda _: None) -> Seen:
    """Let them work until so many holders of the lock were killed."""
    rng, seen = random.Random(seed), Seen()
    with folder_in_memory() as folder:
        with create(folder):
            pass
        writers = [Process(WRITER, (str(folder), str(number + 1))) for number in range(WRITERS)]
        readers = [Process(READER, (str(folder),)) for _ in range(READERS)]
        try:
            for process in (*writers, *readers):
                process.start()
            _until(lambda process, _: "ready" in process.said, [*writers, *readers])
            while seen.killed < kills:
                _kill_a_holder(writers, rng, seen)
                for reader in readers:
                    reader.hear()
                tell(str(seen)) if seen.killed % 50 == 0 else None
            _until(lambda _, said: any(words.startswith("read ") for words in said), readers)
        finally:
            for process in (*writers, *readers):
                process.end()
        _judge(folder, writers, readers, seen)
    return seen


def _until(wanted: Callable[[Process, list[str]], bool], processes: list[Process]) -> None:
    """Wait until each of the processes has said something that is wanted."""
    until, marks = time.monotonic() + 300, [(process, len(process.said)) for process in processes]
    while waiting := [process for process, mark in marks if not wanted(process, process.said[mark:])]:
        assert time.monotonic() < until, f"{len(waiting)} processes do nothing"
        select.select([process.out for process in waiting], [], [], 0.2)
        for process in processes:
            process.hear()


def _kill_a_holder(writers: list[Process], rng: random.Random, seen: Seen) -> None:
    """Kill the writer that said last that it holds the lock, a moment later; start another in its place."""
    ready, _, _ = select.select([writer.out for writer in writers], [], [], 1)
    for writer in writers:
        words = writer.hear() if writer.out in ready else []
        if words and words[-1] != "free" and writer.said[-1] != "ready":
            time.sleep(rng.random() * 0.004)
            writer.running.send_signal(signal.SIGKILL)
            writer.running.wait()
            writer.hear()
            writer.start()
            seen.killed += 1
            return


def _judge(folder: Path, writers: list[Process], readers: list[Process], seen: Seen) -> None:
    """Open the board once more: it has what was acknowledged, chain by chain."""
    with reopen(folder) as log:
        size = log.size
    valid_prefix(folder, [])
    counters = {Writer(number + 1).author: 0 for number in range(WRITERS)}
    for event in scan(board_of(folder)):
        if isinstance(event, Logged) and event.index < size:
            header = event.entry.header
            assert header.counter == counters[header.author] + 1, "a chain has a gap"
            counters[header.author] = header.counter
    seen.appended = size
    for number, writer in enumerate(writers):
        wrote = [int(words.split()[1]) for words in writer.said if words.startswith("wrote")]
        assert max(wrote, default=0) <= counters[Writer(number + 1).author], "an acknowledged entry is lost"
        seen.acknowledged += len(set(wrote))
    seen.readings = sum(words.startswith("read ") for reader in readers for words in reader.said)
