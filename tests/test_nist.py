"""Results as NIST SP 1500-100 has them: valid by the standard's own schema, and the same when they come back."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev.accountability.sheets import Channel, Contest, Delivery, Figure, Sheet, Slate, Station, StationId
from e2ev.errors import DataError
from e2ev.formats.nist import About, nist_bytes, nist_report, problems
from e2ev.formats.nist_reading import RESULTS, read_report

ABOUT = About("Central Election Commission", "CEC", date(2027, 5, 6), datetime(2027, 5, 6, 22, 40, tzinfo=UTC))
SLATE = Slate(
    "Выборы 2027",
    (Contest("lists", ("أ", "=1+1", "Şäk"), 1), Contest("mayor", ("x", "y"), 2)),
    (
        Station(StationId("007"), "School 7", "North", 900),
        Station(StationId("8/1"), "", "South"),
        Station(StationId("9"), "Prison", "South", 40, ("lists",)),
    ),
    "ab" * 32,
)
TAPE = Delivery(
    Channel(RESULTS, ABOUT.issuer),
    (
        Sheet(StationId("007"), {"lists": (100, 0, 23), "mayor": (90, None)},
              {Figure.BALLOTS: 130, Figure.INVALID: 7, Figure.CHECKED_IN: 131}),
        Sheet(StationId("9"), {"lists": (1, 2, 3)}, {}),
    ),
)  # fmt: skip
PAPER = Delivery(Channel("paper count", ABOUT.issuer), (Sheet(StationId("8/1"), {"lists": (5, 6, 7)}, {}),))


def bare(delivery: Delivery) -> list[tuple[object, ...]]:
    """Return what a delivery says, without places and blanks of its own file."""
    return [
        (sheet.station, {k: v for k, v in sheet.votes.items() if any(n is not None for n in v)},
         {k: v for k, v in sheet.figures.items() if v is not None})
        for sheet in delivery.sheets
    ]  # fmt: skip


def test_report_holds_by_the_standards_schema_and_comes_back_the_same() -> None:
    report = nist_report(SLATE, (TAPE, PAPER), ABOUT)
    assert problems(report) == []
    slate, deliveries = read_report(nist_bytes(SLATE, (TAPE, PAPER), ABOUT), "r.json")
    assert slate.stations[0] == SLATE.stations[0]
    assert (slate.title, slate.contests, slate.election) == (SLATE.title, SLATE.contests, SLATE.election)
    assert [station.id for station in slate.stations] == [station.id for station in SLATE.stations]
    assert [one.channel for one in deliveries] == [TAPE.channel, PAPER.channel]
    assert [bare(one) for one in deliveries] == [bare(TAPE), bare(PAPER)]


COUNTS = st.none() | st.integers(0, 10**6)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), COUNTS, COUNTS, COUNTS), min_size=1, max_size=5,
                unique_by=lambda one: one[0]))  # fmt: skip
def test_any_sheets_come_back_the_same(rows: list[tuple[str, int | None, int | None, int | None]]) -> None:
    slate = Slate("t", (Contest("c", ("a", "b")),), tuple(Station(StationId(name)) for name, *_ in rows))
    sheets = tuple(Sheet(StationId(name), {"c": (a, b)}, {Figure.BALLOTS: n}) for name, a, b, n in rows)
    held = Delivery(Channel(RESULTS, "x"), tuple(sheet for sheet in sheets if not sheet.is_blank()))
    data = nist_bytes(slate, (held,), ABOUT)
    assert problems(json.loads(data)) == []
    back, deliveries = read_report(data)
    assert [station.id for station in back.stations] == [station.id for station in slate.stations]
    assert [bare(one) for one in deliveries] == ([bare(held)] if held.sheets else [])


# Reports of others


def text(content: str) -> dict[str, Any]:
    return {"@type": "ElectionResults.InternationalizedText",
            "Text": [{"@type": "ElectionResults.LanguageString", "Content": content, "Language": "en"}]}  # fmt: skip


def counts(unit: str, kind: str, count: object, **more: object) -> dict[str, Any]:
    return {"@type": "ElectionResults.VoteCounts", "GpUnitId": unit, "Type": kind, "Count": count, **more}


def others() -> dict[str, Any]:
    """Return a report as another program might write it: parties, a question, parts of the total, a county's sum."""
    report = nist_report(Slate("t", (), ()), (), ABOUT)
    unit = {"@type": "ElectionResults.ReportingUnit"}
    report["GpUnit"] = [
        {**unit, "@id": "county", "Type": "county", "ComposingGpUnitIds": ["p1", "p2"]},
        {**unit, "@id": "p1", "Type": "precinct", "Name": text("One")},
        {**unit, "@id": "p2", "Type": "precinct", "Name": text("Two")},
    ]
    party = {"@type": "ElectionResults.Party", "@id": "party-1", "Name": text("Reds")}
    report["Party"] = [party]
    held = [counts("county", "total", 30), counts("p1", "early", 4.0), counts("p1", "election-day", 6),
            counts("p2", "total", 20), counts("p2", "election-day", 1), counts("p2", "seats", 3)]  # fmt: skip
    hidden = [counts("p1", "total", 0, IsSuppressedForPrivacy=True)]
    contest = {"ElectionDistrictId": "county"}
    report["Election"][0]["Contest"] = [
        {**contest, "@type": "ElectionResults.PartyContest", "@id": "c1", "Name": "Council", "ContestSelection": [
            {"@type": "ElectionResults.PartySelection", "@id": "s1", "PartyIds": ["party-1"], "VoteCounts": held}]},
        {**contest, "@type": "ElectionResults.BallotMeasureContest", "@id": "c2", "Name": "Bridge",
         "ContestSelection": [
            {"@type": "ElectionResults.BallotMeasureSelection", "@id": "s2", "Selection": text("Yes"),
             "VoteCounts": hidden}]},
    ]  # fmt: skip
    return report


