"""Keys and detached signatures of minisign (https://jedisct1.github.io/minisign/): Ed25519 over BLAKE2b-512 ("ED").

Four lines make a signature: an untrusted comment, the signature of the file, a trusted comment, and the signature over
the first signature and that comment. Older signatures over the file itself ("Ed") are refused: they are made no more.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from Crypto.Protocol.KDF import scrypt

from e2ev.errors import DataError, PolicyError, RejectedError, WrongKeyError
from e2ev.signing import SEED_BYTES, SigningKey, VerifyKey, check_signature
from e2ev.storage.seal import Passphrase

ID_BYTES, SIGNATURE_BYTES, CHECK_BYTES = 8, 64, 32
LONGEST_COMMENT = 1024
SIZE_LIMIT = 16 << 10
"""Bytes of a key or signature file."""

_KEY, _HASHED = b"Ed", b"ED"
_NO_KDF, _SCRYPT, _BLAKE2B = b"\0\0", b"Sc", b"B2"
_UNTRUSTED, _TRUSTED = "untrusted comment: ", "trusted comment: "
_SECRET = struct.Struct("<2s2s2s32sQQ104s")
_MOST_MEMORY = 1 << 30
_MOST_LANES = 16


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key and the id that minisign gives it."""

    id: bytes
    key: VerifyKey

    @property
    def name(self) -> str:
        """The id as minisign shows it."""
        return self.id[::-1].hex().upper()

    def text(self) -> str:
        """Return the key as one word, the second line of a key file."""
        return _base64(_KEY + self.id + self.key.raw)

    def to_bytes(self) -> bytes:
        """Return the key file."""
        return f"{_UNTRUSTED}minisign public key {self.name}\n{self.text()}\n".encode()


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A secret key and its id; it shows no secret."""

    id: bytes
    key: SigningKey = field(repr=False)

    @classmethod
    def generate(cls, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> "SecretKey":
        """Return a new key."""
        return cls(random_bytes(ID_BYTES), SigningKey.generate(random_bytes))

    @property
    def public(self) -> PublicKey:
        """The public key."""
        return PublicKey(self.id, self.key.verify_key)

    def to_bytes(self) -> bytes:
        """Return the key file of a key without a passphrase and check sum, as `minisign -G -W` writes it: a secret."""
        held = self.id + self.key.seed() + self.key.verify_key.raw
        raw = _SECRET.pack(_KEY, _NO_KDF, _BLAKE2B, bytes(32), 0, 0, held + bytes(CHECK_BYTES))
        return f"{_UNTRUSTED}minisign secret key, without passphrase\n{_base64(raw)}\n".encode()


def read_public_key(text: str, *, where: str = "") -> PublicKey:
    """Return the public key of a key file, or of its second line alone.

    Raises:
        DataError: It is none.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    raw = _decoded(lines[-1] if lines else "", where)
    if len(raw) != len(_KEY) + ID_BYTES + 32 or raw[:2] != _KEY or len(lines) > 2:
        raise DataError("this is no public key of minisign", where=where, remedy="copy the line that begins with RW")
    return PublicKey(raw[2:10], VerifyKey.from_bytes(raw[10:], where=where))


def read_secret_key(data: bytes, passphrase: Callable[[], Passphrase], *, where: str = "") -> SecretKey:
    """Return the secret key of a key file.

    Args:
        data: The file.
        passphrase: Asked for the passphrase, if the key has one.
        where: Where it was found, for errors.

    Raises:
        DataError: It is none, or asks for too much memory.
        WrongKeyError: The passphrase is another one, or the file was changed.
    """
    lines = _text(data, where).splitlines()
    raw = _decoded(lines[1] if len(lines) == 2 else "", where)
    if len(raw) != _SECRET.size:
        raise DataError("this is no secret key of minisign", where=where, remedy="name the file that minisign -G wrote")
    kind, kdf, check, salt, work, memory, held = _SECRET.unpack(raw)
    if (kind, check) != (_KEY, _BLAKE2B) or kdf not in (_NO_KDF, _SCRYPT):
        raise DataError("this is a secret key of an unknown kind", where=where, remedy="use one of minisign -G")
    if kdf == _SCRYPT:
        pad = _pad(passphrase(), salt, work, memory, where)
        held = bytes(a ^ b for a, b in zip(held, pad, strict=True))
    held, stated = held[:-CHECK_BYTES], held[-CHECK_BYTES:]
    key = SigningKey.from_seed(held[ID_BYTES : ID_BYTES + SEED_BYTES])
    whole = kdf == _NO_KDF or hmac.compare_digest(_check_sum(held), stated)
    if not whole or key.verify_key.raw != held[ID_BYTES + SEED_BYTES :]:
        found = "does not open: the passphrase is another one, or the file was changed"
        raise WrongKeyError(found, where=where, remedy="type the passphrase again, or take another copy")
    return SecretKey(held[:ID_BYTES], key)


