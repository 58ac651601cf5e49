"""Boards as a channel: what the national one, or a station's own, says of each station; and closing statements."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from e2ev.accountability.closing import Closing, sign_closing
from e2ev.accountability.sheets import Contest, Figure, Seal, Sheet, Slate, Station, StationId
from e2ev.board.contents import Contents
from e2ev.board.ledger import read_contents
from e2ev.board.note import NoteKey, parse_note
from e2ev.board.reader import Committed, scan
from e2ev.errors import ConflictError, DataError, PolicyError, RejectedError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record.stations import PaperTotal
from e2ev.roles import station
from e2ev.roles.intake import keep_of, load_online_key
from e2ev.storage.disk import write_once
from e2ev.verify.answers import result_of


def slate_of_board(contents: Contents) -> Slate:
    """Return contests and polling places of an election that has a board; no register is known there."""
    manifest = contents.manifest
    heaviest = max(manifest.weights, default=1)
    contests = tuple(
        Contest(one.label, tuple(option.label for option in one.options), one.selection_limit * heaviest)
        for one in manifest.contests
    )
    stations = tuple(Station(StationId(unit.label), unit.title()) for unit in manifest.reporting_units)
    return Slate(manifest.label, contests, stations, contents.id.hex())


def keys_of_board(contents: Contents) -> dict[str, NoteKey]:
    """Return the keys of the stations' logs that a national board admitted, by origin."""
    keys = (contents.station_log(unit) for unit in contents.stations)
    return {key.name: key for key in keys}


def cast_by_unit(contents: Contents) -> Counter[int]:
    """Return how many ballots were cast at each reporting unit."""
    cast = (place.author for code, place in contents.ballots.items() if contents.decision(code) == "cast")
    return Counter(contents.devices[author].unit for author in cast)


@dataclass(frozen=True, slots=True)
class BoardSheets:
    """What a board says of ballots that are on it, and what it says was counted on paper: another source."""

    sheets: tuple[Sheet, ...]
    paper: tuple[Sheet, ...] = ()


def board_sheets(
    path: Path, keys: Mapping[str, NoteKey] | None = None, groups: Sequence[Group] = STANDARD_GROUPS
) -> BoardSheets:
    """Return what a board says: one sheet for a station's own, one for each polling place for the national one.

    Its counts are taken as it states them; whether they follow from the ballots, the verifier says.

    Args:
        path: The board.
        keys: Of stations' logs by origin, from the national board; a station's board has to be signed by them.
        groups: Those that genesis may name.

    Raises:
        DataError, RejectedError: The board cannot be read, or breaks a rule.
        PolicyError: It is a station's, and there are no keys.
    """
    contents = read_contents(path, groups)
    if contents.own is None:
        return BoardSheets(tuple(_national(path, contents)), tuple(_on_paper(path, contents)))
    if keys is None:
        remedy = "name the national board: --board FILE"
        raise PolicyError(
            "a station's board needs the key that the national board admitted", where=str(path), remedy=remedy
        )
    note, stated = station.signed_checkpoint(path, contents)
    flaw = (
        ""
        if keys.get(contents.log().name) == contents.log()
        else "the board is signed by another key than the national board admitted"
    )
    roots = {event.size: event.root.hex() for event in scan(path) if isinstance(event, Committed)}
    place = StationId(contents.place(contents.own))
    seal = Seal(place, contents.id.hex(), stated.size, stated.root.hex(), _digest(note), flaw, False, roots)
    figures = {Figure.BALLOTS: cast_by_unit(contents)[contents.own]}
    return BoardSheets((Sheet(place, {}, figures, where=str(path), seal=seal),))


def _digest(note: bytes) -> str:
    return hashlib.sha256(parse_note(note).text.encode()).hexdigest()


