"""A witness signs what has only grown, remembers it before it answers, and writes down what proves a fork."""

import base64
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev.board.merkle import EMPTY_ROOT, check_consistency
from e2ev.board.note import (
    Checkpoint,
    NoteKey,
    check_checkpoint,
    check_cosignature,
    parse_note,
    parse_vkey,
    sign_checkpoint,
)
from e2ev.board.outline import read_outline, statement_of
from e2ev.errors import ConflictError, DataError, E2evError, PolicyError, RejectedError, StorageError, WrongKeyError
from e2ev.record.frame import FrameKind, frame
from e2ev.roles.cosigning import take_cosignatures
from e2ev.roles.witness import Cosigned, Witness, parse_request, request_file
from e2ev.roles.witness_state import Held, WitnessState, read_state, write_state
from e2ev.signing import VerifyKey
from e2ev.storage.disk import Disk
from e2ev.storage.seal import Cost, Passphrase
from tests.cosigned import LOG, LOG_KEY, ORIGIN, SmallBoard
from tests.records import key
from tests.reference import REFERENCE, needs

SECRET = Passphrase("a passphrase of a witness")
CHEAP = Cost(4, 1, 1)
NAME = "witness.example/one"


@dataclass
class Clock:
    """A clock that stands until it is set."""

    now: int = 1_800_000_000

    def __call__(self) -> int:
        return self.now


