"""A report as one HTML file that loads nothing, runs nothing, and can be printed (jinja2)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

from e2ev.codes import spoken
from e2ev.report import charts, page
from e2ev.report.environment import new_environment
from e2ev.report.messages import REVIEWED, SOURCE, Speaker, english
from e2ev.report.text import by_check
from e2ev.report.words import printable
from e2ev.verify.answers import ROOT_WORDS, Answered, Percent, Verbatim, answers
from e2ev.verify.check import Finding, Outcome, Report, State, Verdict
from e2ev.verify.explain import EXPLANATIONS, FAMILIES, Explanation, family_of, order_of

SHOWN = 20
"""Findings of one check that are shown."""


@dataclass(frozen=True, slots=True)
class Made:
    """How a report came to be, so that others can make it again.

    Attributes:
        command: The command, for a shell.
        inputs: Name and SHA-256 of every small file that it read beside the board.
    """

    command: str
    inputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """The findings of one check, as far as they are shown."""

    outcome: Outcome | None
    check: str
    text: Explanation | None
    shown: tuple[Finding, ...]
    more: int


def html_report(report: Report, made: Made, language: str = SOURCE) -> bytes:
    """Return a report as an HTML file in one of `messages.LANGUAGES`."""
    contents = report.contents
    languages = (language, *(contents.manifest.languages if contents else ()))
    context = {
        "_": Speaker(language),
        "report": report,
        "made": made,
        "contents": contents,
        "title": contents.manifest.name.best(languages) or contents.manifest.label if contents else "",
        "answers": answers(report),
        "people": page.people(report),
        "places": page.places(report),
        "contests": page.contests(report, languages),
        "families": tuple(_families(report)),
        "problems": tuple(_problems(report, report.findings, report.unlisted)),
        "left_out": tuple(_problems(report, report.excluded, {})),
        "words": Verbatim(spoken(report.root, ROOT_WORDS)),
        "reviewed": language in REVIEWED,
        "source": SOURCE,
        "version": Verbatim(f"e2ev {version('e2ev')}"),
        "longest": page.LONGEST,
    }
    return _environment().get_template("page.html").render(context).encode()


@lru_cache
def _environment() -> "Environment":
    made = new_environment()
    made.globals.update(
        bar=charts.bar,
        stacked=charts.stacked,
        Answered=Answered,
        State=State,
        Verdict=Verdict,
        Verbatim=Verbatim,
        percent=lambda count, of: Percent(count / of if of else 0),
        english=lambda text: english(printable(text)),
    )
    return made


def _families(report: Report) -> Iterator[tuple[str, tuple[Outcome, ...]]]:
    outcomes = sorted(report.outcomes, key=lambda one: order_of(one.check.id))
    for title, _ in FAMILIES:
        yield title, tuple(one for one in outcomes if family_of(one.check.id) == title)


def _problems(report: Report, findings: Sequence[Finding], unlisted: Mapping[str, int]) -> Iterator[Problem]:
    outcomes = {one.check.id: one for one in report.outcomes}
    for check, found in by_check(findings).items():
        more = max(len(found) - SHOWN, 0) + unlisted.get(check, 0)
        yield Problem(outcomes.get(check), check, EXPLANATIONS.get(check), tuple(found[:SHOWN]), more)
