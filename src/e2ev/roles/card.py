"""A trustee's card: the name and key that it tells everybody before the election exists."""

import json
from dataclasses import dataclass

from e2ev.codes import spoken
from e2ev.errors import DataError
from e2ev.record.entry import author_of
from e2ev.signing import VerifyKey
from e2ev.strict_json import Place, read_json

FORMAT = "e2ev trustee card 1"
FINGERPRINT_WORDS = 6
"""Words of a spoken fingerprint: 96 bits."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a trustee tells everybody: a name and a key."""

    name: str
    author: bytes

    def to_file(self) -> bytes:
        """Return the card as its file."""
        content = {
            "format": FORMAT,
            "name": self.name,
            "key": self.author.hex(),
            "fingerprint": fingerprint(self.author),
        }
        return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def fingerprint(author: bytes) -> str:
    """Return the words by which people compare keys and messages aloud."""
    return spoken(author[1:], FINGERPRINT_WORDS)


def read_card(data: bytes, where: str) -> Card:
    """Return the card in a file.

    Raises:
        DataError: The file is malformed, or the key no good one.
    """

    def read(place: Place) -> Card:
        place.only("format", "name", "key", "fingerprint")
        if place.at("format").string(40) != FORMAT:
            place.at("format").refuse("is another format", f"write {FORMAT!r}")
        try:
            key = bytes.fromhex(place.at("key").string(66))
            author = author_of(VerifyKey.from_bytes(key[1:]))
        except (ValueError, DataError):
            author = b""
        if not author or author != key:
            place.at("key").refuse("is no key", "ask the trustee for the card again")
        elif place.at("fingerprint").string(100) != fingerprint(author):
            place.at("fingerprint").refuse("does not belong to the key", "ask the trustee for the card again")
        return Card(place.at("name").label(100), author)

    return read_json(data, read, where=where)
