"""Boards under torture, in the small: each in full by a command (tests/torture)."""

import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from e2ev.board.growing import COMMIT_ROOM
from tests.torture import calls, crowd, flips, million, model, power, rollback
from tests.torture.places import folder_in_memory

SEED = int(os.environ.get("E2EV_SEED", "2027"))
BATCH = st.lists(st.integers(0, model.AUTHORS - 1), max_size=4)
AUTHOR = st.integers(0, model.AUTHORS - 1)


def test_power_fails_in_twenty_thousand_ways() -> None:
    seen = power.torture(SEED, 20_000)
    assert seen.states >= 20_000
    assert min(seen.again, seen.torn, seen.recommitted) > 500


def test_every_call_of_a_run_fails_in_every_way() -> None:
    seen = calls.errors(SEED, 4)
    assert len(seen.by) == 4
    assert seen.points > 150
    assert seen.refused > seen.points / 2


def test_run_is_killed_at_some_of_its_system_calls() -> None:
    if calls.strace() is None:
        pytest.skip("there is no strace that can inject signals")
    assert calls.kills(SEED, 6, 5).killed == 5


def test_run_kills_itself_at_some_of_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "strace", lambda: None)
    assert calls.kills(SEED, 6, 3).killed == 3


def test_changed_boards_are_refused_at_the_right_entry_or_have_a_torn_tail() -> None:
    seen = flips.torture(SEED, 200)
    assert sum(seen.refused.values()) > 400
    assert seen.torn
    assert set(seen.same) == {"frame dropped", "frame doubled"}


def test_older_copies_are_never_signed_onwards() -> None:
    seen = rollback.torture(SEED, 400)
    assert seen.refused > 200
    assert seen.opened > 10


def test_eight_writers_and_four_readers_survive_killed_holders_of_the_lock() -> None:
    seen = crowd.torture(SEED, 2)
    assert seen.killed == 2
    assert seen.readings >= crowd.READERS
    assert seen.appended >= seen.acknowledged > 0


def test_log_is_like_a_list_after_many_steps() -> None:
    seen = model.torture(SEED, 300)
    assert len(seen.by) == 8


def test_memory_does_not_grow_with_the_log() -> None:
    few, many = million.torture(SEED, 1_000), million.torture(SEED, 3_000)
    kept = 16_384  # signatures are remembered up to so many (record.entry)
    assert many.peak + (many.peak - few.peak) / 2_000 * (kept - 3_000) < million.LIMIT


class LogAndList(RuleBasedStateMachine):
    """Any history that hypothesis thinks of."""

    def __init__(self) -> None:
        super().__init__()
        self.place = folder_in_memory()
        self.model = model.Model(self.place.__enter__(), COMMIT_ROOM + 1500)

    @rule(authors=BATCH)
    def append(self, authors: list[int]) -> None:
        self.model.append(authors)

    @rule(which=st.lists(st.integers(0, 1 << 16), min_size=1, max_size=3))
    def append_again(self, which: list[int]) -> None:
        self.model.append_again(which)

    @rule(author=AUTHOR)
    def conflict(self, author: int) -> None:
        self.model.conflict(author)

    @rule(author=AUTHOR)
    def gap(self, author: int) -> None:
        self.model.gap(author)

    @rule(author=AUTHOR)
    def changed(self, author: int) -> None:
        self.model.changed(author)

    @rule(author=AUTHOR)
    def retract(self, author: int) -> None:
        self.model.admit_and_retract(author)

    @rule()
    def reopen(self) -> None:
        self.model.reopen()

    @rule(tail=st.binary(max_size=60))
    def torn(self, tail: bytes) -> None:
        self.model.torn(tail)

    @invariant()
    def holds_the_same(self) -> None:
        self.model.check()

    def teardown(self) -> None:
        self.model.close()
        self.place.__exit__(None, None, None)


LogAndList.TestCase.settings = settings(deadline=None, max_examples=15, stateful_step_count=20)
TestLogAndList = LogAndList.TestCase
