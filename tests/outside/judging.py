"""What the programs of others say of our cases, and where that is not what it has to be."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from e2ev.board.merkle import leaf_hash, root_of
from tests.outside.cases import Case
from tests.outside.clients import Client, Place


@dataclass(frozen=True)
class Judged:
    """What one program said.

    Attributes:
        accepted: How many good cases it accepted.
        refused: How many tampered ones it refused.
        wrong: Cases about which it said something else than it has to.
    """

    accepted: int
    refused: int
    wrong: tuple[str, ...]


def judge(client: Client, place: Place, folder: Path, cases: Sequence[Case]) -> Judged:
    """Return what a program says of all cases that it can judge."""
    answer = client.ask(place, folder / "cases.json", folder)
    said, accepted, refused, wrong = answer["said"], 0, 0, list[str]()
    for number, (case, verdict) in enumerate(zip(cases, said, strict=True)):
        if case.kind not in client.judges or case.what in client.overlooks:
            continue
        if verdict is not case.good:
            wrong.append(f"{case.kind} {number}, {case.what}: {verdict}")
        accepted, refused = accepted + (case.good and verdict), refused + (not case.good and verdict is False)
    told = json.loads((folder / "cases.json").read_text())
    if roots := answer.get("roots"):
        hashes = [leaf_hash(bytes.fromhex(line)) for line in Path(told["entries"]).read_text().splitlines()]
        wrong += [
            f"root over {size} entries" for size, root in roots.items() if root_of(hashes[: int(size)]).hex() != root
        ]
    return Judged(accepted, refused, tuple(wrong))
