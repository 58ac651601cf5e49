"""What a channel says of a polling station: a result sheet, with blanks where nothing was read (specs/channels.md).

Everything about results on paper stands on these values: reconciliation, screening, audits, observers' sheets. They
know nothing of keys or boards, so they serve an election that has neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NewType

from e2ev.errors import DataError

StationId = NewType("StationId", str)
"""A polling station as the commission numbers it: text, because leading zeros count."""

MAX_COUNT = 100_000_000
"""No sheet of one station has a larger number; a larger one was wrapped, or belongs elsewhere."""


class Figure(Enum):
    """What a sheet counts beside the votes."""

    REGISTERED = "registered"
    CHECKED_IN = "checked in"
    BALLOTS = "ballots"
    INVALID = "invalid"
    UNUSED = "unused"
    TURNOUT = "turnout"
    """Who had come by the hour of the sheet, as somebody announced it: it bounds nothing, and is no check-in."""


class Reading(Enum):
    """How a channel's numbers got into its file; only what a machine wrote or two people typed can dispute."""

    MACHINE = "machine"
    TYPED = "typed"
    TYPED_TWICE = "typed twice"
    OCR = "ocr"


@dataclass(frozen=True, slots=True)
class Channel:
    """A way on which results travel.

    Attributes:
        name: For people: "tape", "card", "transmission", "observers".
        origin: Who or what first made the numbers. Channels of one origin are copies of one source.
        reading: How they got into the file.
        partial: Whether it is expected from some stations only, so that a missing sheet is no finding.
    """

    name: str
    origin: str
    reading: Reading = Reading.MACHINE
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Contest:
    """What is voted on at a station.

    Attributes:
        label: Of the contest.
        options: Labels of its options, in the order of the ballot.
        limit: The most votes that one ballot holds.
    """

    label: str
    options: tuple[str, ...]
    limit: int = 1


@dataclass(frozen=True, slots=True)
class Station:
    """A polling station that has to report.

    Attributes:
        id: Its number.
        name: For people.
        area: The district or region that it belongs to.
        registered: Size of its frozen register; None where nobody has it.
        contests: Labels of those that are voted on there; empty for all.
    """

    id: StationId
    name: str = ""
    area: str = ""
    registered: int | None = None
    contests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slate:
    """What an election's results are about: its contests, and the stations that have to report.

    Attributes that do not explain themselves:
        election: Id of the election on its board, hex; empty where there is no board.
    """

    title: str
    contests: tuple[Contest, ...]
    stations: tuple[Station, ...]
    election: str = ""
    _by_label: Mapping[str, Contest] = field(init=False, repr=False, compare=False)
    _by_id: Mapping[StationId, Station] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_label", {contest.label: contest for contest in self.contests})
        object.__setattr__(self, "_by_id", {station.id: station for station in self.stations})
        if len(self._by_label) < len(self.contests) or len(self._by_id) < len(self.stations):
            raise DataError("a contest or a station stands twice in the slate", where=self.title)

    def contest(self, label: str) -> Contest:
        """Return a contest by its label; KeyError if there is none."""
        return self._by_label[label]

    def station(self, station: StationId) -> Station | None:
        """Return a station by its number; None if it is not on the slate."""
        return self._by_id.get(station)

    def contests_at(self, station: StationId) -> tuple[Contest, ...]:
        """Return what is voted on at a station: all contests, unless the slate says which."""
        known = self._by_id.get(station)
        if known is None or not known.contests:
            return self.contests
        return tuple(self._by_label[label] for label in known.contests)


@dataclass(frozen=True, slots=True)
class Seal:
    """The signed statement with which a station closed, as far as comparing sheets needs it.

    Attributes:
        station: Whose it is, by its own words.
        election: Which one, likewise: its id in hex.
        size: Entries under the checkpoint.
        root: Their Merkle root, hex.
        text: SHA-256 of everything that is signed, hex.
        flaw: Why it is not believed; empty if the station's own key signed it.
        closing: Whether it says that it is the last; a checkpoint of a running board does not.
        roots: Other sizes of the same board and their roots, where the board itself is there to compute them.
    """

    station: StationId
    election: str
    size: int
    root: str
    text: str
    flaw: str = ""
    closing: bool = True
    roots: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one channel says of one station.

    Attributes:
        station: Whose sheet it is.
        votes: By contest, one number an option in the slate's order; None where it is blank or cannot be read.
        figures: What else it counts; None likewise.
        at: When the sheet arrived, or of which hour it speaks; with a time zone.
        image: Path or address of a photograph or scan.
        where: File and row, for findings.
        seal: The signed statement on it.
    """

    station: StationId
    votes: Mapping[str, tuple[int | None, ...]]
    figures: Mapping[Figure, int | None] = field(default_factory=dict)
    at: datetime | None = None
    image: str = ""
    where: str = ""
    seal: Seal | None = None

    def is_blank(self) -> bool:
        """Return whether nothing on it can be read."""
        numbers = [*self.figures.values(), *(count for counts in self.votes.values() for count in counts)]
        return all(number is None for number in numbers)

    def total(self, contest: str) -> int | None:
        """Return the votes of a contest; None unless every option has a number."""
        counts = self.votes.get(contest, ())
        known = [count for count in counts if count is not None]
        return sum(known) if counts and len(known) == len(counts) else None


@dataclass(frozen=True, slots=True)
class Delivery:
    """Everything that came on one channel.

    Attributes:
        channel: Which one.
        sheets: In the order of the file; a station may have several.
        digest: SHA-256 of the file's bytes, hex; of several files, of their digests in order.
    """

    channel: Channel
    sheets: tuple[Sheet, ...]
    digest: str = ""
