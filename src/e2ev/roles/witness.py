"""A witness: an independent cosigner, on a machine of its own, without a network (C2SP tlog-witness; specs/board.md).

It is shown a board, or a checkpoint with a consistency proof. It signs that the log has only grown since it last
looked, and never two states that do not continue each other: what it signs is remembered, durably, before the answer
leaves the machine.
"""

import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from e2ev.board.cosigned import joined
from e2ev.board.fork import Evidence
from e2ev.board.merkle import EMPTY_ROOT, check_consistency, consistency_proof, root_of
from e2ev.board.note import (
    COSIGNATURE,
    Checkpoint,
    Note,
    NoteKey,
    check_checkpoint,
    check_cosignature,
    parse_note,
    read_base64,
    sign_cosignature,
)
from e2ev.board.outline import Outline, read_outline, statement_of
from e2ev.errors import ConflictError, DataError, E2evError, PolicyError, RejectedError, WrongKeyError
from e2ev.record.entry import author_of, key_of
from e2ev.roles.witness_state import RETIRE, Held, WitnessState, is_empty, read_state, write_state
from e2ev.signing import SigningKey
from e2ev.storage.disk import REAL, Disk, write_once
from e2ev.storage.keyfile import KeyFileHeader, open_key_file, read_header, save_key_file
from e2ev.storage.lock import FolderLock
from e2ev.storage.seal import Cost, Passphrase

MAX_HASHES = 63
_OLD = re.compile("old (0|[1-9][0-9]{0,18})")


