"""`e2ev election`: what the administrator does. No command here ever holds a secret that opens a ballot."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev.errors import DataError, NotReadyError
from e2ev_cli import collecting, roll, tallying, ui

if TYPE_CHECKING:
    from e2ev.board.contents import Contents
    from e2ev.roles.administrator import Administrator
    from e2ev.roles.founding import Founding
    from e2ev.storage.seal import Passphrase

app = typer.Typer(no_args_is_help=True, help="Run an election: found it, collect messages, open, close, tally.")

Board = Annotated[Path, typer.Option("--board", help="The board file.")]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File with your passphrase, mode 600; default: you are asked.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class GroupChoice(StrEnum):
    """The group of an election."""

    P4096 = "4096"
    P3072 = "3072"


@app.command()
def new(
    manifest: Annotated[Path, typer.Option("--manifest", help="The manifest, a JSON file: specs/manifest.md.")],
    board: Annotated[Path, typer.Option("--board", help="The board file to make; ends in .board.")],
    quorum: Annotated[int, typer.Option("--quorum", min=1, help="How many trustees can decrypt.")],
    trustee: Annotated[list[Path], typer.Option("--trustee", metavar="CARD", help="A trustee's card; repeated.")],
    group: Annotated[GroupChoice, typer.Option("--group", help="Bits of the group.")] = GroupChoice.P4096,
    no_spare: Annotated[
        bool, typer.Option("--no-spare", help="Let all trustees be needed: one lost key voids the election.")
    ] = False,
    stations: Annotated[
        bool,
        typer.Option("--stations", help="Let stations have boards of their own, and count paper apart."),
    ] = False,
    results: Annotated[bool, typer.Option("--results", help="Announce results as entries, corrections too.")] = False,
    origin: Annotated[str, typer.Option("--origin", help="Name of the log; default: the board's name.")] = "",
    segment_size: Annotated[
        int | None, typer.Option("--segment-size", min=16, max=1024, help="Cut the board into files of so many MiB.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Found an election: make the board, your keys beside it, and the anchors to publish elsewhere.

    Example: e2ev election new --manifest c.json --board c.board --quorum 1 --trustee aigul.card --trustee bakyt.card
    """
    from e2ev.group import P3072, P4096
    from e2ev.record.kinds import RESULTS, STATIONS
    from e2ev.roles.administrator import Administrator
    from e2ev.roles.card import read_card
    from e2ev.roles.founding import Founding
    from e2ev.storage.disk import read_bounded

    if board.suffix != ".board":
        raise typer.BadParameter("a board's name ends in .board", param_hint="--board")
    cards = tuple(read_card(read_bounded(path, 1 << 16), str(path)) for path in trustee)
    chosen = P3072 if group is GroupChoice.P3072 else P4096
    name = origin or "-".join(board.stem.replace("+", "-").split())
    features = tuple(part for part, asked in ((STATIONS, stations), (RESULTS, results)) if asked)
    founding = Founding(read_bounded(manifest, 4 << 20), cards, quorum, name, chosen, not no_spare, features,
                        (segment_size or 0) << 20)  # fmt: skip
    administrator = Administrator(board)
    secret = ui.passphrase(passphrase_file, "the administrator", new=not administrator.key_path.exists())
    contents = administrator.found(founding, secret)
    _show_founded(administrator, contents, founding, as_json)


