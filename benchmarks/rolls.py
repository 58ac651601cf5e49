"""A roll of 8,000,000 rows in 10,000 stations, checked: `python -m benchmarks.rolls [ROWS] [--stations N]`.

Keys are points of the curve made by adding a base point again and again: good keys, all different, made faster than
anybody could make their secrets. The roll is written to a file, and then checked in a process of its own: its entries
are decoded and judged by the board's rules, kept, hashed into the tree and endorsed, classes of weight are counted
(E.4, E.7), and every key is looked at and compared with all others (E.3). Signatures of ballots are no part of it. Then
a person at two of as many stations is looked for, from the desks' files, likewise in a process of its own.
"""

import argparse
import hashlib
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.paired import Case, Work
from e2ev import arith
from e2ev.board.contents import Contents, Posted
from e2ev.board.eligibility import endorsed, roll, take_roll
from e2ev.board.roll import Eligibility, Roll
from e2ev.demo.parts import manifest as manifest_file
from e2ev.demo.parts import options
from e2ev.manifest import Manifest, read_manifest
from e2ev.record.codec import Unchecked, decode, encode
from e2ev.record.eligibility import RegistrarAdmittedBody, RollBody, RollEndorsedBody, RollSection
from e2ev.record.entry import Header
from e2ev.record.kinds import Kind
from e2ev.roles.checkin import cross_check
from e2ev.roles.registrar import PART
from e2ev.roles.voters import write_rows
from e2ev.signing import KEY_BYTES
from e2ev.verify.check import Gathered
from e2ev.verify.eligibility import check_roll

FULL_ROWS, FULL_STATIONS = 8_000_000, 10_000
LIMIT_MIB, LIMIT_SECONDS = 1024, 600
"""Bounded memory, and the time that the roll's checks may take."""
_LENGTH = 4
P = arith.integer(2**255 - 19)
D = arith.integer(-121665 * pow(121666, -1, 2**255 - 19) % (2**255 - 19))
BASE_Y = arith.integer(4 * pow(5, -1, 2**255 - 19) % (2**255 - 19))
BASE_X = arith.integer(15112221349535400772501151409588531511454012693041857206046113283949847762202)
BATCH = 4096


def keys(first: int) -> Iterator[bytes]:
    """Yield different points of the curve, encoded as keys: (first + 2)·B, (first + 3)·B, ...

    Projective coordinates, and one inversion for a batch of points.
    """
    x, y, z = _multiple(first + 1)
    while True:
        points = []
        for _ in range(BATCH):
            x, y, z = _sum(x, y, z)
            points.append((x, y, z))
        products = [arith.integer(1)]
        for _, _, scale in points:
            products.append(products[-1] * scale % P)
        inverse, made = arith.inverse(products[-1], P), []
        for i in reversed(range(BATCH)):
            scale = inverse * products[i] % P
            inverse = inverse * points[i][2] % P
            made.append((points[i][0] * scale % P, points[i][1] * scale % P))
        for at_x, at_y in reversed(made):
            yield int(at_y | ((at_x & 1) << 255)).to_bytes(KEY_BYTES, "little")


def _sum(x: Any, y: Any, z: Any) -> tuple[Any, Any, Any]:
    """Return a point plus B, projectively (add-2008-bbjlp, with the second point affine and a = -1)."""
    square, c, d = z * z % P, x * BASE_X % P, y * BASE_Y % P
    e = D * c % P * d % P
    f, g = square - e, square + e
    sum_x = z * f % P * ((x + y) * (BASE_X + BASE_Y) - c - d) % P
    return sum_x, z * g % P * (d + c) % P, f * g % P


def _multiple(times: int) -> tuple[Any, Any, Any]:
    """Return so many times B, by adding: for small numbers."""
    point = (arith.integer(0), arith.integer(1), arith.integer(1))
    for _ in range(times):
        point = _sum(*point)
    return point


def manifest_of(stations: int, columns: int) -> bytes:
    """Return a manifest with so many stations and registrars."""
    return manifest_file(
        "A country", contests=[{"label": "question", "selection_limit": 1, "options": options("yes", "no")}],
        reporting_units=options(*(f"station {i}" for i in range(1, stations + 1))),
        ballot_styles=[{"label": "all", "contests": ["question"]}],
        eligibility={"mode": "roll", "registrars": columns},
    )  # fmt: skip


