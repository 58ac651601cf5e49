"""`e2ev board recover`: what the holder of a board does after a crash or damage."""

from pathlib import Path
from typing import Annotated

import typer

from e2ev_cli import ui


def recover(
    board: Annotated[Path, typer.Argument(help="The board file, its folder .keep beside it.", show_default=False)],
    mirror: Annotated[
        Path | None, typer.Option("--from", metavar="MIRROR", help="A copy of the board, to repair it from.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Read a board whole as its writer does, set a torn tail aside, repair damage from a mirror with the same root.

    A torn tail was never acknowledged to anybody. Damage before it is repaired from a mirror alone; nothing is deleted.

    Example: e2ev board recover council.board --from /media/stick/council.board
    """
    from e2ev.codes import spoken
    from e2ev.roles.recovery import recover as recover_board

    done = recover_board(board, mirror)
    if as_json:
        ui.out_json({
            "entries": done.checkpoint.size, "root": done.checkpoint.root.hex(), "full": done.full,
            "torn": str(done.torn) if done.torn else None, "damaged": str(done.damaged) if done.damaged else None,
        })  # fmt: skip
        return
    ui.out(f"entries   {done.checkpoint.size}, all of which were signed")
    ui.out(f"root      {done.checkpoint.root.hex()}")
    ui.out(f"          {spoken(done.checkpoint.root, 8)}")
    if done.damaged:
        ui.say(f"repaired from {mirror}")
        ui.say(f"the damaged files are in {done.damaged}: keep them for whoever looks for the cause")
    if done.torn:
        ui.say(f"a torn tail was set aside in {done.torn}: it was acknowledged to nobody, its authors post again")
    if done.full:
        ui.say("the disk is full: until there is space, decisions and closing are taken and nothing else")
    if not (done.damaged or done.torn):
        ui.say("nothing had to be repaired")
