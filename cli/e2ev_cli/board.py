"""`e2ev board`: what anybody does with a board as a file and a log, whatever election stands on it."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import collecting, ui
from e2ev_cli.recover import recover
from e2ev_cli.shards import read_policy

if TYPE_CHECKING:
    from e2ev.board.follow import Alarm, Position
    from e2ev.board.fork import Comparison
    from e2ev.board.note import NoteKey
    from e2ev.board.policy import Standing

app = typer.Typer(help="The board as a file and a log.", no_args_is_help=True)

Board = Annotated[Path, typer.Argument(help="The board file.", show_default=False)]
Key = Annotated[
    str | None, typer.Option("--key", metavar="VKEY", help="The log's key, from elsewhere: name+id+base64.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

ROOT_WORDS = 8
"""Words of a spoken root: 128 bits."""
_REJECTED, _INCOMPLETE, _UNMET, _FORK = 1, 4, 7, 8


class Target(StrEnum):
    """What a board can be exported to."""

    TILES = "tiles"


def key_of(vkey: str | None) -> "NoteKey | None":
    """Return the key that a person named, if one did."""
    from e2ev.board.note import parse_vkey

    return parse_vkey(vkey, where="--key") if vkey else None


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
            "election": found.election.hex(), "log": found.log or None, "station": found.station,
            "entries": found.size, "root": found.root.hex(), "bytes": found.end,
            "checkpoints": found.checkpoints, "signers": found.signers, "kinds": found.kinds,
            "behind_last_checkpoint": found.loose, "damage": found.damage,
        })  # fmt: skip
        return
    ui.out(f"election  {found.election.hex()}")
    ui.out(f"log       {ui.printable(found.log)}")
    if found.station:
        ui.out("          a polling station's own board: it begins as the national one does")
    ui.out(f"entries   {found.size} in {found.end} bytes, under {found.checkpoints} checkpoints")
    ui.out(f"root      {found.root.hex()}")
    ui.out(f"          {spoken(found.root, ROOT_WORDS)}")
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


@app.command()
def verify(
    board: Board,
    key: Key = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="Your policy file: logs and cosigners.")] = None,
    no_anchor: Annotated[bool, typer.Option("--no-anchor", help="Do without the log's key from elsewhere.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a board as a log: its frames, roots, checkpoints, signatures, bodies, authors' chains.

    Whether the election is right is another question: e2ev verify. Without the log's key from elsewhere, or
    a policy that names it, the board is consistent in itself at best: exit code 4. Exit code 7 if the policy's
    quorum has not cosigned its last checkpoint.

    Example: e2ev board verify council.board --key "$(cat council.vkey)"
    """
    from e2ev.board.cosigned import judge_last
    from e2ev.board.files import board_bytes
    from e2ev.board.follow import Alarm, begin, follow

    position, alarms, size = begin(board, key_of(key)), list[Alarm](), board_bytes(board)
    with ui.progress("reading the board (bytes)") as show:
        for step in follow(board, position):
            if isinstance(step, Alarm):
                alarms.append(step)
                break
            alarms += step.alarms
            position = step.position
            show(position.end, size)
    if position.end < size and not any(alarm.entry is None or alarm.check == "B.1" for alarm in alarms):
        alarms.append(Alarm("B.1", f"{size - position.end} bytes stand behind the last checkpoint"))
    named = key is not None or policy is not None
    standing = judge_last(board, read_policy(policy)) if policy and not alarms else None
    _show_verified(position, alarms, standing, named=named, as_json=as_json)
    unmet = standing is not None and not standing.quorum
    raise typer.Exit(_REJECTED if alarms else _UNMET if unmet else 0 if named or no_anchor else _INCOMPLETE)


