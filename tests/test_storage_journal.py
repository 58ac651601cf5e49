import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import e2ev
from e2ev.errors import ConflictError, DataError, E2evError, NotReadyError, StorageError, WrongKeyError
from e2ev.storage.disk import Disk, reading
from e2ev.storage.journal import Journal
from e2ev.storage.keyfile import Passphrase
from e2ev.storage.lock import FolderLock
from e2ev.storage.seal import Cost, seal, unseal

# no single flipped bit makes of 5 an allowed cost that takes long
CHEAP = Cost(log_n=5, r=1)
WORDS = Passphrase("correct horse battery staple")
ASSOCIATED = b"e2ev journal, form 1\n"
SECRET = b"nonce of attempt one"
PUTTER = """
import sys
from pathlib import Path
from e2ev.storage.journal import Journal
from e2ev.storage.keyfile import Passphrase
Journal.open(Path(sys.argv[1]), Passphrase("correct horse battery staple")).burn("cell 1", b"their answer")
"""


class PowerLoss(BaseException):
    """What a machine without power does instead of going on."""


class DyingDisk(Disk):
    """Stops at the first call named `call`, before or after doing it."""

    def __init__(self, call: str, *, done: bool, failure: BaseException) -> None:
        self.call, self.done, self.failure = call, done, failure

    def _stop(self, call: str, done: bool) -> None:
        if (call, done) == (self.call, self.done):
            raise self.failure

    def write(self, descriptor: int, data: memoryview) -> int:
        self._stop("write", done=False)
        written = super().write(descriptor, data[: len(data) // 2 + 1])
        self._stop("write", done=True)
        return written

    def sync(self, descriptor: int) -> None:
        self._stop("sync", done=False)
        super().sync(descriptor)
        self._stop("sync", done=True)

    def rename(self, source: Path, target: Path) -> None:
        self._stop("rename", done=False)
        super().rename(source, target)
        self._stop("rename", done=True)

    def sync_folder(self, folder: Path) -> None:
        self._stop("sync_folder", done=False)
        super().sync_folder(folder)
        self._stop("sync_folder", done=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tally.journal"


@pytest.fixture
def journal(path: Path) -> Journal:
    journal = Journal.create(path, WORDS, CHEAP)
    journal.put("cell 1", SECRET)
    return journal


def again(path: Path) -> Journal:
    return Journal.open(path, WORDS)


def version_of(path: Path) -> int:
    with reading(path) as descriptor:
        return Disk().identity(descriptor)[1]


def assert_shows_no_secret(error: E2evError) -> None:
    shown = f"{error} {error!r} {error.remedy} {error.__cause__!r}"
    for secret in (SECRET, WORDS.reveal()):
        assert secret.decode() not in shown
        assert secret.hex() not in shown


def test_secret_is_there_after_reopening(path: Path, journal: Journal) -> None:
    assert journal.get("cell 1") == again(path).get("cell 1") == SECRET
    assert journal.outcome("cell 1") is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_same_secret_again_changes_nothing(path: Path, journal: Journal) -> None:
    before = path.read_bytes()
    journal.put("cell 1", SECRET)
    assert path.read_bytes() == before


def test_another_secret_under_the_same_key_is_refused(path: Path, journal: Journal) -> None:
    with pytest.raises(ConflictError) as caught:
        journal.put("cell 1", b"nonce of attempt two")
    assert "--new-attempt" in caught.value.remedy
    assert_shows_no_secret(caught.value)
    assert again(path).get("cell 1") == SECRET


def test_secret_that_was_never_put_is_not_ready(journal: Journal) -> None:
    with pytest.raises(NotReadyError, match="cell 2"):
        journal.get("cell 2")
    with pytest.raises(NotReadyError, match="cell 2"):
        journal.burn("cell 2", b"answer")
    assert journal.outcome("cell 2") is None


def test_burned_secret_gives_its_answer_and_nothing_else_for_ever(path: Path, journal: Journal) -> None:
    journal.burn("cell 1", b"answer")
    for one in (journal, again(path)):
        assert one.outcome("cell 1") == b"answer"
        one.burn("cell 1", b"answer")
        steps: list[Callable[[], object]] = [
            partial(one.get, "cell 1"),
            partial(one.burn, "cell 1", b"another answer"),
            partial(one.put, "cell 1", SECRET),
        ]
        for step in steps:
            with pytest.raises(ConflictError) as caught:
                step()
            assert_shows_no_secret(caught.value)


def test_generation_counts_the_changes_and_only_them(path: Path, journal: Journal) -> None:
    assert journal.generation == 2
    journal.put("cell 1", SECRET)
    journal.burn("cell 1", b"answer")
    journal.burn("cell 1", b"answer")
    assert journal.generation == again(path).generation == 3


def test_neither_file_nor_repr_shows_a_secret(path: Path, journal: Journal) -> None:
    journal.burn("cell 1", b"answer")
    journal.put("cell 2", SECRET)
    content = path.read_bytes()
    assert SECRET not in content
    assert SECRET.hex().encode() not in content
    assert SECRET.decode() not in repr(journal) + repr(vars(journal))


def test_burned_secret_is_gone_from_the_file(path: Path, journal: Journal) -> None:
    assert SECRET.hex().encode() in unseal(path.read_bytes(), WORDS, ASSOCIATED)
    journal.burn("cell 1", b"answer")
    assert SECRET.hex().encode() not in unseal(path.read_bytes(), WORDS, ASSOCIATED)


def test_journal_is_not_created_twice(path: Path, journal: Journal) -> None:
    with pytest.raises(ConflictError):
        Journal.create(path, WORDS, CHEAP)
    assert again(path).get("cell 1") == SECRET


def test_missing_journal_says_that_a_new_attempt_is_needed(path: Path) -> None:
    with pytest.raises(DataError, match="no journal") as caught:
        again(path)
    assert "--new-attempt" in caught.value.remedy


@pytest.mark.parametrize("copy", [shutil.copy, shutil.copy2, shutil.copyfile])
def test_copied_journal_is_noticed(path: Path, journal: Journal, copy: Callable[[Path, Path], object]) -> None:
    other = path.with_name("copy.journal")
    copy(path, other)
    other.chmod(0o600)
    with pytest.raises(ConflictError, match="copy or was restored") as caught:
        again(other)
    assert caught.value.where == str(other)
    assert "--new-attempt" in caught.value.remedy
    assert again(path).get("cell 1") == SECRET


@pytest.mark.parametrize("changes", range(1, 5))
@pytest.mark.parametrize("in_place", [True, False], ids=["over the file", "in its place"])
def test_journal_restored_from_a_backup_is_noticed(path: Path, journal: Journal, changes: int, in_place: bool) -> None:
    if not version_of(path):
        pytest.skip("this file system does not tell inode versions, so a reused inode number goes unnoticed")
    backup = path.with_name("backup")
    shutil.copy2(path, backup)
    for number in range(changes):
        journal.put(f"cell {number + 2}", SECRET)
    if not in_place:
        path.unlink()
    shutil.copy2(backup, path)
    with pytest.raises(ConflictError, match="copy or was restored"):
        again(path)


def test_moved_journal_is_still_the_same(path: Path, journal: Journal) -> None:
    path.rename(path.with_name("moved.journal"))
    assert again(path.with_name("moved.journal")).get("cell 1") == SECRET


def test_other_passphrase_does_not_open_the_journal(path: Path, journal: Journal) -> None:
    with pytest.raises(WrongKeyError) as caught:
        Journal.open(path, Passphrase("another one"))
    assert caught.value.where == str(path)
    assert_shows_no_secret(caught.value)


def test_journal_that_others_can_reach_is_refused(path: Path, journal: Journal) -> None:
    path.chmod(0o640)
    with pytest.raises(WrongKeyError, match="open to others") as caught:
        again(path)
    assert "chmod 600" in caught.value.remedy


def test_every_changed_byte_is_noticed(path: Path, journal: Journal) -> None:
    content = path.read_bytes()
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        with open(path, "r+b") as file:
            file.write(changed)
        with pytest.raises((WrongKeyError, DataError)) as caught:
            again(path)
        assert_shows_no_secret(caught.value)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"file": 1}', b"\xff", SECRET])
def test_sealed_bytes_that_are_no_journal_are_refused_without_showing_them(path: Path, content: bytes) -> None:
    path.write_bytes(seal(content, WORDS, ASSOCIATED, CHEAP))
    path.chmod(0o600)
    with pytest.raises(DataError, match="not a journal") as caught:
        again(path)
    assert_shows_no_secret(caught.value)


def test_journal_too_large_to_be_read_again_is_not_written(path: Path, journal: Journal) -> None:
    with pytest.raises(DataError, match="expected at most 4194304"):
        journal.put("cell 2", bytes(2 << 20))
    assert again(path).get("cell 1") == SECRET


def test_second_process_cannot_answer_from_the_same_secret(path: Path, journal: Journal) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(e2ev.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", PUTTER, str(path)], check=True, env=environment)
    with pytest.raises(ConflictError, match="changed since it was opened") as caught:
        journal.burn("cell 1", b"our answer")
    assert "open the journal again" in caught.value.remedy
    assert again(path).outcome("cell 1") == b"their answer"


def test_change_while_another_one_is_under_way_is_refused(path: Path, journal: Journal) -> None:
    with FolderLock(path.with_name("tally.journal.lock")), pytest.raises(ConflictError, match="another process"):
        journal.burn("cell 1", b"answer")
    assert again(path).get("cell 1") == SECRET


@pytest.mark.parametrize("failure", [OSError(errno.EIO, "Input/output error"), PowerLoss()], ids=["EIO", "power loss"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", ["write", "sync", "rename", "sync_folder"])
def test_burn_that_fails_anywhere_leaves_the_secret_or_the_answer(
    path: Path, journal: Journal, call: str, done: bool, failure: BaseException
) -> None:
    broken = Journal.open(path, WORDS, disk=DyingDisk(call, done=done, failure=failure))
    with pytest.raises((StorageError, PowerLoss)):
        broken.burn("cell 1", b"answer")
    found = again(path)
    assert (found.outcome("cell 1") == b"answer") == (call == "sync_folder" or (call, done) == ("rename", True))
    if found.outcome("cell 1") is None:
        assert found.get("cell 1") == SECRET
        found.burn("cell 1", b"answer")
    with pytest.raises(ConflictError):
        broken.burn("cell 1", b"another answer")
    assert again(path).outcome("cell 1") == b"answer"


class JournalModel(RuleBasedStateMachine):
    """Any steps and restarts, against two dictionaries."""

    keys = st.sampled_from(["cell 1", "cell 2"])
    values = st.sampled_from([b"", b"one", b"two"])

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal"
        self.journal = Journal.create(self.path, WORDS, CHEAP)
        self.secrets: dict[str, bytes] = {}
        self.outcomes: dict[str, bytes] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(key=keys, secret=values)
    def put(self, key: str, secret: bytes) -> None:
        if key in self.outcomes or self.secrets.get(key, secret) != secret:
            with pytest.raises(ConflictError):
                self.journal.put(key, secret)
        else:
            self.journal.put(key, secret)
            self.secrets[key] = secret

    @rule(key=keys, outcome=values)
    def burn(self, key: str, outcome: bytes) -> None:
        if key not in self.secrets:
            with pytest.raises(NotReadyError):
                self.journal.burn(key, outcome)
        elif self.outcomes.get(key, outcome) != outcome:
            with pytest.raises(ConflictError):
                self.journal.burn(key, outcome)
        else:
            self.journal.burn(key, outcome)
            self.outcomes[key] = outcome

    @rule()
    def restart(self) -> None:
        self.journal = again(self.path)

    @invariant()
    def holds_what_it_was_given(self) -> None:
        for key in ("cell 1", "cell 2"):
            assert self.journal.outcome(key) == self.outcomes.get(key)
            if key in self.secrets and key not in self.outcomes:
                assert self.journal.get(key) == self.secrets[key]


# a sync takes as long as the disk likes
JournalModel.TestCase.settings = settings(deadline=None, max_examples=25, stateful_step_count=12)
test_journal_is_a_durable_mapping_whatever_is_done_with_it = JournalModel.TestCase
