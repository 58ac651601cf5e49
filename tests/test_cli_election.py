"""One rehearsal by hand over a real group: every command in order, each step run twice, some of them killed."""

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from e2ev.ballot import PlainBallot, PlainContest
from e2ev.roles.choices import Decision
from e2ev.roles.device import Device
from e2ev.roles.trustee import Trustee
from e2ev.storage.keyfile import open_key_file
from e2ev.storage.seal import Passphrase
from e2ev.verify.check import Verdict
from e2ev.verify.run import Options, verify
from tests.commands import Shell, killed_when, private

NAMES = ("Aigul", "Bakyt", "Чынара")
SECRETS = {"1": "first of three", "2": "second of three", "3": "third of three", "admin": "nobody's business"}
BACKUPS = "locked away elsewhere"
MANIFEST = {
    "format": "e2ev manifest 1",
    "label": "Reading Circle, chair, 6 May 2027",
    "name": {"en": "Reading Circle", "ky": "Окуу ийрими"},
    "date": "2027-05-06",
    "contests": [{"label": "chair", "selection_limit": 1, "options": [{"label": "Ada Bell"}, {"label": "Carl Dunn"}]}],
    "reporting_units": [{"label": "Library"}, {"label": "Town hall"}],
    "ballot_styles": [{"label": "member", "contests": ["chair"]}],
    "minimum_cell": 2,
}


@dataclass
class Rehearsal:
    """The folders of one election with three trustees, of whom two are needed."""

    root: Path
    e2ev: Shell = field(default_factory=Shell)

    @property
    def board(self) -> Path:
        return self.root / "circle.board"

    def home(self, seat: int) -> Path:
        return self.root / f"trustee-{seat}"

    def secret(self, who: object) -> tuple[object, ...]:
        return "--passphrase-file", self.root / f"{who}.pass"

    def trustee(self, seat: int, *command: object, code: int = 0, twice: bool = True) -> list[Path]:
        """Run a step of a trustee, twice: the same files come out, bytes and all."""
        words = ("trustee", *command, "--home", self.home(seat), "--board", self.board, "--json", *self.secret(seat))
        ran = self.e2ev(*words, code=code)
        if code:
            return []
        files = [Path(name) for name in ran.json["files"]]
        if twice:
            before = {path: path.read_bytes() for path in files}
            assert self.e2ev(*words).json == ran.json
            assert {path: path.read_bytes() for path in files} == before
        return files

    def election(self, *command: object, code: int = 0) -> Any:
        """Run a command of the administrator that posts, and return its JSON."""
        ran = self.e2ev("election", *command, "--board", self.board, "--json", *self.secret("admin"), code=code)
        return ran.json if not code else ran

    def collect(self, **expected: int) -> None:
        """Collect twice: everything is posted the first time and known the second."""
        states = [message["state"] for message in self.election("collect", self.root)["messages"]]
        assert {state: states.count(state) for state in ("posted", "refused")} == {"refused": 0, **expected}
        size = self.board.stat().st_size
        again = self.election("collect", self.root)["messages"]
        assert {message["state"] for message in again} - {"refused"} == {"known"}
        assert self.board.stat().st_size == size

    def phase(self) -> str:
        shown = self.e2ev("election", "status", "--board", self.board, "--json").json
        assert isinstance(shown["phase"], str)
        return shown["phase"]

    def found(self, *more: object, quorum: int = 2, code: int = 0) -> Any:
        cards = [word for seat in (1, 2, 3) for word in ("--trustee", self.home(seat) / "trustee.card")]
        options = ("--manifest", self.root / "manifest.json", "--quorum", quorum, "--group", "3072", *cards, *more)
        return self.election("new", *options, code=code)

    def secrets_in_hex(self) -> Iterator[str]:
        """Yield every secret that the trustees' key files hold now."""
        for seat in (1, 2, 3):
            _, payload = open_key_file(self.home(seat) / "trustee.key", Passphrase(SECRETS[str(seat)]))
            content = json.loads(payload)
            yield from (content["seed"], content.get("communication", ""))
            yield from (*content.get("vote", ()), *content.get("data", ()), *content.get("share", ()))


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    root = tmp_path_factory.mktemp("rehearsal")
    for who, text in SECRETS.items():
        private(root / f"{who}.pass", text)
    private(root / "backup.pass", BACKUPS)
    (root / "manifest.json").write_text(json.dumps(MANIFEST), "utf-8")
    return Rehearsal(root)