@dataclass
class Machine:
    """A witness with its clock, and a board to be shown."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    disk: Disk = field(default_factory=Disk)

    @property
    def witness(self) -> Witness:
        """The witness, as a new process has it."""
        return Witness(self.folder / "home", CHEAP, clock=self.clock, disk=self.disk)

    def cosign(self, board: SmallBoard) -> Cosigned:
        return self.witness.cosign_board(board.path, SECRET)

    def evidence(self) -> list[Path]:
        return sorted((self.folder / "home").glob("fork-*.evidence"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.witness.init(NAME, SECRET, [LOG])
    return made


@pytest.fixture
def board(tmp_path: Path) -> SmallBoard:
    return SmallBoard(tmp_path / "board" / "vote.board").found().ballots(3)


def fork_of(board: SmallBoard, at: int, name: str = "fork") -> SmallBoard:
    """Return a board of the same log whose entries are others from `at` on."""
    twin = SmallBoard(board.path.parents[1] / name / "vote.board").found().ballots(at - 1)
    twin.salt = b"other"
    return twin


# Signing


def test_answer_is_the_checkpoint_with_the_logs_line_and_the_witnesss(machine: Machine, board: SmallBoard) -> None:
    answer = machine.cosign(board)
    assert (answer.checkpoint.size, answer.before, answer.repeated) == (4, 0, False)
    assert check_checkpoint(answer.note, LOG) == answer.checkpoint == statement_of(read_outline(board.path).note)
    assert check_cosignature(answer.note, machine.witness.key) == machine.clock.now
    assert len(parse_note(answer.note).signatures) == 2


def test_growing_board_is_followed(machine: Machine, board: SmallBoard) -> None:
    for count in (0, 1, 2, 5):
        board.ballots(count)
        before = machine.witness.state().logs[ORIGIN].checkpoint.size
        answer = machine.cosign(board)
        assert (answer.before, answer.checkpoint.size) == (before, len(board.entries))
        assert machine.witness.state().logs[ORIGIN] == Held(LOG, answer.note)
    assert machine.witness.state().generation == 2 + 4


def test_same_board_again_gives_the_same_answer(machine: Machine, board: SmallBoard) -> None:
    first = machine.cosign(board)
    machine.clock.now += 1000
    again = machine.cosign(board)
    assert (again.note, again.repeated) == (first.note, True)


def test_what_stands_behind_the_last_checkpoint_is_not_signed(machine: Machine, board: SmallBoard) -> None:
    whole = board.path.read_bytes()
    entry, _ = board.pen.write(20, b"late", bytes(32))
    for tail in (entry.frames(), entry.frames()[:50], b"\0" * 7):
        board.path.write_bytes(whole + tail)
        assert machine.cosign(board).checkpoint.size == 4


def test_several_logs_are_followed_each_by_itself(machine: Machine, board: SmallBoard) -> None:
    machine.cosign(board)
    other = NoteKey("other.example", key(9).verify_key)
    note = sign_checkpoint(Checkpoint(other.name, 1, bytes(32)), key(9)).encode()
    with pytest.raises(PolicyError, match=r"does not follow the log 'other\.example'"):
        machine.witness.cosign_request(b"old 0\n\n" + note, SECRET)
    machine.witness.cosign_request(b"old 0\n\n" + note, SECRET, [other])
    state = machine.witness.state()
    assert {name: held.checkpoint.size for name, held in state.logs.items()} == {ORIGIN: 4, "other.example": 1}
    with pytest.raises(ConflictError, match="under another key"):
        machine.witness.cosign_board(board.path, SECRET, [NoteKey(ORIGIN, key(9).verify_key)])


# Refusing


def test_board_of_another_key_under_the_logs_name_is_refused(machine: Machine, tmp_path: Path) -> None:
    stranger = SmallBoard(tmp_path / "stranger" / "vote.board", log_key=key(9)).found().ballots(1)
    with pytest.raises(RejectedError, match="none of 1 signatures is by"):
        machine.cosign(stranger)
    assert machine.witness.state().logs[ORIGIN].note == b""


def test_older_copy_is_refused_and_nothing_is_signed(machine: Machine, board: SmallBoard) -> None:
    old = shutil.copy(board.path, board.path.with_name("old.board"))
    board.ballots(1)
    machine.cosign(board)
    before = machine.witness.state()
    with pytest.raises(ConflictError, match="the board has 4 entries, and this witness has cosigned 5"):
        machine.witness.cosign_board(Path(old), SECRET)
    assert machine.witness.state() == before


@pytest.mark.parametrize("more", [0, 1, 3], ids=["same size", "one more", "several more"])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_fork_is_refused_and_proved(machine: Machine, board: SmallBoard, at: int, more: int) -> None:
    machine.cosign(board)
    fork = fork_of(board, at).ballots(4 - at + more)
    with pytest.raises(ConflictError, match="two boards that do not continue each other") as refusal:
        machine.cosign(fork)
    assert refusal.value.culprit == f"log {ORIGIN}"
    (path,) = machine.evidence()
    assert str(path) in refusal.value.remedy
    check_fork(path.read_bytes())
    assert machine.witness.state().logs[ORIGIN].checkpoint.size == 4
    assert machine.cosign(board).repeated


def check_fork(data: bytes) -> None:
    """Check evidence with nothing but the log's key, from the text as it is."""
    head, first_text, first_lines, second_text, second_lines = data.decode().split("\n\n", 4)
    form, log, root, *proof = head.split("\n")
    assert (form, log) == ("e2ev fork evidence 1", f"log {LOG.vkey()}")
    first = check_checkpoint(f"{first_text}\n\n{first_lines}\n".encode(), LOG)
    second = check_checkpoint(f"{second_text}\n\n{second_lines}".encode(), LOG)
    other = base64.b64decode(root.removeprefix("root "))
    assert other != first.root
    check_consistency(first.size, other, second.size, second.root, [base64.b64decode(one) for one in proof])


def test_fork_within_one_file_is_refused_and_proved(machine: Machine, board: SmallBoard) -> None:
    other = read_outline(fork_of(board, 2).ballots(1).path).note
    board.path.write_bytes(board.path.read_bytes() + frame(FrameKind.COSIGNATURE, other))
    with pytest.raises(ConflictError, match="two boards"):
        machine.cosign(board)
    check_fork(machine.evidence()[0].read_bytes())


def test_strangers_lines_on_a_board_stop_nobody(machine: Machine, board: SmallBoard) -> None:
    strange = sign_checkpoint(Checkpoint(ORIGIN, 2, bytes(32)), key(9)).encode()
    for payload in (strange, b"no note", strange.replace(b"\n2\n", b"\n99\n")):
        board.path.write_bytes(board.path.read_bytes() + frame(FrameKind.COSIGNATURE, payload))
    assert machine.cosign(board).checkpoint.size == 4


