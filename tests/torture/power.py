"""Power fails: whatever part of what was not synced comes to the medium, nothing acknowledged is lost, nothing forks.

A run is recorded call by call. Then the machine stops at every call, and of the writes since the last sync some reach
the medium: none, all, a prefix, any subset, parts of 512 bytes, zeros or garbage in their place; of the new names in a
folder likewise. A sync can also fail, and then what it should have synced never comes by itself (fsync of Linux). The
board is opened in each such state, sometimes the power fails again meanwhile, and entries are posted.
"""

import errno
import fcntl
import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

from e2ev.board import log as board_log
from e2ev.board import note, recovery, state
from e2ev.board.growing import COMMIT_ROOM
from e2ev.board.log import BoardLog
from e2ev.board.reader import Committed, Logged, scan
from e2ev.errors import E2evError, StorageError
from e2ev.record.entry import Entry
from e2ev.storage.disk import Disk
from tests.records import LOG_KEY, ORIGIN, Writer
from tests.torture.places import Unsynced, board_of, create, entries, folder_in_memory, reopen, roots_of

SECTOR = 512
VARIANTS = 8
POSTED = entries(24)
ROOTS = roots_of(POSTED)
STRANGER = Writer(9).write()
KEY = note.NoteKey(ORIGIN, LOG_KEY.verify_key)


@dataclass(frozen=True)
class Change:
    """One call: bytes from an offset on, or a new length, of a file; or a name that bears a file, or none."""

    kind: str
    file: int = -1
    offset: int = 0
    data: bytes = b""
    path: Path = Path()


class Tape(Unsynced):
    """Works on a real folder and keeps the changes; sync number `failing` fails."""

    def __init__(self, failing: int = -1) -> None:
        self.changes: list[Change] = []
        self.failing, self.syncs = failing, 0
        self.before: dict[Path, bytes] = {}
        self._files: dict[int, int] = {}
        self._names: dict[Path, int] = {}
        self._next = 0

    def hold(self, files: dict[Path, bytes]) -> None:
        """Take the files that stand there when the tape starts."""
        self.before = files
        for path in files:
            self._names[path] = self._fresh()

    def _fresh(self) -> int:
        self._next += 1
        return self._next - 1

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        new = not path.exists()
        descriptor = super().open(path, flags, mode)
        if new:
            self._names[path] = self._fresh()
            self.changes.append(Change("name", self._names[path], path=path))
        self._files[descriptor] = self._names[path]
        return descriptor

    def write(self, descriptor: int, data: memoryview) -> int:
        appends = os.O_APPEND & fcntl.fcntl(descriptor, fcntl.F_GETFL)
        offset = os.fstat(descriptor).st_size if appends else os.lseek(descriptor, 0, os.SEEK_CUR)
        written = super().write(descriptor, data)
        self.changes.append(Change("write", self._files[descriptor], offset, bytes(data[:written])))
        return written

    def _sync(self, change: Change) -> None:
        self.syncs += 1
        if self.syncs - 1 == self.failing:
            self.changes.append(replace(change, kind=f"failed {change.kind}"))
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.changes.append(change)

    def sync(self, descriptor: int) -> None:
        self._sync(Change("sync", self._files[descriptor]))

    def sync_data(self, descriptor: int) -> None:
        self._sync(Change("sync", self._files[descriptor]))

    def sync_folder(self, folder: Path) -> None:
        self._sync(Change("folder", path=folder))

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self._names[target] = self._names.pop(source)
        self.changes.append(Change("name", self._names[target], path=target))
        self.changes.append(Change("name", -1, path=source))

    def truncate(self, descriptor: int, size: int) -> None:
        super().truncate(descriptor, size)
        self.changes.append(Change("cut", self._files[descriptor], size))

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        self._names.pop(path, None)
        self.changes.append(Change("name", -1, path=path))


# The medium


