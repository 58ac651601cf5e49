"""`e2ev election tally` and `result`: the administrator's part in decryption."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev.errors import ConflictError, NotReadyError
from e2ev_cli import ui

if TYPE_CHECKING:
    from e2ev.board.contents import Contents
    from e2ev.roles.status import ContestCount
    from e2ev.sharing import TrusteeId

Board = Annotated[Path, typer.Option("--board", help="The board file.")]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File with your passphrase, mode 600; default: you are asked.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Processes that check the record.")]
Inbox = Annotated[
    list[Path] | None,
    typer.Option("--inbox", metavar="DIR", exists=True, help="Folder in which the trustees' files arrived."),
]
CORES = os.cpu_count() or 1
SHOWN = 20
"""Lines of cells or ballots that a person is shown."""


def tally(
    board: Board,
    quorum: Annotated[str, typer.Option("--quorum", help="Numbers of the trustees who take part: 1,3,5.")],
    again: Annotated[
        bool, typer.Option("--new-attempt", help="Give up the attempt that is under way; its commitments are lost.")
    ] = False,
    jobs: Jobs = CORES,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Check the record, exclude ballots that fail, and decide what is decrypted and by whom.

    Example: e2ev election tally --board council.board --quorum 1,3
    """
    from e2ev.roles import tallying
    from e2ev.roles.administrator import Administrator
    from e2ev.verify.run import Options

    members = _members(quorum)
    administrator = Administrator(board)
    if again or not _is_under_way(administrator.contents(), members):
        secret = ui.passphrase(passphrase_file, "the administrator")
        with ui.progress("checking the record") as progress:
            tallying.decide(administrator, members, secret, replace(Options(jobs=jobs), progress=progress))
    else:
        ui.say("This was decided already; nothing was changed.")
    _show_decided(administrator.contents(), board, as_json)


def _members(text: str) -> "list[TrusteeId]":
    from e2ev.sharing import TrusteeId

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
        raise typer.BadParameter("write the numbers of trustees, such as 1,3,5", param_hint="--quorum")
    return sorted(TrusteeId(int(part)) for part in parts)


def _is_under_way(contents: "Contents", members: "list[TrusteeId]") -> bool:
    """Return whether just this is decided and not answered.

    Raises:
        NotReadyError: An attempt is answered, and its result not published.
        ConflictError: An attempt with another quorum is under way.
    """
    if not contents.attempts:
        return False
    attempt = contents.latest_attempt()
    if len(attempt.responses) == len(attempt.tally.body.form.quorum):
        if attempt.tally.body.form.cells and attempt.result is None:
            raise NotReadyError(
                f"attempt {attempt.tally.body.form.attempt} is answered and not published",
                where=attempt.tally.where,
                remedy="e2ev election result; or --new-attempt, if it cannot be published",
            )
        return False
    if list(attempt.tally.body.form.quorum) == members:
        return True
    raise ConflictError(
        f"attempt {attempt.tally.body.form.attempt} is under way with another quorum",
        where=attempt.tally.where,
        remedy="wait for it, or say --new-attempt: then every trustee of the new quorum commits anew",
    )


def _show_decided(contents: "Contents", board: Path, as_json: bool) -> None:
    from e2ev.roles.advice import next_of

    body, manifest = contents.latest_attempt().tally.body.form, contents.manifest
    excluded = [
        (contents.station(contents.ballots[code].author), posted.body.form.check, posted.body.form.reason, code)
        for code, posted in contents.exclusions.items()
    ]
    cells = [
        (manifest.contest(c.contest).label, " + ".join(manifest.unit(u).label for u in c.units), c.ballots)
        for c in body.cells
    ]
    if as_json:
        ui.out_json({
            "attempt": body.attempt, "quorum": body.quorum,
            "cells": [{"contest": contest, "units": units, "ballots": count} for contest, units, count in cells],
            "open_by_nonce": len(body.open_by_nonce), "open_by_selection": len(body.open_by_selection),
            "excluded": [{"ballot": code.hex(), "station": station, "check": check, "reason": reason}
                         for station, check, reason, code in excluded],
        })  # fmt: skip
        return
    ui.out(f"attempt {body.attempt} at decryption, by {', '.join(contents.name_of(i) for i in body.quorum)}")
    _show_rows([(contest, units, many(count, "ballot")) for contest, units, count in cells], "cells")
    ui.out(f"   {many(len(body.open_by_nonce), 'test ballot')} to open, {len(body.open_by_selection)} to decrypt")
    if excluded:
        ui.out(f"excluded: {many(len(excluded), 'cast ballot')}")
        _show_rows([(station, f"fails check {check}", reason) for station, check, reason, _ in excluded], "ballots")
    ui.say("Give each of them a copy of the board; each of them runs, in this order:")
    ui.say("         e2ev trustee decrypt commit --home HOME --board BOARD")
    ui.say("         e2ev trustee decrypt answer --home HOME --board BOARD   (twice)")
    for line in next_of(contents).lines(board=board):
        ui.say(line)


