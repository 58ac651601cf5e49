import base64
import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev.errors import ConflictError, DataError, E2evError, StorageError, WrongKeyError
from e2ev.storage.disk import Disk
from e2ev.storage.keyfile import (
    KeyFileHeader,
    Passphrase,
    open_key_file,
    read_header,
    read_passphrase_file,
    save_key_file,
)
from e2ev.storage.seal import Cost, cost_of, seal, unseal

# no single flipped bit makes of 5 an allowed cost that takes long
CHEAP = Cost(log_n=5, r=1)
WORDS = Passphrase("correct horse battery staple")
SECRET = b"the share of trustee three"
HEADER = KeyFileHeader("trustee", "Anna Berg", "original", bytes(range(32)), (("fingerprint", "3071 5ad2"),))
WORD = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)
VALUE = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=40).map(
    lambda text: Passphrase(text).reveal().decode()
)
# a sync takes as long as the disk likes
DURABLE = settings(deadline=None, max_examples=40)
FIXED = {"role", "name", "copy", "public"}
SEALED = seal(SECRET, WORDS, b"beside", CHEAP)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "anna.key"
    save_key_file(path, HEADER, SECRET, WORDS, CHEAP)
    return path


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scratch") / "file.key"
    path.touch(0o600)
    return path


def assert_shows_no_secret(error: E2evError) -> None:
    shown = f"{error} {error!r} {error.remedy} {error.__cause__!r}"
    for secret in (SECRET, WORDS.reveal()):
        assert secret.decode() not in shown
        assert secret.hex() not in shown


@given(secret=st.binary(max_size=200), text=st.text(st.characters(codec="utf-8")), associated=st.binary(max_size=50))
def test_sealed_bytes_open_with_the_same_passphrase_and_associated_bytes(
    secret: bytes, text: str, associated: bytes
) -> None:
    sealed = seal(secret, Passphrase(text), associated, CHEAP)
    assert len(sealed) == len(secret) + 56
    assert unseal(sealed, Passphrase(text), associated) == secret
    assert cost_of(sealed) == CHEAP


def test_sealing_twice_shows_no_likeness() -> None:
    again = seal(SECRET, WORDS, b"beside", CHEAP)
    assert again[12:] != SEALED[12:]
    assert again[40:] != SEALED[40:]


@pytest.mark.parametrize("text", ["", "correct horse battery stapl", "Correct horse battery staple"])
def test_other_passphrase_does_not_open(text: str) -> None:
    with pytest.raises(WrongKeyError, match="does not open") as caught:
        unseal(SEALED, Passphrase(text), b"beside", where="anna.key")
    assert caught.value.where == "anna.key"
    assert_shows_no_secret(caught.value)


def test_other_associated_bytes_do_not_open() -> None:
    with pytest.raises(WrongKeyError):
        unseal(SEALED, WORDS, b"besides")


def test_every_flipped_bit_of_sealed_bytes_is_refused() -> None:
    for position in range(len(SEALED) * 8):
        changed = bytearray(SEALED)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises((WrongKeyError, DataError)):
            unseal(bytes(changed), WORDS, b"beside")


@given(st.binary(max_size=120) | st.binary(min_size=44, max_size=120).map(lambda rest: SEALED[:12] + rest))
def test_unseal_refuses_any_other_bytes(data: bytes) -> None:
    with pytest.raises((WrongKeyError, DataError)):
        unseal(data, WORDS, b"beside")


@pytest.mark.parametrize("length", [0, 8, 12, 39, 40, 55])
def test_unseal_refuses_cut_bytes_as_malformed(length: int) -> None:
    with pytest.raises(DataError, match=f"has {length} sealed bytes"):
        unseal(SEALED[:length], WORDS, b"beside")


@pytest.mark.parametrize(
    ("offset", "byte", "found"), [(0, b"e", "not sealed by e2ev"), (8, b"\x02", "in form 2, expected 1")]
)
def test_unseal_names_a_foreign_or_future_form(offset: int, byte: bytes, found: str) -> None:
    with pytest.raises(DataError, match=found) as caught:
        unseal(SEALED[:offset] + byte + SEALED[offset + 1 :], WORDS, b"beside")
    assert caught.value.remedy


@pytest.mark.parametrize("offset", range(9, 12), ids=["log_n", "r", "p"])
@pytest.mark.parametrize("value", [0, 31, 255])
def test_unseal_refuses_excessive_cost_before_any_work(offset: int, value: int) -> None:
    with pytest.raises(DataError, match="cost out of bounds"):
        unseal(SEALED[:offset] + bytes([value]) + SEALED[offset + 1 :], WORDS, b"beside")


@pytest.mark.parametrize("cost", [(3, 8, 1), (21, 8, 1), (16, 0, 1), (16, 17, 1), (16, 8, 0), (16, 8, 5)])
def test_cost_out_of_bounds_is_misuse(cost: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="out of bounds"):
        Cost(*cost)


def test_passphrase_does_not_show_itself() -> None:
    assert repr(WORDS) == str(WORDS) == f"{WORDS}" == "<secret>"


