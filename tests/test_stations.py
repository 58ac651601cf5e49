"""Stations with boards of their own: a whole election with three polling places, and everything that can go wrong."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from e2ev.board.contents import Contents, station_of, station_origin
from e2ev.board.ledger import read_contents
from e2ev.board.note import Checkpoint, sign_checkpoint
from e2ev.board.reader import Committed, Logged, scan
from e2ev.codes import tracking_code
from e2ev.demo import elections
from e2ev.demo.elections import HOY, LYNESS, LYNESS_PAPER, PLACES, TOWN, one
from e2ev.demo.honest import PASSPHRASE, FailingDisk, HonestElection
from e2ev.demo.toy import TOY
from e2ev.errors import (
    ConflictError,
    DataError,
    NotReadyError,
    RejectedError,
    StorageError,
    WrongKeyError,
)
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.entry import Entry
from e2ev.record.frame import FrameKind, frame
from e2ev.record.kinds import STATIONS, Kind
from e2ev.record.stations import HandoverBody, PaperCountBody, PaperTotal, StationAdmittedBody, StationCheckpointBody
from e2ev.roles import merging, station
from e2ev.roles.advice import next_of
from e2ev.roles.card import StationCard, is_station_card, read_station_card
from e2ev.roles.device import Device
from e2ev.roles.intake import Intake, keep_of, load_online_key
from e2ev.roles.status import counts
from e2ev.signing import SigningKey
from e2ev.verify.anchors import read_anchors
from e2ev.verify.check import Verdict
from e2ev.verify.executors import Processes
from e2ev.verify.paper import PaperPlace
from e2ev.verify.run import Options, verify
from e2ev.verify.shards import Shard, merge, write_partial

GROUPS = (TOY,)


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    """The election on the evening of the vote: never changed, see `night`."""
    return elections.places_open(tmp_path_factory.mktemp("evening"), TOY)


def copied(election: HonestElection, root: Path) -> HonestElection:
    """Return a copy of an election's machines."""
    shutil.copytree(election.root, root)
    devices = [Device(root / device.home.name, GROUPS) for device in election.devices]
    boards = {unit: root / board.relative_to(election.root) for unit, board in election.stations.items()}
    return replace(election, root=root, devices=devices, stations=boards, trustees=[])


@pytest.fixture
def night(evening: HonestElection, tmp_path: Path) -> HonestElection:
    """A copy of that election, to go on with."""
    return copied(evening, tmp_path / "night")


def hoy(election: HonestElection) -> Path:
    return election.stations["Hoy"]


def log_hoy(election: HonestElection, dead: Sequence[str] = ()) -> bytes:
    """Put Hoy's final checkpoint on the national board."""
    note = station.close(hoy(election), dead, GROUPS)
    merging.log_checkpoint(election.administrator, note, PASSPHRASE)
    return note


def contents_of(board: Path) -> Contents:
    return read_contents(board, GROUPS)


def own_entries(board: Path) -> list[Entry]:
    """Return a station's entries behind the opening."""
    begun = contents_of(board).begun.size
    return [event.entry for event in scan(board) if isinstance(event, Logged) and event.index >= begun]


def refused_by(check: str, post: Callable[[], object]) -> None:
    with pytest.raises(RejectedError, match=rf"check {check}:"):
        post()


def posting(board: Path, key: SigningKey, kind: Kind, body: object) -> Callable[[], object]:
    def post() -> None:
        with Intake(board, GROUPS) as intake:
            intake.post([intake.pen(key).write(kind, encode(body))[0]])

    return post


# The whole of it


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    """The election when it is over."""
    return elections.places(tmp_path_factory.mktemp("places"), TOY)


