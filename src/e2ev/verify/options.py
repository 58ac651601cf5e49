"""How a verification runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from e2ev.board.policy import Policy
from e2ev.group import STANDARD_GROUPS, Group
from e2ev.verify.anchors import Anchors
from e2ev.verify.executors import Executor
from e2ev.verify.levels import Level, Sample
from e2ev.verify.table import LEFT_OUT

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
        level: How deep it goes.
        sample: Which ballots are looked at on level "sample", and on no other.
        extends: Size and root that the board had when it was verified before.
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
    level: Level = Level.FULL
    sample: Sample | None = None
    extends: tuple[int, bytes] | None = None

    def __post_init__(self) -> None:
        if (self.level is Level.SAMPLE) != (self.sample is not None):
            raise ValueError("a sample belongs to level sample")

    @property
    def skipped(self) -> frozenset[str]:
        """The checks that are not run."""
        return self.disabled | LEFT_OUT[self.level][0]


DEFAULT = Options()
"""One process, everything, and the anchors are missed."""
