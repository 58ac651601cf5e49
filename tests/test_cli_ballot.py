import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2ev.board.contents import Contents
from e2ev.board.ledger import read_contents
from e2ev.codes import parse_tracking_code
from e2ev.contest_data import encode_contest_data
from e2ev.demo import elections
from e2ev.demo.elections import NORTH, full
from e2ev.demo.honest import PASSPHRASE, FailingDisk, HonestElection
from e2ev.errors import StorageError
from e2ev.group import P3072
from e2ev.roles.card import read_device_card
from e2ev.roles.device import Device
from tests.commands import Ran, Shell, at_terminal

SEAL = "seal, or a number"
END = "\x04"
"""What the key combination Ctrl-D sends."""


@dataclass
class Booth:
    """A polling place with one device, at an election that is open."""

    root: Path

    @property
    def board(self) -> Path:
        return self.root / "election" / "demo.board"

    @property
    def home(self) -> Path:
        return self.root / "device-1"

    @property
    def contents(self) -> Contents:
        return read_contents(self.board)

    @property
    def decisions(self) -> list[str]:
        contents = self.contents
        return [contents.decision(code) for code in contents.ballots]

    def places(self) -> tuple[object, ...]:
        return "--home", self.home, "--board", self.board

    def __call__(self, *command: object, code: int = 0) -> Ran:
        return Shell()(*command, *self.places(), code=code)

    def vote(self, *answers: tuple[str, str], options: tuple[object, ...] = ()) -> tuple[int, str]:
        return at_terminal(answers, "ballot", "encrypt", *self.places(), *options)


