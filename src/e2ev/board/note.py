"""Signed notes, checkpoints and cosignatures (C2SP signed-note v1.0.0, tlog-checkpoint v1.0.0, tlog-cosignature).

A note is a text and, behind its last empty line, signature lines `— <name> <base64(key id ‖ signature)>`. A
checkpoint is a note whose text says origin, size and root of a log. A cosignature is a further line in which a
witness says at what time this was the largest tree it had seen of that log. Whoever trusts a note trusts one named
key, whose line must stand there and verify; lines of other keys, witnesses among them, never replace it.
"""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256

from e2ev.board.merkle import HASH_BYTES
from e2ev.errors import DataError, RejectedError
from e2ev.signing import SigningKey, VerifyKey, check_signature

# Signature types of the signed-note specification: a log's own signature, and a witness's.
ED25519_NOTE = 0x01
COSIGNATURE = 0x04
MAX_NOTE_BYTES = 64 * 1024
MAX_SIGNATURES = 100
MAX_SIZE = MAX_TIME = 2**63 - 1
_ID_BYTES = 4
_TIME_BYTES = 8
_NAME = re.compile(r"[^\s+\x00-\x1f]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_VKEY_ID = re.compile("[0-9a-f]{8}")
# 19 digits hold MAX_SIZE; the bound keeps int() from long work on a hostile line.
_SIZE = re.compile("0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A key that somebody trusts to sign notes, and what its signatures mean: ED25519_NOTE or COSIGNATURE.

    Raises:
        ValueError: The name is empty or holds spaces, `+` or control characters, or the algorithm is another.
    """

    name: str
    key: VerifyKey
    algorithm: int = ED25519_NOTE

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.algorithm not in (ED25519_NOTE, COSIGNATURE):
            raise ValueError(f"no note key has the name {self.name!r} and the signature type {self.algorithm}")

    @property
    def id(self) -> bytes:
        """The four bytes that name this key in a signature line."""
        return key_id(self.name, self.key, self.algorithm)

    def vkey(self) -> str:
        """Return the key as the text `name+hex(id)+base64(type ‖ key)`."""
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([self.algorithm]) + self.key.raw).decode()}"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the key's name, its four-byte id, and what follows the id, not yet checked."""

    name: str
    key_id: bytes
    blob: bytes

    def line(self) -> str:
        """Return the line, with its newline."""
        return f"— {self.name} {b64encode(self.key_id + self.blob).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note in its parts: what is signed, with its final newline, and at least one line, not yet checked."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def to_bytes(self) -> bytes:
        """Return the whole note."""
        return (f"{self.text}\n" + "".join(signature.line() for signature in self.signatures)).encode()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: its name, how many leaves it has, and their root.

    Extensions are further lines of the text. Our boards hold none; a station's closing statement has some.

    Raises:
        ValueError: `size` is not 0 to MAX_SIZE, `root` not 32 bytes, or a line is empty or has control characters.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_BYTES:
            raise ValueError(f"no checkpoint has size {self.size} and a root of {len(self.root)} bytes")
        if any(not line or "\n" in line or _CONTROL.search(line) for line in (self.origin, *self.extensions)):
            raise ValueError("the origin and the extensions of a checkpoint are lines that are not empty")

    def text(self) -> str:
        """Return the text that is signed, with its final newline."""
        return "\n".join((self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions, ""))


def key_id(name: str, public: VerifyKey, algorithm: int) -> bytes:
    """Return SHA-256(name ‖ 0x0A ‖ algorithm ‖ public)[:4], which tells keys apart but proves nothing."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public.raw).digest()[:_ID_BYTES]


def parse_vkey(text: str, algorithm: int = ED25519_NOTE, *, where: str = "") -> NoteKey:
    """Return the key that the verifier key `text` describes.

    Raises:
        DataError: Not `name+hex(id)+base64(type ‖ key)`, or not of type `algorithm`, so that no witness's key serves
            as a log's; the key is refused by VerifyKey, or the id is another.
    """
    name, claimed_id, encoded = (*text.split("+", 2), "", "")[:3]
    if not _NAME.fullmatch(name) or not _VKEY_ID.fullmatch(claimed_id):
        raise DataError("not a verifier key: expected name+8 hex digits+base64", where=where)
    public = read_base64(encoded, where)
    if public[:1] != bytes([algorithm]):
        raise DataError(f"verifier key of type {public[:1].hex()!r}, expected '{algorithm:02x}'", where=where)
    key = NoteKey(name, VerifyKey.from_bytes(public[1:], where=where), algorithm)
    if key.id.hex() != claimed_id:
        raise DataError(f"verifier key has id {claimed_id}, but name and key give {key.id.hex()}", where=where)
    return key


def sign_note(text: str, name: str, key: SigningKey) -> str:
    """Return the whole note: `text`, an empty line, and the line of `name`.

    Raises:
        ValueError: `text` does not end in a newline or holds other control characters, or `name` is no key name.
    """
    if not text.endswith("\n") or _CONTROL.search(text):
        raise ValueError("the text of a note ends in a newline and has no other control characters")
    return f"{text}\n{_signature_line(NoteKey(name, key.verify_key), key.sign(text.encode()))}"


def parse_note(note: bytes, *, where: str = "") -> Note:
    """Return `note` in its parts; nothing is checked but the form.

    Raises:
        DataError: Too long, not UTF-8, control characters, no empty line, no signature or too many, a malformed line.
    """
    if len(note) > MAX_NOTE_BYTES:
        raise DataError(f"note of {len(note)} bytes, expected at most {MAX_NOTE_BYTES}", where=where)
    try:
        content = note.decode()
    except UnicodeDecodeError as flaw:
        raise DataError(f"note is not UTF-8 at byte {flaw.start}", where=where) from None
    if _CONTROL.search(content):
        raise DataError("note holds a control character other than newline", where=where)
    text, blank, lines = content.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise DataError("note is not a text, an empty line and lines that each end in a newline", where=where)
    rows = lines[:-1].split("\n")
    if len(rows) > MAX_SIGNATURES:
        raise DataError(f"note with {len(rows)} signatures, expected at most {MAX_SIGNATURES}", where=where)
    return Note(text + "\n", tuple(_parse_signature(row, where) for row in rows))


def check_note(note: bytes, key: NoteKey, *, where: str = "") -> str:
    """Return the text of `note` only if it stands there signed by `key`.

    Raises:
        DataError: `note` is not a note.
        RejectedError: No line has the name and the id of `key`, or one that has them does not verify.
        ValueError: `key` is a witness's.
    """
    if key.algorithm != ED25519_NOTE:
        raise ValueError("a cosignature is checked by check_cosignature")
    parsed = parse_note(note, where=where)
    for blob in _blobs_of(parsed, key, where):
        check_signature(key.key, parsed.text.encode(), blob, where=_line_of(key, where))
    return parsed.text


def parse_checkpoint(text: str, *, where: str = "") -> Checkpoint:
    """Return the checkpoint that the note text `text` states.

    Raises:
        DataError: Not three or more lines, none empty; a size that is no plain decimal; a root of other than 32 bytes.
    """
    *lines, tail = text.split("\n")
    if tail or len(lines) < 3 or not all(lines) or _CONTROL.search(text):
        raise DataError("checkpoint is not three or more lines, none empty, each with its newline", where=where)
    origin, size, encoded_root, *extensions = lines
    if not _SIZE.fullmatch(size) or int(size) > MAX_SIZE:
        raise DataError("size of a checkpoint is not a decimal below 2^63 without leading zeros", where=where)
    root = read_base64(encoded_root, where)
    if len(root) != HASH_BYTES:
        raise DataError(f"root of a checkpoint has {len(root)} bytes, expected {HASH_BYTES}", where=where)
    return Checkpoint(origin, int(size), root, tuple(extensions))


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> str:
    """Return the note in which the log `checkpoint.origin` states `checkpoint`.

    The caller answers for it that the log never signs two checkpoints that are inconsistent.

    Raises:
        ValueError: The origin cannot be a key's name (a space or `+` in it).
    """
    return sign_note(checkpoint.text(), checkpoint.origin, key)


def check_checkpoint(note: bytes, key: NoteKey, *, where: str = "") -> Checkpoint:
    """Return the checkpoint in `note` only if the log `key.name` signed it as its own.

    Raises:
        DataError, RejectedError: As `check_note`; or its text is no checkpoint, or that of another log.
    """
    checkpoint = parse_checkpoint(check_note(note, key, where=where), where=where)
    if checkpoint.origin != key.name:
        raise RejectedError(f"checkpoint of {checkpoint.origin!r}, expected {key.name!r}", where=where)
    return checkpoint


def sign_cosignature(checkpoint_text: str, name: str, key: SigningKey, time: int) -> str:
    """Return the line, with its newline, that joins the witness `name` to a checkpoint; append it to the note.

    The signature does not bind `name`, so every witness has a key of its own.
    The caller has checked the checkpoint against all that the witness saw before. `time` is in seconds since 1970.

    Raises:
        DataError: `checkpoint_text` is no checkpoint.
        ValueError: `name` is no key name, or `time` is not 0 to MAX_TIME.
    """
    parse_checkpoint(checkpoint_text)
    if not 0 <= time <= MAX_TIME:
        raise ValueError(f"a cosignature has no time {time}")
    blob = time.to_bytes(_TIME_BYTES, "big") + key.sign(_cosigned(checkpoint_text, time))
    return _signature_line(NoteKey(name, key.verify_key, COSIGNATURE), blob)


def check_cosignature(note: bytes, key: NoteKey, *, where: str = "") -> int:
    """Return the time at which the witness `key` vouched for the checkpoint in `note`, only if it did.

    It says nothing about the log's own signature: `check_checkpoint` does. If the witness has several lines, all must
    verify and the latest time counts.

    Raises:
        DataError, RejectedError: As `check_note`; or its text is no checkpoint.
        ValueError: `key` is not a witness's.
    """
    if key.algorithm != COSIGNATURE:
        raise ValueError("the log's own signature is checked by check_note")
    parsed = parse_note(note, where=where)
    parse_checkpoint(parsed.text, where=where)
    line = _line_of(key, where)
    return max(_check_timestamped(parsed.text, key.key, blob, line) for blob in _blobs_of(parsed, key, where))


def _check_timestamped(text: str, key: VerifyKey, blob: bytes, where: str) -> int:
    """Return the time that `blob` leads with, only if the rest of it signs that time and `text`."""
    time = int.from_bytes(blob[:_TIME_BYTES], "big")
    if time > MAX_TIME:
        raise RejectedError("cosignature with a time of 2^63 or more", where=where)
    check_signature(key, _cosigned(text, time), blob[_TIME_BYTES:], where=where)
    return time


def _cosigned(checkpoint_text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{checkpoint_text}".encode()


def _blobs_of(note: Note, key: NoteKey, where: str) -> tuple[bytes, ...]:
    """Return what the lines of `key` hold, at least one."""
    blobs = tuple(line.blob for line in note.signatures if (line.name, line.key_id) == (key.name, key.id))
    if not blobs:
        found = f"none of {len(note.signatures)} signatures is by {key.name!r} with key id {key.id.hex()}"
        raise RejectedError(found, where=where, remedy="get the note again, or the key you mean to trust")
    return blobs


def _line_of(key: NoteKey, where: str) -> str:
    return f"{where or 'note'}, signature line of {key.name!r}"


def _signature_line(signer: NoteKey, blob: bytes) -> str:
    return NoteSignature(signer.name, signer.id, blob).line()


def _parse_signature(row: str, where: str) -> NoteSignature:
    dash, name, encoded = (*row.split(" ", 2), "", "")[:3]
    if dash != "—" or not _NAME.fullmatch(name):
        raise DataError("signature line is not '— name base64'", where=where)
    content = read_base64(encoded, where)
    if len(content) <= _ID_BYTES:
        raise DataError("signature line holds no signature behind the key id", where=where)
    return NoteSignature(name, content[:_ID_BYTES], content[_ID_BYTES:])


def read_base64(text: str, where: str) -> bytes:
    """Return what `text` encodes, if this is the one way to encode it (RFC 4648 §3.5, §4).

    Raises:
        DataError: It is no base64, or not the canonical one.
    """
    try:
        content = b64decode(text, validate=True)
    except ValueError:
        raise DataError("not base64", where=where) from None
    if b64encode(content).decode() != text:
        raise DataError("base64 that is not canonical: unused bits are set", where=where)
    return content
