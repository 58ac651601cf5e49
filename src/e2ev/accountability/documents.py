"""What became of documents: asked for, published or refused, and how many days that took."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from e2ev.accountability.collection import Collection
from e2ev.accountability.observers import Document, State
from e2ev.errors import DataError


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a document, on a day, by somebody's word."""

    day: date
    state: State
    source: str
    words: str


@dataclass(frozen=True, slots=True)
class History:
    """Everything that is said of one document.

    Attributes:
        name: Of the document.
        station: Of which station; empty for one of the whole election.
        steps: By day.
    """

    name: str
    station: str
    steps: tuple[Step, ...]

    @property
    def last(self) -> State:
        """What was said of it last."""
        return self.steps[-1].state

    @property
    def days(self) -> int | None:
        """Days from the first request to the first answer after it; None where there is no request or no answer."""
        asked = next((step.day for step in self.steps if step.state == "requested"), None)
        answered = (step.day for step in self.steps if step.state != "requested" and asked and step.day >= asked)
        first = next(answered, None)
        return (first - asked).days if asked and first else None


def histories(collection: Collection) -> tuple[History, ...]:
    """Return the history of every document, by station and name.

    Raises:
        DataError: A date is none of the calendar.
    """
    found: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for one in collection.of(Document):
        if isinstance(one.said, Document):
            said = one.said
            found[said.station, said.name].append(Step(_day(said.date, one.where), said.state, one.source, said.words))
    return tuple(
        History(name, station, tuple(sorted(steps, key=lambda step: step.day)))
        for (station, name), steps in sorted(found.items())
    )


def _day(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"{text} is no day of the calendar", where=where) from error


def in_words(history: History) -> Iterator[str]:
    """Yield what happened, step by step, and what is still open."""
    for step in history.steps:
        yield f"{step.state} on {step.day.isoformat()}"
    if history.last == "requested":
        yield "no answer"
    elif history.days is not None:
        yield f"after {history.days} days"
