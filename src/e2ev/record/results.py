"""The bodies of entries about announced results (specs/record.md, kind 61)."""

from dataclasses import dataclass
from typing import Literal

from e2ev.hashing import Digest
from e2ev.record.bodies import Form


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares as they were shown to people, one an option, in basis points: of all votes in the line, or its ballots."""

    of: Literal["votes", "ballots"]
    points: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Turnout:
    """How many people voted of how many on the register, and the share as it was shown, in basis points."""

    registered: int
    voted: int
    points: int


@dataclass(frozen=True, slots=True)
class AnnouncedLine:
    """What is announced of one contest and one group of reporting units, up to now.

    Attributes:
        contest: Index of the contest.
        origin: Whether this is of ballots on the board, decrypted, or of paper counts; the two are never added up.
        group: What the line is about, for people. Contest, origin and group name the series that it goes on with.
        of: How many reporting units the group has, counted or not.
        units: Those of which everything is in the counts, increasing.
        ballots: How many ballots that is.
        counts: One for each option, in order.
        shares: As they were shown, if they were.
    """

    contest: int
    origin: Literal["board", "paper"]
    group: str
    of: int
    units: tuple[int, ...]
    ballots: int
    counts: tuple[int, ...]
    shares: Shares | None

    @property
    def series(self) -> tuple[int, str, str]:
        """What the line goes on with, announcement after announcement."""
        return self.contest, self.origin, self.group


@dataclass(frozen=True, slots=True)
class AnnouncedResultBody:
    """A result as it was announced at one time: a page of results, as an entry.

    Attributes:
        form: Of this body.
        number: Of the announcement, from 1.
        as_of: Day and time of day, with its distance from UTC: 2027-05-06T22:40+06:00.
        lines: What is announced.
        turnout: As it was announced, if it was.
        supersedes: Leaf hash of the announcement that this one corrects; nil if it corrects none.
        reason: Of the correction, for people.
    """

    form: Form
    number: int
    as_of: str
    lines: tuple[AnnouncedLine, ...]
    turnout: Turnout | None
    supersedes: Digest | None
    reason: str
