"""Two ways to do one thing, turn by turn in one process: only their ratio survives a busy machine.

Each round runs the baseline and then ours, by CPU time of the thread, so that other work on the machine takes no time
from either, and a change of the clock's speed hits both. The median of the rounds' ratios is what counts; how often
each kind of operation ran (`arith.COUNTS`) is exact whatever the machine does.
"""

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import Enum
from statistics import median

from e2ev.arith import COUNTS

Clock = Callable[[], float]
Counted = dict[str, float]
"""Operations of one unit, by kind; kinds that did not run are left out."""


class Kind(Enum):
    """What a case tells, and which way its figure looks."""

    SPEED = "times faster"
    OVERHEAD = "% more"
    SHARE = "% of"
    SECONDS = "s"


@dataclass(frozen=True, slots=True)
class Work:
    """One side of a case: what is run, and how many units (ballots, bases) it does at once."""

    run: Callable[[], object]
    units: float = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """What has to be reached: a bound from below where speed is measured, from above elsewhere."""

    gate: float
    aim: float


def equal(ours: object, baseline: object) -> bool:
    """Return whether both sides gave the same."""
    return ours == baseline


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure.

    Attributes:
        name: As the table shows it.
        unit: What the times are of.
        ours: Our side.
        baseline: What it is compared with.
        versus: The baseline's name.
        kind: What is told.
        figure: What has to be reached, or nothing.
        agree: Compares what both sides returned: they have to do the same work.
        clock: CPU time of the thread, unless processes are compared.
        seconds: How long the rounds may take; never fewer rounds than `least`, nor more than `most`.
        least: Rounds at least.
        most: Rounds at most.
        rehearsed: Whether both sides run once before the rounds, which makes tables and counts operations.
    """

    name: str
    unit: str
    ours: Work
    baseline: Work
    versus: str = "powmod"
    kind: Kind = Kind.SPEED
    figure: Figure | None = None
    agree: Callable[[object, object], bool] = equal
    clock: Clock = time.thread_time
    seconds: float = 6.0
    least: int = 4
    most: int = 30
    rehearsed: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """What came out.

    Attributes:
        case: The case.
        times: Of each round: seconds a unit of ours, and of the baseline.
        ours_counted: Operations a unit.
        baseline_counted: The same of the baseline.
        load: The highest load average that was seen.
    """

    case: Case
    times: tuple[tuple[float, float], ...]
    ours_counted: Counted
    baseline_counted: Counted
    load: float

    @property
    def ours(self) -> float:
        """Seconds a unit of ours, the median."""
        return median(ours for ours, _ in self.times)

    @property
    def baseline(self) -> float:
        """Seconds a unit of the baseline, the median."""
        return median(baseline for _, baseline in self.times)

    @property
    def values(self) -> tuple[float, ...]:
        """What each round tells, as the figure states it."""
        match self.case.kind:
            case Kind.SPEED:
                return tuple(baseline / ours for ours, baseline in self.times)
            case Kind.OVERHEAD:
                return tuple(100 * (ours / baseline - 1) for ours, baseline in self.times)
            case Kind.SHARE:
                return tuple(100 * ours / baseline for ours, baseline in self.times)
        return tuple(ours for ours, _ in self.times)

    @property
    def value(self) -> float:
        """What the case tells: the median over its rounds."""
        return median(self.values)

    def misses(self, bound: float) -> float:
        """Return by which part of `bound` the value is on the wrong side of it; 0 where it is on the right one."""
        short = bound - self.value if self.case.kind is Kind.SPEED else self.value - bound
        return max(0.0, short / bound)


@dataclass(slots=True)
class Turns:
    """The turns of one case, as they are taken."""

    case: Case
    times: list[tuple[float, float]] = field(default_factory=list)
    counted: tuple[Counted, Counted] = field(default_factory=lambda: ({}, {}))
    load: float = 0.0
    _baseline: float = 0.0
    _returned: dict[int, object] = field(default_factory=dict)

    def rehearse(self) -> int:
        """Run both sides once, unless that takes too long; return how many rounds there is time for."""
        if not self.case.rehearsed:
            return self.case.least
        started = time.monotonic()
        self.counted = (_counting(self.case.ours), _counting(self.case.baseline))
        fit = int(self.case.seconds / (time.monotonic() - started))
        return max(self.case.least, min(self.case.most, fit))

    def take_baseline(self) -> None:
        """Time one turn of the baseline."""
        self._baseline = self._timed(self.case.baseline)

    def take_ours(self) -> None:
        """Time one turn of ours, which ends the round."""
        self.times.append((self._timed(self.case.ours), self._baseline))

    def _timed(self, work: Work) -> float:
        started = self.case.clock()
        returned = work.run()
        taken = (self.case.clock() - started) / work.units
        self._returned[id(work)] = returned
        self.load = max(self.load, os.getloadavg()[0])
        return taken

    def result(self) -> Result:
        """Return what the rounds gave.

        Raises:
            ValueError: The two sides do not do the same work.
        """
        case = self.case
        if not case.agree(self._returned[id(case.ours)], self._returned[id(case.baseline)]):
            raise ValueError(f"{case.name}: the two sides do not agree")
        return Result(case, tuple(self.times), *self.counted, self.load)


def _counting(work: Work) -> Counted:
    COUNTS.reset()
    work.run()
    return {kind: count / work.units for kind, count in asdict(COUNTS).items() if count}


def compare(case: Case) -> Result:
    """Return what a case gives, without pytest."""
    turns = Turns(case)
    for _ in range(turns.rehearse()):
        turns.take_baseline()
        turns.take_ours()
    return turns.result()
