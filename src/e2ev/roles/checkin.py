"""A check-in desk: how many people came, and a commitment to who they were (specs/board.md, "Check-ins").

Who came is written into a private file, under random salts. The board gets a number, the outcomes of identification,
and the root over the salted identifiers: never a name. Registrars who open their files to each other find a person who
came to two places.
"""

import csv
import hashlib
import io
import secrets
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

from e2ev.board.contents import Contents
from e2ev.board.merkle import leaf_hash, root_of
from e2ev.errors import ConflictError, DataError, NotReadyError, RejectedError
from e2ev.record.codec import encode
from e2ev.record.eligibility import WHOLE, CheckInBody, RegisterBody, RegisteredUnit
from e2ev.record.entry import message_file
from e2ev.record.kinds import ELIGIBILITY, Kind
from e2ev.roles.administrator import Administrator
from e2ev.roles.card import RegistrarCard
from e2ev.roles.registrar import Registrar
from e2ev.roles.voters import read_id, read_rows, write_rows
from e2ev.storage.disk import PRIVATE, write_atomically, write_once
from e2ev.storage.seal import Passphrase
from e2ev.verify.runs import Spool, record, row_of, sorted_run, value_of

Outcome = Literal["matched", "override", "refused"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
SALT_BYTES = 16
_COLUMNS = ("unit", "id", "salt", "outcome")
_IDENTITY = b"e2ev identity v1\0"
_PREFIX = 16


@dataclass(frozen=True, slots=True)
class Visit:
    """One person at one place.

    Attributes:
        unit: Label of the place.
        id: How the registrars call the person.
        salt: 16 random bytes.
        outcome: Of identification.
    """

    unit: str
    id: str
    salt: bytes
    outcome: Outcome

    @property
    def leaf(self) -> bytes:
        """The leaf hash over salt and identifier."""
        return leaf_hash(self.salt + self.id.encode())


@dataclass(frozen=True, slots=True)
class Double:
    """A person who was let to vote at two places, or twice at one."""

    id: str
    places: tuple[str, ...]


def admit(administrator: Administrator, card: RegistrarCard, passphrase: Passphrase) -> None:
    """Admit a registrar; once is enough.

    Raises:
        ConflictError: The manifest asks for no such registrar, voting was opened, or the key is admitted otherwise.
    """
    contents = administrator.contents()
    unit = contents.manifest.unit_by_label(card.unit).index if card.unit else WHOLE
    held = contents.eligibility.registrars.get(card.author)
    if held is not None and (held.body.form.unit, held.body.form.name) == (unit, card.name):
        return
    if ELIGIBILITY not in contents.genesis.body.form.features:
        raise ConflictError("this election was founded without registrars", where=str(administrator.board),
                            remedy='the manifest says so: "eligibility", specs/manifest.md')  # fmt: skip
    if held is not None or contents.opened is not None:
        when = "the key is admitted for something else" if held else "voting was opened: it is too late"
        raise ConflictError(f"{card.name}: {when}", remedy="e2ev election status")
    administrator.admit_registrar(card.author, card.name, unit, passphrase)


class Desk(Registrar):
    """A check-in desk, on one private folder."""

    @property
    def visits_path(self) -> Path:
        """Where the people who came stand, with their salts: private."""
        return self.home / "visits.csv"

    def visits(self) -> list[Visit]:
        """Return who came so far."""
        return list(read_visits(self.visits_path)) if self.visits_path.exists() else []

    def add(self, unit: str, ids: Iterable[str], outcome: Outcome,
            random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> int:  # fmt: skip
        """Note people who came, all or none, and return how many were let to vote so far.

        Raises:
            ConflictError: One of them was let to vote before; or the desk has closed.
        """
        if (self.home / "check-in.e2ev").exists():
            raise ConflictError("this desk has closed", where=str(self.home), remedy="nobody votes any more")
        held = self.visits()
        let = {visit.id for visit in held if visit.outcome != "refused"}
        for text in ids:
            found = read_id(text, "id")
            if found in let and outcome != "refused":
                raise ConflictError("this person was let to vote before", where=self.visits_path.name,
                                    remedy="do not hand out a second ballot; --outcome refused")  # fmt: skip
            held.append(Visit(unit, found, random_bytes(SALT_BYTES), outcome))
            let |= {found} if outcome != "refused" else set()
        write_atomically(self.visits_path, _csv(held), PRIVATE)
        return len(let)

    def close(self, board: Path, unit: str) -> tuple[CheckInBody, Path]:
        """Write the desk's statement as a message file; run again, it says the same.

        Raises:
            NotReadyError: Voting is not open.
        """
        contents, pen = self.standing(board)
        if contents.opened is None or contents.closed is not None:
            raise NotReadyError("voting is not open", where=str(board), remedy="e2ev election status")
        index, visits = contents.manifest.unit_by_label(unit).index, self.visits()
        counts = {outcome: sum(visit.outcome == outcome for visit in visits) for outcome in OUTCOMES}
        came = counts["matched"] + counts["override"]
        body = CheckInBody(1, index, contents.eligibility.register_of(index), came, counts["matched"],
                           counts["override"], counts["refused"], visits_root(visits))  # fmt: skip
        path = self.home / "check-in.e2ev"
        write_once(path, message_file((pen.write(Kind.CHECK_IN, encode(body))[0],)))
        return body, path

    def state_register(
        self, board: Path, register: Path, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> tuple[RegisterBody, Path]:
        """Write the register before voting, sizes and roots, as a message file; the salts stay in a private file.

        Args:
            board: The board.
            register: CSV with the columns unit and id; or unit, id and salt, as another registrar's private file.
            random_bytes: Makes salts.

        Raises:
            DataError: A line does not fit the manifest, or a person stands there twice.
        """
        contents, pen = self.standing(board)
        kept = self.home / "register.csv"
        people = list(_registered(kept if kept.exists() else register, contents, random_bytes))
        write_rows(kept, ("unit", "id", "salt"), ((one.unit, one.id, one.salt.hex()) for one in people))
        body = RegisterBody(1, tuple(_units(people, contents)))
        path = self.home / "register.e2ev"
        write_once(path, message_file((pen.write(Kind.REGISTER, encode(body))[0],)))
        return body, path


def visits_root(visits: Iterable[Visit]) -> bytes:
    """Return the Merkle root over those who were let to vote, in the order of their leaf hashes."""
    return root_of(sorted(visit.leaf for visit in visits if visit.outcome != "refused"))


def _registered(path: Path, contents: Contents, random_bytes: Callable[[int], bytes]) -> Iterator[Visit]:
    seen = set[str]()
    for where, row in read_rows(path, ("unit", "id"), ("salt",)):
        found = read_id(row["id"], where)
        if found in seen:
            raise DataError("this person stands there twice", where=where, remedy="leave one of them out")
        seen.add(found)
        label = contents.manifest.unit_by_label(row["unit"].strip()).label
        salt = _salt(row["salt"], where) if row.get("salt") else random_bytes(SALT_BYTES)
        yield Visit(label, found, salt, "matched")


def _units(people: Sequence[Visit], contents: Contents) -> Iterator[RegisteredUnit]:
    by_unit: dict[int, list[Visit]] = {}
    for one in people:
        by_unit.setdefault(contents.manifest.unit_by_label(one.unit).index, []).append(one)
    for unit, members in sorted(by_unit.items()):
        yield RegisteredUnit(unit, len(members), visits_root(members))


def _salt(text: str, where: str) -> bytes:
    try:
        salt = bytes.fromhex(text)
    except ValueError:
        salt = b""
    if len(salt) != SALT_BYTES:
        raise DataError(f"a salt has {2 * SALT_BYTES} hex digits", where=where)
    return salt


def _csv(visits: Sequence[Visit]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((one.unit, one.id, one.salt.hex(), one.outcome) for one in visits)
    return out.getvalue().encode()


def read_visits(path: Path) -> Iterator[Visit]:
    """Yield the people of a desk's private file.

    Raises:
        DataError: The file is malformed.
    """
    for where, row in read_rows(path, _COLUMNS):
        if row["outcome"] not in OUTCOMES:
            raise DataError(f"outcome {row['outcome']!r}; expected one of " + ", ".join(OUTCOMES), where=where)
        yield Visit(row["unit"], read_id(row["id"], where), _salt(row["salt"], where), row["outcome"])


# Across places


def cross_check(paths: Sequence[Path], contents: Contents | None = None) -> list[Double]:
    """Return everybody who was let to vote twice, by the private files of several desks, in little memory.

    Args:
        paths: The desks' files.
        contents: What stands on the board, if the files are to be compared with what their desks stated there.

    Raises:
        DataError: A file is malformed.
        RejectedError: A file is not the one that its desk committed to.
    """
    with TemporaryDirectory(prefix="e2ev-cross-") as folder:
        spool = Spool(Path(folder), "people", _PREFIX + 4)
        for number, path in enumerate(paths):
            visits = list(read_visits(path))
            if contents is not None:
                _check_opening(contents, visits, path)
            spool.add(sorted_run(record(_identity(one.id), number) for one in visits if one.outcome != "refused"))
        found = {value: [row_of(one) for one in alike] for value, alike in _repeated(spool)}
    return list(_doubles(paths, found))


def _repeated(spool: Spool) -> Iterator[tuple[bytes, list[bytes]]]:
    for value, alike in groupby(spool, value_of):
        held = list(alike)
        if len(held) > 1:
            yield value, held


def _doubles(paths: Sequence[Path], found: Mapping[bytes, Sequence[int]]) -> Iterator[Double]:
    """Yield the people behind repeated values, with the labels of their places."""
    people: dict[bytes, tuple[str, list[str]]] = {}
    for number in sorted({number for numbers in found.values() for number in numbers}):
        for one in read_visits(paths[number]):
            if one.outcome != "refused" and (value := _identity(one.id)) in found:
                people.setdefault(value, (one.id, []))[1].append(one.unit)
    yield from sorted((Double(name, tuple(places)) for name, places in people.values()), key=lambda double: double.id)


def _identity(text: str) -> bytes:
    return hashlib.sha256(_IDENTITY + unicodedata.normalize("NFC", text).encode()).digest()[:_PREFIX]


def _check_opening(contents: Contents, visits: Sequence[Visit], path: Path) -> None:
    units = {visit.unit for visit in visits}
    stated = [contents.eligibility.check_ins.get(contents.manifest.unit_by_label(unit).index) for unit in units]
    if len(units) != 1 or stated[0] is None or stated[0].body.form.root != visits_root(visits):
        raise RejectedError("this is not the file that its desk stated on the board", where=str(path),
                            remedy="ask the desk for the file again, and keep both")  # fmt: skip
