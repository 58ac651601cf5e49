"""Excel workbooks (.xlsx): read with openpyxl, written with XlsxWriter, both of the extra `[xlsx]`.

A workbook is a zip archive of XML, so its directory is looked at before anything is unpacked: the sizes that it
states bound what is read, and no part may define entities.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from e2ev.accountability.rows import TableError
from e2ev.errors import DataError
from e2ev.formats.cells import MAX_CELL, MAX_CELLS, MAX_COLUMNS, MAX_ROWS, Cell, as_text, harmless

if TYPE_CHECKING:
    from openpyxl import Worksheet
    from xlsxwriter import Page, Workbook

MAX_UNPACKED = 512 << 20
MAX_PARTS = 2_000
RIGHT_TO_LEFT = frozenset({"ar", "ckb"})
"""Languages whose sheets begin at the right."""

_INSTALL = "pip install 'e2ev[xlsx]', or save the file as CSV"
_SHEET_NAME, _HEAD_BYTES, _CHUNK = 31, 4096, 1 << 20
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))


def workbook_rows(data: bytes, name: str, sheet: str = "") -> tuple[str, Iterator[Sequence[str]]]:
    """Return the name of a workbook's sheet, the first if none is named, and its rows as text.

    Raises:
        DataError: openpyxl is not installed; it is no workbook, too large when unpacked, or has no such sheet.
        TableError: A formula has no value, since nothing ever computed it.
    """
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise DataError("Excel workbooks need the package openpyxl", where=name, remedy=_INSTALL) from error
    formulas = _look_inside(data, name)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        titles = [page.title for page in book.worksheets]
        if not titles or (sheet and sheet not in titles):
            raise DataError(f"has no sheet {sheet!r}; it has {', '.join(titles)}", where=name)
        title = sheet or titles[0]
        rows = [_texts(row) for row in _bounded(_all_rows(book[title]), name)]
        if formulas:
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
            _check_computed(rows, _all_rows(book[title]), name)
    except DataError:
        raise
    except Exception as error:  # whatever a hostile archive or document makes the library raise
        found = f"is no workbook that can be read: {type(error).__name__}"
        raise DataError(found, where=name, remedy="save it again as .xlsx, or as CSV UTF-8") from error
    return title, iter(rows)


def _look_inside(data: bytes, name: str) -> bool:
    """Return whether a sheet may hold formulas, once nothing in the archive is too large or has entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED:
                found = f"holds {len(parts)} parts of {unpacked} bytes, more than a table needs"
                raise DataError(found, where=name, remedy="save the sheet alone, as CSV UTF-8")
            sheets = [part for part in parts if part.filename.startswith("xl/worksheets/")]
            for part in parts:
                with archive.open(part) as stream:
                    if b"<!DOCTYPE" in stream.read(_HEAD_BYTES):
                        raise DataError(f"its part {part.filename[:60]!r} defines entities", where=name)
            return any(_holds(archive, part, b"<f") for part in sheets)
    except DataError:
        raise
    except Exception as error:  # zipfile lets through whatever a decompressor raises
        remedy = "open it in a spreadsheet program and save it as .xlsx; old .xls files too"
        raise DataError("is no Excel workbook (.xlsx)", where=name, remedy=remedy) from error


def _holds(archive: zipfile.ZipFile, part: zipfile.ZipInfo, wanted: bytes) -> bool:
    with archive.open(part) as stream:
        tail = b""
        while chunk := stream.read(_CHUNK):
            if wanted in tail + chunk:
                return True
            tail = chunk[-len(wanted) :]
    return False


def _all_rows(page: "Worksheet") -> Iterator[Sequence[object]]:
    page.reset_dimensions()  # the file's own statement of its size could hide rows
    return page.iter_rows(values_only=True)


def _bounded(rows: Iterable[Sequence[object]], name: str) -> Iterator[Sequence[object]]:
    size = 0
    for number, row in enumerate(rows, 1):
        size += len(row)
        if number > MAX_ROWS or size > MAX_CELLS:
            found = f"has more than {MAX_ROWS} rows or {MAX_CELLS} cells"
            raise DataError(found, where=name, remedy="cut it into several files")
        yield row


def _texts(row: Sequence[object]) -> list[str]:
    texts = [as_text(value) for value in row[: MAX_COLUMNS + 1]]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _check_computed(rows: Sequence[Sequence[str]], formulas: Iterable[Sequence[object]], name: str) -> None:
    """Refuse formulas without a value: they would read as blank cells."""
    flaws = []
    for number, (row, written) in enumerate(zip(rows, formulas, strict=False), 1):
        for column, text in enumerate(written[:MAX_COLUMNS]):
            if isinstance(text, str) and text.startswith("=") and (column >= len(row) or not row[column]):
                where = f"{name}, row {number}, column number {column + 1}"
                remedy = "open it in a spreadsheet program and save it, or write the number"
                flaws.append(DataError(f"the formula {text[:40]!r} was never computed", where=where, remedy=remedy))
    if flaws:
        raise TableError(flaws, where=name)


# Out


def workbook_bytes(
    heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str = "sheet", language: str = "en"
) -> bytes:
    """Return a workbook of one sheet: numbers as numbers, dates as dates, and text that is never a formula.

    Args:
        heads: The heading, in bold; it stays in sight.
        rows: Of the same length.
        title: Of the sheet.
        language: A sheet in ar or ckb begins at the right.

    Raises:
        DataError: XlsxWriter is not installed.
    """
    try:
        import xlsxwriter
    except ImportError as error:
        raise DataError("Excel workbooks need the package XlsxWriter", remedy=_INSTALL) from error
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    page = book.add_worksheet(title.translate(_FORBIDDEN).strip()[:_SHEET_NAME] or "sheet")
    if language in RIGHT_TO_LEFT:
        page.right_to_left()
    bold = book.add_format({"bold": True, "text_wrap": True})
    for column, head in enumerate(heads):
        page.write_string(0, column, head[:MAX_CELL], bold)
        page.set_column(column, column, min(max(len(head) + 2, 8), 40))
    page.freeze_panes(1, 0)
    _fill(book, page, rows)
    book.close()
    return out.getvalue()


def _fill(book: "Workbook", page: "Page", rows: Iterable[Sequence[Cell]]) -> None:
    day, moment = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    quoted = book.add_format({"quote_prefix": True})
    for number, row in enumerate(rows, 1):
        for column, cell in enumerate(row):
            if isinstance(cell, datetime) and cell.tzinfo is not None:  # a workbook has no time zones
                page.write_string(number, column, cell.isoformat())
            elif isinstance(cell, date):
                page.write_datetime(number, column, cell, moment if isinstance(cell, datetime) else day)
            elif isinstance(cell, str):
                page.write_string(number, column, cell[:MAX_CELL], *([quoted] if harmless(cell) != cell else []))
            elif cell is not None:
                page.write_number(number, column, cell)
