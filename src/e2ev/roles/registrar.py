"""A registrar: who may vote. It gives every voter a private code, and the board a roll without names (specs/board.md).

Several registrars share one order of the rows, on a private way. Each has codes of its own, so that none alone can
vote for anybody. What a registrar posts is a message file; the administrator collects it like a trustee's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from e2ev.board.contents import Contents
from e2ev.board.ledger import read_ledger
from e2ev.board.roll import Class
from e2ev.codes import short_hex
from e2ev.credentials import code_of, credential_key, new_secret, parse_code
from e2ev.errors import ConflictError, DataError, NotReadyError, RejectedError, WrongKeyError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record.codec import encode
from e2ev.record.eligibility import RollBody, RollEndorsedBody, RollSection
from e2ev.record.entry import Pen, author_of, message_file
from e2ev.record.kinds import Kind
from e2ev.roles.card import RegistrarCard
from e2ev.roles.intake import load_online_key, pen_after, save_online_key
from e2ev.roles.voters import Voter, in_random_order, read_rows, read_voters, sections, write_rows
from e2ev.signing import KEY_BYTES, SigningKey
from e2ev.storage.disk import read_bounded, write_once
from e2ev.verify.eligibility import RollCase, good_keys

MAGIC = b"E2EVCOL1"
MAX_COLUMN = 8 << 30
PART = 16 << 20
"""Bytes of keys in one entry of the roll."""
_HEAD = len(MAGIC) + 32 + 33


@dataclass(frozen=True, slots=True)
class Letter:
    """What one voter is sent: the id by which the registrar knows the voter, the place, and the private code."""

    id: str
    unit: str
    code: str


@dataclass(frozen=True, slots=True)
class Made:
    """What `make` made: how many rows, and the public column for whoever posts the roll."""

    rows: int
    column: Path


class Registrar:
    """One registrar, on one private folder.

    Args:
        home: The folder.
        groups: Groups that genesis may name: for tests alone.
    """

    def __init__(self, home: Path, groups: Sequence[Group] = STANDARD_GROUPS) -> None:
        self.home, self.groups = home, groups
        self.order_path, self.codes_path = home / "order.csv", home / "codes.csv"
        self.column_path, self.card_path = home / "roll.column", home / "registrar.card"

    def init(self, name: str, unit: str = "") -> RegistrarCard:
        """Make the registrar's key and card; run again, it shows the same.

        Args:
            name: For people.
            unit: Label of the reporting unit whose check-in desk it is; empty for the whole election.
        """
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self.home / "registrar.key").exists():
            save_online_key(self.home / "registrar.key", SigningKey.generate())
        card = RegistrarCard(name, unit, self.author)
        write_once(self.card_path, card.to_file())
        return card

    @property
    def key(self) -> SigningKey:
        """The registrar's key."""
        return load_online_key(self.home / "registrar.key")

    @property
    def author(self) -> bytes:
        """The registrar's key as entries name it."""
        return author_of(self.key.verify_key)

    def standing(self, board: Path) -> tuple[Contents, Pen]:
        """Return what stands on the board, and the pen of the registrar's next entry.

        Raises:
            WrongKeyError: The registrar is not admitted.
        """
        ledger = read_ledger(board, self.groups)
        if self.author not in ledger.held.eligibility.registrars:
            raise WrongKeyError("this registrar is not admitted to this election", where=str(self.home),
                                remedy="e2ev election admit, with registrar.card")  # fmt: skip
        return ledger.held, pen_after(ledger, self.key)

    # The roll

    def make(self, board: Path, voters: Path | None, order: Path | None = None) -> Made:
        """Make a private code for every voter, and the column of keys that the roll gets from this registrar.

        Args:
            board: The board, with this registrar admitted.
            voters: The list of voters: it is put into a random order, or compared with `order`.
            order: The order that another registrar made, to be used as it is.

        Raises:
            DataError: A list does not fit the manifest, or the two lists have different voters.
            ConflictError: Another roll was made here before.
        """
        contents, _ = self.standing(board)
        listed = read_voters(voters, contents.manifest) if voters is not None else None
        if self.order_path.exists() and order is None:
            rows = self.rows(contents)
            _compare(rows, listed, str(self.order_path))
        elif order is not None:
            rows = read_voters(order, contents.manifest)
            _compare(rows, listed, str(order))
        elif listed is not None:
            rows = in_random_order(listed)
        else:
            raise DataError(
                "there is no list of voters", remedy="--voters FILE, or --order FILE from another registrar"
            )
        self._keep_order(contents, rows)
        if not self.codes_path.exists():
            write_rows(self.codes_path, ("id", "code"), ((voter.id, code_of(new_secret())) for voter in rows))
        keys = b"".join(credential_key(secret, contents.id).verify_key.raw for secret in self._secrets(rows))
        write_once(self.column_path, MAGIC + contents.id + self.author + keys)
        return Made(len(rows), self.column_path)

    def _keep_order(self, contents: Contents, rows: Sequence[Voter]) -> None:
        manifest = contents.manifest
        write_rows(self.order_path, ("id", "style", "unit", "weight"), (
            (voter.id, manifest.style(voter.held.style).label, manifest.unit(voter.held.unit).label, voter.held.weight)
            for voter in rows
        ))  # fmt: skip

    def rows(self, contents: Contents) -> list[Voter]:
        """Return the voters in the order of the roll."""
        if not self.order_path.exists():
            raise NotReadyError("no roll was made here", where=str(self.home), remedy="e2ev roll new")
        return read_voters(self.order_path, contents.manifest)

    def _secrets(self, rows: Sequence[Voter]) -> list[bytes]:
        """Return what stands behind the codes, in the order of the rows."""
        found = [(row["id"], parse_code(row["code"], where=where))
                 for where, row in read_rows(self.codes_path, ("id", "code"))]  # fmt: skip
        if [one for one, _ in found] != [voter.id for voter in rows]:
            raise ConflictError("the codes are not those of the order", where=str(self.codes_path),
                                remedy="make the roll again, in another folder")  # fmt: skip
        return [secret for _, secret in found]

    def post(self, board: Path, columns: Sequence[Path], part: int = PART) -> list[Path]:
        """Write the roll as message files, for the administrator to collect in order, and return their paths.

        Args:
            board: The board.
            columns: The column files of all registrars of the whole election, in any order.
            part: The most bytes of keys in one entry.

        Raises:
            NotReadyError: A registrar's column is missing.
            DataError: A file is no column of this election with as many rows as the order.
        """
        contents, pen = self.standing(board)
        rows = self.rows(contents)
        found = dict(_column(path, contents.id) for path in columns)
        missing = [contents.eligibility.registrars[author].body.form.name
                   for author in contents.eligibility.whole() if author not in found]  # fmt: skip
        if missing or len(found) != len(contents.eligibility.whole()):
            raise NotReadyError("columns are missing of " + (", ".join(missing) or "registrars who are not admitted"),
                                remedy="e2ev roll new, by each registrar; then --column FILE for each")  # fmt: skip
        held = [found[author] for author in contents.eligibility.whole()]
        if any(len(keys) != len(rows) * KEY_BYTES for keys in held):
            raise DataError("a column has another number of rows than the order", remedy="all use the same order.csv")
        made = []
        for number, body in enumerate(_bodies(rows, held, max(1, part // (KEY_BYTES * len(held)))), 1):
            entry, pen = pen.write(Kind.ROLL, encode(body))
            path = self.home / f"roll-{number:05}.e2ev"
            write_once(path, message_file((entry,)))
            made.append(path)
        return made

    def endorse(self, board: Path) -> tuple[RollEndorsedBody, Path]:
        """Compare the roll on the board with one's own, row by row, and write the endorsement as a message file.

        Raises:
            RejectedError: The roll has other rows, other keys of this registrar, or keys that are no good ones.
        """
        contents, pen = self.standing(board)
        rows, roll = self.rows(contents), contents.eligibility.roll
        if list(roll.sizes()) != list(sections(rows)):
            raise RejectedError("the roll on the board has other numbers of voters than yours", where=str(board),
                                remedy="do not endorse it; ask who posted it")  # fmt: skip
        column = contents.eligibility.whole().index(self.author)
        own = [credential_key(secret, contents.id).verify_key.raw for secret in self._secrets(rows)]
        for row, key in enumerate(own):
            if roll.keys_of(row)[column] != key:
                raise RejectedError("a key in your column of the roll is not yours", where=f"row {row}",
                                    remedy="do not endorse it; ask who posted it")  # fmt: skip
        with TemporaryDirectory(prefix="e2ev-roll-") as folder:
            for finding in good_keys(RollCase(roll, Path(folder))):
                raise RejectedError(f"the roll fails check E.3: {finding.found}", where=finding.place,
                                    remedy="do not endorse it; tell the registrar whose key it is")  # fmt: skip
        body = RollEndorsedBody(1, roll.rows, roll.tree.root())
        path = self.home / f"endorsement-{short_hex(body.root).replace(' ', '')}.e2ev"
        write_once(path, message_file((pen.write(Kind.ROLL_ENDORSED, encode(body))[0],)))
        return body, path

    def letters(self, board: Path) -> Iterator[Letter]:
        """Yield what each voter is to be sent, by id: their order is not that of the roll."""
        contents, _ = self.standing(board)
        rows = self.rows(contents)
        for voter, secret in sorted(zip(rows, self._secrets(rows), strict=True), key=lambda pair: pair[0].id):
            yield Letter(voter.id, contents.place(voter.held.unit), code_of(secret))


def _compare(rows: Sequence[Voter], listed: Sequence[Voter] | None, where: str) -> None:
    """Check that an order has just the voters of a list."""
    if listed is None or set(rows) == set(listed):
        return
    strange, missing = len(set(rows) - set(listed)), len(set(listed) - set(rows))
    raise ConflictError(f"{strange} voters are not on your list so, and {missing} of your list are missing",
                        where=where, remedy="do not go on: ask who made the order, and from which list")  # fmt: skip


def _column(path: Path, election: bytes) -> tuple[bytes, bytes]:
    """Return a column file's registrar and keys."""
    data = read_bounded(path, MAX_COLUMN)
    if data[: len(MAGIC)] != MAGIC or len(data) < _HEAD or data[len(MAGIC) : len(MAGIC) + 32] != election:
        raise DataError(
            "this is no column of a roll of this election", where=str(path), remedy="e2ev roll new makes it"
        )
    return data[_HEAD - 33 : _HEAD], data[_HEAD:]


def _bodies(rows: Sequence[Voter], columns: Sequence[bytes], most: int) -> Iterator[RollBody]:
    """Yield the parts of the roll, each of at most so many rows."""
    for first in range(0, len(rows), most):
        at, made = first, list[RollSection]()
        for held, count in sections(rows[first : first + most]):
            made.append(_section(held, columns, range(at, at + count)))
            at += count
        yield RollBody(1, first, tuple(made))


def _section(held: Class, columns: Sequence[bytes], rows: range) -> RollSection:
    keys = (column[row * KEY_BYTES : (row + 1) * KEY_BYTES] for row in rows for column in columns)
    return RollSection(held.style, held.unit, held.weight, b"".join(keys))
