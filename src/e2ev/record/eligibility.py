"""The bodies of entries about who may vote (specs/record.md, kinds 17, 23, 50, 51, 59, 60)."""

from dataclasses import dataclass
from typing import Annotated

from e2ev.hashing import Digest
from e2ev.record.bodies import Form
from e2ev.record.entry import Author

WHOLE = 0
"""The unit of a registrar of the whole election."""

Signature = Annotated[bytes, 64]
"""An Ed25519 signature by a key of the roll."""


@dataclass(frozen=True, slots=True)
class RegistrarAdmittedBody:
    """Somebody says who may vote.

    Attributes:
        form: Of this body.
        name: For people.
        author: The registrar's key.
        unit: Reporting unit whose check-in desk it is; 0 for the whole election.
    """

    form: Form
    name: str
    author: Author
    unit: int


@dataclass(frozen=True, slots=True)
class AuthorizationBody:
    """A voter wants a ballot to count.

    Attributes:
        form: Of this body.
        ballot: Its confirmation code.
        row: The voter's row of the roll, from 0.
        signatures: One for each registrar, in the order of the row's keys.
    """

    form: Form
    ballot: Digest
    row: int
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class RollSection:
    """Rows of voters alike, in random order.

    Attributes:
        style: Ballot style.
        unit: Reporting unit.
        weight: Weight of their ballots.
        keys: Row after row, one Ed25519 key of 32 bytes for each registrar, in the order of their admission.
    """

    style: int
    unit: int
    weight: int
    keys: bytes


@dataclass(frozen=True, slots=True)
class RollBody:
    """A part of the roll.

    Attributes:
        form: Of this body.
        first: Number of its first row: how many stand in the parts before it.
        sections: By style, unit and weight, increasing.
    """

    form: Form
    first: int
    sections: tuple[RollSection, ...]


@dataclass(frozen=True, slots=True)
class CheckInBody:
    """How many people came to a polling place, stated by its desk when voting is over there.

    Attributes:
        form: Of this body.
        unit: Reporting unit.
        registered: Size of its register.
        checked_in: How many were let to vote.
        matched: Those of them whom the device for identification knew.
        override: Those whom the desk let in though the device did not.
        refused: How many were turned away.
        root: Merkle root of the salted identifiers of those who were let to vote.
    """

    form: Form
    unit: int
    registered: int
    checked_in: int
    matched: int
    override: int
    refused: int
    root: Digest


@dataclass(frozen=True, slots=True)
class RegisteredUnit:
    """How many are registered at one reporting unit, and the Merkle root of their salted identifiers."""

    unit: int
    size: int
    root: Digest


@dataclass(frozen=True, slots=True)
class RegisterBody:
    """The register as it is before voting opens, unit by unit, increasing."""

    form: Form
    units: tuple[RegisteredUnit, ...]


@dataclass(frozen=True, slots=True)
class RollEndorsedBody:
    """A registrar has compared the roll with what it knows: its number of rows, and its Merkle root."""

    form: Form
    rows: int
    root: Digest
