"""The whole verification: one pass over the log, segments of ballots in any executor, then the tally."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from e2ev.board.contents import Contents
from e2ev.board.reader import Event
from e2ev.errors import ConflictError, DataError, IncompleteError
from e2ev.record.codec import Path as FieldPath
from e2ev.verify import anchors as anchor_checks
from e2ev.verify import cases, opened, result, setup
from e2ev.verify import tally as tally_checks
from e2ev.verify.anchors import AnchorCase, Anchors
from e2ev.verify.board import ENTRY_CHECKS
from e2ev.verify.check import Check, Findings, Gathered, Report, Scope
from e2ev.verify.conclude import Run, report_of
from e2ev.verify.cosigners import Cosigners, Seen, Sighting
from e2ev.verify.eligibility import check_roll
from e2ev.verify.executors import Executor, Processes, Serial
from e2ev.verify.form import read_form
from e2ev.verify.levels import Level
from e2ev.verify.log import Log, read_log
from e2ev.verify.options import DEFAULT, Options, Progress
from e2ev.verify.segments import (
    BATCHED,
    PLAIN,
    Partial,
    SegmentSetting,
    Unit,
    ballot_jobs,
    commitment_offsets,
    form_segment,
    segment_size,
    units,
    verify_segment,
)
from e2ev.verify.setting import Setting, setting_of
from e2ev.verify.sums import Sum
from e2ev.verify.table import CHECKS, EXCLUDING, LEFT_OUT

__all__ = ["CHECKS", "EXCLUDING", "LEFT_OUT", "Options", "Progress", "Ready", "look_at", "prepare", "verify",
           "verify_with"]  # fmt: skip


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


def verify(path: Path, options: Options = DEFAULT) -> Report:
    """Return what all checks of the level say of a board file.

    Raises:
        DataError: The file is no board, or cannot be read at all.
    """
    if options.level is Level.STRUCTURE:
        return _verify_form(path, options)
    looks = {Level.LOG: _look_at_form, Level.SAMPLE: _look_at_sample, Level.FULL: _look_at_all}
    return verify_with(looks[options.level], path, options)


def _verify_form(path: Path, options: Options) -> Report:
    log, ballots = read_form(path, options.groups, options.skipped, options.reading)
    gathered = Gathered()
    gathered.findings = log.findings
    gathered.count({check.id: log.tree.size for check in ENTRY_CHECKS})
    return replace(report_of(Run(gathered, Findings(), log, None, options, Cosigners())), ballots=(ballots, 0, 0))


def verify_with(look: Look, path: Path, options: Options) -> Report:
    """Return what all checks say of a board file, what its ballots give being known from `look`; errors as above.

    Raises:
        ConflictError: The board does not extend the one that the options name.
    """
    sighting = Sighting(options.policy) if options.policy else None
    watch = sighting.take if sighting else _nobody
    mark = options.extends[0] if options.extends else -1
    log = read_log(path, options.groups, options.disabled, options.reading, watch, mark)
    _check_extends(path, log, options)
    contents = log.ledger.contents
    gathered, excluded = Gathered(), Findings()
    gathered.findings = log.findings
    gathered.count({check.id: log.tree.size for check in ENTRY_CHECKS})
    if contents is None:
        return report_of(Run(gathered, excluded, log, None, options, Cosigners()))
    setting = setting_of(contents, _trusted_keys(options.disabled))
    _check_setup(gathered, setting, options.disabled)
    check_roll(gathered, contents.eligibility.roll, options.skipped)
    context = setting.ballot_context
    if context is not None:
        ready = Ready(path, log, setting, SegmentSetting(path, context, options.disabled), options)
        excluded = _check_ballots(gathered, ready, look)
        if options.level is not Level.LOG:
            _check_decryption(gathered, cases.Decryption(path, setting, context, gathered.piles), options.skipped)
    if options.anchors is not None:
        gathered.look(
            _given(options.anchors), [AnchorCase(contents, log.tree.root(), options.anchors)], options.disabled
        )
    return report_of(Run(gathered, excluded, log, setting, options, _cosigners(sighting, contents)))


def _nobody(_event: Event) -> None:
    """Watch nothing: nobody asked for cosigners."""


def _cosigners(sighting: Sighting | None, contents: Contents) -> Cosigners:
    if sighting is None:
        return Cosigners()
    try:
        return sighting.judge(contents.log())
    except DataError:  # B.2 says what is wrong with the log's key
        return Cosigners(Seen.NOT_MET)


def _check_extends(path: Path, log: Log, options: Options) -> None:
    if options.extends is None or log.marked == options.extends[1]:
        return
    size, root = options.extends
    found = f"has another root over its first {size} entries" if log.marked else f"has {log.tree.size} entries alone"
    raise ConflictError(
        f"the board that was verified before had {size} entries with root {root.hex()[:16]}; this one {found}",
        where=str(path), remedy="keep both boards, and ask who changed it; without --state this one stands by itself",
    )  # fmt: skip


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
        total.conclude(ready.setting.contents, ready.options.skipped)
    gathered.findings.add(total.findings, total.findings.counts)
    gathered.count(total.subjects)
    if ready.options.level is Level.FULL:
        gathered.piles = total.piles
    return total.excluded


def _look_at_all(ready: Ready, total: Sum) -> None:
    look_at(ready, range(len(ready.setting.contents.ballots)), total)


def _look_at_form(ready: Ready, total: Sum) -> None:
    look_at(ready, range(len(ready.setting.contents.ballots)), total, form_segment)


def _look_at_sample(ready: Ready, total: Sum) -> None:
    """Look at the ballots that are drawn, and at the form of all others."""
    ballots = len(ready.setting.contents.ballots)
    drawn = ready.options.sample.rows(ready.log.tree.root(), ballots) if ready.options.sample else []
    look_at(ready, drawn, total)
    held = frozenset(drawn)
    look_at(ready, [row for row in range(ballots) if row not in held], total, form_segment)


Work = Callable[[SegmentSetting, Unit], Partial]
"""What is done with one segment."""


def look_at(ready: Ready, rows: Sequence[int], total: Sum, work: Work = verify_segment) -> None:
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
        executor_for(options, -(-len(rows) // size)).run(partial(work, ready.segment), units(jobs, size))
    ) as parts:
        done = 0
        for part in parts:
            total.add(part)
            done += part.ballots
            options.progress(done, len(rows))


def executor_for(options: Options, segments: int) -> Executor:
    """Return who does the work on so many segments."""
    jobs = min(options.jobs, segments)
    return options.executor or (Serial() if jobs <= 1 else Processes(jobs))


# Decryption, results, challenged ballots


def _check_decryption(gathered: Gathered, decryption: "cases.Decryption", disabled: frozenset[str]) -> None:
    attempts = decryption.attempts()
    gathered.look(tally_checks.CELL_CHECKS, [case for case in attempts if case.body.value.cells], disabled)
    gathered.look(tally_checks.ATTEMPT_CHECKS, attempts, disabled)
    gathered.look(tally_checks.ATTEMPTS_CHECKS, [attempts] if attempts else [], disabled)
    gathered.look(result.RESULT_CHECKS, decryption.results(), disabled)
    gathered.look(tally_checks.COUNT_CHECKS, decryption.counts(), disabled)
    gathered.look(tally_checks.DATA_CHECKS, decryption.data(), disabled)
    gathered.look(opened.OPENED_CHECKS, decryption.opened(), disabled)
    gathered.look(opened.SHOWN_CHECKS, decryption.shown(), disabled)


def _given(anchors: Anchors) -> list[Check]:
    return [check for check in anchor_checks.CHECKS if getattr(anchors, anchor_checks.ANCHOR_OF[check.id])]
