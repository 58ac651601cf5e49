"""`e2ev ballot`: encrypt a ballot in dialogue or many from a file; then cast it, or test the device with it.

Choices are shown on the terminal alone, on a screen that is gone when the ballot is sealed, and are kept nowhere.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev.errors import ConflictError, DataError, NotReadyError
from e2ev_cli import ui

if TYPE_CHECKING:
    from e2ev.ballot import PlainBallot, PlainContest
    from e2ev.manifest import BallotStyle, Contest
    from e2ev.roles.choices import Decision
    from e2ev.roles.device import Device, Standing

app = typer.Typer(no_args_is_help=True, help="Make ballots on a voting device: encrypt, then cast or challenge.")

Home = Annotated[Path, typer.Option("--home", help="The device's own folder.", file_okay=False)]
Board = Annotated[Path, typer.Option("--board", help="The board file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

_OTHER_SCREEN, _FIRST_SCREEN, _CLEAR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[2J\x1b[H"
_CAST, _TEST, _LEAVE = ("cast", "c"), ("test", "t", "challenge"), ("leave", "quit", "q")


@app.command()
def encrypt(
    home: Home,
    board: Board,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", help="Many ballots: columns style, weight, decision, and one for each contest."),
    ] = None,
    style: Annotated[
        str, typer.Option("--style", help="Kind of ballot, by label; default: you are asked, or the first.")
    ] = "",
    weight: Annotated[int, typer.Option("--weight", min=1, help="Weight of the ballot.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Encrypt a ballot: choose, review, seal; then cast it, or test the device with it.

    A ballot that a power cut has left behind is settled first.
    With --csv, the same file again goes on where it stopped; no ballot is doubled.

    Example: e2ev ballot encrypt --home booth-1 --board council.board
    """
    from e2ev.roles.device import Device

    if csv is not None:
        _encrypt_file(Device(home), board, csv, style, weight, as_json)
    elif ui.is_interactive():
        _encrypt_one(Device(home), board, style, weight, as_json)
    else:
        raise typer.BadParameter("there is no terminal to choose on: use --csv FILE")


def _encrypt_one(device: "Device", board: Path, style: str, weight: int, as_json: bool) -> None:
    resolve(device, board)
    if device.pending is not None:
        ui.say("A ballot from before waits. Its voter decides, or the poll workers do; the next voter")
        ui.say("does not.")
        _decide(device, board, as_json)
    standing = _open_booth(device, board)
    try:
        plain = _fill_in(standing, style, weight, lambda index: device.prepare(board, index))
    except typer.Abort:
        ui.say("Interrupted: nothing was sealed.")
        raise typer.Exit(ui.INTERRUPTED) from None
    if plain is None:
        ui.say("Nothing was sealed. The screen is free for the next voter.")
        return
    ui.say("sealing the ballot ...")
    device.encrypt(board, plain)
    _decide(device, board, as_json)


