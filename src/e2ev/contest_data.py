"""Contest data (EGDS 2.1 §3.3.10): what a contest keeps besides its selections, encrypted to K̂ in 32-byte blocks.

The bytes D are our own: status, the marks of an overvote, the write-ins, then 0x80 and zeros (specs/protocol.md,
"Contest data").
"""

from collections.abc import Sequence
from dataclasses import dataclass

from e2ev import hashing, proofs, sigma
from e2ev.elgamal import HashedCiphertext, encryption_pair, xor
from e2ev.errors import DataError
from e2ev.group import SYSTEM_RANDOMNESS, Element, Nonce, Randomness
from e2ev.manifest import Contest
from e2ev.sigma import Keep, discard, keeping

BLOCK_BYTES = 32

_STATUS = ("normal", "undervote", "null vote", "overvote")


def encode_contest_data(contest: Contest, selections: Sequence[int], write_ins: Sequence[str]) -> bytes:
    """Return D: status, the marks of an overvote, the write-ins, then 0x80 and zeros (specs/protocol.md).

    Raises:
        DataError: It does not fit into the manifest's blocks.
    """
    total = sum(selections)
    over = is_overvote(contest, selections)
    status = 3 if over else 2 if total == 0 else 1 if total < contest.selection_limit else 0
    marks = [min(value, 0xFFFF) for value in selections] if over else []
    texts = [_utf8(contest, text) for text in write_ins]
    if len(texts) > contest.write_ins:
        raise DataError(f"{len(texts)} write-ins where the contest keeps {contest.write_ins}", where=contest.label)
    needed = 4 + 2 * len(marks) + sum(2 + len(text) for text in texts)
    size = BLOCK_BYTES * contest.data_blocks
    if needed > size:  # before anything is written: lengths have two bytes
        raise DataError(
            f"contest data takes {needed} bytes and the manifest keeps {size}",
            where=contest.label,
            remedy="shorten the write-in, or give the contest more blocks before the election",
        )
    encoded = bytes([status]) + len(marks).to_bytes(2, "big") + b"".join(mark.to_bytes(2, "big") for mark in marks)
    encoded += b"".join(len(text).to_bytes(2, "big") + text for text in texts) + b"\x80"
    return encoded.ljust(size, b"\0")


def _utf8(contest: Contest, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError("a write-in holds half a surrogate pair, which is no text", where=contest.label) from error


@dataclass(frozen=True, slots=True)
class ContestData:
    """Decoded contest data."""

    status: str
    marks: tuple[int, ...]
    write_ins: tuple[str, ...]


def decode_contest_data(data: bytes) -> ContestData:
    """Return what `encode_contest_data` wrote.

    Raises:
        DataError: The bytes are not contest data: a lying device may have written anything.
    """
    body = data.rstrip(b"\0")
    try:
        status, count = _STATUS[body[0]], int.from_bytes(body[1:3], "big")
        if body[-1:] != b"\x80" or len(body) < 4 + 2 * count:
            raise ValueError
        marks = tuple(int.from_bytes(body[3 + 2 * i : 5 + 2 * i], "big") for i in range(count))
        rest, texts = body[3 + 2 * count : -1], []
        while rest:
            size = int.from_bytes(rest[:2], "big")
            text = rest[2 : 2 + size]
            if len(text) != size or len(rest) < 2:
                raise ValueError
            texts.append(text.decode())
            rest = rest[2 + size :]
    except (ValueError, IndexError) as error:
        raise DataError("the contest data does not decode", remedy="show its bytes to the auditors") from error
    return ContestData(status, marks, tuple(texts))


def is_overvote(contest: Contest, selections: Sequence[int]) -> bool:
    """Return whether the choices exceed the contest's limit or an option's (EGDS §3.3.5)."""
    over_option = any(value > option.limit for value, option in zip(selections, contest.options, strict=True))
    return over_option or sum(selections) > contest.selection_limit


def encrypt_contest_data(
    key: Element,
    identifier_hash: bytes,
    contest: int,
    data: bytes,
    nonce: Nonce,
    randomness: Randomness = SYSTEM_RANDOMNESS,
    keep: Keep = discard,
) -> HashedCiphertext:
    """Return D, a multiple of 32 bytes, encrypted to K̂ (EGDS (63)-(69))."""
    group = key.group
    alpha, beta = encryption_pair(key, nonce)
    c1 = xor(data, hashing.contest_data_pads(identifier_hash, contest, alpha, beta, len(data) // BLOCK_BYTES))
    proof = sigma.prove(
        proofs.knowledge((alpha, group.generator)),
        (nonce,),
        keeping(keep, lambda h: hashing.contest_data_challenge(group, identifier_hash, contest, h[0], alpha, c1)),
        randomness,
    )
    return HashedCiphertext(alpha, c1, proof)


def decrypt_contest_data(identifier_hash: bytes, contest: int, cipher: HashedCiphertext, beta: Element) -> bytes:
    """Return D from β (EGDS (104)-(106)); what is not whole blocks decrypts to something, and fails its own checks."""
    pads = hashing.contest_data_pads(identifier_hash, contest, cipher.c0, beta, -(-len(cipher.c1) // BLOCK_BYTES))
    return xor(cipher.c1, pads[: len(cipher.c1)])
