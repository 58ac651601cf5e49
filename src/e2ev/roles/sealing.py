"""How a device turns choices into a signed entry: at once, or from a template that was prepared while it was idle."""

from dataclasses import dataclass, field, replace

from e2ev import ballot, chaining, prepared
from e2ev.ballot import BallotContext, EncryptedBallot, PlainBallot
from e2ev.group import SYSTEM_RANDOMNESS, Element, Randomness
from e2ev.prepared import Template
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.entry import Entry, Pen
from e2ev.record.kinds import Kind


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device stands in its chain of codes."""

    context: BallotContext
    device_hash: bytes
    last_code: bytes | None

    @property
    def chaining(self) -> bytes:
        """B_C of the device's next ballot."""
        mode = self.context.manifest.chaining
        return chaining.chaining_field(mode, self.context.extended_hash, self.device_hash, self.last_code)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ballot as its entry, its code, the place after it, and the commitments of its proofs."""

    entry: Entry
    code: bytes
    place: Place
    commitments: tuple[Element, ...] = field(repr=False)


def seal(
    pen: Pen,
    plain: PlainBallot,
    place: Place,
    randomness: Randomness = SYSTEM_RANDOMNESS,
    template: Template | None = None,
) -> Sealed:
    """Return the signed entry of a ballot, and the place of the next one."""
    kept: list[Element] = []
    if template is None:
        made, _ = ballot.encrypt_ballot(
            place.context, plain, pen.author, pen.counter, place.chaining, randomness, kept.extend
        )
    else:
        made = prepared.seal(place.context, template, plain, place.chaining, kept.extend)
    return posted(pen, made, place, tuple(kept))


def posted(pen: Pen, made: EncryptedBallot, place: Place, commitments: tuple[Element, ...]) -> Sealed:
    """Return an encrypted ballot as its signed entry."""
    entry, _ = pen.write(Kind.BALLOT, encode(bodies.BallotBody(1, made)), made.code)
    return Sealed(entry, made.code, replace(place, last_code=made.code), commitments)
