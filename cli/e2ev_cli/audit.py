"""`e2ev audit`: a hand count of a few stations that dice have drawn."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import ui
from e2ev_cli.options import AsJson, ChannelName, Mapped, Results, Stations

if TYPE_CHECKING:
    from e2ev.accountability.audit import Assessment, Population
    from e2ev.accountability.sheets import Slate, StationId

app = typer.Typer(no_args_is_help=True, help="A hand count of a few stations, drawn by dice, that limits the risk.")

LIMITS = (
    "What this does not cover: whether the paper that is counted is the paper that was voted on (custody, seals,",
    "stuffed boxes), who was on the register and who voted, and what was never on paper. It limits one risk: that a",
    "full hand count of this same paper would show another winner, and nobody finds out.",
)

Seed = Annotated[str, typer.Option("--seed", help="20 digits or more, rolled with dice in public, after the results.")]
Risk = Annotated[float, typer.Option("--risk-limit", min=0.001, max=0.5, help="The chance that a wrong winner stands.")]
Winners = Annotated[int, typer.Option("--winners", min=1, help="How many options win.")]
Contests = Annotated[list[str] | None, typer.Option("--contest", help="Label of a contest; default: all.")]
Draws = Annotated[
    int | None, typer.Option("--draws", min=1, help="How many draws; default: what the risk limit needs.")
]
SHOWN = 40


@app.command()
def draw(
    results: Results,
    seed: Seed,
    risk_limit: Risk = 0.05,
    winners: Winners = 1,
    contest: Contests = None,
    draws: Draws = None,
    mapping: Mapped = None,
    channel: ChannelName = "",
    stations: Stations = None,
    as_json: AsJson = False,
) -> None:
    """Draw the stations whose paper is to be counted by hand. Anybody who has results and seed draws the same.

    Results are published first, then the dice are rolled. Method: batch comparison, drawn in proportion to what each
    station could overstate (MACRO, Kaplan-Markov; Stark 2009): specs/results.md, "Audit by hand".

    Example: e2ev audit draw results.csv --seed 31415926535897932384 --risk-limit 0.05
    """
    slate, held = _population(results, winners, contest, mapping, channel, stations)
    size = draws or held.size(risk_limit)
    drawn = held.draw(seed, size) if size else ()
    distinct = tuple(dict.fromkeys(drawn))
    if as_json:
        ui.out_json({
            "title": slate.title, "seed": seed, "risk_limit": risk_limit, "bound": float(held.bound),
            "draws": list(drawn), "stations": list(distinct), "of": len(slate.stations),
            "unreported": list(held.unreported),
            "margins": [_pair(slate, pair.contest, pair.winner, pair.loser, pair.margin) for pair in held.pairs],
        })  # fmt: skip
        return
    _show_plan(slate, held, drawn, distinct, risk_limit)


def _pair(slate: "Slate", contest: str, winner: int, loser: int, margin: int) -> dict[str, object]:
    options = slate.contest(contest).options
    return {"contest": contest, "winner": options[winner], "loser": options[loser], "margin": margin}


def _population(
    results: Path, winners: int, contests: list[str] | None, mapping: Path | None, channel: str, stations: Path | None
) -> "tuple[Slate, Population]":
    from e2ev.accountability.audit import population
    from e2ev.errors import DataError
    from e2ev.formats.results import load_results

    slate, deliveries = load_results(results, mapping, channel, stations)
    known = [one.label for one in slate.contests]
    for label in contests or ():
        if label not in known:
            raise DataError(f"no contest is called {label!r}", remedy=f"one of: {', '.join(known)}")
    return slate, population(slate, deliveries[0], dict.fromkeys(contests or known, winners))


def _show_plan(
    slate: "Slate", held: "Population", drawn: "Sequence[StationId]", distinct: "Sequence[StationId]", risk: float
) -> None:
    closest = {pair.contest: pair for pair in sorted(held.pairs, key=lambda one: -one.margin)}
    for pair in closest.values():
        options = slate.contest(pair.contest).options
        names = f"{options[pair.winner]} over {options[pair.loser]}"
        ui.out(ui.printable(f"{pair.contest}: smallest margin {pair.margin:,} votes, {names}"))
    if not drawn:
        ui.out("All stations together cannot overstate a margin: nothing has to be counted by hand.")
        return
    ui.out(f"risk limit {risk:.1%}: {len(drawn)} draws, {len(distinct)} of {len(slate.stations)} stations")
    if held.unreported:
        ui.out(f"{len(held.unreported)} stations have no readable sheet: they are drawn by all that they could hide")
    numbers: dict[str, list[int]] = {}
    for number, station in enumerate(drawn, 1):
        numbers.setdefault(station, []).append(number)
    known = {station.id: station for station in slate.stations}
    rows = [(ui.printable(one), ui.printable(known[one].name), "draw " + ", ".join(map(str, numbers[one])))
            for one in distinct]  # fmt: skip
    for line in ui.table(rows).splitlines():
        ui.out(f"  {line}")
    ui.say("Count every audited contest of these stations by hand, from the paper. Then:")
    ui.say("         e2ev audit assess RESULTS --seed SEED --hand counts.csv")
    for line in LIMITS:
        ui.say(line)


@app.command()
def assess(
    results: Results,
    seed: Seed,
    hand: Annotated[Path, typer.Option("--hand", help="Table of the hand counts, with the same headings.")],
    risk_limit: Risk = 0.05,
    winners: Winners = 1,
    contest: Contests = None,
    draws: Draws = None,
    mapping: Mapped = None,
    channel: ChannelName = "",
    stations: Stations = None,
    as_json: AsJson = False,
) -> None:
    """Say what the hand counts show: stop, count more, or count everything. The draw is made again, and not believed.

    Options, results and seed are those of the draw; after a larger sample, --draws is its size.

    Exit code: 0 stop; 4 more has to be counted; 1 count every station by hand.

    Example: e2ev audit assess results.csv --seed 31415926535897932384 --hand counts.csv
    """
    from e2ev.accountability.audit import Step, alike, assess, counts_of
    from e2ev.formats.results import load_results

    slate, held = _population(results, winners, contest, mapping, channel, stations)
    size = draws or held.size(risk_limit)
    drawn = held.draw(seed, size) if size else ()
    other, deliveries = load_results(hand)
    found = assess(held, drawn, alike(slate, other, counts_of(other, deliveries[0])), risk_limit)
    if as_json:
        ui.out_json(_assessment_json(found))
    else:
        _show_assessment(found, len(drawn))
    if found.step is not Step.STOP:
        raise typer.Exit(1 if found.step is Step.FULL else 4)


def _assessment_json(found: "Assessment") -> dict[str, object]:
    return {
        "step": found.step.name.lower(), "said": found.step.value, "risk": found.risk if found.risk < 1e300 else None,
        "missing": list(found.missing), "further": found.further,
        "draws": [{"draw": one.number, "station": one.station, "taint": float(one.taint or 0),
                   "risk": min(one.risk, 1e300)} for one in found.draws],
    }  # fmt: skip


def _show_assessment(found: "Assessment", drawn: int) -> None:
    wrong = [one for one in found.draws if one.taint]
    ui.out(f"{len(found.draws)} of {drawn} draws looked at; {len({one.station for one in wrong})} stations differ")
    for one in wrong[:SHOWN]:
        ui.out(
            f"  draw {one.number}, {ui.printable(one.station)}: {float(one.taint or 0):+.1%} of what it could overstate"
        )
    ui.out(f"measured risk: {found.risk:.4f}" if found.risk < 1e300 else "measured risk: no bound")
    ui.out(ui.coloured(found.step.value.upper(), "bold"))
    if found.missing:
        ui.out(f"not counted yet: {', '.join(map(ui.printable, found.missing[:SHOWN]))}")
    if found.further:
        ui.out(f"if nothing else is found, {found.further} more draws suffice (--draws {drawn + found.further})")
    for line in LIMITS:
        ui.say(line)
