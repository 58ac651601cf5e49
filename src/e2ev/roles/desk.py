"""The board's desk: takes signed messages from whoever may post, and hands out a receipt once they are committed.

Meant for a hall's own network, or between machines of an administration. Not for internet voting to public office:
nobody sees who stands behind a voter at home, and no receipt changes that.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Self

from e2ev.ballot import BallotContext
from e2ev.board.contents import Contents
from e2ev.board.note import check_checkpoint
from e2ev.board.publish import Published
from e2ev.board.reader import Logged, scan
from e2ev.board.receipt import Linked, Proof, note_behind, receipt_file
from e2ev.board.tiles import TileReader
from e2ev.errors import DataError, E2evError, InternalError, NotReadyError, PolicyError, RejectedError, StorageError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record.codec import encode
from e2ev.record.entry import Entry, check_header_signature, read_message
from e2ev.record.kinds import Kind, body_limit
from e2ev.roles.examine import BallotJudge, LoneBallot, check_message, lone_ballot
from e2ev.roles.gathering import PATIENCE, Gathering, Place
from e2ev.roles.intake import Intake
from e2ev.verify.executors import Hands
from e2ev.verify.setting import setting_of

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
    """Takes message files in, from any thread, inside `with`: it is the one writer of the board meanwhile.

    Ballots are judged beside one another; what was found right is committed in groups (`roles.gathering`).

    Args:
        board: The board file, with the folder of its log beside it.
        published: Its static files, from which proofs are read.
        groups: Those that genesis may name: for tests alone.
        rate: Entries a second that one author may post in the long run.
        burst: Entries that it may post at once.
        clock: Seconds, rising.
        jobs: Processes that judge ballots; 1 for none but this one.
        patience: Seconds that posts wait for each other.
    """

    def __init__(
        self, board: Path, published: Published, groups: Sequence[Group] = STANDARD_GROUPS, *, rate: float = 2.0,
        burst: int = 64, clock: Callable[[], float] = time.monotonic, jobs: int = 1, patience: float = PATIENCE,
    ) -> None:  # fmt: skip
        self._board, self._published = board, published
        self._rate, self._burst, self._clock = rate, float(burst), clock
        self._left: dict[bytes, tuple[float, float]] = {}
        self._gathering = Gathering(lambda: Intake(board, groups), patience=patience)
        self._jobs = jobs
        self._context: BallotContext | None = None
        self._judge: BallotJudge | Hands[LoneBallot, E2evError | None] | None = None

    def __enter__(self) -> Self:
        self._gathering.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gathering.__exit__(kind, error, trace)
        if isinstance(self._judge, Hands):
            self._judge.dismiss()

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
        with self._gathering.looking() as intake:
            self._admit(intake, entries)
            ballots = self._checked(intake, entries)
        new = self._gathering.post(entries, lambda: self._judged(ballots)).places
        with self._gathering.looking() as intake:
            known = [new.get(entry.leaf_hash) or _ballot_place(intake, entry) for entry in entries]
        places = [place or self._found(entry) for place, entry in zip(known, entries, strict=True)]
        try:
            self._published.refresh()
            return tuple(map(self._receipted, entries, places))
        except RejectedError as error:  # what was committed was not refused: its receipt comes another time
            raise StorageError(error.found, where=error.where, remedy="look at the board's disk") from error

    def _admit(self, intake: Intake, entries: Sequence[Entry]) -> None:
        """Refuse authors who may not post, and those who post too fast."""
        author, contents = entries[0].header.author, intake.contents
        posting = {contents.administrator, *contents.devices, *contents.eligibility.registrars}
        if author not in posting and contents.seat_of(author) is None:
            who = f"author {author.hex()[2:18]}"
            raise UnknownAuthorError("nobody who may post on this board", culprit=who, remedy="admit the device first")
        now = self._clock()
        left, then = self._left.get(author, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        if left < len(entries):
            raise TooManyError((len(entries) - left) / self._rate)
        self._left[author] = (left - len(entries), now)

    def _checked(self, intake: Intake, entries: Sequence[Entry]) -> list[LoneBallot]:
        """Check what is quickly checked of new entries, and return the ballots that are still to be judged.

        What is said of the first new entry holds until it is admitted: its header names the entry before it, so
        whatever else its author has posted by then, it is refused or this very entry.
        """
        contents, author = intake.contents, entries[0].header.author
        fresh = [entry for entry in entries if entry.header.counter > intake.head(author).counter]
        device, ballots = contents.devices.get(author), list[LoneBallot]()
        if fresh:
            intake.examine(fresh[0])
        previous = device.last_code if device is not None else None
        for entry in fresh:
            check_message(self._board, contents, entry)
            if entry.header.kind == Kind.BALLOT and device is not None:
                ballots.append(lone_ballot(contents, self._context_of(contents), entry, previous))
                previous = entry.header.code
        return ballots

    def _context_of(self, contents: Contents) -> BallotContext:
        """Return what ballots are judged with, and make their judge ready; the keys are the last ones by then."""
        if self._context is None:
            context = setting_of(contents, lambda _: False).ballot_context
            if context is None or contents.opened is None:
                raise NotReadyError("there are no keys yet to judge a ballot with", remedy="end the ceremony first")
            judge = BallotJudge(context, contents.group)
            self._judge = Hands(self._jobs, judge) if self._jobs > 1 else judge
            self._context = context
        return self._context

    def _judged(self, ballots: Sequence[LoneBallot]) -> None:
        for ballot in ballots:
            error = self._judge(ballot) if self._judge is not None else None
            if error is not None:
                raise error

    def _found(self, entry: Entry) -> Place:
        """Return where an entry stands that was on the board before."""
        for event in scan(self._board):
            if isinstance(event, Logged) and event.entry.leaf == entry.leaf:
                return Place(event.index, event.offset)
        raise InternalError("an entry was committed and is not on the board")

    def _receipted(self, entry: Entry, place: Place) -> Receipted:
        note = note_behind(self._board, place.offset)
        checkpoint = check_checkpoint(note, self._published.key)
        _, proof = TileReader(self._published.folder, checkpoint).proved(place.index)
        linked = encode(Linked(1, entry.leaf, None, ()))
        receipt = receipt_file((Proof(linked, place.index, proof, note),)).decode()
        return Receipted(entry.leaf_hash, place.index, receipt)


def _ballot_place(intake: Intake, entry: Entry) -> Place | None:
    """Return where a ballot stands, None if the board has no such one, or this is none."""
    known = intake.contents.ballots.get(entry.header.code or b"")
    return Place(known.index, known.offset) if known is not None and known.leaf_hash == entry.leaf_hash else None


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
