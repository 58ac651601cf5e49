"""Segments of ballots, the units of work: what one gives is a partial, and partials add up in any order (`sums`).

`verify_segment` is pure: what it needs comes in, what it found goes out. So segments go to as many processes, or
machines, as there are.
"""

import hashlib
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import BinaryIO

from e2ev import hashing
from e2ev.ballot import BallotContext
from e2ev.board.commitments import read_commitments, scan_commitments
from e2ev.board.contents import Contents
from e2ev.board.merkle import HASH_BYTES
from e2ev.board.places import Ballots
from e2ev.board.reader import open_board, read_logged
from e2ev.counting import Pile, Place, add_piles, piles_of
from e2ev.elgamal import HashedCiphertext
from e2ev.errors import DataError, E2evError
from e2ev.group import Element
from e2ev.manifest import Manifest
from e2ev.record import bodies
from e2ev.record.codec import MAX_TEXT, Unchecked, decode, judge_all
from e2ev.record.codec import Path as FieldPath
from e2ev.record.entry import Entry, check_body
from e2ev.verify import batch
from e2ev.verify.ballots import CHECKS, HEADER_CHECK, BallotCase, BallotJob, header_code, leaf_checks
from e2ev.verify.check import Finding, Findings
from e2ev.verify.runs import ROW_BYTES, record, sorted_run
from e2ev.verify.setting import Setting

PREFIX = 16
"""Bytes of a digest by which ciphertexts and commitments are compared over the whole board."""
IDENTIFIER_WIDTH = HASH_BYTES + ROW_BYTES
DIGEST_WIDTH = PREFIX + ROW_BYTES

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
        ciphertexts: A sorted run of prefixes of digests, one for each part of a ciphertext and each ratio.
        commitments: The same of the first commitments of all proofs that verify.
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
    commitments: bytes = b""


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
            excluded.body.form.check if excluded else None, offset if offset >= 0 else None, _entitled(contents, row),
        )  # fmt: skip


def _entitled(contents: Contents, ballot: int) -> tuple[int, ...]:
    row, roll = contents.eligibility.row(ballot), contents.eligibility.roll
    if row is None or row >= roll.rows:
        return ()
    held = roll.class_of(row)
    return held.style, held.unit, held.weight


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
        sorted_run(record(digest, case.job.row) for case in cases for digest in _commitments(case)),
    )  # fmt: skip


def form_segment(setting: SegmentSetting, unit: Unit) -> Partial:
    """Return what the form of a segment's ballots gives: bodies that decode, with the code of their header.

    Raises:
        DataError: The board is not there, or not the one that the jobs were made from.
    """
    against, excluded = Findings(), Findings()
    decoded, unreadable = _decoded(setting, unit)
    judged = judge_all([body for _, body in decoded], lambda _path: True)
    cases = [BallotCase(setting.context, job, one) for (job, _), one in zip(decoded, judged, strict=True)]
    found = [(case.job, list(header_code(case)) if "B.4" not in setting.disabled else []) for case in cases]
    for job, findings in (*unreadable, *found):
        (against if job.excluded is None else excluded).take(map(_bounded, findings))
    return Partial(len(unit), tuple(against), tuple(against.counts.items()), tuple(excluded),
                   tuple(excluded.counts.items()))  # fmt: skip


def read_cases(setting: SegmentSetting, unit: Unit) -> "tuple[list[BallotCase], Unreadable]":
    """Return the ballots of a segment, judged, and tried in batch; and those that cannot be read, with the reason.

    Raises:
        DataError: The board is not there, or not the one that the jobs were made from.
    """
    decoded, unreadable = _decoded(setting, unit)
    judged = judge_all([body for _, body in decoded], _trusting(setting.disabled))
    cases = [BallotCase(setting.context, job, one) for (job, _), one in zip(decoded, judged, strict=True)]
    return _proved(setting, cases), unreadable


Decoded = list[tuple[BallotJob, Unchecked[bodies.BallotBody]]]
Unreadable = list[tuple[BallotJob, list[Finding]]]


def _decoded(setting: SegmentSetting, unit: Unit) -> tuple[Decoded, Unreadable]:
    decoded, unreadable = Decoded(), Unreadable()
    with open_board(setting.path) as stream:
        for job in unit:
            entry, where = _read(stream, setting, job), f"entry {job.index}"
            try:
                decoded.append((job, decode(bodies.BallotBody, entry.body, setting.context.group, where)))
            except DataError as error:
                unreadable.append((job, [Finding("R.1", error.found, job.index, error.where, ballot=job.code)]))
    return decoded, unreadable


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
    texts = {
        name: unicodedata.normalize("NFC", getattr(finding, name))
        for name in ("found", "place", "culprit", "contest", "option")
    }
    return replace(finding, **{name: text[:MAX_TEXT] for name, text in texts.items()})  # type: ignore[arg-type]


def _proved(setting: SegmentSetting, cases: list[BallotCase]) -> list[BallotCase]:
    """Return the cases with their proofs: in batch where that shows that all of a ballot verify, else one by one."""
    tried = {i: item for i, case in enumerate(cases) if (item := _certifiable(setting, case)) is not None}
    held = {i: tried[i][1] for i, holds in zip(tried, batch.certify(list(tried.values())), strict=True) if holds}
    return [case.certified(held[i]) if i in held else case.with_proofs() for i, case in enumerate(cases)]


def _certifiable(setting: SegmentSetting, case: BallotCase) -> batch.Certifiable | None:
    if case.job.commitments is None or setting.disabled or not is_regular(case):
        return None
    group = setting.context.group
    commitments = read_commitments(setting.path, case.job.commitments, case.job.code, group)
    made = [claim for _, claim in case.claims(by_factors=True)]
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
    """Yield every part of the ballot's ciphertexts, and the ratios of neighbouring α.

    Ratios stay what they are where all of a contest's ciphertexts are multiplied by encryptions with one nonce.
    """
    for contest in case.ballot.contests:
        alphas = [selection.ciphertext.alpha for selection in contest.selections]
        yield from (_digest(alpha.to_bytes()) for alpha in alphas)
        yield from (_digest(selection.ciphertext.beta.to_bytes()) for selection in contest.selections)
        for one, other in pairwise(alphas):
            if isinstance(one, Element) and isinstance(other, Element):
                yield _digest((other / one).to_bytes())
        yield from _hashed_parts(contest.data)
    yield from _hashed_parts(case.ballot.nonce)


def _hashed_parts(cipher: HashedCiphertext | None) -> Iterator[bytes]:
    if cipher is not None:
        yield _digest(cipher.c0.to_bytes())
        yield _digest(cipher.c1)


def _commitments(case: BallotCase) -> Iterator[bytes]:
    return (_digest(one.to_bytes()) for made in case.proved.values() for one in made)


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()[:PREFIX]
