"""A thousand stations that give their result three times, with seeded faults: every fault gets its verdict.

Each station's device states its count in a closing statement, which is sent, put on a memory card and printed; two
people type the tape. Statements are real: Merkle roots, Ed25519 signatures, judged by the keys of the stations' logs.
Some stations are counted by hand as well; of some, observers type the tape once more. All of it is invented.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from e2ev.accountability.closing import Closing, judge_closing, sign_closing
from e2ev.accountability.mapping import deliver
from e2ev.accountability.plain import plain_mapping
from e2ev.accountability.reconcile import reconcile
from e2ev.accountability.rows import Row, Table
from e2ev.accountability.sheets import (
    Channel,
    Contest,
    Delivery,
    Figure,
    Reading,
    Seal,
    Sheet,
    Slate,
    Station,
    StationId,
)
from e2ev.accountability.typing_twice import agree
from e2ev.accountability.verdicts import Reconciliation, Verdict
from e2ev.board.merkle import Tree, leaf_hash
from e2ev.board.note import Checkpoint, NoteKey, check_checkpoint, sign_checkpoint
from e2ev.signing import SigningKey

CONTEST = Contest("Council", ("Aida", "Bolot", "Cholpon", "Daniyar"))
ORIGIN = "demonstration/three-copies/station/"
CLOSE = datetime(2027, 5, 6, 20, 0, tzinfo=UTC)
LATE_AFTER = CLOSE + timedelta(hours=6)
"""Iraq's law 4 of 2023 gives transmission six hours; then the hand counts."""
STATIONS = 1_000
EACH = 10
"""Stations with each fault."""
HAND_COUNTED, OBSERVED = 60, 60


@dataclass(slots=True)
class Machine:
    """A station's device and what left it: texts on their way, and what people typed from its tape.

    Attributes that do not explain themselves:
        sent, card: Signed texts; several of one station are several deliveries. Nothing: it never arrived.
        card_for: The station in whose envelope the card lies.
        typed: What each of two people typed of the tape; nothing if there is none.
        board: Whether the card holds the board itself, which shows the roots of its beginnings.
    """

    id: StationId
    registered: int
    votes: tuple[int, ...]
    ballots: int
    key: SigningKey
    roots: dict[int, bytes]
    sent: list[str] = field(default_factory=list)
    sent_at: datetime = CLOSE
    card: list[str] = field(default_factory=list)
    card_for: str = ""
    typed: list[tuple[int, ...]] = field(default_factory=list)
    observed: tuple[int, ...] = ()
    by_hand: tuple[int, ...] = ()
    board: bool = True

    @property
    def size(self) -> int:
        """Entries on its board."""
        return max(self.roots)

    def statement(self, votes: Sequence[int] = (), election: bytes = b"") -> str:
        """Return its closing statement, signed; with other votes or of another election if asked."""
        chosen = tuple(votes) or self.votes
        closing = Closing(ORIGIN + self.id, self.size, self.roots[self.size], election or ELECTION, self.id,
                          self.ballots, ((CONTEST.label, chosen),))  # fmt: skip
        return sign_closing(closing, self.key)

    def running(self) -> str:
        """Return a checkpoint of its board from before the end, signed."""
        size = sorted(self.roots)[1]
        return sign_checkpoint(Checkpoint(ORIGIN + self.id, size, self.roots[size]), self.key)


ELECTION = hashlib.sha256(b"three copies").digest()
REHEARSAL = hashlib.sha256(b"three copies, the rehearsal").digest()

Spoil = Callable[[random.Random, Machine, Machine], None]
"""Takes the station, and another one that has the same fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that happens to a station.

    Attributes:
        name: Of the row in the confusion matrix.
        story: In a few words.
        verdict: What reconciliation has to say.
        spoil: Makes it happen.
    """

    name: str
    story: str
    verdict: Verdict
    spoil: Spoil


