"""The commands about results: on tables, as an observer types them, and on a board."""

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest

from e2ev.demo.elections import PLAIN, one
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.group import P3072
from e2ev.record.kinds import RESULTS
from tests.commands import Shell, private
from tests.reference import REFERENCE, needs

SEED = "31415926535897932384"
GEORGIA = REFERENCE / "real" / "georgia-2024" / "cec_scrape_proportional_electronic.csv"
MAPPING = Path(__file__).parents[1] / "specs" / "examples" / "georgia-2024.json"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Results of 60 stations; a list is called like a formula."""
    path = tmp_path / "results.csv"
    rows = [f"{i:03},School {i},North,1000,{600 + i % 40},{330 + i % 7},{200 - i % 5},{40}" for i in range(60)]
    heads = "station,name,area,registered,ballots,Reds,'=Blues,Ata-Meken"
    path.write_text("\n".join((heads, *rows)) + "\n", "utf-8")
    return path


def drawn(table: Path, *options: str) -> list[str]:
    found: list[str] = Shell()("audit", "draw", table, "--seed", SEED, "--json", *options).json["stations"]
    return found


def hand_count(table: Path, stations: list[str], moved: int = 0) -> Path:
    """Write a hand count with the columns in another order, and votes moved from the winner to the next one."""
    rows = list(csv.reader(io.StringIO(table.read_text("utf-8"))))
    path = table.with_name("hand.csv")
    lines = [
        f"{station},{int(blues) + moved},{ata},{int(reds) - moved}"
        for station, *_, reds, blues, ata in rows
        if station in stations
    ]
    path.write_text("\n".join(("station,'=Blues,Ata-Meken,Reds", *lines)) + "\n", "utf-8")
    return path


# An audit


def test_audit_from_dice_to_stop(table: Path) -> None:
    shell, stations = Shell(), drawn(table)
    assert 3 < len(stations) < 60
    said = shell("audit", "draw", table, "--seed", SEED)
    assert "smallest margin 8,094 votes, Reds over =Blues" in said.out
    assert "School 9" in said.out
    assert "custody" in said.err
    assessed = ("audit", "assess", table, "--seed", SEED, "--hand")
    stopped = shell(*assessed, hand_count(table, stations))
    assert "STOP: THE REPORTED OUTCOME STANDS" in stopped.out
    waiting = shell(*assessed, hand_count(table, stations[1:]), code=4)
    assert f"not counted yet: {stations[0]}" in waiting.out
    more = shell(*assessed, hand_count(table, stations, 20), "--json", code=4).json
    assert (more["step"], more["missing"]) == ("more", [])
    larger = str(len(more["draws"]) + more["further"])
    assert drawn(table, "--draws", larger)[: len(stations)] == stations
    everything = shell(*assessed, hand_count(table, stations, 400), code=1)
    assert "COUNT EVERY STATION BY HAND" in everything.out
    assert "no bound" in everything.out


def test_audit_refuses_a_short_seed_and_unknown_names(table: Path) -> None:
    assert "20 digits" in Shell()("audit", "draw", table, "--seed", "123", code=3).err
    assert "no contest" in Shell()("audit", "draw", table, "--seed", SEED, "--contest", "x", code=3).err


# Other forms


@pytest.mark.parametrize("form", ["nist", "csv", "xlsx"])
def test_results_go_out_and_every_command_reads_them_again(form: str, table: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out.{'json' if form == 'nist' else form}"
    Shell()("results", "export", table, "--format", form, "--out", out, "--day", "2027-05-06", "--language", "ar")
    assert drawn(out) == drawn(table)
    seats = ("--rule", "dhondt", "--number", "9", "--json")
    expected, found = (Shell()("results", "seats", path, *seats).json for path in (table, out))
    assert found[0]["seats"] == expected[0]["seats"] == {"Reds": 5, "=Blues": 3, "Ata-Meken": 1} | found[0]["seats"]
    if form == "nist":
        assert "follows the standard" in Shell()("results", "check", out).out
    if form == "csv":
        assert b"'=Blues" in out.read_bytes()
    if form == "xlsx":
        with zipfile.ZipFile(out) as book:
            sheet = book.read("xl/worksheets/sheet1.xml")
        assert b'rightToLeft="1"' in sheet
        assert b"<f>" not in sheet


def test_check_names_what_a_report_lacks(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    Shell()("results", "export", table, "--format", "nist", "--out", out, "--day", "2027-05-06")
    report = json.loads(out.read_bytes())
    del report["IssuerAbbreviation"]
    out.write_text(json.dumps(report))
    assert "IssuerAbbreviation" in Shell()("results", "check", out, code=3).err


# Seats


def test_seats_say_who_is_level_and_what_the_threshold_loses(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("station,A,B,C,against all\n1,50,30,4,6\n2,0,20,3,2\n", "utf-8")
    rule = ("--rule", "block", "--number", "1", "--threshold-points", "1000", "--seatless", "against all")
    level = Shell()("results", "seats", path, *rule, code=4)
    assert "votes lost to the threshold: 7 of 115 (6.1%)" in level.out
    assert "TIE for 1 of the seats: A, B; OPEN" in level.out
    assert "the lot gave: B" in Shell()("results", "seats", path, *rule, "--lot", "B", "--lot", "A").out
    assert "no rule says" in Shell()("results", "seats", path, code=3).err
    path.write_text("station,A,B\n1,50,\n", "utf-8")
    assert "blank is no zero" in Shell()("results", "seats", path, *rule[:4], code=3).err


# History


def test_snapshots_are_replayed_and_drawn(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    for time, votes, share in (("21-00", 50, "50.00"), ("21-40", 75, "75.00"), ("22-20", 60, "60.00")):
        (folder / f"2021-11-28T{time}.csv").write_text(f"option,votes,share\nA,{votes},{share}\nB,{votes},{share}\n")
    said = Shell()("results", "watch", folder, "--html", tmp_path / "h.html", code=1)
    assert "the shares sum to 150.00 %" in said.out
    assert "without a correction, A from 75 to 60" in said.out
    assert "<svg" in (tmp_path / "h.html").read_text("utf-8")
    assert len(Shell()("results", "show", folder, "--json", code=1).json["pages"]) == 3
    (tmp_path / "empty").mkdir()
    assert "no snapshots" in Shell()("results", "watch", tmp_path / "empty", code=3).err


# Screening


def test_screening_says_that_it_is_no_proof(table: Path, tmp_path: Path) -> None:
    page = tmp_path / "s.html"
    assert "screening, not proof" in Shell()("screen", table, "--html", page).out
    assert page.read_text("utf-8").count("screening, not proof") > 5
    assert Shell()("screen", table, "--json").json["what"] == "screening, not proof"


@pytest.mark.reference
@needs("real/georgia-2024")
def test_georgia_is_screened_and_accused_of_nothing(tmp_path: Path) -> None:
    page = tmp_path / "s.html"
    found = Shell()("screen", GEORGIA, "--mapping", MAPPING, "--html", page, "--json").json
    assert (found["stations"], found["left_out"]) == (1157, {"unread": 0, "no_register": 0, "small": 0, "above": 0})
    assert found["option"] == "41 Georgian Dream"
    assert min(one["p_value"] for one in (*found["digits"], *found["whole_percentages"])) > 0.05
    for word in ("fraud", "falsif", "00.01.01"):
        assert word not in page.read_text("utf-8").lower()


# A board


def test_results_of_a_board_are_announced_corrected_and_seated(tmp_path: Path) -> None:
    election = HonestElection(tmp_path, P3072, features=(RESULTS,))
    election.found(PLAIN, 1, 1)
    election.hold_ceremony()
    election.admit_devices(("Hall",))
    election.administrator.open(PASSPHRASE)
    election.vote([(one(1, 0), "cast"), (one(0, 1), "cast"), (one(1, 0), "cast")])
    election.close()
    secret = ("--passphrase-file", private(tmp_path / "secret", "demonstration only"))
    office = ("results", "announce", "--board", election.board, *secret, "--as-of")
    shell = Shell()
    assert "nothing of these places" in shell(*office, "2027-05-06T22:00+06:00", code=5).err
    election.tally((1,))
    assert "write a day" in shell(*office, "tonight", code=2).err
    made = shell(*office, "2027-05-06T22:00+06:00", "--voted", 3, "--registered", 4, "--json").json
    assert (made["announcement"], made["lines"]) == (1, 1)
    assert "check Q.3" in shell(*office, "2027-05-06T22:10+06:00", "--corrects", 1, code=1).err
    shell(*office, "2027-05-06T22:10+06:00", "--corrects", 1, "--reason", "the register was misread",
          "--voted", 3, "--registered", 5)  # fmt: skip
    shown = shell("results", "watch", election.board).out
    assert "corrects" in shown
    assert "2 pages, 0 findings" in shown
    seats = shell("results", "seats", election.board, "--rule", "plurality").out
    assert "yes" in seats
    assert shell("results", "export", election.board, "--format", "csv", "--out", tmp_path / "r.csv").out.endswith(
        "r.csv\n"
    )
    assert "Hall" in (tmp_path / "r.csv").read_text("utf-8-sig")
