"""`e2ev observe`, for result sheets as tables: empty ones, an example, and what observers have as one table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import ui
from e2ev_cli.observe_group import AsJson, Files, read_all, show_table

if TYPE_CHECKING:
    from e2ev.accountability.tables import Sheets

app = typer.Typer()

TableOut = Annotated[Path, typer.Option("--out", help="A file ending in .xlsx or .csv.", dir_okay=False)]


@app.command()
def template(
    out: TableOut,
    option: Annotated[list[str], typer.Option("--option", help="An option, or 'Contest: Option'; repeated, in order.")],
    stations: Annotated[
        Path | None, typer.Option("--stations", help="Table of the stations: one row is made for each.")
    ] = None,
    language: Annotated[str, typer.Option("--language", help="ar and ckb begin at the right.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Write an empty table of result sheets, with the headings that e2ev reconcile reads without a mapping.

    The headings stay English; write numbers only where they can be read, and leave
    the others blank.

    Example: e2ev observe template --option Amina --option Bakyt --stations stations.xlsx --out sheets.xlsx
    """
    from e2ev.accountability.sheets import Contest, Slate
    from e2ev.accountability.tables import empty_sheets
    from e2ev.formats.channels import Knowledge, collect

    _check_ending(out)
    slate = Slate("", (Contest("Votes", tuple(option)),), ())
    if stations is not None:
        slate = collect([], Knowledge("", None, stations)).slate
    made = empty_sheets(slate, option)
    _write(out, made, "sheets", language)
    if as_json:
        ui.out_json({"file": str(out), "heads": made.heads, "stations": len(made.rows)})
        return
    ui.out(f"{out}, {len(made.rows):,} stations")
    ui.say("columns: " + ", ".join(made.heads))


@app.command()
def sheets(files: Files, out: TableOut, as_json: AsJson = False) -> None:
    """Write the copies of result sheets that observers have as one table: a channel for e2ev reconcile.

    Where copies contradict each other the cell stays blank, and is listed.

    Example: e2ev observe sheets all.jsonl --out observers.xlsx
    """
    from e2ev.accountability.tables import sheets_of

    _check_ending(out)
    made = sheets_of(read_all(files, fallback="Result sheets"))
    _write(out, made, "observers", "en")
    if as_json:
        ui.out_json({"file": str(out), "stations": len(made.rows), "blank": [list(pair) for pair in made.blank]})
        return
    ui.out(f"{out}, {len(made.rows):,} stations")
    show_table([("contradictory, left blank", station, head) for station, head in made.blank])


@app.command()
def example(
    folder: Annotated[Path, typer.Argument(help="A new folder.", show_default=False)], as_json: AsJson = False
) -> None:
    """Write a small election on paper to learn on: one station missing, one altered, one sheet mistyped.

    Example: e2ev observe example example
    """
    from e2ev.demo.observing import example_files
    from e2ev.errors import ConflictError
    from e2ev.storage.disk import write_once

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError("is not empty", where=str(folder), remedy="name a new folder")
    files = example_files()
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_once(folder / name, data)
    if as_json:
        ui.out_json({"folder": str(folder), "files": list(files)})
        return
    ui.out(f"{len(files)} files in {folder}")
    ui.say(files["README.txt"].decode().rstrip())


def _check_ending(out: Path) -> None:
    if out.suffix.lower() not in (".xlsx", ".csv"):
        raise typer.BadParameter("the name ends in .xlsx or .csv", param_hint="--out")


def _write(out: Path, made: "Sheets", title: str, language: str) -> None:
    from e2ev.formats.tables import csv_bytes
    from e2ev.formats.workbooks import workbook_bytes
    from e2ev.storage.disk import write_atomically

    if out.suffix.lower() == ".csv":
        write_atomically(out, csv_bytes(made.heads, made.rows))
    else:
        write_atomically(out, workbook_bytes(made.heads, made.rows, title=title, language=language))
