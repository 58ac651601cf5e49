"""Closing statements of stations: one signed text, read back from files and QR codes, whose every change is seen."""

import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev.accountability.boards import board_sheets, keys_of_board
from e2ev.accountability.closing import Closing, judge_closing, read_closing, read_keys, sign_closing, statements_in
from e2ev.accountability.mapping import Opened, deliver
from e2ev.accountability.plain import plain_mapping
from e2ev.accountability.reconcile import reconcile
from e2ev.accountability.rows import Row, Table
from e2ev.accountability.sheets import Channel, Contest, Figure, Slate, Station, StationId
from e2ev.accountability.verdicts import Verdict
from e2ev.board.ledger import read_contents
from e2ev.board.note import NoteKey
from e2ev.demo.elections import HOY, PLACES, Vote, one, places
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.errors import DataError
from e2ev.formats.tables import csv_bytes
from e2ev.group import P3072
from e2ev.record.kinds import STATIONS
from e2ev.roles import merging
from e2ev.signing import SEED_BYTES, SigningKey
from tests.commands import Shell
from tests.test_cli_receipt import read_svg

KEY = SigningKey.from_seed(bytes(SEED_BYTES))
ORIGIN = "example.org/council/station/2"
CLOSING = Closing(ORIGIN, 212, bytes(range(32)), bytes(32), "Hoy and Walls", 61, (("Councillor", (12, 30, 19)),))
TEXT = sign_closing(CLOSING, KEY)
KEYS = {ORIGIN: NoteKey(ORIGIN, KEY.verify_key)}


def test_statement_is_read_back_with_its_signature_judged() -> None:
    assert read_closing(TEXT.encode()) == CLOSING
    opened = judge_closing(TEXT, "", KEYS)
    assert (opened.seal.flaw, opened.seal.station, opened.seal.size) == ("", "Hoy and Walls", 212)
    assert (opened.votes, opened.figures) == ({"Councillor": (12, 30, 19)}, {Figure.BALLOTS: 61})


def test_what_copying_does_to_lines_is_undone() -> None:
    assert judge_closing(TEXT.replace("\n", "\r\n").strip(), "", KEYS).seal.flaw == ""
    assert statements_in(TEXT + "\n" + TEXT) == [TEXT.encode()] * 2


@given(st.integers(0, len(TEXT) - 1), st.sampled_from("0179aZ+ "))
def test_no_change_of_a_statement_is_believed(place: int, letter: str) -> None:
    changed = TEXT[:place] + letter + TEXT[place + 1 :]
    try:
        opened = judge_closing(changed, "", KEYS)
    except DataError:
        return
    assert opened.seal.flaw or changed == TEXT


def test_statement_of_a_log_that_nobody_named_is_not_believed() -> None:
    assert "nobody named a key" in judge_closing(TEXT, "", {}).seal.flaw


@pytest.mark.parametrize(
    ("old", "new"),
    [("e2ev closing statement 1\n", ""), ("ballots 61", "ballots 061"), ("ballots 61", "ballots -1"),
     ("ballots 61\n", ""), ("votes 12 30 19", "votes 12  30 19"), ("election 00", "election zz")],
)  # fmt: skip
def test_what_is_no_statement_is_refused(old: str, new: str) -> None:
    with pytest.raises(DataError):
        read_closing(TEXT.replace(old, new).encode())


def test_totals_have_to_fit_the_election() -> None:
    slate = Slate("Council", (Contest("Councillor", ("A", "B")),), ())
    with pytest.raises(DataError, match="states 3 numbers for Councillor"):
        judge_closing(TEXT, "", KEYS, slate)


def test_label_that_could_be_read_otherwise_is_not_signed() -> None:
    with pytest.raises(ValueError, match="could not be read back"):
        sign_closing(Closing(ORIGIN, 1, bytes(32), bytes(32), " Hoy", 1), KEY)


