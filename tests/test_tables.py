"""Tables: what is read is what stands there, what is written runs nothing, and nothing unpacks without end."""

import contextlib
import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev.accountability.rows import PLAIN, Spelling, TableError, read_number, tidy, tidy_lines
from e2ev.errors import DataError
from e2ev.formats import tables, workbooks
from e2ev.formats.tables import csv_bytes, parse_table, read_table
from e2ev.formats.workbooks import workbook_bytes

ROWS = [("07", 12, "Hoy"), ("08", None, "=2+3"), ("09", 0, "+44 1856"), ("10", 4, "-"), ("11", 5, "@x")]
HEADS = ("station", "votes", "name")


def cells(data: bytes, name: str) -> list[tuple[str, ...]]:
    table = parse_table(data, name)
    return [table.heads, *(row.cells for row in table.rows)]


AS_TEXT = [HEADS, *((one, "" if two is None else str(two), three) for one, two, three in ROWS)]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_is_read_whatever_parts_its_cells_and_with_a_byte_order_mark(sign: str, code: str) -> None:
    text = f'number{sign}name{sign}votes\r\n007{sign}"a{sign} ""b"""{sign}12\r\n\r\n008{sign}Ⴀ{sign}\r\n'
    table = parse_table(text.encode(code), "a.csv")
    assert table.heads == ("number", "name", "votes")
    assert [(row.number, row.cells) for row in table.rows] == [
        (2, ("007", tidy(f'a{sign} "b"'), "12")), (4, ("008", "Ⴀ", ""))]  # fmt: skip


def test_excels_own_line_about_the_sign_is_no_heading() -> None:
    assert cells(b"sep=;\na;b\n1;2\n", "a.csv") == [("a", "b"), ("1", "2")]


def test_csv_and_workbook_give_back_what_was_written() -> None:
    assert cells(csv_bytes(HEADS, ROWS), "a.csv") == AS_TEXT
    assert cells(workbook_bytes(HEADS, ROWS), "a.xlsx") == AS_TEXT


def test_json_rows_are_read_and_a_missing_field_is_blank() -> None:
    data = b'[{"station": "07", "votes": 12}, {"station": "08", "note": null}, {"station": "09", "votes": 4.0}]'
    assert cells(data, "a.json") == [
        ("station", "votes", "note"), ("07", "12", ""), ("08", "", ""), ("09", "4.0", "")]  # fmt: skip


def test_csv_holds_no_formula_and_numbers_stay_numbers() -> None:
    rows = [("=1+1", "+1", "-1", "@a", "\tx", "\rx", -5, 1.5, date(2024, 10, 26))]
    written = csv_bytes([f"={i}" for i in range(9)], rows).decode("utf-8-sig").splitlines()
    assert written[1].startswith("'=1+1,'+1,'-1,'@a,'\tx,")
    assert csv_bytes(["a"], [(-5,), (1.5,)]).decode("utf-8-sig").split() == ["a", "-5", "1.5"]


def test_workbook_holds_no_formula_and_begins_at_the_right_for_arabic() -> None:
    moment = datetime(2024, 10, 26, 20, tzinfo=UTC)
    data = workbook_bytes(("=a", "b"), [("=1+1", 5), (date(2024, 10, 26), moment)], title="a/b", language="ar")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b'rightToLeft="1"' in sheet
    assert cells(data, "a.xlsx")[1:] == [("=1+1", "5"), ("2024-10-26T00:00:00", moment.isoformat())]
    assert b"rightToLeft" not in zipfile.ZipFile(io.BytesIO(workbook_bytes(("a",), []))).read(
        "xl/worksheets/sheet1.xml"
    )


def workbook(*rows: tuple[object, ...], other: bool = False) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    if other:
        book.create_sheet("second").append(("a", "z"))
    book.save(out)
    return out.getvalue()


def test_a_named_sheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(workbook(("a", "b"), (1, 2), other=True))
    assert read_table(tmp_path / "a.xlsx").heads == ("a", "b")
    assert read_table(tmp_path / "a.xlsx", "second").heads == ("a", "z")
    with pytest.raises(DataError, match="no sheet 'third'; it has Sheet, second"):
        read_table(tmp_path / "a.xlsx", "third")


def test_a_formula_that_was_never_computed_is_no_blank() -> None:
    with pytest.raises(TableError, match=r"row 2, column number 2: the formula '=1\+2' was never computed"):
        parse_table(workbook(("a", "b"), ("x", "=1+2")), "a.xlsx")


