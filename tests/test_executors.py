"""One contract for everything that can do the work: the same report, whoever does it, and whatever dies meanwhile."""

import importlib.util
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from benchmarks.clones import cloned_board
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev.board.ledger import read_contents
from e2ev.demo.forge import take_apart, write_board
from e2ev.demo.tamper import find
from e2ev.demo.toy import TOY
from e2ev.errors import DataError, IncompleteError, NotReadyError
from e2ev.record.codec import encode
from e2ev.signing import SigningKey
from e2ev.verify import segments
from e2ev.verify.check import Report, Verdict
from e2ev.verify.executors import ATTEMPTS, Dask, Executor, Hands, Processes, Serial
from e2ev.verify.partial import body_of
from e2ev.verify.run import Options, Ready, prepare, verify
from e2ev.verify.runs import Spool
from e2ev.verify.segments import Partial, ballot_jobs, verify_segment
from e2ev.verify.shards import Shard, merge, write_partial
from e2ev.verify.sums import Sum
from tests.commands import ENVIRONMENT, Shell
from tests.dying import Dying, fail, square_or_die
from tests.elections import finished
from tests.groups import law

BOARDS = ("honest", "vote-counted-twice", "selection-not-proved")
KEY = SigningKey.from_seed(bytes(32))
AUTHOR = b"\x01" + KEY.verify_key.raw
OPTIONS = Options(groups=(TOY,), need_anchors=False)

small_segments = pytest.mark.usefixtures("one_ballot_a_segment")


