"""Charts with axes as SVG: no scripts, nothing loaded, readable in print. Each says its content in words for readers.

Text is set by the browser, so that every script is shaped rightly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDE, HIGH = 640, 380
LEFT, RIGHT, TOP, BOTTOM = 82, 18, 14, 46
INK, QUIET, FILL, MARK, ALARM = "#222222", "#8a8a8a", "#9db8cc", "#8a3b12", "#c62828"
LINES = ("#1b5e8c", "#8a3b12", "#2e7d32", "#6a1b9a", "#9a7d0a", "#00695c", "#ad1457", "#455a64")
DASHES = ("", "6 3", "2 3", "8 3 2 3")
"""Lines differ in dashes as well as in colour."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its name, its range, and where its numbers stand."""

    name: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]


def axis(name: str, low: float, high: float, unit: str = "") -> Axis:
    """Return an axis from low to high or a little more, with about five round numbers."""
    span = max(high - low, 1e-9)
    step = 10 ** floor(log10(span / 5))
    step *= next((factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 6), 10)
    first, last = floor(low / step), ceil(high / step)
    digits = max(0, -floor(log10(step)))
    ticks = [(i * step, f"{i * step:,.{digits}f}{unit}") for i in range(first, last + 1)]
    return Axis(name, first * step, max(last, first + 1) * step, ticks)


def _x(at: Axis, value: float) -> float:
    return LEFT + (value - at.low) / (at.high - at.low) * (WIDE - LEFT - RIGHT)


def _y(at: Axis, value: float) -> float:
    return HIGH - BOTTOM - (value - at.low) / (at.high - at.low) * (HIGH - TOP - BOTTOM)


def _frame(title: str, across: Axis, up: Axis, drawn: Sequence[str]) -> str:
    base, right = HIGH - BOTTOM, WIDE - RIGHT
    parts = [f'<path d="M{LEFT} {TOP}V{base}H{right}" fill="none" stroke="{INK}"/>']
    for value, name in across.ticks:
        at = _x(across, value)
        parts.append(f'<path d="M{at:.1f} {base}v4" stroke="{INK}"/>')
        parts.append(f'<text x="{at:.1f}" y="{base + 17}" text-anchor="middle">{escape(name)}</text>')
    for value, name in up.ticks:
        at = _y(up, value)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{right}" stroke="{QUIET}" stroke-opacity=".3"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{escape(name)}</text>')
    middle = (LEFT + right) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HIGH - 8}" text-anchor="middle">{escape(across.name)}</text>')
    parts.append(f'<text transform="translate(13 {(TOP + base) / 2:.0f}) rotate(-90)" text-anchor="middle">'
                 f"{escape(up.name)}</text>")  # fmt: skip
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {WIDE} {HIGH}" role="img" direction="ltr" '
        f'font-family="sans-serif" font-size="12" fill="{INK}"><title>{escape(title)}</title>'
        f"{''.join(drawn)}{''.join(parts)}</svg>"
    )


def heat_map(title: str, cells: Mapping[tuple[int, int], int], bins: int, across: str, up: str) -> str:
    """Return a map of counts over two percentages: the darker, the more, on a logarithmic scale."""
    x, y = axis(across, 0, 100, " %"), axis(up, 0, 100, " %")
    most, width = max(cells.values(), default=1), 100 / bins
    drawn = []
    for (column, row), count in sorted(cells.items()):
        strength = 0.18 + 0.82 * (log10(count) / log10(most) if most > 1 else 1)
        left, top = _x(x, column * width), _y(y, (row + 1) * width)
        drawn.append(f'<rect x="{left:.1f}" y="{top:.1f}" width="{_x(x, width) - LEFT:.1f}" '
                     f'height="{HIGH - BOTTOM - _y(y, width):.1f}" fill="{LINES[0]}" fill-opacity="{strength:.2f}">'
                     f"<title>{count}</title></rect>")  # fmt: skip
    return _frame(title, x, y, drawn)


def columns(title: str, counts: Sequence[int], names: Sequence[str], expected: float, across: str) -> str:
    """Return columns with a line at the height that is expected of all of them."""
    x = Axis(across, 0, len(counts), [(i + 0.5, name) for i, name in enumerate(names)])
    y = axis("numbers", 0, max([*counts, expected, 1]))
    drawn = [_column(x, y, i + 0.15, 0.7, count, FILL) for i, count in enumerate(counts)]
    at = _y(y, expected)
    drawn.append(f'<path d="M{LEFT} {at:.1f}H{WIDE - RIGHT}" stroke="{MARK}" stroke-width="1.5"/>')
    return _frame(title, x, y, drawn)


def _column(x: Axis, y: Axis, start: float, width: float, count: int, fill: str) -> str:
    left, right, top = _x(x, start), _x(x, start + width), _y(y, count)
    return (f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.2f}" height="{HIGH - BOTTOM - top:.1f}" '
            f'fill="{fill}"><title>{count}</title></rect>')  # fmt: skip


def histogram(title: str, bins: Sequence[int], fine: int, across: str) -> str:
    """Return a histogram over percentages in bins of 1/`fine` percent, those around whole percentages marked."""
    held = [i for i, count in enumerate(bins) if count]
    low, high = (floor(held[0] / fine), ceil((held[-1] + 1) / fine)) if held else (0, 100)
    x, y = axis(across, low, high, " %"), axis("stations", 0, max([*bins, 1]))
    drawn = [
        _column(x, y, (i - 0.45) / fine, 0.9 / fine, bins[i], MARK if i % fine == 0 else FILL)
        for i in held
        if (i - 0.45) / fine >= x.low
    ]
    return _frame(title, x, y, drawn)


def steps(
    title: str, series: Mapping[str, Sequence[tuple[float, int]]], across: Axis, up: str, marks: Sequence[float] = ()
) -> str:
    """Return lines that go on level from one point to the next, one for each series, numbered like their list below.

    Args:
        title: For readers who do not see it.
        series: Points by name.
        across: The axis of the points' first numbers.
        up: Name of the other axis.
        marks: Where a line is drawn from top to bottom: something was found there.
    """
    most = max((value for points in series.values() for _, value in points), default=1)
    y = axis(up, 0, max(most, 1))
    lines = [f'<path d="M{_x(across, at):.1f} {TOP}V{HIGH - BOTTOM}"/>' for at in marks]
    drawn = [f'<g stroke="{ALARM}" stroke-opacity=".5" stroke-width="5">{"".join(lines)}</g>']
    for i, points in enumerate(series.values()):
        path, before = "", 0.0
        for at, value in points:
            here = _y(y, value)
            path += f"M{_x(across, at):.1f} {here:.1f}" if not path else f"H{_x(across, at):.1f}V{here:.1f}"
            before = here
        dash = f' stroke-dasharray="{DASHES[i % len(DASHES)]}"' if DASHES[i % len(DASHES)] else ""
        drawn.append(f'<path d="{path}" fill="none" stroke="{LINES[i % len(LINES)]}" stroke-width="2"{dash}/>')
        drawn.append(f'<text x="{WIDE - RIGHT + 3}" y="{before + 4:.1f}" fill="{LINES[i % len(LINES)]}">{i + 1}</text>')
    return _frame(title, across, y, drawn)
