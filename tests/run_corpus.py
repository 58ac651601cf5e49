"""Runs a verifier over the corpus (`python -m tests.run_corpus [COMMAND ...]`): ours, unless a command is named.

The command is called with a folder (specs/vectors/attacks/README.md, "Adapters") and answers in JSON. Two disagreements
count: a tampered record that is not rejected, and a base that is not accepted. Which checks object is compared for our
own verifier alone; others have other names.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from e2ev.demo.forge import write_board
from tests import adapter
from tests.corpus import BASES, Vector, apply, forgery_of, vectors

SECONDS = 60
"""An adapter that takes longer for one record has not answered."""

Ask = Callable[[Path], dict[str, Any]]


def lay_out(folder: Path, base: dict[str, Any], patch: Sequence[dict[str, Any]], anchors: dict[str, Any]) -> Path:
    """Write what an adapter gets: board, record, anchors and group."""
    folder.mkdir(parents=True)
    record = apply(base["record"], patch)
    write_board(forgery_of(record), folder / "board")
    for name, content in (("record", record), ("anchors", anchors), ("group", base["group"])):
        (folder / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return folder


def asking(command: Sequence[str]) -> Ask:
    """Return what asks a command of somebody's."""

    def ask(folder: Path) -> dict[str, Any]:
        try:
            ran = subprocess.run([*command, str(folder)], capture_output=True, timeout=SECONDS, check=True)
            return dict(json.loads(ran.stdout))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return {"verdict": "crash", "checks": [], "reasons": [str(error)]}

    return ask


def disagreements(ask: Ask, root: Path, chosen: Sequence[Vector], *, exact: bool) -> Iterator[str]:
    """Yield where a verifier and the corpus differ."""
    for path in sorted(BASES.glob("*.json")):
        base = json.loads(path.read_text("utf-8"))
        said = ask(lay_out(root / base["name"], base, (), base["anchors"]))
        if said["verdict"] != "accepted":
            yield f"base {base['name']}: {said['verdict']} {said['reasons'][:3]}"
    for vector in chosen:
        name = vector.content["name"]
        said = ask(lay_out(root / name, vector.base, vector.content["patch"], vector.anchors()))
        if said["verdict"] not in ("rejected", "unsupported") or (exact and said["checks"] != vector.content["checks"]):
            yield f"{name}: {said['verdict']} {said['checks']}, expected rejected {vector.content['checks']}"


def main() -> None:
    """Run the corpus and print where the verifier differs."""
    command, chosen = sys.argv[1:], list(vectors())
    with tempfile.TemporaryDirectory(prefix="e2ev-corpus-") as folder:
        wrong = list(
            disagreements(asking(command) if command else adapter.answer, Path(folder), chosen, exact=not command)
        )
    for line in wrong:
        print(line)
    print(f"{len(chosen)} tampered records, {len(wrong)} disagreements")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
