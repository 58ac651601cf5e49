"""Bars as SVG: no scripts, no text, nothing loaded. Numbers stand beside them, so a bar is hidden from screen readers.

A bar fills its box from the side where reading begins: the style sheet turns it around for languages that are read
from the right.
"""

from collections.abc import Sequence

from markupsafe import Markup

WIDE, HIGH = 1000, 40
_BAR = Markup('<svg class="bar" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>')
_PART = Markup('<rect class="{}" x="{}" width="{}" height="{}"/>')


def bar(count: int, of: int) -> Markup:
    """Return a bar that is filled for `count` of `of`."""
    return stacked((("fill", count),), of)


def stacked(parts: Sequence[tuple[str, int]], of: int) -> Markup:
    """Return a bar of several parts, class and count each, one after another; together they are at most `of`."""
    drawn, before = [_PART.format("track", 0, WIDE, HIGH)], 0
    for name, count in parts:
        start, end = (min(max(at, 0), of) * WIDE // max(of, 1) for at in (before, before + count))
        if end > start:
            drawn.append(_PART.format(name, start, end - start, HIGH))
        before += count
    return _BAR.format(WIDE, HIGH, Markup("").join(drawn))
