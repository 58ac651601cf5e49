"""What reconciliation found, for people and programs: lines, rows of a table, JSON, and a page (specs/channels.md)."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version

from e2ev.accountability.verdicts import (
    FINDINGS,
    MEANINGS,
    UNFINISHED,
    Finding,
    Reconciliation,
    Said,
    Standing,
    StationResult,
    Verdict,
)
from e2ev.formats.cells import Cell
from e2ev.report.environment import new_environment
from e2ev.report.words import counted, printable

FORMAT = "e2ev reconciliation 1"
HEADS = ("station", "name", "area", "registered", "verdict", "findings", "channels", "set aside", "image", "places")
NAMED = 12
"""Stations that the bottom line names; it says how many more there are."""
LONGEST = 2_000
"""Rows of the page's table; the CSV and the JSON have all."""


def bottom_line(standing: Standing) -> str:
    """Return in one sentence whether what is open could change who wins a contest."""
    if not standing.open:
        return f"{standing.contest}: {_lead(standing)}; nothing is disputed or missing{_alone(standing)}"
    could = "could" if standing.could_change else "could not"
    swing = "without a bound" if standing.swing is None else f"by up to {counted(standing.swing, 'vote')}"
    changed = f"disputed and missing ballots {could} change the winner"
    named = ", ".join(_open(*one) for one in standing.open[:NAMED])
    more = f" and {len(standing.open) - NAMED} more" if len(standing.open) > NAMED else ""
    seats = f"; seats that are not certain: {'; '.join(standing.seats)}" if standing.seats else ""
    return (
        f"{standing.contest}: {changed}: {_lead(standing)}; {counted(len(standing.open), 'station')}"
        f" could move that {swing}: {named}{more}{seats}{_alone(standing)}"
    )


def _alone(standing: Standing) -> str:
    return f"; {counted(standing.alone, 'station')} of this on one origin alone" if standing.alone else ""


def _lead(standing: Standing) -> str:
    if standing.leader is None or standing.challenger is None:
        return "nobody leads alone"
    names = standing.options[standing.leader], standing.options[standing.challenger]
    return f"{names[0]} leads {names[1]} by {standing.margin:,}"


def _open(station: str, swing: int | None) -> str:
    return f"{station} (unbounded: no register)" if swing is None else f"{station} ({swing:,})"


def worth_showing(result: StationResult) -> bool:
    """Return whether a station has anything that somebody should look at."""
    return result.verdict not in (Verdict.MATCH, Verdict.CONSISTENT) or any(
        one.verdict is None for one in result.findings
    )


def rows(found: Reconciliation) -> Iterator[tuple[Cell, ...]]:
    """Yield one row of `HEADS` for each station."""
    for result in found.stations:
        station = found.slate.station(result.id)
        image = next((one.image for one in result.findings if one.image), "")
        yield (
            result.id,
            station.name if station is not None else "",
            station.area if station is not None else "",
            station.registered if station is not None else None,
            result.verdict.value,
            "; ".join(f"{one.rule} {one.found}" for one in result.findings),
            _names(result.accepted),
            _names(result.set_aside),
            image,
            "; ".join(dict.fromkeys(place for one in result.findings for place in one.places)),
        )


def _names(sheets: Sequence[Said]) -> str:
    return ", ".join(dict.fromkeys(said.channel.name for said in sheets))


def as_json(found: Reconciliation) -> dict[str, object]:
    """Return everything that was found as specs/json-reconciliation.schema.json describes it."""
    counts = found.counts()
    return {
        "format": FORMAT,
        "title": found.slate.title,
        "election": found.slate.election or None,
        "exit_code": found.exit_code,
        "channels": [
            {"name": one.channel.name, "origin": one.channel.origin, "reading": one.channel.reading.value,
             "partial": one.channel.partial, "sheets": len(one.sheets), "sha256": one.digest or None}
            for one in found.deliveries
        ],
        "verdicts": {verdict.value: counts[verdict] for verdict in Verdict},
        "contests": [_standing(one) for one in found.standings],
        "left_out": dict(found.left_out),
        "stations": [_station(found, one) for one in found.stations],
    }  # fmt: skip


def _standing(one: Standing) -> dict[str, object]:
    return {
        "contest": one.contest,
        "votes": dict(zip(one.options, one.totals, strict=True)),
        "leader": one.options[one.leader] if one.leader is not None else None,
        "challenger": one.options[one.challenger] if one.challenger is not None else None,
        "margin": one.margin,
        "swing": one.swing,
        "could_change": one.could_change,
        "open": [{"station": station, "swing": swing} for station, swing in one.open],
        "unbounded": list(one.unbounded),
        "one_origin": one.alone,
        "seats": list(one.seats),
        "said": bottom_line(one),
    }


def _station(found: Reconciliation, result: StationResult) -> dict[str, object]:
    station = found.slate.station(result.id)
    return {
        "station": result.id,
        "name": station.name if station is not None else "",
        "area": station.area if station is not None else "",
        "registered": station.registered if station is not None else None,
        "verdict": result.verdict.value,
        "channels": list(dict.fromkeys(said.channel.name for said in result.accepted)),
        "set_aside": list(dict.fromkeys(said.channel.name for said in result.set_aside)),
        "findings": [_finding(one) for one in result.findings],
    }


def _finding(one: Finding) -> dict[str, object]:
    return {
        "rule": one.rule,
        "verdict": one.verdict.value if one.verdict is not None else None,
        "found": one.found,
        "channels": list(one.channels),
        "contest": one.contest or None,
        "option": one.option or None,
        "amount": one.amount,
        "places": list(one.places),
        "image": one.image or None,
    }


def page(found: Reconciliation, command: str = "") -> bytes:
    """Return the page: bottom line, verdicts, then every station that somebody should look at, the worst first.

    Raises:
        DataError: jinja2 is not installed.
    """
    shown = sorted((one for one in found.stations if worth_showing(one)), key=lambda one: one.verdict.rank)
    counts = found.counts()
    context = {
        "found": found,
        "lines": [(bottom_line(one), one.could_change) for one in found.standings],
        "verdicts": [(verdict, counts[verdict], MEANINGS[verdict], _kind(verdict)) for verdict in Verdict],
        "stations": [(one, found.slate.station(one.id), _kind(one.verdict)) for one in shown[:LONGEST]],
        "more": max(len(shown) - LONGEST, 0),
        "command": command,
        "version": f"e2ev {version('e2ev')}",
    }
    pages = new_environment()
    pages.filters["shown"] = lambda text: printable(str(text))
    pages.filters["number"] = lambda number: f"{number:,}"
    return pages.get_template("reconciliation.html").render(context).encode()


def _kind(verdict: Verdict) -> str:
    """Return the class of the style sheet."""
    if verdict in FINDINGS:
        return "failed"
    return "idle" if verdict in UNFINISHED or verdict.rank < Verdict.CONSISTENT.rank else "passed"


def lines(found: Reconciliation, *, everything: bool = False) -> tuple[tuple[str, ...], ...]:
    """Return a row for the terminal for each station that somebody should look at, or for all of them."""
    shown = [one for one in found.stations if everything or worth_showing(one)]
    return tuple(
        (printable(one.id), one.verdict.value, printable("; ".join(finding.found for finding in one.findings[:3]))
         + (f"; and {len(one.findings) - 3} more" if len(one.findings) > 3 else ""))
        for one in sorted(shown, key=lambda one: one.verdict.rank)
    )  # fmt: skip
