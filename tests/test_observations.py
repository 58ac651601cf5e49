"""Tables of other groups: what the mapping names comes in, names and telephone numbers do not, and nothing is lost."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import jsonschema  # type: ignore[import-untyped]  # ships no types; only tests use it
import pytest

from e2ev.accountability.observers import Counted, Door, Incident, Result, Votes, What
from e2ev.accountability.sheets import Figure
from e2ev.demo.observing import ALTERED, MISSING, MISTYPED, OPTIONS, STOLEN, example_files
from e2ev.errors import DataError
from e2ev.formats.observations import Imported, from_plain, from_table
from e2ev.formats.observer_import import Import, read_import
from e2ev.formats.tables import parse_table

SPECS = Path(__file__).parents[1] / "specs"
EXAMPLES = sorted((SPECS / "examples").glob("*.import.json"))
SCHEMA = json.loads((SPECS / "observer-import.schema.json").read_text("utf-8"))
LINES = json.loads((SPECS / "observations.schema.json").read_text("utf-8"))
NOW = datetime(2026, 11, 1, 21, 0, tzinfo=UTC)
TITLE = "Council 2026"

APOLLO = (
    "\ufeffParticipant ID,Name,DB Phone,Recent Phone,Region,Location,Location Code,Latitude,Longitude,"
    "Registered Voters,Results updated,AA,AB,AC,BA,RJ,Timestamp,Sample,Comment,Quarantine Status\r\n"
    "100412,Aigul B.,+996555000111,+996555000222,Lake,School 3,0701,42.87,74.59,520,,"
    "120,64,,190,6,2026-11-01 22:10:00,1,ok,\r\n"
    "100413,Nurlan T.,+996555000333,,Lake,School 4,0702,,,557,,,,,,,,1,,\r\n"
    "100414,Asel K.,+996555000444,,Lake,School 5,0703,,,594,,12O,64,9,190,6,2026-11-01 22:12:00,1,,\r\n"
)
ODK = (
    "SubmissionDate,start,count-station,count-observer_code,sheet-amina,sheet-bakyt,sheet-chinara,sheet-ballots,"
    "door-door_from,door-door_until,door-door_people,meta-instanceID,KEY,SubmitterID,SubmitterName\n"
    "2026-11-01T20:10:00.000Z,2026-11-01T08:00:00+06:00,0701,k7,120,64,80,190,2026-11-01T08:00:00+06:00,"
    "2026-11-01T13:00:00+06:00,171,uuid:1,uuid:1,12,Aigul\n"
)
KOBO = (
    "start;end;station;report/what;report/when;report/description;_id;_uuid;_submission_time;_submitted_by;_index\n"
    "2026-11-01T08:00;2026-11-01T09:00;0704;no_copy;2026-11-01T22:40:00+06:00;the chair said no;1;u-1;"
    "2026-11-01T17:00:00;aigul;1\n"
    "2026-11-01T08:00;2026-11-01T09:00;0704;photo_of_ballot;2026-11-01T22:41:00+06:00;mine;2;u-2;2026-11-01T17:00:00;"
    "aigul;2\n"
    "2026-11-01T08:00;2026-11-01T09:00;0704;n/a;;;3;u-3;2026-11-01T17:00:00;aigul;3\n"
)


def mapping(name: str) -> Import:
    return read_import((SPECS / "examples" / f"{name}.import.json").read_bytes(), name)


def imported(name: str, text: str) -> Imported:
    return from_table(parse_table(text.encode(), f"{name}.csv"), mapping(name), TITLE, NOW)


def test_apollo_comes_in_without_names_and_telephones() -> None:
    found = imported("apollo", APOLLO)
    (one,) = found.collection.observations
    assert one.source == "apollo/100412"
    votes = (Votes("Amina", 120), Votes("Bakyt", 64), Votes("Chinara", None))
    figures = (Counted("ballots", 190), Counted("invalid", 6))
    assert one.said == Result(1, "0701", "Votes", votes, figures, False, None, "", 1793549400)
    assert {"Name", "DB Phone", "Recent Phone", "Latitude", "Longitude"} <= set(found.unread)
    assert "Aigul" not in repr(found.collection)
    assert "99655" not in repr(found.collection)


def test_cell_that_cannot_be_read_is_listed_and_takes_its_own_statement_alone() -> None:
    (damage,) = imported("apollo", APOLLO).collection.damages
    assert damage.where == "apollo.csv, row 4, column AA"
    assert "12O" in damage.found


def test_odk_comes_in_by_the_names_behind_its_groups() -> None:
    found = imported("odk", ODK)
    result, door = (one.said for one in found.collection.observations)
    assert isinstance(result, Result)
    assert result.votes[2] == Votes("Chinara", 80)
    assert door == Door(1, "0701", 1793498400, 1793516400, 171, "", 1793563800)
    assert "SubmitterName" in found.unread


def test_kobo_comes_in_with_semicolons_and_refuses_ballots() -> None:
    found = imported("kobo", KOBO)
    (one,) = found.collection.observations
    assert one.said == Incident(1, "0704", "COPY REFUSED", 1793551200, "the chair said no", None, "", 1793552400)
    assert "receipt" in found.collection.damages[0].found
    assert len(found.collection.damages) == 1
    assert "_submitted_by" in found.unread


def test_column_that_is_not_there_or_could_be_several_is_named() -> None:
    with pytest.raises(DataError, match="has no column 'door_people'"):
        imported("odk", ODK.replace("door-door_people", "door-other"))
    with pytest.raises(DataError, match="has 2 columns that could be 'amina'"):
        imported("odk", ODK.replace("door-door_people", "again-amina"))


def test_fixed_moments_hold_for_all_rows() -> None:
    by = {"format": "e2ev observer import 1", "group": "g", "station": "s",
          "doors": [{"since": "08:00", "until": "2026-11-01T12:00+00:00", "people": "n"}]}  # fmt: skip
    read = read_import(json.dumps(by).encode(), "by")
    found = from_table(parse_table(b"s,n\n1,50\n2,\n", "t.csv"), read, TITLE, NOW)
    assert [one.said for one in found.collection.observations] == [Door(1, "1", 1793520000, 1793534400, 50, "", 0)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_fit_the_schema_and_are_read(path: Path) -> None:
    jsonschema.validate(json.loads(path.read_text("utf-8")), SCHEMA)
    read_import(path.read_bytes(), path.name)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "e2ev observer import 2"},
        {"group": ""},
        {"extra": 1},
        {"results": [{"contest": "V", "figures": {"x": "y"}}]},
        {"results": [{"contest": "V", "votes": ["a"]}]},
        {"doors": [{"since": "a"}]},
        {"incident": {"what": "w"}},
        {"blank": [""]},
        {"zone": "Bishkek"},
    ],
)
def test_schema_and_reader_refuse_the_same_mappings(change: dict[str, Any]) -> None:
    value = {"format": "e2ev observer import 1", "group": "g", "station": "s"} | change
    with pytest.raises(DataError):
        read_import(json.dumps(value).encode(), "by")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, SCHEMA)


def test_schemas_and_code_have_the_same_words() -> None:
    statement = json.dumps(LINES["$defs"]["statement"])
    assert all(f'"{word}"' in statement for word in get_args(What))
    names = SCHEMA["properties"]["results"]["items"]["properties"]["figures"]["propertyNames"]["enum"]
    assert names == [figure.value for figure in Figure]
    page = re.sub(r"\s+", " ", (SPECS / "observers.md").read_text("utf-8"))
    assert ", ".join(get_args(What)) in page


# Tables with our own headings


def test_sheets_in_our_own_template_need_no_mapping() -> None:
    table = parse_table(b"station,registered,ballots,Amina,Mayor: Bakyt\n12,400,190,120,\n", "twelve.csv")
    found = from_plain(table, "tilia", TITLE)
    assert [(one.source, one.said) for one in found.observations] == [
        (
            "tilia/twelve",
            Result(1, "12", "Votes", (Votes("Amina", 120),), (Counted("ballots", 190),), False, None, "", 0),
        ),
        ("tilia/twelve", Result(1, "12", "Mayor", (Votes("Bakyt", None),), (), False, None, "", 0)),
    ]


def test_example_hides_one_missing_one_altered_and_one_mistyped() -> None:
    files = example_files()
    assert files.keys() >= {"stations.xlsx", "official.xlsx", "second.xlsx"}
    official, second = (rows(files, name) for name in ("official.xlsx", "second.xlsx"))
    sheets = {name: row for file in files if file.startswith("sheets/") for name, row in rows(files, file).items()}
    listed = rows(files, "stations.xlsx")
    assert set(listed) - set(official) == set(listed) - set(sheets) == {MISSING}
    differ = {name for name in official if any(official[name][one] != second[name][one] for one in OPTIONS)}
    assert differ == {ALTERED}
    assert int(official[ALTERED][OPTIONS[0]]) == int(second[ALTERED][OPTIONS[0]]) - STOLEN
    assert {name for name in sheets if any(sheets[name][one] != second[name][one] for one in OPTIONS)} == {MISTYPED}


def rows(files: dict[str, bytes], name: str) -> dict[str, dict[str, str]]:
    table = parse_table(files[name], name)
    return {table.get(row, "station"): {head: table.get(row, head) for head in table.heads} for row in table.rows}
