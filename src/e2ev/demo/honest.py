"""A small honest election, made by the real roles: for the demonstration, for test vectors and for tests."""

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from e2ev.ballot import BallotContext, EncryptedBallot, PlainBallot
from e2ev.errors import StorageError
from e2ev.group import P4096, SYSTEM_RANDOMNESS, Group, Randomness
from e2ev.record import bodies
from e2ev.record.codec import admit, decode, encode
from e2ev.record.entry import Pen
from e2ev.record.kinds import Kind
from e2ev.roles import decryption, tallying
from e2ev.roles.administrator import Administrator
from e2ev.roles.checkin import Desk
from e2ev.roles.choices import Decision
from e2ev.roles.device import Device
from e2ev.roles.founding import Founding
from e2ev.roles.sealing import Place, Sealed
from e2ev.roles.trustee import Trustee
from e2ev.sharing import TrusteeId
from e2ev.storage.disk import Disk
from e2ev.storage.seal import Cost, Passphrase
from e2ev.verify.run import Options, Progress

PASSPHRASE = Passphrase("demonstration only")
QUICK = Cost(log_n=4)
"""Sealing that costs nothing: the passphrase of a demonstration is printed here anyway."""

NAMES = ("Aigul", "Bakyt", "Chinara", "Daniyar", "Elmira", "Farida", "Gulnara", "Hasan", "Indira")

Change = Callable[[BallotContext, EncryptedBallot], EncryptedBallot]
"""What a lying device does to a ballot before it signs it."""


class LyingDevice(Device):
    """A device that signs and posts something else than what it encrypted."""

    def __init__(self, honest: Device, change: Change) -> None:
        super().__init__(honest.home, honest.groups)
        self.change = change

    def seal(self, pen: Pen, plain: PlainBallot, place: Place, randomness: Randomness = SYSTEM_RANDOMNESS) -> Sealed:
        """Return the signed entry of the changed ballot."""
        sealed = super().seal(pen, plain, place, randomness)
        made = admit(decode(bodies.BallotBody, sealed.entry.body, place.context.group, "ballot"), "ballot").ballot
        changed = self.change(place.context, made)
        entry, _ = pen.write(Kind.BALLOT, encode(bodies.BallotBody(1, changed)), changed.code)
        after = replace(sealed.place, last_code=changed.code)
        return replace(sealed, entry=entry, code=changed.code, place=after)


