"""The whole verification: one pass over the log, segments of ballots in any executor, then the tally."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from e2ev.board.contents import Contents
from e2ev.board.policy import Policy
from e2ev.board.reader import Event
from e2ev.errors import DataError, IncompleteError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record.codec import Path as FieldPath
from e2ev.record.kinds import FEATURES
from e2ev.verify import anchors as anchor_checks
from e2ev.verify import ballots, cases, opened, setup
from e2ev.verify import tally as tally_checks
from e2ev.verify.anchors import AnchorCase, Anchors
from e2ev.verify.board import ENTRY_CHECKS
from e2ev.verify.check import Check, Findings, Gathered, Outcome, Report, Scope, State, Verdict
from e2ev.verify.cosigners import Cosigners, Seen, Sighting
from e2ev.verify.executors import Executor, Processes, Serial
from e2ev.verify.log import Log, read_log
from e2ev.verify.paper import paper_places
from e2ev.verify.segments import (
    BATCHED,
    PLAIN,
    SegmentSetting,
    ballot_jobs,
    commitment_offsets,
    segment_size,
    units,
    verify_segment,
)
from e2ev.verify.setting import Setting, setting_of
from e2ev.verify.sums import Sum

CHECKS: tuple[Check, ...] = (
    *ENTRY_CHECKS,
    *setup.CHECKS,
    *ballots.CHECKS,
    *tally_checks.CELL_CHECKS,
    *tally_checks.ATTEMPT_CHECKS,
    *tally_checks.COUNT_CHECKS,
    *tally_checks.RESULT_CHECKS,
    *opened.OPENED_CHECKS,
    *opened.SHOWN_CHECKS,
    *tally_checks.DATA_CHECKS,
    *anchor_checks.CHECKS,
)
"""Every check there is."""

EXCLUDING = frozenset(check.id for check in ballots.CHECKS) | {"R.1", "B.4", "5.A", "I.2"}
"""Checks that one ballot alone can fail, so that it can be excluded for them."""

Progress = Callable[[int, int], None]
"""Called with how much is done so far (ballots checked, bytes read), and of all."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a verification runs; none of it changes what an honest record's verdict is.

    Attributes:
        jobs: Number of processes.
        groups: Groups that genesis may name: for tests alone.
        anchors: What is known from outside; None if nothing is.
        need_anchors: Whether a run without anchors is incomplete.
        disabled: Checks that are left out: for controls of test vectors alone.
        progress: Told about ballots.
        reading: Told about bytes of the board, before that.
        executor: Does the work on ballots; None for as many processes as `jobs` says.
        policy: Whose cosigners are believed; None if nobody asks for any.
    """

    jobs: int = 1
    groups: Sequence[Group] = STANDARD_GROUPS
    anchors: Anchors | None = None
    need_anchors: bool = True
    disabled: frozenset[str] = frozenset()
    progress: Progress = lambda _done, _all: None
    reading: Progress = lambda _done, _all: None
    executor: Executor | None = None
    policy: Policy | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """A board whose log was read and whose keys are there, so that its ballots can be looked at."""

    path: Path
    log: Log
    setting: Setting
    segment: SegmentSetting
    options: Options


Look = Callable[[Ready, Sum], None]
"""Adds up what all ballots of a board give."""


def verify(path: Path, options: Options = Options()) -> Report:
    """Return what all checks say of a board file.

    Raises:
        DataError: The file is no board, or cannot be read at all.
    """
    return verify_with(_look_at_all, path, options)


def verify_with(look: Look, path: Path, options: Options) -> Report:
    """Return what all checks say of a board file, what its ballots give being known from `look`; errors as above."""
    sighting = Sighting(options.policy) if options.policy else None
    watch = sighting.take if sighting else _nobody
    log = read_log(path, options.groups, options.disabled, options.reading, watch)
    contents = log.ledger.contents
    gathered, excluded = Gathered(), Findings()
    gathered.findings = log.findings
    gathered.count({check.id: log.tree.size for check in ENTRY_CHECKS})
    if contents is None:
        return _report(_Run(gathered, excluded, log, None, options, Cosigners()))
    setting = setting_of(contents, _trusted_keys(options.disabled))
    _check_setup(gathered, setting, options.disabled)
    context = setting.ballot_context
    if context is not None:
        ready = Ready(path, log, setting, SegmentSetting(path, context, options.disabled), options)
        excluded = _check_ballots(gathered, ready, look)
        _check_decryption(gathered, cases.Decryption(path, setting, context, gathered.piles), options.disabled)
    if options.anchors is not None:
        gathered.look(
            _given(options.anchors), [AnchorCase(contents, log.tree.root(), options.anchors)], options.disabled
        )
    return _report(_Run(gathered, excluded, log, setting, options, _cosigners(sighting, contents)))


def _nobody(_event: Event) -> None:
    """Watch nothing: nobody asked for cosigners."""


def _cosigners(sighting: Sighting | None, contents: Contents) -> Cosigners:
    if sighting is None:
        return Cosigners()
    try:
        return sighting.judge(contents.log())
    except DataError:  # B.2 says what is wrong with the log's key
        return Cosigners(Seen.NOT_MET)


def prepare(path: Path, options: Options) -> Ready:
    """Return a board whose ballots can be looked at.

    Raises:
        DataError: The file is no board, or cannot be read at all.
        IncompleteError: The keys are missing, so there is nothing to look at.
    """
    log = read_log(path, options.groups, options.disabled, options.reading)
    setting = setting_of(log.ledger.held, _trusted_keys(options.disabled))
    context = setting.ballot_context
    if context is None:
        found = "the keys of all trustees are not on the board, or not in the group"
        raise IncompleteError(found, where=str(path), remedy=f"e2ev verify {path}")
    return Ready(path, log, setting, SegmentSetting(path, context, options.disabled), options)


# Setup, ballots


def _trusted_keys(disabled: frozenset[str]) -> Callable[[FieldPath], bool]:
    def trusted(path: FieldPath) -> bool:
        scalar = len(path) > 1 and path[1] in ("vote_proof", "data_proof")
        return ("2.B" if scalar else "2.A") in disabled

    return trusted


def _check_setup(gathered: Gathered, setting: Setting, disabled: frozenset[str]) -> None:
    contents = setting.contents
    by_scope = {scope: [c for c in setup.CHECKS if c.scope is scope] for scope in Scope}
    gathered.look(by_scope[Scope.ELECTION], [setting], disabled)
    entries = [contents.ceremony.keys[judged.value.keys.trustee].index for judged in setting.keys]
    cases = [setup.TrusteeCase(setting, i, judged) for i, judged in zip(entries, setting.keys, strict=True)]
    gathered.look(by_scope[Scope.TRUSTEE], cases, disabled)
    if setting.joint is not None:
        devices = [setup.DeviceCase(setting, device) for device in contents.devices.values()]
        gathered.look(by_scope[Scope.DEVICE], devices, disabled)


def _check_ballots(gathered: Gathered, ready: Ready, look: Look) -> Findings:
    """Check every ballot, gather the piles of those that count, and return what was found of excluded ones."""
    with TemporaryDirectory(prefix="e2ev-verify-") as folder:
        total = Sum(Path(folder))
        look(ready, total)
        total.conclude(ready.setting.contents, ready.options.disabled)
    gathered.findings.add(total.findings, total.findings.counts)
    gathered.count(total.subjects)
    gathered.piles = total.piles
    return total.excluded


def _look_at_all(ready: Ready, total: Sum) -> None:
    look_at(ready, range(len(ready.setting.contents.ballots)), total)


def look_at(ready: Ready, rows: range, total: Sum) -> None:
    """Add up what the ballots in these rows give.

    Raises:
        DataError: The board changes while it is read.
        IncompleteError: Processes died over it again and again.
    """
    contents, options = ready.setting.contents, ready.options
    offsets = commitment_offsets(ready.path, contents.ballots)
    bounds = BATCHED if any(offset >= 0 for offset in offsets) else PLAIN
    size = segment_size(contents.manifest, len(rows), options.jobs, bounds)
    jobs = ballot_jobs(ready.setting, rows, offsets)
    with closing(
        executor_for(options, -(-len(rows) // size)).run(partial(verify_segment, ready.segment), units(jobs, size))
    ) as parts:
        for part in parts:
            total.add(part)
            options.progress(total.ballots, len(rows))


def executor_for(options: Options, segments: int) -> Executor:
    """Return who does the work on so many segments."""
    jobs = min(options.jobs, segments)
    return options.executor or (Serial() if jobs <= 1 else Processes(jobs))


# Decryption, results, challenged ballots


def _check_decryption(gathered: Gathered, decryption: "cases.Decryption", disabled: frozenset[str]) -> None:
    attempts = decryption.attempts()
    gathered.look(tally_checks.CELL_CHECKS, [case for case in attempts if case.body.value.cells], disabled)
    gathered.look(tally_checks.ATTEMPT_CHECKS, attempts, disabled)
    gathered.look(tally_checks.RESULT_CHECKS, decryption.results(), disabled)
    gathered.look(tally_checks.COUNT_CHECKS, decryption.counts(), disabled)
    gathered.look(tally_checks.DATA_CHECKS, decryption.data(), disabled)
    gathered.look(opened.OPENED_CHECKS, decryption.opened(), disabled)
    gathered.look(opened.SHOWN_CHECKS, decryption.shown(), disabled)


def _given(anchors: Anchors) -> list[Check]:
    return [check for check in anchor_checks.CHECKS if getattr(anchors, anchor_checks.ANCHOR_OF[check.id])]


# The report


@dataclass(frozen=True, slots=True)
class _Run:
    """Everything that a run has gathered, findings about excluded ballots by themselves."""

    gathered: Gathered
    excluded: Findings
    log: Log
    setting: Setting | None
    options: Options
    cosigners: Cosigners


def _report(run: _Run) -> Report:
    contents, findings, tree = run.log.ledger.contents, run.gathered.findings, run.log.tree
    closed = len(contents.closed_test_ballots()) if contents else 0
    outcomes = tuple(_outcome(check, run, closed) for check in CHECKS)
    seen = (len(contents.ballots), contents.counted_ballots(), len(contents.exclusions)) if contents else (0, 0, 0)
    return Report(
        _verdict(len(findings), outcomes, contents),
        outcomes,
        tuple(findings),
        tuple(run.excluded),
        (*_remarks(contents, run.options, closed), *_seen(run.cosigners, run.log.committed, contents)),
        tree.size,
        tree.root(),
        run.gathered.piles,
        seen,
        findings.unlisted(),
        sum(run.excluded.unlisted().values()),
        cosigners=run.cosigners,
        paper=paper_places(contents) if contents else (),
    )


def _verdict(failures: int, outcomes: Sequence[Outcome], contents: Contents | None) -> Verdict:
    if failures:
        return Verdict.REJECTED
    if contents is None or _unknown(contents) or any(outcome.state is State.NOT_RUN for outcome in outcomes):
        return Verdict.INCOMPLETE
    return Verdict.ACCEPTED


def _unknown(contents: Contents) -> list[str]:
    """Return the parts that the record uses and this verifier does not know."""
    return sorted({*contents.unsupported, *contents.genesis.body.form.features} - FEATURES)


def _outcome(check: Check, run: _Run, closed: int) -> Outcome:
    failures = run.gathered.findings.counts.get(check.id, 0)
    subjects = run.gathered.subjects.get(check.id, 0)
    if failures:
        return Outcome(check, State.FAILED, subjects, failures)
    if check.id in run.options.disabled:
        return Outcome(check, State.NOT_RUN, 0, 0, "switched off")
    state, reason = _state(check, subjects, run, closed)
    return Outcome(check, state, subjects, 0, reason)


def _state(check: Check, subjects: int, run: _Run, closed: int) -> tuple[State, str]:
    if run.setting is None:
        return State.NOT_RUN, "the record has no genesis that can be read"
    contents = run.setting.contents
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


def _remarks(contents: Contents | None, options: Options, closed: int) -> Iterator[str]:
    if contents is None:
        return
    if options.anchors is None:
        yield "internally consistent at most: whose election this is was not checked (--expect FILE)"
    for feature in _unknown(contents):
        yield f"the record uses {feature}, which this verifier does not know"
    yield from (place.said for place in paper_places(contents))
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
