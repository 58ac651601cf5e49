"""The proof that a log signed two histories, as the text that people hand on (specs/board.md, "Forks")."""

from base64 import b64encode
from dataclasses import dataclass

from e2ev.board.note import NoteKey

FORMAT = "e2ev fork evidence 1"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proves that a log signed two histories.

    Attributes:
        key: The log's.
        first: A note of it, over m entries.
        second: A note of it, over n >= m entries.
        root: r', the root over the first m of the entries under `second`.
        proof: That they begin so: the consistency proof from (m, r') to what `second` says; empty where m = n.
    """

    key: NoteKey
    first: bytes
    second: bytes
    root: bytes
    proof: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """Return the evidence as the text that people hand on."""
        hashes = "".join(b64encode(one).decode() + "\n" for one in self.proof)
        head = f"{FORMAT}\nlog {self.key.vkey()}\nroot {b64encode(self.root).decode()}\n{hashes}\n"
        return head.encode() + self.first + b"\n" + self.second