def test_keys_are_a_line_each() -> None:
    line = KEYS[ORIGIN].vkey()
    assert read_keys(f"# ours\n{line}\n\n{line}\n".encode(), "keys") == KEYS
    other = NoteKey(ORIGIN, SigningKey.from_seed(bytes([1] * SEED_BYTES)).verify_key).vkey()
    with pytest.raises(DataError, match="has two keys"):
        read_keys(f"{line}\n{other}\n".encode(), "keys")


# A station as its officer closes it


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    """A station that has closed with three ballots cast and one challenged."""
    root = tmp_path_factory.mktemp("closing")
    election = HonestElection(root, P3072, features=(STATIONS,))
    election.found(PLACES, 1, 1)
    election.hold_ceremony()
    election.admit_devices(("Town", "Hoy"))
    hoy = root / "hoy.board"
    shell = Shell()
    card = shell("board", "new-station", hoy, "--unit", "Hoy", "--json").json["card"]
    secret = root / "secret"
    secret.write_text("demonstration only\n")
    secret.chmod(0o600)
    shell("election", "admit", card, "--board", election.board, "--passphrase-file", secret)
    election.administrator.open(PASSPHRASE)
    shell("board", "begin-station", election.board, hoy)
    device = election.devices[1]
    yes, no = one(1, 0, unit=HOY), one(0, 1, unit=HOY)
    votes: tuple[Vote, ...] = ((yes, "cast"), (no, "cast"), (yes, "cast"), (yes, "challenged"))
    for vote, decision in votes:
        device.encrypt(hoy, vote)
        device.decide(hoy, decision)
    device.close(hoy)
    return election


def test_station_signs_its_ballots_cast_and_reconcile_believes_it(evening: HonestElection, tmp_path: Path) -> None:
    hoy, shell = evening.root / "hoy.board", Shell()
    picture, statement = tmp_path / "hoy.svg", tmp_path / "hoy.statement"
    said = shell("board", "closing-statement", hoy, "--out", statement, "--qr", picture, "--json").json
    assert (said["station"], said["ballots"]) == ("Hoy", 3)
    assert read_svg(picture.read_text("utf-8"), 4) == statement.read_text("utf-8")
    shutil.copy(hoy, tmp_path / "card.board")
    found = shell("reconcile", "--board", evening.board, "--channel", f"tape={statement}",
                  "--channel", f"card={tmp_path / 'card.board'}", "--json", code=4).json  # fmt: skip
    verdicts = {one["station"]: one["verdict"] for one in found["stations"]}
    assert verdicts == {"Town": "MISSING", "Hoy": "CONSISTENT", "Lyness": "MISSING"}


def test_statement_of_a_stranger_is_rejected(evening: HonestElection, tmp_path: Path) -> None:
    hoy, shell = evening.root / "hoy.board", Shell()
    shell("board", "closing-statement", hoy, "--out", tmp_path / "a.statement")
    text = (tmp_path / "a.statement").read_text("utf-8")
    (tmp_path / "a.statement").write_text(re.sub("ballots 3", "ballots 4", text), "utf-8")
    found = shell("reconcile", "--board", evening.board, "--channel", f"tape={tmp_path / 'a.statement'}", "--json",
                  code=1).json  # fmt: skip
    (hoy_found,) = [one for one in found["stations"] if one["station"] == "Hoy"]
    assert (hoy_found["verdict"], hoy_found["findings"][0]["rule"]) == ("REJECT", "X.3")


def test_station_signs_one_statement_only(evening: HonestElection, tmp_path: Path) -> None:
    hoy, shell, totals = evening.root / "hoy.board", Shell(), tmp_path / "totals.json"
    shell("board", "closing-statement", hoy, "--out", tmp_path / "a.statement")
    shell("board", "closing-statement", hoy, "--out", tmp_path / "a.statement")
    totals.write_text(json.dumps({"question": {"yes": 2, "no": 1}}))
    ran = shell("board", "closing-statement", hoy, "--out", tmp_path / "b.statement", "--totals", totals, code=8)
    assert "has signed another closing statement" in ran.err


