"""Commands of trustees: at a terminal, with a bad share, and what their help promises."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from e2ev import ceremony
from e2ev.codes import spoken
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.entry import message_file
from e2ev.record.kinds import Kind
from e2ev.roles.card import FINGERPRINT_WORDS
from e2ev.roles.intake import pen_after
from e2ev.roles.trustee import Trustee, share_file_name
from e2ev.sharing import TrusteeId
from e2ev.storage.keyfile import read_passphrase_file
from e2ev_cli.main import app
from tests.commands import ENVIRONMENT, ROOT, Shell, at_terminal, private

OWN = ("trustee", "election", "ceremony")
HEAVY = {"gmpy2", "cryptography", "msgpack", "Crypto", "rich.progress", "e2ev.roles", "e2ev.board", "e2ev.verify.run"}
PASSPHRASE = "at the kitchen table"


@pytest.fixture
def e2ev() -> Shell:
    return Shell()


# Two trustees, one of whom is enough; the second sends a bad share to the first.


class Pair:
    def __init__(self, root: Path) -> None:
        self.root, self.board, self.e2ev = root, root / "pair.board", Shell()
        self.secret = ("--passphrase-file", private(root / "pass", PASSPHRASE))

    def home(self, seat: int) -> Path:
        return self.root / f"home-{seat}"

    def trustee(self, seat: int, *command: object, code: int = 0) -> Any:
        words = ("trustee", *command, "--home", self.home(seat), "--board", self.board, *self.secret)
        return self.e2ev(*words, code=code)

    def collect(self) -> str:
        return self.e2ev("election", "collect", self.root, "--board", self.board, *self.secret).out

    def send_bad_share(self) -> None:
        """Let trustee 2 post hashes of a share that does not belong to its keys, and put that share in its outbox."""
        machine = Trustee(self.home(2))
        standing = machine.look(self.board)
        state = machine.open(read_passphrase_file(self.secret[1]), standing)
        election, sender, recipient = standing.contents.election, TrusteeId(2), TrusteeId(1)
        others, _ = ceremony.generate(election, sender)
        data = encode(ceremony.seal_share(election, others, sender, standing.keys[0]))
        body = bodies.SharesBody(1, 1, sender, (sha256(data).digest(),))
        entry, _ = pen_after(standing.ledger, state.key).write(Kind.SHARES, encode(body))
        (machine.outbox / "03-shares-1-trustee-2.e2ev").write_bytes(message_file((entry,)))
        (machine.outbox / share_file_name(1, sender, recipient)).write_bytes(data)

    def heard(self) -> Path:
        words = Trustee(self.home(1)).fingerprints(self.board)
        path = self.root / "heard.txt"
        path.write_text("\n".join(f"{i}: {text}" for i, text in words.items()), "utf-8")
        return path


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    made = Pair(tmp_path_factory.mktemp("pair"))
    for seat, name in ((1, "Dastan"), (2, "Elmira")):
        made.e2ev("trustee", "init", "--name", name, "--home", made.home(seat), *made.secret)
    cards = [word for seat in (1, 2) for word in ("--trustee", made.home(seat) / "trustee.card")]
    manifest = ROOT / "specs" / "examples" / "manifest-council.json"
    new = ("election", "new", "--manifest", manifest, "--board", made.board, "--quorum", 1, "--group", 3072)
    made.e2ev(*new, *cards, *made.secret)
    for seat in (1, 2):
        made.trustee(seat, "keygen")
    made.collect()
    return made


def test_bad_share_is_named_and_voids_the_attempt(pair: Pair) -> None:
    pair.trustee(1, "share")
    complain = ("complain", "--inbox", pair.root)
    assert "not on the board yet" in pair.trustee(1, *complain, code=5).err
    pair.send_bad_share()
    pair.collect()
    refused = pair.trustee(1, "accept", "--inbox", pair.root, "--heard", pair.heard(), code=1).err
    assert "trustee 2 (Elmira)" in refused
    assert "e2ev trustee complain" in refused
    assert "nothing is wrong" in pair.trustee(2, *complain, code=8).err
    ran = pair.trustee(1, *complain)
    message = Path(ran.out.strip())
    before = message.read_bytes()
    assert "about trustee 2 (Elmira)" in ran.err
    assert pair.trustee(1, *complain).out == ran.out
    assert message.read_bytes() == before
    assert "posted" in pair.collect()
    shown = pair.e2ev("election", "status", "--board", pair.board).out
    assert "the evidence shows that trustee 2 (Elmira) is at fault" in shown
    assert "keygen" in pair.e2ev("trustee", "status", "--home", pair.home(2), "--board", pair.board).out


def test_words_and_passphrase_are_typed_at_a_terminal(pair: Pair) -> None:
    """A slip is asked for again, the passphrase is not shown."""
    for seat in (1, 2):
        pair.trustee(seat, "keygen")
    pair.collect()
    for seat in (1, 2):
        pair.trustee(seat, "share")
    pair.collect()
    contents = Trustee(pair.home(1)).look(pair.board).contents
    own, other = (spoken(contents.ceremony.keys[TrusteeId(i)].leaf_hash, FINGERPRINT_WORDS) for i in (1, 2))
    question = "words of trustee 2"
    answers = ((question, own), (question, other.upper().replace(" ", "-")), ("passphrase of", PASSPHRASE))
    command = ("trustee", "accept", "--home", pair.home(1), "--board", pair.board, "--inbox", pair.root)
    code, screen = at_terminal(answers, *command)
    assert code == 0, screen
    assert f"   {own}" in screen
    assert "let them be read again" in screen
    assert PASSPHRASE not in screen
    assert list(pair.home(1).rglob("04-acceptance-2-*.e2ev"))
    code, _ = at_terminal(((question, other), ("passphrase of", "another one")), *command)
    assert code == 6


def test_three_wrong_answers_end_the_comparison(pair: Pair) -> None:
    answers = [("words of trustee 1", "bab bab bab")] * 3
    command = ("trustee", "accept", "--home", pair.home(2), "--board", pair.board, "--inbox", pair.root, *pair.secret)
    code, screen = at_terminal(answers, *command)
    assert (code, "trustee 1 (Dastan)" in screen) == (1, True)


def test_new_passphrase_is_asked_for_twice_at_a_terminal(tmp_path: Path) -> None:
    init = ("trustee", "init", "--name", "Farida", "--home", tmp_path / "farida")
    answers = (("passphrase of Farida", PASSPHRASE), ("Repeat", PASSPHRASE))
    code, screen = at_terminal(answers, *init)
    assert (code, (tmp_path / "farida" / "trustee.card").exists()) == (0, True), screen
    assert PASSPHRASE not in screen


def test_init_refuses_a_short_passphrase_and_a_name_that_no_card_can_hold(e2ev: Shell, tmp_path: Path) -> None:
    home, short = tmp_path / "home", private(tmp_path / "short", "short")
    good = private(tmp_path / "good", PASSPHRASE)
    init = ("trustee", "init", "--home", home, "--passphrase-file")
    e2ev(*init, short, "--name", "Gulnara", code=6)
    for name in ("", "  ", "two\nlines", "x" * 200, "Гүл\u202eнара"):
        e2ev(*init, good, "--name", name, code=3)
    good.chmod(0o644)
    assert "chmod 600" in e2ev(*init, good, "--name", "Gulnara", code=6).err
    assert not home.exists()


def test_nothing_is_asked_without_a_terminal(e2ev: Shell, tmp_path: Path) -> None:
    assert "--passphrase-file" in e2ev("trustee", "init", "--home", tmp_path / "x", "--name", "Hasan", code=6).err
    assert e2ev("trustee", "init", "--home", tmp_path / "x", code=2).err


# Help


def commands() -> Iterator[tuple[str, Any]]:
    """Yield the path and the command of every command of this file's groups."""

    def walk(path: str, group: Any) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from walk(f"{path} {name}", command)
            else:
                yield f"{path} {name}", command

    root: Any = typer.main.get_command(app)
    for group in OWN:
        yield from walk(f"e2ev {group}", root.commands[group])


