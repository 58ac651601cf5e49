"""`e2ev results export` and `check`: results by station in the forms that others read."""

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev.errors import DataError
from e2ev_cli import ui
from e2ev_cli.options import AsJson, ChannelName, Mapped, Results, Stations

if TYPE_CHECKING:
    from e2ev.accountability.sheets import Delivery, Slate

MOST_BYTES = 64 << 20


class Form(StrEnum):
    """Forms of results."""

    NIST = "nist"
    CSV = "csv"
    XLSX = "xlsx"


def export(
    results: Results,
    form: Annotated[Form, typer.Option("--format", help="nist: SP 1500-100 v2 JSON; csv; xlsx.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write.", dir_okay=False)],
    issuer: Annotated[str, typer.Option("--issuer", help="Who publishes it (nist).")] = "unknown",
    day: Annotated[str, typer.Option("--day", help="Of the election (nist), 2027-05-06; of a board, its own.")] = "",
    language: Annotated[
        str, typer.Option("--language", help="Of names; a sheet in ar or ckb begins at the right.")
    ] = "en",
    mapping: Mapped = None,
    channel: ChannelName = "",
    stations: Stations = None,
) -> None:
    """Write results by station in another form: NIST SP 1500-100, or a table that every command here reads again.

    Tables hold one channel: of a board, what was decrypted; paper counts go to a second file beside it.

    Example: e2ev results export council.board --format nist --issuer "City council" --out results.json
    """
    from e2ev.formats.results import load_results
    from e2ev.storage.disk import write_atomically

    slate, deliveries = load_results(results, mapping, channel, stations)
    if form is Form.NIST:
        write_atomically(out, _nist(slate, deliveries, issuer, _day(results, day), language), 0o644)
        ui.out(str(out))
        return
    for i, delivery in enumerate(deliveries):
        path = out if not i else out.with_stem(f"{out.stem}-{delivery.channel.name.replace(' ', '-')}")
        write_atomically(path, _table(slate, delivery, form, language), 0o644)
        ui.out(str(path))


def _nist(slate: "Slate", deliveries: "tuple[Delivery, ...]", issuer: str, day: date, language: str) -> bytes:
    from datetime import UTC

    from e2ev.formats.nist import About, nist_bytes

    short = "".join(word[0] for word in issuer.split())[:8] or "?"
    return nist_bytes(slate, deliveries, About(issuer, short, day, datetime.now(UTC), language=language))


def _day(results: Path, text: str) -> date:
    from e2ev.board.ledger import read_contents

    if not text and results.suffix == ".board":
        return read_contents(results).manifest.date
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("give the day of the election: 2027-05-06", param_hint="--day") from None


def _table(slate: "Slate", delivery: "Delivery", form: Form, language: str) -> bytes:
    from e2ev.formats.results import plain_table
    from e2ev.formats.tables import csv_bytes, workbook_bytes

    heads, rows = plain_table(slate, delivery)
    if form is Form.CSV:
        return csv_bytes(heads, rows)
    return workbook_bytes(heads, rows, title=slate.title, language=language)


def check(
    report: Annotated[Path, typer.Argument(help="A report in NIST's form.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Check a report by the JSON Schema of NIST SP 1500-100 v2, and say what it holds.

    Exit code: 3 it does not follow the standard, or cannot be read.

    Example: e2ev results check results.json
    """
    import json

    from e2ev.formats.nist import problems
    from e2ev.formats.nist_reading import read_report
    from e2ev.storage.disk import read_bounded

    data = read_bounded(report, MOST_BYTES)
    slate, deliveries = read_report(data, str(report))
    found = problems(json.loads(data))
    if found:
        raise DataError(f"does not follow the standard: {'; '.join(found)}", where=str(report), remedy="ask its author")
    held = {one.channel.name: len(one.sheets) for one in deliveries}
    if as_json:
        ui.out_json(
            {"title": slate.title, "stations": len(slate.stations), "contests": len(slate.contests), "counts": held}
        )
        return
    ui.out(f"{ui.printable(slate.title)}: follows the standard")
    ui.out(f"{len(slate.stations)} stations, {len(slate.contests)} contests; counts of "
           + "; ".join(f"{ui.printable(name)}: {number} stations" for name, number in held.items()))  # fmt: skip
