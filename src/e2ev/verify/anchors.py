"""Trust anchors: what an auditor knows from elsewhere, and the checks that hold the record against it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from e2ev.board.contents import Contents
from e2ev.strict_json import Place, read_json
from e2ev.verify.check import Check, Finding, Scope, unlike

FORMAT = "e2ev anchors 1"


@dataclass(frozen=True, slots=True)
class Anchors:
    """What is known from outside of the record; empty where nothing is.

    Attributes:
        manifest: SHA-256 of the manifest file.
        administrator: Key of the administrator, 33 bytes with its algorithm.
        log: Key of the log.
        trustees: Keys of the trustees, in order.
        devices: Keys of all devices, in any order.
        root: Merkle root of the board.
        registrars: Keys of all registrars, in any order.
    """

    manifest: bytes = b""
    administrator: bytes = b""
    log: bytes = b""
    trustees: tuple[bytes, ...] = ()
    devices: tuple[bytes, ...] = ()
    root: bytes = b""
    registrars: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class AnchorCase:
    """A record beside its anchors."""

    contents: Contents
    root: bytes
    anchors: Anchors


def anchors_of(contents: Contents, root: bytes = b"") -> Anchors:
    """Return the anchors that a record would meet: for the administrator to publish where the record is not."""
    genesis = contents.genesis.body.form
    return Anchors(
        hashlib.sha256(genesis.manifest).digest(),
        contents.administrator,
        genesis.log_key,
        tuple(seat.author for seat in genesis.trustees),
        tuple(contents.devices),
        root,
        tuple(contents.eligibility.registrars),
    )


def _differs(case: AnchorCase, check: str, name: str, what: str) -> Iterator[Finding]:
    expected, found = getattr(case.anchors, name), getattr(anchors_of(case.contents, case.root), name)
    if name in ("devices", "registrars"):
        expected, found = frozenset(expected), frozenset(found)
    if expected and expected != found:
        said = f": {unlike(found, expected)}" if isinstance(expected, bytes) else ""
        yield Finding(check, f"{what} is not the one that you expected{said}", 0 if name != "root" else None)


def manifest(case: AnchorCase) -> Iterator[Finding]:
    """A.1."""
    return _differs(case, "A.1", "manifest", "the manifest")


def trustees(case: AnchorCase) -> Iterator[Finding]:
    """A.2."""
    return _differs(case, "A.2", "trustees", "a trustee's key, or their order,")


def log(case: AnchorCase) -> Iterator[Finding]:
    """A.3."""
    return _differs(case, "A.3", "log", "the log's key")


def administrator(case: AnchorCase) -> Iterator[Finding]:
    """A.4."""
    return _differs(case, "A.4", "administrator", "the administrator's key")


def devices(case: AnchorCase) -> Iterator[Finding]:
    """A.5."""
    return _differs(case, "A.5", "devices", "the set of devices")


def root(case: AnchorCase) -> Iterator[Finding]:
    """A.6."""
    return _differs(case, "A.6", "root", "the board's root")


def registrars(case: AnchorCase) -> Iterator[Finding]:
    """A.7."""
    return _differs(case, "A.7", "registrars", "the set of registrars")


ANCHOR_OF = {
    "A.1": "manifest",
    "A.2": "trustees",
    "A.3": "log",
    "A.4": "administrator",
    "A.5": "devices",
    "A.6": "root",
    "A.7": "registrars",
}
OPTIONAL = ("A.5", "A.6", "A.7")

CHECKS = (
    Check("A.1", "the manifest is the one that you know", "verification.md, Anchors", Scope.ANCHOR, manifest),
    Check("A.2", "the trustees are those whom you know", "verification.md, Anchors", Scope.ANCHOR, trustees),
    Check("A.3", "the log is the one that you know", "verification.md, Anchors", Scope.ANCHOR, log),
    Check("A.4", "the administrator is the one that you know", "verification.md, Anchors", Scope.ANCHOR, administrator),
    Check("A.5", "the devices are those that you know", "verification.md, Anchors", Scope.ANCHOR, devices),
    Check("A.6", "the board has the root that you know", "verification.md, Anchors", Scope.ANCHOR, root),
    Check("A.7", "the registrars are those that you know", "verification.md, Anchors", Scope.ANCHOR, registrars),
)


def anchors_file(anchors: Anchors) -> bytes:
    """Return anchors as the JSON file that people publish."""
    content: dict[str, object] = {"format": FORMAT}
    for item in fields(Anchors):
        value = getattr(anchors, item.name)
        if value:
            content[item.name] = [one.hex() for one in value] if isinstance(value, tuple) else value.hex()
    return (json.dumps(content, indent=2) + "\n").encode()


def read_anchors(data: bytes, where: str) -> Anchors:
    """Return the anchors of a JSON file, any of which may be missing.

    Raises:
        DataError: The file is malformed.
    """
    return read_json(data, _anchors, where=where)


def _anchors(place: Place) -> Anchors:
    names = [item.name for item in fields(Anchors)]
    place.only("format", *names)
    if place.at("format").string(40) != FORMAT:
        place.at("format").refuse("is another format", f"write {FORMAT!r}")
    return Anchors(**{name: _anchor(place, name) for name in names})


def _anchor(place: Place, name: str) -> Any:
    wide = 32 if name in ("manifest", "root") else 33
    if name in ("trustees", "devices", "registrars"):
        return tuple(_hex(item, wide) for item in place.at(name, []).items(0, 100_000))
    found = place.at(name, "")
    return _hex(found, wide) if found.value else b""


def _hex(place: Place, size: int) -> bytes:
    text = place.string(2 * size)
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != size:
        place.refuse(f"is not {2 * size} hex digits", "copy it again from where it was published")
    return value
