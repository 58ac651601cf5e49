"""The whole verification: one pass over the log, segments of ballots in any executor, then the tally."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from e2ev import hashing
from e2ev.ballot import BallotContext
from e2ev.board.commitments import index_commitments
from e2ev.board.contents import Contents, decode_posted
from e2ev.board.ledger import Ledger
from e2ev.board.merkle import Tree
from e2ev.board.note import NoteKey, check_checkpoint
from e2ev.board.reader import Committed, Damaged, Logged, read_head, scan
from e2ev.counting import add_piles
from e2ev.errors import DataError, E2evError
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.record import bodies
from e2ev.record.codec import Path as FieldPath
from e2ev.record.entry import key_of
from e2ev.record.kinds import Kind
from e2ev.verify import anchors as anchor_checks
from e2ev.verify import ballots, cases, opened, setup
from e2ev.verify import tally as tally_checks
from e2ev.verify.anchors import AnchorCase, Anchors
from e2ev.verify.ballots import BallotJob, Partial, SegmentSetting, verify_segment
from e2ev.verify.board import ENTRY_CHECKS
from e2ev.verify.check import Check, Finding, Gathered, Outcome, Report, Scope, State, Verdict
from e2ev.verify.setting import Setting, setting_of

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

SEGMENT = 64
"""Ballots of one work unit."""

Progress = Callable[[int, int], None]
"""Called with the number of ballots checked so far, and of all."""


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
    """

    jobs: int = 1
    groups: Sequence[Group] = STANDARD_GROUPS
    anchors: Anchors | None = None
    need_anchors: bool = True
    disabled: frozenset[str] = frozenset()
    progress: Progress = lambda _done, _all: None


@dataclass(slots=True)
class _Log:
    """What the pass over the log gave."""

    ledger: Ledger
    findings: list[Finding] = field(default_factory=list)
    tree: Tree = field(default_factory=Tree)
    committed: int = 0


def verify(path: Path, options: Options = Options()) -> Report:
    """Return what all checks say of a board file.

    Raises:
        DataError: The file is no board, or cannot be read at all.
    """
    log = _read(path, options)
    contents = log.ledger.contents
    gathered = Gathered()
    gathered.findings += log.findings
    gathered.subjects |= {check.id: log.tree.size for check in ENTRY_CHECKS}
    if contents is None:
        return _report(gathered, log, None, options)
    setting = setting_of(contents, _trusted_keys(options.disabled))
    _check_setup(gathered, setting, options.disabled)
    context = setting.ballot_context
    if context is not None:
        _check_ballots(gathered, path, setting, context, options)
        _check_decryption(gathered, cases.Decryption(path, setting, context, gathered.piles), options.disabled)
    if options.anchors is not None:
        gathered.look(
            _given(options.anchors), [AnchorCase(contents, log.tree.root(), options.anchors)], options.disabled
        )
    return _report(gathered, log, setting, options)


# One pass over the log


def _read(path: Path, options: Options) -> _Log:
    with path.open("rb") as stream:
        head = read_head(stream, str(path))
    log = _Log(Ledger(options.groups, options.disabled))
    for event in scan(path):
        if isinstance(event, Logged):
            log.tree = event.before.append(event.entry.leaf_hash)
            log.findings += _objections(log, event)
        elif isinstance(event, Committed):
            log.findings += _checkpoint(log, event)
        elif isinstance(event, Damaged):
            log.findings.append(Finding("B.1", event.error.found, event.index, f"byte {event.offset}"))
    if log.committed < log.tree.size:
        missing = log.tree.size - log.committed
        log.findings.append(Finding("B.1", f"{missing} entries stand behind the last checkpoint", log.committed))
    contents = log.ledger.contents
    if contents is not None and head.election != contents.id:
        log.findings.append(Finding("B.6", "the file's head names another election than genesis", 0))
    log.findings = [finding for finding in log.findings if finding.check not in options.disabled]
    return log


