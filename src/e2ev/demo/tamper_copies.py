"""Tamperings with what others proved: copies, copies in another disguise, proofs that hold under a weaker challenge."""

from dataclasses import replace
from functools import partial
from typing import Any

from e2ev import hashing
from e2ev.ballot import BallotSecret, EncryptedContest, EncryptedSelection
from e2ev.counting import add_piles, piles_of
from e2ev.demo.forge import Forgery, Tampering, always, trips
from e2ev.demo.reseal import (
    decrypt,
    hashed,
    nonces_of,
    partition,
    prove_range,
    seal_contest,
    seal_data,
    settle,
)
from e2ev.demo.tamper_ballots import abandoned, first_cast, ordinary
from e2ev.elgamal import Ciphertext, combine
from e2ev.group import Element, Group, Scalar
from e2ev.record.kinds import Kind
from e2ev.sigma import ProofOfOne

# Copies


def _copied_contest(forgery: Forgery) -> Forgery:
    """Put one contest of another ballot on the abandoned one, its proofs with it, and keep its own contest data."""
    return _with_contest(forgery, lambda theirs, _: theirs)


def _disguised_contest(forgery: Forgery) -> Forgery:
    """Do the same with every ciphertext re-randomised, and the responses shifted as the algebra asks."""
    key, group = forgery.joint_keys.vote_key, forgery.group

    def disguise(theirs: EncryptedContest, _own: EncryptedContest) -> EncryptedContest:
        shifts = [group.random_scalar() for _ in theirs.selections]
        selections = tuple(_shifted(key, one, s) for one, s in zip(theirs.selections, shifts, strict=True))
        total = sum(shifts[1:], start=shifts[0])
        return replace(theirs, selections=selections, limit_proof=_answered(theirs.limit_proof, total))

    return _with_contest(forgery, disguise)


def _shifted(key: Element, selection: EncryptedSelection, s: Scalar) -> EncryptedSelection:
    cipher, g = selection.ciphertext, key.group.generator
    return EncryptedSelection(Ciphertext(cipher.alpha * g**s, cipher.beta * key**s), _answered(selection.proof, s))


def _answered(proof: ProofOfOne, s: Scalar) -> ProofOfOne:
    responses = tuple(v - c * s for v, c in zip(proof.responses, proof.challenges, strict=True))
    return replace(proof, responses=responses)


def _with_contest(forgery: Forgery, make: Any) -> Forgery:
    i, other = abandoned(forgery), forgery.ballot(first_cast(forgery))
    own = forgery.ballot(i)
    contest = replace(make(other.contests[0], own.contests[0]), data=own.contests[0].data)
    return settle(forgery.edit(i, always(hashed(own.identifier_hash, contest)), "ballot", "contests", 0))


def _contest_twice(forgery: Forgery) -> Forgery:
    """Vote a second time in the first contest of one ballot, all proofs good."""
    i, context = abandoned(forgery), forgery.context
    ballot, secret = forgery.ballot(i), BallotSecret.random()
    held = ballot.identifier_hash
    nonces = nonces_of(context, held, 1, secret)
    further = replace(
        seal_contest(context, held, 1, ordinary(forgery)[1], nonces), data=seal_data(context, held, 1, secret)
    )
    contests = (ballot.contests[0], hashed(held, further), *ballot.contests[1:])
    return settle(forgery.edit(i, always(contests), "ballot", "contests"))


def _limit_without_one(forgery: Forgery) -> Forgery:
    """Prove the limit of all options but the last, with votes for the first and the last."""
    i, context = abandoned(forgery), forgery.context
    ballot, secret = forgery.ballot(i), BallotSecret.random()
    held, values = ballot.identifier_hash, (1, 0, 1)
    nonces = nonces_of(context, held, 1, secret)
    made = seal_contest(context, held, 1, values, nonces)
    total = combine(context.group, (selection.ciphertext for selection in made.selections[:-1]))
    challenge = partial(hashing.limit_challenge, context.group, held, 1, total.alpha, total.beta)
    proof = prove_range(context.vote_key, 1, nonces[0] + nonces[1], 1, challenge, lambda _: True)
    made = replace(made, limit_proof=proof, data=ballot.contests[0].data)
    return settle(forgery.edit(i, always(hashed(held, made)), "ballot", "contests", 0))


def _same_nonce_twice(forgery: Forgery) -> Forgery:
    """Encrypt two options of one ballot with one nonce: their quotient shows whether the votes are equal."""
    i, context = abandoned(forgery), forgery.context
    ballot, secret = forgery.ballot(i), BallotSecret.random()
    first, _, *rest = nonces_of(context, ballot.identifier_hash, 1, secret)
    made = seal_contest(context, ballot.identifier_hash, 1, ordinary(forgery)[1], [first, first, *rest])
    made = hashed(ballot.identifier_hash, replace(made, data=ballot.contests[0].data))
    return settle(forgery.edit(i, always(made), "ballot", "contests", 0))


# A challenge that does not cover the statement (Bernhard, Pereira, Warinschi 2012)


def weak_challenge(group: Group, commitments: Any) -> Scalar:
    """Return the hash of the commitments alone."""
    return hashing.selection_challenge(group, bytes(32), 1, 1, group.identity, group.identity, commitments)


