"""Chains of confirmation codes on one device (EGDS 2.1 §3.4.3, §3.4.4): modes none and simple, with closing."""

from typing import Annotated

from e2ev import hashing

ChainingField = Annotated[bytes, 36]
"""B_C: four bytes of mode, 32 bytes of hash."""

NO_CHAINING = b"\0\0\0\0"
SIMPLE_CHAINING = b"\0\0\0\1"


def chaining_field(mode: str, extended_hash: bytes, device_hash: bytes, previous_code: bytes | None) -> bytes:
    """Return B_C for a device's next ballot (EGDS (73), (76)).

    Args:
        mode: "none" or "simple".
        extended_hash: H_E.
        device_hash: H_DI.
        previous_code: The device's last confirmation code, None before its first ballot.
    """
    if mode == "none":
        return NO_CHAINING + device_hash
    return SIMPLE_CHAINING + (previous_code or chain_start(extended_hash, device_hash))


def chain_start(extended_hash: bytes, device_hash: bytes) -> bytes:
    """Return H_0 of a simple chain (EGDS (74), (75))."""
    return hashing.chain_start(extended_hash, SIMPLE_CHAINING + device_hash)


def chain_end(extended_hash: bytes, device_hash: bytes, last_code: bytes | None) -> tuple[bytes, bytes]:
    """Return the closing field and the closing hash; a chain without ballots closes over H_0 (EGDS (77), (78))."""
    first = SIMPLE_CHAINING + device_hash
    last = last_code or chain_start(extended_hash, device_hash)
    closing = SIMPLE_CHAINING + hashing.chain_closing(extended_hash, last, first)
    return closing, hashing.chain_start(extended_hash, closing)
