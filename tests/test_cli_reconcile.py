"""`e2ev reconcile` as an observer types it: files in, verdicts and pages out."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types; only tests use it
import pytest

from e2ev.formats.tables import parse_table, workbook_bytes
from tests.commands import ROOT, Ran, Shell

HEADS = ("station", "Mayor: Aida", "Mayor: Bolot", "ballots", "image")
PUBLISHED = [("011", 300, 200, 510, ""), ("012", 210, 140, 352, ""), ("013", 50, 60, 111, "")]
SCHEMA = json.loads((ROOT / "specs" / "json-reconciliation.schema.json").read_bytes())


def write(path: Path, rows: Sequence[Sequence[object]], heads: tuple[str, ...] = HEADS, sign: str = ",") -> Path:
    out = io.StringIO()
    csv.writer(out, delimiter=sign).writerows([heads, *rows])
    path.write_text(out.getvalue(), "utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "published.csv", list(PUBLISHED))
    (tmp_path / "tapes.xlsx").write_bytes(workbook_bytes(HEADS, PUBLISHED))
    rows = [("011", "Hall", 900), ("012", "School", 700), ("013", "Library", 300)]
    write(tmp_path / "stations.csv", rows, ("station", "name", "registered"), ";")
    return tmp_path


def reconcile(folder: Path, *words: object, code: int) -> Ran:
    return Shell()("reconcile", "--channel", f"published={folder / 'published.csv'}", "--channel",
                   f"tape={folder / 'tapes.xlsx'}", "--origin", "published=commission", "--origin", "tape=observers",
                   *words, code=code)  # fmt: skip


def verdicts(ran: Ran) -> dict[str, str]:
    jsonschema.validate(ran.json, SCHEMA, jsonschema.Draft202012Validator)
    return {one["station"]: one["verdict"] for one in ran.json["stations"]}


def test_table_and_workbook_of_two_origins_match(folder: Path) -> None:
    ran = reconcile(folder, "--stations", folder / "stations.csv", "--json", code=0)
    assert verdicts(ran) == {"011": "MATCH", "012": "MATCH", "013": "MATCH"}
    assert ran.json["contests"][0]["votes"] == {"Aida": 560, "Bolot": 400}


def test_channels_without_a_stated_origin_are_one_source(folder: Path) -> None:
    ran = Shell()("reconcile", "--channel", f"published={folder / 'published.csv'}", "--channel",
                  f"tape={folder / 'tapes.xlsx'}", "--json")  # fmt: skip
    assert set(verdicts(ran).values()) == {"CONSISTENT"}


def test_what_was_taken_for_granted_is_said(folder: Path) -> None:
    words = (
        "reconcile",
        "--channel",
        f"published={folder / 'published.csv'}",
        "--channel",
        f"Tape={folder / 'tapes.xlsx'}",
    )
    told = Shell()(*words).err
    assert "taken as written by a machine: published, Tape; if one person typed it, say --reading NAME=typed" in told
    assert "taken as copies of one source: published, Tape; say --origin NAME=WHO" in told
    said = Shell()(*words, "--reading", "Tape=typed", "--reading", "published=machine", "--origin", "Tape=x").err
    assert "taken as" not in said


def test_dispute_and_missing_station_are_told_with_the_bottom_line(folder: Path) -> None:
    rows = [("011", 300, 200, 510, ""), ("012", 120, 230, 352, "")]
    (folder / "tapes.xlsx").write_bytes(workbook_bytes(HEADS, rows))
    write(folder / "published.csv", [*PUBLISHED[:2]])
    ran = reconcile(folder, "--stations", folder / "stations.csv", code=1)
    lines = ran.out.splitlines()
    assert lines[1].split("  ")[0] == "012"
    assert "Mayor, Aida: 210 on published, 120 on tape; Mayor, Bolot: 140 on published, 230 on tape" in lines[1]
    assert lines[2].split() == ["013", "MISSING", "no", "channel", "has", "a", "result"]
    assert lines[-1] == (
        "Mayor: disputed and missing ballots could change the winner: Aida leads Bolot by 170; 2 stations could move "
        "that by up to 480 votes: 013 (300), 012 (180)"
    )


def test_late_sheets_are_told(folder: Path) -> None:
    rows = [(*row, "2024-10-26T23:00") for row in PUBLISHED]
    write(folder / "published.csv", list(rows), (*HEADS, "at"))
    ran = reconcile(folder, "--late-after", "2024-10-26T22:00+04:00", "--zone", "+04:00", "--json", code=0)
    assert set(verdicts(ran).values()) == {"LATE"}


def test_wrong_cells_are_listed_with_file_row_column_and_remedy(folder: Path) -> None:
    write(folder / "published.csv", [("011", "3O0", 200, 510, ""), ("", 1, 2, 3, ""), ("013", 5, "x", 9, "")])
    ran = reconcile(folder, "--json", code=3)
    found = ran.json["error"]["found"]
    assert "3 problems found" in found
    assert "published.csv, row 2, column Mayor: Aida: is '3O0', which is no whole number; write a whole number" in found
    assert "published.csv, row 3, column station: is blank" in found
    assert "published.csv, row 4, column Mayor: Bolot" in found


def test_zeros_that_a_spreadsheet_took_off_are_no_accusation(folder: Path) -> None:
    rows = [(int(str(row[0])), *row[1:]) for row in PUBLISHED]
    (folder / "tapes.xlsx").write_bytes(workbook_bytes(HEADS, rows))
    ran = reconcile(folder, "--stations", folder / "stations.csv", code=3)
    assert "tapes.xlsx, row 2: station 11 is not on the slate, and 011 is; make the column text" in ran.err


def test_files_with_other_options_are_refused(folder: Path) -> None:
    write(folder / "published.csv", [("011", 3, 4)], ("station", "Mayor: Aida", "Mayor: Bolat"))
    assert "has no column for Bolot of Mayor" in reconcile(folder, code=3).err


def test_exports_hold_what_was_found_and_run_nothing(folder: Path) -> None:
    write(folder / "published.csv", [("=cmd()", 1, 2, 3, "http://x/<script>"), *PUBLISHED])
    files = [folder / f"out.{ending}" for ending in ("csv", "xlsx", "html", "json")]
    words = [word for file in files for word in ("--export", file)]
    reconcile(folder, "--stations", folder / "stations.csv", *words, code=1)
    assert "'=cmd()" in files[0].read_text("utf-8-sig")
    tables = [parse_table(file.read_bytes(), file.name) for file in files[:2]]
    assert [row.cells for row in tables[0].rows] == [row.cells for row in tables[1].rows]
    assert [tables[0].get(row, "verdict") for row in tables[0].rows] == ["MATCH", "MATCH", "MATCH", "REJECT"]
    page = files[2].read_text("utf-8")
    assert "<script" not in page
    assert "default-src 'none'" in page
    jsonschema.validate(json.loads(files[3].read_bytes()), SCHEMA, jsonschema.Draft202012Validator)


def test_page_escapes_what_files_say_and_shows_invisible_letters(folder: Path) -> None:
    rows = [("011", "<b>Hall\u202e</b>", 900), ("012", "x", 1), ("013", "y", 1)]
    write(folder / "stations.csv", rows, ("station", "name", "registered"))
    write(folder / "published.csv", [("011", 300, 201, 510, ""), *PUBLISHED[1:]])
    reconcile(folder, "--stations", folder / "stations.csv", "--export", folder / "o.html", code=1)
    page = (folder / "o.html").read_text("utf-8")
    assert "&lt;b&gt;Hall\\u202e&lt;/b&gt;" in page


def test_folder_of_sheets_is_one_channel(folder: Path) -> None:
    (folder / "sheets").mkdir()
    for row in PUBLISHED:
        (folder / "sheets" / f"{row[0]}.xlsx").write_bytes(workbook_bytes(HEADS, [row]))
    ran = Shell()("reconcile", "--channel", f"published={folder / 'published.csv'}", "--channel",
                  f"hand={folder / 'sheets'}", "--origin", "published=a", "--origin", "hand=b", "--json")  # fmt: skip
    assert set(verdicts(ran).values()) == {"MATCH"}


def test_table_of_another_kind_in_a_folder_is_not_passed_over(folder: Path) -> None:
    sheets = folder / "sheets"
    sheets.mkdir()
    (sheets / "011.xlsx").write_bytes(workbook_bytes(HEADS, PUBLISHED))
    for name in ("~$011.xlsx", "tape.jpg", ".hidden.csv"):
        (sheets / name).write_bytes(b"no table")
    words = ("reconcile", "--channel", f"hand={sheets}")
    Shell()(*words)
    (sheets / "012.xls").write_bytes(b"old")
    assert "012.xls" in Shell()(*words, code=3).err
    (folder / "empty").mkdir()
    assert "holds no table" in Shell()("reconcile", "--channel", f"hand={folder / 'empty'}", code=3).err


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), "Usage"),
        (("--channel", "tape"), "write --channel NAME="),
        (("--channel", "a=b.csv", "--origin", "c=d"), "no channel is called 'c'"),
        (("--channel", "a=b.csv", "--reading", "a=guessed"), "use one of machine, typed"),
        (("--channel", "a=b.csv", "--export", "x.pdf"), "the name ends in one of"),
    ],
)
def test_wrong_words_are_usage_errors(words: tuple[str, ...], found: str) -> None:
    ran = Shell()("reconcile", *words, code=2)
    assert found in ran.err + ran.out


# Two people type


def typed(folder: Path, **changed: Any) -> tuple[Path, Path]:
    first = write(folder / "aigul.csv", list(PUBLISHED))
    rows = [(row[0], changed.get(f"s{row[0]}", row[1]), *row[2:]) for row in PUBLISHED]
    return first, write(folder / "bakyt.csv", rows)


def test_two_people_who_type_the_same_agree_however_they_spell_it(folder: Path) -> None:
    first, second = typed(folder, s011="٣٠٠", s012=" 210 ")
    assert Shell()("reconcile", "type", first, second).out == "3 sheets, 0 cells typed differently\n"


def test_what_two_people_type_differently_stays_blank_and_never_disputes(folder: Path) -> None:
    first, second = typed(folder, s012=120)
    out = folder / "agreed.csv"
    ran = Shell()("reconcile", "type", first, second, "--out", out, code=4)
    assert ran.out.splitlines()[1].split() == ["012", "Mayor:", "Aida", "210", "120"]
    table = parse_table(out.read_bytes(), "agreed.csv")
    assert table.rows[1].cells == ("012", "", "140", "352", "", "typed twice")
    again = Shell()("reconcile", "--channel", f"published={folder / 'published.csv'}", "--channel", f"tape={out}",
                    "--origin", "published=a", "--origin", "tape=b", "--json", code=4)  # fmt: skip
    assert verdicts(again) == {"011": "MATCH", "012": "UNREAD", "013": "MATCH"}
    assert again.json["channels"][1]["reading"] == "typed twice"


def test_sheet_that_one_person_did_not_type_is_a_difference(folder: Path) -> None:
    first, second = typed(folder)
    write(second, list(PUBLISHED[:2]))
    ran = Shell()("reconcile", "type", first, second, "--json", code=4)
    assert ran.json["differences"] == [
        {"station": "013", "column": "station", "first": "typed", "second": "not typed", "rows": [4, 0]}
    ]


def test_files_of_other_columns_are_no_double_entry(folder: Path) -> None:
    first, second = typed(folder)
    write(second, [("011", 1)], ("station", "Mayor: Aida"))
    assert "only one of the two files has the columns" in Shell()("reconcile", "type", first, second, code=3).err


@pytest.mark.parametrize(("what", "found"), [("X.7", "channels say the same"), ("no tape", "no human witness"),
                                             ("DISPUTE", "counted by hand")])  # fmt: skip
def test_rules_and_verdicts_are_explained(what: str, found: str) -> None:
    assert found in " ".join(Shell()("explain", what).out.split())
    assert Shell()("explain", what, "--json").json["family"] == "channels"
