"""Memory does not grow with the board, but for a little: what a million entries need follows from a few thousand.

The full form, with a million: python -m benchmarks.million
"""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benchmarks.clones import OBJECTING, cloned_board

from e2ev.board.places import BallotPlace, Ballots, Decided
from e2ev.demo.toy import TOY
from e2ev.report.as_json import report_json
from e2ev.verify.check import KEPT
from e2ev.verify.log import read_log
from e2ev.verify.run import Options, verify
from e2ev.verify.segments import commitment_offsets
from e2ev_cli import ui
from tests.commands import ENVIRONMENT, ROOT

ALLOWED = 400 << 20
"""Bytes that one process may have."""
ENTRIES = 1_000_000
FEW, MANY = 3_000, 9_000


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    few, many = (cloned_board(tmp_path_factory.mktemp("clones"), entries) for entries in (FEW, MANY))
    return few, many


def peaks(script: str, *arguments: object) -> list[int]:
    """Return what a script in a process of its own prints: the most bytes that it ever had, at several moments."""
    command = [sys.executable, "-c", PEAK + script, *map(str, arguments)]
    ran = subprocess.run(command, env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return [int(line) for line in ran.stdout.split()]


PEAK = """
import sys
from benchmarks.million import peak_bytes
def peak():
    print(peak_bytes())
"""

VERIFY = """
from pathlib import Path
from e2ev.demo.toy import TOY
from e2ev.record import entry
from e2ev.verify import check, runs
from e2ev.verify.run import Options, verify
# what is bounded is to be full with the smaller board: kept signatures, findings, records that wait to be sorted
entry._check_signed = entry._check_signed.__wrapped__
check.KEPT, runs.Spool.__init__.__defaults__ = 100, (1 << 14,)
for board in sys.argv[1:]:
    # one process: what waits in a queue between two is bounded, and as long as the machine is busy
    verify(Path(board), Options(jobs=1, groups=(TOY,)))
    peak()
"""


def test_a_million_entries_fit_into_the_memory_that_is_allowed(boards: tuple[Path, Path]) -> None:
    few, many = peaks(VERIFY, *boards)
    slope = (many - few) / (MANY - FEW)
    assert few + slope * (ENTRIES - FEW) < ALLOWED


PLACES = """
from hashlib import sha256
from e2ev.board.places import BallotPlace, Ballots, Decided
ballots, last = Ballots(), None
peak()
for i in range(int(sys.argv[1])):
    code = sha256(i.to_bytes(4, "big")).digest()
    ballots.put(code, BallotPlace(2 * i, 10_000 * i, b"a device", 2 * i + 1, last, code))
    ballots.decisions.put(bytes(bytearray(code)), Decided(2 * i + 1, "cast", ""))
    last = code
peak()
"""


def test_a_ballot_and_its_decision_take_few_bytes() -> None:
    count = 200_000
    before, after = peaks(PLACES, count)
    assert (after - before) / count < 350


def test_clones_are_objected_to_by_just_these_checks(boards: tuple[Path, Path]) -> None:
    report = verify(boards[0], Options(groups=(TOY,), need_anchors=False, jobs=2))
    assert report.tripped() == OBJECTING
    assert abs(report.entries - FEW) <= 2
    clones = report.ballots[0] - 2
    assert {one.check.id: one.failures for one in report.outcomes if one.failures} == dict.fromkeys(OBJECTING, clones)
    assert len(report.findings) == KEPT * len(OBJECTING)
    assert report.unlisted == dict.fromkeys(OBJECTING, clones - KEPT)
    shown: Any = json.loads(json.dumps(report_json(report)))
    assert (len(shown["findings"]), shown["findings_total"]) == (KEPT * len(OBJECTING), clones * len(OBJECTING))


# What people see meanwhile


def test_progress_tells_the_speed_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter((100.0, 100.0, 105.0, 160.0))
    monkeypatch.setattr("e2ev_cli.ui.time", SimpleNamespace(monotonic=lambda: next(clock)))
    with ui.stages() as stage:
        show = stage("checking ballots")
        for done in (0, 1_500, 30_000):
            show(done, 90_000)
    said = "checking ballots: 30,000 of 90,000, 500.0 a second, time left 2 min\n"
    assert capsys.readouterr() == ("", said)


def test_speed_is_counted_anew_where_the_same_stage_begins_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter((0.0, 0.0, 100.0, 105.0, 115.0))
    monkeypatch.setattr("e2ev_cli.ui.time", SimpleNamespace(monotonic=lambda: next(clock)))
    with ui.stages() as stage:
        show = stage("checking")
        for done in (0, 1_000, 10, 50):
            show(done, 100)
    assert capsys.readouterr().err.splitlines()[-1] == "checking: 50 of 100, 5.0 a second, time left 10 s"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min"), (3_599, "1 h 0 min"), (9_000, "2 h 30 min")]
)
def test_duration_is_said_as_people_do(seconds: float, said: str) -> None:
    assert ui.duration(seconds) == said


