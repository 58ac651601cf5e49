"""The ciphertexts that a tally entry decides to decrypt, in the one order of all messages (protocol.md, "Tasks").

First the cells as the entry lists them, option by option; then each ballot that is decrypted by selection: contest by
contest its selections, then its contest data, if it has some.
"""

from collections.abc import Callable, Iterator

from e2ev.ballot import EncryptedBallot
from e2ev.record.bodies import TallyBody
from e2ev.tally import CountTask, DataTask

Task = CountTask | DataTask


def tasks_of(extended_hash: bytes, tally: TallyBody, ballot_of: Callable[[bytes], EncryptedBallot]) -> tuple[Task, ...]:
    """Return the tasks of a tally entry.

    Args:
        extended_hash: H_E.
        tally: The entry's body, admitted.
        ballot_of: Gives the ballot with a confirmation code, admitted.
    """
    cells: list[Task] = [
        CountTask(extended_hash, cell.contest, option, total)
        for cell in tally.cells
        for option, total in enumerate(cell.totals, 1)
    ]
    ballots = [task for code in tally.open_by_selection for task in ballot_tasks(extended_hash, ballot_of(code))]
    return (*cells, *ballots)


def ballot_tasks(extended_hash: bytes, ballot: EncryptedBallot) -> Iterator[Task]:
    """Yield the tasks of one ballot that is decrypted by selection."""
    for contest in ballot.contests:
        for option, selection in enumerate(contest.selections, 1):
            yield CountTask(extended_hash, contest.contest, option, selection.ciphertext)
        if contest.data is not None:
            yield DataTask(ballot.identifier_hash, contest.contest, contest.data)
