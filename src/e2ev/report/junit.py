"""A report as JUnit XML, so that a machine that runs tests shows it.

Every check is a test case in the suite of its family, and so is each answer. NO and a failed check are failures; a
check that could not run is an error, for the record is then not accepted; what does not apply, and NOT TESTED, is
skipped. No other form of a report is shorter to a program, and none says less: the answers' sentences are in it.
"""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from e2ev.report.text import SHOWN, by_check
from e2ev.report.words import printable
from e2ev.verify.answers import Answer, Answered, answers
from e2ev.verify.check import Finding, Outcome, Report, State
from e2ev.verify.explain import EXPLANATIONS, FAMILIES, family_of, order_of

COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def junit_report(report: Report) -> bytes:
    """Return a report as XML."""
    root = Element("testsuites", {"name": f"e2ev verify: {report.verdict.value}"})
    suite = SubElement(root, "testsuite", {"name": "Four answers"})
    for number, answer in enumerate(answers(report), 1):
        _answer(SubElement(suite, "testcase", {"classname": "answers", "name": f"{number}. {answer.question}"}), answer)
    found = by_check(report.findings)
    outcomes = sorted(report.outcomes, key=lambda one: order_of(one.check.id))
    for title, _ in FAMILIES:
        family = [one for one in outcomes if family_of(one.check.id) == title]
        suite = SubElement(root, "testsuite", {"name": title})
        for one in family:
            name = f"{one.check.id} {one.check.statement}"
            _check(SubElement(suite, "testcase", {"classname": title, "name": name}), one, found.get(one.check.id, []))
    _count(root)
    indent(root)
    written: bytes = tostring(root, "utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + written + b"\n"


def _answer(case: Element, answer: Answer) -> None:
    said = _lines(str(one) for one in answer.said)
    kind = {Answered.YES: "system-out", Answered.NO: "failure", Answered.NOT_TESTED: "skipped"}[answer.answered]
    held = SubElement(case, kind, {} if kind == "system-out" else {"message": answer.answered.value})
    held.text = said


def _check(case: Element, one: Outcome, findings: list[Finding]) -> None:
    case.set("assertions", str(one.subjects))
    if one.state is State.FAILED:
        text = EXPLANATIONS.get(one.check.id)
        failure = SubElement(case, "failure", {"message": text.meaning if text else "", "type": one.check.id})
        more = one.failures - min(len(findings), SHOWN)
        lines = [f"{finding.where or 'the board as a whole'}: {finding.found}" for finding in findings[:SHOWN]]
        failure.text = _lines([*lines, *([f"and {more:,} more"] if more else [])])
    elif one.state is State.NOT_RUN:
        SubElement(case, "error", {"message": printable(one.reason), "type": State.NOT_RUN.value})
    elif one.state is State.NOT_APPLICABLE:
        SubElement(case, "skipped", {"message": printable(one.reason)})


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(map(printable, lines))


def _count(root: Element) -> None:
    """Write on each suite, and on the whole, how many cases there are and how they came out."""
    for suite in (*root, root):
        suite.set("tests", str(sum(1 for _ in suite.iter("testcase"))))
        for name, kind in COUNTED.items():
            if suite is not root or name != "skipped":
                suite.set(name, str(sum(1 for _ in suite.iter(kind))))
