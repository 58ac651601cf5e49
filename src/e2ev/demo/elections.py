"""Small honest elections that have one of everything: what tests look at, and what tamperings start from."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from e2ev.ballot import (
    BallotContext,
    BallotSecret,
    EncryptedBallot,
    PlainBallot,
    PlainContest,
    encrypt_ballot_nonce,
)
from e2ev.demo import eligible
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.demo.parts import manifest as manifest
from e2ev.demo.parts import one as one
from e2ev.demo.parts import options
from e2ev.group import P4096, Group
from e2ev.record.kinds import RESULTS, STATIONS
from e2ev.record.results import Turnout
from e2ev.record.stations import PaperCountBody, PaperTotal
from e2ev.roles import announcing, merging, station
from e2ev.roles.announcing import Announcement
from e2ev.roles.card import StationCard
from e2ev.roles.choices import Decision

Vote = tuple[PlainBallot, Decision]


MAYOR = {
    "label": "mayor",
    "selection_limit": 1,
    "options": options("Aida", "Bolot", "Cholpon"),
    "write_ins": 1,
    "contest_data": {"blocks": 2},
}
PROJECTS = {
    "label": "projects",
    "selection_limit": 3,
    "option_limit": 2,
    "options": options("roof", "garden", "bench"),
}

SMALL = manifest(
    "Small election",
    contests=[MAYOR, PROJECTS],
    reporting_units=options("North", "South"),
    ballot_styles=[{"label": "full", "contests": ["mayor", "projects"]}, {"label": "short", "contests": ["mayor"]}],
    minimum_cell=3,
    weights={"classes": [1, 2]},
)
FULL, SHORT = 1, 2
NORTH, SOUTH = 1, 2

PLAIN = manifest(
    "Plain election",
    contests=[{"label": "question", "selection_limit": 1, "options": options("yes", "no")}],
    reporting_units=options("Hall"),
    ballot_styles=[{"label": "all", "contests": ["question"]}],
    minimum_cell=2,
    chaining="none",
)

TINY = manifest(
    "Tiny election",
    contests=[{**MAYOR, "options": options("Aida", "Bolot"), "contest_data": {"blocks": 1}}],
    reporting_units=options("Hall"),
    ballot_styles=[{"label": "all", "contests": ["mayor"]}],
    minimum_cell=1,
)

PLACES = manifest(
    "Places",
    contests=[{"label": "question", "selection_limit": 1, "options": options("yes", "no")}],
    reporting_units=options("Town", "Hoy", "Lyness"),
    ballot_styles=[{"label": "all", "contests": ["question"]}],
    minimum_cell=2,
)
TOWN, HOY, LYNESS = 1, 2, 3
SHEET = hashlib.sha256(b"the scanned result sheet of Lyness").digest()
ANNOUNCED = manifest(
    "Announced",
    contests=[{"label": "question", "selection_limit": 1, "options": options("yes", "no")}],
    reporting_units=options("Town", "Hoy", "Lyness", "Rysa"),
    ballot_styles=[{"label": "all", "contests": ["question"]}],
    minimum_cell=2,
)
RYSA = 4
LYNESS_PAPER = PaperCountBody(1, LYNESS, 5, 0, (PaperTotal(1, (3, 2)),), SHEET, "no power from noon on")


def full(
    unit: int, mayor: Sequence[int], projects: Sequence[int], weight: int = 1, write_ins: tuple[str, ...] = ()
) -> PlainBallot:
    """Return a ballot of the style "full" in the small election."""
    contests = (PlainContest(1, tuple(mayor), write_ins), PlainContest(2, tuple(projects)))
    return PlainBallot(FULL, unit, contests, weight)


SMALL_VOTES: tuple[Vote, ...] = (
    (full(NORTH, (1, 0, 0), (2, 1, 0)), "cast"),
    (full(NORTH, (0, 1, 0), (1, 0, 0)), "cast"),  # an undervote in projects
    (full(NORTH, (0, 0, 0), (0, 0, 0), write_ins=("Dinara",)), "cast"),  # a null vote and a write-in
    (full(NORTH, (1, 1, 0), (2, 2, 2), weight=2), "cast"),  # overvotes
    (full(NORTH, (0, 0, 1), (1, 1, 1), weight=2), "cast"),
    (full(NORTH, (1, 0, 0), (0, 2, 1), weight=2), "cast"),
    (full(NORTH, (0, 1, 0), (1, 2, 0), write_ins=("Чоң-Таш",)), "challenged"),
    (full(SOUTH, (1, 0, 0), (0, 1, 2)), "cast"),
    (full(SOUTH, (0, 0, 1), (2, 0, 1)), "cast"),
    (PlainBallot(SHORT, SOUTH, (PlainContest(1, (0, 1, 0)),)), "cast"),
)

PLAIN_VOTES: tuple[Vote, ...] = (
    (one(1, 0), "cast"),
    (one(0, 1), "cast"),
    (one(1, 0), "cast"),
    (one(0, 1), "challenged"),
)


def bad_proof(_context: BallotContext, ballot: EncryptedBallot) -> EncryptedBallot:
    """Return the ballot with a proof of its first selection that does not verify."""
    first = ballot.contests[0]
    selection = first.selections[0]
    challenges = (selection.proof.challenges[0] + 1, *selection.proof.challenges[1:])
    wrong = replace(selection, proof=replace(selection.proof, challenges=challenges))
    contest = replace(first, selections=(wrong, *first.selections[1:]))
    return replace(ballot, contests=(contest, *ballot.contests[1:]))


def wrong_nonce(context: BallotContext, ballot: EncryptedBallot) -> EncryptedBallot:
    """Return the ballot with the encryption of a nonce that is not its own."""
    return replace(ballot, nonce=encrypt_ballot_nonce(context, ballot.identifier_hash, BallotSecret.random()))


def opened(root: Path, group: Group, manifest: bytes, units: Sequence[str], trustees: int, quorum: int,
           stations: Sequence[str] = (), features: tuple[str, ...] = ()) -> HonestElection:  # fmt: skip
    """Return an election up to the opening of voting, with one device at each of the units, and stations' boards."""
    features = (*features, STATIONS) if stations and STATIONS not in features else features
    election = HonestElection(root, group, hoard=True, features=features)
    election.found(manifest, trustees, quorum)
    election.hold_ceremony()
    election.admit_devices(units)
    for unit in stations:
        election.stations[unit] = root / f"station-{unit}" / f"{unit}.board"
        card = StationCard(unit, station.init(election.stations[unit], unit))
        merging.admit(election.administrator, card, PASSPHRASE)
    election.administrator.open(PASSPHRASE)
    for board in election.stations.values():
        station.begin(election.board, board, (group,))
    return election


