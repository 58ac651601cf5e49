"""Mutation testing (`python -m tests.mutants [MODULE ...]`): whether the tests notice small changes of the code.

Prints one line a module, with the mutants that survived; those whose reason stands in survivors.json are told apart.
A survivor without a reason, or fewer than 95 % killed in a module, is a failure.
"""

import argparse
import importlib
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.mutants.hunt import Hunt, Outcome
from tests.mutants.owners import OWNERS

TESTS = Path(__file__).parent.parent
REASONS = Path(__file__).with_name("survivors.json")
LEAST = 0.95


def main() -> None:
    """Hunt the mutants of the modules that are named, or of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", nargs="*", help=f"of {', '.join(OWNERS)}")
    parser.add_argument("--most", type=int, default=0, help="mutants of a module, drawn by the seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without", default="", help="tests that are left out, being slow: words joined by 'or'")
    parser.add_argument("--log", type=Path, help="lines of JSON, one a mutant; a later run goes on behind them")
    asked = parser.parse_args()
    unknown = set(asked.module) - set(OWNERS)
    if unknown:
        raise SystemExit(f"no tests are named for {', '.join(unknown)}; there are {', '.join(OWNERS)}")
    os.nice(10)
    chosen = {name: OWNERS[name] for name in asked.module or OWNERS}
    for name in chosen:
        importlib.import_module(name)
    ended = Ended(asked.log)
    hunt = Hunt(chosen, ended.take, asked.most, asked.seed, ended.known())
    files = dict.fromkeys(file for files in chosen.values() for file in files)
    without = ["-k", f"not ({asked.without})"] if asked.without else []
    pytest.main(["-q", *without, "-s", "-p", "no:benchmark", "-p", "no:cacheprovider", "--hypothesis-seed=0",
                 *(str(TESTS / file) for file in files)], plugins=[hunt])  # fmt: skip
    raise SystemExit(not ended.tell(list(chosen)))


class Ended:
    """What came of all mutants so far."""

    def __init__(self, log: Path | None) -> None:
        self._log = log
        self.lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log and log.exists() else []

    def known(self) -> frozenset[tuple[str, int, int]]:
        """Return the mutants that a former run has dealt with."""
        return frozenset((one["module"], one["number"], one["variant"]) for one in self.lines)

    def take(self, outcome: Outcome) -> None:
        """Note one outcome."""
        mutant = outcome.mutant
        line = {"module": outcome.module, "number": mutant.number, "variant": mutant.variant, "name": mutant.name,
                "line": min(mutant.lines), "by": outcome.by, "tests": outcome.tests,
                "seconds": round(outcome.seconds, 2)}  # fmt: skip
        self.lines.append(line)
        if self._log:
            with self._log.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        if not outcome.by:
            print(f"survived: {outcome.module}:{line['line']} {mutant.name} ({outcome.tests} tests)", flush=True)

    def tell(self, modules: list[str]) -> bool:
        """Print a line for each module, and return whether all is good."""
        reasons = json.loads(REASONS.read_text("utf-8"))
        good = True
        for module in modules:
            lines = [one for one in self.lines if one["module"] == module and one["by"] != "unfit"]
            alive = [one["name"] for one in lines if not one["by"]]
            bare = [name for name in alive if name not in reasons.get(module, {})]
            share = 1 - len(alive) / max(len(lines), 1)
            good = good and share >= LEAST and not bare
            by = Counter("time" if one["by"] == "time" else "test" for one in lines if one["by"])
            print(f"{module}: {len(lines)} mutants, {len(lines) - len(alive)} killed ({100 * share:.1f} %), "
                  f"{by['time']} of them by time; survivors {len(alive)}, without a reason {len(bare)}")  # fmt: skip
        return good


if __name__ == "__main__":
    main()
