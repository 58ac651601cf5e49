"""The subjects of the checks that come after the ballots: attempts, results, decrypted counts, challenged ballots."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from e2ev.ballot import BallotContext, EncryptedBallot
from e2ev.board.contents import Attempt, read_ballot
from e2ev.board.tasks import Task, ballot_tasks, tasks_of
from e2ev.counting import CountedCell, Pile, Place, cells
from e2ev.errors import DataError
from e2ev.record import bodies
from e2ev.record.codec import Judged, judge, judge_all
from e2ev.record.codec import Path as FieldPath
from e2ev.tally import CountTask, DataTask
from e2ev.verify.check import labels
from e2ev.verify.opened import OpenedCase, ShownCase, ShownContest, shown_by_nonce, shown_by_selection
from e2ev.verify.result import ResultCase
from e2ev.verify.setting import Setting
from e2ev.verify.tally import AttemptCase, CountCase, DataCase


@dataclass(frozen=True)
class Decryption:
    """Everything on the board about decryption.

    Attributes:
        path: The board file.
        setting: The election.
        context: Its keys with tables.
        piles: Of the counted ballots, as the pass over them found.
    """

    path: Path
    setting: Setting
    context: BallotContext
    piles: dict[Place, Pile]

    @cached_property
    def _tallies(self) -> dict[int, Judged[bodies.TallyBody]]:
        attempts = self.setting.contents.attempts
        return dict(zip(attempts, judge_all([a.tally.body for a in attempts.values()]), strict=True))

    @cached_property
    def _expected(self) -> tuple[CountedCell, ...]:
        return cells(self.piles, self.setting.contents.manifest.minimum_cell)

    @cached_property
    def _by_selection(self) -> dict[bytes, Judged[bodies.DecryptedBallotBody]]:
        posted = self.setting.contents.decrypted_ballots
        return dict(zip(posted, judge_all([p.body for p in posted.values()]), strict=True))

    def _read(self, code: bytes) -> Judged[bodies.BallotBody] | None:
        """Return a ballot; None where it is not on the board (D.5 says so) or malformed (their pass does)."""
        try:
            return judge(read_ballot(self.path, self.setting.contents, code))
        except DataError:
            return None

    def _ballot(self, code: bytes) -> EncryptedBallot | None:
        """Return a ballot all of whose values are in the group; None where checks of ballots found others."""
        judged = self._read(code)
        return None if judged is None or judged.failures else judged.value.ballot

    def attempts(self) -> list[AttemptCase]:
        """Return every attempt, with its tasks and the partition that it has to follow."""
        stated = [judged.value.cells for judged in self._tallies.values() if judged.value.cells]
        return [
            self._attempt(attempt, self._tallies[number], stated[0] if stated else ())
            for number, attempt in self.setting.contents.attempts.items()
        ]

    def _attempt(self, attempt: Attempt, body: Judged[bodies.TallyBody], first: tuple[bodies.Cell, ...]) -> AttemptCase:
        ballots = self._ballots(body.value.open_by_selection)
        tasks: tuple[Task, ...] | None = None
        if ballots is not None and not body.failures:
            tasks = tasks_of(self.context.extended_hash, body.value, ballots.__getitem__)
        openings = judge_all([posted.body for posted in attempt.openings.values()])
        responses = judge_all([posted.body for posted in attempt.responses.values()])
        return AttemptCase(
            self.setting, attempt, body, first, self._expected, self.piles, tasks,
            dict(zip(attempt.openings, openings, strict=True)), dict(zip(attempt.responses, responses, strict=True)),
        )  # fmt: skip

    def _ballots(self, codes: Iterable[bytes]) -> dict[bytes, EncryptedBallot] | None:
        """Return sound ballots by their codes; None if one is not there, or not sound."""
        found = {code: self._ballot(code) for code in codes}
        sound = {code: ballot for code, ballot in found.items() if ballot is not None}
        return sound if len(sound) == len(found) else None

    def results(self) -> list[ResultCase]:
        """Return every result."""
        contests = frozenset(cell.contest for cell in self._expected)
        return [
            ResultCase(
                self.setting, attempt.result.index, attempt.result.body.form, self._tallies[n].value.cells, contests
            )
            for n, attempt in self.setting.contents.attempts.items()
            if attempt.result is not None and (attempt.result.body.form.cells or self._tallies[n].value.cells)
        ]

    def counts(self) -> list[CountCase]:
        """Return every decrypted count of cells and of ballots that were decrypted by selection."""
        return [*self._cell_counts(), *self._ballot_counts()]

    def _cell_counts(self) -> Iterator[CountCase]:
        manifest = self.setting.contents.manifest
        for number, attempt in self.setting.contents.attempts.items():
            if attempt.result is None:
                continue
            judged = judge(attempt.result.body)
            for i, (cell, stated) in enumerate(
                zip(self._tallies[number].value.cells, judged.value.cells, strict=False)
            ):
                if not 1 <= cell.contest <= len(manifest.contests):
                    continue
                contest = manifest.contest(cell.contest)
                bound = self._bound(cell)
                for j, (total, option) in enumerate(zip(cell.totals, stated.options, strict=False)):
                    if not self._tallies[number].holds("cells", i, "totals", j) or j >= len(contest.options):
                        continue
                    task = CountTask(self.context.extended_hash, cell.contest, j + 1, total)
                    unsound = _under(judged.failures, ("cells", i, "options", j, "count"))
                    yield CountCase(self.context.vote_key, task, option.count, unsound,
                                    bound * contest.options[j].limit, attempt.result.index, f"cells[{i}]",
                                    labels(manifest, cell.contest, j + 1))  # fmt: skip

    def _bound(self, cell: bodies.Cell) -> int:
        """Return the most votes of limit 1 that the cell's ballots can hold, by their weights."""
        return sum(self.piles[cell.contest, unit].bound for unit in cell.units if (cell.contest, unit) in self.piles)

    def _decrypted(self) -> Iterator[tuple[bytes, Judged[bodies.DecryptedBallotBody], list[Task]]]:
        """Yield each ballot that was decrypted by selection with its tasks, where the ballot is sound."""
        for code, judged in self._by_selection.items():
            ballot = self._ballot(code)
            if ballot is not None:
                yield code, judged, list(ballot_tasks(self.context.extended_hash, ballot))

    def _ballot_counts(self) -> Iterator[CountCase]:
        limits = {(c.index, o.index): o.limit for c in self.context.manifest.contests for o in c.options}
        for code, judged, tasks in self._decrypted():
            entry = self.setting.contents.decrypted_ballots[code].index
            by_place = {(task.contest, task.option): task for task in tasks if isinstance(task, CountTask)}
            for i, contest in enumerate(judged.value.contests):
                for j, option in enumerate(contest.options):
                    task, limit = by_place.get((contest.contest, j + 1)), limits.get((contest.contest, j + 1))
                    if task is not None and limit is not None:
                        unsound = _under(judged.failures, ("contests", i, "options", j, "count"))
                        yield CountCase(self.context.vote_key, task, option.count, unsound, limit, entry,
                                        f"ballot {code.hex()[:12]}",
                                        labels(self.context.manifest, contest.contest, j + 1), code)  # fmt: skip

    def data(self) -> list[DataCase]:
        """Return the contest data of every ballot that was decrypted by selection."""
        return list(self._data())

    def _data(self) -> Iterator[DataCase]:
        for code, judged, tasks in self._decrypted():
            entry = self.setting.contents.decrypted_ballots[code].index
            by_contest = {task.contest: task for task in tasks if isinstance(task, DataTask)}
            for i, contest in enumerate(judged.value.contests):
                task = by_contest.get(contest.contest)
                if task is not None or contest.data is not None:
                    unsound = _under(judged.failures, ("contests", i, "data"))
                    yield DataCase(self.context.data_key, task, contest.data, unsound, entry,
                                   f"ballot {code.hex()[:12]}",
                                   labels(self.context.manifest, contest.contest), code)  # fmt: skip

    def opened(self) -> list[OpenedCase]:
        """Return every ballot that was opened by its nonces."""
        posted = self.setting.contents.opened_ballots
        judged = judge_all([p.body for p in posted.values()])
        pairs = zip(posted.items(), judged, strict=True)
        shown = [(self._shown(code, p.index, shown_by_nonce(one.value)), one) for (code, p), one in pairs]
        return [OpenedCase(case, one) for case, one in shown if case is not None]

    def shown(self) -> list[ShownCase]:
        """Return every challenged ballot that is shown, however it was opened."""
        posted = self.setting.contents.decrypted_ballots
        by_selection = [
            self._shown(code, posted[code].index, shown_by_selection(judged.value))
            for code, judged in self._by_selection.items()
        ]
        return [*(case.shown for case in self.opened()), *(case for case in by_selection if case is not None)]

    def _shown(self, code: bytes, entry: int, contests: tuple[ShownContest, ...]) -> ShownCase | None:
        judged = self._read(code)
        return None if judged is None else ShownCase(self.context, judged.value.ballot, entry, contests)


def _under(failures: tuple[FieldPath, ...], prefix: FieldPath) -> tuple[FieldPath, ...]:
    return tuple(path[len(prefix) :] for path in failures if path[: len(prefix)] == prefix)
