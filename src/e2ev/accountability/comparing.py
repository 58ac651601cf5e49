"""How far the sheets of one station agree: rules X.7 to X.16, over sheets that were not set aside."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from e2ev.accountability.sheets import Channel, Contest, Delivery, Figure, Slate, StationId
from e2ev.accountability.verdicts import Finding, Said, Verdict, finding

CARD, TAPE, TRANSMISSION = "card", "tape", "transmission"
"""Names of the channels whose absence has a verdict of its own."""
ABSENCES = {CARD: Verdict.CARD_MISSING, TAPE: Verdict.NO_TAPE, TRANSMISSION: Verdict.LATE}
COMPARED = (Figure.BALLOTS, Figure.INVALID, Figure.CHECKED_IN, Figure.UNUSED)

Cells = Mapping[tuple[str, str], Sequence[tuple[Said, int | None]]]
"""By contest (or figure) and option: who says which number."""


def has_result(said: Said) -> bool:
    """Return whether a sheet is there to say a result; one with nothing but a turnout is not."""
    return bool(said.sheet.votes) or Figure.BALLOTS in said.sheet.figures


def cells_of(contests: Sequence[Contest], sheets: Sequence[Said]) -> Cells:
    """Return what is said of each option and figure, by everyone whose sheet has a place for it."""
    cells: dict[tuple[str, str], list[tuple[Said, int | None]]] = {}
    for said in sheets:
        for contest in contests:
            counts = said.sheet.votes.get(contest.label)
            if counts is not None:
                for option, count in zip(contest.options, counts, strict=True):
                    cells.setdefault((contest.label, option), []).append((said, count))
        for figure in COMPARED:
            if figure in said.sheet.figures:
                cells.setdefault((figure.value, ""), []).append((said, said.sheet.figures[figure]))
    return cells


def differences(cells: Cells) -> Iterator[Finding]:
    """Yield every number that is said differently (X.7, X.8, X.11)."""
    for (contest, option), told in cells.items():
        known = [(said, count) for said, count in told if count is not None]
        if len({count for _, count in known}) < 2:
            continue
        firm = [(said, count) for said, count in known if said.is_firm]
        if len({count for _, count in firm}) > 1:
            same = len({said.channel.name for said, _ in firm}) == 1
            yield _difference("X.8" if same else "X.7", Verdict.DISPUTE, contest, option, firm)
        if len(firm) < len(known) and len({count for _, count in known}) > len({count for _, count in firm}):
            soft_first = sorted(known, key=lambda pair: pair[0].is_firm)  # the picture is the soft one's
            yield _difference("X.11", Verdict.CHECK_IMAGE, contest, option, soft_first)


def _difference(rule: str, verdict: Verdict, contest: str, option: str, told: Sequence[tuple[Said, int]]) -> Finding:
    counts = [count for _, count in told]
    by_count: dict[int, list[str]] = {}
    for said, count in told:
        by_count.setdefault(count, []).append(said.channel.name)
    words = ", ".join(f"{count:,} on {' and '.join(dict.fromkeys(names))}" for count, names in by_count.items())
    place = f"{contest}, {option}" if option else contest
    about = [said for said, _ in told]
    return finding(rule, verdict, f"{place}: {words}", *about, contest=contest, option=option,
                   amount=max(counts) - min(counts))  # fmt: skip


def overfull(contests: Sequence[Contest], sheets: Sequence[Said]) -> Iterator[Finding]:
    """Yield contests with more votes on one channel than there are ballots on another (X.7)."""
    firm = [said for said in sheets if said.is_firm]
    for contest in contests:
        for one in firm:
            votes = one.sheet.total(contest.label)
            for other in firm:
                ballots = other.sheet.figures.get(Figure.BALLOTS)
                if other is one or votes is None or ballots is None or votes <= ballots * contest.limit:
                    continue
                names = one.channel.name, other.channel.name
                found = f"{contest.label}: {votes:,} votes on {names[0]}, {ballots:,} ballots on {names[1]}"
                yield finding("X.7", Verdict.DISPUTE, found, one, other, contest=contest.label,
                              amount=votes - ballots * contest.limit)  # fmt: skip


def blanks(cells: Cells) -> Iterator[Finding]:
    """Yield each sheet with what is blank on it (X.10)."""
    missing: dict[int, tuple[Said, list[str]]] = {}
    for (contest, option), told in cells.items():
        for said, count in told:
            if count is None:
                missing.setdefault(id(said), (said, []))[1].append(option or contest)
    for said, names in missing.values():
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        found = f"{len(names)} blank or unread on {said.channel.name}: {shown}"
        yield finding("X.10", Verdict.UNREAD, found, said, amount=len(names))


def agreement(contests: Sequence[Contest], sheets: Sequence[Said]) -> Verdict:
    """Return how far a station's sheets confirm each other, none of them being in dispute (X.14)."""
    firm = [said for said in sheets if said.is_firm]
    carried = [contest for contest in contests if any(contest.label in said.sheet.votes for said in sheets)]
    if carried:
        whole = len(carried) == len(contests)
        full = whole and all(len(_origins(contest, firm)) > 1 for contest in contests)
    else:
        known = [said for said in firm if said.sheet.figures.get(Figure.BALLOTS) is not None]
        full = len({said.channel.origin for said in known}) > 1
    if full:
        return Verdict.MATCH
    return Verdict.CONSISTENT if _compared(contests, sheets) else Verdict.ONE_SOURCE


