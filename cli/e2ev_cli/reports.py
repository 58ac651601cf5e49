"""A verifier's report, as text for people and as JSON for programs (specs/json-report.schema.json)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from types import MappingProxyType
from typing import TYPE_CHECKING

from e2ev.verify.levels import Level
from e2ev_cli import ui
from e2ev_cli.voter import ROOT_WORDS

if TYPE_CHECKING:
    from e2ev.verify.check import Finding, Outcome, Report
    from e2ev.verify.levels import Drawn

FORMAT = "e2ev report 1"
SHOWN, LISTED = 20, 10_000
"""Findings of one check in text, and of all checks in JSON."""
NOTHING: Mapping[str, int] = MappingProxyType({})


def show_report(report: "Report", *, as_json: bool, quiet: bool) -> None:
    """Print a report."""
    if as_json:
        ui.out_json(report_json(report))
    else:
        _show(report, quiet=quiet)


def _show(report: "Report", *, quiet: bool) -> None:
    from e2ev.verify.check import Verdict

    colour = {Verdict.ACCEPTED: "green", Verdict.REJECTED: "red", Verdict.INCOMPLETE: "yellow"}[report.verdict]
    ui.out(f"{ui.coloured(report.verdict.value, colour)}  {_in_words(report)}")
    if quiet:
        return
    for remark in report.remarks:
        ui.out(f"note: {ui.printable(remark)}")
    _show_checks(report)
    _show_findings("Problems found", report.findings, report.unlisted)
    _show_findings("Ballots not counted, for these reasons", report.excluded)
    _show_numbers(report)
    if report.findings:
        ui.say(f"what a check means: e2ev explain {report.findings[0].check}")


def _in_words(report: "Report") -> str:
    from e2ev.verify.check import State, Verdict

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
    return f"{counted(passed, 'check')} passed, none failed"


def counted(number: int, what: str) -> str:
    """Return "3 checks", "1 check"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _show_checks(report: "Report") -> None:
    from e2ev.verify.check import State
    from e2ev.verify.explain import FAMILIES, family_of, order_of

    colours = {State.FAILED: "red", State.NOT_RUN: "yellow", State.PASSED: "green", State.NOT_APPLICABLE: "dim"}
    outcomes = sorted(report.outcomes, key=lambda one: order_of(one.check.id))
    ui.out()
    ui.out(f"  {'check':5} {'state':14} {'looked at':>9}  what has to hold")
    for title, _ in FAMILIES:
        ui.out(ui.coloured(title, "bold"))
        family = [one for one in outcomes if family_of(one.check.id) == title]
        for outcome, after in zip_longest(family, family[1:]):
            said = outcome.state.value.upper() if outcome.state is State.FAILED else outcome.state.value
            state = ui.coloured(f"{said:14}", colours[outcome.state])
            ui.out(f"  {outcome.check.id:5} {state} {_looked_at(outcome):>9}  {outcome.check.statement}")
            if outcome.reason and (after is None or after.reason != outcome.reason):
                ui.out(f"{'':23}why: {ui.printable(outcome.reason)}")


def _looked_at(outcome: "Outcome") -> str:
    return f"{outcome.subjects:,}" if outcome.subjects else ""


def _show_findings(title: str, findings: "Sequence[Finding]", unlisted: Mapping[str, int] = NOTHING) -> None:
    if not findings:
        return
    by_check: dict[str, list[Finding]] = {}
    for finding in findings:
        by_check.setdefault(finding.check, []).append(finding)
    ui.out()
    ui.out(ui.coloured(title, "bold"))
    for check, found in by_check.items():
        for finding in found[:SHOWN]:
            ui.out(f"  {check:5} " + ui.printable(finding.found))
            ui.out("        " + ui.printable(" · ".join(_place(finding))))
        if len(found) > SHOWN:
            more = len(found) - SHOWN + unlisted.get(check, 0)
            listed = f"the first {len(found):,}" if check in unlisted else "them"
            ui.out(f"  {check:5} and {counted(more, 'more place')}; --json lists {listed}")


def _place(finding: "Finding") -> Iterator[str]:
    yield finding.where or "the board as a whole"
    if finding.culprit and finding.culprit not in finding.where:
        yield f"done by {finding.culprit}"


def _show_numbers(report: "Report") -> None:
    from e2ev.codes import spoken

    posted, counted, excluded = report.ballots
    ui.out()
    paper = [("on paper", f"{one.place}: {one.ballots:,} more, not checked here") for one in report.paper]
    ui.out(ui.table([
        ("entries", f"{report.entries:,}"),
        ("ballots", f"{posted:,}, of which {counted:,} count and {excluded:,} are excluded"),
        *((head, ui.printable(said)) for head, said in paper),
        ("root", report.root.hex()),
        ("in words", spoken(report.root, ROOT_WORDS)),
    ]))  # fmt: skip


# The report as JSON


def report_json(report: "Report") -> dict[str, object]:
    """Return a report as specs/json-report.schema.json describes it."""
    from e2ev.codes import spoken
    from e2ev.verify.explain import family_of

    posted, counted, excluded = report.ballots
    return {
        "format": FORMAT,
        "verdict": report.verdict.value,
        "exit_code": report.verdict.exit_code,
        "level": report.level.value,
        "sample": _sample_json(report.drawn),
        "remarks": list(report.remarks),
        "checks": [
            {
                "id": one.check.id,
                "family": family_of(one.check.id),
                "statement": one.check.statement,
                "source": one.check.source,
                "state": one.state.value,
                "subjects": one.subjects,
                "failures": one.failures,
                "reason": one.reason or None,
            }
            for one in report.outcomes
        ],
        "findings": _findings_json(report.findings),
        "findings_total": report.failures,
        "excluded": _findings_json(report.excluded),
        "excluded_total": len(report.excluded) + report.unlisted_excluded,
        "ballots": {"posted": posted, "counted": counted, "excluded": excluded},
        "cosigners": {
            "quorum": report.cosigners.seen.value,
            "entries": report.cosigners.entries,
            "seen": [
                {"name": ui.printable(one.name), "entries": one.size, "time": one.time}
                for one in report.cosigners.cosigners
            ],
        },
        "paper": [
            {"place": one.place, "ballots": one.ballots, "on_board": one.on_board, "lost": one.lost}
            for one in report.paper
        ],
        "board": {"entries": report.entries, "root": report.root.hex(), "words": spoken(report.root, ROOT_WORDS)},
    }


def _sample_json(drawn: "Drawn | None") -> dict[str, object] | None:
    if drawn is None:
        return None
    return {"seed": drawn.sample.seed.strip(), "size": drawn.sample.size, "drawn": drawn.drawn,
            "ballots": drawn.ballots, "bound": round(drawn.bound, 9)}  # fmt: skip


def _findings_json(findings: "Sequence[Finding]") -> list[dict[str, object]]:
    return [
        {
            "check": one.check,
            "found": one.found,
            "entry": one.entry,
            "place": one.place or None,
            "culprit": one.culprit or None,
            "ballot": one.ballot.hex() if one.ballot else None,
        }
        for one in findings[:LISTED]
    ]
