"""The command `e2ev`: one file a role; parse, call a role, print."""

import shlex
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from e2ev.errors import E2evError, InternalError, StorageError
from e2ev_cli import (
    auditor,
    ballot,
    board_live,
    checkin,
    device,
    receipt,
    reconcile,
    reports,
    roll,
    shards,
    station,
    ui,
    voter,
)
from e2ev_cli.audit import app as audit_app
from e2ev_cli.bench import bench
from e2ev_cli.board import app as board_app
from e2ev_cli.ceremony import app as ceremony_app
from e2ev_cli.demo import demo
from e2ev_cli.election import app as election_app
from e2ev_cli.observe import app as observe_app
from e2ev_cli.results import app as results_app
from e2ev_cli.screen import screen
from e2ev_cli.trustee import app as trustee_app
from e2ev_cli.witness import app as witness_app

app = typer.Typer(
    name="e2ev",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich alone would take longer to load than everything else
    context_settings={"max_content_width": 120, "help_option_names": ["-h", "--help"]},
)


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        ui.out(version("e2ev"))
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """End-to-end verifiable elections. For public office: beside paper that is counted in the room, never instead."""


app.command()(demo)
app.command()(bench)
app.add_typer(trustee_app, name="trustee")
app.add_typer(election_app, name="election")
app.add_typer(ceremony_app, name="ceremony")
app.add_typer(device.app, name="device")
app.add_typer(ballot.app, name="ballot")
app.add_typer(roll.app, name="roll")
app.add_typer(checkin.app, name="check-in")
app.command()(voter.track)
app.add_typer(voter.test_ballot, name="test-ballot")
app.add_typer(receipt.app, name="receipt")
app.add_typer(witness_app, name="witness")
app.add_typer(observe_app, name="observe")
app.command()(auditor.verify)
app.command()(shards.merge)
board_app.command()(board_live.watch)
board_app.command()(board_live.serve)
board_app.add_typer(station.app)
app.add_typer(board_app, name="board")
app.add_typer(shards.commitments, name="commitments")
app.add_typer(reconcile.app, name="reconcile")
app.add_typer(results_app, name="results")
app.add_typer(audit_app, name="audit")
app.command()(screen)
app.command()(auditor.explain)
app.command()(reports.check_report)
app.command()(auditor.export)


def run() -> None:
    """Run the command; every error becomes one message and one exit code."""
    try:
        app(standalone_mode=True)
    except E2evError as error:
        _leave(error)
    except SystemExit as leave:
        if isinstance(getattr(leave.__context__, "__cause__", None), KeyboardInterrupt):  # typer made an exit of it
            ui.say(f"interrupted; this goes on: {shlex.join(['e2ev', *sys.argv[1:]])}")
        if isinstance(leave.__context__, BrokenPipeError):  # typer's exit code for it is that of a rejection
            sys.exit(StorageError.exit_code)
        raise
    except OSError as error:
        _leave(StorageError(error.strerror or "the system refused", where=str(error.filename or "")))
    except Exception:  # the one place where nothing above is left to catch it
        traceback.print_exc()
        _leave(InternalError("this is a bug in e2ev, not in your data", remedy="report it with the lines above"))


def _leave(error: E2evError) -> NoReturn:
    try:
        ui.fail(error)
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