def test_damaged_board_is_refused(machine: Machine, board: SmallBoard) -> None:
    data = bytearray(board.path.read_bytes())
    data[data.index(b"ballot ") + 3] ^= 1
    board.path.write_bytes(data)
    with pytest.raises(RejectedError):
        machine.cosign(board)


# Time


def test_clock_that_goes_backwards_stops_the_witness_until_it_is_set(machine: Machine, board: SmallBoard) -> None:
    machine.cosign(board)
    board.ballots(1)
    machine.clock.now -= 1
    with pytest.raises(ConflictError, match="clock is 1 s behind the last cosignature"):
        machine.cosign(board)
    machine.clock.now += 1
    assert machine.cosign(board).checkpoint.size == 5


# State: forgotten, copied, put back


def restored(machine: Machine, keep: Callable[[Path, Path], object]) -> Callable[[], None]:
    """Keep the state as it is; return what puts it back."""
    path, kept = machine.witness.state_path, machine.folder / "kept"
    keep(path, kept)

    def put_back() -> None:
        path.unlink()
        keep(kept, path)

    return put_back


@pytest.mark.parametrize("keep", [shutil.copy, shutil.copy2], ids=["copied", "copied with its times"])
def test_state_that_was_put_back_is_noticed(
    machine: Machine, board: SmallBoard, keep: Callable[[Path, Path], object]
) -> None:
    machine.cosign(board)
    put_back = restored(machine, keep)
    board.ballots(1)
    machine.cosign(board)
    put_back()
    with pytest.raises(ConflictError, match="a copy, or was put back") as refusal:
        machine.cosign(board)
    assert "must not sign any more" in refusal.value.remedy


def test_whole_folder_that_was_copied_is_noticed(machine: Machine, board: SmallBoard) -> None:
    shutil.copytree(machine.folder / "home", machine.folder / "copy")
    with pytest.raises(ConflictError, match="a copy"):
        Witness(machine.folder / "copy", CHEAP).cosign_board(board.path, SECRET)


def test_forgotten_state_is_noticed_by_the_witnesss_own_line_on_the_board(machine: Machine, board: SmallBoard) -> None:
    """An image of the disk comes back with its inode numbers: the state looks sound, and the board knows better."""
    earlier = machine.witness.state()
    answer = machine.cosign(board)
    with board.log() as log:
        log.cosign(answer.note)
    board.ballots(2)
    write_state(machine.witness.state_path, earlier, machine.witness._open(SECRET))
    with pytest.raises(ConflictError, match="has cosigned 4 entries, and remembers 0: its state was put back"):
        machine.cosign(board)
    with pytest.raises(ConflictError, match="its state was put back"):
        machine.witness.cosign_request(b"old 0\n\n" + answer.note, SECRET)


def test_bad_line_beside_it_does_not_hide_the_witnesss_own(machine: Machine, board: SmallBoard) -> None:
    earlier = machine.witness.state()
    answer = machine.cosign(board)
    line = parse_note(answer.note).signatures[1]
    bad = f"— {line.name} {base64.b64encode(line.key_id + bytes(72)).decode()}\n".encode()
    with board.log() as log:
        log.cosign(answer.note + bad)
    write_state(machine.witness.state_path, earlier, machine.witness._open(SECRET))
    with pytest.raises(ConflictError, match="its state was put back"):
        machine.cosign(board)


@pytest.mark.parametrize("at", [0, 0.3, 0.5, 0.9, 1])
def test_changed_state_is_refused(machine: Machine, board: SmallBoard, at: float) -> None:
    machine.cosign(board)
    path = machine.witness.state_path
    data = bytearray(path.read_bytes())
    data[int(at * (len(data) - 2))] ^= 4
    with path.open("r+b") as same:
        same.write(data)
    with pytest.raises(DataError, match="missing, was changed, or is another key's"):
        machine.cosign(board)


