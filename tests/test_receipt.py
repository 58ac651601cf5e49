"""Receipts: made from a board, checked without it; every changed bit is refused, or changes nothing that is shown."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev.board.merkle import consistency_proof, inclusion_proof, root_of
from e2ev.board.note import Checkpoint, NoteKey, sign_checkpoint, sign_cosignature
from e2ev.board.outline import read_outline, statement_of
from e2ev.board.policy import parse_policy
from e2ev.board.receipt import (
    FIRST_LINE,
    Linked,
    Proof,
    Vouched,
    check_receipt,
    make_receipt,
    named,
    parse_receipt,
    receipt_file,
)
from e2ev.codes import tracking_code
from e2ev.errors import ConflictError, DataError, E2evError, NotReadyError, PolicyError, RejectedError
from e2ev.record.codec import decode, encode
from e2ev.record.entry import Entry, Pen
from e2ev.record.frame import FrameKind, frame
from e2ev.record.kinds import Kind
from e2ev.record.stations import StationCheckpointBody
from tests.commands import ENVIRONMENT
from tests.cosigned import LOG_KEY, ORIGIN, WITNESS_KEYS, WITNESSES, SmallBoard, policy_of, policy_text
from tests.records import key
from tests.reference import REFERENCE, needs

TIME = 1_800_000_000
POLICY = policy_of()


def cosign(board: SmallBoard, *names: str, note: bytes | None = None) -> None:
    """Append the last checkpoint, or another one, cosigned by these witnesses."""
    found = note or read_outline(board.path).note
    text = found.decode().partition("\n\n")[0] + "\n"
    lines = "".join(sign_cosignature(text, WITNESSES[name].name, WITNESS_KEYS[name], TIME) for name in names)
    with board.log() as log:
        log.cosign(found + lines.encode())


@lru_cache
def small() -> tuple[SmallBoard, bytes]:
    """Return a board of six entries, cosigned by two witnesses at four, and the receipt of entry 2."""
    folder = TemporaryDirectory()
    board = SmallBoard(Path(folder.name) / "vote.board").found().ballots(3)
    board.keep = folder  # type: ignore[attr-defined]  # the folder goes when the board does
    cosign(board, "w1", "w2")
    board.ballots(2)
    return board, make_receipt(board.path, lambda logged: logged.index == 2)


# Making


def test_receipt_is_a_tlog_proof_with_the_header_as_its_leaf() -> None:
    board, receipt = small()
    first, extra, index, *rest = receipt.decode().split("\n")
    assert first == "c2sp.org/tlog-proof@v1"
    linked = decode(Linked, base64.b64decode(extra.removeprefix("extra ")), None, "").form
    assert linked == Linked(1, board.entries[2].leaf, None, ())
    assert (index, rest[2]) == ("index 2", "")
    hashes = [entry.leaf_hash for entry in board.entries]
    assert tuple(base64.b64decode(row) for row in rest[:2]) == inclusion_proof(hashes, 2, 4)
    assert rest[3:6] == [ORIGIN, "4", base64.b64encode(root_of(hashes[:4])).decode()]


def test_receipt_shows_the_entry_and_who_vouches() -> None:
    board, receipt = small()
    vouched = check_receipt(receipt, POLICY)
    assert (vouched.header, vouched.index, vouched.origins) == (board.entries[2].header, 2, (ORIGIN,))
    assert vouched.leaf_hash == board.entries[2].leaf_hash
    assert vouched.standing.cosigned == {"w1": TIME, "w2": TIME}
    assert not vouched.provisional


def test_every_entry_has_a_receipt_under_the_best_checkpoint_that_covers_it() -> None:
    board, _ = small()
    for index in range(6):
        vouched = check_receipt(make_receipt(board.path, lambda logged: logged.index == index), POLICY)  # noqa: B023
        assert vouched.leaf_hash == board.entries[index].leaf_hash
        assert (vouched.standing.checkpoint.size, vouched.provisional) == ((4, False) if index < 4 else (6, True))


def test_entry_is_found_by_code_and_by_leaf_hash() -> None:
    board, receipt = small()
    code = board.entries[2].header.code
    assert code is not None
    for text in (tracking_code(code), tracking_code(code).lower(), board.entries[2].leaf_hash.hex()):
        assert make_receipt(board.path, named(text)) == receipt
    with pytest.raises(RejectedError, match="no such entry"):
        make_receipt(board.path, named("00" * 32))
    with pytest.raises(RejectedError, match="no such entry"):
        make_receipt(board.path, named(tracking_code(b"\xff" * 32)))
    with pytest.raises(DataError):
        named("00" * 31)
    with pytest.raises(ConflictError, match="more than one entry") as refusal:
        make_receipt(board.path, lambda logged: logged.index in (1, 3))
    assert refusal.value.where == "entry 1 and entry 3"


def test_policy_chooses_the_checkpoint_and_the_lines(tmp_path: Path) -> None:
    board = SmallBoard(tmp_path / "vote.board").found().ballots(2)
    cosign(board, "w1", "w2")
    board.ballots(1)
    cosign(board, "w3")
    with board.log() as log:
        log.cosign(read_outline(board.path).note + "— stranger AAAAAAA=\n— other AAAAAAA=\n— third AAAAAAA=\n".encode())
    wanted = named(board.entries[1].leaf_hash.hex())
    strangers = make_receipt(board.path, wanted)
    assert statement_of(parse_receipt(strangers)[0].note).size == 4
    assert check_receipt(strangers, POLICY).provisional
    two, one = make_receipt(board.path, wanted, POLICY), make_receipt(board.path, wanted, policy_of("quorum w3"))
    assert [check_receipt(made, POLICY).standing.checkpoint.size for made in (two, one)] == [3, 4]
    assert b"stranger" not in two + one


def test_bad_line_on_the_board_does_not_spoil_a_receipt_made_with_a_policy(tmp_path: Path) -> None:
    board = SmallBoard(tmp_path / "vote.board").found().ballots(2)
    outline = read_outline(board.path)
    other = sign_cosignature(
        f"{ORIGIN}\n1\n{base64.b64encode(bytes(32)).decode()}\n", "w3.example", WITNESS_KEYS["w3"], 1
    )
    forged = sign_checkpoint(Checkpoint(ORIGIN, 1, bytes(32)), LOG_KEY).partition("\n\n")[2]
    with board.log() as log:
        log.cosign(outline.note + (other + forged).encode())
    cosign(board, "w1", "w2")
    wanted = named(board.entries[1].leaf_hash.hex())
    assert not check_receipt(make_receipt(board.path, wanted, POLICY), POLICY).provisional
    with pytest.raises(RejectedError, match="does not verify"):
        check_receipt(make_receipt(board.path, wanted), POLICY)


def test_cosigned_checkpoint_of_another_board_is_not_used(tmp_path: Path) -> None:
    board = SmallBoard(tmp_path / "vote.board").found().ballots(2)
    fork = SmallBoard(tmp_path / "fork" / "vote.board", b"other").found().ballots(2)
    cosign(board, "w1", "w2", "w3", note=read_outline(fork.path).note)
    vouched = check_receipt(make_receipt(board.path, lambda logged: logged.index == 1), POLICY)
    assert vouched.standing.checkpoint.root == read_outline(board.path).roots.get(3)
    assert vouched.provisional


def test_entry_behind_the_last_checkpoint_has_no_receipt_yet(tmp_path: Path) -> None:
    board = SmallBoard(tmp_path / "vote.board").found().ballots(1)
    entry, _ = board.pen.write(Kind.BALLOT, b"x", bytes(32))
    board.path.write_bytes(board.path.read_bytes() + entry.frames())
    with pytest.raises(NotReadyError, match="no checkpoint that the log signed covers entry 2"):
        make_receipt(board.path, named(entry.leaf_hash.hex()))


def test_checkpoint_that_the_log_did_not_sign_gives_no_receipt(tmp_path: Path) -> None:
    board = SmallBoard(tmp_path / "vote.board").found()
    entry, _ = board.pen.write(Kind.BALLOT, b"x", bytes(32))
    root = root_of([*(one.leaf_hash for one in board.entries), entry.leaf_hash])
    forged = sign_checkpoint(Checkpoint(ORIGIN, 2, root), key(9)).encode()
    board.path.write_bytes(board.path.read_bytes() + entry.frames() + frame(FrameKind.CHECKPOINT, forged))
    with pytest.raises(NotReadyError):
        make_receipt(board.path, named(entry.leaf_hash.hex()))


# Tampering


def shown(data: bytes) -> Vouched | None:
    """Return what a changed receipt shows, None if it is refused or no longer of a quorum."""
    try:
        vouched = check_receipt(data, POLICY)
    except E2evError:
        return None
    return None if vouched.provisional else vouched


def test_every_flipped_bit_is_refused_or_makes_it_provisional() -> None:
    _, receipt = small()
    for at in range(len(receipt) * 8):
        changed = bytearray(receipt)
        changed[at // 8] ^= 1 << at % 8
        assert shown(bytes(changed)) is None, f"bit {at}"


def test_what_a_flipped_bit_may_leave_standing_is_a_line_that_is_not_needed() -> None:
    """With a third cosigner, one line may be damaged into a stranger's; all that is shown stays, but for that name."""
    _, receipt = small()
    text = parse_receipt(receipt)[0].note.decode().partition("\n\n")[0] + "\n"
    third = sign_cosignature(text, WITNESSES["w3"].name, WITNESS_KEYS["w3"], TIME).encode()
    honest = check_receipt(receipt, POLICY)
    name = len("— ".encode()) + len(WITNESSES["w3"].name) + len(" ") + 6  # the name, and base64 of the key's id
    for at in range(len(third) * 8):
        changed = bytearray(third)
        changed[at // 8] ^= 1 << at % 8
        found = shown(receipt + bytes(changed))
        if found is not None:
            assert at // 8 < name
            assert found == honest


@pytest.mark.parametrize("end", [-1, 0], ids=["final newline", "whole"])
def test_every_truncated_receipt_is_refused(end: int) -> None:
    _, receipt = small()
    for length in range(len(receipt) - 1):
        assert shown(receipt[:length]) is None
    assert shown(receipt[: end or None]) is not None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_changed_lines_are_refused_or_change_nothing_that_is_shown(data: st.DataObject) -> None:
    _, receipt = small()
    lines = receipt.decode().split("\n")
    at, other = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    change: Callable[[], object] = data.draw(
        st.sampled_from(
            [
                lambda: lines.pop(at),
                lambda: lines.insert(other, lines[at]),
                lambda: lines.insert(other, lines.pop(at)),
                lambda: lines.__setitem__(at, lines[other]),
                lambda: lines.insert(at, data.draw(st.text(max_size=60))),
                lambda: lines.__setitem__(at, data.draw(st.text(max_size=60))),
            ]
        )
    )
    change()
    changed = "\n".join(lines).encode("utf-8", "surrogatepass")
    found = shown(changed)
    assert found is None or found == check_receipt(receipt, POLICY)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_cleanly(data: bytes) -> None:
    assert shown(data) is None
    assert shown(f"{FIRST_LINE}\n".encode() + data) is None


def test_receipt_with_another_entrys_header_is_refused() -> None:
    board, receipt = small()
    (proof,) = parse_receipt(receipt)
    other = replace(proof, extra=encode(Linked(1, board.entries[3].leaf, None, ())))
    with pytest.raises(RejectedError, match="leads to another root"):
        check_receipt(receipt_file((other,)), POLICY)
    elsewhere = replace(proof, index=3)
    with pytest.raises(RejectedError, match="leads to another root"):
        check_receipt(receipt_file((elsewhere,)), POLICY)


@pytest.mark.parametrize(
    ("linked", "found"),
    [
        (Linked(1, b"", None, ()), "extra|header|MessagePack"),
        (Linked(1, b"\xc0", None, ()), "nil where an array"),
        (Linked(1, bytes(513), None, ()), "512 are the most"),
    ],
)
def test_leaf_that_is_no_header_is_refused_though_it_is_in_the_tree(linked: Linked, found: str) -> None:
    leaf = sha256(b"\0" + linked.header).digest()
    note = sign_checkpoint(Checkpoint(ORIGIN, 1, leaf), LOG_KEY).encode()
    with pytest.raises(DataError, match=found):
        check_receipt(receipt_file((Proof(encode(linked), 0, (), note),)), POLICY)


def test_entry_that_its_author_did_not_sign_is_refused_though_the_log_took_it() -> None:
    board, _ = small()
    header = replace(board.entries[1].header, signature=board.entries[2].header.signature)
    entry = Entry(encode(header), header, b"")
    note = sign_checkpoint(Checkpoint(ORIGIN, 1, entry.leaf_hash), LOG_KEY).encode()
    with pytest.raises(RejectedError, match="does not verify"):
        check_receipt(receipt_file((Proof(encode(Linked(1, entry.leaf, None, ())), 0, (), note),)), POLICY)


@pytest.mark.parametrize("extra", [{"body": b"body"}, {"consistency": (bytes(32),)}])
def test_single_proof_carries_nothing_that_is_not_checked(extra: dict[str, Any]) -> None:
    board, receipt = small()
    (proof,) = parse_receipt(receipt)
    linked = replace(Linked(1, board.entries[2].leaf, None, ()), **extra)
    with pytest.raises(DataError, match="has a header alone"):
        check_receipt(receipt_file((replace(proof, extra=encode(linked)),)), POLICY)


def test_policy_of_another_log_is_not_met() -> None:
    _, receipt = small()
    with pytest.raises(PolicyError, match="knows no log"):
        check_receipt(receipt, parse_policy(policy_text(log=NoteKey("other.example", key(9).verify_key)).encode()))


# Text that travelled


def test_receipt_survives_line_ends_and_a_lost_last_newline() -> None:
    _, receipt = small()
    honest = check_receipt(receipt, POLICY)
    for text in (receipt.replace(b"\n", b"\r\n"), receipt[:-1], receipt.replace(b"\n", b"\r\n")[:-2]):
        assert check_receipt(text, POLICY) == honest
    for text in (receipt + b"\n", b"\n" + receipt, receipt + b"x\n", receipt.replace(b"\n", b"\r")):
        assert shown(text) is None


# Receipts over several logs


def chain(kind: Kind = Kind.STATION_CHECKPOINT, size: int = 6) -> tuple[Proof, ...]:
    """Return the receipt of a ballot on a station's board whose later checkpoint stands on the national one."""
    board, _ = small()
    hashes = [entry.leaf_hash for entry in board.entries]
    early = sign_checkpoint(Checkpoint("station.example", 4, root_of(hashes[:4])), key(8)).encode()
    late = Checkpoint("station.example", 6, root_of(hashes))
    stated = StationCheckpointBody(1, 1, size, late.root, sign_checkpoint(late, key(8)).encode())
    national, _ = Pen(key(7), bytes(32)).write(kind, encode(stated))
    others = [sha256(bytes([i])).digest() for i in range(4)]
    leaves = [*others[:2], national.leaf_hash, *others[2:]]
    last = Checkpoint(ORIGIN, 5, root_of(leaves))
    lines = [sign_cosignature(last.text(), WITNESSES[n].name, WITNESS_KEYS[n], TIME) for n in ("w1", "w3")]
    note = (sign_checkpoint(last, LOG_KEY) + "".join(lines)).encode()
    link = Linked(1, national.leaf, national.body, consistency_proof(hashes, 4, 6))
    first = Proof(encode(Linked(1, board.entries[1].leaf, None, ())), 1, inclusion_proof(hashes, 1, 4), early)
    return first, Proof(encode(link), 2, inclusion_proof(leaves, 2, 5), note)


def test_receipt_leads_from_a_stations_log_to_the_national_one() -> None:
    proofs = chain()
    data = receipt_file(proofs)
    assert parse_receipt(data) == proofs
    vouched = check_receipt(data, POLICY)
    assert vouched.origins == ("station.example", ORIGIN)
    assert (vouched.index, vouched.header, vouched.provisional) == (1, small()[0].entries[1].header, False)


def test_link_that_is_broken_anywhere_is_refused() -> None:
    first, second = chain()
    linked = decode(Linked, second.extra, None, "").form
    other = sign_checkpoint(replace(statement_of(first.note), origin="other.example"), key(8)).encode()
    shorter = sign_checkpoint(replace(statement_of(first.note), root=bytes(32)), key(8)).encode()
    for broken in (
        (replace(first, note=other), second),
        (replace(first, note=shorter), second),
        (first, replace(second, extra=encode(replace(linked, consistency=linked.consistency[:-1])))),
        (first, replace(second, extra=encode(replace(linked, consistency=(*linked.consistency, bytes(32)))))),
        (first, replace(second, extra=encode(replace(linked, body=linked.body and linked.body + b"x\n")))),
        chain(kind=Kind.CORRECTION),
        chain(size=5),
        (first, replace(second, extra=encode(replace(linked, body=None)))),
        (first, replace(second, index=1)),
        (second, first),
        (first, second, second),
        (second,),
    ):
        with pytest.raises(E2evError):
            check_receipt(receipt_file(broken), POLICY)


def test_every_changed_character_of_a_chain_is_refused_but_in_the_stations_own_signature() -> None:
    proofs = chain()
    data = receipt_file(proofs)
    honest = check_receipt(data, POLICY)
    start = data.index("— station.example".encode())
    free = range(start, data.index(b"\n", start))
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        try:
            found = check_receipt(bytes(changed), POLICY)
        except E2evError:
            continue
        assert found.provisional or (at in free and found == honest)


# The example of C2SP


@needs("tlog/c2sp-specs/tlog-proof.md")
@pytest.mark.reference
def test_form_is_the_one_of_the_specifications_example() -> None:
    page = (REFERENCE / "tlog/c2sp-specs/tlog-proof.md").read_text("utf-8")
    example = next(block for block in page.split("```\n") if block.startswith(FIRST_LINE))
    extra = base64.b64encode(b"some bytes").decode()
    rows = example.replace("YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ", extra)
    (proof,) = parse_receipt(rows.encode())
    assert (proof.extra, proof.index, len(proof.path)) == (b"some bytes", 73894, 5)
    assert proof.note.decode() == rows.partition("\n\n")[2]


@needs("tlog/merkle-vectors/inclusion")
@pytest.mark.reference
def test_inclusion_vectors_hold_as_proofs_of_a_receipt() -> None:
    seen = 0
    for path in sorted((REFERENCE / "tlog/merkle-vectors/inclusion").rglob("*.json")):
        vector = json.loads(path.read_text("utf-8"))
        if vector["wantErr"] or not vector.get("proof"):
            continue
        hashes = tuple(base64.b64decode(one) for one in vector["proof"])
        note = sign_checkpoint(Checkpoint(ORIGIN, vector["treeSize"], base64.b64decode(vector["root"])), LOG_KEY)
        proof = Proof(b"x", vector["leafIdx"], hashes, note.encode())
        assert parse_receipt(receipt_file((proof,))) == (proof,)
        seen += 1
    assert seen > 3


# Without the board


def test_receipt_is_checked_in_a_process_that_cannot_read_the_board(tmp_path: Path) -> None:
    _, receipt = small()
    (tmp_path / "mine.tlog-proof").write_bytes(receipt)
    (tmp_path / "vote.policy").write_text(policy_text(), "utf-8")
    guard = (
        "import sys\n"
        "def hook(event, args):\n"
        "    if event == 'open' and str(args[0]).endswith('.board'): raise SystemExit('the board was opened')\n"
        "    if event.startswith('socket.'): raise SystemExit('the network was used')\n"
        "sys.addaudithook(hook)\n"
        "from e2ev_cli.main import run\n"
        "run()\n"
    )
    command = [sys.executable, "-c", guard, "receipt", "check", "mine.tlog-proof", "--policy", "vote.policy", "--json"]
    environment = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("E2EV")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"provisional": false' in done.stdout
    assert sorted(os.listdir(tmp_path)) == ["mine.tlog-proof", "vote.policy"]
