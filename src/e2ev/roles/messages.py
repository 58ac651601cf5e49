"""Message files: what roles hand to one another in folders (specs/record.md, "Messages")."""

from pathlib import Path
from typing import Any

from e2ev.board.contents import Contents
from e2ev.board.ledger import Ledger
from e2ev.errors import DataError, E2evError
from e2ev.record.codec import decode
from e2ev.record.entry import Entry, check_body, check_header_signature, read_message
from e2ev.record.kinds import KINDS, Kind, body_limit

SUFFIX = ".e2ev"
_OF_THE_CEREMONY = (Kind.TRUSTEE_KEYS, Kind.SHARES, Kind.ACCEPTANCE, Kind.COMPLAINT)
_OF_DECRYPTION = (Kind.COMMITMENTS, Kind.OPENINGS, Kind.RESPONSES)


def read_messages(path: Path) -> tuple[Entry, ...]:
    """Return the entries in a message file.

    Raises:
        DataError: It is no message file, or damaged.
    """
    try:
        with path.open("rb") as stream:
            return tuple(read_message(stream, body_limit, str(path)))
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path), remedy="check the path") from error


def messages_in(places: tuple[Path, ...]) -> list[Path]:
    """Return all message files among these files, and in these folders and below, in order of their names."""
    found = (path for place in places for path in ((place,) if place.is_file() else place.rglob("*" + SUFFIX)))
    return sorted(found, key=lambda path: path.name)


def unposted(outbox: Path, ledger: Ledger) -> list[Path]:
    """Return the message files in an outbox that are not on the board yet, can still be posted, and are of use."""
    waiting = []
    for path in messages_in((outbox,)):
        try:
            entries = read_messages(path)
        except DataError:
            continue
        if any(_is_awaited(ledger, entry) for entry in entries):
            waiting.append(path)
    return waiting


def _is_awaited(ledger: Ledger, entry: Entry) -> bool:
    is_new = entry.header.counter > ledger.head(entry.header.author).counter
    return is_new and not is_outdated(ledger.held, entry)


def is_outdated(contents: Contents, entry: Entry) -> bool:
    """Return whether a trustee wrote an entry for an attempt, at the ceremony or at decryption, that was given up.

    Such a message is of no use to anybody. Where it was never posted, its counter may be taken by a later one.
    """
    kind, row = entry.header.kind, KINDS.get(entry.header.kind)
    now = contents.ceremony.number if kind in _OF_THE_CEREMONY else max(contents.attempts, default=0)
    if kind not in _OF_THE_CEREMONY + _OF_DECRYPTION or row is None or row.body is None:
        return False
    try:
        check_header_signature(entry.header, "header")
        check_body(entry, "body")
        body: Any = decode(row.body, entry.body, contents.group, "message").form
    except E2evError:
        return False
    return contents.seat_of(entry.header.author) is not None and bool(body.attempt < now)
