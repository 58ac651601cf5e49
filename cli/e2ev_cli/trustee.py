"""`e2ev trustee`: what a key holder does, on a machine of its own. Messages are files in HOME/outbox."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev.errors import DataError, NotReadyError
from e2ev_cli import ui
from e2ev_cli.tallying import many

if TYPE_CHECKING:
    from e2ev.roles.decryption import Plan
    from e2ev.roles.trustee import Standing, Trustee
    from e2ev.sharing import TrusteeId
    from e2ev.verify.run import Options

app = typer.Typer(no_args_is_help=True, help="Be a trustee (key holder): keys, shares, backup, rehearsal, decryption.")
decrypt = typer.Typer(no_args_is_help=True, help="Decrypt with the others: commit first, then answer.")
app.add_typer(decrypt, name="decrypt")

Home = Annotated[Path, typer.Option("--home", help="Your folder: key file, journal, outbox.", file_okay=False)]
Board = Annotated[Path, typer.Option("--board", help="Your copy of the board file.")]
Inbox = Annotated[
    list[Path],
    typer.Option(
        "--inbox", metavar="DIR", exists=True, help="Folder in which files of the others arrived; may be repeated."
    ),
]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File with your passphrase, mode 600; default: you are asked.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Processes that check the record.")]

HAND_IN = "Hand it to the administrator, who posts it: e2ev election collect FOLDER --board BOARD"
CORES = os.cpu_count() or 1
TRIES = 3
SHOWN_CELLS = 20
_HEARD = re.compile(r"\s*(\d{1,4})\s*:\s*(.+)")


@app.command()
def init(
    home: Home,
    name: Annotated[str, typer.Option("--name", help="Your name, as everybody will see it.")],
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Make your signing key and your card, which the administrator needs to found the election.

    Example: e2ev trustee init --name "Aigul Asanova" --home aigul
    """
    from e2ev.roles.card import fingerprint
    from e2ev.roles.trustee import Trustee

    trustee = Trustee(home)
    card = trustee.init(name, ui.passphrase(passphrase_file, name, new=not trustee.key_path.exists()))
    words = fingerprint(card.author)
    if as_json:
        ui.out_json({"name": card.name, "card": str(home / "trustee.card"), "words": words})
        return
    ui.out(str(home / "trustee.card"))
    ui.say("Hand this card to the administrator. When you are asked who you are, read these words aloud:")
    ui.say(f"   {words}")
    ui.say(f"The folder {home} is yours alone: nobody else needs anything in it but cards and the outbox.")


