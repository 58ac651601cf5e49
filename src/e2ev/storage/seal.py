"""Bytes sealed with a passphrase: scrypt (RFC 7914) gives the key, AES-256-GCM (NIST SP 800-38D) seals.

Layout, 56 bytes longer than the secret::

    magic "E2EVSEAL" 8 | version 1 | log_n 1 | r 1 | p 1 | salt 16 | nonce 12 | ciphertext | tag 16

The tag covers the 40 bytes before the ciphertext and, after them, what the caller associates.
"""

import secrets
import struct
import unicodedata
from dataclasses import dataclass, field
from typing import Self

from Crypto.Cipher import AES
from Crypto.Protocol.KDF import scrypt

from e2ev.errors import DataError, WrongKeyError

SHORTEST_PASSPHRASE = 8
_MAGIC = b"E2EVSEAL"
_VERSION = 1
_KEY_BYTES = 32
_TAG_BYTES = 16
_HEADER = struct.Struct(">8s4B16s12s")


@dataclass(frozen=True, slots=True)
class Cost:
    """The work that one guess of the passphrase takes: scrypt's N = 2^log_n, r and p; 128·N·r bytes of memory.

    Raises:
        ValueError: Outside 4 ≤ log_n ≤ 20, 1 ≤ r ≤ 16, 1 ≤ p ≤ 4, so never more than 2 GiB.
    """

    log_n: int = 16
    r: int = 8
    p: int = 1

    def __post_init__(self) -> None:
        if not (4 <= self.log_n <= 20 and 1 <= self.r <= 16 and 1 <= self.p <= 4):
            raise ValueError(f"scrypt cost out of bounds: log_n {self.log_n}, r {self.r}, p {self.p}")


@dataclass(frozen=True, slots=True, repr=False)
class Passphrase:
    """A passphrase that does not show itself, in Unicode's composed form (NFC) however it was typed.

    Raises:
        DataError: The text has half characters, as a terminal of another encoding gives them.
    """

    _text: str = field(repr=False)

    def __post_init__(self) -> None:
        if any("\ud800" <= character <= "\udfff" for character in self._text):
            raise DataError("the passphrase is not UTF-8 text", remedy="set the terminal or the file to UTF-8")
        object.__setattr__(self, "_text", unicodedata.normalize("NFC", self._text))

    @classmethod
    def chosen(cls, text: str) -> Self:
        """Return a passphrase to create something with.

        Raises:
            WrongKeyError: It is too short, see `check_length`.
        """
        passphrase = cls(text)
        passphrase.check_length()
        return passphrase

    def check_length(self) -> None:
        """Check what is asked of a new passphrase: at least 8 characters.

        Raises:
            WrongKeyError: It has fewer.
        """
        if len(self._text) < SHORTEST_PASSPHRASE:
            found = f"the passphrase is too short, expected at least {SHORTEST_PASSPHRASE} characters"
            raise WrongKeyError(found, remedy="choose a longer one, such as five words drawn by lot")

    def reveal(self) -> bytes:
        """Return the UTF-8 bytes. Secret."""
        return self._text.encode()

    def __repr__(self) -> str:
        return "<secret>"


def seal(secret: bytes, passphrase: Passphrase, associated: bytes, cost: Cost) -> bytes:
    """Return `secret` sealed under a fresh salt and nonce.

    Args:
        secret: Any bytes; only their number can be seen afterwards.
        passphrase: What opens it.
        associated: Public bytes that stand elsewhere and without which it does not open.
        cost: The work of one guess.

    Raises:
        DataError: This machine has not enough memory for `cost`.
    """
    salt = secrets.token_bytes(16)
    nonce = secrets.token_bytes(12)
    header = _HEADER.pack(_MAGIC, _VERSION, cost.log_n, cost.r, cost.p, salt, nonce)
    cipher = AES.new(_derive(passphrase, salt, cost, ""), AES.MODE_GCM, nonce=nonce, mac_len=_TAG_BYTES)
    cipher.update(header + associated)
    ciphertext, tag = cipher.encrypt_and_digest(secret)
    return header + ciphertext + tag


def unseal(sealed: bytes, passphrase: Passphrase, associated: bytes, *, where: str = "") -> bytes:
    """Return the secret.

    Args:
        sealed: What `seal` returned.
        passphrase: The one it was sealed with.
        associated: The bytes it was sealed with.
        where: The file, for errors.

    Raises:
        DataError: `sealed` is not in this form, or asks for more work or memory than is allowed.
        WrongKeyError: The passphrase is wrong, or a byte of `sealed` or `associated` was changed.
    """
    cost, salt, nonce = _read_header(sealed, where)
    cipher = AES.new(_derive(passphrase, salt, cost, where), AES.MODE_GCM, nonce=nonce, mac_len=_TAG_BYTES)
    cipher.update(sealed[: _HEADER.size] + associated)
    try:
        return cipher.decrypt_and_verify(sealed[_HEADER.size : -_TAG_BYTES], sealed[-_TAG_BYTES:])
    except ValueError as error:
        found = "does not open: the passphrase is another one, or the content was changed"
        raise WrongKeyError(found, where=where, remedy="type the passphrase again, or take another copy") from error


def cost_of(sealed: bytes, *, where: str = "") -> Cost:
    """Return the cost that `sealed` was sealed with, not yet authenticated.

    Raises:
        DataError: `sealed` is not in this form.
    """
    return _read_header(sealed, where)[0]


def _read_header(sealed: bytes, where: str) -> tuple[Cost, bytes, bytes]:
    if len(sealed) < _HEADER.size + _TAG_BYTES:
        found = f"has {len(sealed)} sealed bytes, expected at least {_HEADER.size + _TAG_BYTES}"
        raise DataError(found, where=where, remedy="take another copy")
    magic, version, log_n, r, p, salt, nonce = _HEADER.unpack_from(sealed)
    if magic != _MAGIC:
        raise DataError("is not sealed by e2ev", where=where, remedy="check that this is the right file")
    if version != _VERSION:
        found = f"is sealed in form {version}, expected {_VERSION}"
        raise DataError(found, where=where, remedy="use a newer e2ev, or take another copy")
    try:
        return Cost(log_n, r, p), salt, nonce
    except ValueError as error:
        raise DataError(str(error), where=where, remedy="take another copy") from error


def _derive(passphrase: Passphrase, salt: bytes, cost: Cost, where: str) -> bytes:
    try:
        return scrypt(passphrase.reveal(), salt, _KEY_BYTES, 1 << cost.log_n, cost.r, cost.p)
    except (MemoryError, ValueError) as error:
        found = f"scrypt needs {(cost.r << cost.log_n) >> 13} MiB of memory and did not get it"
        raise DataError(found, where=where, remedy="end other programs, or use a machine with more memory") from error
