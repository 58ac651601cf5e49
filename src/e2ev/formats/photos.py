"""Photographs without what they tell beside the picture: JPEG without APP and COM segments, PNG without extra chunks.

The picture's own bytes are copied as they are; nothing is decoded. Place, time, camera, thumbnail, colour profile,
comments, and whatever a telephone hangs behind the end go. So does the mark that says which side is up: a photograph
may lie on its side afterwards. Noise of the sensor and what the picture shows still can tell who took it.
"""

import struct
from zlib import crc32

from e2ev.errors import DataError

MAX_PHOTO = 64 << 20
"""Bytes of a photograph."""

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_SOS, _EOI = 0xDA, 0xD9
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_DROPPED = frozenset({*range(0xE0, 0xF0), 0xFE})
_ADOBE = 0xEE
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_CONVERT = "save it as JPEG or PNG, and look at it again"


def stripped(data: bytes, where: str) -> bytes:
    """Return a photograph without its metadata.

    Raises:
        DataError: It is neither JPEG nor PNG, or damaged.
    """
    if data.startswith(_JPEG):
        return _strip_jpeg(data, where)
    if data.startswith(_PNG):
        return _strip_png(data, where)
    raise DataError("is neither JPEG nor PNG: what it holds beside the picture is not known", where=where,
                    remedy=_CONVERT)  # fmt: skip


def ending(data: bytes) -> str:
    """Return the ending of a photograph's file name."""
    return ".jpg" if data.startswith(_JPEG) else ".png"


def _strip_jpeg(data: bytes, where: str) -> bytes:
    kept = bytearray(data[:2])
    at = 2
    while at + 2 <= len(data):
        while data[at : at + 2] == b"\xff\xff":  # fill bytes before a marker
            at += 1
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == _EOI:
            return bytes(kept + b"\xff\xd9")
        end = at + 2 if marker in _ALONE else at + 2 + _size(data, at + 2, where)
        if marker == _SOS:
            end = _end_of_scan(data, end)
        if marker not in _DROPPED or (marker == _ADOBE and _is_adobe(data[at:end])):
            kept += data[at:end]
        at = end
    raise DataError("is a JPEG that breaks off", where=where, remedy="take another copy")


def _size(data: bytes, at: int, where: str) -> int:
    size = int.from_bytes(data[at : at + 2], "big")
    if size < 2 or at + size > len(data):
        raise DataError("is a JPEG that breaks off", where=where, remedy="take another copy")
    return size


def _end_of_scan(data: bytes, at: int) -> int:
    """Return where the coded picture ends: at the next marker that is no restart."""
    while (at := data.find(b"\xff", at)) != -1:
        following = data[at + 1 : at + 2]
        if following and following[0] not in {0x00, 0xFF, *range(0xD0, 0xD8)}:
            return at
        at += 1 if following == b"\xff" else 2
    return len(data)


def _is_adobe(segment: bytes) -> bool:
    """Return whether the segment only says how colours are coded, which a decoder needs."""
    return len(segment) == 16 and segment[4:9] == b"Adobe"


def _strip_png(data: bytes, where: str) -> bytes:
    kept = bytearray(_PNG)
    at = len(_PNG)
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        if end > len(data) or crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            break
        if kind in _PNG_KEPT:
            kept += data[at:end]
        if kind == b"IEND":
            return bytes(kept)
        at = end
    raise DataError("is a PNG that breaks off", where=where, remedy="take another copy")
