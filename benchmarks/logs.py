"""Cases of the board's log: appending durably, reading, opening, taking in; each beside the least that could do it.

Wall time, since what syncs waits for the disk; both sides of a case sync the same bytes equally often.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count as numbers
from pathlib import Path

from benchmarks.boards import Hall
from benchmarks.ours import SINGLE
from benchmarks.paired import Case, Figure, Kind, Result, Work
from e2ev.board.log import BoardLog
from e2ev.board.mark import Mark
from e2ev.board.merkle import Tree
from e2ev.board.note import Checkpoint, sign_checkpoint
from e2ev.board.publish import Published
from e2ev.board.reader import Committed, Logged, scan
from e2ev.group import Group
from e2ev.record.entry import Entry, Pen, check_body, message_file
from e2ev.record.frame import FrameKind, frame
from e2ev.record.kinds import Kind as EntryKind
from e2ev.roles.desk import Desk
from e2ev.roles.gathering import MOST
from e2ev.roles.intake import Intake
from e2ev.signing import SigningKey

BODY = 5_000
AUTHORS = 20
BESIDE_LOOP, APPENDS = Figure(0.5, 0.7), Figure(1 / 3_000, 1 / 6_000)
READS = Figure(1 / 10_000, 1 / 20_000)
OPENING = Figure(1.0, 0.5)
TAIL = (1 << 20) - 1
ORIGIN = "example.org/bench"
ELECTION = bytes(32)
KEY = SigningKey.from_seed(bytes(31) + b"\1")


def posts(count: int, size: int = BODY) -> list[Entry]:
    """Return entries of some authors in turn, with ballots' sizes."""
    pens, made = [Pen(SigningKey.from_seed(bytes([n + 2]) * 32), ELECTION) for n in range(AUTHORS)], list[Entry]()
    for i in range(count):
        body = hashlib.sha256(i.to_bytes(8, "big")).digest() * (size // 32)
        entry, pens[i % AUTHORS] = pens[i % AUTHORS].write(EntryKind.BALLOT, body, bytes(32))
        made.append(entry)
    return made


def _new(root: Path, copies: Iterator[int]) -> Path:
    folder = root / str(next(copies))
    (folder / "keep").mkdir(parents=True)
    return folder


def _board(folder: Path) -> BoardLog:
    return BoardLog.create(folder / "x.board", folder / "keep", ORIGIN, KEY, ELECTION, reserve=0)


def _groups(entries: Sequence[Entry], size: int) -> Iterator[Sequence[Entry]]:
    return (entries[at : at + size] for at in range(0, len(entries), size))


def appending(root: Path, group: int = MOST, count: int = 4 * MOST) -> Case:
    """Entries whose signatures were checked before, as the intake does, appended in groups, against a bare loop."""
    entries, copies = posts(count), numbers()

    def ours() -> bytes:
        folder = _new(root, copies)
        with _board(folder) as log:
            for some in _groups(entries, group):
                log.append(some)
            made = log.checkpoint().root
        shutil.rmtree(folder)
        return made

    def bare() -> bytes:
        folder = _new(root, copies)
        made = bare_loop(folder, _groups(entries, group))
        shutil.rmtree(folder)
        return made

    name = f"append at 5 KB, {group} at once" if group > 1 else "append at 5 KB, one by one"
    figure = BESIDE_LOOP if group == MOST else None
    return Case(name, "entry", Work(ours, count), Work(bare, count), versus="bare loop", figure=figure,
                clock=time.perf_counter, seconds=10)  # fmt: skip


def bare_loop(folder: Path, groups: Iterator[Sequence[Entry]]) -> bytes:
    """Write, hash and sync the same bytes in the same steps, with nothing checked; return the root."""
    tree, keep = Tree(), folder / "keep"
    descriptor = os.open(folder / "x.board", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    names = os.open(keep, os.O_RDONLY)
    for some in groups:
        for entry in some:
            hashlib.sha256(entry.body).digest()
            tree = tree.append(hashlib.sha256(b"\0" + entry.leaf).digest())
        os.write(descriptor, b"".join(part for entry in some for part in (bytes(18), entry.leaf, entry.body)))
        os.fdatasync(descriptor)
        mark = os.open(keep / "mark.tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(mark, Mark(tree.size, tree.root()).to_bytes())
        os.fsync(mark)
        os.close(mark)
        os.rename(keep / "mark.tmp", keep / "mark")
        os.fsync(names)
        note = sign_checkpoint(Checkpoint(ORIGIN, tree.size, tree.root()), KEY)
        os.write(descriptor, frame(FrameKind.CHECKPOINT, note.encode()))
        os.fdatasync(descriptor)
    os.close(descriptor)
    os.close(names)
    return tree.root()


def as_time(result: Result, name: str, figure: Figure) -> Result:
    """Return a result as the seconds of one unit, with what has to be reached."""
    return replace(result, case=replace(result.case, name=name, kind=Kind.SECONDS, figure=figure))


def reading(root: Path, count: int = 2_000) -> Case:
    """Frames, headers, bodies' hashes and root of a board file, against SHA-256 of its bytes alone."""
    folder = _new(root, numbers())
    with _board(folder) as log:
        for some in _groups(posts(count), MOST):
            log.append(some)
        root_hash = log.checkpoint().root
    path = folder / "x.board"

    def ours() -> bool:
        last = b""
        for event in scan(path):
            if isinstance(event, Logged):
                check_body(event.entry, "")
            elif isinstance(event, Committed):
                last = event.root
        return last == root_hash

    def bare() -> bool:
        with path.open("rb") as stream:
            return bool(hashlib.file_digest(stream, "sha256").digest())

    return Case("read a board of 5 KB entries", "entry", Work(ours, count), Work(bare, count), versus="bare SHA-256")


def opening(root: Path, count: int = 20_000) -> Case:
    """Opening a board of 100 MB that has a torn tail of almost 1 MiB, against opening it without its state."""
    folder = _new(root, numbers())
    with _board(folder) as log:
        for some in _groups(posts(count), MOST):
            log.append(some)
    path, state = folder / "x.board", (folder / "keep/state").read_bytes()

    def opened(held: bytes) -> int:
        with path.open("ab") as stream:
            stream.write(b"\xff" * TAIL)
        (folder / "keep/state").write_bytes(held)
        with BoardLog(path, folder / "keep", ORIGIN, KEY, reserve=0) as log:
            return log.size

    return Case("open a board of 20,000 entries, torn tail", "opening", Work(lambda: opened(state)),
                Work(lambda: opened(b"")), versus="reading it all", kind=Kind.SECONDS, figure=OPENING,
                clock=time.perf_counter)  # fmt: skip


def intake(root: Path, group: Group, count: int = 64, devices: int = 4, jobs: int = 2) -> Case:
    """Ballots that devices post at the same time, each waiting for its receipts, against signatures, rules and commits.

    The desk judges every ballot as a verification will, by processes whose start is part of the time; what it commits
    together is what came together. The other side posts the same entries 256 at once, and checks no proof.
    """
    hall = Hall.open(root / "hall", group, SINGLE, devices)
    empty, chains = hall.board(0), hall.chains(count // devices)
    copies = numbers()

    def board() -> Path:
        target = root / f"intake-{next(copies)}"
        shutil.copytree(empty.parent, target)
        return target / empty.name

    def through_the_desk() -> int:
        path = board()

        def post(chain: Sequence[Entry]) -> int:
            receipts = [one for entry in chain for one in desk.take(message_file((entry,)))]
            return sum(entry.header.code is not None for entry in chain[: len(receipts)])

        made = Desk(path, Published(path, path.parent / "tiles"), (group,), rate=1e9, burst=1 << 30, jobs=jobs)
        with made as desk, ThreadPoolExecutor(devices) as threads:
            return sum(threads.map(post, chains))

    def without_proofs() -> int:
        with Intake(board(), (group,)) as made:
            for some in _groups([entry for chain in chains for entry in chain], MOST):
                made.post(some)
            return len(made.contents.ballots)

    return Case(f"take in from {devices} devices, {jobs} processes judge", "ballot", Work(through_the_desk, count),
                Work(without_proofs, count), versus="without proofs", kind=Kind.SECONDS, clock=time.perf_counter,
                least=2, most=4)  # fmt: skip