def system_time() -> int:
    """Return this machine's clock in seconds since 1970."""
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A witness's answer.

    Attributes:
        checkpoint: What it cosigned.
        note: The checkpoint with the log's line and the witness's own: what goes back to the log's keeper.
        before: Number of entries that it had cosigned before.
        repeated: Whether this was its answer before already.
    """

    checkpoint: Checkpoint
    note: bytes
    before: int
    repeated: bool


class Witness:
    """A witness's machine, on one folder: key file, state, evidence.

    Args:
        home: The folder.
        cost: Of sealing.
        clock: The time that it states.
        disk: The system calls.
    """

    def __init__(
        self,
        home: Path,
        cost: Cost = Cost(),  # noqa: B008 - frozen
        *,
        clock: Callable[[], int] = system_time,
        disk: Disk = REAL,
    ) -> None:
        self.home, self.cost = home, cost
        self.key_path, self.state_path = home / "witness.key", home / "witness.state"
        self._clock, self._disk = clock, disk

    def init(self, name: str, passphrase: Passphrase, trust: Iterable[NoteKey] = ()) -> NoteKey:
        """Make the witness's key and its empty state, and follow these logs; run again, it shows the key.

        Raises:
            ConflictError: The folder holds another witness, or the state of one.
            DataError: The name cannot stand in a note.
            WrongKeyError: The folder's key has another passphrase.
        """
        passphrase.check_length()
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock():
            if not self.key_path.exists():
                self._begin(name, passphrase)
            if self.key.name != name:
                raise ConflictError(f"the folder holds the witness {self.key.name}", where=str(self.home),
                                    remedy="give each witness a folder of its own")  # fmt: skip
            key = self._open(passphrase)
            state = read_state(self.state_path, key.verify_key, disk=self._disk)
            if (following := _trusting(state, trust)) != state:
                write_state(self.state_path, following, key, disk=self._disk)
        return self.key

    def _begin(self, name: str, passphrase: Passphrase) -> None:
        """Make the state, then the key: a key without its state could not be used."""
        if self.state_path.exists() and not is_empty(self.state_path):
            raise ConflictError("the state of a witness stands here, and not its key", where=str(self.home),
                                remedy="put witness.key back, or take another folder")  # fmt: skip
        key = SigningKey.generate()
        header = KeyFileHeader("witness", _named(name, key).name, "original", author_of(key.verify_key))
        write_state(self.state_path, WitnessState(), key, disk=self._disk)
        save_key_file(self.key_path, header, key.seed(), passphrase, self.cost, disk=self._disk)

    @property
    def key(self) -> NoteKey:
        """The witness's name and public key, as the key file states them.

        Raises:
            DataError: There is no key file of a witness.
        """
        header = read_header(self.key_path, disk=self._disk)
        if header.role != "witness":
            raise DataError(f"this is the key of a {header.role}", where=str(self.key_path))
        return NoteKey(header.name, key_of(header.public), COSIGNATURE)

    def state(self) -> WitnessState:
        """Return what the witness remembers.

        Raises:
            ConflictError: The state is a copy or was put back.
            DataError: It is missing or changed.
        """
        return read_state(self.state_path, self.key.key, disk=self._disk)

    def cosign_board(self, board: Path, passphrase: Passphrase, trust: Iterable[NoteKey] = ()) -> Cosigned:
        """Cosign the last checkpoint of a board file, every entry of which was hashed here.

        Args:
            board: The board file.
            passphrase: Of the key file.
            trust: Logs that are followed from now on.

        Raises:
            ConflictError: It is an older copy; or a fork, and evidence was written; or the witness's state is old.
            PolicyError: The log is not one that this witness follows.
            RejectedError: The board is damaged, or its last checkpoint is not the log's.
        """
        outline = read_outline(board)
        return self._cosign(outline.note, passphrase, trust, lambda held: self._check_board(outline, held))

    def cosign_request(self, request: bytes, passphrase: Passphrase, trust: Iterable[NoteKey] = ()) -> Cosigned:
        """Cosign a checkpoint that comes with a consistency proof, as C2SP tlog-witness's add-checkpoint has them.

        Raises:
            ConflictError: The proof starts at another size; or it is a fork; or the witness's state is old.
            DataError: This is no such request.
            PolicyError: The log is not one that this witness follows.
            RejectedError: The proof does not hold, or the checkpoint is not the log's.
        """
        old, proof, note = parse_request(request)
        return self._cosign(note, passphrase, trust, lambda held: self._check_request(old, proof, note, held))

    def _cosign(
        self, note: bytes, passphrase: Passphrase, trust: Iterable[NoteKey], check: Callable[[Held], None]
    ) -> Cosigned:
        with self._lock():
            key = self._open(passphrase)
            state = _trusting(read_state(self.state_path, key.verify_key, disk=self._disk), trust)
            held = _followed(state, statement_of(note, "the checkpoint"))
            stated = check_checkpoint(note, held.log, where="the checkpoint")
            self._check_own_lines((note,), held)
            check(held)
            if held.note and stated == held.checkpoint:
                return Cosigned(stated, held.note, stated.size, repeated=True)
            now = self._time(state)
            answer = self._answer(note, held.log, key, now)
            write_state(self.state_path, state.holding(Held(held.log, answer), now), key, disk=self._disk)
        return Cosigned(stated, answer, held.checkpoint.size, repeated=False)

    def _answer(self, note: bytes, log: NoteKey, key: SigningKey, now: int) -> bytes:
        """Return the checkpoint with the log's line and the witness's own, and nobody else's."""
        parsed = parse_note(note)
        own = [line for line in parsed.signatures if (line.name, line.key_id) == (log.name, log.id)]
        line = sign_cosignature(parsed.text, self.key.name, key, now)
        return Note(parsed.text, tuple(own[:1])).to_bytes() + line.encode()

    def _time(self, state: WitnessState) -> int:
        now = self._clock()
        if now < state.time:
            found = f"this machine's clock is {state.time - now} s behind the last cosignature"
            raise ConflictError(found, where=str(self.home), remedy="set the clock, then run it again")
        return now

    # What has to hold before anything is signed

    def _check_board(self, outline: Outline, held: Held) -> None:
        last, before = outline.checkpoint(held.log), held.checkpoint
        for stray in outline.strays:
            self._check_stray(stray, outline, held)
        self._check_own_lines(outline.cosigned, held)
        if last.size < before.size:
            raise ConflictError(f"the board has {last.size} entries, and this witness has cosigned {before.size}",
                                remedy="bring the newest copy of the board")  # fmt: skip
        if before.size and root_of(outline.hashes[i] for i in range(before.size)) != before.root:
            self._expose(held.note, outline, held.log)

    def _check_stray(self, stray: bytes, outline: Outline, held: Held) -> None:
        """Refuse a board that holds a checkpoint of its own log over other entries."""
        try:
            stated = check_checkpoint(stray, held.log)
        except E2evError:
            return  # anybody can write what the log did not sign
        if 0 < stated.size <= outline.size:
            self._expose(stray, outline, held.log)
        raise ConflictError(f"the log signed {stated.size} entries that this board does not have",
                            remedy="bring the newest copy of the board")  # fmt: skip

    def _check_own_lines(self, notes: Iterable[bytes], held: Held) -> None:
        """Refuse to go on from a state that is older than what this witness has signed."""
        before = held.checkpoint
        for signed in self._own(notes):
            if signed.origin == before.origin and signed.size >= before.size and signed != before:
                found = f"this witness has cosigned {signed.size} entries, and remembers {before.size}"
                raise ConflictError(f"{found}: its state was put back", where=str(self.state_path), remedy=RETIRE)

    def _own(self, notes: Iterable[bytes]) -> Iterator[Checkpoint]:
        """Yield what this witness has signed, line by line: a bad line hides no good one."""
        for note in joined(notes):
            for line in note.signatures:
                alone = Note(note.text, (line,)).to_bytes()
                try:
                    check_cosignature(alone, self.key)
                except E2evError:
                    continue
                yield statement_of(alone)

    def _check_request(self, old: int, proof: tuple[bytes, ...], note: bytes, held: Held) -> None:
        stated, before = statement_of(note), held.checkpoint
        if old > stated.size:
            raise DataError(f"a proof from {old} entries to {stated.size}", where="the request")
        if old != before.size:
            raise ConflictError(f"the proof starts at {old} entries, and this witness has cosigned {before.size}",
                                where="the request", remedy=f"ask with a proof from {before.size}")  # fmt: skip
        if stated.size == 0 and stated.root != EMPTY_ROOT:
            raise RejectedError("the root of no entries is another one", where="the request")
        if old and old == stated.size and stated.root != before.root:
            self._write_evidence(Evidence(held.log, held.note, note, stated.root, ()))
        if old == 0 and proof:
            raise RejectedError("a proof from no entries is empty", where="the request")
        if old:
            check_consistency(old, before.root, stated.size, stated.root, proof, where="the request")

    def _expose(self, note: bytes, outline: Outline, log: NoteKey) -> None:
        """Write down that the log signed `note`, and a board that does not begin so."""
        size = statement_of(note).size
        root = root_of(outline.hashes[i] for i in range(size))
        proof = consistency_proof(outline.hashes, size, outline.size)
        self._write_evidence(Evidence(log, note, outline.note, root, proof))

    def _write_evidence(self, evidence: Evidence) -> None:
        """Keep the evidence of a fork, and refuse.

        Raises:
            ConflictError: Always.
        """
        data = evidence.to_bytes()
        path = self.home / f"fork-{sha256(data).hexdigest()[:16]}.evidence"
        write_once(path, data, disk=self._disk)
        raise ConflictError(
            "the log has signed two boards that do not continue each other",
            where=str(path),
            culprit=f"log {evidence.key.name}",
            remedy=f"show the evidence to everybody: {path}",
        )

    def _open(self, passphrase: Passphrase) -> SigningKey:
        header, seed = open_key_file(self.key_path, passphrase, disk=self._disk)
        key = SigningKey.from_seed(seed)
        if header.role != "witness" or header.public != author_of(key.verify_key):
            raise WrongKeyError("this is no key file of a witness", where=str(self.key_path))
        return key

    def _lock(self) -> FolderLock:
        return FolderLock(self.home / "lock", disk=self._disk)


