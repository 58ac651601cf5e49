"""Receipts that lead from a station's own board to the national one, and cosigners of a station's board."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from e2ev.board.note import check_checkpoint
from e2ev.board.outline import read_outline, statement_of
from e2ev.board.policy import Policy, parse_policy
from e2ev.board.publish import Published
from e2ev.board.reader import Committed, Logged, scan
from e2ev.board.receipt import check_receipt, make_chained, make_receipt, parse_receipt, receipt_file
from e2ev.board.summary import summarize
from e2ev.demo import elections
from e2ev.demo.elections import HOY, one
from e2ev.demo.honest import HonestElection
from e2ev.demo.toy import TOY
from e2ev.errors import ConflictError, DataError, E2evError, NotReadyError, PolicyError, RejectedError
from e2ev.record.entry import message_file
from e2ev.roles import merging
from e2ev.roles.cosigning import take_cosignatures
from e2ev.roles.desk import Desk
from e2ev.roles.recovery import recover
from e2ev.roles.witness import Witness
from tests.test_stations import GROUPS, contents_of, copied, hoy, log_hoy
from tests.test_witness import CHEAP, SECRET


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    """An election on the evening of the vote; nothing of Hoy is on the national board."""
    return elections.places_open(tmp_path_factory.mktemp("evening"), TOY)


@pytest.fixture(scope="module")
def closed(evening: HonestElection, tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    """The same with Hoy's final checkpoint on the national board, and its card not there."""
    election = copied(evening, tmp_path_factory.mktemp("closed") / "e")
    log_hoy(election)
    return election


@pytest.fixture
def night(closed: HonestElection, tmp_path: Path) -> HonestElection:
    """A copy of that, to go on with."""
    return copied(closed, tmp_path / "night")


def ballots(election: HonestElection) -> list[Logged]:
    """Return the ballots on Hoy's own board."""
    events = (event for event in scan(hoy(election)) if isinstance(event, Logged))
    return [event for event in events if event.entry.header.code is not None]


def trusting(board: Path) -> Policy:
    """Return a policy that knows a board's log, and nobody else."""
    return Policy((read_outline(board).log,), (), (), "none")


def chained(election: HonestElection, ballot: Logged) -> bytes:
    return make_chained(hoy(election), election.board, lambda logged: logged.index == ballot.index)


# From the station to the national board


def test_every_entry_of_a_station_has_a_receipt_that_the_national_logs_policy_accepts(closed: HonestElection) -> None:
    policy, own = trusting(closed.board), read_outline(hoy(closed)).log.name
    for ballot in ballots(closed):
        vouched = check_receipt(chained(closed, ballot), policy)
        assert (vouched.index, vouched.header) == (ballot.index, ballot.entry.header)
        assert vouched.origins == (own, policy.logs[0].name)
        assert vouched.standing.checkpoint.size == read_outline(closed.board).size
    assert len(ballots(closed)) > 4


def test_first_proof_is_under_the_first_checkpoint_that_covers_the_entry(closed: HonestElection) -> None:
    sizes = [event.size for event in scan(hoy(closed)) if isinstance(event, Committed)]
    ballot = ballots(closed)[0]
    first, second = parse_receipt(chained(closed, ballot))
    assert statement_of(first.note).size == min(size for size in sizes if size > ballot.index) < sizes[-1]
    assert second.index == read_outline(closed.board).size - 1


def test_receipt_of_the_stations_desk_is_the_beginning_of_the_chained_one(tmp_path: Path) -> None:
    election = elections.opened(tmp_path / "e", TOY, elections.PLACES, ("Town", "Hoy"), 2, 2, ("Hoy",))
    device, board = election.devices[1], hoy(election)
    copy = Path(shutil.copytree(tmp_path / "e", tmp_path / "copy")) / board.relative_to(tmp_path / "e")
    device.encrypt_many(board, [(one(1, 0, unit=HOY), "cast")] * 2)
    device.close(board)
    log_hoy(election)
    begun = contents_of(board).begun.size
    entries = [event.entry for event in scan(board) if isinstance(event, Logged) and event.index >= begun]
    with Desk(copy, Published(copy, tmp_path / "tiles"), GROUPS) as desk:
        handed = [desk.take(message_file((entry,)))[0].receipt for entry in entries]
    for entry, receipt in zip(entries, handed, strict=True):
        assert check_receipt(receipt.encode(), trusting(copy)).provisional
        full = parse_receipt(make_chained(copy, election.board, lambda logged: logged.entry == entry))  # noqa: B023 - used at once
        assert parse_receipt(receipt.encode()) == full[:1]


@pytest.mark.parametrize("at", [0, 1])
def test_receipt_does_not_lead_to_the_national_log_if_a_proof_is_another_entrys(
    closed: HonestElection, at: int
) -> None:
    one_ballot, other = (parse_receipt(chained(closed, ballot)) for ballot in (ballots(closed)[0], ballots(closed)[-1]))
    mixed = (replace(one_ballot[0], path=other[0].path), one_ballot[1]) if at == 0 else (one_ballot[0], other[1])
    with pytest.raises(E2evError):
        check_receipt(receipt_file(mixed), trusting(closed.board))


def test_receipt_waits_for_the_final_checkpoint(evening: HonestElection) -> None:
    with pytest.raises(NotReadyError, match="is not on the national board"):
        chained(evening, ballots(evening)[0])


def test_boards_in_the_wrong_order_are_told_apart(closed: HonestElection) -> None:
    for station, national in ((closed.board, hoy(closed)), (closed.board, closed.board), (hoy(closed), hoy(closed))):
        with pytest.raises(DataError, match="is no station's of the log"):
            make_chained(station, national, lambda logged: logged.index == 3)


