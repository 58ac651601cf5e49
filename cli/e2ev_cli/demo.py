"""`e2ev demo`: a whole election on this machine, told stage by stage."""

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from e2ev_cli import ui
from e2ev_cli.scenario import Scenario, three_copies

BANNER = "DEMONSTRATION: keys and passphrase are worthless, five people are played by one machine"


def demo(
    ballots: Annotated[int, typer.Option("--ballots", min=30, max=1150, help="How many ballots to draw.")] = 100,
    everything: Annotated[bool, typer.Option("--all", help="The whole ward: 1,150 ballots.")] = False,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 2022,
    jobs: Annotated[int, typer.Option(min=1, help="Processes of each check; default: all cores.")] = os.cpu_count()
    or 1,
    folder: Annotated[
        Path | None, typer.Option("--out", help="A folder to keep; default: a new temporary one.")
    ] = None,
    tamper: Annotated[str, typer.Option(help="Break the record in this way; 'list' shows the names.")] = "",
    scenario: Annotated[
        Scenario | None, typer.Option("--scenario", help="Simulate this instead: many stations, three copies of each.")
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Of a scenario, each with the next seed.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Of a scenario: print the result as JSON.")] = False,
) -> None:
    """Run a whole election here: ceremony, power cut, lying device, votes, missing key holders, stuffing, audit.

    The ballots are those of a council ward in Orkney, 5 May 2022, by first preference.

    Example: e2ev demo --ballots 60
    """
    if scenario is not None:
        three_copies(seed, runs, as_json=as_json)
        return
    if tamper == "list":
        _list()
        return
    root = _folder(folder)
    ui.out(ui.coloured(BANNER, "yellow"))
    if tamper:
        _tamper(root, tamper, jobs, mine=folder is None)
    else:
        _tell(root, None if everything else ballots, seed, jobs)


def _folder(folder: Path | None) -> Path:
    from e2ev.errors import ConflictError

    if folder is None:
        return Path(tempfile.mkdtemp(prefix="e2ev-demo-"))
    if folder.exists() and any(folder.iterdir()):
        raise ConflictError("the folder is not empty", where=str(folder), remedy="name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _tell(root: Path, count: int | None, seed: int, jobs: int) -> None:
    from e2ev.demo.story import Story

    with ExitStack() as stack:
        bars: dict[str, Callable[[int, int], None]] = {}

        def progress(what: str) -> Callable[[int, int], None]:
            if what not in bars:
                bars[what] = stack.enter_context(ui.progress(what))
            return bars[what]

        story = Story(root, count, seed, jobs, progress)
        for number, told in enumerate(story.stages(), 1):
            stack.close()
            bars.clear()
            ui.out()
            ui.out(ui.coloured(f"demonstration {number}: {told.title}", "bold"))
            for line in told.lines:
                ui.out(f"   {line}")
            if told.table:
                ui.out()
                ui.out("\n".join("   " + line for line in ui.table(told.table[1:], told.table[0]).splitlines()))
                ui.out()
            ui.out(ui.coloured(f"   {told.meaning}", "dim"))
    _epilogue(story.board, story.a_code(), story.watching.root)


def _epilogue(board: Path, code: str, watching: Path) -> None:
    anchors = board.with_suffix(".anchors.json")
    ui.out()
    ui.out(ui.coloured(BANNER, "yellow"))
    ui.out(f"The board stays in {board}. Try:")
    ui.out(f"   e2ev verify {board} --expect {anchors}")
    ui.out(f"   e2ev track {board} {code}")
    ui.out(f"   e2ev receipt check {watching / 'receipt.txt'} --policy {watching / 'policy'}")
    ui.out("   e2ev demo --tamper list")


def _list() -> None:
    from e2ev.demo.tamper import TAMPERINGS

    ui.out(ui.table([(item.name, item.story) for item in TAMPERINGS]))


def _tamper(root: Path, name: str, jobs: int, *, mine: bool) -> None:
    from e2ev.demo.tamper import tampered_demo

    shown = tampered_demo(name, root, jobs)
    ui.out()
    ui.out(ui.coloured(shown.story, "bold"))
    for finding in shown.report.findings[:20]:
        ui.out(f"   {finding.check:5} {finding.found}  [{finding.where}]")
    if len(shown.report.findings) > 20:
        ui.out(f"   and {len(shown.report.findings) - 20} more")
    verdict = shown.report.verdict.value
    ui.out()
    ui.out(
        f"verdict: {ui.coloured(verdict, 'red' if verdict == 'REJECTED' else 'yellow')}"
        f"; checks that object: {', '.join(sorted(shown.report.tripped()))}"
    )
    ui.out(f"e2ev explain {sorted(shown.report.tripped())[0]}" if shown.report.findings else "")
    if shown.kept:
        ui.out(f"The board stays in {shown.board}. Try: e2ev verify {shown.board} --no-anchor")
    elif mine:
        shutil.rmtree(root)
    else:
        ui.out(f"The board stays in {shown.board}; its group is a toy, which e2ev verify refuses.")
