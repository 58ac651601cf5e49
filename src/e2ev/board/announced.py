"""Rules of announced results: what the public is told follows from the board, and stays (specs/results.md).

A page of results that can be changed in silence can be changed for any reason. So each state of it is an entry: it
continues the one before, or says which one it corrects and why.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain

from e2ev.board.atoms import Atoms
from e2ev.board.contents import Contents, Posted
from e2ev.board.objections import Objection, by_administrator
from e2ev.record import bodies
from e2ev.record.results import AnnouncedLine, AnnouncedResultBody, Turnout

WHOLE = 10_000
"""Basis points in the whole."""


def announced(contents: Contents, posted: Posted[AnnouncedResultBody]) -> Iterator[Objection]:
    """Object to an announcement that does not follow from the board, or from what was announced before."""
    body = posted.body.form
    yield from by_administrator(contents, posted)
    if contents.closed is None:
        yield Objection("B.8", "results are announced after the close")
    if body.number != len(contents.announced) + 1:
        yield Objection("B.8", f"announcement {body.number} after {len(contents.announced)}")
    malformed = list(_form(contents, body))
    yield from malformed
    if not malformed:
        yield from _correction(contents, body)
        yield from _turnout(body)
        yield from chain.from_iterable(_line(contents, body, line) for line in body.lines)
        yield from _isolated(contents, body.lines)


def _form(contents: Contents, body: AnnouncedResultBody) -> Iterator[Objection]:
    if time_of(body.as_of) is None:
        yield Objection("R.1", f"{body.as_of!r} is no day and time with its distance from UTC")
    series = [line.series for line in body.lines]
    if not series or len(set(series)) < len(series):
        yield Objection("R.1", "an announcement has lines, and one a contest, origin and group")
    known = {contest.index: len(contest.options) for contest in contents.manifest.contests}
    units = len(contents.manifest.reporting_units)
    for line in body.lines:
        if known.get(line.contest) != len(line.counts):
            yield Objection("R.1", "a line has one number for each option of a contest of the manifest")
        if line.shares is not None and len(line.shares.points) != len(line.counts):
            yield Objection("R.1", "a line has a share for each option, or none")
        inside = all(1 <= unit <= units for unit in line.units)
        if not inside or list(line.units) != sorted(set(line.units)) or not 1 <= len(line.units) <= line.of <= units:
            yield Objection("R.1", "the units of a line are some of its group's, of the manifest, in increasing order")


def time_of(text: str) -> datetime | None:
    """Return a day and time with its distance from UTC; None if it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _correction(contents: Contents, body: AnnouncedResultBody) -> Iterator[Objection]:
    if body.supersedes is None:
        return
    if not body.reason.strip():
        yield Objection("Q.3", "a correction gives no reason")
    held = contents.announced.get(body.supersedes)
    if held is None or body.supersedes in contents.superseded:
        yield Objection("Q.3", "a correction names no announcement that stands")
        return
    missing = {line.series for line in held.body.form.lines} - {line.series for line in body.lines}
    if missing:
        contest, origin, group = min(missing)
        label = contents.manifest.contest(contest).label
        yield Objection("Q.3", f"a correction leaves out {label}, {group} ({origin}) of what it corrects")


def _turnout(body: AnnouncedResultBody) -> Iterator[Objection]:
    turnout = body.turnout
    if turnout is None:
        return
    if turnout.voted > turnout.registered:
        yield Objection("Q.6", f"{turnout.voted} people voted of {turnout.registered} on the register")
    if not _follows(turnout.points, turnout.voted, turnout.registered):
        found = f"a turnout of {percent(turnout.points)} is stated, and {turnout.voted} of {turnout.registered} voted"
        yield Objection("Q.2", found)
    yield from _more_than_voted(turnout, body.lines)


def _more_than_voted(turnout: Turnout, lines: Iterable[AnnouncedLine]) -> Iterator[Objection]:
    ballots = max(line.ballots for line in lines)
    if ballots > turnout.voted:
        yield Objection("Q.6", f"{ballots} ballots are counted, and {turnout.voted} people voted")


