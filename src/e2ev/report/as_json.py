"""A report as JSON for programs (specs/json-report.schema.json)."""

from collections.abc import Sequence
from typing import Any

from e2ev.codes import spoken
from e2ev.report.words import printable
from e2ev.verify.answers import CHANGED, ROOT_WORDS, Answer, answers, device_ballots, missed
from e2ev.verify.check import Finding, Outcome, Report
from e2ev.verify.explain import family_of
from e2ev.verify.levels import Drawn

FORMAT = "e2ev report 1"
LISTED = 10_000
"""Findings of all checks together that are listed."""

Json = dict[str, Any]


def report_json(report: Report) -> Json:
    """Return a report as specs/json-report.schema.json describes it."""
    posted, counted, excluded = report.ballots
    return {
        "format": FORMAT,
        "answers": [_answer(answer) for answer in answers(report)],
        "verdict": report.verdict.value,
        "exit_code": report.verdict.exit_code,
        "level": report.level.value,
        "sample": _sample(report.drawn),
        "remarks": list(report.remarks),
        "checks": [_outcome(one) for one in report.outcomes],
        "findings": _findings(report.findings),
        "findings_total": report.failures,
        "excluded": _findings(report.excluded),
        "excluded_total": len(report.excluded) + report.unlisted_excluded,
        "ballots": {"posted": posted, "counted": counted, "excluded": excluded},
        "tests": _tests(report),
        "cosigners": {
            "quorum": report.cosigners.seen.value,
            "entries": report.cosigners.entries,
            "seen": [
                {"name": printable(one.name), "entries": one.size, "time": one.time}
                for one in report.cosigners.cosigners
            ],
        },
        "paper": [
            {"place": one.place, "ballots": one.ballots, "on_board": one.on_board, "lost": one.lost}
            for one in report.paper
        ],
        "board": {"entries": report.entries, "root": report.root.hex(), "words": spoken(report.root, ROOT_WORDS)},
    }


def _answer(answer: Answer) -> Json:
    said = [str(one) for one in answer.said]
    return {"id": answer.id, "question": answer.question, "answer": answer.answered.value, "said": said}


def _tests(report: Report) -> Json:
    devices = [device for device in device_ballots(report) if device.ballots]
    return {
        "devices": [
            {
                "name": device.name,
                "place": device.place,
                "ballots": device.ballots,
                "tests": device.tests,
                "wrong": device.wrong,
                "closed": device.closed,
            }
            for device in devices
        ],
        "missed": [{"changes_one_in": part, "share": float(missed(devices, part))} for part in CHANGED],
    }


def _sample(drawn: Drawn | None) -> Json | None:
    if drawn is None:
        return None
    return {
        "seed": drawn.sample.seed.strip(),
        "size": drawn.sample.size,
        "drawn": drawn.drawn,
        "ballots": drawn.ballots,
        "bound": round(drawn.bound, 9),
    }


def _outcome(one: Outcome) -> Json:
    return {
        "id": one.check.id,
        "family": family_of(one.check.id),
        "statement": one.check.statement,
        "source": one.check.source,
        "state": one.state.value,
        "subjects": one.subjects,
        "failures": one.failures,
        "reason": one.reason or None,
    }


def _findings(findings: Sequence[Finding]) -> list[Json]:
    return [
        {
            "check": one.check,
            "found": one.found,
            "entry": one.entry,
            "place": one.place or None,
            "culprit": one.culprit or None,
            "ballot": one.ballot.hex() if one.ballot else None,
            "contest": one.contest or None,
            "option": one.option or None,
        }
        for one in findings[:LISTED]
    ]
