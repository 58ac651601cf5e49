"""Signed notes, checkpoints and cosignatures: what others signed, and what must be refused."""

import base64
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev.board.merkle import EMPTY_ROOT, leaf_hash
from e2ev.board.note import (
    COSIGNATURE,
    ED25519_NOTE,
    MAX_NOTE_BYTES,
    MAX_TIME,
    Checkpoint,
    NoteKey,
    check_checkpoint,
    check_cosignature,
    check_note,
    key_id,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    sign_checkpoint,
    sign_cosignature,
    sign_note,
)
from e2ev.errors import DataError, E2evError, RejectedError
from e2ev.signing import SigningKey, VerifyKey
from tests.reference import REFERENCE, needs

LOG_SECRET = SigningKey.from_seed(b"l" * 32)
WITNESS_SECRET = SigningKey.from_seed(b"w" * 32)
LOG = NoteKey("board.example/vote", LOG_SECRET.verify_key)
WITNESS = NoteKey("witness.example/one", WITNESS_SECRET.verify_key, COSIGNATURE)
CHECKPOINT = Checkpoint("board.example/vote", 3, leaf_hash(b"three"))
NOTE = sign_checkpoint(CHECKPOINT, LOG_SECRET)
TIME = 1_800_000_000
COSIGNED = NOTE + sign_cosignature(CHECKPOINT.text(), WITNESS.name, WITNESS_SECRET, TIME)


def line(name: str, content: bytes) -> str:
    return f"\u2014 {name} {base64.b64encode(content).decode()}\n"


def log_line_of(note: str) -> str:
    return note.partition("\n\n")[2]


# Notes


def test_note_signed_by_a_key_is_checked_by_it() -> None:
    text = "first line\n\nbehind an empty line\n"
    assert check_note(sign_note(text, LOG.name, LOG_SECRET).encode(), LOG) == text


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]) | st.just("\n")))
def test_any_text_without_control_characters_can_be_signed_and_comes_back(text: str) -> None:
    assert check_note(sign_note(text + "\n", LOG.name, LOG_SECRET).encode(), LOG) == text + "\n"