def test_election_with_three_polling_places_is_accepted_and_names_the_one_on_paper(finished: HonestElection) -> None:
    anchors = read_anchors(finished.administrator.anchors_path.read_bytes(), "anchors")
    report = verify(finished.board, Options(groups=GROUPS, anchors=anchors))
    assert report.verdict is Verdict.ACCEPTED
    assert report.ballots == (9, 6, 0)
    assert report.paper == (PaperPlace("Lyness", 5, 0, lost=False),)
    (remark, _) = report.remarks
    assert remark.startswith("Lyness was counted on paper: 5 ballots, which are in no count")


def test_paper_is_in_no_decrypted_count(finished: HonestElection) -> None:
    (question,) = counts(contents_of(finished.board))
    assert {cell.units: (cell.ballots, cell.counts) for cell in question.cells} == {
        ("Town",): (2, (1, 1)),
        ("Hoy",): (4, (3, 1)),
    }


@pytest.mark.parametrize("way", ["processes", "shards"])
def test_report_is_the_same_on_every_path(way: str, finished: HonestElection, tmp_path: Path) -> None:
    options = Options(groups=GROUPS, need_anchors=False)
    expected = verify(finished.board, options)
    if way == "processes":
        assert verify(finished.board, replace(options, executor=Processes(2))) == expected
        return
    key, parts = SigningKey.from_seed(bytes(32)), [tmp_path / "1", tmp_path / "2"]
    for i, part in enumerate(parts, 1):
        write_partial(finished.board, Shard(i, 2), part, key, options)
    assert merge(finished.board, parts, frozenset({b"\x01" + key.verify_key.raw}), options) == expected


def test_verifier_that_lacks_a_part_says_incomplete(tmp_path: Path) -> None:
    election = HonestElection(tmp_path, TOY, features=("telepathy",))
    election.found(PLACES, 2, 2)
    report = verify(election.board, Options(groups=GROUPS))
    assert report.verdict is Verdict.INCOMPLETE
    assert "the record uses telepathy, which this verifier does not know" in report.remarks


def test_boards_of_stations_verify_as_far_as_they_go(finished: HonestElection) -> None:
    for board in finished.stations.values():
        report = verify(board, Options(groups=GROUPS))
        assert (report.verdict, report.findings) == (Verdict.INCOMPLETE, ())
    board, log = hoy(finished), contents_of(hoy(finished)).log()
    last = [event for event in scan(board) if isinstance(event, Committed)][-1]
    forged = sign_checkpoint(Checkpoint(log.name, last.size, last.root), SigningKey.generate()).encode()
    held, other = (frame(FrameKind.CHECKPOINT, note) for note in (last.note, forged))
    board.with_name("other.board").write_bytes(board.read_bytes().replace(held, other))
    assert verify(board.with_name("other.board"), Options(groups=GROUPS)).tripped() == {"B.2"}


def test_power_cut_left_one_abandoned_ballot_at_the_station(evening: HonestElection) -> None:
    contents = contents_of(hoy(evening))
    reasons = [contents.decisions[code].reason for code in contents.ballots if contents.decision(code) == "abandoned"]
    assert reasons == ["power was cut before the code was shown"]


# A station's own board


def test_origin_of_a_station_names_one_unit_and_nothing_else_does() -> None:
    assert station_of("a/b", station_origin("a/b", 12)) == 12
    for other in ("a/b", "a/b/station/", "a/b/station/012", "a/b/station/-1", "a/b/station/٣", "x/station/12"):
        assert station_of("a/b", other) is None


def test_station_begins_only_when_it_was_admitted_and_voting_is_open(evening: HonestElection, tmp_path: Path) -> None:
    station.init(tmp_path / "x.board", "Town")
    with pytest.raises(NotReadyError, match="not admitted"):
        station.begin(evening.board, tmp_path / "x.board", GROUPS)
    early = HonestElection(tmp_path / "early", TOY, features=(STATIONS,))
    early.found(PLACES, 2, 2)
    early.hold_ceremony()
    card = StationCard("Hoy", station.init(tmp_path / "y.board", "Hoy"))
    merging.admit(early.administrator, card, PASSPHRASE)
    merging.admit(early.administrator, card, PASSPHRASE)  # once is enough
    with pytest.raises(NotReadyError, match="voting is not opened"):
        station.begin(early.board, tmp_path / "y.board", GROUPS)
    with pytest.raises(ConflictError, match="another board is admitted"):
        merging.admit(early.administrator, StationCard("Hoy", station.init(tmp_path / "x.board", "Town")), PASSPHRASE)


