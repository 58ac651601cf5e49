"""Rules of stations: boards of their own, devices that take over, ballots that were counted on paper.

A station's board begins with the national board's entries up to the opening; behind them stand the entries of the
station's devices alone. When it has closed, the national board takes in its final checkpoint, and then those entries
in their order (specs/board.md, "Stations").
"""

from collections.abc import Iterator

from e2ev.board.atoms import Atoms
from e2ev.board.contents import Contents, Posted, Station
from e2ev.board.note import Checkpoint, check_checkpoint, parse_checkpoint, parse_note
from e2ev.board.objections import Objection, by_administrator, by_device, keys_in_use, name_of, not_again
from e2ev.board.reader import Logged
from e2ev.errors import DataError, RejectedError
from e2ev.record import bodies
from e2ev.record.codec import decode
from e2ev.record.entry import Entry
from e2ev.record.kinds import Kind
from e2ev.record.stations import HandoverBody, PaperCountBody, StationAdmittedBody, StationCheckpointBody


def admitted(contents: Contents, posted: Posted[StationAdmittedBody]) -> Iterator[Objection]:
    """Object to a station that is admitted wrongly."""
    body = posted.body.form
    yield from by_administrator(contents, posted)
    yield from not_again(contents.stations.get(body.unit), "the same station is admitted")
    if contents.joint is None or contents.opened is not None:
        yield Objection("B.8", "a station is admitted between the joint keys and the opening")
    if not 1 <= body.unit <= len(contents.manifest.reporting_units):
        yield Objection("R.1", f"reporting unit {body.unit} is not in the manifest")
    rule = contents.manifest.eligibility
    if rule is not None and rule.mode == "roll":
        yield Objection("R.1", "with a roll there is one board: two boards could not know who voted on the other one")
    if body.log_key in keys_in_use(contents):
        yield Objection("B.7", "a station's log has a key of its own")


def device_entry(contents: Contents, logged: Logged) -> Iterator[Objection]:
    """Object to an entry that does not belong here by whose board this is, whatever its kind."""
    header = logged.entry.header
    device, own = contents.devices.get(header.author), contents.own
    if own is not None:
        if contents.opened is not None and (device is None or device.unit != own):
            yield Objection("P.3", f"{name_of(contents, header.author)} posts on the board of {contents.place(own)}")
        return
    if device is None:
        return
    who, station = name_of(contents, header.author), contents.stations.get(device.unit)
    if header.kind == Kind.BALLOT and device.unit in contents.paper:
        yield Objection("P.5", f"{who} posts a ballot after the paper count of its place", who)
    if station is not None and station.final is None:
        yield Objection("P.3", f"{who} posts here before its station's final checkpoint does", who)
    elif station is not None and station.final is not None and station.tree.size >= station.final.body.form.size:
        yield Objection("P.3", f"{who} posts late: its station's final checkpoint does not cover the entry", who)


def checkpoint(contents: Contents, posted: Posted[StationCheckpointBody]) -> Iterator[Objection]:
    """Object to a station's final checkpoint that is not one, or not the only one."""
    body = posted.body.form
    yield from by_administrator(contents, posted)
    if contents.opened is None or contents.closed is not None:
        yield Objection("B.8", "a station's checkpoint is posted while voting is open")
    station = contents.stations.get(body.unit)
    if station is None:
        yield Objection("P.1", f"a checkpoint of {contents.place(body.unit)}, which has no board of its own")
        return
    place = contents.place(body.unit)
    try:
        stated = check_checkpoint(body.note, contents.station_log(body.unit))
    except (DataError, RejectedError) as error:
        yield Objection("P.1", f"the checkpoint of {place} is not signed by its log: {error.found}")
        return
    if (stated.size, stated.root) != (body.size, body.root):
        yield Objection("P.1", f"the checkpoint of {place} states another size or root than its entry")
    if body.size < contents.begun.size:
        yield Objection("P.1", f"the checkpoint of {place} covers {body.size} entries, and its board began with more")
    if station.final is not None:
        yield from _second(stated, station.final.body.form, place)


def stated_checkpoint(entry: Entry, where: str = "") -> Checkpoint:
    """Return what an entry of the national board states of a station's log; who posted it is not looked at.

    Raises:
        DataError: It states no checkpoint of a station, or another one than its note.
    """
    if entry.header.kind != Kind.STATION_CHECKPOINT:
        raise DataError(f"an entry of kind {entry.header.kind} states no station's checkpoint", where=where)
    body = decode(StationCheckpointBody, entry.body, None, where).form
    stated = parse_checkpoint(parse_note(body.note, where=where).text, where=where)
    if (stated.size, stated.root) != (body.size, body.root):
        raise DataError("a station's checkpoint states another size or root than its entry", where=where)
    return stated


def _second(stated: Checkpoint, held: StationCheckpointBody, place: str) -> Iterator[Objection]:
    """Object to another final checkpoint: twice the same is idle, two different ones are two boards."""
    if (stated.size, stated.root) == (held.size, held.root):
        yield Objection("B.8", f"the final checkpoint of {place} is posted a second time")
    else:
        found = f"FORK: two final checkpoints of {place}, over {held.size} and over {stated.size} entries"
        yield Objection("P.2", found, f"the log of {place}")