def test_copy_older_than_the_final_checkpoint_makes_no_receipt(night: HonestElection) -> None:
    committed = [event for event in scan(hoy(night)) if isinstance(event, Committed)]
    hoy(night).write_bytes(hoy(night).read_bytes()[: committed[-2].end])
    with pytest.raises(ConflictError, match="final checkpoint covers"):
        chained(night, ballots(night)[0])


def test_entry_that_came_late_has_no_chained_receipt(tmp_path: Path) -> None:
    election = elections.opened(tmp_path, TOY, elections.PLACES, ("Town", "Hoy", "Hoy"), 2, 2, ("Hoy",))
    punctual, late = election.devices[1:]
    punctual.encrypt_many(hoy(election), [(one(1, 0, unit=HOY), "cast")])
    punctual.close(hoy(election))
    log_hoy(election, dead=["D3"])
    late.encrypt_many(hoy(election), [(one(0, 1, unit=HOY), "cast")])
    first, second = ballots(election)
    assert chained(election, first)
    with pytest.raises(RejectedError, match="came after the final checkpoint"):
        chained(election, second)


def test_merged_ballot_has_a_receipt_on_the_national_board_alone(night: HonestElection) -> None:
    merging.merge(night.board, hoy(night), GROUPS)
    ballot = ballots(night)[0]
    direct = make_receipt(night.board, lambda logged: logged.entry == ballot.entry)
    assert len(parse_receipt(direct)) == 1
    alone, through = (check_receipt(made, trusting(night.board)) for made in (direct, chained(night, ballot)))
    assert alone.leaf_hash == through.leaf_hash


# Cosigners of a station's own board


def cosigned(election: HonestElection, home: Path) -> Witness:
    """Let a witness cosign Hoy's board, and take its answer in."""
    witness = Witness(home, CHEAP)
    witness.init("witness.example/one", SECRET, [read_outline(hoy(election)).log])
    answer = witness.cosign_board(hoy(election), SECRET)
    (home / "answer").write_bytes(answer.note)
    (taken,) = take_cosignatures(hoy(election), [home / "answer"], [witness.key])
    assert (taken.size, taken.names) == (answer.checkpoint.size, (witness.key.name,))
    return witness


def test_witness_cosigns_a_stations_board_and_its_receipts_are_no_longer_provisional(
    night: HonestElection, tmp_path: Path
) -> None:
    ballot, log = ballots(night)[0], read_outline(hoy(night)).log
    before = make_receipt(hoy(night), lambda logged: logged.index == ballot.index)
    assert check_receipt(before, trusting(hoy(night))).provisional
    witness = cosigned(night, tmp_path / "home")
    policy = parse_policy(f"log {log.vkey()}\nwitness one {witness.key.vkey()}\nquorum one\n".encode())
    after = make_receipt(hoy(night), lambda logged: logged.index == ballot.index, policy)
    vouched = check_receipt(after, policy)
    assert (vouched.provisional, list(vouched.standing.cosigned), vouched.origins) == (False, ["one"], (log.name,))
    assert check_receipt(before, policy).provisional
    assert witness.cosign_board(hoy(night), SECRET).repeated


def test_witness_of_the_national_log_does_not_follow_a_stations_unasked(night: HonestElection, tmp_path: Path) -> None:
    witness = Witness(tmp_path / "home", CHEAP)
    witness.init("witness.example/one", SECRET, [read_outline(night.board).log])
    with pytest.raises(PolicyError, match=r"does not follow the log 'demo\.invalid/election/station/2'"):
        witness.cosign_board(hoy(night), SECRET)
    assert not witness.state().logs[read_outline(night.board).log.name].note


def test_witness_follows_both_logs_each_by_itself(night: HonestElection, tmp_path: Path) -> None:
    witness = cosigned(night, tmp_path / "home")
    national = read_outline(night.board).log
    witness.cosign_board(night.board, SECRET, [national])
    assert {name: held.checkpoint.size for name, held in witness.state().logs.items()} == {
        read_outline(hoy(night)).log.name: read_outline(hoy(night)).size,
        national.name: read_outline(night.board).size,
    }


def test_witness_refuses_an_older_copy_of_a_stations_board(night: HonestElection, tmp_path: Path) -> None:
    committed = [event for event in scan(hoy(night)) if isinstance(event, Committed)]
    older = tmp_path / "older.board"
    older.write_bytes(hoy(night).read_bytes()[: committed[-2].end])
    witness = cosigned(night, tmp_path / "home")
    with pytest.raises(ConflictError, match="this witness has cosigned"):
        witness.cosign_board(older, SECRET)


def test_glance_at_a_stations_board_names_its_own_log(closed: HonestElection) -> None:
    log = read_outline(hoy(closed)).log
    assert log.name.endswith(f"/station/{HOY}")
    assert summarize(hoy(closed)).log == log.vkey()
    assert check_checkpoint(read_outline(hoy(closed)).note, log).origin == log.name


# A station's board after a crash


def test_station_recovers_its_own_board(night: HonestElection, tmp_path: Path) -> None:
    board, mirror = hoy(night), Path(shutil.copy(hoy(night), tmp_path / "mirror.board"))
    board.write_bytes(board.read_bytes() + b"\xff" * 99)
    done = recover(board)
    assert (done.checkpoint.size, done.torn is not None) == (read_outline(mirror).size, True)
    assert done.checkpoint.origin == read_outline(mirror).log.name
    for at in (100, 9_000):
        data = bytearray(mirror.read_bytes())
        data[at] ^= 1
        board.write_bytes(data)
        with pytest.raises(E2evError):
            recover(board)
        recover(board, mirror)
        assert board.read_bytes() == mirror.read_bytes()
    board.write_bytes(data)
    with pytest.raises(E2evError):
        recover(board, night.board)
