"""What stands on a board, decoded: everything but the ballots' bodies, which are read again where they are needed.

Form alone is checked here. Who may post what, and when, stands in `rules`; whether it is true, in `verify`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar, cast

from e2ev import hashing
from e2ev.ballot import BallotContext
from e2ev.board.places import UNDECIDED, Ballots, Decisions
from e2ev.board.reader import Logged, open_board, read_logged
from e2ev.ceremony import Election, JointKeys, TrusteeKeys
from e2ev.errors import DataError, NotReadyError, RejectedError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.manifest import Manifest, read_manifest
from e2ev.record import bodies
from e2ev.record.codec import Unchecked, admit, decode
from e2ev.record.entry import Header
from e2ev.record.kinds import KINDS, Kind
from e2ev.sharing import TrusteeId

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Posted(Generic[T]):
    """An entry where it stands, with its decoded body."""

    index: int
    header: Header
    leaf_hash: bytes
    body: Unchecked[T]

    @property
    def where(self) -> str:
        """How findings and errors name the entry."""
        row = KINDS.get(self.header.kind)
        return f"entry {self.index} ({row.kind.name.lower().replace('_', ' ') if row else self.header.kind})"

    def admitted(self) -> T:
        """Return the body, all of whose residues are members and integers below q.

        Raises:
            RejectedError: Some are not.
        """
        return admit(self.body, self.where)


@dataclass(slots=True)
class Device:
    """An admitted device and what it has done."""

    admitted: Posted[bodies.DeviceAdmittedBody]
    ballots: int = 0
    last_code: bytes | None = None
    closed: Posted[bodies.DeviceClosedBody] | None = None
    replaced: Posted[bodies.DeviceReplacedBody] | None = None

    @property
    def unit(self) -> int:
        """The reporting unit that its ballots belong to."""
        return self.admitted.body.form.unit

    @property
    def name(self) -> str:
        """Its information string."""
        return self.admitted.body.form.information


@dataclass(slots=True)
class Attempt:
    """One attempt at decryption: the tally that decided it, and the trustees' three messages."""

    tally: Posted[bodies.TallyBody]
    commitments: dict[TrusteeId, Posted[bodies.CommitmentsBody]] = field(default_factory=dict)
    openings: dict[TrusteeId, Posted[bodies.OpeningsBody]] = field(default_factory=dict)
    responses: dict[TrusteeId, Posted[bodies.ResponsesBody]] = field(default_factory=dict)
    result: Posted[bodies.ResultBody] | None = None


@dataclass(slots=True)
class Ceremony:
    """One attempt at the key ceremony."""

    number: int
    keys: dict[TrusteeId, Posted[bodies.KeysBody]] = field(default_factory=dict)
    shares: dict[TrusteeId, Posted[bodies.SharesBody]] = field(default_factory=dict)
    acceptances: dict[TrusteeId, Posted[bodies.AcceptanceBody]] = field(default_factory=dict)
    complaint: Posted[bodies.ComplaintBody] | None = None


