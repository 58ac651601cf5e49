"""`e2ev board watch` and `e2ev board serve`: boards that grow while one looks."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import ui
from e2ev_cli.board import AsJson, Key, key_of, said

if TYPE_CHECKING:
    from e2ev.board.follow import Alarm
    from e2ev.roles.watcher import Watcher

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

    boards = sorted(where.glob("*.board")) if where.is_dir() else [where]
    if not boards:
        raise typer.BadParameter("there is no board in that folder", param_hint="WHERE")
    folders = [(home / board.name if home and where.is_dir() else home) or _home_of(board) for board in boards]
    watchers = {board: Watcher(board, folder, key_of(key), judging=not log_only)
                for board, folder in zip(boards, folders, strict=True)}  # fmt: skip
    worst = 0
    told: set[tuple[Path, Alarm]] = set()
    while True:
        for board, watcher in watchers.items():
            before = watcher.position.tree.size
            for alarm in watcher.look():
                worst = max(worst, _CONFLICT if alarm.check in _LOST else _REJECTED)
                if (board, alarm) not in told:
                    told.add((board, alarm))
                    _raise(board, alarm, as_json=as_json)
            if once or watcher.position.tree.size != before:
                _tell(board, watcher, as_json=as_json)
        if once:
            raise typer.Exit(worst)
        time.sleep(seconds)


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