def _objections(log: _Log, event: Logged) -> Iterator[Finding]:
    for objection in log.ledger.take(event):
        code = event.entry.header.code
        yield Finding(objection.check, objection.found, event.index, "", objection.culprit, code)
    contents = log.ledger.contents
    if contents is not None and event.entry.header.kind == Kind.TALLY:
        try:
            body = decode_posted(event, contents.group).body.form
        except DataError:
            return
        if isinstance(body, bodies.TallyBody) and (body.board_size, body.board_root) != (
            event.index,
            event.before.root(),
        ):
            yield Finding("T.1", "the tally was not decided on the board as it stood before", event.index)


def _checkpoint(log: _Log, event: Committed) -> Iterator[Finding]:
    contents, log.committed = log.ledger.contents, event.size
    where = f"checkpoint over {event.size} entries"
    if contents is None:
        yield Finding("B.2", "a checkpoint before genesis", place=where)
        return
    genesis = contents.genesis.body.form
    try:
        key = NoteKey(genesis.log_origin, key_of(genesis.log_key))
        stated = check_checkpoint(event.note, key, where=where)
    except (E2evError, ValueError) as error:
        yield Finding("B.2", getattr(error, "found", "the log's name or key is no good one"), place=where)
        return
    if (stated.size, stated.root) != (event.size, event.root):
        yield Finding("B.2", "size and root are not those of the entries before it", place=where)


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


def ballot_jobs(setting: Setting, commitments: Mapping[bytes, int]) -> tuple[BallotJob, ...]:
    """Return one job for each ballot on the board; only where there are joint keys.

    Args:
        setting: The election.
        commitments: Offsets in the side file, by code.
    """
    contents, joint = setting.contents, setting.joint
    if joint is None:
        return ()
    hashes = {a: hashing.device_hash(joint.extended_hash, d.name) for a, d in contents.devices.items()}
    return tuple(
        BallotJob(place.index, place.offset, code, place.author, place.counter, place.previous_code,
                  contents.devices[place.author].unit, contents.devices[place.author].name, hashes[place.author],
                  contents.counted(code), commitments.get(code))
        for code, place in contents.ballots.items()
    )  # fmt: skip


@contextmanager
def _executor(jobs: int) -> Iterator[Executor | None]:
    if jobs <= 1:
        yield None
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield pool


def _check_ballots(gathered: Gathered, path: Path, setting: Setting, context: BallotContext, options: Options) -> None:
    """Check every ballot, and gather the piles of those that count."""
    contents = setting.contents
    jobs = ballot_jobs(setting, index_commitments(path))
    segments = [jobs[i : i + SEGMENT] for i in range(0, len(jobs), SEGMENT)]
    work = partial(verify_segment, SegmentSetting(path, context, options.disabled))
    parts: list[Partial] = []
    with _executor(min(options.jobs, len(segments))) as pool:
        for part in map(work, segments) if pool is None else pool.map(work, segments):
            parts.append(part)
            options.progress(min(len(parts) * SEGMENT, len(jobs)), len(jobs))
    for part in parts:
        gathered.add(part.findings, dict(part.subjects))
    for check, found, pairs in (
        ("5.A", "id_B is that of another ballot", [p for part in parts for p in part.identifiers]),
        ("I.2", "a ciphertext is that of another ballot, or twice on this one",
         [p for part in parts for p in part.ciphertexts]),
    ):  # fmt: skip
        if check not in options.disabled:
            gathered.findings += _repeated(check, found, pairs, contents)
    if "D.3" not in options.disabled:
        gathered.findings += list(_exclusions(contents, gathered.findings))
    gathered.piles = add_piles(dict(part.piles) for part in parts)


def _repeated(check: str, found: str, pairs: Sequence[tuple[bytes, int]], contents: Contents) -> Iterator[Finding]:
    """Yield a finding for each ballot that has a value which stands on the board before."""
    codes = {place.index: code for code, place in contents.ballots.items()}
    seen: dict[bytes, int] = {}
    told: set[int] = set()
    for value, index in pairs:
        if value in seen and index not in told:
            told.add(index)
            yield Finding(check, f"{found} (entry {seen[value]})", index, ballot=codes[index])
        seen.setdefault(value, index)


