import base64
import hashlib
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from e2ev.errors import DataError, PolicyError, RejectedError, WrongKeyError
from e2ev.formats.minisign import SecretKey, check, read_public_key, read_secret_key, sign
from e2ev.storage.seal import Passphrase

MINISIGN = shutil.which("minisign")
PUBLIC = "RWRo3YmBQOAWZz+Z03u7vM0QTm1Eroh4vu2wT1MqLayHqItFWjoq8kPG"
DATA = b"<!doctype html>"


def counting(size: int) -> bytes:
    return bytes(range(size))


KEY = SecretKey.generate(counting)


def never() -> Passphrase:
    raise AssertionError("nobody asks for a passphrase of a key without one")


def test_keys_read_back() -> None:
    assert read_public_key(KEY.public.to_bytes().decode()) == KEY.public
    assert read_public_key(KEY.public.text()) == KEY.public
    assert read_public_key(PUBLIC).text() == PUBLIC
    again = read_secret_key(KEY.to_bytes(), never)
    assert (again.id, again.key.seed()) == (KEY.id, KEY.key.seed())
    assert KEY.key.seed().hex() not in repr(KEY)


def test_signature_has_the_four_lines_of_minisign() -> None:
    first, signature, comment, both = sign(KEY, DATA, "root 12").decode().splitlines()
    assert first == "untrusted comment: signature from minisign secret key 0706050403020100"
    assert comment == "trusted comment: root 12"
    assert (len(base64.b64decode(signature)), len(base64.b64decode(both))) == (74, 64)
    assert base64.b64decode(signature)[:10] == b"ED" + KEY.id
    assert check(KEY.public, DATA, sign(KEY, DATA, "root 12")) == "root 12"


def test_changed_data_comment_or_signature_is_refused() -> None:
    whole = sign(KEY, DATA, "root 12")
    lines = whole.decode().splitlines()
    swapped = "\n".join([*lines[:3], sign(KEY, DATA, "root 13").decode().splitlines()[3], ""]).encode()
    for data, signature in ((DATA + b" ", whole), (DATA, whole.replace(b"root 12", b"root 13")), (DATA, swapped)):
        with pytest.raises(RejectedError):
            check(KEY.public, data, signature)


def test_signature_of_somebody_else_is_named() -> None:
    other = SecretKey.generate()
    with pytest.raises(PolicyError, match="expected key 0706050403020100"):
        check(KEY.public, DATA, sign(other, DATA, ""))
    forged = SecretKey(KEY.id, other.key)
    with pytest.raises(RejectedError):
        check(KEY.public, DATA, sign(forged, DATA, ""))


@pytest.mark.parametrize(
    "wrong", [b"", b"x", b"\xff\n" * 4, KEY.to_bytes(), sign(KEY, DATA, "c").replace(b"RUQ", b"RWQ")]
)
def test_what_is_no_signature_is_refused(wrong: bytes) -> None:
    with pytest.raises(DataError):
        check(KEY.public, DATA, wrong)


@pytest.mark.parametrize(
    "wrong", ["", "RW", PUBLIC[:-4], "x" * 56, KEY.to_bytes().decode(), f"{PUBLIC}\n{PUBLIC}\n{PUBLIC}"]
)
def test_what_is_no_public_key_is_refused(wrong: str) -> None:
    with pytest.raises(DataError):
        read_public_key(wrong)


def changed(at: int, value: int) -> bytes:
    comment, line = KEY.to_bytes().decode().splitlines()
    raw = bytearray(base64.b64decode(line))
    raw[at] = value
    return f"{comment}\n{base64.b64encode(raw).decode()}\n".encode()


@pytest.mark.parametrize("at", [0, 2, 4])
def test_key_of_an_unknown_kind_is_refused(at: int) -> None:
    with pytest.raises(DataError):
        read_secret_key(changed(at, 0x58), never)


def test_key_file_that_asks_for_all_memory_is_refused() -> None:
    sealed = bytearray(base64.b64decode(changed(3, 0x63).decode().splitlines()[1]))
    sealed[2:4], sealed[38:54] = b"Sc", b"\xff" * 16
    file = b"untrusted comment: \n" + base64.b64encode(sealed) + b"\n"
    with pytest.raises(DataError, match="too much memory"):
        read_secret_key(file, lambda: Passphrase("long enough"))


def test_key_with_a_passphrase_opens_with_it_alone() -> None:
    held = KEY.id + KEY.key.seed() + KEY.public.key.raw
    held += hashlib.blake2b(b"Ed" + held, digest_size=32).digest()
    pad = hashlib.scrypt(b"long enough", salt=bytes(32), n=1024, r=8, p=1, dklen=104)
    hidden = bytes(a ^ b for a, b in zip(held, pad, strict=True))
    raw = b"EdScB2" + bytes(32) + struct.pack("<QQ", 32768, 1 << 24) + hidden
    file = b"untrusted comment: minisign encrypted secret key\n" + base64.b64encode(raw) + b"\n"
    assert read_secret_key(file, lambda: Passphrase("long enough")).public == KEY.public
    with pytest.raises(WrongKeyError):
        read_secret_key(file, lambda: Passphrase("long enougH"))


def test_changed_seed_does_not_open() -> None:
    with pytest.raises(WrongKeyError):
        read_secret_key(changed(70, 0xFF), never)


def test_comment_that_could_forge_a_line_is_refused() -> None:
    for comment in ("two\nlines", "\u202eturned", "x" * 2000):
        with pytest.raises(ValueError, match="one line"):
            sign(KEY, DATA, comment)


@pytest.mark.skipif(MINISIGN is None, reason="minisign is not installed")
def test_minisign_and_this_read_each_other(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(DATA)
    (tmp_path / "k").write_bytes(KEY.to_bytes())

    def minisign(*arguments: str) -> str:
        ran = subprocess.run([str(MINISIGN), *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)
        return ran.stdout

    (tmp_path / "f.minisig").write_bytes(sign(KEY, DATA, "ours"))
    assert "Trusted comment: ours" in minisign("-V", "-P", KEY.public.text(), "-m", "f")
    minisign("-S", "-s", "k", "-m", "f", "-t", "theirs")
    assert check(KEY.public, DATA, (tmp_path / "f.minisig").read_bytes()) == "theirs"
    minisign("-G", "-W", "-p", "p", "-s", "s")
    theirs = read_secret_key((tmp_path / "s").read_bytes(), never)
    assert theirs.public == read_public_key((tmp_path / "p").read_text())