def _show_verified(
    position: "Position", alarms: "list[Alarm]", standing: "Standing | None", *, named: bool, as_json: bool
) -> None:
    from e2ev.codes import spoken

    root, vkey = position.tree.root(), position.key.vkey() if position.key else ""
    if as_json:
        ui.out_json({
            "consistent": not alarms, "identity_checked": named, "entries": position.tree.size, "root": root.hex(),
            "log": vkey, "findings": [_alarm_json(alarm) for alarm in alarms],
            "quorum": standing.quorum if standing else None, "cosigners": list(standing.cosigned) if standing else None,
        })  # fmt: skip
        return
    words = "THE LOG IS BROKEN" if alarms else "THE LOG HOLDS" if named else "CONSISTENT IN ITSELF"
    ui.out(ui.coloured(words, "red" if alarms else "green") + f": {position.tree.size} entries under its checkpoints")
    ui.out(f"root  {root.hex()}\n      {spoken(root, ROOT_WORDS)}")
    ui.out(f"log   {ui.printable(vkey) or 'unknown'}")
    if standing is not None:
        names = ", ".join(map(ui.printable, standing.cosigned)) or "nobody"
        ui.out(f"seen  by {names}: {'a quorum' if standing.quorum else 'no quorum'} of your policy")
    for alarm in alarms[:20]:
        ui.out("  " + said(alarm))
    if len(alarms) > 20:
        ui.out(f"  and {len(alarms) - 20} more")
    if not named and not alarms:
        ui.say(
            "The log's key is the one that the board names itself. Compare it with what was published, or give --key."
        )


def said(alarm: "Alarm") -> str:
    """Return an alarm as a line."""
    where = f"entry {alarm.entry}: " if alarm.entry is not None else ""
    return ui.printable(f"{alarm.check:8}{where}{alarm.found}{f' [{alarm.culprit}]' if alarm.culprit else ''}")


def _alarm_json(alarm: "Alarm") -> dict[str, object]:
    return {"check": alarm.check, "found": alarm.found, "entry": alarm.entry, "culprit": alarm.culprit or None}


@app.command()
def checkpoint(board: Board, key: Key = None, as_json: AsJson = False) -> None:
    """Print the last checkpoint, with the lines of its cosigners: a text of a few lines that fixes the whole board.

    Example: e2ev board checkpoint council.board > council.checkpoint
    """
    from e2ev.board.signed import last_signed
    from e2ev.codes import spoken

    found = last_signed(board, key_of(key))
    if as_json:
        stated = found.checkpoint
        ui.out_json({
            "entries": stated.size, "root": stated.root.hex(), "words": spoken(stated.root, ROOT_WORDS),
            "log": found.key.vkey(), "note": found.cosigned.decode(), "behind_last_checkpoint": found.loose,
        })  # fmt: skip
        return
    typer.echo(found.cosigned.decode(), nl=False)
    ui.say(f"in words: {spoken(found.checkpoint.root, ROOT_WORDS)}")


