"""Where the time goes: `python -m benchmarks.where [encrypt | plain | batch]`.

The profiler's own cost falls on small functions, so the share of exponentiation is larger than it says here.
"""

import argparse
import cProfile
import pstats
from collections.abc import Callable
from pathlib import Path

from benchmarks import ours
from benchmarks.ours import SINGLE
from benchmarks.table import machine
from e2ev.arith import FixedBase
from e2ev.group import P4096, SYSTEM_RANDOMNESS

LINES = 14
COUNTS = {"encrypt": 50, "plain": 20, "batch": 256}
"""Ballots of each work."""


def _work(name: str) -> Callable[[], object]:
    context, count = ours.context_of(P4096, SINGLE), COUNTS[name]
    if name == "encrypt":
        return lambda: ours.encrypt(context, SINGLE, count, SYSTEM_RANDOMNESS)
    sample = ours.sample(context, SINGLE, count)
    return lambda: (ours.verify_plain if name == "plain" else ours.verify_batch)(sample)


def profile(name: str) -> list[str]:
    """Return the functions that take the most time themselves, one a line."""
    work = _work(name)
    work()  # makes the tables
    profiler = cProfile.Profile()
    profiler.runcall(work)
    found: dict[tuple[str, int, str], tuple[int, int, float, float, object]] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]  # not in its stubs
    total = sum(own for _, _, own, _, _ in found.values())
    lines = [f"{name} {SINGLE}: share of the time in the function itself, calls a ballot ({COUNTS[name]} ballots)"]
    for place, (_, calls, own, _, _) in sorted(found.items(), key=lambda item: -item[1][2])[:LINES]:
        lines.append(f"  {100 * own / total:5.1f} %  {calls / COUNTS[name]:8.1f}  {_named(*place)}")
    return lines


def _named(path: str, line: int, function: str) -> str:
    if path == "~":
        return function
    is_table = function == "power" and line == FixedBase.power.__code__.co_firstlineno
    return f"{Path(path).stem}.{'FixedBase.' if is_table else ''}{function}"


def main() -> None:
    """Print the profile of each work that is asked for."""
    parser = argparse.ArgumentParser(description="where the time of a ballot goes")
    parser.add_argument("work", nargs="*", choices=[*COUNTS, []], help="default: all")
    print(machine())
    for name in parser.parse_args().work or COUNTS:
        print("\n" + "\n".join(profile(name)))


if __name__ == "__main__":
    main()
