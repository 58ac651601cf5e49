"""The corpus of tampered records as JSON (specs/vectors/attacks/README.md): written, read, and turned into boards."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from e2ev.demo.forge import Forgery, Keys, Step, Tampering, write_board, write_entry
from e2ev.demo.tamper import TAMPERINGS, options_for
from e2ev.demo.toy import LOOSE
from e2ev.group import Element, RawScalar, Residue, Scalar
from e2ev.record.codec import encode
from e2ev.record.entry import Entry, Pen, decode_header
from e2ev.record.kinds import KINDS
from e2ev.signing import SigningKey
from e2ev.verify.anchors import anchors_file, anchors_of
from tests.attacks import FOLDER, Desk, attacks_of, desks, recorded

BASES = FOLDER / "bases"
RECORDS = FOLDER / "records"
FORMAT = "e2ev tampered records 1"


# Values: members by name in the order of record.md, bytes as hex


def to_json(value: Any) -> Any:
    """Return a record value as JSON."""
    if isinstance(value, Residue | RawScalar | Scalar):
        return value.to_bytes().hex()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_json(getattr(value, item.name)) for item in fields(value)}
    return value


def from_json(kind: Any, value: Any) -> Any:
    """Return the record value of a type; numbers that are no members or scalars stay what they are."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return bytes.fromhex(value)
    if origin in (Union, UnionType):
        (given,) = (one for one in arguments if one is not NoneType)
        return None if value is None else from_json(given, value)
    if origin is tuple:
        return tuple(from_json(arguments[0], item) for item in value)
    if hasattr(kind, "__supertype__"):
        return from_json(kind.__supertype__, value)
    if kind is Element:
        return LOOSE.residue(bytes.fromhex(value))
    if kind is Scalar:
        return LOOSE.raw_scalar(bytes.fromhex(value))
    if kind is bytes:
        return bytes.fromhex(value)
    if origin is Literal or kind in (int, str):
        return value
    hints = get_type_hints(kind, include_extras=True)
    return kind(*(from_json(hints[item.name], value[item.name]) for item in fields(kind)))


# Records


def record_of(forgery: Forgery) -> dict[str, Any]:
    """Return a board in the making as JSON."""
    exact = _exact_entries(forgery)
    return {
        "head": forgery.head.hex(),
        "tail": forgery.tail.hex(),
        "log_key": forgery.log.seed().hex(),
        "keys": {author.hex(): key.seed().hex() for author, key in sorted(forgery.keys.signing.items())},
        **_credentials(forgery),
        "entries": [_entry(step, exact.get(i)) for i, step in enumerate(forgery.steps)],
    }


def _credentials(forgery: Forgery) -> dict[str, Any]:
    """Return the keys of the roll's rows, where there is a roll."""
    held = {str(row): [key.seed().hex() for key in keys] for row, keys in forgery.keys.credentials.items()}
    return {"credentials": held} if held else {}


def _entry(step: Step, exact: Entry | None) -> dict[str, Any]:
    row = KINDS.get(step.kind)
    return {
        "author": step.author.hex(),
        "kind": int(step.kind),
        "code": step.code.hex() if step.code is not None else None,
        "body": to_json(step.body) if row and type(step.body) is row.body else {"bytes": _raw(step.body).hex()},
        "kept": step.kept,
        "committed": step.committed,
        "exact": None if exact is None else {"header": exact.leaf.hex(), "body": exact.body.hex()},
    }


def _raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else encode(body)


def _exact_entries(forgery: Forgery) -> dict[int, Entry]:
    """Return the entries that no honest pen writes, by their places."""
    made: dict[int, Entry] = {}

    def noting(i: int, step: Step) -> Step:
        def sign(pen: Pen, step_: Step, body: bytes) -> Entry:
            made[i] = step.sign(pen, step_, body)
            return made[i]

        return step if step.sign is write_entry else replace(step, sign=sign)

    with tempfile.TemporaryDirectory() as folder:
        noted = tuple(noting(i, step) for i, step in enumerate(forgery.steps))
        write_board(replace(forgery, steps=noted), Path(folder) / "x.board")
    return made


