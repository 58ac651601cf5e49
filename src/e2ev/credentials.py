"""A voter's private codes, the keys that they stand for, and what such a key signs (specs/protocol.md, "Credentials").

A code is 120 random bits: 24 symbols of Crockford's base 32 and two check symbols, `XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-CC`.
Each registrar gives every voter one of its own. Whoever holds all of a voter's codes votes as that voter.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence

from e2ev.codes import ALPHABET, check_symbols, symbols_of
from e2ev.errors import DataError
from e2ev.signing import SigningKey

__all__ = ["CREDENTIAL_BYTES", "code_of", "credential_key", "new_secret", "parse_code", "signed_message"]

CREDENTIAL_BYTES = 15
"""Bytes behind a code: 120 bits."""

_SYMBOLS, _BITS, _GROUP = 24, 5, 4
_KEY, _SIGNED = b"e2ev credential key v1\0", b"e2ev credential v1\0"
_COMPARE = "compare the code with the letter, group by group"


def new_secret(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> bytes:
    """Return the 15 secret bytes of a new code."""
    return random_bytes(CREDENTIAL_BYTES)


def code_of(secret: bytes) -> str:
    """Return the code that 15 bytes are written as.

    Raises:
        ValueError: They are not 15 bytes.
    """
    if len(secret) != CREDENTIAL_BYTES:
        raise ValueError(f"a code stands for {CREDENTIAL_BYTES} bytes, not {len(secret)}")
    number = int.from_bytes(secret, "big")
    symbols = [number >> _BITS * place & 31 for place in reversed(range(_SYMBOLS))]
    text = "".join(ALPHABET[symbol] for symbol in (*symbols, *_check(symbols)))
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def parse_code(text: str, *, where: str = "") -> bytes:
    """Return the 15 bytes of a code as somebody typed it, read as kindly as a tracking code.

    Raises:
        DataError: A symbol that no code has, another length, or check symbols that do not fit. The code is not shown.
    """
    symbols = symbols_of(text, where)
    if len(symbols) != _SYMBOLS + len(_check(symbols[:_SYMBOLS])):
        found = f"a private code has 26 symbols, six groups of four and one of two; this has {len(symbols)}"
        raise DataError(found, where=where, remedy=_COMPARE)
    code, check = symbols[:_SYMBOLS], symbols[_SYMBOLS:]
    if check != _check(code):
        raise DataError("check symbols do not fit the private code: a symbol is wrong", where=where, remedy=_COMPARE)
    number = 0
    for symbol in code:
        number = number << _BITS | symbol
    return number.to_bytes(CREDENTIAL_BYTES, "big")


def _check(symbols: Sequence[int]) -> tuple[int, int]:
    """Return the check symbols of 24 symbols, or of fewer: those of a tracking code that goes on with zeros."""
    return check_symbols((*symbols, *(0,) * (32 - len(symbols))))


def credential_key(secret: bytes, election: bytes) -> SigningKey:
    """Return the key that a code stands for in one election: one code says nothing about another election's key.

    Args:
        secret: The code's 15 bytes.
        election: The election's id.
    """
    return SigningKey.from_seed(hashlib.sha256(_KEY + election + secret).digest())


def signed_message(election: bytes, row: int, ballot: bytes) -> bytes:
    """Return what a credential signs: this election, its row of the roll, and the leaf hash of the ballot's entry.

    The leaf hash fixes the device, its counter, the ballot's bytes and its confirmation code.
    """
    return _SIGNED + election + row.to_bytes(8, "big") + ballot
