"""An entry where it stands on a board, with its decoded body."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from e2ev.board.merkle import Tree
from e2ev.record.codec import Unchecked, admit
from e2ev.record.entry import Header
from e2ev.record.kinds import KINDS

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Posted(Generic[T]):
    """An entry where it stands, with its decoded body."""

    index: int
    header: Header
    leaf_hash: bytes
    body: Unchecked[T]
    before: Tree = field(default_factory=Tree, repr=False)
    """Over the entries before it."""

    @property
    def where(self) -> str:
        """How findings and errors name the entry."""
        row = KINDS.get(self.header.kind)
        return f"entry {self.index} ({row.kind.name.lower().replace('_', ' ') if row else self.header.kind})"

    def admitted(self) -> T:
        """Return the body, all of whose residues are members and integers below q.

        Raises:
            RejectedError: Some are not.
        """
        return admit(self.body, self.where)
