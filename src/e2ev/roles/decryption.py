"""A trustee's part in decryption: see what is asked, check the record, commit, open, respond (EGDS 2.1 §3.6).

The nonces of one attempt come from one seed, which lives in the journal: outside of the key file and its backups. The
seed is burnt when the response is made, and the response kept in its place, so no commitment is ever answered twice.
A lost or restored journal means a new attempt.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from e2ev import tally
from e2ev.ballot import EncryptedBallot
from e2ev.board.contents import Attempt, read_ballot
from e2ev.board.reader import Logged, scan
from e2ev.board.tasks import Task, tasks_of
from e2ev.ceremony import KeyShare
from e2ev.codes import short_hex, spoken
from e2ev.errors import ConflictError, NotReadyError, RejectedError
from e2ev.group import Group, Nonce, Scalar
from e2ev.record import bodies
from e2ev.record.codec import admit, encode
from e2ev.record.entry import message_file
from e2ev.record.kinds import Kind
from e2ev.roles.card import FINGERPRINT_WORDS
from e2ev.roles.derive import derived_randomness
from e2ev.roles.intake import pen_after
from e2ev.roles.trustee import Standing, Trustee
from e2ev.roles.trustee_state import TrusteeState
from e2ev.sharing import TrusteeId
from e2ev.storage.disk import write_once
from e2ev.storage.journal import Journal
from e2ev.storage.seal import Passphrase
from e2ev.tally import NonceShare, Opening
from e2ev.verify.check import Report
from e2ev.verify.run import Options, verify

SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """What a trustee is asked to decrypt, to be shown before the passphrase is asked for.

    Attributes:
        attempt: Number of the attempt.
        quorum: Names of those who take part.
        cells: Contest label, labels of the stations, number of ballots; one a cell.
        opened: Number of challenged ballots to open by nonce, and by selection.
        size: Number of entries on the board that was counted.
        root: Its root in hex.
        words: The same in words.
    """

    attempt: int
    quorum: tuple[str, ...]
    cells: tuple[tuple[str, tuple[str, ...], int], ...]
    opened: tuple[int, int]
    size: int
    root: str
    words: str


@dataclass(frozen=True, slots=True)
class NonceSharesFile:
    """A trustee's partial decryptions of ballot nonces, for the administrator alone; never posted."""

    form: Literal[1]
    attempt: int
    trustee: TrusteeId
    shares: tuple[NonceShare, ...]


def nonce_file_name(attempt: int, trustee: TrusteeId) -> str:
    """Return the name under which nonce shares travel."""
    return f"nonces-{attempt}-trustee-{trustee}.e2evnonces"


def plan(trustee: Trustee, board: Path) -> Plan:
    """Return what the latest tally asks of this trustee.

    Raises:
        NotReadyError: No tally was decided, or this trustee is not in its quorum.
    """
    standing = trustee.look(board)
    attempt = _attempt(standing)
    contents, body = standing.contents, attempt.tally.body.form
    manifest = contents.manifest
    return Plan(
        body.attempt,
        tuple(contents.name_of(i) for i in body.quorum),
        tuple(
            (manifest.contest(c.contest).label, tuple(manifest.unit(u).label for u in c.units), c.ballots)
            for c in body.cells
        ),
        (len(body.open_by_nonce), len(body.open_by_selection)),
        body.board_size,
        short_hex(body.board_root, 64),
        spoken(body.board_root, FINGERPRINT_WORDS),
    )


def check_record(trustee: Trustee, board: Path, options: Options) -> Report:
    """Return the report on the record, which passes every check that can run before decryption (EGDS §3.6.1).

    Raises:
        RejectedError: A check fails; nothing is decrypted.
    """
    report = verify(board, options)
    if report.findings:
        first = report.findings[0]
        raise RejectedError(
            f"the record fails {len(report.findings)} checks, first {first.check}: {first.found}",
            where=first.where,
            culprit=first.culprit,
            remedy="nothing is decrypted; e2ev verify shows everything that fails",
        )
    return report


