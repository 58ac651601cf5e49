"""The administrator and witnesses: an election publishes whom it asks, and takes in what they hand back.

Cosigned checkpoints come onto the board as frames, the policy as an entry (specs/board.md, "Cosignatures", "Policies").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from e2ev.board.cosigned import new_cosignatures
from e2ev.board.log import BoardLog
from e2ev.board.note import NoteKey
from e2ev.board.outline import read_outline, statement_of
from e2ev.errors import ConflictError
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.kinds import Kind
from e2ev.roles.administrator import Administrator
from e2ev.roles.intake import Intake, keep_of, load_log_key
from e2ev.storage.disk import REAL, Disk, read_bounded
from e2ev.storage.seal import Passphrase

NOTE_LIMIT = 64 << 10


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of one witness's answer.

    Attributes:
        path: Its file.
        size: Number of entries that were cosigned.
        names: Of the witnesses whose lines are new on the board; none if they stood there already.
    """

    path: Path
    size: int
    names: tuple[str, ...]


def take_cosignatures(
    board: Path, answers: Sequence[Path], witnesses: Sequence[NoteKey], *, disk: Disk = REAL
) -> list[Taken]:
    """Append what witnesses handed back to the board, each line once; durable when the call returns.

    Args:
        board: The board file, with its folder beside it.
        answers: Files with a checkpoint, the log's line, and lines of witnesses.
        witnesses: Keys of those whose lines are taken.
        disk: The system calls.

    Raises:
        ConflictError: The log signed another board of that size.
        NotReadyError: This copy of the board is older than what was cosigned.
        RejectedError: A line does not verify, or none is by one of these witnesses; what came before it stays.
    """
    log = read_outline(board).log
    taken = []
    with BoardLog(board, keep_of(board), log.name, load_log_key(board), disk=disk) as writer:
        outline = read_outline(board)
        for path in answers:
            note = read_bounded(path, NOTE_LIMIT)
            fresh = new_cosignatures(outline, note, witnesses, where=str(path))
            if fresh is not None:
                writer.cosign(fresh.to_bytes())
                outline.cosigned.append(fresh.to_bytes())
            names = () if fresh is None else tuple(line.name for line in fresh.signatures[1:])
            taken.append(Taken(path, statement_of(note).size, names))
    return taken


def publish_policy(administrator: Administrator, policy: bytes, passphrase: Passphrase) -> None:
    """Post the policy with which the election hopes to be checked; the same again changes nothing.

    Raises:
        ConflictError: Another policy is on the board.
        RejectedError: The rules refuse it: voting is open, it cannot be read, or it names another log.
    """
    held = administrator.contents().policy
    if held is not None and held.body.form.policy == policy:
        return
    if held is not None:
        remedy = "it stays; auditors can use another one"
        raise ConflictError("another policy is on the board", where=held.where, remedy=remedy)
    key = administrator.key(passphrase)
    with Intake(administrator.board, administrator.groups) as intake:
        body = bodies.WitnessPolicyBody(1, policy)
        intake.post([intake.pen(key).write(Kind.WITNESS_POLICY, encode(body))[0]])