def handover(contents: Contents, posted: Posted[HandoverBody]) -> Iterator[Objection]:
    """Object to a device that takes over what it must not, or states another end of the dead one's chain."""
    body, author = posted.body.form, posted.header.author
    yield from by_device(contents, author)
    if contents.opened is None or contents.closed is not None:
        yield Objection("B.8", "a device takes over from another one while voting is open")
    dead, spare = contents.devices.get(body.device), contents.devices.get(author)
    if dead is None or spare is None or body.device == author or dead.unit != spare.unit:
        yield Objection("B.9", "a device takes over from none that was admitted for its place")
        return
    if not dead.in_service:
        yield Objection("B.9", f"{name_of(contents, body.device)} is replaced after its chain was closed")
    head = contents.head(body.device)
    if (body.ballots, body.last_entry) != (dead.ballots, head.leaf_hash):
        found = f"{name_of(contents, author)} takes over after {body.ballots} ballots and an entry of its own choice"
        yield Objection("B.9", f"{found}; {dead.ballots} are on the board", name_of(contents, author))


def paper_count(contents: Contents, posted: Posted[PaperCountBody]) -> Iterator[Objection]:
    """Object to a paper count that hides ballots, or counts what no ballots can hold."""
    body, units = posted.body.form, contents.manifest.reporting_units
    yield from by_administrator(contents, posted)
    yield from not_again(contents.paper.get(body.unit), "the same place is counted on paper")
    if contents.opened is None or contents.closed is not None:
        yield Objection("B.8", "a paper count is posted while voting is open")
    if not 1 <= body.unit <= len(units):
        yield Objection("R.1", f"reporting unit {body.unit} is not in the manifest")
        return
    found = contents.ballots_at(body.unit)
    if body.on_board != found:
        place = contents.place(body.unit)
        yield Objection("P.5", f"the paper count of {place} states {body.on_board} ballots on the board; {found} are")
    yield from _totals(contents, body)
    if body.totals and 0 < body.ballots < contents.manifest.minimum_cell:
        few = f"the paper count of {contents.place(body.unit)} has totals of {body.ballots} ballots alone"
        yield Objection("Q.4", f"{few}, and {contents.manifest.minimum_cell} are the fewest")


def _totals(contents: Contents, body: PaperCountBody) -> Iterator[Objection]:
    contests = [total.contest for total in body.totals]
    known = {contest.index: contest for contest in contents.manifest.contests}
    if contests != sorted(set(contests) & set(known)):
        yield Objection("R.1", "the totals of a paper count are of contests of the manifest, in increasing order")
        return
    weight = max(contents.manifest.weights)
    for total in body.totals:
        contest = known[total.contest]
        if len(total.counts) != len(contest.options):
            yield Objection("R.1", f"a paper count has not one number for each option of {contest.label}")
        elif any(
            count > body.ballots * option.limit * weight
            for count, option in zip(total.counts, contest.options, strict=True)
        ):
            yield Objection("P.5", f"a paper count has more votes in {contest.label} than its ballots can hold")


def at_close(contents: Contents) -> Iterator[Objection]:
    """Object to every station whose entries are not here, all of them or none and counted on paper."""
    for unit in contents.stations:
        missing = missing_of(contents, unit)
        if missing:
            yield Objection("P.4", f"voting is closed, and {missing}")


def missing_of(contents: Contents, unit: int) -> str:
    """Return what of a station is still awaited, in words; nothing if all is there or was counted on paper."""
    station, place = contents.stations[unit], contents.place(unit)
    if station.final is None:
        return "" if unit in contents.paper else f"{place} has sent no final checkpoint, and has no paper count"
    taken, stated = station.tree.size - contents.begun.size, station.final.body.form.size - contents.begun.size
    if taken == stated and station.tree.root() != station.final.body.form.root:
        return f"the entries of {place} here are not those under its final checkpoint"
    if taken == stated or (not taken and unit in contents.paper):
        return ""
    return f"{taken} of the {stated} entries of {place} under its final checkpoint are here"


def take_admitted(contents: Contents, posted: Posted[StationAdmittedBody]) -> None:
    """Note a station."""
    contents.stations[posted.body.form.unit] = Station(posted)


def take_opened(contents: Contents, posted: Posted[bodies.OpenBody]) -> None:
    """Note the opening; every station's board begins with all entries up to it."""
    contents.opened = posted
    contents.begun = posted.before.append(posted.leaf_hash)
    for station in contents.stations.values():
        station.tree = contents.begun


def take_checkpoint(contents: Contents, posted: Posted[StationCheckpointBody]) -> None:
    """Note a station's final checkpoint."""
    contents.stations[posted.body.form.unit].final = posted


def take_handover(contents: Contents, posted: Posted[HandoverBody]) -> None:
    """Note that a device goes on in another one's place."""
    dead = contents.devices[posted.body.form.device]
    dead.replaced, dead.successor = posted, posted.header.author


def take_paper_count(contents: Contents, posted: Posted[PaperCountBody]) -> None:
    """Note a paper count; it enters no pile."""
    body = posted.body.form
    contents.paper[body.unit] = posted
    for total in body.totals:
        contents.paper_atoms.setdefault(total.contest, Atoms()).publish((body.unit,), {body.unit: body.ballots})
