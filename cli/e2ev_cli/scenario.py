"""`e2ev demo --scenario`: evenings of many stations, invented, with every fault that has a verdict."""

from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from e2ev_cli import ui

if TYPE_CHECKING:
    from e2ev.demo.three_copies import Simulated

BANNER = "SIMULATION: stations, votes and faults are invented; statements are signed with worthless keys"


class Scenario(StrEnum):
    """What can be simulated."""

    THREE_COPIES = "three-copies"


def three_copies(seed: int, runs: int, *, as_json: bool) -> None:
    """Run evenings with seeds from `seed` on; print what each fault got, and fail if one got another verdict."""
    from e2ev.demo.three_copies import simulate

    wrong = 0
    told: list[dict[str, object]] = []
    if not as_json:
        ui.out(ui.coloured(BANNER, "yellow"))
    for number in range(seed, seed + runs):
        evening = simulate(number)
        wrong += len(evening.wrong())
        told.append({"seed": number, "stations": len(evening.faults), "wrong": list(evening.wrong()),
                     "false_disputes": list(evening.false_disputes()),
                     "matrix": {fault: {one.value: count for one, count in got.items()}
                                for fault, got in evening.matrix().items()}})  # fmt: skip
        if not as_json and runs == 1:
            show(evening)
        elif not as_json:
            ui.out(f"seed {number}: {len(evening.faults):,} stations, {len(evening.wrong())} with another verdict, "
                   f"{len(evening.false_disputes())} false disputes")  # fmt: skip
    if as_json:
        ui.out_json(told)
    if wrong:
        raise typer.Exit(1)


def show(evening: "Simulated") -> None:
    """Print the confusion matrix of an evening, and its bottom line."""
    from e2ev.demo.three_copies import COUNTED, FAULTS, HONEST
    from e2ev.report.reconciled import bottom_line

    matrix = evening.matrix()
    rows = []
    for fault in (HONEST, COUNTED, *FAULTS):
        got = ", ".join(f"{count} {verdict.value}" for verdict, count in matrix[fault.name].items())
        exact = set(matrix[fault.name]) == {fault.verdict}
        rows.append((fault.name, fault.story, fault.verdict.value, got, "" if exact else "WRONG"))
    ui.out()
    ui.out(ui.table(rows, ("fault", "what happens", "verdict that it has", "got", "")))
    ui.out()
    for standing in evening.found.standings:
        ui.out(bottom_line(standing))
    ui.out(f"{len(evening.wrong())} of {len(evening.faults):,} stations have another verdict than their fault; "
           f"{len(evening.false_disputes())} false disputes")  # fmt: skip
