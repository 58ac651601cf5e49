"""Two boards of one log: identical, beginning, or fork; and evidence of a fork that holds without either of them."""

import shutil
from itertools import product
from pathlib import Path

import pytest

from e2ev.board.fork import MAX_EVIDENCE, Evidence, Relation, check_evidence, compare, evidence_against, read_evidence
from e2ev.board.merkle import leaf_hash, root_of
from e2ev.board.note import Checkpoint, NoteKey, check_checkpoint, sign_checkpoint
from e2ev.board.reader import Committed, Logged, scan
from e2ev.board.signed import last_signed
from e2ev.errors import DataError, E2evError, RejectedError
from e2ev.record.frame import FrameKind, frame
from tests.records import LOG_KEY, ORIGIN, founded_board, key

KEY = NoteKey(ORIGIN, LOG_KEY.verify_key)


def history(folder: Path, name: str, common: int, sizes: tuple[int, ...], other: int) -> Path:
    """Return a board whose first `common` entries are always the same; later ones are by another author."""
    return founded_board(folder / name, sizes, [1] * (common - 1) + [other] * (sizes[-1] - common), name)


@pytest.mark.parametrize(("m", "n", "common"), [
    pair for pair in product((2, 3, 4, 5, 7, 8, 9), (2, 3, 4, 7, 8, 9, 16), (1, 2, 3, 7)) if pair[2] < min(pair[:2])
])  # fmt: skip
def test_fork_is_proved_at_the_entry_where_it_begins(tmp_path: Path, m: int, n: int, common: int) -> None:
    one, other = history(tmp_path, "a", common, (1, m), 2), history(tmp_path, "b", common, (1, n), 3)
    found = compare(one, other)
    assert (found.relation, found.common) == (Relation.FORK, common)
    assert found.evidence is not None
    data = found.evidence.to_bytes()
    assert read_evidence(data) == found.evidence
    first, second = check_evidence(read_evidence(data), KEY)
    assert (first.size, second.size) == (min(m, n), max(m, n))
    assert found.evidence.root == root_of(leaves(other if n >= m else one)[: first.size])
    assert found.evidence.proof == () if m == n else len(found.evidence.proof) > 0


def leaves(board: Path) -> list[bytes]:
    return [event.entry.leaf_hash for event in scan(board) if isinstance(event, Logged)]


def test_copy_is_identical_and_a_shorter_one_its_beginning(tmp_path: Path) -> None:
    board = founded_board(tmp_path / "x", (1, 4, 9))
    copy = Path(shutil.copy(board, tmp_path / "copy.board"))
    assert compare(board, copy).relation is Relation.IDENTICAL
    ends = [event.end for event in scan(board) if isinstance(event, Committed)]
    for end, extra in ((ends[1], b""), (ends[1] + 20, b""), (ends[0], b"torn")):
        copy.write_bytes(board.read_bytes()[:end] + extra)
        found = compare(copy, board)
        assert (found.relation, found.common) == (Relation.PREFIX, found.first.checkpoint.size)
        assert compare(board, copy).relation is Relation.EXTENSION
        assert found.evidence is None


def test_same_entries_under_other_checkpoints_are_identical(tmp_path: Path) -> None:
    assert compare(founded_board(tmp_path / "a", (1, 6)), founded_board(tmp_path / "b", (1, 2, 6))).relation is (
        Relation.IDENTICAL
    )


def test_what_was_never_promised_is_no_fork(tmp_path: Path) -> None:
    one, other = history(tmp_path, "a", 3, (1, 3, 6), 2), history(tmp_path, "b", 3, (1, 3, 5), 3)
    ends = [event.end for event in scan(one) if isinstance(event, Committed)]
    one.write_bytes(one.read_bytes()[: ends[2] - 20])
    assert compare(one, other).relation is Relation.PREFIX


