"""The demonstration's independent cosigners, a voter's receipt, and a log that signs two boards."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from e2ev.board.fork import Relation, check_evidence, compare, read_evidence
from e2ev.board.mark import Mark
from e2ev.board.note import NoteKey
from e2ev.board.outline import read_outline
from e2ev.board.policy import Policy, parse_policy
from e2ev.board.reader import Committed, scan
from e2ev.board.receipt import Vouched, check_receipt, make_receipt, named
from e2ev.codes import tracking_code
from e2ev.demo.honest import PASSPHRASE, QUICK
from e2ev.errors import ConflictError, RejectedError
from e2ev.group import Group
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.kinds import Kind
from e2ev.roles.cosigning import take_cosignatures
from e2ev.roles.intake import Intake, keep_of
from e2ev.roles.witness import Witness
from e2ev.signing import SigningKey

COSIGNERS = ("observers", "university")


@dataclass(frozen=True, slots=True)
class Fork:
    """A second board of the same log, and how it was exposed.

    Attributes:
        entry: Index of the first entry that differs.
        refusal: What a witness said.
        evidence: What proves it.
        size: Bytes of the evidence.
    """

    entry: int
    refusal: str
    evidence: Path
    size: int


class Watching:
    """Two witnesses, each on a folder of its own, and the policy that names them.

    Args:
        root: An empty folder.
        board: The board that they follow.
    """

    def __init__(self, root: Path, board: Path) -> None:
        self.root, self.board = root, board
        self.policy_path, self.receipt_path = root / "policy", root / "receipt.txt"
        self.log: NoteKey = read_outline(board).log
        self._witnesses = [Witness(root / name, QUICK) for name in COSIGNERS]

    def cosign(self) -> Policy:
        """Let both witnesses cosign, put what they answer on the board, and return the policy of a careful voter."""
        answers, lines = list[Path](), [f"log {self.log.vkey()}"]
        for name, witness in zip(COSIGNERS, self._witnesses, strict=True):
            key = witness.init(f"{name}.invalid/witness", PASSPHRASE, [self.log])
            answers.append(self.root / f"{name}.cosigned")
            answers[-1].write_bytes(witness.cosign_board(self.board, PASSPHRASE).note)
            lines.append(f"witness {name} {key.vkey()}")
        lines += [f"group both all {' '.join(COSIGNERS)}", "quorum both", ""]
        self.policy_path.write_text("\n".join(lines))
        take_cosignatures(self.board, answers, [witness.key for witness in self._witnesses])
        return self.policy()

    def policy(self) -> Policy:
        """Return the policy as its file says it."""
        return parse_policy(self.policy_path.read_bytes(), where=str(self.policy_path))

    def receipt(self, code: bytes) -> Vouched:
        """Make a voter's receipt, and return what it shows to somebody who has it and the policy, and no board."""
        self.receipt_path.write_bytes(make_receipt(self.board, named(tracking_code(code)), self.policy()))
        return check_receipt(self.receipt_path.read_bytes(), self.policy(), where=str(self.receipt_path))

    def fork(self, administrator: SigningKey, group: Group) -> Fork:
        """Let the log's keeper replace the last entries and sign again; return how that comes out.

        Raises:
            RejectedError: It did not.
        """
        other = _other_history(self.board, self.root / "forked" / self.board.name, administrator, group)
        found = compare(self.board, other)
        try:
            self._witnesses[0].cosign_board(other, PASSPHRASE)
        except ConflictError as error:
            evidence, refusal = Path(error.where), error.found
        else:
            raise RejectedError("a witness cosigned two boards")
        data = evidence.read_bytes()
        check_evidence(read_evidence(data), self.log)
        if found.relation is not Relation.FORK:
            raise RejectedError("two boards that differ were not told apart")
        return Fork(found.common, refusal, evidence, len(data))


def _other_history(board: Path, other: Path, administrator: SigningKey, group: Group) -> Path:
    """Write a board that is the same but for what came last, signed with the log's own key."""
    other.parent.mkdir()
    shutil.copy(board, other)
    shutil.copytree(keep_of(board), keep_of(other))
    commits = [event for event in scan(board) if isinstance(event, Committed)]
    last = commits[-1].size
    kept = max((event for event in commits if event.size < last), key=lambda event: event.size)
    with other.open("r+b") as stream:
        stream.truncate(kept.end)
    (keep_of(other) / "mark").write_bytes(Mark(kept.size, kept.root).to_bytes())
    (keep_of(other) / "state").unlink(missing_ok=True)
    with Intake(other, (group,)) as intake:
        pen, entries = intake.pen(administrator), []
        for _ in range(last - kept.size):
            entry, pen = pen.write(Kind.CORRECTION, encode(bodies.CorrectionBody(1, bytes(32), "another history")))
            entries.append(entry)
        intake.post(entries)
    return other
