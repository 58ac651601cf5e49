"""Lists of voters as registrars have them: CSV files with names in them, which never leave the registrars' machines."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from random import Random, SystemRandom

from e2ev.board.roll import Class
from e2ev.errors import DataError
from e2ev.manifest import Manifest
from e2ev.storage.disk import PRIVATE, read_bounded, write_once

LIMIT = 2 << 30
MAX_ID = 200
_UTF8 = "save it as CSV UTF-8"


@dataclass(frozen=True, slots=True)
class Voter:
    """One voter: how the registrars call this person, and what the ballot may be."""

    id: str
    held: Class


def read_rows(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a CSV file, each with where it stands.

    Raises:
        DataError: The file is malformed, or lacks a column.
    """
    try:
        text = unicodedata.normalize("NFC", read_bounded(path, LIMIT).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError("the file is not UTF-8", where=str(path), remedy=_UTF8) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="")
    try:
        names = list(reader.fieldnames or [])
        if not set(columns) <= set(names) <= {*columns, *optional} or len(set(names)) != len(names):
            wanted = ", ".join((*columns, *(f"{name} if wanted" for name in optional)))
            raise DataError("these are not the columns that are needed", where=f"{path}, line 1", remedy=wanted)
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if "" in row or None in row.values():
                raise DataError("the line has more or fewer cells than the first line has columns", where=where)
            yield where, row
    except csv.Error as error:
        raise DataError(f"this is no CSV: {error}", where=f"{path}, line {reader.line_num + 1}") from error


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file that its owner alone can read; run again, it must be the same.

    Raises:
        ConflictError: Another file stands there.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_once(path, out.getvalue().encode(), PRIVATE)


def read_id(text: str, where: str) -> str:
    """Return what a person is called by, without white space around it.

    Raises:
        DataError: It is empty, or too long.
    """
    found = unicodedata.normalize("NFC", text.strip())
    if not 1 <= len(found) <= MAX_ID:
        raise DataError(f"an id has 1 to {MAX_ID} characters", where=where)
    return found


def read_voters(path: Path, manifest: Manifest) -> list[Voter]:
    """Return the voters of a CSV file, in its order: columns id, unit, and if wanted style and weight.

    Raises:
        DataError: A line does not fit the manifest, or an id stands there twice.
    """
    voters = [_voter(row, manifest, where) for where, row in read_rows(path, ("id", "unit"), ("style", "weight"))]
    seen = set[str]()
    for voter in voters:
        if voter.id in seen:
            raise DataError(f"{voter.id!r} stands there twice", where=str(path), remedy="leave one of them out")
        seen.add(voter.id)
    return voters


def _voter(row: Mapping[str, str], manifest: Manifest, where: str) -> Voter:
    weight = row.get("weight") or "1"
    try:
        unit = manifest.unit_by_label(row["unit"].strip())
        styles = [held for held in manifest.ballot_styles if unit.index in held.units]
        style = manifest.style_by_label(row["style"].strip()) if row.get("style") else styles[0]
    except DataError as error:
        raise DataError(error.found, where=where, remedy=error.remedy) from error
    if style not in styles:
        raise DataError(f"ballot style {style.label} is not voted at {unit.label}", where=where)
    if not weight.isascii() or not weight.isdigit() or len(weight) > 7 or int(weight) not in manifest.weights:
        raise DataError(f"weight {weight!r} is not among the manifest's", where=where)
    return Voter(read_id(row["id"], where), Class(style.index, unit.index, int(weight)))


def in_random_order(voters: Iterable[Voter], random: Random | None = None) -> list[Voter]:
    """Return voters as the roll has them: by style, unit and weight, and among those alike in an order of chance."""
    random, order = random or SystemRandom(), list(voters)
    random.shuffle(order)
    return sorted(order, key=lambda voter: (voter.held.style, voter.held.unit, voter.held.weight))


def sections(voters: Iterable[Voter]) -> Iterator[tuple[Class, int]]:
    """Yield what neighbouring voters have in common, and how many they are."""
    for held, alike in groupby(voters, lambda voter: voter.held):
        yield held, sum(1 for _ in alike)