def test_note_is_the_one_that_the_go_library_signs() -> None:
    seed = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    known = (
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1"
        "FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    key = parse_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert sign_note(text, "PeterNeumann", SigningKey.from_seed(seed)) == f"{text}\n{known}"
    assert check_note(f"{text}\n{known}".encode(), key) == text


def test_every_flipped_bit_of_a_note_is_refused() -> None:
    note = NOTE.encode()
    for at in range(len(note) * 8):
        changed = bytearray(note)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(E2evError):
            check_note(bytes(changed), LOG)


def test_every_shortened_note_is_refused() -> None:
    note = NOTE.encode()
    for length in range(len(note)):
        with pytest.raises(E2evError):
            check_note(note[:length], LOG)


def test_lines_of_unknown_keys_are_ignored() -> None:
    same_name = line(LOG.name, b"\1\2\3\4" + bytes(64))
    same_id = line("board.example/other", LOG.id + bytes(64))
    check_note((NOTE + same_name + same_id).encode(), LOG)
    body, _, signature = NOTE.partition("\n\n")
    check_note(f"{body}\n\n{same_name}{same_id}{signature}".encode(), LOG)


def test_note_is_rejected_if_a_second_line_of_the_known_key_does_not_verify() -> None:
    with pytest.raises(RejectedError, match="does not verify"):
        check_note((NOTE + line(LOG.name, LOG.id + bytes(64))).encode(), LOG)


def test_note_may_hold_the_same_good_line_twice() -> None:
    check_note((NOTE + log_line_of(NOTE)).encode(), LOG)


def test_note_without_the_logs_line_is_rejected_though_a_witness_signed_it() -> None:
    without = COSIGNED.replace(log_line_of(NOTE), "")
    assert check_cosignature(without.encode(), WITNESS) == TIME
    with pytest.raises(RejectedError, match=r"none of 1 signatures is by 'board\.example/vote'") as rejection:
        check_checkpoint(without.encode(), LOG)
    assert rejection.value.remedy


def test_note_whose_line_names_the_log_otherwise_is_rejected_though_a_witness_signed_it() -> None:
    renamed = COSIGNED.replace(f"\u2014 {LOG.name}", f"\u2014 {LOG.name}s")
    with pytest.raises(RejectedError, match="none of 2 signatures"):
        check_checkpoint(renamed.encode(), LOG)


def test_witness_line_under_the_logs_name_does_not_stand_in_for_the_logs_own() -> None:
    as_witness = sign_cosignature(CHECKPOINT.text(), LOG.name, LOG_SECRET, TIME)
    with pytest.raises(RejectedError, match="none of 1 signatures"):
        check_checkpoint(f"{CHECKPOINT.text()}\n{as_witness}".encode(), LOG)


def test_cosignature_that_claims_the_logs_key_id_is_rejected() -> None:
    as_witness = sign_cosignature(CHECKPOINT.text(), LOG.name, LOG_SECRET, TIME)
    blob = parse_note(f"{CHECKPOINT.text()}\n{as_witness}".encode()).signatures[0].blob
    for content in (blob, blob[8:]):
        with pytest.raises(RejectedError):
            check_checkpoint(f"{CHECKPOINT.text()}\n{line(LOG.name, LOG.id + content)}".encode(), LOG)


def test_note_signed_by_another_key_under_the_logs_name_and_id_is_rejected() -> None:
    forged = line(LOG.name, LOG.id + WITNESS_SECRET.sign(CHECKPOINT.text().encode()))
    with pytest.raises(RejectedError, match="does not verify") as rejection:
        check_checkpoint(f"{CHECKPOINT.text()}\n{forged}".encode(), LOG, where="checkpoint")
    assert rejection.value.where == "checkpoint, signature line of 'board.example/vote'"


GOOD = line("name", b"\0\0\0\1signature")


@pytest.mark.parametrize(
    ("note", "found"),
    [
        (b"", "empty line"),
        (b"text\n", "empty line"),
        (b"text\n\n", "empty line"),
        (b"text\n\n\n", "empty line"),
        (f"text\n{GOOD}".encode(), "empty line"),
        (f"text{GOOD}".encode(), "empty line"),
        (f"\n{GOOD}".encode(), "empty line"),
        (f"text\n\n{GOOD[:-1]}".encode(), "end in a newline"),
        (f"text\n\n{GOOD}{GOOD}x".encode(), "end in a newline"),
        (f"text\n\n{GOOD}stray\n".encode(), "signature line is not"),
        (f"text\n\n-{GOOD[1:]}".encode(), "signature line is not"),
        (f"text\n\n {GOOD}".encode(), "signature line is not"),
        (f"text\n\n{GOOD[:2]} {GOOD[2:]}".encode(), "signature line is not"),
        (f"text\n\n{GOOD[0]}{GOOD[2:]}".encode(), "signature line is not"),
        (f"text\n\n{GOOD.replace('name', 'na+me')}".encode(), "signature line is not"),
        (b"text\n\n" + line("na\u00a0me", bytes(9)).encode(), "signature line is not"),
        (b"text\n\n" + line("na\u2003me", bytes(9)).encode(), "signature line is not"),
        (b"text\n\n" + line("na\u0085me", bytes(9)).encode(), "signature line is not"),
        (f"text\n\n{GOOD.replace('name ', 'name  ')}".encode(), "not base64"),
        (f"text\n\n{GOOD[:-1]} \n".encode(), "not base64"),
        (f"text\n\n{GOOD[:-1]}=\n".encode(), "base64"),
        ("text\n\n\u2014 name ÄÖÜ=\n".encode(), "not base64"),
        ("text\n\n\u2014 name AAAA-_==\n".encode(), "not base64"),
        ("text\n\n\u2014 name AAAAAAB=\n".encode(), "not canonical"),
        ("text\n\n\u2014 name AAAAAA\n".encode(), "not base64"),
        ("text\n\n\u2014 name AAAAAA==\n".encode(), "no signature behind the key id"),
        ("text\n\n\u2014 name AAA=\n".encode(), "no signature behind the key id"),
        ("text\n\n\u2014 name \n".encode(), "no signature behind the key id"),
        ("text\n\n\u2014 name\n".encode(), "no signature behind the key id"),
        (f"text\r\n\n{GOOD}".encode(), "control character"),
        (f"te\txt\n\n{GOOD}".encode(), "control character"),
        (f"te\0xt\n\n{GOOD}".encode(), "control character"),
        (b"te\xffxt\n\n" + GOOD.encode(), "not UTF-8 at byte 2"),
        (b"te\xed\xa0\x80xt\n\n" + GOOD.encode(), "not UTF-8 at byte 2"),
        (b"te\xc0\x8axt\n\n" + GOOD.encode(), "not UTF-8 at byte 2"),
        (f"text\n\n{GOOD * 101}".encode(), "101 signatures, expected at most 100"),
        (b"x" * MAX_NOTE_BYTES + b"\n", "note of 65537 bytes"),
    ],
)
def test_malformed_note_is_refused_and_says_why(note: bytes, found: str) -> None:
    with pytest.raises(DataError, match=found) as refusal:
        parse_note(note, where="note.txt")
    assert refusal.value.where == "note.txt"


def test_note_keeps_all_signatures_up_to_the_bound_in_their_order() -> None:
    lines = [line(f"name{i}", i.to_bytes(4, "big") + bytes([i])) for i in range(100)]
    note = parse_note(("text\n\n" + "".join(lines)).encode())
    assert [(one.name, one.key_id, one.blob) for one in note.signatures] == [
        (f"name{i}", i.to_bytes(4, "big"), bytes([i])) for i in range(100)
    ]


def test_text_ends_before_the_last_empty_line() -> None:
    assert parse_note(f"a\n\nb\n\n\n{GOOD}".encode()).text == "a\n\nb\n\n"
    assert parse_note(f"\n\n{GOOD}".encode()).text == "\n"


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "return\r\n", "\0\n"])
def test_signing_a_text_that_is_no_notes_text_is_a_programmers_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="text of a note"):
        sign_note(text, LOG.name, LOG_SECRET)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2028b", "a\0b"])
