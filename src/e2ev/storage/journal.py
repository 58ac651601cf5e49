"""The journal of a role's running step: secrets that may be used once, outside the key file and its backups.

A secret is put here before anything that depends on it leaves the machine. When its one answer is known, the secret
is burned: the answer takes its place, and asking again gives the same answer. So a crash at any point, followed by
going on from the journal, never answers twice from one secret.

What is noticed: the journal was copied, or put back from a backup, because every write records the inode that it is
in. Also two processes that change one journal at a time, and a changed byte.

What is not noticed:

- an image of the whole disk, or a snapshot of the virtual machine, that is put back with its inode numbers. A caller
  that keeps `generation` somewhere else can tell;
- a copy put back on a file system that gives old inode numbers to new files and does not tell the inode's version;
- the traces of burned secrets. They stay on the medium, sealed with the same passphrase, until it overwrites them.

On a file system whose inode numbers change by themselves (FAT, some network file systems) a sound journal is refused.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from e2ev.errors import ConflictError, DataError, NotReadyError
from e2ev.storage.disk import (
    PRIVATE,
    REAL,
    Disk,
    read_bounded,
    read_descriptor,
    reading,
    write_atomically_knowing,
)
from e2ev.storage.keyfile import check_private
from e2ev.storage.lock import FolderLock
from e2ev.storage.seal import Cost, Passphrase, cost_of, seal, unseal

JOURNAL_LIMIT = 4 << 20
_ASSOCIATED = b"e2ev journal, form 1\n"
_NEW_ATTEMPT = "ask for a new attempt (e2ev election tally --new-attempt)"


@dataclass(frozen=True, slots=True, repr=False)
class _Contents:
    generation: int
    secrets: Mapping[str, bytes]
    outcomes: Mapping[str, bytes]


class Journal:
    """One journal file, open; every change is durable when the call returns, and counts only then.

    If a change raises `StorageError`, the file may hold it or not: publish nothing, open the journal again and ask it.
    """

    def __init__(self, path: Path, passphrase: Passphrase, cost: Cost, disk: Disk) -> None:
        self._path = path
        self._passphrase = passphrase
        self._cost = cost
        self._disk = disk
        self._contents = _Contents(0, {}, {})
        self._sealed = b""

    @classmethod
    def create(cls, path: Path, passphrase: Passphrase, cost: Cost, *, disk: Disk = REAL) -> Self:
        """Return a new empty journal, durable at `path` and readable by its owner only.

        Raises:
            ConflictError: Something stands there already.
            StorageError: The disk refused.
        """
        journal = cls(path, passphrase, cost, disk)
        with journal._lock():
            if os.path.lexists(path):
                remedy = "open the existing journal; a new attempt has a journal of its own"
                raise ConflictError("exists already, expected a new journal", where=str(path), remedy=remedy)
            journal._write(journal._contents)
        return journal

    @classmethod
    def open(cls, path: Path, passphrase: Passphrase, *, disk: Disk = REAL) -> Self:
        """Return the journal at `path`.

        Raises:
            ConflictError: It is a copy, or was restored from a backup.
            DataError: It is missing or no journal.
            StorageError: The disk refused.
            WrongKeyError: The passphrase is wrong, a byte was changed, or others can read the file.
        """
        if not os.path.lexists(path):
            raise DataError("there is no journal", where=str(path), remedy=f"if it is lost, {_NEW_ATTEMPT}")
        with reading(path, disk=disk) as descriptor:
            check_private(descriptor, path)
            identity = disk.identity(descriptor)
            sealed = read_descriptor(descriptor, path, JOURNAL_LIMIT)
        content = unseal(sealed, passphrase, _ASSOCIATED, where=str(path))
        recorded, contents = _decode(content, str(path))
        if recorded != identity:
            found = "this journal is a copy or was restored from a backup"
            raise ConflictError(found, where=str(path), remedy=_NEW_ATTEMPT)
        journal = cls(path, passphrase, cost_of(sealed, where=str(path)), disk)
        journal._contents = contents
        journal._sealed = sealed
        return journal

    @property
    def generation(self) -> int:
        """How often the file has been written: 1 after `create`, one more after every change."""
        return self._contents.generation

    @property
    def known(self) -> frozenset[str]:
        """Every key under which a secret was put, used or not."""
        return frozenset((*self._contents.secrets, *self._contents.outcomes))

    def put(self, key: str, secret: bytes) -> None:
        """Keep `secret` under `key`, durably; the same secret again changes nothing.

        Raises:
            ConflictError: Another secret is kept there or was used, or the file has changed since it was opened.
            StorageError: The disk refused.
        """
        contents = self._contents
        if key in contents.outcomes or contents.secrets.get(key, secret) != secret:
            raise ConflictError(f"{key} has another secret already", where=str(self._path), remedy=_NEW_ATTEMPT)
        if key not in contents.secrets:
            self._change(replace(contents, secrets={**contents.secrets, key: secret}))

    def get(self, key: str) -> bytes:
        """Return the secret under `key`, which has not been used.

        Raises:
            ConflictError: It was used; `outcome` gives its answer.
            NotReadyError: None was put there.
        """
        if key in self._contents.outcomes:
            remedy = f"give the answer it was used for again, or {_NEW_ATTEMPT}"
            raise ConflictError(f"the secret of {key} was used", where=str(self._path), remedy=remedy)
        if key not in self._contents.secrets:
            remedy = "do the earlier step first"
            raise NotReadyError(f"there is no secret of {key} yet", where=str(self._path), remedy=remedy)
        return self._contents.secrets[key]

    def burn(self, key: str, outcome: bytes) -> None:
        """Put `outcome`, the public answer, in the place of the secret, durably; publish it only afterwards.

        The same outcome again changes nothing.

        Raises:
            ConflictError: The secret was used for another outcome, or the file has changed since it was opened.
            NotReadyError: None was put there.
            StorageError: The disk refused.
        """
        contents = self._contents
        if contents.outcomes.get(key) == outcome:
            return
        self.get(key)
        secrets = {other: secret for other, secret in contents.secrets.items() if other != key}
        self._change(replace(contents, secrets=secrets, outcomes={**contents.outcomes, key: outcome}))

    def outcome(self, key: str) -> bytes | None:
        """Return the answer that the secret under `key` was burned for, or None as long as it was not."""
        return self._contents.outcomes.get(key)

    def _lock(self) -> FolderLock:
        return FolderLock(self._path.with_name(self._path.name + ".lock"), disk=self._disk)

    def _change(self, contents: _Contents) -> None:
        with self._lock():
            # every write has a fresh salt, so equal bytes are the same write
            if read_bounded(self._path, JOURNAL_LIMIT, disk=self._disk) != self._sealed:
                remedy = "open the journal again and go on from what it holds"
                raise ConflictError("has changed since it was opened", where=str(self._path), remedy=remedy)
            self._write(contents)

    def _write(self, contents: _Contents) -> None:
        contents = replace(contents, generation=contents.generation + 1)
        self._sealed = write_atomically_knowing(
            self._path, lambda identity: self._seal(identity, contents), PRIVATE, disk=self._disk
        )
        self._contents = contents

    def _seal(self, identity: tuple[int, int], contents: _Contents) -> bytes:
        sealed = seal(_encode(identity, contents), self._passphrase, _ASSOCIATED, self._cost)
        if len(sealed) > JOURNAL_LIMIT:
            raise DataError(f"would have {len(sealed)} bytes, expected at most {JOURNAL_LIMIT}", where=str(self._path))
        return sealed


def _encode(identity: tuple[int, int], contents: _Contents) -> bytes:
    content = {
        "file": identity,
        "generation": contents.generation,
        "secrets": {key: secret.hex() for key, secret in contents.secrets.items()},
        "outcomes": {key: outcome.hex() for key, outcome in contents.outcomes.items()},
    }
    return json.dumps(content).encode()


def _decode(content: bytes, where: str) -> tuple[tuple[int, int], _Contents]:
    try:
        fields = json.loads(content)
        number, version = fields["file"]
        secrets = {key: bytes.fromhex(secret) for key, secret in fields["secrets"].items()}
        outcomes = {key: bytes.fromhex(outcome) for key, outcome in fields["outcomes"].items()}
        return (number, version), _Contents(fields["generation"], secrets, outcomes)
    except (AttributeError, KeyError, TypeError, ValueError):
        # the content is secret, and a JSON error carries it along
        raise DataError("is sealed, but its content is not a journal", where=where, remedy=_NEW_ATTEMPT) from None
