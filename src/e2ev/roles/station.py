"""A station's machine: its own board, with no network, from the opening to its final checkpoint (specs/board.md).

The station's devices post on that board as they would on the national one, through power cuts and all.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from e2ev.board.contents import Contents, Device, station_origin
from e2ev.board.ledger import read_contents
from e2ev.board.log import BoardLog, read_mark
from e2ev.board.note import Checkpoint, check_checkpoint
from e2ev.board.reader import HEAD_BYTES, Committed, Logged, scan
from e2ev.board.stations import missing_of
from e2ev.codes import tracking_code
from e2ev.errors import ConflictError, DataError, NotReadyError, RejectedError, WrongKeyError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.entry import author_of
from e2ev.record.kinds import STATIONS, Kind
from e2ev.record.stations import HandoverBody
from e2ev.roles import device as devices
from e2ev.roles.card import StationCard
from e2ev.roles.choices import Decision
from e2ev.roles.intake import Intake, keep_of, load_log_key, load_online_key, save_online_key
from e2ev.roles.status import named_devices
from e2ev.signing import SigningKey
from e2ev.storage.disk import REAL, Disk, write_once
from e2ev.strict_json import JsonProblem, Place

TAKEN_OVER = "its device died; decided by the one that took over"


def card_of(board: Path) -> Path:
    """Return where a station's card stands, beside its board."""
    return board.with_suffix(".card")


def init(board: Path, unit: str) -> bytes:
    """Make the key of a station's log and its card; run again, it shows the same. Returns the key, as an author.

    Raises:
        DataError: The label is empty, too long, or has characters that no card may have.
        ConflictError: The station has another card already.
    """
    problems: dict[str, JsonProblem] = {}
    Place("unit", unit, problems).label(200)
    for problem in problems.values():
        raise DataError(f"the {problem.path} {problem.found}", remedy=problem.remedy)
    keep = keep_of(board)
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (keep / "log.key").exists():
        save_online_key(keep / "log.key", SigningKey.generate())
    log_key = author_of(load_online_key(keep / "log.key").verify_key)
    write_once(card_of(board), StationCard(unit, log_key).to_file())
    return log_key


def begin(national: Path, board: Path, groups: Sequence[Group] = STANDARD_GROUPS, *, disk: Disk = REAL) -> Contents:
    """Begin a station's board with the national board's entries up to the opening, and return what stands on it.

    Run again it changes nothing, or finishes what was cut off.

    Raises:
        NotReadyError: Voting is not opened, or the station is not admitted.
        ConflictError: The station's board belongs to something else.
        RejectedError: The national board breaks a rule, or its log did not sign it.
    """
    known, key = read_contents(national, groups), load_log_key(board)
    signed_checkpoint(national, known)
    author = author_of(key.verify_key)
    units = [unit for unit, held in known.stations.items() if held.admitted.body.form.log_key == author]
    if not units or known.own is not None:
        raise NotReadyError("this station is not admitted", where=str(national),
                            remedy="e2ev election admit, with its card, before voting is opened")  # fmt: skip
    if known.opened is None:
        raise NotReadyError("voting is not opened", where=str(national), remedy="e2ev election open")
    origin, keep, base = station_origin(known.log().name, units[0]), keep_of(board), known.begun
    _clear_beginning(board)
    if not board.exists():
        entries = (event.entry for event in scan(national) if isinstance(event, Logged) and event.index < base.size)
        with BoardLog.create(board, keep, origin, key, known.id, disk=disk) as log:
            log.append(entries)
    with BoardLog(board, keep, origin, key, disk=disk):
        contents = read_contents(board, groups)
    if (contents.own, contents.begun.root()) != (units[0], base.root()):
        raise ConflictError("this is another board", where=str(board), remedy="choose another name")
    return contents


def _clear_beginning(board: Path) -> None:
    """Remove a board whose beginning was cut off before anything was marked: nothing was promised to anybody."""
    mark = keep_of(board) / "mark"
    if mark.exists() and not read_mark(mark).size:
        board.unlink(missing_ok=True)
        mark.unlink()
    elif board.exists() and not mark.exists() and board.stat().st_size <= HEAD_BYTES:
        board.unlink()


def signed_checkpoint(board: Path, contents: Contents) -> tuple[bytes, Checkpoint]:
    """Return a board's last checkpoint as its note and as a value.

    Raises:
        RejectedError: Its log did not sign it, or it covers other entries.
    """
    last = [event for event in scan(board) if isinstance(event, Committed)][-1]
    stated = check_checkpoint(last.note, contents.log(), where=str(board))
    if (stated.size, stated.root) != (last.size, last.root):
        raise RejectedError("the last checkpoint does not cover the entries before it", where=str(board),
                            remedy="e2ev verify says everything that is wrong with the board")  # fmt: skip
    return last.note, stated


def close(board: Path, dead: Sequence[str] = (), groups: Sequence[Group] = STANDARD_GROUPS) -> bytes:
    """Return the station's final checkpoint, a signed note, when every device has closed its chain.

    Args:
        board: The station's board.
        dead: Names or keys of devices that died and from which no other one took over.
        groups: Groups that genesis may name: for tests alone.

    Raises:
        DataError: This is no station's board.
        NotReadyError: A device still posts.
    """
    with Intake(board, groups) as intake:
        contents = intake.contents
    if contents.own is None:
        raise DataError("this is no station's own board", where=str(board), remedy="e2ev election close")
    named = [device.admitted.body.form.author for name in dead for device in named_devices(contents, name)]
    waiting = [device.name for author, device in contents.devices.items()
               if device.unit == contents.own and device.in_service and author not in named]  # fmt: skip
    if waiting:
        remedy = "e2ev device close on each; for a dead one e2ev board handover, or --dead NAME"
        raise NotReadyError("these devices have not closed: " + ", ".join(waiting), where=str(board), remedy=remedy)
    return signed_checkpoint(board, contents)[0]


