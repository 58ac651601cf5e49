"""A report as lines of text: the terminal's table, and the file for people who want nothing else."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from types import MappingProxyType

from e2ev.codes import spoken
from e2ev.report.words import counted, printable
from e2ev.verify.answers import ROOT_WORDS, Answered, answers
from e2ev.verify.check import Finding, Outcome, Report, State, Verdict
from e2ev.verify.explain import FAMILIES, family_of, order_of
from e2ev.verify.levels import Level

SHOWN = 20
"""Findings of one check that are shown; JSON lists more."""

Paint = Callable[[str, str], str]
"""Returns a text in a colour: red, green, yellow, bold, dim."""

ANSWER_COLOURS = {Answered.YES: "green", Answered.NO: "red", Answered.NOT_TESTED: "yellow"}
VERDICT_COLOURS = {Verdict.ACCEPTED: "green", Verdict.REJECTED: "red", Verdict.INCOMPLETE: "yellow"}
STATE_COLOURS = {State.FAILED: "red", State.NOT_RUN: "yellow", State.PASSED: "green", State.NOT_APPLICABLE: "dim"}
NOTHING: Mapping[str, int] = MappingProxyType({})
WIDTH = 100


def plain(text: str, _colour: str) -> str:
    """Return text as it is."""
    return text


def text_report(report: Report, paint: Paint = plain) -> Iterator[str]:
    """Yield the lines of a report, the four answers first."""
    yield from _answers(report, paint)
    yield ""
    yield verdict_line(report, paint)
    for remark in report.remarks:
        yield f"note: {printable(remark)}"
    yield from _checks(report, paint)
    yield from _findings("Problems found", report.findings, paint, report.unlisted)
    yield from _findings("Ballots not counted, for these reasons", report.excluded, paint)
    yield from _numbers(report)


def verdict_line(report: Report, paint: Paint = plain) -> str:
    """Return the verdict on the record, and what it rests on."""
    return f"{paint(report.verdict.value, VERDICT_COLOURS[report.verdict])}  {_in_words(report)}"


def _answers(report: Report, paint: Paint) -> Iterator[str]:
    for number, answer in enumerate(answers(report), 1):
        state = paint(f"{answer.answered.value:10}", ANSWER_COLOURS[answer.answered])
        yield f"{number}. {state}  {paint(answer.question, 'bold')}"
        for said in answer.said:
            yield from textwrap.wrap(printable(str(said)), WIDTH, initial_indent=" " * 15, subsequent_indent=" " * 17)


def _in_words(report: Report) -> str:
    failed, idle = (sum(one.state is state for one in report.outcomes) for state in (State.FAILED, State.NOT_RUN))
    if report.verdict is Verdict.REJECTED:
        return f"{counted(failed, 'check')} failed, in {counted(report.failures, 'place')}"
    if report.verdict is Verdict.INCOMPLETE and report.level is not Level.FULL:
        return f"nothing was found wrong on level {report.level.value}, which leaves out {counted(idle, 'check')}"
    if report.verdict is Verdict.INCOMPLETE:
        missing = (
            f"{counted(idle, 'check')} could not run" if idle else "the record uses parts unknown to this verifier"
        )
        return f"nothing was found wrong, and {missing}"
    passed = sum(one.state is State.PASSED for one in report.outcomes)
    excluded = report.ballots[2]
    aside = f"; {counted(excluded, 'ballot')} excluded" if excluded else ""
    return f"{counted(passed, 'check')} passed, none failed{aside}"


def _checks(report: Report, paint: Paint) -> Iterator[str]:
    outcomes = sorted(report.outcomes, key=lambda one: order_of(one.check.id))
    yield ""
    yield f"  {'check':5} {'state':14} {'looked at':>9}  what has to hold"
    for title, _ in FAMILIES:
        yield paint(title, "bold")
        family = [one for one in outcomes if family_of(one.check.id) == title]
        for outcome, after in zip_longest(family, family[1:]):
            said = outcome.state.value.upper() if outcome.state is State.FAILED else outcome.state.value
            state = paint(f"{said:14}", STATE_COLOURS[outcome.state])
            yield f"  {outcome.check.id:5} {state} {_looked_at(outcome):>9}  {outcome.check.statement}"
            if outcome.reason and (after is None or after.reason != outcome.reason):
                yield f"{'':23}why: {printable(outcome.reason)}"


def _looked_at(outcome: Outcome) -> str:
    return f"{outcome.subjects:,}" if outcome.subjects else ""


def _findings(
    title: str, findings: Sequence[Finding], paint: Paint, unlisted: Mapping[str, int] = NOTHING
) -> Iterator[str]:
    if not findings:
        return
    yield ""
    yield paint(title, "bold")
    for check, found in by_check(findings).items():
        for finding in found[:SHOWN]:
            yield f"  {check:5} " + printable(finding.found)
            yield "        " + printable(" · ".join(_place(finding)))
        if len(found) > SHOWN:
            more = len(found) - SHOWN + unlisted.get(check, 0)
            listed = f"the first {len(found):,}" if check in unlisted else "them"
            yield f"  {check:5} and {counted(more, 'more place')}; --json lists {listed}"


def by_check(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Return findings by the check that made them, in the order in which checks appear first."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.check, []).append(finding)
    return found


def _place(finding: Finding) -> Iterator[str]:
    yield finding.where or "the board as a whole"
    if finding.culprit and finding.culprit not in finding.where:
        yield f"done by {finding.culprit}"


def _numbers(report: Report) -> Iterator[str]:
    posted, of_them, excluded = report.ballots
    rows = [
        ("entries", f"{report.entries:,}"),
        ("ballots", f"{posted:,}, of which {of_them:,} count and {excluded:,} are excluded"),
        *(("on paper", f"{one.place}: {one.ballots:,} more, not checked here") for one in report.paper),
        ("root", report.root.hex()),
        ("in words", spoken(report.root, ROOT_WORDS)),
    ]
    yield ""
    for head, said in rows:
        yield f"{head:10}{printable(said)}"
