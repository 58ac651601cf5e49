"""The demonstration: one election from the ceremony to the audit, with the real roles, stage by stage."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from e2ev.board.commitments import commitments_of
from e2ev.board.files import board_bytes
from e2ev.board.log import BoardLog
from e2ev.codes import short_hex, spoken, tracking_code
from e2ev.demo import ward
from e2ev.demo.honest import NAMES, PASSPHRASE, HonestElection
from e2ev.demo.watching import COSIGNERS, Watching
from e2ev.errors import RejectedError
from e2ev.group import P4096, Group
from e2ev.record.entry import Entry
from e2ev.roles.device import Device
from e2ev.roles.intake import Intake, keep_of, load_online_key
from e2ev.storage.disk import Disk
from e2ev.verify.anchors import read_anchors
from e2ev.verify.check import Report
from e2ev.verify.run import Options, Progress, verify

TRUSTEES, QUORUM = 5, 3
PRESENT = (1, 3, 4)
STUFFED = 10
LIAR = 0
"""The station whose device lies, from 0."""
STUFFER = 1
"""The station where ballots are stuffed, from 0."""


@dataclass(frozen=True, slots=True)
class Told:
    """One stage, as people are told about it.

    Attributes:
        title: What happens.
        lines: What was seen.
        meaning: One sentence for people.
        table: Rows of a table, the first of them heads.
    """

    title: str
    lines: tuple[str, ...]
    meaning: str
    table: tuple[tuple[str, ...], ...] = ()


class PowerCut(Disk):
    """A disk under which the power fails at the first sync of a board: the process is killed, nothing is tidied up."""

    def sync_data(self, descriptor: int) -> None:
        """Kill this process."""
        os.kill(os.getpid(), signal.SIGKILL)


class Story:
    """The stages in order. Each is run when the next one is asked for.

    Args:
        root: An empty folder.
        count: Number of ballots, None for the whole ward.
        seed: Of the sample.
        jobs: Processes of each check of the record.
        progress: Gives, for a name of long work, what to call with done and total.
        group: Another one for tests alone.
    """

    def __init__(
        self,
        root: Path,
        count: int | None,
        seed: int,
        jobs: int,
        progress: Callable[[str], Progress],
        group: Group = P4096,
    ) -> None:
        self.election = HonestElection(root, group, jobs=jobs)
        self.votes = ward.ward_ballots(count, seed)
        self.progress = progress
        self._watching: Watching | None = None

    @property
    def board(self) -> Path:
        """The board."""
        return self.election.board

    def a_code(self) -> str:
        """Return the tracking code of some counted ballot."""
        return tracking_code(self._a_ballot())

    @property
    def watching(self) -> Watching:
        """The cosigners, whose folders are made when they are first asked for."""
        if self._watching is None:
            folder = self.election.root / "watching"
            folder.mkdir()
            self._watching = Watching(folder, self.board)
        return self._watching

    def _a_ballot(self) -> bytes:
        contents = self.election.administrator.contents()
        return next(code for code in contents.ballots if contents.counted(code))

    def stages(self) -> Iterator[Told]:
        """Run the election and tell each stage."""
        yield self._ceremony()
        yield self._opening()
        yield self._power_cut()
        yield self._test_ballot()
        yield self._voting()
        yield self._decryption()
        yield self._counts()
        yield self._audit()
        yield self._stuffing()
        yield self._cosigning()
        yield self._fork()
        yield _limits()

    def _options(self, what: str) -> Options:
        return replace(self.election.options, progress=self.progress(what))

    def _ceremony(self) -> Told:
        self.election.found(ward.ward_manifest(), TRUSTEES, QUORUM)
        self.election.hold_ceremony()
        keys = self.election.administrator.contents().joint_keys()
        words = self.election.trustees[0].fingerprints(self.board)
        return Told(
            f"Key ceremony: {TRUSTEES} key holders, any {QUORUM} of whom can decrypt",
            (
                f"{', '.join(NAMES[:TRUSTEES])} each made a secret, shared it, and checked all others",
                f"{NAMES[0]} read aloud: {next(iter(words.values()))}",
                f"all accepted the same keys: {short_hex(keys.trustee_record_hash, 16)}",
                "all rehearsed with their backup key files",
            ),
            "No one person, and no two, can open a ballot; two may be lost and the result still comes out.",
        )

    def _opening(self) -> Told:
        self.election.admit_devices(ward.STATIONS)
        self.election.administrator.open(PASSPHRASE)
        return Told(
            "Voting opens",
            tuple(f"device {i} admitted for {name}" for i, name in enumerate(ward.STATIONS, 1)),
            "From here on every entry on the board is signed by a device that everybody knows.",
        )

    def _power_cut(self) -> Told:
        device = self.election.devices[LIAR]
        child = os.fork()
        if child == 0:
            try:
                Device(device.home, device.groups, disk=PowerCut()).encrypt(self.board, ward.plain(0, LIAR))
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            raise RejectedError("the power cut did not happen")
        waiting = Device(device.home, device.groups).resume(self.board)
        contents = self.election.administrator.contents()
        (code,) = contents.ballots
        return Told(
            "A power cut in the middle of a ballot",
            (
                f"the device at {ward.STATIONS[LIAR]} was killed while it wrote ballot {tracking_code(code)[:9]}...",
                f"after the restart: {contents.decision(code)}, "
                f"{contents.decisions[code].reason}; {'one waits' if waiting else 'nothing waits'}",
            ),
            "A ballot whose code nobody saw is marked as abandoned, in public, and the voter starts again.",
        )

    def _test_ballot(self) -> Told:
        device = self.election.devices[LIAR]
        asked, sealed = 4, 5
        code = device.encrypt(self.board, ward.plain(sealed, LIAR))
        device.decide(self.board, "challenged")
        self.election.tally(PRESENT)
        shown = self.election.administrator.contents().opened_ballots[code].body.form.contests[0].selections
        held = next(selection.label for selection in shown if selection.value)
        names = [name for name, _ in ward.FIRST_PREFERENCES]
        return Told(
            "A lying device, exposed by a test ballot",
            (
                f"a voter chose {names[asked]}, got the code {tracking_code(code)}, and then said: this was a test",
                f"the key holders opened it: the device had encrypted {held}",
            ),
            "The device cannot know which ballot is a test before it has committed to it; so it cannot lie safely.",
        )

    def _voting(self) -> Told:
        stations = len(ward.STATIONS)
        ballots = [ward.plain(option, i % stations) for i, option in enumerate(self.votes)]
        report = self.progress("encrypting ballots")
        self.election.vote([(ballot, "cast") for ballot in ballots], lambda done: report(done, len(ballots)))
        self.election.close()
        size = board_bytes(self.board)
        return Told(
            f"{len(self.votes)} ballots cast, voting closes",
            (f"the board is one file of {size / 1e6:.1f} MB: {self.board}",),
            "Everybody can have this file; nobody can read a vote in it.",
        )

    def _decryption(self) -> Told:
        self.election.watch = self.progress("key holders check every ballot")
        self.election.tally(PRESENT)
        absent = [NAMES[i] for i in range(TRUSTEES) if i + 1 not in PRESENT]
        return Told(
            "Two key holders are missing, and it is still decrypted",
            (
                f"{' and '.join(absent)} never came back",
                "; ".join(f"{NAMES[i - 1]} checked the whole record, then answered" for i in PRESENT),
            ),
            "Each of them decrypted only sums of at least "
            f"{ward.MINIMUM_CELL} ballots, and only after checking every proof.",
        )

    def _counts(self) -> Told:
        contents = self.election.administrator.contents()
        result = contents.latest_attempt().result
        if result is None:
            raise RejectedError("there is no result")
        cells = result.body.form.cells
        manifest = contents.manifest
        heads = ("", *(" + ".join(manifest.unit(u).label for u in cell.units) for cell in cells), "together", "put in")
        rows = [heads]
        for i, (name, _) in enumerate(ward.FIRST_PREFERENCES):
            numbers = [cell.options[i].count.count for cell in cells]
            rows.append((name, *map(str, numbers), str(sum(numbers)), str(ward.counts(self.votes)[i])))
        same = all(row[-1] == row[-2] for row in rows[1:])
        if not same:
            raise RejectedError("the counts that came out are not those that were put in")
        return Told(
            "The counts come out",
            (f"the same as the {'published ones' if len(self.votes) == 1150 else 'sample'}",),
            "The numbers follow from the published ballots; anyone can compute that again.",
            tuple(rows),
        )

    def _audit(self) -> Told:
        anchors = read_anchors(self.election.administrator.anchors_path.read_bytes(), "anchors")
        report = verify(self.board, replace(self._options("auditor checks every ballot"), anchors=anchors))
        passed = sum(1 for outcome in report.outcomes if outcome.state.value == "passed")
        return Told(
            f"An auditor checks the file: {report.verdict.value}",
            (
                f"{passed} checks passed, {len(report.findings)} failed, over {report.entries} entries",
                f"root of the board: {spoken(report.root, 6)}",
            ),
            "The auditor needs the file, this program or another one, and no permission.",
        )

    def _stuffing(self) -> Told:
        copy = self.election.root / "stuffed" / self.board.name
        copy.parent.mkdir()
        shutil.copy(self.board, copy)
        shutil.copy(commitments_of(self.board), commitments_of(copy))
        shutil.copytree(keep_of(self.board), keep_of(copy))
        device = self.election.devices[STUFFER]
        refused = _post_refused(copy, device)
        _force(copy, _stuffed(copy, device), device.groups)
        report = verify(copy, self._options("auditor checks the stuffed board"))
        return Told(
            f"{STUFFED} ballots stuffed at {ward.STATIONS[STUFFER]} after it closed: {report.verdict.value}",
            (f"posted the ordinary way: {refused}", *_stuffing_lines(report)),
            "Even with the device's key and the log's own key, what was closed cannot be added to unseen.",
        )

    def _cosigning(self) -> Told:
        self.watching.cosign()
        receipt = self.watching.receipt(self._a_ballot())
        size = self.watching.receipt_path.stat().st_size
        if receipt.provisional:
            raise RejectedError("the receipt is provisional")
        return Told(
            "Two independent cosigners, and a receipt that needs no board",
            (
                f"{' and '.join(COSIGNERS)} each read the file and cosigned {receipt.standing.checkpoint.size} entries",
                f"a voter's receipt of {size:,} bytes, checked without the board or a network: entry {receipt.index}, "
                f"cosigned by {' and '.join(receipt.standing.cosigned)}",
            ),
            "Whoever changes the board later contradicts papers and files that strangers hold.",
        )

    def _fork(self) -> Told:
        fork = self.watching.fork(self.election.administrator.key(PASSPHRASE), self.election.group)
        return Told(
            "The log's keeper signs a second board, and is exposed",
            (
                f"from entry {fork.entry} on, the last entries were replaced and signed with the log's own key",
                f"a cosigner refuses: {fork.refusal}",
                f"evidence of {fork.size:,} bytes, checked with the log's key alone: {fork.evidence.name}",
            ),
            "Two signed boards prove the fraud by themselves; nobody has to be believed.",
        )


def _stuffed(board: Path, device: Device) -> list[Entry]:
    """Return well-formed ballots of a closed device, signed with its own key."""
    with Intake(board, device.groups) as intake:
        place, pen = device.place(intake), intake.pen(device.key)
        entries = []
        for _ in range(STUFFED):
            sealed = device.seal(pen, ward.plain(5, STUFFER), place)
            pen = replace(pen, counter=pen.counter + 1, previous=sealed.entry.leaf_hash)
            place = sealed.place
            entries.append(sealed.entry)
    return entries


def _post_refused(board: Path, device: Device) -> str:
    entries = _stuffed(board, device)
    try:
        with Intake(board, device.groups) as intake:
            intake.post(entries)
    except RejectedError as error:
        return error.found
    raise RejectedError("the board took in stuffed ballots")


def _force(board: Path, entries: Sequence[Entry], groups: Sequence[Group]) -> None:
    """Write entries past the rules, as somebody who has the log's key can."""
    with Intake(board, groups) as intake:
        origin = intake.contents.genesis.body.form.log_origin
    with BoardLog(board, keep_of(board), origin, load_online_key(keep_of(board) / "log.key")) as log:
        log.append(entries)


def _stuffing_lines(report: Report) -> tuple[str, ...]:
    found = [finding for finding in report.findings if finding.check == "B.9"]
    culprits = {finding.culprit for finding in found}
    return (f"written past the rules: {len(found)} findings of check B.9, each naming {', '.join(sorted(culprits))}",)


def _limits() -> Told:
    return Told(
        "What this cannot show",
        (
            "whether only eligible people voted, each once: that needs the roll and the check-ins beside it",
            "ballots that an insider adds while the station is open, for people who did not come",
            "what a voter was made to do, and what was photographed in the booth",
            "whether any three key holders met in secret: together they could open single ballots",
        ),
        "For public office this runs beside paper that is counted in the room, never instead of it.",
    )
