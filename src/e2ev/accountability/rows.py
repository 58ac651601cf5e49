"""Tables as people keep them: a heading, rows of text with their numbers, and numbers as people write them.

A table is what a file holds, whatever its format (`formats.tables` reads and writes them); what its columns mean is
said elsewhere. A blank cell stays blank: it is missing, and never zero.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from e2ev.errors import DataError

LISTED = 20
"""Flaws that an error lists; all are counted."""
MAX_DIGITS = 30
"""Of a number in a cell; what has more is no count of anything."""

_SPACES = re.compile(r"\s+")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_INVISIBLE = dict.fromkeys(map(ord, "\u200e\u200f\u061c\ufeff\u2066\u2067\u2068\u2069\u202a\u202b\u202c"))
_MINUS = str.maketrans({"\u2212": "-", "\u2010": "-", "\u2011": "-", "\ufe63": "-", "\uff0d": "-"})


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its number as a spreadsheet shows it, from 1, and one text for each heading."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A heading and rows below it.

    Attributes:
        name: The file, and of several sheets the sheet; names the table in errors.
        heads: Every heading once, none empty.
        rows: Rows that are not blank, in their order, each as long as `heads`.
        digest: SHA-256 of the file's bytes, hex.
    """

    name: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    digest: str = ""
    _columns: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_columns", {head: column for column, head in enumerate(self.heads)})

    def has(self, head: str) -> bool:
        """Return whether there is a column of this heading."""
        return head in self._columns

    def get(self, row: Row, head: str) -> str:
        """Return the text of a cell, empty where it is blank; KeyError if no column has this heading."""
        return row.cells[self._columns[head]]

    def where(self, row: Row, head: str = "") -> str:
        """Return how findings and errors name a row, or a cell of it."""
        return f"{self.name}, row {row.number}" + (f", column {head}" if head else "")


def tidy(text: str) -> str:
    """Return a cell's or a heading's text in NFC, with single spaces and none around it."""
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()


def tidy_lines(text: str) -> str:
    """Return a cell's text with every line of it tidy: a statement from a QR code keeps its lines."""
    return "\n".join(map(tidy, text.splitlines())).strip() if "\n" in text else tidy(text)


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a file writes numbers.

    Attributes:
        thousands: Signs between groups of digits: ",", ".", "'" or a space.
        decimal: The sign before decimals, which must all be zero: "4.0" is 4.
        blank: What stands in a cell where there is no number, beside nothing.
    """

    thousands: str = ""
    decimal: str = "."
    blank: tuple[str, ...] = ()


PLAIN = Spelling()


def read_number(text: str, spelling: Spelling = PLAIN) -> int | None:
    """Return the whole number that a cell holds, in the digits of any script; None where it is blank.

    A negative or huge number is returned as it stands: whoever judges it names it.

    Raises:
        DataError: It is neither blank nor a whole number.
    """
    written = tidy(text).translate(_INVISIBLE).translate(_MINUS)
    if not written or written in spelling.blank:
        return None
    plain = "".join(_digit(sign) for sign in written)
    for sign in spelling.thousands:
        plain = _ungrouped(plain, sign, spelling.decimal)
    whole, point, decimals = plain.replace("\u066b", spelling.decimal).partition(spelling.decimal)
    if point and (not decimals or decimals.strip("0")):
        whole = ""
    if len(whole) > MAX_DIGITS or not _WHOLE.fullmatch(whole):
        remedy = "write a whole number in digits, or leave the cell blank if there is none"
        raise DataError(f"is {written[:40]!r}, which is no whole number", remedy=remedy)
    return int(whole)


def _digit(sign: str) -> str:
    value = unicodedata.decimal(sign, None)
    return sign if value is None else str(value)


def _ungrouped(text: str, sign: str, decimal: str) -> str:
    """Return the number without the signs between its groups, if these are groups of three (in India, of two)."""
    head, point, tail = text.partition(decimal) if sign != decimal else (text, "", "")
    signs = re.escape(sign) + (r"\s\u066c" if sign in " ,\u066c" else "")
    if not re.fullmatch(rf"[+-]?[0-9]{{1,3}}(?:[{signs}][0-9]{{2,3}})*[{signs}][0-9]{{3}}", head):
        return text
    return re.sub(rf"[{signs}]", "", head) + point + tail


class TableError(DataError):
    """Cells that cannot be used: all of them counted, the first listed, each with its place and remedy."""

    def __init__(self, flaws: Sequence[DataError], *, where: str = "") -> None:
        self.flaws = tuple(flaws)
        lines = [f"{flaw}; {flaw.remedy}" if flaw.remedy else str(flaw) for flaw in self.flaws[:LISTED]]
        if len(self.flaws) > LISTED:
            lines.append(f"and {len(self.flaws) - LISTED} more")
        count = "1 problem" if len(self.flaws) == 1 else f"{len(self.flaws)} problems"
        remedy = "mend these places in the file, and read it again"
        super().__init__("\n  ".join([f"{count} found", *lines]), where=where, remedy=remedy)
