"""Message files: what roles hand to one another in folders (specs/record.md, "Messages")."""

from pathlib import Path

from e2ev.board.ledger import Ledger
from e2ev.errors import DataError
from e2ev.record.entry import Entry, read_message
from e2ev.record.kinds import body_limit

SUFFIX = ".e2ev"


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
    """Return the message files in an outbox that are not on the board yet and can still be posted."""
    waiting = []
    for path in messages_in((outbox,)):
        try:
            entries = read_messages(path)
        except DataError:
            continue
        if any(entry.header.counter > ledger.head(entry.header.author).counter for entry in entries):
            waiting.append(path)
    return waiting
