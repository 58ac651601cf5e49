"""`e2ev observe`, against the official numbers: comparing, estimating from a sample, a complaint, sheets to fill in."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from e2ev_cli import ui
from e2ev_cli.observe_group import AsJson, Files, read_all, show_table

if TYPE_CHECKING:
    from e2ev.accountability.observed import Compared, Found, Terms
    from e2ev.accountability.sheets import Delivery, Slate
    from e2ev.board.reader import Logged

app = typer.Typer()

Official = Annotated[
    list[str] | None,
    typer.Option(
        "--official", metavar="[NAME=]FILE", help="What the authority published: .xlsx, .csv, .json; repeated."
    ),
]
Stations = Annotated[Path | None, typer.Option("--stations", help="List of the stations that have to report.")]
MappingFile = Annotated[Path | None, typer.Option("--mapping", help="What the columns mean; not for our own headings.")]
Opens = Annotated[str, typer.Option("--opens", help="When stations open: 2026-11-01T08:00+05:00.")]
Closes = Annotated[str, typer.Option("--closes", help="When they close; likewise.")]
PerMinute = Annotated[
    int, typer.Option("--per-minute", min=0, help="The most people who go in at a door in a minute, for gaps.")
]
Elsewhere = Annotated[
    list[str] | None,
    typer.Option("--elsewhere", metavar="STATION=N", help="Ballots not cast behind the door: at home, early."),
]
DEFAULT_NAME = "official"


class Given(NamedTuple):
    """What the authority says, and which stations there are."""

    slate: "Slate"
    official: "tuple[Delivery, ...]"


@app.command()
def compare(
    files: Files,
    official: Official = None,
    stations: Stations = None,
    mapping: MappingFile = None,
    opens: Opens = "",
    closes: Closes = "",
    per_minute: PerMinute = 0,
    elsewhere: Elsewhere = None,
    groups: Annotated[int, typer.Option("--groups", min=1, help="Independent groups who must have seen it.")] = 2,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="NAME", help="A group that you know; repeated. Default: all that say so."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hold what observers saw against the official numbers, by the rules OB.1 to OB.5 of specs/observers.md.

    A finding says what follows if the sources that it names told the truth. Exit code 1 if there is one.

    Example: e2ev observe compare all.jsonl --official results.xlsx --stations stations.xlsx
    """
    from e2ev.accountability.observed import RULES
    from e2ev.accountability.observed import compare as held_against

    collection = read_all(files)
    given = read_given(official or [], stations, mapping, collection.title)
    terms = _terms(opens, closes, per_minute, elsewhere or [], groups, group or [])
    found = held_against(given.slate, collection, given.official, terms)
    if as_json:
        ui.out_json(_compared_json(found))
    else:
        for rule, statement in RULES.items():
            ui.out(f"{rule}  {statement}")
            show_table([_cells("FOUND", one) for one in found.findings if one.rule == rule])
            show_table([_cells("not tested", one) for one in found.not_tested if one.rule == rule])
        ui.say(
            f"{len(found.findings):,} findings; {len(found.seen):,} of {len(given.slate.stations):,} stations observed"
        )
    if found.findings:
        raise typer.Exit(1)


@app.command()
def estimate(
    files: Files,
    contest: Annotated[str, typer.Option("--contest", help="Label of the contest.")],
    drawn: Annotated[
        Path, typer.Option("--drawn", help="Table of the stations that were drawn, with a column station.")
    ],
    stations: Annotated[Path, typer.Option("--stations", help="All stations among which they were drawn.")],
    stratified: Annotated[
        bool, typer.Option("--stratified", help="They were drawn area by area, as the list of stations has areas.")
    ] = False,
    confidence: Annotated[float, typer.Option("--confidence", min=50, max=99.9, help="Of the interval, in %.")] = 95,
    as_json: AsJson = False,
) -> None:
    """Estimate the shares of a contest from stations that were drawn at random before the vote.

    It is an estimate, with an interval, and no finding against anybody. Stations whose
    copies contradict each other, or cannot be read, count as missing.

    Example: e2ev observe estimate all.jsonl --contest Votes --drawn drawn.csv --stations stations.xlsx
    """
    from e2ev.accountability.estimate import estimate as estimated
    from e2ev.accountability.sampling import design_of, votes_of
    from e2ev.formats.tables import read_table

    collection = read_all(files)
    slate = read_given([], stations, None, collection.title).slate
    names = read_table(drawn)
    votes, options = votes_of(collection, contest)
    design = design_of(slate, [names.get(row, "station") for row in names.rows], stratified=stratified)
    found = estimated(design, votes, options, confidence / 100)
    if as_json:
        ui.out_json({"label": "ESTIMATE", "design": found.design.words, "confidence": found.confidence,
                     "used": found.used, "missing": found.missing, "cautions": found.caution,
                     "shares": [{"option": one.option, "share": one.share, "low": one.low, "high": one.high}
                                for one in found.estimates]})  # fmt: skip
        return
    ui.out(f"ESTIMATE, no finding: {found.design.words}, {found.used:,} with a result sheet")
    rows = [
        (ui.printable(one.option), f"{one.share:.1%}", f"{one.low:.1%} to {one.high:.1%}") for one in found.estimates
    ]
    ui.out(ui.table(rows, ("option", "share", f"interval, {confidence:g} %")))
    for caution in found.caution:
        ui.out(f"caution: {caution}")


