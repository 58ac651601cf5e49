"""The command `e2ev`: one file a role; parse, call a role, print."""

import importlib.metadata
import sys
from typing import Annotated

import typer

from e2ev.errors import E2evError
from e2ev_cli import ui
from e2ev_cli.demo import demo

app = typer.Typer(
    name="e2ev",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def about(
    version: Annotated[bool, typer.Option("--version", help="Show the version.", is_eager=True)] = False,
) -> None:
    """End-to-end verifiable elections. For public office: beside paper that is counted in the room, never instead."""
    if version:
        ui.out(importlib.metadata.version("e2ev"))
        raise typer.Exit


app.command()(demo)


def run() -> None:
    """Run the command; every error about data or the world becomes one message and one exit code."""
    try:
        app(standalone_mode=True)
    except E2evError as error:
        try:
            ui.fail(error)
        except typer.Exit as leave:
            sys.exit(leave.exit_code)
    except KeyboardInterrupt:
        ui.say("interrupted; run the same command again to go on")
        sys.exit(ui.INTERRUPTED)
