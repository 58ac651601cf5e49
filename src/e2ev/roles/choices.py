"""Choices as people write them: in a dialogue, or many in a CSV file."""

import csv
import io
from collections.abc import Iterator
from typing import Literal

from e2ev.ballot import PlainBallot, PlainContest
from e2ev.errors import DataError
from e2ev.manifest import Contest, Manifest

CSV_LIMIT = 256 << 20

Decision = Literal["cast", "challenged", "abandoned"]


def plain_ballot(manifest: Manifest, style: str, unit: str, choices: dict[str, str], weight: int = 1) -> PlainBallot:
    """Return a ballot from texts.

    Args:
        manifest: The manifest.
        style: Label of the ballot style.
        unit: Label of the reporting unit.
        choices: By contest label: options separated by ";", each LABEL or LABEL=NUMBER, or "write-in: TEXT"; nothing
            for a null vote.
        weight: Of the ballot.

    Raises:
        DataError: A label is unknown or a number is none.
    """
    known = manifest.style_by_label(style)
    contests = tuple(manifest.contest(index) for index in known.contests)
    for label in choices:
        if label not in {contest.label for contest in contests}:
            manifest.contest_by_label(label)
            raise DataError(f"contest {label} is not on ballot style {style}", where=label)
    plain = tuple(_plain_contest(contest, choices.get(contest.label, "")) for contest in contests)
    return PlainBallot(known.index, manifest.unit_by_label(unit).index, plain, weight)


def _plain_contest(contest: Contest, text: str) -> PlainContest:
    values, write_ins = [0] * len(contest.options), []
    for part in (item.strip() for item in text.split(";")):
        if part.lower().startswith("write-in:"):
            write_ins.append(part.split(":", 1)[1].strip())
        elif part:
            option, number = _choice(contest, part)
            values[option - 1] += number
    return PlainContest(contest.index, tuple(values), tuple(write_ins))


def _choice(contest: Contest, part: str) -> tuple[int, int]:
    if part in {option.label for option in contest.options}:
        return contest.option_by_label(part).index, 1
    label, equals, number = part.rpartition("=")
    if not equals:
        return contest.option_by_label(part).index, 1
    if not (number.strip().isascii() and number.strip().isdigit()) or len(number.strip()) > 6:
        raise DataError(
            f"{number.strip()!r} is no number of votes",
            where=f"{contest.label}, {label.strip()}",
            remedy="write LABEL=NUMBER",
        )
    return contest.option_by_label(label.strip()).index, int(number)


def read_csv(data: bytes, manifest: Manifest, unit: str, where: str) -> Iterator[tuple[PlainBallot, Decision]]:
    """Yield the ballots of a CSV file: columns style, weight, decision (all optional), and one for each contest label.

    Raises:
        DataError: A row does not fit the manifest; its line is named.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("the file is not UTF-8", where=where, remedy="save it as CSV UTF-8") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="")
    try:
        fields = reader.fieldnames or []
        _check_columns(list(fields), manifest, where)
        for row in reader:
            yield _csv_ballot(row, manifest, unit, f"{where}, line {reader.line_num}")
    except csv.Error as error:
        raise DataError(f"this is no CSV: {error}", where=f"{where}, line {reader.line_num}") from error


_COLUMNS = ("style", "weight", "decision")


def _check_columns(fields: list[str], manifest: Manifest, where: str) -> None:
    if not fields or len(set(fields)) != len(fields):
        raise DataError("the first line has to name each column once", where=f"{where}, line 1")
    for name in fields:
        if name not in _COLUMNS:
            try:
                manifest.contest_by_label(name)
            except DataError as error:
                raise DataError(error.found, where=f"{where}, line 1", remedy=error.remedy) from error


def _csv_ballot(row: dict[str, str], manifest: Manifest, unit: str, where: str) -> tuple[PlainBallot, Decision]:
    if "" in row or None in row.values():
        raise DataError("the line has more or fewer cells than the first line has columns", where=where)
    style = row.get("style") or manifest.ballot_styles[0].label
    weight, decision = row.get("weight") or "1", row.get("decision") or "cast"
    if decision not in ("cast", "challenged"):
        raise DataError(f"decision {decision!r}; expected cast or challenged", where=where)
    if not (weight.isascii() and weight.isdigit()) or len(weight) > 6:
        raise DataError(f"weight {weight!r} is no number", where=where)
    choices = {name: text for name, text in row.items() if name not in _COLUMNS and text}
    try:
        plain = plain_ballot(manifest, style, unit, choices, int(weight))
    except DataError as error:
        raise DataError(error.found, where=f"{where}, {error.where}", remedy=error.remedy) from error
    return plain, "challenged" if decision == "challenged" else "cast"