def test_signing_under_a_name_that_no_key_can_have_is_a_programmers_mistake(name: str) -> None:
    with pytest.raises(ValueError, match="no note key"):
        sign_note("text\n", name, LOG_SECRET)


def test_checking_with_the_other_kind_of_key_is_a_programmers_mistake() -> None:
    with pytest.raises(ValueError, match="check_cosignature"):
        check_note(COSIGNED.encode(), WITNESS)
    with pytest.raises(ValueError, match="check_note"):
        check_cosignature(COSIGNED.encode(), LOG)


# Keys


@pytest.mark.parametrize("key", [LOG, WITNESS])
def test_key_comes_back_from_its_text(key: NoteKey) -> None:
    assert parse_vkey(key.vkey(), key.algorithm) == key


@given(st.binary(min_size=32, max_size=32), st.sampled_from([ED25519_NOTE, COSIGNATURE]))
def test_any_key_comes_back_from_its_text(seed: bytes, algorithm: int) -> None:
    key = NoteKey("log.example", SigningKey.from_seed(seed).verify_key, algorithm)
    assert parse_vkey(key.vkey(), algorithm) == key


def test_one_key_has_another_id_for_each_name_and_kind_of_signature() -> None:
    key = LOG.key
    assert len({key_id("a", key, 1), key_id("b", key, 1), key_id("a", key, 4), key_id("b", key, 4)}) == 4


def vkey_of(public: bytes, name: str = "log.example", shown_id: str = "") -> str:
    return f"{name}+{shown_id or '00000000'}+{base64.b64encode(public).decode()}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "not a verifier key"),
        ("log.example", "not a verifier key"),
        ("log.example+00000000", "not base64|type ''"),
        ("+00000000+AQ==", "not a verifier key"),
        ("log example+00000000+AQ==", "not a verifier key"),
        ("log.example+0000000+AQ==", "not a verifier key"),
        ("log.example+0000000G+AQ==", "not a verifier key"),
        (LOG.vkey().replace(LOG.id.hex(), LOG.id.hex().upper()), "not a verifier key"),
        (LOG.vkey() + "\n", "not base64"),
        (LOG.vkey()[:-1] + "-", "not base64"),
        ("log.example+00000000+AR==", "not canonical"),
        (vkey_of(b"\2" + LOG.key.raw), "type '02', expected '01'"),
        (WITNESS.vkey(), "type '04', expected '01'"),
        (vkey_of(b"\1" + LOG.key.raw), "has id 00000000"),
        (vkey_of(b"\1" + LOG.key.raw + b"\0"), "has 33 bytes"),
        (vkey_of(b"\1" + bytes(32)), "small order"),
        (LOG.vkey().replace("board", "bored"), "has id"),
    ],
)
def test_malformed_verifier_key_is_refused_and_says_why(text: str, found: str) -> None:
    with pytest.raises(DataError, match=found) as refusal:
        parse_vkey(text, where="policy line 1")
    assert refusal.value.where == "policy line 1"


