"""The bodies of entries about stations (specs/record.md, kinds 15, 16, 52, 53)."""

from dataclasses import dataclass

from e2ev.hashing import Digest
from e2ev.record.bodies import Form
from e2ev.record.entry import Author


@dataclass(frozen=True, slots=True)
class StationAdmittedBody:
    """A polling place has a board of its own, whose log signs with this key."""

    form: Form
    unit: int
    log_key: Author


@dataclass(frozen=True, slots=True)
class HandoverBody:
    """A device goes on in the place of one that died, whose chain ends with this entry.

    Attributes:
        form: Of this body.
        device: The dead device's key.
        ballots: How many it posted.
        last_entry: Leaf hash of its last entry; zeros if it posted none.
        reason: For people.
    """

    form: Form
    device: Author
    ballots: int
    last_entry: Digest
    reason: str


@dataclass(frozen=True, slots=True)
class PaperTotal:
    """What was counted on paper in one contest, one number an option, in order."""

    contest: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PaperCountBody:
    """Ballots of one reporting unit were counted on paper. They are in no cell and no total of the tally.

    Attributes:
        form: Of this body.
        unit: Reporting unit index.
        ballots: How many were counted on paper.
        on_board: How many ballots of the unit stand on the board; no others come, and none is among `ballots`.
        totals: Of the contests whose totals are published; may be none.
        sheet: SHA-256 of the scanned result sheet, if it is published.
        reason: For people.
    """

    form: Form
    unit: int
    ballots: int
    on_board: int
    totals: tuple[PaperTotal, ...]
    sheet: Digest | None
    reason: str


@dataclass(frozen=True, slots=True)
class StationCheckpointBody:
    """The final checkpoint of a station's own board: the signed note, and size and root as it states them."""

    form: Form
    unit: int
    size: int
    root: Digest
    note: bytes
