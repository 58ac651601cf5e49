"""`e2ev board watch` and `e2ev board serve`: boards that grow while one looks."""

import os
import re
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev.errors import NotReadyError
from e2ev_cli import ui
from e2ev_cli.board import AsJson, Key, key_of, said

if TYPE_CHECKING:
    from e2ev.board.follow import Alarm
    from e2ev.roles.watcher import Watcher

SEGMENT = re.compile(r"\.[0-9]{4}$")
"""How the stem of a board's second and further files ends."""
_REJECTED, _CONFLICT = 1, 8
_LOST = ("changed", "shrunk", "fork")


def watch(
    where: Annotated[Path, typer.Argument(help="A board file, or a folder with some.", exists=True)],
    home: Annotated[
        Path | None,
        typer.Option("--home", help="The watcher's folder: key, state, evidence; default: NAME.board.watch."),
    ] = None,
    key: Key = None,
    log_only: Annotated[
        bool, typer.Option("--log-only", help="Leave out the election's rules and the ballots' proofs.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Look once and leave; the exit code says what was seen.")
    ] = False,
    seconds: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks.")] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Follow a board that grows, verify what is new, and raise the voice at once when something breaks.

    What was verified is remembered, bound to the root: a board that is later shorter, changed or forked
    is noticed, and a fork gives evidence. With --once: exit code 0 all is well, 1 a finding, 8 not what it was.

    Example: e2ev board watch council.board
    """
    from e2ev.roles.watcher import Watcher

    boards = sorted(one for one in where.glob("*.board") if not SEGMENT.search(one.stem)) if where.is_dir() else [where]
    if not boards:
        raise typer.BadParameter("there is no board in that folder", param_hint="WHERE")
    homes = [home / board.name if home and where.is_dir() else home or _home_of(board) for board in boards]
    watchers = [Watcher(board, own, key_of(key), judging=not log_only)
                for board, own in zip(boards, homes, strict=True)]  # fmt: skip
    told: set[tuple[Path, Alarm]] = set()
    while True:
        worst = max(_look(board, watcher, told, always=once, as_json=as_json)
                    for board, watcher in zip(boards, watchers, strict=True))  # fmt: skip
        if once:
            raise typer.Exit(worst)
        time.sleep(seconds)


def _look(board: Path, watcher: "Watcher", told: "set[tuple[Path, Alarm]]", *, always: bool, as_json: bool) -> int:
    """Look at one board, tell what is new, and return the exit code for that."""
    worst, before = 0, watcher.position.tree.size
    with ui.progress("checking ballots") as show:
        for alarm in watcher.look(show):
            worst = max(worst, _CONFLICT if alarm.check in _LOST else _REJECTED)
            if (board, alarm) not in told:
                told.add((board, alarm))
                _raise(board, alarm, as_json=as_json)
    if worst and always and not as_json:
        ui.out(f"{board}: verified without an alarm: {watcher.state.position.tree.size} entries")
    elif always or watcher.position.tree.size != before:
        _tell(board, watcher, as_json=as_json)
    return worst


def _home_of(board: Path) -> Path:
    return board.with_name(board.name + ".watch")


def _raise(board: Path, alarm: "Alarm", *, as_json: bool) -> None:
    if as_json:
        ui.out_line({"board": str(board), "alarm": alarm.check, "found": alarm.found, "entry": alarm.entry,
                     "culprit": alarm.culprit or None})  # fmt: skip
    else:
        ui.out(ui.coloured("ALARM", "red") + f" {board}: {said(alarm)}")
    ui.ring()


def _tell(board: Path, watcher: "Watcher", *, as_json: bool) -> None:
    tree, ballots = watcher.position.tree, watcher.state.ballots
    if as_json:
        ui.out_line({"board": str(board), "entries": tree.size, "root": tree.root().hex(), "ballots": ballots})
    else:
        ui.out(f"{board}: {tree.size} entries, root {tree.root().hex()[:16]}, {ballots} ballots checked")


def serve(
    board: Annotated[Path, typer.Argument(help="The board file.", exists=True, dir_okay=False)],
    intake: Annotated[
        bool, typer.Option("--intake", help="Take signed messages in, too; by who keeps the board's log.")
    ] = False,
    tiles: Annotated[
        Path | None, typer.Option("--tiles", help="Folder for the static files; default: NAME.board.tiles.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on.")] = 8470,
    rate: Annotated[float, typer.Option("--rate", min=0.01, help="Entries a second of one author.")] = 2.0,
    most: Annotated[int, typer.Option("--max-bytes", min=1024, help="Bytes of one message.")] = 4 << 20,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, help="Processes that judge ballots; default: all cores.")
    ] = os.cpu_count() or 1,
) -> None:
    """Serve a board over HTTP: the file with ranges, checkpoint, tiles and bodies; with --intake a door for messages.

    Not for internet voting to public office. The same static files can stand on any web server
    (e2ev board export). While messages are taken in, no other command can post to this board;
    what comes at about the same time is committed together, and answered with its receipt after that.
    Put TLS in front of it where others than this machine reach it.

    Example: e2ev board serve council.board --port 8470
    """
    try:
        import uvicorn

        from e2ev.board.serve import WARNING, app_of
    except ImportError as error:
        raise NotReadyError(
            f"serving needs packages that are not installed ({error.name})", remedy="pip install 'e2ev[serve]'"
        ) from error
    from e2ev.board.publish import Published
    from e2ev.roles.desk import Desk

    ui.say(ui.coloured(WARNING, "yellow", err=True))
    with ExitStack() as stack, ui.progress("writing static files (entries)") as show:
        published = Published(board, tiles or board.with_name(board.name + ".tiles"), show)
        desk = stack.enter_context(Desk(board, published, rate=rate, jobs=jobs)) if intake else None
        app = app_of(published, desk.take if desk else None, most)
        ui.say(f"serving {board} on http://{host}:{port}" + (", messages are taken in" if desk else ", read-only"))
        uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False, limit_concurrency=512)
