"""The side file of commitments, made again from a bare board (specs/board.md, "Commitments").

It takes as long as a plain verification, once; every later one goes in batches. It is no evidence either way: ballots
whose proofs do not hold are left out, and are then looked at one by one.
"""

import os
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from e2ev import claims
from e2ev.board.commitments import MAGIC, commitments_frame, commitments_of
from e2ev.errors import StorageError
from e2ev.group import Element
from e2ev.verify.ballots import BallotCase
from e2ev.verify.run import Options, executor_for, prepare
from e2ev.verify.segments import (
    PLAIN,
    SegmentSetting,
    Unit,
    ballot_jobs,
    is_regular,
    read_cases,
    segment_size,
    units,
)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was made: the side file, the number of ballots, and of those whose commitments it has."""

    path: Path
    ballots: int
    kept: int


def rebuild_commitments(board: Path, options: Options) -> Rebuilt:
    """Write the side file of a board, in place of the one that is there.

    Raises:
        DataError: The file is no board, or cannot be read at all.
        IncompleteError: The trustees' keys are not on the board.
        StorageError: The side file cannot be written.
    """
    ready, path = prepare(board, options), commitments_of(board)
    contents = ready.setting.contents
    rows = range(len(contents.ballots))
    size = segment_size(contents.manifest, len(rows), options.jobs, PLAIN)
    executor = executor_for(options, -(-len(rows) // size))
    work, jobs = partial(recomputed_segment, ready.segment), ballot_jobs(ready.setting, rows)
    unfinished = path.with_name(path.name + ".unfinished")
    kept = done = 0
    options.progress(done, len(rows))
    try:
        with unfinished.open("wb") as stream, closing(executor.run(work, units(jobs, size))) as parts:
            stream.write(MAGIC)
            for frames in parts:
                stream.writelines(frames)
                kept, done = kept + sum(map(bool, frames)), done + len(frames)
                options.progress(done, len(rows))
        os.replace(unfinished, path)
    except OSError as error:
        found = f"cannot be written: {error.strerror}"
        raise StorageError(found, where=str(path), remedy="free some space, or copy the board elsewhere") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return Rebuilt(path, len(rows), kept)


def recomputed_segment(setting: SegmentSetting, unit: Unit) -> tuple[bytes, ...]:
    """Return one frame a ballot with the commitments of all its proofs; an empty one where a proof does not hold.

    Raises:
        DataError: The board is not there, or not the one that the jobs were made from.
    """
    cases, unreadable = read_cases(setting, unit)
    return (*map(_recomputed, cases), *(b"" for _ in unreadable))


def _recomputed(case: BallotCase) -> bytes:
    if not is_regular(case):
        return b""
    commitments = list[Element]()
    for claim in claims.ballot_claims(case.context, case.ballot, by_factors=False):
        if len(claim.relations) != len(claim.proof.challenges) or len(claim.relations) != len(claim.proof.responses):
            return b""
        made = claim.recomputed()
        if not claim.is_of(made):
            return b""
        commitments += made
    return commitments_frame(case.job.code, commitments)
