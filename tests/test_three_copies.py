"""The simulated evening: every fault gets its verdict, and nobody is disputed who did nothing."""

from collections import Counter

import pytest

from e2ev.accountability.verdicts import Verdict
from e2ev.demo.three_copies import COUNTED, EACH, FAULTS, HAND_COUNTED, HONEST, STATIONS, Simulated, simulate
from e2ev_cli.scenario import show
from tests.commands import Shell


@pytest.fixture(scope="module", params=[1])
def evening(request: pytest.FixtureRequest) -> Simulated:
    return simulate(request.param)


def test_confusion_matrix_is_exact(evening: Simulated) -> None:
    expected = {fault.name: Counter({fault.verdict: EACH}) for fault in FAULTS}
    expected[COUNTED.name] = Counter({Verdict.MATCH: HAND_COUNTED})
    expected[HONEST.name] = Counter({Verdict.CONSISTENT: STATIONS - HAND_COUNTED - EACH * len(FAULTS)})
    assert dict(evening.matrix()) == expected
    assert evening.wrong() == ()
    assert evening.false_disputes() == ()


def test_every_verdict_occurs(evening: Simulated) -> None:
    assert set(evening.found.counts()) == set(Verdict)


def test_bottom_line_has_every_station_that_is_open(evening: Simulated) -> None:
    (standing,) = evening.found.standings
    open_ = {evening.faults[station].name for station, _ in standing.open}
    assert open_ == {"lost everything", "altered tape", "forked"}
    assert standing.swing is not None
    assert standing.unbounded == ()


def test_a_wrong_verdict_would_be_seen() -> None:
    evening = simulate(1, 400)
    swapped = dict.fromkeys(evening.faults, HONEST)
    assert len(Simulated(swapped, evening.found).wrong()) > EACH * 10
    assert len(Simulated(swapped, evening.found).false_disputes()) == EACH


def test_same_seed_is_the_same_evening() -> None:
    first = simulate(3, 320).faults
    assert first == simulate(3, 320).faults
    assert first != simulate(4, 320).faults


def test_matrix_is_shown_with_what_each_fault_got(evening: Simulated, capsys: pytest.CaptureFixture[str]) -> None:
    show(evening)
    shown = capsys.readouterr().out
    assert "10 FORK" in shown
    assert "WRONG" not in shown
    assert "0 of 1,000 stations have another verdict than their fault; 0 false disputes" in shown
    show(Simulated(dict.fromkeys(evening.faults, HONEST), evening.found))
    assert "WRONG" in capsys.readouterr().out


def test_command_tells_each_seed_as_json() -> None:
    said = Shell()("demo", "--scenario", "three-copies", "--seed", "5", "--json").json
    assert [(one["seed"], one["stations"], one["wrong"], one["false_disputes"]) for one in said] == [(5, 1000, [], [])]
    assert said[0]["matrix"]["forked"] == {"FORK": EACH}
