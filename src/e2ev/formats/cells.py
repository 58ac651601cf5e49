"""What stands in the cells of tables, in and out: bounds, values, and text that a spreadsheet does not run."""

from datetime import date, datetime, time

MAX_ROWS, MAX_COLUMNS, MAX_CELL = 500_000, 1_000, 32_767
MAX_CELLS = 10_000_000
"""Of a table, those counted that are blank and stand before others."""

Cell = str | int | float | date | None
"""What is written: text, a number, a date or a date with time, or nothing."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    """Return text that a spreadsheet does not run: an apostrophe goes before what would be a formula."""
    return f"'{text}" if text.lstrip(" \n").startswith(_FORMULA) else text


def as_text(value: object) -> str:
    """Return a spreadsheet's value as text: nothing as "", 4.0 as "4", a date as ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)
