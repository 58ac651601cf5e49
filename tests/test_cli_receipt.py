"""`e2ev receipt`, `e2ev witness`, `e2ev board cosign`, `e2ev election policy`: a receipt's way, as people go it."""

import json
import re
import shutil
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
import zxingcpp

from e2ev.board.ledger import read_contents
from e2ev.board.outline import read_outline
from e2ev.board.policy import parse_policy
from e2ev.codes import tracking_code
from e2ev.roles.trustee import Trustee
from e2ev.roles.witness import Witness
from e2ev.storage.seal import Passphrase
from e2ev_cli.qr import SCALE as QR_SCALE
from tests.commands import Ran, Shell, private
from tests.cosigned import LOG, SmallBoard
from tests.test_cli_election import MANIFEST
from tests.test_witness import CHEAP, check_fork


class Scene:
    """A board, two witnesses with their folders, and their policy."""

    def __init__(self, root: Path) -> None:
        self.root, self.e2ev = root, Shell()
        self.board = SmallBoard(root / "vote" / "vote.board").found().ballots(6)
        self.secret = private(root / "pass", "words of a witness")
        lines = [f"log {self.info()['log']}"]
        for i in (1, 2):
            key = Witness(root / f"w{i}", CHEAP).init(f"w{i}.example", Passphrase("words of a witness"), [LOG])
            lines.append(f"witness {key.name} {key.vkey()}")
        self.policy = root / "vote.policy"
        self.policy.write_text("\n".join([*lines, "group G all w1.example w2.example", "quorum G", ""]), "utf-8")
        entry = self.board.entries[2]
        assert entry.header.code is not None
        self.code, self.leaf = tracking_code(entry.header.code), entry.leaf_hash.hex()

    def info(self) -> dict[str, object]:
        found = self.e2ev("board", "info", self.board.path, "--json").json
        assert isinstance(found, dict)
        return found

    def witness(self, i: int, *words: object, code: int = 0) -> Ran:
        return self.e2ev("witness", *words, "--home", self.root / f"w{i}", "--passphrase-file", self.secret, code=code)

    def answers(self, board: Path | None = None) -> list[Path]:
        """Bring the board to both witnesses; return what they hand back."""
        return [Path(self.witness(i, "cosign", board or self.board.path).out.strip()) for i in (1, 2)]

    def receipt(self, *more: object) -> Path:
        path = self.root / "mine.tlog-proof"
        self.e2ev("receipt", "make", self.board.path, self.code, "--out", path, *more)
        return path

    def check(self, path: Path, *more: object, code: int = 0) -> Ran:
        return self.e2ev("receipt", "check", path, "--policy", self.policy, *more, code=code)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_receipt_is_provisional_until_the_cosigners_answers_are_on_the_board(scene: Scene) -> None:
    early = scene.receipt()
    said = scene.check(early, code=7)
    assert said.out.startswith("PROVISIONAL")
    assert scene.code in said.out
    assert "--provisional-ok" in said.err
    scene.check(early, "--provisional-ok")
    for i, answer in enumerate(scene.answers(), 1):
        shown = scene.e2ev("board", "cosign", scene.board.path, answer, "--policy", scene.policy).out
        assert shown == f"{answer}: 7 entries cosigned by w{i}.example\n"
        assert scene.e2ev("board", "cosign", scene.board.path, answer, "--policy", scene.policy, "--json").json == [
            {"file": str(answer), "entries": 7, "new": []}
        ]
    scene.check(early, code=7)
    said = scene.check(scene.receipt())
    assert said.out.startswith("ON THE BOARD")
    made = scene.check(scene.receipt("--policy", scene.policy), "--code", scene.code.lower(), "--json").json
    assert (made["code"], made["leaf_hash"], made["entry"], made["provisional"]) == (scene.code, scene.leaf, 2, False)
    assert [one["name"] for one in made["cosigners"]] == ["w1.example", "w2.example"]
    assert scene.info()["signers"] == ["board.example/vote", "w1.example", "w2.example"]


def test_exit_codes_tell_a_wrong_receipt_from_a_missing_quorum(scene: Scene) -> None:
    scene.e2ev("board", "cosign", scene.board.path, *scene.answers(), "--policy", scene.policy)
    path = scene.receipt()
    good = path.read_text("utf-8")
    scene.check(path)
    path.write_text(good.replace("index 2", "index 3"), "utf-8")
    assert "leads to another root" in scene.check(path, code=1).err
    path.write_text(good.replace("index 2", "index two"), "utf-8")
    scene.check(path, code=3)
    path.write_text(re.sub("— w2.example .*\n", "", good), "utf-8")
    assert scene.check(path, "--json", code=7).json["provisional"] is True
    path.write_text(re.sub("— board.example/vote .*\n", "", good), "utf-8")
    scene.check(path, "--provisional-ok", code=1)
    path.write_text(good, "utf-8")
    other = tracking_code(scene.board.entries[3].header.code or b"")
    assert "is for another entry" in scene.check(path, "--code", other, code=1).err
    scene.policy.write_text("quorum none\n", "utf-8")
    scene.check(path, code=7)
    scene.policy.write_text("quorum\n", "utf-8")
    scene.check(path, code=3)