def write_roll(path: Path, rows: int, stations: int, columns: int) -> bytes:
    """Write the entries' bodies of a roll to a file, each behind its length, and return the root over all rows."""
    source, first = keys(0), 0
    width, sections, size = KEY_BYTES * columns, list[RollSection](), 0
    model = Roll(columns)
    with path.open("wb") as stream:
        for unit in range(1, stations + 1):
            count = rows * unit // stations - rows * (unit - 1) // stations
            if not count:
                continue
            section = RollSection(1, unit, 1, b"".join(next(source) for _ in range(count * columns)))
            sections.append(section)
            size += len(section.keys)
            if size >= PART or unit == stations:
                data = encode(RollBody(1, first, tuple(sections)))
                stream.write(len(data).to_bytes(_LENGTH, "big") + data)
                first, size = first + sum(len(one.keys) // width for one in sections), 0
                for one in sections:
                    model.add(one)
                sections.clear()
    return model.tree.root()


def _contents(manifest: Manifest, columns: int) -> Contents:
    """Return the contents of a board on which nothing but registrars stands: what the roll's rules look at."""
    made: Any = object.__new__(Contents)
    held = Eligibility.of(manifest)
    for number in range(columns):
        author = bytes([1]) + number.to_bytes(KEY_BYTES, "big")
        held.registrars[author] = _posted(RegistrarAdmittedBody(1, f"registrar {number}", author, 0), author)
    made.manifest, made.eligibility, made.opened, made.id = manifest, held, None, bytes(32)
    made.genesis, made.devices = None, {}
    return made  # type: ignore[no-any-return]


def _posted(body: Any, author: bytes, kind: Kind = Kind.ROLL) -> Any:
    header = Header(1, int(kind), bytes(32), author, 1, bytes(32), 0, bytes(32), None, bytes(65))
    return Posted(0, header, bytes(32), Unchecked(body))


def check(path: Path, rows: int, stations: int, columns: int, root: bytes) -> dict[str, object]:
    """Return what the checks of a roll in a file found, and what they took."""
    started, before = time.monotonic(), time.process_time()
    contents = _contents(read_manifest(manifest_of(stations, columns)), columns)
    author, objections = contents.eligibility.whole()[0], list[str]()
    with path.open("rb") as stream:
        while head := stream.read(_LENGTH):
            body = decode(RollBody, stream.read(int.from_bytes(head, "big")), None, "roll").form
            posted = _posted(body, author)
            objections += [one.found for one in roll(contents, posted)]
            take_roll(contents, posted)
    read = time.monotonic()
    said = _posted(RollEndorsedBody(1, rows, root), author, Kind.ROLL_ENDORSED)
    objections += [one.found for one in endorsed(contents, said)]
    objections += map(str, contents.eligibility.roll.too_small(contents.manifest))
    gathered = Gathered()
    check_roll(gathered, contents.eligibility.roll, frozenset())
    objections += [finding.found for finding in gathered.findings]
    done = time.monotonic()
    return {"rows": rows, "stations": stations, "registrars": columns, "objections": objections,
            "reading": round(read - started, 1), "keys": round(done - read, 1), "seconds": round(done - started, 1),
            "processor": round(time.process_time() - before, 1), "MiB": round(peak_mib(), 1)}  # fmt: skip


def case_of(folder: Path, rows: int, stations: int, columns: int = 2) -> Case:
    """Return a roll's checks beside what nobody can do without: SHA-256 of its rows, and its keys sorted in memory."""
    path = folder / "roll"
    root = write_roll(path, rows, stations, columns)

    def ours() -> bool:
        return check(path, rows, stations, columns, root)["objections"] == []

    def bare() -> bool:
        data = path.read_bytes()
        return bool(sorted(hashlib.sha256(data[i : i + KEY_BYTES]).digest() for i in range(0, len(data), KEY_BYTES)))

    name = f"check a roll of {rows:,} rows"
    return Case(name, "row", Work(ours, rows), Work(bare, rows), "SHA-256 and a sort", least=1, most=2, rehearsed=False)


def write_visits(folder: Path, people: int, stations: int) -> list[Path]:
    """Write the desks' files; one person is at the first station and at the last one."""
    paths, person = [], 0
    for number in range(1, stations + 1):
        count = people * number // stations - people * (number - 1) // stations
        ids = [f"person {person + i}" for i in range(count)] + (["person 0"] if number == stations > 1 else [])
        person += count
        salts = (hashlib.sha256(f"{number} {one}".encode()).hexdigest()[:32] for one in ids)
        path = folder / f"visits-{number}.csv"
        label = f"station {number}"
        write_rows(path, ("unit", "id", "salt", "outcome"),
                   ((label, one, salt, "matched") for one, salt in zip(ids, salts, strict=True)))  # fmt: skip
        paths.append(path)
    return paths


def check_visits(paths: list[Path]) -> dict[str, object]:
    """Return who was at two places, and what finding it took."""
    started = time.monotonic()
    found = cross_check(paths)
    return {"files": len(paths), "twice": [(one.id, *one.places) for one in found],
            "seconds": round(time.monotonic() - started, 1), "MiB": round(peak_mib(), 1)}  # fmt: skip


def peak_mib() -> float:
    """Return the most memory that this process ever had."""
    from benchmarks.million import peak_bytes

    return peak_bytes() / (1 << 20)


def apart(function: Any, *arguments: Any) -> Any:
    """Return what a function gives in a new process, so that its memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> None:
    """Make a roll, check it, look for a person at two stations, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=FULL_ROWS)
    parser.add_argument("--stations", type=int, default=FULL_STATIONS)
    parser.add_argument("--columns", type=int, default=2)
    parser.add_argument("--people", type=int, default=None, help="at the doors; default: as many as rows")
    chosen = parser.parse_args()
    people = chosen.rows if chosen.people is None else chosen.people
    with tempfile.TemporaryDirectory(prefix="e2ev-rolls-") as name:
        folder, started = Path(name), time.monotonic()
        root = write_roll(folder / "roll", chosen.rows, chosen.stations, chosen.columns)
        print(f"made in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        told = apart(check, folder / "roll", chosen.rows, chosen.stations, chosen.columns, root)
        print(json.dumps(told), flush=True)
        (folder / "roll").unlink()
        came = apart(check_visits, write_visits(folder, people, chosen.stations)) if people else None
        print(json.dumps(came), flush=True)
    good = not told["objections"] and told["MiB"] <= LIMIT_MIB and told["seconds"] <= LIMIT_SECONDS
    if came is not None:
        good = good and len(came["twice"]) == 1 and came["MiB"] <= LIMIT_MIB
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
