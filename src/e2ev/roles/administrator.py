"""The administrator's machine: founds the election, takes in messages, opens, closes, decides what is decrypted.

It holds no secret that opens a ballot. What it posts, every verifier checks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from e2ev import ceremony, chaining, hashing
from e2ev.board.contents import Contents
from e2ev.board.ledger import read_contents
from e2ev.board.log import BoardLog
from e2ev.errors import ConflictError, E2evError, NotReadyError
from e2ev.group import P4096, STANDARD_GROUPS, SYSTEM_RANDOMNESS, Group
from e2ev.manifest import read_manifest
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.entry import NO_ENTRY, Pen, author_of
from e2ev.record.kinds import Kind
from e2ev.roles.card import Card
from e2ev.roles.intake import Intake, keep_of, save_online_key
from e2ev.roles.messages import messages_in, read_messages
from e2ev.signing import SigningKey
from e2ev.storage.disk import write_once
from e2ev.storage.keyfile import KeyFileHeader, open_key_file, save_key_file
from e2ev.storage.seal import Cost, Passphrase
from e2ev.verify.anchors import anchors_file, anchors_of
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
    """

    manifest: bytes
    trustees: tuple[Card, ...]
    quorum: int
    origin: str
    group: Group = P4096
    spare: bool = True


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of one message file."""

    path: Path
    state: Literal["posted", "known", "refused"]
    reason: str = ""


class Administrator:
    """The administrator's machine, on one board.

    Args:
        board: The board file.
        groups: Groups that genesis may name: for tests alone.
        cost: Of sealing.
    """

    def __init__(self, board: Path, groups: Sequence[Group] = STANDARD_GROUPS, cost: Cost = Cost()) -> None:  # noqa: B008 - frozen
        self.board, self.groups, self.cost = board, groups, cost
        self.keep = keep_of(board)
        self.key_path = self.keep / "administrator.key"
        self.anchors_path = board.with_suffix(".anchors.json")

    def found(self, founding: Founding, passphrase: Passphrase) -> Contents:
        """Make the board with its genesis, the keys beside it, and the anchors to publish elsewhere.

        Raises:
            ConflictError: The board exists, two trustees have one key or name, or k = n without consent.
        """
        passphrase.check_length()
        _check_founding(founding)
        if self.board.exists():
            raise ConflictError("this board exists already", where=str(self.board), remedy="choose another name")
        self.keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        key, log_key = SigningKey.generate(), SigningKey.generate()
        genesis = genesis_body(founding, author_of(log_key.verify_key), SYSTEM_RANDOMNESS(32))
        body = encode(genesis)
        author = author_of(key.verify_key)
        save_key_file(
            self.key_path,
            KeyFileHeader("administrator", founding.origin, "original", author),
            key.seed(),
            passphrase,
            self.cost,
        )
        save_online_key(self.keep / "log.key", log_key)
        entry, _ = Pen(key, NO_ENTRY).write(Kind.GENESIS, body)
        election = hashing.election_identifier(body)
        with BoardLog.create(self.board, self.keep, founding.origin, log_key, election) as log:
            log.append([entry])
        contents = self.contents()
        write_once(self.anchors_path, anchors_file(anchors_of(contents)))
        return contents

    def contents(self) -> Contents:
        """Return what stands on the board.

        Raises:
            RejectedError: The board breaks a rule.
        """
        return read_contents(self.board, self.groups)

    def key(self, passphrase: Passphrase) -> SigningKey:
        """Return the administrator's key.

        Raises:
            WrongKeyError: The passphrase is wrong.
        """
        return SigningKey.from_seed(open_key_file(self.key_path, passphrase)[1])

    def collect(self, folders: Sequence[Path]) -> list[Collected]:
        """Post every message whose time has come; refused ones stay where they are, with the reason."""
        waiting = messages_in(tuple(folders))
        done: dict[Path, Collected] = {}
        with Intake(self.board, self.groups) as intake:
            progress = True
            while progress:
                progress = False
                for path in waiting:
                    if path not in done or done[path].state == "refused":
                        done[path] = _post(intake, path)
                        progress = progress or done[path].state == "posted"
        return [done[path] for path in waiting]

    def join_keys(self, passphrase: Passphrase) -> ceremony.JointKeys:
        """Post K, K̂, H_G and H_E once every trustee accepted the same.

        Raises:
            NotReadyError: Somebody has not accepted yet.
            ConflictError: Somebody accepted another H_G.
        """
        contents = self.contents()
        if contents.joint is not None:
            return contents.joint_keys()
        accepted = contents.ceremony.acceptances
        missing = [contents.name_of(i) for i in contents.election.everyone() if i not in accepted]
        if missing:
            raise NotReadyError("not accepted yet by " + ", ".join(missing), remedy="e2ev trustee accept, by each")
        keys = ceremony.joint_keys(contents.election, contents.trustee_keys())
        for trustee, posted in accepted.items():
            if posted.body.form.trustee_record_hash != keys.trustee_record_hash:
                raise ConflictError(
                    "a trustee accepted other keys than the board has",
                    where=posted.where,
                    culprit=contents.name_of(trustee),
                    remedy="e2ev trustee complain; start again",
                )
        name = contents.group.name
        stated = (bodies.RoleKey("vote", name, keys.vote_key), bodies.RoleKey("data", name, keys.data_key))
        self._post(
            passphrase,
            Kind.JOINT_KEYS,
            bodies.JointKeysBody(1, contents.ceremony.number, stated, keys.trustee_record_hash, keys.extended_hash),
        )
        return keys

    def admit(self, author: bytes, information: str, unit: str, passphrase: Passphrase) -> None:
        """Admit a device for one reporting unit."""
        contents = self.contents()
        extended = contents.joint_keys().extended_hash
        device_hash = hashing.device_hash(extended, information)
        start = chaining.chain_start(extended, device_hash) if contents.manifest.chaining == "simple" else None
        index = contents.manifest.unit_by_label(unit).index
        self._post(
            passphrase,
            Kind.DEVICE_ADMITTED,
            bodies.DeviceAdmittedBody(1, author, information, index, device_hash, start),
        )

    def replace(self, author: bytes, reason: str, passphrase: Passphrase) -> None:
        """State that a device is out of service, over the ballots that it posted."""
        contents = self.contents()
        ballots = contents.devices[author].ballots if author in contents.devices else 0
        self._post(passphrase, Kind.DEVICE_REPLACED, bodies.DeviceReplacedBody(1, author, ballots, reason))

    def open(self, passphrase: Passphrase) -> None:
        """Open voting.

        Raises:
            RejectedError: A rehearsal is missing.
        """
        self._post(passphrase, Kind.OPEN, bodies.OpenBody(1))

    def close(self, passphrase: Passphrase) -> bodies.CloseBody:
        """Mark undecided ballots as abandoned, and close voting.

        Raises:
            RejectedError: A device has not closed its chain.
        """
        key = self.key(passphrase)
        with Intake(self.board, self.groups) as intake:
            contents = intake.contents
            open_still = [d.name for d in contents.devices.values() if d.closed is None and d.replaced is None]
            if open_still and contents.closed is None:
                raise NotReadyError(
                    "these devices have not closed: " + ", ".join(open_still),
                    remedy="e2ev device close on each, or e2ev election replace",
                )
            undecided = [code for code in contents.ballots if code not in contents.decisions]
            for code in undecided:
                body = bodies.DecisionBody(1, code, "abandoned", "undecided when voting was closed")
                intake.post([intake.pen(key).write(Kind.DECISION, encode(body))[0]])
            made = [contents.decision(code) for code in contents.ballots]
            counts = (made.count("cast"), made.count("challenged"), made.count("abandoned"))
            body_close = bodies.CloseBody(1, len(made), *counts)
            intake.post([intake.pen(key).write(Kind.CLOSE, encode(body_close))[0]])
        return body_close

    def correct(self, entry: bytes, reason: str, passphrase: Passphrase) -> None:
        """State that an earlier entry's text was wrong."""
        self._post(passphrase, Kind.CORRECTION, bodies.CorrectionBody(1, entry, reason))

    def _post(self, passphrase: Passphrase, kind: Kind, body: object) -> None:
        key = self.key(passphrase)
        with Intake(self.board, self.groups) as intake:
            intake.post([intake.pen(key).write(kind, encode(body))[0]])


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
        election.parameter_hash, election.base_hash, founding.manifest, (), founding.origin, log_key, salt,
    )  # fmt: skip


def _check_founding(founding: Founding) -> None:
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


def _post(intake: Intake, path: Path) -> Collected:
    try:
        entries = read_messages(path)
        known = all(entry.header.counter <= intake.head(entry.header.author).counter for entry in entries)
        intake.post(entries)
    except E2evError as error:
        return Collected(path, "refused", str(error))
    return Collected(path, "known" if known else "posted")
