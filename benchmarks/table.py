"""The table of results: one line a case, and what it was measured on."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.paired import Counted, Kind, Result

HEADS = ("case", "ours", "against", "time", "result", "middle half", "rounds", "to reach", "aim", "reached", "load",
         "operations of ours", "of the other side")  # fmt: skip

SHORT_NAMES = {
    "fixed_base": "table",
    "power": "powmod",
    "shared_power": "shared",
    "power_secret": "secret",
    "multi_power_bases": "multi",
    "jacobi": "jacobi",
}
"""How the table calls the kinds that `arith.COUNTS` counts."""

NOTES = (
    "ours, and what it is compared with: medians of CPU time of one thread, of wall time where processes are compared;",
    "for one ballot, power or base. powmod: the same work with one powmod for each power, membership by x^q.",
    "result: the median over the rounds of baseline/ours (x), or of ours against the baseline (%); beside it",
    "the middle half of the rounds (all, of fewer than four). to reach, aim: from below for x, from above for %, s.",
    "operations: of the same unit. table: powers from a table; powmod: powers one by one; shared: powers that",
    "share their squarings; secret: in constant time; multi: bases in a product of powers; jacobi: Jacobi symbols.",
    "load: the highest one-minute load average that was seen; ratios of processes suffer under it, others little.",
)


def machine() -> str:
    """Return what the results were measured on."""
    cpu = platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        cpu = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    libraries = ", ".join(f"{name} {version(name)}" for name in ("e2ev", "gmpy2"))
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{day}; {os.cpu_count()} cores, {cpu}; {platform.system()}; {python}, {libraries}"


def table(results: Sequence[Result]) -> str:
    """Return all results as text."""
    rows = [HEADS, *(row(result) for result in results)]
    widths = [max(len(line[i]) for line in rows) for i in range(len(HEADS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([machine(), "", *lines, "", *NOTES])


def row(result: Result) -> tuple[str, ...]:
    """Return one line of the table."""
    case, figure = result.case, result.case.figure
    values = sorted(result.values)
    quarter = len(values) // 4
    spread = f"{_number(values[quarter])} to {_number(values[-1 - quarter])}"
    gate, aim = ("", "") if figure is None else (_shown(case.kind, figure.gate), _shown(case.kind, figure.aim))
    return (
        case.name,
        _time(result.ours),
        case.versus,
        _time(result.baseline),
        _shown(case.kind, result.value),
        spread,
        str(len(values)),
        gate,
        aim,
        verdict(result),
        f"{result.load:.1f}",
        counted(result.ours_counted),
        counted(result.baseline_counted),
    )


def verdict(result: Result) -> str:
    """Return whether the figures are reached, and where not by how much."""
    figure = result.case.figure
    if figure is None:
        return ""
    if result.misses(figure.gate):
        return f"NO: missed by {100 * result.misses(figure.gate):.0f} %"
    if result.misses(figure.aim):
        return f"yes; aim missed by {100 * result.misses(figure.aim):.0f} %"
    return "yes, and the aim"


def counted(operations: Counted) -> str:
    """Return counts of operations, those that are not whole with one decimal."""
    return ", ".join(f"{_count(count)} {SHORT_NAMES.get(kind, kind)}" for kind, count in operations.items())


def _count(count: float) -> str:
    return f"{count:.0f}" if count == int(count) else f"{count:.2g}" if count < 1 else f"{count:.1f}"


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _shown(kind: Kind, value: float) -> str:
    match kind:
        case Kind.SPEED:
            return f"{_number(value)}x"
        case Kind.OVERHEAD | Kind.SHARE:
            return f"{value:.1f} %"
    return f"{_number(value)} s"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{_number(1000 * seconds)} ms"