def test_missing_state_is_no_empty_one(machine: Machine, board: SmallBoard) -> None:
    machine.cosign(board)
    machine.witness.state_path.unlink()
    for call in (lambda: machine.cosign(board), lambda: machine.witness.init(NAME, SECRET)):
        with pytest.raises(DataError, match="missing"):
            call()


def test_state_without_its_key_is_not_written_over(machine: Machine, board: SmallBoard) -> None:
    machine.cosign(board)
    kept = machine.folder / "away.key"
    machine.witness.key_path.rename(kept)
    with pytest.raises(ConflictError, match="and not its key"):
        machine.witness.init(NAME, SECRET)
    kept.rename(machine.witness.key_path)
    assert machine.cosign(board).repeated


class Failing(Disk):
    """A disk whose calls fail or stop the process from one on."""

    def __init__(self, left: int, error: type[BaseException]) -> None:
        self.left, self.error, self.calls = left, error, 0

    def _spend(self) -> None:
        self.calls += 1
        self.left -= 1
        if self.left < 0:
            raise self.error(5, "no disk")

    def write(self, descriptor: int, data: memoryview) -> int:
        self._spend()
        return super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self._spend()
        super().sync(descriptor)

    def sync_folder(self, folder: Path) -> None:
        self._spend()
        super().sync_folder(folder)

    def rename(self, source: Path, target: Path) -> None:
        self._spend()
        super().rename(source, target)


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_no_answer_leaves_before_the_state_is_safe(
    machine: Machine, board: SmallBoard, error: type[BaseException]
) -> None:
    machine.cosign(board)
    board.ballots(1)
    fork = fork_of(board, 3).ballots(3)
    counting = Failing(1 << 30, error)
    for left in range(8):
        machine.disk = failing = Failing(left, error)
        try:
            machine.cosign(board)
        except (StorageError, KeyboardInterrupt):
            machine.disk = counting
            answered = machine.cosign(board)
            assert answered.checkpoint.size == 5
            with pytest.raises(ConflictError, match="two boards"):
                machine.cosign(fork)
            board.ballots(0)
            continue
        assert failing.calls <= left
        return
    pytest.fail("the disk never had enough calls")


def test_state_is_signed_by_this_key_alone(machine: Machine) -> None:
    with pytest.raises(DataError):
        read_state(machine.witness.state_path, VerifyKey(key(3).verify_key.raw))
    write_state(machine.witness.state_path, WitnessState(), key(3))
    with pytest.raises(DataError):
        machine.witness.state()


# Keys


def test_init_again_shows_the_same_key_and_another_name_is_refused(machine: Machine, tmp_path: Path) -> None:
    shown = machine.witness.init(NAME, SECRET)
    assert shown == machine.witness.key
    assert machine.witness.init(NAME, SECRET, [LOG]) == shown
    with pytest.raises(ConflictError, match="holds the witness"):
        machine.witness.init("other.example", SECRET)
    with pytest.raises(WrongKeyError):
        machine.witness.init(NAME, Passphrase("another passphrase"))
    with pytest.raises(DataError, match="cannot name a witness"):
        Witness(tmp_path / "new", CHEAP).init("two words", SECRET)
    assert not re.search(rb"BEGIN", machine.witness.state_path.read_bytes())
    assert os.stat(machine.witness.state_path).st_mode & 0o077 == 0


# Requests: a checkpoint and its proof


def test_request_from_any_size_to_any_is_cosigned(machine: Machine, board: SmallBoard) -> None:
    board.ballots(4)
    outline = read_outline(board.path)
    old, proof, note = parse_request(request_file(outline, 3))
    assert (old, note) == (3, outline.note)
    check_consistency(3, outline.roots.get(3) or b"", outline.size, statement_of(note).root, proof)
    answer = machine.witness.cosign_request(request_file(outline, 0), SECRET)
    board.ballots(3)
    later = machine.witness.cosign_request(request_file(read_outline(board.path), answer.checkpoint.size), SECRET)
    assert (later.before, later.checkpoint.size) == (8, 11)
    assert machine.cosign(board).repeated


