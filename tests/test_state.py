"""States: a run that goes on from one says what a run in one piece says, and looks only at what is new."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev.board.reader import Committed, scan
from e2ev.demo import elections
from e2ev.demo.forge import Forgery, take_apart, write_board
from e2ev.demo.honest import HonestElection
from e2ev.demo.tamper import find
from e2ev.demo.toy import LOOSE
from e2ev.errors import ConflictError, DataError, PolicyError
from e2ev.record.kinds import Kind
from e2ev.signing import SigningKey
from e2ev.verify import state as states
from e2ev.verify.check import Report, Verdict
from e2ev.verify.executors import Serial
from e2ev.verify.levels import Level
from e2ev.verify.run import Options, verify
from e2ev.verify.state import read_state, verify_on
from tests.groups import law

KEY, OTHER = SigningKey.from_seed(bytes(32)), SigningKey.from_seed(bytes(31) + b"1")
BOARDS = ("", "vote-counted-twice", "negative-alpha", "valid-ballot-excluded", "proof-nonce-used-twice")


class Counting(Serial):
    """This process, which notes the rows of all ballots that it was given."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def run(self, work: Callable[[Any], Any], units: Iterable[Any]) -> Generator[Any, None, None]:
        for unit in units:
            self.rows += [job.row for job in unit]
            yield work(unit)


@pytest.fixture(scope="module", autouse=True)
def few_ballots_a_block() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "STEP", 2)
        yield


