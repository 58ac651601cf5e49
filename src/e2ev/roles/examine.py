"""What a trustee's message is checked for before it is posted: what stands on the board stands there for ever.

The board's rules say who may post what and when. A message that they allow can still be wrong, and a wrong one would
make the whole record fail with nothing to be done about it; so it is refused, and its author named. Keys and shares
are not checked here: about them the trustees complain, on the board (`roles.trustee`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2ev import ceremony, hashing, tally
from e2ev.ballot import BallotContext, EncryptedBallot
from e2ev.board.contents import Contents, read_ballot
from e2ev.board.tasks import Task, tasks_of
from e2ev.errors import DataError, E2evError, RejectedError
from e2ev.group import Group
from e2ev.record import bodies
from e2ev.record.codec import admit, decode, judge_all
from e2ev.record.entry import Entry, check_body, check_header_signature
from e2ev.record.kinds import KINDS, Kind
from e2ev.verify.ballots import CHECKS as BALLOT_CHECKS
from e2ev.verify.ballots import HEADER_CHECK, BallotCase, BallotJob


def check_message(board: Path, contents: Contents, entry: Entry) -> None:
    """Check what a trustee says, as far as the board allows to say it now.

    Raises:
        RejectedError: It is wrong; the trustee is the culprit.
    """
    check = _CHECKS.get(entry.header.kind)
    author = contents.seat_of(entry.header.author)
    if check is None or author is None:
        return
    check_header_signature(entry.header, "header")
    check_body(entry, "body")
    row, who = KINDS[entry.header.kind], contents.name_of(author)
    if row.body is None:
        return
    body: Any = admit(decode(row.body, entry.body, contents.group, "message"), "message")
    if body.trustee == author and not check(board, contents, body):
        what = row.kind.name.lower()
        raise RejectedError(
            f"what this message says is wrong ({what})", culprit=who, remedy="go on without it, and tell everybody"
        )


@dataclass(frozen=True, slots=True)
class BallotJudge:
    """Checks everything that a ballot says by itself, proofs and all, as a verifier will once it stands on the board.

    It is a function of one ballot that can be handed to another process.

    Attributes:
        context: What ballots are judged with.
        group: That of the election.
    """

    context: BallotContext
    group: Group

    def __call__(self, ballot: "LoneBallot") -> E2evError | None:
        """Return what speaks against a ballot: it cannot be read, or a check objects."""
        try:
            body = decode(bodies.BallotBody, ballot.body, self.group, "ballot")
        except DataError as error:
            return error
        case = BallotCase(self.context, ballot.job, judge_all([body], lambda _: False)[0]).with_proofs()
        for check in (*BALLOT_CHECKS, HEADER_CHECK):
            for found in check.run(case) if check.run is not None else ():
                return RejectedError(f"refused by check {found.check}: {found.found}", where=found.place,
                                     culprit=found.culprit, remedy=f"e2ev explain {found.check}")  # fmt: skip
        return None


@dataclass(frozen=True, slots=True)
class LoneBallot:
    """A ballot that is not on a board yet: what its author's chain says of it, and its body."""

    job: BallotJob
    body: bytes


def lone_ballot(contents: Contents, context: BallotContext, entry: Entry, previous: bytes | None) -> LoneBallot:
    """Return a ballot as it is judged before it is posted.

    Args:
        contents: The election's.
        context: What ballots are judged with.
        entry: The ballot; its author is an admitted device.
        previous: The device's code before it, None for its first.
    """
    header = entry.header
    device = contents.devices[header.author]
    device_hash = hashing.device_hash(context.extended_hash, device.name)
    job = BallotJob(0, 0, 0, entry.leaf_hash, header.code or b"", header.author, header.counter, previous, device.unit,
                    device.name, device_hash, False, None)  # fmt: skip
    return LoneBallot(job, entry.body)


def _accepts_these(_board: Path, contents: Contents, body: bodies.AcceptanceBody) -> bool:
    if len(contents.ceremony.keys) != len(contents.seats):
        return True
    keys = ceremony.joint_keys(contents.election, contents.trustee_keys())
    return body.trustee_record_hash == keys.trustee_record_hash


def _rehearses(_board: Path, contents: Contents, body: bodies.RehearsalBody) -> bool:
    if contents.joint is None:
        return True
    return ceremony.is_rehearsed(contents.joint_keys(), contents.trustee_keys(), body.trustee, body.proof)


def _tasks(board: Path, contents: Contents, attempt: int) -> tuple[Task, ...] | None:
    """Return the tasks of the attempt if it is the latest, or else None: the rules will object."""
    if attempt not in contents.attempts or attempt != max(contents.attempts):
        return None

    def ballot_of(code: bytes) -> EncryptedBallot:
        return admit(read_ballot(board, contents, code), f"ballot {code.hex()[:12]}").ballot

    return tasks_of(contents.joint_keys().extended_hash, contents.attempts[attempt].tally.admitted(), ballot_of)


def _commits(board: Path, contents: Contents, body: bodies.CommitmentsBody) -> bool:
    tasks = _tasks(board, contents, body.attempt)
    return tasks is None or len(body.commitments) == len(tasks)


def _opens(board: Path, contents: Contents, body: bodies.OpeningsBody) -> bool:
    """Return whether each opening is what the trustee committed to."""
    tasks = _tasks(board, contents, body.attempt)
    if tasks is None or body.trustee not in contents.attempts[body.attempt].commitments:
        return True
    attempt = contents.attempts[body.attempt]
    committed, quorum = attempt.commitments[body.trustee].body.form.commitments, attempt.tally.body.form.quorum
    made = [task.commitment(body.trustee, opening, quorum) for task, opening in zip(tasks, body.openings, strict=False)]
    return len(body.openings) == len(tasks) and tuple(made) == committed


def _responds(board: Path, contents: Contents, body: bodies.ResponsesBody) -> bool:
    """Return whether each response fits the trustee's share."""
    tasks = _tasks(board, contents, body.attempt)
    if tasks is None:
        return True
    attempt = contents.attempts[body.attempt]
    if set(attempt.openings) != set(attempt.tally.body.form.quorum):
        return True
    if len(body.responses) != len(tasks):
        return False
    keys = ceremony.share_keys(contents.trustee_keys(), body.trustee)
    openings = {i: posted.admitted().openings for i, posted in sorted(attempt.openings.items())}
    return all(
        tally.is_valid_response(task, body.trustee, keys, {i: openings[i][n] for i in openings}, body.responses[n])
        for n, task in enumerate(tasks)
    )


_CHECKS: dict[int, Callable[[Path, Contents, Any], bool]] = {
    Kind.ACCEPTANCE: _accepts_these,
    Kind.REHEARSAL: _rehearses,
    Kind.COMMITMENTS: _commits,
    Kind.OPENINGS: _opens,
    Kind.RESPONSES: _responds,
}
