"""What follows by the protocol from entries that were changed, made again: codes and chains, counts, cells, decryption.

This is the reseal rule of tampering: whatever an attacker who has every key could compute again is computed again, so
that a tampered record is rejected for the change itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import partial, reduce
from operator import add
from typing import Any, NamedTuple, cast

from e2ev import chaining, contest_data, hashing, proofs, sigma, tally
from e2ev.ballot import (
    BallotContext,
    BallotSecret,
    EncryptedBallot,
    EncryptedContest,
    EncryptedSelection,
    contest_hash,
    decrypt_ballot_nonce,
    encrypt_ballot_nonce,
)
from e2ev.board.tasks import Task, ballot_tasks, tasks_of
from e2ev.counting import CountedCell, add_piles, cells, piles_of
from e2ev.demo.forge import Forgery, Step, is_even, until
from e2ev.elgamal import Ciphertext, HashedCiphertext, combine, encrypt
from e2ev.group import Element, Nonce, RawScalar, Residue, Scalar
from e2ev.record import bodies
from e2ev.record.kinds import Kind
from e2ev.sharing import TrusteeId
from e2ev.sigma import Proof, ProofOfOne
from e2ev.tally import CountTask, DataTask, Opening

BOUND = 100_000
"""The largest count that a forger can decrypt."""


Votes = Mapping[int, Sequence[int]]
"""By contest, one number for each option: any number, since a forger is not bound to limits."""
Twist = Callable[[Ciphertext], Ciphertext]
Accept = Callable[[ProofOfOne], bool]


# Codes, chains, counts and cells


def rename(value: Any, names: Mapping[bytes, bytes]) -> Any:
    """Return a record value, or a step, with some byte strings (codes, authors) replaced wherever they stand."""
    if isinstance(value, bytes):
        return names.get(value, value)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(rename(item, names) for item in value)
    if isinstance(value, Residue | RawScalar | Scalar) or not is_dataclass(value) or isinstance(value, type):
        return value
    return replace(value, **{item.name: rename(getattr(value, item.name), names) for item in fields(value)})


def rename_all(forgery: Forgery, names: Mapping[bytes, bytes]) -> Forgery:
    """Return the forgery with some byte strings replaced in every entry."""
    return replace(forgery, steps=tuple(rename(step, names) for step in forgery.steps))


def settle(forgery: Forgery, *as_they_are: int) -> Forgery:
    """Return the forgery with chaining fields, codes, closings of devices and the counts of the close made again.

    Args:
        forgery: Its ballots may have changed in any way.
        as_they_are: Places of ballots whose chaining field and code stay.
    """
    context, last = forgery.context, dict[bytes, bytes]()
    names, posted, steps = dict[bytes, bytes](), dict[bytes, int](), list[Step]()
    for i, step in enumerate(forgery.steps):
        if step.kind == Kind.BALLOT:
            made = step if i in as_they_are else _coded(forgery, context, step, last.get(step.author))
            last[step.author] = names[step.code or b""] = made.code or b""
            posted[step.author] = posted.get(step.author, 0) + 1
        elif step.kind == Kind.DEVICE_CLOSED:
            made = _closed(forgery, context, step, posted.get(step.author, 0), last.get(step.author))
        else:
            made = step
        steps.append(made)
    settled = rename_all(replace(forgery, steps=tuple(steps)), names)
    return _recounted(settled)


def _coded(forgery: Forgery, context: BallotContext, step: Step, previous: bytes | None) -> Step:
    device = hashing.device_hash(context.extended_hash, forgery.device_name(step.author))
    chain = chaining.chaining_field(context.manifest.chaining, context.extended_hash, device, previous)
    ballot: EncryptedBallot = step.body.ballot
    code = hashing.confirmation_code(ballot.identifier_hash, (c.contest_hash for c in ballot.contests), chain)
    return replace(step, body=bodies.BallotBody(1, replace(ballot, chaining=chain, code=code)), code=code)


def _closed(forgery: Forgery, context: BallotContext, step: Step, ballots: int, last: bytes | None) -> Step:
    ends: tuple[bytes | None, bytes | None] = (None, None)
    if context.manifest.chaining == "simple":
        device = hashing.device_hash(context.extended_hash, forgery.device_name(step.author))
        ends = chaining.chain_end(context.extended_hash, device, last)
    return replace(step, body=bodies.DeviceClosedBody(1, ballots, *ends))


def _recounted(forgery: Forgery) -> Forgery:
    made = [body.decision for body in forgery.said(Kind.DECISION)]
    counts = (made.count("cast"), made.count("challenged"), made.count("abandoned"))
    for i in forgery.indices(Kind.CLOSE):
        forgery = forgery.edit(i, lambda _: bodies.CloseBody(1, len(made), *counts))
    return forgery


def ballot_secret(forgery: Forgery, ballot: EncryptedBallot) -> BallotSecret:
    """Return the nonce of a ballot, opened with the trustees' shares."""
    shares = {
        i: tally.nonce_share(ballot.identifier_hash, ballot.nonce.c0, share) for i, share in forgery.keys.shares.items()
    }
    return decrypt_ballot_nonce(ballot, tally.combine_nonce_shares(shares))