def _exclusions(contents: Contents, findings: Sequence[Finding]) -> Iterator[Finding]:
    """D.3: an excluded ballot fails the check that it is excluded for."""
    failed = {(finding.ballot, finding.check) for finding in findings}
    for code, posted in contents.exclusions.items():
        if (code, posted.body.form.check) not in failed:
            found = f"ballot {code.hex()[:12]} is excluded for {posted.body.form.check} and does not fail it"
            yield Finding("D.3", found, posted.index)


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


def _report(gathered: Gathered, log: _Log, setting: Setting | None, options: Options) -> Report:
    contents = log.ledger.contents
    excused = frozenset(contents.exclusions) if contents else frozenset()
    against = [f for f in gathered.findings if f.ballot not in excused or f.check not in EXCLUDING]
    excluded = [f for f in gathered.findings if f.ballot in excused and f.check in EXCLUDING]
    against.sort(key=lambda f: (f.entry if f.entry is not None else log.tree.size, f.check))
    outcomes = tuple(_outcome(check, gathered, against, setting, options) for check in CHECKS)
    remarks = tuple(_remarks(contents, options))
    counted = sum(1 for code in contents.ballots if contents.counted(code)) if contents else 0
    ballots_seen = (len(contents.ballots) if contents else 0, counted, len(excused))
    verdict = _verdict(against, outcomes, contents)
    return Report(
        verdict,
        outcomes,
        tuple(against),
        tuple(excluded),
        remarks,
        log.tree.size,
        log.tree.root(),
        gathered.piles,
        ballots_seen,
    )


def _verdict(findings: Sequence[Finding], outcomes: Sequence[Outcome], contents: Contents | None) -> Verdict:
    if findings:
        return Verdict.REJECTED
    unsupported = contents is None or contents.unsupported or contents.genesis.body.form.features
    if unsupported or any(outcome.state is State.NOT_RUN for outcome in outcomes):
        return Verdict.INCOMPLETE
    return Verdict.ACCEPTED


def _outcome(
    check: Check, gathered: Gathered, findings: Sequence[Finding], setting: Setting | None, options: Options
) -> Outcome:
    failures = sum(1 for finding in findings if finding.check == check.id)
    subjects = gathered.subjects.get(check.id, 0)
    if failures:
        return Outcome(check, State.FAILED, subjects, failures)
    if check.id in options.disabled:
        return Outcome(check, State.NOT_RUN, 0, 0, "switched off")
    state, reason = _state(check, subjects, setting, options)
    return Outcome(check, state, subjects, 0, reason)


def _state(check: Check, subjects: int, setting: Setting | None, options: Options) -> tuple[State, str]:
    if setting is None:
        return State.NOT_RUN, "the record has no genesis that can be read"
    contents = setting.contents
    other = {"8.D": "none", "8.E": "simple"}.get(check.id)
    if other is not None and contents.manifest.chaining != other:
        return State.NOT_APPLICABLE, f"the manifest chooses chaining {contents.manifest.chaining}"
    if check.scope is Scope.ANCHOR:
        return _anchor_state(check, subjects, options)
    closed = contents.closed_test_ballots()
    if closed and check in opened.SHOWN_CHECKS:
        return State.NOT_RUN, f"{len(closed)} challenged ballots are not opened yet"
    if subjects:
        return State.PASSED, ""
    if setting.joint is None and check.scope is not Scope.TRUSTEE:
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


def _remarks(contents: Contents | None, options: Options) -> Iterator[str]:
    if contents is None:
        return
    if options.anchors is None:
        yield "internally consistent at most: whose election this is was not checked (--expect FILE)"
    for feature in sorted({*contents.unsupported, *contents.genesis.body.form.features}):
        yield f"the record uses {feature}, which this verifier does not know"
    if contents.exclusions:
        yield f"{len(contents.exclusions)} ballots are excluded, each for a check that it fails"
    closed = contents.closed_test_ballots()
    if closed:
        yield f"{len(closed)} of {len(contents.test_ballots())} challenged ballots are not opened"
