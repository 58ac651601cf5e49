"""What observers of an election say: statements about polling stations, signed one by one (specs/observers.md).

They need no keys of the election and no leave of the authority. The statements are no entries of a board: their kinds
have numbers that no board takes, and nothing on a board says who observes.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum
from typing import Any, Literal, cast, get_args

from e2ev.errors import DataError, RejectedError
from e2ev.hashing import Digest
from e2ev.record.codec import decode, encode
from e2ev.strict_json import JsonObject, nearest, quoted

MAX_STATEMENT = 1 << 20
"""Bytes of a statement."""

What = Literal[
    "COPY REFUSED", "OBSERVER REMOVED", "OBSERVER HINDERED", "BALLOTS STUFFED", "VOTED TWICE", "VOTERS BROUGHT",
    "PRESSURE", "VOTES BOUGHT", "NAME NOT ON LIST", "STRANGER ON LIST", "SEAL BROKEN", "COUNT HIDDEN", "SHEET CHANGED",
    "SHEET NOT POSTED", "OTHER",
]  # fmt: skip
Shows = Literal["", "result sheet", "turnout notice", "document", "seal", "place"]
State = Literal["requested", "published", "refused"]

# A photograph of a marked ballot is a receipt; these are its names in the languages of the house.
_BALLOT = re.compile(r"ballot|бюллетен|my vote|мой голос|ورقة اقتراع|ورقة الاقتراع|پەڕەی دەنگدان", re.IGNORECASE)
NO_BALLOTS = (
    "marked ballots are not collected: a photograph of one is a receipt, which proves to whoever buys or extorts votes"
    " how its maker voted, and makes others be asked for one"
)


class Said(IntEnum):
    """Numbers of the kinds of statements."""

    BEGUN = 101
    DOOR = 102
    RESULT = 103
    INCIDENT = 104
    DOCUMENT = 105


@dataclass(frozen=True, slots=True)
class Begun:
    """The first statement of a file.

    Attributes:
        form: Of this statement.
        title: Of the election.
        source: Who observes, by a name that need not be a person's: "group/name". The group is the origin.
        made: When this was written, by the device's clock, in seconds since 1970.
    """

    form: Literal[1]
    title: str
    source: str
    made: int


@dataclass(frozen=True, slots=True)
class Door:
    """People who went in at a door, counted without a gap from one moment to another.

    Attributes:
        form: Of this statement.
        station: Whose door.
        since: Seconds since 1970.
        until: The same; later.
        people: Everybody who went in to vote or might have.
        note: Words.
        made: As above.
    """

    form: Literal[1]
    station: str
    since: int
    until: int
    people: int
    note: str
    made: int


@dataclass(frozen=True, slots=True)
class Votes:
    """What an option got; None where it cannot be read."""

    option: str
    votes: int | None


@dataclass(frozen=True, slots=True)
class Counted:
    """Another number of a sheet, by the name of its `Figure`."""

    figure: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """A result sheet of one contest as the observer read it, or what the observer saw counted.

    Attributes:
        form: Of this statement.
        station: Whose sheet.
        contest: Its label.
        votes: By option.
        figures: What else was counted.
        at_least: False for a copy of the sheet; true where the numbers are what the observer saw with own eyes, so
            that the true ones are no smaller.
        photo: SHA-256 of a photograph of the sheet.
        note: Words.
        made: As above.
    """

    form: Literal[1]
    station: str
    contest: str
    votes: tuple[Votes, ...]
    figures: tuple[Counted, ...]
    at_least: bool
    photo: Digest | None
    note: str
    made: int


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that went wrong.

    Attributes:
        form: Of this statement.
        station: Where.
        what: One of a list.
        at: When, in seconds since 1970.
        words: What happened.
        photo: SHA-256 of a photograph.
        shows: What is on it; empty without one.
        made: As above.
    """

    form: Literal[1]
    station: str
    what: What
    at: int
    words: str
    photo: Digest | None
    shows: Shows
    made: int


@dataclass(frozen=True, slots=True)
class Document:
    """A document that the authority was asked for, or published, or refused.

    Attributes:
        form: Of this statement.
        station: Of which station; empty for one of the whole election.
        name: Of the document.
        state: What became of it.
        date: The day, YYYY-MM-DD.
        words: From whom, to whom, by which article.
        file: SHA-256 of the letter or document.
        made: As above.
    """

    form: Literal[1]
    station: str
    name: str
    state: State
    date: str
    words: str
    file: Digest | None
    made: int


Statement = Begun | Door | Result | Incident | Document
KINDS: dict[Said, type[Statement]] = {
    Said.BEGUN: Begun,
    Said.DOOR: Door,
    Said.RESULT: Result,
    Said.INCIDENT: Incident,
    Said.DOCUMENT: Document,
}
NAMES: dict[str, Said] = {kind.name.lower(): kind for kind in KINDS}