@dataclass(slots=True)
class Contents:
    """Everything on the board, in the order of its rules."""

    genesis: Posted[bodies.Genesis]
    group: Group
    manifest: Manifest
    id: bytes
    ceremonies: list[Ceremony] = field(default_factory=lambda: [Ceremony(1)])
    joint: Posted[bodies.JointKeysBody] | None = None
    rehearsals: dict[TrusteeId, Posted[bodies.RehearsalBody]] = field(default_factory=dict)
    devices: dict[bytes, Device] = field(default_factory=dict)
    opened: Posted[bodies.OpenBody] | None = None
    closed: Posted[bodies.CloseBody] | None = None
    ballots: Ballots = field(default_factory=Ballots)
    exclusions: dict[bytes, Posted[bodies.ExclusionBody]] = field(default_factory=dict)
    attempts: dict[int, Attempt] = field(default_factory=dict)
    opened_ballots: dict[bytes, Posted[bodies.OpenedBallotBody]] = field(default_factory=dict)
    decrypted_ballots: dict[bytes, Posted[bodies.DecryptedBallotBody]] = field(default_factory=dict)
    corrections: list[Posted[bodies.CorrectionBody]] = field(default_factory=list)
    policy: Posted[bodies.WitnessPolicyBody] | None = None
    unsupported: dict[str, int] = field(default_factory=dict)

    @property
    def decisions(self) -> Decisions:
        """What was decided about each ballot."""
        return self.ballots.decisions

    @property
    def seats(self) -> tuple[bodies.TrusteeSeat, ...]:
        """The trustees, in order."""
        return self.genesis.body.form.trustees

    @property
    def administrator(self) -> bytes:
        """The author of genesis."""
        return self.genesis.header.author

    @property
    def ceremony(self) -> Ceremony:
        """The attempt at the ceremony that is under way, or succeeded."""
        return self.ceremonies[-1]

    @property
    def election(self) -> Election:
        """The election, its hashes computed from the manifest and the pinned group."""
        genesis = self.genesis.body.form
        return Election.of(self.group, len(genesis.trustees), genesis.quorum, genesis.manifest)

    def seat_of(self, author: bytes) -> TrusteeId | None:
        """Return whose seat `author` has."""
        found = [i for i, seat in enumerate(self.seats, 1) if seat.author == author]
        return TrusteeId(found[0]) if found else None

    def trustee_keys(self) -> tuple[TrusteeKeys, ...]:
        """Return the messages of round 1 of all trustees, admitted, in order.

        Raises:
            NotReadyError: Some are missing.
            RejectedError: One has a value outside the group.
        """
        keys = self.ceremony.keys
        missing = [self.name_of(i) for i in self.election.everyone() if i not in keys]
        if missing:
            raise NotReadyError("keys are missing of " + ", ".join(missing), remedy="e2ev trustee keygen, by each")
        return tuple(keys[i].admitted().keys for i in self.election.everyone())

    def joint_keys(self) -> JointKeys:
        """Return K, K̂, H_G and H_E as the administrator posted them, admitted; verification 3 and 4 judge them.

        Raises:
            NotReadyError: They are not on the board yet.
        """
        if self.joint is None:
            raise NotReadyError("the joint keys are not on the board", remedy="the ceremony has to end first")
        body = self.joint.admitted()
        keys = {item.role: item.key for item in body.keys}
        if [item.role for item in body.keys] != ["vote", "data"]:
            raise RejectedError("joint keys are one for votes, then one for data", where=self.joint.where)
        return JointKeys(keys["vote"], keys["data"], body.trustee_record_hash, body.extended_hash)

    def ballot_context(self) -> BallotContext:
        """Return what ballots are made and judged with; the keys have tables."""
        keys = self.joint_keys()
        return BallotContext(self.manifest, keys.vote_key.prepared(), keys.data_key.prepared(), keys.extended_hash)

    def name_of(self, trustee: TrusteeId) -> str:
        """Return "trustee 3 (Aigul)"."""
        return f"trustee {trustee} ({self.seats[trustee - 1].name})"

    def decision(self, code: bytes) -> str:
        """Return a ballot's decision, "undecided" while it has none."""
        held = self.decisions.get(code)
        return held.decision if held else UNDECIDED

    def decision_counts(self) -> Counter[str]:
        """Return the number of ballots by decision."""
        return Counter(map(self.decisions.word, range(len(self.ballots))))

    def counted(self, code: bytes) -> bool:
        """Return whether the ballot counts: cast, and not excluded."""
        return self.decision(code) == "cast" and code not in self.exclusions

    def counted_ballots(self) -> int:
        """Return how many ballots count."""
        excluded = sum(code in self.ballots and self.decision(code) == "cast" for code in self.exclusions)
        return self.decision_counts()["cast"] - excluded

    def test_ballots(self) -> list[bytes]:
        """Return the codes of challenged ballots that are to be opened: those that no check excludes."""
        word = self.decisions.word
        challenged = (code for row, code in enumerate(self.ballots) if word(row) == "challenged")
        return [code for code in challenged if code not in self.exclusions]

    def closed_test_ballots(self) -> list[bytes]:
        """Return those that nobody has opened yet."""
        return [c for c in self.test_ballots() if c not in self.opened_ballots and c not in self.decrypted_ballots]

    def station(self, author: bytes) -> str:
        """Return the label of the reporting unit that a device belongs to."""
        return self.manifest.unit(self.devices[author].unit).label

    def latest_attempt(self) -> Attempt:
        """Return the attempt at decryption that counts.

        Raises:
            NotReadyError: None has been decided.
        """
        if not self.attempts:
            raise NotReadyError("no decryption has been decided", remedy="e2ev election tally")
        return self.attempts[max(self.attempts)]


def begin(first: Logged, groups: Sequence[Group] = STANDARD_GROUPS) -> Contents:
    """Return the contents of a board whose first entry this is.

    Args:
        first: The first entry.
        groups: Those that genesis may name; tests pass theirs here, and nothing else can.

    Raises:
        DataError: It is no genesis, or names an unknown group, or its manifest is malformed.
    """
    if first.entry.header.kind != Kind.GENESIS:
        raise DataError("the first entry of a board is genesis", where="entry 0")
    posted = cast(Posted[bodies.Genesis], decode_posted(first, None))
    genesis = posted.body.form
    named = [group for group in groups if group.name == genesis.group]
    if not named:
        names = ", ".join(group.name for group in groups)
        raise DataError(f"group {genesis.group} is unknown; known are {names}", where="entry 0")
    if not 1 <= genesis.quorum <= len(genesis.trustees):
        raise DataError("the quorum lies between 1 and the number of trustees", where="entry 0")
    manifest = read_manifest(genesis.manifest)
    return Contents(posted, named[0], manifest, hashing.election_identifier(first.entry.body))


def read_ballot(path: Path, contents: Contents, code: bytes) -> Unchecked[bodies.BallotBody]:
    """Return a ballot's body from the board file.

    Raises:
        DataError: No such ballot is on the board, the file changed, or the body does not decode.
    """
    place = contents.ballots.get(code)
    if place is None:
        raise DataError(f"ballot {code.hex()[:12]} is not on the board", where=str(path))
    with open_board(path) as stream:
        entry = read_logged(stream, place.offset, place.index, str(path))
    return decode(bodies.BallotBody, entry.body, contents.group, f"entry {place.index}")


def decode_posted(logged: Logged, group: Group | None) -> Posted[object]:
    """Return an entry with its body decoded.

    Raises:
        DataError: The body's form is wrong, or its kind has no body here.
    """
    header = logged.entry.header
    row = KINDS.get(header.kind)
    where = f"entry {logged.index}"
    if row is None or row.body is None:
        raise DataError(f"entries of kind {header.kind} cannot be read here", where=where)
    return Posted(logged.index, header, logged.entry.leaf_hash, decode(row.body, logged.entry.body, group, where))