def counted_cells(forgery: Forgery, minimum: int | None = None) -> tuple[bodies.Cell, ...]:
    """Return the cells of the counted ballots, of at least as many ballots as the manifest says, or as `minimum`."""
    piles = add_piles(piles_of(forgery.ballot(i)) for i in forgery.ballots("cast"))
    return tuple(map(_cell, cells(piles, forgery.manifest.minimum_cell if minimum is None else minimum)))


def _cell(cell: CountedCell) -> bodies.Cell:
    return bodies.Cell(cell.contest, cell.units, cell.pile.ballots, cell.pile.totals)


def partition(forgery: Forgery) -> Forgery:
    """Return the forgery with the cells made again, and everything decrypted again."""
    made = counted_cells(forgery)
    for i in forgery.indices(Kind.TALLY):
        if forgery.steps[i].body.cells:
            forgery = forgery.edit(i, lambda _: made, "cells")
    return decrypt(forgery)


# Decryption


class Decrypted(NamedTuple):
    """What the quorum of one attempt says about all of its tasks."""

    tally: bodies.TallyBody
    tasks: tuple[Task, ...]
    commitments: dict[TrusteeId, list[bytes]]
    openings: dict[TrusteeId, list[Opening]]
    responses: dict[TrusteeId, list[Scalar]]
    joint: list[tuple[Opening, Proof]]


Draw = Callable[[Forgery, TrusteeId, int], Nonce]
"""Gives a trustee's nonce for one task, by the task's place."""


def fresh(forgery: Forgery, _trustee: TrusteeId, _task: int) -> Nonce:
    """Return a nonce as it has to be."""
    return forgery.group.random_nonce()


def decrypt(forgery: Forgery, draw: Draw = fresh) -> Forgery:
    """Return the forgery with every message of decryption made again for the tallies as they stand, and what follows.

    Results and ballots that were decrypted by selection follow; ballots that were opened by nonces do not.
    """
    context, by_code = (
        forgery.context,
        {forgery.ballot(i).code: forgery.ballot(i) for i in forgery.indices(Kind.BALLOT)},
    )
    made = {body.attempt: _decrypted(forgery, context, body, by_code, draw) for body in forgery.said(Kind.TALLY)}
    steps = [
        replace(step, body=_said(context, made[step.body.attempt], step, by_code))
        if step.kind in _OF_ATTEMPTS
        else step
        for step in forgery.steps
    ]
    return replace(forgery, steps=tuple(steps))


_OF_ATTEMPTS = (Kind.COMMITMENTS, Kind.OPENINGS, Kind.RESPONSES, Kind.RESULT, Kind.DECRYPTED_BALLOT)


