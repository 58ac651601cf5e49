"""How long a ballot takes on this machine, and what elections of three sizes would need: a real small election, timed.

CPU time, so that other work on the machine does not count; benchmarks/ has ratios, which say more.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from e2ev.demo.elections import Vote, one, opened
from e2ev.demo.honest import HonestElection
from e2ev.errors import RejectedError
from e2ev.group import P4096, Group
from e2ev.verify.run import Options, verify

OPTIONS = 4
FEW, MANY = 32, 256
"""Ballots that are verified plain, and in batch."""
STEPS = 6

MANIFEST = b"""{"format": "e2ev manifest 1", "label": "Benchmark", "name": {"en": "Benchmark"}, "date": "2027-05-06",
 "contests": [{"label": "contest", "selection_limit": 1,
   "options": [{"label": "A"}, {"label": "B"}, {"label": "C"}, {"label": "D"}]}],
 "reporting_units": [{"label": "hall"}], "ballot_styles": [{"label": "all", "contests": ["contest"]}]}
"""

ELECTIONS = (
    ("a city", 300_000),
    ("a country of 12 million voters, turnout 69 %", 8_280_000),
    ("100 million ballots", 100_000_000),
)
"""What is asked about, by name and number of ballots."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds of one core for a ballot with one contest of four options.

    Attributes:
        encrypt: Encrypted, proved, signed and posted.
        plain: Verified from a bare record.
        batch: Verified with the side file of commitments.
    """

    encrypt: float
    plain: float
    batch: float

    def core_hours(self, ballots: int) -> tuple[float, float, float]:
        """Return what that many ballots need: encryption, plain verification, verification in batch."""
        hours = ballots / 3600
        return self.encrypt * hours, self.plain * hours, self.batch * hours


def measure(
    root: Path,
    group: Group = P4096,
    ballots: tuple[int, int] = (FEW, MANY),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Speed:
    """Return the speed of this machine.

    Args:
        root: An empty folder.
        group: The standard group, but for tests.
        ballots: How many are verified plain, and in batch.
        progress: Told how many steps are done, and of how many.
    """
    few, many = ballots
    election = opened(root, group, MANIFEST, ("hall",), 1, 1)
    progress(1, STEPS)
    start = _verification(election.board, group)
    _vote(election, few)
    progress(2, STEPS)
    bare = root / "bare.board"
    shutil.copy(election.board, bare)
    plain = median(_verification(bare, group) - start for _ in range(2)) / few
    progress(3, STEPS)
    encrypt = _vote(election, many - few) / (many - few)
    progress(4, STEPS)
    batch = median(_verification(election.board, group) - start for _ in range(2)) / many
    progress(STEPS, STEPS)
    return Speed(encrypt, plain, batch)


def _vote(election: HonestElection, count: int) -> float:
    vote: Vote = (one(1, *(0,) * (OPTIONS - 1)), "cast")
    started = time.process_time()
    election.vote([vote] * count)
    return time.process_time() - started


def _verification(board: Path, group: Group) -> float:
    started = time.process_time()
    findings = verify(board, Options(groups=(group,))).findings
    if findings:
        raise RejectedError(f"check {findings[0].check} objects to an honest board", where=str(board))
    return time.process_time() - started
