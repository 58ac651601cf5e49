"""`e2ev device`: a voting device's own key and card, and the end of its chain."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import ui

if TYPE_CHECKING:
    from e2ev.roles.device import Device

app = typer.Typer(no_args_is_help=True, help="Set up a voting device, and close it.")

Home = Annotated[Path, typer.Option("--home", help="The device's own folder.", file_okay=False)]
Board = Annotated[Path, typer.Option("--board", help="The board file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def init(
    home: Home,
    information: Annotated[str, typer.Option("--information", help="What people call the device, for the record.")],
    unit: Annotated[str, typer.Option("--unit", help="Label of the polling place, as in the manifest.")],
    as_json: AsJson = False,
) -> None:
    """Make the device's key, and the card by which the administrator admits it.

    Example: e2ev device init --home booth-1 --information "booth 1" --unit Stromness
    """
    from e2ev.codes import spoken
    from e2ev.roles.card import FINGERPRINT_WORDS
    from e2ev.roles.device import Device

    author = Device(home).init(information, unit)
    words, card = spoken(author[1:], FINGERPRINT_WORDS), home / "device.card"
    if as_json:
        ui.out_json({"card": str(card), "information": information, "unit": unit, "key": author.hex(), "words": words})
        return
    ui.out(str(card))
    ui.say(f"{information} at {unit}; its key in words: {words}")
    ui.say("Hand the card to the administrator, and let them compare the words.")


@app.command()
def status(
    home: Home,
    board: Annotated[Path | None, typer.Option("--board", help="The board file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say where the device stands: its key, the ballot that waits, and what the board knows of it.

    Example: e2ev device status --home booth-1 --board council.board
    """
    from e2ev.codes import spoken, tracking_code
    from e2ev.record.entry import author_of
    from e2ev.roles.card import FINGERPRINT_WORDS
    from e2ev.roles.device import Device

    device = Device(home)
    author, pending = author_of(device.key.verify_key), device.pending
    facts: dict[str, object] = {
        "key": author.hex(),
        "words": spoken(author[1:], FINGERPRINT_WORDS),
        "waiting": tracking_code(pending.code) if pending and pending.shown else None,
        "interrupted": bool(pending and not pending.shown),
    }
    if board is not None:
        facts |= _on_board(device, board)
    if as_json:
        ui.out_json(facts)
        return
    ui.out(ui.table([(name.replace("_", " "), _said(value)) for name, value in facts.items()]))
    if pending is not None:
        ui.say("A ballot is under way; go on with: e2ev ballot encrypt, cast, challenge or abandon")


def _on_board(device: "Device", board: Path) -> dict[str, object]:
    standing = device.standing(board)
    contents, admitted = standing.contents, standing.admitted
    return {
        "name": admitted.name,
        "unit": contents.manifest.unit(admitted.unit).label,
        "ballots": admitted.ballots,
        "voting_open": contents.opened is not None and contents.closed is None,
        "closed": admitted.closed is not None or admitted.replaced is not None,
    }


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


@app.command()
def close(home: Home, board: Board, as_json: AsJson = False) -> None:
    """End the device's chain of ballots, when its last voter has gone. It posts no ballot after that.

    Example: e2ev device close --home booth-1 --board council.board
    """
    from e2ev.roles.device import Device
    from e2ev_cli.ballot import resolve

    device = Device(home)
    resolve(device, board)
    closed = device.close(board)
    if as_json:
        ui.out_json({"closed": True, "ballots": closed.ballots})
        return
    ui.out(f"closed over {closed.ballots} ballots")
    ui.say("Write this number into the polling place's minutes. The administrator closes voting when all have closed.")
