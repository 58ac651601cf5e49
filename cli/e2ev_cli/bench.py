"""`e2ev bench`: how fast this machine encrypts and verifies, and what elections of three sizes would need."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import ui

if TYPE_CHECKING:
    from e2ev.demo.bench import Speed

WAYS = ("encrypt", "verify plain", "verify in batch")


def bench(
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Measure this machine: seconds of one core for a ballot, and core hours for a city, a country, 100 million.

    Takes half a minute. The ballot has one contest of four options. Times are CPU time of one core; a record that
    comes with its side file of commitments is verified in batch, a bare one plain.

    Example: e2ev bench --json
    """
    from e2ev.demo.bench import measure

    with tempfile.TemporaryDirectory(prefix="e2ev-bench-") as folder, ui.progress("measuring") as progress:
        speed = measure(Path(folder), progress=progress)
    if as_json:
        ui.out_json(as_value(speed))
        return
    for line in as_lines(speed):
        ui.out(line)


def _cores() -> int:
    return os.cpu_count() or 1


def as_value(speed: "Speed") -> dict[str, object]:
    """Return the result for programs."""
    from e2ev.demo.bench import ELECTIONS, OPTIONS

    seconds = (speed.encrypt, speed.plain, speed.batch)
    return {
        "cores": _cores(),
        "ballot": {"contests": 1, "options": OPTIONS},
        "core_milliseconds_per_ballot": _by_way(1000 * each for each in seconds),
        "elections": [
            {"name": name, "ballots": ballots, "core_hours": _by_way(speed.core_hours(ballots))}
            for name, ballots in ELECTIONS
        ],
    }


def _by_way(values: Iterable[float]) -> dict[str, float]:
    return {way.replace(" ", "_"): round(value, 3) for way, value in zip(WAYS, values, strict=True)}


def as_lines(speed: "Speed") -> list[str]:
    """Return the result for people."""
    from e2ev.demo.bench import ELECTIONS, OPTIONS

    cores, seconds = _cores(), (speed.encrypt, speed.plain, speed.batch)
    each = [(way, f"{1000 * taken:.1f} ms", f"{1 / taken:.0f} a second")
            for way, taken in zip(WAYS, seconds, strict=True)]  # fmt: skip
    rows = [
        (name, f"{ballots:,}", *(_hours(hours) for hours in speed.core_hours(ballots)),
         _hours(speed.core_hours(ballots)[2] / cores))
        for name, ballots in ELECTIONS
    ]  # fmt: skip
    heads = ("core hours", "ballots", *WAYS, f"in batch, hours on {cores} cores")
    return [
        f"A ballot with one contest of {OPTIONS} options, on one core of this machine:",
        *ui.table(each).splitlines(),
        "",
        *ui.table(rows, heads).splitlines(),
        "",
        "In batch: with the side file of commitments that devices write. Encryption is done by all devices together.",
    ]


def _hours(hours: float) -> str:
    return f"{hours:.1f}" if hours < 100 else f"{hours:,.0f}"
