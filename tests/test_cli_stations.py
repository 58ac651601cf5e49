"""The commands of stations, as a station officer and an administrator type them."""

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from e2ev.board.ledger import read_contents
from e2ev.codes import tracking_code
from e2ev.demo.elections import HOY, PLACES, one
from e2ev.demo.honest import PASSPHRASE, HonestElection
from e2ev.group import P3072
from e2ev.record.kinds import STATIONS
from tests.commands import Ran, Shell, private


class Evening:
    """An election with a station on its own, on the real group: commands, and the files that they are about."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.election = HonestElection(root / "machines", P3072, features=(STATIONS,))
        self.national, self.hoy = self.election.board, root / "hoy.board"
        self.secret = ("--passphrase-file", private(root / "secret", "demonstration only"))

    def __call__(self, *words: object, code: int = 0) -> Ran:
        return Shell()(*words, code=code)

    def office(self, *words: object, code: int = 0) -> Ran:
        return Shell()(*words, "--board", self.national, *self.secret, code=code)


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Evening:
    """The day up to the moment at which a device dies: one story, told by the tests in their order."""
    made = Evening(tmp_path_factory.mktemp("stations"))
    election = made.election
    election.found(PLACES, 1, 1)
    election.hold_ceremony()
    election.admit_devices(("Town", "Hoy", "Hoy", "Lyness"))
    return made


def test_station_is_made_admitted_and_begun(evening: Evening) -> None:
    made = evening("board", "new-station", evening.hoy, "--unit", "Hoy", "--json").json
    assert "not admitted" in evening("board", "begin-station", evening.national, evening.hoy, code=5).err
    admitted = evening.office("election", "admit", made["card"])
    assert admitted.out == f"admitted the board of Hoy, key {made['words']}\n"
    assert "not opened" in evening("board", "begin-station", evening.national, evening.hoy, code=5).err
    evening.election.administrator.open(PASSPHRASE)
    begun = evening("board", "begin-station", evening.national, evening.hoy)
    assert begun.out.startswith("the board of Hoy begins with ")
    again = evening("board", "new-station", evening.root / "late.board", "--unit", "Town", "--json").json
    assert "too late" in evening.office("election", "admit", again["card"], code=8).err


def test_spare_device_goes_on(evening: Evening) -> None:
    town, dead, spare, _ = evening.election.devices
    town.encrypt_many(evening.national, [(one(1, 0), "cast"), (one(0, 1), "cast")])
    dead.encrypt_many(evening.hoy, [(one(1, 0, unit=HOY), "cast")])
    code = tracking_code(dead.encrypt(evening.hoy, one(0, 1, unit=HOY)))
    words = ("board", "handover", "--home", spare.home, "--board", evening.hoy, "--device", "D2", "--reason", "smoke")
    refused = evening(*words, code=5)
    assert code in refused.err
    assert "--cast CODE" in refused.err
    changed = code[:-1] + ("0" if code[-1] != "0" else "1")
    evening(*words, "--cast", changed, code=3)
    assert evening(*words, "--cast", code, "--json").json["decided"] == 1
    assert read_contents(evening.hoy).decision_counts() == {"cast": 2}


def test_codes_for_the_door_stand_in_their_own_order(evening: Evening) -> None:
    spare = evening.election.devices[2]
    spare.encrypt_many(evening.hoy, [(one(1, 0, unit=HOY), "cast")] * 2)
    codes = sorted(map(tracking_code, read_contents(evening.hoy).ballots))
    printed = evening("board", "print", evening.hoy, "--station", "Hoy").out
    assert printed.splitlines()[-len(codes) :] == codes
    assert "Ballots on the board: 4," in printed
    page = evening.root / "door.html"
    evening("board", "print", evening.hoy, "--station", "Hoy", "--html", page)
    text = page.read_text("utf-8")
    assert all(code in text for code in codes)
    assert "http" not in text
    assert evening("track", evening.hoy, codes[0]).out.startswith("ON THE BOARD")
    evening("board", "print", evening.hoy, "--station", "Hy", code=3)
    assert (
        "print the list from the place's own board"
        in evening("board", "print", evening.national, "--station", "Hoy", code=5).err
    )


def test_checkpoint_goes_ahead_of_the_card(evening: Evening) -> None:
    note = evening.root / "hoy.checkpoint"
    assert "D3" in evening("board", "close-station", evening.hoy, "--out", note, code=5).err
    older = Path(shutil.copy(evening.hoy, evening.root / "older.board"))
    evening.election.devices[2].close(evening.hoy)
    closed = evening("board", "close-station", evening.hoy, "--out", note)
    assert closed.out.splitlines()[0] == "demo.invalid/election/station/2"
    log = evening("board", "info", evening.hoy, "--json").json
    assert (log["station"], log["log"].split("+")[0]) == (True, "demo.invalid/election/station/2")
    assert not evening("board", "info", evening.national, "--json").json["station"]
    assert "log-station" in evening("board", "merge-station", evening.national, evening.hoy, code=5).err
    assert evening.office("board", "log-station", note, "--json").json["entries"] == 10
    assert "it is older" in evening("board", "merge-station", evening.national, older, code=8).err
    code, receipt = tracking_code(next(iter(read_contents(evening.hoy).ballots))), evening.root / "receipt.txt"
    policy = evening.root / "policy"
    policy.write_text(f"log {evening('board', 'info', evening.national, '--json').json['log']}\nquorum none\n", "utf-8")
    evening("receipt", "make", evening.hoy, code, "--national", evening.national, "--out", receipt)
    shown = evening("receipt", "check", receipt, "--policy", policy, "--code", code, code=7).out
    assert shown.startswith("PROVISIONAL")
    assert "demo.invalid/election/station/2 at " in shown
    assert (
        "name this station's log too" in evening("receipt", "make", evening.hoy, code, "--policy", policy, code=7).err
    )
    assert "0 of the 10 entries of Hoy" in evening.office("election", "close", code=5).err
    merged = evening("board", "merge-station", evening.national, evening.hoy)
    assert merged.out == "Hoy: 10 entries taken in, 0 were known; 4 ballots\n"
    evening("board", "merge-station", evening.national, evening.national, code=3)


def test_paper_stands_apart_from_the_result(evening: Evening) -> None:
    sheet, totals = evening.root / "sheet.pdf", evening.root / "totals.json"
    sheet.write_bytes(b"a scan")
    paper = ("board", "paper-count", "--station", "Lyness", "--ballots", 5, "--reason", "no power", "--sheet", sheet,
             "--totals", totals)  # fmt: skip
    for wrong in ('{"question": {"yes": 3}}', '{"question": {"yes": 3, "no": 2, "maybe": 1}}', '{"mayor": {}}', "[]"):
        totals.write_text(wrong)
        evening.office(*paper, code=3)
    totals.write_text('{"question": {"yes": 6, "no": 0}}')
    assert "check P.5" in evening.office(*paper, code=1).err
    totals.write_text('{"question": {"yes": 3, "no": 2}}')
    assert evening.office(*paper).out == "PAPER COUNT of Lyness: 5 ballots on paper, 0 others on the board\n"
    evening.election.devices[0].close(evening.national)
    evening.office("election", "close")
    evening.election.tally((1,))
    result = evening("election", "result", "--board", evening.national, "--json").json
    assert result["contests"][0]["totals"] == {"yes": 4, "no": 2}
    assert result["paper"] == [{
        "place": "Lyness", "ballots": 5, "on_board": 0, "reason": "no power",
        "totals": {"question": {"yes": 3, "no": 2}}, "sheet": sha256(b"a scan").hexdigest(),
    }]  # fmt: skip
    shown = evening("election", "result", "--board", evening.national).out
    assert "PAPER COUNT of Lyness, in no count above" in shown


def test_verdict_names_the_place_on_paper(evening: Evening) -> None:
    expected = evening.election.administrator.anchors_path
    report = evening("verify", evening.national, "--expect", expected, "--json").json
    assert report["verdict"] == "ACCEPTED"
    assert report["paper"] == [{"place": "Lyness", "ballots": 5, "on_board": 0, "lost": False}]
    shown = evening("verify", evening.national, "--expect", expected).out
    assert "note: Lyness was counted on paper" in shown
    assert "Lyness: 5 more, not checked here" in shown
    folder = evening.root / "json"
    evening("export", evening.national, "--json", folder)
    stations = json.loads((folder / "stations.json").read_text("utf-8"))
    assert [board["unit_label"] for board in stations["boards"]] == ["Hoy"]
    assert stations["boards"][0]["entries"] == 10
    assert stations["paper"][0]["sheet"] == sha256(b"a scan").hexdigest()
