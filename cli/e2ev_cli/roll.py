"""`e2ev roll`: a registrar's commands, from the list of voters to the roll on the board and the letters with codes."""

import html
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import ui

if TYPE_CHECKING:
    from e2ev.roles.administrator import Administrator
    from e2ev.roles.registrar import Letter

app = typer.Typer(
    no_args_is_help=True,
    help="Say who may vote, as a registrar: private codes for voters, and a roll without names on the board. Whoever "
    "holds a voter's codes votes as that voter, and sees whether that voter took part. Ballots of one row are seen to "
    "belong together, so this is no protection against coercion.",
)

Home = Annotated[Path, typer.Option("--home", help="The registrar's own private folder.", file_okay=False)]
Board = Annotated[Path, typer.Option("--board", help="The board file, or a copy of it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def init(
    home: Home,
    name: Annotated[str, typer.Option("--name", help="Your name, for everybody to read on the board.")],
    as_json: AsJson = False,
) -> None:
    """Make a registrar's key, and the card by which the administrator admits you before voting is opened.

    Example: e2ev roll init --home registrar-1 --name "Jamila, members' office"
    """
    from e2ev.roles.registrar import Registrar

    registrar = Registrar(home)
    say_card(registrar.init(name).author, registrar.card_path, name, "", as_json)


def say_card(author: bytes, path: Path, name: str, unit: str, as_json: bool) -> None:
    """Show where a registrar's card stands, and the words of its key."""
    from e2ev.roles.card import fingerprint

    if as_json:
        ui.out_json({"card": str(path), "name": name, "unit": unit, "key": author.hex(), "words": fingerprint(author)})
        return
    ui.out(str(path))
    ui.say(f"{name}; the key in words: {fingerprint(author)}")
    ui.say("Hand the card to the administrator before voting is opened, and let them compare the words.")


def admit(administrator: "Administrator", data: bytes, where: str, passphrase_file: Path | None, as_json: bool) -> None:
    """Admit a registrar by its card, for `e2ev election admit`."""
    from e2ev.roles import checkin
    from e2ev.roles.card import fingerprint, read_registrar_card

    read = read_registrar_card(data, where)
    checkin.admit(administrator, read, ui.passphrase(passphrase_file, "the administrator"))
    words = fingerprint(read.author)
    if as_json:
        ui.out_json({"registrar": read.author.hex(), "name": read.name, "unit": read.unit or None, "words": words})
        return
    ui.out(f"admitted {read.name} as a registrar of {read.unit or 'the whole election'}, key {words}")


@app.command()
def new(
    home: Home,
    board: Board,
    voters: Annotated[
        Path | None, typer.Option("--voters", help="CSV with the columns id and unit; style and weight if wanted.")
    ] = None,
    order: Annotated[
        Path | None, typer.Option("--order", help="Another registrar's order.csv, handed over in private.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a private code for every voter, and your column of the roll. Run again, it makes the same.

    The first registrar gives --voters; the others get order.csv from the first one, and compare it with lists of their
    own: --order FILE --voters FILE. Nobody but you may see codes.csv.

    Example: e2ev roll new --home registrar-1 --voters voters.csv --board club.board
    """
    from e2ev.roles.registrar import Registrar

    registrar = Registrar(home)
    made = registrar.make(board, voters, order)
    if as_json:
        ui.out_json({"voters": made.rows, "column": str(made.column), "order": str(registrar.order_path),
                     "codes": str(registrar.codes_path)})  # fmt: skip
        return
    ui.out(f"{made.rows} voters have a code")
    ui.say(
        f"{registrar.codes_path} holds the codes, and {registrar.order_path} says who has which row: keep both private."
    )
    ui.say(f"{made.column} is public: hand it to the registrar who posts the roll.")
    ui.say(f"next:    e2ev roll post --home {home} --board {board} --column FILE, once for each registrar")


@app.command()
def post(
    home: Home,
    board: Board,
    column: Annotated[list[Path], typer.Option("--column", help="A registrar's column; one for each of them.")],
    as_json: AsJson = False,
) -> None:
    """Put all registrars' columns together, and write the roll as messages for the administrator to collect.

    Example: e2ev roll post --home registrar-1 --board club.board --column a/roll.column --column b/roll.column
    """
    from e2ev.roles.registrar import Registrar

    made = Registrar(home).post(board, column)
    if as_json:
        ui.out_json({"messages": [str(path) for path in made]})
        return
    for path in made:
        ui.out(str(path))
    ui.say(
        f"next:    e2ev election collect {home} --board {board}, by the administrator; then every registrar endorses"
    )


@app.command()
def endorse(home: Home, board: Board, as_json: AsJson = False) -> None:
    """Compare the roll on the board with yours, row by row, and write your endorsement as a message.

    Example: e2ev roll endorse --home registrar-1 --board club.board
    """
    from e2ev.roles.registrar import Registrar

    body, path = Registrar(home).endorse(board)
    if as_json:
        ui.out_json({"voters": body.rows, "root": body.root.hex(), "message": str(path)})
        return
    ui.out(f"the roll on the board is yours: {body.rows} voters, root {body.root.hex()}")
    ui.say(f"Hand over {path}. next: e2ev election collect {home} --board {board}, by the administrator")


@app.command()
def letters(
    home: Home,
    board: Board,
    out: Annotated[Path, typer.Option("--out", help="FILE.html, one sheet a voter to print; or FILE.csv.")],
    as_json: AsJson = False,
) -> None:
    """Write what each voter is to be sent: a sheet with the private code. Destroy the file when the letters are out.

    Example: e2ev roll letters --home registrar-1 --board club.board --out letters.html
    """
    from e2ev.roles.registrar import Registrar
    from e2ev.roles.voters import write_rows
    from e2ev.storage.disk import PRIVATE, write_once

    registrar = Registrar(home)
    contents, _ = registrar.standing(board)
    told = list(registrar.letters(board))
    if out.suffix == ".csv":
        write_rows(out, ("id", "place", "code"), ((one.id, one.unit, one.code) for one in told))
    elif out.suffix == ".html":
        name = contents.eligibility.registrars[registrar.author].body.form.name
        page = _page(contents.manifest.name.best(()) or contents.manifest.label, name, told,
                     contents.eligibility.roll.columns)  # fmt: skip
        write_once(out, page.encode(), PRIVATE)
    else:
        raise typer.BadParameter("letters are written to a .html or a .csv file", param_hint="--out")
    if as_json:
        ui.out_json({"letters": len(told), "file": str(out)})
        return
    ui.out(f"{len(told)} letters in {out}")
    ui.say("Whoever reads it can vote for everybody in it. Print it, send the letters, and destroy it.")


def _page(title: str, name: str, told: "Iterable[Letter]", codes: int) -> str:
    count, held = (
        ("This code lets", "it") if codes == 1 else (f"You get {codes} letters; their codes together let", "all")
    )
    sheets = "".join(
        f"<section><h1>{html.escape(title)}</h1><p>For {html.escape(one.id)}, {html.escape(one.unit)}</p>"
        f'<p>Your private code from {html.escape(name)}:</p><p class="code">{one.code}</p>'
        f"<p>{count} you vote. Keep it secret: whoever has {held} votes as you, and sees whether you took part.</p>"
        "<p>If it was opened before it reached you, ask for another way to vote. Nobody will ever ask you for it by "
        "telephone or mail.</p></section>\n"
        for one in told
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>body {{ font: 12pt sans-serif; margin: 2em }} section {{ break-after: page; min-height: 60vh }}
.code {{ font: 16pt monospace; border: 1px solid; padding: .6em; display: inline-block }}</style></head>
<body>
{sheets}</body></html>
"""


@app.command()
def register(
    home: Home,
    board: Board,
    people: Annotated[Path, typer.Option("--people", help="CSV with the columns unit and id.")],
    as_json: AsJson = False,
) -> None:
    """State the register before voting, place by place, where people check in at the door: sizes and roots, no names.

    Example: e2ev roll register --home registrar-1 --people register.csv --board town.board
    """
    from e2ev.roles.checkin import Desk

    body, path = Desk(home).state_register(board, people)
    if as_json:
        ui.out_json({"places": len(body.units), "people": sum(one.size for one in body.units), "message": str(path)})
        return
    ui.out(f"{len(body.units)} places, {sum(one.size for one in body.units)} people")
    ui.say(f"Hand over {path}. register.csv beside it holds names and salts: keep it private.")


@app.command()
def cross_check(
    files: Annotated[
        list[Path], typer.Argument(help="The desks' private files, visits.csv of each.", show_default=False)
    ],
    board: Annotated[Path | None, typer.Option("--board", help="Compare the files with what the desks stated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find everybody who was let to vote at two places, from the desks' private files.

    Example: e2ev roll cross-check town/visits.csv hoy/visits.csv --board town.board
    """
    from e2ev.board.ledger import read_contents
    from e2ev.errors import RejectedError
    from e2ev.roles.checkin import cross_check as check

    doubles = check(files, read_contents(board) if board is not None else None)
    if as_json:
        ui.out_json({"twice": [{"id": one.id, "places": list(one.places)} for one in doubles]})
    else:
        for one in doubles:
            ui.out(ui.printable(f"{one.id}: " + ", ".join(one.places)))
        ui.say(f"{len(doubles)} people were let to vote twice, by {len(files)} files")
    if doubles:
        raise typer.Exit(RejectedError.exit_code)