@pytest.fixture(scope="module")
def election(tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    return elections.small(tmp_path_factory.mktemp("states"), LOOSE)


@pytest.fixture(scope="module")
def options(election: HonestElection) -> Options:
    return replace(election.options, need_anchors=False)


@pytest.fixture(scope="module")
def board_of(election: HonestElection) -> Callable[[str], bytes]:
    """Return what gives the bytes of a board that was tampered with, written from the small election."""
    forgery = take_apart(election)

    @cache
    def make(name: str) -> bytes:
        change: Callable[[Forgery], Forgery] = find(name).change if name else lambda same: same
        write_board(change(forgery), election.root / "made.board")
        return (election.root / "made.board").read_bytes()

    return make


@pytest.fixture(scope="module")
def whole(board_of: Callable[[str], bytes], options: Options, tmp_path_factory: pytest.TempPathFactory) -> "Whole":
    """Return what gives the report of a run in one piece over the first bytes of a board."""
    path = tmp_path_factory.mktemp("whole") / "small.board"

    @cache
    def judge(name: str, end: int) -> Report:
        path.write_bytes(board_of(name)[:end])
        return verify(path, options)

    return judge


Whole = Callable[[str, int], Report]


def ends(path: Path) -> list[int]:
    """Return the offsets behind all checkpoints of a board."""
    return [event.end for event in scan(path) if isinstance(event, Committed)]


# The same report


@settings(law, max_examples=5)
@given(data=st.data())
def test_report_does_not_depend_on_where_runs_were_cut(
    data: st.DataObject,
    board_of: Callable[[str], bytes],
    whole: Whole,
    options: Options,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder, name = tmp_path_factory.mktemp("cuts"), data.draw(st.sampled_from(BOARDS))
    board, state = folder / "small.board", folder / "state"
    board.write_bytes(board_of(name))
    points = ends(board)
    cuts = data.draw(st.lists(st.sampled_from(points[len(points) // 4 :]), max_size=2, unique=True).map(sorted))
    for end in chain(cuts, [len(board_of(name))]):
        board.write_bytes(board_of(name)[:end])
        report = verify_on(board, state, KEY, options)
        assert report == whole(name, end)
    assert report.tripped() == (find(name).trips if name else frozenset())


def test_states_of_the_same_board_are_the_same_bytes(
    board_of: Callable[[str], bytes], options: Options, tmp_path: Path
) -> None:
    board, made = tmp_path / "small.board", []
    board.write_bytes(board_of(""))
    points = ends(board)
    for number, cuts in enumerate(([], [points[-12]])):
        for end in (*cuts, len(board_of(""))):
            board.write_bytes(board_of("")[:end])
            verify_on(board, tmp_path / f"state-{number}", KEY, options)
        made.append((tmp_path / f"state-{number}").read_bytes())
    assert made[0] == made[1]


# Only what is new


def looked_at(board: Path, state: Path, options: Options) -> list[int]:
    counting = Counting()
    verify_on(board, state, KEY, replace(options, executor=counting))
    return counting.rows


def test_only_what_is_new_is_looked_at(board_of: Callable[[str], bytes], options: Options, tmp_path: Path) -> None:
    board, state = tmp_path / "small.board", tmp_path / "state"
    board.write_bytes(board_of(""))
    whole, points = list(range(13)), ends(board)
    assert looked_at(board, tmp_path / "other", options) == whole
    assert looked_at(board, tmp_path / "other", options) == []
    first = next(end for end in reversed(points) if 6 <= posted(board, board_of("")[:end], options) < 13)
    board.write_bytes(board_of("")[:first])
    begun = looked_at(board, state, options)
    board.write_bytes(board_of(""))
    later = looked_at(board, state, options)
    assert 6 <= len(begun) < 13
    assert later[0] > 0
    assert later[-1] == 12
    assert set(begun) | set(later) == set(whole)
    assert looked_at(board, state, options) == []


def posted(board: Path, data: bytes, options: Options) -> int:
    board.write_bytes(data)
    return verify(board, replace(options, level=Level.STRUCTURE)).ballots[0]


def test_exclusion_makes_its_block_new(election: HonestElection, options: Options, tmp_path: Path) -> None:
    board, state, forgery = tmp_path / "small.board", tmp_path / "state", take_apart(election)
    (place,) = forgery.indices(Kind.EXCLUSION)
    code = forgery.steps[place].body.ballot
    row = [forgery.steps[i].code for i in forgery.indices(Kind.BALLOT)].index(code)
    write_board(forgery.until(place - 1), board)
    assert looked_at(board, state, options) == list(range(13))
    write_board(forgery.until(place), board)
    assert looked_at(board, state, options) == [row - row % 2, row - row % 2 + 1]


@pytest.mark.parametrize("changed", ["program", "disabled"])
def test_state_of_another_program_or_setting_saves_nothing(
    changed: str, election: HonestElection, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    assert looked_at(election.board, state, options) == list(range(13))
    if changed == "program":
        monkeypatch.setattr(states, "program", lambda: "e2ev 0")
    other = replace(options, disabled=frozenset({"6.D"})) if changed == "disabled" else options
    assert looked_at(election.board, state, other) == list(range(13))


def test_board_without_keys_leaves_no_state(election: HonestElection, options: Options, tmp_path: Path) -> None:
    board = tmp_path / "small.board"
    board.write_bytes(election.board.read_bytes()[: ends(election.board)[0]])
    assert verify_on(board, tmp_path / "state", KEY, options).verdict is Verdict.INCOMPLETE
    assert not (tmp_path / "state").exists()


# What is refused


def test_fork_is_refused(board_of: Callable[[str], bytes], options: Options, tmp_path: Path) -> None:
    board, state = tmp_path / "small.board", tmp_path / "state"
    board.write_bytes(board_of(""))
    verify_on(board, state, KEY, options)
    kept = state.read_bytes()
    board.write_bytes(board_of("negative-alpha"))
    with pytest.raises(ConflictError, match="another root"):
        verify_on(board, state, KEY, options)
    assert state.read_bytes() == kept


def test_shorter_board_is_refused(board_of: Callable[[str], bytes], options: Options, tmp_path: Path) -> None:
    board, state = tmp_path / "small.board", tmp_path / "state"
    board.write_bytes(board_of(""))
    verify_on(board, state, KEY, options)
    board.write_bytes(board_of("")[: ends(board)[-2]])
    with pytest.raises(ConflictError, match="entries alone"):
        verify_on(board, state, KEY, options)


def test_entries_behind_the_last_checkpoint_may_still_go(
    board_of: Callable[[str], bytes], options: Options, tmp_path: Path
) -> None:
    board, state = tmp_path / "small.board", tmp_path / "state"
    board.write_bytes(board_of(""))
    points = ends(board)
    loose = next(i for i in reversed(range(len(points))) if points[i] - points[i - 1] > 2_000)
    board.write_bytes(board_of("")[: points[loose] - 300])
    assert verify_on(board, state, KEY, options).tripped() == {"B.1"}
    board.write_bytes(board_of("")[: points[loose - 1]])
    assert not verify_on(board, state, KEY, options).findings


def test_state_that_somebody_else_signed_is_refused(election: HonestElection, options: Options, tmp_path: Path) -> None:
    verify_on(election.board, tmp_path / "state", OTHER, options)
    with pytest.raises(PolicyError, match="not by your key"):
        verify_on(election.board, tmp_path / "state", KEY, options)


@settings(law, max_examples=40)
@given(data=st.data())
def test_change_of_any_byte_of_a_state_is_refused(data: st.DataObject, made: Path, tmp_path_factory: Any) -> None:
    content = bytearray(made.read_bytes())
    place = data.draw(st.one_of(st.integers(0, 400), st.integers(0, len(content) - 1)))
    content[place] ^= data.draw(st.integers(1, 255))
    bad = tmp_path_factory.mktemp("bad") / "state"
    bad.write_bytes(content)
    with pytest.raises((DataError, PolicyError)):
        read_state(bad, KEY)


@pytest.fixture(scope="module")
def made(election: HonestElection, options: Options, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "state"
    verify_on(election.board, path, KEY, options)
    return path


def test_state_that_is_cut_or_longer_is_refused(made: Path, tmp_path: Path) -> None:
    whole = made.read_bytes()
    assert len(read_state(made, KEY).blocks) == 7
    for bad in (b"", whole[:5], whole[:100], whole[:-1], whole + b"x", b"E2EVSTA2\xff\xff\xff\xff"):
        (tmp_path / "bad").write_bytes(bad)
        with pytest.raises(DataError, match="cannot be read"):
            read_state(tmp_path / "bad", KEY)