def sign(key: SecretKey, data: bytes, comment: str) -> bytes:
    """Return the signature file for `data`; the comment is signed as well.

    Raises:
        ValueError: The comment is too long, or has control characters.
    """
    if len(comment.encode()) > LONGEST_COMMENT or not comment.isprintable():
        raise ValueError("a comment is one line of printable text")
    signature = key.key.sign(hashlib.blake2b(data).digest())
    both = key.key.sign(signature + comment.encode())
    lines = (f"{_UNTRUSTED}signature from minisign secret key {key.public.name}",
             _base64(_HASHED + key.id + signature), _TRUSTED + comment, _base64(both))  # fmt: skip
    return ("\n".join(lines) + "\n").encode()


def check(key: PublicKey, data: bytes, signature: bytes, *, where: str = "") -> str:
    """Return the trusted comment of a signature file, if the file is this key's signature of `data`.

    Raises:
        DataError: It is no signature file, or one of the old kind.
        PolicyError: It names another key.
        RejectedError: The data or the comment is not what was signed.
    """
    lines = _text(signature, where).splitlines()
    if len(lines) != 4 or not lines[0].startswith(_UNTRUSTED) or not lines[2].startswith(_TRUSTED):
        raise DataError("this is no signature of minisign", where=where, remedy="get the file again from its author")
    first, both = _decoded(lines[1], where), _decoded(lines[3], where)
    if len(first) != 2 + ID_BYTES + SIGNATURE_BYTES or first[:2] != _HASHED:
        raise DataError("this is no signature over a hash ('ED')", where=where, remedy="sign with minisign -S -H")
    named = PublicKey(first[2:10], key.key).name
    if first[2:10] != key.id:
        remedy = "ask the author for the key, on another way than the one the file came by"
        raise PolicyError(f"signed with key {named}, expected key {key.name}", where=where, remedy=remedy)
    comment = lines[2].removeprefix(_TRUSTED)
    try:
        check_signature(key.key, hashlib.blake2b(data).digest(), first[10:], where=where)
        check_signature(key.key, first[10:] + comment.encode(), both, where=where)
    except RejectedError as error:
        found = "the signature does not hold: the file, or the comment, is not what was signed"
        raise RejectedError(found, where=where, remedy="get both files again from their author") from error
    return comment


def _check_sum(held: bytes) -> bytes:
    """Return what tells a wrong passphrase: over the id, the seed and the public key."""
    return hashlib.blake2b(_KEY + held, digest_size=CHECK_BYTES).digest()


def _pad(passphrase: Passphrase, salt: bytes, work: int, memory: int, where: str) -> bytes:
    """Return the key stream that hides a secret key; libsodium's rule turns work and memory into N and p, r being 8."""
    work, r = max(work, 32768), 8
    if work < memory // 32:
        most, lanes = work // (r * 4), 1
    else:
        most, lanes = memory // (r * 128), 0
    log_n = max((most // 2).bit_length(), 1)
    lanes = lanes or min(work // 4 >> log_n, 0x3FFFFFFF) // r
    if not 1 <= lanes <= _MOST_LANES or 128 * r << log_n > _MOST_MEMORY:
        raise DataError("the key file asks for too much memory or work, or for too little", where=where)
    try:
        return scrypt(passphrase.reveal(), salt, 104, 1 << log_n, r, lanes)
    except (MemoryError, ValueError) as error:
        found = f"scrypt needs {(r << log_n) >> 13} MiB of memory and did not get it"
        raise DataError(found, where=where, remedy="end other programs, or use a machine with more memory") from error


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(line: str, where: str) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError("a line is not base64", where=where, remedy="copy the file again") from error


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DataError("is not text", where=where, remedy="copy the file again") from error
