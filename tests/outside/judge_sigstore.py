"""Judges claims about a log with the package `sigstore`, in an interpreter that has it: judge_sigstore.py CASES."""

import base64
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sigstore._internal.merkle import verify_merkle_inclusion  # type: ignore[import-not-found]  # where it is installed
from sigstore._internal.rekor.checkpoint import SignedCheckpoint, verify_checkpoint  # type: ignore[import-not-found]
from sigstore._internal.trust import Keyring  # type: ignore[import-not-found]
from sigstore_models.common import v1  # type: ignore[import-not-found]

LOG = json.loads(Path(sys.argv[1]).read_text())
DER = bytes.fromhex("302a300506032b6570032100" + LOG["key"])
KEYS = Keyring([v1.PublicKey(raw_bytes=base64.b64encode(DER), key_details=v1.PublicKeyDetails.PKIX_ED25519)])


def included(one: dict[str, Any]) -> bool:
    proof = SimpleNamespace(log_index=one["index"], tree_size=one["size"], root_hash=bytes.fromhex(one["root"]),
                            hashes=[bytes.fromhex(text) for text in one["proof"]])  # fmt: skip
    inner = SimpleNamespace(inclusion_proof=proof, canonicalized_body=bytes.fromhex(one["entry"]))
    verify_merkle_inclusion(SimpleNamespace(_inner=inner))
    return True


def signed(one: dict[str, Any]) -> bool:
    root = bytes.fromhex(LOG["root"])
    proof = SimpleNamespace(checkpoint=SimpleNamespace(envelope=one["note"]), root_hash=root)
    inner = SimpleNamespace(inclusion_proof=proof, log_id=SimpleNamespace(key_id=bytes.fromhex(LOG["id"])))
    verify_checkpoint(KEYS, SimpleNamespace(_inner=inner))
    stated = SignedCheckpoint.from_text(one["note"]).checkpoint
    return bool((stated.origin, stated.log_size) == (LOG["origin"], LOG["size"]))


JUDGES = {"inclusion": included, "note": signed}


def holds(one: dict[str, Any]) -> bool | None:
    if one["kind"] not in JUDGES:
        return None
    try:
        return JUDGES[one["kind"]](one)
    except Exception:
        return False


print(json.dumps({"said": [holds(one) for one in LOG["cases"]]}))
