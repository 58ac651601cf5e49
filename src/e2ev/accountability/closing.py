"""A station's closing statement: one signed text, alike on the tape, on the card and in the transmission.

It is the checkpoint of the station's board (C2SP tlog-checkpoint) with extension lines that say which election and
station it is, how many ballots were cast, and, where the station counts in clear, the totals (specs/channels.md).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from e2ev.accountability.mapping import Opened
from e2ev.accountability.sheets import MAX_COUNT, Figure, Seal, Slate, StationId
from e2ev.board.note import (
    Checkpoint,
    NoteKey,
    check_checkpoint,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    sign_checkpoint,
)
from e2ev.errors import DataError, RejectedError
from e2ev.signing import SigningKey

FORMAT = "e2ev closing statement 1"
_COUNT = "(?:0|[1-9][0-9]{0,8})"
_ELECTION = re.compile("election ([0-9a-f]{64})")
_STATION = re.compile(r"station (\S(?:.*\S)?)")
_BALLOTS = re.compile(f"ballots ({_COUNT})")
_VOTES = re.compile(rf"votes ({_COUNT}(?: {_COUNT})*) of (\S(?:.*\S)?)")


@dataclass(frozen=True, slots=True)
class Closing:
    """What a station states when it closes.

    Attributes:
        origin: Of the log of its board.
        size: Entries on the board.
        root: Their Merkle root.
        election: The election's id.
        station: Its label.
        ballots: How many were cast.
        votes: By contest, its label and one number for each option; none where ballots stay encrypted.
    """

    origin: str
    size: int
    root: bytes
    election: bytes
    station: str
    ballots: int
    votes: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def checkpoint(self) -> Checkpoint:
        """Return the statement as a checkpoint with extension lines."""
        totals = (f"votes {' '.join(map(str, counts))} of {contest}" for contest, counts in self.votes)
        lines = FORMAT, f"election {self.election.hex()}", f"station {self.station}", f"ballots {self.ballots}", *totals
        return Checkpoint(self.origin, self.size, self.root, lines)


def sign_closing(closing: Closing, key: SigningKey) -> str:
    """Return the whole signed text.

    Raises:
        ValueError: A label has a line break or white space around it, or a number is too large.
    """
    checkpoint = closing.checkpoint()
    try:
        same = _parse(checkpoint, "") == closing
    except DataError:
        same = False
    if not same:
        raise ValueError("a closing statement that could not be read back")
    return sign_checkpoint(checkpoint, key)


def read_closing(note: bytes, where: str = "") -> Closing:
    """Return what a statement says; its signature is not looked at.

    Raises:
        DataError: It is no closing statement.
    """
    return _parse(parse_checkpoint(parse_note(note, where=where).text, where=where), where)


def _parse(checkpoint: Checkpoint, where: str) -> Closing:
    head, *lines = (*checkpoint.extensions, "", "", "")[: max(4, len(checkpoint.extensions))]
    election, station, ballots = (
        rule.fullmatch(line) for rule, line in zip((_ELECTION, _STATION, _BALLOTS), lines, strict=False)
    )
    totals = [_VOTES.fullmatch(line) for line in lines[3:]]
    if head != FORMAT or not (election and station and ballots) or None in totals:
        remedy = "a closing statement is made by e2ev board closing-statement; read its QR code again"
        raise DataError(f"is no {FORMAT!r}", where=where, remedy=remedy)
    votes = tuple((found[2], tuple(map(int, found[1].split(" ")))) for found in totals if found)
    if any(count > MAX_COUNT for _, counts in votes for count in counts):
        raise DataError(f"states a number above {MAX_COUNT}", where=where)
    return Closing(checkpoint.origin, checkpoint.size, checkpoint.root, bytes.fromhex(election[1]), station[1],
                   int(ballots[1]), votes)  # fmt: skip


def statements_in(text: str) -> list[bytes]:
    """Return the statements in a text, of which each ends with its signature; what copying does to lines is undone."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    found: list[list[str]] = [[]]
    for line in lines:
        ended = any(held.startswith("— ") for held in found[-1])
        if ended and not line.startswith("— "):
            found.append([])
        if line or found[-1]:
            found[-1].append(line)
    return [("\n".join(one).rstrip("\n") + "\n").encode() for one in found if one]


def judge_closing(text: str, where: str, keys: Mapping[str, NoteKey], slate: Slate | None = None) -> Opened:
    """Return a statement with its signature judged.

    Args:
        text: As a file or a QR code has it.
        where: Names the place.
        keys: Of the stations' logs, by origin.
        slate: Whose contests its totals have to fit.

    Raises:
        DataError: It is no closing statement, or several; or its totals do not fit the slate.
    """
    found = statements_in(text)
    if len(found) != 1:
        raise DataError(f"holds {len(found)} statements, expected one", where=where)
    closing = read_closing(found[0], where)
    signed = parse_note(found[0], where=where).text
    flaw, key = "", keys.get(closing.origin)
    if key is None:
        flaw = f"nobody named a key of the log {closing.origin}"
    else:
        try:
            check_checkpoint(found[0], key, where=where)
        except (DataError, RejectedError) as error:
            flaw = error.found
    seal = Seal(StationId(closing.station), closing.election.hex(), closing.size, closing.root.hex(),
                hashlib.sha256(signed.encode()).hexdigest(), flaw)  # fmt: skip
    votes = {contest: _fitting(slate, contest, counts, where) for contest, counts in closing.votes}
    return Opened(seal, votes, {Figure.BALLOTS: closing.ballots})


def _fitting(slate: Slate | None, contest: str, counts: Sequence[int], where: str) -> tuple[int, ...]:
    options = {one.label: len(one.options) for one in slate.contests} if slate is not None else {}
    if slate is not None and options.get(contest) != len(counts):
        found = f"states {len(counts)} numbers for {contest}, which the election does not have like that"
        raise DataError(found, where=where, remedy="check that it is of this election")
    return tuple(counts)


def read_keys(data: bytes, where: str) -> dict[str, NoteKey]:
    """Return stations' keys from a file, by origin: a verifier key a line; lines that begin with # say nothing.

    Raises:
        DataError: A line is no key, or a log has two.
    """
    keys: dict[str, NoteKey] = {}
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError as error:
        raise DataError("is not UTF-8", where=where) from error
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            key = parse_vkey(line.strip(), where=f"{where}, line {number}")
            if keys.setdefault(key.name, key) != key:
                raise DataError(f"the log {key.name} has two keys", where=f"{where}, line {number}")
    return keys