def test_passphrase_is_the_same_however_its_accents_were_typed() -> None:
    assert Passphrase("Zu\u0308rich") == Passphrase("Z\u00fcrich")
    assert Passphrase("Zu\u0308rich").reveal() == "Z\u00fcrich".encode()


def test_chosen_passphrase_has_at_least_eight_characters() -> None:
    with pytest.raises(WrongKeyError, match="too short") as caught:
        Passphrase.chosen("sieben7")
    assert caught.value.remedy
    assert "sieben7" not in str(caught.value) + caught.value.remedy
    assert Passphrase.chosen("acht Zei").reveal() == b"acht Zei"


@pytest.mark.parametrize(
    "content", [b"correct horse\n", b"correct horse", b"correct horse\r\n", b"correct horse\nmore\n"]
)
def test_passphrase_file_gives_its_first_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(content)
    path.chmod(0o400)
    assert read_passphrase_file(path).reveal() == b"correct horse"


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", b"\nsecond line\n"])
def test_passphrase_file_with_an_empty_first_line_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(WrongKeyError, match="empty"):
        read_passphrase_file(path)


def test_passphrase_file_that_is_not_text_is_refused_without_showing_it(tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(b"Z\xfcrich")
    path.chmod(0o600)
    with pytest.raises(DataError, match="not UTF-8") as caught:
        read_passphrase_file(path)
    assert "rich" not in repr(caught.value)
    assert caught.value.__context__ is None


@DURABLE
@given(
    role=WORD,
    name=VALUE,
    copy=st.sampled_from(["original", "backup"]),
    public=st.binary(min_size=1, max_size=64),
    extra=st.dictionaries(WORD.filter(lambda word: word not in FIXED), VALUE, max_size=3),
    secret=st.binary(max_size=300),
)
def test_key_file_gives_back_its_header_and_its_secret(
    scratch: Path, role: str, name: str, copy: Any, public: bytes, extra: dict[str, str], secret: bytes
) -> None:
    header = KeyFileHeader(role, name, copy, public, tuple(extra.items()))
    path = scratch.with_name("saved.key")
    path.unlink(missing_ok=True)
    save_key_file(path, header, secret, WORDS, CHEAP)
    assert read_header(path) == header
    assert open_key_file(path, WORDS) == (header, secret)


def test_key_file_reads_as_documented(path: Path) -> None:
    lines = path.read_text().splitlines()
    public = bytes(range(32)).hex()
    assert lines[:7] == [
        "-----BEGIN E2EV KEY FILE-----",
        "role: trustee",
        "name: Anna Berg",
        "copy: original",
        f"public: {public}",
        "fingerprint: 3071 5ad2",
        "",
    ]
    assert [len(line) for line in lines[7:-2]] == [64] * (len(lines) - 9)
    assert base64.b64decode("".join(lines[7:-1])).startswith(b"E2EVSEAL\x01\x05\x01\x01")
    assert lines[-1] == "-----END E2EV KEY FILE-----"


def test_key_file_is_readable_by_its_owner_only_and_leaves_nothing_beside_it(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o610, 0o602])
def test_key_file_that_others_can_reach_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(WrongKeyError, match="open to others") as caught:
        open_key_file(path, WORDS)
    assert f"chmod 600 {path}" in caught.value.remedy
    assert read_header(path) == HEADER


def test_passphrase_file_that_others_can_reach_is_refused(path: Path) -> None:
    path.chmod(0o640)
    with pytest.raises(WrongKeyError, match="open to others"):
        read_passphrase_file(path)


def test_other_passphrase_does_not_open_the_key_file(path: Path) -> None:
    with pytest.raises(WrongKeyError) as caught:
        open_key_file(path, Passphrase("another one"))
    assert caught.value.where == str(path)
    assert_shows_no_secret(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("copy: original", "copy: backup"),
        ("name: Anna Berg", "name: Anna Borg"),
        ("role: trustee", "role: device"),
        ("public: 00", "public: 01"),
        ("fingerprint: 3071", "fingerprint: 3072"),
        ("fingerprint: 3071 5ad2\n", ""),
        ("fingerprint: 3071 5ad2\n", "fingerprint: 3071 5ad2\nnote: more\n"),
    ],
)
def test_key_file_with_another_header_does_not_open(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))
    assert read_header(path) != HEADER
    with pytest.raises(WrongKeyError):
        open_key_file(path, WORDS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n", "\r\n"),
        ("copy: original", "copy: Original"),
        ("copy: original", "copy: original "),
        ("copy: original", "copy:  original"),
        ("copy: original\n", ""),
        ("copy: original\n", "copy: original\ncopy: original\n"),
        ("role: trustee\nname: Anna Berg\n", "name: Anna Berg\nrole: trustee\n"),
        ("public: 0001", "public: 0001 "),
        ("public: 00010", "public: 0001"),
        ("public: 000102030405060708090a", "public: 000102030405060708090A"),
        ("fingerprint:", "fingerprint"),
        ("fingerprint: 3071 5ad2", "Fingerprint: 3071 5ad2"),
        ("fingerprint: 3071 5ad2", "fingerprint: "),
        ("Anna Berg", "Anna\u2028Berg"),
        ("Anna Berg", "Anna\x1bBerg"),
        ("Anna Berg", "A\u030anna Berg"),
        ("\n\nRTJFV", "\n\n\nRTJFV"),
        ("\n\nRTJFV", "\n\nRTJF\nV"),
        ("RTJFV", "RTJF*V"),
        ("-----BEGIN", "----BEGIN"),
        ("KEY FILE-----\nrole", "KEY FILE-----\n\nrole"),
        ("-----END E2EV KEY FILE-----\n", "-----END E2EV KEY FILE-----"),
        ("-----END E2EV KEY FILE-----\n", "-----END E2EV KEY FILE-----\n\n"),
        ("-----END E2EV KEY FILE-----\n", ""),
    ],
)
def test_key_file_written_in_any_other_way_is_refused(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())
    with pytest.raises(DataError) as caught:
        read_header(path)
    assert caught.value.where == str(path)
    assert caught.value.remedy