def commit(trustee: Trustee, board: Path, passphrase: Passphrase, options: Options) -> Path:
    """Check the record, draw the nonces of this attempt and write the commitments.

    Raises:
        RejectedError: The record fails a check.
        ConflictError: A commitment was made from another journal: a new attempt is needed.
    """
    standing = trustee.look(board)
    attempt = _attempt(standing)
    share, state = _opened(trustee, standing, passphrase)
    check_record(trustee, board, options)
    journal = _journal(trustee, passphrase, standing)
    if standing.trustee in attempt.commitments:
        raise ConflictError(
            "your commitments are on the board already", where=attempt.tally.where, remedy="e2ev trustee decrypt answer"
        )
    key = _journal_key(attempt)
    seed = _seed(journal, key)
    tasks = _tasks(standing, attempt, board)
    made = [
        tally.commit(task, share, _quorum(attempt), nonce)[0]
        for task, nonce in zip(tasks, _nonces(seed, tasks, standing.contents.group), strict=True)
    ]
    body = bodies.CommitmentsBody(1, attempt.tally.body.form.attempt, standing.trustee, tuple(made))
    return _write(trustee, standing, state, Kind.COMMITMENTS, body)


def answer(trustee: Trustee, board: Path, passphrase: Passphrase) -> list[Path]:
    """Write what is due: the openings once everyone committed, the responses once everyone opened.

    Raises:
        NotReadyError: Others have to post first; they are named.
        ConflictError: The journal cannot answer: a new attempt is needed.
        RejectedError: An opening is not what was committed to, and the culprit is named; or the ballots are not those
            that were checked when the trustee committed.
    """
    standing = trustee.look(board)
    attempt = _attempt(standing)
    _check_ballots(board, attempt)
    share, state = _opened(trustee, standing, passphrase)
    journal = _journal(trustee, passphrase, standing)
    key, me = _journal_key(attempt), standing.trustee
    done = journal.outcome(key)
    if done is not None:
        path = _place(trustee, _name(Kind.RESPONSES, attempt, me), done)
        return [path, *_nonce_shares(trustee, standing, attempt, share, state, board)]
    _wait_for(standing, attempt, attempt.commitments, "commitments")
    tasks = _tasks(standing, attempt, board)
    nonces = _nonces(_committed_seed(journal, key), tasks, standing.contents.group)
    if me not in attempt.openings:
        return [_open(trustee, standing, state, attempt, tasks, nonces, share)]
    _wait_for(standing, attempt, attempt.openings, "openings")
    responses = _responses(standing, attempt, tasks, nonces, share)
    body = bodies.ResponsesBody(1, attempt.tally.body.form.attempt, me, responses)
    entry, _ = pen_after(standing.ledger, state.key).write(Kind.RESPONSES, encode(body))
    journal.burn(key, message_file((entry,)))
    path = _place(trustee, _name(Kind.RESPONSES, attempt, me), message_file((entry,)))
    return [path, *_nonce_shares(trustee, standing, attempt, share, state, board)]


def _open(
    trustee: Trustee,
    standing: Standing,
    state: TrusteeState,
    attempt: Attempt,
    tasks: tuple[Task, ...],
    nonces: list[Nonce],
    share: KeyShare,
) -> Path:
    made = [tally.commit(task, share, _quorum(attempt), nonce) for task, nonce in zip(tasks, nonces, strict=True)]
    stated = attempt.commitments[standing.trustee].body.form.commitments
    if tuple(commitment for commitment, _ in made) != stated:
        raise ConflictError(
            "your commitments on the board are not those of this journal",
            where=attempt.tally.where,
            remedy="ask the administrator for a new attempt: e2ev election tally --new-attempt",
        )
    body = bodies.OpeningsBody(1, attempt.tally.body.form.attempt, standing.trustee, tuple(o for _, o in made))
    return _write(trustee, standing, state, Kind.OPENINGS, body)