def test_receipt_without_cosigners_is_provisional_even_where_the_policy_asks_for_none(scene: Scene) -> None:
    scene.policy.write_text(f"log {LOG.vkey()}\nquorum none\n", "utf-8")
    made = scene.check(scene.receipt(), "--json", code=7).json
    assert (made["quorum"], made["provisional"]) == (True, True)


@pytest.mark.parametrize("scale", [2, 3])
def test_whole_receipt_fits_one_qr_code_and_is_checked_again_from_its_text(scene: Scene, scale: int) -> None:
    scene.e2ev("board", "cosign", scene.board.path, *scene.answers(), "--policy", scene.policy)
    picture = scene.root / "mine.svg"
    path = scene.root / "mine.tlog-proof"
    said = scene.e2ev("receipt", "make", scene.board.path, scene.code, "--out", path, "--qr", picture, "--terminal")
    size = path.stat().st_size
    assert f"A receipt of {size:,} bytes" in said.err
    assert re.search(r"QR code has version \d+, (\d+) x \1 modules, error correction L", said.err)
    assert "▄" in said.err
    read = read_svg(picture.read_text("utf-8"), scale)
    assert read.encode() == path.read_bytes()
    (scene.root / "scanned.txt").write_text(read.strip(), "utf-8")
    scene.check(scene.root / "scanned.txt")


