"""The administrator's machine: founds the election, takes in messages, opens, closes, decides what is decrypted.

It holds no secret that opens a ballot. What it posts, every verifier checks.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from e2ev import ceremony, chaining, hashing
from e2ev.board.contents import Contents
from e2ev.board.ledger import read_contents
from e2ev.board.log import BoardLog, read_mark
from e2ev.board.reader import HEAD_BYTES, Committed, scan
from e2ev.board.stations import missing_of
from e2ev.errors import ConflictError, DataError, E2evError, NotReadyError
from e2ev.group import STANDARD_GROUPS, SYSTEM_RANDOMNESS, Group
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.eligibility import RegistrarAdmittedBody
from e2ev.record.entry import NO_ENTRY, Pen, author_of, key_of
from e2ev.record.kinds import Kind
from e2ev.roles.doctor import Machine
from e2ev.roles.examine import check_message
from e2ev.roles.founding import Founding, check_founding, genesis_body, is_founded_so
from e2ev.roles.gathering import MOST
from e2ev.roles.intake import Intake, keep_of, load_log_key, load_online_key, save_online_key
from e2ev.roles.messages import is_outdated, messages_in, read_messages
from e2ev.roles.status import awaited_devices, awaited_stations, named_devices
from e2ev.signing import SigningKey
from e2ev.storage.disk import read_bounded, write_once
from e2ev.storage.keyfile import KeyFileHeader, open_key_file, save_key_file
from e2ev.storage.seal import Cost, Passphrase
from e2ev.verify.anchors import anchors_file, anchors_of, read_anchors


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of one message file.

    Attributes:
        path: The file.
        state: Outdated is what a trustee wrote for an attempt that was given up, and never posted.
        reason: Why it was refused.
    """

    path: Path
    state: Literal["posted", "known", "outdated", "refused"]
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

        Run again with the same founding it changes nothing, or finishes what was cut off.

        Raises:
            ConflictError: Another board exists there, two trustees have one key or name, or k = n without consent.
        """
        passphrase.check_length()
        check_founding(founding)
        self._clear_beginning()
        if not self.board.exists():
            self._begin(founding, passphrase)
        if not (self.keep / "mark").exists():
            raise ConflictError("this board exists already", where=str(self.board), remedy="choose another name")
        contents = self._recovered(founding)
        if self.key(passphrase).verify_key != key_of(contents.administrator) or not is_founded_so(contents, founding):
            raise ConflictError(
                "the board of another election exists already", where=str(self.board), remedy="choose another name"
            )
        if not self.anchors_path.exists():
            write_once(self.anchors_path, anchors_file(anchors_of(contents)))
        return contents

    def _clear_beginning(self) -> None:
        """Remove a board whose founding was cut off before anything was committed; nobody can have seen it."""
        mark = self.keep / "mark"
        if not self.key_path.exists() or (mark.exists() and read_mark(mark).size):
            return
        if self.board.exists() and not _is_beginning(self.board):
            return
        self.board.unlink(missing_ok=True)
        mark.unlink(missing_ok=True)

    def _begin(self, founding: Founding, passphrase: Passphrase) -> None:
        """Make the keys, unless they are there already, and the board."""
        self.keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.key_path.exists():
            key = SigningKey.generate()
            header = KeyFileHeader("administrator", founding.origin, "original", author_of(key.verify_key))
            save_key_file(self.key_path, header, key.seed(), passphrase, self.cost)
        key = self.key(passphrase)
        if not (self.keep / "log.key").exists():
            save_online_key(self.keep / "log.key", SigningKey.generate())
        log_key = load_online_key(self.keep / "log.key")
        body = encode(genesis_body(founding, author_of(log_key.verify_key), SYSTEM_RANDOMNESS(32)))
        entry, _ = Pen(key, NO_ENTRY).write(Kind.GENESIS, body)
        election = hashing.election_identifier(body)
        size = founding.segment_size
        with BoardLog.create(self.board, self.keep, founding.origin, log_key, election, segment_size=size) as log:
            log.append([entry])

    def _recovered(self, founding: Founding) -> Contents:
        """Return what stands on the board; a founding that was cut off before its checkpoint is finished first."""
        try:
            return self.contents()
        except DataError:
            with BoardLog(self.board, self.keep, founding.origin, load_log_key(self.board)):
                return self.contents()

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

    def collect(self, places: Sequence[Path]) -> list[Collected]:
        """Post every message that is right and whose time has come; others stay where they are, with the reason.

        They are committed together, in groups of `gathering.MOST` entries.

        Args:
            places: Message files, and folders with some.

        Raises:
            StorageError: The disk refused. What was committed before stays, and is known again the next time.
        """
        waiting = messages_in(tuple(places))
        done: dict[Path, Collected] = {}
        with Intake(self.board, self.groups) as intake:
            progress = True
            while progress:
                progress = False
                for path in waiting:
                    if path not in done or done[path].state == "refused":
                        done[path] = _taken(self.board, intake, path)
                        progress = progress or done[path].state == "posted"
            intake.commit()
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
        """Admit a device for one reporting unit; once is enough.

        Raises:
            NotReadyError: There are no joint keys yet.
            ConflictError: The device is admitted with another name or unit, or its name is taken.
        """
        contents = self.contents()
        extended = contents.joint_keys().extended_hash
        index = contents.manifest.unit_by_label(unit).index
        named = [contents.devices[author]] if author in contents.devices else named_devices(contents, information)
        for device in named:
            if (device.admitted.body.form.author, device.name, device.unit) == (author, information, index):
                return
            raise ConflictError(
                f"a device {device.name} at {contents.manifest.unit(device.unit).label} is admitted already",
                where=device.admitted.where,
                remedy="each device has a key and a name of its own: e2ev device init, in a folder of its own",
            )
        device_hash = hashing.device_hash(extended, information)
        start = chaining.chain_start(extended, device_hash) if contents.manifest.chaining == "simple" else None
        self._post(
            passphrase,
            Kind.DEVICE_ADMITTED,
            bodies.DeviceAdmittedBody(1, author, information, index, device_hash, start),
        )

    def admit_registrar(self, author: bytes, name: str, unit: int, passphrase: Passphrase) -> None:
        """Admit a registrar of one reporting unit, or of the whole election for unit 0."""
        self._post(passphrase, Kind.REGISTRAR_ADMITTED, RegistrarAdmittedBody(1, name, author, unit))

    def replace(self, author: bytes, reason: str, passphrase: Passphrase) -> None:
        """State that a device is out of service, over the ballots that it posted; once is enough.

        Raises:
            ConflictError: The device has closed.
        """
        contents = self.contents()
        device = contents.devices.get(author)
        if device is not None and device.replaced is not None:
            return
        if device is not None and device.closed is not None:
            raise ConflictError(f"{device.name} has closed: it posts no more", where=device.closed.where,
                                remedy="nothing is left to do")  # fmt: skip
        if device is not None and device.unit in contents.stations and missing_of(contents, device.unit):
            raise NotReadyError(f"{device.name} may have posted on its station's board, which is not here yet",
                                remedy="e2ev board merge-station first, or paper-count")  # fmt: skip
        ballots = device.ballots if device is not None else 0
        self._post(passphrase, Kind.DEVICE_REPLACED, bodies.DeviceReplacedBody(1, author, ballots, reason))

    def open(self, passphrase: Passphrase) -> None:
        """Open voting; once is enough.

        Raises:
            NotReadyError: The keys are not joined, or a rehearsal is missing.
        """
        contents = self.contents()
        if contents.opened is not None:
            return
        contents.joint_keys()
        missing = [contents.name_of(i) for i in contents.election.everyone() if i not in contents.rehearsals]
        if missing:
            raise NotReadyError("not rehearsed yet: " + ", ".join(missing), remedy="e2ev trustee rehearse, by each")
        self._post(passphrase, Kind.OPEN, bodies.OpenBody(1))

    def close(self, passphrase: Passphrase) -> bodies.CloseBody:
        """Mark undecided ballots as abandoned, and close voting; run again, it says what was posted.

        Raises:
            NotReadyError: Voting was never opened, or a device has not closed its chain.
        """
        key = self.key(passphrase)
        with Intake(self.board, self.groups) as intake:
            contents = intake.contents
            if contents.closed is not None:
                return contents.closed.body.form
            if contents.opened is None:
                raise NotReadyError("voting was not opened", remedy="e2ev election open")
            if awaited := awaited_stations(contents):
                raise NotReadyError("; ".join(awaited),
                                    remedy="e2ev board log-station, then merge-station; or paper-count")  # fmt: skip
            if awaited := awaited_devices(contents):
                raise NotReadyError("these devices have not closed: " + ", ".join(awaited),
                                    remedy="e2ev device close on each, or e2ev election replace")  # fmt: skip
            undecided = [code for code in contents.ballots if code not in contents.decisions]
            for code in undecided:
                body = bodies.DecisionBody(1, code, "abandoned", "undecided when voting was closed")
                intake.post([intake.pen(key).write(Kind.DECISION, encode(body))[0]])
            made = contents.decision_counts()
            counts = (made["cast"], made["challenged"], made["abandoned"])
            body_close = bodies.CloseBody(1, len(contents.ballots), *counts)
            intake.post([intake.pen(key).write(Kind.CLOSE, encode(body_close))[0]])
        return body_close

    def correct(self, entry: bytes, reason: str, passphrase: Passphrase) -> None:
        """State that an earlier entry's text was wrong."""
        self._post(passphrase, Kind.CORRECTION, bodies.CorrectionBody(1, entry, reason))

    def machine(self, failing: int) -> Machine:
        """Return what `doctor` wants to know of this machine; a torn tail of the board is set aside.

        Args:
            failing: Number of findings of a verification.
        """
        contents, trouble = self.contents(), ""
        try:
            with Intake(self.board, self.groups):
                pass
        except E2evError as error:
            trouble = str(error)
        try:
            anchors = read_anchors(read_bounded(self.anchors_path, 1 << 22), str(self.anchors_path))
            held = anchors_of(contents)
            known = (anchors.manifest, anchors.administrator, anchors.log, anchors.trustees)
            fitting = known == (held.manifest, held.administrator, held.log, held.trustees)
        except E2evError:
            fitting = False
        return Machine(shutil.disk_usage(self.board.parent).free, trouble, fitting, failing)

    def anchors(self, *, root: bool) -> bytes:
        """Return the anchors file of the board as it stands: with its devices, and with its root if that is wanted.

        Registrars are left out: the organiser cannot vouch for those who vouch for the voters.
        """
        roots = [event.root for event in scan(self.board) if isinstance(event, Committed)]
        known = anchors_of(self.contents(), roots[-1] if root else b"")
        return anchors_file(replace(known, registrars=()))

    def _post(self, passphrase: Passphrase, kind: Kind, body: object) -> None:
        key = self.key(passphrase)
        with Intake(self.board, self.groups) as intake:
            intake.post([intake.pen(key).write(kind, encode(body))[0]])


def _is_beginning(board: Path) -> bool:
    """Return whether a file is a board on which nothing was ever committed."""
    try:
        return not any(isinstance(event, Committed) for event in scan(board))
    except DataError:
        return board.stat().st_size < HEAD_BYTES


def _taken(board: Path, intake: Intake, path: Path) -> Collected:
    """Let a message's entries wait for the next commit, if they are right."""
    try:
        entries = read_messages(path)
    except E2evError as error:
        return _refused(path, error)
    if intake.waiting + len(entries) > MOST:
        intake.commit()
    contents = intake.contents
    if entries and all(is_outdated(contents, entry) and not intake.holds(entry) for entry in entries):
        return Collected(path, "outdated")
    try:
        fresh = [entry for entry in entries if entry.header.counter > intake.head(entry.header.author).counter]
        for entry in fresh:
            check_message(board, contents, entry)
        intake.admit(entries)
    except E2evError as error:
        return _refused(path, error)
    return Collected(path, "posted" if fresh else "known")


def _refused(path: Path, error: E2evError) -> Collected:
    by = f", by {error.culprit}" if error.culprit else ""
    return Collected(path, "refused", str(error) + by)
