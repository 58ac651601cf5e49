"""The floors of the house: who may import whom, and who may use what. One table states the order."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "cli").rglob("*.py")])

FLOORS = (
    ("errors", "arith", "group", "hashing", "signing", "codes", "credentials", "strict_json"),
    ("sigma", "elgamal", "proofs", "sharing"),
    ("manifest", "ceremony", "contest_data", "chaining", "ballot", "claims", "prepared", "counting", "tally"),
    ("storage", "record", "board"),
    ("verify",),
    ("roles",),
    ("accountability", "formats", "report", "demo"),
)
"""Modules and packages of e2ev, lowest first. Each may import what stands before it; a package, itself as well."""

ONLY_HERE = {"gmpy2": "e2ev.arith", "msgpack": "e2ev.record.codec"}
"""Packages of others that one module alone may import."""

SYNCS = frozenset({"fsync", "fdatasync", "sync", "sync_data", "sync_folder"})
MAY_SYNC = ("e2ev.storage", "e2ev.board.log", "e2ev.board.growing", "e2ev.board.repair")

RANK = {name: rank for rank, name in enumerate(name for floor in FLOORS for name in floor)}


def module_of(path: Path) -> str:
    """Return the dotted name of a source file."""
    relative = path.relative_to(ROOT / path.relative_to(ROOT).parts[0]).with_suffix("")
    return ".".join(part for part in relative.parts if part != "__init__")


MODULES = {module_of(path): path.read_text("utf-8") for path in SOURCES}


def imports(source: str, known: frozenset[str] = frozenset(MODULES)) -> Iterator[str]:
    """Yield the module behind every import statement, wherever in the file it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from (f"{base}.{a.name}" if f"{base}.{a.name}" in known else base for a in node.names)


def part_of(module: str) -> str:
    """Return the module or package directly below e2ev that a module belongs to."""
    return [*module.split("."), ""][1]


def objections(module: str, source: str) -> Iterator[str]:
    """Yield what is wrong with the imports of a module."""
    package, _, _ = module.partition(".")
    for imported in imports(source):
        outside, _, _ = imported.partition(".")
        if imported.startswith("."):
            yield f"{module} imports {imported}, relatively"
        elif ONLY_HERE.get(outside, module) != module:
            yield f"{module} imports {imported}, which {ONLY_HERE[outside]} alone may do"
        elif outside == "e2ev_cli" and package != "e2ev_cli" and module != "e2ev.__main__":
            yield f"{module} imports {imported}, which is above it"
        elif outside == "e2ev" and package == "e2ev" and module != "e2ev.__main__":
            above, own = part_of(imported), part_of(module)
            if not above or (above != own and RANK.get(above, len(RANK)) >= RANK.get(own, -1)):
                yield f"{module} imports {imported}, which is not below it"


def syncs(source: str) -> Iterator[str]:
    """Yield every name of a call that syncs."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in SYNCS:
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.name in SYNCS)


def test_every_module_imports_only_what_is_below_it() -> None:
    assert [wrong for module, source in MODULES.items() for wrong in objections(module, source)] == []


def test_every_module_has_a_place_in_the_order() -> None:
    parts = {part_of(module) for module in MODULES if module.startswith("e2ev.")}
    assert parts - set(RANK) <= {"__main__"}


def test_order_names_no_part_twice() -> None:
    assert sum(map(len, FLOORS)) == len(RANK)


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {module: set(imports(source)) & MODULES.keys() for module, source in MODULES.items()}
    order = list(TopologicalSorter(graph).static_order())
    assert order.index("e2ev.errors") < order.index("e2ev.board.log")


def test_only_storage_and_the_log_sync() -> None:
    found = [module for module, source in MODULES.items() if any(syncs(source))]
    assert [module for module in found if not module.startswith(MAY_SYNC)] == []
    assert "e2ev.storage.disk" in found


@pytest.mark.parametrize("package", ["e2ev", "e2ev.record", "e2ev.board", "e2ev.storage"])
def test_packages_themselves_are_empty(package: str) -> None:
    assert MODULES[package] == ""


# The tests above can fail


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("e2ev.group", "from e2ev import hashing"),
        ("e2ev.group", "def f():\n    import e2ev.ballot"),
        ("e2ev.errors", "from e2ev.errors_of_others import x"),
        ("e2ev.sigma", "from e2ev.elgamal import Ciphertext"),
        ("e2ev.storage.disk", "from e2ev.record.entry import Entry"),
        ("e2ev.record.codec", "from e2ev.board import log"),
        ("e2ev.board.reader", "from e2ev.verify import run"),
        ("e2ev.verify.run", "from e2ev.roles.trustee import x"),
        ("e2ev.roles.trustee", "from e2ev.demo.toy import TOY"),
        ("e2ev.board.log", "from ..record import codec"),
        ("e2ev.board.log", "import e2ev"),
        ("e2ev.group", "from gmpy2 import mpz"),
        ("e2ev.board.note", "import msgpack"),
        ("e2ev_cli.main", "import msgpack"),
        ("e2ev.roles.device", "from e2ev_cli import ui"),
    ],
)
def test_import_of_what_is_above_or_belongs_to_others_is_objected_to(module: str, source: str) -> None:
    assert list(objections(module, source)) != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("e2ev.hashing", "from e2ev import arith\nfrom e2ev.group import Group"),
        ("e2ev.board.log", "from e2ev.board.note import NoteKey\nfrom e2ev.storage.disk import REAL"),
        ("e2ev_cli.main", "from e2ev.demo.toy import TOY\nfrom e2ev_cli import ui"),
        ("e2ev.__main__", "from e2ev_cli.main import run"),
        ("e2ev.arith", "import gmpy2"),
        ("e2ev.record.codec", "import msgpack"),
    ],
)
def test_import_of_what_is_below_is_fine(module: str, source: str) -> None:
    assert list(objections(module, source)) == []


@pytest.mark.parametrize("source", ["import os\nos.fsync(3)", "from os import fdatasync", "file.sync()"])
def test_syncing_is_seen_in_every_form(source: str) -> None:
    assert list(syncs(source)) != []