@dataclass
class Medium:
    """What is safe, and what may or may not have come to the medium since."""

    contents: dict[int, bytes] = field(default_factory=dict)
    names: dict[Path, int] = field(default_factory=dict)
    writes: dict[int, list[Change]] = field(default_factory=dict)
    renames: dict[Path, list[Change]] = field(default_factory=dict)

    @classmethod
    def of(cls, files: dict[Path, bytes]) -> "Medium":
        return cls(dict(enumerate(files.values())), {path: i for i, path in enumerate(files)})

    def take(self, change: Change) -> None:
        """Let one call happen."""
        if change.kind in ("write", "cut"):
            self.writes.setdefault(change.file, []).append(change)
        elif change.kind == "name":
            self.renames.setdefault(change.path.parent, []).append(change)
        elif change.kind == "sync":
            self.contents[change.file] = applied(self.content(change.file), self.writes.pop(change.file, []))
        elif change.kind == "failed sync":
            self.writes.pop(change.file, None)  # the kernel calls the pages clean
        elif change.kind == "folder":
            for renamed in self.renames.pop(change.path, []):
                self.names[renamed.path] = renamed.file

    def content(self, file: int) -> bytes:
        return self.contents.get(file, b"")

    def after(self, rng: random.Random) -> dict[Path, bytes]:
        """Return the files that are found when the power is back."""
        names = dict(self.names)
        for renamed in (change for pending in self.renames.values() for change in some(pending, rng)):
            names[renamed.path] = renamed.file
        contents = {file: self._surviving(file, rng) for file in set(names.values()) if file >= 0}
        return {path: contents[file] for path, file in names.items() if file >= 0}

    def _surviving(self, file: int, rng: random.Random) -> bytes:
        pending, old = self.writes.get(file, []), self.content(file)
        if not pending:
            return old
        if rng.random() < 0.4:
            return applied(old, some(pending, rng))
        return torn(old, applied(old, pending), rng)


def some(pending: Sequence[Change], rng: random.Random) -> list[Change]:
    """Return none, all, a prefix or a subset of the changes, in order."""
    match rng.randrange(4):
        case 0:
            return []
        case 1:
            return list(pending)
        case 2:
            return list(pending[: rng.randrange(len(pending) + 1)])
    return [change for change in pending if rng.random() < 0.5]


def applied(content: bytes, changes: Sequence[Change]) -> bytes:
    """Return the content after the changes; what nobody wrote is zero."""
    for change in changes:
        if change.kind == "cut":
            content = content[: change.offset]
        else:
            content = content.ljust(change.offset, b"\0")
            content = content[: change.offset] + change.data + content[change.offset + len(change.data) :]
    return content


def torn(old: bytes, new: bytes, rng: random.Random) -> bytes:
    """Return a mixture, sector by sector: what was, what was to be, zeros, or garbage; of some length between."""
    mode, out = rng.randrange(3), bytearray()
    for at in range(0, max(len(old), len(new)), SECTOR):
        before, after = old[at : at + SECTOR], new[at : at + SECTOR]
        if before == after:
            out += after
            continue
        spoiled = bytes(len(after)) if mode != 1 else rng.randbytes(len(after))
        spoiled = after[: common(before, after)] + spoiled[common(before, after) :]
        out += rng.choice((after, before.ljust(len(after), b"\0"), spoiled))
    lengths = (len(new), len(new), len(old), rng.randint(min(len(old), len(new)), max(len(old), len(new))))
    return bytes(out[: rng.choice(lengths)])


def common(one: bytes, other: bytes) -> int:
    """Return how many bytes two pieces begin with in common: what was safe before, no tear takes away."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


# Runs


@dataclass
class Run:
    """A recorded run.

    Attributes:
        changes: Its calls.
        acknowledged: After how many calls so many entries were acknowledged; -1 entries before the board was made.
        signed: After how many calls so many entries were signed.
    """

    changes: list[Change] = field(default_factory=list)
    acknowledged: list[tuple[int, int]] = field(default_factory=list)
    signed: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """What a run does: sizes of batches, each opening's own; in which files; which sync fails."""

    openings: tuple[tuple[int, ...], ...]
    limit: int
    state_every: int
    failing: int

    @classmethod
    def of(cls, rng: random.Random) -> "Plan":
        openings = tuple(tuple(rng.randint(1, 3) for _ in range(rng.randint(1, 3))) for _ in range(rng.randint(1, 3)))
        limit = COMMIT_ROOM + rng.choice((500, 1500)) if rng.random() < 0.3 else 0
        return cls(openings, limit, rng.choice((2, 4, 4096)), rng.randrange(4, 28) if rng.random() < 0.6 else -1)


def recorded(plan: Plan, folder: Path) -> Run:
    """Return what happens when a plan is carried out; after a failed sync the board is opened again."""
    tape, run, done = Tape(plan.failing), Run(), 0
    run.changes = tape.changes

    def signing(checkpoint: note.Checkpoint, key: object) -> str:
        run.signed.append((len(tape.changes), checkpoint.size))
        return note.sign_checkpoint(checkpoint, key)  # type: ignore[arg-type]

    with patch.object(board_log, "sign_checkpoint", signing):
        try:
            create(folder, tape, plan.limit)
        except StorageError:
            return run
        run.acknowledged.append((len(tape.changes), 0))
        for batches in (*plan.openings, (1,)):
            try:
                with reopen(folder, tape) as log:
                    for size in batches:
                        posted = POSTED[: max(done, log.size) + size]
                        done = log.append(posted[log.size :]).size
                        run.acknowledged.append((len(tape.changes), done))
            except StorageError:
                continue
    return run


# States


