"""What a check is, what it says, and what a whole run says (specs/verification.md)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from e2ev.counting import Pile, Place


@dataclass(frozen=True, slots=True)
class Finding:
    """One failure of one check, at one place.

    Attributes:
        check: Id of the check.
        found: What was found and what was expected.
        entry: Index of the entry, if there is one.
        place: Where in it: a device, a ballot's code, a contest, an option, a field path.
        culprit: Whose doing it is, if a signature proves that.
        ballot: Confirmation code of the ballot concerned.
    """

    check: str
    found: str
    entry: int | None = None
    place: str = ""
    culprit: str = ""
    ballot: bytes | None = None

    @property
    def where(self) -> str:
        """The location in words."""
        parts = [f"entry {self.entry}" if self.entry is not None else "", self.place]
        return ", ".join(part for part in parts if part)


class Scope(Enum):
    """What a check looks at, one after another."""

    ENTRY = "entry"
    ELECTION = "election"
    TRUSTEE = "trustee"
    DEVICE = "device"
    BALLOT = "ballot"
    TALLY = "tally"
    CELL = "cell"
    OPENED = "opened ballot"
    ANCHOR = "anchor"


class Run(Protocol):
    """The one function of a check: findings about one subject of its scope."""

    def __call__(self, subject: Any, /) -> Iterator[Finding]:
        """Yield what is wrong with the subject."""


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table of checks.

    Attributes:
        id: EGDS's own number where there is one.
        statement: What holds when the check passes.
        source: Section of EGDS, or of our specification.
        scope: What it looks at.
        run: Its function; None where the board's rules make the findings (scope entry, `board.rules`).
        needs: Checks without which it cannot look: where one of them failed, it is not evaluated at that place.
    """

    id: str
    statement: str
    source: str
    scope: Scope
    run: Run | None = None
    needs: tuple[str, ...] = ()


class State(Enum):
    """How a check came out."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check's result over the whole record.

    Attributes:
        check: The check.
        state: How it came out.
        subjects: How many subjects it looked at.
        failures: How many findings it made.
        reason: Why it did not run, or does not apply.
    """

    check: Check
    state: State
    subjects: int
    failures: int
    reason: str = ""


class Verdict(Enum):
    """What a run says of the record as a whole."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    INCOMPLETE = "INCOMPLETE"

    @property
    def exit_code(self) -> int:
        """Exit code of the command (ARCHITECTURE 21)."""
        return {Verdict.ACCEPTED: 0, Verdict.REJECTED: 1, Verdict.INCOMPLETE: 4}[self]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a run has to say.

    Attributes:
        verdict: Of the record as a whole.
        outcomes: One for each check, in the order of the table.
        findings: Every failure that speaks against the record.
        excluded: Findings about ballots that were excluded for them, and are not counted.
        remarks: What the verdict leaves open, for people.
        entries: Number of entries on the board.
        root: Merkle root over them.
        piles: Of the counted ballots, from which cells are made.
        ballots: Number of ballots, counted ones, excluded ones.
    """

    verdict: Verdict
    outcomes: tuple[Outcome, ...]
    findings: tuple[Finding, ...]
    excluded: tuple[Finding, ...]
    remarks: tuple[str, ...]
    entries: int
    root: bytes
    piles: Mapping[Place, Pile] = field(repr=False)
    ballots: tuple[int, int, int]

    def tripped(self) -> frozenset[str]:
        """Return the ids of all checks that failed."""
        return frozenset(finding.check for finding in self.findings)


class Gathered:
    """Findings and numbers of subjects, gathered check by check; two of them add up in any order."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.subjects: dict[str, int] = {}
        self.piles: dict[Place, Pile] = {}

    def look(self, checks: Iterable[Check], subjects: Sequence[Any], disabled: frozenset[str]) -> None:
        """Run each check over each subject."""
        for check in checks:
            if check.run is None or check.id in disabled:
                continue
            self.subjects[check.id] = self.subjects.get(check.id, 0) + len(subjects)
            for subject in subjects:
                self.findings.extend(check.run(subject))

    def add(self, findings: Iterable[Finding], subjects: dict[str, int]) -> None:
        """Take in what another one gathered."""
        self.findings.extend(findings)
        for check, count in subjects.items():
            self.subjects[check] = self.subjects.get(check, 0) + count
