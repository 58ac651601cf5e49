"""Checks of who may vote. Those of the board's rules find while the log is read; here is what the whole roll says."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from e2ev.arith import integer, jacobi
from e2ev.board.contents import Contents
from e2ev.board.roll import Roll
from e2ev.signing import KEY_BYTES
from e2ev.verify.check import Check, Finding, Gathered, Scope
from e2ev.verify.runs import ROW_BYTES, Spool, record, repeated

SOURCE = "board.md, Who may vote"

ENTRY_CHECKS = (
    Check("E.1", "every ballot that is cast was authorized by a row of the roll", SOURCE, Scope.ENTRY),
    Check("E.2", "every authorization is signed by the keys of all registrars in its row", SOURCE,
          Scope.ENTRY),
    Check("E.4", "every registrar of the roll endorsed its rows and root before voting opened", SOURCE,
          Scope.ENTRY),
    Check("E.6", "no voter has two ballots that count", SOURCE, Scope.ENTRY),
    Check("E.7", "in every contest each weight of the roll has at least m voters", SOURCE, Scope.ENTRY),
    Check("E.8", "at no place more ballots were cast than people checked in, nor more of those than are registered",
          SOURCE, Scope.ENTRY),
    Check("E.9", "every register is the one that all registrars stated before voting opened", SOURCE,
          Scope.ENTRY),
    Check("E.10", "the outcomes of identification add up, and no more were let in against the device than is allowed",
          SOURCE, Scope.ENTRY),
    Check("E.11", "no ballot that a voter authorized becomes a test ballot", SOURCE, Scope.ENTRY),
)  # fmt: skip

OF_CHECK_INS = frozenset({"E.8", "E.9", "E.10"})

HELD = 8 << 20
"""Bytes of keys that are sorted at once: few runs have to be merged even for millions of rows."""
_PREFIX = 16
"""Bytes of a key by which keys are compared: canonical keys that agree there by chance take 2^64 tries."""


@dataclass(frozen=True, slots=True)
class RollCase:
    """A roll with rows, and a folder for what does not fit into memory."""

    roll: Roll
    folder: Path


def good_keys(case: RollCase) -> Iterator[Finding]:
    """E.3."""
    roll, spool, first = case.roll, Spool(case.folder, "keys", _PREFIX + ROW_BYTES, HELD), 0
    for block in roll.blocks():
        rows, keys = len(block) // roll.width, [block[i : i + KEY_BYTES] for i in range(0, len(block), KEY_BYTES)]
        named = [row for row in range(first, first + rows) for _ in range(roll.columns)]
        for row, key in zip(named, keys, strict=True):
            if flaw := flaw_of(key):
                yield _finding(row, f"a key {flaw}")
        spool.add(b"".join([record(key[:_PREFIX], row) for row, key in zip(named, keys, strict=True)]))
        first += rows
    for row, before in repeated(spool):
        yield _finding(row, f"a key stands here that stands in row {before} already, or twice in this one")


def _finding(row: int, found: str) -> Finding:
    return Finding("E.3", found, place=f"row {row} of the roll")


_P = integer(2**255 - 19)
_D = integer(-121665 * pow(121666, -1, 2**255 - 19) % (2**255 - 19))
_BELOW_SIGN = (1 << 255) - 1


def flaw_of(key: bytes) -> str:
    """Return what rule 1 of `signing` has against a key, or nothing; the same answer, many times faster."""
    y = integer(int.from_bytes(key, "little") & _BELOW_SIGN)
    if y >= _P:
        return "is not canonical"
    square = y * y % _P
    # y = 0, 1 or -1 have orders 4, 1 and 2; order 8 solves d·y⁴ + 2·y² - 1 = 0
    low, high = square - 1, _D * square % _P + 1
    if not y or not low or not (high * square + low) % _P:
        return "is of small order"
    # x² = low / high, and Jacobi's symbol of a product with the inverse is that with the number itself
    return "" if jacobi(low * high % _P, _P) == 1 else "is not on the curve"


ROLL_CHECKS = (
    Check(
        "E.3",
        "every key of the roll is a good one and stands there once",
        SOURCE,
        Scope.ROLL,
        good_keys,
    ),
)


def check_roll(gathered: Gathered, roll: Roll, skipped: frozenset[str]) -> None:
    """Take in what the whole roll says, if there is one."""
    if not roll.rows or "E.3" in skipped:
        return
    with TemporaryDirectory(prefix="e2ev-roll-") as folder:
        gathered.look(ROLL_CHECKS, [RollCase(roll, Path(folder))], skipped)


def does_not_apply(check: str, contents: Contents) -> str:
    """Return why a check about who may vote does not apply to an election; nothing if it does, or is another one."""
    if not check.startswith("E."):
        return ""
    rule = contents.manifest.eligibility
    mode = rule.mode if rule is not None else ""
    if mode == ("check-in" if check in OF_CHECK_INS else "roll"):
        return ""
    return "the manifest asks for no check-ins" if check in OF_CHECK_INS else "the manifest asks for no roll"
