"""The same work written down again on bare integers, with plain powmod alone: what everything else is compared with.

`Powmod` has no tables, no batch, no shared squarings, and tests membership by x^q. `Tabled` computes as the library
does, on the same integers without their types: what it saves is what the types cost. Contests keep no contest data
here. No formula of `group`, `sigma`, `proofs`, `elgamal` or `hashing` is used.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

from gmpy2 import mpz, powmod

from e2ev import arith
from e2ev.arith import COUNTS
from e2ev.ballot import BallotContext, EncryptedBallot
from e2ev.group import Group
from e2ev.manifest import Contest as Rules
from e2ev.sigma import ProofOfOne

Randomness = Callable[[int], bytes]
Powers = Callable[[mpz], mpz]
Statement = tuple[bytes, bytes, tuple[mpz, mpz]]
"""H_I, what the challenge's input starts with, and (α, β)."""


def power(base: mpz, exponent: mpz, modulus: mpz) -> mpz:
    """Return base^exponent by one powmod, counted."""
    COUNTS.power += 1
    return powmod(base, exponent, modulus)


@dataclass(frozen=True, slots=True)
class Powmod:
    """Arithmetic modulo p in which every power is one powmod of its own."""

    group: Group

    def base(self, value: mpz) -> Powers:
        """Return the function that raises an often used base."""
        p = self.group.p
        return lambda exponent: power(value, exponent, p)

    def powers(self, value: mpz, exponents: Sequence[mpz]) -> list[mpz]:
        """Return the powers of one value that comes once."""
        return [power(value, exponent, self.group.p) for exponent in exponents]

    def are_members(self, values: Sequence[mpz]) -> bool:
        """Return whether each x has x^q = 1."""
        return all(power(value, self.group.q, self.group.p) == 1 for value in values)


@dataclass(frozen=True, slots=True)
class Tabled(Powmod):
    """Arithmetic as the library does it: tables, one chain of squarings for one value, membership in one product."""

    def base(self, value: mpz) -> Powers:
        """Return the function that raises an often used base, by its table."""
        return arith.fixed_base(value, self.group.p, self.group.q.bit_length()).power

    def powers(self, value: mpz, exponents: Sequence[mpz]) -> list[mpz]:
        """Return the powers of one value, whose squarings are shared."""
        if len(exponents) == 1:
            return [arith.power(value, exponents[0], self.group.p)]
        return arith.powers(value, exponents, self.group.p)

    def are_members(self, values: Sequence[mpz]) -> bool:
        """Return whether all Jacobi symbols are 1, and a random product has x^q = 1."""
        if any(arith.jacobi(value, self.group.p) != 1 for value in values):
            return False
        exponents = [mpz.from_bytes(secrets.token_bytes(16), "big") for _ in values]
        product = arith.multi_power(values, exponents, self.group.p)
        return arith.power(product, self.group.q, self.group.p) == 1


class Proof(NamedTuple):
    """Challenges and responses, one a branch."""

    challenges: tuple[mpz, ...]
    responses: tuple[mpz, ...]


class Selection(NamedTuple):
    """One encrypted option."""

    alpha: mpz
    beta: mpz
    proof: Proof


class Contest(NamedTuple):
    """One encrypted contest."""

    number: int
    selections: tuple[Selection, ...]
    limit_proof: Proof
    contest_hash: bytes


class Ballot(NamedTuple):
    """One encrypted ballot."""

    identifier: bytes
    identifier_hash: bytes
    contests: tuple[Contest, ...]
    c0: mpz
    c1: bytes
    nonce_proof: Proof
    chaining: bytes
    code: bytes


def ballot_of(encrypted: EncryptedBallot) -> Ballot:
    """Return a ballot of the library as bare integers."""
    contests = tuple(
        Contest(
            contest.contest,
            tuple(
                Selection(each.ciphertext.alpha.value, each.ciphertext.beta.value, _proof(each.proof))
                for each in contest.selections
            ),
            _proof(contest.limit_proof),
            contest.contest_hash,
        )
        for contest in encrypted.contests
    )
    cipher = encrypted.nonce
    nonce_proof = _proof(ProofOfOne((cipher.c2.challenge,), cipher.c2.responses))
    return Ballot(encrypted.identifier, encrypted.identifier_hash, contests, cipher.c0.value, cipher.c1, nonce_proof,
                  encrypted.chaining, encrypted.code)  # fmt: skip


