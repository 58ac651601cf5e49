"""What a run has gathered, put together as a report: outcomes, verdict, remarks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from e2ev.board.contents import Contents
from e2ev.record.kinds import RESULTS, STATIONS
from e2ev.verify import anchors as anchor_checks
from e2ev.verify import opened
from e2ev.verify.check import Check, Findings, Gathered, Outcome, Report, Scope, State, Verdict
from e2ev.verify.cosigners import Cosigners, Seen
from e2ev.verify.eligibility import does_not_apply
from e2ev.verify.levels import Drawn, Level
from e2ev.verify.log import Log
from e2ev.verify.options import Options
from e2ev.verify.paper import paper_places
from e2ev.verify.setting import Setting
from e2ev.verify.table import CHECKS, LEFT_OUT

PARTS = {
    "P": (STATIONS, "this election has no stations with boards of their own"),
    "Q": (RESULTS, "this election announces no results on its board"),
}
"""Families of checks that apply where genesis names a part beyond the core, and what is said where it does not."""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that a run has gathered, findings about excluded ballots by themselves."""

    gathered: Gathered
    excluded: Findings
    log: Log
    setting: Setting | None
    options: Options
    cosigners: Cosigners


def report_of(run: Run) -> Report:
    """Return what a run has to say."""
    contents, findings, tree = run.log.ledger.contents, run.gathered.findings, run.log.tree
    closed = len(contents.closed_test_ballots()) if contents else 0
    outcomes = tuple(_outcome(check, run, closed) for check in CHECKS)
    seen = (len(contents.ballots), contents.counted_ballots(), len(contents.exclusions)) if contents else (0, 0, 0)
    return Report(
        _verdict(len(findings), outcomes, contents, run.options.level),
        outcomes,
        tuple(findings),
        tuple(run.excluded),
        (*_remarks(contents, run, closed), *_seen(run.cosigners, run.log.committed.size, contents)),
        tree.size,
        tree.root(),
        run.gathered.piles,
        seen,
        findings.unlisted(),
        sum(run.excluded.unlisted().values()),
        level=run.options.level,
        drawn=_drawn(run),
        cosigners=run.cosigners,
        paper=paper_places(contents) if contents else (),
        contents=contents,
    )


def _drawn(run: Run) -> Drawn | None:
    if run.options.sample is None:
        return None
    ballots = len(run.setting.contents.ballots) if run.setting is not None and run.setting.joint is not None else 0
    return Drawn(run.options.sample, min(ballots, run.options.sample.size), ballots)


def _verdict(failures: int, outcomes: Sequence[Outcome], contents: Contents | None, level: Level) -> Verdict:
    if failures:
        return Verdict.REJECTED
    if level is not Level.FULL:
        return Verdict.INCOMPLETE
    if contents is None or contents.unknown_parts() or any(outcome.state is State.NOT_RUN for outcome in outcomes):
        return Verdict.INCOMPLETE
    return Verdict.ACCEPTED


def _outcome(check: Check, run: Run, closed: int) -> Outcome:
    failures = run.gathered.findings.counts.get(check.id, 0)
    subjects = run.gathered.subjects.get(check.id, 0)
    if failures:
        return Outcome(check, State.FAILED, subjects, failures)
    if check.id in run.options.disabled:
        return Outcome(check, State.NOT_RUN, 0, 0, "switched off")
    if check.id in run.options.skipped:
        return Outcome(check, State.NOT_RUN, 0, 0, LEFT_OUT[run.options.level][1])
    if run.options.level is Level.STRUCTURE:
        return Outcome(check, State.PASSED, subjects, 0)
    state, reason = _state(check, subjects, run, closed)
    return Outcome(check, state, subjects, 0, reason)


def _state(check: Check, subjects: int, run: Run, closed: int) -> tuple[State, str]:
    if run.setting is None:
        return State.NOT_RUN, "the record has no genesis that can be read"
    contents = run.setting.contents
    if reason := does_not_apply(check.id, contents):
        return State.NOT_APPLICABLE, reason
    part, absent = PARTS.get(check.id.partition(".")[0], ("", ""))
    if part and part not in contents.genesis.body.form.features:
        return State.NOT_APPLICABLE, absent
    other = {"8.D": "none", "8.E": "simple"}.get(check.id)
    if other is not None and contents.manifest.chaining != other:
        return State.NOT_APPLICABLE, f"the manifest chooses chaining {contents.manifest.chaining}"
    if check.scope is Scope.ANCHOR:
        return _anchor_state(check, subjects, run.options)
    if closed and check in opened.SHOWN_CHECKS:
        return State.NOT_RUN, f"{closed} challenged ballots are not opened yet"
    if subjects:
        return State.PASSED, ""
    if run.setting.joint is None and check.scope is not Scope.TRUSTEE:
        return State.NOT_RUN, "the keys of all trustees are not on the board, or not in the group"
    return _absent(check, contents)


def _anchor_state(check: Check, subjects: int, options: Options) -> tuple[State, str]:
    if subjects:
        return State.PASSED, ""
    if check.id in anchor_checks.OPTIONAL or not options.need_anchors:
        return State.NOT_APPLICABLE, "nothing was given to compare with"
    return State.NOT_RUN, "nothing was given to compare with: --expect FILE"


def _absent(check: Check, contents: Contents) -> tuple[State, str]:
    """Return why a check had nothing to look at: because there cannot be anything, or because it is not there yet."""
    if check.scope is Scope.OPENED:
        return State.NOT_APPLICABLE, "no ballot was opened this way"
    if check.scope in (Scope.TALLY, Scope.CELL):
        return State.NOT_RUN, "there is no result yet"
    if check.scope is Scope.TRUSTEE:
        return State.NOT_RUN, "no trustee's keys are on the board yet"
    return State.NOT_APPLICABLE, f"there is no {check.scope.value} on the board"


def _remarks(contents: Contents | None, run: Run, closed: int) -> Iterator[str]:
    options = run.options
    if options.level is not Level.FULL:
        yield f"level {options.level.value}: a part was checked; --level full checks everything"
    if (drawn := _drawn(run)) is not None and drawn.drawn:
        yield from drawn.in_words()
    if contents is None:
        return
    if options.anchors is None:
        yield "internally consistent at most: whose election this is was not checked (--expect FILE)"
    for feature in contents.unknown_parts():
        yield f"the record uses {feature}, which this verifier does not know"
    yield from (place.said for place in paper_places(contents))
    if superseded := contents.eligibility.superseded:
        yield f"{superseded} ballots are superseded, each by a later one of the same voter"
    if contents.exclusions:
        yield f"{len(contents.exclusions)} ballots are excluded, each for a check that it fails"
    if closed:
        yield f"{closed} of {len(contents.test_ballots())} challenged ballots are not opened"


def _seen(cosigners: Cosigners, size: int, contents: Contents | None) -> Iterator[str]:
    """What can be said about independent cosigners."""
    if cosigners.seen is Seen.NOT_TESTED:
        yield "whether independent cosigners saw this board was not tested (--policy FILE)"
        if contents is not None and contents.policy is not None:
            yield f"the election publishes a policy ({contents.policy.where}); whom to believe, it cannot say"
    elif cosigners.seen is Seen.MET:
        yield "independent cosigners saw this board: " + ", ".join(one.name for one in cosigners.cosigners)
    else:
        yield f"too few independent cosigners saw this board: {cosigners.entries} of its {size} entries"
    if cosigners.strange:
        yield (f"{cosigners.strange} cosigned checkpoints, signed by the log, are not of this board: there may be two; "
               "compare it with others (e2ev board diff)")  # fmt: skip
