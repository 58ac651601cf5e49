import errno
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2ev.ballot import PlainBallot
from e2ev.board.contents import Contents
from e2ev.demo import elections, ward
from e2ev.demo.elections import one
from e2ev.demo.honest import PASSPHRASE, FailingDisk, HonestElection
from e2ev.demo.toy import TOY
from e2ev.errors import ConflictError, DataError, NotReadyError, RejectedError, StorageError, WrongKeyError
from e2ev.roles import device as module
from e2ev.roles.card import read_device_card
from e2ev.roles.choices import Decision
from e2ev.roles.device import Device
from e2ev.storage.disk import Disk
from e2ev.verify.check import Verdict
from e2ev.verify.run import Options, verify

YES, NO = one(1, 0), one(0, 1)


class CutAfter(Disk):
    """A disk that fails for good at some sync of the board."""

    def __init__(self, syncs: int) -> None:
        self.left = syncs

    def sync_data(self, descriptor: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.EIO, "power cut")
        super().sync_data(descriptor)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    """An election that is open for voting, with one device; nobody writes to it."""
    return elections.opened(tmp_path_factory.mktemp("opened"), TOY, elections.PLAIN, ("Hall",), 1, 1)


@pytest.fixture
def election(opened: HonestElection, tmp_path: Path) -> Iterator[HonestElection]:
    """A copy of that election."""
    root = tmp_path / "copy"
    shutil.copytree(opened.root, root)
    copied = HonestElection(root, TOY)
    copied.devices = [Device(root / "device-1", (TOY,))]
    yield copied
    report = verify(copied.board, Options(groups=(TOY,), need_anchors=False))
    assert report.verdict is not Verdict.REJECTED, report.findings


def the_device(election: HonestElection, disk: Disk | None = None) -> Device:
    home = election.devices[0].home
    return Device(home, (TOY,), disk=disk) if disk else Device(home, (TOY,))


def on_board(election: HonestElection) -> Contents:
    return election.administrator.contents()


def decisions(election: HonestElection) -> list[str]:
    contents = on_board(election)
    return [contents.decision(code) for code in contents.ballots]


# Its key and card


def test_device_makes_its_card_once(tmp_path: Path) -> None:
    device = Device(tmp_path / "new")
    author = device.init("booth 1", "Зал")
    card = read_device_card((tmp_path / "new" / "device.card").read_bytes(), "card")
    assert (card.information, card.unit, card.author) == ("booth 1", "Зал", author)
    assert device.init("booth 1", "Зал") == author
    with pytest.raises(ConflictError):
        device.init("booth 2", "Зал")