def _show_founded(administrator: "Administrator", contents: "Contents", founding: "Founding", as_json: bool) -> None:
    import hashlib

    from e2ev.codes import short_hex, spoken
    from e2ev.roles.card import FINGERPRINT_WORDS, fingerprint

    digest = hashlib.sha256(founding.manifest).digest()
    if as_json:
        names = [{"name": card.name, "words": fingerprint(card.author)} for card in founding.trustees]
        ui.out_json({
            "election": contents.id.hex(), "board": str(administrator.board), "group": contents.group.name,
            "quorum": founding.quorum, "trustees": names, "manifest": digest.hex(),
            "anchors": str(administrator.anchors_path),
        })  # fmt: skip
        return
    ui.out(ui.table([
        ("election", contents.manifest.label),
        ("day", contents.manifest.date.isoformat()),
        ("contests", str(len(contents.manifest.contests))),
        ("places", str(len(contents.manifest.reporting_units))),
        ("trustees", f"{len(contents.seats)}, of whom {founding.quorum} can decrypt"),
        ("group", contents.group.name),
        ("board", str(administrator.board)),
        ("manifest", "SHA-256 " + short_hex(digest, 64)),
        ("in words", spoken(digest, FINGERPRINT_WORDS)),
    ]))  # fmt: skip
    ui.out()
    rows = [(str(i), card.name, fingerprint(card.author)) for i, card in enumerate(founding.trustees, 1)]
    ui.out(ui.table(rows, ("seat", "trustee", "words of the card")))
    ui.say()
    ui.say(f"Publish {administrator.anchors_path} where the board is not: on paper, in a newspaper, on other sites.")
    ui.say(f"Keep {administrator.keep} private, on this machine, and in a backup: whoever has it can post.")
    ui.say("Let every trustee compare the words, and give each a copy of the board.")
    ui.say(f"next:    e2ev ceremony plan --board {administrator.board}")