# The tests of this file are the steps of one election, in order.


def test_trustees_make_their_cards(rehearsal: Rehearsal) -> None:
    for seat, name in enumerate(NAMES, 1):
        words = ("trustee", "init", "--name", name, "--home", rehearsal.home(seat), *rehearsal.secret(seat))
        rehearsal.e2ev(*words)
        card = (rehearsal.home(seat) / "trustee.card").read_bytes()
        assert rehearsal.e2ev(*words, "--json").json["name"] == name
        assert (rehearsal.home(seat) / "trustee.card").read_bytes() == card
    other = ("trustee", "init", "--name", "Somebody", "--home", rehearsal.home(1))
    assert "Aigul" in rehearsal.e2ev(*other, *rehearsal.secret(1), code=8).err
    rehearsal.e2ev(*other[:3], "Aigul", *other[4:], *rehearsal.secret(2), code=6)


def test_founding_is_refused_where_one_lost_key_would_void_it(rehearsal: Rehearsal) -> None:
    assert "--no-spare" in rehearsal.found(quorum=3, code=8).err
    assert not rehearsal.board.exists()


def test_founding_refuses_a_garbage_card_and_a_name_that_is_no_board(rehearsal: Rehearsal) -> None:
    garbage = rehearsal.root / "garbage.card"
    garbage.write_bytes(b'{"format": "e2ev trustee card 1", "name": "X", "key": "01ff", "fingerprint": "bab"}')
    assert "$.key" in rehearsal.found("--trustee", garbage, code=3).err
    rehearsal.found("--trustee", rehearsal.root / "nothing.card", code=3)
    rehearsal.found("--trustee", rehearsal.home(1) / "trustee.card", code=8)
    rehearsal.found("--origin", "a b", code=3)
    new = ("election", "new", "--manifest", garbage, "--quorum", 1, "--trustee", garbage)
    assert ".board" in rehearsal.e2ev(*new, "--board", "circle.json", code=2).err
    assert not rehearsal.board.exists()


def test_founding_that_is_killed_is_finished_when_it_is_run_again(rehearsal: Rehearsal) -> None:
    cards = [word for seat in (1, 2, 3) for word in ("--trustee", rehearsal.home(seat) / "trustee.card")]
    options = ("--manifest", rehearsal.root / "manifest.json", "--quorum", 2, "--group", "3072", *cards)
    command = ("election", "new", "--board", rehearsal.board, *options, *rehearsal.secret("admin"))
    keep = rehearsal.board.with_name("circle.board.keep")
    for trace in (keep / "administrator.key", rehearsal.board):
        assert killed_when(trace.exists, *command)
    shown = rehearsal.found()
    board, anchors = rehearsal.board.read_bytes(), Path(shown["anchors"]).read_bytes()
    assert rehearsal.found() == shown
    assert (rehearsal.board.read_bytes(), Path(shown["anchors"]).read_bytes()) == (board, anchors)
    assert [row["name"] for row in shown["trustees"]] == list(NAMES)
    assert "another election" in rehearsal.found(quorum=1, code=8).err
    assert rehearsal.board.read_bytes() == board
    assert rehearsal.phase() == "key ceremony"