def _decrypted(
    forgery: Forgery,
    context: BallotContext,
    body: bodies.TallyBody,
    by_code: Mapping[bytes, EncryptedBallot],
    draw: Draw,
) -> Decrypted:
    tasks = tasks_of(context.extended_hash, body, by_code.__getitem__)
    quorum = body.quorum
    made = Decrypted(body, tasks, {i: [] for i in quorum}, {i: [] for i in quorum}, {i: [] for i in quorum}, [])
    for number, task in enumerate(tasks):
        nonces = {i: draw(forgery, i, number) for i in body.quorum}
        said = {i: tally.commit(task, forgery.keys.shares[i], body.quorum, nonces[i]) for i in body.quorum}
        openings = {i: opening for i, (_, opening) in said.items()}
        responses = {i: tally.respond(task, forgery.keys.shares[i], nonces[i], openings) for i in body.quorum}
        for i in body.quorum:
            made.commitments[i].append(said[i][0])
            made.openings[i].append(openings[i])
            made.responses[i].append(responses[i])
        made.joint.append((tally.join(openings), tally.joint_proof(task, openings, responses)))
    return made


def _said(context: BallotContext, made: Decrypted, step: Step, by_code: Mapping[bytes, EncryptedBallot]) -> Any:
    body = step.body
    match step.kind:
        case Kind.COMMITMENTS:
            return replace(body, commitments=tuple(made.commitments[body.trustee]))
        case Kind.OPENINGS:
            return replace(body, openings=tuple(made.openings[body.trustee]))
        case Kind.RESPONSES:
            return replace(body, responses=tuple(made.responses[body.trustee]))
        case Kind.RESULT:
            pairs = iter(zip(made.tasks, made.joint, strict=True))
            return replace(body, cells=tuple(_result(context, cell, pairs) for cell in made.tally.cells))
    skipped = sum(len(cell.totals) for cell in made.tally.cells)
    for code in made.tally.open_by_selection:
        count = len(list(ballot_tasks(context.extended_hash, by_code[code])))
        pairs = iter(zip(made.tasks[skipped:], made.joint[skipped:], strict=True))
        if code == body.ballot:
            return replace(
                body, contests=tuple(_shown(context, c.contest, c.data, pairs) for c in by_code[code].contests)
            )
        skipped += count
    return body


Pairs = Iterator[tuple[Task, tuple[Opening, Proof]]]


def _result(context: BallotContext, cell: bodies.Cell, pairs: Pairs) -> bodies.CellResult:
    contest = context.manifest.contest(cell.contest)
    return bodies.CellResult(cell.contest, contest.label, cell.units, _options(context, cell.contest, pairs))


def _options(context: BallotContext, index: int, pairs: Pairs) -> tuple[bodies.OptionResult, ...]:
    made = []
    for option in context.manifest.contest(index).options:
        task, (opening, proof) = next(pairs)
        count = tally.decrypt_count(cast(CountTask, task), context.vote_key, opening, proof, BOUND)
        made.append(bodies.OptionResult(option.label, count))
    return tuple(made)


def _shown(context: BallotContext, index: int, kept: object, pairs: Pairs) -> bodies.DecryptedContest:
    options, data = _options(context, index, pairs), None
    if kept is not None:
        task, (opening, proof) = next(pairs)
        held = cast(DataTask, task)
        plain = contest_data.decrypt_contest_data(held.identifier_hash, held.contest, held.ciphertext, opening.partial)
        data = tally.DecryptedData(opening.partial, plain, proof)
    return bodies.DecryptedContest(index, context.manifest.contest(index).label, options, data)


# Encryption that stops at nothing


def prove_range(
    key: Element, value: int, nonce: Nonce, limit: int, challenge_of: sigma.Challenge, accept: Accept
) -> ProofOfOne:
    """Return a proof that `value` is in 0 .. limit; where it is not, something that looks like one."""
    group = key.group
    if not 0 <= value <= limit:
        challenges, responses = ([group.random_scalar() for _ in range(limit + 1)] for _ in range(2))
        return ProofOfOne(tuple(challenges), tuple(responses))
    branches = proofs.in_range_known(key, value, limit)
    return until(lambda: sigma.prove_one(branches, value, nonce, challenge_of), accept)


