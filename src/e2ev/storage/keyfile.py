"""Key files: a readable header that says whose key it is, and below it the sealed secret.

::

    -----BEGIN E2EV KEY FILE-----
    role: trustee
    name: Anna Berg
    copy: original
    public: 8f2c...
    fingerprint: 3071 5ad2 ...          (free lines, in the caller's order)

    RTJFVlNFQUwBEAgB...                 (base64, 64 columns)
    -----END E2EV KEY FILE-----

Everything down to the empty line is associated with the sealed bytes, so a file whose header was changed does not open.
There is one way to write a file: one that would be written differently is refused.
"""

import base64
import binascii
import os
import re
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from e2ev.errors import ConflictError, DataError, WrongKeyError
from e2ev.storage.disk import PRIVATE, REAL, Disk, read_bounded, read_descriptor, reading, write_atomically
from e2ev.storage.seal import Cost, Passphrase, seal, unseal

__all__ = [
    "KeyFileHeader",
    "Passphrase",
    "check_private",
    "open_key_file",
    "read_header",
    "read_passphrase_file",
    "save_key_file",
]

KEY_FILE_LIMIT = 4 << 20
PASSPHRASE_FILE_LIMIT = 4096
_VALUE_LIMIT = 1024
_FIXED = ("role", "name", "copy", "public")
_BEGIN = "-----BEGIN E2EV KEY FILE-----\n"
_END = "-----END E2EV KEY FILE-----\n"
_COLUMNS = 64
_WORD = re.compile(r"[a-z][a-z0-9-]{0,39}")
_UNCHANGED = "take the file as it was made, or another copy of it"


@dataclass(frozen=True, slots=True)
class KeyFileHeader:
    """What a key file says about itself to everybody.

    Args:
        role: Whose key it is, as one word: trustee, device.
        name: The holder, one line of text.
        copy: Whether it is the file in use or a backup.
        public: The holder's public signing key, at most 512 bytes.
        extra: Further lines (key, value) in this order.

    Raises:
        DataError: A line cannot be written or read back as it is.
    """

    role: str
    name: str
    copy: Literal["original", "backup"]
    public: bytes
    extra: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        keys = [key for key, _ in self.lines]
        if not all(_WORD.fullmatch(word) for word in (self.role, *keys)):
            raise DataError("a role or key is not one word of lower case letters, digits and hyphens")
        if len(set(keys)) != len(keys):
            raise DataError("a key stands twice in the header")
        if self.copy not in ("original", "backup"):
            raise DataError("copy is neither original nor backup")
        for key, value in self.lines:
            _check_value(key, value)

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """All lines (key, value) as they stand in the file."""
        fixed = (self.role, self.name, self.copy, self.public.hex())
        return (*zip(_FIXED, fixed, strict=True), *self.extra)


def save_key_file(
    path: Path, header: KeyFileHeader, secret: bytes, passphrase: Passphrase, cost: Cost, *, disk: Disk = REAL
) -> None:
    """Make `path` durably hold `secret`, readable by its owner only; it was opened again and read back.

    A key file of the same holder, key and copy is replaced, nothing else is.

    Raises:
        ConflictError: Something else stands at `path`.
        DataError: The secret is too large.
        StorageError: The disk refused, or does not give back what was written.
    """
    _check_replaceable(path, header, disk)
    associated = _render_header(header)
    data = associated + _render_body(seal(secret, passphrase, associated, cost))
    if len(data) > KEY_FILE_LIMIT:
        raise DataError(f"would have {len(data)} bytes, expected at most {KEY_FILE_LIMIT}", where=str(path))
    # opened before it replaces the previous file, which is still good if this fails
    if _open(data, passphrase, str(path)) != (header, secret):
        raise DataError("does not open as it was sealed", where=str(path), remedy="check this machine's memory")
    write_atomically(path, data, PRIVATE, disk=disk)


def read_header(path: Path, *, disk: Disk = REAL) -> KeyFileHeader:
    """Return what the file says about itself; without the passphrase nothing vouches for it.

    Raises:
        DataError: The file is missing or no key file.
        StorageError: The disk refused.
    """
    return _parse(read_bounded(path, KEY_FILE_LIMIT, disk=disk), str(path))[0]


def open_key_file(path: Path, passphrase: Passphrase, *, disk: Disk = REAL) -> tuple[KeyFileHeader, bytes]:
    """Return the header, now known to be the one it was sealed with, and the secret.

    Raises:
        DataError: The file is missing or no key file.
        StorageError: The disk refused.
        WrongKeyError: The passphrase is wrong, a byte was changed, or others can read the file.
    """
    return _open(_read_private(path, KEY_FILE_LIMIT, disk), passphrase, str(path))