def number_of(statement: Statement) -> Said:
    """Return the number of a statement's kind."""
    return next(number for number, kind in KINDS.items() if type(statement) is kind)


def election_of(title: str) -> bytes:
    """Return the id that signatures bind statements to: SHA-256("e2ev observed election v1", 0x00, title in NFC)."""
    return hashlib.sha256(b"e2ev observed election v1\0" + unicodedata.normalize("NFC", title).encode()).digest()


def group_of(source: str) -> str:
    """Return the origin of a source: what stands before the first slash, and before the beginning of the key."""
    return source.partition("/")[0].partition(" [")[0].strip()


def decode_statement(number: int, body: bytes, where: str) -> Statement:
    """Return a statement from its canonical bytes.

    Raises:
        DataError: The kind is unknown, or the form wrong.
    """
    if number not in KINDS:
        raise DataError(f"a statement of kind {number}, which observers do not make", where=where)
    statement = decode(KINDS[Said(number)], body, None, where).form
    check(statement, where)
    return statement


def check(statement: Statement, where: str) -> None:
    """Check what the form alone does not say.

    Raises:
        DataError: A period ends before it begins, a date is none, a photograph is of nothing, a name is blank.
    """
    if isinstance(statement, Door) and statement.until <= statement.since:
        raise DataError("the count at the door ends before it begins", where=where)
    if isinstance(statement, Document) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", statement.date):
        raise DataError(f"{quoted(statement.date)} is no date", where=where, remedy="write YYYY-MM-DD")
    if isinstance(statement, Incident) and (statement.photo is None) != (not statement.shows):
        raise DataError("a photograph and what it shows are given together", where=where)
    if isinstance(statement, Door | Result | Incident) and not statement.station.strip():
        raise DataError("the polling station is not named", where=where)


def what_of(text: str) -> What:
    """Return the incident that somebody named, whatever the case.

    Raises:
        DataError: None of the list.
        RejectedError: It is a marked ballot.
    """
    word = " ".join(text.upper().split())
    if word in get_args(What):
        return cast(What, word)
    _refuse_ballots(text)
    raise DataError(f"{quoted(text)} is no incident of the list", remedy=nearest(word, get_args(What)))


def shows_of(text: str) -> Shows:
    """Return what a photograph shows, as somebody named it; errors as of `what_of`."""
    word = " ".join(text.lower().split())
    if word in get_args(Shows):
        return cast(Shows, word)
    _refuse_ballots(text)
    raise DataError(f"{quoted(text)} is not what photographs are kept of", remedy=nearest(word, get_args(Shows)[1:]))


def _refuse_ballots(text: str) -> None:
    if _BALLOT.search(text):
        raise RejectedError(NO_BALLOTS, where=quoted(text), remedy="photograph the result sheet instead")


# As JSON, for people and other programs


def statement_json(statement: Statement) -> dict[str, object]:
    """Return a statement with the names of its fields; hashes in hex."""
    return {"kind": number_of(statement).name.lower()} | {
        field.name: _json(getattr(statement, field.name)) for field in fields(statement) if field.name != "form"
    }


def _json(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    if is_dataclass(value):
        return {field.name: _json(getattr(value, field.name)) for field in fields(value)}
    return value


def statement_from_json(value: object, where: str) -> Statement:
    """Return the statement whose JSON form this is.

    Raises:
        DataError: A field is missing, unknown, or of the wrong form.
    """
    if not isinstance(value, JsonObject) or value.repeated or value.get("kind") not in NAMES:
        raise DataError("this is no statement of an observer", where=where)
    number = NAMES[str(value["kind"])]
    kind = KINDS[number]
    names = [field.name for field in fields(kind) if field.name != "form"]
    if sorted(names) != sorted(value.keys() - {"kind"}):
        raise DataError(f"the fields are not {', '.join(names)}", where=where)
    try:
        given: dict[str, Any] = {name: _field(kind, name, value[name]) for name in names}
        return decode_statement(number, encode(kind(1, **given)), where)
    except (TypeError, ValueError) as error:
        raise DataError("a field holds something else than it should", where=where) from error


def _field(kind: type[Statement], name: str, value: object) -> object:
    if isinstance(value, str) and name in ("photo", "file"):
        return bytes.fromhex(value)
    if name in ("votes", "figures"):
        return tuple(_items(Votes if name == "votes" else Counted, value))
    if value is None or type(value) in (bool, int, str):
        return value
    raise TypeError(name)


def _items(kind: type[Votes | Counted], value: object) -> Iterator[Votes | Counted]:
    names = [field.name for field in fields(kind)]
    for item in cast(list[object], value):
        if not isinstance(item, JsonObject) or sorted(item) != sorted(names):
            raise TypeError(names[0])
        yield kind(*(item[name] for name in names))  # type: ignore[arg-type]  # the codec checks them
