"""One state machine over a board's entries, for its intake and for the verifier: `Ledger.take` (specs/record.md, "Rules").

Entries come in one after another. What the rules have against one comes back as objections; such an entry is not
taken in.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from e2ev.board.contents import Contents, begin, decode_posted
from e2ev.board.log import Head
from e2ev.board.reader import Logged, scan
from e2ev.board.rules import RULES, Objection, ballot_rule, name_of, take_ballot
from e2ev.errors import DataError, E2evError, RejectedError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record.entry import NO_ENTRY, Entry, check_body, check_header_signature
from e2ev.record.kinds import KINDS, Kind


class Ledger:
    """The contents of a board so far, and where each author stands.

    Attributes:
        contents: None before genesis.
    """

    def __init__(self, groups: Sequence[Group] = STANDARD_GROUPS) -> None:
        self.contents: Contents | None = None
        self._groups = groups
        self._heads: dict[bytes, Head] = {}

    def take(self, logged: Logged) -> list[Objection]:
        """Take in an entry, or return what speaks against it."""
        objections = list(_outside(logged.entry))
        if objections:
            return objections
        if self.contents is None:
            return self._genesis(logged)
        objections = list(self._chain(logged.entry, self.contents))
        self._heads[logged.entry.header.author] = Head(logged.entry.header.counter, logged.entry.leaf_hash)
        return objections or _inside(self.contents, logged)

    def head(self, author: bytes) -> Head:
        """Return an author's last entry."""
        return self._heads.get(author, Head(0, NO_ENTRY))

    def _genesis(self, logged: Logged) -> list[Objection]:
        header = logged.entry.header
        try:
            self.contents = begin(logged, self._groups)
        except E2evError as error:
            return [Objection("R.1", str(error))]
        self._heads[header.author] = Head(header.counter, logged.entry.leaf_hash)
        if header.election != NO_ENTRY or header.counter != 1 or header.previous != NO_ENTRY:
            return [Objection("B.5", "genesis names no election and starts its author's chain")]
        return []

    def _chain(self, entry: Entry, contents: Contents) -> Iterator[Objection]:
        header, head = entry.header, self.head(entry.header.author)
        if header.election != contents.id:
            yield Objection("B.6", "the entry belongs to another election")
        if header.counter != head.counter + 1 or header.previous != head.leaf_hash:
            who = name_of(contents, header.author)
            found = f"{who} posts its entry {header.counter} after {head.counter}, or its chain does not continue"
            yield Objection("B.5", found, who)


def read_ledger(path: Path, groups: Sequence[Group] = STANDARD_GROUPS) -> Ledger:
    """Return the ledger of a board whose every entry the rules allow.

    Raises:
        RejectedError: One is not allowed; `e2ev verify` says everything that is wrong.
        DataError: This is no board.
    """
    ledger = Ledger(groups)
    for event in scan(path):
        if isinstance(event, Logged) and (objections := ledger.take(event)):
            first = objections[0]
            raise RejectedError(first.found, where=f"entry {event.index}", culprit=first.culprit,
                                remedy="e2ev verify says everything that is wrong with the board")  # fmt: skip
    if ledger.contents is None:
        raise DataError("the board is empty", where=str(path))
    return ledger


def _outside(entry: Entry) -> Iterator[Objection]:
    """What can be said without knowing the election: signature, body, the code beside it."""
    try:
        check_header_signature(entry.header, "header")
    except E2evError as error:
        yield Objection("B.3", error.found)
    try:
        check_body(entry, "body")
    except E2evError as error:
        yield Objection("B.4", error.found)
    if (entry.header.code is not None) != (entry.header.kind == Kind.BALLOT):
        yield Objection("B.4", "ballots have a confirmation code in their header, and nothing else has")


def _inside(contents: Contents, logged: Logged) -> list[Objection]:
    """What the rules of the election say: who posts, whether the body reads, whether it is time."""
    header = logged.entry.header
    row = KINDS.get(header.kind)
    if row is None:
        return [Objection("R.2", f"entry kind {header.kind} is unknown")]
    if row.body is None:
        contents.unsupported[row.feature] = contents.unsupported.get(row.feature, 0) + 1
        return []
    if logged.entry.header.kind == Kind.BALLOT:
        return _apply(ballot_rule(contents, logged), lambda: take_ballot(contents, logged))
    try:
        posted = decode_posted(logged, contents.group)
    except DataError as error:
        return [Objection("R.1", str(error), name_of(contents, header.author))]
    judge, take = RULES[Kind(header.kind)]
    return _apply(judge(contents, posted), lambda: take(contents, posted))


def _apply(objections: Iterator[Objection], take: Callable[[], None]) -> list[Objection]:
    found = list(objections)
    if not found:
        take()
    return found
