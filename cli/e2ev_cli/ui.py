"""The terminal: the only module that prints, asks, or shows progress.

Results go to stdout, talk to stderr. Nothing is asked where there is no terminal. No secret is printed, and none is
taken from an argument. Every refusal says what to do next.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from e2ev.errors import E2evError, WrongKeyError
from e2ev.report.words import printable as printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from e2ev.storage.seal import Passphrase

INTERRUPTED = 130
INTERNAL = 10
PLAIN_PROGRESS_SECONDS = 10.0

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


def out(text: str = "") -> None:
    """Print a line of the result."""
    typer.echo(text)


def say(text: str = "") -> None:
    """Print a line of talk."""
    typer.echo(text, err=True)


def out_json(value: object) -> None:
    """Print the result as one JSON value."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def out_line(value: object) -> None:
    """Print one JSON value on one line, for who reads line by line."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def ring() -> None:
    """Ring the terminal's bell, where there is a terminal."""
    if sys.stderr.isatty():
        typer.echo("\a", nl=False, err=True)


def coloured(text: str, colour: str, *, err: bool = False) -> str:
    """Return text in a colour, where the stream is a terminal and nobody asked for none."""
    stream = sys.stderr if err else sys.stdout
    if os.environ.get("NO_COLOR") or not stream.isatty():
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def fail(error: E2evError) -> NoReturn:
    """Print an error in its one form and leave with its exit code; with --json, as JSON as well."""
    if "--json" in sys.argv:
        out_json(error_json(error))
    say(coloured(f"error[{error.code}]: {printable(error.found)}", "red", err=True))
    if error.where:
        say(f"  where: {printable(error.where)}")
    if error.culprit:
        say(f"  who:   {printable(error.culprit)}")
    if error.remedy:
        say(f"  do:    {error.remedy}")
    say(f"  more:  e2ev explain {error.code}")
    raise typer.Exit(error.exit_code)


def error_json(error: E2evError) -> dict[str, object]:
    """Return an error as specs/json-error.schema.json describes it."""
    return {
        "error": {
            "code": error.code,
            "found": error.found,
            "where": error.where or None,
            "who": error.culprit or None,
            "do": error.remedy or None,
            "docs": f"e2ev explain {error.code}",
            "exit_code": error.exit_code,
        }
    }


def is_interactive() -> bool:
    """Return whether there is a person to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """Return a person's answer.

    Raises:
        WrongKeyError: There is no terminal to ask on.
    """
    if not is_interactive():
        raise WrongKeyError(f"there is no terminal to ask: {question}", remedy="give the answer as an option")
    return str(_prompt(question))


def _prompt(question: str, *, hidden: bool = False, twice: bool = False) -> str:
    try:
        return str(typer.prompt(question, hide_input=hidden, confirmation_prompt=twice, err=True))
    except typer.Abort:
        say("interrupted; run the same command again to go on")
        raise typer.Exit(INTERRUPTED) from None


def passphrase(path: Path | None, whose: str, *, new: bool = False) -> "Passphrase":
    """Return a passphrase from a file, or from the terminal without showing it; a new one is asked for twice.

    Raises:
        WrongKeyError: There is neither a file nor a terminal, or a new passphrase is too short.
    """
    from e2ev.storage.keyfile import read_passphrase_file
    from e2ev.storage.seal import Passphrase

    if path is not None:
        found = read_passphrase_file(path)
        if new:
            found.check_length()
        return found
    if not is_interactive():
        raise WrongKeyError(f"the passphrase of {whose} is needed", remedy="use a terminal, or --passphrase-file FILE")
    text = _prompt(f"passphrase of {whose}", hidden=True, twice=new)
    return Passphrase.chosen(text) if new else Passphrase(text)


def hidden(question: str) -> str:
    """Return a secret that a person typed, without showing it.

    Raises:
        WrongKeyError: There is no terminal to ask on.
    """
    if not is_interactive():
        raise WrongKeyError(f"there is no terminal to ask: {question}", remedy="give a file that only you can read")
    return _prompt(question, hidden=True)


def table(rows: Sequence[Sequence[str]], heads: Sequence[str] = ()) -> str:
    """Return rows as columns of text."""
    lines = [list(heads), *map(list, rows)] if heads else [list(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))] if lines else []
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
                     for line in lines)  # fmt: skip


Show = Callable[[int, int], None]
"""Takes how much is done, and how much there is."""


def silent(_done: int, _all: int) -> None:
    """Show no progress."""


@contextmanager
def progress(what: str) -> Iterator[Show]:
    """Show how far long work is, how fast, and how long it will take: a bar on a terminal, else a line now and then."""
    with stages() as stage:
        yield stage(what)


@contextmanager
def stages(*, quiet: bool = False) -> Iterator[Callable[[str], Show]]:
    """Show the progress of work in several stages, each under its own name, one after another."""
    if quiet:
        yield lambda _what: silent
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                   TextColumn("{task.fields[rate]}"), TimeRemainingColumn())  # fmt: skip
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            yield lambda what: _bar(bar, what)
    else:
        yield _lines


def _bar(bar: "Progress", what: str) -> Show:
    task, started, before = bar.add_task(what, total=None, rate="", visible=not bar.tasks), time.monotonic(), 0

    def show(done: int, total: int) -> None:
        nonlocal started, before
        if not done or done < before:  # the next one of several runs
            started = time.monotonic()
        before = done
        for other in bar.task_ids:
            bar.update(other, visible=other == task)
        bar.update(task, completed=done, total=total, rate=_rate(done, time.monotonic() - started))

    return show


def _lines(what: str) -> Show:
    started = last = time.monotonic()
    before = 0

    def show(done: int, total: int) -> None:
        nonlocal started, last, before
        now = time.monotonic()
        if not done or done < before:  # the next one of several runs
            started = now
        before = done
        if now - last >= PLAIN_PROGRESS_SECONDS:
            last = now
            left = duration((total - done) * (now - started) / done) if done else "unknown"
            say(f"{what}: {done:,} of {total:,}, {_rate(done, now - started)}, time left {left}")

    return show


def _rate(done: int, seconds: float) -> str:
    return f"{done / seconds:,.1f} a second" if seconds > 0 else ""


def duration(seconds: float) -> str:
    """Return a time as people say it: 40 s, 3 min, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
