"""A forger's desk: a board taken apart into entries that can be changed, with every key in hand, and sealed again.

Whatever follows from an entry by the rules is made again when the board is written: headers, signatures, authors'
chains, the election's id, the tree, checkpoints, and the state of the board that a tally names. What follows by the
protocol is made again in `reseal`. Leaves of values are elements and scalars that nobody has checked.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from e2ev import ceremony, hashing
from e2ev.ballot import BallotContext, EncryptedBallot
from e2ev.board.contents import station_origin
from e2ev.board.merkle import Tree
from e2ev.board.note import Checkpoint, sign_checkpoint
from e2ev.board.reader import BoardHead, Committed, Logged, scan
from e2ev.board.roll import Eligibility
from e2ev.ceremony import Election, JointKeys, KeyShare, TrusteeKeys, TrusteeSecrets
from e2ev.demo.eligible import credentials_of, resealed, superseded
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.group import Element, Group, RawScalar, Scalar
from e2ev.manifest import Manifest, read_manifest
from e2ev.record import bodies
from e2ev.record.codec import decode, encode, judge_all
from e2ev.record.entry import NO_ENTRY, Entry, Pen, author_of
from e2ev.record.frame import FrameKind, frame
from e2ev.record.kinds import KINDS, Kind
from e2ev.record.results import AnnouncedResultBody
from e2ev.record.stations import StationCheckpointBody
from e2ev.roles.intake import keep_of, load_online_key
from e2ev.roles.trustee_state import from_key_file
from e2ev.sharing import TrusteeId
from e2ev.sigma import Proof, ProofOfOne
from e2ev.signing import SigningKey
from e2ev.storage.keyfile import open_key_file

T = TypeVar("T")


def write_entry(pen: Pen, step: "Step", body: bytes) -> Entry:
    """Return the entry as its author would sign it."""
    return pen.write(step.kind, body, step.code)[0]


@dataclass(frozen=True, slots=True)
class Step:
    """One entry to be written.

    Attributes:
        author: Who posts it.
        kind: Number of its kind.
        body: A record value, or bytes that are written as they are.
        code: In the header of a ballot.
        committed: Whether a checkpoint follows.
        sign: Makes the entry.
        kept: Whether it stands on the board; what is not kept has moved its author's chain all the same.
    """

    author: bytes
    kind: int
    body: Any
    code: bytes | None = None
    committed: bool = True
    sign: Callable[[Pen, "Step", bytes], Entry] = write_entry
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Keys:
    """Every secret of an election: whoever has all of them can forge whatever is not bound to something outside."""

    signing: Mapping[bytes, SigningKey] = field(repr=False)
    shares: Mapping[TrusteeId, KeyShare] = field(repr=False)
    secrets: Mapping[TrusteeId, TrusteeSecrets] = field(repr=False)
    credentials: Mapping[int, tuple[SigningKey, ...]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Forgery:
    """A board in the making.

    Attributes:
        group: The group.
        steps: Its entries.
        keys: Every key.
        log: Signs checkpoints.
        head: The election that the file's first bytes name; nothing for the one of genesis.
        tail: Bytes behind the last checkpoint.
        announced: Numbers of the honest announcements, by their leaf hashes: corrections follow those.
    """

    group: Group
    steps: tuple[Step, ...]
    keys: Keys
    log: SigningKey
    head: bytes = b""
    tail: bytes = b""
    announced: Mapping[bytes, int] = field(default_factory=dict)

    def indices(self, kind: Kind) -> list[int]:
        """Return the positions of all entries of a kind."""
        return [i for i, step in enumerate(self.steps) if step.kind == kind]

    def said(self, kind: Kind) -> list[Any]:
        """Return the bodies of all entries of a kind."""
        return [step.body for step in self.steps if step.kind == kind]

    def edit(self, index: int, change: Callable[[Any], Any], *path: str | int) -> "Forgery":
        """Return the forgery with the value at a path of one body changed."""
        step = self.steps[index]
        return self.set(index, replace(step, body=put(step.body, path, change)))

    def set(self, index: int, step: Step) -> "Forgery":
        """Return the forgery with another entry in this place."""
        return replace(self, steps=(*self.steps[:index], step, *self.steps[index + 1 :]))

    def insert(self, index: int, *steps: Step) -> "Forgery":
        """Return the forgery with further entries before a place."""
        return replace(self, steps=(*self.steps[:index], *steps, *self.steps[index:]))

    def without(self, *indices: int) -> "Forgery":
        """Return the forgery without some entries."""
        return replace(self, steps=tuple(step for i, step in enumerate(self.steps) if i not in indices))

    def until(self, index: int) -> "Forgery":
        """Return the forgery that ends with this entry."""
        last = replace(self.steps[index], committed=True)
        return replace(self, steps=(*self.steps[:index], last))

    @property
    def genesis(self) -> bodies.Genesis:
        """The body of genesis."""
        return cast(bodies.Genesis, self.steps[0].body)

    @property
    def administrator(self) -> bytes:
        """The author of genesis."""
        return self.steps[0].author

    @property
    def manifest(self) -> Manifest:
        """The manifest."""
        return read_manifest(self.genesis.manifest)

    @property
    def election(self) -> Election:
        """The election, as it follows from genesis."""
        return Election.of(self.group, len(self.genesis.trustees), self.genesis.quorum, self.genesis.manifest)

    @property
    def trustee_keys(self) -> list[TrusteeKeys]:
        """The messages of round 1, in order."""
        return sorted((body.keys for body in self.said(Kind.TRUSTEE_KEYS)), key=lambda keys: keys.trustee)

    @property
    def joint_keys(self) -> JointKeys:
        """K, K̂, H_G and H_E, as they follow from the trustees' messages."""
        return ceremony.joint_keys(self.election, self.trustee_keys)

    @property
    def context(self) -> BallotContext:
        """What ballots are made with."""
        keys = self.joint_keys
        return BallotContext(self.manifest, keys.vote_key.prepared(), keys.data_key.prepared(), keys.extended_hash)

    @property
    def decisions(self) -> dict[bytes, str]:
        """What was decided about each ballot, "excluded" for those that are not counted though cast."""
        made = {body.ballot: body.decision for body in self.said(Kind.DECISION)}
        made |= dict.fromkeys(superseded(self.manifest, self.said(Kind.AUTHORIZATION), made), "superseded")
        return made | dict.fromkeys((body.ballot for body in self.said(Kind.EXCLUSION)), "excluded")

    def ballots(self, decision: str) -> list[int]:
        """Return the positions of the ballots that were decided about so."""
        made = self.decisions
        return [i for i in self.indices(Kind.BALLOT) if made.get(self.steps[i].code or b"") == decision]

    def ballot(self, index: int) -> EncryptedBallot:
        """Return the ballot at a place."""
        return cast(bodies.BallotBody, self.steps[index].body).ballot

    def device_name(self, author: bytes) -> str:
        """Return the text by which a device was admitted."""
        return str(next(body.information for body in self.said(Kind.DEVICE_ADMITTED) if body.author == author))


