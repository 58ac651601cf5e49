"""`e2ev observe`, for those who gather: files put together, tables taken in, what is published, what is sealed."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import ui

if TYPE_CHECKING:
    from e2ev.accountability.collection import Collection, Conflict

app = typer.Typer()

Files = Annotated[
    list[Path], typer.Argument(help="Observers' files, collections, and folders of them.", show_default=False)
]
Out = Annotated[Path, typer.Option("--out", help="Where it is written.", dir_okay=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File with the passphrase, mode 600; default: you are asked.")
]
SEAL_LIMIT = 256 << 20
_SEALED = b"e2ev observers' files, form 1\n"
SHOWN = 50
TABLES = (".xlsx", ".csv", ".tsv")
"""Endings of tables of result sheets with our own headings."""


@app.command()
def merge(
    files: Files,
    out: Out,
    election: Annotated[str, typer.Option("--election", help="Its title, where tables alone are given.")] = "",
    as_json: AsJson = False,
) -> None:
    """Put many observers' files together, from as many groups: signatures checked, duplicates and conflicts listed.

    Also takes tables of result sheets with our own headings (e2ev observe template),
    and folders. Nothing is dropped without a line that says so.

    Example: e2ev observe merge hoy.observer tilia.jsonl kobo.jsonl --out all.jsonl
    """
    from e2ev.accountability.collection import conflicts, corrections, to_lines
    from e2ev.storage.disk import write_atomically

    merged = read_all(files, election)
    write_atomically(out, to_lines(merged), 0o600)
    found, corrected = conflicts(merged), corrections(merged)
    signed = sum(one.entry is not None for one in merged.observations)
    if as_json:
        ui.out_json({
            "file": str(out), "observations": len(merged.observations), "signed": signed,
            "duplicates": [list(pair) for pair in merged.duplicates],
            "damages": [{"where": one.where, "found": one.found} for one in merged.damages],
            "conflicts": list(map(_conflict_json, found)), "corrections": list(map(_conflict_json, corrected)),
        })  # fmt: skip
        return
    sources = len({one.source for one in merged.observations})
    ui.out(f"{len(merged.observations):,} observations of {sources:,} sources, {signed:,} of them signed, in {out}")
    rows = [("conflict", c.station, c.about, " / ".join(f"{what} ({who})" for what, who in c.said)) for c in found]
    rows += [
        ("corrected", c.station, c.about, " / ".join(f"{what} ({who})" for what, who in c.said)) for c in corrected
    ]
    rows += [("duplicate", "", second, f"says the same as {first}") for first, second in merged.duplicates]
    rows += [("damaged", "", one.where, one.found) for one in merged.damages]
    show_table(rows, ("", "station", "about", "said"))
    ui.say("It says who observed where: send it only sealed, and publish what e2ev observe export makes of it.")


def _conflict_json(one: "Conflict") -> dict[str, object]:
    return {"station": one.station, "about": one.about, "said": [list(pair) for pair in one.said]}


@app.command(name="import")
def import_table(
    table: Annotated[Path, typer.Argument(help="An Excel workbook, or CSV.", show_default=False, dir_okay=False)],
    mapping: Annotated[Path, typer.Option("--by", help="The mapping file: what the columns mean.", dir_okay=False)],
    election: Annotated[str, typer.Option("--election", help="Title of the election; the same for all observers.")],
    out: Out,
    sheet: Annotated[str, typer.Option("--sheet", help="Of a workbook with several.")] = "",
    as_json: AsJson = False,
) -> None:
    """Take in what a group keeps elsewhere: Excel, or the CSV that ODK, KoBoToolbox and Apollo export.

    Only columns that the mapping names are read. What comes in is not signed, and stays marked so.

    Example: e2ev observe import apollo.csv --by apollo.import.json --election "Council 2026" --out apollo.jsonl
    """
    from datetime import datetime

    from e2ev.accountability.collection import to_lines
    from e2ev.formats.observations import from_table
    from e2ev.formats.observer_import import read_import
    from e2ev.formats.tables import read_table
    from e2ev.storage.disk import read_bounded, write_atomically

    by = read_import(read_bounded(mapping, 4 << 20), mapping.name)
    found = from_table(read_table(table, sheet), by, election, datetime.now().astimezone())
    write_atomically(out, to_lines(found.collection), 0o600)
    damages = found.collection.damages
    if as_json:
        ui.out_json({"file": str(out), "observations": len(found.collection.observations), "unread": found.unread,
                     "damages": [{"where": one.where, "found": one.found} for one in damages]})  # fmt: skip
        return
    ui.out(f"{len(found.collection.observations):,} observations in {out}, none of them signed")
    show_table([(one.where, one.found) for one in damages], ("not read", "why"))
    ui.say(ui.printable("columns that were not read: " + (", ".join(found.unread) or "none")))


@app.command()
def documents(files: Files, as_json: AsJson = False) -> None:
    """Show what became of documents: requested, published, refused, with dates, and what nobody has answered.

    Example: e2ev observe documents all.jsonl
    """
    from e2ev.accountability.documents import histories, in_words

    found = histories(read_all(files))
    if as_json:
        ui.out_json([
            {"name": one.name, "station": one.station, "last": one.last, "days": one.days,
             "steps": [{"date": step.day.isoformat(), "state": step.state, "source": step.source, "words": step.words}
                       for step in one.steps]}
            for one in found
        ])  # fmt: skip
        return
    show_table([(one.name, one.station, ", ".join(in_words(one))) for one in found], ("document", "station", "history"))
    unanswered = sum(one.last == "requested" for one in found)
    ui.say(f"{len(found):,} documents, {unanswered:,} without an answer")


@app.command()
def export(
    files: Files,
    out: Annotated[Path, typer.Option("--out", help="A new folder for what is published.", file_okay=False)],
    photos: Annotated[Path | None, typer.Option("--photos", help="Folder with the photographs.")] = None,
    words: Annotated[
        bool, typer.Option("--with-words", help="Publish words too, once you have read every one of them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write what can be published: without source, device's clock, signatures, and metadata of photographs.

    What is left out is listed. Look at every photograph: faces and handwriting stay on it.

    Example: e2ev observe export all.jsonl --photos photos --out public
    """
    from e2ev.accountability.public import STAYS, public
    from e2ev.errors import ConflictError
    from e2ev.formats.photos import ending
    from e2ev.storage.disk import write_once

    if out.exists() and any(out.iterdir()):
        raise ConflictError("is not empty", where=str(out), remedy="name a new folder")
    shown, refused = _photos(photos)
    made = public(read_all(files), shown, words=words)
    out.mkdir(parents=True, exist_ok=True)
    write_once(out / "observations.jsonl", made.content)
    listed = ("Left out:", *made.left_out, "", "Still in it:", *STAYS)
    write_once(out / "LEFT-OUT.txt", "".join(f"{line}\n" for line in listed).encode())
    for data in made.photos.values():
        write_once(out / f"{hashlib.sha256(data).hexdigest()}{ending(data)}", data)
    if as_json:
        ui.out_json({"folder": str(out), "photographs": len(made.photos), "left_out": made.left_out,
                     "photographs_missing": [digest.hex() for digest in made.missing], "refused": refused})  # fmt: skip
        return
    ui.out(f"{made.content.count(bytes([10])) - 1:,} observations, {len(made.photos):,} photographs in {out}")
    ui.say("left out:")
    for line in (
        *made.left_out,
        *(f"photograph {digest.hex()[:16]}…: not at hand" for digest in made.missing),
        *refused,
    ):
        ui.say(ui.printable(f"  - {line}"))
    ui.say("still in it: " + "; ".join(STAYS))