@app.command()
def keygen(
    home: Home,
    board: Board,
    again: Annotated[
        bool, typer.Option("--again", help="Give up the share that you accepted in an attempt that is void.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Make your secrets of this election, and the message of round 1.

    Example: e2ev trustee keygen --home aigul --board council.board
    """
    trustee, standing = _seated(home, board)
    _written([trustee.keygen(board, ui.passphrase(passphrase_file, _me(standing)), again=again)], HAND_IN, as_json)


@app.command()
def share(home: Home, board: Board, passphrase_file: PassphraseFile = None, as_json: AsJson = False) -> None:
    """Seal a share to each other trustee, once the keys of all are on the board.

    Example: e2ev trustee share --home aigul --board council.board
    """
    trustee, standing = _seated(home, board)
    _ = standing.keys
    written = trustee.share(board, ui.passphrase(passphrase_file, _me(standing)))
    told = HAND_IN.replace("it to", "the first file to", 1)
    if len(written) > 1:
        told += "\nHand each share to the trustee whom its name ends with; sealed, they may lie in a common folder."
    _written(written, told, as_json)


@app.command()
def accept(
    home: Home,
    board: Board,
    inbox: Inbox,
    heard: Annotated[
        Path | None,
        typer.Option("--heard", help="File with the words that were heard, lines '2: word word ...'; for rehearsals."),
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Compare what each trustee reads aloud, check everything of the ceremony, and accept the keys.

    Read your own words aloud; type those of the others as you hear them. So all see that they have one board.

    Example: e2ev trustee accept --home aigul --board council.board --inbox /media/stick
    """
    trustee, standing = _seated(home, board)
    _ = standing.keys
    ui.say(f"You are {_me(standing)}. Read these words aloud, and nobody else's:")
    ui.say(f"   {trustee.fingerprints(board)[standing.trustee]}")
    words = _words_in(heard) if heard is not None else _ask_words(standing)
    path = trustee.accept(board, inbox, words, ui.passphrase(passphrase_file, _me(standing)))
    _written([path], HAND_IN, as_json)


def _ask_words(standing: "Standing") -> "dict[TrusteeId, str]":
    """Return the words that a person types for each other trustee; a slip may be typed again."""
    from e2ev.roles.card import is_heard

    words = {}
    for trustee in standing.contents.election.everyone():
        if trustee == standing.trustee:
            continue
        name = standing.contents.name_of(trustee)
        for _ in range(TRIES):
            words[trustee] = ui.ask(f"words of {name}")
            if is_heard(words[trustee], standing.contents.ceremony.keys[trustee].leaf_hash):
                break
            ui.say(f"These are not the words of {name} on your board; let them be read again.")
    return words


def _words_in(path: Path) -> "dict[TrusteeId, str]":
    """Return the words in a file of lines '2: word word ...'."""
    from e2ev.sharing import TrusteeId
    from e2ev.storage.disk import read_bounded

    words = {}
    try:
        lines = read_bounded(path, 1 << 16).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError("the file is not UTF-8", where=str(path), remedy="save it as UTF-8 text") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _HEARD.fullmatch(line)
        if found is None or TrusteeId(int(found[1])) in words:
            raise DataError("is no line of heard words, or names a trustee again", where=f"{path}, line {number}",
                            remedy="write one line a trustee, such as '2: bikod lusab ...'")  # fmt: skip
        words[TrusteeId(int(found[1]))] = found[2]
    return words


@app.command()
def complain(
    home: Home,
    board: Board,
    inbox: Inbox,
    missing: Annotated[
        int | None, typer.Option("--missing", min=1, help="Number of the trustee whose share never came.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Say whose keys or share are wrong, with the evidence; this voids the attempt, and all begin again.

    Example: e2ev trustee complain --home aigul --board council.board --inbox /media/stick
    """
    from e2ev.sharing import TrusteeId

    trustee, standing = _seated(home, board)
    number = TrusteeId(missing) if missing is not None else None
    path, body = trustee.complain(board, inbox, ui.passphrase(passphrase_file, _me(standing)), number)
    accused = standing.contents.name_of(body.accused)
    ui.say(f"The complaint is about {accused}: {body.text}.")
    shown = (
        "Anybody can check the evidence in it." if body.evidence else "No evidence can show this; talk to each other."
    )
    ui.say(f"{shown} Once it is posted, this attempt is void and every trustee runs e2ev trustee keygen again.")
    more = {"accused": accused, "reason": body.reason, "text": body.text}
    _written([path], HAND_IN, as_json, more)


@app.command()
def backup(
    home: Home,
    board: Board,
    out: Annotated[Path, typer.Option("--out", help="The second key file, on another medium.", dir_okay=False)],
    page: Annotated[
        Path | None, typer.Option("--print", help="A text page to print and to type in again.", dir_okay=False)
    ] = None,
    passphrase_file: PassphraseFile = None,
    backup_passphrase_file: Annotated[
        Path | None, typer.Option("--backup-passphrase-file", help="File with the backup's own passphrase, mode 600.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a second key file, which can rehearse and decrypt; and, if asked for, a page to print.

    Example: e2ev trustee backup --home aigul --board council.board --out /media/stick/aigul.backup --print aigul.txt
    """
    from e2ev.roles.backup import page as page_of
    from e2ev.storage.disk import PRIVATE, write_once

    trustee, standing = _seated(home, board)
    own = ui.passphrase(passphrase_file, _me(standing))
    other = ui.passphrase(backup_passphrase_file, f"the backup of {_me(standing)}", new=not out.exists())
    text = trustee.backup(out, own, other)
    written = [out]
    if page is not None:
        write_once(page, page_of(text, standing.contents.manifest.label).encode(), PRIVATE)
        written.append(page)
        ui.say("Print the page, put it into an envelope, and delete the file.")
    if home.resolve() in out.resolve().parents:
        ui.say("The backup lies in the folder that it is a backup of: move it to another medium.")
    told = f"Try it out: e2ev trustee rehearse --home {home} --board {board} --backup {out}"
    _written(written, told, as_json)


@app.command()
def restore(
    home: Home,
    source: Annotated[Path, typer.Option("--from", help="The backup key file, or a page that was typed in.")],
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Put a backup in place of a lost folder. Its passphrase stays the one of the backup.

    Example: e2ev trustee restore --from /media/stick/aigul.backup --home aigul-again
    """
    from e2ev.roles.backup import restore as put_back
    from e2ev.roles.trustee import Trustee

    card = put_back(Trustee(home), source, ui.passphrase(passphrase_file, "the backup"))
    told = f"{card.name} is back. If a decryption was under way, ask for a new attempt: its commitments are lost."
    _written([home / "trustee.key"], told, as_json)


@app.command()
def rehearse(
    home: Home,
    board: Board,
    backup: Annotated[Path, typer.Option("--backup", help="The backup key file; the original is refused.")],
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Prove, from your backup, that you will be able to decrypt. Voting cannot be opened before all have done it.

    Example: e2ev trustee rehearse --home aigul --board council.board --backup /media/stick/aigul.backup
    """
    trustee, standing = _seated(home, board)
    path = trustee.rehearse(board, backup, ui.passphrase(passphrase_file, f"the backup of {_me(standing)}"))
    _written([path], HAND_IN, as_json)


@app.command()
def status(home: Home, board: Board, as_json: AsJson = False) -> None:
    """Show who has done what, what is missing, and your next command.

    Example: e2ev trustee status --home aigul --board council.board
    """
    from e2ev.roles.advice import Advice, next_for
    from e2ev.roles.messages import unposted
    from e2ev.roles.status import trustee_rows, voided

    trustee, standing = _seated(home, board)
    contents = standing.contents
    rows, waiting = trustee_rows(contents), unposted(trustee.outbox, standing.ledger)
    advice, words = next_for(contents, standing.trustee), trustee.fingerprints(board).get(standing.trustee, "")
    if waiting:
        advice = Advice("hand to the administrator: " + ", ".join(map(str, waiting)))
    if as_json:
        ui.out_json({
            "trustee": standing.trustee, "words": words, "voided": voided(contents),
            "trustees": [{"trustee": row.trustee, "name": row.name,
                          "steps": {step.name: step.mark.name.lower() for step in row.steps}} for row in rows],
            "outbox": [str(path) for path in waiting], "missing": advice.missing, "next": advice.what,
            "command": advice.command_at(home=home, board=board),
        })  # fmt: skip
        return
    for line in voided(contents):
        ui.out(line)
    heads = ("", *(step.name for step in rows[0].steps))
    ui.out(ui.table([(contents.name_of(r.trustee), *(step.mark.value for step in r.steps)) for r in rows], heads))
    ui.out()
    ui.out(f"you:     {_me(standing)}")
    if words:
        ui.out(f"words:   {words}")
    for line in advice.lines(home=home, board=board):
        ui.out(line)


@decrypt.command()
def commit(
    home: Home,
    board: Board,
    passphrase_file: PassphraseFile = None,
    jobs: Jobs = CORES,
    expect: Annotated[
        Path | None, typer.Option("--expect", help="Anchors file, from elsewhere, to hold the record against.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """See what is asked, check the whole record, and commit to your part of the decryption.

    Example: e2ev trustee decrypt commit --home aigul --board council.board --expect council.anchors.json
    """
    from e2ev.roles import decryption

    trustee, standing = _seated(home, board)
    plan = _show_plan(trustee, board)
    options = _options(jobs, expect)
    secret = ui.passphrase(passphrase_file, _me(standing))
    with ui.progress("checking the record") as progress:
        path = decryption.commit(trustee, board, secret, replace(options, progress=progress))
    ui.say("The record passes every check that can be made before decryption.")
    told = f"{HAND_IN}\nWhen the commitments of all are on the board: e2ev trustee decrypt answer"
    _written([path], told, as_json, {"attempt": plan.attempt})


@decrypt.command()
def answer(home: Home, board: Board, passphrase_file: PassphraseFile = None, as_json: AsJson = False) -> None:
    """Open your commitments once all have committed; respond once all have opened: run it twice.

    Example: e2ev trustee decrypt answer --home aigul --board council.board
    """
    from e2ev.roles import decryption

    trustee, standing = _seated(home, board)
    plan = _show_plan(trustee, board)
    written = decryption.answer(trustee, board, ui.passphrase(passphrase_file, _me(standing)))
    told = HAND_IN
    if written[0].name.startswith("32-"):
        told += "\nWhen the openings of all are on the board, run this command again."
    if len(written) > 1:
        told += "\nThe second file is for the administrator alone: it goes to e2ev election result, never to the board."
    _written(written, told, as_json, {"attempt": plan.attempt})


def _options(jobs: int, expect: Path | None) -> "Options":
    from e2ev.storage.disk import read_bounded
    from e2ev.verify.anchors import read_anchors
    from e2ev.verify.run import Options

    anchors = read_anchors(read_bounded(expect, 1 << 24), str(expect)) if expect is not None else None
    return Options(jobs=jobs, anchors=anchors)


def _show_plan(trustee: "Trustee", board: Path) -> "Plan":
    """Show what is asked, before any passphrase is."""
    from e2ev.roles.decryption import plan as plan_of

    plan = plan_of(trustee, board)
    ui.say(f"Attempt {plan.attempt} at decryption, by {', '.join(plan.quorum)}:")
    rows = [(contest, " + ".join(units), many(ballots, "ballot")) for contest, units, ballots in plan.cells]
    for line in ui.table(rows[:SHOWN_CELLS]).splitlines():
        ui.say(f"   {line}")
    if len(rows) > SHOWN_CELLS:
        ui.say(f"   and {len(rows) - SHOWN_CELLS} more cells")
    by_nonce, by_selection = plan.opened
    ui.say(f"   {many(len(rows), 'cell')}, {many(by_nonce, 'test ballot')} to open, {by_selection} to decrypt")
    ui.say(f"Counted from a board of {plan.size} entries, whose root is")
    ui.say(f"   {plan.root}")
    ui.say(f"   {plan.words}")
    ui.say("Compare these words with the other trustees before you go on.")
    return plan


def _seated(home: Path, board: Path) -> "tuple[Trustee, Standing]":
    """Return the trustee's machine and what it sees."""
    from e2ev.roles.trustee import Trustee

    trustee = Trustee(home)
    if not trustee.key_path.exists():
        raise NotReadyError("there is no trustee's key in this folder", where=str(home),
                            remedy="e2ev trustee init makes one, e2ev trustee restore puts a backup there")  # fmt: skip
    return trustee, trustee.look(board)


def _me(standing: "Standing") -> str:
    return standing.contents.name_of(standing.trustee)


def _written(files: Sequence[Path], told: str, as_json: bool, more: Mapping[str, object] | None = None) -> None:
    """Print the files that were written, and say what to do with them."""
    if as_json:
        ui.out_json({"files": [str(path) for path in files], **(more or {})})
    else:
        for path in files:
            ui.out(str(path))
    ui.say(told)