def many(count: int, what: str) -> str:
    """Return "1 ballot" or "2 ballots"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _show_rows(rows: Sequence[Sequence[str]], what: str) -> None:
    for line in ui.table(rows[:SHOWN]).splitlines():
        ui.out(f"   {line}")
    if len(rows) > SHOWN:
        ui.out(f"   and {len(rows) - SHOWN} more {what}")


def result(board: Board, inbox: Inbox = None, passphrase_file: PassphraseFile = None, as_json: AsJson = False) -> None:
    """Publish what the quorum has decrypted, and show it; run again, it shows what stands on the board.

    Example: e2ev election result --board council.board --inbox /media/stick
    """
    from e2ev.roles import tallying
    from e2ev.roles.administrator import Administrator
    from e2ev.roles.status import counts, is_published

    administrator = Administrator(board)
    contents = administrator.contents()
    contents.latest_attempt()
    if not is_published(contents):
        secret = ui.passphrase(passphrase_file, "the administrator")
        tallying.publish(administrator, inbox or [], secret)
        contents = administrator.contents()
    if as_json:
        ui.out_json(_as_json(contents, counts(contents)))
        return
    for contest in counts(contents):
        _show_contest(contest)
    _show_paper(contents)
    _show_ballots(contents, board)


def _as_json(contents: "Contents", found: "Sequence[ContestCount]") -> dict[str, object]:
    from e2ev.roles.status import paper_counts, tried_ballots, waiting_ballots

    closed, tried = waiting_ballots(contents), tried_ballots(contents)
    return {
        "contests": [
            {
                "contest": contest.label,
                "ballots": contest.total.ballots,
                "totals": dict(zip(contest.options, contest.total.counts, strict=True)),
                "cells": [
                    {
                        "units": c.units,
                        "ballots": c.ballots,
                        "counts": dict(zip(contest.options, c.counts, strict=True)),
                    }
                    for c in contest.cells
                ],
            }
            for contest in found
        ],
        "paper": [
            {
                "place": one.place,
                "ballots": one.ballots,
                "on_board": one.on_board,
                "reason": one.reason,
                "totals": {contest: dict(held) for contest, held in one.totals},
                "sheet": one.sheet.hex() if one.sheet else None,
            }
            for one in paper_counts(contents)
        ],
        "opened": [code.hex() for code in contents.opened_ballots],
        "decrypted": [code.hex() for code in contents.decrypted_ballots],
        "nonce_does_not_open": [code.hex() for code in closed if code in tried],
        "waiting": [code.hex() for code in closed if code not in tried],
    }


def _show_contest(contest: "ContestCount") -> None:
    """Print the table of a contest: cells beside each other, or below each other where they are more than options."""
    columns = [(" + ".join(cell.units), cell) for cell in contest.cells]
    columns += [("all", contest.total)] if len(columns) > 1 else []
    heads = ["", *(name for name, _ in columns)]
    rows = [[option, *(str(cell.counts[n]) for _, cell in columns)] for n, option in enumerate(contest.options)]
    rows.append(["ballots", *(str(cell.ballots) for _, cell in columns)])
    if len(columns) > len(contest.options) + 1:
        heads, *rows = [list(line) for line in zip(heads, *rows, strict=True)]
    ui.out(ui.coloured(contest.label, "bold"))
    ui.out(ui.table(rows, heads))
    ui.out()


def _show_paper(contents: "Contents") -> None:
    """Print what was counted on paper, apart from everything that was decrypted."""
    from e2ev.roles.status import paper_counts

    for one in paper_counts(contents):
        ui.out(ui.coloured(f"PAPER COUNT of {one.place}, in no count above", "bold"))
        rows = [("ballots", str(one.ballots)), ("others on the board", str(one.on_board)), ("why", one.reason)]
        rows += [(f"{contest}, {option}", str(count)) for contest, held in one.totals for option, count in held]
        rows.append(("sheet", f"SHA-256 {one.sheet.hex()}" if one.sheet else "none published"))
        ui.out(ui.table([(head, ui.printable(said)) for head, said in rows]))
        ui.out()


def _show_ballots(contents: "Contents", board: Path) -> None:
    from e2ev.codes import tracking_code
    from e2ev.roles.advice import next_of
    from e2ev.roles.status import tried_ballots, waiting_ballots

    closed, tried = waiting_ballots(contents), tried_ballots(contents)
    lying = [code for code in closed if code in tried]
    rows = [(tracking_code(code), "opened by its nonce") for code in contents.opened_ballots]
    rows += [(tracking_code(code), "decrypted") for code in contents.decrypted_ballots]
    rows += [(tracking_code(code), "its nonce does not open it: the device lied or is broken") for code in lying]
    rows += [(tracking_code(code), "waits for the next tally") for code in closed if code not in tried]
    if rows:
        ui.out(many(len(rows), "test ballot"))
        _show_rows(rows, "test ballots")
    if lying:
        members = ",".join(str(i) for i in contents.latest_attempt().tally.body.form.quorum)
        ui.say("What its nonce does not open, a quorum decrypts:")
        ui.say(f"         e2ev election tally --board {board} --quorum {members}")
        return
    for line in next_of(contents).lines(board=board):
        ui.say(line)
