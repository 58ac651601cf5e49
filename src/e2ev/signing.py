"""Ed25519 signatures under one strict rule (RFC 8032 §5.1; ARCHITECTURE, decision 18).

Libraries disagree about the edges of Ed25519, and two verifiers that disagree about one signature disagree about an
election. So the edges are decided here, before the library is asked:

1. A verify key is the canonical encoding of a point on the curve (y < p) whose order is not small.
2. A signature has 64 bytes: R, canonical (y < p, and no sign where x = 0), then S below the group order L.
3. [S]B = R + [k]A holds as it stands, without multiplication by the cofactor.

An R of small order is not refused: only the owner of the key can make one, and it gives the secret key away. Keys that
have a part of small order beside a large one are not refused either: rule 3 leaves no two readings of them.
"""

import secrets
from collections.abc import Callable
from dataclasses import InitVar, dataclass
from typing import NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from e2ev.errors import DataError, RejectedError

__all__ = ["ED25519", "KEY_BYTES", "SEED_BYTES", "SIGNATURE_BYTES", "SigningKey", "VerifyKey", "check_signature"]

# The id that stands beside keys and signatures in the record, so that others can follow.
ED25519 = 1

SEED_BYTES = 32
KEY_BYTES = 32
SIGNATURE_BYTES = 64

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_SIGN_BIT = 1 << 255


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public Ed25519 key that meets rule 1, so that no other one can be asked about a signature.

    Args:
        raw: The 32 bytes of RFC 8032 §5.1.2.
        where: Where the bytes were found, for the error.

    Raises:
        DataError: `raw` is not 32 bytes, not canonical, not on the curve, or of small order.
    """

    raw: bytes
    where: InitVar[str] = ""

    def __post_init__(self, where: str) -> None:
        flaw = _flaw_of_key(self.raw)
        if flaw:
            raise DataError(f"verify key {flaw}", where=where, remedy="ask the key's owner for the key again")

    @classmethod
    def from_bytes(cls, raw: bytes, *, where: str = "") -> "VerifyKey":
        """Return the key that `raw` encodes, after the checks of rule 1.

        Raises:
            DataError: See the class.
        """
        return cls(bytes(raw), where)


class SigningKey:
    """A secret Ed25519 key. It has no record codec, cannot be pickled or copied, and prints as `<secret>`."""

    __slots__ = ("_private", "_verify_key")

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self._verify_key = VerifyKey(private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> "SigningKey":
        """Return a new key from 32 bytes of `random_bytes`."""
        return cls.from_seed(random_bytes(SEED_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> "SigningKey":
        """Return the key that belongs to `seed`, the secret key of RFC 8032 §5.1.5.

        Raises:
            ValueError: `seed` is not 32 bytes.
        """
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    def seed(self) -> bytes:
        """Return the 32 secret bytes, for the sealed key file and for nothing else."""
        return self._private.private_bytes_raw()

    @property
    def verify_key(self) -> VerifyKey:
        """The public key that belongs to this one."""
        return self._verify_key

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`: always the same one for the same message."""
        return self._private.sign(message)

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key is not pickled or copied: only the sealed key file holds its seed")


def check_signature(key: VerifyKey, message: bytes, signature: bytes, *, where: str = "") -> None:
    """Return only if `signature` is the signature of `message` under `key`, by all three rules of this module.

    Raises:
        RejectedError: It is not. No culprit is named: anybody can write bytes that are not a signature.
    """
    flaw = _flaw_of_signature(signature)
    if flaw:
        raise RejectedError(f"signature {flaw}", where=where)
    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
    except InvalidSignature:
        raise RejectedError("signature does not verify under the key it is claimed for", where=where) from None


def _flaw_of_key(raw: bytes) -> str:
    """Return what rule 1 has against `raw`, or nothing."""
    if len(raw) != KEY_BYTES:
        return f"has {len(raw)} bytes, expected {KEY_BYTES}"
    y = _y_of(raw)
    if y >= _P:
        return "is not canonical: its y is not below p"
    if _is_of_small_order(y):
        return "is a point of small order"
    # On the curve, x² = (y² - 1)/(d·y² + 1); -1/d is no square, so neither factor below is 0 here.
    if pow((y * y - 1) * (_D * y * y + 1), (_P - 1) // 2, _P) != 1:
        return "is not a point on the curve"
    return ""


def _flaw_of_signature(signature: bytes) -> str:
    """Return what rule 2 has against `signature`, or nothing."""
    if len(signature) != SIGNATURE_BYTES:
        return f"has {len(signature)} bytes, expected {SIGNATURE_BYTES}"
    if int.from_bytes(signature[32:], "little") >= _L:
        return "is not canonical: its S is not below the group order"
    y = _y_of(signature[:32])
    if y >= _P:
        return "is not canonical: the y of its R is not below p"
    if y in (1, _P - 1) and signature[31] & 0x80:
        return "is not canonical: its R has a sign and no x"
    return ""


def _y_of(encoding: bytes) -> int:
    return int.from_bytes(encoding, "little") & (_SIGN_BIT - 1)


def _is_of_small_order(y: int) -> bool:
    """Return whether the points with this y have order 1, 2, 4 or 8.

    Orders 1 and 2 are y = 1 and y = -1, and order 4 is y = 0. A point of order 8 doubles to one of order 4, so
    x² + y² = 0, which turns the curve equation into d·y⁴ + 2·y² - 1 = 0.
    """
    return y * (y * y - 1) * (_D * y**4 + 2 * y * y - 1) % _P == 0