def test_station_cannot_be_admitted_late_or_without_the_part(night: HonestElection, tmp_path: Path) -> None:
    card = StationCard("Town", station.init(tmp_path / "x.board", "Town"))
    with pytest.raises(ConflictError, match="too late"):
        merging.admit(night.administrator, card, PASSPHRASE)
    plain = HonestElection(tmp_path / "plain", TOY)
    plain.found(PLACES, 2, 2)
    plain.hold_ceremony()
    with pytest.raises(ConflictError, match="founded without stations"):
        merging.admit(plain.administrator, card, PASSPHRASE)


def test_beginning_that_was_cut_off_is_finished(night: HonestElection, tmp_path: Path) -> None:
    board = tmp_path / "again.board"
    shutil.copytree(keep_of(night.stations["Lyness"]), keep_of(board), ignore=shutil.ignore_patterns("mark", "state*"))
    with pytest.raises(StorageError):
        station.begin(night.board, board, GROUPS, disk=FailingDisk())
    contents = station.begin(night.board, board, GROUPS)
    size = board.stat().st_size
    assert (contents.own, contents.begun) == (LYNESS, contents_of(night.board).begun)
    station.begin(night.board, board, GROUPS)
    assert board.stat().st_size == size


def test_stations_board_takes_nobody_but_its_devices(night: HonestElection) -> None:
    administrator = night.administrator.key(PASSPHRASE)
    refused_by("P.3", posting(hoy(night), administrator, Kind.CORRECTION, bodies.CorrectionBody(1, bytes(32), "x")))
    refused_by("P.3", lambda: night.devices[3].encrypt(hoy(night), one(1, 0, unit=LYNESS)))


def test_stations_device_cannot_post_on_the_national_board(night: HonestElection) -> None:
    refused_by("P.3", lambda: night.devices[3].encrypt(night.board, one(1, 0, unit=LYNESS)))


def test_device_of_a_station_is_not_admitted_after_the_opening(night: HonestElection) -> None:
    author = Device(night.root / "late", GROUPS).init("D9", "Hoy")
    refused_by("B.8", lambda: night.administrator.admit(author, "D9", "Hoy", PASSPHRASE))
    night.administrator.admit(author, "D9", "Town", PASSPHRASE)


def test_station_closes_when_its_devices_have(night: HonestElection) -> None:
    board = night.stations["Lyness"]
    with pytest.raises(NotReadyError, match="D4"):
        station.close(board, (), GROUPS)
    first = station.close(board, ("D4",), GROUPS)
    assert first == station.close(board, ("D4",), GROUPS)
    with pytest.raises(DataError, match="no station"):
        station.close(night.board, (), GROUPS)


# Taking it in


def test_card_waits_for_its_checkpoint_and_is_taken_in_once(night: HonestElection) -> None:
    with pytest.raises(NotReadyError, match="not on the national board"):
        merging.merge(night.board, hoy(night), GROUPS)
    log_hoy(night)
    log_hoy(night)  # the same again
    first, again = (merging.merge(night.board, hoy(night), GROUPS) for _ in range(2))
    own = len(own_entries(hoy(night)))
    assert (first.taken, first.known, first.ballots, first.late) == (own, 0, 6, 0)
    assert (again.taken, again.known) == (0, own)
    assert contents_of(night.board).stations[HOY].tree == contents_of(hoy(night)).stations[HOY].tree


