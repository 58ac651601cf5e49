"""Group commit: many posts, one checkpoint, and nobody answered before it stands."""

import errno
import os
import shutil
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2ev.board.contents import read_ballot
from e2ev.board.note import Checkpoint
from e2ev.board.reader import Committed, Logged, scan
from e2ev.demo import elections
from e2ev.demo.elections import one, opened
from e2ev.demo.toy import TOY
from e2ev.errors import ConflictError, E2evError, NotReadyError, RejectedError, StorageError
from e2ev.record.entry import Entry, Pen
from e2ev.record.kinds import Kind
from e2ev.roles.device import Device
from e2ev.roles.gathering import Gathering
from e2ev.roles.intake import Intake
from e2ev.storage.disk import REAL, Disk

DEVICES, BALLOTS = 4, 6
PATIENT = 30.0


@dataclass(frozen=True)
class Day:
    """An election that is open, and what each of its devices is about to post: ballots, then decisions."""

    root: Path
    board: Path
    chains: tuple[tuple[Entry, ...], ...]

    def copy(self, folder: Path) -> Path:
        """Return the board of a copy of the election."""
        shutil.copytree(self.root, folder / "copy")
        return folder / "copy" / self.board.relative_to(self.root)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    root = tmp_path_factory.mktemp("day") / "election"
    made, chains = opened(root, TOY, elections.PLAIN, ["Hall"] * DEVICES, 1, 1), []
    before = len(logged(made.board))
    for number in range(1, DEVICES + 1):
        copy = Path(shutil.copytree(root, root.with_name(f"copy-{number}")))
        board = copy / made.board.relative_to(root)
        Device(copy / f"device-{number}", (TOY,)).encrypt_many(board, [(one(1, 0), "cast")] * BALLOTS)
        chains.append(tuple(logged(board)[before:]))
    return Day(root, made.board, tuple(chains))


def logged(board: Path) -> list[Entry]:
    return [event.entry for event in scan(board) if isinstance(event, Logged)]


def commits(board: Path) -> list[tuple[int, bytes]]:
    return [(event.size, event.root) for event in scan(board) if isinstance(event, Committed)]


def gathering(intake: Intake, most: int, patience: float = PATIENT) -> Gathering:
    return Gathering(intake, most=most, patience=patience)


def results(promised: Iterable["Future[Checkpoint]"]) -> set[Checkpoint]:
    return {future.result(timeout=60) for future in promised}


def test_posts_of_several_devices_share_a_checkpoint(day: Day, tmp_path: Path) -> None:
    board, before = day.copy(tmp_path), commits(day.board)
    total = sum(map(len, day.chains))
    with Intake(board, (TOY,)) as intake, gathering(intake, total) as gathered:
        promised = [gathered.post([entry]) for chain in day.chains for entry in chain]
        (checkpoint,) = results(promised)
    assert commits(board) == [*before, (checkpoint.size, checkpoint.root)]
    assert checkpoint.size == before[-1][0] + total


def test_threads_that_wait_for_their_answers_keep_their_chains(day: Day, tmp_path: Path) -> None:
    board = day.copy(tmp_path)
    answers: list[Checkpoint] = []

    def post(chain: tuple[Entry, ...]) -> None:
        for entry in chain:
            answer = gathered.post([entry]).result(timeout=60)
            assert (answer.size, answer.root) in commits(board)
            answers.append(answer)

    with Intake(board, (TOY,)) as intake, gathering(intake, DEVICES, 0.05) as gathered:
        with ThreadPoolExecutor(DEVICES) as threads:
            for done in [threads.submit(post, chain) for chain in day.chains]:
                done.result(timeout=60)
        for code, place in intake.contents.ballots.items():
            assert logged(board)[place.index].header.code == code
            assert read_ballot(board, intake.contents, code)
    assert len(answers) == sum(map(len, day.chains))
    assert len(commits(board)) - len(commits(day.board)) < len(answers)
    for chain in day.chains:
        assert [entry for entry in logged(board) if entry.header.author == chain[0].header.author] == list(chain)


def test_lone_post_waits_no_longer_than_it_has_to(day: Day, tmp_path: Path) -> None:
    with Intake(day.copy(tmp_path), (TOY,)) as intake, gathering(intake, 1000, 0.01) as gathered:
        assert gathered.post(day.chains[0][:1]).result(timeout=60).size == len(logged(day.board)) + 1


