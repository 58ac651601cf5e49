import copy
import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types; only tests use it
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev import manifest as module
from e2ev.errors import DataError
from e2ev.manifest import Manifest, ManifestError, Text, read_manifest

SPECS = Path(__file__).parents[1] / "specs"
EXAMPLES = sorted((SPECS / "examples").glob("manifest-*.json"))
FULL = json.loads((SPECS / "examples/manifest-full.json").read_text("utf-8"))
SCHEMA = jsonschema.Draft202012Validator(json.loads((SPECS / "manifest.schema.json").read_text("utf-8")))

Edit = Callable[[Any], object]


def encode(value: object) -> bytes:
    return json.dumps(value).encode()


@functools.cache
def full() -> Manifest:
    return read_manifest(encode(FULL))


def edited(edit: Edit) -> Any:
    value = copy.deepcopy(FULL)
    edit(value)
    return value


def problems(data: bytes) -> dict[str, str]:
    with pytest.raises(ManifestError) as caught:
        read_manifest(data)
    return {problem.path: f"{problem.found}; {problem.remedy}" for problem in caught.value.problems}


def put(path: str, value: object) -> Edit:
    """Set `value` at a path such as "contests 0 label"; a position at the end of a list appends."""
    *steps, last = [int(step) if step.isdigit() else step for step in path.split()]

    def edit(root: Any) -> None:
        place = functools.reduce(lambda at, step: at[step], steps, root)
        if isinstance(place, list) and last == len(place):
            place.append(value)
        else:
            place[last] = value

    return edit


def drop(path: str) -> Edit:
    *steps, last = [int(step) if step.isdigit() else step for step in path.split()]
    return lambda root: functools.reduce(lambda at, step: at[step], steps, root).pop(last)


