"""One state machine over a board's entries, for its intake and for the verifier (specs/record.md, "Rules").

Entries come in one after another. What the rules have against one comes back as objections; such an entry is not
taken in.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from e2ev.board.contents import Contents, begin, decode_posted, station_of
from e2ev.board.log import Head
from e2ev.board.objections import Objection, name_of
from e2ev.board.reader import Committed, Damaged, Logged, first_origin, scan
from e2ev.board.rules import RULES, ballot_rule
from e2ev.board.stations import device_entry
from e2ev.board.taking import TAKES, take_ballot
from e2ev.errors import DataError, E2evError, RejectedError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record.entry import NO_ENTRY, Entry, check_body, check_header_signature
from e2ev.record.kinds import KINDS, Kind

_SEE_VERIFY = "e2ev verify says everything that is wrong with the board"


class Ledger:
    """The contents of a board so far, and where each author stands.

    Args:
        groups: Those that genesis may name.
        disabled: Checks that are left out: for controls of test vectors alone.
        origin: Name on the board's checkpoints (`reader.first_origin`): whether it is a station's own board.

    Attributes:
        contents: None before genesis.
    """

    def __init__(
        self, groups: Sequence[Group] = STANDARD_GROUPS, disabled: frozenset[str] = frozenset(), origin: str = ""
    ) -> None:
        self.contents: Contents | None = None
        self._groups = groups
        self._disabled = disabled
        self._origin = origin
        self._heads: dict[bytes, Head] = {}

    def take(self, logged: Logged) -> list[Objection]:
        """Take in an entry, or return what speaks against it; a signed one moves its author's chain either way."""
        objections, take = self.examine(logged)
        if not objections:
            take()
        elif all(objection.check != "B.3" for objection in objections):
            self._moved(logged.entry)
        return objections

    def remember(self, logged: Logged) -> None:
        """Take in an entry that was examined before and allowed: nothing is asked again."""
        if self.contents is None:
            self._genesis(logged)[1]()
            return
        _, take = _inside(self.contents, logged)
        take()
        self._moved(logged.entry)

    def examine(self, logged: Logged) -> tuple[list[Objection], Callable[[], None]]:
        """Return what speaks against an entry, and what takes it in if nothing does."""
        entry = logged.entry
        objections = self._kept(outside_objections(entry))
        if objections:
            return objections, _nothing
        if self.contents is None:
            return self._genesis(logged)
        objections = self._kept(self._chain(entry, self.contents))
        if objections:
            return objections, _nothing
        objecting, take = _inside(self.contents, logged)

        def take_in() -> None:
            self._moved(entry)
            take()

        return self._kept(objecting), take_in

    def _moved(self, entry: Entry) -> None:
        author = entry.header.author
        self._heads[author] = Head(entry.header.counter, entry.leaf_hash)
        device = self.contents.devices.get(author) if self.contents else None
        station = self.contents.stations.get(device.unit) if self.contents and device else None
        if station is not None:
            station.tree = station.tree.append(entry.leaf_hash)

    def _kept(self, objections: Iterable[Objection]) -> list[Objection]:
        return [objection for objection in objections if objection.check not in self._disabled]

    @property
    def held(self) -> Contents:
        """The contents of a board that has its genesis.

        Raises:
            DataError: It has none.
        """
        if self.contents is None:
            raise DataError("the board has no genesis")
        return self.contents

    def head(self, author: bytes) -> Head:
        """Return an author's last entry."""
        return self._heads.get(author, Head(0, NO_ENTRY))

    def _genesis(self, logged: Logged) -> tuple[list[Objection], Callable[[], None]]:
        header = logged.entry.header
        try:
            contents = begin(logged, self._groups)
        except E2evError as error:
            return [Objection("R.1", str(error))], _nothing
        objections = []
        if header.election != NO_ENTRY or header.counter != 1 or header.previous != NO_ENTRY:
            objections = self._kept([Objection("B.5", "genesis names no election and starts its author's chain")])
        authors = [header.author, *(seat.author for seat in contents.seats)]
        if len(set(authors)) < len(authors):
            objections += self._kept([Objection("B.7", "two seats, or a seat and the administrator, have one key")])

        def take() -> None:
            self.contents = contents
            contents.heads = self._heads
            contents.own = station_of(contents.genesis.body.form.log_origin, self._origin)
            self._moved(logged.entry)

        return objections, take

    def _chain(self, entry: Entry, contents: Contents) -> Iterator[Objection]:
        header, head = entry.header, self.head(entry.header.author)
        if header.election != contents.id:
            yield Objection("B.6", "the entry belongs to another election")
        if header.counter != head.counter + 1 or header.previous != head.leaf_hash:
            who = name_of(contents, header.author)
            found = f"{who} has entry {header.counter} after {head.counter} here, or its chain does not continue"
            yield Objection("B.5", found)  # no culprit: the author may have skipped entries, or the board left them out


def read_ledger(path: Path, groups: Sequence[Group] = STANDARD_GROUPS) -> Ledger:
    """Return the ledger of a board whose every entry the rules allow, up to its last checkpoint.

    Raises:
        RejectedError: One is not allowed, or damaged; `e2ev verify` says everything that is wrong.
        DataError: This is no board.
    """
    ledger, waiting = Ledger(groups, origin=first_origin(path)), list[Logged]()
    for event in scan(path):
        if isinstance(event, Logged):
            waiting.append(event)
        elif isinstance(event, Committed):
            _take_all(ledger, waiting)
            waiting.clear()
        elif isinstance(event, Damaged) and event.before_commit:
            raise RejectedError(event.error.found, where=event.error.where, remedy=_SEE_VERIFY)
    return ledger


def _take_all(ledger: Ledger, entries: Iterable[Logged]) -> None:
    for logged in entries:
        if objections := ledger.take(logged):
            first, where = objections[0], f"entry {logged.index}"
            raise RejectedError(first.found, where=where, culprit=first.culprit, remedy=_SEE_VERIFY)


def read_contents(path: Path, groups: Sequence[Group] = STANDARD_GROUPS) -> Contents:
    """Return what stands on a board whose every entry the rules allow; errors as in `read_ledger`."""
    return read_ledger(path, groups).held


def outside_objections(entry: Entry) -> Iterator[Objection]:
    """Yield what can be said without knowing the election: about the signature, the body, the code beside it."""
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


def _inside(contents: Contents, logged: Logged) -> tuple[Iterable[Objection], Callable[[], None]]:
    """Return what the rules of the election say of an entry, and what takes it in."""
    header = logged.entry.header
    row = KINDS.get(header.kind)
    if row is None:
        return [Objection("R.2", f"entry kind {header.kind} is unknown")], _nothing
    if row.body is None:
        return (), lambda: contents.unsupported.update({row.feature: contents.unsupported.get(row.feature, 0) + 1})
    if row.feature and row.feature not in contents.genesis.body.form.features:
        return [Objection("R.2", f"an entry of the part {row.feature}, which genesis does not name")], _nothing
    placed = device_entry(contents, logged)
    if header.kind == Kind.BALLOT:
        return chain(placed, ballot_rule(contents, logged)), lambda: take_ballot(contents, logged)
    try:
        posted = decode_posted(logged, contents.group)
    except DataError as error:
        return [Objection("R.1", str(error), name_of(contents, header.author))], _nothing
    kind = Kind(header.kind)
    return chain(placed, RULES[kind](contents, posted)), lambda: TAKES[kind](contents, posted)


def _nothing() -> None:
    """Take nothing in: an entry that cannot be read changes nothing."""
