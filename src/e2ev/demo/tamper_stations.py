"""Tamperings with stations: their final checkpoints, their entries, a device that takes over, ballots on paper."""

from dataclasses import replace

from e2ev.board.contents import station_origin
from e2ev.board.note import Checkpoint, sign_checkpoint
from e2ev.demo.elections import HOY, TOWN
from e2ev.demo.forge import Forgery, Step, Tampering, always, flip, trips
from e2ev.demo.reseal import settle
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.kinds import Kind
from e2ev.record.stations import PaperCountBody, StationCheckpointBody
from e2ev.signing import SigningKey


def _final(forgery: Forgery) -> tuple[int, StationCheckpointBody]:
    """Return where Hoy's final checkpoint stands, and its body."""
    (place,) = forgery.indices(Kind.STATION_CHECKPOINT)
    return place, forgery.steps[place].body


def _own(forgery: Forgery) -> list[int]:
    """Return the places of the entries that came from Hoy's board."""
    authors = {body.author for body in forgery.said(Kind.DEVICE_ADMITTED) if body.unit == HOY}
    return [i for i, step in enumerate(forgery.steps) if step.author in authors]


def _signed(forgery: Forgery, size: int, root: bytes, key: SigningKey | None = None) -> Step:
    """Return the entry of a final checkpoint of Hoy, which is not signed again when the board is written."""
    known = {body.unit: body.log_key for body in forgery.said(Kind.STATION_ADMITTED)}
    stated = Checkpoint(station_origin(forgery.genesis.log_origin, HOY), size, root)
    note = sign_checkpoint(stated, key or forgery.keys.signing[known[HOY]])
    body = StationCheckpointBody(1, HOY, size, root, note.encode())
    return Step(forgery.administrator, Kind.STATION_CHECKPOINT, encode(body))


def _never_signed(forgery: Forgery) -> Forgery:
    place, body = _final(forgery)
    return forgery.insert(place + 1, _signed(forgery, body.size, body.root, SigningKey.generate()))


def _forked(forgery: Forgery) -> Forgery:
    place, body = _final(forgery)
    return forgery.insert(place + 1, _signed(forgery, body.size, flip(body.root))).until(place + 1)


def _late(forgery: Forgery) -> Forgery:
    """Let Hoy's checkpoint cover all entries of its devices but the last one."""
    place, body = _final(forgery)
    return forgery.edit(place, always(body.size - 1), "size").until(_own(forgery)[-1])


def _without_checkpoint(forgery: Forgery) -> Forgery:
    place, _ = _final(forgery)
    return forgery.without(place).until(_own(forgery)[0] - 1)


def _replaced(forgery: Forgery, author: bytes, ballots: int) -> Step:
    body = bodies.DeviceReplacedBody(1, author, ballots, "it broke")
    return Step(forgery.administrator, Kind.DEVICE_REPLACED, body)


def _lost(forgery: Forgery) -> Forgery:
    """Leave out the last entry of Hoy, with which a device closes, and state that this device is out of service."""
    last = _own(forgery)[-1]
    step = forgery.steps[last]
    forgery = forgery.set(last, replace(step, kept=False))
    forgery = forgery.insert(last + 1, _replaced(forgery, step.author, step.body.ballots))
    return forgery.until(forgery.indices(Kind.CLOSE)[0])


def _never_came(forgery: Forgery) -> Forgery:
    """Close voting without any entry of Hoy, and without a paper count."""
    own = _own(forgery)
    devices = dict.fromkeys(forgery.steps[i].author for i in own)
    forgery = settle(forgery.without(*own))
    (close,) = forgery.indices(Kind.CLOSE)
    forgery = forgery.insert(close, *(_replaced(forgery, author, 0) for author in devices))
    return forgery.until(close + len(devices))


def _other_words(forgery: Forgery) -> Forgery:
    """Show an entry of Hoy in other words than those under its final checkpoint."""
    place, body = _final(forgery)
    frozen = forgery.set(place, replace(forgery.steps[place], body=encode(body)))
    said = next(i for i in reversed(_own(forgery)) if forgery.steps[i].kind == Kind.DECISION)
    return frozen.edit(said, always("so it was said"), "reason").until(forgery.indices(Kind.CLOSE)[0])


def _forgetful(forgery: Forgery) -> Forgery:
    (place,) = forgery.indices(Kind.HANDOVER)
    return forgery.edit(place, lambda ballots: ballots - 1, "ballots").until(place)


def _undead(forgery: Forgery) -> Forgery:
    """Let the dead device close its chain after another one took over."""
    (place,) = forgery.indices(Kind.HANDOVER)
    dead = forgery.steps[place].body.device
    closing = Step(dead, Kind.DEVICE_CLOSED, bodies.DeviceClosedBody(1, 0, None, None))
    at, _ = _final(forgery)
    return settle(forgery.insert(place + 1, closing).edit(at, lambda size: size + 1, "size")).until(place + 1)


def _paper(forgery: Forgery, count: PaperCountBody) -> Forgery:
    """Post a paper count just before the close."""
    (close,) = forgery.indices(Kind.CLOSE)
    return forgery.insert(close, Step(forgery.administrator, Kind.PAPER_COUNT, count))


def _counted_twice(forgery: Forgery) -> Forgery:
    return _paper(forgery, PaperCountBody(1, TOWN, 3, 0, (), None, "counted again on paper"))


def _impossible(forgery: Forgery) -> Forgery:
    (place,) = forgery.indices(Kind.PAPER_COUNT)
    return forgery.edit(place, always((6, 0)), "totals", 0, "counts").until(place)


def _not_named(forgery: Forgery) -> Forgery:
    count = PaperCountBody(1, 1, 3, len(forgery.indices(Kind.BALLOT)), (), None, "no power")
    return _paper(forgery, count)


_ON_PLACES = (
    Tampering("station-checkpoint-never-signed", "A station's final checkpoint is shown that its log never signed.",
              trips("P.1"), _never_signed),
    Tampering("station-forked", "A station's log signs a second final checkpoint, over another board.", trips("P.2"),
              _forked),
    Tampering("station-entry-late", "A station's device posts after the station's final checkpoint.", trips("P.3"),
              _late),
    Tampering("station-before-its-checkpoint", "A station's entry is taken in before its final checkpoint is there.",
              trips("P.3"), _without_checkpoint),
    Tampering("station-entry-lost", "An entry under a station's final checkpoint is not on the board at the close.",
              trips("P.4"), _lost),
    Tampering("station-card-never-came", "Voting is closed without a station whose final checkpoint is there.",
              trips("P.4"), _never_came),
    Tampering("station-entry-exchanged", "A station's device signs an entry again, in other words, after the close.",
              trips("P.4"), _other_words),
    Tampering("handover-forgets-a-ballot", "A device takes over and states one ballot less than the dead one posted.",
              trips("B.9"), _forgetful),
    Tampering("dead-device-goes-on", "A device closes its chain after another one took over from it.", trips("B.9"),
              _undead),
    Tampering("counted-twice-on-paper", "Ballots that are on the board are counted on paper as well.", trips("P.5"),
              _counted_twice),
    Tampering("paper-with-too-many-votes", "A paper count has more votes than ballots.", trips("P.5"), _impossible),
)  # fmt: skip

STATIONS = (
    *(replace(tampering, base="places") for tampering in _ON_PLACES),
    Tampering("part-not-named", "An entry belongs to a part that the founding entry does not name.", trips("R.2"),
              _not_named, base="plain"),
)  # fmt: skip
"""Tamperings with stations."""