def test_logs_key_is_refused_where_a_witness_is_expected() -> None:
    with pytest.raises(DataError, match="type '01', expected '04'"):
        parse_vkey(LOG.vkey(), COSIGNATURE)


@pytest.mark.parametrize(("name", "algorithm"), [("", 1), ("a b", 1), ("a+b", 1), ("log", 2), ("log", 6)])
def test_key_of_another_kind_or_without_a_name_is_a_programmers_mistake(name: str, algorithm: int) -> None:
    with pytest.raises(ValueError, match="no note key"):
        NoteKey(name, LOG.key, algorithm)


# Checkpoints


def test_checkpoint_signed_by_its_log_is_checked_by_it() -> None:
    assert check_checkpoint(NOTE.encode(), LOG) == CHECKPOINT


@pytest.mark.parametrize(
    "checkpoint",
    [
        CHECKPOINT,
        Checkpoint("log", 0, EMPTY_ROOT),
        Checkpoint("go.sum database tree", 2**63 - 1, bytes(32)),
        Checkpoint("log", 10, bytes(32), ("an extension", "another")),
    ],
)
def test_checkpoint_comes_back_from_its_text(checkpoint: Checkpoint) -> None:
    assert parse_checkpoint(checkpoint.text()) == checkpoint


def test_checkpoint_of_another_log_is_rejected_though_the_key_signed_it() -> None:
    other = Checkpoint("board.example/other", 3, CHECKPOINT.root)
    with pytest.raises(RejectedError, match=r"checkpoint of 'board\.example/other', expected 'board\.example/vote'"):
        check_checkpoint(sign_note(other.text(), LOG.name, LOG_SECRET).encode(), LOG)


ROOT = base64.b64encode(CHECKPOINT.root).decode()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "three or more lines"),
        ("log\n3\n", "three or more lines"),
        (f"log\n3\n{ROOT}", "three or more lines"),
        (f"\n3\n{ROOT}\n", "three or more lines"),
        (f"log\n\n{ROOT}\n", "three or more lines"),
        (f"log\n3\n{ROOT}\n\n", "three or more lines"),
        (f"log\n3\n{ROOT}\n\nextension\n", "three or more lines"),
        (f"log\r\n3\n{ROOT}\n", "three or more lines"),
        (f"log\n03\n{ROOT}\n", "leading zeros"),
        (f"log\n00\n{ROOT}\n", "leading zeros"),
        (f"log\n+3\n{ROOT}\n", "not a decimal"),
        (f"log\n-3\n{ROOT}\n", "not a decimal"),
        (f"log\n 3\n{ROOT}\n", "not a decimal"),
        (f"log\n1_0\n{ROOT}\n", "not a decimal"),
        (f"log\n3.0\n{ROOT}\n", "not a decimal"),
        (f"log\n\u0663\n{ROOT}\n", "not a decimal"),
        (f"log\n{2**63}\n{ROOT}\n", "not a decimal below"),
        (f"log\n1{'0' * 5000}\n{ROOT}\n", "not a decimal below"),
        (f"log\n3\n{ROOT[:-1]}\n", "not base64"),
        (f"log\n3\n{ROOT} \n", "not base64"),
        (f"log\n3\n{'A' * 42}B=\n", "not canonical"),
        (f"log\n3\n{'A' * 40}\n", "30 bytes, expected 32"),
        (f"log\n3\n{'A' * 44}\n", "33 bytes, expected 32"),
        (f"log\n3\n{CHECKPOINT.root.hex()}\n", "48 bytes, expected 32"),
    ],
)
def test_malformed_checkpoint_is_refused_and_says_why(text: str, found: str) -> None:
    with pytest.raises(DataError, match=found) as refusal:
        parse_checkpoint(text, where="entry 3")
    assert refusal.value.where == "entry 3"


def test_signed_text_that_is_no_checkpoint_is_refused() -> None:
    with pytest.raises(DataError, match="three or more lines"):
        check_checkpoint(sign_note("hello\n", LOG.name, LOG_SECRET).encode(), LOG)