def request(old: int, size: int, root: bytes, *proof: bytes) -> bytes:
    note = sign_checkpoint(Checkpoint(ORIGIN, size, root), LOG_KEY)
    rows = [f"old {old}", *(base64.b64encode(one).decode() for one in proof)]
    return ("\n".join(rows) + "\n\n" + note).encode()


def test_size_zero_has_the_root_of_nothing(machine: Machine) -> None:
    with pytest.raises(RejectedError, match="root of no entries"):
        machine.witness.cosign_request(request(0, 0, bytes(32)), SECRET)
    assert machine.witness.cosign_request(request(0, 0, EMPTY_ROOT), SECRET).checkpoint.size == 0
    with pytest.raises(RejectedError, match="proof from no entries is empty"):
        machine.witness.cosign_request(request(0, 1, bytes(32), bytes(32)), SECRET)
    assert machine.witness.cosign_request(request(0, 1, bytes(32)), SECRET).before == 0


def test_same_size_with_another_root_is_a_fork_and_proved(machine: Machine) -> None:
    machine.witness.cosign_request(request(0, 3, bytes(32)), SECRET)
    with pytest.raises(ConflictError, match="two boards"):
        machine.witness.cosign_request(request(3, 3, b"1" * 32), SECRET)
    check_fork(machine.evidence()[0].read_bytes())


@pytest.mark.parametrize(
    ("data", "error", "found"),
    [
        (request(2, 4, bytes(32)), ConflictError, "starts at 2 entries, and this witness has cosigned 3"),
        (request(0, 4, bytes(32)), ConflictError, "starts at 0 entries, and this witness has cosigned 3"),
        (request(4, 3, bytes(32)), DataError, "from 4 entries to 3"),
        (request(3, 4, bytes(32)), RejectedError, "no consistency proof"),
        (request(3, 4, bytes(32), bytes(32), bytes(32), bytes(32)), RejectedError, "another root"),
        (request(3, 4, bytes(32), *[bytes(32)] * 63), RejectedError, "too long"),
        (request(3, 4, bytes(32), *[bytes(32)] * 64), DataError, "no request"),
        (request(3, 4, bytes(32), bytes(31)), RejectedError, "31 bytes"),
        (request(3, 4, bytes(32)).replace(b"old 3", b"old 03"), DataError, "no request"),
        (request(3, 4, bytes(32)).replace(b"old 3", b"3"), DataError, "no request"),
        (request(3, 4, bytes(32)).replace(b"\n4\n", b"\n5\n"), RejectedError, "does not verify"),
        (b"", DataError, "no request"),
        (b"old 3\n\n", DataError, "note"),
    ],
)
def test_wrong_request_is_refused_and_changes_nothing(
    machine: Machine, data: bytes, error: type[E2evError], found: str
) -> None:
    machine.witness.cosign_request(request(0, 3, bytes(32)), SECRET)
    before = machine.witness.state()
    with pytest.raises(error, match=found):
        machine.witness.cosign_request(data, SECRET)
    assert machine.witness.state() == before


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_no_request(data: bytes) -> None:
    with pytest.raises(E2evError):
        statement_of(parse_request(b"old 0" + data)[2])


# Others' transcripts

TRANSCRIPTS = ("bastion.txt", "litewitness.txt")
# one refused signature line of theirs is not canonical base64 either, which we say first
MEANS = {"200": None, "403": (RejectedError, PolicyError, DataError), "409": (ConflictError,), "422": (RejectedError,)}