def seal_contest(
    context: BallotContext,
    identifier_hash: bytes,
    index: int,
    values: Sequence[int],
    nonces: Sequence[Nonce],
    twist: Twist | None = None,
    further: int = 0,
) -> EncryptedContest:
    """Return a contest with these values, without contest data.

    Args:
        context: The election's.
        identifier_hash: H_I.
        index: The contest.
        values: One for each option.
        nonces: Likewise.
        twist: Changes the first ciphertext; proofs are drawn until they hold in spite of a change of sign.
        further: Branches that the first selection's proof has above the option's limit.
    """
    key, known, group = context.vote_key, context.manifest.contest(index), context.group
    accept: Accept = (lambda _proof: True) if twist is None else is_even
    selections = []
    for option, value, nonce in zip(known.options, values, nonces, strict=True):
        first = option.index == 1
        cipher = encrypt(key, value, nonce)
        if first and twist is not None:
            cipher = twist(cipher)
        challenge = partial(hashing.selection_challenge, group, identifier_hash, index, option.index, *_pair(cipher))
        limit = option.limit + (further if first else 0)
        selections.append(EncryptedSelection(cipher, prove_range(key, value, nonce, limit, challenge, accept)))
    total = combine(group, (selection.ciphertext for selection in selections))
    challenge = partial(hashing.limit_challenge, group, identifier_hash, index, *_pair(total))
    proof = prove_range(key, sum(values), reduce(add, nonces), known.selection_limit, challenge, accept)
    return EncryptedContest(index, tuple(selections), proof, None, bytes(32))


def _pair(cipher: Ciphertext) -> tuple[Element, Element]:
    return cipher.alpha, cipher.beta


def seal_data(
    context: BallotContext, identifier_hash: bytes, index: int, secret: BallotSecret, further: int = 0
) -> HashedCiphertext | None:
    """Return the encryption of contest data that says nothing, with some blocks more than the contest keeps."""
    contest = context.manifest.contest(index)
    if not contest.data_blocks:
        return None
    plain = contest_data.encode_contest_data(contest, [0] * len(contest.options), ())
    plain += bytes(further * contest_data.BLOCK_BYTES)
    nonce = secret.data_nonce(context.group, identifier_hash, index)
    return contest_data.encrypt_contest_data(context.data_key, identifier_hash, index, plain, nonce)


def nonces_of(context: BallotContext, identifier_hash: bytes, index: int, secret: BallotSecret) -> list[Nonce]:
    """Return the nonces of one contest's selections."""
    options = context.manifest.contest(index).options
    return [secret.selection_nonce(context.group, identifier_hash, index, option.index) for option in options]


def hashed(identifier_hash: bytes, contest: EncryptedContest) -> EncryptedContest:
    """Return the contest with its χ computed."""
    return replace(
        contest, contest_hash=contest_hash(identifier_hash, contest.contest, contest.selections, contest.data)
    )


def seal_ballot(
    context: BallotContext,
    ballot: EncryptedBallot,
    votes: Votes,
    secret: BallotSecret | None = None,
    twist: Twist | None = None,
    further: int = 0,
) -> EncryptedBallot:
    """Return the ballot with other votes under its H_I; `twist` and `further` concern every contest's first option."""
    secret, held = secret or BallotSecret.random(), ballot.identifier_hash
    contests = []
    for index in (contest.contest for contest in ballot.contests):
        nonces = nonces_of(context, held, index, secret)
        made = seal_contest(context, held, index, votes[index], nonces, twist, further)
        contests.append(hashed(held, replace(made, data=seal_data(context, held, index, secret))))
    return replace(ballot, contests=tuple(contests), nonce=encrypt_ballot_nonce(context, held, secret))
