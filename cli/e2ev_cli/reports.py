"""What becomes of a verifier's report: the terminal, files in several forms, a signature; `e2ev check-report`."""

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import ui

if TYPE_CHECKING:
    from e2ev.formats.minisign import PublicKey, SecretKey
    from e2ev.verify.check import Report

FORMS = (".html", ".json", ".xml", ".txt")
SIGNATURE = ".minisig"
REPORT_LIMIT = 1 << 30


class Language(StrEnum):
    """Languages of a report on a page; `e2ev.report.messages` has their catalogues."""

    ENGLISH = "en"
    RUSSIAN = "ru"
    KAZAKH = "kk"
    KYRGYZ = "ky"
    ARABIC = "ar"
    SORANI = "ckb"


Files = Annotated[
    list[Path] | None,
    typer.Option("--report", help="Also write the report here: FILE.html, .json, .xml (JUnit) or .txt; repeatable."),
]
LanguageOption = Annotated[Language, typer.Option("--language", help="Of the report on a page (.html).")]
Sign = Annotated[
    Path | None,
    typer.Option("--sign", metavar="KEYFILE", help="Sign what --report writes, as minisign does; a new key is made."),
]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="Of the key that signs, if it has one; default: you are asked.")
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to become of a report.

    Attributes:
        as_json: Print JSON.
        quiet: Print the verdict alone.
        files: Write it to these.
        language: Of pages.
        key: Signs the files.
    """

    as_json: bool
    quiet: bool
    files: tuple[Path, ...]
    language: Language
    key: "SecretKey | None"


def wanted(
    files: Sequence[Path], language: Language, sign: Path | None, passphrase: Path | None, *, as_json: bool, quiet: bool
) -> Wanted:
    """Return what is to become of a report, before the long work begins that it comes from.

    Raises:
        DataError: What makes pages is not installed, or the key cannot be read.
        WrongKeyError: The key does not open.
    """
    from e2ev.errors import DataError

    for path in files:
        if path.suffix not in FORMS:
            raise typer.BadParameter(f"a report's name ends in one of {', '.join(FORMS)}", param_hint="--report")
    if sign and not files:
        raise typer.BadParameter("what is signed is a file: add --report FILE", param_hint="--sign")
    if any(path.suffix == ".html" for path in files) and not (find_spec("jinja2") and find_spec("babel")):
        raise DataError("a page needs the packages jinja2 and babel", remedy="pip install 'e2ev[report]'")
    key = _signing_key(sign, passphrase) if sign else None
    return Wanted(as_json, quiet, tuple(files), language, key)


def deliver(report: "Report", wanted: Wanted, board: Path, options: Sequence[str | Path]) -> None:
    """Print a report, and write and sign it where that is wanted.

    Args:
        report: The report.
        wanted: What is to become of it.
        board: The board file that it is about.
        options: Words of the command that anybody can repeat, files among them as paths.

    Raises:
        StorageError: A file cannot be written.
    """
    for path in wanted.files:
        _write(path, _file(report, path.suffix, wanted.language, board, options), report, wanted.key)
    if wanted.as_json:
        from e2ev.report.as_json import report_json

        ui.out_json(report_json(report))
        return
    from e2ev.report.text import text_report, verdict_line

    if wanted.quiet:
        ui.out(verdict_line(report, ui.coloured))
        return
    for line in text_report(report, ui.coloured):
        ui.out(line)
    if report.findings:
        ui.say(f"what a check means: e2ev explain {report.findings[0].check}")
    for path in wanted.files:
        ui.say(f"written: {path}{f' and {path}{SIGNATURE}' if wanted.key else ''}")


def _file(report: "Report", form: str, language: Language, board: Path, options: Sequence[str | Path]) -> bytes:
    if form == ".json":
        import json

        from e2ev.report.as_json import report_json

        return (json.dumps(report_json(report), ensure_ascii=False, indent=2) + "\n").encode()
    if form == ".xml":
        from e2ev.report.junit import junit_report

        return junit_report(report)
    if form == ".txt":
        from e2ev.report.text import text_report

        return "".join(f"{line}\n" for line in text_report(report)).encode()
    from e2ev.report.html import Made, html_report

    words = [one.name if isinstance(one, Path) else one for one in options]
    inputs = tuple((one.name, hashlib.sha256(one.read_bytes()).hexdigest()) for one in options if isinstance(one, Path))
    return html_report(report, Made(shlex.join(["e2ev", "verify", board.name, *words]), inputs), language.value)


def _write(path: Path, data: bytes, report: "Report", key: "SecretKey | None") -> None:
    from e2ev.formats.minisign import sign
    from e2ev.storage.disk import write_atomically

    write_atomically(path, data)
    if key is not None:
        comment = f"e2ev report {ui.printable(path.name)[:200]}, {report.verdict.value}, "
        comment += f"board of {report.entries} entries, root {report.root.hex()}"
        write_atomically(_beside(path), sign(key, data, comment))


def _beside(path: Path) -> Path:
    return path.with_name(path.name + SIGNATURE)


# Keys and signatures


def _signing_key(path: Path, passphrase: Path | None) -> "SecretKey":
    """Return the key that signs reports, made if there is none yet."""
    from e2ev.formats.minisign import SIZE_LIMIT, SecretKey, read_secret_key
    from e2ev.storage.disk import PRIVATE, read_bounded, write_atomically, write_once

    if not path.exists():
        made, public = SecretKey.generate(), path.with_suffix(".pub")
        write_once(path, made.to_bytes(), PRIVATE)
        write_atomically(public, made.public.to_bytes())
        ui.say(f"a new key signs your reports from now on: {path}")
        ui.say(f"give {public} to your readers, on another way than the reports: {made.public.text()}")
        return made
    data = read_bounded(path, SIZE_LIMIT)
    return read_secret_key(data, lambda: ui.passphrase(passphrase, str(path)), where=str(path))


def _public_key(given: str) -> "PublicKey":
    from e2ev.formats.minisign import SIZE_LIMIT, read_public_key
    from e2ev.storage.disk import read_bounded

    path = Path(given)
    if given.startswith("RW") and not path.exists():
        return read_public_key(given, where="--key")
    return read_public_key(read_bounded(path, SIZE_LIMIT).decode("utf-8", "replace"), where=given)


def check_report(
    file: Annotated[Path, typer.Argument(help="The report; its signature FILE.minisig stands beside it.")],
    key: Annotated[str, typer.Option("--key", help="The author's key: a file, or the word that begins with RW.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check that a report is signed by the key of the author whom you know.

    The signature says whose report it is, not that it is right: for that, repeat e2ev verify.
    Exit code: 0 signed by this key, 1 changed since, 3 no signature, 7 signed by another key.

    Example: e2ev check-report council.html --key auditor.pub
    """
    from e2ev.formats.minisign import SIZE_LIMIT, check
    from e2ev.storage.disk import read_bounded

    expected = _public_key(key)
    data, signature = read_bounded(file, REPORT_LIMIT), read_bounded(_beside(file), SIZE_LIMIT)
    comment = check(expected, data, signature, where=str(_beside(file)))
    if as_json:
        ui.out_json({"file": str(file), "key": expected.name, "comment": ui.printable(comment)})
        return
    ui.out(f"{ui.coloured('signed', 'green')}  {file}, by key {expected.name}")
    ui.out(f"its author says: {ui.printable(comment)}")
    ui.say("This says whose report it is, not that it is right: repeat e2ev verify.")
