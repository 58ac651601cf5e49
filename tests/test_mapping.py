"""Mappings: whatever columns people have become sheets, and every problem of a mapping or a cell is named at once."""

import json
from datetime import datetime
from typing import Any

import pytest

from e2ev.accountability.mapping import FileMapping, deliver, read_time, slate_of, unused_columns
from e2ev.accountability.mapping_file import MappingError, read_mapping
from e2ev.accountability.plain import contest_and_option, own_name, plain_mapping, stated_reading
from e2ev.accountability.rows import Table, TableError
from e2ev.accountability.sheets import Channel, Contest, Delivery, Figure, Reading
from e2ev.errors import DataError
from e2ev.formats.tables import parse_table

MAPPING: dict[str, Any] = {
    "format": "e2ev mapping 1",
    "title": "Town",
    "contests": [
        {"label": "Mayor", "options": [{"label": "Aida", "column": "c1"}, {"label": "Bolot", "column": "c2"}]},
        {"label": "Council", "limit": 3, "options": [{"label": "x"}, {"label": "y"}]},
    ],
    "numbers": {"thousands": ".", "decimal": ",", "blank": ["n/a", "-"]},
    "zone": "+06:00",
    "stations": {"channel": "official", "name": "place", "area": ["region", "district"], "registered": "reg"},
    "channels": [
        {"name": "official", "origin": "commission", "station": ["district", "no"], "separator": "/",
         "figures": {"ballots": "box"}, "time": "when", "image": "scan", "only": {"type": ["ordinary", "hospital"]}},
        {"name": "tape", "origin": "device", "reading": "typed", "partial": True, "station": "no",
         "contests": ["Mayor"], "rename": {"c1": "Aida", "c2": "Bolot"}, "at": "2027-05-06T21:00", "numbers": {}},
    ],
}  # fmt: skip
OFFICIAL = (
    "district;no;place;region;reg;type;c1;c2;x;y;box;when;scan;extra\n"
    "7;01;School;North;1.200;ordinary;1.012;n/a;3;4;1.020,0;2027-05-06T20:30;a.jpg;z\n"
    "7;02;Ship;North;;sea;1;2;3;4;5;;;\n"
    "7;03;Clinic;North;90;hospital;٤٠;۲;-;0;42;2027-05-06T20:30+00:00;;\n"
)


def table(text: str, name: str = "official.csv") -> Table:
    return parse_table(text.encode(), name)


def mapping(**changed: Any) -> FileMapping:
    return read_mapping(json.dumps({**MAPPING, **changed}).encode())


def official(text: str = OFFICIAL) -> Delivery:
    return deliver(table(text), mapping().source("official"))


def test_columns_become_sheets() -> None:
    first, second = official().sheets
    assert (first.station, second.station) == ("7/01", "7/03")
    assert first.votes == {"Mayor": (1012, None), "Council": (3, 4)}
    assert second.votes == {"Mayor": (40, 2), "Council": (None, 0)}
    assert first.figures == {Figure.BALLOTS: 1020}
    assert first.at == datetime.fromisoformat("2027-05-06T20:30+06:00")
    assert second.at == datetime.fromisoformat("2027-05-06T20:30+00:00")
    assert (first.image, first.where) == ("a.jpg", "official.csv, row 2")


def test_slate_is_read_from_the_file_that_lists_the_stations() -> None:
    slate = slate_of(mapping(), {"official": (table(OFFICIAL),)})
    assert [(one.id, one.name, one.area, one.registered) for one in slate.stations] == [
        ("7/01", "School", "North, 7", 1200), ("7/03", "Clinic", "North, 7", 90)]  # fmt: skip
    assert slate.contests == (Contest("Mayor", ("Aida", "Bolot")), Contest("Council", ("x", "y"), 3))


def test_channel_may_carry_some_contests_under_other_headings() -> None:
    made = deliver(table("no,Aida,Bolot\n01,5,6\n", "tape.csv"), mapping().source("tape"))
    assert made.channel == Channel("tape", "device", Reading.TYPED, partial=True)
    assert made.sheets[0].votes == {"Mayor": (5, 6)}
    assert made.sheets[0].at == datetime.fromisoformat("2027-05-06T21:00+06:00")


def test_columns_that_nobody_speaks_of_are_known() -> None:
    given = mapping()
    assert unused_columns(table(OFFICIAL), given.source("official"), given.register) == ("extra",)


def test_every_wrong_cell_is_named() -> None:
    bad = OFFICIAL.replace("1.012", "1O12").replace("T20:30;", "T2:30;").replace("7;03;", ";;").replace("42;", "4.2;")
    with pytest.raises(TableError) as raised:
        official(bad)
    assert [(flaw.where, flaw.found.split(",")[0]) for flaw in raised.value.flaws] == [
        ("official.csv, row 2, column c1", "is '1O12'"),
        ("official.csv, row 2, column when", "is '2027-05-06T2:30'"),
        ("official.csv, row 4, column box", "is '4.2'"),
        ("official.csv, row 4, column district", "is blank: the row has no station"),
    ]
    assert all(flaw.remedy for flaw in raised.value.flaws)


