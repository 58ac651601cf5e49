"""The corpus of tampered records: what is stored is what the code makes, and is judged as it says."""

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types; only tests use it
import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev.demo.tamper import TAMPERINGS
from e2ev.demo.toy import TOY
from e2ev.errors import DataError
from tests import adapter
from tests.attacks import FOLDER
from tests.corpus import BASES, RECORDS, Vector, apply, difference, said_of, vectors
from tests.elections import finished
from tests.fuzz import Decoder, decoders, fuzz
from tests.make_attacks import END, PAGE, page
from tests.run_corpus import asking, disagreements

STORED = {vector.content["name"]: vector for vector in vectors()}
LARGEST_IN_ALL = 1_500_000
EVERY = 8
"""One of so many is judged here; `python -m tests.run_corpus` judges all."""


def schema(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8"))


def test_every_tampering_is_stored_under_its_name_and_with_its_description() -> None:
    assert sorted(STORED) == sorted(tampering.name for tampering in TAMPERINGS), "python -m tests.make_attacks records"
    for tampering in TAMPERINGS:
        content = STORED[tampering.name].content
        said = json.loads(json.dumps(said_of(tampering)))
        assert {name: content[name] for name in said} == said, "python -m tests.make_attacks refusals records"


def test_all_files_follow_their_schemas_and_stay_small() -> None:
    files = [("catalogue", FOLDER / "catalogue.json"), ("refusals", FOLDER / "refusals.json")]
    files += [("base", path) for path in BASES.glob("*.json")] + [("record", path) for path in RECORDS.glob("*.json")]
    for name, path in files:
        jsonschema.validate(json.loads(path.read_text("utf-8")), schema(name))
    assert sum(path.stat().st_size for _, path in files) < LARGEST_IN_ALL


def test_schema_of_records_refuses_what_is_none() -> None:
    content = next(iter(STORED.values())).content
    for wrong in ({**content, "verdict": "accepted"}, {**content, "more": 1}, {**content, "checks": []}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema("record"))


def chosen() -> list[Vector]:
    return [STORED[name] for name in sorted(STORED)[::EVERY]]


def test_stored_records_are_judged_as_they_say(tmp_path: Path) -> None:
    assert list(disagreements(adapter.answer, tmp_path / "x", chosen(), exact=True)) == []


def test_verifier_that_accepts_everything_differs_everywhere(tmp_path: Path) -> None:
    few = chosen()[:3]
    said = list(disagreements(lambda _: {"verdict": "accepted", "checks": [], "reasons": []}, tmp_path / "x", few,
                              exact=False))  # fmt: skip
    assert len(said) == len(few)


def test_verifier_that_crashes_or_babbles_has_not_answered(tmp_path: Path) -> None:
    few = chosen()[:1]
    for i, code in enumerate(("raise SystemExit(3)", "print('fine')")):
        said = list(disagreements(asking([sys.executable, "-c", code]), tmp_path / str(i), few, exact=False))
        assert len(said) == 1 + len(list(BASES.glob("*.json")))


def test_our_adapter_answers_as_a_command(tmp_path: Path) -> None:
    said = disagreements(asking([sys.executable, "-m", "tests.adapter"]), tmp_path / "x", chosen()[:1], exact=True)
    assert list(said) == []


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"author": st.sampled_from("xy"), "kind": st.integers(0, 2), "body": st.dictionaries(st.just("a"), VALUES)}
    ),
    max_size=6,
)


@given(ENTRIES, ENTRIES)
def test_patch_makes_the_one_of_the_other(old: list[Any], new: list[Any]) -> None:
    patch = list(difference({"entries": old}, {"entries": new}))
    assert apply({"entries": old}, patch) == {"entries": new}


def test_tables_of_attacks_are_up_to_date() -> None:
    text = PAGE.read_text("utf-8")
    assert page(text) == text, "run python -m tests.make_attacks"
    assert text.endswith(END)


# Broken bytes


def test_fuzzer_tells_a_crash_from_a_refusal() -> None:
    def read(data: bytes) -> None:
        if data[:1] == b"\0":
            raise IndexError("beyond the end")
        raise DataError("no good")

    seen = fuzz("made up", Decoder([b"\0" * 4, b"\1" * 4], read), 200, 1)
    assert seen.crashes
    assert seen.refused
    assert not seen.is_good


def test_decoders_refuse_broken_bytes_as_data(tmp_path: Path) -> None:
    known = decoders(finished(TOY), tmp_path)
    seen = {name: fuzz(name, decoder, 25, 20261122) for name, decoder in known.items()}
    assert {name: one.crashes for name, one in seen.items() if one.crashes} == {}
    assert {"board", "message", "key file", "receipt", "note", "manifest", "csv"} <= set(seen)