def small(root: Path, group: Group = P4096, jobs: int = 1) -> HonestElection:
    """Return an election of 3 trustees, 2 of whom decrypt, with one of everything that an honest record can hold.

    Two stations and ballot styles, weights, a cumulative contest and one with write-ins; an undervote, a null vote, an
    overvote; a challenged ballot opened by its nonce, one whose nonce was a lie, one excluded, and one abandoned, which
    is the last of its device.
    """
    election = opened(root, group, SMALL, ("North", "South"), 3, 2)
    election.jobs = jobs
    north, south = election.devices
    election.vote(SMALL_VOTES)
    election.lie(north, full(NORTH, (0, 0, 1), (1, 1, 1)), bad_proof, "cast")
    election.lie(south, full(SOUTH, (1, 0, 0), (1, 1, 0)), wrong_nonce, "challenged")
    election.fail(south, full(SOUTH, (0, 1, 0), (0, 1, 1)))
    election.close()
    election.tally((1, 2))
    election.tally((2, 3))
    return election


def closed(root: Path, group: Group = P4096, trustees: int = 2, quorum: int = 2) -> HonestElection:
    """Return a plain election up to the close: one device, whose codes form no chain, and one challenged ballot."""
    election = opened(root, group, PLAIN, ("Hall",), trustees, quorum)
    election.vote(PLAIN_VOTES)
    election.close()
    return election


def plain_chain(root: Path, group: Group = P4096, jobs: int = 1) -> HonestElection:
    """Return a plain election of two trustees, decrypted and opened."""
    election = closed(root, group)
    election.jobs = jobs
    election.tally((1, 2))
    return election


def tiny(root: Path, group: Group = P4096, jobs: int = 1) -> HonestElection:
    """Return the smallest election that has each kind of proof: for groups in which everything takes long."""
    election = opened(root, group, TINY, ("Hall",), 1, 1)
    election.jobs = jobs
    (device,) = election.devices
    election.vote([(one(1, 0), "cast")])
    election.lie(device, one(0, 1), wrong_nonce, "challenged")
    election.fail(device, one(1, 0))
    election.close()
    election.tally((1,))
    election.tally((1,))
    return election


