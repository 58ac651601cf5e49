"""Let programs of others judge a log that we wrote: python -m tests.outside [--size N] [--seed N] [--keep FOLDER].

They are installed into a temporary environment, or into FOLDER, where they stay; what cannot be installed is named.
"""

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.outside.cases import write_cases
from tests.outside.clients import CLIENTS, Place, install
from tests.outside.judging import Judged, judge


def main() -> int:
    """Return 0 if every program that runs accepts every good case and refuses every tampered one."""
    options = argparse.ArgumentParser(prog="python -m tests.outside", description=__doc__)
    options.add_argument("--size", type=int, default=70_000, help="entries of the log")
    options.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    options.add_argument("--keep", type=Path, help="folder with the programs; made if it is not there")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="e2ev-outside-") as name:
        folder = Path(name)
        place, missing = _place(chosen.keep, folder)
        print(f"seed {chosen.seed}, {chosen.size} entries", flush=True)
        started = time.monotonic()
        cases = write_cases(folder, chosen.size, chosen.seed)
        good = sum(case.good for case in cases)
        print(f"{good} good and {len(cases) - good} tampered cases, in {time.monotonic() - started:.0f} s", flush=True)
        for package in missing:
            print(f"{package}: cannot be installed here")
        wrong = 0
        for client in CLIENTS:
            if client.is_there(place):
                wrong += _report(client.name, judge(client, place, folder, cases))
            else:
                print(f"{client.name}: not here, so it judged nothing")
        return min(wrong, 1)


def _place(keep: Path | None, folder: Path) -> tuple[Place, list[str]]:
    if keep is None:
        return install(folder / "programs")
    if (keep / "bin" / "python").exists():
        modules = keep / "node_modules"
        return Place(keep / "bin" / "python", modules if modules.exists() else None), []
    return install(keep)


def _report(name: str, judged: Judged) -> int:
    print(f"{name}: {judged.accepted} accepted, {judged.refused} refused, {len(judged.wrong)} wrong", flush=True)
    for wrong in judged.wrong[:20]:
        print(f"  {wrong}")
    return len(judged.wrong)


if __name__ == "__main__":
    sys.exit(main())