# A device that goes on for another one


def take_over(
    spare: devices.Device, board: Path, dead: str, made: Mapping[bytes, Decision], reason: str
) -> HandoverBody:
    """End a dead device's chain where it stands, from the device that goes on, and decide about what it left open.

    Args:
        spare: A device of the same place, admitted, with no ballot waiting.
        board: The station's board, or the national one where the station has none.
        dead: The other one's name, or its key in hex.
        made: What becomes of each ballot that the dead device left undecided, by confirmation code.
        reason: For people.

    Raises:
        DataError: No other device of the place is called so, or the election was founded without this part.
        NotReadyError: A ballot is undecided and not named, or the other way round.
        WrongKeyError: The spare device is not admitted.
        ConflictError: A ballot waits on the spare device, or the other one has closed.
    """
    if spare.resume(board) is not None:
        raise ConflictError("a ballot waits on the device that is to take over", where=str(spare.home),
                            remedy="decide about it first: e2ev ballot cast, e2ev ballot challenge")  # fmt: skip
    with Intake(board, spare.groups, disk=spare.disk) as intake:
        contents, pen = intake.contents, intake.pen(spare.key)
        gone = _other_device(contents, pen.author, dead)
        author = gone.admitted.body.form.author
        if gone.replaced is not None and isinstance(held := gone.replaced.body.form, HandoverBody):
            _check_successor(gone, pen.author)
            return held
        if not gone.in_service:
            raise ConflictError(f"{gone.name} has closed, or was replaced", remedy="nothing is left to take over")
        _check_named(contents, author, made)
        body = HandoverBody(1, author, gone.ballots, contents.head(author).leaf_hash, reason)
        entries = []
        for kind, said in (
            (Kind.HANDOVER, body),
            *((Kind.DECISION, bodies.DecisionBody(1, code, word, TAKEN_OVER)) for code, word in made.items()),
        ):
            entry, pen = pen.write(kind, encode(said))
            entries.append(entry)
        intake.post(entries)
    return body


def _other_device(contents: Contents, author: bytes, name: str) -> Device:
    own = contents.devices.get(author)
    if own is None:
        raise WrongKeyError("this device is not admitted to this election", remedy="e2ev election admit")
    if STATIONS not in contents.genesis.body.form.features:
        raise DataError("this election was founded without handovers",
                        remedy="e2ev election replace, by the administrator")  # fmt: skip
    found = [d for d in named_devices(contents, name) if d.unit == own.unit and d is not own]
    if len(found) != 1:
        names = ", ".join(d.name for d in contents.devices.values() if d.unit == own.unit and d is not own)
        raise DataError(f"no other device of {contents.place(own.unit)} is called {name}",
                        remedy=f"name one of these, or give its key in hex: {names or 'there are none'}")  # fmt: skip
    return found[0]


def _check_successor(gone: Device, author: bytes) -> None:
    if gone.successor != author:
        raise ConflictError(f"another device took over from {gone.name}", remedy="go on with that one")


def open_ballots(contents: Contents, author: bytes) -> list[bytes]:
    """Return the codes of a device's ballots about which nothing was decided."""
    return [c for c, place in contents.ballots.items() if place.author == author and c not in contents.decisions]


def _check_named(contents: Contents, author: bytes, made: Mapping[bytes, Decision]) -> None:
    waiting = open_ballots(contents, author)
    unnamed = [tracking_code(code) for code in waiting if code not in made]
    if unnamed:
        remedy = "ask the voter: --cast CODE or --challenge CODE; --abandon CODE if nobody saw it"
        raise NotReadyError("nothing is said about what it left undecided: " + ", ".join(unnamed), remedy=remedy)
    strange = [tracking_code(code) for code in made if code not in waiting]
    if strange:
        raise DataError("the device left no such ballot undecided: " + ", ".join(strange), remedy="leave it out")


def door_list(contents: Contents, unit: int) -> tuple[str, ...]:
    """Return the tracking codes of a place's ballots, in their own order: when somebody voted does not show.

    Raises:
        NotReadyError: They are not all on this board; a list without them would frighten voters.
    """
    if contents.own not in (None, unit):
        found = f"this is the board of {contents.place(contents.own or 0)}, not of {contents.place(unit)}"
        raise NotReadyError(found, remedy="print the list from the national board, or from the place's own")
    if contents.own is None and unit in contents.stations and (missing := missing_of(contents, unit)):
        raise NotReadyError(missing, remedy="print the list from the place's own board, or when its card is here")
    if unit in contents.paper and not contents.ballots_at(unit):
        raise NotReadyError(f"{contents.place(unit)} was counted on paper: no ballot of it has a code",
                            remedy="hang up its result sheet instead")  # fmt: skip
    return tuple(sorted(tracking_code(code) for code, place in contents.ballots.items()
                        if contents.devices[place.author].unit == unit))  # fmt: skip
