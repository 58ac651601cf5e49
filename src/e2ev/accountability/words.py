"""Statements of observers in one line of words, for a terminal and for lists."""

from e2ev.accountability.observers import Begun, Document, Door, Incident, Statement
from e2ev.accountability.times import text_of


def in_words(said: Statement) -> str:
    """Return a statement in one line."""
    if isinstance(said, Begun):
        return f"{said.title}, observed by {said.source}"
    if isinstance(said, Door):
        return f"station {said.station}: {said.people:,} people went in, {text_of(said.since)} to {text_of(said.until)}"
    if isinstance(said, Incident):
        return f"station {said.station}: {said.what}, {text_of(said.at)}{_after(said.words)}"
    if isinstance(said, Document):
        where = f"station {said.station}: " if said.station else ""
        return f"{where}{said.name}: {said.state} on {said.date}{_after(said.words)}"
    numbers = [f"{one.option} {_number(one.votes)}" for one in said.votes]
    numbers += [f"{one.figure} {_number(one.number)}" for one in said.figures]
    kind = "at least" if said.at_least else "sheet"
    photo = f" (photograph {said.photo.hex()[:8]})" if said.photo else ""
    return f"station {said.station}: {kind}, {said.contest}: {', '.join(numbers)}{photo}"


def _number(value: int | None) -> str:
    return "unreadable" if value is None else f"{value:,}"


def _after(words: str) -> str:
    return f": {words}" if words else ""
