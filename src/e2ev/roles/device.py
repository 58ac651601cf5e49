"""A voting device: encrypts a ballot, commits it to the board, shows its code, posts the voter's decision.

The order is the protocol's promise: the entry is signed and kept, then committed, and only then is its code shown. What
the device keeps lets it go on after a power cut; the nonce that opens a ballot it never keeps.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from e2ev import chaining, hashing
from e2ev.ballot import PlainBallot
from e2ev.board.commitments import append_commitments
from e2ev.board.contents import Contents
from e2ev.board.contents import Device as Admitted
from e2ev.board.ledger import read_contents
from e2ev.codes import tracking_code
from e2ev.errors import ConflictError, DataError, NotReadyError, RejectedError, WrongKeyError
from e2ev.group import STANDARD_GROUPS, SYSTEM_RANDOMNESS, Group, Randomness
from e2ev.prepared import Pool, prepare
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.entry import Entry, Pen, author_of, message_file
from e2ev.record.kinds import Kind
from e2ev.roles.card import DeviceCard
from e2ev.roles.choices import Decision
from e2ev.roles.credential import authorization, check_many
from e2ev.roles.intake import Intake, load_online_key, save_online_key
from e2ev.roles.messages import read_messages
from e2ev.roles.sealing import Place, Sealed, seal
from e2ev.signing import SigningKey
from e2ev.storage.disk import PRIVATE, REAL, Disk, read_bounded, write_atomically, write_once
from e2ev.strict_json import JsonProblem
from e2ev.strict_json import Place as JsonPlace

BATCH = 128
"""Ballots that are committed together when many are encrypted at once."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A ballot whose decision is not on the board yet: its code, and whether the voter was shown it."""

    code: bytes
    shown: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What a device sees on the board: everything, and itself."""

    contents: Contents
    admitted: Admitted


@dataclass(frozen=True, slots=True)
class Run:
    """How far the ballots of one file are, so that a power cut neither loses nor doubles one.

    Attributes:
        election: Its id.
        spans: One a batch: its first ballot, counted from 0 among the device's ballots, and how many.
        decisions: Of the last batch.
    """

    election: bytes
    spans: tuple[tuple[int, int], ...] = ()
    decisions: tuple[Decision, ...] = ()

    @property
    def rows(self) -> int:
        """How many ballots of the file have their place."""
        return sum(count for _, count in self.spans)

    def write(self, path: Path) -> None:
        """Keep it."""
        content = {"election": self.election.hex(), "spans": self.spans, "decisions": self.decisions}
        write_atomically(path, json.dumps(content).encode(), PRIVATE)

    def of(self, codes: Sequence[bytes], spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the codes in some spans, from all codes of the device."""
        return [code for first, count in spans for code in codes[first : first + count]]


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
        self.entry_path, self.batch_path = home / "device.entry.e2ev", home / "device.batch.e2ev"
        self._pool = Pool()

    def init(self, information: str, unit: str) -> bytes:
        """Make the device's key and card; run again, it shows the same. Returns its author.

        Raises:
            DataError: A text is empty, too long, or has characters that no card may have.
            ConflictError: The device has another card already.
        """
        problems: dict[str, JsonProblem] = {}
        JsonPlace("information", information, problems).label(200)
        JsonPlace("unit", unit, problems).label(200)
        for problem in problems.values():
            raise DataError(f"the {problem.path} {problem.found}", remedy=problem.remedy)
        self.home.mkdir(parents=True, exist_ok=True)
        if not self.key_path.exists():
            save_online_key(self.key_path, SigningKey.generate())
        author = author_of(self.key.verify_key)
        write_once(self.home / "device.card", DeviceCard(information, unit, author).to_file())
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
        content = _read_state(self.state_path, 4096)
        try:
            return Pending(bytes.fromhex(content["code"]), content["shown"] is True) if content["code"] else None
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(self.state_path) from error

    def standing(self, board: Path) -> Standing:
        """Return what the device sees on the board.

        Raises:
            WrongKeyError: It is not admitted to this election.
        """
        return self._standing(read_contents(board, self.groups))

    def encrypt(self, board: Path, plain: PlainBallot, randomness: Randomness = SYSTEM_RANDOMNESS) -> bytes:
        """Encrypt a ballot, commit it to the board, and return its confirmation code, which may now be shown.

        Raises:
            ConflictError: The ballot before has no decision yet: `resume` first.
        """
        self._check_nothing_waits()
        with Intake(board, self.groups, disk=self.disk) as intake:
            self._finish_batch(intake)
            sealed = self.seal(intake.pen(self.key), plain, self.place(intake), randomness)
            write_atomically(self.entry_path, message_file((sealed.entry,)), PRIVATE)
            self._remember(sealed.code, shown=False)
            try:
                intake.post([sealed.entry])
            except RejectedError:  # nothing was written, so nothing waits
                self._forget()
                raise
            append_commitments(board, [(sealed.code, sealed.commitments)])
        self._remember(sealed.code, shown=True)
        return sealed.code

    def resume(self, board: Path) -> Pending | None:
        """Go on after a power cut: commit the ballot that was under way, and return what waits for a decision.

        A ballot whose code was never shown is abandoned, with the reason; one that was shown waits for its voter's, or
        the poll workers', decision.

        Raises:
            ConflictError: The ballot belongs to another election.
        """
        pending = self.pending
        with Intake(board, self.groups, disk=self.disk) as intake:
            self._finish_batch(intake)
            if pending is None or not self._is_posted(intake, pending):
                return None
            decided = pending.code in intake.contents.decisions
        if decided:
            self._forget()
            return None
        if not pending.shown:
            self.decide(board, "abandoned", "power was cut before the code was shown")
            return None
        return pending

    def decide(self, board: Path, decision: Decision, reason: str = "", secrets: Sequence[bytes] = ()) -> bytes:
        """Post the decision about the waiting ballot, and return its code.

        Args:
            board: The board.
            decision: What becomes of the ballot.
            reason: For people.
            secrets: What stands behind the voter's private codes: to cast a ballot in an election with a roll.

        Raises:
            NotReadyError: No ballot waits.
            WrongKeyError: The codes are not those of one voter of the roll.
        """
        pending = self.pending
        if pending is None:
            raise NotReadyError("no ballot waits for a decision", where=str(self.home), remedy="e2ev ballot encrypt")
        with Intake(board, self.groups, disk=self.disk) as intake:
            self._authorize(intake, pending.code, secrets)
            self._decide(intake, [pending.code], [decision], reason)
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
        source: bytes = b"",
    ) -> list[bytes]:
        """Encrypt, commit and decide about many ballots, and return their codes; ConflictError while one waits.

        Args:
            board: The board.
            ballots: The ballots, each with its decision.
            progress: Told how many are encrypted.
            randomness: For the ballots.
            source: Names what the ballots come from. Where given, the same ballots from the same source go on where
                a power cut stopped them, and are never posted twice.
        """
        self._check_nothing_waits()
        with Intake(board, self.groups, disk=self.disk) as intake:
            check_many(intake.contents, [decision for _, decision in ballots])
            self._finish_batch(intake)
            place, before = self.place(intake), len(self._codes(intake.contents))
            run = self._run(source, intake.contents.id)
            with place.context.in_bulk(len(ballots) - run.rows):
                for start in range(run.rows, len(ballots), BATCH):
                    batch, sealed = ballots[start : start + BATCH], list[Sealed]()
                    for one in self._seal_all(intake.pen(self.key), place, batch, randomness):
                        sealed.append(one)
                        progress(start + len(sealed))
                    place = sealed[-1].place
                    run = replace(run, spans=(*run.spans, (before, len(batch))), decisions=tuple(d for _, d in batch))
                    self._keep_batch(source, run, [one.entry for one in sealed])
                    self._post_batch(board, intake, sealed, run.decisions)
                    before += len(batch)
            return run.of(self._codes(intake.contents), run.spans)

    def close(self, board: Path) -> bodies.DeviceClosedBody:
        """End the device's chain; run again, it says what was posted.

        Raises:
            ConflictError: A ballot waits for its decision.
        """
        self._check_nothing_waits()
        with Intake(board, self.groups, disk=self.disk) as intake:
            self._finish_batch(intake)
            contents = intake.contents
            device = self._standing(contents).admitted
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

    def place(self, intake: Intake) -> Place:
        """Return where the device stands in its chain of codes; WrongKeyError if it is not admitted."""
        device = self._standing(intake.contents).admitted
        context = intake.contents.ballot_context()
        return Place(context, hashing.device_hash(context.extended_hash, device.name), device.last_code)

    def prepare(self, board: Path, style: int) -> None:
        """Do every exponentiation of the device's next ballot of this style, while nobody waits."""
        with Intake(board, self.groups, disk=self.disk) as intake:
            place, pen = self.place(intake), intake.pen(self.key)
        self._pool.put(prepare(place.context, style, pen.author, pen.counter))

    def seal(self, pen: Pen, plain: PlainBallot, place: Place, randomness: Randomness = SYSTEM_RANDOMNESS) -> Sealed:
        """Return the signed entry of a ballot, and the place of the next one; a prepared ballot is used up first."""
        return seal(pen, plain, place, randomness, self._pool.take(plain.style, pen.author, pen.counter))

    def _standing(self, contents: Contents) -> Standing:
        device = contents.devices.get(author_of(self.key.verify_key))
        if device is None:
            remedy = "e2ev election admit, with device.card"
            raise WrongKeyError("this device is not admitted to this election", where=str(self.home), remedy=remedy)
        return Standing(contents, device)

    def _check_nothing_waits(self) -> None:
        if self.pending is not None:
            remedy = "cast or challenge it: e2ev ballot cast, e2ev ballot challenge"
            raise ConflictError("the ballot before has no decision yet", where=str(self.home), remedy=remedy)

    def _is_posted(self, intake: Intake, pending: Pending) -> bool:
        """Post the waiting ballot if it is not on the board, and return whether it could be."""
        if pending.code in intake.contents.ballots:
            return True
        entries = read_messages(self.entry_path)
        if any(entry.header.election != intake.contents.id for entry in entries):
            remedy = "give the board that it was made for"
            raise ConflictError("the waiting ballot belongs to another election", where=str(self.home), remedy=remedy)
        try:
            intake.post(entries)
        except RejectedError:
            if pending.shown:
                raise
            self._forget()  # nobody saw its code, and the board will never take it
            return False
        return True

    # Many ballots: a batch is kept before it is posted, and finished before anything else is done

    def _codes(self, contents: Contents) -> list[bytes]:
        author = author_of(self.key.verify_key)
        return [code for code, place in contents.ballots.items() if place.author == author]

    def _seal_all(
        self, pen: Pen, place: Place, batch: Iterable[tuple[PlainBallot, Decision]], randomness: Randomness
    ) -> Iterator[Sealed]:
        """Yield the ballots sealed, each where the one before has left the device's chains."""
        for plain, _ in batch:
            sealed = self.seal(pen, plain, place, randomness)
            yield sealed
            place = sealed.place
            pen = replace(pen, counter=pen.counter + 1, previous=sealed.entry.leaf_hash)

    def _post_batch(self, board: Path, intake: Intake, sealed: list[Sealed], decisions: Sequence[Decision]) -> None:
        intake.post([one.entry for one in sealed])
        append_commitments(board, [(one.code, one.commitments) for one in sealed])
        self._decide(intake, [one.code for one in sealed], decisions)

    def _run_path(self, source: bytes) -> Path:
        return self.home / f"device.run-{hashlib.sha256(source).hexdigest()[:32]}"

    def _run(self, source: bytes, election: bytes) -> Run:
        path = self._run_path(election + source)
        return _read_run(path) if source and path.exists() else Run(election)

    def _keep_batch(self, source: bytes, run: Run, entries: Sequence[Entry]) -> None:
        if source:
            write_atomically(self.batch_path, message_file(tuple(entries)), PRIVATE)
            run.write(self._run_path(run.election + source))

    def _finish_batch(self, intake: Intake) -> None:
        for path in sorted(self.home.glob("device.run-*")):
            run = _read_run(path)
            if run.election != intake.contents.id or not run.decisions:
                continue
            if len(run.of(self._codes(intake.contents), run.spans)) < run.rows:
                try:
                    intake.post(read_messages(self.batch_path))
                except RejectedError:  # the board will never take it, and nobody saw its codes
                    replace(run, spans=run.spans[:-1], decisions=()).write(path)
                    continue
            self._decide(intake, run.of(self._codes(intake.contents), run.spans[-1:]), run.decisions)

    def _decide(self, intake: Intake, codes: Sequence[bytes], decisions: Sequence[Decision], reason: str = "") -> None:
        entries, pen = list[Entry](), intake.pen(self.key)
        for code, decision in zip(codes, decisions, strict=True):
            if code not in intake.contents.decisions:
                entry, pen = pen.write(Kind.DECISION, encode(bodies.DecisionBody(1, code, decision, reason)))
                entries.append(entry)
        intake.post(entries)

    def _authorize(self, intake: Intake, code: bytes, secrets: Sequence[bytes]) -> None:
        if secrets and (body := authorization(intake.contents, code, secrets)) is not None:
            intake.admit([intake.pen(self.key).write(Kind.AUTHORIZATION, encode(body))[0]])

    def _remember(self, code: bytes | None, *, shown: bool) -> None:
        content = {"code": code.hex() if code else "", "shown": shown}
        write_atomically(self.state_path, json.dumps(content).encode(), PRIVATE)

    def _forget(self) -> None:
        self._remember(None, shown=False)


def _read_state(path: Path, most: int) -> dict[str, Any]:
    try:
        return dict(json.loads(read_bounded(path, most)))
    except (TypeError, ValueError) as error:
        raise _damaged(path) from error


def _read_run(path: Path) -> Run:
    content = _read_state(path, 64 << 20)
    try:
        spans = tuple((int(first), int(count)) for first, count in content["spans"])
        return Run(bytes.fromhex(content["election"]), spans, tuple(content["decisions"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> DataError:
    remedy = "take the device out of service: e2ev election replace; its ballots stay on the board"
    return DataError("what the device kept is damaged", where=str(path), remedy=remedy)
