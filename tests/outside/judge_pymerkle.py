"""Judges claims about a log with the package `pymerkle`, in an interpreter that has it: judge_pymerkle.py CASES."""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from pymerkle import InclusionProof, InmemoryTree, verify_inclusion  # type: ignore[import-not-found]
from pymerkle.core import _inclusion_path_layout  # type: ignore[import-not-found]

LOG = json.loads(Path(sys.argv[1]).read_text())
TREE = InmemoryTree(algorithm="sha256")
for line in Path(LOG["entries"]).read_text().splitlines():
    TREE.append_entry(bytes.fromhex(line))


def included(one: dict[str, Any]) -> bool:
    leaf, root = sha256(b"\0" + bytes.fromhex(one["entry"])).digest(), bytes.fromhex(one["root"])
    path = [leaf, *(bytes.fromhex(text) for text in one["proof"])]
    rule, _ = _inclusion_path_layout(one["index"] + 1, one["size"])
    proof = InclusionProof("sha256", True, one["size"], one["index"] + 1, rule, path)
    verify_inclusion(leaf, root, proof, index=one["index"] + 1, size=one["size"])
    return bool(TREE.get_root(one["size"]) == root)


def holds(one: dict[str, Any]) -> bool | None:
    if one["kind"] != "inclusion":
        return None
    try:
        return included(one)
    except Exception:
        return False


sizes = sorted({1, 2, 3, 255, 256, 257, LOG["size"] // 2, LOG["size"] - 1, LOG["size"]})
roots = {size: TREE.get_root(size).hex() for size in sizes if 0 < size <= LOG["size"]}
print(json.dumps({"said": [holds(one) for one in LOG["cases"]], "roots": roots}))