def test_damaged_or_unsigned_board_is_named_and_proves_nothing(tmp_path: Path) -> None:
    board = founded_board(tmp_path / "a", (1, 4, 6))
    data = board.read_bytes()
    bad = tmp_path / "bad.board"
    for position in range(60, len(data) - 300, 97):
        bad.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        with pytest.raises(RejectedError, match=r"bad\.board") as caught:
            compare(board, bad)
        assert "bad.board" in caught.value.where


def test_another_logs_board_is_no_fork(tmp_path: Path) -> None:
    board = founded_board(tmp_path / "a", (1, 4))
    with pytest.raises(RejectedError):
        compare(board, board, NoteKey(ORIGIN, key(9).verify_key))


def test_forged_checkpoint_is_no_fork(tmp_path: Path) -> None:
    board = founded_board(tmp_path / "a", (1, 4))
    forged = tmp_path / "forged.board"
    end = [event.end for event in scan(board) if isinstance(event, Logged)][-1]
    note = sign_checkpoint(Checkpoint(ORIGIN, 4, root_of(leaves(board))), key(9)).encode()
    forged.write_bytes(board.read_bytes()[:end] + frame(FrameKind.CHECKPOINT, note))
    with pytest.raises(RejectedError):
        compare(board, forged)


def test_note_is_held_against_a_board(tmp_path: Path) -> None:
    one, other = history(tmp_path, "a", 3, (1, 3, 6), 2), history(tmp_path, "b", 3, (1, 3, 5, 9), 3)
    signed = last_signed(other)
    for event in scan(one):
        if isinstance(event, Committed):
            stated = check_checkpoint(event.note, KEY)
            assert (evidence_against(event.note, stated, other, signed) is None) == (event.size <= 3)


# Evidence that proves nothing


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    folder = tmp_path_factory.mktemp("fork")
    found = compare(history(folder, "a", 3, (1, 6), 2), history(folder, "b", 3, (1, 11), 3)).evidence
    assert found is not None
    return found


def test_every_flipped_bit_of_evidence_is_refused(evidence: Evidence) -> None:
    data = evidence.to_bytes()
    for position in range(len(data)):
        changed = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        with pytest.raises(E2evError):
            check_evidence(read_evidence(changed), KEY)


def test_every_shortened_evidence_is_refused(evidence: Evidence) -> None:
    data = evidence.to_bytes()
    for end in range(len(data)):
        with pytest.raises(E2evError):
            check_evidence(read_evidence(data[:end]), KEY)
    assert len(data) < MAX_EVIDENCE


def test_two_notes_of_one_history_are_no_evidence(tmp_path: Path) -> None:
    hashes = [leaf_hash(bytes([number])) for number in range(9)]
    notes = [sign_checkpoint(Checkpoint(ORIGIN, n, root_of(hashes[:n])), LOG_KEY).encode() for n in (4, 4, 8)]
    with pytest.raises(RejectedError, match="fit together"):
        check_evidence(Evidence(KEY, notes[0], notes[1], root_of(hashes[:4]), ()), KEY)
    with pytest.raises(RejectedError, match="fit together"):
        check_evidence(Evidence(KEY, notes[0], notes[2], root_of(hashes[:4]), (root_of(hashes[4:8]),)), KEY)
    with pytest.raises(RejectedError):
        check_evidence(Evidence(KEY, notes[0], notes[2], bytes(32), (root_of(hashes[4:8]),)), KEY)
    with pytest.raises(RejectedError, match="from size 8 to 4"):
        check_evidence(Evidence(KEY, notes[2], notes[0], bytes(32), ()), KEY)


def test_evidence_of_another_logs_key_is_refused(evidence: Evidence) -> None:
    with pytest.raises(RejectedError, match="none of"):
        check_evidence(evidence, NoteKey(ORIGIN, key(9).verify_key))


@pytest.mark.parametrize("data", [b"", b"\n\n\n\n\n\n\n\n", b"e2ev fork evidence 1\n\n\n\n\n", b"\xff", b"x\n\na\n\nb"])
def test_other_text_is_no_evidence(data: bytes) -> None:
    with pytest.raises(DataError):
        read_evidence(data)
