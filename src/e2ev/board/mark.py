"""The mark of a board: the size and root that were about to be signed last, kept where the board is not published."""

import re
from dataclasses import dataclass
from pathlib import Path

from e2ev.errors import DataError
from e2ev.storage.disk import read_bounded

RESTORE = "keep the newer of two copies, or take a mirror with the same root: e2ev board recover BOARD --from MIRROR"
_MARK = re.compile(rb"(0|[1-9][0-9]{0,18}) [0-9a-f]{64}\n")


@dataclass(frozen=True, slots=True)
class Mark:
    """The anti-rollback mark: what was signed last, or was about to be."""

    size: int
    root: bytes

    def to_bytes(self) -> bytes:
        """Return the mark as its file has it: one line."""
        return f"{self.size} {self.root.hex()}\n".encode()


def read_mark(path: Path) -> Mark:
    """Return the mark in `path`.

    Raises:
        DataError: It is missing or malformed.
    """
    text = read_bounded(path, 128)
    if not _MARK.fullmatch(text):
        raise DataError("the board's mark is malformed", where=str(path), remedy=RESTORE)
    parts = text.decode("ascii").split()
    return Mark(int(parts[0]), bytes.fromhex(parts[1]))
