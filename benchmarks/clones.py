"""Boards of any size in seconds: one honest ballot of a toy election, posted again and again.

Each clone has a place of its own in its device's chain, so its code, header and signature are its own; everything else
is the first ballot's. So every check runs in earnest, proofs included, and four of them object to every clone: it has
the first one's id_B (5.A), ciphertexts (I.2) and proofs (I.4), and was not made by this entry's author and counter
(I.1).
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from e2ev import chaining, hashing
from e2ev.ballot import EncryptedBallot
from e2ev.board.ledger import Ledger
from e2ev.board.merkle import Tree
from e2ev.board.note import Checkpoint, sign_checkpoint
from e2ev.board.reader import Logged, scan
from e2ev.demo.elections import one, opened
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.demo.toy import TOY
from e2ev.record import bodies
from e2ev.record.codec import decode, encode
from e2ev.record.entry import Entry, Pen
from e2ev.record.frame import FrameKind, frame
from e2ev.record.kinds import Kind
from e2ev.roles.intake import keep_of, load_online_key
from e2ev.signing import SigningKey

STATIONS = ("North", "South")
COMMITTED = 1_000
"""Entries between two checkpoints."""
_CHAINING, _CODE = b"\xc4\x24", b"\xc4\x20"
"""How the two last fields of a ballot's bytes begin: bin of 36 and of 32 bytes."""

MANIFEST = b"""{"format": "e2ev manifest 1", "label": "Clones", "name": {"en": "Clones"}, "date": "2027-05-06",
 "contests": [{"label": "question", "selection_limit": 1, "options": [{"label": "yes"}]}],
 "reporting_units": [{"label": "North"}, {"label": "South"}],
 "ballot_styles": [{"label": "all", "contests": ["question"]}]}"""

OBJECTING = frozenset({"5.A", "I.1", "I.2", "I.4"})
"""The checks that object to clones, and no others."""


@dataclass(slots=True)
class _Board:
    """A board file that grows without syncs, checks and locks."""

    path: Path
    key: SigningKey
    ledger: Ledger
    tree: Tree
    bodies: dict[bytes, bytes]
    pending: bytearray = field(default_factory=bytearray)

    @classmethod
    def of(cls, election: HonestElection) -> "_Board":
        """Return an election's board, as far as it is, with the body of each device's first ballot."""
        ledger, tree, found = Ledger((TOY,)), Tree(), dict[bytes, bytes]()
        for event in scan(election.board):
            if isinstance(event, Logged):
                ledger.take(event)
                tree = event.before.append(event.entry.leaf_hash)
                if event.entry.header.kind == Kind.BALLOT:
                    found.setdefault(event.entry.header.author, event.entry.body)
        return cls(election.board, load_online_key(keep_of(election.board) / "log.key"), ledger, tree, found)

    def pen(self, key: SigningKey) -> Pen:
        """Return the pen of an author who has written nothing since."""
        pen = Pen(key, self.ledger.held.id)
        head = self.ledger.head(pen.author)
        return replace(pen, counter=head.counter + 1, previous=head.leaf_hash)

    def post(self, entry: Entry) -> None:
        """Add an entry, now and then with a checkpoint."""
        self.pending += entry.frames()
        self.tree = self.tree.append(entry.leaf_hash)
        if self.tree.size % COMMITTED == 0:
            self.commit()

    def commit(self) -> None:
        """Write what is pending, and a checkpoint over it."""
        origin = self.ledger.held.genesis.body.form.log_origin
        note = sign_checkpoint(Checkpoint(origin, self.tree.size, self.tree.root()), self.key)
        self.pending += frame(FrameKind.CHECKPOINT, note.encode())
        with self.path.open("ab") as stream:
            stream.write(self.pending)
        self.pending.clear()


class _Cloner:
    """One device that posts its first ballot again and again."""

    def __init__(self, board: _Board, key: SigningKey) -> None:
        self._board, self._pen = board, board.pen(key)
        contents = board.ledger.held
        device = contents.devices[self._pen.author]
        self._body, self.ballots = board.bodies[self._pen.author], device.ballots
        self._ballot: EncryptedBallot = decode(bodies.BallotBody, self._body, TOY, "ballot").form.ballot
        self._extended = contents.joint_keys().extended_hash
        self._device_hash, self._last = hashing.device_hash(self._extended, device.name), device.last_code

    def post(self) -> None:
        """Post the ballot once more, and the decision to cast it."""
        chain = chaining.chaining_field("simple", self._extended, self._device_hash, self._last)
        hashes = [contest.contest_hash for contest in self._ballot.contests]
        self._last = code = hashing.confirmation_code(self._ballot.identifier_hash, hashes, chain)
        tail = _CHAINING + chain + _CODE + code
        self._write(Kind.BALLOT, self._body[: -len(tail)] + tail, code)
        self._write(Kind.DECISION, encode(bodies.DecisionBody(1, code, "cast", "")))
        self.ballots += 1

    def close(self) -> None:
        """End the device's chain."""
        ends = chaining.chain_end(self._extended, self._device_hash, self._last)
        self._write(Kind.DEVICE_CLOSED, encode(bodies.DeviceClosedBody(1, self.ballots, *ends)))

    def _write(self, kind: Kind, body: bytes, code: bytes | None = None) -> None:
        entry, self._pen = self._pen.write(kind, body, code)
        self._board.post(entry)


def cloned_board(root: Path, entries: int) -> Path:
    """Return a closed board of about so many entries, half of them ballots and half the decisions to cast them."""
    election = opened(root, TOY, MANIFEST, STATIONS, 1, 1)
    election.vote([(replace(one(1), unit=unit), "cast") for unit in (1, 2)])
    board = _Board.of(election)
    devices = [_Cloner(board, device.key) for device in election.devices]
    for i in range(max(0, entries - board.tree.size) // 2):
        devices[i % len(devices)].post()
    for device in devices:
        device.close()
    ballots = sum(device.ballots for device in devices)
    pen = board.pen(election.administrator.key(PASSPHRASE))
    board.post(pen.write(Kind.CLOSE, encode(bodies.CloseBody(1, ballots, ballots, 0, 0)))[0])
    board.commit()
    return election.board
