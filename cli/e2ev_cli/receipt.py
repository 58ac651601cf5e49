"""`e2ev receipt`: make a receipt from a board, and check one with no board at hand."""

import shutil
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev.errors import PolicyError, RejectedError
from e2ev_cli import ui
from e2ev_cli.qr import qr_code, svg
from e2ev_cli.shards import read_policy
from e2ev_cli.voter import ROOT_WORDS

if TYPE_CHECKING:
    from segno import QRCode

    from e2ev.board.receipt import Vouched

app = typer.Typer(no_args_is_help=True, help="Show that a ballot is on the board, without the board.")

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_SMALLER = "leave --qr out, or keep fewer cosigners with --policy"


@app.command()
def make(
    board: Annotated[Path, typer.Argument(help="The board file.", show_default=False)],
    code: Annotated[str, typer.Argument(help="The ballot code, or an entry's leaf hash.")] = "",
    index: Annotated[int | None, typer.Option("--index", min=0, help="The entry's place, instead of a code.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where it is written; default: it is printed.")] = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="Choose cosigners by this policy file.")] = None,
    national: Annotated[
        Path | None, typer.Option("--national", help="The national board, where BOARD is a station's own.")
    ] = None,
    qr: Annotated[Path | None, typer.Option("--qr", help="Also draw it as a QR code, a file ending in .svg.")] = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="Also show the QR code here.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a receipt for one entry: a small file that anybody can check without the board.

    Of the checkpoints that cover the entry, the one with most cosigners is taken. With --national the receipt
    leads from a station's own board to the national one, once the station's final checkpoint is there.

    Example: e2ev receipt make council.board A3C5-HR4R-BV67-YR21-HAQG-SHDB-B1ZM-5GJQ-RD --out mine.tlog-proof
    """
    from e2ev.board.receipt import make_chained, make_receipt, named
    from e2ev.storage.disk import write_atomically

    if bool(code) == (index is not None):
        raise typer.BadParameter("give either a code or --index", param_hint="CODE")
    wanted = named(code) if index is None else lambda logged: bool(logged.index == index)
    trusted = read_policy(policy) if policy else None
    receipt = make_chained(board, national, wanted, trusted) if national else make_receipt(board, wanted, trusted)
    drawn = qr_code(receipt.decode(), "a receipt", _SMALLER) if qr or terminal else None
    if out is not None:
        write_atomically(out, receipt)
    if drawn is not None and qr is not None:
        write_atomically(qr, svg(drawn))
    if as_json:
        ui.out_json({"receipt": receipt.decode(), "bytes": len(receipt), "file": str(out) if out else None,
                     "qr": str(qr) if qr else None, "qr_version": drawn.version if drawn else None})  # fmt: skip
        return
    if out is None:
        ui.out(receipt.decode().removesuffix("\n"))
    else:
        ui.out(str(out))
    _tell(receipt, drawn, terminal=terminal)


def _tell(receipt: bytes, drawn: "QRCode | None", *, terminal: bool) -> None:
    width = drawn.symbol_size(border=4)[0] if drawn is not None else 0
    if drawn is not None and terminal and width > shutil.get_terminal_size().columns and ui.is_interactive():
        ui.say(f"The QR code is {width} columns wide, and this terminal is narrower: --qr FILE.svg")
    elif drawn is not None and terminal:
        picture = StringIO()
        drawn.terminal(out=picture, compact=True)
        ui.say(picture.getvalue())
    ui.say(f"A receipt of {len(receipt):,} bytes. It shows that this entry is on the board, and no vote.")
    if drawn is not None:
        width = drawn.symbol_size(border=0)[0]
        ui.say(f"Its QR code has version {drawn.version}, {width} x {width} modules, error correction {drawn.error}.")
    ui.say("It is checked against a policy that the voter has from elsewhere: e2ev receipt check FILE --policy POLICY")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The receipt, or the text of its QR code.", show_default=False)],
    policy: Annotated[Path, typer.Option("--policy", help="Whom you trust: the log and its cosigners.")],
    code: Annotated[str, typer.Option("--code", help="The ballot code that the receipt has to be for.")] = "",
    provisional_ok: Annotated[
        bool, typer.Option("--provisional-ok", help="Be content with the log's own signature.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a receipt, with no board at hand.

    Exit code: 0 the entry is on the board, 1 something is wrong, 7 too few cosigners
    saw the board, or the policy is that of another log.

    Example: e2ev receipt check mine.tlog-proof --policy council.policy
    """
    from e2ev.board.receipt import RECEIPT_LIMIT, check_receipt
    from e2ev.storage.disk import read_bounded

    vouched = check_receipt(read_bounded(file, RECEIPT_LIMIT), read_policy(policy), where=str(file))
    _compare(vouched, code, file)
    if as_json:
        ui.out_json(_json(vouched))
    else:
        _show(vouched)
    if vouched.provisional and not provisional_ok:
        raise typer.Exit(PolicyError.exit_code)


