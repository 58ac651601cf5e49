"""Cases that need boards, processes or a command: what a person waits for."""

import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from benchmarks import ours
from benchmarks.boards import Hall, is_right
from benchmarks.naive import Election, Powmod, ballot_of
from benchmarks.ours import AUTHOR, COUNTER, FIELD, Shape
from benchmarks.paired import Case, Figure, Kind, Result, Work
from e2ev.group import Group

PROCESSES = Figure(1.8, 1.95)
WARD = Figure(15, 10)
HELP = Figure(0.6, 0.35)
HEAVY = ("gmpy2", "cryptography", "Crypto", "msgpack")


def life(root: Path, group: Group, shape: Shape, count: int) -> Case:
    """A ballot's life: encrypted, signed, posted, synced, read, decoded, verified in batch with all checks."""
    hall = Hall.open(root, group, shape)
    context = ours.context_of(group, shape)
    plain = Election.of(context, Powmod(group))

    def by_hand() -> bool:
        return plain.verify([plain.encrypt(shape.values(), AUTHOR, COUNTER, FIELD)])

    ours_once = Work(lambda: is_right(hall.board(count), group), count)
    return Case(f"{shape} from choices to verdict", "ballot", ours_once, Work(by_hand), least=3)


def from_file(root: Path, group: Group, shape: Shape, count: int) -> Case:
    """A board file, with its commitments, to a verdict."""
    board = Hall.open(root, group, shape).board(count)
    context = ours.context_of(group, shape)
    election = Election.of(context, Powmod(group))
    few = [ballot_of(made) for made in ours.encrypt(context, shape, 1, ours.Stream())]
    return Case(f"{shape} from board file to verdict", "ballot", Work(lambda: is_right(board, group), count),
                Work(lambda: election.verify(few)), least=3)  # fmt: skip


def two_processes(board: Path, group: Group, count: int) -> Case:
    """The same verification by two processes and by one, in wall time."""
    return Case(
        f"ward of {count} ballots, two processes",
        "ballot",
        Work(lambda: is_right(board, group, jobs=2), count),
        Work(lambda: is_right(board, group), count),
        versus="one process",
        figure=PROCESSES,
        clock=time.perf_counter,
        least=1,
        rehearsed=False,
    )


def waiting(result: Result) -> Result:
    """Return how long one waits for the whole ward, as `two_processes` has measured it."""
    count = result.case.ours.units
    case = replace(result.case, name="the whole ward, two processes", unit="board", kind=Kind.SECONDS, figure=WARD)
    return replace(result, case=case, times=tuple((ours * count, baseline * count) for ours, baseline in result.times))


def _run(*arguments: str) -> bool:
    return subprocess.run([sys.executable, *arguments], capture_output=True, check=False).returncode == 0


def help_time() -> Case:
    """How long `e2ev --help` takes, in wall time, beside Python alone."""
    return Case(
        "e2ev --help",
        "command",
        Work(lambda: _run("-m", "e2ev", "--help")),
        Work(lambda: _run("-c", "pass")),
        versus="python -c pass",
        kind=Kind.SECONDS,
        figure=HELP,
        clock=time.perf_counter,
        most=15,
    )


def with_modules(result: Result) -> Result:
    """Return the time of the help with the number of modules that it imports, and of heavy ones among them."""
    modules = modules_of_help()
    return replace(result, ours_counted={"modules": len(modules), "heavy": len(heavy(modules))})


def heavy(modules: Iterable[str]) -> frozenset[str]:
    """Return those that compute or decode, which no help needs."""
    return frozenset(name for name in modules if name.partition(".")[0] in HEAVY)


def modules_of_help() -> frozenset[str]:
    """Return the modules that `e2ev --help` imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "e2ev", "--help"], capture_output=True, text=True, check=True
    )
    lines = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:"))
    return frozenset(name for name in lines if name != "imported package")
