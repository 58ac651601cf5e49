"""Checks of results, as they are shown: EGDS verification 11, and ours."""

from collections.abc import Iterator
from dataclasses import dataclass

from e2ev.record import bodies
from e2ev.verify.check import Check, Finding, Scope, labels
from e2ev.verify.setting import Setting


@dataclass(frozen=True, slots=True)
class ResultCase:
    """One result.

    Attributes:
        setting: The election.
        entry: Its index.
        result: Its body.
        cells: What its attempt decided.
        contests: Indices of the contests that have cells.
    """

    setting: Setting
    entry: int
    result: bodies.ResultBody
    cells: tuple[bodies.Cell, ...]
    contests: frozenset[int]

    def labelled(self) -> Iterator[tuple[int, bodies.CellResult]]:
        """Yield the cells whose contest label the manifest knows."""
        labels = {contest.label for contest in self.setting.contents.manifest.contests}
        return ((i, cell) for i, cell in enumerate(self.result.cells) if cell.label in labels)


def contest_labels(case: ResultCase) -> Iterator[Finding]:
    """11.A."""
    manifest = case.setting.contents.manifest
    known = {contest.label: contest.index for contest in manifest.contests}
    for i, cell in enumerate(case.result.cells):
        if known.get(cell.label) != cell.contest:
            yield Finding("11.A", f"{cell.label!r} is not the manifest's label of contest {cell.contest}", case.entry,
                          f"cells[{i}]", **labels(manifest, cell.contest))  # fmt: skip


def option_labels(case: ResultCase) -> Iterator[Finding]:
    """11.B."""
    for i, cell in case.labelled():
        known = {option.label for option in case.setting.contents.manifest.contest_by_label(cell.label).options}
        for option in cell.options:
            if option.label not in known:
                yield Finding("11.B", f"{option.label!r} is no option of {cell.label!r}", case.entry, f"cells[{i}]",
                              contest=cell.label, option=option.label)  # fmt: skip


def all_options(case: ResultCase) -> Iterator[Finding]:
    """11.C."""
    for i, cell in case.labelled():
        options = case.setting.contents.manifest.contest_by_label(cell.label).options
        stated = [option.label for option in cell.options]
        missing = [option.label for option in options if option.label not in stated]
        if missing:
            yield Finding("11.C", "missing are " + ", ".join(missing), case.entry, f"cells[{i}]", contest=cell.label)
        elif stated != [option.label for option in options]:
            found = f"options {stated}, expected {[option.label for option in options]}"
            yield Finding("11.C", found, case.entry, f"cells[{i}]", contest=cell.label)


def all_contests(case: ResultCase) -> Iterator[Finding]:
    """11.D."""
    stated = {cell.label for cell in case.result.cells}
    for index in sorted(case.contests):
        label = case.setting.contents.manifest.contest(index).label
        if label not in stated:
            yield Finding("11.D", f"{label!r} stands on ballots and not in the result", case.entry, contest=label)


def decided_cells(case: ResultCase) -> Iterator[Finding]:
    """C.4."""
    stated = [(cell.contest, cell.units) for cell in case.result.cells]
    decided = [(cell.contest, cell.units) for cell in case.cells]
    if stated != decided:
        yield Finding("C.4", f"cells {stated}, expected {decided}, which were decided", case.entry)


RESULT_CHECKS = (
    Check("11.A", "contest labels are the manifest's", "EGDS V11", Scope.TALLY, contest_labels),
    Check("11.B", "option labels are the manifest's", "EGDS V11", Scope.TALLY, option_labels),
    Check("11.C", "every option of the manifest is there", "EGDS V11", Scope.TALLY, all_options),
    Check("11.D", "every contest that stands on ballots is there", "EGDS V11", Scope.TALLY, all_contests),
    Check("C.4", "the result is of exactly the cells that were decided", "protocol.md, Cells", Scope.TALLY,
          decided_cells),
)  # fmt: skip