def test_ceremony_is_printed_as_a_script(rehearsal: Rehearsal) -> None:
    printed = rehearsal.e2ev("ceremony", "plan", "--board", rehearsal.board).out
    out = rehearsal.root / "script.md"
    for _ in range(2):
        rehearsal.e2ev("ceremony", "plan", "--board", rehearsal.board, "--out", out)
    assert out.read_text("utf-8") + "\n" == printed
    assert all(f"trustee {seat} ({name})" in printed for seat, name in enumerate(NAMES, 1))


def test_a_missing_board_or_folder_is_refused_with_a_remedy(rehearsal: Rehearsal) -> None:
    nowhere = rehearsal.root / "nowhere"
    assert "do:" in rehearsal.e2ev("election", "status", "--board", nowhere / "x.board", code=3).err
    assert "do:" in rehearsal.e2ev("trustee", "status", "--home", nowhere, "--board", rehearsal.board, code=5).err
    status = ("trustee", "status", "--home", rehearsal.home(1), "--board")
    assert "do:" in rehearsal.e2ev(*status, nowhere, code=3).err
    assert "do:" in rehearsal.e2ev(*status, rehearsal.root / "manifest.json", code=3).err


def test_keys(rehearsal: Rehearsal) -> None:
    rehearsal.trustee(1, "share", code=5)
    wrong = ("trustee", "keygen", "--home", rehearsal.home(1), "--board", rehearsal.board, *rehearsal.secret(2))
    assert "passphrase" in rehearsal.e2ev(*wrong, code=6).err
    key = rehearsal.home(1) / "trustee.key"
    before = key.read_bytes()
    assert killed_when(lambda: key.read_bytes() != before, *wrong[:-1], rehearsal.root / "1.pass")
    for seat in (1, 2, 3):
        (path,) = rehearsal.trustee(seat, "keygen")
        shown = rehearsal.e2ev("trustee", "status", "--home", rehearsal.home(seat), "--board", rehearsal.board).out
        assert f"hand to the administrator: {path}" in shown
    rehearsal.collect(posted=3)


def test_a_message_of_nobody_and_garbage_are_refused_with_the_reason(rehearsal: Rehearsal) -> None:
    stick = rehearsal.root / "stick"
    stick.mkdir()
    (stick / "garbage.e2ev").write_bytes(b"\0" * 99)
    message = next(rehearsal.home(2).rglob("02-*.e2ev")).read_bytes()
    (stick / "changed.e2ev").write_bytes(message[:-1] + bytes([message[-1] ^ 1]))
    size = rehearsal.board.stat().st_size
    ran = rehearsal.e2ev("election", "collect", stick, "--board", rehearsal.board, code=1)
    assert ran.out.count("refused") == 2
    assert "garbage.e2ev" in ran.out
    assert rehearsal.board.stat().st_size == size
    for path in stick.iterdir():
        path.unlink()


def test_shares_and_acceptance(rehearsal: Rehearsal) -> None:
    assert sum(len(rehearsal.trustee(seat, "share")) for seat in (1, 2, 3)) == 9
    rehearsal.collect(posted=3)
    heard = rehearsal.root / "heard.txt"
    words = Trustee(rehearsal.home(1)).fingerprints(rehearsal.board)
    heard.write_text("# as heard\n" + "\n".join(f"{i}: {text.upper()}" for i, text in words.items()), "utf-8")
    accept = ("accept", "--inbox", rehearsal.root, "--heard", heard)
    swapped, (first, second, _) = rehearsal.root / "swapped.txt", words
    swapped.write_text(f"1: {words[second]}\n2: {words[first]}\n", "utf-8")
    rehearsal.trustee(3, *accept[:-1], swapped, code=1)
    swapped.write_text("1 no colon\n", "utf-8")
    rehearsal.trustee(3, *accept[:-1], swapped, code=3)
    (empty := rehearsal.root / "empty").mkdir()
    rehearsal.trustee(3, "accept", "--inbox", empty, "--heard", heard, code=5)
    rehearsal.trustee(3, "complain", "--inbox", rehearsal.root, code=8)
    assert _is_silent_about(rehearsal, *rehearsal.secrets_in_hex())
    for seat in (1, 2, 3):
        rehearsal.trustee(seat, *accept)
    ran = rehearsal.e2ev("election", "collect", rehearsal.root, "--board", rehearsal.board)
    assert "--passphrase-file" in ran.err
    rehearsal.collect(posted=0)
    assert rehearsal.phase() == "rehearsals"


