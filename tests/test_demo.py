"""The demonstration: every stage happens, in order, with the real roles."""

import subprocess
import sys
from pathlib import Path

import pytest

from e2ev.demo import ward
from e2ev.demo.story import STUFFED, Story, Told
from e2ev.demo.toy import TOY

STAGES = ("Key ceremony", "Voting opens", "A power cut", "A lying device", "60 ballots cast", "Two key holders",
          "The counts come out", "An auditor", "10 ballots stuffed", "Two independent cosigners",
          "The log's keeper signs a second board", "What this cannot show")  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    story = Story(tmp_path_factory.mktemp("demo"), 60, 7, 1, lambda _what: lambda _done, _all: None, TOY)
    return list(story.stages())


def test_the_stages_come_in_the_order_of_an_election(told: list[Told]) -> None:
    assert [stage.title.startswith(title) for stage, title in zip(told, STAGES, strict=True)] == [True] * len(STAGES)


def test_the_power_cut_leaves_an_abandoned_ballot(told: list[Told]) -> None:
    assert "abandoned, power was cut before the code was shown; nothing waits" in told[2].lines[1]


def test_the_test_ballot_shows_what_the_device_had_encrypted(told: list[Told]) -> None:
    assert "a voter chose James Stockan" in told[3].lines[0]
    assert told[3].lines[1].endswith("the device had encrypted Magnus Thomson")


def test_the_counts_that_come_out_are_those_that_were_put_in(told: list[Told]) -> None:
    drawn = ward.counts(ward.ward_ballots(60, 7))
    assert [int(row[-1]) for row in told[6].table[1:]] == list(drawn)
    assert [int(row[-2]) for row in told[6].table[1:]] == list(drawn)


def test_the_auditor_accepts_the_record_and_rejects_the_stuffed_one(told: list[Told]) -> None:
    assert told[7].title.endswith("ACCEPTED")
    assert told[8].title.endswith("REJECTED")


def test_stuffed_ballots_are_refused_one_by_one_and_their_station_named(told: list[Told]) -> None:
    assert told[8].lines[0].endswith("device D2 at Hoy and Walls posts after its chain was closed")
    assert f"{STUFFED} findings of check B.9, each naming device D2 at Hoy and Walls" in told[8].lines[1]


def test_a_receipt_is_checked_without_the_board_and_a_second_board_is_exposed(told: list[Told]) -> None:
    assert "cosigned by observers and university" in told[9].lines[1]
    assert "a cosigner refuses: the log has signed two boards that do not continue each other" in told[10].lines


def test_the_ward_has_the_published_counts() -> None:
    votes = ward.ward_ballots(None, 1)
    assert len(votes) == 1150
    assert ward.counts(votes) == (281, 157, 115, 175, 353, 69)


def test_a_sample_is_drawn_by_its_seed() -> None:
    assert ward.ward_ballots(100, 3) == ward.ward_ballots(100, 3)
    assert ward.ward_ballots(100, 3) != ward.ward_ballots(100, 4)


def test_the_command_runs_the_whole_demonstration_in_the_real_group(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "e2ev", "demo", "--ballots", "30", "--out", str(tmp_path / "kept")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("DEMONSTRATION") == 2
    assert "REJECTED" in done.stdout
    assert (tmp_path / "kept" / "election" / "demo.board").is_file()


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    command = [sys.executable, "-m", "e2ev", "demo", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 8
    assert "the folder is not empty" in done.stderr
