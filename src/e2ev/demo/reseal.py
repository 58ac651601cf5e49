"""What follows by the protocol from entries that were changed, made again: codes and chains, counts, cells, decryption.

This is the reseal rule of tampering: whatever an attacker who has every key could compute again is computed again, so
that a tampered record is rejected for the change itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple, cast

from e2ev import chaining, hashing, tally
from e2ev.ballot import BallotContext, BallotSecret, EncryptedBallot, decrypt_ballot_nonce
from e2ev.board.tasks import Task, ballot_tasks, tasks_of
from e2ev.contest_data import decrypt_contest_data
from e2ev.counting import CountedCell, add_piles, cells, piles_of
from e2ev.demo.forge import Forgery, Step
from e2ev.group import RawScalar, Residue, Scalar
from e2ev.record import bodies
from e2ev.record.kinds import Kind
from e2ev.sharing import TrusteeId
from e2ev.sigma import Proof
from e2ev.tally import CountTask, DataTask, Opening

BOUND = 100_000
"""The largest count that a forger can decrypt."""


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


def decrypt(forgery: Forgery) -> Forgery:
    """Return the forgery with every message of decryption made again for the tallies as they stand, and what follows.

    Results and ballots that were decrypted by selection follow; ballots that were opened by nonces do not.
    """
    context, by_code = (
        forgery.context,
        {forgery.ballot(i).code: forgery.ballot(i) for i in forgery.indices(Kind.BALLOT)},
    )
    made = {body.attempt: _decrypted(forgery, context, body, by_code) for body in forgery.said(Kind.TALLY)}
    steps = [
        replace(step, body=_said(context, made[step.body.attempt], step, by_code))
        if step.kind in _OF_ATTEMPTS
        else step
        for step in forgery.steps
    ]
    return replace(forgery, steps=tuple(steps))


_OF_ATTEMPTS = (Kind.COMMITMENTS, Kind.OPENINGS, Kind.RESPONSES, Kind.RESULT, Kind.DECRYPTED_BALLOT)


def _decrypted(
    forgery: Forgery, context: BallotContext, body: bodies.TallyBody, by_code: Mapping[bytes, EncryptedBallot]
) -> Decrypted:
    tasks = tasks_of(context.extended_hash, body, by_code.__getitem__)
    quorum = body.quorum
    made = Decrypted(body, tasks, {i: [] for i in quorum}, {i: [] for i in quorum}, {i: [] for i in quorum}, [])
    for task in tasks:
        nonces = {i: forgery.group.random_nonce() for i in body.quorum}
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
        plain = decrypt_contest_data(held.identifier_hash, held.contest, held.ciphertext, opening.partial)
        data = tally.DecryptedData(opening.partial, plain, proof)
    return bodies.DecryptedContest(index, context.manifest.contest(index).label, options, data)
