"""`e2ev reconcile`: every channel that results travelled by, compared station by station."""

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import ui

if TYPE_CHECKING:
    from e2ev.accountability.standing import Seats
    from e2ev.accountability.verdicts import Reconciliation
    from e2ev.formats.channels import Collected, Given, Knowledge

app = typer.Typer(no_args_is_help=True)

FORMS = (".csv", ".xlsx", ".html", ".json")
MAPPING_LIMIT = 4 << 20
SHOWN = 30
"""Stations that the terminal shows; --all shows every one."""

Named = list[str] | None
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.callback(invoke_without_command=True)
def reconcile(
    context: typer.Context,
    channel: Annotated[
        Named, typer.Option("--channel", metavar="NAME=FILE", help="A table, board, statement or folder; repeated.")
    ] = None,
    origin: Annotated[
        Named, typer.Option("--origin", metavar="NAME=WHO", help="Who or what first made a channel's numbers.")
    ] = None,
    reading: Annotated[
        Named, typer.Option("--reading", metavar="NAME=HOW", help="machine, typed, 'typed twice' or ocr.")
    ] = None,
    partial: Annotated[
        Named, typer.Option("--partial", metavar="NAME", help="A channel that is expected from some stations only.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option("--mapping", help="What the columns of the files mean.")] = None,
    stations: Annotated[Path | None, typer.Option("--stations", help="Table of the stations that must report.")] = None,
    board: Annotated[
        Path | None, typer.Option("--board", help="The national board: contests, stations, their keys.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="Manifest with the rules of seats; of a board, its own.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", help="Keys of stations' boards, a line each; from elsewhere.")
    ] = None,
    late_after: Annotated[
        str, typer.Option("--late-after", metavar="TIME", help="2024-10-26T22:00+04:00; later sheets are LATE.")
    ] = "",
    zone: Annotated[str, typer.Option("--zone", help="Of times without one: +04:00.")] = "",
    title: Annotated[
        str, typer.Option("--title", help="Of the election, where neither mapping nor board says it.")
    ] = "",
    export: Annotated[
        list[Path] | None, typer.Option("--export", help="Also write FILE.csv, .xlsx, .html or .json; repeatable.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show stations that agree, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare every channel: one verdict for each station, and whether what is open could change the winner.

    Channels called card, tape and transmission have verdicts of their own where they are missing. Copies of one origin
    are one source. Blank is missing, never zero.

    Exit code: 1 a DISPUTE, FORK or REJECT; 4 something is MISSING, UNREAD or has to be looked at (CHECK IMAGE); else 0.

    Example: e2ev reconcile --channel published=results.csv --channel tape=tapes.xlsx --origin published=commission
    --origin tape=observers --stations stations.csv
    """
    if context.invoked_subcommand is not None:
        return
    from e2ev.accountability.mapping import read_time
    from e2ev.accountability.reconcile import reconcile as compare
    from e2ev.formats.channels import collect

    given = _given(channel, origin, reading, partial)
    wanted = _exports(export)
    late = read_time(late_after, zone) if late_after else None
    collected = collect(given, _knowledge(mapping, stations, board, keys, zone, title))
    found = compare(collected.slate, collected.deliveries, late_after=late, seats=_seats(board, manifest))
    for path in wanted:
        _write(found, path)
    if as_json:
        from e2ev.report.reconciled import as_json as json_of

        ui.out_json(json_of(found))
    else:
        _show(found, collected, everything=everything)
    if found.exit_code:
        raise typer.Exit(found.exit_code)


def _pairs(values: Named, option: str, names: Sequence[str] = ()) -> list[tuple[str, str]]:
    found = []
    for value in values or ():
        name, sign, text = value.partition("=")
        if not sign or not name.strip() or not text.strip():
            raise typer.BadParameter(f"write {option} NAME=…, not {value!r}", param_hint=option)
        if names and name.strip() not in names:
            raise typer.BadParameter(f"no channel is called {name.strip()!r}", param_hint=option)
        found.append((name.strip(), text.strip()))
    return found


def _given(channel: Named, origin: Named, reading: Named, partial: Named) -> "list[Given]":
    from e2ev.accountability.sheets import Reading
    from e2ev.formats.channels import Given

    files: dict[str, list[Path]] = {}
    for name, path in _pairs(channel, "--channel"):
        files.setdefault(name, []).append(Path(path))
    if not files:
        raise typer.BadParameter("give at least one channel", param_hint="--channel NAME=FILE")
    origins, readings = (dict(_pairs(values, option, tuple(files)))
                         for values, option in ((origin, "--origin"), (reading, "--reading")))  # fmt: skip
    words = {one.value: one for one in Reading}
    for word in readings.values():
        if word not in words:
            raise typer.BadParameter(f"use one of {', '.join(words)}", param_hint="--reading")
    for name in partial or ():
        if name not in files:
            raise typer.BadParameter(f"no channel is called {name!r}", param_hint="--partial")
    return [
        Given(name, tuple(paths), origins.get(name, ""), words.get(readings.get(name, "")), name in (partial or ()))
        for name, paths in files.items()
    ]


def _knowledge(
    mapping: Path | None, stations: Path | None, board: Path | None, keys: Path | None, zone: str, title: str
) -> "Knowledge":
    from e2ev.accountability.mapping_file import read_mapping
    from e2ev.formats.channels import Knowledge
    from e2ev.storage.disk import read_bounded

    if mapping is not None and stations is not None:
        raise typer.BadParameter("a mapping says itself where the stations stand", param_hint="--stations")
    read = read_mapping(read_bounded(mapping, MAPPING_LIMIT), str(mapping)) if mapping is not None else None
    return Knowledge(title or "Results by station", read, stations, board, keys, zone)


def _seats(board: Path | None, manifest: Path | None) -> "dict[str, Seats]":
    """Return by contest what bounds its seats, where a manifest has the rule."""
    from e2ev.accountability.seats import stakes
    from e2ev.board.ledger import read_contents
    from e2ev.manifest import read_manifest
    from e2ev.storage.disk import read_bounded

    if manifest is not None:
        contests = read_manifest(read_bounded(manifest, MAPPING_LIMIT)).contests
    else:
        contests = read_contents(board).manifest.contests if board is not None else ()
    return {one.label: stakes(one.seats, [option.label for option in one.options])
            for one in contests if one.seats is not None}  # fmt: skip


def _exports(paths: list[Path] | None) -> list[Path]:
    for path in paths or ():
        if path.suffix.lower() not in FORMS:
            raise typer.BadParameter(f"the name ends in one of {', '.join(FORMS)}", param_hint="--export")
    return paths or []


def _write(found: "Reconciliation", path: Path) -> None:
    import json

    from e2ev.formats.tables import csv_bytes, workbook_bytes
    from e2ev.report import reconciled
    from e2ev.storage.disk import write_atomically

    command = shlex.join(["e2ev", *sys.argv[1:]])
    makers: Mapping[str, Callable[[], bytes]] = {
        ".csv": lambda: csv_bytes(reconciled.HEADS, reconciled.rows(found)),
        ".xlsx": lambda: workbook_bytes(reconciled.HEADS, reconciled.rows(found), title="stations"),
        ".html": lambda: reconciled.page(found, command),
        ".json": lambda: (json.dumps(reconciled.as_json(found), ensure_ascii=False, indent=1) + "\n").encode(),
    }
    write_atomically(path, makers[path.suffix.lower()](), 0o644)
    ui.say(f"written: {path}")


def _show(found: "Reconciliation", collected: "Collected", *, everything: bool) -> None:
    from e2ev.accountability.verdicts import MEANINGS, Verdict
    from e2ev.formats.channels import UNSAID
    from e2ev.report import reconciled

    rows = reconciled.lines(found, everything=everything)
    shown = rows if everything else rows[:SHOWN]
    if shown:
        ui.out(ui.table(shown, ("station", "verdict", "found")))
        if len(shown) < len(rows):
            ui.out(f"and {len(rows) - len(shown):,} more stations to look at: --all shows them, --export writes them")
        ui.out()
    counts = found.counts()
    ui.out(ui.table([(one.value, f"{counts[one]:,}", MEANINGS[one]) for one in Verdict if counts[one]],
                    ("verdict", "stations", "meaning")))  # fmt: skip
    ui.out()
    for standing in found.standings:
        line = ui.printable(reconciled.bottom_line(standing))
        ui.out(ui.coloured(line, "red") if standing.could_change else line)
    for name, left in found.left_out.items():
        ui.say(f"{left:,} sheets of {ui.printable(name)} are of stations that are not on the slate, and have no result")
    if collected.assumed:
        names = ", ".join(map(ui.printable, collected.assumed))
        ui.say(f"taken as written by a machine: {names}; if one person typed it, say --reading NAME=typed")
    alone = [one.channel.name for one in found.deliveries if one.channel.origin == UNSAID]
    if len(alone) > 1:
        ui.say(f"taken as copies of one source: {', '.join(map(ui.printable, alone))}; say --origin NAME=WHO")
    for name, columns in collected.unused.items():
        ui.say(f"{ui.printable(name)}: {len(columns)} columns that the mapping does not speak of were not read")


@app.command("type")
def type_(
    first: Annotated[Path, typer.Argument(help="What one person typed.", show_default=False)],
    second: Annotated[Path, typer.Argument(help="What another one typed, from the same sheets.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", help="File for what both typed alike: .csv or .xlsx.", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare what two people typed from the same sheets; what differs stays blank until somebody looks at it again.

    Exit code: 0 both typed the same, 4 something differs.

    Example: e2ev reconcile type aigul.xlsx bakyt.xlsx --out tapes.csv
    """
    from e2ev.accountability.typing_twice import agree
    from e2ev.formats.tables import csv_bytes, read_table, workbook_bytes
    from e2ev.report.words import counted
    from e2ev.storage.disk import write_atomically

    if out is not None and out.suffix.lower() not in (".csv", ".xlsx"):
        raise typer.BadParameter("the name ends in .csv or .xlsx", param_hint="--out")
    agreed = agree(read_table(first), read_table(second))
    if out is not None:
        make = csv_bytes if out.suffix.lower() == ".csv" else workbook_bytes
        write_atomically(out, make(agreed.heads, agreed.rows), 0o644)
    if as_json:
        ui.out_json({"sheets": len(agreed.rows), "out": str(out) if out is not None else None, "differences": [
            {"station": one.station, "column": one.column, "first": one.first, "second": one.second,
             "rows": list(one.rows)} for one in agreed.differences]})  # fmt: skip
    else:
        _show_typed([(one.station, one.column, one.first, one.second) for one in agreed.differences], first, second)
        ui.out(f"{counted(len(agreed.rows), 'sheet')}, {counted(len(agreed.differences), 'cell')} typed differently")
    if agreed.differences:
        ui.say("Look at these sheets again, correct both files, and run it again; until then the cells stay blank.")
        raise typer.Exit(4)


def _show_typed(rows: Sequence[tuple[str, str, str, str]], first: Path, second: Path) -> None:
    if rows:
        safe = [tuple(ui.printable(text) for text in row) for row in rows]
        ui.out(ui.table(safe, ("station", "column", ui.printable(first.name), ui.printable(second.name))))
        ui.out()
