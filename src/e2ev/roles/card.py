"""Cards: the name and key that a trustee, device or station tells beforehand; and fingerprints said aloud."""

import json
from dataclasses import dataclass

from e2ev.codes import matches_spoken, spoken
from e2ev.errors import DataError
from e2ev.record.entry import author_of
from e2ev.signing import VerifyKey
from e2ev.strict_json import Place, read_json

FORMAT = "e2ev trustee card 1"
DEVICE_FORMAT = "e2ev device card 1"
STATION_FORMAT = "e2ev station card 1"
REGISTRAR_FORMAT = "e2ev registrar card 1"
FINGERPRINT_WORDS = 6
"""Words of a spoken fingerprint: 96 bits."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a trustee tells everybody: a name and a key."""

    name: str
    author: bytes

    def to_file(self) -> bytes:
        """Return the card as its file."""
        fields = {"name": self.name, "key": self.author.hex(), "fingerprint": fingerprint(self.author)}
        return _file({"format": FORMAT} | fields)


def fingerprint(author: bytes) -> str:
    """Return the words by which people compare keys and messages aloud."""
    return spoken(author[1:], FINGERPRINT_WORDS)


def is_heard(text: str, digest: bytes) -> bool:
    """Return whether `text` is the spoken fingerprint of a digest, whatever its case, hyphens and spaces."""
    return matches_spoken(text, digest, FINGERPRINT_WORDS)


def read_card(data: bytes, where: str) -> Card:
    """Return the card in a file.

    Raises:
        DataError: The file is malformed, or the key no good one.
    """

    def read(place: Place) -> Card:
        place.only("format", "name", "key", "fingerprint")
        if place.at("format").string(40) != FORMAT:
            place.at("format").refuse("is another format", f"write {FORMAT!r}")
        author = _author(place.at("key"), "ask the trustee for the card again")
        if author and place.at("fingerprint").string(100) != fingerprint(author):
            place.at("fingerprint").refuse("does not belong to the key", "ask the trustee for the card again")
        return Card(place.at("name").label(100), author)

    return read_json(data, read, where=where)


@dataclass(frozen=True, slots=True)
class DeviceCard:
    """What a device tells the administrator: its name, its reporting unit's label, and its key."""

    information: str
    unit: str
    author: bytes

    def to_file(self) -> bytes:
        """Return the card as its file."""
        fields = {"information": self.information, "unit": self.unit, "key": self.author.hex()}
        return _file({"format": DEVICE_FORMAT} | fields)


def read_device_card(data: bytes, where: str) -> DeviceCard:
    """Return the card that `e2ev device init` wrote.

    Raises:
        DataError: The file is malformed, or the key no good one.
    """

    def read(place: Place) -> DeviceCard:
        place.only("format", "information", "unit", "key")
        if place.at("format").string(40) != DEVICE_FORMAT:
            place.at("format").refuse("is another format", f"write {DEVICE_FORMAT!r}")
        author = _author(place.at("key"), "take device.card again from the device's folder")
        return DeviceCard(place.at("information").label(200), place.at("unit").label(200), author)

    return read_json(data, read, where=where)


@dataclass(frozen=True, slots=True)
class StationCard:
    """What a station tells the administrator: its reporting unit's label, and the key of its log."""

    unit: str
    log_key: bytes

    def to_file(self) -> bytes:
        """Return the card as its file."""
        return _file({"format": STATION_FORMAT, "unit": self.unit, "log_key": self.log_key.hex()})


def is_station_card(data: bytes) -> bool:
    """Return whether a card's file says that it is a station's."""
    return f'"{STATION_FORMAT}"'.encode() in data


def read_station_card(data: bytes, where: str) -> StationCard:
    """Return the card that `e2ev board new-station` wrote.

    Raises:
        DataError: The file is malformed, or the key no good one.
    """

    def read(place: Place) -> StationCard:
        place.only("format", "unit", "log_key")
        if place.at("format").string(40) != STATION_FORMAT:
            place.at("format").refuse("is another format", f"write {STATION_FORMAT!r}")
        log_key = _author(place.at("log_key"), "take the card again from the station")
        return StationCard(place.at("unit").label(200), log_key)

    return read_json(data, read, where=where)


@dataclass(frozen=True, slots=True)
class RegistrarCard:
    """What a registrar tells the administrator: a name, a key, and the unit's label; no unit for the whole election."""

    name: str
    unit: str
    author: bytes

    def to_file(self) -> bytes:
        """Return the card as its file."""
        content = {"format": REGISTRAR_FORMAT, "name": self.name, "unit": self.unit, "key": self.author.hex()}
        return _file(content)


def is_registrar_card(data: bytes) -> bool:
    """Return whether a card's file says that it is a registrar's."""
    return f'"{REGISTRAR_FORMAT}"'.encode() in data


def read_registrar_card(data: bytes, where: str) -> RegistrarCard:
    """Return the card that `e2ev roll init` or `e2ev check-in init` wrote.

    Raises:
        DataError: The file is malformed, or the key no good one.
    """

    def read(place: Place) -> RegistrarCard:
        place.only("format", "name", "unit", "key")
        if place.at("format").string(40) != REGISTRAR_FORMAT:
            place.at("format").refuse("is another format", f"write {REGISTRAR_FORMAT!r}")
        author, unit = _author(place.at("key"), "ask the registrar for the card again"), place.at("unit", "")
        return RegistrarCard(place.at("name").label(200), unit.label(200) if unit.value else "", author)

    return read_json(data, read, where=where)


def _file(content: dict[str, str]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _author(place: Place, remedy: str) -> bytes:
    """Return the author whose key stands here; nothing, reported, if it is no good one."""
    text = place.string(66)
    try:
        key = bytes.fromhex(text)
        if author_of(VerifyKey.from_bytes(key[1:])) == key:
            return key
    except (ValueError, DataError):
        pass
    place.refuse("is no key", remedy)
    return b""