COMMANDS = dict(commands())


@pytest.mark.parametrize("path", COMMANDS)
def test_help_ends_with_an_example_whose_options_exist(path: str) -> None:
    command = COMMANDS[path]
    *_, last = command.help.strip().split("\n\n")
    assert last.startswith(f"Example: {path} ")
    options = {name for parameter in command.params for name in parameter.opts}
    used = {word for word in shlex.split(last) if word.startswith("--")}
    assert used <= options
    required = {p.opts[0] for p in command.params if p.required and p.opts[0].startswith("--")}
    assert required <= used


@pytest.mark.parametrize("path", COMMANDS)
def test_no_option_takes_a_secret_an_environment_variable_or_a_cheaper_seal(path: str) -> None:
    for parameter in COMMANDS[path].params:
        assert parameter.envvar is None
        assert parameter.name not in ("passphrase", "key", "cost", "log_n", "seed")


def test_no_other_group_than_the_standard_ones_can_be_chosen(e2ev: Shell, tmp_path: Path) -> None:
    new = ("election", "new", "--manifest", "m", "--board", tmp_path / "x.board", "--quorum", 1, "--trustee", "c")
    for name in ("toy-q64-p256", "toy", "2048"):
        assert "--group" in e2ev(*new, "--group", name, code=2).err


def test_every_command_of_the_ceremony_is_there() -> None:
    expected = {
        "trustee": ("init", "keygen", "share", "accept", "complain", "backup", "restore", "rehearse", "status",
                    "decrypt commit", "decrypt answer"),
        "election": ("new", "collect", "admit", "replace", "policy", "open", "close", "tally", "result", "status",
                     "doctor", "anchors"),
        "ceremony": ("plan",),
    }  # fmt: skip
    assert set(COMMANDS) == {f"e2ev {group} {name}" for group, names in expected.items() for name in names}


def test_version_is_the_installed_one() -> None:
    assert Shell()("--version").out.strip() == version("e2ev")


def test_help_imports_nothing_heavy() -> None:
    told = (
        "import sys; sys.argv = ['e2ev', '--help']\n"
        "from e2ev_cli.main import run\n"
        "try:\n    run()\nexcept SystemExit:\n    print('MODULES', *sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", told],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.partition("MODULES")[2].split())
    assert "e2ev_cli.trustee" in loaded
    assert not loaded & HEAVY
