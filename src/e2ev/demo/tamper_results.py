"""Tamperings with announced results: what a page of results says, and what it says later."""

from dataclasses import replace
from typing import Any

from e2ev.demo.forge import Change, Forgery, Tampering, always, flip, trips
from e2ev.record.codec import encode
from e2ev.record.kinds import Kind

FIRST, SECOND, CORRECTION = range(3)
"""The announcements of the base: Town alone; everything, paper apart; the paper recounted."""


def _edit(number: int, change: Any, *path: str | int) -> Change:
    """Return the change of one announcement, which is the last entry."""

    def run(forgery: Forgery) -> Forgery:
        place = forgery.indices(Kind.ANNOUNCED_RESULT)[number]
        return forgery.edit(place, change, *path).until(place)

    return run


def _taken_back(forgery: Forgery) -> Forgery:
    """Announce the first page again after the second one, under the next number."""
    first, second, _ = forgery.indices(Kind.ANNOUNCED_RESULT)
    body = replace(forgery.steps[first].body, number=3, as_of="2027-05-06T22:55+06:00")
    return forgery.insert(second + 1, replace(forgery.steps[first], body=body)).until(second + 1)


def _one_and_a_half(shares: Any) -> Any:
    return replace(shares, points=(7500, 7500))


def _wrapped(line: Any) -> Any:
    return replace(line, counts=(65_533, 3), shares=None)


def _negative(forgery: Forgery) -> Forgery:
    """Write -3 where the correction has its first count: the last number but four in the bytes."""
    place = forgery.indices(Kind.ANNOUNCED_RESULT)[CORRECTION]
    body = forgery.steps[place].body
    marked = replace(body.lines[1], counts=(112, body.lines[1].counts[1]))
    data = encode(replace(body, lines=(body.lines[0], marked)))
    assert data.count(b"\x92\x70") == 1
    step = replace(forgery.steps[place], body=data.replace(b"\x92\x70", b"\x92\xfd"))
    return forgery.set(place, step).until(place)


def _lone(forgery: Forgery) -> Forgery:
    """Let the paper count be of one ballot, with its vote."""
    (place,) = forgery.indices(Kind.PAPER_COUNT)
    count = forgery.steps[place].body
    total = replace(count.totals[0], counts=(1, 0))
    return forgery.edit(place, always(replace(count, ballots=1, totals=(total,)))).until(place)


_ON_ANNOUNCED = (
    Tampering("announced-count-falls", "A page of results goes back to fewer votes than it had, and says nothing.",
              trips("Q.1"), _taken_back),
    Tampering("shares-of-a-hundred-and-fifty", "The shares on a page of results sum to 150 percent.", trips("Q.2"),
              _edit(FIRST, _one_and_a_half, "lines", 0, "shares")),
    Tampering("turnout-rounded-up", "The announced turnout is not that of the people who are said to have voted.",
              trips("Q.2"), _edit(SECOND, lambda points: points + 700, "turnout", "points")),
    Tampering("corrected-without-reason", "A correction of an announced result gives no reason.", trips("Q.3"),
              _edit(CORRECTION, always(""), "reason")),
    Tampering("correction-of-nothing", "A correction names an announcement that was never made.",
              trips("Q.1", "Q.3"), _edit(CORRECTION, flip, "supersedes")),
    Tampering("correction-leaves-out-a-line", "A correction lets a line of what it corrects vanish.", trips("Q.3"),
              _edit(CORRECTION, lambda lines: lines[1:], "lines")),
    Tampering("small-station-by-subtraction", "A total is announced that lacks one small station of a counting group.",
              trips("Q.4"), _edit(SECOND, lambda units: units[:-1], "lines", 0, "units")),
    Tampering("lone-paper-ballot", "A paper count shows the votes of a single ballot.", trips("Q.4"),
              _lone),
    Tampering("result-edited-after-publication", "An announced page has one vote for another choice than the result.",
              trips("Q.5"), _edit(SECOND, lambda counts: (counts[0] + 1, counts[1] - 1), "lines", 0, "counts")),
    Tampering("announced-count-wrapped", "An announced count is a negative one, wrapped in 16 bits.", trips("Q.6"),
              _edit(CORRECTION, _wrapped, "lines", 1)),
    Tampering("announced-count-negative", "An announced count is written as -3.", trips("R.1"), _negative),
    Tampering("more-voted-than-registered", "More people are said to have voted than are on the register.",
              trips("Q.6"), _edit(SECOND, lambda turnout: replace(turnout, registered=10, points=14_000), "turnout")),
)  # fmt: skip


RESULTS = tuple(replace(tampering, base="announced") for tampering in _ON_ANNOUNCED)
"""Tamperings with announced results."""