def weakly_proved(key: Element) -> EncryptedSelection:
    """Return the encryption of a number that nobody chose, with a proof of 0 or 1 that holds under `weak_challenge`.

    With A_j = g^a_j and B_j = K^(a_j + d_j) fixed, the challenge c is known; then c_0 = d_0/m and c_1 = d_1/(m-1) add
    up to it for the roots m of c·m² - (c + d_0 + d_1)·m + d_0.
    """
    group = key.group
    q, g = int(group.q), group.generator
    while True:
        a, d = [_drawn(group) for _ in range(2)], [_drawn(group) for _ in range(2)]
        commitments = [x for j in (0, 1) for x in (g ** a[j], key ** ((a[j] + d[j]) % q))]
        c = int(weak_challenge(group, commitments).value)
        root = _root(c, c + d[0] + d[1], d[0], q)
        if root not in (None, 0, 1):
            break
    m, r = int(root or 0), _drawn(group)
    challenges = (d[0] * pow(m, -1, q) % q, d[1] * pow(m - 1, -1, q) % q)
    responses = tuple(group.scalar(a[j] - challenges[j] * r) for j in (0, 1))
    cipher = Ciphertext(g**r, key ** ((r + m) % q))
    return EncryptedSelection(cipher, ProofOfOne(tuple(group.scalar(x) for x in challenges), responses))


def _drawn(group: Group) -> int:
    return 1 + int(group.random_scalar().value) % (int(group.q) - 1)


def _root(a: int, b: int, c: int, q: int) -> int | None:
    """Return a root of a·x² - b·x + c modulo q, where q = 3 mod 4 and there is one."""
    square = (b * b - 4 * a * c) % q
    half = pow(square, (q + 1) // 4, q)
    return (b + half) * pow(2 * a, -1, q) % q if half * half % q == square else None


def _weakly_proved(forgery: Forgery) -> Forgery:
    """Put such a selection on the abandoned ballot; the limit's proof is a simulation."""
    i, context = abandoned(forgery), forgery.context
    ballot = forgery.ballot(i)
    held = ballot.contests[0]
    made = replace(held, selections=(weakly_proved(context.vote_key), *held.selections[1:]))
    return settle(forgery.edit(i, always(hashed(ballot.identifier_hash, made)), "ballot", "contests", 0))


# Sums that leave out or add


def _summed(kind: str, index: int, add: bool) -> Any:
    """Decrypt sums that have one ballot more, or one less, than is counted, under the right numbers of ballots."""

    def changed(forgery: Forgery) -> Forgery:
        ballot, first = forgery.ballot(forgery.ballots(kind)[index]), forgery.indices(Kind.TALLY)[0]
        cell = forgery.steps[first].body.cells[0]
        (pile,) = add_piles(
            [{(0, 0): p} for (contest, _), p in piles_of(ballot).items() if contest == cell.contest]
        ).values()
        totals = tuple(
            total * one if add else Ciphertext(total.alpha / one.alpha, total.beta / one.beta)
            for total, one in zip(cell.totals, pile.totals, strict=True)
        )
        return decrypt(forgery.edit(first, always(totals), "cells", 0, "totals"))

    return changed


def _ballots_gone(forgery: Forgery) -> Forgery:
    """Take the last ballots of a device off the board, one that was cast and a test, and count again without them."""
    gone = [i for i in forgery.indices(Kind.BALLOT) if i >= forgery.ballots("cast")[-1]]
    codes = {forgery.steps[i].code for i in gone}
    decisions = [i for i in forgery.indices(Kind.DECISION) if forgery.steps[i].body.ballot in codes]
    opened = forgery.indices(Kind.OPENED_BALLOT)
    forgery = forgery.edit(forgery.indices(Kind.TALLY)[0], always(()), "open_by_nonce")
    return partition(settle(forgery.without(*gone, *decisions, *opened)))


_ANYWHERE = (
    Tampering("test-ballot-counted", "A test ballot is multiplied into the sums.", trips("9.A", "9.B"),
              _summed("challenged", 0, add=True)),
    Tampering("cast-ballot-not-counted", "A cast ballot is left out of the sums.", trips("9.A", "9.B"),
              _summed("cast", 0, add=False)),
    Tampering("ballots-gone", "A device's last ballots are taken away, and everything signed and counted again.",
              trips("A.6"), _ballots_gone, knows=("root",)),
    Tampering("cast-ballot-counted-twice", "A cast ballot is multiplied into the sums a second time.",
              trips("9.A", "9.B"), _summed("cast", 0, add=True)),
)  # fmt: skip
"""On any election."""

_LARGER = (
    Tampering("contest-copied", "A device copies one contest of a stranger's ballot, its proofs with it.",
              trips("6.D", "7.D", "I.2"), _copied_contest),
    Tampering("contest-copied-in-disguise", "A device copies a contest, re-randomised, with responses that fit.",
              trips("6.D", "7.D"), _disguised_contest),
    Tampering("contest-voted-twice", "A ballot has one contest twice, each with good proofs.", trips("S.1"),
              _contest_twice),
    Tampering("limit-proved-of-fewer", "A limit proof covers all options but one, and that one has a vote more.",
              trips("7.D"), _limit_without_one),
    Tampering("one-nonce-for-two-options", "A device encrypts two options of a ballot with one nonce.", trips("I.2"),
              _same_nonce_twice),
    Tampering("anything-under-a-weak-challenge", "A selection holds a number that nobody chose, with a proof that "
              "would hold if its challenge covered the commitments alone.", trips("6.D", "7.D"), _weakly_proved),
)  # fmt: skip
"""On an election with several contests and an abandoned ballot."""

COPIES = (*(replace(tampering, base="plain") for tampering in _ANYWHERE), *_LARGER)
"""Tamperings with copies, with proofs of something else, and with what is summed."""