def test_merging_goes_on_after_a_power_cut_and_from_any_place(night: HonestElection) -> None:
    log_hoy(night)
    with pytest.raises(StorageError):
        merging.merge(night.board, hoy(night), GROUPS, disk=FailingDisk())
    own = own_entries(hoy(night))
    with Intake(night.board, GROUPS) as intake:
        intake.post(own[:3])
    merged = merging.merge(night.board, hoy(night), GROUPS)
    assert (merged.known, merged.taken) == (3, len(own) - 3)


def test_older_copy_of_a_card_is_refused(night: HonestElection, tmp_path: Path) -> None:
    committed = [event for event in scan(hoy(night)) if isinstance(event, Committed)]
    older = tmp_path / "older.board"
    older.write_bytes(hoy(night).read_bytes()[: committed[-2].end])
    log_hoy(night)
    with pytest.raises(ConflictError, match="it is older") as caught:
        merging.merge(night.board, older, GROUPS)
    assert caught.value.exit_code == 8
    assert not contents_of(night.board).stations[HOY].tree.size > contents_of(night.board).begun.size


@pytest.fixture
def twin(night: HonestElection, tmp_path: Path) -> HonestElection:
    """Hoy's machines as a cheat would have them: another history under the same keys."""
    other = copied(night, tmp_path / "twin")
    hoy(other).unlink()
    for path in keep_of(hoy(other)).iterdir():
        if path.name != "log.key":
            path.unlink()
    station.begin(other.board, hoy(other), GROUPS)
    for device in other.devices[1:3]:
        for path in device.home.glob("device.state"):
            path.unlink()
    _, dead, spare, _ = other.devices
    dead.encrypt_many(hoy(other), [(one(0, 1, unit=HOY), "cast")])
    dead.close(hoy(other))
    spare.close(hoy(other))
    return other


def test_second_final_checkpoint_is_a_fork_with_both_kept(night: HonestElection, twin: HonestElection) -> None:
    first, second = log_hoy(night), station.close(hoy(twin), (), GROUPS)
    with pytest.raises(ConflictError, match="FORK") as caught:
        merging.log_checkpoint(night.administrator, second, PASSPHRASE)
    kept = sorted(keep_of(night.board).glob("evidence-*.checkpoint"))
    assert [path.read_bytes() for path in kept] == [first, second]
    assert str(kept[0]) in caught.value.remedy
    stated = next(event for event in reversed(list(scan(hoy(twin)))) if isinstance(event, Committed))
    body = StationCheckpointBody(1, HOY, stated.size, stated.root, second)
    key = night.administrator.key(PASSPHRASE)
    refused_by("P.2", posting(night.board, key, Kind.STATION_CHECKPOINT, body))


def test_card_that_was_forked_is_refused_as_an_older_one_or_a_fork(night: HonestElection, twin: HonestElection) -> None:
    log_hoy(night)
    with pytest.raises(ConflictError, match="it is older"):
        merging.merge(night.board, hoy(twin), GROUPS)
    merging.log_checkpoint(twin.administrator, station.close(hoy(twin), (), GROUPS), PASSPHRASE)
    with pytest.raises(ConflictError, match="FORK") as caught:
        merging.merge(twin.board, hoy(night), GROUPS)
    assert caught.value.exit_code == 8
    assert len(list(keep_of(twin.board).glob("evidence-*.checkpoint"))) == 2


def test_card_that_does_not_extend_what_stands_here_is_refused(night: HonestElection, twin: HonestElection) -> None:
    log_hoy(night)
    with Intake(night.board, GROUPS) as intake:
        intake.post(own_entries(hoy(twin))[:1])
    with pytest.raises(ConflictError, match="not those of the card"):
        merging.merge(night.board, hoy(night), GROUPS)


