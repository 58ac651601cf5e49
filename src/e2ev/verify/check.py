"""What a check is, what it says, and what a whole run says (specs/verification.md)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, TypedDict

from e2ev.board.contents import Contents
from e2ev.counting import Pile, Place
from e2ev.manifest import Manifest
from e2ev.verify.cosigners import Cosigners
from e2ev.verify.levels import Drawn, Level
from e2ev.verify.paper import PaperPlace

KEPT = 1_000
"""Findings of one check that are kept; further ones are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One failure of one check, at one place.

    Attributes:
        check: Id of the check.
        found: What was found and what was expected.
        entry: Index of the entry, if there is one.
        place: Where in it: a device, a ballot's code, a field path.
        culprit: Whose doing it is, if a signature proves that.
        ballot: Confirmation code of the ballot concerned.
        contest: Label of the contest concerned; its number where the manifest has no such contest.
        option: Label of the option concerned, likewise.
    """

    check: str
    found: str
    entry: int | None = None
    place: str = ""
    culprit: str = ""
    ballot: bytes | None = None
    contest: str = ""
    option: str = ""

    @property
    def where(self) -> str:
        """The location in words."""
        parts = (
            f"entry {self.entry}" if self.entry is not None else "",
            self.place,
            f"contest {self.contest}" if self.contest else "",
            f"option {self.option}" if self.option else "",
        )
        return ", ".join(part for part in parts if part)


class Named(TypedDict, total=False):
    """How findings name a contest and one of its options."""

    contest: str
    option: str


def labels(manifest: Manifest, contest: int, option: int = 0) -> Named:
    """Return how findings name a contest and one of its options, given by their numbers; 0 is no option."""
    known = manifest.contest(contest) if 1 <= contest <= len(manifest.contests) else None
    of_it = known.options if known else ()
    return {
        "contest": known.label if known else str(contest),
        "option": of_it[option - 1].label if 1 <= option <= len(of_it) else str(option or ""),
    }


def unlike(found: bytes, expected: bytes) -> str:
    """Return the beginnings of two values that should be one."""
    return f"{found.hex()[:16] or 'nothing'}, expected {expected.hex()[:16]}"


class Scope(Enum):
    """What a check looks at, one after another."""

    ENTRY = "entry"
    ELECTION = "election"
    TRUSTEE = "trustee"
    ROLL = "roll"
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
        findings: Failures that speak against the record: of each check the first `KEPT`, in order of the entries.
        excluded: Findings about ballots that were excluded for them, and are not counted; likewise.
        remarks: What the verdict leaves open, for people.
        entries: Number of entries on the board.
        root: Merkle root over them.
        piles: Of the counted ballots, from which cells are made.
        ballots: Number of ballots, counted ones, excluded ones.
        unlisted: How many more failures of a check there are than findings of it.
        unlisted_excluded: The same about excluded ballots, of all checks together.
        cosigners: Whether independent cosigners saw the board; no verdict depends on it.
        paper: Places that were counted on paper, and are missing from what was checked.
        level: How deep the run went.
        drawn: What a sample has looked at.
        contents: What stands on the board; None if it does not begin with genesis. It follows from the entries, so
            reports are compared without it.
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
    unlisted: Mapping[str, int] = field(default_factory=dict)
    unlisted_excluded: int = 0
    cosigners: Cosigners = field(default_factory=Cosigners)
    paper: tuple[PaperPlace, ...] = ()
    level: Level = Level.FULL
    drawn: Drawn | None = None
    contents: Contents | None = field(default=None, repr=False, compare=False)

    @property
    def failures(self) -> int:
        """How many failures speak against the record, listed or not."""
        return len(self.findings) + sum(self.unlisted.values())

    def tripped(self) -> frozenset[str]:
        """Return the ids of all checks that failed."""
        return frozenset(finding.check for finding in self.findings)


class Findings:
    """Findings in the order of their entries; of each check the first `KEPT` are kept, and all are counted.

    What is kept does not depend on the order in which they come in, if those of one check about one entry come in
    together.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._kept: dict[str, list[Finding]] = {}

    def __iter__(self) -> Iterator[Finding]:
        for kept in self._kept.values():
            _cut(kept)
        found = (finding for _, kept in sorted(self._kept.items()) for finding in kept)
        return iter(sorted(found, key=_entry))

    def __len__(self) -> int:
        return sum(self.counts.values())

    def take(self, findings: Iterable[Finding]) -> None:
        """Take in findings."""
        for finding in findings:
            self.counts[finding.check] = self.counts.get(finding.check, 0) + 1
            self._keep(finding)

    def add(self, kept: Iterable[Finding], counts: Mapping[str, int]) -> None:
        """Take in what another one kept and counted."""
        for check, count in counts.items():
            self.counts[check] = self.counts.get(check, 0) + count
        for finding in kept:
            self._keep(finding)

    def unlisted(self) -> dict[str, int]:
        """Return by check how many findings were counted and not kept."""
        return {check: count - KEPT for check, count in self.counts.items() if count > KEPT}

    def _keep(self, finding: Finding) -> None:
        kept = self._kept.setdefault(finding.check, [])
        kept.append(finding)
        if len(kept) >= 2 * KEPT:
            _cut(kept)


def _entry(finding: Finding) -> tuple[bool, int]:
    return finding.entry is None, finding.entry or 0


def _cut(findings: list[Finding]) -> None:
    findings.sort(key=_entry)
    del findings[KEPT:]


class Gathered:
    """Findings and numbers of subjects, gathered check by check; two of them add up in any order."""

    def __init__(self) -> None:
        self.findings = Findings()
        self.subjects: dict[str, int] = {}
        self.piles: dict[Place, Pile] = {}

    def look(self, checks: Iterable[Check], subjects: Sequence[Any], disabled: frozenset[str]) -> None:
        """Run each check over each subject."""
        for check in checks:
            if check.run is None or check.id in disabled:
                continue
            self.count({check.id: len(subjects)})
            for subject in subjects:
                self.findings.take(check.run(subject))

    def count(self, subjects: Mapping[str, int]) -> None:
        """Note how many more subjects were looked at, by check."""
        for check, number in subjects.items():
            self.subjects[check] = self.subjects.get(check, 0) + number