def _responses(
    standing: Standing, attempt: Attempt, tasks: tuple[Task, ...], nonces: list[Nonce], share: KeyShare
) -> tuple[Scalar, ...]:
    opened = {i: posted.admitted().openings for i, posted in attempt.openings.items()}
    committed = {i: posted.body.form.commitments for i, posted in attempt.commitments.items()}
    short = [i for i in opened if len(opened[i]) != len(tasks) or len(committed[i]) != len(tasks)]
    if short:
        raise RejectedError(
            "a trustee's message does not cover every task",
            culprit=f"trustee {short[0]}",
            remedy="ask the administrator for a new attempt without this trustee",
        )
    made = []
    for n, (task, nonce) in enumerate(zip(tasks, nonces, strict=True)):
        openings: Mapping[TrusteeId, Opening] = {i: opened[i][n] for i in sorted(opened)}
        tally.check_openings(task, {i: committed[i][n] for i in openings}, openings)
        made.append(tally.respond(task, share, nonce, openings))
    return tuple(made)


def _nonce_shares(
    trustee: Trustee, standing: Standing, attempt: Attempt, share: KeyShare, state: TrusteeState, board: Path
) -> list[Path]:
    """Write the private file of nonce shares, if challenged ballots are to be opened."""
    body, contents = attempt.tally.body.form, standing.contents
    if not body.open_by_nonce:
        return []
    if not all(contents.may_be_opened(code) for code in body.open_by_nonce):
        raise RejectedError("a ballot is to be opened that was not challenged", where=attempt.tally.where)
    made = []
    for code in body.open_by_nonce:
        ballot = admit(read_ballot(board, contents, code), f"ballot {code.hex()[:12]}").ballot
        randomness = derived_randomness(
            state.key.seed(), b"nonce share", ballot.identifier_hash, ballot.nonce.c0.to_bytes()
        )
        made.append(tally.nonce_share(ballot.identifier_hash, ballot.nonce.c0, share, randomness))
    data = encode(NonceSharesFile(1, body.attempt, standing.trustee, tuple(made)))
    return [_place(trustee, nonce_file_name(body.attempt, standing.trustee), data)]


# Parts of the steps


def _check_ballots(board: Path, attempt: Attempt) -> None:
    """Check that what stands before the tally has the root that the tally names: so it is what `commit` has checked.

    The journal knows that tally entry alone; no other ballots can be slipped under it.
    """
    body = attempt.tally.body.form
    before = (event.before for event in scan(board) if isinstance(event, Logged) and event.index == attempt.tally.index)
    if [(tree.size, tree.root()) for tree in before] != [(body.board_size, body.board_root)]:
        raise RejectedError(
            "the ballots on this board are not those that the tally was decided on",
            where=attempt.tally.where,
            remedy="nothing is decrypted; compare your copy of the board with the other trustees'",
        )


def _attempt(standing: Standing) -> Attempt:
    attempt = standing.contents.latest_attempt()
    if standing.trustee not in attempt.tally.body.form.quorum:
        raise NotReadyError(
            "you are not in the quorum of this attempt",
            where=attempt.tally.where,
            remedy="nothing to do, unless the administrator decides a new attempt with you",
        )
    return attempt


def _quorum(attempt: Attempt) -> tuple[TrusteeId, ...]:
    return attempt.tally.body.form.quorum


def _opened(trustee: Trustee, standing: Standing, passphrase: Passphrase) -> tuple[KeyShare, TrusteeState]:
    state = trustee.open(passphrase, standing)
    if state.share is None:
        raise NotReadyError(
            "the key file holds no key share",
            where=str(trustee.key_path),
            remedy="use the newest copy of your key file, or your backup",
        )
    return state.share, state


