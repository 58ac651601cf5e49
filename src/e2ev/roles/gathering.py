"""Group commit: what several people post at about the same time is committed together (specs/board.md).

To sync is what posting costs. So posts wait for each other, a fifth of a second at most, and share one checkpoint;
nobody is answered before it stands on the disk. A post that the rules refuse is refused alone.
"""

import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from e2ev.board.note import Checkpoint
from e2ev.errors import E2evError, NotReadyError
from e2ev.record.entry import Entry
from e2ev.roles.intake import Intake

MOST = 256
"""Entries in one commit."""
PATIENCE = 0.2
"""Seconds that a post waits for others."""

_Post = tuple[tuple[Entry, ...], "Future[Checkpoint]"]


class Gathering:
    """Takes posts from any thread, inside `with`, and commits them in groups through one intake.

    The intake is entered before and left after. It is used by one thread alone, this one's own.

    Args:
        intake: Where the entries go.
        most: Entries in one commit, but for a post that has more by itself.
        patience: Seconds that the first post of a group waits for others; 0 to wait for none.
    """

    def __init__(self, intake: Intake, *, most: int = MOST, patience: float = PATIENCE) -> None:
        self._intake, self._most, self._patience = intake, most, patience
        self._posts: queue.SimpleQueue[_Post | None] = queue.SimpleQueue()
        self._gate, self._open = threading.Lock(), False
        self._worker = threading.Thread(target=self._work, name="group commit", daemon=True)

    def __enter__(self) -> Self:
        self._open = True
        self._worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._gate:
            self._open = False
            self._posts.put(None)
        self._worker.join()

    def post(self, entries: Sequence[Entry]) -> "Future[Checkpoint]":
        """Return what will hold the checkpoint once the entries are committed, all of them or none.

        It raises what `Intake.post` raises. After a `StorageError` nothing more is taken: the board has to be opened
        anew.

        Raises:
            NotReadyError: Nothing is taken any more.
        """
        promised: Future[Checkpoint] = Future()
        with self._gate:
            if not self._open:
                raise NotReadyError("the board is not open for posting", remedy="post again when it is")
            self._posts.put((tuple(entries), promised))
        return promised

    def _work(self) -> None:
        while (group := self._gathered()) is not None:
            try:
                self._commit(group)
            except BaseException as error:  # every waiting thread learns it, and nothing goes on
                self._fail(group, error)
                return

    def _gathered(self) -> list[_Post] | None:
        """Return the posts of one group, in the order in which they came; None at the end."""
        first = self._posts.get()
        if first is None:
            return None
        group, count, until = [first], len(first[0]), time.monotonic() + self._patience
        while count < self._most:
            try:
                following = self._posts.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if following is None:
                self._posts.put(None)
                break
            group.append(following)
            count += len(following[0])
        return group

    def _commit(self, group: Sequence[_Post]) -> None:
        admitted = []
        for entries, promised in group:
            try:
                self._intake.admit(entries)
            except E2evError as error:
                promised.set_exception(error)
            else:
                admitted.append(promised)
        checkpoint = self._intake.commit()
        for promised in admitted:
            promised.set_result(checkpoint)

    def _fail(self, group: Sequence[_Post], error: BaseException) -> None:
        with self._gate:
            self._open = False
            self._posts.put(None)
        rest = list(group)
        while (following := self._posts.get()) is not None:
            rest.append(following)
        for _, promised in rest:
            if not promised.done():
                promised.set_exception(error)
