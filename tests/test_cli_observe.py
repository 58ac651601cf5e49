"""`e2ev observe` as people type it: what is said first, what is refused and why, and exit codes."""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # ships no types; only tests use it
import pytest

from e2ev.accountability import observer_file
from e2ev.board.receipt import check_receipt
from e2ev.formats.tables import parse_table
from tests.commands import ROOT, Shell, at_terminal, private
from tests.cosigned import SmallBoard, policy_of
from tests.test_observers import JPEG, PNG

LINES = json.loads((ROOT / "specs" / "observations.schema.json").read_text("utf-8"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def e2ev() -> Shell:
    return Shell()


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two observers' files and photographs, made once."""
    folder, e2ev = tmp_path_factory.mktemp("day"), Shell()
    (folder / "photos").mkdir()
    photo, place = folder / "photos" / "sheet.jpg", folder / "photos" / "place.png"
    photo.write_bytes(JPEG)
    place.write_bytes(PNG)
    for name, group, votes in (("a", "tilia/four", 168), ("b", "kite/two", 167)):
        file = folder / f"{name}.observer"
        e2ev("observe", "new", file, "--election", "Council 2026", "--as", group)
        e2ev("observe", "sheet", file, "--station", "0704", "--vote", f"Amina={votes}", "--vote", "Bakyt=?", "--photo",
             photo)  # fmt: skip
    e2ev("observe", "incident", folder / "a.observer", "--station", "0704", "--what", "copy refused", "--at",
         "2026-11-01T22:40+06:00", "--words", "the chair said no", "--photo", place, "--shows", "place")  # fmt: skip
    return folder


@pytest.fixture
def day(before: Path, here: Path) -> Path:
    """A copy of that folder, to work in."""
    shutil.copytree(before, here, dirs_exist_ok=True)
    return here


def test_first_thing_said_is_that_the_file_can_identify(here: Path, e2ev: Shell) -> None:
    ran = e2ev("observe", "new", "hoy.observer", "--election", "Council 2026", "--as", "tilia/four")
    assert ran.err.startswith("THIS FILE CAN IDENTIFY YOU.")
    assert "tilia/four [" in ran.out
    assert observer_file.read(here / "hoy.observer").begun.source == "tilia/four"


def test_marked_ballots_are_refused_by_the_command_as_well(day: Path, e2ev: Shell) -> None:
    data = (day / "a.observer").read_bytes()
    for words in (
        ("--what", "marked ballot"),
        ("--what", "other", "--shows", "my ballot", "--photo", "photos/sheet.jpg"),
    ):
        ran = e2ev("observe", "incident", "a.observer", "--station", "1", "--at", "20:00", *words, code=1)
        assert "receipt" in ran.err
    assert (day / "a.observer").read_bytes() == data
    assert "receipt" in e2ev("observe", "kinds").err


@pytest.mark.parametrize(
    "words",
    [
        ("count", "a.observer", "--station", "1", "--people", "3", "--since", "12:00", "--until", "11:00"),
        ("count", "a.observer", "--station", "1", "--people", "3", "--since", "noon", "--until", "13:00"),
        ("sheet", "a.observer", "--station", "1", "--vote", "Amina"),
        ("sheet", "a.observer", "--station", "1", "--vote", "Amina=-1"),
        ("sheet", "a.observer", "--station", "1", "--vote", "Amina=12O"),
        ("sheet", "a.observer", "--station", "1", "--figure", "balots=1"),
        ("document", "a.observer", "--name", "list", "--state", "lost", "--date", "2026-10-20"),
        ("document", "a.observer", "--name", "list", "--state", "refused", "--date", "20.10.2026"),
        ("incident", "a.observer", "--station", "1", "--what", "other", "--at", "20:00", "--shows", "place"),
        ("show", "none.observer"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_not_written(day: Path, e2ev: Shell, words: tuple[str, ...]) -> None:
    data = (day / "a.observer").read_bytes()
    assert "error[E-DATA]" in e2ev("observe", *words, code=3).err
    assert (day / "a.observer").read_bytes() == data


def test_merging_lists_conflicts_duplicates_and_damage(day: Path, e2ev: Shell) -> None:
    with (day / "b.observer").open("ab") as file:
        file.write(b"torn")
    ran = e2ev("observe", "merge", "a.observer", "b.observer", "a.observer", "--out", "all.jsonl", "--json")
    assert ran.json["observations"] == ran.json["signed"] == 5
    assert len(ran.json["duplicates"]) == 3
    (conflict,) = ran.json["conflicts"]
    assert (conflict["station"], conflict["about"]) == ("0704", "Votes: Amina")
    assert [number for number, _ in conflict["said"]] == ["168", "167"]
    assert "4 bytes" in ran.json["damages"][0]["found"]
    plain = e2ev("observe", "merge", "all.jsonl", "--out", "again.jsonl")
    assert "168" in plain.out
    assert "conflict" in plain.out
    for line in (day / "all.jsonl").read_text("utf-8").splitlines():
        jsonschema.validate(json.loads(line), LINES)


def test_damaged_file_is_shown_with_a_bad_exit_code(day: Path, e2ev: Shell) -> None:
    data = bytearray((day / "a.observer").read_bytes())
    data[-3] ^= 1
    (day / "a.observer").write_bytes(data)
    ran = e2ev("observe", "show", "a.observer", code=1)
    assert "BAD" in ran.out


def test_public_folder_has_photographs_without_metadata(day: Path, e2ev: Shell) -> None:
    (day / "photos" / "clip.webp").write_bytes(b"RIFF")
    ran = e2ev("observe", "export", "a.observer", "b.observer", "--photos", "photos", "--out", "public")
    assert "clip.webp" in ran.err
    shown = {path.name: path.read_bytes() for path in (day / "public").iterdir()}
    assert len(shown) == 4
    everything = b"".join(shown.values())
    for secret in (
        b"Exif",
        b"GPS",
        b"Author",
        b"tilia",
        b"kite",
        b"the chair",
        hashlib.sha256(JPEG).hexdigest().encode(),
    ):
        assert secret not in everything, secret
    lines = shown["observations.jsonl"].decode().splitlines()
    for line in lines:
        jsonschema.validate(json.loads(line), LINES)
    assert all(hashlib.sha256(data).hexdigest() == name.split(".")[0] for name, data in shown.items() if len(name) > 60)
    e2ev("observe", "export", "a.observer", "--out", "public", code=8)


def test_sealed_bundle_opens_with_its_passphrase_alone(day: Path, e2ev: Shell) -> None:
    right, wrong = private(day / "right", "five words drawn by lot"), private(day / "wrong", "five words drawn badly")
    e2ev("observe", "seal", "a.observer", "photos/sheet.jpg", "--passphrase-file", right, "--out", "sealed")
    assert JPEG not in (day / "sealed").read_bytes()
    e2ev("observe", "open", "sealed", "--passphrase-file", wrong, "--out", "opened", code=6)
    e2ev("observe", "open", "sealed", "--passphrase-file", right, "--out", "opened")
    assert (day / "opened" / "a.observer").read_bytes() == (day / "a.observer").read_bytes()
    assert (day / "opened" / "sheet.jpg").read_bytes() == JPEG


def test_bundle_for_a_lawyer_opens_with_the_lawyers_key(day: Path, e2ev: Shell) -> None:
    x25519 = pytest.importorskip("pyrage.x25519", reason="the extra [age] is not installed")
    lawyer = x25519.Identity.generate()
    key = private(day / "key.txt", f"# created by age-keygen\n{lawyer}")
    e2ev("observe", "seal", "a.observer", "--to", lawyer.to_public(), "--out", "sealed.age")
    assert "age key" in e2ev("observe", "open", "sealed.age", "--out", "opened", code=3).err
    e2ev("observe", "open", "sealed.age", "--key", key, "--out", "opened")
    assert (day / "opened" / "a.observer").read_bytes() == (day / "a.observer").read_bytes()


def test_template_has_headings_that_reconcile_reads(here: Path, e2ev: Shell) -> None:
    (here / "stations.csv").write_text("station,name,area,registered\n0701,School,Lake,520\n", "utf-8")
    options = ("--option", "Amina", "--option", "أمينة")
    e2ev("observe", "template", *options, "--stations", "stations.csv", "--out", "t.xlsx", "--language", "ar")
    table = parse_table((here / "t.xlsx").read_bytes(), "t.xlsx")
    assert (
        ", ".join(table.heads)
        == "station, name, area, registered, checked in, ballots, invalid, Amina, أمينة, image, at"
    )
    assert [row.cells[:4] for row in table.rows] == [("0701", "School", "Lake", "520")]
    with zipfile.ZipFile(here / "t.xlsx") as book:
        assert b'rightToLeft="1"' in book.read("xl/worksheets/sheet1.xml")
    e2ev("reconcile", "--channel", "tape=t.xlsx", "--stations", "stations.csv", code=4)
    e2ev("observe", "template", "--option", "Amina", "--out", "t.csv")
    assert parse_table((here / "t.csv").read_bytes(), "t.csv").heads[-3] == "Amina"


def test_copies_become_a_channel_and_contradictions_stay_blank(day: Path, e2ev: Shell) -> None:
    ran = e2ev("observe", "sheets", "a.observer", "b.observer", "--out", "copies.csv", "--json")
    assert ran.json["blank"] == [["0704", "Amina"]]
    assert (day / "copies.csv").read_text("utf-8-sig").splitlines() == ["station,Amina,Bakyt", "0704,,"]


def test_estimate_is_labelled_and_no_finding(here: Path, e2ev: Shell) -> None:
    rows = [(f"{n:03}", 200 + 7 * n % 90, 150 + 11 * n % 70) for n in range(40)]
    (here / "stations.csv").write_text(
        "station,area\n" + "".join(f"{n},{'ab'[int(n) % 2]}\n" for n, _, _ in rows), "utf-8"
    )
    (here / "sheets.csv").write_text(
        "station,Amina,Bakyt\n" + "".join(f"{n},{a},{b}\n" for n, a, b in rows[:12]), "utf-8"
    )
    (here / "drawn.csv").write_text("station\n" + "".join(f"{n}\n" for n, _, _ in rows[:13]), "utf-8")
    e2ev("observe", "merge", "sheets.csv", "--election", "Council 2026", "--out", "all.jsonl")
    words = (
        "observe",
        "estimate",
        "all.jsonl",
        "--contest",
        "Votes",
        "--drawn",
        "drawn.csv",
        "--stations",
        "stations.csv",
    )
    ran = e2ev(*words)
    assert ran.out.startswith("ESTIMATE, no finding: simple random sample of 13 of 40 stations, 12 with a result sheet")
    assert "caution: 1 drawn stations have no sheet" in ran.out
    assert e2ev(*words, "--stratified", "--json").json["design"].startswith("stratified random sample, 2 strata")


def test_documents_have_a_history_and_what_nobody_answered(day: Path, e2ev: Shell) -> None:
    said = (
        ("list of stations", "refused", "2026-10-20"),
        ("list of stations", "requested", "2026-10-01"),
        ("contract of the printer", "requested", "2026-10-03"),
    )
    for name, state, date in said:
        e2ev("observe", "document", "a.observer", "--name", name, "--state", state, "--date", date)
    ran = e2ev("observe", "documents", "a.observer")
    assert "requested on 2026-10-01, refused on 2026-10-20, after 19 days" in ran.out
    assert "requested on 2026-10-03, no answer" in ran.out
    assert "2 documents, 1 without an answer" in ran.err
    assert [one["days"] for one in e2ev("observe", "documents", "a.observer", "--json").json] == [None, 19]


def test_complaint_is_written_as_an_archive_too_and_never_over_another(day: Path, e2ev: Shell) -> None:
    words = ("observe", "complaint", "a.observer", "--station", "0704", "--article", "64(3)", "--photos", "photos")
    e2ev(*words, "--deadline", "2026-11-04", "--out", "case.zip")
    with zipfile.ZipFile(day / "case.zip") as archive:
        assert {"statement.html", "evidence/sheet.jpg", "evidence/place.png"} <= set(archive.namelist())
    e2ev(*words, "--deadline", "2026-11-04", "--out", "photos", code=8)
    (day / "sheet.jpg").write_bytes(b"another")
    e2ev(*words, "--deadline", "2026-11-04", "--out", "case", "--evidence", "sheet.jpg", code=8)
    e2ev(*words, "--deadline", "soon", "--out", "case", code=2)
    e2ev(*words, "--deadline", "2026-11-04", "--out", "case", "--language", "xx", code=2)
    e2ev(*words, "--deadline", "2026-11-04", "--out", "case", "--entry", "3", code=2)


def test_complaint_holds_receipts_of_a_board_that_can_be_checked(day: Path, e2ev: Shell) -> None:
    board = SmallBoard(day / "vote.board").found().ballots(3)
    words = (
        "observe",
        "complaint",
        "a.observer",
        "--station",
        "0704",
        "--article",
        "64(3)",
        "--deadline",
        "2026-11-04",
    )
    e2ev(*words, "--board", board.path, "--entry", "2", "--entry", "3", "--out", "case")
    for index in (2, 3):
        receipt = (day / "case" / "proofs" / f"entry-{index}.tlog-proof").read_bytes()
        assert check_receipt(receipt, policy_of("quorum none")).index == index


def test_wiping_asks_first_and_says_what_it_cannot_do(day: Path, e2ev: Shell) -> None:
    e2ev("observe", "wipe", "a.observer", code=6)
    code, screen = at_terminal([("write yes", "no")], "observe", "wipe", str(day / "a.observer"))
    assert (code, "nothing was deleted" in screen) == (1, True)
    ran = e2ev("observe", "wipe", "a.observer", "--photos", "photos", "--yes")
    assert "SSDs" in ran.err
    assert not list((day / "photos").iterdir())
    assert (day / "b.observer").exists()