@pytest.mark.parametrize(
    ("origin", "size", "root", "extensions"),
    [
        ("", 1, bytes(32), ()),
        ("a\nb", 1, bytes(32), ()),
        ("a\tb", 1, bytes(32), ()),
        ("log", -1, bytes(32), ()),
        ("log", 2**63, bytes(32), ()),
        ("log", 1, bytes(31), ()),
        ("log", 1, bytes(32), ("",)),
        ("log", 1, bytes(32), ("two\nlines",)),
    ],
)
def test_checkpoint_that_has_no_text_is_a_programmers_mistake(
    origin: str, size: int, root: bytes, extensions: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="checkpoint"):
        Checkpoint(origin, size, root, extensions)


def test_signing_a_checkpoint_whose_origin_is_no_key_name_is_a_programmers_mistake() -> None:
    with pytest.raises(ValueError, match="no note key"):
        sign_checkpoint(Checkpoint("go.sum database tree", 1, bytes(32)), LOG_SECRET)


# Cosignatures


def test_cosignature_is_checked_by_the_witness_and_says_its_time() -> None:
    assert check_cosignature(COSIGNED.encode(), WITNESS) == TIME
    assert check_checkpoint(COSIGNED.encode(), LOG) == CHECKPOINT


def test_cosignature_signs_the_time_and_the_whole_text() -> None:
    signed = b"cosignature/v1\ntime 1800000000\n" + CHECKPOINT.text().encode()
    content = WITNESS.id + TIME.to_bytes(8, "big") + WITNESS_SECRET.sign(signed)
    assert sign_cosignature(CHECKPOINT.text(), WITNESS.name, WITNESS_SECRET, TIME) == line(WITNESS.name, content)


def test_every_flipped_bit_of_a_cosigned_checkpoint_without_the_logs_line_is_refused() -> None:
    note = COSIGNED.replace(log_line_of(NOTE), "").encode()
    for at in range(len(note) * 8):
        changed = bytearray(note)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(E2evError):
            check_cosignature(bytes(changed), WITNESS)


@pytest.mark.parametrize("time", [0, 1, MAX_TIME])
def test_cosignature_holds_any_time_up_to_the_bound(time: int) -> None:
    note = NOTE + sign_cosignature(CHECKPOINT.text(), WITNESS.name, WITNESS_SECRET, time)
    assert check_cosignature(note.encode(), WITNESS) == time


@pytest.mark.parametrize("time", [-1, MAX_TIME + 1])
def test_cosigning_at_an_impossible_time_is_a_programmers_mistake(time: int) -> None:
    with pytest.raises(ValueError, match="no time"):
        sign_cosignature(CHECKPOINT.text(), WITNESS.name, WITNESS_SECRET, time)


def test_cosignature_with_a_time_beyond_the_bound_is_rejected_though_it_verifies() -> None:
    time = MAX_TIME + 1
    signed = f"cosignature/v1\ntime {time}\n{CHECKPOINT.text()}".encode()
    content = WITNESS.id + time.to_bytes(8, "big") + WITNESS_SECRET.sign(signed)
    with pytest.raises(RejectedError, match="2\\^63"):
        check_cosignature((NOTE + line(WITNESS.name, content)).encode(), WITNESS)


@pytest.mark.parametrize("cut", [1, 60, 64, 65, 71])
def test_cosignature_of_another_length_is_rejected(cut: int) -> None:
    content = base64.b64decode(COSIGNED.split()[-1])[:-cut]
    with pytest.raises(RejectedError):
        check_cosignature((NOTE + line(WITNESS.name, content)).encode(), WITNESS)


def test_latest_time_counts_if_a_witness_signed_twice() -> None:
    later = sign_cosignature(CHECKPOINT.text(), WITNESS.name, WITNESS_SECRET, TIME + 60)
    assert check_cosignature((COSIGNED + later).encode(), WITNESS) == TIME + 60
    before = sign_cosignature(CHECKPOINT.text(), WITNESS.name, WITNESS_SECRET, TIME - 60)
    assert check_cosignature((COSIGNED + before).encode(), WITNESS) == TIME


def test_cosignature_is_rejected_if_another_line_of_the_witness_does_not_verify() -> None:
    with pytest.raises(RejectedError, match="does not verify"):
        check_cosignature((COSIGNED + line(WITNESS.name, WITNESS.id + bytes(72))).encode(), WITNESS)


def test_checkpoint_without_the_witness_is_rejected() -> None:
    with pytest.raises(RejectedError, match=r"none of 1 signatures is by 'witness\.example/one'"):
        check_cosignature(NOTE.encode(), WITNESS)