@pytest.fixture
def one_ballot_a_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("e2ev.verify.run.segment_size", lambda *_: 1)


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return an honest board, and two that are tampered with: in one ballot, and in what two have in common."""
    election, folder = finished(TOY), tmp_path_factory.mktemp("boards")
    forgery, made = take_apart(election), {"honest": election.board}
    for name in BOARDS[1:]:
        made[name] = folder / f"{name}.board"
        write_board(find(name).change(forgery), made[name])
    return made


@pytest.fixture(scope="module")
def reports(boards: dict[str, Path]) -> dict[str, Report]:
    """Return what one process says of each board in one segment."""
    return {name: verify(path, OPTIONS) for name, path in boards.items()}


# The same report


def by_shards(count: int) -> Callable[[Path, Path], Report]:
    def run(board: Path, folder: Path) -> Report:
        parts = [folder / f"part-{i}" for i in range(1, count + 1)]
        for i, part in enumerate(parts, 1):
            write_partial(board, Shard(i, count), part, KEY, OPTIONS)
        return merge(board, parts[::-1], frozenset({AUTHOR}), OPTIONS)

    return run


def by(executor: Executor) -> Callable[[Path, Path], Report]:
    return lambda board, _folder: verify(board, replace(OPTIONS, executor=executor))


WAYS = {"serial": by(Serial()), "processes": by(Processes(2)), "shard files": by_shards(3)}


@small_segments
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", BOARDS)
def test_report_is_the_same_whoever_does_the_work(
    way: str, name: str, boards: dict[str, Path], reports: dict[str, Report], tmp_path: Path
) -> None:
    assert WAYS[way](boards[name], tmp_path) == reports[name]


@small_segments
@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="distributed is not installed")
def test_report_of_a_dask_cluster_is_the_same(boards: dict[str, Path], reports: dict[str, Report]) -> None:
    distributed = importlib.import_module("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        for name in BOARDS:
            executor = Dask(cluster.scheduler_address)
            assert verify(boards[name], replace(OPTIONS, executor=executor)) == reports[name], name


def test_boards_of_the_contract_have_what_they_are_for(reports: dict[str, Report]) -> None:
    assert reports["honest"].verdict is Verdict.ACCEPTED
    assert len(reports["honest"].excluded) == 1
    assert reports["vote-counted-twice"].tripped() == {"5.A", "I.1", "I.2", "I.4"}
    assert reports["selection-not-proved"].tripped() == {"6.D"}


# Any partition, any order


@pytest.fixture(scope="module")
def ready(boards: dict[str, Path]) -> Ready:
    return prepare(boards["vote-counted-twice"], OPTIONS)


@pytest.fixture(scope="module")
def partial_of(ready: Ready) -> Callable[[int, int], Partial]:
    """Return what gives the partial of the ballots in some rows."""
    made: dict[tuple[int, int], Partial] = {}

    def partial(start: int, stop: int) -> Partial:
        if (start, stop) not in made:
            unit = tuple(ballot_jobs(ready.setting, range(start, stop)))
            made[start, stop] = verify_segment(ready.segment, unit)
        return made[start, stop]

    return partial


def bytes_of(total: Sum) -> tuple[bytes, ...]:
    return encode(body_of(total.summary())), *(b"".join(spool) for spool in total.spools)


@law
@given(data=st.data())
def test_sum_does_not_depend_on_partition_and_order(
    data: st.DataObject,
    ready: Ready,
    partial_of: Callable[[int, int], Partial],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    count = len(ready.setting.contents.ballots)
    cuts = sorted({0, count, *data.draw(st.lists(st.integers(0, count), max_size=6))})
    pieces = data.draw(st.permutations(list(pairwise(cuts))))
    folder = tmp_path_factory.mktemp("sums")
    total, whole = Sum(folder), Sum(folder)
    for start, stop in pieces:
        total.add(partial_of(start, stop))
    whole.add(partial_of(0, count))
    assert bytes_of(total) == bytes_of(whole)


@settings(law, max_examples=20)
@given(data=st.data())
def test_report_does_not_depend_on_the_order_of_files(
    data: st.DataObject, boards: dict[str, Path], reports: dict[str, Report], parts: dict[str, Path]
) -> None:
    shards = data.draw(st.sampled_from((("1/1",), ("1/2", "2/2"), ("1/2", "3/4", "4/4"), ("1/4", "2/4", "2/2"))))
    order = [parts[shard] for shard in data.draw(st.permutations(shards))]
    assert merge(boards["vote-counted-twice"], order, frozenset({AUTHOR}), OPTIONS) == reports["vote-counted-twice"]


@pytest.fixture(scope="module")
def parts(boards: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, made = tmp_path_factory.mktemp("parts"), {}
    for shard in (Shard(1, 1), Shard(1, 2), Shard(2, 2), Shard(1, 4), Shard(2, 4), Shard(3, 4), Shard(4, 4)):
        made[str(shard)] = folder / f"{shard.number}-of-{shard.shards}"
        write_partial(boards["vote-counted-twice"], shard, made[str(shard)], KEY, OPTIONS)
    return made


@given(values=st.lists(st.tuples(st.binary(min_size=1, max_size=1), st.integers(0, 50))), held=st.sampled_from((1, 40)))
@law
def test_spool_gives_its_records_in_order(
    values: list[tuple[bytes, int]], held: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    spool = Spool(tmp_path_factory.mktemp("spool"), "records", 5, held)
    records = [value + row.to_bytes(4, "big") for value, row in values]
    for one in records:
        spool.add(one)
    assert list(spool) == sorted(records)


def test_spool_merges_many_runs_into_few_files(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "records", 8, 8)
    for i in range(500):
        spool.add((i * 7919 % 1000).to_bytes(8, "big"))
    assert len(list(tmp_path.iterdir())) < 70
    assert list(spool) == sorted((i * 7919 % 1000).to_bytes(8, "big") for i in range(500))


# What dies


@dataclass(frozen=True)
class Deadly:
    """Two processes that die over one unit."""

    deaths: int
    counted: Path

    def run(self, work: Callable[[Any], Any], units: Iterable[Any]) -> Generator[Any, None, None]:
        self.counted.touch()
        yield from Processes(2).run(Dying(work, 5, self.deaths, self.counted), units)


@small_segments
def test_killed_worker_changes_nothing(boards: dict[str, Path], reports: dict[str, Report], tmp_path: Path) -> None:
    options = replace(OPTIONS, executor=Deadly(ATTEMPTS - 1, tmp_path / "deaths"))
    assert verify(boards["vote-counted-twice"], options) == reports["vote-counted-twice"]
    assert (tmp_path / "deaths").read_bytes() == b"x" * (ATTEMPTS - 1)


@small_segments
def test_unit_that_kills_every_process_is_named(boards: dict[str, Path], tmp_path: Path) -> None:
    options = replace(OPTIONS, executor=Deadly(100, tmp_path / "deaths"))
    with pytest.raises(IncompleteError, match=f"died {ATTEMPTS} times") as caught:
        verify(boards["honest"], options)
    assert caught.value.where.startswith("entries ")
    assert (tmp_path / "deaths").read_bytes() == b"x" * ATTEMPTS


def test_errors_of_workers_come_through() -> None:
    with pytest.raises(NotReadyError, match="not now") as caught:
        list(Processes(2).run(fail, range(1, 9)))
    assert caught.value.where == "1"


def test_no_more_units_are_taken_than_there_are_hands() -> None:
    taken: list[int] = []
    results = Processes(2).run(abs, (taken.append(i) or i for i in range(1, 100)))  # type: ignore[func-returns-value]  # appends
    assert next(results) == 1
    assert len(taken) < 10
    results.close()


# A board that changes meanwhile


@dataclass(frozen=True)
class Meddling:
    """Writes something into the board after its log was read."""

    board: Path
    change: Callable[[bytes], bytes]

    def run(self, work: Callable[[Any], Any], units: Iterable[Any]) -> Generator[Any, None, None]:
        self.board.write_bytes(self.change(self.board.read_bytes()))
        yield from Processes(2).run(work, units)


@small_segments
@pytest.mark.parametrize("change", ["other ballot", "cut", "gone"])
def test_board_that_changes_while_it_is_read_is_noticed(change: str, boards: dict[str, Path], tmp_path: Path) -> None:
    board = tmp_path / "changing.board"
    board.write_bytes(boards["honest"].read_bytes())
    ballots = read_contents(board, (TOY,)).ballots
    first, second, third = (ballots.at(row).offset for row in range(3))
    changes: dict[str, Callable[[bytes], bytes]] = {
        "other ballot": lambda data: data[:first] + data[second:third] + data[first:second] + data[third:],
        "cut": lambda data: data[: second + 20],
        "gone": lambda data: b"",
    }
    with pytest.raises(DataError, match="not the one that was read before"):
        verify(board, replace(OPTIONS, executor=Meddling(board, changes[change])))


# Who interrupts


@pytest.fixture(scope="module")
def long_board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cloned_board(tmp_path_factory.mktemp("clones"), 4_000)


IN_A_TOY_GROUP = """
import functools, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs these tests in the background may ignore it
import e2ev.verify.run as run
from e2ev.demo.toy import TOY
run.Options = functools.partial(run.Options, groups=(TOY,))
sys.argv = ["e2ev", *sys.argv[1:]]
from e2ev_cli.main import run
run()
"""


def members(session: int) -> list[int]:
    """Return the processes of a session that are still running."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, _group, own = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(own) == session and state != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)], ids=str)
