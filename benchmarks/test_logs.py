"""The board's log: durable appends, reading, opening, taking in."""

from pathlib import Path

from benchmarks import logs
from benchmarks.conftest import Measure
from benchmarks.paired import Result
from e2ev.group import P4096


def test_appending(measure: Measure, results: list[Result], tmp_path: Path) -> None:
    result = measure(logs.appending(tmp_path))
    results.append(logs.as_time(result, "the same, in time", logs.APPENDS))


def test_appending_one_by_one(measure: Measure, tmp_path: Path) -> None:
    measure(logs.appending(tmp_path, 1, 100))


def test_reading(measure: Measure, results: list[Result], tmp_path: Path) -> None:
    result = measure(logs.reading(tmp_path))
    results.append(logs.as_time(result, "the same, in time", logs.READS))


def test_opening(measure: Measure, tmp_path: Path) -> None:
    measure(logs.opening(tmp_path))


def test_intake(measure: Measure, tmp_path: Path) -> None:
    measure(logs.intake(tmp_path, P4096))