@app.command()
def cast(
    home: Home,
    board: Board,
    code_file: Annotated[
        Path | None,
        typer.Option("--code-file", help="With a roll: the voter's private codes, one a line, mode 600; default: ask."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Cast the ballot that waits: it counts, and is never opened on its own.

    In an election with a roll the voter's private codes are asked for. Whoever holds them votes as that voter, and the
    device on which they are typed learns them.

    Example: e2ev ballot cast --home booth-1 --board council.board
    """
    _post(home, board, "cast", "", as_json, code_file)


@app.command()
def challenge(home: Home, board: Board, as_json: AsJson = False) -> None:
    """Make the ballot that waits a test of the device: it does not count, and the key holders will open it.

    Example: e2ev ballot challenge --home booth-1 --board council.board
    """
    _post(home, board, "challenged", "", as_json)


@app.command()
def abandon(
    home: Home,
    board: Board,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record: it is public.")],
    as_json: AsJson = False,
) -> None:
    """Give up the ballot that waits: it does not count and is never opened.

    Example: e2ev ballot abandon --home booth-1 --board council.board --reason "the voter left"
    """
    _post(home, board, "abandoned", reason, as_json)


def resolve(device: "Device", board: Path) -> None:
    """Settle what a power cut has left behind, and say so; a ballot whose code was shown goes on waiting."""
    before = device.pending
    waiting = device.resume(board)
    if before is None or waiting is not None:
        return
    if before.shown:
        ui.say("The ballot before is decided about; its decision is on the board.")
    else:
        ui.say("The ballot before was interrupted, and nobody saw its code. It is given up, in")
        ui.say("public, and does not count. Its voter may vote again.")


def _post(
    home: Path, board: Path, decision: "Decision", reason: str, as_json: bool, code_file: Path | None = None
) -> None:
    from e2ev.roles.device import Device

    device = Device(home)
    resolve(device, board)
    secrets = _private_codes(device, board, code_file) if decision == "cast" and device.pending is not None else []
    text = _told(device.decide(board, decision, reason, secrets), decision, board, as_json)
    if not as_json:
        ui.out(text)


def _private_codes(device: "Device", board: Path, code_file: Path | None = None) -> list[bytes]:
    """Return what stands behind the voter's private codes, from a file or the terminal; nothing without a roll."""
    from e2ev.credentials import parse_code
    from e2ev.roles.credential import has_roll
    from e2ev.storage.keyfile import read_private_lines

    contents = device.standing(board).contents
    if not has_roll(contents):
        if code_file is not None:
            raise ConflictError("this election has no roll, so no private codes", remedy="leave out --code-file")
        return []
    if code_file is not None:
        return [parse_code(line, where=str(code_file)) for line in read_private_lines(code_file)]
    count = contents.eligibility.roll.columns
    return [parse_code(ui.hidden(f"private code {i} of {count}")) for i in range(1, count + 1)]


def _told(code: bytes, decision: "Decision", board: Path, as_json: bool) -> str:
    """Say what the decision means, and return the tracking code."""
    from e2ev.codes import tracking_code

    text = tracking_code(code)
    if as_json:
        ui.out_json({"code": text, "confirmation_code": code.hex(), "decision": decision})
    elif decision == "cast":
        ui.say(f"Cast. The voter can see that it is there: e2ev track {board} {text}")
    elif decision == "challenged":
        ui.say("A test ballot now: it does not count, and the key holders will open it for all")
        ui.say(f"to see. Then compare: e2ev test-ballot check {board} {text}")
        ui.say("The voter may vote again.")
    else:
        ui.say("Given up: it does not count and is never opened. The voter may vote again.")
    return text


# One ballot, in dialogue


def _open_booth(device: "Device", board: Path) -> "Standing":
    standing = device.standing(board)
    if standing.contents.opened is None:
        raise NotReadyError("voting is not open yet", where=str(board), remedy="e2ev election open")
    if standing.contents.closed is not None or standing.admitted.closed or standing.admitted.replaced:
        raise ConflictError("voting is closed on this device", where=str(board), remedy="e2ev device status")
    return standing


@contextmanager
def _curtain() -> Iterator[None]:
    """Show what comes on a screen of its own, which leaves nothing behind on the terminal."""
    if os.environ.get("TERM", "dumb") == "dumb":
        yield
        return
    ui.say(_OTHER_SCREEN + _CLEAR)
    try:
        yield
    finally:
        ui.say(_FIRST_SCREEN)


def _fill_in(standing: "Standing", style: str, weight: int, prepare: Callable[[int], None]) -> "PlainBallot | None":
    """Return the ballot that the voter filled in and confirmed, or None if they left; prepared before it is shown."""
    from e2ev.ballot import PlainBallot
    from e2ev.roles.choices import check_place

    manifest = standing.contents.manifest
    unit = manifest.unit(standing.admitted.unit)
    chosen = _choose_style(standing, style)
    check_place(manifest, chosen, unit, weight)
    prepare(chosen.index)
    contests = [manifest.contest(index) for index in chosen.contests]
    with _curtain():
        ui.say(ui.coloured(manifest.name.best(()) or manifest.label, "bold", err=True))
        ui.say(f"{chosen.title()}, {unit.title()}" + (f"; counts {weight} times" if weight > 1 else ""))
        plain = [_ask_contest(contest) for contest in contests]
        while (answer := _review(contests, plain)) is not None:
            if answer < 0:
                return None
            plain[answer] = _ask_contest(contests[answer])
    return PlainBallot(chosen.index, unit.index, tuple(plain), weight)


def _choose_style(standing: "Standing", style: str) -> "BallotStyle":
    from e2ev.roles.choices import styles_at

    manifest = standing.contents.manifest
    known = styles_at(manifest, manifest.unit(standing.admitted.unit))
    if style:
        return manifest.style_by_label(style)
    if len(known) == 1:
        return known[0]
    ui.say("Kinds of ballot here:")
    ui.say(ui.table([(f"{i:>4}", held.title()) for i, held in enumerate(known, 1)]))
    while True:
        answer = ui.ask("Which one").strip()
        if answer.isdecimal() and 1 <= int(answer[:6]) <= len(known):
            return known[int(answer[:6]) - 1]
        ui.say(f"Type a number from 1 to {len(known)}.")


def _ask_contest(contest: "Contest") -> "PlainContest":
    """Return the voter's choices in one contest, within its limits."""
    from e2ev.roles.choices import marked, read_marks

    ui.say()
    ui.say(ui.coloured(contest.title(), "bold", err=True))
    if note := contest.notes.best(()):
        ui.say(note)
    ui.say(ui.table([(f"{option.index:>4}", _offer(contest, option.index)) for option in contest.options]))
    ui.say(_rule(contest))
    while True:
        try:
            values = read_marks(contest, _answer("Your choice"))
            return marked(contest, values, tuple(_ask_write_ins(contest)))
        except DataError as error:
            ui.say(f"  {error.found}")


def _offer(contest: "Contest", index: int) -> str:
    option = contest.option(index)
    note = option.notes.best(())
    limited = any(other.limit != option.limit for other in contest.options)
    return option.title() + (f" ({note})" if note else "") + (f", at most {option.limit}" if limited else "")


def _rule(contest: "Contest") -> str:
    """Return in one line what may be typed."""
    most = max(option.limit for option in contest.options)
    if most > 1:
        total = sum(option.limit for option in contest.options)
        bound = f", {contest.selection_limit} in all" if contest.selection_limit < total else ""
        return f"Give points, at most {most} to one{bound}: 1=2 3=1 gives two to 1 and one to 3. Enter alone for none."
    if contest.selection_limit == 1:
        return "Choose one: type its number. Enter alone for none."
    if contest.selection_limit >= len(contest.options):
        return "Choose as many as you like: type their numbers, like 1 3. Enter alone for none."
    return f"Choose up to {contest.selection_limit}: type their numbers, like 1 3. Enter alone for none."


def _ask_write_ins(contest: "Contest") -> Iterator[str]:
    import unicodedata

    for _ in range(contest.write_ins):
        name = unicodedata.normalize("NFC", _answer("Write in a name, or Enter alone for none").strip())
        if not name:
            return
        yield name


def _answer(question: str) -> str:
    """Return what a person typed, which may be nothing."""
    return str(typer.prompt(question, default="", show_default=False, err=True))


def _review(contests: "list[Contest]", plain: "list[PlainContest]") -> int | None:
    """Return which contest to fill in again, -1 to leave; None to seal the ballot as it is."""
    ui.say()
    ui.say(ui.coloured("Your ballot", "bold", err=True))
    for i, (contest, chosen) in enumerate(zip(contests, plain, strict=True), 1):
        ui.say(f"{i:>4}  {contest.title()}")
        for line in _lines(contest, chosen):
            ui.say(f"        {line}")
    ui.say("Nothing has been sealed yet.")
    while True:
        answer = _answer("Type seal, or a number to change that part, or leave").strip().lower()
        if answer == "seal":
            return None
        if answer in _LEAVE:
            return -1
        if answer.isdecimal() and 1 <= int(answer[:6]) <= len(contests):
            return int(answer[:6]) - 1


def _lines(contest: "Contest", chosen: "PlainContest") -> Iterator[str]:
    plural = max(option.limit for option in contest.options) > 1
    for option, value in zip(contest.options, chosen.selections, strict=True):
        if value:
            yield option.title() + (f": {value}" if plural else "")
    yield from (f"written in: {name}" for name in chosen.write_ins)
    total = sum(chosen.selections)
    if total == 0:
        yield "nothing chosen"
    elif total < contest.selection_limit < sum(option.limit for option in contest.options):
        yield f"({total} of {contest.selection_limit})"


def _decide(device: "Device", board: Path, as_json: bool) -> None:
    """Show the waiting ballot's code, ask what becomes of it, and post that."""
    from e2ev.codes import tracking_code

    pending = device.pending
    if pending is None:
        return
    ui.say()
    ui.say("The ballot is sealed and on the board. This is its code:")
    ui.say()
    (ui.say if as_json else ui.out)(tracking_code(pending.code))
    ui.say()
    ui.say("Keep the code. Now either cast this ballot, or test the device with it: a test")
    ui.say("ballot is opened for all to see and does not count; afterwards you vote again.")
    while True:
        try:
            answer = _answer("Type cast or test").strip().lower()
        except typer.Abort:
            ui.say()
            ui.say("The ballot waits. Go on with: e2ev ballot cast, challenge or abandon")
            raise typer.Exit(ui.INTERRUPTED) from None
        if answer in _CAST + _TEST:
            decision: Decision = "cast" if answer in _CAST else "challenged"
            secrets = _private_codes(device, board) if decision == "cast" else []
            _told(device.decide(board, decision, "", secrets), decision, board, as_json)
            return


# Many ballots, from a file


def _encrypt_file(device: "Device", board: Path, path: Path, style: str, weight: int, as_json: bool) -> None:
    from e2ev.codes import tracking_code
    from e2ev.roles.choices import CSV_LIMIT, read_csv
    from e2ev.storage.disk import read_bounded

    resolve(device, board)
    standing = _open_booth(device, board)
    data = read_bounded(path, CSV_LIMIT)
    manifest, unit = standing.contents.manifest, standing.contents.manifest.unit(standing.admitted.unit)
    ballots = list(read_csv(data, manifest, unit.label, str(path), style, weight))
    before = standing.admitted.ballots
    with ui.progress("encrypting ballots") as show:
        codes = device.encrypt_many(
            board, ballots, lambda done: show(done, len(ballots)), source=path.name.encode() + b"\0" + data
        )
    made = device.standing(board).admitted.ballots - before
    rows = [(tracking_code(code), decision) for code, (_, decision) in zip(codes, ballots, strict=True)]
    if as_json:
        ui.out_json({"ballots": [{"code": code, "decision": decision} for code, decision in rows], "new": made})
        return
    for code, decision in rows:
        ui.out(f"{code}  {decision}")
    ui.say(f"{made} ballots encrypted and decided about.")
    if made < len(ballots):
        ui.say(f"{len(ballots) - made} ballots of {path.name} were on the board before; they were not posted again.")
