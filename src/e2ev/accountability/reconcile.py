"""Any number of channels, compared station by station: one verdict each, and whether what is open could matter.

No channel stands above another. A sheet that cannot be what it claims is set aside by name; of the others every number
is compared. Blank is missing, and never zero. Pure: nothing is read or written here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain

from e2ev.accountability import admission, comparing
from e2ev.accountability.sheets import Channel, Delivery, Slate, StationId
from e2ev.accountability.standing import Seats, standings
from e2ev.accountability.verdicts import Finding, Reconciliation, Said, StationResult, Verdict, finding

__all__ = ["reconcile"]


def reconcile(
    slate: Slate,
    deliveries: Sequence[Delivery],
    *,
    late_after: datetime | None = None,
    seats: Mapping[str, Seats] | None = None,
) -> Reconciliation:
    """Return one verdict for each station, and the bottom line of each contest.

    Args:
        slate: Stations that have to report, and what is voted on there.
        deliveries: What came, one for each channel; channels have different names.
        late_after: Sheets with a later arrival are LATE; with a time zone.
        seats: By contest, what bounds its seats, where more than the winner matters.

    Raises:
        ValueError: Two deliveries are of channels of one name, or a sheet has another number of options than the slate.
    """
    names = [delivery.channel.name for delivery in deliveries]
    if len(set(names)) < len(names):
        raise ValueError("two channels have one name")
    by_station: dict[StationId, list[Said]] = {station.id: [] for station in slate.stations}
    left_out: Counter[str] = Counter()
    for said in (Said(delivery.channel, sheet) for delivery in deliveries for sheet in delivery.sheets):
        if slate.station(said.sheet.station) is None and not comparing.has_result(said) and said.sheet.seal is None:
            left_out[said.channel.name] += 1
        else:
            by_station.setdefault(said.sheet.station, []).append(said)
    channels = comparing.expected(deliveries)
    results = tuple(_station(slate, id_, told, channels, late_after) for id_, told in by_station.items())
    return Reconciliation(slate, tuple(deliveries), results, standings(slate, results, seats or {}), left_out)


def _station(
    slate: Slate, station: StationId, told: Sequence[Said], channels: Sequence[Channel], late_after: datetime | None
) -> StationResult:
    flaws = {id(said): tuple(admission.impossible(slate, said)) for said in told}
    found = list(chain.from_iterable(flaws.values()))
    aside = [said for said in told if any(map(admission.sets_aside, flaws[id(said)]))]
    usable = _without(told, aside)
    results = [said for said in usable if comparing.has_result(said)]
    forks = tuple(admission.forks([said for said in usable if said.sheet.seal is not None]))
    found += forks
    short: list[Said] = []
    for said in () if forks else results:
        if (cut := admission.cut_short(said, results)) is not None:
            short.append(said)
            found.append(cut)
    whole = _without(results, short)
    if slate.station(station) is not None:
        found += _compared(slate, station, whole, channels, (*short, *aside))
        found += comparing.lateness(whole, late_after)
        found += comparing.remarks(slate, station, whole, usable)
    reached = [one.verdict for one in found if one.verdict is not None]
    if whole and not any(verdict.rank < Verdict.ONE_SOURCE.rank for verdict in reached):
        reached.append(_agreement(slate, station, whole, found))
    verdict = min(reached, key=lambda one: one.rank)
    return StationResult(station, verdict, tuple(found), tuple(whole), (*short, *aside))


def _without(sheets: Sequence[Said], others: Sequence[Said]) -> list[Said]:
    """Return those of the sheets that are not among others: the very sheet, since another may say the same."""
    known = set(map(id, others))
    return [said for said in sheets if id(said) not in known]


def _compared(
    slate: Slate, station: StationId, whole: Sequence[Said], channels: Sequence[Channel], others: Sequence[Said]
) -> Iterator[Finding]:
    if not whole:
        if not others:
            yield Finding("X.9", Verdict.MISSING, station, "no channel has a result")
        return
    contests = slate.contests_at(station)
    cells = comparing.cells_of(contests, whole)
    yield from comparing.differences(cells)
    yield from comparing.overfull(contests, whole)
    yield from comparing.blanks(cells)
    yield from comparing.absences(station, (*whole, *others), channels)
    yield from _repeated(whole)


def _repeated(whole: Sequence[Said]) -> Iterator[Finding]:
    """Yield channels with the same sheet several times: it counts once, and is only remarked (X.8)."""
    by_channel: dict[str, list[Said]] = {}
    for said in whole:
        by_channel.setdefault(said.channel.name, []).append(said)
    for name, several in by_channel.items():
        first = several[0].sheet
        if len(several) > 1 and all(
            (one.sheet.votes, one.sheet.figures) == (first.votes, first.figures) for one in several
        ):
            yield finding("X.8", None, f"{name} has {len(several)} sheets that say the same: counted once", *several)


def _agreement(slate: Slate, station: StationId, whole: Sequence[Said], found: list[Finding]) -> Verdict:
    verdict = comparing.agreement(slate.contests_at(station), whole)
    if verdict is not Verdict.MATCH:
        origins = ", ".join(dict.fromkeys(said.channel.origin for said in whole))
        what = "one channel alone" if verdict is Verdict.ONE_SOURCE else "not two independent origins in full"
        found.append(finding("X.14", verdict, f"{what}: {origins}", *whole))
    return verdict