@app.command()
def complaint(
    files: Files,
    station: Annotated[str, typer.Option("--station", help="Number of the polling station.")],
    article: Annotated[str, typer.Option("--article", help="Article of the law that was broken.")],
    deadline: Annotated[str, typer.Option("--deadline", help="Last day to file it, YYYY-MM-DD.")],
    out: Annotated[Path, typer.Option("--out", help="A new folder, or a file ending in .zip.")],
    court: Annotated[str, typer.Option("--court", help="Who decides; default: a line to write on.")] = "",
    complainant: Annotated[str, typer.Option("--complainant", help="Who complains; default: a line.")] = "",
    demand: Annotated[str, typer.Option("--demand", help="What is asked for; default: lines.")] = "",
    evidence: Annotated[list[Path] | None, typer.Option("--evidence", help="A file to attach; repeated.")] = None,
    photos: Annotated[
        Path | None, typer.Option("--photos", help="Folder with photographs that are named by hash.")
    ] = None,
    official: Official = None,
    stations: Stations = None,
    mapping: MappingFile = None,
    opens: Opens = "",
    closes: Closes = "",
    per_minute: PerMinute = 0,
    elsewhere: Elsewhere = None,
    board: Annotated[Path | None, typer.Option("--board", help="A board, for receipts of its entries.")] = None,
    entry: Annotated[list[int] | None, typer.Option("--entry", min=0, help="Place of such an entry; repeated.")] = None,
    zone: Annotated[
        str, typer.Option("--zone", help="Time zone of what is printed: +05:00; default: this machine's.")
    ] = "",
    language: Annotated[str, typer.Option("--language", help="en, ru or ar.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Make a complaint about one polling station: a statement to print and sign, evidence with hashes, proofs.

    It names your sources: whoever gets it learns who observed.

    Example: e2ev observe complaint all.jsonl --station 12 --article "65(2)" --deadline 2026-11-04 --out case-12
    """
    from e2ev.accountability.case import Claim, case_of, photographs
    from e2ev.accountability.observed import compare as held_against
    from e2ev.accountability.times import zone_of
    from e2ev.report.complaint import LANGUAGES, Written, complaint_files
    from e2ev.strict_json import nearest

    if language not in LANGUAGES:
        raise typer.BadParameter(nearest(language, LANGUAGES), param_hint="--language")
    _check_day(deadline)
    collection = read_all(files)
    given = read_given(official or [], stations, mapping, collection.title)
    terms = _terms(opens, closes, per_minute, elsewhere or [], 2, [])
    found = held_against(given.slate, collection, given.official, terms).findings
    about = [one for one in collection.observations if one.station in ("", station)]
    attached = _together(photographs(about, _by_hash(photos)), _files(evidence or []))
    receipts = _receipts(board, entry or [])
    known = given.slate.station(station)  # type: ignore[arg-type]  # a station's number is text
    claim = Claim(court, complainant, station, known.name if known else "", article, deadline, demand)
    case = case_of(collection, claim, found, attached, receipts)
    made = complaint_files(case, Written(language, zone_of(zone)))
    _write_pack(out, made)
    if as_json:
        ui.out_json({"out": str(out), "files": list(made), "findings": len(case.findings)})
        return
    ui.out(f"{len(made):,} files in {out}")
    ui.say(f"Print statement.html, fill in its lines, sign it, and file it by {deadline}.")
    ui.say("It names your sources. Keep a sealed copy elsewhere: e2ev observe seal")


# What the authority says


def read_given(official: Sequence[str], stations: Path | None, mapping: Path | None, title: str) -> Given:
    """Return the slate and the official deliveries, by a mapping file or by our own headings."""
    from e2ev.accountability.mapping_file import read_mapping
    from e2ev.accountability.sheets import Slate
    from e2ev.formats import channels
    from e2ev.storage.disk import read_bounded

    if not official and stations is None:
        return Given(Slate(title, (), ()), ())
    by = read_mapping(read_bounded(mapping, 4 << 20), mapping.name) if mapping is not None else None
    given = [channels.Given(name, (path,), name) for name, path in map(_named, official)]
    found = channels.collect(given, channels.Knowledge(title, by, stations))
    return Given(found.slate, found.deliveries)


def _named(text: str) -> tuple[str, Path]:
    name, sign, path = text.partition("=")
    return (name, Path(path)) if sign and not Path(text).exists() else (DEFAULT_NAME, Path(text))


def _terms(
    opens: str, closes: str, per_minute: int, elsewhere: Sequence[str], groups: int, known: Sequence[str]
) -> "Terms":
    from datetime import datetime

    from e2ev.accountability.observed import Terms
    from e2ev.accountability.times import moment
    from e2ev.errors import DataError

    now = datetime.now().astimezone()
    hours = [moment(text, now) if text else 0 for text in (opens, closes)]
    if bool(opens) != bool(closes) or (opens and hours[0] >= hours[1]):
        raise DataError("opening and close are given together, one after the other", remedy="--opens … --closes …")
    beyond: dict[str, int] = {}
    for text in elsewhere:
        name, _, number = text.rpartition("=")
        if not name or not number.isdecimal():
            raise typer.BadParameter("write STATION=NUMBER", param_hint="--elsewhere")
        beyond[name] = int(number)
    return Terms(hours[0], hours[1], per_minute, beyond, groups, frozenset(known))


def _cells(state: str, one: "Found") -> tuple[str, str, str, str]:
    return f"  {state}", one.station, one.found, "; ".join(one.sources)


def _compared_json(found: "Compared") -> dict[str, object]:
    return {"findings": [_found_json(one) for one in found.findings],
            "not_tested": [_found_json(one) for one in found.not_tested], "seen": found.seen}  # fmt: skip


def _found_json(one: "Found") -> dict[str, object]:
    return {"rule": one.rule, "station": one.station, "found": one.found, "sources": one.sources, "about": one.about,
            "official": one.official, "observed": one.observed}  # fmt: skip


# Files of a complaint


def _check_day(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter("write YYYY-MM-DD", param_hint="--deadline") from error


def _receipts(board: Path | None, places: Sequence[int]) -> dict[str, bytes]:
    from e2ev.board.receipt import make_receipt

    if places and board is None:
        raise typer.BadParameter("name the board that the entries stand on", param_hint="--board")
    if board is None:
        return {}
    return {f"entry-{place}.tlog-proof": make_receipt(board, partial(_stands_at, place), None) for place in places}


def _stands_at(place: int, logged: "Logged") -> bool:
    return logged.index == place


def _together(named: Mapping[str, bytes], given: Mapping[str, bytes]) -> dict[str, bytes]:
    from e2ev.errors import ConflictError

    for name in named.keys() & given.keys():
        if named[name] != given[name]:
            raise ConflictError(f"two pieces of evidence are called {name}", remedy="rename one of them")
    return {**named, **given}


def _by_hash(folder: Path | None) -> dict[bytes, tuple[str, bytes]]:
    import hashlib

    found = {}
    for path in sorted(one for one in (folder.rglob("*") if folder else ()) if one.is_file()):
        data = _read(path)
        found[hashlib.sha256(data).digest()] = path.name, data
    return found


def _files(paths: Sequence[Path]) -> dict[str, bytes]:
    from e2ev.errors import ConflictError

    if len({path.name for path in paths}) < len(paths):
        raise ConflictError("two files of the evidence have one name", remedy="rename one of them")
    return {path.name: _read(path) for path in paths}


def _read(path: Path) -> bytes:
    from e2ev.storage.disk import read_bounded

    return read_bounded(path, 256 << 20)


def _write_pack(out: Path, files: Mapping[str, bytes]) -> None:
    from e2ev.errors import ConflictError
    from e2ev.formats.bundle import bundle
    from e2ev.storage.disk import write_once

    if out.suffix.lower() == ".zip":
        write_once(out, bundle(files), 0o600)
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConflictError("is not empty", where=str(out), remedy="name a new folder")
    for name, data in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        write_once(out / name, data, 0o600)