def test_late_entries_are_left_out_and_named(tmp_path: Path) -> None:
    election = elections.opened(tmp_path, TOY, PLACES, ("Town", "Hoy"), 2, 2, ("Hoy",))
    device = election.devices[1]
    device.encrypt_many(hoy(election), [(one(1, 0, unit=HOY), "cast")] * 2)
    log_hoy(election, ("D2",))
    device.encrypt_many(hoy(election), [(one(0, 1, unit=HOY), "cast")])
    device.close(hoy(election))
    merged = merging.merge(election.board, hoy(election), GROUPS)
    assert (merged.taken, merged.ballots, merged.late) == (4, 2, 3)
    late = own_entries(hoy(election))[4:]

    def post_late() -> None:
        with Intake(election.board, GROUPS) as intake:
            intake.post(late)

    refused_by("P.3", post_late)
    election.administrator.replace(next(iter(contents_of(election.board).devices)), "no voters", PASSPHRASE)
    dead = next(a for a, d in contents_of(election.board).devices.items() if d.unit == HOY)
    election.administrator.replace(dead, "its station had closed", PASSPHRASE)
    assert election.administrator.close(PASSPHRASE).cast == 2


def test_voting_is_not_closed_while_a_card_is_awaited(night: HonestElection) -> None:
    with pytest.raises(NotReadyError, match=r"Hoy has sent no final checkpoint.*Lyness has sent no"):
        night.administrator.close(PASSPHRASE)
    log_hoy(night)
    merging.count_on_paper(night.administrator, LYNESS_PAPER, PASSPHRASE)
    with pytest.raises(NotReadyError, match="0 of the 14 entries of Hoy") as caught:
        night.administrator.close(PASSPHRASE)
    assert "merge-station" in caught.value.remedy
    assert any("Hoy" in line for line in next_of(contents_of(night.board)).missing)
    spare = next(author for author, d in contents_of(night.board).devices.items() if d.name == "D3")
    with pytest.raises(NotReadyError, match="not here yet"):
        night.administrator.replace(spare, "gone", PASSPHRASE)


def test_card_that_never_comes_is_closed_by_a_paper_count_that_every_report_names(night: HonestElection) -> None:
    log_hoy(night)
    paper = PaperCountBody(1, HOY, 7, 0, (), None, "the card was lost on the ferry")
    merging.count_on_paper(night.administrator, paper, PASSPHRASE)
    merging.count_on_paper(night.administrator, LYNESS_PAPER, PASSPHRASE)
    merging.count_on_paper(night.administrator, LYNESS_PAPER, PASSPHRASE)  # the same again
    with pytest.raises(ConflictError, match="counted on paper"):
        merging.merge(night.board, hoy(night), GROUPS)
    with pytest.raises(ConflictError, match="another paper count"):
        merging.count_on_paper(night.administrator, replace(paper, ballots=8), PASSPHRASE)
    night.administrator.close(PASSPHRASE)
    remarks = verify(night.board, Options(groups=GROUPS)).remarks
    assert any("Hoy was counted on paper: 7 ballots" in one and "entries never came" in one for one in remarks)


def test_paper_count_after_ballots_says_how_many_stand_on_the_board(night: HonestElection) -> None:
    paper = PaperCountBody(1, TOWN, 2, 0, (), None, "paper since noon")
    assert merging.count_on_paper(night.administrator, paper, PASSPHRASE) == 3
    held = contents_of(night.board).paper[TOWN].body.form
    assert (held.on_board, held.ballots) == (3, 2)
    remarks = verify(night.board, Options(groups=GROUPS)).remarks
    assert any("3 other ballots of Town are on this board" in one for one in remarks)


BAD_PAPER = {
    "P.5": replace(LYNESS_PAPER, on_board=1),
    "R.1": replace(LYNESS_PAPER, totals=(PaperTotal(1, (1,)),)),
    "R.1 contest": replace(LYNESS_PAPER, totals=(PaperTotal(2, (1,)),)),
    "R.1 twice": replace(LYNESS_PAPER, totals=LYNESS_PAPER.totals * 2),
    "R.1 unit": replace(LYNESS_PAPER, unit=4),
    "P.5 votes": replace(LYNESS_PAPER, totals=(PaperTotal(1, (6, 0)),)),
}


