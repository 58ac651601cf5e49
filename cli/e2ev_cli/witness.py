"""`e2ev witness`: be an independent cosigner, with boards that come on a stick and answers that go back on it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import ui
from e2ev_cli.voter import ROOT_WORDS

if TYPE_CHECKING:
    from e2ev.board.note import NoteKey
    from e2ev.roles.witness_state import Held

app = typer.Typer(no_args_is_help=True, help="Be a witness (independent cosigner): sign that a board has only grown.")

Home = Annotated[Path, typer.Option("--home", help="Your folder: key file and state.", file_okay=False)]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File with your passphrase, mode 600; default: you are asked.")
]
Logs = Annotated[
    list[str] | None,
    typer.Option("--log", metavar="VKEY", help="A log to follow, by the key that was published; may be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
REQUEST_LIMIT = 128 << 10


@app.command()
def init(
    home: Home,
    name: Annotated[str, typer.Option("--name", help="Your name in notes, such as witness.example.org/one.")],
    log: Logs = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Make your key, and the line with which policies name you.

    Example: e2ev witness init --home observer --name observers.example.org/one
    """
    from e2ev.roles.witness import Witness

    witness = Witness(home)
    passphrase = ui.passphrase(passphrase_file, name, new=not witness.key_path.exists())
    key = witness.init(name, passphrase, _logs(log))
    if as_json:
        ui.out_json({"name": key.name, "vkey": key.vkey(), "home": str(home)})
        return
    ui.out(f"witness {key.name} {key.vkey()}")
    ui.say(
        "Publish this line, where people who do not trust the election office find it: their policies name you by it."
    )
    ui.say(f"Make no copies of {home / 'witness.state'}, and never put an older one back: whoever can make")
    ui.say("a witness forget can make it sign two boards.")


@app.command()
def cosign(
    board: Annotated[Path, typer.Argument(help="The board file, or a checkpoint with its proof.", show_default=False)],
    home: Home,
    log: Logs = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where the answer is written; default: your folder.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Sign that a board has only grown since you last saw it, and write the answer for the log's keeper.

    What you sign is kept in your folder first. A board that does not continue the
    one that you signed is refused, and the evidence is written.

    Example: e2ev witness cosign /media/stick/council.board --home observer
    """
    from e2ev.board.reader import MAGIC
    from e2ev.codes import spoken
    from e2ev.roles.witness import Witness
    from e2ev.storage.disk import read_bounded, reading, write_atomically

    witness = Witness(home)
    with reading(board) as descriptor:
        is_board = os.read(descriptor, len(MAGIC)) == MAGIC
    passphrase = ui.passphrase(passphrase_file, witness.key.name)
    if is_board:
        answer = witness.cosign_board(board, passphrase, _logs(log))
    else:
        answer = witness.cosign_request(read_bounded(board, REQUEST_LIMIT), passphrase, _logs(log))
    path = out or home / f"cosigned-{answer.checkpoint.size}-{answer.checkpoint.root.hex()[:8]}.note"
    write_atomically(path, answer.note)
    words = spoken(answer.checkpoint.root, ROOT_WORDS)
    if as_json:
        ui.out_json({"file": str(path), "log": answer.checkpoint.origin, "entries": answer.checkpoint.size,
                     "root": answer.checkpoint.root.hex(), "words": words, "before": answer.before,
                     "repeated": answer.repeated})  # fmt: skip
        return
    ui.out(str(path))
    grown = "as before" if answer.repeated else f"{answer.before} before"
    ui.say(
        ui.printable(f"{answer.checkpoint.origin}: {answer.checkpoint.size} entries, {grown}. Root in words: {words}")
    )
    ui.say("Hand the file to the log's keeper: e2ev board cosign BOARD FILE --policy POLICY")


@app.command()
def status(home: Home, as_json: AsJson = False) -> None:
    """Show which logs you follow, and what you have signed.

    Write the number of the state down: a smaller one later means that somebody put an old state back.

    Example: e2ev witness status --home observer
    """
    from e2ev.codes import spoken
    from e2ev.roles.witness import Witness

    witness = Witness(home)
    state = witness.state()
    if as_json:
        ui.out_json({"name": witness.key.name, "vkey": witness.key.vkey(), "state": state.generation,
                     "time": state.time, "logs": [_held_json(held) for held in state.logs.values()]})  # fmt: skip
        return
    ui.out(f"witness {witness.key.name} {witness.key.vkey()}")
    ui.out(f"state   {state.generation}")
    rows = [
        (ui.printable(held.log.name), str(held.checkpoint.size),
         spoken(held.checkpoint.root, ROOT_WORDS) if held.note else "nothing signed yet")
        for held in state.logs.values()
    ]  # fmt: skip
    ui.out("\n" + ui.table(rows, ("log", "entries", "root in words")) if rows else "follows no log yet")


def _held_json(held: "Held") -> dict[str, object]:
    return {"log": held.log.vkey(), "entries": held.checkpoint.size, "root": held.checkpoint.root.hex(),
            "signed": bool(held.note)}  # fmt: skip


@app.command()
def request(
    board: Annotated[Path, typer.Argument(help="The board file.", show_default=False)],
    old: Annotated[int, typer.Option("--old", min=0, help="How many entries the witness has signed, 0 at first.")],
    out: Annotated[Path, typer.Option("--out", help="Where it is written.")],
) -> None:
    """Write the last checkpoint with its proof for a witness that does not want the whole board.

    Such a witness sees that the log only grew. It does not see the entries.

    Example: e2ev witness request council.board --old 120 --out council.request
    """
    from e2ev.board.outline import read_outline
    from e2ev.roles.witness import request_file
    from e2ev.storage.disk import write_atomically

    write_atomically(out, request_file(read_outline(board), old))
    ui.out(str(out))


def _logs(vkeys: list[str] | None) -> "tuple[NoteKey, ...]":
    from e2ev.board.note import parse_vkey

    return tuple(parse_vkey(vkey, where="--log") for vkey in vkeys or ())
