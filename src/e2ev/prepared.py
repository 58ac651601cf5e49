"""Ballots prepared while a device is idle: every exponentiation is done before the voter has chosen anything.

A `Template` fixes a ballot's identifier, its nonce and the randomness of all its proofs; EGDS (33) derives the
selections' nonces from the ballot nonce, so all of them are known before the votes. The moment of voting takes a few
multiplications and the hashes. A template is as secret as a ballot nonce, and is used once.
"""

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import mul
from typing import NoReturn

from e2ev import ballot, hashing, sigma
from e2ev.ballot import (
    BallotContext,
    BallotSecret,
    EncryptedBallot,
    EncryptedContest,
    EncryptedSelection,
    PlainBallot,
    PlainContest,
)
from e2ev.contest_data import encode_contest_data, is_overvote
from e2ev.elgamal import Ciphertext, HashedCiphertext, encryption_pair, xor
from e2ev.errors import ConflictError
from e2ev.group import SYSTEM_RANDOMNESS, Element, Nonce, Randomness, Scalar, product
from e2ev.manifest import Contest, Option
from e2ev.sigma import Challenge, Keep, Proof, ProofOfOne, discard


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch of a range proof before it is known which one is true: u, c, g^u, K^u, K^c."""

    nonce: Nonce = field(repr=False)
    challenge: Scalar = field(repr=False)
    a: Element = field(repr=False)
    b: Element = field(repr=False)
    shift: Element = field(repr=False)


@dataclass(frozen=True, slots=True)
class PreparedSelection:
    """One option: ξ, g^ξ, K^ξ, and the branches of its proof."""

    nonce: Nonce = field(repr=False)
    alpha: Element = field(repr=False)
    pad: Element = field(repr=False)
    branches: tuple[Branch, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PreparedBytes:
    """Hashed ElGamal before its bytes are known: ξ, g^ξ, K̂^ξ, and u, g^u of its proof."""

    nonce: Nonce = field(repr=False)
    alpha: Element = field(repr=False)
    beta: Element = field(repr=False)
    proof_nonce: Nonce = field(repr=False)
    commitment: Element = field(repr=False)

    def seal(self, plain: bytes, pads: bytes, challenge_of: Callable[[bytes], Scalar]) -> HashedCiphertext:
        """Return the ciphertext of `plain`; the challenge is a function of C_1, the rest of it being known."""
        c1 = xor(plain, pads)
        challenge = challenge_of(c1)
        proof = Proof(challenge, (sigma.respond(self.proof_nonce, challenge, self.nonce),))
        return HashedCiphertext(self.alpha, c1, proof)


@dataclass(frozen=True, slots=True)
class PreparedContest:
    """One contest: its selections, the branches of its limit proof, and its contest data, if it keeps some."""

    contest: Contest
    selections: tuple[PreparedSelection, ...] = field(repr=False)
    limit: tuple[Branch, ...] = field(repr=False)
    data: PreparedBytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Template:
    """A ballot of one style without its votes, for one author and counter.

    Attributes:
        author: The author of the entry that will post it.
        counter: The author's counter of that entry.
        style: Ballot style index.
        salt: Opens id_B.
        identifier: id_B.
        identifier_hash: H_I.
        contests: Those of the style, prepared.
        nonce: The encrypted ballot nonce, complete, and the commitment of its proof.
    """

    author: bytes
    counter: int
    style: int
    salt: bytes
    identifier: bytes
    identifier_hash: bytes
    contests: tuple[PreparedContest, ...] = field(repr=False)
    nonce: tuple[HashedCiphertext, Element] = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a prepared ballot is not pickled or copied: it is used once, where it was made")


def prepare(
    context: BallotContext, style: int, author: bytes, counter: int, randomness: Randomness = SYSTEM_RANDOMNESS
) -> Template:
    """Return a template of a ballot: all its exponentiations, all its randomness."""
    salt, secret = randomness(ballot.SALT_BYTES), BallotSecret.random(randomness)
    identifier = hashing.selection_identifier(author, counter, salt)
    identifier_hash = hashing.identifier_hash(context.extended_hash, identifier)
    contests = tuple(
        _prepare_contest(context, identifier_hash, secret, context.manifest.contest(index), randomness)
        for index in context.manifest.style(style).contests
    )
    kept: list[Element] = []
    nonce = ballot.encrypt_ballot_nonce(context, identifier_hash, secret, randomness, kept.extend)
    return Template(author, counter, style, salt, identifier, identifier_hash, contests, (nonce, kept[0]))


def _prepare_contest(
    context: BallotContext, identifier_hash: bytes, secret: BallotSecret, contest: Contest, randomness: Randomness
) -> PreparedContest:
    group, key = context.group, context.vote_key
    selections = []
    for option in contest.options:
        nonce = secret.selection_nonce(group, identifier_hash, contest.index, option.index)
        branches = _branches(key, option.limit, randomness)
        selections.append(PreparedSelection(nonce, group.generator**nonce, key**nonce, branches))
    data = None
    if contest.data_blocks:
        data_nonce, u = secret.data_nonce(group, identifier_hash, contest.index), group.random_nonce(randomness)
        data = PreparedBytes(data_nonce, *encryption_pair(context.data_key, data_nonce), u, group.generator**u)
    return PreparedContest(contest, tuple(selections), _branches(key, contest.selection_limit, randomness), data)


def _branches(key: Element, limit: int, randomness: Randomness) -> tuple[Branch, ...]:
    group = key.group
    made = []
    for _ in range(limit + 1):
        u, c = group.random_nonce(randomness), group.random_scalar(randomness)
        made.append(Branch(u, c, group.generator**u, key**u, key**c))
    return tuple(made)


def seal(
    context: BallotContext, template: Template, plain: PlainBallot, chaining: bytes, keep: Keep = discard
) -> EncryptedBallot:
    """Return the ballot of these votes: what `ballot.encrypt_ballot` returns, without an exponentiation of full length.

    Raises:
        DataError: Choices do not fit the manifest.
        ValueError: The template is of another style.
    """
    ballot.check_plain(context.manifest, plain)
    if template.style != plain.style:
        raise ValueError("the template is of another ballot style")
    pairs = zip(template.contests, plain.contests, strict=True)
    contests = tuple(_seal_contest(context, template.identifier_hash, held, chosen, keep) for held, chosen in pairs)
    keep([template.nonce[1]])
    code = hashing.confirmation_code(template.identifier_hash, (c.contest_hash for c in contests), chaining)
    return EncryptedBallot(
        template.salt, template.identifier, template.identifier_hash, plain.style, plain.unit, plain.weight,
        contests, template.nonce[0], chaining, code,
    )  # fmt: skip


def _seal_contest(
    context: BallotContext, identifier_hash: bytes, held: PreparedContest, chosen: PlainContest, keep: Keep
) -> EncryptedContest:
    contest, group = held.contest, context.group
    values = (0,) * len(chosen.selections) if is_overvote(contest, chosen.selections) else chosen.selections
    selections = tuple(
        _seal_selection(context, identifier_hash, contest.index, option, prepared, value, keep)
        for option, prepared, value in zip(contest.options, held.selections, values, strict=True)
    )
    total = reduce(mul, (selection.ciphertext for selection in selections))
    nonce = reduce(Nonce.__add__, (prepared.nonce for prepared in held.selections))
    challenge = sigma.keeping(
        keep, lambda h: hashing.limit_challenge(group, identifier_hash, contest.index, total.alpha, total.beta, h)
    )
    limit_proof = _prove(held.limit, sum(values), nonce, challenge)
    data = _seal_data(context, identifier_hash, held, chosen, keep)
    return EncryptedContest(contest.index, selections, limit_proof, data,
                            ballot.contest_hash(identifier_hash, contest.index, selections, data))  # fmt: skip


def _seal_selection(
    context: BallotContext, identifier_hash: bytes, contest: int, option: Option, held: PreparedSelection, value: int,
    keep: Keep,
) -> EncryptedSelection:  # fmt: skip
    cipher = Ciphertext(held.alpha, held.pad * _small_power(context.vote_key, value))
    challenge = sigma.keeping(
        keep,
        lambda h: hashing.selection_challenge(
            context.group, identifier_hash, contest, option.index, cipher.alpha, cipher.beta, h
        ),
    )
    return EncryptedSelection(cipher, _prove(held.branches, value, held.nonce, challenge))


def _seal_data(
    context: BallotContext, identifier_hash: bytes, held: PreparedContest, chosen: PlainContest, keep: Keep
) -> HashedCiphertext | None:
    contest, data = held.contest, held.data
    if data is None:
        return None
    plain = encode_contest_data(contest, chosen.selections, chosen.write_ins)
    pads = hashing.contest_data_pads(identifier_hash, contest.index, data.alpha, data.beta, contest.data_blocks)
    keep([data.commitment])
    return data.seal(
        plain,
        pads,
        lambda c1: hashing.contest_data_challenge(
            context.group, identifier_hash, contest.index, data.commitment, data.alpha, c1
        ),
    )


def _prove(branches: Sequence[Branch], true: int, witness: Nonce, challenge_of: Challenge) -> ProofOfOne:
    """Return the range proof whose true branch is known now (EGDS (57)-(61))."""
    commitments: list[Element] = []
    for j, branch in enumerate(branches):
        commitments += (branch.a, branch.b * _small_power(branch.shift, true - j))
    challenges = [branch.challenge for branch in branches]
    challenges[true] = challenge_of(commitments) - sum(
        (c for j, c in enumerate(challenges) if j != true), start=witness.group.scalar(0)
    )
    responses = (sigma.respond(b.nonce, c, witness) for b, c in zip(branches, challenges, strict=True))
    return ProofOfOne(tuple(challenges), tuple(responses))


def _small_power(element: Element, exponent: int) -> Element:
    """Return element^exponent for an exponent of a few units, negative ones included, by multiplications."""
    power = product(element.group, (element,) * abs(exponent))
    return power if exponent >= 0 else element.group.identity / power


class Pool:
    """Templates that wait for a voter: bound to the process that made them, emptied when it forks, each given out once.

    A pool is neither pickled nor copied. Several threads may fill it and take from it.
    """

    def __init__(self) -> None:
        self._held: deque[Template] = deque()
        self._process = os.getpid()
        self._lock = threading.Lock()
        _POOLS.add(self)

    def __len__(self) -> int:
        return len(self._held)

    def put(self, template: Template) -> None:
        """Add a template."""
        self._check_process()
        with self._lock:
            self._held.append(template)

    def take(self, style: int, author: bytes, counter: int) -> Template | None:
        """Give out the template for this entry, if there is one; nobody gets it again."""
        self._check_process()
        with self._lock:
            for template in self._held:
                if (template.style, template.author, template.counter) == (style, author, counter):
                    self._held.remove(template)
                    return template
        return None

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            self.clear()
            raise ConflictError("prepared ballots belong to the process that made them", remedy="make a pool anew")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a pool of prepared ballots is not pickled or copied")


_POOLS: "weakref.WeakSet[Pool]" = weakref.WeakSet()


def _empty_pools() -> None:
    for pool in _POOLS:
        pool.clear()


os.register_at_fork(after_in_child=_empty_pools)