@pytest.mark.parametrize("text", ["", " booth", "booth\x1b", "booth\u202e", "x" * 201, "e\u0301"])
def test_device_refuses_a_name_that_no_card_may_have(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        Device(tmp_path).init(text, "Hall")
    assert list(tmp_path.iterdir()) == []


def test_device_of_another_election_is_not_admitted(election: HonestElection, tmp_path: Path) -> None:
    stranger = Device(tmp_path / "stranger", (TOY,))
    stranger.init("D1", "Hall")
    with pytest.raises(WrongKeyError):
        stranger.standing(election.board)
    with pytest.raises(WrongKeyError):
        stranger.encrypt(election.board, YES)
    assert stranger.pending is None


@pytest.mark.parametrize("state", ["", "[1]", "3", '{"code": "zz", "shown": true}', '{"code": 7, "shown": true}', "{}"])
def test_damaged_state_of_a_device_is_a_data_error(state: str, tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.state_path.write_text(state)
    with pytest.raises(DataError):
        _ = device.pending


# One ballot


def test_device_goes_on_only_after_a_decision(election: HonestElection) -> None:
    device = the_device(election)
    code = device.encrypt(election.board, YES)
    for step in (
        lambda: device.encrypt(election.board, NO),
        lambda: device.encrypt_many(election.board, [(NO, "cast")]),
        lambda: device.close(election.board),
    ):
        with pytest.raises(ConflictError, match="no decision yet"):
            step()
    assert device.decide(election.board, "challenged") == code
    assert decisions(election) == ["challenged"]
    with pytest.raises(NotReadyError, match="no ballot waits"):
        device.decide(election.board, "cast")


def test_refused_ballot_leaves_nothing_that_waits(tmp_path: Path) -> None:
    early = HonestElection(tmp_path, TOY)
    early.found(elections.PLAIN, 1, 1)
    early.hold_ceremony()
    early.admit_devices(["Hall"])
    with pytest.raises(RejectedError, match="before voting was opened"):
        early.devices[0].encrypt(early.board, YES)
    assert early.devices[0].pending is None
    early.administrator.open(PASSPHRASE)
    early.devices[0].encrypt(early.board, YES)


def test_ballot_whose_code_nobody_saw_is_abandoned_after_a_power_cut(election: HonestElection) -> None:
    with pytest.raises(StorageError):
        the_device(election, FailingDisk()).encrypt(election.board, YES)
    waiting = the_device(election).pending
    assert waiting is not None
    assert not waiting.shown
    assert the_device(election).resume(election.board) is None
    contents = on_board(election)
    assert list(contents.ballots) == [waiting.code]
    assert contents.decisions[waiting.code].reason == "power was cut before the code was shown"
    assert the_device(election).resume(election.board) is None


def test_ballot_whose_code_was_shown_waits_after_a_power_cut(election: HonestElection) -> None:
    code = the_device(election).encrypt(election.board, YES)
    waiting = the_device(election).resume(election.board)
    assert waiting is not None
    assert (waiting.code, waiting.shown) == (code, True)
    with pytest.raises(StorageError):
        the_device(election, FailingDisk()).decide(election.board, "cast")
    again = the_device(election)
    if again.resume(election.board) is not None:
        again.decide(election.board, "cast")
    assert decisions(election) == ["cast"]


def test_ballot_that_the_board_will_never_take_is_forgotten(election: HonestElection) -> None:
    with pytest.raises(StorageError):
        the_device(election, CutAfter(0)).encrypt(election.board, YES)
    device = the_device(election)
    (author,) = on_board(election).devices
    election.administrator.replace(author, "it burnt", PASSPHRASE)
    assert device.resume(election.board) is None
    assert device.pending is None
    assert decisions(election) == []


def test_ballot_of_another_election_is_not_posted_here(election: HonestElection, tmp_path: Path) -> None:
    other = elections.opened(tmp_path / "other", TOY, elections.PLAIN, ("Hall",), 1, 1)
    with pytest.raises(StorageError):
        Device(other.devices[0].home, (TOY,), disk=CutAfter(0)).encrypt(other.board, YES)
    with pytest.raises(ConflictError, match="another election"):
        Device(other.devices[0].home, (TOY,)).resume(election.board)
    assert Device(other.devices[0].home, (TOY,)).resume(other.board) is None


def test_device_closes_once(election: HonestElection) -> None:
    device = the_device(election)
    device.encrypt(election.board, YES)
    device.decide(election.board, "cast")
    assert device.close(election.board).ballots == 1
    assert device.close(election.board) == device.close(election.board)
    with pytest.raises(RejectedError, match="after its chain was closed"):
        device.encrypt(election.board, YES)


# Many ballots

MANY: list[tuple[PlainBallot, Decision]] = [
    (YES, "cast"), (NO, "challenged"), (NO, "cast"), (YES, "cast"), (YES, "challenged")
]  # fmt: skip


def test_same_file_again_adds_nothing(election: HonestElection) -> None:
    device = the_device(election)
    codes = device.encrypt_many(election.board, MANY, source=b"a file")
    assert device.encrypt_many(election.board, MANY, source=b"a file") == codes
    assert list(on_board(election).ballots) == codes
    more = device.encrypt_many(election.board, MANY, source=b"another file")
    assert list(on_board(election).ballots) == codes + more
    assert decisions(election) == [decision for _, decision in MANY] * 2


def test_ballots_of_no_file_are_added_each_time(election: HonestElection) -> None:
    device = the_device(election)
    codes = device.encrypt_many(election.board, MANY) + device.encrypt_many(election.board, MANY)
    assert list(on_board(election).ballots) == codes
    assert len(codes) == 2 * len(MANY)


@pytest.mark.parametrize("syncs", range(12))
def test_power_cut_neither_loses_nor_doubles_a_ballot_of_a_file(
    syncs: int, election: HonestElection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    with pytest.raises(StorageError):
        the_device(election, CutAfter(syncs)).encrypt_many(election.board, MANY, source=b"a file")
    between = the_device(election)
    between.encrypt(election.board, NO)  # the next voter may come before the file is finished
    between.decide(election.board, "cast")
    codes = the_device(election).encrypt_many(election.board, MANY, source=b"a file")
    contents = on_board(election)
    assert [contents.decision(code) for code in codes] == [decision for _, decision in MANY]
    assert len(contents.ballots) == len(MANY) + 1
    assert len(set(codes)) == len(MANY)
    assert the_device(election).encrypt_many(election.board, MANY, source=b"a file") == codes


def test_interrupted_batch_is_finished_before_the_device_closes(
    election: HonestElection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    with pytest.raises(StorageError):
        the_device(election, CutAfter(2)).encrypt_many(election.board, MANY, source=b"a file")
    assert the_device(election).close(election.board).ballots == len(decisions(election)) == 2
    assert "undecided" not in decisions(election)


def test_batch_that_the_board_will_never_take_is_forgotten(
    election: HonestElection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    with pytest.raises(StorageError):
        the_device(election, CutAfter(4)).encrypt_many(election.board, MANY, source=b"a file")
    (author,) = on_board(election).devices
    election.administrator.replace(author, "it burnt", PASSPHRASE)
    assert the_device(election).resume(election.board) is None
    assert the_device(election).resume(election.board) is None
    assert decisions(election) == ["cast", "challenged"]


def test_damaged_record_of_a_file_is_a_data_error(election: HonestElection) -> None:
    device = the_device(election)
    device.encrypt_many(election.board, MANY[:1], source=b"a file")
    (run,) = device.home.glob("device.run-*")
    for content in ("", "{}", json.dumps({"election": "00", "spans": [1], "decisions": []})):
        run.write_text(content)
        with pytest.raises(DataError):
            device.encrypt_many(election.board, MANY[:1], source=b"a file")


def test_progress_counts_every_ballot(election: HonestElection) -> None:
    seen: list[int] = []
    the_device(election).encrypt_many(election.board, MANY, seen.append)
    assert seen == list(range(1, len(MANY) + 1))


def test_device_keeps_no_choice_and_no_nonce(election: HonestElection) -> None:
    device = the_device(election)
    device.encrypt_many(election.board, MANY, source=b"a file")
    device.encrypt(election.board, YES)
    kept = {path.name for path in device.home.iterdir()}
    assert {name.split("-")[0] for name in kept} == {
        "device.key", "device.card", "device.state", "device.entry.e2ev", "device.batch.e2ev", "device.run"
    }  # fmt: skip
    assert json.loads(device.state_path.read_text()).keys() == {"code", "shown"}
    device.decide(election.board, "cast")


def test_a_prepared_ballot_is_used_for_the_next_voter_and_only_for_that_one(tmp_path: Path) -> None:
    made = HonestElection(tmp_path, TOY)
    made.found(ward.ward_manifest(minimum_cell=1), 1, 1)
    made.hold_ceremony()
    made.admit_devices(ward.STATIONS[:1])
    made.administrator.open(PASSPHRASE)
    (device,) = made.devices
    device.prepare(made.board, 1)
    for _ in range(2):
        device.encrypt(made.board, ward.plain(3, 0))
        device.decide(made.board, "cast")
    made.close()
    made.tally((1,))
    report = verify(made.board, made.options)
    assert (report.findings, report.ballots) == ((), (2, 2, 0))