# Each edit of the full example: the JSON path and words of the one problem; whether the schema objects too.
REJECTED: list[tuple[str, Edit, str, str, bool]] = [
    ("another format", put("format", "e2ev manifest 2"), "$.format", "e2ev manifest 1", True),
    ("no label", drop("label"), "$.label", "is missing", True),
    ("no name", drop("name"), "$.name", "is missing", True),
    ("no date", drop("date"), "$.date", "is missing", True),
    ("date without hyphens", put("date", "20270506"), "$.date", "of the calendar", True),
    ("29 February 2027", put("date", "2027-02-29"), "$.date", "of the calendar", False),
    ("misspelt field", put("minimum_sell", 5), "$.minimum_sell", "did you mean 'minimum_cell'?", True),
    ("field of a later version", put("contests 0 counting", {}), "$.contests[0].counting", "is no field", True),
    ("field name with odd letters", put("contests 0 a\u202eb", 1), '$.contests[0]["a\\u202eb"]', "is no field", True),
    ("contests is an object", put("contests", {}), "$.contests", "is an object; write a list", True),
    ("contest is a label", put("contests 5", "chair"), "$.contests[5]", "is 'chair'; write an object", True),
    ("contest without options", put("contests 1 options", []), "$.contests[1].options", "holds 0 entries", True),
    ("no reporting units", put("reporting_units", []), "$.reporting_units", "holds 0 entries", True),
    ("no ballot styles", put("ballot_styles", []), "$.ballot_styles", "holds 0 entries", True),
    ("style without contests", put("ballot_styles 1 contests", []), "$.ballot_styles[1].contests", "holds 0", True),
    ("style for no units", put("ballot_styles 1 units", []), "$.ballot_styles[1].units", "holds 0", True),
    ("two options of one label", put("contests 1 options 4 label", "David Miller"), "$.contests[1].options[4].label",
     "as is $.contests[1].options[3].label", False),
    ("two units of one label", put("reporting_units 3", {"label": "Post"}), "$.reporting_units[3].label",
     "as is $.reporting_units[2].label", False),
    ("two styles of one label", put("ballot_styles 1 label", "member"), "$.ballot_styles[1].label",
     "as is $.ballot_styles[0].label", False),
    ("a contest twice in a style", put("ballot_styles 1 contests 2", "meeting days"), "$.ballot_styles[1].contests[2]",
     "as is $.ballot_styles[1].contests[1]", True),
    ("unknown contest", put("ballot_styles 1 contests 1", "meeting day"), "$.ballot_styles[1].contests[1]",
     "no contest is labelled 'meeting day'; did you mean 'meeting days'?", False),
    ("unknown unit", put("ballot_styles 1 units 0", "North Hose"), "$.ballot_styles[1].units[0]",
     "no reporting unit is labelled 'North Hose'; did you mean 'North House'?", False),
    ("contest in no style", drop("ballot_styles 0 contests 3"), "$.contests[3]", "is in no ballot style", False),
    ("unit in no style", put("ballot_styles 0 units", ["North House"]), "$.reporting_units[2]", "no ballot", False),
    ("selection limit 0", put("contests 0 selection_limit", 0), "$.contests[0].selection_limit", "from 1", True),
    ("selection limit above the options", put("contests 1 selection_limit", 6), "$.contests[1].selection_limit",
     "is 6, but all options together take 5 at most", False),
    ("selection limit above 1000", put("contests 4 selection_limit", 1001), "$.contests[4].selection_limit",
     "a range proof grows with the limit", True),
    ("option limit above the selection limit", put("contests 1 option_limit", 3), "$.contests[1].option_limit",
     "from 1 to 2, no more than the selection limit", False),
    ("own limit above the selection limit", put("contests 3 options 0 limit", 6), "$.contests[3].options[0].limit",
     "from 1 to 5, no more than the selection limit", False),
    ("own limit 0", put("contests 3 options 0 limit", 0), "$.contests[3].options[0].limit", "is 0", True),
    ("limit in words", put("contests 1 selection_limit", "2"), "$.contests[1].selection_limit", "is '2'", True),
    ("limit true", put("contests 0 selection_limit", True), "$.contests[0].selection_limit", "is true", True),
    ("limit 1.0", put("contests 0 selection_limit", 1.0), "$.contests[0].selection_limit", "not a whole", False),
    ("limit null", put("contests 0 option_limit", None), "$.contests[0].option_limit", "is null", True),
    ("limit of 5000 digits", put("minimum_cell", 10**4300 - 1), "$.minimum_cell", "a number of 4300 digits", True),
    ("write-ins nowhere kept", drop("contests 0 contest_data"), "$.contests[0].write_ins", "nothing keeps", True),
    ("more write-ins than selections", put("contests 0 write_ins", 2), "$.contests[0].write_ins", "from 0 to 1", False),
    ("129 blocks", put("contests 0 contest_data blocks", 129), "$.contests[0].contest_data.blocks", "is 129", True),
    ("supplemental selections", put("contests 0 supplemental", [{}]), "$.contests[0].supplemental", "reserved", True),
    ("two seats by plurality", put("contests 0 seats number", 2), "$.contests[0].seats.number", "one seat", True),
    ("unknown rule of seats", put("contests 1 seats rule", "d'hondt"), "$.contests[1].seats.rule", "write ", True),
    ("no seats", put("contests 1 seats number", 0), "$.contests[1].seats.number", "from 1", True),
    ("first divisor of another rule", put("contests 1 seats first_divisor", 140), "$.contests[1].seats.first_divisor",
     "modified-sainte-lague alone", True),
    ("threshold above all", put("contests 1 seats threshold_points", 10001), "$.contests[1].seats.threshold_points",
     "10000", True),
    ("seatless stranger", put("contests 0 seats seatless 0", "writein"), "$.contests[0].seats.seatless[0]",
     "did you mean 'write-in'?", False),
    ("cell of no ballots", put("minimum_cell", 0), "$.minimum_cell", "from 1", True),
    ("weight 0", put("weights classes 0", 0), "$.weights.classes[0]", "is 0", True),
    ("weights falling", put("weights classes 1", 7), "$.weights.classes[2]", "smallest first", False),
    ("weight twice", put("weights classes 1", 1), "$.weights.classes[1]", "once", True),
    ("unknown chaining", put("chaining", "double"), "$.chaining", 'write "simple" or "none"', True),
    ("undeclared language", put("contests 0 name kyy", "x"), "$.contests[0].name.kyy", "did you mean 'ky'?", False),
    ("language tag in capitals", put("languages 4", "EN"), "$.languages[4]", "no language tag", True),
    ("language twice", put("languages 4", "en"), "$.languages[4]", "as is $.languages[2]", True),
    ("text without language", put("contests 0 name", {}), "$.contests[0].name", "holds no language", True),
    ("text as a string", put("contests 0 name", "Chair"), "$.contests[0].name", "write text by language", True),
    ("line break in a label", put("label", "a\nb"), "$.label", "U+000A", True),
    ("bell in a name", put("name en", "a\x07b"), "$.name.en", "U+0007", True),
    ("line break in notes", put("notes en", "a\nb"), "$.notes.en", "U+000A", True),
    ("half a surrogate pair", put("notes en", "a\ud800"), "$.notes.en", "U+D800", False),
    ("letters in reversed order", put("label", "Bob\u202e"), "$.label", "U+202E", True),
    ("label not in NFC", put("label", "Caf\u0065\u0301"), "$.label", "NFC", False),
    ("name not in NFC", put("name ru", "Озе\u0308рный, Орло\u0438\u0306"), "$.name.ru", "NFC", False),
    ("space before a label", put("label", " x"), "$.label", "white space", True),
    ("no-break space after a label", put("label", "x\u00a0"), "$.label", "white space", True),
    ("blank label", put("label", "  "), "$.label", "is empty", True),
    ("label of 201 characters", put("label", "x" * 201), "$.label", "has 201 characters", True),
    ("name of 1001 characters", put("name en", "x" * 1001), "$.name.en", "has 1001 characters", True),
]  # fmt: skip


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_accepted_by_reader_and_schema(path: Path) -> None:
    read_manifest(path.read_bytes())
    SCHEMA.validate(json.loads(path.read_text("utf-8")))


