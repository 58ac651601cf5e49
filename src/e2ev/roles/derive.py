"""Randomness that is the same again: for steps that may be run twice and have to say the same both times."""

import hmac
from itertools import count

from e2ev.group import Randomness


def derived_randomness(secret: bytes, *context: bytes) -> Randomness:
    """Return a stream that `secret` and `context` determine: HMAC-SHA-256 in counter mode.

    Args:
        secret: 32 secret bytes.
        context: Everything that the challenge of a proof with this randomness depends on, so that no nonce serves
            two challenges.
    """
    key = hmac.digest(secret, b"".join(len(part).to_bytes(4, "big") + part for part in context), "sha256")
    blocks = (hmac.digest(key, i.to_bytes(8, "big"), "sha256") for i in count())
    held = bytearray()

    def randomness(size: int) -> bytes:
        while len(held) < size:
            held.extend(next(blocks))
        taken = bytes(held[:size])
        del held[:size]
        return taken

    return randomness
