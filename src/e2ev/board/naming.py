"""Whose board it is: the log that a board's first entries name (specs/board.md, "Stations")."""

from contextlib import suppress

from e2ev.board.contents import station_origin
from e2ev.board.note import NoteKey
from e2ev.errors import DataError, RejectedError
from e2ev.record import bodies
from e2ev.record.codec import decode
from e2ev.record.entry import Entry, key_of
from e2ev.record.kinds import Kind
from e2ev.record.stations import StationAdmittedBody


class Naming:
    """What the entries under a board's first checkpoint say of its log: genesis, and stations with boards of their own.

    A station's board begins with entries of the national one. The checkpoint's first line tells whose board it is.
    """

    def __init__(self) -> None:
        self._genesis: bodies.Genesis | None = None
        self._stations: dict[str, bytes] = {}

    @property
    def national(self) -> str:
        """Name of the log of genesis; empty before it."""
        return self._genesis.log_origin if self._genesis is not None else ""

    def take(self, entry: Entry, index: int, where: str) -> None:
        """Take in the board's next entry.

        Raises:
            DataError: The first one is no genesis, or cannot be read.
        """
        if index == 0:
            if entry.header.kind != Kind.GENESIS:
                raise DataError("the first entry of a board is genesis", where=f"{where}, entry 0")
            self._genesis = decode(bodies.Genesis, entry.body, None, f"{where}, entry 0").form
        elif entry.header.kind == Kind.STATION_ADMITTED and self._genesis is not None:
            with suppress(DataError):  # whoever judges the entry says what is wrong with it
                body = decode(StationAdmittedBody, entry.body, None, where).form
                self._stations.setdefault(station_origin(self._genesis.log_origin, body.unit), body.log_key)

    def origin_of(self, author: bytes) -> str:
        """Return the name of the log whose key an author is; empty if no entry so far names it."""
        if self._genesis is not None and self._genesis.log_key == author:
            return self._genesis.log_origin
        return next((origin for origin, key in self._stations.items() if key == author), "")

    def log(self, note: bytes, where: str) -> NoteKey:
        """Return the log's key, given the first checkpoint.

        Raises:
            DataError: Its name or key is no good one.
            RejectedError: There is no genesis before the checkpoint.
        """
        if self._genesis is None:
            raise RejectedError("a checkpoint before genesis", where=where)
        origin = note.partition(b"\n")[0].decode("utf-8", "replace")
        key = self._stations.get(origin)
        name, key = (self._genesis.log_origin, self._genesis.log_key) if key is None else (origin, key)
        try:
            return NoteKey(name, key_of(key))
        except ValueError as error:
            raise DataError(f"the log's name or key cannot sign notes: {error}", where=where) from error
