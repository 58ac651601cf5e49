"""What observers publish: statements without whose they are, or what would tell (specs/observers.md, "Export").

Signatures name keys, and keys tie statements of one person together, so they stay behind as well. What is published
is therefore worth what its publisher is worth; whoever has to prove something keeps the signed files, or gives them to
a lawyer.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from e2ev.accountability.collection import Collection
from e2ev.accountability.observers import Begun, Document, Door, Incident, Result, Statement, statement_json

FORMAT = "e2ev public observations 1"
LEFT_OUT = (
    "the source of every statement: name, group, key, signature, its place in a file",
    "the device's clock: when a statement was written",
    "the names and SHA-256 of photographs and documents as they were taken",
    "metadata of photographs: place, time, camera, thumbnail, comments",
)
STAYS = (
    "stations, and when something was counted or happened: where one person observed, that still says who it was",
    "what photographs show, faces and handwriting among it",
)
WORDS_LEFT_OUT = "words that observers wrote: they may tell who wrote them"


@dataclass(frozen=True, slots=True)
class Public:
    """What is published.

    Attributes:
        content: The file.
        left_out: What is not in it, in words.
        photos: Of photographs, by the SHA-256 of the file as it was taken: the bytes to publish.
        missing: SHA-256 of photographs that statements name and that were not at hand.
    """

    content: bytes
    left_out: tuple[str, ...]
    photos: Mapping[bytes, bytes]
    missing: tuple[bytes, ...]


def public(collection: Collection, photos: Mapping[bytes, tuple[bytes, bytes]], *, words: bool = False) -> Public:
    """Return the public form of a collection, in the order of stations.

    Args:
        collection: What was observed.
        photos: By SHA-256 of a photograph as it was taken: SHA-256 and bytes of it without metadata.
        words: Whether notes and what incidents say are published too; somebody has read them all before.
    """
    said = [one.said for one in collection.observations if not isinstance(one.said, Begun)]
    named = {photo for one in said for photo in (_photo(one),) if photo is not None}
    lines = sorted(json.dumps(_line(one, photos, words=words), ensure_ascii=False, sort_keys=True) for one in said)
    left_out = LEFT_OUT if words else (*LEFT_OUT, WORDS_LEFT_OUT)
    head = json.dumps({"format": FORMAT, "title": collection.title, "left_out": left_out}, ensure_ascii=False)
    content = "".join(f"{line}\n" for line in (head, *lines)).encode()
    kept = {digest: photos[digest][1] for digest in sorted(named & photos.keys())}
    return Public(content, left_out, kept, tuple(sorted(named - photos.keys())))


def _photo(said: Statement) -> bytes | None:
    return said.photo if isinstance(said, Result | Incident) else None


def _line(said: Statement, photos: Mapping[bytes, tuple[bytes, bytes]], *, words: bool) -> dict[str, object]:
    if isinstance(said, Result | Incident) and said.photo is not None:
        shown = photos.get(said.photo)
        said = replace(said, photo=shown[0] if shown else None)
        if isinstance(said, Incident) and said.photo is None:
            said = replace(said, shows="")
    if isinstance(said, Document):
        said = replace(said, file=None)
    if not words:
        said = _wordless(said)
    line = statement_json(said)
    del line["made"]
    return line


def _wordless(said: Statement) -> Statement:
    if isinstance(said, Door | Result):
        return replace(said, note="")
    return replace(said, words="") if isinstance(said, Incident | Document) else said
