"""Segments of ballots, the units of work: what one gives is a partial, and partials add up in any order (`sums`).

`verify_segment` is pure: what it needs comes in, what it found goes out. So segments go to as many processes, or
machines, as there are.
"""

import hashlib
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from e2ev import claims, hashing
from e2ev.ballot import BallotContext
from e2ev.board.commitments import read_commitments, scan_commitments
from e2ev.board.merkle import HASH_BYTES
from e2ev.board.places import Ballots
from e2ev.board.reader import open_board, read_logged
from e2ev.counting import Pile, Place, add_piles, piles_of
from e2ev.errors import DataError, E2evError
from e2ev.manifest import Manifest
from e2ev.record import bodies
from e2ev.record.codec import MAX_TEXT, Unchecked, decode, judge_all
from e2ev.record.codec import Path as FieldPath
from e2ev.record.entry import Entry, check_body
from e2ev.verify import batch
from e2ev.verify.ballots import CHECKS, HEADER_CHECK, BallotCase, BallotJob, leaf_checks
from e2ev.verify.check import Finding, Findings
from e2ev.verify.runs import ROW_BYTES, record, sorted_run
from e2ev.verify.setting import Setting

PREFIX = 16
"""Bytes of a digest by which ciphertexts are compared over the whole board."""
IDENTIFIER_WIDTH = HASH_BYTES + ROW_BYTES
CIPHERTEXT_WIDTH = PREFIX + ROW_BYTES

BATCHED, PLAIN = (64, 400), (8, 32)
"""The fewest and the most contests of a segment, with commitments and without: of many proofs a batch is faster."""
SHARE = 2
"""Segments for each process, so that all end at about the same time."""

Unit = tuple[BallotJob, ...]
"""The jobs of one segment: neighbouring ballots, a range of bytes of the board file."""