def test_refused_post_is_refused_alone(day: Day, tmp_path: Path) -> None:
    board, before = day.copy(tmp_path), len(logged(day.board))
    one_chain, two_chain, three_chain, _ = day.chains
    bad = Entry(two_chain[0].leaf, two_chain[0].header, two_chain[0].body + b"x")
    posts = [one_chain[:2], (three_chain[0], three_chain[2]), (bad,), two_chain[:1], three_chain[:2]]
    with Intake(board, (TOY,)) as intake, gathering(intake, sum(map(len, posts))) as gathered:
        good, gap, changed, second, third = [gathered.post(post) for post in posts]
        with pytest.raises(RejectedError):
            gap.result(timeout=60)
        with pytest.raises(RejectedError, match="not the one that the header signs"):
            changed.result(timeout=60)
        assert {f.result(timeout=60).size for f in (good, second, third)} == {before + 5}
        assert len(intake.contents.ballots) == 5
        for code in intake.contents.ballots:
            assert read_ballot(board, intake.contents, code)
    assert logged(board)[before:] == [*one_chain[:2], two_chain[0], *three_chain[:2]]


def test_posting_again_gives_a_checkpoint_that_covers_it(day: Day, tmp_path: Path) -> None:
    board = day.copy(tmp_path)
    with Intake(board, (TOY,)) as intake, gathering(intake, 3) as gathered:
        entry = day.chains[0][0]
        first = results([gathered.post([entry]), gathered.post([entry]), gathered.post([entry])])
        assert results([gathered.post([entry]) for _ in range(3)]) == first
    assert len(logged(board)) == len(logged(day.board)) + 1


class Failing(Disk):
    """Fails to sync data once it is told to."""

    failing = False

    def sync_data(self, descriptor: int) -> None:
        if self.failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync_data(descriptor)


def test_disk_error_is_told_to_everybody_and_ends_it(day: Day, tmp_path: Path) -> None:
    board, disk = day.copy(tmp_path), Failing()
    before = commits(board)
    with Intake(board, (TOY,), disk=disk) as intake, gathering(intake, DEVICES) as gathered:
        disk.failing = True
        for promised in [gathered.post(chain[:1]) for chain in day.chains]:
            with pytest.raises(StorageError):
                promised.result(timeout=60)
        with pytest.raises((NotReadyError, StorageError)):
            gathered.post(day.chains[0][:1]).result(timeout=60)
    assert commits(board) == before
    with Intake(board, (TOY,), disk=REAL) as intake:
        intake.post(entry for chain in day.chains for entry in chain)


def test_what_was_posted_before_the_end_is_committed(day: Day, tmp_path: Path) -> None:
    board = day.copy(tmp_path)
    with Intake(board, (TOY,)) as intake:
        with gathering(intake, 1000) as gathered:
            promised = [gathered.post([entry]) for chain in day.chains for entry in chain]
        (checkpoint,) = results(promised)
        assert checkpoint.size == len(logged(board))
        with pytest.raises(NotReadyError, match="not open for posting"):
            gathered.post(day.chains[0])


# The intake beneath it


def test_admitted_entries_stand_on_the_board_after_the_commit_alone(day: Day, tmp_path: Path) -> None:
    board, before = day.copy(tmp_path), logged(day.board)
    with Intake(board, (TOY,)) as intake:
        intake.admit(day.chains[0][:2])
        intake.admit(day.chains[1][:1])
        assert logged(board) == before
        intake.commit()
        assert logged(board) == [*before, *day.chains[0][:2], day.chains[1][0]]
        assert commits(board)[-1][0] == len(before) + 3


@pytest.mark.parametrize("kind", ["gap", "conflict"])
def test_refused_batch_leaves_what_waited_before(day: Day, tmp_path: Path, kind: str) -> None:
    board, before = day.copy(tmp_path), logged(day.board)
    first, second = day.chains[:2]
    with Intake(board, (TOY,)) as intake:
        intake.post(first[:1])
        intake.admit(first[1:3])
        bad, error = {
            "gap": (first[5], RejectedError),
            "conflict": (_second_entry(board, first[0]), ConflictError),
        }[kind]
        with pytest.raises(E2evError) as caught:
            intake.admit([second[0], bad])
        assert isinstance(caught.value, error)
        assert len(intake.contents.ballots) == 3
        intake.admit(second[:1])
        intake.commit()
    assert logged(board)[len(before) :] == [*first[:3], second[0]]


def _second_entry(board: Path, entry: Entry) -> Entry:
    """Return another entry of the first device, with the same counter."""
    device = Device(board.parents[1] / "device-1", (TOY,))
    header = entry.header
    return Pen(device.key, header.election, header.counter, header.previous).write(Kind.DECISION, b"another")[0]
