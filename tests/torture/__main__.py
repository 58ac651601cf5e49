"""`python -m tests.torture NAME [--seed N] [--states N]`: one kind of torture in full; it prints what it saw."""

import argparse
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.torture import calls, crowd, flips, million, model, power, rollback

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Kind:
    """One torture: how it is run, with how many states by default, and what a state is."""

    run: Callable[[int, int, Tell], object]
    states: int
    unit: str


KINDS = {
    "power": Kind(power.torture, 1_000_000, "states in which power fails"),
    "kill": Kind(
        lambda seed, states, tell: calls.kills(seed, calls.RUN, states, tell), 1 << 20, "killed runs, at most"
    ),
    "errors": Kind(lambda seed, states, _: calls.errors(seed, states), calls.RUN, "appends, each of whose calls fails"),
    "flips": Kind(flips.torture, 1 << 20, "bits and cuts, at most"),
    "rollback": Kind(rollback.torture, 1 << 20, "mixtures of older copies, at most"),
    "crowd": Kind(crowd.torture, 500, "killed holders of the lock"),
    "model": Kind(model.torture, 1_000_000, "steps"),
    "million": Kind(million.torture, 1_000_000, "entries"),
}


def main() -> None:
    """Run one, and print its seed and what it saw."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("name", choices=KINDS)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    parser.add_argument("--states", type=int, help="how many; default: all of the full form")
    given = parser.parse_args()
    kind = KINDS[given.name]
    states, started = given.states or kind.states, time.monotonic()
    print(f"{given.name}: seed {given.seed}, {states:,} {kind.unit}", flush=True)
    seen = kind.run(given.seed, states, lambda text: print(f"  {text}", file=sys.stderr, flush=True))
    print(f"{seen}\n{time.monotonic() - started:,.0f} s")


if __name__ == "__main__":
    main()
