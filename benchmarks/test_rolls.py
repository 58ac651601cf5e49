"""A roll, at 1/20 of 8,000,000 rows in 10,000 stations; in full by `python -m benchmarks.rolls`."""

from pathlib import Path

from benchmarks.conftest import Measure
from benchmarks.rolls import FULL_ROWS, FULL_STATIONS, case_of

PART = 20


def test_roll(measure: Measure, tmp_path: Path) -> None:
    measure(case_of(tmp_path, FULL_ROWS // PART, FULL_STATIONS // PART))