@app.command()
def collect(
    folders: Annotated[list[Path], typer.Argument(help="Folders with messages, and what is below them.", exists=True)],
    board: Board,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Post what the trustees have written; join the keys as soon as all have accepted.

    Nothing is moved or deleted: what was posted before is known again. Exit code 1 if something was refused;
    what is right is posted all the same.

    Example: e2ev election collect /media/stick --board council.board
    """
    from e2ev.roles.advice import next_of

    administrator = _administrator(board)
    done = administrator.collect(folders)
    joined = _join(administrator, passphrase_file)
    contents = administrator.contents()
    if as_json:
        ui.out_json({"messages": collecting.listed(done), "keys_joined": contents.joint is not None})
    else:
        collecting.tell(done)
        if joined:
            ui.out("joined   the keys: all trustees have accepted the same")
        for line in next_of(contents).lines(board=board):
            ui.say(line)
    raise typer.Exit(collecting.exit_code(done))


def _join(administrator: "Administrator", passphrase_file: Path | None) -> bool:
    """Join the keys if their time has come, and there is a way to the passphrase."""
    contents = administrator.contents()
    if contents.joint is not None or len(contents.ceremony.acceptances) < len(contents.seats):
        return False
    if passphrase_file is None and not ui.is_interactive():
        ui.say("All have accepted. Run this again with --passphrase-file FILE, or at a terminal, to join the keys.")
        return False
    administrator.join_keys(ui.passphrase(passphrase_file, "the administrator"))
    return True


@app.command()
def admit(
    card: Annotated[
        Path, typer.Argument(help="The card of a device, of a station with a board of its own, or of a registrar.")
    ],
    board: Board,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Admit a voting device for its polling station, a station's own board, or a registrar.

    Example: e2ev election admit device-1/device.card --board council.board
    """
    from e2ev.roles.card import fingerprint, is_registrar_card, is_station_card, read_device_card
    from e2ev.storage.disk import read_bounded

    data = read_bounded(card, 1 << 16)
    if is_registrar_card(data):
        roll.admit(_administrator(board), data, str(card), passphrase_file, as_json)
        return
    if is_station_card(data):
        _admit_station(board, data, str(card), passphrase_file, as_json)
        return
    read = read_device_card(data, str(card))
    _administrator(board).admit(read.author, read.information, read.unit, _secret(passphrase_file))
    words = fingerprint(read.author)
    if as_json:
        ui.out_json({"device": read.author.hex(), "name": read.information, "unit": read.unit, "words": words})
        return
    ui.out(f"admitted {read.information} at {read.unit}, key {words}")


def _admit_station(board: Path, data: bytes, where: str, passphrase_file: Path | None, as_json: bool) -> None:
    from e2ev.roles import merging
    from e2ev.roles.card import fingerprint, read_station_card

    read = read_station_card(data, where)
    merging.admit(_administrator(board), read, _secret(passphrase_file))
    words = fingerprint(read.log_key)
    if as_json:
        ui.out_json({"station": read.unit, "log_key": read.log_key.hex(), "words": words})
        return
    ui.out(f"admitted the board of {read.unit}, key {words}")


@app.command("replace")
def replace_device(
    device: Annotated[str, typer.Option("--device", help="The device's name, or its key in hex.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; everybody can read it on the board.")],
    board: Board,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """State that a device is out of service and cannot close by itself. Its ballots stay.

    Example: e2ev election replace --device "device 2" --reason "the disk broke at noon" --board council.board
    """
    from e2ev.roles.status import named_devices

    administrator = _administrator(board)
    contents = administrator.contents()
    found = named_devices(contents, device)
    if len(found) != 1:
        names = ", ".join(d.name for d in contents.devices.values()) or "there are none"
        raise DataError(f"no device is called {device}", remedy=f"name one of these, or give its key in hex: {names}")
    author = found[0].admitted.body.form.author
    administrator.replace(author, reason, _secret(passphrase_file))
    if as_json:
        ui.out_json({"device": author.hex(), "name": found[0].name, "ballots": found[0].ballots})
        return
    ui.out(f"{found[0].name} is out of service after {found[0].ballots} ballots")


@app.command("policy")
def publish_policy(
    file: Annotated[Path, typer.Argument(help="The policy file, which names the log and its witnesses.")],
    board: Board,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Publish whom you ask to cosign, before voting opens. Auditors still choose whom they believe.

    Example: e2ev election policy council.policy --board council.board
    """
    from e2ev.board.policy import POLICY_LIMIT
    from e2ev.roles.cosigning import publish_policy as publish
    from e2ev.storage.disk import read_bounded

    administrator = _administrator(board)
    publish(administrator, read_bounded(file, POLICY_LIMIT), _secret(passphrase_file))
    posted = administrator.contents().policy
    _stated("the policy is on the board", posted.index if posted else 0, as_json)


@app.command("open")
def open_voting(board: Board, passphrase_file: PassphraseFile = None, as_json: AsJson = False) -> None:
    """Open voting, once every trustee has rehearsed.

    Example: e2ev election open --board council.board
    """
    administrator = _administrator(board)
    administrator.open(_secret(passphrase_file))
    opened = administrator.contents().opened
    _stated("voting is open", opened.index if opened else 0, as_json)


@app.command()
def close(board: Board, passphrase_file: PassphraseFile = None, as_json: AsJson = False) -> None:
    """Close voting; a ballot that nobody has decided about is abandoned.

    Example: e2ev election close --board council.board
    """
    administrator = _administrator(board)
    made = administrator.close(_secret(passphrase_file))
    counts = {"ballots": made.ballots, "cast": made.cast, "challenged": made.challenged, "abandoned": made.abandoned}
    closed = administrator.contents().closed
    _stated(
        f"voting is closed: {made.ballots} ballots, {made.cast} cast, {made.challenged} tested, "
        f"{made.abandoned} abandoned",
        closed.index if closed else 0, as_json, counts,
    )  # fmt: skip


def _stated(what: str, index: int, as_json: bool, more: dict[str, object] | dict[str, int] | None = None) -> None:
    if as_json:
        ui.out_json({"entry": index, **(more or {})})
    else:
        ui.out(f"{what} (entry {index})")


app.command()(tallying.tally)
app.command()(tallying.result)


@app.command()
def status(board: Board, as_json: AsJson = False) -> None:
    """Show where the election stands, what is missing and from whom, and the next command.

    Example: e2ev election status --board council.board
    """
    from dataclasses import asdict

    from e2ev.roles.advice import next_of
    from e2ev.roles.status import numbers, phase, trustee_rows, voided

    contents = _administrator(board).contents()
    now, counts, rows, advice = phase(contents), numbers(contents), trustee_rows(contents), next_of(contents)
    if as_json:
        ui.out_json({
            "election": contents.manifest.label, "phase": now.value, "numbers": asdict(counts),
            "voided": voided(contents),
            "trustees": [{"trustee": row.trustee, "name": row.name,
                          "steps": {step.name: step.mark.name.lower() for step in row.steps}} for row in rows],
            "missing": advice.missing, "next": advice.what, "command": advice.command_at(board=board),
        })  # fmt: skip
        return
    ui.out(f"{contents.manifest.label}: {now.value}")
    for line in voided(contents):
        ui.out(line)
    ui.out()
    heads = ("", *(step.name for step in rows[0].steps))
    ui.out(ui.table([(contents.name_of(r.trustee), *(step.mark.value for step in r.steps)) for r in rows], heads))
    ui.out()
    ui.out(f"devices: {counts.devices} admitted, {counts.devices_open} in service")
    ui.out(f"ballots: {counts.ballots}; {counts.cast} cast, {counts.challenged} tested, {counts.abandoned} abandoned, "
           f"{counts.undecided} undecided, {counts.excluded} excluded")  # fmt: skip
    for line in advice.lines(board=board):
        ui.out(line)


@app.command()
def doctor(
    board: Board,
    expected: Annotated[int | None, typer.Option("--expected", min=1, help="How many ballots are expected.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes that check the record.")] = os.cpu_count() or 1,
    as_json: AsJson = False,
) -> None:
    """Go through the checklist before voting is opened; exit 0 only if every line of it is in order.

    Example: e2ev election doctor --board council.board --expected 1200
    """
    from e2ev.roles.doctor import examine
    from e2ev.verify.run import Options, verify

    administrator = _administrator(board)
    contents = administrator.contents()
    with ui.progress("checking the record") as progress:
        report = verify(board, Options(jobs=jobs, need_anchors=False, progress=progress))
    items = examine(contents, administrator.machine(len(report.findings)), expected)
    passed = all(item.passed for item in items)
    if as_json:
        ui.out_json({"ready": passed, "checklist": [
            {"passed": i.passed, "found": i.found, "remedy": "" if i.passed else i.remedy_at(board)} for i in items
        ]})  # fmt: skip
    for item in () if as_json else items:
        ui.out(f"{ui.coloured('✓', 'green') if item.passed else ui.coloured('✗', 'red')} {item.found}")
        if not item.passed:
            ui.out(f"    {item.remedy_at(board)}")
    ui.say()
    ui.say(
        f"No program can see whether {administrator.keep} has a backup, and the anchors are published: look yourself."
    )
    ui.say(f"next:    e2ev election open --board {board}" if passed else "Not everything is in order.")
    if not passed:
        raise typer.Exit(NotReadyError.exit_code)


@app.command()
def anchors(
    board: Board,
    out: Annotated[Path, typer.Option("--out", help="The file to write.", dir_okay=False)],
    root: Annotated[bool, typer.Option("--root", help="With the board's root, as it is now.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the anchors again, with the devices admitted since; and with the root, once all is over.

    Registrars and desks are left out, since the organiser cannot vouch for them: they give auditors their cards.

    Example: e2ev election anchors --board council.board --out council-devices.anchors.json
    """
    from e2ev.storage.disk import write_once

    write_once(out, _administrator(board).anchors(root=root))
    if as_json:
        ui.out_json({"anchors": str(out)})
        return
    ui.out(str(out))
    ui.say("Publish it where the board is not. Auditors use it so: e2ev verify BOARD --expect FILE")


def _administrator(board: Path) -> "Administrator":
    from e2ev.roles.administrator import Administrator

    return Administrator(board)


def _secret(passphrase_file: Path | None) -> "Passphrase":
    return ui.passphrase(passphrase_file, "the administrator")
