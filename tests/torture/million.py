"""A log of a million entries: it is written and read in little memory, and its root is what somebody else computes.

Writing and reading each have a process of their own, whose peak is measured. The root is computed once more from the
leaves by the definition of RFC 6962 §2.1, top down, without our tree.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from benchmarks.million import peak_bytes

from e2ev.board.reader import Committed, Damaged, Logged, scan
from e2ev.record.entry import Entry
from e2ev.record.kinds import Kind
from e2ev.storage.disk import REAL
from tests.commands import ENVIRONMENT, ROOT
from tests.records import Writer
from tests.torture.places import board_of, create, reopen

BATCH = 256
AUTHORS = 50
LIMIT = 100_000_000
"""Bytes of memory that a process may have."""


@dataclass
class Seen:
    """What came out."""

    entries: int
    size: int
    writing: dict[str, float]
    reading: dict[str, float]
    opening: dict[str, float]

    def __str__(self) -> str:
        def one(what: str, found: dict[str, float]) -> str:
            return f"{what} in {found['seconds']:,.1f} s with {found['bytes'] / 1e6:,.0f} MB"

        told = (one("written", self.writing), one("read", self.reading), one("opened", self.opening))
        return f"{self.entries:,} entries, {self.size:,} bytes: {', '.join(told)} at most; the same root as by RFC 6962"

    @property
    def peak(self) -> float:
        return max(found["bytes"] for found in (self.writing, self.reading, self.opening))


def posts(count: int) -> Iterator[Entry]:
    writers = [Writer(number + 1) for number in range(AUTHORS)]
    for i in range(count):
        yield writers[i % AUTHORS].write(Kind.CORRECTION, i.to_bytes(8, "big") * 8)


def write(folder: Path, count: int) -> str:
    """Write the log in groups of 256, each synced; return its root."""
    batch = list[Entry]()
    with create(folder, REAL) as log:
        for entry in posts(count):
            batch.append(entry)
            if len(batch) == BATCH:
                log.append(batch)
                batch.clear()
        return log.append(batch).root.hex()


def read(folder: Path, count: int) -> str:
    """Read the log with every root in it; return the last one."""
    root = b""
    for event in scan(board_of(folder)):
        assert not isinstance(event, Damaged)
        if isinstance(event, Committed):
            root = event.root
            assert event.size <= count
    return root.hex()


def opening(folder: Path, count: int) -> str:
    """Open the log for writing; return its root."""
    with reopen(folder) as log:
        assert log.size == count
        return log.checkpoint().root.hex()


def measure(step: str, folder: Path, count: int) -> None:
    """Print what a step takes in this process, as JSON."""
    started = time.monotonic()
    root = {"write": write, "read": read, "opening": opening}[step](folder, count)
    print(json.dumps({"root": root, "seconds": time.monotonic() - started, "bytes": peak_bytes()}))


def _apart(step: str, folder: Path, count: int) -> dict[str, float | str]:
    script = "import sys; from pathlib import Path; from tests.torture.million import measure; "
    script += "measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))"
    command = [sys.executable, "-c", script, step, str(folder), str(count)]
    ran = subprocess.run(command, env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, float | str] = json.loads(ran.stdout)
    return found


def defined_root(leaves: list[bytes]) -> bytes:
    """Return MTH(D[n]) as RFC 6962 §2.1 defines it."""
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + defined_root(leaves[:split]) + defined_root(leaves[split:])).digest()


def torture(seed: int, count: int, tell: Callable[[str], None] = lambda _: None) -> Seen:
    """Write, read and open a log of so many entries; the seed is of no use here."""
    del seed
    with tempfile.TemporaryDirectory(prefix="e2ev-") as name:
        folder = Path(name)
        (folder / "keep").mkdir()
        found = {}
        for step in ("write", "read", "opening"):
            found[step] = _apart(step, folder, count)
            tell(f"{step}: {found[step]}")
        leaves = [event.entry.leaf for event in scan(board_of(folder)) if isinstance(event, Logged)]
        assert len(leaves) == count
        assert {one.pop("root") for one in found.values()} == {defined_root(leaves).hex()}
        size = board_of(folder).stat().st_size
    numbers = {step: {name: float(value) for name, value in one.items()} for step, one in found.items()}
    return Seen(count, size, numbers["write"], numbers["read"], numbers["opening"])
