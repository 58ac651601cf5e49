"""A small board with cosigners, for tests of receipts, witnesses and policies: genesis, some ballots, the log's key."""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from e2ev.board.log import BoardLog
from e2ev.board.note import COSIGNATURE, NoteKey
from e2ev.board.policy import Policy, parse_policy
from e2ev.demo.toy import TOY
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.entry import NO_ENTRY, Entry, Pen, author_of
from e2ev.record.kinds import Kind
from e2ev.roles.intake import keep_of, save_online_key
from e2ev.signing import SigningKey
from tests.records import key

ORIGIN = "board.example/vote"
LOG_KEY = key(255)
LOG = NoteKey(ORIGIN, LOG_KEY.verify_key)
WITNESS_KEYS = {name: key(200 + i) for i, name in enumerate(("w1", "w2", "w3"))}
WITNESSES = {name: NoteKey(f"{name}.example", one.verify_key, COSIGNATURE) for name, one in WITNESS_KEYS.items()}


def policy_text(quorum: str = "group G 2 w1 w2 w3\nquorum G", log: NoteKey = LOG) -> str:
    """Return a policy of the board's log and its three witnesses."""
    witnesses = "".join(f"witness {name} {one.vkey()}\n" for name, one in WITNESSES.items())
    return f"log {log.vkey()}\n{witnesses}{quorum}\n"


def policy_of(quorum: str = "group G 2 w1 w2 w3\nquorum G") -> Policy:
    return parse_policy(policy_text(quorum).encode())


@dataclass
class SmallBoard:
    """Writes a board of its own in a folder: genesis, then ballots whose bodies nobody can read.

    Attributes:
        path: The board file.
        salt: Makes ballots that other boards do not have.
        log_key: Signs the checkpoints.
    """

    path: Path
    salt: bytes = b""
    log_key: SigningKey = LOG_KEY
    pen: Pen = field(default_factory=lambda: Pen(key(1), NO_ENTRY))
    entries: list[Entry] = field(default_factory=list)

    def found(self) -> "SmallBoard":
        """Make the file and its genesis."""
        keep = keep_of(self.path)
        keep.mkdir(parents=True)
        save_online_key(keep / "log.key", self.log_key)
        genesis = bodies.Genesis(
            1, "2.1.0", TOY.name, b"p", b"q", b"g", 1, (bodies.TrusteeSeat("A", author_of(key(2).verify_key)),),
            bytes(32), bytes(32), b"{}", (), ORIGIN, author_of(self.log_key.verify_key), bytes(32),
        )  # fmt: skip
        with BoardLog.create(self.path, keep, ORIGIN, self.log_key, bytes(32)) as log:
            self._write(log, Kind.GENESIS, encode(genesis), None)
        return self

    def ballots(self, count: int) -> "SmallBoard":
        """Post ballots, each under a checkpoint of its own."""
        with self.log() as log:
            for _ in range(count):
                number = len(self.entries)
                body = b"ballot " + self.salt + bytes([number])
                self._write(log, Kind.BALLOT, body, sha256(body).digest())
        return self

    def log(self) -> BoardLog:
        """Return the writer, not yet entered."""
        return BoardLog(self.path, keep_of(self.path), ORIGIN, self.log_key)

    def _write(self, log: BoardLog, kind: Kind, body: bytes, code: bytes | None) -> None:
        entry, self.pen = self.pen.write(kind, body, code)
        log.append([entry])
        self.entries.append(entry)
