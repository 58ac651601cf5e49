"""The history of a page of results as text and as a page of its own."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from html import escape
from itertools import pairwise

from e2ev.accountability.history import History, Line, Page
from e2ev.report import plots
from e2ev.report.screening import html_page

_MOST_LINES = 8
"""Options that are drawn: those with the most votes at the end."""


def text(history: History, *, every_page: bool) -> str:
    """Return the history as text: each page with what it changed, or the last one alone; then the findings."""
    lines = [history.title]
    shown = history.pages if every_page else history.pages[-1:]
    filled = [page for page in history.pages if page.lines]
    before = {page.where: held for held, page in pairwise(filled)}
    for page in shown:
        lines += ["", *_told(page, before.get(page.where) if every_page else None)]
    lines += ["", f"{len(history.pages)} pages, {len(history.findings)} findings"]
    lines += [f"  {one.check}  {one.where}: {one.found}" for one in history.findings]
    return "\n".join(lines)


def _told(page: Page, before: Page | None) -> Iterator[str]:
    said = f", corrects {page.corrects[:16]}: {page.reason}" if page.corrects else ""
    yield f"{_when(page.at)}  {page.where}{said}"
    if not page.lines:
        yield "  nothing is shown"
    for name, line in page.lines.items():
        yield f"  {name}{_figures(line)}"
        old = before.lines.get(name) if before else None
        width = max(map(len, line.votes), default=0)
        for option, votes in line.votes.items():
            share = f"{float(line.shares[option].percent):8.2f} %" if option in line.shares else ""
            change = f"  ({votes - old.votes[option]:+d})" if old is not None and option in old.votes else ""
            yield f"    {option.ljust(width)} {votes:>12,}{share}{change}"


def _figures(line: Line) -> str:
    places = f"{line.reported} of {line.of} places" if line.of is not None else f"{line.reported} places"
    told = [places] if line.reported is not None else []
    told += [f"{line.ballots} ballots"] if line.ballots is not None else []
    return f" ({', '.join(told)})" if told else ""


def _when(at: datetime) -> str:
    return at.isoformat(" ", "minutes")


def page(history: History) -> str:
    """Return the history as one HTML file: a chart for each line of the page, and the findings in words."""
    names = list(dict.fromkeys(name for held in history.pages for name in held.lines))
    sections = [_chart(history, name) for name in names]
    rows = "".join(
        f"<tr><td>{escape(one.check)}</td><td>{escape(one.where)}</td><td class='bad'>{escape(one.found)}</td></tr>"
        for one in history.findings
    )
    found = f"<table><tr><th>check</th><th>page</th><th>found</th></tr>{rows}</table>" if rows else ""
    intro = [f"{len(history.pages)} pages of results, {len(history.findings)} findings. What a check asks for: "
             "e2ev explain Q.1, and so on. Pages with findings have a red line through the chart."]  # fmt: skip
    return html_page(f"{history.title}: history of the announced results", intro, [found, *sections])


def _chart(history: History, name: str) -> str:
    pages = [held for held in history.pages if name in held.lines]
    start = history.pages[0].at
    last = pages[-1].lines[name].votes
    kept = sorted(last, key=last.__getitem__, reverse=True)[:_MOST_LINES]
    end = 1.05 * max((history.pages[-1].at - start).total_seconds(), 60.0)  # room for what the last page changed
    series = {
        option: [((held.at - start).total_seconds(), held.lines[name].votes[option])
                 for held in pages if option in held.lines[name].votes] + [(end, last[option])]
        for option in kept
    }  # fmt: skip
    bad = {one.where for one in history.findings}
    marks = [(held.at - start).total_seconds() for held in history.pages if held.where in bad]
    svg = plots.steps(f"{name}: votes by time", series, _hours(start, end), "votes", marks)
    rows = "".join(
        f"<tr><td style='color:{plots.LINES[i % len(plots.LINES)]}'>{i + 1}</td><td>{escape(option)}</td>"
        f"<td class='n'>{last[option]:,}</td></tr>"
        for i, option in enumerate(kept)
    )
    return f"<section><h2>{escape(name)}</h2>{svg}<table>{rows}</table></section>"


def _hours(start: datetime, seconds: float) -> plots.Axis:
    """Return an axis of time with up to six marks."""
    pattern = "%H:%M" if seconds < 36 * 3600 else "%d %b %H:%M"
    marks = [seconds * i / 5 for i in range(6)]
    ticks = [(mark, (start + timedelta(seconds=mark)).strftime(pattern)) for mark in marks]
    return plots.Axis("time", 0, seconds, ticks)