def put(value: Any, path: tuple[str | int, ...], change: Callable[[Any], Any]) -> Any:
    """Return a record value with what stands at a path changed."""
    if not path:
        return change(value)
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        step %= len(value)
        return (*value[:step], put(value[step], rest, change), *value[step + 1 :])
    return replace(value, **{step: put(getattr(value, step), rest, change)})


Change = Callable[[Forgery], Forgery]
"""What a tampering does to a board."""


@dataclass(frozen=True, slots=True)
class Tampering:
    """One way to break a record, everything resealed that its attacker could reseal.

    Attributes:
        name: In words.
        story: What was done, in one sentence for people.
        trips: Exactly those checks that object.
        change: What is done to the honest board.
        base: Name of the honest election that it starts from (`elections.BASES`).
        knows: What the auditor has from elsewhere besides what was published at the founding: "devices", "root".
        needs_room: Whether a scalar has to have two encodings: such groups are toys (`toy.LOOSE`).
        no_control: Why the record is not accepted even with those checks switched off, where that is so.
    """

    name: str
    story: str
    trips: frozenset[str]
    change: Change
    base: str = "small"
    knows: tuple[str, ...] = ()
    needs_room: bool = False
    no_control: str = ""


def trips(*checks: str) -> frozenset[str]:
    """Return a set of checks."""
    return frozenset(checks)


# Changes of single values


def always(value: Any) -> Callable[[Any], Any]:
    """Return the change that puts this value in place of any."""
    return lambda _: value


def flip(data: bytes) -> bytes:
    """Return the bytes with one bit changed."""
    return data[:-1] + bytes([data[-1] ^ 1])


def over_q(scalar: Scalar) -> RawScalar:
    """Return the second encoding of a scalar: q more."""
    return RawScalar(scalar.group, scalar.value + scalar.group.q)


def add_one(scalar: Scalar) -> Scalar:
    """Return the scalar plus one."""
    return scalar + 1


def negate(element: Element) -> Element:
    """Return p - x, which is not in Z_p^r; proofs about x hold for it wherever their challenge is even."""
    return Element(element.group, element.group.p - element.value)


def until(make: Callable[[], T], accept: Callable[[T], bool]) -> T:
    """Return the first of many tries that is accepted."""
    while True:
        made = make()
        if accept(made):
            return made


def is_even(proof: Proof | ProofOfOne) -> bool:
    """Return whether every challenge of a proof is even."""
    challenges = (proof.challenge,) if isinstance(proof, Proof) else proof.challenges
    return all(challenge.value % 2 == 0 for challenge in challenges)


# Reading and writing


def take_apart(election: HonestElection) -> Forgery:
    """Return an election's board as its forger holds it."""
    steps: list[Step] = []
    announced: dict[bytes, int] = {}
    for event in scan(election.board):
        if isinstance(event, Logged):
            header = event.entry.header
            body = _trusted(election.group, header.kind, event.entry.body)
            steps.append(Step(header.author, header.kind, body, header.code, committed=False))
            if isinstance(body, AnnouncedResultBody):
                announced[event.entry.leaf_hash] = body.number
        elif isinstance(event, Committed):
            steps[-1] = replace(steps[-1], committed=True)
    log = load_online_key(keep_of(election.board) / "log.key")
    return Forgery(election.group, tuple(steps), _stolen_keys(election), log, announced=announced)


