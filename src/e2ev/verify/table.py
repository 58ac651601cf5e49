"""Every check there is, and which of them each level leaves out."""

from collections.abc import Mapping

from e2ev.verify import anchors, ballots, opened, result, setup
from e2ev.verify import tally as tally_checks
from e2ev.verify.board import ENTRY_CHECKS
from e2ev.verify.check import Check, Scope
from e2ev.verify.eligibility import ROLL_CHECKS
from e2ev.verify.levels import Level

CHECKS: tuple[Check, ...] = (
    *ENTRY_CHECKS,
    *setup.CHECKS,
    *ROLL_CHECKS,
    *ballots.CHECKS,
    *tally_checks.CELL_CHECKS,
    *tally_checks.ATTEMPT_CHECKS,
    *tally_checks.ATTEMPTS_CHECKS,
    *tally_checks.COUNT_CHECKS,
    *result.RESULT_CHECKS,
    *opened.OPENED_CHECKS,
    *opened.SHOWN_CHECKS,
    *tally_checks.DATA_CHECKS,
    *anchors.CHECKS,
)
"""Every check there is."""

EXCLUDING = frozenset(check.id for check in ballots.CHECKS) | {"R.1", "B.4", "5.A", "I.2", "I.4"}
"""Checks that one ballot alone can fail, so that it can be excluded for them."""

ONLY_TOGETHER = frozenset({"5.A", "I.2", "I.4", "D.3", "9.A", "9.B", "C.1", "C.2", "T.6", "11.D"})
"""Checks that all ballots together have to be looked at for."""

LEFT_OUT: Mapping[Level, tuple[frozenset[str], str]] = {
    Level.STRUCTURE: (
        frozenset(check.id for check in CHECKS) - {"R.1", "R.2", "B.1"},
        "level structure looks at the form of entries alone",
    ),
    Level.LOG: (
        frozenset(check.id for check in CHECKS if check.scope in (Scope.BALLOT, Scope.TALLY, Scope.CELL, Scope.OPENED))
        | ONLY_TOGETHER,
        "level log looks at no proofs of ballots, and not at the result",
    ),
    Level.SAMPLE: (ONLY_TOGETHER, "a sample cannot say: it takes all ballots together"),
    Level.FULL: (frozenset(), ""),
}
"""What each level leaves out, and why."""
