"""specs/record.md says of every kind, field and rule what the code does, and specs/README.md names what there is."""

import ast
import re
from dataclasses import fields, is_dataclass
from functools import lru_cache
from hashlib import sha256
from inspect import getsource
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from e2ev import hashing
from e2ev.board import announced, eligibility, ledger, objections, rules, stations
from e2ev.group import Element, Scalar
from e2ev.record import bodies
from e2ev.record.codec import MAX_INT, MAX_TEXT, decode, encode
from e2ev.record.entry import MAX_HEADER, Header
from e2ev.record.kinds import KINDS, Kind, KindRow
from e2ev.verify.run import CHECKS
from tests.records import BODY_TYPES, RECORD_TYPES, Writer

TEXT = (Path(__file__).parents[1] / "specs/record.md").read_text("utf-8")
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20}


def section(title: str) -> str:
    """Return what stands below a heading of any level, up to the next one."""
    (found,) = re.findall(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", TEXT, re.DOTALL | re.MULTILINE)
    return str(found)


def rows(text: str) -> list[list[str]]:
    """Return the cells of a table's rows, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def kind_name(kind: Kind) -> str:
    return kind.name.lower().replace("_", " ")


def notation(kind: Any) -> str:
    """Return a field's type as the specification writes it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return f"bytes {arguments[1]}"
    if origin is Literal:
        return " or ".join(f'"{item}"' if isinstance(item, str) else str(item) for item in arguments)
    if origin is tuple:
        return f"[{notation(arguments[0])}]"
    if origin in (Union, UnionType):
        (inner,) = (item for item in arguments if item is not NoneType)
        return notation(inner) + "?"
    if hasattr(kind, "__supertype__"):
        return notation(kind.__supertype__)
    simple = {int: "int", bytes: "bytes", str: "text", Element: "element", Scalar: "scalar"}
    return simple.get(kind) or str(kind.__name__)


@lru_cache(maxsize=64)
def hints(kind: type) -> dict[str, Any]:
    found = get_type_hints(kind, include_extras=True)
    return {field.name: found[field.name] for field in fields(kind)}


def within(kind: Any) -> set[type]:
    """Return the record types that a field's type mentions."""
    if isinstance(kind, type) and is_dataclass(kind) and kind not in (Element, Scalar):
        return {kind}
    return {found for argument in get_args(kind) if argument is not Ellipsis for found in within(argument)}


def values() -> set[type]:
    """Return the types of all values that stand inside of headers and bodies, and of sealed shares."""
    found: set[type] = set()
    left = list(RECORD_TYPES)
    while left:
        inner = {one for kind in hints(left.pop()).values() for one in within(kind)} - found
        found |= inner
        left += inner
    return found


VALUES = sorted(values() | {Header}, key=lambda kind: kind.__name__)
ROWS = [row for row in KINDS.values() if row.body is not None]


# Kinds


def test_table_of_kinds_is_that_of_the_code() -> None:
    stated = [(int(no), name, poster, limit, part) for no, name, poster, limit, part in rows(section("Kinds"))]
    assert [(no, name, poster, size_of(limit), part) for no, name, poster, limit, part in stated] == [
        (int(row.kind), kind_name(row.kind), row.poster, row.limit, row.feature or "core") for row in KINDS.values()
    ]


def size_of(text: str) -> int:
    number, unit = text.split()
    return int(number) * UNITS[unit]


def test_every_kind_with_a_body_has_a_section_and_no_other() -> None:
    titles = re.findall(r"^### (\d+) (.+)$", TEXT, re.MULTILINE)
    assert [(int(no), name) for no, name in titles] == [(int(row.kind), kind_name(row.kind)) for row in ROWS]


def stated_fields(title: str) -> list[tuple[str, str]]:
    found = rows(section(title))
    assert all(meaning for _, _, meaning, _ in found)
    return [(name, kind.strip("`")) for name, kind, _, _ in found]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: kind_name(row.kind))
def test_body_has_the_stated_fields_in_their_order(row: KindRow) -> None:
    assert row.body is not None
    expected = [(name, notation(kind)) for name, kind in hints(row.body).items()]
    assert stated_fields(f"{int(row.kind)} {kind_name(row.kind)}") == expected


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_value_has_the_stated_fields_in_their_order(kind: type) -> None:
    assert stated_fields(kind.__name__) == [(name, notation(found)) for name, found in hints(kind).items()]


def test_every_value_has_a_section_and_no_other() -> None:
    assert sorted(re.findall(r"^#### (\w+)$", TEXT, re.MULTILINE)) == [kind.__name__ for kind in VALUES]


def test_checks_of_redundant_values_are_checks_that_there_are() -> None:
    titles = re.findall(r"^###+ (.+)$", TEXT, re.MULTILINE)
    named = {check for title in titles for row in rows(section(title)) for check in row[3].split(", ") if check}
    assert "8.A" in named
    assert named <= {check.id for check in CHECKS}


# Bytes


