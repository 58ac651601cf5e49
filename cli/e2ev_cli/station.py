"""`e2ev board`, for stations: a board of their own with no network, and what the national board makes of it."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import ui

if TYPE_CHECKING:
    from e2ev.board.contents import Contents
    from e2ev.roles.administrator import Administrator
    from e2ev.roles.choices import Decision
    from e2ev.storage.seal import Passphrase

app = typer.Typer()

National = Annotated[Path, typer.Option("--board", help="The national board.")]
StationBoard = Annotated[Path, typer.Argument(help="The station's own board.", show_default=False)]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File with your passphrase, mode 600; default: you are asked.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Codes = list[str] | None


# At the station


@app.command()
def new_station(
    board: StationBoard,
    unit: Annotated[str, typer.Option("--unit", help="Label of the polling place, as in the manifest.")],
    as_json: AsJson = False,
) -> None:
    """Make the key of a station's own board, and the card by which the administrator admits it.

    Example: e2ev board new-station hoy.board --unit Hoy
    """
    from e2ev.codes import spoken
    from e2ev.roles import station
    from e2ev.roles.card import FINGERPRINT_WORDS

    log_key = station.init(board, unit)
    card, words = station.card_of(board), spoken(log_key[1:], FINGERPRINT_WORDS)
    if as_json:
        ui.out_json({"card": str(card), "unit": unit, "log_key": log_key.hex(), "words": words})
        return
    ui.out(str(card))
    ui.say(f"the board of {unit}; its key in words: {words}")
    ui.say("Hand the card to the administrator before voting is opened, and let them compare the words.")


@app.command()
def begin_station(
    national: Annotated[Path, typer.Argument(help="The national board, with voting opened.", show_default=False)],
    board: StationBoard,
    as_json: AsJson = False,
) -> None:
    """Begin a station's own board. From here on the station needs no network, and no power but its devices' own.

    Example: e2ev board begin-station council.board hoy.board
    """
    from e2ev.roles import station

    contents = station.begin(national, board)
    place = contents.place(contents.own or 0)
    if as_json:
        ui.out_json({"board": str(board), "station": place, "entries": contents.begun.size,
                     "log": contents.log().vkey()})  # fmt: skip
        return
    ui.out(f"the board of {place} begins with {contents.begun.size} entries of the national one")
    ui.say(f"Its devices post there: e2ev ballot encrypt --board {board} ...")
    ui.say(f"Its log, for cosigners and policies: {contents.log().vkey()}")


@app.command()
def close_station(
    board: StationBoard,
    out: Annotated[Path, typer.Option("--out", help="File for the final checkpoint.", dir_okay=False)],
    dead: Annotated[Codes, typer.Option("--dead", metavar="NAME", help="A device that died; repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the station's final checkpoint, once every device has closed: a few lines that can be read out by phone.

    Example: e2ev board close-station hoy.board --out hoy.checkpoint
    """
    from e2ev.roles import station
    from e2ev.storage.disk import write_once

    note = station.close(board, dead or ())
    write_once(out, note)
    if as_json:
        ui.out_json({"checkpoint": str(out), "note": note.decode()})
        return
    ui.out(note.decode().rstrip())
    ui.say(f"Send {out} to the national board now, by any way, and then the card with {board}.")
    ui.say("Write its second and third line into the polling place's minutes.")


