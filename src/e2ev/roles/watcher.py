"""The watcher's machine: follows a growing board, verifies what is new, and remembers what it has verified.

Its state is a text signed with a key of its own, and bound to the root that it saw. The state never moves past
something that is wrong: whoever starts the watcher again is told again. The key stands beside the state, so the
signature keeps out accidents and mixed-up files, not somebody who owns the machine.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from e2ev.board.contents import Contents
from e2ev.board.follow import CHANGED, SHRUNK, Advance, Alarm, Position, begin, follow
from e2ev.board.fork import evidence_against
from e2ev.board.ledger import Ledger
from e2ev.board.log import Head
from e2ev.board.merkle import Tree
from e2ev.board.note import NoteKey, check_checkpoint, parse_vkey
from e2ev.board.recall import recall
from e2ev.board.signed import last_signed
from e2ev.errors import DataError, E2evError, RejectedError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.roles.intake import load_online_key, save_online_key
from e2ev.signing import SigningKey, check_signature
from e2ev.storage.disk import read_bounded, write_atomically, write_once
from e2ev.verify.segments import SegmentSetting, ballot_jobs, units, verify_segment
from e2ev.verify.setting import Setting, setting_of

Progress = Callable[[int, int], None]
FORMAT = "e2ev watch state 1"
STATE = "state"
FORKED = "fork"
MAX_STATE = 1 << 26
TOGETHER = 16
"""Ballots that are verified at once: a watcher tells soon what it found."""


@dataclass(frozen=True, slots=True)
class State:
    """What a watcher has verified.

    Attributes:
        position: Of the log.
        judged: How many entries the election's rules were asked about.
        ballots: How many ballots, in their order on the board, had their proofs checked.
    """

    position: Position
    judged: int = 0
    ballots: int = 0


def state_file(state: State, key: SigningKey) -> bytes:
    """Return a state as its file has it: the signature, then a line for each thing."""
    position = state.position
    lines = [
        f"election {position.election.hex()}",
        f"log {position.key.vkey() if position.key else '-'}",
        f"size {position.tree.size}",
        f"root {position.tree.root().hex()}",
        f"checkpoint {position.noted_at} {b64encode(position.note).decode() or '-'}",
        f"end {position.end}",
        f"judged {state.judged}",
        f"ballots {state.ballots}",
        *(f"peak {peak.hex()}" for peak in position.tree.peaks),
        *(f"author {a.hex()} {head.counter} {head.leaf_hash.hex()}" for a, head in sorted(position.heads.items())),
    ]
    body = "".join(line + "\n" for line in lines).encode()
    return f"{FORMAT} {key.sign(_signed(body)).hex()}\n".encode() + body


def read_state(data: bytes, key: SigningKey, where: str) -> State:
    """Return the state in a file, only if `key` signed it.

    Raises:
        DataError: It is no state, or changed, or another watcher's.
    """
    remedy = "remove it to verify the board from its beginning again"
    first, _, body = data.partition(b"\n")
    try:
        signature = bytes.fromhex(first.decode().removeprefix(FORMAT + " "))
        check_signature(key.verify_key, _signed(body), signature, where=where)
        return _parsed(body.decode())
    except (ValueError, KeyError, IndexError, E2evError) as error:
        raise DataError("this is no state that this watcher has signed", where=where, remedy=remedy) from error


def _signed(body: bytes) -> bytes:
    return FORMAT.encode() + b"\0" + body


def _parsed(body: str) -> State:
    rows = [line.split(" ") for line in body.splitlines()]
    one = {row[0]: row[1:] for row in rows}
    peaks = tuple(bytes.fromhex(row[1]) for row in rows if row[0] == "peak")
    tree = Tree(int(one["size"][0]), peaks)
    if tree.root().hex() != one["root"][0]:
        raise ValueError("the peaks have another root")
    key, note = one["log"][0], one["checkpoint"][1]
    heads = {bytes.fromhex(row[1]): Head(int(row[2]), bytes.fromhex(row[3])) for row in rows if row[0] == "author"}
    position = Position(
        bytes.fromhex(one["election"][0]), None if key == "-" else parse_vkey(key), tree,
        b"" if note == "-" else b64decode(note), int(one["checkpoint"][0]), int(one["end"][0]), MappingProxyType(heads),
    )  # fmt: skip
    return State(position, int(one["judged"][0]), int(one["ballots"][0]))


class Watcher:
    """Follows one board.

    Args:
        board: The board file.
        home: The watcher's folder, made if need be: its key, its state, evidence.
        key: Of the log, from elsewhere; None for the one that genesis names.
        judging: Whether the election's rules and the ballots' proofs are checked too. Then headers, and bodies of
            all but ballots, are read again when watching begins; without, no byte that was verified before.
        groups: Those that genesis may name: for tests alone.

    Attributes:
        state: What was verified, and nothing spoke against it.
        position: How far the log was followed.

    Raises:
        DataError: The file is no board, or the state not one of this watcher's.
        RejectedError: The state is that of another board or log.
    """

    def __init__(
        self, board: Path, home: Path, key: NoteKey | None = None, *, judging: bool = True,
        groups: Sequence[Group] = STANDARD_GROUPS,
    ) -> None:  # fmt: skip
        self._board, self._home, self._signing = board, home, own_key(home)
        self._judging, self._groups = judging, groups
        self._segment: tuple[Setting, SegmentSetting] | None = None
        self._sound = True
        first = begin(board, key)
        self.state = self._kept = self._remembered(first)
        self._ledger = self._recalled() if judging else None
        goes_on = self._ledger is not None or not judging
        self.position = self.state.position if goes_on else first
        self._due = Tree() if goes_on else self.state.position.tree

    def look(self, progress: Progress = lambda _done, _all: None) -> Iterator[Alarm]:
        """Yield what is wrong with what has come since; afterwards the state covers it, if nothing was.

        Args:
            progress: Told about ballots, done and all.

        Raises:
            StorageError: The watcher's own disk refused.
        """
        try:
            for alarm in self._log_alarms():
                self._sound = False
                yield self._with_evidence(alarm) if alarm.entry is None else alarm
            for alarm in self._ballot_alarms(progress):
                self._sound = False
                yield alarm
        except DataError as error:  # the file was there when watching began
            self._sound = False
            yield Alarm(CHANGED, f"the board cannot be read any more: {error.found} ({error.where})")
        if self._sound and self.position != self.state.position:
            self.state = replace(self.state, position=self.position)
        if self._sound and self._judging:
            self.state = replace(self.state, judged=self.position.tree.size)
        if self._sound and self.state != self._kept:
            write_atomically(self._home / STATE, state_file(self.state, self._signing), 0o600)
            self._kept = self.state

    def _log_alarms(self) -> Iterator[Alarm]:
        for step in follow(self._board, self.position):
            if isinstance(step, Alarm):
                yield step
                return
            yield from self._judged(step)
            self.position = step.position
            if self._due.size and (there := _tree_at(step, self._due.size)) is not None:
                due, self._due = self._due, Tree()
                if there != due:
                    yield Alarm(CHANGED, f"the first {due.size} entries are not those that were verified before")
        if self._due.size:
            found = f"the board has {self.position.tree.size} entries, and had {self._due.size} that were verified"
            yield Alarm(SHRUNK, found)

    def _judged(self, step: Advance) -> Iterator[Alarm]:
        """Yield what the log alone says against new entries, and what the rules say beyond that."""
        yield from step.alarms
        if not self._judging or step.position.key is None:
            return
        if self._ledger is None:
            self._ledger = Ledger(self._groups, origin=step.position.key.name)
        known = {(alarm.check, alarm.entry) for alarm in step.alarms}
        for logged in step.entries:
            for one in self._ledger.take(logged):
                if (one.check, logged.index) not in known:
                    yield Alarm(one.check, one.found, logged.index, one.culprit)

    def _ballot_alarms(self, progress: Progress) -> Iterator[Alarm]:
        """Yield what is wrong with ballots that have come since, and are not excluded."""
        contents = self._ledger.contents if self._ledger is not None else None
        if contents is None or not self._ready(contents):
            return
        setting, segment = self._segment  # type: ignore[misc]  # there once it is ready
        rows = range(min(self.state.ballots, len(contents.ballots)), len(contents.ballots))
        for unit in units(ballot_jobs(setting, rows), TOGETHER):
            for one in verify_segment(segment, unit).findings:
                yield Alarm(one.check, f"{one.found} ({one.place})", one.entry, one.culprit)
            self.state = replace(self.state, ballots=self.state.ballots + len(unit))
            progress(self.state.ballots, len(contents.ballots))

    def _ready(self, contents: Contents) -> bool:
        """Return whether ballots can be checked: the keys are there."""
        if self._segment is None and contents.joint is not None:
            setting = setting_of(contents, lambda _: False)
            if (context := setting.ballot_context) is not None:
                self._segment = setting, SegmentSetting(self._board, context)
        return self._segment is not None

    def _with_evidence(self, alarm: Alarm) -> Alarm:
        """Return the alarm, with the file that proves a fork, if what stands there now proves it."""
        held = self.state.position
        if held.key is None or not held.note:
            return alarm
        with suppress(E2evError):
            signed, stated = last_signed(self._board, held.key), check_checkpoint(held.note, held.key)
            if stated.size > signed.checkpoint.size:
                return alarm
            if (evidence := evidence_against(held.note, stated, self._board, signed)) is not None:
                path = self._home / f"fork-{signed.checkpoint.root.hex()[:16]}.evidence"
                write_once(path, evidence.to_bytes())
                return Alarm(FORKED, f"{alarm.found}; the log signed two histories: e2ev board check-evidence {path}")
        return alarm

    def _remembered(self, first: Position) -> State:
        """Return the state of this board that was kept, or the one before everything."""
        path = self._home / STATE
        if not path.exists():
            return State(first)
        state = read_state(read_bounded(path, MAX_STATE), self._signing, str(path))
        held = state.position
        if held.election != first.election or (None not in (held.key, first.key) and held.key != first.key):
            raise RejectedError("the state is that of another board or log", where=str(path),
                                remedy="give each board a folder of its own: --home")  # fmt: skip
        return state

    def _recalled(self) -> Ledger | None:
        """Return what stands on the board as far as the rules were asked about it; None if all has to be read anew."""
        held = self.state.position
        if held.key is None or self.state.judged != held.tree.size:
            return None
        try:
            return recall(self._board, held.tree, held.end, held.key.name, self._groups)
        except E2evError:
            return None  # it is not what it was: reading it from its beginning says where


def _tree_at(step: Advance, size: int) -> Tree | None:
    """Return the tree over the first `size` entries, if the last of them came with this step."""
    for logged in step.entries:
        if logged.index + 1 == size:
            return logged.before.append(logged.entry.leaf_hash)
    return None


def own_key(home: Path) -> SigningKey:
    """Return the watcher's key, made on its first use."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = home / "key"
    if not path.exists():
        save_online_key(path, SigningKey.generate())
    return load_online_key(path)
