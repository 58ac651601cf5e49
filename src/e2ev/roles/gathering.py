"""Group commit: what several people post at about the same time is committed together (specs/board.md).

To sync is what posting costs. So posts wait for each other, a fifth of a second at most, and share one checkpoint;
nobody is answered before it stands on the disk. A post that the rules refuse is refused alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from types import TracebackType
from typing import Self

from e2ev.board.note import Checkpoint
from e2ev.errors import E2evError, NotReadyError, StorageError
from e2ev.record.entry import Entry
from e2ev.roles.intake import Intake

MOST = 256
"""Entries in one commit."""
PATIENCE = 0.2
"""Seconds that a post waits for others."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands: its index, and its offset on the board."""

    index: int
    offset: int


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of a post.

    Attributes:
        checkpoint: It covers all entries of the post.
        places: Of those that were not on the board before, by leaf hash.
    """

    checkpoint: Checkpoint
    places: Mapping[bytes, Place]


@dataclass(slots=True)
class _Group:
    """Posts that share a commit: the first of them waits for the others, and commits them all."""

    entries: int = 0
    full: bool = False
    checkpoint: Checkpoint | None = None
    error: BaseException | None = None

    @property
    def ended(self) -> bool:
        return self.checkpoint is not None or self.error is not None

    def result(self) -> Checkpoint:
        if self.checkpoint is None:
            raise self.error or StorageError("the commit came to no end")
        return self.checkpoint


class Gathering:
    """Takes posts from any thread, inside `with`, and commits them in groups through one intake.

    Args:
        opening: Makes the intake, not entered yet; asked at first, and again after the disk refused.
        most: Entries in one commit, but for a post that has more by itself.
        patience: Seconds that the first post of a group waits for those that are on their way.
    """

    def __init__(self, opening: Callable[[], Intake], *, most: int = MOST, patience: float = PATIENCE) -> None:
        self._opening, self._most, self._patience = opening, most, patience
        self._turn = Condition()
        self._intake: Intake | None = None
        self._open = self._worn = False
        self._coming = 0
        self._group = _Group()

    def __enter__(self) -> Self:
        with self._turn:
            self._open = True
            self._opened()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._turn:
            self._open = False
            self._turn.wait_for(lambda: not self._group.entries)
            self._close()

    @contextmanager
    def looking(self) -> Iterator[Intake]:
        """Hold the intake, to look at it: nothing is admitted or committed meanwhile."""
        with self._turn:
            self._check_open()
            yield self._opened()

    def post(self, entries: Sequence[Entry], judge: Callable[[], object] = lambda: None) -> Posted:
        """Return where the entries stand, once they are committed: all of them, or none.

        Args:
            entries: In their order.
            judge: Finds out what is to be known before they are admitted, beside other posts, which wait for it;
                raises what speaks against them.

        Raises:
            RejectedError, ConflictError: As of `Intake.post`; others of the group are not concerned.
            StorageError: The disk refused; nobody of the group was acknowledged. The next post opens the board anew.
            NotReadyError: Nothing is taken any more.
        """
        with self._turn:
            self._coming += 1
        try:
            judge()
        except BaseException:
            with self._turn:
                self._has_come()
            raise
        with self._turn:
            self._has_come()
            return self._posted(entries)

    def _has_come(self) -> None:
        self._coming -= 1
        self._turn.notify_all()

    def _posted(self, entries: Sequence[Entry]) -> Posted:
        """Admit a post, and see it committed: by this thread if it is the first of its group."""
        while self._group.entries and self._group.entries + len(entries) > self._most:
            self._group.full = True
            self._turn.notify_all()
            self._turn.wait()
        self._check_open()
        places, group = self._admitted(entries), self._group
        first, group.entries = not group.entries, group.entries + max(1, len(entries))
        group.full = group.entries >= self._most
        if first:
            try:
                self._turn.wait_for(
                    lambda: group.full or not self._coming or group.entries >= self._most, self._patience
                )
            finally:
                self._commit(group)
        else:
            self._turn.notify_all()
            self._turn.wait_for(lambda: group.ended)
        return Posted(group.result(), places)

    def _admitted(self, entries: Sequence[Entry]) -> dict[bytes, Place]:
        """Let entries wait for the commit, and return where those will stand that are new."""
        intake, places = self._opened(), dict[bytes, Place]()
        index, offset = intake.next_index, intake.end
        for entry in entries:
            if entry.header.counter > intake.head(entry.header.author).counter and entry.leaf_hash not in places:
                places[entry.leaf_hash] = Place(index, offset)
                index, offset = index + 1, offset + len(entry.frames())
        try:
            intake.admit(entries)
        except StorageError:
            self._worn = True
            raise
        return places

    def _commit(self, group: _Group) -> None:
        intake, self._group = self._opened(), _Group()
        try:
            group.checkpoint = intake.commit()
        except E2evError as error:  # whatever it is, it refuses no entry: all were admitted
            group.error = StorageError(error.found, where=error.where, remedy=error.remedy)
        except BaseException as error:
            group.error = error
        self._worn |= not group.checkpoint
        self._turn.notify_all()

    def _check_open(self) -> None:
        if not self._open:
            raise NotReadyError("the board is not open for posting", remedy="post again when it is")

    def _opened(self) -> Intake:
        """Return the intake, opened anew after a disk that refused, once nobody waits for it."""
        if self._worn and not self._group.entries:
            self._close()
        if self._intake is None:
            intake = self._opening()
            intake.__enter__()
            self._intake = intake
        return self._intake

    def _close(self) -> None:
        intake, self._intake, self._worn = self._intake, None, False
        if intake is not None:
            intake.__exit__(None, None, None)
