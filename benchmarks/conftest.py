"""Runs cases under pytest-benchmark, their baselines between its rounds, and prints one table at the end."""

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.paired import Case, Result, Turns
from benchmarks.table import table

RESULTS = pytest.StashKey[list[Result]]()

Measure = Callable[[Case], Result]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start a list of results; the plugin's own table, which knows no baselines, is not shown."""
    config.stash[RESULTS] = []
    config.option.benchmark_quiet = True


@pytest.fixture
def results(request: pytest.FixtureRequest) -> list[Result]:
    """Return the lines of the table so far."""
    return request.config.stash[RESULTS]


@pytest.fixture
def measure(benchmark: BenchmarkFixture, results: list[Result]) -> Measure:
    """Return what takes a case's turns and keeps its result for the table."""

    def run(case: Case) -> Result:
        turns = Turns(case)
        rounds = turns.rehearse()
        benchmark.pedantic(turns.take_ours, setup=turns.take_baseline, rounds=rounds)  # type: ignore[no-untyped-call]  # untyped there
        result = turns.result()
        benchmark.extra_info.update(case=case.name, value=result.value, kind=case.kind.value, load=result.load)
        results.append(result)
        return result

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    if results := config.stash[RESULTS]:
        terminalreporter.section("benchmarks")
        terminalreporter.write_line(table(results))