def bomb(size: int, parts: int = 1, head: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in range(parts):
            archive.writestr(f"xl/worksheets/sheet{part}.xml", head + bytes(size))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "name", "found"),
    [
        (b"", "a.csv", "no heading"),
        (b"a,b\n1,\xff\n", "a.csv", "not UTF-8 at byte 6"),
        (b'a,b\n1,"2\n', "a.csv", "is no CSV"),
        (b"a,b\n1,\x002\n", "a.csv", "bytes that no text has"),
        (b"a,b\n1," + b"2" * 40_000 + b"\n", "a.csv", "a cell has more than 32767"),
        (b"a" + b",a" * 1_000 + b"\n", "a.csv", "more than 1000 columns"),
        (b"a,a\n1,2\n", "a.csv", "two columns are called 'a'"),
        (b"a,b\n1,2,3\n", "a.csv", "'3' stands below no heading"),
        (b'{"a": 1}', "a.json", "not a list of objects"),
        (b'[{"a": [1]}]', "a.json", "list or an object"),
        (b'[{"a": 1, "a": 2}]', "a.json", "twice in one object"),
        (b"[" * 200_000, "a.json", "is not JSON"),
        (b"a,b\n", "a.ods", "of no kind"),
        (b"PK\x03\x04", "a.xlsx", "no Excel workbook"),
        (bomb(10, parts=2_001), "a.xlsx", "2001 parts"),
        (bomb(10, head=b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]>'), "a.xlsx", "defines entities"),
        (bomb(10), "a.xlsx", "no workbook that can be read"),
    ],
)
def test_what_is_no_table_is_refused_with_its_reason(data: bytes, name: str, found: str) -> None:
    with pytest.raises(DataError, match=found):
        parse_table(data, name)


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_UNPACKED", 1_000_000)
    with pytest.raises(DataError, match="1 parts of 1000001 bytes"):
        parse_table(bomb(1_000_001), "a.xlsx")


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROWS", 3)
    assert len(parse_table(b"a\n1\n2\n", "a.csv").rows) == 2
    with pytest.raises(DataError, match="more than 3 rows or 10000000 cells"):
        parse_table(b"a\n1\n2\n3\n", "a.csv")


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_too_many_cells_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = csv_bytes(HEADS, ROWS) if name == "a.csv" else workbook_bytes(HEADS, ROWS)
    for module in (tables, workbooks):
        monkeypatch.setattr(module, "MAX_CELLS", 17)
    with pytest.raises(DataError, match="or 17 cells"):
        parse_table(data, name)


BOOK = workbook_bytes(HEADS, ROWS)


@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.json", "a.xlsx", "a.txt"]))
def test_whatever_the_bytes_they_are_a_table_or_refused(data: bytes, name: str) -> None:
    with contextlib.suppress(DataError):
        assert parse_table(data, name).heads


@settings(max_examples=60)
@given(st.integers(0, len(BOOK) - 1), st.integers(0, 255))
def test_workbook_with_a_changed_byte_is_a_table_or_refused(place: int, byte: int) -> None:
    with contextlib.suppress(DataError):
        assert parse_table(BOOK[:place] + bytes([byte]) + BOOK[place + 1 :], "a.xlsx").heads


def test_every_flaw_is_listed_with_its_row() -> None:
    with pytest.raises(TableError) as raised:
        parse_table(b"a,b\n1,2,3\n1,2\n4,5,,6\n", "a.csv")
    assert [flaw.where for flaw in raised.value.flaws] == [
        "a.csv, row 2, column number 3",
        "a.csv, row 4, column number 4",
    ]


@pytest.mark.parametrize(
    ("text", "spelling", "number"),
    [
        ("", PLAIN, None), (" ", PLAIN, None), ("-", Spelling(blank=("-", "n/a")), None), ("0", PLAIN, 0),
        ("007", PLAIN, 7), ("4.0", PLAIN, 4), ("1,234", Spelling(thousands=","), 1234),
        ("1.234.567", Spelling(thousands=".", decimal=","), 1234567), ("1.234,00", Spelling(".", ","), 1234),
        ("1,234", Spelling(",", ","), 1234), ("12", Spelling(",", ","), 12), ("1" * 30, PLAIN, int("1" * 30)),
        ("12 345", Spelling(thousands=" "), 12345), ("1\u00a0234", Spelling(thousands=" "), 1234),
        ("١٢٣", PLAIN, 123), ("۱۲۳", PLAIN, 123), ("۴۵۶", PLAIN, 456), ("१२", PLAIN, 12),
        ("١٬٢٣٤", Spelling(thousands=","), 1234), ("\u200f١٢", PLAIN, 12), ("١٢٫٠", PLAIN, 12),
        ("-3", PLAIN, -3), ("\u22123", PLAIN, -3), ("4294967295", PLAIN, 2**32 - 1),
        ("12,34,567", Spelling(","), 1234567),
    ],
)  # fmt: skip
def test_number_is_read_as_people_write_it(text: str, spelling: Spelling, number: int | None) -> None:
    assert read_number(text, spelling) == number


@pytest.mark.parametrize(
    ("text", "spelling"),
    [("1O2", PLAIN), ("12.5", PLAIN), ("1,234", PLAIN), ("1,23", Spelling(",")), ("12..0", PLAIN), ("4.", PLAIN),
     ("n/a", PLAIN), ("1 2", PLAIN), ("-", PLAIN), ("1" * 31, PLAIN), ("½", PLAIN), ("1,2345", Spelling(","))],
)  # fmt: skip
def test_what_is_no_whole_number_is_an_error_and_no_blank(text: str, spelling: Spelling) -> None:
    with pytest.raises(DataError, match="no whole number"):
        read_number(text, spelling)


def test_lines_of_a_cell_stay_apart_and_each_is_tidy() -> None:
    assert tidy_lines(" a  b\r\n\n  c\u00a0 d \n") == "a b\n\nc d"
    assert tidy_lines(" a \t b ") == "a b"
    assert cells(b'a\n"x\n\ny"\n', "a.csv") == [("a",), ("x\n\ny",)]


def test_error_of_a_table_counts_all_and_lists_the_first() -> None:
    flaws = [DataError(f"flaw {i}", where=f"row {i}", remedy="mend it" if i else "") for i in range(22)]
    lines = TableError(flaws, where="a.csv").found.splitlines()
    assert lines[:3] == ["22 problems found", "  row 0: flaw 0", "  row 1: flaw 1; mend it"]
    assert (len(lines), lines[-1]) == (22, "  and 2 more")
    assert len(TableError(flaws[:20]).found.splitlines()) == 21
    assert TableError(flaws[:1]).found.splitlines()[0] == "1 problem found"
