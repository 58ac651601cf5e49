"""The commands of registrars, of check-in desks, and of a voter with private codes, as these people type them."""

import csv
from pathlib import Path

import pytest

from e2ev.board.ledger import read_contents
from e2ev.demo import eligible
from e2ev.demo.elections import one
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.group import P3072
from tests.commands import Ran, Shell, private


class Office:
    """An election with its devices admitted, on the real group: commands, and the files that they are about."""

    def __init__(self, root: Path, manifest: bytes, units: tuple[str, ...]) -> None:
        self.root = root
        self.election = HonestElection(root / "machines", P3072)
        self.board = self.election.board
        self.secret = ("--passphrase-file", private(root / "secret", "demonstration only"))
        self.election.found(manifest, 1, 1)
        self.election.hold_ceremony()
        self.election.admit_devices(units)

    def __call__(self, *words: object, code: int = 0, piped: str = "") -> Ran:
        return Shell(piped=piped)(*words, code=code)

    def office(self, *words: object, code: int = 0) -> Ran:
        return Shell()(*words, "--board", self.board, *self.secret, code=code)

    def at(self, home: str, *words: object, code: int = 0) -> Ran:
        return Shell()(*words, "--home", self.root / home, "--board", self.board, code=code)


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """An association with a roll: one story, told by the tests in their order."""
    made = Office(tmp_path_factory.mktemp("club"), eligible.ROLL, ("Hall",))
    (made.root / "voters.csv").write_text(eligible.MEMBERS, "utf-8")
    return made


def test_registrars_make_a_roll_together(club: Office) -> None:
    for name in ("jamila", "kemal"):
        card = club("roll", "init", "--home", club.root / name, "--name", name, "--json").json
        admitted = club.office("election", "admit", card["card"])
        assert admitted.out == f"admitted {name} as a registrar of the whole election, key {card['words']}\n"
    voters = ("--voters", club.root / "voters.csv")
    first = club.at("jamila", "roll", "new", *voters, "--json").json
    assert first["voters"] == 8
    assert "no list of voters" in club.at("kemal", "roll", "new", code=3).err
    second = club.at("kemal", "roll", "new", *voters, "--order", first["order"], "--json").json
    assert "kemal" in club.at("jamila", "roll", "post", "--column", first["column"], code=5).err
    made = club.at("jamila", "roll", "post", "--column", first["column"], "--column", second["column"], "--json").json
    club.office("election", "collect", *made["messages"])
    assert "check E.4" in club.office("election", "open", code=1).err
    for name in ("jamila", "kemal"):
        told = club.at(name, "roll", "endorse", "--json").json
        assert told["voters"] == 8
        club.office("election", "collect", told["message"])
    club.office("election", "open")


def test_letters_hold_the_codes_and_are_private(club: Office) -> None:
    page, sheet = club.root / "letters.html", club.root / "letters.csv"
    club.at("jamila", "roll", "letters", "--out", page)
    club.at("kemal", "roll", "letters", "--out", sheet)
    codes = [row["code"] for row in csv.DictReader((club.root / "jamila" / "codes.csv").open("r", encoding="utf-8"))]
    text = page.read_text("utf-8")
    assert all(code in text for code in codes)
    assert text.count("<section>") == 8
    assert "http" not in text
    assert "their codes together let you vote" in text
    assert "whoever has all votes as you" in text
    assert [path.stat().st_mode & 0o777 for path in (page, sheet)] == [0o600, 0o600]
    club.at("jamila", "roll", "letters", "--out", club.root / "letters.txt", code=2)