def forgery_of(record: dict[str, Any]) -> Forgery:
    """Return the board in the making that a JSON record describes."""
    signing = {bytes.fromhex(a): SigningKey.from_seed(bytes.fromhex(k)) for a, k in record["keys"].items()}
    log = SigningKey.from_seed(bytes.fromhex(record["log_key"]))
    steps = tuple(_step(entry) for entry in record["entries"])
    head, tail = (bytes.fromhex(record[name]) for name in ("head", "tail"))
    rows = {
        int(row): tuple(SigningKey.from_seed(bytes.fromhex(seed)) for seed in seeds)
        for row, seeds in record.get("credentials", {}).items()
    }
    return Forgery(LOOSE, steps, Keys(signing, {}, {}, rows), log, head, tail)


def _step(entry: dict[str, Any]) -> Step:
    body, row = entry["body"], KINDS.get(entry["kind"])
    made = bytes.fromhex(body["bytes"]) if "bytes" in body else from_json(row and row.body, body)
    code = bytes.fromhex(entry["code"]) if entry["code"] is not None else None
    step = Step(bytes.fromhex(entry["author"]), entry["kind"], made, code, entry["committed"], kept=entry["kept"])
    if entry["exact"] is None:
        return step
    leaf, body = (bytes.fromhex(entry["exact"][name]) for name in ("header", "body"))
    return replace(step, sign=lambda _pen, _step, _body: Entry(leaf, decode_header(leaf, "header"), body))


# Patches (RFC 6902: add, remove, replace)


