"""Group commit: many posts, one checkpoint, and nobody answered before it stands."""

import errno
import os
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Barrier, Event

import pytest

from e2ev.board.contents import read_ballot
from e2ev.board.note import Checkpoint
from e2ev.board.outline import read_outline
from e2ev.board.policy import Policy
from e2ev.board.publish import Published
from e2ev.board.reader import Committed, Logged, scan
from e2ev.board.receipt import check_receipt
from e2ev.demo import elections
from e2ev.demo.elections import one, opened
from e2ev.demo.toy import TOY
from e2ev.errors import ConflictError, E2evError, NotReadyError, RejectedError, StorageError
from e2ev.record.entry import Entry, Pen, message_file
from e2ev.record.kinds import Kind
from e2ev.roles.desk import Desk
from e2ev.roles.device import Device
from e2ev.roles.examine import BallotJudge, LoneBallot
from e2ev.roles.gathering import Gathering, Place, Posted
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


def events(board: Path) -> list[Logged]:
    return [event for event in scan(board) if isinstance(event, Logged)]


def logged(board: Path) -> list[Entry]:
    return [event.entry for event in events(board)]


def commits(board: Path) -> list[tuple[int, bytes]]:
    return [(event.size, event.root) for event in scan(board) if isinstance(event, Committed)]


class Posters:
    """Threads that post at the same time: none is admitted before all are on their way."""

    def __init__(self, gathering: Gathering) -> None:
        self._gathering = gathering

    def post(self, posts: Sequence[Sequence[Entry]]) -> list[Posted | E2evError]:
        """Return what became of each post, in their order."""
        together = Barrier(len(posts))

        def one_of_them(entries: Sequence[Entry]) -> Posted | E2evError:
            try:
                return self._gathering.post(entries, lambda: together.wait(60))
            except E2evError as error:
                return error

        with ThreadPoolExecutor(len(posts)) as threads:
            return list(threads.map(one_of_them, posts))


def gathering(board: Path, most: int = 256, patience: float = PATIENT, disk: Disk = REAL) -> Gathering:
    return Gathering(lambda: Intake(board, (TOY,), disk=disk), most=most, patience=patience)


def sizes(answers: Iterable[Posted | E2evError]) -> list[int]:
    return [answer.checkpoint.size for answer in answers if isinstance(answer, Posted)]


def test_posts_of_several_devices_share_a_checkpoint(day: Day, tmp_path: Path) -> None:
    board, before = day.copy(tmp_path), commits(day.board)
    with gathering(board) as gathered:
        answers = Posters(gathered).post([chain[:2] for chain in day.chains])
    (size,) = set(sizes(answers))
    assert size == before[-1][0] + 2 * DEVICES
    assert [size for size, _ in commits(board)] == [*(size for size, _ in before), size]


def test_each_is_told_where_its_entries_stand(day: Day, tmp_path: Path) -> None:
    board = day.copy(tmp_path)
    posts = [chain[:3] for chain in day.chains]
    with gathering(board) as gathered:
        answers = Posters(gathered).post(posts)
    places = {event.entry.leaf_hash: Place(event.index, event.offset) for event in events(board)}
    for entries, answer in zip(posts, answers, strict=True):
        assert isinstance(answer, Posted)
        assert answer.places == {entry.leaf_hash: places[entry.leaf_hash] for entry in entries}


def test_threads_that_wait_for_their_answers_keep_their_chains(day: Day, tmp_path: Path) -> None:
    board = day.copy(tmp_path)
    answers: list[Checkpoint] = []

    def post(chain: tuple[Entry, ...]) -> None:
        for entry in chain:
            answer = gathered.post([entry]).checkpoint
            assert (answer.size, answer.root) in commits(board)
            assert entry in logged(board)[: answer.size]
            answers.append(answer)

    with gathering(board, DEVICES, 0.05) as gathered:
        with ThreadPoolExecutor(DEVICES) as threads:
            for done in [threads.submit(post, chain) for chain in day.chains]:
                done.result(timeout=60)
        with gathered.looking() as intake:
            for code, place in intake.contents.ballots.items():
                assert logged(board)[place.index].header.code == code
                assert read_ballot(board, intake.contents, code)
    assert len(answers) == sum(map(len, day.chains))
    for chain in day.chains:
        assert [entry for entry in logged(board) if entry.header.author == chain[0].header.author] == list(chain)


