"""The administrator's part in decryption: exclude, decide cells and quorum, combine, publish (EGDS 2.1 §3.5, §3.6)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from e2ev import ballot, tally
from e2ev.ballot import BallotContext, EncryptedBallot
from e2ev.board.contents import Attempt, Contents, read_ballot
from e2ev.board.tasks import Task, tasks_of
from e2ev.ceremony import share_keys
from e2ev.contest_data import decrypt_contest_data
from e2ev.counting import CountedCell, cells
from e2ev.errors import ConflictError, NotReadyError, RejectedError
from e2ev.record import bodies
from e2ev.record.codec import admit, decode, encode
from e2ev.record.kinds import KINDS, Kind
from e2ev.roles.administrator import Administrator
from e2ev.roles.decryption import NonceSharesFile, nonce_file_name
from e2ev.roles.intake import Intake
from e2ev.sharing import TrusteeId
from e2ev.sigma import Proof
from e2ev.storage.disk import read_bounded
from e2ev.storage.seal import Passphrase
from e2ev.tally import CountTask, DataTask, NonceShare, Opening
from e2ev.verify.check import Finding, Report
from e2ev.verify.run import EXCLUDING, Options, verify
from e2ev.verify.sums import REPETITIONS


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of the challenged ballots: codes opened by nonce, and codes whose nonce did not open them."""

    opened: tuple[bytes, ...]
    unopenable: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """What `decide` posted: the tally, and the ballots that it had to exclude."""

    tally: bodies.TallyBody
    excluded: tuple[Finding, ...]


def decide(
    administrator: Administrator, quorum: Sequence[TrusteeId], passphrase: Passphrase, options: Options
) -> Decided:
    """Exclude ballots that fail a check, compute the cells, and post what is to be decrypted by whom.

    While voting is open, only challenged ballots are decided about: so a lying device is exposed on the day. A second
    call decides a new attempt: with the same cells while they are not decrypted, or else for challenged
    ballots whose nonces did not open them.

    Raises:
        NotReadyError: Voting is open and no ballot is challenged, or the ballots are too few to be decrypted.
        RejectedError: The record fails a check that no exclusion mends.
    """
    contents = administrator.contents()
    _check_time(contents)
    _check_quorum(contents, quorum)
    report = verify(administrator.board, options)
    excluded: tuple[Finding, ...] = ()
    while fresh := _exclude(administrator, contents, report, passphrase):
        excluded += fresh
        contents, report = administrator.contents(), verify(administrator.board, options)
    _check_sound(report)
    stated, by_nonce, by_selection = _what(contents, report)
    key = administrator.key(passphrase)
    with Intake(administrator.board, administrator.groups) as intake:
        now = intake.post([])
        number, members = len(contents.attempts) + 1, tuple(sorted(quorum))
        body = bodies.TallyBody(1, number, members, now.size, now.root, stated, by_nonce, by_selection)
        intake.post([intake.pen(key).write(Kind.TALLY, encode(body))[0]])
    return Decided(body, excluded)