def test_two_statements_of_one_station_are_a_fork(evening: HonestElection, tmp_path: Path) -> None:
    hoy, shell = evening.root / "hoy.board", Shell()
    totals = tmp_path / "totals.json"
    for name, counts in (("a", {"yes": 2, "no": 1}), ("b", {"yes": 1, "no": 2})):
        totals.write_text(json.dumps({"question": counts}))
        (evening.root / "hoy.board.keep" / "closing.statement").unlink(
            missing_ok=True
        )  # what keeps an honest one from it
        shell("board", "closing-statement", hoy, "--out", tmp_path / f"{name}.statement", "--totals", totals)
    found = shell("reconcile", "--board", evening.board, "--channel", f"card={tmp_path / 'a.statement'}",
                  "--channel", f"tape={tmp_path / 'b.statement'}", "--json", code=1).json  # fmt: skip
    (hoy_found,) = [one for one in found["stations"] if one["station"] == "Hoy"]
    assert hoy_found["verdict"] == "FORK"
    (standing,) = found["contests"]
    assert standing["could_change"] is True


def test_totals_above_the_ballots_are_not_signed(evening: HonestElection, tmp_path: Path) -> None:
    totals = tmp_path / "totals.json"
    totals.write_text(json.dumps({"question": {"yes": 3, "no": 1}}))
    out = tmp_path / "x.statement"
    ran = Shell()("board", "closing-statement", evening.root / "hoy.board", "--out", out, "--totals", totals, code=1)
    assert "4 votes on 3 ballots" in ran.err
    assert not out.exists()


def test_national_board_says_ballots_of_each_place(evening: HonestElection) -> None:
    sheets = {str(sheet.station): sheet for sheet in board_sheets(evening.board).sheets}
    assert set(sheets) == {"Town", "Lyness"}  # the board of Hoy has not arrived
    assert list(keys_of_board(read_contents(evening.board))) == [
        key.name for key in (read_contents(evening.board).station_log(HOY),)]  # fmt: skip
    note = Path(evening.root / "hoy.checkpoint")
    Shell()("board", "close-station", evening.root / "hoy.board", "--out", note)
    merging.log_checkpoint(evening.administrator, note.read_bytes(), PASSPHRASE)
    merging.merge(evening.board, evening.root / "hoy.board")
    hoy = {str(sheet.station): sheet for sheet in board_sheets(evening.board).sheets}["Hoy"]
    assert hoy.figures == {Figure.BALLOTS: 3}
    assert hoy.seal is not None
    own = board_sheets(evening.root / "hoy.board", keys_of_board(read_contents(evening.board))).sheets[0].seal
    assert own is not None
    assert (hoy.seal.size, hoy.seal.root) == (own.size, own.root)


def test_contest_that_nobody_named_is_an_error_and_not_passed_over(evening: HonestElection, tmp_path: Path) -> None:
    totals, keys, hoy = tmp_path / "totals.json", tmp_path / "keys", evening.root / "hoy.board"
    totals.write_text(json.dumps({"question": {"yes": 2, "no": 1}}))
    (evening.root / "hoy.board.keep" / "closing.statement").unlink(missing_ok=True)
    Shell()("board", "closing-statement", hoy, "--out", tmp_path / "a.statement", "--totals", totals)
    keys.write_text(read_contents(evening.board).station_log(HOY).vkey() + "\n")
    words = ("reconcile", "--keys", keys, "--channel", f"tape={tmp_path / 'a.statement'}")
    assert "does not have like that" in Shell()(*words, code=3).err
    table = tmp_path / "official.csv"
    table.write_text("station,question: yes,question: no\nHoy,2,1\n")
    found = Shell()(*words, "--channel", f"official={table}", "--origin", "tape=device", "--origin",
                    "official=commission", "--json").json  # fmt: skip
    assert [(one["station"], one["verdict"]) for one in found["stations"]] == [("Hoy", "MATCH")]