@dataclass
class Seen:
    """What came out so far."""

    states: int = 0
    distinct: set[bytes] = field(default_factory=set, repr=False)
    again: int = 0
    torn: int = 0
    recommitted: int = 0

    def __str__(self) -> str:
        return (
            f"{self.states:,} different crash states, {self.again:,} of them with the power "
            f"failing again during recovery; {self.torn:,} torn tails set aside, {self.recommitted:,} marked entries "
            "committed again; 0 acknowledged entries lost, 0 forks"
        )


def lay(folder: Path, files: dict[Path, bytes]) -> None:
    """Make a folder hold exactly these files."""
    for place in (folder, folder / "keep"):
        for name in os.listdir(place):
            if name != "keep":
                os.unlink(place / name)
    for path, content in files.items():
        path.write_bytes(content)


def check(folder: Path, least: int, signed: int, disk: Disk, seen: Seen) -> BoardLog | None:
    """Open the board: it has all that was acknowledged, all that was signed, and nothing that was never posted."""
    try:
        with reopen(folder, disk) as log:
            assert log.size >= max(least, signed), f"{log.size} entries, {least} acknowledged, {signed} signed"
            assert log.tree.root() == ROOTS[log.size], f"another history of {log.size} entries"
            seen.torn += log.torn is not None
            seen.recommitted += log.size > least
            return log
    except E2evError as error:
        if least >= 0:
            raise AssertionError(f"the board does not open: {error}") from error
        return None


def goes_on(folder: Path, log: BoardLog) -> None:
    """Post something that nobody posted before: everything stands, and everything signed is true."""
    before = log.size
    with reopen(folder, Unsynced()) as again:
        assert again.append([STRANGER]).size == before + 1
    leaves = list[Entry]()
    for event in scan(board_of(folder)):
        if isinstance(event, Logged):
            leaves.append(event.entry)
        elif isinstance(event, Committed):
            assert note.check_checkpoint(event.note, KEY).root == event.root
    assert leaves == [*POSTED[:before], STRANGER]


def states(run: Run, variants: int, rng: random.Random) -> Iterator[tuple[dict[Path, bytes], int, int]]:
    """Yield what may stand on the medium after each call, and how many entries were acknowledged and signed."""
    medium, acknowledged, signed = Medium(), iter([*run.acknowledged, (1 << 60, 0)]), iter([*run.signed, (1 << 60, 0)])
    least, most, (at, size), (when, stated) = -1, -1, next(acknowledged), next(signed)
    for count, change in enumerate(run.changes, 1):
        medium.take(change)
        while at <= count:
            least = max(least, size)
            at, size = next(acknowledged)
        while when <= count:
            most = max(most, stated)
            when, stated = next(signed)
        if change.kind in ("write", "cut", "name", "failed sync", "failed folder"):
            for _ in range(variants):
                yield medium.after(rng), least, most


def torture(seed: int, wanted: int, tell: Callable[[str], None] = lambda _: None) -> Seen:
    """Go through so many states."""
    rng, seen, told = random.Random(seed), Seen(), 10_000
    known = cache(note.check_checkpoint)
    remembering = patch.multiple(recovery, check_checkpoint=known), patch.multiple(state, check_checkpoint=known)
    with folder_in_memory() as folder, remembering[0], remembering[1]:
        (folder / "keep").mkdir()
        while seen.states < wanted:
            plan = Plan.of(rng)
            with patch.object(board_log, "STATE_EVERY", plan.state_every):
                lay(folder, {})
                run = recorded(plan, folder)
                for files, least, signed in states(run, VARIANTS, rng):
                    _state(folder, files, least, signed, rng, seen)
                    if seen.states >= wanted:
                        break
                    if seen.states >= told:
                        told += 10_000
                        tell(str(seen))
    return seen


def _state(folder: Path, files: dict[Path, bytes], least: int, signed: int, rng: random.Random, seen: Seen) -> None:
    digest = sha256(f"{least} {signed}".encode())
    for path in sorted(files):
        digest.update(f"{path.name} {len(files[path])}\n".encode() + files[path])
    if (known := digest.digest()[:12]) in seen.distinct:
        return
    seen.distinct.add(known)
    seen.states += 1
    lay(folder, files)
    tape = Tape()
    tape.hold(files)
    chosen = rng.random()
    log = check(folder, least, signed, tape if chosen < 0.1 else Unsynced(), seen)
    if log is None:
        return
    if chosen < 0.1:
        medium = Medium.of(files)
        for change in tape.changes[: rng.randrange(len(tape.changes) + 1)]:
            medium.take(change)
        lay(folder, medium.after(rng))
        seen.states, seen.again = seen.states + 1, seen.again + 1
        log = check(folder, least, signed, Unsynced(), seen)
    if log is not None and 0.08 < chosen < 0.12:
        goes_on(folder, log)