def _proof(proof: ProofOfOne) -> Proof:
    return Proof(tuple(c.value for c in proof.challenges), tuple(v.value for v in proof.responses))


def _small(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)


@dataclass(frozen=True, slots=True)
class Election:
    """An election's keys as bare integers, and the arithmetic that is used with them."""

    arithmetic: Powmod
    context: BallotContext
    g: Powers
    key: Powers
    data_key: Powers

    @classmethod
    def of(cls, context: BallotContext, arithmetic: Powmod) -> "Election":
        """Return the election of a context."""
        bases = (context.group.g, context.vote_key.value, context.data_key.value)
        return cls(arithmetic, context, *(arithmetic.base(base) for base in bases))

    def _hash(self, key: bytes, *parts: bytes) -> mpz:
        return mpz.from_bytes(hmac.digest(key, b"".join(parts), "sha256"), "big") % self.context.group.q

    def _residues(self, *values: mpz) -> bytes:
        width = self.context.group.element_bytes
        return b"".join(value.to_bytes(width, "big") for value in values)

    def _draw(self, randomness: Randomness) -> mpz:
        group = self.context.group
        while (value := mpz.from_bytes(randomness(group.scalar_bytes), "big")) >= group.q:
            pass
        return value

    # Encryption

    def encrypt(self, values: Sequence[Sequence[int]], author: bytes, counter: int, chaining: bytes,
                randomness: Randomness = secrets.token_bytes) -> Ballot:  # fmt: skip
        """Return an encrypted ballot: with the same randomness, the very one that the library makes."""
        salt, secret = randomness(32), randomness(32)
        opened = len(author).to_bytes(4, "big") + author + counter.to_bytes(8, "big") + salt
        identifier = hashlib.sha256(b"\x80e2ev/\x00\x00\x00\x04id_B" + opened).digest()
        identifier_hash = hmac.digest(self.context.extended_hash, b"\x20" + identifier, "sha256")
        contests = tuple(
            self._encrypt_contest(identifier_hash, contest, chosen, secret, randomness)
            for contest, chosen in zip(self.context.manifest.contests, values, strict=True)
        )
        nonce, u = self._draw(randomness), self._draw(randomness)
        c0 = self.g(nonce)
        pad_key = hmac.digest(identifier_hash, b"\x22" + self._residues(c0, self.data_key(nonce)), "sha256")
        pad = hmac.digest(pad_key, b"\x01ballot_nonce\x00ballot_nonce_encrypt\x01\x00", "sha256")
        c1 = bytes(left ^ right for left, right in zip(secret, pad, strict=True))
        challenge = self._hash(identifier_hash, b"\x23", self._residues(self.g(u), c0), c1)
        proof = Proof((challenge,), ((u - challenge * nonce) % self.context.group.q,))
        code = self._code(identifier_hash, contests, chaining)
        return Ballot(identifier, identifier_hash, contests, c0, c1, proof, chaining, code)

    def _encrypt_contest(
        self, identifier_hash: bytes, rules: Rules, chosen: Sequence[int], secret: bytes, randomness: Randomness
    ) -> Contest:
        q, index = self.context.group.q, rules.index
        nonces = [self._hash(identifier_hash, b"\x21", _small(index, each.index), secret) for each in rules.options]
        selections = []
        for option, value, nonce in zip(rules.options, chosen, nonces, strict=True):
            alpha, beta = self.g(nonce), self.key((nonce + value) % q)
            where = (identifier_hash, b"\x24" + _small(index, option.index), (alpha, beta))
            proof = self._prove(where, nonce, value, option.limit, randomness)
            selections.append(Selection(alpha, beta, proof))
        where = (identifier_hash, b"\x24" + _small(index), self._total(selections))
        total = sum(nonces, start=mpz(0)) % q
        proof = self._prove(where, total, sum(chosen), rules.selection_limit, randomness)
        return Contest(index, tuple(selections), proof, self._contest_hash(identifier_hash, index, selections))

    def _prove(self, where: Statement, nonce: mpz, value: int, limit: int, randomness: Randomness) -> Proof:
        """Return the proof that 0 to `limit` is encrypted (EGDS (57)-(61)): two powers of g and K a branch."""
        q = self.context.group.q
        u = [self._draw(randomness) for _ in range(limit + 1)]
        challenges = [self._draw(randomness) if j != value else mpz(0) for j in range(limit + 1)]
        made: list[mpz] = []
        for j, (u_j, c_j) in enumerate(zip(u, challenges, strict=True)):
            made += (self.g(u_j), self.key((u_j + (value - j) * c_j) % q))
        hashed = self._challenge(where, made)
        challenges[value] = (hashed - sum(challenges, start=mpz(0))) % q
        responses = ((u_j - c_j * nonce) % q for u_j, c_j in zip(u, challenges, strict=True))
        return Proof(tuple(challenges), tuple(responses))

    def _challenge(self, where: Statement, made: Sequence[mpz]) -> mpz:
        identifier_hash, prefix, pair = where
        return self._hash(identifier_hash, prefix, self._residues(*pair, *made))

    def _total(self, selections: Sequence[Selection]) -> tuple[mpz, mpz]:
        p = self.context.group.p
        return (
            reduce(lambda left, right: left * right % p, (each.alpha for each in selections)),
            reduce(lambda left, right: left * right % p, (each.beta for each in selections)),
        )

    def _contest_hash(self, identifier_hash: bytes, index: int, selections: Sequence[Selection]) -> bytes:
        values = (value for each in selections for value in (each.alpha, each.beta))
        return hmac.digest(identifier_hash, b"\x28" + _small(index) + self._residues(*values), "sha256")

    def _code(self, identifier_hash: bytes, contests: Sequence[Contest], chaining: bytes) -> bytes:
        hashes = b"".join(contest.contest_hash for contest in contests)
        return hmac.digest(identifier_hash, b"\x29" + hashes + chaining, "sha256")

    # Verification

    def verify(self, ballots: Sequence[Ballot]) -> bool:
        """Return whether all values are in their groups, all proofs verify and all hashes are right (EGDS V6 to V8)."""
        values = [value for ballot in ballots for value in _elements(ballot)]
        return self.arithmetic.are_members(values) and all(self._holds(ballot) for ballot in ballots)

    def _holds(self, ballot: Ballot) -> bool:
        group, identifier_hash = self.context.group, ballot.identifier_hash
        for rules, contest in zip(self.context.manifest.contests, ballot.contests, strict=True):
            for option, each in zip(rules.options, contest.selections, strict=True):
                where = (identifier_hash, b"\x24" + _small(rules.index, option.index), (each.alpha, each.beta))
                if not self._is_valid(where, each.proof, option.limit):
                    return False
            where = (identifier_hash, b"\x24" + _small(rules.index), self._total(contest.selections))
            if not self._is_valid(where, contest.limit_proof, rules.selection_limit):
                return False
            if contest.contest_hash != self._contest_hash(identifier_hash, rules.index, contest.selections):
                return False
        (challenge,), (response,) = ballot.nonce_proof
        (masked,) = self.arithmetic.powers(ballot.c0, [challenge])
        made = self.g(response) * masked % group.p
        hashed = self._hash(identifier_hash, b"\x23", self._residues(made, ballot.c0), ballot.c1)
        return hashed == challenge and ballot.code == self._code(identifier_hash, ballot.contests, ballot.chaining)

    def _is_valid(self, where: Statement, proof: Proof, limit: int) -> bool:
        """Return whether the range proof verifies: per branch one power each of g, α, K and β."""
        group, (challenges, responses) = self.context.group, proof
        if not len(challenges) == len(responses) == limit + 1 or max(*challenges, *responses) >= group.q:
            return False
        alphas, betas = (self.arithmetic.powers(value, challenges) for value in where[2])
        made: list[mpz] = []
        for j, (c, v) in enumerate(zip(challenges, responses, strict=True)):
            made += (self.g(v) * alphas[j] % group.p, self.key((v - j * c) % group.q) * betas[j] % group.p)
        return self._challenge(where, made) == sum(challenges, start=mpz(0)) % group.q


def _elements(ballot: Ballot) -> Iterator[mpz]:
    for contest in ballot.contests:
        for each in contest.selections:
            yield each.alpha
            yield each.beta
    yield ballot.c0
