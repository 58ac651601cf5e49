"""What stands on a board, decoded: everything but the ballots' bodies, which are read again where they are needed.

Form alone is checked here. Who may post what, and when, stands in `rules`; whether it is true, in `verify`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from e2ev import hashing
from e2ev.ballot import BallotContext
from e2ev.board.atoms import Atoms
from e2ev.board.log import Head
from e2ev.board.merkle import Tree
from e2ev.board.note import NoteKey
from e2ev.board.places import UNDECIDED, Ballots, Decisions
from e2ev.board.posted import Posted as Posted
from e2ev.board.reader import Logged, open_board, read_logged
from e2ev.board.roll import Eligibility, Roll
from e2ev.ceremony import Election, JointKeys, TrusteeKeys
from e2ev.errors import DataError, NotReadyError, RejectedError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.manifest import Manifest, read_manifest
from e2ev.record import bodies
from e2ev.record.codec import Unchecked, decode
from e2ev.record.entry import NO_ENTRY, key_of
from e2ev.record.kinds import FEATURES, KINDS, Kind
from e2ev.record.results import AnnouncedLine, AnnouncedResultBody
from e2ev.record.stations import HandoverBody, PaperCountBody, StationAdmittedBody, StationCheckpointBody
from e2ev.sharing import TrusteeId


@dataclass(slots=True)
class Device:
    """An admitted device and what it has done.

    Attributes:
        admitted: The entry that admits it.
        ballots: How many it posted.
        last_code: Of its last ballot.
        closed: Its own end of its chain.
        replaced: The end of its chain by another one.
        successor: The device that took over, if one did.
    """

    admitted: Posted[bodies.DeviceAdmittedBody]
    ballots: int = 0
    last_code: bytes | None = None
    closed: Posted[bodies.DeviceClosedBody] | None = None
    replaced: Posted[bodies.DeviceReplacedBody] | Posted[HandoverBody] | None = None
    successor: bytes | None = None

    @property
    def in_service(self) -> bool:
        """Whether its chain still grows."""
        return self.closed is None and self.replaced is None

    @property
    def unit(self) -> int:
        """The reporting unit that its ballots belong to."""
        return self.admitted.body.form.unit

    @property
    def name(self) -> str:
        """Its information string."""
        return self.admitted.body.form.information


@dataclass(slots=True)
class Station:
    """A reporting unit with a board of its own.

    Attributes:
        admitted: The entry that admits its log.
        final: The entry with its final checkpoint.
        tree: Of its board, as far as its entries stand here; empty before voting is opened.
    """

    admitted: Posted[StationAdmittedBody]
    final: Posted[StationCheckpointBody] | None = None
    tree: Tree = field(default_factory=Tree)


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
    """Everything on the board, in the order of its rules.

    Attributes that do not explain themselves:
        heads: Each author's last entry.
        own: The reporting unit whose station's board this is; None for the national board.
        begun: Over the entries up to the opening, with which every station's board begins.
        stations: By reporting unit; likewise what was counted on paper.
        paper_atoms: By contest, the units that what was published of paper keeps together.
        announced: Results as they were announced, by leaf hash, in order.
        superseded: Those that a later one corrects.
        standing: By series, where its last line stands, and the line.
    """

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
    heads: dict[bytes, Head] = field(default_factory=dict, repr=False)
    own: int | None = None
    begun: Tree = field(default_factory=Tree)
    stations: dict[int, Station] = field(default_factory=dict)
    paper: dict[int, Posted[PaperCountBody]] = field(default_factory=dict)
    eligibility: Eligibility = field(default_factory=lambda: Eligibility(Roll(0)), repr=False)
    paper_atoms: dict[int, Atoms] = field(default_factory=dict, repr=False)
    announced: dict[bytes, Posted[AnnouncedResultBody]] = field(default_factory=dict)
    superseded: set[bytes] = field(default_factory=set)
    standing: dict[tuple[int, str, str], tuple[bytes, AnnouncedLine]] = field(default_factory=dict)

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
        """Return whether the ballot counts: cast, not excluded, and no later one of the same voter counts instead."""
        return self.decision(code) == "cast" and code not in self.exclusions and not self.is_superseded(code)

    def is_superseded(self, code: bytes) -> bool:
        """Return whether the ballot was cast, and its voter cast another one later, by the roll and the manifest."""
        row = self.ballots.row(code)
        return row is not None and self.decision(code) == "cast" and self.eligibility.is_superseded(row)

    def counted_ballots(self) -> int:
        """Return how many ballots count."""
        cast = (code for code in self.exclusions if code in self.ballots and self.decision(code) == "cast")
        excluded = sum(not self.is_superseded(code) for code in cast)
        return self.decision_counts()["cast"] - self.eligibility.superseded - excluded

    def test_ballots(self) -> list[bytes]:
        """Return the codes of challenged ballots that are to be opened: those that no check excludes."""
        word = self.decisions.word
        challenged = (code for row, code in enumerate(self.ballots) if word(row) == "challenged")
        return [code for code in challenged if code not in self.exclusions]

    def may_be_opened(self, code: bytes) -> bool:
        """Return whether a ballot may be opened: challenged, and its proofs are its own, since no check excludes it.

        A ballot that a check excludes can be a copy of a cast one; to open it would open that one.
        """
        return self.decision(code) == "challenged" and code not in self.exclusions

    def closed_test_ballots(self) -> list[bytes]:
        """Return those that nobody has opened yet."""
        return [c for c in self.test_ballots() if c not in self.opened_ballots and c not in self.decrypted_ballots]

    def station(self, author: bytes) -> str:
        """Return the label of the reporting unit that a device belongs to."""
        return self.manifest.unit(self.devices[author].unit).label

    def head(self, author: bytes) -> Head:
        """Return an author's last entry; counter 0 before its first."""
        return self.heads.get(author, Head(0, NO_ENTRY))

    def place(self, unit: int) -> str:
        """Return the label of a reporting unit, or what stands for it where the manifest has none."""
        known = 1 <= unit <= len(self.manifest.reporting_units)
        return self.manifest.unit(unit).label if known else f"reporting unit {unit}"

    def ballots_at(self, unit: int) -> int:
        """Return how many ballots the devices of a reporting unit posted."""
        return sum(device.ballots for device in self.devices.values() if device.unit == unit)

    def holder(self, author: bytes) -> bytes:
        """Return the device that goes on with another one's chain; itself if nobody took over."""
        while (device := self.devices.get(author)) is not None and device.successor is not None:
            author = device.successor
        return author

    def log(self) -> NoteKey:
        """Return the log that signs this board.

        Raises:
            DataError: Its key or name is no good one, or this is the board of a station that was never admitted.
        """
        genesis = self.genesis.body.form
        return self.station_log(self.own) if self.own else _log(genesis.log_origin, genesis.log_key)

    def station_log(self, unit: int) -> NoteKey:
        """Return the log of a station's own board; errors as in `log`."""
        if unit not in self.stations:
            raise DataError(f"{self.place(unit)} has no board of its own", remedy="e2ev election admit, with its card")
        origin = station_origin(self.genesis.body.form.log_origin, unit)
        return _log(origin, self.stations[unit].admitted.body.form.log_key)

    def unknown_parts(self) -> list[str]:
        """Return the parts that the record uses and this program does not know."""
        return sorted({*self.unsupported, *self.genesis.body.form.features} - FEATURES)

    def latest_attempt(self) -> Attempt:
        """Return the attempt at decryption that counts.

        Raises:
            NotReadyError: None has been decided.
        """
        if not self.attempts:
            raise NotReadyError("no decryption has been decided", remedy="e2ev election tally")
        return self.attempts[max(self.attempts)]


def station_origin(origin: str, unit: int) -> str:
    """Return the name of a station's log, from that of the national one (specs/board.md, "Stations")."""
    return f"{origin}/station/{unit}"


def station_of(origin: str, named: str) -> int | None:
    """Return the reporting unit whose station's log has a name; None if it is no station's of this national log."""
    unit = named.removeprefix(f"{origin}/station/")
    is_number = unit.isascii() and unit.isdecimal() and len(unit) < 10
    return int(unit) if is_number and station_origin(origin, int(unit)) == named else None


def _log(origin: str, key: bytes) -> NoteKey:
    try:
        return NoteKey(origin, key_of(key))
    except ValueError as error:
        raise DataError("the log's name or key is no good one") from error


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
    election = hashing.election_identifier(first.entry.body)
    return Contents(posted, named[0], manifest, election, eligibility=Eligibility.of(manifest))


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
    header, entry = logged.entry.header, logged.entry
    row = KINDS.get(header.kind)
    where = f"entry {logged.index}"
    if row is None or row.body is None:
        raise DataError(f"entries of kind {header.kind} cannot be read here", where=where)
    body: Unchecked[object] = decode(row.body, entry.body, group, where)
    return Posted(logged.index, header, entry.leaf_hash, body, logged.before)