def test_example_in_the_specification_is_accepted_by_reader_and_schema() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", (SPECS / "manifest.md").read_text("utf-8"), re.DOTALL)
    assert read_manifest(example.encode()).languages == ("en",)
    SCHEMA.validate(json.loads(example))


@pytest.mark.parametrize(("edit", "path", "words"), [pytest.param(*case[1:4], id=case[0]) for case in REJECTED])
def test_reader_names_the_one_problem_by_its_path(edit: Edit, path: str, words: str) -> None:
    found = problems(encode(edited(edit)))
    assert list(found) == [path]
    assert words in found[path]


@pytest.mark.parametrize(("edit", "objects"), [pytest.param(case[1], case[4], id=case[0]) for case in REJECTED])
def test_schema_objects_where_a_schema_can(edit: Edit, objects: bool) -> None:
    assert SCHEMA.is_valid(edited(edit)) is not objects


def test_two_contests_of_one_label_are_named() -> None:
    found = problems(encode(edited(put("contests 2 label", "board"))))
    assert "as is $.contests[1].label" in found["$.contests[2].label"]


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        (b"", "$", "not JSON at line 1, column 1"),
        (b"[]", "$", "is a list"),
        (b"null", "$", "is null"),
        (b"1" * 5000, "$", "a number of 5000 digits"),
        (b'{"a": 1', "$", "not JSON"),
        (b"{} {}", "$", "extra data"),
        (b"\xef\xbb\xbf{}", "$", "byte order mark"),
        ('{"label": "é"}'.encode("latin-1"), "$", "not UTF-8 at byte 11"),
        (b"{}".decode().encode("utf-16"), "$", "not UTF-8"),
        (b"[" * 17 + b"]" * 17, "$", "deeper than 16"),
        (b"[" * 1_000_000, "$", "deeper than 16"),
        (b'{"a":' * 500_000, "$", "deeper than 16"),
        (b'"' + b'\\"' * 1_000_000, "$", "unterminated string"),
        (b" " * (4 << 20) + b"1", "$", "more than 4194304"),
        (b'{"label": "a\nb"}', "$", "control character"),
        (b'{"label": "a", "label": "a"}', "$.label", "more than once"),
        (b'{"name": {"en": "a", "en": "b"}}', "$.name.en", "more than once"),
        (b'{"minimum_cell": NaN}', "$.minimum_cell", "is NaN, which is not a whole number"),
        (b'{"minimum_cell": -Infinity}', "$.minimum_cell", "is -Infinity"),
        (b'{"minimum_cell": 1e3}', "$.minimum_cell", "is 1e3"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_file_that_is_not_strict_json_is_refused(data: bytes, path: str, words: str) -> None:
    assert words in problems(data)[path]


def test_brackets_inside_strings_do_not_count_as_nesting() -> None:
    assert read_manifest(encode(edited(put("notes en", '"\\' + "[" * 100)))).notes.best(("en",)).count("[") == 100


def test_every_problem_of_a_manifest_is_named_at_once() -> None:
    edits = [put("label", " x"), put("contests 1 selection_limit", 9), put("contests 4 options 0 label", "blue"),
             put("ballot_styles 0 contests 0", "chiar"), put("weights classes 0", 1.5)]  # fmt: skip
    assert list(problems(encode(edited(lambda root: [edit(root) for edit in edits])))) == [
        "$.label", "$.contests[1].selection_limit", "$.contests[4].options[1].label", "$.ballot_styles[0].contests[0]",
        "$.weights.classes[0]"]  # fmt: skip


def test_message_lists_twenty_problems_and_counts_the_rest() -> None:
    data = encode(edited(put("contests 1 options", [{"label": f" {number}"} for number in range(25)])))
    with pytest.raises(ManifestError, match="manifest: 25 problems found") as caught:
        read_manifest(data)
    assert len(caught.value.problems) == 25
    assert str(caught.value).count("white space around it") == 20
    assert str(caught.value).endswith("and 5 more")


def test_problems_are_kept_up_to_a_bound() -> None:
    assert len(problems(encode(edited(put("reporting_units", [0] * 20_000))))) == 10_000


def test_message_shows_no_raw_control_characters() -> None:
    with pytest.raises(ManifestError) as caught:
        read_manifest(encode(edited(put("chaining", "\x1b[2J\u202e"))))
    assert r"'\x1b[2J\u202e'" in str(caught.value)


def test_absent_fields_take_their_defaults() -> None:
    optional = ("languages", "notes", "minimum_cell", "weights", "chaining")
    manifest = read_manifest(encode({name: value for name, value in FULL.items() if name not in optional}))
    assert (manifest.minimum_cell, manifest.weights, manifest.chaining) == (10, (1,), "simple")
    assert manifest.languages == ("en", "ru", "ky", "ar")
    assert manifest.notes == Text()


def test_option_limits_and_data_blocks_are_resolved() -> None:
    assert [option.limit for option in full().contest(4).options] == [3, 2, 3]
    assert [option.limit for option in full().contest(1).options] == [1, 1, 1]
    assert [contest.data_blocks for contest in full().contests] == [4, 0, 0, 0, 0]
    assert full().weights == (1, 2, 5)


def test_indices_start_at_one_in_the_order_of_the_file() -> None:
    assert [contest.index for contest in full().contests] == [1, 2, 3, 4, 5]
    assert full().contest(2).label == "board"
    assert full().contest(2).option(5).label == "Elena Kim"
    assert full().unit(3).label == "Post"
    assert full().style(2).contests == (3, 5)
    assert full().style(1).units == (1, 2, 3)
    assert full().style(2).units == (1, 2)


@pytest.mark.parametrize("index", [0, -1, 6])
def test_index_outside_its_list_is_a_data_error(index: int) -> None:
    for lookup in (full().contest, full().style, full().unit, full().contest(2).option):
        with pytest.raises(DataError, match="has the index"):
            lookup(index)


def test_items_are_found_by_label() -> None:
    assert full().contest_by_label("budget").option_by_label("garden").index == 2
    assert full().unit_by_label("Post").index == 3
    assert full().style_by_label("tenant").index == 2


def test_unknown_label_is_a_data_error_with_the_nearest_one() -> None:
    lookups = [(full().contest_by_label, "budgets", "budget"), (full().unit_by_label, "post", "Post"),
               (full().style_by_label, "tennant", "tenant"), (full().contest(2).option_by_label, "Ana Orlova",
                                                             "Anna Orlova")]  # fmt: skip
    for lookup, label, nearest in lookups:
        with pytest.raises(DataError, match=label) as caught:
            lookup(label)
        assert caught.value.remedy == f"did you mean {nearest!r}?"


def test_best_text_follows_the_languages_asked_for() -> None:
    text = Text((("en", "chair"), ("ky", "төрага")))
    assert text.best(("fr", "ky", "en")) == "төрага"
    assert text.best(("ky-KG",)) == "төрага"
    assert text.best(("fr",)) == "chair"
    assert Text().best(("en",)) == ""
    assert full().unit(3).title(("ky",)) == "Post"
    assert full().contest(1).title(("ky",)) == "Төрага"


def test_reader_and_schema_state_the_same_bounds() -> None:
    root, contest, shared = SCHEMA.schema["properties"], SCHEMA.schema["$defs"]["contest"], SCHEMA.schema["$defs"]
    stated = {
        "MAX_CONTESTS": root["contests"]["maxItems"],
        "MAX_UNITS": root["reporting_units"]["maxItems"],
        "MAX_STYLES": root["ballot_styles"]["maxItems"],
        "MAX_LANGUAGES": root["languages"]["maxItems"],
        "MAX_CELL": root["minimum_cell"]["maximum"],
        "DEFAULT_CELL": root["minimum_cell"]["default"],
        "MAX_WEIGHTS": root["weights"]["properties"]["classes"]["maxItems"],
        "MAX_WEIGHT": root["weights"]["properties"]["classes"]["items"]["maximum"],
        "MAX_OPTIONS": contest["properties"]["options"]["maxItems"],
        "MAX_BLOCKS": contest["properties"]["contest_data"]["properties"]["blocks"]["maximum"],
        "MAX_LIMIT": shared["limit"]["maximum"],
        "MAX_LABEL": shared["label"]["maxLength"],
        "MAX_NAME": shared["name"]["additionalProperties"]["maxLength"],
        "MAX_NOTES": shared["notes"]["additionalProperties"]["maxLength"],
    }
    assert stated == {name: getattr(module, name) for name in stated}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


def read_or_refuse(data: bytes) -> Manifest | None:
    try:
        return read_manifest(data)
    except ManifestError as refused:
        str(refused).encode()  # printable: no half surrogates
        return None


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_refused_by_name(data: bytes) -> None:
    assert read_or_refuse(data) is None


@given(JSON)
def test_any_json_is_refused_by_name(value: object) -> None:
    assert read_or_refuse(encode(value)) is None


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, item in inner for place in places(item, (*path, step)))]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([place for place in places(FULL) if place]), JSON | st.integers(-1, 20))
def test_changed_value_is_refused_by_name_or_satisfies_the_schema(place: tuple[Any, ...], value: object) -> None:
    changed = copy.deepcopy(FULL)
    functools.reduce(lambda at, step: at[step], place[:-1], changed)[place[-1]] = value
    if read_or_refuse(encode(changed)) is not None:
        SCHEMA.validate(changed)


@settings(max_examples=300)
@given(st.integers(0, len(encode(FULL)) - 1), st.integers(0, 3), st.binary(max_size=3))
def test_changed_bytes_are_refused_by_name_or_satisfy_the_schema(start: int, length: int, new: bytes) -> None:
    data = encode(FULL)[:start] + new + encode(FULL)[start + length :]
    if read_or_refuse(data) is not None:
        SCHEMA.validate(json.loads(data))