def read_svg(text: str, scale: int) -> str:
    """Return what another program's reader sees in the picture, drawn from its path as a browser would."""
    (width,) = (int(pixels) // QR_SCALE for pixels in re.findall(r'<svg [^>]*width="(\d+)"', text))
    rows = [bytearray(b"\xff" * width) for _ in range(width)]
    (path,) = re.findall(r'class="qrline" stroke="#000" d="([^"]+)"', text)
    x, y = 0.0, 0.0
    for command, first, second in re.findall(r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?", path):
        if command == "M":
            x, y = float(first), float(second)
        elif command == "m":
            x, y = x + float(first), y + float(second or 0)
        else:
            for at in range(int(x), int(x + float(first))):
                rows[int(y)][at] = 0
            x += float(first)
    large = bytes(pixel for row in rows for _ in range(scale) for pixel in row for _ in range(scale))
    side = width * scale
    view = memoryview(large).cast("B", (side, side))
    (found,) = zxingcpp.read_barcodes(view)
    return found.text


def test_receipt_too_large_for_a_qr_code_says_so(scene: Scene) -> None:
    lines = "".join(f"— stranger{i}.example {'A' * 108}\n" for i in range(30)).encode()
    with scene.board.log() as log:
        log.cosign(read_outline(scene.board.path).note + lines)
    said = scene.e2ev("receipt", "make", scene.board.path, scene.code, "--qr", scene.root / "x.svg", code=3)
    assert "too large for one QR code" in said.err
    assert not (scene.root / "x.svg").exists()
    scene.e2ev("receipt", "make", scene.board.path, scene.code, "--policy", scene.policy, "--qr", scene.root / "x.svg")


def test_qr_codes_without_their_package_are_refused_with_what_to_install(scene: Scene) -> None:
    with patch.dict(sys.modules, {"segno": None}):
        said = scene.e2ev("receipt", "make", scene.board.path, scene.code, "--terminal", code=3)
    assert "e2ev[qr]" in said.err


def test_receipt_is_made_by_index_by_leaf_hash_and_to_the_screen(scene: Scene) -> None:
    by_code = scene.receipt().read_text("utf-8")
    assert scene.e2ev("receipt", "make", scene.board.path, "--index", 2).out == by_code
    assert scene.e2ev("receipt", "make", scene.board.path, scene.leaf).out == by_code
    assert scene.e2ev("receipt", "make", scene.board.path, scene.leaf, "--json").json["receipt"] == by_code
    scene.e2ev("receipt", "make", scene.board.path, "--index", 99, code=1)
    scene.e2ev("receipt", "make", scene.board.path, scene.code, "--index", 2, code=2)
    scene.e2ev("receipt", "make", scene.board.path, code=2)
    scene.e2ev("receipt", "make", scene.board.path, "no code", code=3)


def test_witness_shows_what_it_signed_and_refuses_a_fork(scene: Scene) -> None:
    first, _ = scene.answers()
    fork = SmallBoard(scene.root / "fork" / "vote.board", b"other").found().ballots(8)
    said = scene.witness(1, "cosign", fork.path, code=8)
    assert "two boards that do not continue each other" in said.err
    (evidence,) = (scene.root / "w1").glob("fork-*.evidence")
    check_fork(evidence.read_bytes())
    scene.board.ballots(1)
    again = scene.witness(1, "cosign", scene.board.path, "--json", "--out", scene.root / "answer").json
    assert (again["entries"], again["before"], again["repeated"]) == (8, 7, False)
    assert first.exists()
    status = scene.e2ev("witness", "status", "--home", scene.root / "w1", "--json").json
    assert (status["state"], [log["entries"] for log in status["logs"]]) == (4, [8])
    shown = scene.e2ev("witness", "status", "--home", scene.root / "w1").out
    assert "board.example/vote" in shown
    assert "state   4" in shown
    shutil.copy(scene.root / "w1" / "witness.state", scene.root / "kept")
    shutil.move(scene.root / "kept", scene.root / "w1" / "witness.state")
    scene.witness(1, "cosign", scene.board.path, code=8)


def test_witness_cosigns_a_checkpoint_with_its_proof_and_knows_only_logs_that_it_was_told_of(scene: Scene) -> None:
    request = scene.root / "vote.request"
    scene.e2ev("witness", "request", scene.board.path, "--old", 0, "--out", request)
    assert scene.witness(1, "cosign", request, "--json").json["entries"] == 7
    scene.board.ballots(2)
    scene.e2ev("witness", "request", scene.board.path, "--old", 7, "--out", request)
    assert scene.witness(1, "cosign", request, "--json").json["before"] == 7
    assert "starts at 7 entries" in scene.witness(2, "cosign", request, code=8).err
    line = scene.witness(3, "init", "--name", "w3.example").out
    assert line == scene.e2ev("witness", "status", "--home", scene.root / "w3").out.splitlines(keepends=True)[0]
    assert parse_policy((line + "quorum w3.example\n").encode()).witnesses[0].key.name == "w3.example"
    assert "does not follow the log" in scene.witness(3, "cosign", scene.board.path, code=7).err
    assert scene.e2ev("witness", "status", "--home", scene.root / "w3").out.endswith("follows no log yet\n")
    scene.witness(3, "cosign", scene.board.path, "--log", LOG.vkey())


def test_keeper_takes_only_lines_of_witnesses_that_were_named(scene: Scene) -> None:
    answers = scene.answers()
    scene.e2ev("board", "cosign", scene.board.path, *answers, code=2)
    one = re.search("witness w1.example (.*)\n", scene.policy.read_text("utf-8"))
    assert one is not None
    scene.e2ev("board", "cosign", scene.board.path, answers[1], "--witness", one[1], code=1)
    scene.e2ev("board", "cosign", scene.board.path, answers[0], "--witness", one[1])
    assert scene.check(scene.receipt(), "--json", code=7).json["cosigners"][0]["name"] == "w1.example"


def test_election_publishes_its_policy_once_before_voting_opens(tmp_path: Path) -> None:
    e2ev, board, secret = Shell(), tmp_path / "circle.board", private(tmp_path / "pass", "words of everybody")
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST), "utf-8")
    Trustee(tmp_path / "Aigul", cost=CHEAP).init("Aigul", Passphrase("words of everybody"))
    cards = ("--trustee", tmp_path / "Aigul" / "trustee.card", "--no-spare")
    e2ev("election", "new", "--manifest", tmp_path / "manifest.json", "--quorum", 1, "--group", "3072", *cards,
         "--board", board, "--passphrase-file", secret)  # fmt: skip
    log = e2ev("board", "info", board, "--json").json["log"]
    policy = tmp_path / "circle.policy"
    words = ("election", "policy", policy, "--board", board, "--passphrase-file", secret)
    for text, code in ((f"log {LOG.vkey()}\nquorum none\n", 1), ("quorum none", 1), (f"log {log}\nquorum none\n", 0)):
        policy.write_text(text, "utf-8")
        e2ev(*words, code=code)
    e2ev(*words)
    posted = read_contents(board).policy
    assert posted is not None
    assert posted.body.form.policy == policy.read_bytes()
    policy.write_text(f"log {log}\n\nquorum none\n", "utf-8")
    e2ev(*words, code=8)
    e2ev("export", board, tmp_path / "json")
    entries = json.loads((tmp_path / "json" / "entries.json").read_text("utf-8"))
    assert bytes.fromhex(entries[posted.index]["policy"]) == posted.body.form.policy
    said = e2ev("verify", board, "--policy", policy, "--json", code=4).json
    assert said["cosigners"] == {"quorum": "not met", "entries": 0, "seen": []}