def test_rehearsals_come_from_the_backups(rehearsal: Rehearsal) -> None:
    second = ("--backup-passphrase-file", rehearsal.root / "backup.pass")
    for seat in (1, 2, 3):
        backup, page = rehearsal.root / f"{seat}.backup", rehearsal.root / f"{seat}.txt"
        rehearsal.trustee(seat, "backup", "--out", backup, "--print", page, *second)
        assert backup.stat().st_mode & 0o777 == page.stat().st_mode & 0o777 == 0o600
        words = ("trustee", "rehearse", "--home", rehearsal.home(seat), "--board", rehearsal.board)
        secret = ("--passphrase-file", rehearsal.root / "backup.pass", "--json")
        original = rehearsal.home(seat) / "trustee.key"
        assert "original" in rehearsal.e2ev(*words, "--backup", original, *secret, code=6).err
        if seat == 3:
            assert "Чынара" in rehearsal.election("open", code=5).err
            assert not rehearsal.e2ev("election", "doctor", "--board", rehearsal.board, "--json", code=5).json["ready"]
        message = Path(rehearsal.e2ev(*words, "--backup", backup, *secret).json["files"][0])
        before = message.read_bytes()
        rehearsal.e2ev(*words, "--backup", backup, *secret)
        assert message.read_bytes() == before
        rehearsal.collect(posted=1)
        assert "on the board already" in rehearsal.e2ev(*words, "--backup", backup, *secret, code=8).err
    assert _is_silent_about(rehearsal, *rehearsal.secrets_in_hex())


def test_devices_are_admitted_once_each(rehearsal: Rehearsal) -> None:
    for number, unit in enumerate(("Library", "Town hall"), 1):
        home = rehearsal.root / f"device-{number}"
        Device(home).init(f"device {number}", unit)
        admitted = rehearsal.election("admit", home / "device.card")
        size = rehearsal.board.stat().st_size
        assert rehearsal.election("admit", home / "device.card") == admitted
        assert rehearsal.board.stat().st_size == size
    Device(rehearsal.root / "impostor").init("device 1", "Town hall")
    rehearsal.election("admit", rehearsal.root / "impostor" / "device.card", code=8)
    rehearsal.election("admit", rehearsal.home(1) / "trustee.card", code=3)


def test_doctor_passes_and_voting_is_opened(rehearsal: Rehearsal) -> None:
    doctor = ("election", "doctor", "--board", rehearsal.board, "--json")
    assert not rehearsal.e2ev(*doctor, "--expected", 1, code=5).json["ready"]
    anchors = rehearsal.board.with_suffix(".anchors.json")
    kept = anchors.read_bytes()
    anchors.unlink()
    lacking = [item for item in rehearsal.e2ev(*doctor, code=5).json["checklist"] if not item["passed"]]
    assert [item["remedy"] for item in lacking if "election anchors" in item["remedy"]]
    anchors.write_bytes(kept)
    assert rehearsal.e2ev(*doctor, "--expected", 100).json["ready"]
    rehearsal.election("close", code=5)
    opened = rehearsal.election("open")
    assert rehearsal.election("open") == opened
    assert rehearsal.phase() == "voting"