def test_interrupted_command_leaves_no_processes(long_board: Path, number: int, code: int) -> None:
    command = ["verify", str(long_board), "--no-anchor", "--jobs", "2"]
    process = subprocess.Popen(
        [sys.executable, "-c", IN_A_TOY_GROUP, *command],
        env=ENVIRONMENT, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while len(members(process.pid)) < 4 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)  # the command, two helpers of multiprocessing, a worker; a second only comes if one is busy
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    if number == signal.SIGINT:
        assert said.strip().splitlines()[-1] == f"interrupted; this goes on: e2ev {' '.join(command)}"
    until = time.monotonic() + 20
    while members(process.pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert members(process.pid) == []


# The command


def test_dask_that_is_not_installed_is_said_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(NotReadyError) as caught:
        list(Dask("tcp://127.0.0.1:1").run(abs, [1]))
    assert "e2ev[dask]" in caught.value.remedy


@pytest.mark.parametrize(
    "options",
    [("--executor", "dask"), ("--scheduler", "tcp://host:8786"), ("--shard", "1/2"), ("--out", "x"),
     ("--shard", "one", "--out", "x")],
    ids=lambda options: " ".join(options),
)  # fmt: skip
def test_options_that_lack_others_are_a_usage_error(options: tuple[str, ...], boards: dict[str, Path]) -> None:
    Shell()("verify", boards["honest"], *options, code=2)


def test_size_of_segments_fits_the_ballots_and_the_processes() -> None:
    manifest = read_contents(finished(TOY).board, (TOY,)).manifest  # ballots of two contests at most
    sizes = [segments.segment_size(manifest, ballots, 4, (64, 256)) for ballots in (1, 100, 1_000, 1_000_000)]
    assert sizes == [32, 32, 125, 128]


def test_hands_that_are_killed_are_replaced() -> None:
    hands: Hands[int, int] = Hands(2, square_or_die)
    try:
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(hands, range(8))) == [unit * unit for unit in range(8)]
        with pytest.raises(IncompleteError, match="died 3 times"):
            hands(-1)
        assert hands(5) == 25
    finally:
        hands.dismiss()