def percent(points: int) -> str:
    """Return basis points as a percentage."""
    return f"{points / 100:.2f} %"


def _follows(points: int, part: int, whole: int) -> bool:
    """Return whether a share is that of its counts, within one basis point."""
    return abs(points * whole - WHOLE * part) <= whole if whole else points == 0


def _line(contents: Contents, body: AnnouncedResultBody, line: AnnouncedLine) -> Iterator[Objection]:
    name = name_of_line(contents, line)
    yield from _falls(contents, body, line, name)
    yield from _contradicts(contents, body, line, name)
    yield from _shares(contents, line, name)
    yield from _too_many(contents, line, name)
    if line.origin == "board":
        yield from _of_the_board(contents, line, name)
    else:
        yield from _of_paper(contents, body, line, name)


def name_of_line(contents: Contents, line: AnnouncedLine) -> str:
    """Return what a line is called: contest, group, origin."""
    return f"{contents.manifest.contest(line.contest).label}, {line.group} ({line.origin})"


def _falls(contents: Contents, body: AnnouncedResultBody, line: AnnouncedLine, name: str) -> Iterator[Objection]:
    standing = contents.standing.get(line.series)
    if standing is None or standing[0] == body.supersedes:
        return
    options, before = contents.manifest.contest(line.contest).options, standing[1]
    pairs = zip(options, line.counts, before.counts, strict=True)
    fell = [f"{option.label} from {old} to {new}" for option, new, old in pairs if new < old]
    if line.ballots < before.ballots:
        fell.append(f"ballots from {before.ballots} to {line.ballots}")
    if not set(before.units) <= set(line.units):
        fell.append("places that were counted are not any more")
    if fell:
        yield Objection("Q.1", f"{name}: without a correction, {'; '.join(fell)}")


def _contradicts(contents: Contents, body: AnnouncedResultBody, line: AnnouncedLine, name: str) -> Iterator[Objection]:
    """Object to other counts of the same places under another name: that would be a fall by another way."""
    for series, (_, held) in contents.standing.items() if body.supersedes is None else ():
        alike = (held.contest, held.origin, held.units) == (line.contest, line.origin, line.units)
        if alike and series != line.series and (held.counts, held.ballots) != (line.counts, line.ballots):
            yield Objection("Q.1", f"{name}: the same places have other counts as {held.group}, without a correction")


def _shares(contents: Contents, line: AnnouncedLine, name: str) -> Iterator[Objection]:
    if line.shares is None:
        return
    whole, points = sum(line.counts) if line.shares.of == "votes" else line.ballots, line.shares.points
    if line.shares.of == "votes" and whole and abs(sum(points) - WHOLE) > len(points):
        yield Objection("Q.2", f"{name}: the shares sum to {percent(sum(points))}")
        return
    options = contents.manifest.contest(line.contest).options
    for option, stated, count in zip(options, points, line.counts, strict=True):
        if not _follows(stated, count, whole):
            yield Objection("Q.2", f"{name}: {option.label} has {percent(stated)}, and {count} of {whole}")


def _too_many(contents: Contents, line: AnnouncedLine, name: str) -> Iterator[Objection]:
    contest, weight = contents.manifest.contest(line.contest), max(contents.manifest.weights)
    for option, count in zip(contest.options, line.counts, strict=True):
        if count > line.ballots * option.limit * weight:
            yield Objection("Q.6", f"{name}: {option.label} has {count} votes on {line.ballots} ballots")
    if sum(line.counts) > line.ballots * contest.selection_limit * weight:
        yield Objection("Q.6", f"{name}: {sum(line.counts)} votes on {line.ballots} ballots")


# What was decrypted


