"""What the tests of the record and the board share: keys, authors with their pens, and values of any record type."""

import unicodedata
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import cycle
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from e2ev.board.log import BoardLog
from e2ev.ceremony import SealedShare
from e2ev.demo.toy import TOY
from e2ev.group import Element, Scalar
from e2ev.hashing import election_identifier
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.entry import Entry, Header, Pen, author_of
from e2ev.record.kinds import KINDS, Kind
from e2ev.signing import SigningKey
from e2ev.storage.disk import REAL, Disk

ELECTION = bytes(range(32))
ORIGIN = "example.org/board"
BODY_TYPES = tuple(row.body for row in KINDS.values() if row.body is not None)
RECORD_TYPES: tuple[type, ...] = (Header, SealedShare, *BODY_TYPES)
ELEMENTS = tuple(TOY.generator**exponent for exponent in range(16))


def key(number: int) -> SigningKey:
    """Return one of 256 keys, always the same one for a number."""
    return SigningKey.from_seed(bytes([number]) * 32)


LOG_KEY = key(255)


class Writer:
    """Writes the entries of one author, each behind the one before."""

    def __init__(self, number: int, election: bytes = ELECTION) -> None:
        self.pen = Pen(key(number), election)

    @property
    def author(self) -> bytes:
        return author_of(self.pen.key.verify_key)

    def write(self, kind: int = Kind.CORRECTION, body: object = None, code: bytes | None = None) -> Entry:
        value = bodies.CorrectionBody(1, bytes(32), "text") if body is None else body
        encoded = value if isinstance(value, bytes) else encode(value)
        entry, self.pen = self.pen.write(kind, encoded, code)
        return entry


def new_board(folder: Path, disk: Disk = REAL) -> BoardLog:
    """Return the writer of a new board in `folder`, not yet entered."""
    (folder / "keep").mkdir(exist_ok=True)
    return BoardLog.create(folder / "test.board", folder / "keep", ORIGIN, LOG_KEY, ELECTION, disk=disk, reserve=0)


def old_board(folder: Path, disk: Disk = REAL) -> BoardLog:
    """Return the writer of the board that `new_board` made in `folder`, not yet entered."""
    return BoardLog(folder / "test.board", folder / "keep", ORIGIN, LOG_KEY, disk=disk, reserve=0)


def genesis(number: int = 0) -> Entry:
    """Return a genesis that names the log of `new_board`, by `key(number)`; nothing else in it is right."""
    body = replace(sample(bodies.Genesis), log_origin=ORIGIN, log_key=author_of(LOG_KEY.verify_key))
    return Writer(number, bytes(32)).write(Kind.GENESIS, body)


def founded_board(
    folder: Path, sizes: Sequence[int], authors: Sequence[int] = (1,), name: str = "test", segment: int = 0
) -> Path:
    """Return a board that begins with genesis, and whose log signed it at each of these sizes.

    Args:
        folder: New, or without a board.
        sizes: Rising; the first is at least 1.
        authors: Who writes the entries behind genesis, in turn, by the numbers of their keys.
        name: Of the file.
        segment: Bytes of each of its files; 0 for one file.
    """
    (folder / "keep").mkdir(parents=True, exist_ok=True)
    first = genesis()
    election = election_identifier(first.body)
    writers = {author: Writer(author, election) for author in authors}
    turn = cycle(authors)
    board = folder / f"{name}.board"
    with BoardLog.create(board, folder / "keep", ORIGIN, LOG_KEY, election, segment_size=segment, reserve=0) as log:
        for size in sizes:
            fresh = [] if log.size else [first]
            log.append([*fresh, *(writers[next(turn)].write() for _ in range(size - log.size - len(fresh)))])
    return folder / f"{name}.board"


def sample(kind: Any) -> Any:
    """Return one value of a record type, with two items in every array and nothing left out."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return bytes(range(arguments[1]))
    if origin is Literal:
        return arguments[0]
    if origin is tuple:
        return (sample(arguments[0]), sample(arguments[0]))
    if origin in (Union, UnionType):
        return sample(arguments[0])
    if hasattr(kind, "__supertype__"):
        return sample(kind.__supertype__)
    simple = {Element: ELEMENTS[5], Scalar: TOY.scalar(12345), int: 300, bytes: b"some bytes", str: "Чоң-Таш"}
    if kind in simple:
        return simple[kind]
    hints = get_type_hints(kind, include_extras=True)
    return kind(*(sample(hints[field.name]) for field in fields(kind)))


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for all values of a record type over the toy group."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return st.binary(min_size=arguments[1], max_size=arguments[1])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin in (Union, UnionType):
        return st.one_of(*(st.none() if item is NoneType else values(item) for item in arguments))
    if hasattr(kind, "__supertype__"):
        return values(kind.__supertype__)
    if kind in _LEAVES:
        return _LEAVES[kind]
    hints = get_type_hints(kind, include_extras=True)
    return st.builds(kind, *(values(hints[field.name]) for field in fields(kind)))


_LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    Element: st.sampled_from(ELEMENTS),
    Scalar: st.integers(0, int(TOY.q) - 1).map(TOY.scalar),
    int: st.integers(0, 2**31 - 1),
    bytes: st.binary(max_size=70),
    str: st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40).map(
        lambda text: unicodedata.normalize("NFC", text)
    ),
}
