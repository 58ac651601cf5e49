"""Which sheets can be of a station at all: rules X.1 to X.6. What breaks one is set aside, by name."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from e2ev.accountability.sheets import MAX_COUNT, Figure, Seal, Slate
from e2ev.accountability.verdicts import Finding, Said, Verdict, finding


def impossible(slate: Slate, said: Said) -> Iterator[Finding]:
    """Yield why a sheet cannot be what it claims; of numbers that nobody typed twice, that they must be looked at."""
    sheet = said.sheet
    if slate.station(sheet.station) is None:
        yield finding("X.1", Verdict.REJECT, f"station {sheet.station} is not on the slate", said)
        return
    if sheet.seal is not None:
        yield from _foreign(slate, said, sheet.seal)
    if wrong := tuple(_numbers(said)):
        yield from wrong
    else:  # sums of impossible numbers say nothing more
        yield from _too_many(slate, said)


def sets_aside(flaw: Finding) -> bool:
    """Return whether a sheet with this flaw is not compared: what was read once stays, if only its sums are off."""
    return flaw.verdict is Verdict.REJECT or flaw.rule != "X.5"


def _foreign(slate: Slate, said: Said, seal: Seal) -> Iterator[Finding]:
    if seal.station != said.sheet.station:
        found = f"the statement is of station {seal.station}, and was handed in for {said.sheet.station}"
        yield finding("X.2", Verdict.REJECT, found, said)
    elif slate.election and seal.election and seal.election != slate.election:
        found = f"the statement is of election {seal.election[:16]}, not of {slate.election[:16]}"
        yield finding("X.2", Verdict.REJECT, found, said)
    elif seal.flaw:
        yield finding("X.3", Verdict.REJECT, f"the statement is not believed: {seal.flaw}", said)


def _verdict(said: Said) -> Verdict:
    return Verdict.REJECT if said.is_firm else Verdict.CHECK_IMAGE


def _numbers(said: Said) -> Iterator[Finding]:
    named = [(contest, count) for contest, counts in said.sheet.votes.items() for count in counts]
    for name, count in (*named, *((figure.value, count) for figure, count in said.sheet.figures.items())):
        if count is not None and not 0 <= count <= MAX_COUNT:
            yield finding("X.4", _verdict(said), f"{name} has the number {count:,}", said, contest=name)


def _too_many(slate: Slate, said: Said) -> Iterator[Finding]:
    """Yield contests with more votes than the valid ballots on the same sheet can hold; blanks count as none."""
    ballots = said.sheet.figures.get(Figure.BALLOTS)
    if ballots is None:
        return
    valid = ballots - (said.sheet.figures.get(Figure.INVALID) or 0)
    for contest in slate.contests_at(said.sheet.station):
        votes = sum(count or 0 for count in said.sheet.votes.get(contest.label, ()))
        if votes > valid * contest.limit:
            found = f"{contest.label}: {votes:,} votes on {valid:,} valid ballots of at most {contest.limit}"
            excess = votes - valid * contest.limit
            yield finding("X.5", _verdict(said), found, said, contest=contest.label, amount=excess)


def forks(sealed: Sequence[Said]) -> Iterator[Finding]:
    """Yield pairs of believed statements of one station that cannot both be of one board (X.6)."""
    statements = {said.sheet.seal.text: said for said in reversed(sealed) if said.sheet.seal is not None}
    for one, other in combinations(reversed(statements.values()), 2):
        first, second = one.sheet.seal, other.sheet.seal
        if first is not None and second is not None and _contradict(first, second):
            found = f"the station's key signed two statements, over {first.size:,} and over {second.size:,} entries"
            yield finding("X.6", Verdict.FORK, found, one, other)


def _contradict(first: Seal, second: Seal) -> bool:
    if first.closing and second.closing:
        return True
    if first.size == second.size:
        return first.root != second.root
    short, long = sorted((first, second), key=lambda seal: seal.size)
    return short.closing or long.roots.get(short.size, short.root) != short.root


def cut_short(said: Said, sealed: Sequence[Said]) -> Finding | None:
    """Return what follows if a sheet carries an earlier state of the board than another one; None if it does not."""
    seal = said.sheet.seal
    longer = [one for one in sealed if seal and one.sheet.seal and one.sheet.seal.size > seal.size]
    if seal is None or seal.closing or not longer:
        return None
    name = said.channel.name
    entries = max(one.sheet.seal.size for one in longer if one.sheet.seal)
    if any(one.sheet.seal and seal.size in one.sheet.seal.roots for one in longer):
        found = f"{name} came with {seal.size:,} of {entries:,} entries, which are shown to be the first of them"
        return finding("X.6", Verdict.LATE, found, said)
    found = f"{name} came with {seal.size:,} of {entries:,} entries, and nothing shows that they are the first of them"
    return finding("X.6", Verdict.UNREAD, found, said)
