"""What a witness remembers of each log, and the file that it stands in (specs/board.md, "Witnesses").

A witness that forgets can be led to cosign a fork, so the state is signed with the witness's key, records the inode
that it is in, and is never part of a backup. What is noticed: a changed byte, a state of another key, a copy, one put
back from a backup. What is not: an image of the whole disk that is put back, with its inode numbers.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from e2ev.board.merkle import EMPTY_ROOT
from e2ev.board.note import Checkpoint, NoteKey, parse_vkey
from e2ev.board.outline import statement_of
from e2ev.errors import ConflictError, DataError, E2evError
from e2ev.signing import SigningKey, VerifyKey, check_signature
from e2ev.storage.disk import (
    PRIVATE,
    REAL,
    Disk,
    read_bounded,
    read_descriptor,
    reading,
    write_atomically_knowing,
)

STATE_LIMIT = 16 << 20
_LABEL = b"e2ev witness state v1\0"
RETIRE = "this key must not sign any more: make a new witness, and tell those whose policies name it"


@dataclass(frozen=True, slots=True)
class Held:
    """What a witness has cosigned last of one log.

    Attributes:
        log: The log's name and key.
        note: The cosigned checkpoint with the log's line and the witness's own; empty before the first.
    """

    log: NoteKey
    note: bytes = b""

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note states; the empty log before the first."""
        return statement_of(self.note) if self.note else Checkpoint(self.log.name, 0, EMPTY_ROOT)


@dataclass(frozen=True, slots=True)
class WitnessState:
    """Everything that a witness remembers.

    Attributes:
        generation: How often it was written.
        time: Of the latest cosignature, in seconds since 1970.
        logs: By origin.
    """

    generation: int = 0
    time: int = 0
    logs: dict[str, Held] = field(default_factory=dict)

    def holding(self, held: Held, time: int | None = None) -> Self:
        """Return the state after a log was added, or cosigned at a time."""
        logs = self.logs | {held.log.name: held}
        return replace(self, time=self.time if time is None else time, logs=logs)


def write_state(path: Path, state: WitnessState, key: SigningKey, *, disk: Disk = REAL) -> None:
    """Make the file hold the state, one generation on, durably.

    Raises:
        StorageError: The disk refused; the file holds this state or the one before.
    """

    def content(identity: tuple[int, int]) -> bytes:
        logs = [[held.log.vkey(), held.note.decode()] for held in state.logs.values()]
        body = json.dumps({"form": 1, "file": identity, "generation": state.generation + 1, "time": state.time,
                           "logs": logs}).encode()  # fmt: skip
        return body + b"\n" + key.sign(_LABEL + body).hex().encode() + b"\n"

    write_atomically_knowing(path, content, PRIVATE, disk=disk)


def read_state(path: Path, key: VerifyKey, *, disk: Disk = REAL) -> WitnessState:
    """Return the state in the file.

    Raises:
        ConflictError: It is a copy, or was put back from a backup.
        DataError: It is missing, changed, or of another key.
    """
    try:
        with reading(path, disk=disk) as descriptor:
            identity, data = disk.identity(descriptor), read_descriptor(descriptor, path, STATE_LIMIT)
        body, _, signature = data.removesuffix(b"\n").rpartition(b"\n")
        check_signature(key, _LABEL + body, bytes.fromhex(signature.decode("ascii")))
        content = json.loads(body)
    except (E2evError, ValueError) as error:
        found = "the witness's state is missing, was changed, or is another key's"
        raise DataError(found, where=str(path), remedy=RETIRE) from error
    if tuple(content["file"]) != identity:
        found = "the witness's state is a copy, or was put back from a backup"
        raise ConflictError(found, where=str(path), remedy=RETIRE)
    held = (Held(parse_vkey(vkey), note.encode()) for vkey, note in content["logs"])
    return WitnessState(content["generation"], content["time"], {one.log.name: one for one in held})


def is_empty(path: Path) -> bool:
    """Return whether the file is the state of a witness that follows no log yet, whoever signed it."""
    try:
        return not json.loads(read_bounded(path, STATE_LIMIT).partition(b"\n")[0])["logs"]
    except (ValueError, KeyError, TypeError):
        return False