@needs("tlog/witness-transcripts")
@pytest.mark.reference
@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcript_of_another_witness_is_answered_alike(tmp_path: Path, name: str) -> None:
    text = (REFERENCE / "tlog/witness-transcripts" / name).read_text("utf-8")
    witness = Witness(tmp_path / "home", CHEAP)
    witness.init(NAME, SECRET, logs_in(text))
    asked = re.findall(r"```\n(old .*?)```\nHTTP (\d+)\n\[Asserts\]\n(.*?)\n", text, re.DOTALL)
    for body, status, expected in asked:
        errors = MEANS[status]
        if errors is None:
            answer = witness.cosign_request(body.encode(), SECRET)
            assert answer.checkpoint == statement_of(body.partition("\n\n")[2].encode())
            continue
        with pytest.raises(errors) as refusal:
            witness.cosign_request(body.encode(), SECRET)
        held = witness.state().logs
        if size := re.fullmatch(r'body == "(\d+)\\n"', expected):
            assert f"has cosigned {size[1]}" in refusal.value.found
            assert size[1] in {str(one.checkpoint.size) for one in held.values()}
    assert len(asked) >= 1
    listed = re.findall(r"stdout .*\"size\":(\d+)", text)
    assert [str(one.checkpoint.size) for one in witness.state().logs.values()] == listed


@needs("tlog/witness-transcripts")
@pytest.mark.reference
def test_log_whose_key_does_not_bear_its_origin_is_not_followed(tmp_path: Path) -> None:
    """Our rule: the log's line is required by the log's name. The transcript has a log that signs by another one."""
    text = (REFERENCE / "tlog/witness-transcripts/sumdb.txt").read_text("utf-8")
    (vkey,) = re.findall(r"-key (sum\.golang\.org\+\S+)", text)
    (body,) = re.findall(r"```\n(old .*?)```\n", text, re.DOTALL)
    witness = Witness(tmp_path / "home", CHEAP)
    witness.init(NAME, SECRET, [parse_vkey(vkey)])
    with pytest.raises(PolicyError, match=r"does not follow the log 'go\.sum database tree'"):
        witness.cosign_request(body.encode(), SECRET)


def logs_in(text: str) -> list[NoteKey]:
    """Return the logs that a transcript's witness follows."""
    sigsum = re.findall(r"add-sigsum-log -key=([0-9a-f]{64})", text)
    origins = re.findall(r"\n(sigsum\.org/v1/tree/[0-9a-f]{64})\n1\n", text)
    return [NoteKey(origins[0], VerifyKey(bytes.fromhex(one))) for one in sigsum]


# The log's keeper


def test_answers_come_onto_the_board_once(machine: Machine, board: SmallBoard) -> None:
    path = machine.folder / "answer.note"
    path.write_bytes(machine.cosign(board).note)
    board.ballots(2)
    for names in ((NAME,), ()):
        (taken,) = take_cosignatures(board.path, [path], [machine.witness.key])
        assert (taken.size, taken.names) == (4, names)
    assert read_outline(board.path).cosigned == [path.read_bytes()]
    board.ballots(1)
    assert machine.cosign(board).checkpoint.size == 7


def test_wrong_answer_does_not_come_onto_the_board(machine: Machine, board: SmallBoard) -> None:
    path = machine.folder / "answer.note"
    note, size = machine.cosign(board).note, board.path.stat().st_size
    fork = fork_of(board, 2).ballots(1)
    other = Machine(machine.folder / "two")
    other.witness.init(NAME, SECRET, [LOG])
    later = SmallBoard(machine.folder / "later" / "vote.board").found().ballots(8)
    for data, error, found in (
        (note[:-8] + b"AAAAA==\n", RejectedError, "does not verify"),
        (note.replace(b"\n4\n", b"\n3\n"), RejectedError, "does not verify"),
        (read_outline(board.path).note, RejectedError, "no line is by a witness"),
        (other.cosign(board).note, RejectedError, "no line is by a witness"),
        (machine_of(machine, "three", fork), ConflictError, "the log signed another board of 3 entries"),
        (other.cosign(later).note, E2evError, "this board has 4 entries, and 9 were cosigned"),
        (b"text", DataError, "note"),
    ):
        path.write_bytes(data)
        with pytest.raises(error, match=found):
            take_cosignatures(board.path, [path], [machine.witness.key])
        assert board.path.stat().st_size == size


def machine_of(machine: Machine, name: str, board: SmallBoard) -> bytes:
    """Return what another witness answers to a board."""
    made = Machine(machine.folder / name)
    made.witness.init(NAME, SECRET, [LOG])
    return made.cosign(board).note