def test_voting_is_closed_once_every_device_has_closed(rehearsal: Rehearsal) -> None:
    devices = [Device(rehearsal.root / f"device-{number}") for number in (1, 2)]
    made: dict[int, list[tuple[int, Decision]]] = {
        1: [(1, "cast"), (1, "cast"), (0, "challenged")],
        2: [(0, "cast")] * 3,
    }
    for unit, device in enumerate(devices, 1):
        ballots = [(PlainBallot(1, unit, (PlainContest(1, (v, 1 - v)),)), decision) for v, decision in made[unit]]
        device.encrypt_many(rehearsal.board, ballots)
    rehearsal.election("tally", "--quorum", "1", code=5)
    assert "device 2" in rehearsal.election("close", code=5).err
    devices[0].close(rehearsal.board)
    assert "device 2" in rehearsal.election("replace", "--device", "device 9", "--reason", "broken", code=3).err
    assert rehearsal.election("replace", "--device", "device 2", "--reason", "the disk broke")["ballots"] == 3
    assert rehearsal.election("replace", "--device", "device 2", "--reason", "the disk broke")["ballots"] == 3
    rehearsal.election("replace", "--device", "device 1", "--reason", "broken", code=8)
    closed = rehearsal.election("close")
    assert (closed["cast"], closed["challenged"]) == (5, 1)
    assert rehearsal.election("close") == closed
    assert rehearsal.phase() == "closed, not tallied"


def test_tally_is_decided_once_for_a_quorum(rehearsal: Rehearsal) -> None:
    for quorum, code in (("1", 5), ("1,9", 8), ("1,1", 8), ("one", 2)):
        rehearsal.election("tally", "--quorum", quorum, code=code)
    rehearsal.trustee(1, "decrypt", "commit", code=5)
    decided = rehearsal.election("tally", "--quorum", "3,1")
    assert [cell["ballots"] for cell in decided["cells"]] == [2, 3]
    assert (decided["open_by_nonce"], decided["excluded"]) == (1, [])
    size = rehearsal.board.stat().st_size
    assert rehearsal.election("tally", "--quorum", "1,3") == decided
    assert "--new-attempt" in rehearsal.election("tally", "--quorum", "1,2", code=8).err
    assert rehearsal.board.stat().st_size == size
    rehearsal.trustee(2, "decrypt", "commit", code=5)


def test_decryption_by_two_of_three(rehearsal: Rehearsal) -> None:
    anchors = rehearsal.board.with_suffix(".anchors.json")
    wrong = rehearsal.root / "wrong.anchors.json"
    wrong.write_text(json.dumps(json.loads(anchors.read_text("utf-8")) | {"manifest": "00" * 32}), "utf-8")
    rehearsal.trustee(1, "decrypt", "commit", "--expect", wrong, code=1)
    for seat in (1, 3):
        rehearsal.trustee(seat, "decrypt", "commit", "--expect", anchors, "--jobs", 1)
    rehearsal.trustee(1, "decrypt", "answer", code=5)
    rehearsal.collect(posted=2)
    for seat in (1, 3):
        rehearsal.trustee(seat, "decrypt", "answer")
    rehearsal.collect(posted=2)
    rehearsal.election("result", code=5)
    journal = rehearsal.home(1) / "trustee.journal"
    before = journal.read_bytes()
    words = ("trustee", "decrypt", "answer", "--home", rehearsal.home(1), "--board", rehearsal.board)
    assert killed_when(lambda: journal.read_bytes() != before, *words, *rehearsal.secret(1))
    for seat in (1, 3):
        assert len(rehearsal.trustee(seat, "decrypt", "answer")) == 2
    rehearsal.collect(posted=2)
    assert rehearsal.phase() == "decryption"


def test_plan_is_shown_before_the_passphrase_is_asked_for(rehearsal: Rehearsal) -> None:
    words = ("trustee", "decrypt", "answer", "--home", rehearsal.home(1), "--board", rehearsal.board)
    err = rehearsal.e2ev(*words, code=6).err
    assert 0 < err.index("whose root is") < err.index("the passphrase of trustee 1")


