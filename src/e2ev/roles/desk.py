"""The board's desk: takes signed messages from whoever may post, and hands out a receipt once they are committed.

Meant for a hall's own network, or between machines of an administration. Not for internet voting to public office:
nobody sees who stands behind a voter at home, and no receipt changes that.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from e2ev.ballot import BallotContext
from e2ev.board.note import check_checkpoint
from e2ev.board.publish import Published
from e2ev.board.reader import Logged, scan
from e2ev.board.receipt import Linked, Proof, note_behind, receipt_file
from e2ev.board.tiles import TileReader
from e2ev.errors import DataError, InternalError, NotReadyError, PolicyError, RejectedError, StorageError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record.codec import encode
from e2ev.record.entry import Entry, check_header_signature, read_message
from e2ev.record.kinds import Kind, body_limit
from e2ev.roles.examine import check_ballot, check_message
from e2ev.roles.intake import Intake
from e2ev.verify.setting import Setting, setting_of

MOST = 64
"""Entries in one message."""


class UnknownAuthorError(PolicyError):
    """A message of somebody who may not post here."""


class TooManyError(NotReadyError):
    """An author that posts faster than is taken in.

    Attributes:
        seconds: After which it may try again.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__("this author posts too fast", remedy=f"try again in {seconds:.0f} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Receipted:
    """An entry on the board with its receipt: the same one however often it is asked for.

    Attributes:
        entry: Its leaf hash.
        index: Its place on the board.
        receipt: Under the first checkpoint that covers it; nobody has cosigned that one yet, so it is provisional.
    """

    entry: bytes
    index: int
    receipt: str


class Desk:
    """Takes message files in, inside `with`: it is the one writer of the board meanwhile.

    Args:
        board: The board file, with the folder of its log beside it.
        published: Its static files, from which proofs are read.
        groups: Those that genesis may name: for tests alone.
        rate: Entries a second that one author may post in the long run.
        burst: Entries that it may post at once.
        clock: Seconds, rising.
    """

    def __init__(
        self, board: Path, published: Published, groups: Sequence[Group] = STANDARD_GROUPS, *, rate: float = 2.0,
        burst: int = 64, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._board, self._published, self._groups = board, published, groups
        self._rate, self._burst, self._clock = rate, float(burst), clock
        self._left: dict[bytes, tuple[float, float]] = {}
        self._judging: tuple[Setting, BallotContext] | None = None
        self._lock = Lock()
        self._intake: Intake | None = None

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        intake, self._intake = self._intake, None
        if intake is not None:
            intake.__exit__(None, None, None)

    def take(self, data: bytes) -> tuple[Receipted, ...]:
        """Return the receipts of a message's entries, once all of them are on the board; all or none.

        Raises:
            DataError: This is no message file of one author.
            UnknownAuthorError: The author may not post here.
            TooManyError: It posts too fast.
            RejectedError: A signature, a rule or a proof objects; nothing was taken in.
            ConflictError: The author's counter is taken by another entry, kept as evidence.
            StorageError: The disk refused; nothing was acknowledged.
        """
        entries = _entries_of(data)
        for entry in entries:
            check_header_signature(entry.header, "message")
        with self._lock:
            intake = self._open()
            self._admit(intake, entries)
            places = {entry.leaf_hash: self._place(intake, entry) for entry in entries}
            self._check(intake, [one for one in entries if one.header.counter > intake.head(one.header.author).counter])
            try:
                index, offset = intake.size, intake.end
                intake.post(entries)
            except StorageError:
                self.__exit__(None, None, None)
                raise
            for entry in entries:
                if places[entry.leaf_hash] is None:
                    places[entry.leaf_hash] = (index, offset)
                    index, offset = index + 1, offset + len(entry.frames())
            try:
                self._published.refresh()
                return tuple(self._receipted(entry, places[entry.leaf_hash]) for entry in entries)
            except RejectedError as error:  # what was committed was not refused: its receipt comes another time
                raise StorageError(error.found, where=error.where, remedy="look at the board's disk") from error

    def _open(self) -> Intake:
        """Return the intake, opened anew after a disk that refused."""
        if self._intake is None:
            intake = Intake(self._board, self._groups)
            intake.__enter__()
            self._intake = intake
        return self._intake

    def _admit(self, intake: Intake, entries: Sequence[Entry]) -> None:
        """Refuse authors who may not post, and those who post too fast."""
        author, contents = entries[0].header.author, intake.contents
        known = author == contents.administrator or author in contents.devices or contents.seat_of(author) is not None
        if not known:
            who = f"author {author.hex()[2:18]}"
            raise UnknownAuthorError("nobody who may post on this board", culprit=who, remedy="admit the device first")
        now = self._clock()
        left, then = self._left.get(author, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        if left < len(entries):
            raise TooManyError((len(entries) - left) / self._rate)
        self._left[author] = (left - len(entries), now)

    def _check(self, intake: Intake, fresh: Sequence[Entry]) -> None:
        """Check what the messages say by themselves; the rules are `post`'s."""
        contents = intake.contents
        device = contents.devices.get(fresh[0].header.author) if fresh else None
        previous = device.last_code if device is not None else None
        for entry in fresh:
            check_message(self._board, contents, entry)
            if entry.header.kind == Kind.BALLOT and device is not None:
                check_ballot(*self._judged_with(intake), entry, previous)
                previous = entry.header.code

    def _judged_with(self, intake: Intake) -> tuple[Setting, BallotContext]:
        setting = self._judging[0] if self._judging else None
        if setting is None or setting.contents is not intake.contents:
            setting = setting_of(intake.contents, lambda _: False)
            context = self._judging[1] if self._judging else setting.ballot_context
            if context is None:
                raise NotReadyError("there are no keys yet to judge a ballot with", remedy="end the ceremony first")
            self._judging = setting, context
        return self._judging  # type: ignore[return-value]  # set above where it was not

    def _place(self, intake: Intake, entry: Entry) -> tuple[int, int] | None:
        """Return index and offset of an entry on the board, None if just this entry is not there."""
        if entry.header.counter > intake.head(entry.header.author).counter:
            return None
        known = intake.contents.ballots.get(entry.header.code or b"")
        if known is not None and known.leaf_hash == entry.leaf_hash:
            return known.index, known.offset
        found = (event for event in scan(self._board) if isinstance(event, Logged))
        return next(((one.index, one.offset) for one in found if one.entry.leaf == entry.leaf), None)

    def _receipted(self, entry: Entry, place: tuple[int, int] | None) -> Receipted:
        if place is None:
            raise InternalError("an entry was committed and is not on the board")
        index, offset = place
        note = note_behind(self._board, offset)
        checkpoint = check_checkpoint(note, self._published.key)
        _, proof = TileReader(self._published.folder, checkpoint).proved(index)
        linked = encode(Linked(1, entry.leaf, None, ()))
        return Receipted(entry.leaf_hash, index, receipt_file((Proof(linked, index, proof, note),)).decode())


def _entries_of(data: bytes) -> tuple[Entry, ...]:
    """Return the entries of a message file, all of one author.

    Raises:
        DataError: It is none, or has too many.
    """
    entries = list[Entry]()
    for entry in read_message(BytesIO(data), body_limit, "message"):
        entries.append(entry)
        if len(entries) > MOST:
            raise DataError(f"more than {MOST} entries in one message", where="message", remedy="post them in parts")
    if len({entry.header.author for entry in entries}) != 1:
        raise DataError("not the entries of one author", where="message", remedy="post each author's by themselves")
    return tuple(entries)