@app.command()
def append(
    board: Board,
    messages: Annotated[list[Path], typer.Argument(help="Message files, or folders.", exists=True, show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Post message files, by whoever keeps the board's log: what e2ev election collect does, and joins no keys.

    Nothing is moved or deleted: what was posted before is known again. Exit code 1 if something was refused;
    what is right is posted all the same.

    Example: e2ev board append council.board outbox/hall-0001.e2ev
    """
    from e2ev.roles.administrator import Administrator

    done = Administrator(board).collect(messages)
    if as_json:
        ui.out_json({"messages": collecting.listed(done)})
    else:
        collecting.tell(done)
    raise typer.Exit(collecting.exit_code(done))


@app.command()
def export(
    board: Board,
    folder: Annotated[Path, typer.Argument(help="New or empty, or an earlier export.", show_default=False)],
    to: Annotated[Target, typer.Option("--to", help="What to write.")] = Target.TILES,
    as_json: AsJson = False,
) -> None:
    """Write the board as static files for any web server: checkpoint, tiles (C2SP tlog-tiles), entries, bodies.

    The same board always gives the same files. Run again, it brings the folder up to date.

    Example: e2ev board export council.board --to tiles public
    """
    from e2ev.board.static import export as write

    with ui.progress("writing entries") as show:
        done = write(board, folder, show)
    if as_json:
        ui.out_json({"folder": str(folder), "to": to.value, "entries": done.size, "root": done.root.hex(),
                     "behind_last_checkpoint": done.loose})  # fmt: skip
        return
    ui.out(f"{done.size:,} entries in {folder}; root {done.root.hex()}")
    if done.loose:
        ui.say(f"{done.loose} entries behind the last checkpoint were left out: they were promised to nobody")


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="A folder of static files.", exists=True, show_default=False)],
    board: Annotated[Path, typer.Argument(help="The board file to make.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Make the board file again from its static files, byte for byte; every hash is computed anew.

    Example: e2ev board import public council.board
    """
    from e2ev.board.static import restore

    with ui.progress("reading entries") as show:
        done = restore(folder, board, show)
    if as_json:
        ui.out_json({"board": str(board), "entries": done.size, "root": done.root.hex()})
        return
    ui.out(f"{done.size:,} entries in {board}; root {done.root.hex()}")
    ui.say(f"Is this the log that you mean? e2ev board verify {board} --key VKEY")


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(help="A board file.", show_default=False)],
    second: Annotated[Path, typer.Argument(help="Another copy of it.", show_default=False)],
    key: Key = None,
    evidence: Annotated[Path | None, typer.Option("--evidence", help="File for the evidence of a fork.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say how two copies of a board stand to each other: identical, one the beginning of the other, or a fork.

    A fork means that the log signed two histories. The evidence is a small text that proves it to anyone.
    Exit code: 0 identical or beginning, 8 fork.

    Example: e2ev board diff mine.board theirs.board
    """
    from e2ev.board.fork import compare
    from e2ev.storage.disk import write_once

    found = compare(first, second, key_of(key))
    path = evidence or Path(
        f"fork-{found.first.checkpoint.root.hex()[:8]}-{found.second.checkpoint.root.hex()[:8]}.evidence"
    )
    if found.evidence is not None:
        write_once(path, found.evidence.to_bytes())
    _show_difference(found, (first, second), path if found.evidence else None, as_json=as_json)
    raise typer.Exit(_FORK if found.evidence else 0)


def _show_difference(found: "Comparison", names: tuple[Path, Path], path: Path | None, *, as_json: bool) -> None:
    sizes = [board.checkpoint.size for board in (found.first, found.second)]
    if as_json:
        ui.out_json({
            "relation": found.relation.name.lower(), "common": found.common, "sizes": sizes,
            "roots": [board.checkpoint.root.hex() for board in (found.first, found.second)],
            "log": found.first.key.vkey(), "evidence": str(path) if path else None,
        })  # fmt: skip
        return
    if path is None:
        ui.out(ui.coloured(found.relation.value.upper(), "green"))
    else:
        ui.out(ui.coloured(f"FORK at entry {found.common}", "red") + ": the log signed two histories")
    for name, board in zip(names, (found.first, found.second), strict=True):
        ui.out(f"  {name}: {board.checkpoint.size} entries, root {board.checkpoint.root.hex()}")
    if path is not None:
        ui.out(f"evidence  {path}")
        ui.say(f"Give the evidence to everybody. Anyone checks it with: e2ev board check-evidence {path}")


@app.command("check-evidence")
def check_evidence(
    evidence: Annotated[Path, typer.Argument(help="The evidence of a fork.", show_default=False)],
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Check evidence that a log signed two histories; no board is needed. Exit code 0 if it proves that, 1 if not.

    Example: e2ev board check-evidence fork-3fa1c022-b07e55d1.evidence
    """
    from e2ev.board.fork import MAX_EVIDENCE, read_evidence
    from e2ev.board.fork import check_evidence as check
    from e2ev.storage.disk import read_bounded

    held = read_evidence(read_bounded(evidence, MAX_EVIDENCE), where=str(evidence))
    first, second = check(held, key_of(key) or held.key, where=str(evidence))
    if as_json:
        ui.out_json({
            "proved": True, "log": held.key.vkey(), "key_given": key is not None,
            "statements": [{"entries": one.size, "root": one.root.hex()} for one in (first, second)],
        })  # fmt: skip
        return
    ui.out(ui.coloured("PROVED", "red") + ": this log signed two statements that cannot both stand")
    for one in (first, second):
        ui.out(f"  {one.size} entries, root {one.root.hex()}")
    ui.out(f"log  {ui.printable(held.key.vkey())}")
    if key is None:
        ui.say("The key is the one that the evidence names. Compare it with what was published, or give --key.")
