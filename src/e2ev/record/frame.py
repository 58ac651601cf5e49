"""Frames: how entries and checkpoints stand one after another in boards and message files (specs/board.md).

    kind u8 | length u32 big endian | CRC-32 of kind, length and payload | payload

The CRC tells a torn frame from a whole one; authenticity comes from the Merkle root and from signatures.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO
from zlib import crc32

from e2ev.errors import DataError

MAX_PAYLOAD = 1 << 20
"""No frame is larger, so nothing that a length claims costs more than this before its bytes were there."""
OVERHEAD = 9


class FrameKind(IntEnum):
    """What a payload is."""

    HEADER = 1
    BODY = 2
    CHECKPOINT = 3
    COSIGNATURE = 4
    COMMITMENTS = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame and the offset of its first byte."""

    kind: FrameKind
    payload: bytes
    offset: int

    @property
    def end(self) -> int:
        """The offset behind its last byte."""
        return self.offset + OVERHEAD + len(self.payload)


class TornFrameError(DataError):
    """Bytes that are no whole frame, at an offset: a torn tail, or damage."""

    def __init__(self, found: str, offset: int, where: str) -> None:
        super().__init__(found, where=f"{where}, byte {offset}")
        self.offset = offset


def frame(kind: FrameKind, payload: bytes) -> bytes:
    """Return the bytes of a frame.

    Raises:
        ValueError: The payload is larger than a frame may be.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError("the payload is larger than a frame may be")
    head = bytes([kind]) + len(payload).to_bytes(4, "big")
    return head + crc32(head + payload).to_bytes(4, "big") + payload


def read_frame(stream: BinaryIO, offset: int, where: str) -> Frame | None:
    """Return the frame at the stream's position, which is `offset`; None at the end.

    Raises:
        TornFrameError: There are bytes, and they are no whole frame.
    """
    head = stream.read(OVERHEAD)
    if not head:
        return None
    if len(head) < OVERHEAD:
        raise TornFrameError(f"{len(head)} bytes where a frame starts", offset, where)
    size = int.from_bytes(head[1:5], "big")
    if head[0] not in FrameKind.__members__.values() or size > MAX_PAYLOAD:
        raise TornFrameError("no frame starts here: unknown kind or impossible length", offset, where)
    payload = stream.read(size)
    if len(payload) != size:
        raise TornFrameError(f"a frame of {size} bytes has only {len(payload)}", offset, where)
    if crc32(head[:5] + payload).to_bytes(4, "big") != head[5:]:
        raise TornFrameError("a frame's check sum is wrong", offset, where)
    return Frame(FrameKind(head[0]), payload, offset)
