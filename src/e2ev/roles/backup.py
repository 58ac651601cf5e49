"""A trustee's backup: as a page to print and to type in again, and back in place of a lost folder."""

import hashlib
import json
import re
from pathlib import Path

from e2ev.errors import ConflictError, DataError, WrongKeyError
from e2ev.roles.card import Card, fingerprint
from e2ev.roles.trustee import Trustee
from e2ev.storage.disk import PRIVATE, read_bounded, write_atomically, write_once
from e2ev.storage.keyfile import KeyFileHeader, open_key_file, read_header, save_key_file
from e2ev.storage.seal import Passphrase

PAGE_LIMIT = 1 << 20
_GROUP = 8
_ROW = re.compile(r"\s*(\d{1,4})\s*\|(.*)\|\s*([0-9a-fA-F]{4})\s*")
_BEGIN = "-----BEGIN"


def page(key_file: str, election: str) -> str:
    """Return a backup's key file as a page: what it is, whose, of which election, numbered rows, how to type it in.

    Args:
        key_file: The text of the key file.
        election: The election's label.
    """
    lines = key_file.splitlines()
    fields = dict(line.split(": ", 1) for line in lines[1 : lines.index("")])
    rows = [f"{n:3} | {shown:72} | {_check(_line(n, shown, lines.index('')))}" for n, shown in _shown(lines)]
    return "\n".join(
        (
            "BACKUP OF A TRUSTEE'S KEY",
            "",
            f"Election:     {election}",
            f"Trustee:      {fields['name']}",
            f"Fingerprint:  {fingerprint(bytes.fromhex(fields['public']))}",
            "",
            "Whoever has this page and its passphrase can do this trustee's part of every decryption. Keep the page",
            "locked away and the passphrase somewhere else. Destroy both when the period of appeals is over.",
            "",
            *rows,
            "",
            "TO TYPE IT IN AGAIN",
            "",
            "1. Write the rows into a text file, each in one line, with its number, both bars and the four last signs.",
            "   Below the empty row spaces do not matter, capital letters do. Look twice at 0 and O, at 1, l and I.",
            "2. chmod 600 FILE",
            "3. e2ev trustee restore --from FILE --home FOLDER",
            "   A row that was typed wrongly is named; the four last signs of each row tell.",
            "",
        )
    )


def _shown(lines: list[str]) -> list[tuple[int, str]]:
    """Return the rows as they are printed: what comes below the empty line is cut into groups."""
    blank = lines.index("")
    return [
        (n, line if n <= blank + 1 or line.startswith("-") else " ".join(_groups(line)))
        for n, line in enumerate(lines, 1)
    ]


def _groups(line: str) -> list[str]:
    return [line[at : at + _GROUP] for at in range(0, len(line), _GROUP)]


def _line(number: int, typed: str, blank: int) -> str:
    """Return the line of the key file that a row stands for."""
    text = typed.strip()
    return text if number <= blank + 1 or text.startswith("-") else "".join(text.split())


def _check(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()[:4]


def typed_in(data: bytes, where: str) -> bytes:
    """Return the key file that a file holds: as it is, or as rows that somebody typed from a page.

    Raises:
        DataError: A row is missing or was typed wrongly; it is named.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            "is neither a key file nor a typed page", where=where, remedy="save it as UTF-8 text"
        ) from error
    if text.startswith(_BEGIN):
        return data
    rows = [row for row in map(_ROW.fullmatch, text.splitlines()) if row is not None]
    if not rows:
        raise DataError("is neither a key file nor a typed page", where=where,
                        remedy="type each row with its number, both bars and the four last signs")  # fmt: skip
    typed = {int(row[1]): row for row in rows}
    blank = min((n for n, row in typed.items() if not row[2].strip()), default=len(typed)) - 1
    lines = []
    for number in range(1, max(typed) + 1):
        if number not in typed:
            raise DataError(f"row {number} is missing", where=where, remedy="type it from the page")
        line = _line(number, typed[number][2], blank)
        if _check(line) != typed[number][3].lower():
            raise DataError(
                f"row {number} is not typed as it is printed", where=where, remedy="compare it sign by sign"
            )
        lines.append(line)
    return ("\n".join(lines) + "\n").encode()


def restore(trustee: Trustee, source: Path, passphrase: Passphrase) -> Card:
    """Put a backup in place of a lost folder: it is opened, and becomes the original of the new folder.

    The journal of a running decryption is not in a backup: what was committed with the lost one is never answered.

    Raises:
        ConflictError: The folder has a key already.
        WrongKeyError: The passphrase is wrong, or the file is no trustee's.
    """
    if trustee.key_path.exists():
        raise ConflictError(
            "the folder has a key already, which is not overwritten",
            where=str(trustee.key_path),
            remedy="name a new folder",
        )
    trustee.outbox.mkdir(parents=True, exist_ok=True)
    header, payload = _opened(trustee, source, passphrase)
    if header.role != "trustee" or "share" not in json.loads(payload):
        raise WrongKeyError("this is no backup of a trustee's key", where=str(source), remedy="take another file")
    card = Card(header.name, header.public)
    write_once(trustee.home / "trustee.card", card.to_file())
    original = KeyFileHeader(header.role, header.name, "original", header.public, header.extra)
    save_key_file(trustee.key_path, original, payload, passphrase, trustee.cost)
    return card


def _opened(trustee: Trustee, source: Path, passphrase: Passphrase) -> tuple[KeyFileHeader, bytes]:
    data = read_bounded(source, PAGE_LIMIT)
    key_file = typed_in(data, str(source))
    if key_file == data:
        return open_key_file(source, passphrase)
    typed = trustee.home / "typed-in.key"
    write_atomically(typed, key_file, PRIVATE)
    try:
        read_header(typed)
        return open_key_file(typed, passphrase)
    finally:
        typed.unlink()