def _named(name: str, key: SigningKey) -> NoteKey:
    try:
        return NoteKey(name, key.verify_key, COSIGNATURE)
    except ValueError as error:
        remedy = "choose a name without spaces and +, such as witness.example.org/one"
        raise DataError(f"{name!r} cannot name a witness", remedy=remedy) from error


def _trusting(state: WitnessState, trust: Iterable[NoteKey]) -> WitnessState:
    """Return the state with logs that are followed from now on.

    Raises:
        ConflictError: A log of this name is followed under another key.
    """
    for log in trust:
        held = state.logs.get(log.name)
        if held is not None and held.log != log:
            raise ConflictError(f"the log {log.name!r} is followed under another key", where=held.log.vkey(),
                                remedy="a log keeps its key; ask what happened")  # fmt: skip
        state = state if held else state.holding(Held(log))
    return state


def _followed(state: WitnessState, stated: Checkpoint) -> Held:
    held = state.logs.get(stated.origin)
    if held is None:
        remedy = "compare the log's key with the one that was published, then name it: --log VKEY"
        raise PolicyError(f"this witness does not follow the log {stated.origin!r}", remedy=remedy)
    return held


# Requests


def parse_request(data: bytes, *, where: str = "the request") -> tuple[int, tuple[bytes, ...], bytes]:
    """Return the old size, the consistency proof and the checkpoint of an add-checkpoint request (C2SP tlog-witness).

    Raises:
        DataError: It is not of that form.
    """
    head, found, note = data.partition(b"\n\n")
    try:
        first, *rows = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        first, rows = "", []
    old = _OLD.fullmatch(first)
    if not found or old is None or len(rows) > MAX_HASHES:
        remedy = "it is 'old SIZE', the hashes of a consistency proof, an empty line, and the checkpoint"
        raise DataError("this is no request to a witness", where=where, remedy=remedy)
    return int(old[1]), tuple(read_base64(row, where) for row in rows), note


def request_file(outline: Outline, old: int) -> bytes:
    """Return the request that shows a witness which has cosigned `old` entries the board's last checkpoint.

    Raises:
        ConflictError: The board has fewer entries.
    """
    if old > outline.size:
        raise ConflictError(f"the board has {outline.size} entries, fewer than {old}", remedy="take the newest copy")
    proof = consistency_proof(outline.hashes, old, outline.size) if old else ()
    rows = [f"old {old}", *(b64encode(one).decode() for one in proof)]
    return "\n".join(rows).encode() + b"\n\n" + outline.note
