"""The log beside a plain list: whatever is done in whatever order, both hold the same, and refuse the same."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from e2ev.board.growing import COMMIT_ROOM
from e2ev.board.log import BoardLog
from e2ev.board.merkle import inclusion_proof, root_of
from e2ev.board.reader import Committed, Logged, scan
from e2ev.errors import ConflictError, RejectedError
from e2ev.record.entry import Entry, Pen
from e2ev.record.kinds import Kind
from tests.records import ELECTION, key
from tests.torture.places import Unsynced, board_of, create, folder_in_memory, reopen

AUTHORS = 3
DISK = Unsynced()


@dataclass
class Model:
    """A board and the list that says what it should hold.

    Attributes:
        posted: The committed entries, in order.
        heads: The pen of each author, behind its last committed entry.
        log: The open log.
    """

    folder: Path
    limit: int = 0
    posted: list[Entry] = field(default_factory=list)
    heads: list[Pen] = field(default_factory=lambda: [Pen(key(n + 1), ELECTION) for n in range(AUTHORS)])
    log: BoardLog = field(init=False)
    made: int = 0

    def __post_init__(self) -> None:
        self.log = create(self.folder, DISK, self.limit)
        self.log.__enter__()

    def write(self, author: int, pen: Pen | None = None) -> tuple[Entry, Pen]:
        self.made += 1
        return (pen or self.heads[author]).write(Kind.CORRECTION, self.made.to_bytes(4, "big") * (1 + self.made % 40))

    def append(self, authors: list[int]) -> None:
        """Post new entries of these authors, in one commit."""
        pens, batch = list(self.heads), list[Entry]()
        for author in authors:
            entry, pens[author] = self.write(author, pens[author])
            batch.append(entry)
        checkpoint = self.log.append(batch)
        self.posted += batch
        self.heads = pens
        assert (checkpoint.size, checkpoint.root) == (len(self.posted), self.root())

    def append_again(self, which: list[int]) -> None:
        """Post entries that stand on the board already: nothing changes."""
        if self.posted:
            again = [self.posted[i % len(self.posted)] for i in which]
            assert self.log.append(again).size == len(self.posted)

    def conflict(self, author: int) -> None:
        """Post another entry with a counter that is taken, behind a good one: both are refused."""
        first, _ = self.write(author, Pen(key(author + 1), ELECTION))
        good, _ = self.write((author + 1) % AUTHORS)
        if self.heads[author].counter > 1:
            self.refused([good, first], ConflictError)

    def gap(self, author: int) -> None:
        """Post an entry that skips one: it is refused, and what came with it."""
        good, behind = self.write(author)
        _, behind = self.write(author, behind)
        later, _ = self.write(author, behind)
        self.refused([good, later], ConflictError)

    def changed(self, author: int) -> None:
        """Post an entry whose body is another one: it is refused."""
        entry, _ = self.write(author)
        self.refused([Entry(entry.leaf, entry.header, entry.body + b"x")], RejectedError)

    def refused(self, batch: list[Entry], error: type[Exception]) -> None:
        try:
            self.log.append(batch)
        except error:
            assert self.log.size == len(self.posted)
        else:
            raise AssertionError("it was taken")

    def admit_and_retract(self, author: int) -> None:
        """Let an entry wait, and let it go."""
        self.log.admit(self.write(author)[0])
        assert self.log.waiting == 1
        self.log.retract(0)

    def reopen(self) -> None:
        """Close the board and open it."""
        self.log.__exit__(None, None, None)
        self.log = reopen(self.folder, DISK)
        self.log.__enter__()
        self.check_head()

    def torn(self, tail: bytes) -> None:
        """Let a process die while it writes: what it wrote is set aside."""
        self.log.__exit__(None, None, None)
        paths = sorted(self.folder.glob("test*.board"), key=lambda path: path.stem.count(".") * 10_000 + len(path.name))
        last = max(paths, key=lambda path: path.name if path.name != "test.board" else "")
        with last.open("ab") as stream:
            stream.write(tail)
        self.log = reopen(self.folder, DISK)
        self.log.__enter__()
        assert (self.log.torn is not None) is bool(tail)
        self.check_head()

    def root(self) -> bytes:
        return self.log.tree.root()

    def check_head(self) -> None:
        assert self.log.size == len(self.posted)
        for pen in self.heads:
            head = self.log.head(pen.author)
            assert (head.counter, head.leaf_hash) == (pen.counter - 1, pen.previous)

    def check(self) -> None:
        """Compare everything."""
        self.check_head()
        hashes = [entry.leaf_hash for entry in self.posted]
        assert self.root() == root_of(hashes)
        if hashes:
            assert inclusion_proof(hashes, len(hashes) - 1, len(hashes)) is not None
        logged = [event for event in scan(board_of(self.folder)) if isinstance(event, Logged)]
        assert [event.entry for event in logged] == self.posted
        notes = [event for event in scan(board_of(self.folder)) if isinstance(event, Committed)]
        assert not notes or (notes[-1].size, notes[-1].root) == (len(self.posted), self.root())

    def close(self) -> None:
        self.log.__exit__(None, None, None)


def step(model: Model, rng: random.Random) -> str:
    """Do one thing, chosen by the dice, and return its name."""
    author = rng.randrange(AUTHORS)
    match rng.choices(range(8), (40, 15, 5, 5, 5, 5, 5, 3))[0]:
        case 0:
            model.append([rng.randrange(AUTHORS) for _ in range(rng.randrange(5))])
            return "append"
        case 1:
            model.append_again([rng.randrange(1 << 20) for _ in range(rng.randrange(1, 4))])
            return "append again"
        case 2:
            model.conflict(author)
            return "conflict"
        case 3:
            model.gap(author)
            return "gap"
        case 4:
            model.changed(author)
            return "changed body"
        case 5:
            model.admit_and_retract(author)
            return "retract"
        case 6:
            model.reopen()
            return "reopen"
    model.torn(
        rng.choice((b"", b"\0" * 700, rng.randbytes(60), model.write(author)[0].frames()[: rng.randrange(1, 400)]))
    )
    return "torn tail"


@dataclass
class Seen:
    """What came out."""

    steps: int = 0
    boards: int = 0
    entries: int = 0
    by: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        kinds = ", ".join(f"{name} {count:,}" for name, count in sorted(self.by.items()))
        return f"{self.steps:,} steps on {self.boards:,} boards with {self.entries:,} entries ({kinds}); no difference"


def torture(seed: int, steps: int, tell: Callable[[str], None] = lambda _: None) -> Seen:
    """Do so many things, on boards of some dozen entries each."""
    rng, seen = random.Random(seed), Seen()
    while seen.steps < steps:
        with folder_in_memory() as folder:
            model = Model(folder, COMMIT_ROOM + 3000 if rng.random() < 0.3 else 0)
            for _ in range(min(60, steps - seen.steps)):
                name = step(model, rng)
                seen.by[name] = seen.by.get(name, 0) + 1
                seen.steps += 1
            model.check()
            model.close()
            seen.boards, seen.entries = seen.boards + 1, seen.entries + len(model.posted)
        if seen.boards % 500 == 0:
            tell(str(seen))
    return seen