def test_other_programs_reports_are_read_by_station() -> None:
    report = others()
    assert problems(report) == []
    slate, (delivery,) = read_report(json.dumps(report).encode())
    assert [(contest.label, contest.options) for contest in slate.contests] == [
        ("Council", ("Reds",)),
        ("Bridge", ("Yes",)),
    ]
    assert [(sheet.station, dict(sheet.votes)) for sheet in delivery.sheets] == [
        ("p1", {"Council": (10,), "Bridge": (None,)}),
        ("p2", {"Council": (20,)}),
    ]


def drop(report: dict[str, Any], *path: Any) -> bytes:
    inner: Any = report
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return json.dumps(report).encode()


def put(value: dict[str, object]) -> bytes:
    report = others()
    report["Election"][0]["Contest"][0]["ContestSelection"][0]["VoteCounts"][3] |= value
    return json.dumps(report).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{}", b"[" * 5000, put({"Count": -1}),
        put({"Count": 1.5}), put({"Count": True}), put({"Count": "7"}),
        put({"GpUnitId": "nowhere"}), put({"Type": "election-day"}), drop(others(), "Election"),
        drop(others(), "Election", 0, "Name"), drop(others(), "Party"),
    ],
)  # fmt: skip
def test_report_that_cannot_be_used_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(DataError):
        read_report(data, "r.json")


def places_in(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, item in inner for place in places_in(item, (*path, step)))]


JUNK = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2**40)
    | st.floats()
    | st.text(max_size=3)
    | st.builds(list[int])
    | st.builds(dict[str, int])
)


@given(st.sampled_from(places_in(others())[1:]), JUNK)
def test_report_with_anything_changed_is_read_or_refused_as_data(place: tuple[Any, ...], junk: object) -> None:
    report: Any = others()
    inner = report
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = junk
    with suppress(DataError):
        read_report(json.dumps(report).encode())


def test_schema_says_where_a_report_is_wrong() -> None:
    report = others()
    del report["Issuer"]
    report["Election"][0]["Type"] = "rigged"
    found = problems(report)
    assert any("Issuer" in one for one in found)
    assert any(one.startswith("$.Election.0.Type") for one in found)