@pytest.mark.parametrize("name", BAD_PAPER)
def test_wrong_paper_count_is_refused(name: str, night: HonestElection) -> None:
    key = night.administrator.key(PASSPHRASE)
    refused_by(name.split()[0], posting(night.board, key, Kind.PAPER_COUNT, BAD_PAPER[name]))


def test_ballot_after_the_paper_count_is_refused(night: HonestElection) -> None:
    author = Device(night.root / "late", GROUPS).init("D9", "Town")
    night.administrator.admit(author, "D9", "Town", PASSPHRASE)
    paper = PaperCountBody(1, TOWN, 2, 3, (), None, "paper since noon")
    posting(night.board, night.administrator.key(PASSPHRASE), Kind.PAPER_COUNT, paper)()
    refused_by("P.5", lambda: Device(night.root / "late", GROUPS).encrypt(night.board, one(1, 0)))


BAD_CHECKPOINTS: dict[str, tuple[str, Callable[[StationCheckpointBody], StationCheckpointBody]]] = {
    "no station": ("P.1", lambda body: replace(body, unit=TOWN)),
    "unknown unit": ("P.1", lambda body: replace(body, unit=9)),
    "another station": ("P.1", lambda body: replace(body, unit=LYNESS)),
    "size": ("P.1", lambda body: replace(body, size=body.size + 1)),
    "root": ("P.1", lambda body: replace(body, root=bytes(32))),
    "note": ("P.1", lambda body: replace(body, note=b"no note")),
}


@pytest.mark.parametrize("name", BAD_CHECKPOINTS)
def test_wrong_checkpoint_is_refused(name: str, night: HonestElection) -> None:
    note = station.close(hoy(night), (), GROUPS)
    _, stated = station.signed_checkpoint(hoy(night), contents_of(hoy(night)))
    check, change = BAD_CHECKPOINTS[name]
    body = change(StationCheckpointBody(1, HOY, stated.size, stated.root, note))
    refused_by(check, posting(night.board, night.administrator.key(PASSPHRASE), Kind.STATION_CHECKPOINT, body))


def test_checkpoint_before_the_opening_is_refused(night: HonestElection) -> None:
    log, key = contents_of(hoy(night)).log(), load_online_key(keep_of(hoy(night)) / "log.key")
    note = sign_checkpoint(Checkpoint(log.name, 3, bytes(32)), key).encode()
    body = StationCheckpointBody(1, HOY, 3, bytes(32), note)
    refused_by("P.1", posting(night.board, night.administrator.key(PASSPHRASE), Kind.STATION_CHECKPOINT, body))
    with pytest.raises(DataError, match="no checkpoint of a station"):
        merging.log_checkpoint(night.administrator, b"other\n1\n\n", PASSPHRASE)


def test_checkpoint_that_was_logged_is_refused_the_second_time(night: HonestElection) -> None:
    log_hoy(night)
    final = contents_of(night.board).stations[HOY].final
    assert final is not None
    key = night.administrator.key(PASSPHRASE)
    refused_by("B.8", posting(night.board, key, Kind.STATION_CHECKPOINT, final.body.form))