def test_witness_cosigns_nothing_but_checkpoints() -> None:
    with pytest.raises(DataError, match="three or more lines"):
        sign_cosignature("hello\n", WITNESS.name, WITNESS_SECRET, TIME)


# What others signed


def code_blocks(path: Path) -> list[str]:
    return re.findall(r"^```\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.reference
@needs("tlog/c2sp-specs/signed-note.md")
def test_example_of_the_signed_note_specification_verifies() -> None:
    path = REFERENCE / "tlog/c2sp-specs/signed-note.md"
    vkey = re.search(r"^ {4}(example\.com/foo\+\S+)$", path.read_text(), re.MULTILINE)
    assert vkey
    key = parse_vkey(vkey[1])
    assert key.vkey() == vkey[1]
    (note,) = (block for block in code_blocks(path) if "example.com/foo" in block)
    assert check_note(note.encode(), key) == "This is an example message.\n"


@pytest.mark.reference
@needs("tlog/c2sp-specs/tlog-cosignature.md")
def test_example_of_the_cosignature_specification_has_its_parts() -> None:
    example, *_ = code_blocks(REFERENCE / "tlog/c2sp-specs/tlog-cosignature.md")
    note = parse_note(example.encode())
    assert parse_checkpoint(note.text).size == 20852163
    assert [one.name for one in note.signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert [len(one.blob) for one in note.signatures] == [64, 72]
    assert int.from_bytes(note.signatures[1].blob[:8], "big") == 1679315147


TESSERA = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


@pytest.mark.reference
@needs("tlog/tessera-log/log")
@pytest.mark.parametrize("size", range(16))
def test_historic_checkpoint_of_the_tessera_log_verifies(size: int) -> None:
    note = (REFERENCE / f"tlog/tessera-log/log/checkpoint.{size}").read_bytes()
    key = parse_vkey(TESSERA)
    checkpoint = check_checkpoint(note, key)
    assert (checkpoint.origin, checkpoint.size, checkpoint.extensions) == (key.name, size, ())
    text, _, signatures = note.decode().partition("\n\n")
    assert checkpoint.text() == text + "\n"
    with pytest.raises(RejectedError, match="does not verify"):
        check_checkpoint(f"{text.replace(f'{size}', f'{size + 1}', 1)}\n\n{signatures}".encode(), key)


def transcript_notes(name: str) -> list[bytes]:
    """Return the notes that a witness is sent in a transcript: what follows the proof in each request."""
    blocks = code_blocks(REFERENCE / "tlog/witness-transcripts" / name)
    return [block.partition("\n\n")[2].encode() for block in blocks if block.startswith("old ")]


@pytest.mark.reference
@needs("tlog/witness-transcripts/sumdb.txt")
def test_checkpoint_of_the_go_checksum_database_verifies_as_a_note_and_not_as_its_keys_own_log() -> None:
    transcript = (REFERENCE / "tlog/witness-transcripts/sumdb.txt").read_text()
    vkey = re.search(r"-key (sum\.golang\.org\+\S+)", transcript)
    assert vkey
    key = parse_vkey(vkey[1])
    (note,) = transcript_notes("sumdb.txt")
    checkpoint = parse_checkpoint(check_note(note, key))
    assert (checkpoint.origin, checkpoint.size) == ("go.sum database tree", 35225469)
    with pytest.raises(RejectedError, match=r"checkpoint of 'go\.sum database tree'"):
        check_checkpoint(note, key)


@pytest.mark.reference
@needs("tlog/witness-transcripts/litewitness.txt")
def test_checkpoints_of_a_sigsum_log_verify_where_its_witness_took_them() -> None:
    transcript = (REFERENCE / "tlog/witness-transcripts/litewitness.txt").read_text()
    public = re.search(r"add-sigsum-log -key=([0-9a-f]{64})", transcript)
    name = re.search(r"stdout (sigsum\.org/v1/tree/[0-9a-f]{64})", transcript)
    assert public
    assert name
    key = NoteKey(name[1], VerifyKey.from_bytes(bytes.fromhex(public[1])))
    sizes = []
    for note in transcript_notes("litewitness.txt"):
        try:
            sizes.append(check_checkpoint(note, key).size)
        except E2evError:
            sizes.append(-1)
    statuses = re.findall(r"^HTTP (\d+)$", transcript, re.MULTILINE)
    refused_for_the_note = [status == "403" for status in statuses]
    assert [size < 0 for size in sizes] == refused_for_the_note
    assert max(sizes) == 5
