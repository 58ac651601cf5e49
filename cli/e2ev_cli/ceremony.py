"""`e2ev ceremony`: the key ceremony as people hold it."""

from pathlib import Path
from typing import Annotated

import typer

from e2ev_cli import ui

app = typer.Typer(no_args_is_help=True, help="Hold the key ceremony: its script, to print.")


@app.callback()
def about() -> None:
    """Hold the key ceremony: its script, to print."""


@app.command()
def plan(
    board: Annotated[Path, typer.Option("--board", help="The board file; genesis is enough.")],
    out: Annotated[Path | None, typer.Option("--out", help="A Markdown file to write; default: print it.")] = None,
) -> None:
    """Print the ceremony as a script: who does what, who says what aloud, boxes for initials and times.

    Example: e2ev ceremony plan --board council.board --out ceremony.md
    """
    from e2ev.board.ledger import read_contents
    from e2ev.roles.script import script
    from e2ev.storage.disk import write_once

    text = script(read_contents(board), str(board))
    if out is None:
        ui.out(text)
        return
    write_once(out, text.encode())
    ui.out(str(out))
    ui.say("Print it, one copy for each person in the room.")
