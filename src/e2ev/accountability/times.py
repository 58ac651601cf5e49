"""Moments as observers write them, and as statements hold them: seconds since 1970."""

import re
from datetime import UTC, datetime, tzinfo

from e2ev.errors import DataError
from e2ev.strict_json import quoted

_HOUR = re.compile(r"\d{1,2}:\d{2}")


def moment(text: str, now: datetime) -> int:
    """Return a moment: ISO 8601 with or without a time zone, or an hour such as 08:15 of today.

    Args:
        text: What somebody wrote.
        now: The clock, with the time zone that holds where none is written.

    Raises:
        DataError: It is no moment.
    """
    written = f"{now:%Y-%m-%d}T{text.strip():0>5}" if _HOUR.fullmatch(text.strip()) else text.strip()
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        remedy = "write 2026-11-01T08:15+05:00, or 08:15 for today"
        raise DataError(f"{quoted(text)} is no moment", remedy=remedy) from error
    return int((found if found.tzinfo else found.replace(tzinfo=now.tzinfo)).timestamp())


def text_of(moment: int, zone: tzinfo | None = None) -> str:
    """Return a moment for people: day, hour and minute with the offset of the time zone, by default this machine's."""
    written = datetime.fromtimestamp(moment, UTC).astimezone(zone).isoformat(sep=" ", timespec="minutes")
    return f"{written[:16]} {written[16:]}"


def zone_of(text: str) -> tzinfo | None:
    """Return the time zone of an offset such as +05:00; None for nothing: this machine's.

    Raises:
        DataError: It is no offset.
    """
    if not text:
        return None
    try:
        return datetime.fromisoformat(f"2000-01-01T00:00{text}").tzinfo
    except ValueError as error:
        raise DataError(f"{quoted(text)} is no offset of a time zone", remedy="write +05:00") from error