def _origins(contest: Contest, sheets: Sequence[Said]) -> set[str]:
    return {said.channel.origin for said in sheets if said.sheet.total(contest.label) is not None}


def _compared(contests: Sequence[Contest], sheets: Sequence[Said]) -> bool:
    """Return whether two channels both have a number for some option, or for the ballots."""
    for (name, option), told in cells_of(contests, sheets).items():
        if (option or name == Figure.BALLOTS.value) and len({s.channel.name for s, n in told if n is not None}) > 1:
            return True
    return False


def expected(deliveries: Sequence[Delivery]) -> tuple[Channel, ...]:
    """Return the channels that have a result from every station, or ought to."""
    return tuple(
        delivery.channel
        for delivery in deliveries
        if not delivery.channel.partial
        and (not delivery.sheets or any(has_result(Said(delivery.channel, sheet)) for sheet in delivery.sheets))
    )


def absences(station: StationId, there: Sequence[Said], channels: Sequence[Channel]) -> Iterator[Finding]:
    """Yield each channel that is expected everywhere and has no sheet here (X.12)."""
    names = {said.channel.name for said in there}
    for channel in channels:
        if channel.name not in names:
            verdict = ABSENCES.get(channel.name.lower())
            yield Finding("X.12", verdict, station, f"no sheet on {channel.name}", (channel.name,))


def lateness(sheets: Sequence[Said], late_after: datetime | None) -> Iterator[Finding]:
    """Yield each sheet that came after the hour (X.13)."""
    for said in sheets:
        if late_after is not None and said.sheet.at is not None and said.sheet.at > late_after:
            yield finding("X.13", Verdict.LATE, f"{said.channel.name} came at {said.sheet.at.isoformat()}", said)


def remarks(slate: Slate, station: StationId, results: Sequence[Said], everything: Sequence[Said]) -> Iterator[Finding]:
    """Yield what is worth knowing and proves nothing: turnout of another hour, registers of another size."""
    for told in everything:
        turnout, at = told.sheet.figures.get(Figure.TURNOUT), told.sheet.at
        for said in results if turnout is not None else ():
            votes = [said.sheet.total(contest.label) for contest in slate.contests_at(station) if contest.limit == 1]
            most = max((count for count in votes if count is not None), default=0)
            if turnout is not None and said.is_firm and most > turnout:
                hour = f" of {at.isoformat()}" if at else " of an hour that is not said"
                found = f"{most:,} votes on {said.channel.name}, a turnout of {turnout:,} on {told.channel.name}{hour}"
                yield finding("X.15", None, found, told, said, amount=most - turnout)
    yield from _registers(slate, station, everything)


def _registers(slate: Slate, station: StationId, everything: Sequence[Said]) -> Iterator[Finding]:
    known = slate.station(station)
    base = known.registered if known is not None else None
    for said in everything:
        size = said.sheet.figures.get(Figure.REGISTERED)
        if base is not None and size is not None and size != base and said.is_firm:
            found = f"the register has {size:,} people on {said.channel.name}, and {base:,} on the slate"
            yield finding("X.16", None, found, said, contest=Figure.REGISTERED.value, amount=abs(size - base))