def test_missing_columns_are_named_with_those_that_are_there() -> None:
    with pytest.raises(DataError, match="has no column 'c2', 'box', which channel official needs") as raised:
        official(OFFICIAL.replace(";c2;", ";c9;").replace(";box;", ";b;"))
    assert "its columns are district, no, place" in raised.value.remedy


def test_station_that_is_listed_twice_with_another_register_is_an_error() -> None:
    with pytest.raises(TableError, match="row 5: station 7/01 stands twice"):
        slate_of(mapping(), {"official": (table(OFFICIAL + "7;01;School;North;1.300;ordinary;1;1;1;1;1;;;\n"),)})


def test_list_of_stations_that_was_not_given_is_asked_for() -> None:
    with pytest.raises(DataError, match="stand in the file of channel official, which was not given"):
        slate_of(mapping(), {})


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"format": "e2ev mapping 2"}, "$.format"),
        ({"titel": "x"}, "$.titel"),
        ({"contests": [{"label": "A", "options": [{"label": "x"}, {"label": "x"}]}]}, "$.contests[0].options[1].label"),
        ({"contests": [{"label": "A", "options": []}]}, "$.contests[0].options"),
        ({"stations": {"channel": "nobody"}}, "$.stations.channel"),
        ({"channels": [{"name": "a", "origin": "b", "station": "s", "reading": "guessed"}]}, "$.channels[0].reading"),
        (
            {"channels": [{"name": "a", "origin": "b", "station": "s", "contests": ["Major"]}]},
            "$.channels[0].contests[0]",
        ),
        (
            {"channels": [{"name": "a", "origin": "b", "station": "s", "figures": {"voters": "v"}}]},
            "$.channels[0].figures",
        ),
        ({"channels": [{"name": "a", "station": "s"}]}, "$.channels[0].origin"),
        ({"channels": [{"name": "a", "origin": "b", "station": []}]}, "$.channels[0].station"),
        ({"channels": [{"name": "a", "origin": "b", "station": "s", "at": "noon"}]}, "$.channels[0].at"),
        ({"channels": [{"name": "a", "origin": "b", "station": "s", "partial": 1}]}, "$.channels[0].partial"),
    ],
)
def test_problem_of_a_mapping_is_named_with_its_path(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(MappingError) as raised:
        mapping(**changed)
    assert any(problem.path.startswith(path) for problem in raised.value.problems)


def test_unknown_channel_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(DataError, match="has no channel 'card'") as raised:
        mapping().source("card")
    assert "official, tape" in raised.value.remedy


@pytest.mark.parametrize("text", ["noon", "2027-05-06T20:00", "2027-13-01T00:00Z", ""])
def test_time_without_a_zone_is_no_time(text: str) -> None:
    with pytest.raises(DataError):
        read_time(text)
    assert read_time("2027-05-06T20:00", "+06:00") == datetime.fromisoformat("2027-05-06T20:00+06:00")


# Files with our own headings


@pytest.mark.parametrize(
    ("head", "name"),
    [("Station", "station"), ("checked_in", "checked in"), ("Checked  In", "checked in"), ("Aida", ""), ("AT", "at")],
)
def test_own_headings_are_known_however_they_are_written(head: str, name: str) -> None:
    assert own_name(head) == name


def test_other_headings_are_options() -> None:
    assert contest_and_option("Mayor: Aida") == ("Mayor", "Aida")
    assert contest_and_option("Aida") == ("Votes", "Aida")
    mayor = Contest("Mayor: first round", ("Aida", "B: C"))
    assert contest_and_option("Mayor: first round: B: C", (mayor,)) == ("Mayor: first round", "B: C")
    assert contest_and_option("B: C", (mayor,)) == ("Mayor: first round", "B: C")


def test_plain_file_needs_no_mapping() -> None:
    tape = table('Station,Aida,Bolot,Checked In,reading\n01,"1,200",-,1300,typed twice\n', "tape.csv")
    given = plain_mapping("Town", {"tape": (tape,)}, [Channel("tape", "device")])
    (sheet,) = deliver(tape, given.source("tape")).sheets
    assert sheet.votes == {"Votes": (1200, None)}
    assert sheet.figures == {Figure.CHECKED_IN: 1300}
    assert stated_reading(tape) is Reading.TYPED_TWICE


def test_rows_that_state_several_readings_are_refused() -> None:
    with pytest.raises(DataError, match="states the readings ocr, typed"):
        stated_reading(table("station,A,reading\n1,2,ocr\n2,2,typed\n"))


def test_plain_file_of_another_election_is_refused() -> None:
    known = (Contest("Mayor", ("Aida", "Bolot")),)
    with pytest.raises(DataError, match="'Mayor: Cholpon' is no option of this election"):
        plain_mapping(
            "Town", {"t": (table("station,Mayor: Aida,Mayor: Cholpon\n1,2,3\n"),)}, [Channel("t", "d")], known
        )


def test_cells_are_found_and_named_by_their_heading() -> None:
    given = table("a,b\n1,2\n")
    assert given.has("b")
    assert not given.has("c")
    assert given.get(given.rows[0], "b") == "2"
    assert given.where(given.rows[0]) == "official.csv, row 2"
    assert given.where(given.rows[0], "b") == "official.csv, row 2, column b"