def test_voter_casts_with_private_codes_from_a_file_and_not_from_an_argument(club: Office) -> None:
    (device,) = club.election.devices
    device.encrypt(club.board, one(1, 0))
    codes = [
        next(row["code"] for row in csv.DictReader((club.root / name / "codes.csv").open("r", encoding="utf-8"))
             if row["id"] == "member 2")
        for name in ("jamila", "kemal")
    ]  # fmt: skip
    cast = ("ballot", "cast", "--home", device.home, "--board", club.board)
    assert "no terminal" in club(*cast, code=6).err
    loose = club.root / "loose"
    loose.write_text("\n".join(codes), "utf-8")
    loose.chmod(0o644)
    assert "open to others" in club(*cast, "--code-file", loose, code=6).err
    half = club(*cast, "--code-file", private(club.root / "half", codes[0]), code=6)
    assert "not the 2 private codes of one voter" in half.err
    assert codes[0] not in half.err
    done = club(*cast, "--code-file", private(club.root / "codes", "\n".join(codes)), "--json").json
    assert done["decision"] == "cast"
    assert read_contents(club.board).counted(bytes.fromhex(done["confirmation_code"]))
    assert "--code" not in club("ballot", "encrypt", "--help").out


def test_list_of_ballots_is_not_cast_in_bulk_where_there_is_a_roll(club: Office) -> None:
    (device,) = club.election.devices
    votes = club.root / "votes.csv"
    votes.write_text("question,decision\nyes,cast\n", "utf-8")
    words = ("ballot", "encrypt", "--home", device.home, "--board", club.board, "--csv", votes)
    assert "each ballot is cast with its own voter's codes" in club(*words, code=8).err


def test_registrars_name_themselves_and_the_organiser_does_not(club: Office) -> None:
    path = club.root / "anchors.json"
    club("election", "anchors", "--board", club.board, "--out", path)
    assert '"registrars"' not in path.read_text("utf-8")
    cards = [("--registrar", club.root / name / "registrar.card") for name in ("jamila", "kemal")]

    def registrars_are(*words: object, code: int = 4) -> str:
        report = club("verify", club.board, "--expect", path, *words, "--json", code=code).json
        return next(str(one["state"]) for one in report["checks"] if one["id"] == "A.7")

    assert registrars_are() == "not applicable"
    assert registrars_are(*cards[0], code=1) == "failed"
    assert registrars_are(*cards[0], *cards[1]) == "passed"


def test_desks_count_people_in_and_registrars_compare(tmp_path: Path) -> None:
    town = Office(tmp_path, eligible.DESKS, ("Town", "Hoy"))
    people = tmp_path / "people.csv"
    people.write_text(eligible.TOWNSFOLK, "utf-8")
    whole = town("roll", "init", "--home", tmp_path / "whole", "--name", "Jamila", "--json").json
    cards = [whole["card"]]
    for unit in ("Town", "Hoy"):
        made = town("check-in", "init", "--home", tmp_path / unit, "--unit", unit, "--name", f"{unit} desk", "--json")
        cards.append(made.json["card"])
    for card in cards:
        town.office("election", "admit", card)
    stated = town.at("whole", "roll", "register", "--people", people, "--json").json
    assert (stated["places"], stated["people"]) == (2, 11)
    town.office("election", "collect", stated["message"])
    town.election.administrator.open(PASSPHRASE)
    add = ("check-in", "add", "--home", tmp_path / "Town", "--unit", "Town", "--outcome")
    assert town(*add, "matched", piped="person 1\nperson 2\n").out.startswith("2 noted as matched; 2 people")
    assert "let to vote before" in town(*add, "override", piped="person 1\n", code=8).err
    add = ("check-in", "add", "--home", tmp_path / "Hoy", "--unit", "Hoy", "--outcome")
    town(*add, "matched", piped="person 1\n")
    for unit in ("Town", "Hoy"):
        told = town.at(unit, "check-in", "close", "--unit", unit, "--json").json
        town.office("election", "collect", told["message"])
    files = (tmp_path / "Town" / "visits.csv", tmp_path / "Hoy" / "visits.csv")
    found = town("roll", "cross-check", *files, "--board", town.board, "--json", code=1).json
    assert found == {"twice": [{"id": "person 1", "places": ["Town", "Hoy"]}]}
