"""An observer's file: signed statements one after another, and beside it the disposable key (specs/observers.md).

A message file that grows (`record.entry`): each statement is signed, counted, and names the one before, so that nothing
in the middle can be taken out or changed afterwards. What a power cut tore off is put aside, never thrown away.
"""

import io
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from e2ev.accountability.observers import (
    MAX_STATEMENT,
    Begun,
    Statement,
    decode_statement,
    election_of,
    number_of,
)
from e2ev.codes import short_hex
from e2ev.errors import ConflictError, DataError, E2evError
from e2ev.record.codec import encode
from e2ev.record.entry import (
    MESSAGE_MAGIC,
    NO_ENTRY,
    Entry,
    Pen,
    author_of,
    check_body,
    check_header_signature,
    message_file,
    read_message,
)
from e2ev.signing import SEED_BYTES, SigningKey
from e2ev.storage.disk import PRIVATE, AppendFile, read_bounded, read_descriptor, reading, write_once
from e2ev.storage.keyfile import check_private
from e2ev.storage.lock import FolderLock
from e2ev.storage.whole import append_durably

FILE_LIMIT = 256 << 20
_SEED = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement and the entry that it stands in."""

    statement: Statement
    entry: Entry

    @property
    def author(self) -> bytes:
        """Who signed it."""
        return self.entry.header.author


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in a file that does not count: where, and why."""

    where: str
    found: str


@dataclass(frozen=True, slots=True)
class Read:
    """An observer's file as it was read.

    Attributes:
        statements: Those that are signed by the key of the first one, in an unbroken chain.
        damages: Everything else.
        end: Bytes up to the last whole statement.
        torn: 1 where bytes stand behind that, and the last damage says so; else 0.
    """

    statements: tuple[Signed, ...]
    damages: tuple[Damage, ...]
    end: int
    torn: int = 0

    @property
    def begun(self) -> Begun:
        """The first statement.

        Raises:
            DataError: There is none.
        """
        if not self.statements or not isinstance(self.statements[0].statement, Begun):
            raise DataError("the file does not begin as an observer's file does", remedy="e2ev observe new FILE")
        return self.statements[0].statement


def key_path(path: Path) -> Path:
    """Return where the key of an observer's file stands."""
    return path.with_name(path.name + ".key")


def lock_path(path: Path) -> Path:
    """Return where the lock of an observer's file stands."""
    return path.with_name(path.name + ".lock")


def create(path: Path, begun: Begun, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Signed:
    """Make an observer's file with its first statement, and a key that is used for nothing else.

    Raises:
        ConflictError: The file or its key exists already.
        StorageError: The disk refused.
    """
    for taken in (path, key_path(path)):
        if taken.exists():
            raise ConflictError("exists already", where=str(taken), remedy="choose another name, or go on with it")
    seed = random_bytes(SEED_BYTES)
    pen = Pen(SigningKey.from_seed(seed), election_of(begun.title))
    entry, _ = pen.write(number_of(begun), encode(begun))
    write_once(key_path(path), seed.hex().encode() + b"\n", PRIVATE)
    AppendFile.create(path, message_file((entry,)), PRIVATE).close()
    return Signed(begun, entry)


def append(path: Path, statements: Sequence[Statement]) -> tuple[Signed, ...]:
    """Add statements to an observer's file, signed and durable.

    Raises:
        ConflictError: Somebody else writes at this moment.
        DataError: It is no observer's file, or its key is missing or another one.
        StorageError: The disk refused.
    """
    key = _read_key(key_path(path))
    with FolderLock(lock_path(path)):
        found = read(path)
        title, last = found.begun.title, found.statements[-1].entry
        if len(found.damages) > found.torn:
            damage = found.damages[0]
            raise DataError(damage.found, where=damage.where, remedy="keep the file as it is, and begin another one")
        if last.header.author != author_of(key.verify_key):
            raise DataError("the key beside the file is another one", where=str(key_path(path)))
        pen = Pen(key, election_of(title), last.header.counter + 1, last.leaf_hash)
        made: list[Signed] = []
        for statement in statements:
            entry, pen = pen.write(number_of(statement), encode(statement))
            made.append(Signed(decode_statement(entry.header.kind, entry.body, "statement"), entry))
        torn = read_bounded(path, FILE_LIMIT)[found.end :]
        if torn:  # what a power cut tore off is put aside before it is cut off
            write_once(path.with_name(f"{path.name}.torn-{found.end}"), torn, PRIVATE)
        append_durably(path, found.end, b"".join(one.entry.frames() for one in made))
    return tuple(made)


def _read_key(path: Path) -> SigningKey:
    with reading(path) as descriptor:
        check_private(descriptor, path)
        seed = read_descriptor(descriptor, path, 128).decode("ascii", "replace").strip()
    if not _SEED.fullmatch(seed):
        raise DataError("this is no key of an observer's file", where=str(path))
    return SigningKey.from_seed(bytes.fromhex(seed))


def read(path: Path) -> Read:
    """Return what stands in an observer's file.

    Raises:
        DataError: It is no observer's file at all.
        StorageError: The disk refused.
    """
    return read_bytes(read_bounded(path, FILE_LIMIT), path.name)


def read_bytes(data: bytes, where: str) -> Read:
    """Return what stands in the bytes of an observer's file; errors as of `read`."""
    statements: list[Signed] = []
    damages: list[Damage] = []
    end = len(MESSAGE_MAGIC)
    entries = read_message(io.BytesIO(data), lambda _: MAX_STATEMENT, where)
    while True:
        place = f"{where}, statement {len(statements) + len(damages) + 1}"
        try:
            entry = next(entries, None)
        except DataError as error:
            if data[: len(MESSAGE_MAGIC)] != MESSAGE_MAGIC:
                raise
            damages.append(Damage(place, f"{error.found}; {len(data) - end} bytes are not read"))
            break
        if entry is None:
            break
        end += len(entry.frames())
        try:
            statements.append(_next(entry, statements, place))
        except E2evError as error:
            damages.append(Damage(error.where or place, error.found))
    return Read(tuple(statements), tuple(damages), end, int(end < len(data)))


def check_entry(entry: Entry, where: str) -> Statement:
    """Return the statement of an entry by itself, its signature checked.

    Raises:
        DataError: It is no statement.
        RejectedError: It is not signed by its author, or the body is another one.
    """
    check_header_signature(entry.header, where)
    check_body(entry, where)
    return decode_statement(entry.header.kind, entry.body, where)


def _next(entry: Entry, before: Sequence[Signed], where: str) -> Signed:
    statement = check_entry(entry, where)
    header = entry.header
    if not before:
        good = isinstance(statement, Begun) and (header.counter, header.previous) == (1, NO_ENTRY)
        if not good or header.election != election_of(statement.title):  # type: ignore[union-attr]  # it is Begun
            raise DataError("the file does not begin as an observer's file does", where=where)
        return Signed(statement, entry)
    last = before[-1].entry
    expected = replace(last.header, counter=last.header.counter + 1)
    if (header.author, header.election, header.counter) != (expected.author, expected.election, expected.counter):
        raise DataError("the statement is of another author or election, or one is missing before it", where=where)
    if header.previous != last.leaf_hash or isinstance(statement, Begun):
        raise DataError("the statement does not follow the one before", where=where)
    return Signed(statement, entry)


def name_of(begun: Begun, author: bytes) -> str:
    """Return a source's name with the beginning of its key, so that two of one name differ."""
    return f"{begun.source} [{short_hex(author[1:])}]"