def read_passphrase_file(path: Path, *, disk: Disk = REAL) -> Passphrase:
    """Return the file's first line.

    Raises:
        DataError: The file is missing, larger than 4096 bytes, or not UTF-8.
        StorageError: The disk refused.
        WrongKeyError: The first line is empty, or others can read the file.
    """
    line = _read_private(path, PASSPHRASE_FILE_LIMIT, disk).partition(b"\n")[0].removesuffix(b"\r")
    if not line:
        raise WrongKeyError("the first line is empty, expected a passphrase", where=str(path), remedy="write it there")
    # a UnicodeDecodeError would carry the bytes along; Passphrase refuses what surrogateescape makes of them
    return Passphrase(line.decode("utf-8", "surrogateescape"))


def read_private_lines(path: Path, *, disk: Disk = REAL) -> tuple[str, ...]:
    """Return the lines of a file that its owner alone can read, without empty ones; errors as above."""
    text = _read_private(path, PASSPHRASE_FILE_LIMIT, disk).decode("utf-8", "replace")
    return tuple(line for line in text.splitlines() if line.strip())


def check_private(descriptor: int, path: Path) -> None:
    """Check that nobody but the owner can read or write the file.

    Raises:
        WrongKeyError: Others can.
    """
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    if mode & 0o077:
        remedy = f"chmod 600 {path} (on a memory stick without permissions: copy it to this computer first)"
        raise WrongKeyError(f"is open to others, mode {mode:o}, expected 600", where=str(path), remedy=remedy)


def _read_private(path: Path, limit: int, disk: Disk) -> bytes:
    with reading(path, disk=disk) as descriptor:
        check_private(descriptor, path)
        return read_descriptor(descriptor, path, limit)


def _check_replaceable(path: Path, header: KeyFileHeader, disk: Disk) -> None:
    if not os.path.lexists(path):
        return
    remedy = "choose another name; nothing was written"
    try:
        found = read_header(path, disk=disk)
    except DataError as error:
        raise ConflictError("something else stands there already", where=str(path), remedy=remedy) from error
    if found.lines[: len(_FIXED)] != header.lines[: len(_FIXED)]:
        raise ConflictError("another key stands there already", where=str(path), remedy=remedy)


def _check_value(key: str, value: str) -> None:
    if not 0 < len(value) <= _VALUE_LIMIT or value != value.strip():
        raise DataError(f"{key} is empty, longer than {_VALUE_LIMIT} characters, or has spaces at its ends")
    # controls, line and paragraph separators, and halves of characters
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") for character in value):
        raise DataError(f"{key} is not one line of text")
    if not unicodedata.is_normalized("NFC", value):
        raise DataError(f"{key} is not in composed form (NFC)")


def _render_header(header: KeyFileHeader) -> bytes:
    return (_BEGIN + "".join(f"{key}: {value}\n" for key, value in header.lines) + "\n").encode()


def _render_body(sealed: bytes) -> bytes:
    text = base64.b64encode(sealed).decode()
    lines = (text[start : start + _COLUMNS] + "\n" for start in range(0, len(text), _COLUMNS))
    return ("".join(lines) + _END).encode()


def _open(data: bytes, passphrase: Passphrase, where: str) -> tuple[KeyFileHeader, bytes]:
    header, sealed = _parse(data, where)
    return header, unseal(sealed, passphrase, _render_header(header), where=where)


def _parse(data: bytes, where: str) -> tuple[KeyFileHeader, bytes]:
    try:
        text = data.decode()
        head, _, body = text.removeprefix(_BEGIN).partition("\n\n")
        header = _parse_header(head)
        sealed = base64.b64decode(body.removesuffix(_END).replace("\n", ""), validate=True)
    except (UnicodeDecodeError, binascii.Error, ValueError, DataError) as error:
        found = error.found if isinstance(error, DataError) else "a byte cannot stand there"
        raise DataError(f"is not a key file: {found}", where=where, remedy=_UNCHANGED) from error
    if _render_header(header) + _render_body(sealed) != data:
        raise DataError("is not written as e2ev writes a key file", where=where, remedy=_UNCHANGED)
    return header, sealed


def _parse_header(head: str) -> KeyFileHeader:
    lines = [(key, value) for key, _, value in (line.partition(": ") for line in head.split("\n"))]
    if tuple(key for key, _ in lines[: len(_FIXED)]) != _FIXED:
        raise DataError(f"expected the lines {', '.join(_FIXED)}")
    role, name, copy, public = (value for _, value in lines[: len(_FIXED)])
    extra = tuple(lines[len(_FIXED) :])
    # the header checks that it is one of the two
    return KeyFileHeader(role, name, cast(Literal["original", "backup"], copy), bytes.fromhex(public), extra)
