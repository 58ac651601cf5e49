"""Choices as people write them: in a dialogue, or many in a CSV file."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

from e2ev.ballot import PlainBallot, PlainContest
from e2ev.contest_data import encode_contest_data
from e2ev.errors import DataError
from e2ev.manifest import BallotStyle, Contest, Manifest, ReportingUnit

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
        DataError: A label is unknown, a number is none, or the manifest has no such ballots.
    """
    known, where = manifest.style_by_label(style), manifest.unit_by_label(unit)
    check_place(manifest, known, where, weight)
    contests = tuple(manifest.contest(index) for index in known.contests)
    for label in choices:
        if label not in {contest.label for contest in contests}:
            manifest.contest_by_label(label)
            raise DataError(f"contest {label} is not on ballot style {style}", where=label)
    plain = tuple(_plain_contest(contest, choices.get(contest.label, "")) for contest in contests)
    return PlainBallot(known.index, where.index, plain, weight)


def check_place(manifest: Manifest, style: BallotStyle, unit: ReportingUnit, weight: int) -> None:
    """Check that the ballot style is voted at the reporting unit, and that ballots may have the weight.

    Raises:
        DataError: It is not, or they may not.
    """
    if unit.index not in style.units:
        labels = ", ".join(held.label for held in styles_at(manifest, unit))
        found = f"ballot style {style.label} is not voted at {unit.label}"
        raise DataError(found, where="ballot style", remedy=f"voted there: {labels}")
    if weight not in manifest.weights:
        allowed = ", ".join(map(str, manifest.weights))
        raise DataError(f"a ballot of weight {weight}; the manifest has {allowed}", where="weight")


def styles_at(manifest: Manifest, unit: ReportingUnit) -> tuple[BallotStyle, ...]:
    """Return the ballot styles that are voted at a reporting unit."""
    return tuple(style for style in manifest.ballot_styles if unit.index in style.units)


def _plain_contest(contest: Contest, text: str) -> PlainContest:
    values, write_ins = [0] * len(contest.options), []
    for part in (item.strip() for item in text.split(";")):
        if part.lower().startswith("write-in:"):
            write_ins.append(part.split(":", 1)[1].strip())
        elif part:
            try:
                option, number = _choice(contest, part)
            except DataError as error:
                raise DataError(error.found, where=contest.label, remedy=error.remedy) from error
            values[option - 1] += number
    return marked(contest, tuple(values), tuple(write_ins))


def marked(contest: Contest, values: tuple[int, ...], write_ins: tuple[str, ...] = ()) -> PlainContest:
    """Return one contest's choices; too many votes are an overvote, not an error.

    Raises:
        DataError: A name is written in that the contest does not keep, or that holds control characters.
    """
    if write_ins and not contest.data_blocks:
        raise DataError("a name is written in, and this contest keeps none", where=contest.label)
    if any(unicodedata.category(letter) in ("Cc", "Cs") for text in write_ins for letter in text):
        raise DataError("a name is written in with a control character", where=contest.label)
    if contest.data_blocks:
        encode_contest_data(contest, values, write_ins)
    return PlainContest(contest.index, values, write_ins)


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
    return contest.option_by_label(label.strip()).index, int(number.strip())


def read_marks(contest: Contest, text: str) -> tuple[int, ...]:
    """Return one number for each option from what somebody typed: options by their number, "1 3", with votes "1=2 3".

    Raises:
        DataError: There is no such option, it is named twice, or the limits of the contest are not kept.
    """
    values: dict[int, int] = {}
    for part in re.split(r"[\s,;]+", text.strip()):
        if not part:
            continue
        number, equals, votes = part.partition("=")
        option = _typed_number(number)
        if option is None or not 1 <= option <= len(contest.options):
            raise DataError(f"{part[:20]!r} is not on the list: the options are 1 to {len(contest.options)}")
        value = _typed_number(votes) if equals else 1
        if option in values:
            raise DataError(f"option {option} is named twice")
        limit = contest.option(option).limit
        if value is None or value > limit:
            raise DataError(f"option {option} takes at most {limit}, not {votes[:20]!r}")
        values[option] = value
    if sum(values.values()) > contest.selection_limit:
        raise DataError(f"that is {sum(values.values())} in all, and {contest.selection_limit} is the most")
    return tuple(values.get(option.index, 0) for option in contest.options)


def _typed_number(text: str) -> int | None:
    """Return a number in the digits of any script; None for anything else."""
    return int(text) if text.isdecimal() and len(text) <= 6 else None


def read_csv(
    data: bytes, manifest: Manifest, unit: str, where: str, style: str = "", weight: int = 1
) -> Iterator[tuple[PlainBallot, Decision]]:
    """Yield the ballots of a CSV file: columns style, weight, decision (all optional), and one for each contest label.

    Args:
        data: The file's bytes.
        manifest: The manifest.
        unit: Label of the reporting unit.
        where: Named in errors.
        style: Of rows that state none; by default the first that is voted at the unit.
        weight: Of rows that state none.

    Raises:
        DataError: A row does not fit the manifest; its line is named.
    """
    try:
        text = unicodedata.normalize("NFC", data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError("the file is not UTF-8", where=where, remedy="save it as CSV UTF-8") from error
    known = styles_at(manifest, manifest.unit_by_label(unit))
    defaults = {"style": style or known[0].label, "weight": str(weight)}
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="")
    try:
        fields = reader.fieldnames or []
        _check_columns(list(fields), manifest, where)
        for row in reader:
            yield _csv_ballot(row, defaults, manifest, unit, f"{where}, line {reader.line_num}")
    except csv.Error as error:
        raise DataError(f"this is no CSV: {error}", where=f"{where}, line {reader.line_num + 1}") from error


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


def _csv_ballot(
    row: dict[str, str], defaults: dict[str, str], manifest: Manifest, unit: str, where: str
) -> tuple[PlainBallot, Decision]:
    if "" in row or None in row.values():
        raise DataError("the line has more or fewer cells than the first line has columns", where=where)
    style, weight = row.get("style") or defaults["style"], row.get("weight") or defaults["weight"]
    decision = row.get("decision") or "cast"
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