def test_result_is_published_once(rehearsal: Rehearsal) -> None:
    rehearsal.election("result", code=5)
    assert "--new-attempt" in rehearsal.election("tally", "--quorum", "1,3", code=5).err
    shown = rehearsal.election("result", "--inbox", rehearsal.root)
    size = rehearsal.board.stat().st_size
    assert rehearsal.e2ev("election", "result", "--board", rehearsal.board, "--json").json == shown
    assert rehearsal.board.stat().st_size == size
    (contest,) = shown["contests"]
    assert contest["totals"] == {"Ada Bell": 2, "Carl Dunn": 3}
    assert [cell["units"] for cell in contest["cells"]] == [["Library"], ["Town hall"]]
    assert (len(shown["opened"]), shown["nonce_does_not_open"]) == (1, [])
    table = rehearsal.e2ev("election", "result", "--board", rehearsal.board).out
    assert "Carl Dunn  0        3          3" in table
    rehearsal.election("tally", "--quorum", "1,2", code=8)
    assert rehearsal.phase() == "finished"


def test_record_is_accepted_with_the_anchors_that_were_written_last(rehearsal: Rehearsal) -> None:
    from e2ev.verify.anchors import read_anchors

    out = rehearsal.root / "last.anchors.json"
    for _ in range(2):
        rehearsal.e2ev("election", "anchors", "--board", rehearsal.board, "--out", out, "--root")
    rehearsal.e2ev("election", "anchors", "--board", rehearsal.board, "--out", out, code=8)
    anchors = read_anchors(out.read_bytes(), "anchors")
    assert len(anchors.devices) == 2
    report = verify(rehearsal.board, Options(anchors=anchors))
    assert (report.verdict, report.root) == (Verdict.ACCEPTED, anchors.root)


def test_lost_folder_comes_back_from_the_printed_page(rehearsal: Rehearsal) -> None:
    page = (rehearsal.root / "2.txt").read_text("utf-8")
    typed, again = rehearsal.root / "typed.txt", rehearsal.root / "trustee-2-again"
    rows = [row for row in page.splitlines() if row.count("|") == 2]
    slip = rows[8].replace(rows[8].split("|")[1].strip()[:3], "AAA", 1)
    restore = (
        "trustee",
        "restore",
        "--from",
        typed,
        "--home",
        again,
        "--passphrase-file",
        rehearsal.root / "backup.pass",
    )
    for lines, found in (
        ([*rows[:8], slip, *rows[9:]], "row 9"),
        ([*rows[:4], *rows[5:]], "row 5"),
        (["x"], "neither"),
    ):
        typed.write_text("\n".join(lines), "utf-8")
        assert found in rehearsal.e2ev(*restore, code=3).err
    typed.write_text("\r\n".join(row.replace("  ", " ") for row in rows), "utf-8")
    rehearsal.e2ev(*restore[:-1], rehearsal.root / "2.pass", code=6)
    rehearsal.e2ev(*restore)
    key = (again / "trustee.key").read_bytes()
    assert "not overwritten" in rehearsal.e2ev(*restore, code=8).err
    assert (again / "trustee.key").read_bytes() == key
    shown = rehearsal.e2ev("trustee", "status", "--home", again, "--board", rehearsal.board, "--json").json
    assert shown["trustee"] == 2
    assert (again / "trustee.card").read_bytes() == (rehearsal.home(2) / "trustee.card").read_bytes()


def test_no_secret_was_ever_printed(rehearsal: Rehearsal) -> None:
    assert _is_silent_about(rehearsal, *rehearsal.secrets_in_hex(), *SECRETS.values(), BACKUPS)


def _is_silent_about(rehearsal: Rehearsal, *secrets: str) -> bool:
    said = "\n".join(rehearsal.e2ev.said)
    for secret in filter(None, secrets):
        encodings = [secret]
        if set(secret) <= set("0123456789abcdef"):
            raw = bytes.fromhex(secret)
            encodings += [b64encode(raw).decode(), str(int(secret, 16)), secret.upper()]
        if any(text in said for text in encodings):
            return False
    return len(said) > 1000
