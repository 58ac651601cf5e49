"""Tables from CSV, JSON and Excel files, and tables into CSV and Excel files that run nothing when they are opened.

What comes in is text: a number is written without decimals if it has none, a date as ISO 8601. Everything is bounded
before it is unpacked, since anybody may have sent the file.
"""

import codecs
import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

from e2ev.accountability.rows import Row, Table, TableError, tidy, tidy_lines
from e2ev.errors import DataError
from e2ev.formats.cells import MAX_CELL, MAX_CELLS, MAX_COLUMNS, MAX_ROWS, Cell, harmless
from e2ev.formats.workbooks import workbook_bytes, workbook_rows
from e2ev.storage.disk import read_bounded

__all__ = ["Cell", "csv_bytes", "parse_table", "read_table", "workbook_bytes"]

MAX_BYTES = 64 << 20
"""Of a file."""
DELIMITERS = (",", ";", "\t")
_CUT = "cut it into several files"
_REMEDY = "save it as CSV UTF-8, as an Excel workbook (.xlsx) or as JSON"


def read_table(path: Path, sheet: str = "") -> Table:
    """Return the table in a file: `.csv`, `.tsv` or `.txt`, `.json`, or `.xlsx`.

    Args:
        path: The file.
        sheet: Of a workbook with several, the name of the one; default: the first.

    Raises:
        DataError: It is too large, of another kind, damaged, or has no heading.
        TableError: Cells cannot be used: text beside the table, a formula that was never computed.
    """
    return parse_table(read_bounded(path, MAX_BYTES), path.name, sheet)


def parse_table(data: bytes, name: str, sheet: str = "") -> Table:
    """Return the table in a file's bytes, whose `name` says of which kind it is; errors as in `read_table`."""
    ending = Path(name).suffix.lower()
    digest = hashlib.sha256(data).hexdigest()
    if ending in (".csv", ".tsv", ".txt"):
        return _table(name, _csv_rows(data, name), digest)
    if ending == ".json":
        return _table(name, _json_rows(data, name), digest)
    if ending == ".xlsx":
        title, rows = workbook_rows(data, name, sheet)
        return _table(f"{name}, sheet {title}" if sheet else name, rows, digest)
    raise DataError(f"is of no kind that can be read here: {ending or 'it has no ending'}", where=name, remedy=_REMEDY)


def _table(name: str, lines: Iterable[Sequence[str]], digest: str) -> Table:
    """Return the lines as a table: its heading is the first line that is not blank."""
    heads: list[str] = []
    rows: list[Row] = []
    flaws: list[DataError] = []
    size = 0
    for number, line in enumerate(lines, 1):
        size += len(line)
        if number > MAX_ROWS or size > MAX_CELLS:
            raise DataError(f"has more than {MAX_ROWS} rows or {MAX_CELLS} cells", where=name, remedy=_CUT)
        cells = [tidy_lines(cell) for cell in line]
        if not any(cells):
            continue
        if len(cells) > MAX_COLUMNS and any(cells[MAX_COLUMNS:]):
            raise DataError(f"has more than {MAX_COLUMNS} columns", where=f"{name}, row {number}")
        if not heads:
            heads = _heads(cells, f"{name}, row {number}", flaws)
            continue
        flaws.extend(_beside(cells, heads, f"{name}, row {number}"))
        rows.append(Row(number, (*cells[: len(heads)], *[""] * (len(heads) - len(cells)))))
    if not heads:
        raise DataError("has no heading: it is empty", where=name, remedy="write the names of the columns above them")
    if flaws:
        raise TableError(flaws, where=name)
    return Table(name, *_named(heads, rows), digest)


def _heads(cells: Sequence[str], where: str, flaws: list[DataError]) -> list[str]:
    heads = list(map(tidy, cells))
    while not heads[-1]:
        heads.pop()
    for head in sorted({head for head in heads if head and heads.count(head) > 1}):
        flaws.append(DataError(f"two columns are called {head[:60]!r}", where=where, remedy="name each differently"))
    return heads


def _beside(cells: Sequence[str], heads: Sequence[str], where: str) -> Iterator[DataError]:
    """Yield what stands in a column without a heading: it would be lost."""
    for column, cell in enumerate(cells, 1):
        if cell and (column > len(heads) or not heads[column - 1]):
            remedy = "name the column, or take the cell out; a comma inside a text needs quotation marks"
            place = f"{where}, column number {column}"
            yield DataError(f"{cell[:40]!r} stands below no heading", where=place, remedy=remedy)


def _named(heads: Sequence[str], rows: Sequence[Row]) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """Return heading and rows without the columns that have no name, and hold nothing."""
    kept = [column for column, head in enumerate(heads) if head]
    if len(kept) == len(heads):
        return tuple(heads), tuple(rows)
    return tuple(heads[i] for i in kept), tuple(Row(row.number, tuple(row.cells[i] for i in kept)) for row in rows)


# CSV


def _csv_rows(data: bytes, name: str) -> Iterator[Sequence[str]]:
    text = _text(data, name)
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first.strip()) == 5:  # Excel's way to say which sign parts the cells
        delimiter, text = first.strip()[4], rest
    else:
        delimiter = max(DELIMITERS, key=_outside_quotes(first).count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            if any(len(cell) > MAX_CELL for cell in line):
                raise DataError(f"a cell has more than {MAX_CELL} characters", where=f"{name}, row {number}")
            yield [_without_guard(cell) for cell in line]
    except csv.Error as error:
        remedy = "look for a quotation mark that is not closed"
        raise DataError(f"is no CSV: {error}", where=f"{name}, row {number + 1}", remedy=remedy) from error


def _text(data: bytes, name: str) -> str:
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"is not UTF-8 at byte {error.start}", where=name, remedy=_REMEDY) from error
    if "\0" in text:
        raise DataError("holds bytes that no text has", where=name, remedy=_REMEDY)
    return text


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


# JSON


def _json_rows(data: bytes, name: str) -> Iterator[Sequence[str]]:
    """Yield the heading, then the rows, of a list of objects; a field that an object lacks is blank."""
    try:
        rows = json.loads(_text(data, name), parse_int=str, parse_float=str, parse_constant=str,
                          object_pairs_hook=_fields)  # fmt: skip
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"is not JSON: {error}", where=name, remedy="mend the file there") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError("is not a list of objects", where=name, remedy='write [{"station": "1", "ballots": 612}, …]')
    heads = list(dict.fromkeys(head for row in rows for head in row))
    yield heads
    for number, row in enumerate(rows, 2):
        yield [_scalar(row.get(head), f"{name}, row {number}, column {head}") for head in heads]


def _fields(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise DataError("a name stands twice in one object", remedy="keep one of them")
    return made


def _scalar(value: object, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    raise DataError("is a list or an object, where text or a number is expected", where=where)


# Out


def csv_bytes(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Return a CSV file in UTF-8 with byte order mark (Excel asks for one), whose text no spreadsheet takes for code.

    Text that begins with =, +, -, @, tab or CR gets an apostrophe before it; numbers stay numbers.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([harmless(head) for head in heads])
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _without_guard(text: str) -> str:
    return text[1:] if text.startswith("'") and harmless(text[1:]) == text else text


def _written(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return harmless(cell)
    return cell.isoformat() if isinstance(cell, date) else cell