@given(st.binary(max_size=300) | st.text(st.characters(codec="utf-8")).map(str.encode))
def test_key_file_reader_refuses_any_other_bytes(scratch: Path, data: bytes) -> None:
    scratch.write_bytes(data)
    for read in (read_header, lambda file: open_key_file(file, WORDS)):
        with pytest.raises(DataError):
            read(scratch)


def test_every_flipped_bit_of_a_key_file_is_refused(path: Path) -> None:
    content = path.read_bytes()
    for position in range(len(content) * 8):
        changed = bytearray(content)
        changed[position // 8] ^= 1 << position % 8
        path.write_bytes(changed)
        with pytest.raises((WrongKeyError, DataError)) as caught:
            open_key_file(path, WORDS)
        assert_shows_no_secret(caught.value)


@DURABLE
@given(st.data())
def test_key_file_with_a_piece_changed_is_refused(scratch: Path, data: st.DataObject) -> None:
    scratch.unlink()
    save_key_file(scratch, HEADER, SECRET, WORDS, CHEAP)
    content = scratch.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    piece = data.draw(
        st.sampled_from([b"", b"\n", b"\n\n", b": ", content[:start], content[end:]]) | st.binary(max_size=9)
    )
    changed = content[:start] + piece + content[end:]
    scratch.write_bytes(changed)
    if changed == content:
        assert open_key_file(scratch, WORDS) == (HEADER, SECRET)
    else:
        with pytest.raises((WrongKeyError, DataError)):
            open_key_file(scratch, WORDS)


def test_key_file_larger_than_the_limit_is_neither_written_nor_read(path: Path) -> None:
    with pytest.raises(DataError, match="expected at most 4194304"):
        save_key_file(path.with_name("large"), HEADER, bytes(4 << 20), WORDS, CHEAP)
    os.truncate(path, (4 << 20) + 1)
    with pytest.raises(DataError, match="has 4194305 bytes"):
        open_key_file(path, WORDS)


def test_key_file_of_the_same_key_is_replaced(path: Path) -> None:
    header = dataclasses.replace(HEADER, extra=(("fingerprint", "3071 5ad2"), ("round", "2")))
    save_key_file(path, header, b"grown", Passphrase("a new passphrase"), CHEAP)
    assert open_key_file(path, Passphrase("a new passphrase")) == (header, b"grown")


@pytest.mark.parametrize("change", [{"role": "device"}, {"name": "Bo"}, {"copy": "backup"}, {"public": b"other"}])
def test_key_file_of_another_key_is_never_replaced(path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ConflictError, match="another key"):
        save_key_file(path, dataclasses.replace(HEADER, **change), b"other", WORDS, CHEAP)
    assert open_key_file(path, WORDS) == (HEADER, SECRET)


def test_file_that_is_no_key_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").write_bytes(b"years of work")
    with pytest.raises(ConflictError, match="something else"):
        save_key_file(tmp_path / "thesis", HEADER, SECRET, WORDS, CHEAP)
    assert (tmp_path / "thesis").read_bytes() == b"years of work"


def test_refused_save_leaves_the_previous_key_file(path: Path) -> None:
    class Broken(Disk):
        def sync(self, descriptor: int) -> None:
            raise OSError(5, "Input/output error")

    with pytest.raises(StorageError) as caught:
        save_key_file(path, HEADER, b"grown", WORDS, CHEAP, disk=Broken())
    assert_shows_no_secret(caught.value)
    assert open_key_file(path, WORDS) == (HEADER, SECRET)


@pytest.mark.parametrize(
    "change",
    [
        {"role": ""},
        {"role": "Trustee"},
        {"name": ""},
        {"name": " Anna"},
        {"name": "Anna\nrole: device"},
        {"name": "x" * 1025},
        {"name": "\ud800"},
        {"copy": "third"},
        {"public": b""},
        {"extra": (("name", "Bo"),)},
        {"extra": (("note", "a"), ("note", "b"))},
        {"extra": (("two words", "a"),)},
    ],
    ids=repr,
)
def test_header_that_could_not_be_read_back_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        dataclasses.replace(HEADER, **change)