class FailingDisk(Disk):
    """A disk on which nothing that has to last can be written any more."""

    def sync_data(self, descriptor: int) -> None:
        """Fail."""
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@dataclass
class HonestElection:
    """The machines of one election, in folders under `root`.

    Attributes:
        root: Everything is below it.
        group: The group.
        jobs: Processes of each check of the record.
        watch: Told how far a check is.
        hoard: Whether trustees keep the secrets that they ought to forget on acceptance: tampering needs them.
        features: Parts beyond the core that the election may use.
        stations: Stations' own boards, by label of the polling place.
        registrars: Those of the whole election, and check-in desks.
    """

    root: Path
    group: Group = P4096
    trustees: list[Trustee] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    jobs: int = 1
    watch: Progress = lambda _done, _all: None
    hoard: bool = False
    features: tuple[str, ...] = ()
    stations: dict[str, Path] = field(default_factory=dict)
    registrars: list[Desk] = field(default_factory=list)

    @property
    def board(self) -> Path:
        """The board file."""
        return self.root / "election" / "demo.board"

    @property
    def administrator(self) -> Administrator:
        """The administrator's machine."""
        return Administrator(self.board, (self.group,), QUICK)

    @property
    def options(self) -> Options:
        """How records are checked on the way."""
        return Options(jobs=self.jobs, groups=(self.group,), progress=self.watch)

    @property
    def outboxes(self) -> list[Path]:
        """Where trustees leave their messages."""
        return [trustee.outbox for trustee in self.trustees]

    def found(self, manifest: bytes, count: int, quorum: int) -> None:
        """Seat `count` trustees and found the election."""
        self.trustees = [Trustee(self.root / f"trustee-{i + 1}", (self.group,), QUICK) for i in range(count)]
        cards = tuple(trustee.init(name, PASSPHRASE) for trustee, name in zip(self.trustees, NAMES, strict=False))
        self.board.parent.mkdir(parents=True, exist_ok=True)
        founding = Founding(manifest, cards, quorum, "demo.invalid/election", self.group, False, self.features)
        self.administrator.found(founding, PASSPHRASE)

    def collect(self) -> None:
        """Post what the trustees have written."""
        self.administrator.collect(self.outboxes)

    def hold_ceremony(self) -> None:
        """Keys, shares, acceptance, joint keys, backups and rehearsals."""
        for trustee in self.trustees:
            trustee.keygen(self.board, PASSPHRASE)
        self.collect()
        for trustee in self.trustees:
            trustee.share(self.board, PASSPHRASE)
            if self.hoard:
                shutil.copy(trustee.key_path, trustee.home / "hoard.key")
        self.collect()
        heard = self.trustees[0].fingerprints(self.board)
        for trustee in self.trustees:
            trustee.accept(self.board, self.outboxes, heard, PASSPHRASE)
        self.collect()
        self.administrator.join_keys(PASSPHRASE)
        for trustee in self.trustees:
            backup = trustee.home / "backup.key"
            trustee.backup(backup, PASSPHRASE, PASSPHRASE)
            trustee.rehearse(self.board, backup, PASSPHRASE)
        self.collect()

    def admit_devices(self, units: Sequence[str]) -> None:
        """Admit one device for each of the units, by label."""
        for number, unit in enumerate(units, 1):
            device = Device(self.root / f"device-{number}", (self.group,))
            author = device.init(f"D{number}", unit)
            self.administrator.admit(author, f"D{number}", unit, PASSPHRASE)
            self.devices.append(device)

    def vote(
        self, ballots: Sequence[tuple[PlainBallot, Decision]], progress: Callable[[int], None] = lambda _done: None
    ) -> list[bytes]:
        """Encrypt ballots, each on the first device of its unit, and post the decisions."""
        contents = self.administrator.contents()
        codes: list[bytes] = []
        for device, known in zip(self.devices, contents.devices.values(), strict=True):
            own = [(plain, decision) for plain, decision in ballots if plain.unit == known.unit]
            if own:
                codes += device.encrypt_many(self.board, own, _counting_on(len(codes), progress))
        return codes

    def lie(self, device: Device, plain: PlainBallot, change: Change, decision: Decision) -> bytes:
        """Post a ballot that was changed before it was signed, and the decision about it; return its code."""
        LyingDevice(device, change).encrypt(self.board, plain)
        return device.decide(self.board, decision)

    def fail(self, device: Device, plain: PlainBallot, board: Path | None = None) -> None:
        """Let the disk fail while a device posts a ballot, and go on afterwards: the ballot is abandoned."""
        with suppress(StorageError):
            Device(device.home, device.groups, disk=FailingDisk()).encrypt(board or self.board, plain)
        device.resume(board or self.board)

    def close(self) -> None:
        """Close every device, then voting."""
        for device in self.devices:
            device.close(self.board)
        self.administrator.close(PASSPHRASE)

    def tally(self, quorum: Sequence[int]) -> tallying.Opened:
        """Decide, decrypt and publish with this quorum."""
        members = [TrusteeId(i) for i in quorum]
        tallying.decide(self.administrator, members, PASSPHRASE, self.options)
        for i in members:
            decryption.commit(self.trustees[i - 1], self.board, PASSPHRASE, self.options)
        self.collect()
        for _ in ("openings", "responses"):
            for i in members:
                decryption.answer(self.trustees[i - 1], self.board, PASSPHRASE)
            self.collect()
        return tallying.publish(self.administrator, self.outboxes, PASSPHRASE)


def _counting_on(before: int, progress: Callable[[int], None]) -> Callable[[int], None]:
    return lambda done: progress(before + done)
