"""From end to end: a ballot's life, the whole ward, two processes, the command's help."""

from pathlib import Path

import pytest

from benchmarks import whole
from benchmarks.boards import ward_board
from benchmarks.conftest import Measure
from benchmarks.ours import EIGHTEEN, SEVEN, SINGLE, TWELVE, Shape
from benchmarks.paired import Result
from e2ev.group import P4096


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    return ward_board(tmp_path_factory.mktemp("ward"), P4096)


@pytest.mark.parametrize(("shape", "count"), [(SINGLE, 64), (SEVEN, 48), (TWELVE, 8), (EIGHTEEN, 20)], ids=str)
def test_life_of_a_ballot(measure: Measure, tmp_path: Path, shape: Shape, count: int) -> None:
    measure(whole.life(tmp_path / "hall", P4096, shape, count))


def test_verification_of_a_board_file(measure: Measure, tmp_path: Path) -> None:
    measure(whole.from_file(tmp_path / "hall", P4096, SINGLE, 128))


def test_two_processes(measure: Measure, results: list[Result], ward: tuple[Path, int]) -> None:
    results.append(whole.waiting(measure(whole.two_processes(ward[0], P4096, ward[1]))))


def test_help(measure: Measure, results: list[Result]) -> None:
    results[-1] = whole.with_modules(measure(whole.help_time()))