def _journal(trustee: Trustee, passphrase: Passphrase, standing: Standing) -> Journal:
    """Return the journal, all of whose attempts stand on this board.

    A fork that lacks one ballot would give that ballot away by its difference to what was decrypted before.

    Raises:
        ConflictError: The trustee took part in an attempt that this board does not have.
    """
    path = trustee.home / "trustee.journal"
    if not path.exists():
        return Journal.create(path, passphrase, trustee.cost)
    journal, here = Journal.open(path, passphrase), {_journal_key(a) for a in standing.contents.attempts.values()}
    elsewhere = sorted(journal.known - here)
    if elsewhere:
        raise ConflictError(
            "you have taken part in a decryption that this board does not have: it is another board, or an older copy",
            where=elsewhere[0],
            remedy="decrypt nothing; keep both boards and compare their roots with the other trustees",
        )
    return journal


def _journal_key(attempt: Attempt) -> str:
    """Return the journal's name of an attempt: it is bound to the very entry that decided it."""
    return f"attempt {attempt.tally.body.form.attempt} {attempt.tally.leaf_hash.hex()}"


def _seed(journal: Journal, key: str) -> bytes:
    if journal.outcome(key) is not None:
        raise ConflictError("this attempt was answered already", where=key, remedy="e2ev trustee decrypt answer")
    try:
        return journal.get(key)
    except NotReadyError:
        seed = secrets.token_bytes(SEED_BYTES)
        journal.put(key, seed)
        return seed


def _committed_seed(journal: Journal, key: str) -> bytes:
    try:
        return journal.get(key)
    except NotReadyError as error:
        raise ConflictError(
            "this journal does not know the commitments that you made: it was lost or restored",
            where=str(key),
            remedy="ask the administrator for a new attempt: e2ev election tally --new-attempt",
        ) from error


def _nonces(seed: bytes, tasks: tuple[Task, ...], group: Group) -> list[Nonce]:
    return [group.random_nonce(derived_randomness(seed, n.to_bytes(4, "big"))) for n in range(len(tasks))]


def _tasks(standing: Standing, attempt: Attempt, board: Path) -> tuple[Task, ...]:
    contents = standing.contents

    def ballot_of(code: bytes) -> EncryptedBallot:
        if not contents.may_be_opened(code):
            raise RejectedError("a ballot is to be opened that was not challenged", where=attempt.tally.where)
        return admit(read_ballot(board, contents, code), f"ballot {code.hex()[:12]}").ballot

    return tasks_of(contents.joint_keys().extended_hash, attempt.tally.admitted(), ballot_of)


def _wait_for(standing: Standing, attempt: Attempt, posted: Mapping[TrusteeId, object], what: str) -> None:
    missing = [standing.contents.name_of(i) for i in _quorum(attempt) if i not in posted]
    if missing:
        raise NotReadyError(
            f"the {what} of " + ", ".join(missing) + " are not on the board yet",
            remedy="wait for them; if one never comes, the administrator decides a new attempt",
        )


def _name(kind: Kind, attempt: Attempt, trustee: TrusteeId) -> str:
    decided = hashlib.sha256(attempt.tally.leaf_hash).hexdigest()[:8]
    return f"{kind:02d}-{kind.name.lower()}-{attempt.tally.body.form.attempt}-{decided}-trustee-{trustee}.e2ev"


def _write(trustee: Trustee, standing: Standing, state: TrusteeState, kind: Kind, body: object) -> Path:
    entry, _ = pen_after(standing.ledger, state.key).write(kind, encode(body))
    return _place(trustee, _name(kind, standing.contents.latest_attempt(), standing.trustee), message_file((entry,)))


def _place(trustee: Trustee, name: str, data: bytes) -> Path:
    trustee.outbox.mkdir(parents=True, exist_ok=True)
    write_once(trustee.outbox / name, data)
    return trustee.outbox / name