@app.command()
def seal(
    files: Annotated[list[Path], typer.Argument(help="What is sealed.", show_default=False, dir_okay=False)],
    out: Out,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="AGE1…", help="The lawyer's key, of age; repeated.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Seal files so that only a lawyer can open them: to an age key (`age-keygen`), or with a passphrase.

    A bundle sealed to an age key is opened with `age -d -i KEY`, without e2ev, and is a ZIP archive.

    Example: e2ev observe seal hoy.observer photo.jpg --to age1ql3z7hjy54pw3hyww5… --out for-the-lawyer.age
    """
    from e2ev.formats.age import seal_to
    from e2ev.formats.bundle import bundle
    from e2ev.storage import seal as sealing
    from e2ev.storage.disk import read_bounded, write_once

    packed = bundle({path.name: read_bounded(path, SEAL_LIMIT) for path in files}, [str(path) for path in files])
    if to:
        sealed = seal_to(packed, to)
    else:
        passphrase = ui.passphrase(passphrase_file, "the sealed bundle", new=True)
        sealed = sealing.seal(packed, passphrase, _SEALED, sealing.Cost())
    write_once(out, sealed, 0o600)
    if as_json:
        ui.out_json({"file": str(out), "bytes": len(sealed), "to": to or []})
        return
    ui.out(f"{out}, {len(sealed):,} bytes")
    ui.say("Its name and size can be seen, and nothing else. The files that went in still stand here.")


@app.command(name="open")
def open_bundle(
    file: Annotated[Path, typer.Argument(help="A sealed bundle.", show_default=False, dir_okay=False)],
    out: Annotated[Path, typer.Option("--out", help="A folder for what is inside.", file_okay=False)],
    key: Annotated[
        Path | None, typer.Option("--key", help="File with your age key, AGE-SECRET-KEY-1…, mode 600.", dir_okay=False)
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> None:
    """Open a bundle that was sealed to you.

    Example: e2ev observe open for-the-lawyer.age --key key.txt --out opened
    """
    from e2ev.errors import DataError
    from e2ev.formats.age import is_age, open_sealed, read_identity
    from e2ev.formats.bundle import unbundle
    from e2ev.storage import seal as sealing
    from e2ev.storage.disk import read_bounded, write_once

    data = read_bounded(file, SEAL_LIMIT)
    if is_age(data) and key is None:
        raise DataError("is sealed to an age key", where=str(file), remedy="give the file of that key: --key FILE")
    if key is not None:
        packed = open_sealed(data, read_identity(key))
    else:
        packed = sealing.unseal(data, ui.passphrase(passphrase_file, file.name), _SEALED, where=str(file))
    found = unbundle(packed, file.name)
    out.mkdir(parents=True, exist_ok=True)
    for name, content in found.items():
        write_once(out / name, content, 0o600)
    if as_json:
        ui.out_json({"folder": str(out), "files": list(found)})
        return
    for name in found:
        ui.out(str(out / name))


def read_all(files: Sequence[Path], election: str = "", fallback: str = "") -> "Collection":
    """Return what stands in observers' files, collections, tables of result sheets, and folders of them."""
    from e2ev.accountability.collection import merge as put_together
    from e2ev.accountability.collection import open_observations
    from e2ev.errors import DataError
    from e2ev.formats.observations import from_plain
    from e2ev.formats.tables import read_table

    paths = [one for path in files for one in (_inside(path) if path.is_dir() else (path,))]
    parts = [open_observations(path) for path in paths if path.suffix.lower() not in TABLES]
    title = election or (parts[0].title if parts else fallback)
    if not title:
        raise DataError("nobody says which election this is", remedy='name it: --election "Council 2026"')
    tables = [path for path in paths if path.suffix.lower() in TABLES]
    parts += [from_plain(read_table(path), path.resolve().parent.name, title) for path in tables]
    return put_together(title, parts)


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in (*TABLES, ".observer", ".jsonl"))


def _photos(folder: Path | None) -> tuple[dict[bytes, tuple[bytes, bytes]], list[str]]:
    from e2ev.errors import DataError
    from e2ev.formats.photos import MAX_PHOTO, stripped
    from e2ev.storage.disk import read_bounded

    found: dict[bytes, tuple[bytes, bytes]] = {}
    refused: list[str] = []
    for path in sorted(one for one in (folder.rglob("*") if folder else ()) if one.is_file()):
        data = read_bounded(path, MAX_PHOTO)
        try:
            shown = stripped(data, path.name)
        except DataError as error:
            refused.append(str(error))
            continue
        found[hashlib.sha256(data).digest()] = hashlib.sha256(shown).digest(), shown
    return found, refused


def show_table(rows: Sequence[Sequence[str]], heads: Sequence[str] = ()) -> None:
    """Print rows, the first of many, with nothing in them that hides."""
    if rows:
        shown = [[ui.printable(cell) for cell in row] for row in rows[:SHOWN]]
        ui.out(ui.table(shown, heads))
        if len(rows) > SHOWN:
            ui.out(f"and {len(rows) - SHOWN:,} more: --json has them all")