def _compare(vouched: "Vouched", code: str, file: Path) -> None:
    from e2ev.codes import CODE_BYTES, parse_tracking_code

    if code and (vouched.header.code or b"")[:CODE_BYTES] != parse_tracking_code(code):
        remedy = "compare the code with the printed one, or ask for the receipt of this code"
        raise RejectedError("the receipt is for another entry", where=str(file), remedy=remedy)


def _json(vouched: "Vouched") -> dict[str, object]:
    from e2ev.codes import spoken, tracking_code

    standing, header = vouched.standing, vouched.header
    return {
        "provisional": vouched.provisional,
        "quorum": standing.quorum,
        "code": tracking_code(header.code) if header.code else None,
        "entry": vouched.index,
        "leaf_hash": vouched.leaf_hash.hex(),
        "kind": header.kind,
        "election": header.election.hex(),
        "logs": list(vouched.origins),
        "checkpoint": {
            "entries": standing.checkpoint.size,
            "root": standing.checkpoint.root.hex(),
            "words": spoken(standing.checkpoint.root, ROOT_WORDS),
        },
        "cosigners": [{"name": ui.printable(name), "time": time} for name, time in standing.cosigned.items()],
    }


def _show(vouched: "Vouched") -> None:
    from e2ev.codes import spoken, tracking_code
    from e2ev.record.kinds import KINDS

    standing, header = vouched.standing, vouched.header
    if vouched.provisional:
        ui.out(ui.coloured("PROVISIONAL", "yellow") + ": the log signed it, and too few cosigners saw that board")
    else:
        ui.out(ui.coloured("ON THE BOARD", "green") + ": the log signed it, and independent cosigners saw that board")
    row = KINDS.get(header.kind)
    what = row.kind.name.lower().replace("_", " ") if row else f"kind {header.kind}"
    rows = [
        ("code", tracking_code(header.code) if header.code else "none: it is no ballot"),
        ("entry", f"{vouched.index} ({what}), leaf hash {vouched.leaf_hash.hex()}"),
        *(("on", f"{ui.printable(one.origin)} at {one.size} entries, whose final state stands on the log below")
          for one in vouched.stated[:-1]),
        ("log", ui.printable(standing.checkpoint.origin)),
        ("board", f"{standing.checkpoint.size} entries; root in words: {spoken(standing.checkpoint.root, ROOT_WORDS)}"),
    ]  # fmt: skip
    rows += [("cosigner", f"{ui.printable(name)}, {_day(time)}") for name, time in standing.cosigned.items()]
    ui.out(ui.table(rows))
    if vouched.provisional:
        ui.say("The board could still be shown otherwise to others. Ask for a new receipt once more")
        ui.say("cosigners have signed, or be content with the log's word: --provisional-ok.")
    elif header.code:
        ui.say("Compare the code with the one that you were given. That the ballot counts, the receipt does not say.")


def _day(time: int) -> str:
    """Return a cosigner's own clock as people read it."""
    try:
        return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC by its own clock"
    except (OverflowError, ValueError, OSError):
        return f"{time} s since 1970 by its own clock"