def _national(path: Path, contents: Contents) -> Iterator[Sheet]:
    """Yield a sheet for each polling place whose ballots are here: not for one that counted on paper alone."""
    cast, votes = cast_by_unit(contents), _votes(contents)
    for unit in contents.manifest.reporting_units:
        place, own = StationId(unit.label), contents.stations.get(unit.index)
        paper = contents.paper.get(unit.index)
        if own is not None and own.final is not None:
            final = own.final.body.form
            seal = Seal(place, contents.id.hex(), final.size, final.root.hex(), _digest(final.note), closing=False)
        elif own is not None or (paper is not None and not paper.body.form.on_board):
            continue  # its board has not arrived, or it has none
        else:
            seal = None
        figures = {Figure.BALLOTS: cast[unit.index]}
        yield Sheet(place, votes.get(unit.index, {}), figures, where=f"{path}, {unit.label}", seal=seal)


def _on_paper(path: Path, contents: Contents) -> Iterator[Sheet]:
    """Yield paper counts of places with no ballots on the board: where there are both, neither is the whole."""
    for unit, posted in contents.paper.items():
        body, place = posted.body.form, StationId(contents.place(unit))
        if not body.on_board:
            votes = {contents.manifest.contest(total.contest).label: total.counts for total in body.totals}
            yield Sheet(place, votes, {Figure.BALLOTS: body.ballots}, where=f"{path}, paper count of {place}")


def _votes(contents: Contents) -> dict[int, dict[str, tuple[int, ...]]]:
    """Return the counts of cells of one polling place; of merged ones nobody knows which had which votes."""
    found: dict[int, dict[str, tuple[int, ...]]] = {}
    result = result_of(contents)
    known = {contest.index: contest for contest in contents.manifest.contests}
    for cell in result.cells if result is not None else ():
        contest = known.get(cell.contest)
        if contest is not None and len(cell.units) == 1 and len(cell.options) == len(contest.options):
            counts = tuple(option.count.count for option in cell.options)
            found.setdefault(cell.units[0], {})[contest.label] = counts
    return found


def close_in_words(
    board: Path,
    totals: Sequence[PaperTotal] = (),
    dead: Sequence[str] = (),
    groups: Sequence[Group] = STANDARD_GROUPS,
) -> tuple[Closing, str]:
    """Return a station's closing statement, as a value and signed, when every device has closed.

    Args:
        board: The station's own board.
        totals: Where the station counts in clear.
        dead: Devices that died and from which no other one took over.
        groups: Those that genesis may name.

    Raises:
        DataError: This is no station's own board, or a label of its election cannot stand in a statement.
        NotReadyError: A device still posts.
        RejectedError: There are more votes than its ballots can hold.
        ConflictError: The station signed another statement before: two would be a fork.
    """
    station.close(board, dead, groups)
    contents = read_contents(board, groups)
    _, stated = station.signed_checkpoint(board, contents)
    unit = contents.own or 0
    ballots = cast_by_unit(contents)[unit]
    votes = tuple(_total(contents, total, ballots, str(board)) for total in totals)
    place = contents.place(unit)
    closing = Closing(stated.origin, stated.size, stated.root, contents.id, place, ballots, votes)
    try:
        text = sign_closing(closing, load_online_key(keep_of(board) / "log.key"))
    except ValueError as error:
        raise DataError("a label of this election cannot stand in a statement", where=place) from error
    _keep(keep_of(board) / "closing.statement", text.encode())  # before anybody sees it: there is one, ever
    return closing, text


def _keep(path: Path, text: bytes) -> None:
    try:
        write_once(path, text)
    except ConflictError as error:
        remedy = f"use that one, which stands in {path}"
        raise ConflictError(
            "this station has signed another closing statement", where=str(path), remedy=remedy
        ) from error


def _total(contents: Contents, total: PaperTotal, ballots: int, where: str) -> tuple[str, tuple[int, ...]]:
    contest, heaviest = contents.manifest.contest(total.contest), max(contents.manifest.weights, default=1)
    if sum(total.counts) > ballots * contest.selection_limit * heaviest:
        found = f"{contest.label}: {sum(total.counts)} votes on {ballots} ballots of at most {contest.selection_limit}"
        raise RejectedError(found, where=where, remedy="compare the totals with the count")
    return contest.label, total.counts