def _what(contents: Contents, report: Report) -> tuple[tuple[bodies.Cell, ...], tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the cells, the ballots to open by nonce, and those to decrypt by selection, of the next attempt."""
    finished = contents.closed is None or any(a.result is not None for a in contents.attempts.values())
    by_nonce, by_selection = _to_open(contents)
    found = () if finished else cells(report.piles, contents.manifest.minimum_cell)
    if found or by_nonce or by_selection:
        return tuple(map(_cell, found)), by_nonce, by_selection
    if finished:
        raise ConflictError("everything is decrypted already", remedy="e2ev election status")
    raise NotReadyError(
        f"no contest has {contents.manifest.minimum_cell} counted ballots of each weight: all stay closed",
        remedy="the manifest's minimum_cell was fixed before the election",
    )


def _check_time(contents: Contents) -> None:
    if contents.closed is None and not any(_to_open(contents)):
        raise NotReadyError("voting is not closed, and no test ballot waits", remedy="e2ev election close")


def _check_quorum(contents: Contents, quorum: Sequence[TrusteeId]) -> None:
    everyone, needed = contents.election.everyone(), contents.election.quorum
    unknown = [str(i) for i in quorum if i not in everyone]
    if unknown or len(set(quorum)) != len(quorum):
        raise ConflictError(
            "no trustee has the number " + ", ".join(unknown) if unknown else "a trustee is named twice",
            remedy=f"name {needed} or more of the trustees 1 to {len(everyone)}",
        )
    if len(quorum) < needed:
        raise NotReadyError(
            f"a quorum of {len(quorum)} cannot decrypt, {needed} trustees are needed",
            remedy=f"name {needed} or more of them",
        )


def _answered(attempt: Attempt) -> bool:
    return len(attempt.responses) == len(attempt.tally.body.form.quorum)


def _to_open(contents: Contents) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the challenged ballots to open by nonce, and those whose nonce did not open them before."""
    closed = contents.closed_test_ballots()
    answered = [attempt for attempt in contents.attempts.values() if _answered(attempt)]
    tried = {code for attempt in answered for code in attempt.tally.body.form.open_by_nonce}
    return tuple(c for c in closed if c not in tried), tuple(c for c in closed if c in tried)


def _cell(cell: CountedCell) -> bodies.Cell:
    return bodies.Cell(cell.contest, cell.units, cell.pile.ballots, cell.pile.totals)


def _exclude(
    administrator: Administrator, contents: Contents, report: Report, passphrase: Passphrase
) -> tuple[Finding, ...]:
    """Post an exclusion for each ballot that fails a check of ballots, and return the first finding of each."""
    if any(attempt.tally.body.form.cells for attempt in contents.attempts.values()):
        return ()
    first = _first_findings(contents, report, EXCLUDING - REPETITIONS)
    first = first or _first_findings(contents, report, REPETITIONS)
    if first:
        key = administrator.key(passphrase)
        with Intake(administrator.board, administrator.groups) as intake:
            for code, finding in first.items():
                body = bodies.ExclusionBody(1, code, finding.check, finding.found)
                intake.post([intake.pen(key).write(Kind.EXCLUSION, encode(body))[0]])
    return tuple(first.values())


def _first_findings(contents: Contents, report: Report, checks: frozenset[str]) -> dict[bytes, Finding]:
    """Return by ballot the first finding of some checks, about ballots that were decided about and not excluded."""
    first: dict[bytes, Finding] = {}
    for finding in report.findings:
        decided = finding.ballot in contents.decisions and finding.ballot not in contents.exclusions
        if finding.ballot is not None and finding.check in checks and decided:
            first.setdefault(finding.ballot, finding)
    return first


def _check_sound(report: Report) -> None:
    if report.findings:
        first = report.findings[0]
        raise RejectedError(
            f"the record fails check {first.check}: {first.found}",
            where=first.where,
            culprit=first.culprit,
            remedy="e2ev verify shows everything that fails",
        )


# Combining


def publish(administrator: Administrator, inbox: Sequence[Path], passphrase: Passphrase) -> Opened:
    """Combine the responses, post the result and the challenged ballots.

    Raises:
        NotReadyError: Responses or nonce shares are missing; their trustees are named.
        RejectedError: A trustee's message is wrong; it is named.
    """
    contents = administrator.contents()
    attempt, context = contents.latest_attempt(), contents.ballot_context()
    missing = [contents.name_of(i) for i in attempt.tally.body.form.quorum if i not in attempt.responses]
    if missing:
        raise NotReadyError("responses are missing of " + ", ".join(missing), remedy="e2ev trustee decrypt answer")
    shares = _nonce_shares(administrator, contents, attempt, inbox)
    body = attempt.tally.admitted()

    def ballot_of(code: bytes) -> EncryptedBallot:
        return admit(read_ballot(administrator.board, contents, code), f"ballot {code.hex()[:12]}").ballot

    tasks = tasks_of(context.extended_hash, body, ballot_of)
    decrypted = iter(zip(tasks, _joint(contents, attempt, tasks), strict=True))
    cell_results = tuple(_cell_result(context, cell, decrypted) for cell in body.cells)
    ballots = [_decrypted(context, body.attempt, ballot_of(code), decrypted) for code in body.open_by_selection]
    opened, unopenable = _open(context, body, ballot_of, shares, contents)
    posts: list[tuple[Kind, object]] = [(Kind.OPENED_BALLOT, item) for item in opened]
    posts += [(Kind.DECRYPTED_BALLOT, item) for item in ballots if item.ballot not in contents.decrypted_ballots]
    if body.cells and attempt.result is None:
        posts.append((Kind.RESULT, bodies.ResultBody(1, body.attempt, cell_results)))
    key = administrator.key(passphrase)
    with Intake(administrator.board, administrator.groups) as intake:
        for kind, item in posts:
            intake.post([intake.pen(key).write(kind, encode(item))[0]])
    return Opened(tuple(item.ballot for item in opened), unopenable)


Decrypted = Iterator[tuple[Task, tuple[Opening, Proof]]]
"""Tasks in their order, each with M and the joint proof."""


def _joint(contents: Contents, attempt: Attempt, tasks: tuple[Task, ...]) -> list[tuple[Opening, Proof]]:
    """Return M and the joint proof of each task; a wrong response names its trustee (EGDS note 3.7)."""
    everyone = contents.trustee_keys()
    openings = {i: posted.admitted().openings for i, posted in attempt.openings.items()}
    responses = {i: posted.admitted().responses for i, posted in attempt.responses.items()}
    joint = []
    for n, task in enumerate(tasks):
        opened = {i: openings[i][n] for i in sorted(openings)}
        for i in opened:
            if not tally.is_valid_response(task, i, share_keys(everyone, i), opened, responses[i][n]):
                raise RejectedError(
                    "a response does not fit the trustee's share",
                    where=f"task {n}",
                    culprit=contents.name_of(i),
                    remedy="decide a new attempt without this trustee: e2ev election tally --new-attempt",
                )
        joint.append((tally.join(opened), tally.joint_proof(task, opened, {i: responses[i][n] for i in opened})))
    return joint


def _cell_result(context: BallotContext, cell: bodies.Cell, decrypted: Decrypted) -> bodies.CellResult:
    contest = context.manifest.contest(cell.contest)
    bound = cell.ballots * max(context.manifest.weights)
    options = tuple(
        bodies.OptionResult(option.label, _count(context, *next(decrypted), bound * option.limit))
        for option in contest.options
    )
    return bodies.CellResult(cell.contest, contest.label, cell.units, options)


def _count(context: BallotContext, task: Task, decrypted: tuple[Opening, Proof], bound: int) -> tally.DecryptedCount:
    if not isinstance(task, CountTask):
        raise TypeError("counts are decrypted from count tasks")
    return tally.decrypt_count(task, context.vote_key, *decrypted, bound)


def _decrypted(
    context: BallotContext, attempt: int, held: EncryptedBallot, decrypted: Decrypted
) -> bodies.DecryptedBallotBody:
    contests = []
    for encrypted in held.contests:
        contest = context.manifest.contest(encrypted.contest)
        options = tuple(
            bodies.OptionResult(option.label, _count(context, *next(decrypted), option.limit))
            for option in contest.options
        )
        data = _data(*next(decrypted)) if encrypted.data is not None else None
        contests.append(bodies.DecryptedContest(contest.index, contest.label, options, data))
    return bodies.DecryptedBallotBody(1, attempt, held.code, tuple(contests))


def _data(task: Task, decrypted: tuple[Opening, Proof]) -> tally.DecryptedData:
    if not isinstance(task, DataTask):
        raise TypeError("contest data is decrypted from data tasks")
    beta = decrypted[0].partial
    plain = decrypt_contest_data(task.identifier_hash, task.contest, task.ciphertext, beta)
    return tally.DecryptedData(beta, plain, decrypted[1])


# Challenged ballots


def _nonce_shares(
    administrator: Administrator, contents: Contents, attempt: Attempt, inbox: Sequence[Path]
) -> Mapping[TrusteeId, tuple[NonceShare, ...]]:
    """Return each trustee's nonce shares, as many as there are ballots to open."""
    body = attempt.tally.body.form
    if not body.open_by_nonce:
        return {}
    found: dict[TrusteeId, tuple[NonceShare, ...]] = {}
    for trustee in body.quorum:
        name = nonce_file_name(body.attempt, trustee)
        paths = [path for folder in inbox for path in folder.rglob(name)]
        if not paths:
            raise NotReadyError(
                f"the nonce shares of {contents.name_of(trustee)} have not arrived",
                where=name,
                remedy="e2ev trustee decrypt answer writes the file",
            )
        data = read_bounded(paths[0], KINDS[Kind.OPENINGS].limit)
        read = admit(decode(NonceSharesFile, data, contents.group, name), name)
        if (read.attempt, read.trustee, len(read.shares)) != (body.attempt, trustee, len(body.open_by_nonce)):
            raise RejectedError(
                "these nonce shares are of another attempt", where=name, culprit=contents.name_of(trustee)
            )
        found[trustee] = read.shares
    return found


def _open(
    context: BallotContext,
    body: bodies.TallyBody,
    ballot_of: Callable[[bytes], EncryptedBallot],
    shares: Mapping[TrusteeId, tuple[NonceShare, ...]],
    contents: Contents,
) -> tuple[list[bodies.OpenedBallotBody], tuple[bytes, ...]]:
    everyone = contents.trustee_keys()
    opened, unopenable = [], []
    for n, code in enumerate(body.open_by_nonce):
        if code in contents.opened_ballots:
            continue
        held, given = ballot_of(code), {i: shares[i][n] for i in shares}
        for i, share in given.items():
            keys = share_keys(everyone, i)
            if not tally.is_valid_nonce_share(held.identifier_hash, held.nonce.c0, i, keys, share):
                raise RejectedError(
                    "a nonce share does not fit the trustee's share",
                    culprit=contents.name_of(i),
                    remedy="decide a new attempt without this trustee: e2ev election tally --new-attempt",
                )
        secret = ballot.decrypt_ballot_nonce(held, tally.combine_nonce_shares(given))
        try:
            contests = tuple(ballot.open_contest(context, held.identifier_hash, c, secret) for c in held.contests)
        except RejectedError:
            unopenable.append(code)
            continue
        opened.append(bodies.OpenedBallotBody(1, body.attempt, code, contests))
    return opened, tuple(unopenable)
