"""`e2ev board`: what anybody does with a board as a file and a log, whatever election stands on it."""

from pathlib import Path
from typing import Annotated

import typer

from e2ev_cli import ui
from e2ev_cli.recover import recover
from e2ev_cli.shards import read_policy

app = typer.Typer(help="The board as a file and a log.", no_args_is_help=True)

Board = Annotated[Path, typer.Argument(help="The board file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def info(board: Board, as_json: AsJson = False) -> None:
    """Show what a board holds: entries by kind, size and root as words, the last checkpoint's signers.

    Nothing is judged here; that is e2ev verify.

    Example: e2ev board info council.board
    """
    from e2ev.board.summary import summarize
    from e2ev.codes import spoken

    found = summarize(board)
    if as_json:
        ui.out_json({
            "election": found.election.hex(), "log": found.log or None, "entries": found.size,
            "root": found.root.hex(), "bytes": found.end,
            "checkpoints": found.checkpoints, "signers": found.signers, "kinds": found.kinds,
            "behind_last_checkpoint": found.loose, "damage": found.damage,
        })  # fmt: skip
        return
    ui.out(f"election  {found.election.hex()}")
    ui.out(f"log       {ui.printable(found.log)}")
    ui.out(f"entries   {found.size} in {found.end} bytes, under {found.checkpoints} checkpoints")
    ui.out(f"root      {found.root.hex()}")
    ui.out(f"          {spoken(found.root, 8)}")
    ui.out(f"signed by {', '.join(map(ui.printable, found.signers)) or 'nobody'}")
    ui.out()
    ui.out(ui.table([(kind, str(number)) for kind, number in found.kinds.items()], ("kind", "entries")))
    if found.loose:
        ui.out(f"\n{found.loose} entries behind the last checkpoint, which were promised to nobody")
    if found.damage:
        ui.out(f"\nthe file cannot be read on: {ui.printable(found.damage)}")


@app.command()
def cosign(
    board: Board,
    answers: Annotated[list[Path], typer.Argument(help="What witnesses handed back.", show_default=False)],
    policy: Annotated[Path | None, typer.Option("--policy", help="The policy file that names the witnesses.")] = None,
    witness: Annotated[
        list[str] | None, typer.Option("--witness", metavar="VKEY", help="A witness by its key; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take cosignatures in: check each line, and append it to the board for everybody.

    Example: e2ev board cosign council.board cosigned-212-8f2c01aa.note --policy council.policy
    """
    from e2ev.board.note import COSIGNATURE, parse_vkey
    from e2ev.roles.cosigning import take_cosignatures

    keys = [parse_vkey(vkey, COSIGNATURE, where="--witness") for vkey in witness or ()]
    if policy is not None:
        keys += [one.key for one in read_policy(policy).witnesses]
    if not keys:
        raise typer.BadParameter("say whose cosignatures you take", param_hint="--policy or --witness")
    taken = take_cosignatures(board, answers, keys)
    if as_json:
        ui.out_json([{"file": str(one.path), "entries": one.size, "new": one.names} for one in taken])
        return
    for one in taken:
        new = ", ".join(map(ui.printable, one.names))
        ui.out(f"{one.path}: {one.size} entries cosigned by {new}" if new else f"{one.path}: on the board already")


app.command()(recover)