@dataclass(frozen=True, slots=True)
class SegmentSetting:
    """What every segment is checked with.

    Attributes:
        path: The board file.
        context: The election.
        disabled: Checks that are left out.
    """

    path: Path
    context: BallotContext
    disabled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Partial:
    """What some ballots gave.

    Attributes:
        ballots: How many they are.
        findings: About those that are not excluded; of each check the first few (`Findings`).
        counts: How many there are of them, by check.
        excluded: Findings about ballots that are excluded.
        excluded_counts: How many there are of those.
        reproduced: Rows of excluded ballots that fail the very check that they are excluded for.
        subjects: How many ballots were looked at, by check.
        piles: Of the counted ballots.
        identifiers: A sorted run of id_B.
        ciphertexts: A sorted run of prefixes of digests, one a ciphertext.
    """

    ballots: int = 0
    findings: tuple[Finding, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    excluded: tuple[Finding, ...] = ()
    excluded_counts: tuple[tuple[str, int], ...] = ()
    reproduced: tuple[int, ...] = ()
    subjects: tuple[tuple[str, int], ...] = ()
    piles: tuple[tuple[Place, Pile], ...] = ()
    identifiers: bytes = b""
    ciphertexts: bytes = b""


# Which ballots there are, and how they are cut into segments


def ballot_jobs(setting: Setting, rows: Iterable[int], offsets: Sequence[int] = ()) -> Iterator[BallotJob]:
    """Yield one job for each of these ballots; none where the joint keys are missing.

    Args:
        setting: The election.
        rows: Which ballots.
        offsets: Of all ballots' frames in the side file, by row, negative where there is none; or nothing.
    """
    contents, joint = setting.contents, setting.joint
    if joint is None:
        return
    hashes = {a: hashing.device_hash(joint.extended_hash, d.name) for a, d in contents.devices.items()}
    for row in rows:
        code, place = contents.ballots.code(row), contents.ballots.at(row)
        device, excluded = contents.devices[place.author], contents.exclusions.get(code)
        offset = offsets[row] if offsets else -1
        yield BallotJob(
            row, place.index, place.offset, place.leaf_hash, code, place.author, place.counter, place.previous_code,
            device.unit, device.name, hashes[place.author], contents.counted(code),
            excluded.body.form.check if excluded else None, offset if offset >= 0 else None,
        )  # fmt: skip


def commitment_offsets(path: Path, ballots: Ballots) -> Sequence[int]:
    """Return where the side file has each ballot's commitments, by row, negative where it has none."""
    offsets = array("q", [-1]) * len(ballots)
    for code, offset in scan_commitments(path):
        row = ballots.row(code)
        if row is not None:
            offsets[row] = offset
    return offsets


def segment_size(manifest: Manifest, ballots: int, jobs: int, bounds: tuple[int, int]) -> int:
    """Return how many ballots make a segment, within bounds for its contests; what is found does not depend on it."""
    contests = max(len(style.contests) for style in manifest.ballot_styles)
    fewest, most = (bound // contests for bound in bounds)
    return max(1, fewest, min(most, -(-ballots // (SHARE * jobs))))


def units(jobs: Iterator[BallotJob], size: int) -> Iterator[Unit]:
    """Yield the jobs as segments of so many."""
    while unit := tuple(islice(jobs, size)):
        yield unit


# One segment


def verify_segment(setting: SegmentSetting, unit: Unit) -> Partial:
    """Return everything that the ballots of one segment give.

    Raises:
        DataError: The board is not there, or not the one that the jobs were made from.
    """
    against, excluded, reproduced = Findings(), Findings(), list[int]()
    cases, unreadable = read_cases(setting, unit)
    checks = [check for check in (*CHECKS, HEADER_CHECK) if check.run is not None and check.id not in setting.disabled]
    found = [(case.job, [f for check in checks if check.run for f in check.run(case)]) for case in cases]
    for job, findings in (*unreadable, *found):
        (against if job.excluded is None else excluded).take(map(_bounded, findings))
        if job.excluded in {finding.check for finding in findings}:
            reproduced.append(job.row)
    return Partial(
        len(unit), tuple(against), tuple(against.counts.items()), tuple(excluded),
        tuple(excluded.counts.items()), tuple(reproduced), tuple((check.id, len(cases)) for check in checks),
        tuple(add_piles(piles_of(case.ballot) for case in cases if case.job.counted and _adds_up(case)).items()),
        sorted_run(record(case.ballot.identifier, case.job.row) for case in cases),
        sorted_run(record(digest, case.job.row) for case in cases for digest in _ciphertexts(case)),
    )  # fmt: skip


def read_cases(setting: SegmentSetting, unit: Unit) -> tuple[list[BallotCase], list[tuple[BallotJob, list[Finding]]]]:
    """Return the ballots of a segment, judged, and tried in batch; and those that cannot be read, with the reason.

    Raises:
        DataError: The board is not there, or not the one that the jobs were made from.
    """
    decoded, unreadable = list[tuple[BallotJob, Unchecked[bodies.BallotBody]]](), []
    with open_board(setting.path) as stream:
        for job in unit:
            entry, where = _read(stream, setting, job), f"entry {job.index}"
            try:
                decoded.append((job, decode(bodies.BallotBody, entry.body, setting.context.group, where)))
            except DataError as error:
                unreadable.append((job, [Finding("R.1", error.found, job.index, error.where, ballot=job.code)]))
    judged = judge_all([body for _, body in decoded], _trusting(setting.disabled))
    cases = [BallotCase(setting.context, job, one) for (job, _), one in zip(decoded, judged, strict=True)]
    return _certified(setting, cases), unreadable


def _read(stream: BinaryIO, setting: SegmentSetting, job: BallotJob) -> Entry:
    """Return the entry that the log has been found to have there.

    Raises:
        DataError: It is another one by now, or the file another one.
    """
    where = f"{setting.path}, entry {job.index}"
    changed = DataError("the board is not the one that was read before", where=where, remedy="run the command again")
    try:
        entry = read_logged(stream, job.offset, job.index, str(setting.path))
        if "B.4" not in setting.disabled:
            check_body(entry, where)
    except E2evError as error:
        raise changed from error
    if entry.leaf_hash != job.leaf_hash:
        raise changed
    return entry


def _bounded(finding: Finding) -> Finding:
    """Return a finding whose texts are as a record may hold them."""
    texts = {name: unicodedata.normalize("NFC", getattr(finding, name)) for name in ("found", "place", "culprit")}
    return replace(finding, **{name: text[:MAX_TEXT] for name, text in texts.items()})  # type: ignore[arg-type]


def _certified(setting: SegmentSetting, cases: list[BallotCase]) -> list[BallotCase]:
    """Return the cases, those marked whose proofs a batch has shown to hold by their commitments."""
    tried = {i: item for i, case in enumerate(cases) if (item := _certifiable(setting, case)) is not None}
    certified = dict(zip(tried, batch.certify(list(tried.values())), strict=True))
    return [replace(case, certified=certified.get(i, False)) for i, case in enumerate(cases)]


def _certifiable(setting: SegmentSetting, case: BallotCase) -> batch.Certifiable | None:
    if case.job.commitments is None or setting.disabled or not is_regular(case):
        return None
    group = setting.context.group
    commitments = read_commitments(setting.path, case.job.commitments, case.job.code, group)
    made = list(claims.ballot_claims(setting.context, case.ballot))
    return batch.certifiable(made, commitments) if commitments else None


def is_regular(case: BallotCase) -> bool:
    """Return whether all values are in their groups and all contests of the manifest's shape: then it makes claims."""
    return not case.judged.failures and sum(1 for _ in case.contests()) == len(case.ballot.contests)


def _trusting(disabled: frozenset[str]) -> Callable[[FieldPath], bool]:
    if not disabled:
        return lambda _path: False
    return lambda path: bool(leaf_checks(path)) and disabled.issuperset(leaf_checks(path))


def _adds_up(case: BallotCase) -> bool:
    """Return whether the ballot can be multiplied into its piles; where not, findings say why."""
    manifest = case.context.manifest
    fits = sum(1 for _ in case.contests()) == len(case.ballot.contests) and case.ballot.unit == case.job.unit
    members = not any("6.A" in leaf_checks(path) for path in case.judged.failures)
    return fits and members and case.ballot.weight in manifest.weights


def _ciphertexts(case: BallotCase) -> Iterator[bytes]:
    for contest in case.ballot.contests:
        for selection in contest.selections:
            yield hashlib.sha256(selection.ciphertext.alpha.to_bytes()).digest()[:PREFIX]