def places_open(root: Path, group: Group = P4096, jobs: int = 1) -> HonestElection:
    """Return an election with three polling places on the evening of the vote, before anything came from outside.

    Town posted online. Hoy has a board of its own: its power was cut in the middle of a ballot; one of its devices
    died while a voter was deciding, and another one took over; it has closed. Lyness had no power and voted on paper.
    """
    election = opened(root, group, PLACES, ("Town", "Hoy", "Hoy", "Lyness"), 2, 2, ("Hoy", "Lyness"))
    election.jobs = jobs
    town, hoy, spare, _lyness = election.devices
    board = election.stations["Hoy"]
    town.encrypt_many(election.board, [(one(1, 0), "cast"), (one(0, 1), "cast"), (one(1, 0), "challenged")])
    hoy.encrypt_many(board, [(one(1, 0, unit=HOY), "cast"), (one(1, 0, unit=HOY), "cast")])
    election.fail(hoy, one(0, 1, unit=HOY), board)
    waiting = hoy.encrypt(board, one(0, 1, unit=HOY))
    station.take_over(spare, board, "D2", {waiting: "cast"}, "its disk broke")
    spare.encrypt_many(board, [(one(1, 0, unit=HOY), "cast"), (one(0, 1, unit=HOY), "challenged")])
    spare.close(board)
    town.close(election.board)
    return election


def places(root: Path, group: Group = P4096, jobs: int = 1) -> HonestElection:
    """Return that election when the station's checkpoint, then its card, and the paper count came in, decrypted."""
    election = places_open(root, group, jobs)
    note = station.close(election.stations["Hoy"], (), (group,))
    merging.log_checkpoint(election.administrator, note, PASSPHRASE)
    merging.count_on_paper(election.administrator, LYNESS_PAPER, PASSPHRASE)
    merging.merge(election.board, election.stations["Hoy"], (group,))
    election.administrator.close(PASSPHRASE)
    election.tally((1, 2))
    return election


def announced(root: Path, group: Group = P4096, jobs: int = 1) -> HonestElection:
    """Return an election whose results were announced: one place first, then all, then the paper after a recount.

    Rysa had one voter, so it is counted together with Hoy; Lyness voted on paper.
    """
    election = opened(root, group, ANNOUNCED, ("Town", "Hoy", "Rysa"), 2, 2, features=(STATIONS, RESULTS))
    election.jobs = jobs
    votes = [(one(1, 0), 3), (one(0, 1), 1), (one(1, 0, unit=HOY), 1), (one(0, 1, unit=HOY), 2)]
    election.vote([(plain, "cast") for plain, number in votes for _ in range(number)])
    election.vote([(one(1, 0, unit=RYSA), "cast")])
    merging.count_on_paper(election.administrator, LYNESS_PAPER, PASSPHRASE)
    election.close()
    election.tally((1, 2))
    for plan in _announcements(election):
        announcing.announce(election.administrator, plan, PASSPHRASE)
    return election


def _announcements(election: HonestElection) -> Iterator[Announcement]:
    evening = datetime(2027, 5, 6, 22, 0, tzinfo=timezone(timedelta(hours=6)))
    contents = election.administrator.contents()
    (town,) = announcing.lines_on_board(contents, labels=("Town",))
    yield Announcement(evening, (replace(town, of=4),))
    board, paper = announcing.lines_on_board(contents)
    both = Announcement(evening + timedelta(minutes=40), (replace(board, shares=None), paper), Turnout(20, 14, 7000))
    yield both
    (_, second) = election.administrator.contents().announced
    recounted = (both.lines[0], announcing.restated(paper, (2, 3), 5))
    later = evening + timedelta(hours=14)
    yield Announcement(later, recounted, both.turnout, second, "one ballot of Lyness was read wrongly")


BASES: Mapping[str, Callable[[Path, Group, int], HonestElection]] = {
    "small": small,
    "plain": plain_chain,
    "tiny": tiny,
    "places": places,
    "roll": eligible.roll,
    "once": eligible.once,
    "desks": eligible.desks,
    "announced": announced,
}
"""The elections that tamperings start from, by name."""
