"""`e2ev results seats`: the seats that votes give, recomputed."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev.errors import DataError
from e2ev_cli import ui
from e2ev_cli.options import AsJson, ChannelName, Mapped, Results

if TYPE_CHECKING:
    from e2ev.accountability.seats import Allocation
    from e2ev.accountability.sheets import Delivery, Slate
    from e2ev.manifest import Seats

OPEN = 4
"""Exit code where a tie leaves seats open."""
RULES = "plurality, block, dhondt, sainte-lague, modified-sainte-lague, hare"
Labels = list[str] | None


def seats(
    results: Results,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="Manifest with the rules; of a board, its own.")
    ] = None,
    contest: Annotated[str, typer.Option("--contest", help="Its label; default: every contest with a rule.")] = "",
    rule: Annotated[str, typer.Option("--rule", help=f"{RULES}.")] = "",
    number: Annotated[int, typer.Option("--number", min=1, help="Of seats, with --rule.")] = 1,
    threshold: Annotated[
        int, typer.Option("--threshold-points", min=0, max=10_000, help="In basis points: 500 is 5 %.")
    ] = 0,
    threshold_votes: Annotated[int, typer.Option("--threshold-votes", min=0, help="Votes that a list needs.")] = 0,
    first_divisor: Annotated[
        int,
        typer.Option("--first-divisor", min=100, max=1000, help="Of modified-sainte-lague: 140 is 1.4, 170 is 1.7."),
    ] = 140,
    seatless: Annotated[Labels, typer.Option("--seatless", help="Wins nothing, such as against all.")] = None,
    exempt: Annotated[Labels, typer.Option("--exempt", help="Needs no threshold.")] = None,
    lot: Annotated[Labels, typer.Option("--lot", help="Who is level, in the order of a lot; repeated.")] = None,
    mapping: Mapped = None,
    channel: ChannelName = "",
    as_json: AsJson = False,
) -> None:
    """Recompute the seats: from the manifest's rule and the votes alone, with the votes that a threshold loses.

    A tie is reported and stays open, unless --lot gives the order that a public lot drew. With --rule, the same votes
    under another rule. Paper counts of a board are added to what was decrypted, as the totals that people see.

    Exit code: 4 a tie leaves seats open; else 0.

    Example: e2ev results seats council.board
    """
    from e2ev.accountability.seats import allocate
    from e2ev.formats.results import load_results
    from e2ev.manifest import Seats

    slate, deliveries = load_results(results, mapping, channel)
    numbers = (number, threshold, threshold_votes, first_divisor)
    rules: Mapping[str, Seats] = (
        {contest or slate.contests[0].label: _rule(rule, numbers, seatless, exempt)}
        if rule
        else _rules(results, manifest)
    )
    wanted = {label: held for label, held in rules.items() if not contest or label == contest}
    if not wanted:
        raise DataError("no rule says how votes become seats", remedy='write "seats" into the manifest, or give --rule')
    found = {label: allocate(held, _totals(slate, deliveries, label), lot or ()) for label, held in wanted.items()}
    if as_json:
        ui.out_json([_seats_json(label, one) for label, one in found.items()])
    else:
        for label, one in found.items():
            _show_seats(label, one, _totals(slate, deliveries, label))
    if any(one.tie is not None and not one.tie.by_lot for one in found.values()):
        raise typer.Exit(OPEN)


def _rules(results: Path, manifest: Path | None) -> "dict[str, Seats]":
    from e2ev.board.ledger import read_contents
    from e2ev.manifest import read_manifest
    from e2ev.storage.disk import read_bounded

    if manifest is not None:
        held = read_manifest(read_bounded(manifest, 4 << 20))
    elif results.suffix == ".board":
        held = read_contents(results).manifest
    else:
        return {}
    return {contest.label: contest.seats for contest in held.contests if contest.seats is not None}


def _rule(rule: str, numbers: tuple[int, int, int, int], seatless: Labels, exempt: Labels) -> "Seats":
    from typing import get_args

    from e2ev.manifest import SeatRule, Seats

    known = {one: one for one in get_args(SeatRule)}
    if rule not in known or (rule == "plurality" and numbers[0] > 1):
        raise typer.BadParameter(f"one of {RULES}; plurality has one seat", param_hint="--rule")
    return Seats(known[rule], *numbers, frozenset(exempt or ()), frozenset(seatless or ()))


def _totals(slate: "Slate", deliveries: "tuple[Delivery, ...]", label: str) -> dict[str, int]:
    """Return the votes of a contest over all stations.

    Raises:
        DataError: There is no such contest, or a number is blank, so that no total follows.
    """
    contests = {one.label: one for one in slate.contests}
    if label not in contests:
        raise DataError(f"no contest is called {label!r}", remedy=f"one of: {', '.join(contests)}")
    totals = dict.fromkeys(contests[label].options, 0)
    for sheet in (sheet for delivery in deliveries for sheet in delivery.sheets if label in sheet.votes):
        for option, count in zip(contests[label].options, sheet.votes[label], strict=True):
            if count is None:
                raise DataError(f"the votes of {option} are blank at station {sheet.station}", where=sheet.where,
                                remedy="a blank is no zero: get the sheet, then compute seats")  # fmt: skip
            totals[option] += count
    return totals


def _seats_json(label: str, one: "Allocation") -> dict[str, object]:
    tie = one.tie and {"options": one.tie.options, "seats": one.tie.seats, "by_lot": one.tie.by_lot}
    return {
        "contest": label, "rule": one.rule.rule, "number": one.rule.number, "valid": one.valid,
        "seats": dict(one.seats),
        "below_threshold": dict(one.below), "votes_lost": one.lost, "seatless": dict(one.seatless), "tie": tie,
        "vacant": one.vacant,
    }  # fmt: skip


def _show_seats(label: str, one: "Allocation", votes: Mapping[str, int]) -> None:
    ui.out(ui.coloured(f"{label}: {one.rule.number} seats by {one.rule.rule}", "bold"))
    shown = sorted(one.seats, key=votes.__getitem__, reverse=True)
    rows = [(ui.printable(option), f"{votes[option]:,}", str(one.seats[option])) for option in shown]
    rows += [(ui.printable(option), f"{count:,}", "below the threshold") for option, count in one.below.items()]
    rows += [(ui.printable(option), f"{count:,}", "wins no seats") for option, count in one.seatless.items()]
    ui.out(ui.table(rows, ("", "votes", "seats")))
    if one.below:
        ui.out(f"votes lost to the threshold: {one.lost:,} of {one.valid:,} ({one.lost / one.valid:.1%})")
    if one.tie is not None:
        level = ", ".join(map(ui.printable, one.tie.options))
        won = (
            f"; the lot gave: {', '.join(one.tie.by_lot)}"
            if one.tie.by_lot
            else "; OPEN until a public lot decides (--lot)"
        )
        ui.out(f"TIE for {one.tie.seats} of the seats: {level}{won}")
    elif one.vacant:
        ui.out(f"vacant: {one.vacant}")
    ui.out()
