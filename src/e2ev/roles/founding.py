"""What an election is founded on, and the genesis that says so."""

from dataclasses import dataclass

from e2ev import ceremony
from e2ev.board.contents import Contents
from e2ev.board.note import NoteKey
from e2ev.errors import ConflictError, DataError
from e2ev.group import P4096, Group
from e2ev.manifest import read_manifest
from e2ev.record import bodies
from e2ev.record.kinds import ELIGIBILITY
from e2ev.roles.card import Card
from e2ev.signing import SigningKey
from e2ev.verify.setting import SPECIFICATION


@dataclass(frozen=True, slots=True)
class Founding:
    """What an election is founded on.

    Attributes:
        manifest: The manifest file's bytes.
        trustees: Their cards, in the order of their seats.
        quorum: k.
        group: The group; the 4096-bit one unless the 3072-bit one is chosen.
        origin: Name of the log.
        spare: Whether k < n is demanded: then one trustee may be lost.
        features: Parts beyond the core that the election may use.
        segment_size: The most bytes of a file of the board; 0 for one file however large.
    """

    manifest: bytes
    trustees: tuple[Card, ...]
    quorum: int
    origin: str
    group: Group = P4096
    spare: bool = True
    features: tuple[str, ...] = ()
    segment_size: int = 0

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts beyond the core that genesis names: those wanted, and the one that the manifest asks for."""
        asked = (ELIGIBILITY,) if read_manifest(self.manifest).eligibility is not None else ()
        return (*self.features, *(part for part in asked if part not in self.features))


def genesis_body(founding: Founding, log_key: bytes, salt: bytes) -> bodies.Genesis:
    """Return the genesis of an election.

    Raises:
        ManifestError: The manifest is malformed.
    """
    read_manifest(founding.manifest)
    group = founding.group
    election = ceremony.Election.of(group, len(founding.trustees), founding.quorum, founding.manifest)
    return bodies.Genesis(
        1, SPECIFICATION, group.name,
        group.p.to_bytes(group.element_bytes, "big"), group.q.to_bytes(group.scalar_bytes, "big"),
        group.g.to_bytes(group.element_bytes, "big"),
        founding.quorum, tuple(bodies.TrusteeSeat(card.name, card.author) for card in founding.trustees),
        election.parameter_hash, election.base_hash, founding.manifest, founding.parts, founding.origin, log_key,
        salt,
    )  # fmt: skip


def check_founding(founding: Founding) -> None:
    """Check that an election can be founded so.

    Raises:
        ConflictError: Two trustees have one key or name, or k = n without consent.
        DataError: The log cannot be named so.
    """
    count = len(founding.trustees)
    if not 1 <= founding.quorum <= count:
        raise ConflictError(f"a quorum of {founding.quorum} with {count} trustees", remedy="choose 1 <= k <= n")
    if founding.spare and founding.quorum == count:
        raise ConflictError(
            f"all {count} trustees would be needed: one lost key would void the election",
            remedy="choose a smaller quorum, or say --no-spare",
        )
    authors, names = {card.author for card in founding.trustees}, {card.name for card in founding.trustees}
    if len(authors) < count or len(names) < count:
        raise ConflictError("two trustees have one key or one name", remedy="give one card of each trustee")
    try:
        NoteKey(founding.origin, SigningKey.generate().verify_key)
    except ValueError as error:
        raise DataError(
            f"{founding.origin!r} cannot name a log", remedy="choose a name without spaces and +, such as a web address"
        ) from error


def is_founded_so(contents: Contents, founding: Founding) -> bool:
    """Return whether a board is the one of this founding."""
    genesis = contents.genesis.body.form
    seats = tuple(bodies.TrusteeSeat(card.name, card.author) for card in founding.trustees)
    held = (genesis.manifest, genesis.trustees, genesis.quorum, genesis.group, genesis.log_origin, genesis.features)
    return held == (
        founding.manifest, seats, founding.quorum, founding.group.name, founding.origin, founding.parts,
    )  # fmt: skip