def difference(old: Any, new: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """Yield the operations that make one JSON value of another."""
    if isinstance(old, dict) and isinstance(new, dict) and list(old) == list(new):
        for name in old:
            yield from difference(old[name], new[name], f"{path}/{name}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from difference(one, other, f"{path}/{i}")
    elif isinstance(old, list) and isinstance(new, list) and path == "/entries":
        yield from _moved(old, new, path)
    elif old != new:
        yield {"op": "replace", "path": path, "value": new}


def _moved(old: list[Any], new: list[Any], path: str) -> Iterator[dict[str, Any]]:
    """Yield removals and additions of whole entries, then what changed in those that stayed."""
    held = list(old)
    matcher = SequenceMatcher(None, [_name(one) for one in old], [_name(one) for one in new], autojunk=False)
    shift = 0
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            continue
        for _ in range(i, j):
            yield {"op": "remove", "path": f"{path}/{i + shift}"}
            del held[i + shift]
        for n in range(k, m):
            yield {"op": "add", "path": f"{path}/{i + shift + n - k}", "value": new[n]}
            held.insert(i + shift + n - k, new[n])
        shift += (m - k) - (j - i)
    yield from difference(held, new, path)


def _name(entry: dict[str, Any]) -> tuple[Any, ...]:
    """Return what stays the same of an entry when it is resealed."""
    body = entry["body"]
    inner = body.get("ballot", {})
    return entry["author"], entry["kind"], inner.get("salt", "") if isinstance(inner, dict) else ""


def apply(document: Any, patch: Sequence[dict[str, Any]]) -> Any:
    """Return the document after a patch; the document itself stays as it is."""
    made = json.loads(json.dumps(document))
    for one in patch:
        *parents, last = one["path"].split("/")[1:]
        place = made
        for name in parents:
            place = place[int(name) if isinstance(place, list) else name]
        at: Any = int(last) if isinstance(place, list) else last
        if one["op"] == "remove":
            del place[at]
        elif one["op"] == "add" and isinstance(place, list):
            place.insert(at, one["value"])
        else:
            place[at] = one["value"]
    return made


# Vectors


@dataclass(frozen=True)
class Vector:
    """One tampered record as it is stored."""

    content: dict[str, Any]
    base: dict[str, Any]

    def write(self, board: Path) -> None:
        """Write its board."""
        write_board(forgery_of(apply(self.base["record"], self.content["patch"])), board)

    def anchors(self) -> dict[str, Any]:
        """Return what an auditor knows."""
        known = self.base["anchors"]
        return {
            k: v for k, v in known.items() if k not in ("devices", "root", "registrars") or k in self.content["knows"]
        }


def said_of(tampering: Tampering) -> dict[str, Any]:
    """Return everything about a vector but its patch."""
    attacks, roles = attacks_of(tampering.name), recorded()[tampering.name]
    return {
        "name": tampering.name,
        "attacks": [attack.id for attack in attacks],
        "tier": _tier(tampering),
        "base": tampering.base,
        "comment": tampering.story,
        "attacker": sorted({one for attack in attacks for one in attack.attacker}),
        "breaks": sorted({one for attack in attacks for one in attack.breaks}),
        "knows": list(tampering.knows),
        "source": [attack.source for attack in attacks],
        "verdict": {"UV": "rejected", **{role: "refused" if said else "goes on" for role, said in roles.items()}},
        "checks": sorted(tampering.trips),
        "control": tampering.no_control or "accepted",
    }


def _tier(tampering: Tampering) -> str:
    if tampering.trips == {"R.1"}:
        return "encoding"
    return (
        "record" if any(check[0] in "ABCDEQT" or check[:2] in ("9.", "11") for check in tampering.trips) else "object"
    )


def vectors() -> Iterator[Vector]:
    """Yield every stored vector."""
    bases = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(BASES.glob("*.json"))}
    for path in sorted(RECORDS.glob("*.json")):
        content = json.loads(path.read_text("utf-8"))
        yield Vector(content, bases[content["base"]])


def write_corpus(*, anew: bool = True) -> None:
    """Write all bases and records anew, from fresh elections; or those alone whose base is not stored yet."""
    if anew:
        shutil.rmtree(RECORDS, ignore_errors=True)
    stored = set() if anew else {path.stem for path in BASES.glob("*.json")}
    for folder in (BASES, RECORDS):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="e2ev-corpus-") as root:
        made, records = desks(Path(root)), dict[str, dict[str, Any]]()
        for tampering in (one for one in TAMPERINGS if one.base not in stored):
            desk = made(tampering.base, LOOSE)
            base = records.get(tampering.base) or _write_base(tampering.base, desk)
            records[tampering.base] = base
            patch = list(difference(base, record_of(tampering.change(desk.forgery))))
            content = said_of(tampering) | {"resealed": _resealed(patch), "patch": patch}
            _dump(RECORDS / f"{tampering.name}.json", {"format": FORMAT, **content})


def _write_base(name: str, desk: Desk) -> dict[str, Any]:
    record = record_of(desk.forgery)
    anchors = options_for("last-ballot-gone", desk.election).anchors
    devices = options_for("unknown-device", desk.election).anchors
    if anchors is None or devices is None:
        raise ValueError("these tamperings know anchors")
    group = {"name": LOOSE.name, "p": hex(int(LOOSE.p)), "q": hex(int(LOOSE.q)), "g": hex(int(LOOSE.g))}
    registrars = anchors_of(desk.election.administrator.contents()).registrars
    known = json.loads(anchors_file(replace(anchors, devices=devices.devices, registrars=registrars)))
    _dump(BASES / f"{name}.json", {"format": FORMAT, "name": name, "group": group, "anchors": known, "record": record})
    return record


def _dump(path: Path, content: dict[str, Any]) -> None:
    """Write an object, each of its members and each operation of its patch on a line of its own."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text.replace(',{"op"', ',\n{"op"').replace(',"patch"', ',\n"patch"') + "\n", "utf-8")


def _resealed(patch: Sequence[dict[str, Any]]) -> list[str]:
    """Return what was made again besides signatures, authors' chains, the tree and checkpoints, which always are."""
    paths = " ".join(one["path"] for one in patch)
    parts = {"codes": "/code", "cells": "/totals", "decryption": "/responses", "counts": "/power"}
    return ["signatures", "chains", "tree", "checkpoints", *(name for name, mark in parts.items() if mark in paths)]
