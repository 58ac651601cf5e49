"""QR codes of texts, drawn by segno."""

from io import BytesIO
from typing import TYPE_CHECKING

from e2ev.errors import DataError

if TYPE_CHECKING:
    from segno import QRCode

SCALE = 4
"""Pixels of a module in a picture."""
HELD = 2_953
"""Bytes that one code holds: version 40, error correction L."""


def qr_code(text: str, what: str, remedy: str) -> "QRCode":
    """Return a text as one QR code.

    Raises:
        DataError: `segno` is not installed, or the text is too large: then `remedy` says what to do.
    """
    try:
        import segno
    except ImportError as error:
        raise DataError("QR codes need the package segno", remedy="pip install 'e2ev[qr]'") from error
    try:
        return segno.make_qr(text, error="l", mode="byte", encoding="utf-8")
    except segno.DataOverflowError as error:
        found = f"{what} of {len(text.encode()):,} bytes is too large for one QR code, which holds {HELD:,}"
        raise DataError(found, remedy=remedy) from error


def svg(drawn: "QRCode") -> bytes:
    """Return the code as a picture."""
    stream = BytesIO()
    drawn.save(stream, kind="svg", scale=SCALE, light="#fff")
    return stream.getvalue()