def test_lone_post_waits_for_nobody(day: Day, tmp_path: Path) -> None:
    with gathering(day.copy(tmp_path), patience=3600) as gathered:
        assert gathered.post(day.chains[0][:1]).checkpoint.size == len(logged(day.board)) + 1


def test_nobody_waits_longer_than_a_group_is_patient(day: Day, tmp_path: Path) -> None:
    judged, free = Event(), Event()

    def slowly() -> None:
        judged.set()
        free.wait(60)

    with gathering(day.copy(tmp_path), patience=0.01) as gathered, ThreadPoolExecutor(1) as threads:
        slow = threads.submit(gathered.post, day.chains[1][:1], slowly)
        assert judged.wait(60)
        assert gathered.post(day.chains[0][:1]).checkpoint.size == len(logged(day.board)) + 1
        free.set()
        assert slow.result(60).checkpoint.size == len(logged(day.board)) + 2


def test_group_has_no_more_entries_than_it_may(day: Day, tmp_path: Path) -> None:
    board, before = day.copy(tmp_path), commits(day.board)
    with gathering(board, most=5) as gathered:
        answers = Posters(gathered).post([chain[:3] for chain in day.chains])
        assert gathered.post(day.chains[0][3:]).checkpoint.size == commits(board)[-1][0]
    grown = [after - start for (start, _), (after, _) in pairwise(commits(board)[len(before) - 1 :])]
    assert grown == [3] * DEVICES + [len(day.chains[0]) - 3]
    assert len(set(sizes(answers))) == DEVICES


def test_refused_post_is_refused_alone(day: Day, tmp_path: Path) -> None:
    board, before = day.copy(tmp_path), len(logged(day.board))
    one_chain, two_chain, three_chain, _ = day.chains
    bad = Entry(two_chain[0].leaf, two_chain[0].header, two_chain[0].body + b"x")
    posts = [one_chain[:2], (three_chain[0], three_chain[2]), (bad,), two_chain[:1]]
    with gathering(board) as gathered:
        good, gap, changed, second = Posters(gathered).post(posts)
        assert isinstance(gap, RejectedError)
        assert isinstance(changed, RejectedError)
        assert "not the one that the header signs" in changed.found
        assert sizes([good, second]) == [before + 3] * 2
        assert gathered.post(three_chain[:2]).checkpoint.size == before + 5
        with gathered.looking() as intake:
            assert len(intake.contents.ballots) == 5
            assert all(read_ballot(board, intake.contents, code) for code in intake.contents.ballots)
    assert sorted(map(hash, logged(board)[before:])) == sorted(
        map(hash, [*one_chain[:2], two_chain[0], *three_chain[:2]])
    )


def test_post_that_is_judged_wrong_is_not_admitted_and_keeps_nobody_waiting(day: Day, tmp_path: Path) -> None:
    def objects() -> None:
        raise RejectedError("a proof does not hold")

    with gathering(day.copy(tmp_path), patience=3600) as gathered:
        with pytest.raises(RejectedError, match="a proof"):
            gathered.post(day.chains[0][:1], objects)
        assert gathered.post(day.chains[1][:1]).checkpoint.size == len(logged(day.board)) + 1


def test_posting_again_gives_a_checkpoint_that_covers_it(day: Day, tmp_path: Path) -> None:
    board, post = day.copy(tmp_path), day.chains[0][:1]
    with gathering(board) as gathered:
        first = Posters(gathered).post([post] * 3)
        again = Posters(gathered).post([post] * 3)
    assert sizes([*first, *again]) == [len(logged(day.board)) + 1] * 6
    assert sorted(len(answer.places) for answer in first if isinstance(answer, Posted)) == [0, 0, 1]
    assert len(logged(board)) == len(logged(day.board)) + 1