def test_statement_in_a_table_is_checked_against_its_row(evening: HonestElection, tmp_path: Path) -> None:
    (evening.root / "hoy.board.keep" / "closing.statement").unlink(missing_ok=True)
    Shell()("board", "closing-statement", evening.root / "hoy.board", "--out", tmp_path / "b.statement")
    text = (tmp_path / "b.statement").read_text("utf-8")
    rows = [("Hoy", text.strip()), ("Town", text.strip())]
    (tmp_path / "tapes.csv").write_bytes(csv_bytes(("station", "statement"), rows))
    found = Shell()("reconcile", "--board", evening.board, "--channel", f"tape={tmp_path / 'tapes.csv'}", "--json",
                    code=1).json  # fmt: skip
    verdicts = {one["station"]: (one["verdict"], [f["rule"] for f in one["findings"]]) for one in found["stations"]}
    assert verdicts["Town"] == ("REJECT", ["X.2"])
    assert verdicts["Hoy"][0] == "ONE SOURCE"


def test_typed_numbers_that_differ_from_the_statement_beside_them_are_told() -> None:
    def opened(text: str, where: str) -> Opened:
        return judge_closing(text, where, KEYS)

    contest = Contest("Councillor", ("A", "B", "C"))
    for typed, sheets in ((("12", "30", "19"), 1), (("12", "", "19"), 1), (("12", "31", "19"), 2)):
        heads = ("station", "A", "B", "C", "statement")
        table = Table("tapes", heads, (Row(2, ("Hoy and Walls", *typed, TEXT.strip())),))
        mapping = plain_mapping("Council", {"tape": (table,)}, [Channel("tape", "device")], (contest,))
        delivery = deliver(table, mapping.source("tape"), opened)
        assert len(delivery.sheets) == sheets
        assert delivery.sheets[-1].votes == {"Councillor": (12, 30, 19)}
        slate = Slate("Council", (contest,), (Station(StationId("Hoy and Walls")),))
        (result,) = reconcile(slate, [delivery]).stations
        assert result.verdict is (Verdict.ONE_SOURCE if sheets == 1 else Verdict.DISPUTE)


def test_statements_and_boards_of_stations_need_the_national_board(evening: HonestElection, tmp_path: Path) -> None:
    (tmp_path / "a.statement").write_text(TEXT, "utf-8")
    for file in (tmp_path / "a.statement", evening.root / "hoy.board"):
        ran = Shell()("reconcile", "--channel", f"card={file}", code=7)
        assert "--board" in ran.err


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> HonestElection:
    return places(tmp_path_factory.mktemp("places"), P3072)


def test_decrypted_counts_match_a_hand_count_and_paper_is_a_source_of_its_own(
    counted: HonestElection, tmp_path: Path
) -> None:
    hand, board = tmp_path / "hand.csv", counted.board
    hand.write_text("station,question: yes,question: no,ballots\nTown,1,1,2\nHoy,3,1,4\nLyness,3,2,5\n")
    words = ("reconcile", "--board", board, "--channel", f"board={board}", "--channel", f"hand={hand}", "--origin",
             "board=devices", "--origin", "hand=people", "--json")  # fmt: skip
    found = Shell()(*words).json
    assert {one["station"]: one["verdict"] for one in found["stations"]} == {
        "Town": "MATCH", "Hoy": "MATCH", "Lyness": "CONSISTENT"}  # fmt: skip
    assert [(one["name"], one["origin"], one["reading"]) for one in found["channels"]][1] == (
        "board, paper counts", "a count on paper", "typed")  # fmt: skip
    assert found["contests"][0]["votes"] == {"yes": 7, "no": 4}
    hand.write_text("station,question: yes,question: no,ballots\nTown,1,1,2\nHoy,1,3,4\nLyness,3,2,5\n")
    again = Shell()(*words, code=1).json
    assert [one["verdict"] for one in again["stations"]] == ["MATCH", "DISPUTE", "CONSISTENT"]
    assert again["contests"][0]["said"].startswith("question: disputed and missing ballots could change the winner")
