"""`e2ev check-in`: the desk at a polling place's door, which counts people in and commits to who they were."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from e2ev_cli import ui
from e2ev_cli.roll import say_card

app = typer.Typer(
    no_args_is_help=True,
    help="Count people in at a polling place's door. The board gets a number and a commitment, never a name; who came "
    "stands in a private file alone.",
)

Home = Annotated[Path, typer.Option("--home", help="The desk's own private folder.", file_okay=False)]
Unit = Annotated[str, typer.Option("--unit", help="Label of the polling place, as in the manifest.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class OutcomeChoice(StrEnum):
    """What came of identification."""

    MATCHED = "matched"
    OVERRIDE = "override"
    REFUSED = "refused"


@app.command()
def init(
    home: Home,
    unit: Unit,
    name: Annotated[str, typer.Option("--name", help="Name of the desk, for everybody to read on the board.")],
    as_json: AsJson = False,
) -> None:
    """Make a desk's key, and the card by which the administrator admits it before voting is opened.

    Example: e2ev check-in init --home desk --unit Hoy --name "Hoy, the door"
    """
    from e2ev.roles.checkin import Desk

    desk = Desk(home)
    say_card(desk.init(name, unit).author, desk.card_path, name, unit, as_json)


@app.command()
def add(
    home: Home,
    unit: Unit,
    outcome: Annotated[OutcomeChoice, typer.Option("--outcome", help="What came of identification.")],
    as_json: AsJson = False,
) -> None:
    """Note people who came: identifiers are read from the terminal or from standard input, one a line, never an option.

    Example: e2ev check-in add --home desk --unit Hoy --outcome matched < ids.txt
    """
    from e2ev.roles.checkin import Desk

    desk = Desk(home)
    if sys.stdin.isatty():
        ids = [ui.ask("Identifier of the person")]
    else:
        ids = [line for line in sys.stdin.read().splitlines() if line.strip()]
    let = desk.add(unit, ids, outcome.value)
    if as_json:
        ui.out_json({"noted": len(ids), "let_to_vote": let})
        return
    ui.out(f"{len(ids)} noted as {outcome.value}; {let} people were let to vote so far")


@app.command()
def close(
    home: Home,
    unit: Unit,
    board: Annotated[Path, typer.Option("--board", help="The board file, or a copy of it.")],
    as_json: AsJson = False,
) -> None:
    """Write the desk's statement as a message for the administrator, when nobody votes here any more.

    Example: e2ev check-in close --home desk --unit Hoy --board town.board
    """
    from e2ev.roles.checkin import Desk

    desk = Desk(home)
    body, path = desk.close(board, unit)
    if as_json:
        ui.out_json({"registered": body.registered, "checked_in": body.checked_in, "matched": body.matched,
                     "override": body.override, "refused": body.refused, "root": body.root.hex(),
                     "message": str(path)})  # fmt: skip
        return
    ui.out(f"{unit}: {body.checked_in} of {body.registered} registered people let to vote ({body.matched} matched, "
           f"{body.override} against the device), {body.refused} turned away")  # fmt: skip
    ui.say(f"Hand over {path}; the administrator collects it before voting is closed.")
    ui.say(f"Keep {desk.visits_path} private. Registrars compare such files: e2ev roll cross-check")
