"""The adapter of our own verifier for the corpus (`python -m tests.adapter FOLDER`; specs/vectors/attacks/README.md).

The toy group is passed here, by this program, to the verifier's function; the `e2ev` command has no way to ask for it.
"""

import json
import sys
from pathlib import Path
from typing import Any

from e2ev.demo.toy import LOOSE
from e2ev.errors import E2evError
from e2ev.verify.anchors import read_anchors
from e2ev.verify.run import Options, verify


def answer(folder: Path, disabled: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return what our verifier says of the board in a folder."""
    anchors = read_anchors((folder / "anchors.json").read_bytes(), "anchors.json")
    try:
        report = verify(folder / "board", Options(groups=(LOOSE,), anchors=anchors, disabled=disabled))
    except E2evError as error:
        return {"verdict": "rejected", "checks": [], "reasons": [str(error)], "not_checked": []}
    return {
        "verdict": report.verdict.value.lower(),
        "checks": sorted(report.tripped()),
        "reasons": [f"{finding.check}: {finding.found}" for finding in report.findings],
        "not_checked": [one.check.id for one in report.outcomes if one.state.value == "not run"],
    }


if __name__ == "__main__":
    print(json.dumps(answer(Path(sys.argv[1])), ensure_ascii=False))