def _trusted(group: Group, kind: int, body: bytes) -> Any:
    unchecked = decode(cast(type[Any], KINDS[kind].body), body, group, "entry")
    return judge_all([unchecked], lambda _path: True)[0].value


def _stolen_keys(election: HonestElection) -> Keys:
    states = [
        from_key_file(open_key_file(trustee.home / name, PASSPHRASE)[1], election.group)
        for name in ("trustee.key", "hoard.key")
        for trustee in election.trustees
    ]
    logs = (load_online_key(keep_of(board) / "log.key") for board in election.stations.values())
    registrars = (registrar.key for registrar in election.registrars)
    devices = (device.key for device in election.devices)
    people = (election.administrator.key(PASSPHRASE), *devices, *logs, *registrars)
    signing = {author_of(key.verify_key): key for key in (*people, *(state.key for state in states))}
    shares = {state.share.trustee: state.share for state in states if state.share}
    secrets = [state.secrets for state in states if state.secrets]
    return Keys(signing, shares, {TrusteeId(i): held for i, held in enumerate(secrets, 1)}, credentials_of(election))


def write_board(forgery: Forgery, path: Path) -> None:
    """Write the board, everything that follows from its entries made again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_board(_with_checkpoints(forgery)) + forgery.tail)


def _board(forgery: Forgery) -> bytes:
    genesis = forgery.genesis
    election = hashing.election_identifier(encode(genesis))
    parts = [BoardHead(1, 0, forgery.head or election).to_bytes()]
    for step, entry, tree in _entries(forgery):
        if step.kept:
            parts.append(entry.frames())
        if step.committed:
            note = sign_checkpoint(Checkpoint(genesis.log_origin, tree.size, tree.root()), forgery.log)
            parts.append(frame(FrameKind.CHECKPOINT, note.encode()))
    return b"".join(parts)


def _entries(forgery: Forgery) -> Iterator[tuple[Step, Entry, Tree]]:
    """Yield every step with its entry, and the tree behind it."""
    election = hashing.election_identifier(encode(forgery.genesis))
    pens = {author: Pen(key, election) for author, key in forgery.keys.signing.items()}
    pens[forgery.administrator] = Pen(forgery.keys.signing[forgery.administrator], NO_ENTRY)
    tree, leaves = Tree(), dict[int, bytes]()
    ballots, roll = dict[bytes, bytes](), Eligibility.of(forgery.manifest).roll
    for step in forgery.steps:
        pen = pens[step.author]
        made = resealed(step.body, forgery.keys.credentials, election, ballots, roll)
        entry = step.sign(pen, step, _body(_following(made, forgery.announced, leaves), tree))
        if step.code is not None:
            ballots[step.code] = entry.leaf_hash
        if isinstance(step.body, AnnouncedResultBody):
            leaves[step.body.number] = entry.leaf_hash
        pens[step.author] = Pen(pen.key, election, entry.header.counter + 1, entry.leaf_hash)
        if step.kept:
            tree = tree.append(entry.leaf_hash)
        yield step, entry, tree


def _body(body: Any, tree: Tree) -> bytes:
    if isinstance(body, bodies.TallyBody):
        body = replace(body, board_size=tree.size, board_root=tree.root())
    return body if isinstance(body, bytes) else encode(body)


def _following(body: Any, announced: Mapping[bytes, int], leaves: Mapping[int, bytes]) -> Any:
    """Return a correction that names the announcement as it is written now, if it named an honest one."""
    named = body.supersedes if isinstance(body, AnnouncedResultBody) else None
    if named is None or named not in announced:
        return body
    return replace(body, supersedes=leaves.get(announced[named], named))


def _with_checkpoints(forgery: Forgery) -> Forgery:
    """Return the forgery with stations' final checkpoints signed again, over their boards as they would be now."""
    places = forgery.indices(Kind.STATION_CHECKPOINT)
    if not places or not forgery.indices(Kind.OPEN):
        return forgery
    logs = {body.unit: body.log_key for body in forgery.said(Kind.STATION_ADMITTED)}
    units = {body.author: body.unit for body in forgery.said(Kind.DEVICE_ADMITTED)}
    begun, own = Tree(), dict[int, list[bytes]]()
    for step, entry, tree in _entries(forgery):
        if step.kind == Kind.OPEN:
            begun = tree
        own.setdefault(units.get(step.author, 0), []).append(entry.leaf_hash)
    for place in places:
        body = forgery.steps[place].body
        if isinstance(body, StationCheckpointBody) and body.unit in logs:
            made = begun
            for leaf in own.get(body.unit, [])[: max(0, body.size - begun.size)]:
                made = made.append(leaf)
            origin = station_origin(forgery.genesis.log_origin, body.unit)
            stated = Checkpoint(origin, body.size, made.root())
            note = sign_checkpoint(stated, forgery.keys.signing[logs[body.unit]])
            forgery = forgery.edit(place, always(replace(body, root=made.root(), note=note.encode())))
    return forgery