def test_reading_the_board_is_told_in_bytes(boards: tuple[Path, Path]) -> None:
    told: list[tuple[int, int]] = []
    read_log(boards[0], (TOY,), progress=lambda *at: told.append(at))
    size = boards[0].stat().st_size
    assert (told[0], len(told)) == ((0, size), 1 + FEW // 500)
    assert told == sorted(told)
    assert told[-1][0] < size


# Places of ballots


def place(index: int, previous: bytes | None = None) -> BallotPlace:
    return BallotPlace(index, 100 * index, b"device", index + 1, previous, bytes([index]) * 32)


def test_ballots_are_a_mapping_in_the_order_of_the_board() -> None:
    ballots, codes = Ballots(), [bytes([i]) * 32 for i in (9, 3, 7)]
    for i, code in enumerate(codes):
        ballots.put(code, place(i, codes[i - 1] if i else None))
    assert list(ballots) == codes
    assert [ballots[code] for code in codes] == [place(0), place(1, codes[0]), place(2, codes[1])]
    assert (len(ballots), codes[1] in ballots, b"other" in ballots) == (3, True, False)
    assert ([ballots.row(code) for code in codes], ballots.row(b"other")) == ([0, 1, 2], None)
    with pytest.raises(KeyError):
        ballots[b"other"]


def test_code_that_comes_again_names_the_later_ballot() -> None:
    ballots = Ballots()
    ballots.put(b"one", place(0))
    ballots.put(b"two", place(1, b"one"))
    ballots.put(b"one", place(2, b"two"))
    assert list(ballots.items()) == [(b"one", place(2, b"two")), (b"two", place(1, b"one"))]


def test_decisions_are_a_mapping_of_decided_ballots() -> None:
    ballots = Ballots()
    for i, code in enumerate((b"one", b"two", b"three")):
        ballots.put(code, place(i))
    decisions = ballots.decisions
    assert (len(decisions), b"one" in decisions, decisions.word(0)) == (0, False, "undecided")
    decisions.put(b"three", Decided(7, "challenged", ""))
    decisions.put(b"one", Decided(8, "abandoned", "power was cut"))
    decisions.put(b"stranger", Decided(9, "cast", ""))
    assert dict(decisions) == {
        b"one": Decided(8, "abandoned", "power was cut"),
        b"three": Decided(7, "challenged", ""),
        b"stranger": Decided(9, "cast", ""),
    }
    assert [decisions.word(row) for row in range(3)] == ["abandoned", "undecided", "challenged"]
    assert (len(decisions), b"two" in decisions, decisions.get(b"two")) == (3, False, None)


def test_offsets_of_commitments_go_by_row(boards: tuple[Path, Path]) -> None:
    ballots = Ballots()
    ballots.put(b"\0" * 32, place(0))
    assert list(commitment_offsets(boards[0], ballots)) == [-1]