@app.command()
def closing_statement(
    board: StationBoard,
    out: Annotated[Path, typer.Option("--out", help="File for the statement.", dir_okay=False)],
    totals: Annotated[
        Path | None,
        typer.Option("--totals", help='Only where votes are counted in clear: {"contest": {"choice": 12}}.'),
    ] = None,
    qr: Annotated[Path | None, typer.Option("--qr", help="Also draw its QR code: FILE.svg.", dir_okay=False)] = None,
    dead: Annotated[Codes, typer.Option("--dead", metavar="NAME", help="A device that died; repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Sign the station's closing statement: one text for the tape, the card and the transmission, all alike.

    It says station, election, checkpoint and ballots; e2ev reconcile reads it back, as a file or from its QR code.

    Example: e2ev board closing-statement hoy.board --out hoy.statement --qr hoy.svg
    """
    from e2ev.accountability.boards import close_in_words
    from e2ev.board.ledger import read_contents
    from e2ev.roles.merging import read_totals
    from e2ev.storage.disk import read_bounded, write_atomically, write_once
    from e2ev_cli.qr import qr_code, svg

    manifest = read_contents(board).manifest
    counted = read_totals(read_bounded(totals, 1 << 20), manifest, str(totals)) if totals else ()
    closing, text = close_in_words(board, counted, dead or ())
    drawn = qr_code(text, "a statement", "leave --qr out: print its text") if qr else None
    write_once(out, text.encode())
    if qr is not None and drawn is not None:
        write_atomically(qr, svg(drawn))
    if as_json:
        ui.out_json({"statement": str(out), "station": closing.station, "ballots": closing.ballots,
                     "entries": closing.size, "root": closing.root.hex(), "qr": str(qr) if qr else None})  # fmt: skip
        return
    ui.out(text.rstrip())
    ui.say("Print it for everybody who is in the room, and let officials and observers sign the paper.")
    if drawn is not None:
        ui.say(f"Its QR code has version {drawn.version}, {drawn.symbol_size(border=0)[0]} modules wide.")


@app.command()
def handover(
    home: Annotated[Path, typer.Option("--home", help="The folder of the device that goes on.", file_okay=False)],
    board: Annotated[Path, typer.Option("--board", help="The board on which both post.")],
    device: Annotated[str, typer.Option("--device", help="Name of the device that died, or its key in hex.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; everybody can read it on the board.")],
    cast: Annotated[Codes, typer.Option("--cast", metavar="CODE", help="A ballot whose voter cast it.")] = None,
    challenge: Annotated[Codes, typer.Option("--challenge", metavar="CODE", help="A ballot to be tested.")] = None,
    abandon: Annotated[Codes, typer.Option("--abandon", metavar="CODE", help="A ballot nobody decided about.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let a spare device go on where a dead one stopped. The dead one's chain ends, and its ballots stay.

    Example: e2ev board handover --home booth-2 --board hoy.board --device "booth 1" --reason "its disk broke"
    """
    from e2ev.roles import station
    from e2ev.roles.device import Device

    spare = Device(home)
    made: dict[bytes, Decision] = {}
    contents = spare.standing(board).contents
    for decision, codes in _decisions(cast, challenge, abandon):
        made |= {_posted(contents, code): decision for code in codes}
    body = station.take_over(spare, board, device, made, reason)
    if as_json:
        ui.out_json({"device": body.device.hex(), "ballots": body.ballots, "decided": len(made)})
        return
    ui.out(f"{device} ends after {body.ballots} ballots; {len(made)} that it left open are decided")
    ui.say("Keep the dead device sealed. It posts no more: what it still tried would be a finding.")


def _decisions(cast: Codes, challenge: Codes, abandon: Codes) -> "Sequence[tuple[Decision, list[str]]]":
    return ("cast", cast or []), ("challenged", challenge or []), ("abandoned", abandon or [])


def _posted(contents: "Contents", text: str) -> bytes:
    """Return the confirmation code whose whole tracking code this is."""
    from e2ev.codes import parse_tracking_code
    from e2ev.errors import DataError

    wanted = parse_tracking_code(text)
    found = [code for code in contents.ballots if code.startswith(wanted)]
    if len(found) != 1:
        raise DataError(f"no ballot on the board has the code {text}", remedy="compare it with the voter's")
    return found[0]


# At the national board


@app.command()
def log_station(
    checkpoint: Annotated[Path, typer.Argument(help="The station's final checkpoint.", show_default=False)],
    board: National,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Put a station's final checkpoint on the national board, before its card is there. Nothing can change after that.

    Example: e2ev board log-station hoy.checkpoint --board council.board
    """
    from e2ev.board.note import MAX_NOTE_BYTES
    from e2ev.roles import merging
    from e2ev.storage.disk import read_bounded

    administrator = _administrator(board)
    body = merging.log_checkpoint(administrator, read_bounded(checkpoint, MAX_NOTE_BYTES), _secret(passphrase_file))
    contents = administrator.contents()
    place, own = contents.place(body.unit), body.size - contents.begun.size
    if as_json:
        ui.out_json({"station": place, "entries": own, "size": body.size, "root": body.root.hex()})
        return
    ui.out(f"{place} has closed over {own} entries of its own")
    ui.say(f"next:    e2ev board merge-station {board} STATION.board, when its card is there")


@app.command()
def merge_station(
    national: Annotated[Path, typer.Argument(help="The national board.", show_default=False)],
    board: StationBoard,
    as_json: AsJson = False,
) -> None:
    """Take a station's entries in, if they are just those that its final checkpoint covers.

    Example: e2ev board merge-station council.board /media/card/hoy.board
    """
    from e2ev.errors import ConflictError
    from e2ev.roles import merging

    merged = merging.merge(national, board)
    if as_json:
        ui.out_json({"station": merged.place, "taken": merged.taken, "known": merged.known,
                     "ballots": merged.ballots, "late": merged.late})  # fmt: skip
    else:
        ui.out(f"{merged.place}: {merged.taken} entries taken in, {merged.known} were known; {merged.ballots} ballots")
    if merged.late:
        found = f"{merged.late} entries came after the final checkpoint of {merged.place}: left out (P.3)"
        raise ConflictError(found, where=str(board), remedy="keep the card, and ask the station who used its devices")


@app.command()
def paper_count(
    station: Annotated[str, typer.Option("--station", help="Label of the polling place.")],
    ballots: Annotated[int, typer.Option("--ballots", min=0, help="How many ballots were counted on paper.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; everybody can read it on the board.")],
    board: National,
    totals: Annotated[Path | None, typer.Option("--totals", help='JSON: {"contest": {"choice": 12}}.')] = None,
    sheet: Annotated[Path | None, typer.Option("--sheet", help="The scanned result sheet; its hash is posted.")] = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """State that a place counted on paper. It is shown apart, and is never added to what is decrypted.

    Example: e2ev board paper-count --station Hoy --ballots 61 --reason "no power" --sheet hoy.pdf --board council.board
    """
    import hashlib

    from e2ev.record.stations import PaperCountBody
    from e2ev.roles import merging
    from e2ev.storage.disk import read_bounded

    administrator = _administrator(board)
    manifest = administrator.contents().manifest
    stated = merging.read_totals(read_bounded(totals, 1 << 20), manifest, str(totals)) if totals else ()
    digest = hashlib.sha256(read_bounded(sheet, 1 << 28)).digest() if sheet else None
    unit = manifest.unit_by_label(station).index
    body = PaperCountBody(1, unit, ballots, 0, stated, digest, reason)
    on_board = merging.count_on_paper(administrator, body, _secret(passphrase_file))
    if as_json:
        ui.out_json({"station": station, "paper": ballots, "on_board": on_board,
                     "sheet": digest.hex() if digest else None})  # fmt: skip
        return
    ui.out(f"PAPER COUNT of {station}: {ballots} ballots on paper, {on_board} others on the board")


# At the door


@app.command("print")
def print_codes(
    board: Annotated[Path, typer.Argument(help="The board file.", show_default=False)],
    station: Annotated[str, typer.Option("--station", help="Label of the polling place.")],
    page: Annotated[Path | None, typer.Option("--html", help="Write a page to print.", dir_okay=False)] = None,
) -> None:
    """Print the codes of a polling place's ballots, for its door: in their own order, not that of voting.

    Example: e2ev board print council.board --station Hoy > hoy.txt
    """
    from e2ev.board.ledger import read_contents
    from e2ev.codes import spoken
    from e2ev.roles.station import door_list, signed_checkpoint
    from e2ev.storage.disk import write_atomically
    from e2ev_cli.voter import ROOT_WORDS

    contents = read_contents(board)
    codes = door_list(contents, contents.manifest.unit_by_label(station).index)
    _, stated = signed_checkpoint(board, contents)
    title = f"{contents.manifest.label}: ballot codes of {station}"
    told = (
        f"Ballots on the board: {len(codes)}, in the order of their codes. Look for yours: compare every group.",
        "If it is here, the board has your ballot as the device made it. The code alone does not show how you voted.",
        "If it is not, tell the poll workers and the observers, and show your code; keep it.",
        f"The board has {stated.size} entries. Its root in words: {spoken(stated.root, ROOT_WORDS)}",
    )
    if page is not None:
        write_atomically(page, _page(title, told, codes).encode(), 0o644)
        ui.out(str(page))
        return
    for line in (title, "", *told, "", *codes):
        ui.out(ui.printable(line))


def _page(title: str, told: Sequence[str], codes: Sequence[str]) -> str:
    head = "".join(f"<p>{html.escape(line)}</p>\n" for line in told)
    rows = "".join(f"<li>{html.escape(code)}</li>\n" for code in codes)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>body {{ font: 11pt sans-serif; margin: 2em }} ul {{ font: 10pt monospace; list-style: none; padding: 0;
columns: 2 }} li {{ break-inside: avoid; padding: .15em 0 }}</style></head>
<body><h1>{html.escape(title)}</h1>
{head}<ul>
{rows}</ul></body></html>
"""


def _administrator(board: Path) -> "Administrator":
    from e2ev.roles.administrator import Administrator

    return Administrator(board)


def _secret(passphrase_file: Path | None) -> "Passphrase":
    return ui.passphrase(passphrase_file, "the administrator")