@pytest.fixture(scope="module")
def early(tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    """An election before the opening, with a station."""
    election = HonestElection(tmp_path_factory.mktemp("early"), TOY, features=(STATIONS,))
    election.found(PLACES, 2, 2)
    election.hold_ceremony()
    election.admit_devices(["Town", "Hoy", "Hoy"])
    card = StationCard("Hoy", station.init(election.root / "hoy.board", "Hoy"))
    merging.admit(election.administrator, card, PASSPHRASE)
    return election


FRESH = b"\x01" + SigningKey.from_seed(bytes(32)).verify_key.raw


def test_station_that_is_admitted_wrongly_is_refused(early: HonestElection) -> None:
    held, key, device = contents_of(early.board), early.administrator.key(PASSPHRASE), early.devices[0].key
    known = held.stations[HOY].admitted.body.form.log_key
    for check, signer, unit, log_key in (
        ("B.7", device, TOWN, FRESH),
        ("B.8", key, HOY, FRESH),
        ("R.1", key, 4, FRESH),
        ("B.7", key, TOWN, known),
        ("B.7", key, TOWN, held.genesis.body.form.log_key),
        ("B.7", key, TOWN, held.administrator),
        ("B.7", key, TOWN, _author(early.devices[0])),
    ):
        refused_by(check, posting(early.board, signer, Kind.STATION_ADMITTED, StationAdmittedBody(1, unit, log_key)))


def test_nothing_of_a_station_is_posted_before_the_opening(early: HonestElection) -> None:
    key, (_, dead, spare) = early.administrator.key(PASSPHRASE), early.devices
    checkpoint = StationCheckpointBody(1, HOY, 3, bytes(32), b"")
    for kind, body in ((Kind.PAPER_COUNT, LYNESS_PAPER), (Kind.STATION_CHECKPOINT, checkpoint)):
        refused_by("B.8", posting(early.board, key, kind, body))
        refused_by("B.7", posting(early.board, early.devices[0].key, kind, body))
    handover = HandoverBody(1, _author(dead), 0, bytes(32), "smoke")
    refused_by("P.3", posting(early.board, spare.key, Kind.HANDOVER, handover))
    refused_by("B.8", posting(early.board, early.devices[0].key, Kind.HANDOVER, handover))


# A device that goes on for another one


@pytest.fixture
def dying(tmp_path: Path) -> tuple[HonestElection, bytes]:
    """A station whose device dies while a voter decides."""
    election = elections.opened(tmp_path, TOY, PLACES, ("Town", "Hoy", "Hoy"), 2, 2, ("Hoy",))
    device = election.devices[1]
    device.encrypt_many(hoy(election), [(one(1, 0, unit=HOY), "cast")])
    return election, device.encrypt(hoy(election), one(0, 1, unit=HOY))


def test_handover_asks_what_becomes_of_each_open_ballot(dying: tuple[HonestElection, bytes]) -> None:
    election, waiting = dying
    town, dead, spare = election.devices
    take_over, board = station.take_over, hoy(election)
    with pytest.raises(NotReadyError, match=tracking_code(waiting)):
        take_over(spare, board, "D2", {}, "smoke")
    with pytest.raises(DataError, match="no such ballot"):
        take_over(spare, board, "D2", {waiting: "cast", bytes(32): "cast"}, "smoke")
    for name in ("D1", "D3", "D7"):
        with pytest.raises(DataError, match="no other device of Hoy"):
            take_over(spare, board, name, {}, "smoke")
    with pytest.raises(ConflictError, match="a ballot waits"):
        take_over(dead, board, "D3", {}, "smoke")
    stranger = Device(election.root / "stranger", GROUPS)
    stranger.init("D8", "Hoy")
    with pytest.raises(WrongKeyError):
        take_over(stranger, board, "D2", {}, "smoke")
    body = take_over(spare, board, "D2", {waiting: "challenged"}, "smoke")
    assert body == take_over(spare, board, "D2", {}, "smoke")  # the same again
    assert contents_of(board).decision(waiting) == "challenged"
    with pytest.raises(DataError, match="no other device"):
        take_over(town, election.board, "D2", {}, "smoke")


def test_dead_device_posts_no_more_and_its_spare_goes_on(dying: tuple[HonestElection, bytes]) -> None:
    election, waiting = dying
    _, dead, spare = election.devices
    board = hoy(election)
    station.take_over(spare, board, "D2", {waiting: "abandoned"}, "smoke")
    assert dead.resume(board) is None
    refused_by("B.9", lambda: dead.close(board))
    spare.encrypt_many(board, [(one(1, 0, unit=HOY), "cast")])
    spare.close(board)
    log_hoy(election)
    merging.merge(election.board, board, GROUPS)
    assert [d.name for d in contents_of(election.board).devices.values() if d.in_service] == ["D1"]


def test_handover_that_states_another_end_is_refused(dying: tuple[HonestElection, bytes]) -> None:
    election, _ = dying
    town, dead, spare = election.devices
    last = contents_of(hoy(election)).head(_author(dead)).leaf_hash
    for device, ballots, entry in (
        (dead, 1, last),
        (dead, 2, bytes(32)),
        (town, 0, bytes(32)),
        (spare, 0, bytes(32)),
    ):
        body = HandoverBody(1, _author(device), ballots, entry, "smoke")
        refused_by("B.9", posting(hoy(election), spare.key, Kind.HANDOVER, body))
    right = HandoverBody(1, _author(dead), 2, last, "smoke")
    refused_by("P.3", posting(hoy(election), town.key, Kind.HANDOVER, right))
    posting(hoy(election), spare.key, Kind.HANDOVER, right)()
    refused_by("B.9", posting(hoy(election), spare.key, Kind.HANDOVER, right))


def _author(device: Device) -> bytes:
    return b"\x01" + device.key.verify_key.raw


def test_handover_without_the_part_is_sent_to_the_administrator(tmp_path: Path) -> None:
    election = elections.opened(tmp_path, TOY, PLACES, ("Town", "Town"), 2, 2)
    with pytest.raises(DataError, match="founded without handovers") as caught:
        station.take_over(election.devices[1], election.board, "D1", {}, "smoke")
    assert "e2ev election replace" in caught.value.remedy


# Cards and lists


def test_station_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    log_key = station.init(tmp_path / "hoy.board", "Hoy")
    data = station.card_of(tmp_path / "hoy.board").read_bytes()
    assert is_station_card(data)
    assert read_station_card(data, "card") == StationCard("Hoy", log_key)
    assert station.init(tmp_path / "hoy.board", "Hoy") == log_key
    with pytest.raises(ConflictError):
        station.init(tmp_path / "hoy.board", "Town")
    with pytest.raises(DataError):
        station.init(tmp_path / "x.board", " ")
    for broken in (data.replace(b"card 1", b"card 2"), data.replace(b'"01', b'"02')):
        with pytest.raises(DataError):
            read_station_card(broken, "card")


def test_list_for_the_door_hides_the_order_of_voting(night: HonestElection) -> None:
    contents = contents_of(hoy(night))
    listed = station.door_list(contents, HOY)
    assert sorted(map(tracking_code, contents.ballots)) == list(listed)
    assert list(map(tracking_code, contents.ballots)) != list(listed)
    assert len(station.door_list(contents_of(night.board), TOWN)) == 3


def test_list_for_the_door_is_not_printed_from_a_board_that_has_not_all_ballots(night: HonestElection) -> None:
    with pytest.raises(NotReadyError, match="the board of Hoy, not of Town"):
        station.door_list(contents_of(hoy(night)), TOWN)
    with pytest.raises(NotReadyError, match="no final checkpoint"):
        station.door_list(contents_of(night.board), HOY)
    log_hoy(night)
    with pytest.raises(NotReadyError, match="0 of the"):
        station.door_list(contents_of(night.board), HOY)
    merging.merge(night.board, hoy(night), GROUPS)
    listed = station.door_list(contents_of(hoy(night)), HOY)
    assert station.door_list(contents_of(night.board), HOY) == listed
    merging.count_on_paper(night.administrator, LYNESS_PAPER, PASSPHRASE)
    with pytest.raises(NotReadyError, match="Lyness was counted on paper"):
        station.door_list(contents_of(night.board), LYNESS)
