"""A voting device: encrypts a ballot, commits it to the board, shows its code, posts the voter's decision.

The order is the protocol's promise: the entry is signed and kept, then committed, and only then is its code shown. What
the device keeps lets it go on after a power cut; the nonce that opens a ballot it never keeps.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from e2ev import ballot, chaining, hashing
from e2ev.ballot import PlainBallot
from e2ev.codes import tracking_code
from e2ev.errors import ConflictError, NotReadyError, WrongKeyError
from e2ev.group import STANDARD_GROUPS, SYSTEM_RANDOMNESS, Group, Randomness
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.entry import Entry, Pen, author_of, message_file
from e2ev.record.kinds import Kind
from e2ev.roles.choices import Decision
from e2ev.roles.intake import Intake, load_online_key, save_online_key
from e2ev.roles.messages import read_messages
from e2ev.signing import SigningKey
from e2ev.storage.disk import PRIVATE, REAL, Disk, read_bounded, write_atomically, write_once

CARD_FORMAT = "e2ev device card 1"
BATCH = 128
"""Ballots that are committed together when many are encrypted at once."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A ballot whose decision is not on the board yet.

    Attributes:
        code: Its confirmation code.
        shown: Whether its code was shown to the voter.
    """

    code: bytes
    shown: bool


class Device:
    """One device, on one folder: its key, and the ballot that it is busy with.

    Args:
        home: The folder.
        groups: Groups that genesis may name: for tests alone.
        disk: The system calls under the board: for rehearsals of power cuts.
    """

    def __init__(self, home: Path, groups: Sequence[Group] = STANDARD_GROUPS, *, disk: Disk = REAL) -> None:
        self.home, self.groups, self.disk = home, groups, disk
        self.key_path, self.state_path = home / "device.key", home / "device.state"
        self.entry_path = home / "device.entry.e2ev"

    def init(self, information: str, unit: str) -> bytes:
        """Make the device's key and card; run again, it shows the same. Returns its author."""
        self.home.mkdir(parents=True, exist_ok=True)
        if not self.key_path.exists():
            save_online_key(self.key_path, SigningKey.generate())
        author = author_of(self.key.verify_key)
        card = {"format": CARD_FORMAT, "information": information, "unit": unit, "key": author.hex()}
        write_once(self.home / "device.card", (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
        return author

    @property
    def key(self) -> SigningKey:
        """The device's key."""
        return load_online_key(self.key_path)

    @property
    def pending(self) -> Pending | None:
        """The ballot that waits for its decision."""
        if not self.state_path.exists():
            return None
        content = json.loads(read_bounded(self.state_path, 4096))
        return Pending(bytes.fromhex(content["code"]), content["shown"]) if content["code"] else None

    def encrypt(self, board: Path, plain: PlainBallot, randomness: Randomness = SYSTEM_RANDOMNESS) -> bytes:
        """Encrypt a ballot, commit it to the board, and return its confirmation code, which may now be shown.

        Raises:
            ConflictError: The ballot before has no decision yet: `resume` first.
        """
        if self.pending is not None:
            raise ConflictError(
                "the ballot before has no decision yet",
                where=str(self.home),
                remedy="cast or challenge it: e2ev ballot cast, e2ev ballot challenge",
            )
        with Intake(board, self.groups, disk=self.disk) as intake:
            entry, _ = self.seal(intake.pen(self.key), plain, self.place(intake), randomness)
            write_atomically(self.entry_path, message_file((entry,)), PRIVATE)
            self._remember(entry.header.code, shown=False)
            intake.post([entry])
        self._remember(entry.header.code, shown=True)
        return entry.header.code or b""

    def resume(self, board: Path) -> Pending | None:
        """Go on after a power cut: commit the ballot that was under way, and return what waits for a decision.

        A ballot whose code was never shown is abandoned, with the reason; one that was shown waits for its voter's, or
        the poll workers', decision.
        """
        pending = self.pending
        if pending is None:
            return None
        with Intake(board, self.groups, disk=self.disk) as intake:
            if pending.code not in intake.contents.ballots:
                intake.post(read_messages(self.entry_path))
            decided = pending.code in intake.contents.decisions
        if decided:
            self._forget()
            return None
        if not pending.shown:
            self.decide(board, "abandoned", "power was cut before the code was shown")
            return None
        return pending

    def decide(self, board: Path, decision: Decision, reason: str = "") -> bytes:
        """Post the decision about the waiting ballot, and return its code.

        Raises:
            NotReadyError: No ballot waits.
        """
        pending = self.pending
        if pending is None:
            raise NotReadyError("no ballot waits for a decision", where=str(self.home), remedy="e2ev ballot encrypt")
        with Intake(board, self.groups, disk=self.disk) as intake:
            if pending.code not in intake.contents.decisions:
                intake.post([self._decision(intake, pending.code, decision, reason)])
            held = intake.contents.decision(pending.code)
        if held != decision:
            raise ConflictError(f"the ballot is {held} already", where=tracking_code(pending.code))
        self._forget()
        return pending.code

    def encrypt_many(
        self,
        board: Path,
        ballots: Sequence[tuple[PlainBallot, Decision]],
        progress: Callable[[int], None] = lambda _done: None,
        randomness: Randomness = SYSTEM_RANDOMNESS,
    ) -> list[bytes]:
        """Encrypt, commit and decide about many ballots, batch by batch, and return their codes."""
        codes: list[bytes] = []
        with Intake(board, self.groups, disk=self.disk) as intake:
            place = self.place(intake)
            for start in range(0, len(ballots), BATCH):
                batch, entries = ballots[start : start + BATCH], []
                pen = intake.pen(self.key)
                for plain, _ in batch:
                    entry, place = self.seal(pen, plain, place, randomness)
                    pen = replace(pen, counter=pen.counter + 1, previous=entry.leaf_hash)
                    entries.append(entry)
                    progress(len(codes) + len(entries))
                intake.post(entries)
                made = [entry.header.code or b"" for entry in entries]
                for code, (_, decision) in zip(made, batch, strict=True):
                    entry, pen = pen.write(Kind.DECISION, encode(bodies.DecisionBody(1, code, decision, "")))
                    entries.append(entry)
                intake.post(entries[len(made) :])
                codes += made
        return codes

    def close(self, board: Path) -> bodies.DeviceClosedBody:
        """End the device's chain; run again, it says what was posted.

        Raises:
            ConflictError: A ballot waits for its decision.
        """
        if self.pending is not None:
            raise ConflictError("a ballot waits for its decision", where=str(self.home), remedy="e2ev ballot cast")
        with Intake(board, self.groups, disk=self.disk) as intake:
            contents = intake.contents
            device = contents.devices.get(author_of(self.key.verify_key))
            if device is None:
                raise NotReadyError("this device is not admitted", remedy="e2ev election admit")
            if device.closed is None:
                extended = contents.joint_keys().extended_hash
                ends: tuple[bytes | None, bytes | None] = (None, None)
                if contents.manifest.chaining == "simple":
                    ends = chaining.chain_end(extended, hashing.device_hash(extended, device.name), device.last_code)
                body = bodies.DeviceClosedBody(1, device.ballots, *ends)
                intake.post([intake.pen(self.key).write(Kind.DEVICE_CLOSED, encode(body))[0]])
                device = contents.devices[author_of(self.key.verify_key)]
            closed = device.closed
        if closed is None:
            raise NotReadyError("the device could not be closed", where=str(self.home))
        return closed.body.form

    # Parts of the steps

    def place(self, intake: Intake) -> "Place":
        """Return where the device stands in its chain of codes; WrongKeyError if it is not admitted."""
        contents = intake.contents
        device = contents.devices.get(author_of(self.key.verify_key))
        if device is None:
            raise WrongKeyError(
                "this device is not admitted to this election",
                where=str(self.home),
                remedy="e2ev election admit, with device.card",
            )
        context = contents.ballot_context()
        return Place(context, hashing.device_hash(context.extended_hash, device.name), device.last_code)

    def seal(
        self, pen: Pen, plain: PlainBallot, place: "Place", randomness: Randomness = SYSTEM_RANDOMNESS
    ) -> tuple[Entry, "Place"]:
        """Return the signed entry of a ballot, and the place of the next one."""
        mode = place.context.manifest.chaining
        field = chaining.chaining_field(mode, place.context.extended_hash, place.device_hash, place.last_code)
        made, _ = ballot.encrypt_ballot(place.context, plain, pen.author, pen.counter, field, randomness)
        entry, _ = pen.write(Kind.BALLOT, encode(bodies.BallotBody(1, made)), made.code)
        return entry, replace(place, last_code=made.code)

    def _decision(self, intake: Intake, code: bytes, decision: Decision, reason: str) -> Entry:
        body = bodies.DecisionBody(1, code, decision, reason)
        return intake.pen(self.key).write(Kind.DECISION, encode(body))[0]

    def _remember(self, code: bytes | None, *, shown: bool) -> None:
        content = {"code": code.hex() if code else "", "shown": shown}
        write_atomically(self.state_path, json.dumps(content).encode(), PRIVATE)

    def _forget(self) -> None:
        self._remember(None, shown=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device stands in its chain of codes."""

    context: ballot.BallotContext
    device_hash: bytes
    last_code: bytes | None