def decrypted_cells(contents: Contents) -> list[tuple[bodies.Cell, tuple[int, ...]]]:
    """Return the cells of the result with their counts, as the last attempt with cells and a result has them."""
    for attempt in reversed(contents.attempts.values()):
        cells = attempt.tally.body.form.cells
        if attempt.result is not None and cells:
            stated = attempt.result.body.form.cells
            counts = [tuple(option.count.count for option in cell.options) for cell in stated]
            return list(zip(cells, counts, strict=False))
    return []


def _of_the_board(contents: Contents, line: AnnouncedLine, name: str) -> Iterator[Objection]:
    cells = [(cell, counts) for cell, counts in decrypted_cells(contents) if cell.contest == line.contest]
    if not cells:
        yield Objection("Q.5", f"{name}: nothing of it is decrypted, and counts are announced")
        return
    units, touched = set(line.units), [(c, counts) for c, counts in cells if not set(c.units).isdisjoint(line.units)]
    cut = [cell for cell, _ in touched if not units.issuperset(cell.units)]
    if cut:
        parts = "; ".join(" + ".join(contents.place(unit) for unit in cell.units) for cell in cut)
        yield Objection("Q.4", f"{name}: it cuts through places that are counted together: {parts}")
        return
    counts = tuple(map(sum, zip(*(counts for _, counts in touched), strict=False))) or (0,) * len(line.counts)
    ballots = sum(cell.ballots for cell, _ in touched)
    if (line.counts, line.ballots) != (counts, ballots):
        found = f"{list(line.counts)} of {line.ballots} ballots are announced"
        yield Objection("Q.5", f"{name}: {found}, and the result has {list(counts)} of {ballots}")


# What was counted on paper


def _of_paper(contents: Contents, body: AnnouncedResultBody, line: AnnouncedLine, name: str) -> Iterator[Objection]:
    missing = [contents.place(unit) for unit in line.units if unit not in contents.paper]
    if missing:
        yield Objection("Q.5", f"{name}: no paper count stands on the board of {', '.join(missing)}")
        return
    held = [contents.paper[unit].body.form for unit in line.units]
    totals = [total.counts for count in held for total in count.totals if total.contest == line.contest]
    ballots = sum(count.ballots for count in held)
    if line.ballots > ballots:
        yield Objection("Q.6", f"{name}: {line.ballots} ballots, and the paper counts have {ballots}")
    elif (
        body.supersedes is None
        and len(totals) == len(held)
        and line.counts != tuple(map(sum, zip(*totals, strict=True)))
    ):
        yield Objection("Q.5", f"{name}: the paper counts on the board give other numbers, and nothing is corrected")


def _isolated(contents: Contents, lines: Iterable[AnnouncedLine]) -> Iterator[Objection]:
    """Object to totals of paper from which, with all that was published, a few ballots can be computed."""
    held, minimum = ballots_on_paper(contents), contents.manifest.minimum_cell
    tried: dict[int, Atoms] = {}
    for line in lines:
        if line.origin == "paper" and contents.paper.keys() >= set(line.units):
            atoms = tried.setdefault(line.contest, contents.paper_atoms.get(line.contest, Atoms()).copy())
            fewest = atoms.publish(line.units, held)
            if 0 < fewest < minimum:
                found = f"with what was published before it leaves {fewest} ballots alone, and {minimum} are the fewest"
                yield Objection("Q.4", f"{name_of_line(contents, line)}: {found}")


def ballots_on_paper(contents: Contents) -> dict[int, int]:
    """Return the number of ballots that were counted on paper, by reporting unit."""
    return {unit: posted.body.form.ballots for unit, posted in contents.paper.items()}


def take_announced(contents: Contents, posted: Posted[AnnouncedResultBody]) -> None:
    """Note an announcement, what it continues and what it corrects."""
    body = posted.body.form
    contents.announced[posted.leaf_hash] = posted
    if body.supersedes is not None:
        contents.superseded.add(body.supersedes)
    held = ballots_on_paper(contents)
    for line in body.lines:
        contents.standing[line.series] = (posted.leaf_hash, line)
        if line.origin == "paper":
            contents.paper_atoms.setdefault(line.contest, Atoms()).publish(line.units, held)
