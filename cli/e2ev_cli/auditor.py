"""`e2ev verify`, `e2ev explain` and `e2ev export`: what an auditor does with a board."""

import os
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e2ev_cli import ui
from e2ev_cli.voter import ROOT_WORDS

if TYPE_CHECKING:
    from e2ev.verify.check import Finding, Outcome, Report

FORMAT = "e2ev report 1"
SHOWN, LISTED = 20, 10_000
"""Findings of one check in text, and of all checks in JSON."""

Board = Annotated[Path, typer.Argument(help="The board file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class Target(StrEnum):
    """What a record can be exported to."""

    JSON = "json"


def verify(
    board: Board,
    expect: Annotated[
        Path | None, typer.Option("--expect", help="What you know from elsewhere: a file of known keys and numbers.")
    ] = None,
    no_anchor: Annotated[
        bool, typer.Option("--no-anchor", help="Do not ask whose election this is, only whether it is consistent.")
    ] = False,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes; default: all cores.")] = os.cpu_count() or 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON: specs/json-report.schema.json.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the verdict alone.")] = False,
) -> None:
    """Check everything that a board claims, and say what was found, where, and whose doing it is.

    Exit code: 0 accepted, 1 rejected, 4 incomplete, 3 if the file is no board.

    Example: e2ev verify council.board --expect council.anchors.json
    """
    from e2ev.board.reader import open_board
    from e2ev.storage.disk import read_bounded
    from e2ev.verify.anchors import read_anchors
    from e2ev.verify.run import Options
    from e2ev.verify.run import verify as check_all

    open_board(board).close()
    anchors = read_anchors(read_bounded(expect, 16 << 20), str(expect)) if expect else None
    with nullcontext(_silent) if quiet else ui.progress("checking ballots") as show:
        options = Options(jobs=jobs, anchors=anchors, need_anchors=not no_anchor, progress=show)
        report = check_all(board, options)
    if as_json:
        ui.out_json(report_json(report))
    else:
        _show(report, quiet=quiet)
    raise typer.Exit(report.verdict.exit_code)


def _silent(_done: int, _all: int) -> None:
    """Show no progress."""


# The report as text


def _show(report: "Report", *, quiet: bool) -> None:
    from e2ev.verify.check import Verdict

    colour = {Verdict.ACCEPTED: "green", Verdict.REJECTED: "red", Verdict.INCOMPLETE: "yellow"}[report.verdict]
    ui.out(f"{ui.coloured(report.verdict.value, colour)}  {_in_words(report)}")
    if quiet:
        return
    for remark in report.remarks:
        ui.out(f"note: {ui.printable(remark)}")
    _show_checks(report)
    _show_findings("Problems found", report.findings)
    _show_findings("Ballots not counted, for these reasons", report.excluded)
    _show_numbers(report)
    if report.findings:
        ui.say(f"what a check means: e2ev explain {report.findings[0].check}")


def _in_words(report: "Report") -> str:
    from e2ev.verify.check import State, Verdict

    failed, idle = (sum(one.state is state for one in report.outcomes) for state in (State.FAILED, State.NOT_RUN))
    if report.verdict is Verdict.REJECTED:
        return f"{_count(failed, 'check')} failed, in {_count(len(report.findings), 'place')}"
    if report.verdict is Verdict.INCOMPLETE:
        missing = f"{_count(idle, 'check')} could not run" if idle else "the record uses parts unknown to this verifier"
        return f"nothing was found wrong, and {missing}"
    passed = sum(one.state is State.PASSED for one in report.outcomes)
    return f"{_count(passed, 'check')} passed, none failed"


def _count(number: int, what: str) -> str:
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


def _show_findings(title: str, findings: "Sequence[Finding]") -> None:
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
            ui.out(f"  {check:5} and {_count(len(found) - SHOWN, 'more place')}; --json lists them")


def _place(finding: "Finding") -> Iterator[str]:
    yield finding.where or "the board as a whole"
    if finding.culprit and finding.culprit not in finding.where:
        yield f"done by {finding.culprit}"


def _show_numbers(report: "Report") -> None:
    from e2ev.codes import spoken

    posted, counted, excluded = report.ballots
    ui.out()
    ui.out(ui.table([
        ("entries", f"{report.entries:,}"),
        ("ballots", f"{posted:,}, of which {counted:,} count and {excluded:,} are excluded"),
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
        "findings_total": len(report.findings),
        "excluded": _findings_json(report.excluded),
        "excluded_total": len(report.excluded),
        "ballots": {"posted": posted, "counted": counted, "excluded": excluded},
        "board": {"entries": report.entries, "root": report.root.hex(), "words": spoken(report.root, ROOT_WORDS)},
    }


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


def explain(
    what: Annotated[str, typer.Argument(help="A check, like 6.D, or an error, like E-DATA.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Say in plain words what a check or an error means, and what to do when you meet it.

    Example: e2ev explain 6.D
    """
    from e2ev.verify.explain import explain as look_up
    from e2ev.verify.explain import family_of

    check, text = look_up(what)
    if as_json:
        ui.out_json({
            "id": check.id if check else what.strip().upper(), "family": family_of(check.id) if check else None,
            "statement": check.statement if check else None, "source": check.source if check else None,
            "meaning": text.meaning, "advice": text.advice,
        })  # fmt: skip
        return
    if check is None:
        ui.out(ui.coloured(what.strip().upper(), "bold"))
        rows = [("meaning", text.meaning), ("do", text.advice)]
    else:
        ui.out(ui.coloured(check.id, "bold") + f"  {family_of(check.id)}")
        rows = [("demands", check.statement), ("if it fails", text.meaning), ("do", text.advice),
                ("source", check.source)]  # fmt: skip
    for name, said in rows:
        ui.out(textwrap.fill(said, 88, initial_indent=f"  {name:13}", subsequent_indent=" " * 15))


def export(
    board: Board,
    folder: Annotated[Path, typer.Argument(help="A new folder, or an empty one.", show_default=False)],
    to: Annotated[Target, typer.Option("--to", help="What to write.")] = Target.JSON,
    as_json: AsJson = False,
) -> None:
    """Write the whole record as JSON files with the specification's names: specs/json-export.md.

    Export does not judge: a broken or unfinished board is written as it stands,
    and the command says so.

    Example: e2ev export council.board --to json council-json
    """
    from e2ev.board.archive import export as write

    with ui.progress("writing entries") as show:
        done = write(board, folder, progress=show)
    if as_json:
        ui.out_json({"folder": str(folder), "to": to.value, "files": done.files, "entries": done.entries,
                     "ballots": done.ballots, "root": done.root.hex(), "remarks": done.remarks})  # fmt: skip
        return
    ui.out(f"{_count(done.files, 'file')} in {folder}: {done.entries:,} entries, "
           f"{_count(done.ballots, 'ballot')}")  # fmt: skip
    for remark in done.remarks:
        ui.out(f"note: {ui.printable(remark)}")
    ui.say(f"Nothing was checked. For a verdict: e2ev verify {board}")
