"""What is known from elsewhere: files of anchors there and back, and how a record is held against them."""

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from typing import Any

import pytest

from e2ev.board.contents import Contents
from e2ev.demo.toy import TOY
from e2ev.errors import DataError
from e2ev.verify import anchors
from e2ev.verify.anchors import AnchorCase, Anchors, anchors_file, anchors_of, read_anchors
from e2ev.verify.check import Finding
from tests.elections import contents_of, finished

ROOT = bytes(range(32))


@cache
def contents() -> Contents:
    return contents_of(finished(TOY))


def known() -> Anchors:
    return anchors_of(contents(), ROOT)


def objections(given: Anchors) -> list[Finding]:
    def run() -> Iterator[Finding]:
        for check in anchors.CHECKS:
            if check.run is not None:
                yield from check.run(AnchorCase(contents(), ROOT, given))

    return list(run())


def test_anchors_of_the_record_itself_are_met_and_nothing_is_no_anchor() -> None:
    assert objections(known()) == []
    assert objections(Anchors()) == []


@pytest.mark.parametrize("name", [item.name for item in fields(Anchors)])
def test_every_anchor_is_held_against_the_record(name: str) -> None:
    value: Any = getattr(known(), name)
    other: Any = (value[:-1] or (bytes(33),)) if isinstance(value, tuple) else bytes([value[0] ^ 1]) + value[1:]
    (found,) = objections(replace(known(), **{name: other}))
    assert anchors.ANCHOR_OF[found.check] == name
    assert found.entry == (None if name == "root" else 0)
    assert found.found.endswith("expected" if isinstance(other, tuple) else f"expected {other.hex()[:16]}")


def test_devices_are_compared_in_any_order_and_trustees_in_theirs() -> None:
    assert objections(replace(known(), devices=known().devices[::-1])) == []
    assert [one.check for one in objections(replace(known(), trustees=known().trustees[::-1]))] == ["A.2"]


def test_file_is_read_back_as_it_was_written() -> None:
    for given in (known(), Anchors(), replace(known(), devices=(), root=b"")):
        assert read_anchors(anchors_file(given), "file") == given


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [({"format": "e2ev anchors 2"}, "format", "another format"), ({"rot": ""}, "rot", "is no field here"),
     ({"root": "ab"}, "root", "is not 64 hex digits"), ({"root": "x" * 64}, "root", "is not 64 hex digits"),
     ({"log": "ab" * 32}, "log", "is not 66 hex digits"), ({"manifest": "ab" * 33}, "manifest", "64"),
     ({"trustees": ["ab"]}, "trustees[0]", "is not 66 hex digits"), ({"devices": "ab"}, "devices", "list")],
)  # fmt: skip
def test_malformed_file_is_refused_at_its_place(content: dict[str, Any], place: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_anchors(json.dumps({"format": "e2ev anchors 1", **content}).encode(), "file")
    assert place in str(caught.value)
