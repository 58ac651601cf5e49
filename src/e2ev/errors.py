"""The one tree of exceptions about data and the world.

Misuse by a programmer raises `TypeError` or `ValueError` and is never caught. Everything here is caught in
two places only: by the verifier's run, which turns it into a finding, and by the command line.
"""


class E2evError(Exception):
    """Something that came from outside is not as it must be.

    Args:
        found: What was found and what was expected, lower case, without secrets.
        where: The place: a file, a JSON path, a field path, an entry's index.
        culprit: Who is at fault, if that is proved: "trustee 3", "device 7".
        remedy: What to do next, if there is something to do.
    """

    code = "E-DATA"
    exit_code = 3

    def __init__(self, found: str, *, where: str = "", culprit: str = "", remedy: str = "") -> None:
        super().__init__(found)
        self.found = found
        self.where = where
        self.culprit = culprit
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.where}: {self.found}" if self.where else self.found


class DataError(E2evError):
    """Bytes or text that cannot be read as what they claim to be (exit 3)."""


class RejectedError(E2evError):
    """A message, proof or board that is well formed and wrong (exit 1). A culprit, if named, is proved."""

    code = "E-REJECTED"
    exit_code = 1


class IncompleteError(E2evError):
    """A verification that lacks a part, or has one that cannot be believed: no verdict follows (exit 4)."""

    code = "E-INCOMPLETE"
    exit_code = 4


class NotReadyError(E2evError):
    """A step whose time has not come: participants or messages are missing (exit 5)."""

    code = "E-NOT-READY"
    exit_code = 5


class WrongKeyError(E2evError):
    """A key file or passphrase that does not open, or that belongs to somebody else (exit 6)."""

    code = "E-KEY"
    exit_code = 6


class PolicyError(E2evError):
    """A trust policy or anchor that the data does not meet (exit 7)."""

    code = "E-POLICY"
    exit_code = 7


class ConflictError(E2evError):
    """Two statements that cannot both stand: a fork, a second answer, a used counter (exit 8)."""

    code = "E-CONFLICT"
    exit_code = 8


class StorageError(E2evError):
    """The disk refused, or holds something else than was written (exit 9)."""

    code = "E-STORAGE"
    exit_code = 9


class InternalError(E2evError):
    """Something that e2ev itself did wrong (exit 10): raised by the command line alone, when nothing else fits."""

    code = "E-INTERNAL"
    exit_code = 10