def test_two_entries_under_one_counter_are_one_entry_and_a_conflict(day: Day, tmp_path: Path) -> None:
    board, entry = day.copy(tmp_path), day.chains[0][0]
    with gathering(board) as gathered:
        answers = Posters(gathered).post([[entry], [_second_entry(board, entry)]])
    (size,) = sizes(answers)
    assert size == len(logged(day.board)) + 1
    assert [type(answer) for answer in answers if not isinstance(answer, Posted)] in ([ConflictError], [RejectedError])


class Failing(Disk):
    """Fails to sync data once it is told to."""

    failing = False

    def sync_data(self, descriptor: int) -> None:
        if self.failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync_data(descriptor)


def test_disk_error_is_told_to_the_whole_group_and_the_next_post_opens_the_board_anew(day: Day, tmp_path: Path) -> None:
    board, disk = day.copy(tmp_path), Failing()
    before = commits(board)
    with gathering(board, disk=disk) as gathered:
        disk.failing = True
        answers = Posters(gathered).post([chain[:1] for chain in day.chains])
        assert [type(answer) for answer in answers] == [StorageError] * DEVICES
        assert commits(board) == before
        with pytest.raises(StorageError):
            gathered.post(day.chains[0][:1])
        disk.failing = False
        for chain in day.chains:
            gathered.post(chain)
    assert len(logged(board)) == before[-1][0] + sum(map(len, day.chains))


def test_nothing_is_taken_after_the_end(day: Day, tmp_path: Path) -> None:
    board = day.copy(tmp_path)
    with gathering(board) as gathered:
        gathered.post(day.chains[0][:1])
    with pytest.raises(NotReadyError, match="not open for posting"):
        gathered.post(day.chains[1][:1])
    with Intake(board, (TOY,)) as intake:  # its lock is free
        assert len(intake.contents.ballots) == 1


# The desk above it


def desk(board: Path, jobs: int = 1, patience: float = PATIENT) -> Desk:
    published = Published(board, board.parent / "tiles")
    return Desk(board, published, (TOY,), rate=1e6, burst=1_000, jobs=jobs, patience=patience)


@pytest.mark.parametrize("jobs", [1, 2])
def test_devices_that_post_at_the_same_time_get_receipts_under_what_covers_them(
    day: Day, tmp_path: Path, jobs: int
) -> None:
    board = day.copy(tmp_path)
    policy = Policy((read_outline(board).log,), (), (), "none")

    def post(chain: tuple[Entry, ...]) -> None:
        for entry in chain:
            (done,) = taking.take(message_file((entry,)))
            vouched = check_receipt(done.receipt.encode(), policy)
            assert (vouched.leaf_hash, vouched.index) == (entry.leaf_hash, done.index)
            assert vouched.standing.checkpoint.size in {size for size, _ in commits(board)}
            assert taking.take(message_file((entry,))) == (done,)

    with desk(board, jobs, 0.05) as taking, ThreadPoolExecutor(DEVICES) as threads:
        for done in [threads.submit(post, chain) for chain in day.chains]:
            done.result(timeout=120)
    for chain in day.chains:
        assert [entry for entry in logged(board) if entry.header.author == chain[0].header.author] == list(chain)


def test_desk_commits_together_what_comes_at_the_same_time(
    day: Day, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, before, together = day.copy(tmp_path), len(commits(day.board)), Barrier(DEVICES)
    judge = BallotJudge.__call__

    def judge_at_the_same_time(self: BallotJudge, ballot: LoneBallot) -> E2evError | None:
        together.wait(60)
        return judge(self, ballot)

    monkeypatch.setattr(BallotJudge, "__call__", judge_at_the_same_time)
    with desk(board) as taking, ThreadPoolExecutor(DEVICES) as threads:
        receipts = [threads.submit(taking.take, message_file(chain[:1])) for chain in day.chains]
        notes = {done.result(60)[0].receipt.partition("\n\n")[2] for done in receipts}
    assert len(notes) == 1
    assert len(commits(board)) == before + 1


def test_message_that_was_sent_twice_at_the_same_time_is_taken_once(day: Day, tmp_path: Path) -> None:
    board, message = day.copy(tmp_path), message_file(day.chains[0])
    with desk(board) as taking, ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: taking.take(message), range(4)))
    assert answers == answers[:1] * 4
    assert len(logged(board)) == len(logged(day.board)) + len(day.chains[0])


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