def _moved(rng: random.Random, votes: Sequence[int]) -> tuple[int, ...]:
    """Return counts with some votes moved from one option to another."""
    source = max(range(len(votes)), key=lambda i: votes[i])
    target = rng.choice([i for i in range(len(votes)) if i != source])
    amount = rng.randint(1, max(1, votes[source] // 3))
    return tuple(count + amount * ((i == target) - (i == source)) for i, count in enumerate(votes))


def _none(_rng: random.Random, _one: Machine, _other: Machine) -> None:
    """Change nothing."""


def _lose(*copies: str) -> Spoil:
    def spoil(_rng: random.Random, one: Machine, _other: Machine) -> None:
        for copy in copies:
            getattr(one, copy).clear()

    return spoil


def _short(_rng: random.Random, one: Machine, _other: Machine) -> None:
    one.sent = [one.running()]


def _short_unproven(_rng: random.Random, one: Machine, _other: Machine) -> None:
    one.sent, one.board = [one.running()], False


def _altered_card(rng: random.Random, one: Machine, _other: Machine) -> None:
    moved = _moved(rng, one.votes)
    words = (f"votes {' '.join(map(str, votes))} of" for votes in (one.votes, moved))
    one.card = [one.card[0].replace(next(words), next(words))]


def _altered_tape(rng: random.Random, one: Machine, _other: Machine) -> None:
    one.typed = [_moved(rng, one.votes)] * 2


def _wrapped_tape(_rng: random.Random, one: Machine, _other: Machine) -> None:
    one.typed = [(*one.votes[:-1], 2**32 - 1 - one.votes[-1])] * 2


def _swapped(_rng: random.Random, one: Machine, other: Machine) -> None:
    one.card_for, other.card_for = other.id, one.id


def _doubled(_rng: random.Random, one: Machine, _other: Machine) -> None:
    one.sent, one.card = one.sent * 2, one.card * 3


def _forked(rng: random.Random, one: Machine, _other: Machine) -> None:
    one.card = [one.statement(_moved(rng, one.votes))]


def _rehearsal(_rng: random.Random, one: Machine, _other: Machine) -> None:
    one.card = [one.statement(election=REHEARSAL)]


def _mistyped(rng: random.Random, one: Machine, _other: Machine) -> None:
    one.typed = [one.typed[0], _slip(rng, one.typed[1])]


def _mistyped_once(rng: random.Random, one: Machine, _other: Machine) -> None:
    one.observed = _slip(rng, one.votes)


def _slip(rng: random.Random, votes: Sequence[int]) -> tuple[int, ...]:
    """Return counts with one digit of one number typed wrong."""
    place = rng.randrange(len(votes))
    digits = list(str(votes[place]))
    digits[-1] = rng.choice([digit for digit in "0123456789" if digit != digits[-1]])
    return tuple(int("".join(digits)) if i == place else count for i, count in enumerate(votes))


def _power_cut(_rng: random.Random, one: Machine, _other: Machine) -> None:
    one.sent_at = LATE_AFTER + timedelta(hours=1)


def _dead(_rng: random.Random, one: Machine, _other: Machine) -> None:
    one.sent, one.typed = [], []


def _paper(_rng: random.Random, one: Machine, _other: Machine) -> None:
    one.sent, one.card, one.typed, one.by_hand = [], [], [], one.votes


HONEST = Fault("nothing", "three copies of one machine", Verdict.CONSISTENT, _none)
FAULTS = (
    Fault("lost transmission", "no network in the evening", Verdict.LATE, _lose("sent")),
    Fault("lost card", "the card is not in its envelope", Verdict.CARD_MISSING, _lose("card")),
    Fault("lost tape", "nobody took a tape home", Verdict.NO_TAPE, _lose("typed")),
    Fault("lost card and tape", "the transmission alone", Verdict.ONE_SOURCE, _lose("card", "typed")),
    Fault("lost everything", "nothing came", Verdict.MISSING, _lose("sent", "card", "typed")),
    Fault("short", "sent before the end; the card shows it is the beginning", Verdict.LATE, _short),
    Fault("short, unproven", "sent before the end; no board shows more", Verdict.UNREAD, _short_unproven),
    Fault("altered card", "votes moved on the card, without the key", Verdict.REJECT, _altered_card),
    Fault("altered tape", "votes moved on paper", Verdict.DISPUTE, _altered_tape),
    Fault("wrapped tape", "a counter ran below zero", Verdict.REJECT, _wrapped_tape),
    Fault("swapped cards", "two cards in each other's envelope", Verdict.REJECT, _swapped),
    Fault("card of the rehearsal", "of another election", Verdict.REJECT, _rehearsal),
    Fault("doubled", "copies came several times", Verdict.CONSISTENT, _doubled),
    Fault("forked", "the key signed two results", Verdict.FORK, _forked),
    Fault("mistyped", "one of two people slipped", Verdict.UNREAD, _mistyped),
    Fault("mistyped once", "an observer slipped, alone", Verdict.CHECK_IMAGE, _mistyped_once),
    Fault("power cut", "sent an hour too late", Verdict.LATE, _power_cut),
    Fault("power cut for good", "the card alone", Verdict.ONE_SOURCE, _dead),
    Fault("paper fallback", "counted by hand, no copy", Verdict.ONE_SOURCE, _paper),
)
"""`swapped cards` happens to stations in pairs."""
COUNTED = Fault("nothing, counted by hand", "three copies and a second origin", Verdict.MATCH, _none)


@dataclass(frozen=True, slots=True)
class Simulated:
    """What happened at each station, and what reconciliation said."""

    faults: Mapping[StationId, Fault]
    found: Reconciliation

    def matrix(self) -> Mapping[str, Counter[Verdict]]:
        """Return how often each fault got each verdict."""
        rows: dict[str, Counter[Verdict]] = {fault.name: Counter() for fault in (HONEST, COUNTED, *FAULTS)}
        for result in self.found.stations:
            rows[self.faults[result.id].name][result.verdict] += 1
        return rows

    def wrong(self) -> tuple[StationId, ...]:
        """Return the stations with another verdict than their fault has."""
        return tuple(one.id for one in self.found.stations if one.verdict is not self.faults[one.id].verdict)

    def false_disputes(self) -> tuple[StationId, ...]:
        """Return the stations that are disputed with nothing altered there."""
        disputed = [one.id for one in self.found.stations if one.verdict is Verdict.DISPUTE]
        return tuple(id_ for id_ in disputed if self.faults[id_].verdict is not Verdict.DISPUTE)


def simulate(seed: int, stations: int = STATIONS) -> Simulated:
    """Return one evening.

    Args:
        seed: Of everything that is drawn.
        stations: How many, at least 320, so that every fault finds its stations.
    """
    rng = random.Random(seed)
    machines = [_machine(rng, seed, number) for number in range(1, stations + 1)]
    drawn = rng.sample(machines, len(FAULTS) * EACH + HAND_COUNTED + OBSERVED)
    faults = {machine.id: HONEST for machine in machines}
    for fault in FAULTS:
        chosen, drawn = drawn[:EACH], drawn[EACH:]
        for one, other in zip(chosen[::2], chosen[1::2], strict=True):
            fault.spoil(rng, one, other)
            if fault.spoil is not _swapped:
                fault.spoil(rng, other, one)
        faults |= {machine.id: fault for machine in chosen}
    for machine in drawn[:HAND_COUNTED]:
        machine.by_hand, faults[machine.id] = machine.votes, COUNTED
    for machine in drawn[HAND_COUNTED:]:
        machine.observed = machine.votes
    keys = {ORIGIN + one.id: NoteKey(ORIGIN + one.id, one.key.verify_key) for one in machines}
    slate = Slate("Three copies, a demonstration", (CONTEST,),
                  tuple(Station(one.id, registered=one.registered) for one in machines), ELECTION.hex())  # fmt: skip
    found = reconcile(slate, tuple(_deliveries(machines, keys, slate)), late_after=LATE_AFTER)
    return Simulated(faults, found)


def _machine(rng: random.Random, seed: int, number: int) -> Machine:
    registered = rng.randint(150, 1_500)
    ballots = round(registered * rng.uniform(0.3, 0.9))
    cuts = sorted(rng.choices(range(ballots + 1), k=len(CONTEST.options)))
    votes = tuple(b - a for a, b in zip((0, *cuts), cuts, strict=False))
    id_ = StationId(f"{number:04}")
    key = SigningKey.from_seed(hashlib.sha256(f"three copies {seed} {id_}".encode()).digest())
    tree, roots = Tree(), {}
    for entry in range(rng.randint(12, 30)):
        tree = tree.append(leaf_hash(f"{id_} {entry}".encode()))
        if entry % 4 == 3:
            roots[tree.size] = tree.root()
    roots[tree.size] = tree.root()
    made = Machine(id_, registered, votes, ballots, key, roots, card_for=id_, typed=[votes] * 2)
    made.sent, made.card = [made.statement()], [made.statement()]
    return made


# What arrives


def _deliveries(machines: Sequence[Machine], keys: Mapping[str, NoteKey], slate: Slate) -> Iterator[Delivery]:
    sent = [_sheet(one, text, one.id, keys, slate, at=one.sent_at) for one in machines for text in one.sent]
    cards = [_sheet(one, text, StationId(one.card_for), keys, slate) for one in machines for text in one.card]
    yield Delivery(Channel("transmission", "the stations' devices"), tuple(sent))
    yield Delivery(Channel("card", "the stations' devices"), tuple(cards))
    typed = [_typed(machines, person) for person in (0, 1)]
    agreed = agree(*typed)
    rows = tuple(
        Row(i, tuple("" if cell is None else str(cell) for cell in row)) for i, row in enumerate(agreed.rows, 2)
    )
    tape = Channel("tape", "the stations' devices", Reading.TYPED_TWICE)
    yield _from_table(Table("tapes", agreed.heads, rows), tape)
    observers = Channel("observers", "the stations' devices", Reading.TYPED, partial=True)
    yield _from_table(_table("observers", [(one, one.observed) for one in machines if one.observed]), observers)
    people = Channel("hand count", "people in the room", Reading.TYPED_TWICE, partial=True)
    yield _from_table(_table("by hand", [(one, one.by_hand) for one in machines if one.by_hand]), people)


def _sheet(
    one: Machine, text: str, station: StationId, keys: Mapping[str, NoteKey], slate: Slate, at: datetime | None = None
) -> Sheet:
    """Return the sheet of a text that arrived: a statement, or a checkpoint of a board that was still running."""
    if "e2ev closing statement" not in text:
        return _cut(one, text, station, keys, at)
    opened = judge_closing(text, one.id, keys, slate)
    seal = opened.seal
    if one.board and at is None:  # the card holds the board itself
        seal = replace(seal, roots={size: root.hex() for size, root in one.roots.items()})
    return Sheet(station, opened.votes, opened.figures, at, where=f"station {one.id}", seal=seal)


def _cut(one: Machine, text: str, station: StationId, keys: Mapping[str, NoteKey], at: datetime | None) -> Sheet:
    stated = check_checkpoint(text.encode(), keys[ORIGIN + one.id])
    seal = Seal(one.id, ELECTION.hex(), stated.size, stated.root.hex(),
                hashlib.sha256(stated.text().encode()).hexdigest(), closing=False)  # fmt: skip
    figures = {Figure.BALLOTS: one.ballots * stated.size // one.size}
    return Sheet(station, {}, figures, at, where=f"station {one.id}", seal=seal)


def _typed(machines: Sequence[Machine], person: int) -> Table:
    return _table(f"typist {person + 1}", [(one, one.typed[person]) for one in machines if one.typed])


def _table(name: str, told: Sequence[tuple[Machine, Sequence[int]]]) -> Table:
    heads = ("station", *(f"{CONTEST.label}: {option}" for option in CONTEST.options), "ballots", "image")
    rows = (
        Row(i, (one.id, *map(str, votes), str(one.ballots), f"tapes/{one.id}.jpg"))
        for i, (one, votes) in enumerate(told, 2)
    )
    return Table(name, heads, tuple(rows))


def _from_table(table: Table, channel: Channel) -> Delivery:
    mapping = plain_mapping("", {channel.name: (table,)}, (channel,), (CONTEST,))
    return deliver(table, mapping.source(channel.name))
