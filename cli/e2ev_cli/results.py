"""`e2ev results`: results as they are announced, their history, the seats they give, and other forms of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev.errors import DataError
from e2ev_cli import ui
from e2ev_cli.forms import check, export
from e2ev_cli.options import AsJson
from e2ev_cli.seats import seats

if TYPE_CHECKING:
    from e2ev.accountability.history import History
    from e2ev.board.contents import Contents
    from e2ev.record.results import Turnout

app = typer.Typer(no_args_is_help=True, help="Results as they are announced, their history, seats, other forms.")
app.command()(seats)
app.command()(export)
app.command()(check)

FOUND = 1
"""Exit code where a history has findings."""

PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File with your passphrase, mode 600; default: you are asked.")
]


# Announcing


@app.command()
def announce(
    board: Annotated[Path, typer.Option("--board", help="The board file.")],
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="TIME", help="When the numbers are these: 2027-05-06T22:40+06:00.")
    ],
    group: Annotated[str, typer.Option("--group", help="What it is about, for people.")] = "",
    place: Annotated[
        list[str] | None, typer.Option("--place", help="A polling place of the group; default: all.")
    ] = None,
    recount: Annotated[
        list[str] | None,
        typer.Option("--recount", metavar="CONTEST=N,N,...", help="Counts of its paper as a recount found them."),
    ] = None,
    voted: Annotated[int | None, typer.Option("--voted", min=0, help="How many people voted.")] = None,
    registered: Annotated[int | None, typer.Option("--registered", min=1, help="How many are on the register.")] = None,
    corrects: Annotated[
        int | None, typer.Option("--corrects", min=1, help="Number of the announcement it corrects.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Of the correction; everybody can read it.")] = "",
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Announce what the board gives as an entry. It cannot be changed, only corrected by a later one that says so.

    Example: e2ev results announce --board council.board --as-of 2027-05-06T22:40+06:00 --place Town --place Hoy
    """
    from e2ev.board.announced import time_of
    from e2ev.roles import announcing
    from e2ev.roles.administrator import Administrator

    at = time_of(as_of)
    if at is None:
        raise typer.BadParameter("write a day, a time and its distance from UTC", param_hint="--as-of")
    administrator = Administrator(board)
    contents = administrator.contents()
    group = group or (", ".join(place) if place else announcing.EVERYWHERE)
    lines = announcing.lines_on_board(contents, group, place or ())
    recounted = _recounts(contents, recount)
    lines = tuple(
        announcing.restated(line, recounted[line.contest], line.ballots)
        if line.origin == "paper" and line.contest in recounted
        else line
        for line in lines
    )
    turnout = _turnout(voted, registered)
    superseded = _announcement(contents, corrects)
    plan = announcing.Announcement(at, lines, turnout, superseded, reason)
    leaf = announcing.announce(administrator, plan, ui.passphrase(passphrase_file, "the administrator"))
    number = len(contents.announced) + 1
    if as_json:
        ui.out_json({"announcement": number, "entry": leaf.hex(), "lines": len(lines)})
        return
    ui.out(f"announcement {number} of {len(lines)} lines is on the board, as {leaf.hex()[:16]}")
    ui.say(f"next:    e2ev results show {board}")


def _recounts(contents: "Contents", values: list[str] | None) -> Mapping[int, tuple[int, ...]]:
    found = {}
    for value in values or ():
        label, _, numbers = value.partition("=")
        contest = contents.manifest.contest_by_label(label.strip())
        parts = [part.strip() for part in numbers.split(",")]
        if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts) or len(parts) != len(
            contest.options
        ):
            raise typer.BadParameter("write one number for each option, in order", param_hint="--recount")
        found[contest.index] = tuple(map(int, parts))
    return found


def _turnout(voted: int | None, registered: int | None) -> "Turnout | None":
    from e2ev.board.announced import WHOLE
    from e2ev.record.results import Turnout

    if voted is None and registered is None:
        return None
    if voted is None or registered is None:
        raise typer.BadParameter("a turnout needs both --voted and --registered", param_hint="--voted")
    return Turnout(registered, voted, (2 * WHOLE * voted + registered) // (2 * registered))


def _announcement(contents: "Contents", number: int | None) -> bytes | None:
    if number is None:
        return None
    if number > len(contents.announced):
        found = f"there are {len(contents.announced)} announcements, and no number {number}"
        raise DataError(found, remedy="e2ev results watch BOARD lists them")
    return list(contents.announced)[number - 1]


# Their history

Source = Annotated[Path, typer.Argument(help="A board, or a folder with snapshots of a page.", show_default=False)]
Html = Annotated[Path | None, typer.Option("--html", help="Also write a page with a chart.", dir_okay=False)]


@app.command()
def show(source: Source, as_json: AsJson = False) -> None:
    """Show the results as they were announced last, and what is wrong with how they came to be so.

    Example: e2ev results show council.board
    """
    _tell(_history(source), None, as_json, every_page=False)


@app.command()
def watch(source: Source, html: Html = None, as_json: AsJson = False) -> None:
    """Replay the history of the announced results, page by page: what rose, fell, was corrected, or changed in silence.

    The source is a board, or a folder with snapshots of a page of results (CSV, XLSX or JSON), one file each: a row for
    each option with the columns option, votes, and if the page has them contest, share, ballots, reported, of. The time
    is in a column "at" or in the file's name. A paper election needs nothing else.

    Exit code: 1 there are findings; 0 there are none.

    Example: e2ev results watch snapshots/ --html history.html
    """
    _tell(_history(source), html, as_json, every_page=True)


def _history(source: Path) -> "History":
    from e2ev.accountability.history import history_of_board, history_of_pages, page_of_table
    from e2ev.formats.tables import read_table

    if not source.is_dir():
        return history_of_board(source)
    kinds = (".csv", ".tsv", ".xlsx", ".json")
    paths = sorted(path for path in source.iterdir() if path.suffix.lower() in kinds)
    if not paths:
        raise DataError("holds no snapshots", where=str(source), remedy="save each as 2021-11-28T21-40.csv")
    return history_of_pages(source.resolve().name, [page_of_table(read_table(path)) for path in paths])


def _tell(history: "History", html: Path | None, as_json: bool, *, every_page: bool) -> None:
    from e2ev.accountability.history import as_json as json_of
    from e2ev.report.history import page, text
    from e2ev.storage.disk import write_atomically

    if html is not None:
        write_atomically(html, page(history).encode(), 0o644)
        ui.say(f"wrote {html}")
    if as_json:
        ui.out_json(json_of(history))
    else:
        for line in text(history, every_page=every_page).splitlines():
            ui.out(ui.printable(line))
    if history.findings:
        raise typer.Exit(FOUND)
