"""Whether independent cosigners saw a board: its cosigned checkpoints under the auditor's own policy.

A witness that cosigned a later checkpoint of this board vouches for every earlier one too: the later root fixes all
entries before it.
"""

from dataclasses import dataclass
from enum import Enum

from e2ev.board.cosigned import joined
from e2ev.board.note import Note, NoteKey, check_checkpoint, check_cosignature, parse_checkpoint
from e2ev.board.outline import Roots
from e2ev.board.policy import Policy
from e2ev.board.reader import Committed, Cosigned, Event
from e2ev.errors import E2evError


class Seen(Enum):
    """The answer to: did independent cosigners see this board?"""

    MET = "met"
    NOT_MET = "not met"
    NOT_TESTED = "not tested"


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness of the policy: how many entries it has cosigned on this board, and when by its own clock."""

    name: str
    size: int
    time: int


@dataclass(frozen=True, slots=True)
class Cosigners:
    """What the cosigned checkpoints of a board are worth.

    Attributes:
        seen: The answer. MET only if a quorum saw the board up to its last checkpoint.
        entries: How many entries a quorum saw.
        cosigners: The witnesses with good lines.
        strange: Number of cosigned checkpoints that the log signed and this board does not have.
    """

    seen: Seen = Seen.NOT_TESTED
    entries: int = 0
    cosigners: tuple[Cosigner, ...] = ()
    strange: int = 0


class Sighting:
    """Gathers cosigned checkpoints in one pass over a board."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._roots = Roots()
        self._cosigned: list[bytes] = []
        self._size = 0

    def take(self, event: Event) -> None:
        """Take in what stands on the board."""
        if isinstance(event, Committed):
            self._roots.put(event.size, event.root)
            self._size = event.size
        elif isinstance(event, Cosigned):
            self._cosigned.append(event.note)

    def judge(self, log: NoteKey) -> Cosigners:
        """Return what they are worth.

        Args:
            log: The log of genesis. If the policy names logs, this one has to be among them.
        """
        best: dict[str, Cosigner] = {}
        strange = 0
        if not self._policy.logs or self._policy.knows(log):
            for note in joined(self._cosigned):
                if self._stands(note, log):
                    self._count(note, best)
                else:
                    strange += _is_signed(note, log)
        entries = self._entries(best)
        seen = Seen.MET if entries and entries == self._size else Seen.NOT_MET
        return Cosigners(seen, entries, tuple(best.values()), strange)

    def _stands(self, note: Note, log: NoteKey) -> bool:
        """Return whether the log signed it and it states what this board has."""
        if not _is_signed(note, log):
            return False
        stated = parse_checkpoint(note.text)
        return self._roots.get(stated.size) == stated.root

    def _count(self, note: Note, best: dict[str, Cosigner]) -> None:
        size = parse_checkpoint(note.text).size
        for witness in self._policy.witnesses:
            for line in note.signatures:
                if (line.name, line.key_id) != (witness.key.name, witness.key.id):
                    continue
                try:
                    time = check_cosignature(Note(note.text, (line,)).to_bytes(), witness.key)
                except E2evError:
                    continue  # anybody can write a line that does not verify
                held = best.get(witness.name, Cosigner(witness.name, 0, 0))
                best[witness.name] = max(held, Cosigner(witness.name, size, time), key=lambda one: (one.size, one.time))

    def _entries(self, best: dict[str, Cosigner]) -> int:
        """Return the largest size that a quorum, of at least one witness, has cosigned or gone beyond."""
        sizes = sorted({one.size for one in best.values()}, reverse=True)
        quorums = (size for size in sizes if self._policy.is_met([n for n, one in best.items() if one.size >= size]))
        return next(quorums, 0)


def _is_signed(note: Note, log: NoteKey) -> bool:
    """Return whether a good line of the log stands there; a bad one beside it takes nothing away."""
    for line in note.signatures:
        try:
            check_checkpoint(Note(note.text, (line,)).to_bytes(), log)
        except E2evError:
            continue
        return True
    return False
