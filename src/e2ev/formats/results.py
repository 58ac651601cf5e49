"""Results from any form that is read here, and into tables: a board, NIST JSON, our plain tables, mapped tables."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from e2ev.accountability.mapping_file import read_mapping
from e2ev.accountability.plain import STATIONS
from e2ev.accountability.published import published
from e2ev.accountability.sheets import Delivery, Figure, Slate
from e2ev.board.ledger import read_contents
from e2ev.errors import DataError
from e2ev.formats.cells import Cell
from e2ev.formats.channels import Given, Knowledge, collect
from e2ev.formats.nist_reading import RESULTS, is_report, read_report
from e2ev.formats.tables import MAX_BYTES
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.storage.disk import read_bounded

MAPPING_LIMIT = 4 << 20
_FIGURES = (Figure.REGISTERED, Figure.CHECKED_IN, Figure.BALLOTS, Figure.INVALID, Figure.UNUSED)


def load_results(
    path: Path,
    mapping: Path | None = None,
    channel: str = "",
    stations: Path | None = None,
    groups: Sequence[Group] = STANDARD_GROUPS,
) -> tuple[Slate, tuple[Delivery, ...]]:
    """Return the results in a file.

    Args:
        path: A board with a result, a report in NIST's form, or a table.
        mapping: What a table's columns mean; without it, headings are our own (specs/channels.md).
        channel: Whose file of the mapping this is; by default the first.
        stations: A table of the stations that have to report, with their registers; a plain table is its own.
        groups: Those that a board may name.

    Raises:
        DataError: It cannot be read.
        NotReadyError: The board has no result.
    """
    if path.suffix == ".board":
        return published(read_contents(path, groups))
    if path.suffix == ".json":
        data = read_bounded(path, MAX_BYTES)
        if _is_report(data):
            return read_report(data, path.name)
    held = read_mapping(read_bounded(mapping, MAPPING_LIMIT), str(mapping)) if mapping else None
    name = channel or (held.sources[0].channel.name if held else RESULTS)
    if name == STATIONS:
        raise DataError(f"a channel of results is not called {STATIONS!r}", remedy="--channel NAME")
    listing = stations or (None if held else path)  # a plain table names its own stations
    collected = collect([Given(name, (path,))], Knowledge(path.stem, held, listing, groups=tuple(groups)))
    return collected.slate, collected.deliveries


def _is_report(data: bytes) -> bool:
    try:
        return is_report(json.loads(data))
    except (ValueError, RecursionError):
        return False


def plain_table(slate: Slate, delivery: Delivery) -> tuple[list[str], list[list[Cell]]]:
    """Return results as the plain table that every command reads again: a row for each station of the slate.

    A station without a sheet has blank cells, never zeros.
    """
    several = len(slate.contests) > 1
    heads = ["station", "name", "area", *(figure.value for figure in _FIGURES)]
    heads += [f"{one.label}: {option}" if several else option for one in slate.contests for option in one.options]
    return heads, list(_rows(slate, delivery))


def _rows(slate: Slate, delivery: Delivery) -> Iterator[list[Cell]]:
    sheets = {sheet.station: sheet for sheet in delivery.sheets}
    for station in slate.stations:
        sheet = sheets.get(station.id)
        row: list[Cell] = [station.id, station.name, station.area]
        for figure in _FIGURES:
            stated = sheet.figures.get(figure) if sheet else None
            row.append(station.registered if figure is Figure.REGISTERED and stated is None else stated)
        for contest in slate.contests:
            votes = sheet.votes.get(contest.label) if sheet else None
            row += votes if votes is not None else (None,) * len(contest.options)
        yield row