@pytest.fixture(scope="module")
def elections_before_and_after(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One election before voting is opened, and after."""
    root = tmp_path_factory.mktemp("elections")
    election = HonestElection(root / "opened", P3072)
    election.found(elections.SMALL, 3, 2)
    election.hold_ceremony()
    election.admit_devices(["North", "South"])
    shutil.copytree(election.root, root / "early")
    election.administrator.open(PASSPHRASE)
    return root / "early", election.root


@pytest.fixture
def booth(elections_before_and_after: tuple[Path, Path], tmp_path: Path) -> Booth:
    shutil.copytree(elections_before_and_after[1], tmp_path / "copy")
    return Booth(tmp_path / "copy")


# The device


def test_device_writes_a_card_for_the_administrator(tmp_path: Path) -> None:
    words = ("device", "init", "--home", tmp_path / "d", "--information", "booth 7", "--unit", "South")
    ran = Shell()(*words)
    card = read_device_card(Path(ran.out.strip()).read_bytes(), "card")
    assert (card.information, card.unit) == ("booth 7", "South")
    assert Shell()(*words, "--json").json["key"] == card.author.hex()
    assert "in words" in ran.err
    assert "other bytes" in Shell()(*words[:-1], "North", code=8).err


def test_device_says_where_it_stands(booth: Booth) -> None:
    assert booth("device", "status", "--json").json == {
        "key": booth.contents.devices[next(iter(booth.contents.devices))].admitted.body.form.author.hex(),
        "words": booth("device", "status", "--json").json["words"],
        "waiting": None,
        "interrupted": False,
        "name": "D1",
        "unit": "North",
        "ballots": 0,
        "voting_open": True,
        "closed": False,
    }
    assert "voting open  yes" in booth("device", "status").out
    alone = Shell()("device", "status", "--home", booth.home)
    assert "ballots" not in alone.out


def test_device_closes_and_says_over_how_many(booth: Booth) -> None:
    assert booth("device", "close").out == "closed over 0 ballots\n"
    assert booth("device", "close", "--json").json == {"closed": True, "ballots": 0}
    assert "voting is closed on this device" in booth("ballot", "encrypt", "--csv", booth.home, code=8).err


def test_device_of_another_election_is_sent_away(booth: Booth, tmp_path: Path) -> None:
    Shell()("device", "init", "--home", tmp_path / "d", "--information", "x", "--unit", "North")
    ran = Shell()("device", "status", "--home", tmp_path / "d", "--board", booth.board, code=6)
    assert "election admit" in ran.err


# One ballot, in dialogue


def test_voter_chooses_reviews_seals_and_casts(booth: Booth) -> None:
    code, screen = booth.vote(
        ("Which one", "1"),
        ("Your choice", "2"),
        ("Write in a name", "Чоң-Таш"),
        ("Your choice", "1=3"),
        ("Your choice", "1=2 3=1"),
        (SEAL, "1"),
        ("Your choice", "3"),
        ("Write in a name", ""),
        (SEAL, "seal"),
        ("cast or test", "perhaps"),
        ("cast or test", "cast"),
    )
    assert code == 0, screen
    assert "option 1 takes at most 2, not '3'" in screen
    assert "Give points, at most 2 to one, 3 in all" in screen
    review = screen.rpartition("Your ballot")[2]
    assert "Cholpon" in review
    assert "roof: 2" in review
    assert "bench: 1" in review
    assert "written in" not in review
    contents = booth.contents
    (held,) = contents.ballots
    assert contents.decision(held) == "cast"
    assert any(parse_tracking_code(line.strip()) == held[:20] for line in screen.splitlines() if line.count("-") == 8)


def test_voter_who_leaves_seals_nothing(booth: Booth) -> None:
    answers = [("Your choice", "1"), ("Write in", ""), (SEAL, "leave")]
    code, screen = booth.vote(*answers, options=("--style", "short"))
    assert (code, booth.decisions) == (0, [])
    assert "Nothing was sealed" in screen


def test_voter_who_interrupts_seals_nothing(booth: Booth) -> None:
    code, screen = booth.vote(("Your choice", END), options=("--style", "short"))
    assert (code, booth.decisions) == (130, [])
    assert "nothing was sealed" in screen


def test_ballot_waits_when_the_voter_goes_away_and_the_next_voter_comes(booth: Booth) -> None:
    answers = [("Your choice", "1"), ("Write in", ""), (SEAL, "seal"), ("cast or test", END)]
    code, screen = booth.vote(*answers, options=("--style", "short"))
    assert (code, booth.decisions) == (130, ["undecided"])
    assert "The ballot waits" in screen
    waiting = booth("device", "status", "--json").json["waiting"]
    assert waiting in screen
    assert "no decision yet" in booth("device", "close", code=8).err
    answers = [
        ("cast or test", "cast"),
        ("Your choice", ""),
        ("Write in", ""),
        (SEAL, "seal"),
        ("cast or test", "test"),
    ]
    code, screen = booth.vote(*answers, options=("--style", "short", "--weight", "2"))
    assert code == 0, screen
    for said in ("A ballot from before waits", waiting, "counts 2 times", "nothing chosen", "test-ballot check"):
        assert said in screen
    assert booth.decisions == ["cast", "challenged"]


def test_no_question_is_asked_without_a_terminal(booth: Booth) -> None:
    assert "--csv" in booth("ballot", "encrypt", code=2).err
    assert booth.decisions == []


def test_ballot_that_the_manifest_does_not_have_is_refused_before_anything_is_asked(booth: Booth) -> None:
    code, screen = booth.vote(options=("--style", "short", "--weight", "3"))
    assert (code, "Your choice" in screen) == (3, False)
    assert "a ballot of weight 3; the manifest has 1, 2" in screen


# The decision


@pytest.mark.parametrize(
    ("command", "decision", "said"),
    [
        (("cast",), "cast", "e2ev track"),
        (("challenge",), "challenged", "test-ballot check"),
        (("abandon", "--reason", "the voter left"), "abandoned", "may vote again"),
    ],
)
def test_waiting_ballot_is_decided_about(command: tuple[str, ...], decision: str, said: str, booth: Booth) -> None:
    code = Device(booth.home).encrypt(booth.board, full(NORTH, (1, 0, 0), (0, 0, 0)))
    ran = booth("ballot", *command)
    assert parse_tracking_code(ran.out) == code[:20]
    assert said in ran.err
    held = booth.contents.decisions[code]
    assert (held.decision, held.reason) == (decision, "the voter left" if decision == "abandoned" else "")
    assert "no ballot waits" in booth("ballot", *command, code=5).err


def test_decision_is_printed_as_json(booth: Booth) -> None:
    code = Device(booth.home).encrypt(booth.board, full(NORTH, (1, 0, 0), (0, 0, 0)))
    made = booth("ballot", "cast", "--json").json
    assert (made["confirmation_code"], made["decision"]) == (code.hex(), "cast")


def test_power_cut_is_told_before_anything_else(booth: Booth) -> None:
    with suppress(StorageError):
        Device(booth.home, disk=FailingDisk()).encrypt(booth.board, full(NORTH, (1, 0, 0), (0, 0, 0)))
    assert booth("device", "status", "--json").json["interrupted"]
    ran = booth("ballot", "cast", code=5)
    assert "nobody saw its code" in ran.err
    assert booth.decisions == ["abandoned"]


# Many ballots

CSV = "style,weight,decision,mayor,projects\nfull,2,,Aida;write-in: Жаңыл,roof=2;bench\nshort,,challenged,Bolot,\n"


def test_ballots_of_a_file_are_encrypted_once(booth: Booth, tmp_path: Path) -> None:
    (tmp_path / "votes.csv").write_text(CSV, "utf-8")
    ran = booth("ballot", "encrypt", "--csv", tmp_path / "votes.csv")
    contents = booth.contents
    codes = [parse_tracking_code(line.split("  ")[0]) for line in ran.out.splitlines()]
    assert codes == [code[:20] for code in contents.ballots]
    assert [line.split("  ")[1] for line in ran.out.splitlines()] == booth.decisions == ["cast", "challenged"]
    assert "2 ballots encrypted" in ran.err
    again = booth("ballot", "encrypt", "--csv", tmp_path / "votes.csv", "--json").json
    assert (again["new"], len(again["ballots"]), len(booth.decisions)) == (0, 2, 2)


def test_file_with_one_bad_line_posts_nothing(booth: Booth, tmp_path: Path) -> None:
    (tmp_path / "votes.csv").write_text(CSV + "full,1,,Aidaa,\n", "utf-8")
    ran = booth("ballot", "encrypt", "--csv", tmp_path / "votes.csv", code=3)
    assert "line 4, mayor" in ran.err
    assert "did you mean 'Aida'?" in ran.err
    assert booth.decisions == []


def test_file_that_is_not_there_is_named(booth: Booth, tmp_path: Path) -> None:
    assert "none.csv" in booth("ballot", "encrypt", "--csv", tmp_path / "none.csv", code=3).err


def test_voting_that_is_not_open_is_said_before_anything_is_read(
    elections_before_and_after: tuple[Path, Path], tmp_path: Path
) -> None:
    shutil.copytree(elections_before_and_after[0], tmp_path / "copy")
    early = Booth(tmp_path / "copy")
    assert "voting is not open yet" in early("ballot", "encrypt", "--csv", tmp_path / "none.csv", code=5).err


def test_no_file_of_the_device_holds_a_choice(booth: Booth, tmp_path: Path) -> None:
    (tmp_path / "votes.csv").write_text(CSV, "utf-8")
    booth("ballot", "encrypt", "--csv", tmp_path / "votes.csv")
    contest = booth.contents.manifest.contests[0]
    clear = (b"Aida", "Жаңыл".encode(), encode_contest_data(contest, (1, 0, 0), ("Жаңыл",)))
    for path in booth.home.iterdir():
        data = path.read_bytes()
        assert not any(text in data for text in clear), path.name
