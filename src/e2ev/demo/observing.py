"""A small election on paper for people who observe: a list of stations, official numbers, a folder of sheets.

One station is missing everywhere, at one the official numbers were altered, and one sheet was mistyped by whoever
typed it first. All numbers are made up, and the same every time.
"""

from collections.abc import Mapping

from e2ev.accountability.sheets import Contest, Slate, Station, StationId
from e2ev.accountability.tables import FILLED_IN, Sheets, empty_sheets, filled
from e2ev.formats.workbooks import workbook_bytes

TITLE = "Council 2026"
OPTIONS = ("Amina", "Bakyt", "Chinara")
MISSING, ALTERED, MISTYPED = "0709", "0704", "0707"
TYPED = tuple(figure.value for figure in FILLED_IN)
STOLEN = 90
"""Votes that the official numbers of one station move from the first option to the second."""

README = f"""\
{TITLE}: an election that never was, to learn on.

stations.xlsx   the stations that have to report
official.xlsx   what the commission published
sheets/         a result sheet a station, as observers typed it from their photographs
second.xlsx     the same sheets, typed once more by another person

Hidden in it: one station that nobody has, one whose official numbers were altered, one sheet that was mistyped.
"""


def example_files() -> dict[str, bytes]:
    """Return the files of the example, by name."""
    slate = _slate()
    empty = empty_sheets(slate, OPTIONS)
    true = {str(one.id): _numbers(int(one.id), one.registered or 0) for one in slate.stations}
    official = true | {ALTERED: _altered(true[ALTERED])}
    first = true | {MISTYPED: _mistyped(true[MISTYPED])}
    listed = [(one.id, one.name, one.area, one.registered) for one in slate.stations]
    files = {
        "README.txt": README.encode(),
        "stations.xlsx": workbook_bytes(("station", "name", "area", "registered"), listed, title="stations"),
        "official.xlsx": _workbook(_present(filled(empty, official)), "official"),
        "second.xlsx": _workbook(_numbers_alone(_present(filled(empty, true))), "sheets"),
    }
    for row in _present(filled(empty, first)).rows:
        files[f"sheets/{row[0]}.xlsx"] = _workbook(Sheets(empty.heads, (row,)), "sheet")
    return files


def _slate() -> Slate:
    names = [f"{number:04}" for number in range(701, 713)]
    stations = tuple(
        Station(StationId(name), f"School no. {position + 3}", "Lake" if position < 6 else "Hill", 520 + 37 * position)
        for position, name in enumerate(names)
    )
    return Slate(TITLE, (Contest("Votes", OPTIONS),), stations)


def _numbers(station: int, registered: int) -> dict[str, int]:
    ballots = registered * (52 + station % 7) // 100
    invalid = 3 + station % 4
    first = (ballots - invalid) * (44 + station % 5) // 100
    second = (ballots - invalid - first) * 3 // 5
    votes = (first, second, ballots - invalid - first - second)
    figures = dict(zip(TYPED, (ballots, ballots, invalid), strict=True))
    return figures | dict(zip(OPTIONS, votes, strict=True))


def _altered(true: Mapping[str, int]) -> dict[str, int]:
    return {**true, OPTIONS[0]: true[OPTIONS[0]] - STOLEN, OPTIONS[1]: true[OPTIONS[1]] + STOLEN}


def _mistyped(true: Mapping[str, int]) -> dict[str, int]:
    """Two digits change places, so that the number gets smaller."""
    digits = str(true[OPTIONS[0]])
    return {**true, OPTIONS[0]: int(digits[0] + "".join(sorted(digits[1:])))}


def _present(sheets: Sheets) -> Sheets:
    return Sheets(sheets.heads, tuple(row for row in sheets.rows if row[0] != MISSING))


def _numbers_alone(sheets: Sheets) -> Sheets:
    """Return the columns that people type from the sheets."""
    typed = [column for column, head in enumerate(sheets.heads) if head in ("station", *TYPED, *OPTIONS)]
    return Sheets(tuple(sheets.heads[i] for i in typed), tuple(tuple(row[i] for i in typed) for row in sheets.rows))


def _workbook(sheets: Sheets, title: str) -> bytes:
    return workbook_bytes(sheets.heads, sheets.rows, title=title)
