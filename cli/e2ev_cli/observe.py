"""`e2ev observe`: what one observer writes down on the day, without a network and without the authority."""

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import observe_court, observe_group, observe_sheets, ui

if TYPE_CHECKING:
    from e2ev.accountability.observer_file import Signed
    from e2ev.accountability.observers import Statement, Votes

app = typer.Typer(no_args_is_help=True, help="Observe an election on paper: no keys, and no leave of the authority.")

File = Annotated[Path, typer.Argument(help="Your observer's file.", show_default=False, dir_okay=False)]
StationOption = Annotated[str, typer.Option("--station", help="Number of the polling station, as it is posted.")]
Note = Annotated[str, typer.Option("--note", help="Words; they stay out of the public export.")]
PhotoOption = Annotated[
    Path | None, typer.Option("--photo", help="A photograph; its SHA-256 is kept, never the file.", dir_okay=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

WARNING = """\
THIS FILE CAN IDENTIFY YOU.
It says which station you were at and when, and every line is signed with one key.
  - Take a name that is not yours: GROUP/NAME, such as tilia/four.
  - Keep it on a disk that is encrypted. Send it only sealed: e2ev observe seal.
  - Never photograph a marked ballot, your own or another's: it is a receipt for whoever buys or extorts votes.
  - What you publish, make with: e2ev observe export. What you no longer need: e2ev observe wipe."""


@app.command()
def new(
    file: File,
    election: Annotated[str, typer.Option("--election", help="Title of the election; the same for all observers.")],
    name: Annotated[str, typer.Option("--as", metavar="GROUP/NAME", help="Who observes, not by a person's name.")],
    as_json: AsJson = False,
) -> None:
    """Begin an observer's file, with a key of its own that is used for nothing else.

    Example: e2ev observe new hoy.observer --election "Council 2026" --as tilia/four
    """
    from e2ev.accountability import observer_file
    from e2ev.accountability.observers import Begun

    ui.say(ui.coloured(WARNING, "bold", err=True))
    ui.say()
    made = observer_file.create(file, Begun(1, election, name, int(time.time())))
    source = observer_file.name_of(observer_file.read(file).begun, made.author)
    if as_json:
        ui.out_json({"file": str(file), "key": str(observer_file.key_path(file)), "source": source})
        return
    ui.out(f"{file} of {source}")
    ui.say(f"Its key stands beside it, in {observer_file.key_path(file)}: whoever has that can write in your name.")


@app.command()
def count(
    file: File,
    station: StationOption,
    people: Annotated[int, typer.Option("--people", min=0, help="How many went in.")],
    since: Annotated[str, typer.Option("--since", help="When you began: 08:00, or 2026-11-01T08:00+05:00.")],
    until: Annotated[str, typer.Option("--until", help="When you stopped; likewise.")],
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Write down how many people went in at a door, from one moment to another without a gap.

    Count everybody who goes in, once. Where you were away, end the count and begin
    another one: gaps are no fault, and counts without them prove most.

    Example: e2ev observe count hoy.observer --station 12 --people 184 --since 08:00 --until 12:30
    """
    from e2ev.accountability.observers import Door

    _write(file, Door(1, station, _moment(since), _moment(until), people, note, int(time.time())), as_json=as_json)


@app.command()
def sheet(
    file: File,
    station: StationOption,
    contest: Annotated[
        str, typer.Option("--contest", help="Label of the contest; the only one has no name.")
    ] = "Votes",
    vote: Annotated[
        list[str] | None, typer.Option("--vote", metavar="OPTION=N", help="Votes of an option, ? if unreadable.")
    ] = None,
    figure: Annotated[
        list[str] | None, typer.Option("--figure", metavar="NAME=N", help="registered, checked in, ballots, …")
    ] = None,
    at_least: Annotated[
        bool, typer.Option("--at-least", help="No copy of the sheet: what you saw counted, so the truth is no less.")
    ] = False,
    photo: PhotoOption = None,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Write down a result sheet, number by number as it stands there; blank is not zero.

    Example: e2ev observe sheet hoy.observer --station 12 --vote Amina=120 --vote Bakyt=64 --figure ballots=190
    """
    from e2ev.accountability.observers import Counted, Result
    from e2ev.accountability.sheets import Figure

    figures = tuple(Counted(one.option, one.votes) for one in _numbers(figure or [], [f.value for f in Figure]))
    result = Result(1, station, contest, _numbers(vote or []), figures, at_least, _digest(photo), note,
                    int(time.time()))  # fmt: skip
    _write(file, result, as_json=as_json)


@app.command()
def incident(
    file: File,
    station: StationOption,
    what: Annotated[str, typer.Option("--what", help="One of a list: e2ev observe kinds.")],
    at: Annotated[str, typer.Option("--at", help="When: 19:40, or 2026-11-01T19:40+05:00.")],
    words: Annotated[str, typer.Option("--words", help="What happened, as you would say it in court.")] = "",
    photo: PhotoOption = None,
    shows: Annotated[str, typer.Option("--shows", help="What is on the photograph; never a marked ballot.")] = "",
    as_json: AsJson = False,
) -> None:
    """Write down what went wrong, with its time: a refused copy, an observer removed, stuffed ballots.

    Example: e2ev observe incident hoy.observer --station 12 --what "copy refused" --at 21:15
    """
    from e2ev.accountability.observers import Incident, shows_of, what_of

    said = Incident(1, station, what_of(what), _moment(at), words, _digest(photo), shows_of(shows), int(time.time()))
    _write(file, said, as_json=as_json)


@app.command()
def document(
    file: File,
    name: Annotated[str, typer.Option("--name", help="Which document.")],
    state: Annotated[str, typer.Option("--state", help="requested, published or refused.")],
    date: Annotated[str, typer.Option("--date", help="The day, YYYY-MM-DD.")],
    station: Annotated[str, typer.Option("--station", help="Of which station; default: of the whole election.")] = "",
    words: Annotated[str, typer.Option("--words", help="Of whom, by whom, by which article.")] = "",
    copy: Annotated[Path | None, typer.Option("--file", help="The letter; its SHA-256 is kept.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write down which documents were asked for, published or refused, and when.

    Example: e2ev observe document hoy.observer --name "list of stations" --state refused --date 2026-10-20
    """
    from typing import cast, get_args

    from e2ev.accountability.observers import Document, State
    from e2ev.errors import DataError
    from e2ev.strict_json import nearest, quoted

    if state not in get_args(State):
        raise DataError(f"{quoted(state)} is no state of a document", remedy=nearest(state, get_args(State)))
    said = Document(1, station, name, cast(State, state), date, words, _digest(copy), int(time.time()))
    _write(file, said, as_json=as_json)


@app.command()
def kinds(as_json: AsJson = False) -> None:
    """Show the incidents that can be written down, and what photographs may show.

    Example: e2ev observe kinds
    """
    from typing import get_args

    from e2ev.accountability.observers import NO_BALLOTS, Shows, What

    whats, shows = get_args(What), get_args(Shows)[1:]
    if as_json:
        ui.out_json({"incidents": whats, "photographs": shows})
        return
    ui.out("incidents:    " + ", ".join(whats))
    ui.out("photographs:  " + ", ".join(shows))
    ui.say(NO_BALLOTS[0].upper() + NO_BALLOTS[1:] + ".")


@app.command()
def show(file: File, as_json: AsJson = False) -> None:
    """Show what stands in an observer's file, and whether every signature holds.

    Example: e2ev observe show hoy.observer
    """
    from e2ev.accountability import observer_file
    from e2ev.accountability.observers import statement_json
    from e2ev.accountability.words import in_words
    from e2ev.errors import RejectedError

    read = observer_file.read(file)
    if as_json:
        ui.out_json({"statements": [statement_json(one.statement) for one in read.statements],
                     "damages": [{"where": one.where, "found": one.found} for one in read.damages]})  # fmt: skip
    else:
        for number, one in enumerate(read.statements, 1):
            ui.out(ui.printable(f"{number:>3}  {in_words(one.statement)}"))
        for damage in read.damages:
            ui.out(ui.printable(f"BAD  {damage.where}: {damage.found}"))
    if read.damages:
        raise RejectedError(f"{len(read.damages)} statements do not count", where=str(file))


@app.command()
def wipe(
    file: File,
    photos: Annotated[
        Path | None, typer.Option("--photos", help="Folder whose photographs go too, if the file names them.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete an observer's file, its key, and the photographs that it names; and say what deleting does not do.

    Example: e2ev observe wipe hoy.observer --photos photos --yes
    """
    from e2ev.accountability import wiping

    names = wiping.what_goes(file, photos)
    if not yes and ui.ask(f"delete {len(names)} files for ever? write yes").strip().lower() != "yes":
        ui.say("nothing was deleted")
        raise typer.Exit(1)
    wiping.delete(names)
    if as_json:
        ui.out_json({"deleted": [str(name) for name in names], "not_done": wiping.NOT_DONE})
        return
    for name in names:
        ui.out(f"deleted {name}")
    ui.say("What deleting does not do:")
    for line in wiping.NOT_DONE:
        ui.say(f"  - {line}")


app.add_typer(observe_group.app)
app.add_typer(observe_court.app)
app.add_typer(observe_sheets.app)


def _write(file: Path, statement: "Statement", *, as_json: bool) -> None:
    from e2ev.accountability import observer_file
    from e2ev.accountability.observers import check, statement_json
    from e2ev.accountability.words import in_words

    check(statement, str(file))
    (made,) = observer_file.append(file, (statement,))
    if as_json:
        ui.out_json({"number": _number(made), "statement": statement_json(made.statement)})
        return
    ui.out(ui.printable(f"{_number(made)}  {in_words(made.statement)}"))


def _number(made: "Signed") -> int:
    return made.entry.header.counter


def _moment(text: str) -> int:
    from datetime import datetime

    from e2ev.accountability.times import moment

    return moment(text, datetime.now().astimezone())


def _digest(path: Path | None) -> bytes | None:
    from e2ev.formats.photos import MAX_PHOTO
    from e2ev.storage.disk import read_bounded

    return None if path is None else hashlib.sha256(read_bounded(path, MAX_PHOTO)).digest()


def _numbers(given: list[str], known: list[str] | None = None) -> "tuple[Votes, ...]":
    """Return options and numbers from NAME=N."""
    from e2ev.accountability.observers import Votes
    from e2ev.accountability.rows import Spelling, read_number
    from e2ev.accountability.sheets import MAX_COUNT
    from e2ev.errors import DataError
    from e2ev.strict_json import nearest, quoted

    found = []
    for text in given:
        name, sign, number = text.rpartition("=")
        if not sign or not name.strip() or (known and name.strip() not in known):
            remedy = nearest(name, known) if known and sign else "write NAME=NUMBER"
            raise DataError(f"{quoted(text)} is no number of anything", remedy=remedy)
        value = read_number(number, Spelling(blank=("?",)))
        if value is not None and not 0 <= value <= MAX_COUNT:
            raise DataError(f"{quoted(text)} is more than a station can have, or less than nothing")
        found.append(Votes(name.strip(), value))
    return tuple(found)