def test_every_type_in_the_tables_is_explained() -> None:
    explained = " ".join(cell for cell, _ in rows(section("Bytes")))
    for name in ("int", "bytes", "bytes n", "text", "element", "scalar"):
        assert f"`{name}`" in explained


def test_numbers_in_the_text_are_those_of_the_code() -> None:
    bytes_, headers = section("Bytes"), section("Headers")
    assert MAX_INT == 2**31 - 1
    assert f"at most {MAX_TEXT} characters" in bytes_
    assert f"at most {MAX_HEADER} bytes" in headers
    assert f"nest at most {max(map(depth, BODY_TYPES))} arrays deep" in bytes_


def depth(kind: Any) -> int:
    """Return how many arrays stand in each other in a value of this type."""
    if isinstance(kind, type) and is_dataclass(kind) and kind not in (Element, Scalar):
        return 1 + max((depth(inner) for inner in hints(kind).values()), default=0)
    inside = max((depth(argument) for argument in get_args(kind) if argument is not Ellipsis), default=0)
    return inside + (get_origin(kind) is tuple)


def test_example_is_the_encoding_of_what_it_says() -> None:
    (example,) = re.findall(r"```\n([0-9a-f]+)\n```", TEXT)
    body = bodies.DecisionBody(1, bytes(range(32)), "cast", "")
    assert encode(body).hex() == example
    assert decode(bodies.DecisionBody, bytes.fromhex(example), None, "").form == body


def test_label_of_signatures_is_the_one_of_the_code() -> None:
    (label,) = re.findall(r'\*\*Signed\*\* is "([^"]+)" ‖ 0x00', TEXT)
    header = Writer(1).write().header
    assert header.signed_bytes().startswith(label.encode() + b"\0" + encode(header)[:-64])


def prefix_of(title: str) -> bytes:
    """Return the fixed bytes in front of the fields in a formula of our own hashes."""
    parts: list[tuple[str, str, str]] = re.findall(r'SHA-256\(0x80 ‖ "(.+?)" ‖ ([0-9a-f]{8}) ‖ "(.+?)"', section(title))
    ((name, size, label),) = parts
    return b"\x80" + name.encode() + bytes.fromhex(size) + label.encode()


def test_formula_of_the_election_id_is_the_one_of_the_code() -> None:
    assert hashing.election_identifier(b"body") == sha256(prefix_of("Election id") + b"body").digest()


def test_formula_of_id_b_is_the_one_of_the_code() -> None:
    (size,) = re.findall(r"‖ ([0-9a-f]{8}) ‖ author", section("id_B"))
    author, salt = bytes(33), bytes(range(32))
    expected = prefix_of("id_B") + bytes.fromhex(size) + author + (7).to_bytes(8, "big") + salt
    assert hashing.selection_identifier(author, 7, salt) == sha256(expected).digest()


# Rules


def test_every_kind_has_a_rule() -> None:
    named = [name for name, _, _ in rows(section("Rules"))]
    assert sorted(named) == sorted([*(kind_name(row.kind) for row in ROWS), "planned parts"])


def test_rules_name_the_checks_that_the_code_names() -> None:
    stated = set(re.findall(r"\b[A-Z]\.\d+\b", section("Rules")))
    modules = (rules, stations, eligibility, announced, objections, ledger)
    made = {check for module in modules for check in re.findall(r'Objection\(\s*"([^"]+)"', getsource(module))}
    assert stated == made


# Names


README = (Path(__file__).parents[1] / "specs/README.md").read_text("utf-8")
TREES = [ast.parse(path.read_text("utf-8")) for path in (Path(__file__).parents[1] / "src/e2ev").rglob("*.py")]


@lru_cache(maxsize=1)
def names() -> set[str]:
    """Return every name of the code: those of classes, functions and fields, and members behind their class."""
    found: set[str] = set()
    for node in (node for tree in TREES for node in ast.walk(tree)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        if isinstance(node, ast.ClassDef):
            members = [item.target for item in node.body if isinstance(item, ast.AnnAssign)]
            found |= {f"{node.name}.{target.id}" for target in members if isinstance(target, ast.Name)}
            found |= {f"{node.name}.{item.name}" for item in node.body if isinstance(item, ast.FunctionDef)}
    return found


def notation_names() -> list[str]:
    table = README.partition("## Notation")[2].partition("## Words")[0]
    return [name for *_, names in rows(table) for name in re.findall(r"`([\w.]+)`", names)]


@pytest.mark.parametrize("name", notation_names())
def test_name_in_the_notation_table_is_one_of_the_code(name: str) -> None:
    assert name in names() or name in ("TrusteeId", "hashing", "tally")  # a NewType, and two modules


def test_pages_in_the_reading_order_are_named_once_each() -> None:
    order = re.findall(r"^\d\. `(\w+\.md)`", README, re.MULTILINE)
    assert order == [
        "manifest.md",
        "protocol.md",
        "record.md",
        "board.md",
        "verification.md",
        "threats.md",
        "partials.md",
        "states.md",
    ]
