"""Stations at the national board: admitted before voting opens, their final checkpoint, their entries, their paper."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from e2ev.board.commitments import copy_commitments
from e2ev.board.contents import Contents, Station, station_of
from e2ev.board.ledger import read_contents
from e2ev.board.note import check_checkpoint
from e2ev.board.reader import Committed, Logged, scan
from e2ev.errors import ConflictError, DataError, NotReadyError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.manifest import Contest, Manifest
from e2ev.record import bodies
from e2ev.record.codec import MAX_INT, encode
from e2ev.record.entry import Entry
from e2ev.record.kinds import STATIONS, Kind
from e2ev.record.stations import PaperCountBody, PaperTotal, StationAdmittedBody, StationCheckpointBody
from e2ev.roles.administrator import Administrator
from e2ev.roles.card import StationCard
from e2ev.roles.intake import Intake, keep_of
from e2ev.roles.station import signed_checkpoint
from e2ev.storage.disk import REAL, Disk, write_once
from e2ev.storage.seal import Passphrase
from e2ev.strict_json import Place, read_json

BATCH = 256
"""Entries of a station that are committed together."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of a station's board.

    Attributes:
        place: Label of its reporting unit.
        taken: How many of its entries were taken in now.
        known: How many stood here already.
        ballots: How many ballots are among all of them.
        late: How many came after its final checkpoint, and were left out.
    """

    place: str
    taken: int
    known: int
    ballots: int
    late: int


def admit(administrator: Administrator, card: StationCard, passphrase: Passphrase) -> None:
    """Admit a station's log; once is enough.

    Raises:
        NotReadyError: There are no joint keys yet.
        ConflictError: The place has another log, voting was opened, or the election was founded without stations.
    """
    contents = administrator.contents()
    contents.joint_keys()
    unit = contents.manifest.unit_by_label(card.unit).index
    if STATIONS not in contents.genesis.body.form.features:
        raise ConflictError("this election was founded without stations", where=str(administrator.board),
                            remedy="e2ev election new --stations")  # fmt: skip
    held = contents.stations.get(unit)
    if held is not None and held.admitted.body.form.log_key == card.log_key:
        return
    if held is not None or contents.opened is not None:
        when = "another board is admitted already" if held else "voting was opened: it is too late"
        raise ConflictError(f"{card.unit}: {when}", remedy="its devices can post on the national board")
    _post(administrator, passphrase, (Kind.STATION_ADMITTED, StationAdmittedBody(1, unit, card.log_key)))


def _post(administrator: Administrator, passphrase: Passphrase, *said: tuple[Kind, object]) -> None:
    """Post entries of the administrator, all or none."""
    key = administrator.key(passphrase)
    with Intake(administrator.board, administrator.groups) as intake:
        pen, entries = intake.pen(key), list[Entry]()
        for kind, body in said:
            entry, pen = pen.write(kind, encode(body))
            entries.append(entry)
        intake.post(entries)


# The final checkpoint


def log_checkpoint(administrator: Administrator, note: bytes, passphrase: Passphrase) -> StationCheckpointBody:
    """Put a station's final checkpoint on the national board; the same one again changes nothing.

    Raises:
        DataError: This is no checkpoint of a station of this election.
        RejectedError: The station's log did not sign it.
        ConflictError: Another one is there already: a fork. Both are kept as evidence.
    """
    contents = administrator.contents()
    name = note.partition(b"\n")[0].decode("utf-8", "replace")
    unit = station_of(contents.genesis.body.form.log_origin, name)
    if unit is None:
        raise DataError("this is no checkpoint of a station of this election", remedy="e2ev board close-station")
    stated = check_checkpoint(note, contents.station_log(unit), where=contents.place(unit))
    body = StationCheckpointBody(1, unit, stated.size, stated.root, note)
    final = contents.stations[unit].final
    if final is not None:
        held = final.body.form
        if (held.size, held.root) != (body.size, body.root):
            raise _fork(administrator.board, contents.place(unit), held.note, note)
        return held
    _post(administrator, passphrase, (Kind.STATION_CHECKPOINT, body))
    return body


def _fork(board: Path, place: str, held: bytes, other: bytes) -> ConflictError:
    """Keep both checkpoints, and return the error that names them."""
    digest = hashlib.sha256(held + other).hexdigest()[:16]
    paths = [keep_of(board) / f"evidence-{digest}-{letter}.checkpoint" for letter in "ab"]
    for path, note in zip(paths, (held, other), strict=True):
        write_once(path, note)
    return ConflictError(f"FORK: the log of {place} signed two boards", culprit=f"the log of {place}",
                         remedy=f"show {paths[0]} and {paths[1]} to whoever investigates")  # fmt: skip


# Its entries


def merge(national: Path, board: Path, groups: Sequence[Group] = STANDARD_GROUPS, *, disk: Disk = REAL) -> Merged:
    """Take a station's entries in, if they are those under its final checkpoint; again, it takes in what is missing.

    Args:
        national: The national board.
        board: The station's own board, from its card.
        groups: Groups that genesis may name: for tests alone.
        disk: The system calls under the national board: for rehearsals of power cuts.

    Raises:
        NotReadyError: The station's final checkpoint is not on the national board.
        ConflictError: The card is older than the final checkpoint, another board, or does not extend what stands here.
        RejectedError: The card's board breaks a rule, or its log did not sign it.
    """
    own = read_contents(board, groups)
    signed_checkpoint(board, own)
    if own.own is None:
        raise DataError("this is no station's own board", where=str(board), remedy="give the station's board second")
    unit = own.own
    with Intake(national, groups, disk=disk) as intake:
        contents = intake.contents
        station, final = _expected(contents, own, str(board))
        before = station.tree.size
        late = _check_extends(national, board, contents, station, final)
        codes, batch = set[bytes](), list[Entry]()
        for event in scan(board):
            if isinstance(event, Logged) and before <= event.index < final.size:
                batch.append(event.entry)
                codes.update(code for code in (event.entry.header.code,) if code)
            if len(batch) == BATCH:
                intake.post(batch)
                batch = []
        intake.post(batch)
        copy_commitments(board, national, codes)
        taken, begun = station.tree.size - before, contents.begun.size
        return Merged(contents.place(unit), taken, before - begun, contents.ballots_at(unit), late)


def _expected(contents: Contents, own: Contents, where: str) -> tuple[Station, StationCheckpointBody]:
    """Return the station as the national board knows it, whose final checkpoint is there."""
    unit = own.own or 0
    station = contents.stations.get(unit)
    if own.id != contents.id or station is None:
        raise ConflictError("this board belongs to another election", where=where, remedy="find the right card")
    place = contents.place(unit)
    if station.final is None:
        raise NotReadyError(f"the final checkpoint of {place} is not on the national board", where=where,
                            remedy="e2ev board log-station, with what e2ev board close-station wrote")  # fmt: skip
    if unit in contents.paper and station.tree.size == contents.begun.size:
        raise ConflictError(f"{place} was counted on paper", where=contents.paper[unit].where,
                            remedy="its ballots are in the paper count, and are not counted twice")  # fmt: skip
    return station, station.final.body.form


def _check_extends(
    national: Path, board: Path, contents: Contents, station: Station, final: StationCheckpointBody
) -> int:
    """Check that the card's board has what stands here, and then what was logged; return how many entries follow.

    Raises:
        ConflictError: It is an older copy, a fork, or holds other entries than stand here.
    """
    roots, note, size = dict[int, bytes](), b"", 0
    for event in scan(board):
        if isinstance(event, Logged) and event.index + 1 in (station.tree.size, final.size):
            roots[event.index + 1] = event.before.append(event.entry.leaf_hash).root()
        elif isinstance(event, Committed):
            size, note = event.size, event.note if size < final.size else note
    place = contents.place(final.unit)
    if size < final.size:
        raise ConflictError(f"the card has {size} entries, and {place} signed {final.size} at its close: it is older",
                            where=str(board), remedy="find the newer card, or a later copy of its board")  # fmt: skip
    if roots[final.size] != final.root:
        raise _fork(national, place, final.note, note)
    if roots[station.tree.size] != station.tree.root():
        raise ConflictError(f"the entries of {place} that stand here are not those of the card", where=str(board),
                            remedy="e2ev verify says whose they are; merge nothing more")  # fmt: skip
    return size - final.size


# Its paper


def count_on_paper(administrator: Administrator, count: PaperCountBody, passphrase: Passphrase) -> int:
    """State that ballots of a place were counted on paper, and end the chains of its devices that still stand open.

    Args:
        administrator: The administrator's machine.
        count: What was counted; how many ballots of the place are on the board is filled in.
        passphrase: The administrator's.

    Returns:
        How many ballots of the place stand on the board.

    Raises:
        ConflictError: Another paper count of the place is there already, or the election was founded without.
        RejectedError: The rules refuse it: too early, too late, or more votes than ballots.
    """
    contents = administrator.contents()
    if STATIONS not in contents.genesis.body.form.features:
        raise ConflictError("this election was founded without paper counts", where=str(administrator.board),
                            remedy="e2ev election new --stations; state it beside the result")  # fmt: skip
    count = replace(count, on_board=contents.ballots_at(count.unit))
    held = contents.paper.get(count.unit)
    if held is not None:
        if held.body.form != count:
            raise ConflictError("another paper count of this place stands here", where=held.where,
                                remedy="state beside the result what was wrong with it")  # fmt: skip
        return count.on_board
    gone = [
        (Kind.DEVICE_REPLACED, bodies.DeviceReplacedBody(1, author, device.ballots, "counted on paper"))
        for author, device in contents.devices.items()
        if device.unit == count.unit and device.in_service
    ]
    _post(administrator, passphrase, *gone, (Kind.PAPER_COUNT, count))
    return count.on_board


def read_totals(data: bytes, manifest: Manifest, where: str) -> tuple[PaperTotal, ...]:
    """Return the totals in a JSON file: for each contest an object with the count of each option, by their labels.

    Raises:
        DataError: The file is malformed, or does not fit the manifest.
    """

    def read(place: Place) -> tuple[PaperTotal, ...]:
        place.only(*(contest.label for contest in manifest.contests), kind="contest")
        held = place.value if isinstance(place.value, dict) else {}
        return tuple(
            PaperTotal(contest.index, _counts(place.at(contest.label), contest))
            for contest in manifest.contests
            if contest.label in held
        )

    return read_json(data, read, where=where)


def _counts(place: Place, contest: Contest) -> tuple[int, ...]:
    place.only(*(option.label for option in contest.options), kind="option")
    return tuple(place.at(option.label).whole(0, MAX_INT) for option in contest.options)
