"""One engine for every linear sigma proof, and for OR of them.

A statement is data: rows, each saying that a known target is a product of bases raised to secret witnesses. Schnorr's
proof has one base a row, Chaum and Pedersen's has two rows with one witness; a range proof is an OR of the latter
(Cramer, Damgård, Schoenmakers 1994). EGDS writes responses as v = u - c·x and recomputes commitments as
base^v · target^c; so does this module.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import mul

from e2ev.group import SYSTEM_RANDOMNESS, Base, Element, Exponent, Nonce, Randomness, Scalar, SecretScalar

Term = tuple[Element, Exponent]
"""One element and the exponent that it carries."""


@dataclass(frozen=True, slots=True)
class Row:
    """The claim that the product of `target` terms equals the product of base^witness.

    Attributes:
        target: Elements with small exponents, for β·K^-j: ((β, 1), (K, -j)).
        bases: Pairs of a base and the position of its witness.
    """

    target: tuple[tuple[Element, int], ...]
    bases: tuple[tuple[Element, int], ...]


Relation = tuple[Row, ...]

Known = tuple[tuple[Element, int], ...]
"""A relation with one witness w as its prover knows it: for each row the base b, and the s with target = b^(w+s)."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof as EGDS publishes it: (c, v_0, v_1, ...), without its commitments."""

    challenge: Scalar
    responses: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class ProofOfOne:
    """A proof that one of several relations with one witness each holds: c_0.., v_0.. (EGDS §3.3.7)."""

    challenges: tuple[Scalar, ...]
    responses: tuple[Scalar, ...]


Challenge = Callable[[Sequence[Element]], Scalar]
"""The Fiat-Shamir challenge as a function of the commitments; it has the whole statement inside."""


Keep = Callable[[Sequence[Element]], None]
"""Takes the commitments of one proof as it is made."""


def discard(_commitments: Sequence[Element]) -> None:
    """Keep nothing."""


def keeping(keep: Keep, challenge_of: Challenge) -> Challenge:
    """Return the same challenge, which hands its commitments to `keep` as it is computed."""

    def challenge(commitments: Sequence[Element]) -> Scalar:
        keep(commitments)
        return challenge_of(commitments)

    return challenge


def _gathered(terms: Sequence[Term]) -> list[Term]:
    """Return the terms with one exponent a base."""
    gathered: dict[int, Term] = {}
    for base, exponent in terms:
        held = gathered.get(id(base))
        gathered[id(base)] = (base, exponent if held is None else held[1] + exponent)
    return list(gathered.values())


def _multiply(rows: Sequence[Sequence[Term]]) -> tuple[Element, ...]:
    """Return the product of each row's terms; an element without a table that stands in several rows squares once."""
    gathered = [_gathered(row) for row in rows]
    exponents: dict[int, tuple[Element, list[Scalar]]] = {}
    for row in gathered:
        for base, exponent in row:
            if isinstance(exponent, Scalar) and not isinstance(base, Base):
                exponents.setdefault(id(base), (base, []))[1].append(exponent)
    shared = {at: iter(base.powers(many)) for at, (base, many) in exponents.items() if len(many) > 1}
    return tuple(
        reduce(mul, (next(shared[id(base)]) if id(base) in shared else base**x for base, x in row)) for row in gathered
    )


def _terms(row: Row, challenge: Scalar, responses: Sequence[Scalar]) -> list[Term]:
    """Return the terms base^v and target^c whose product is the row's commitment."""
    return [
        *((base, responses[position]) for base, position in row.bases),
        *((element, challenge * exponent) for element, exponent in row.target),
    ]


def commit(relation: Relation, nonces: Sequence[Nonce]) -> tuple[Element, ...]:
    """Return the honest commitments, one a row."""
    return _multiply([[(base, nonces[position]) for base, position in row.bases] for row in relation])


def recompute(relation: Relation, challenge: Scalar, responses: Sequence[Scalar]) -> tuple[Element, ...]:
    """Return the commitments that make the transcript valid: base^v · target^c, one a row."""
    return _multiply([_terms(row, challenge, responses) for row in relation])


def prove(
    relation: Relation,
    witnesses: Sequence[Nonce | SecretScalar],
    challenge_of: Challenge,
    randomness: Randomness = SYSTEM_RANDOMNESS,
) -> Proof:
    """Return a proof of knowledge of the witnesses; a fresh nonce is drawn for each, in their order."""
    group = relation[0].bases[0][0].group
    nonces = [group.random_nonce(randomness) for _ in witnesses]
    challenge = challenge_of(commit(relation, nonces))
    return Proof(challenge, tuple(respond(u, challenge, x) for u, x in zip(nonces, witnesses, strict=True)))


def respond(nonce: Nonce, challenge: Scalar, witness: Nonce | SecretScalar) -> Scalar:
    """Return v = u - c·x, which may be published."""
    return (nonce - witness * challenge).publish()


def is_valid(relation: Relation, proof: Proof, challenge_of: Challenge) -> bool:
    """Return whether there is one response a witness, and the challenge is the hash of the recomputed commitments."""
    if len(proof.responses) != 1 + max(position for row in relation for _, position in row.bases):
        return False
    return challenge_of(recompute(relation, proof.challenge, proof.responses)) == proof.challenge


def prove_one(
    branches: Sequence[Known],
    true: int,
    witness: Nonce,
    challenge_of: Challenge,
    randomness: Randomness = SYSTEM_RANDOMNESS,
) -> ProofOfOne:
    """Return a proof that one of several relations holds, without telling which (EGDS (57)-(61)).

    The commitment of a row is b^(u + c·s), which is b^v · target^c; so those of false branches come from tables too.

    Args:
        branches: The relations, as the prover knows them.
        true: The position of the branch that holds.
        witness: The witness, the same for each branch.
        challenge_of: Of all commitments, branch by branch.
        randomness: Gives u_0, u_1, ... and then c_j for each false branch.
    """
    group = witness.group
    nonces = [group.random_nonce(randomness) for _ in branches]
    challenges = [group.random_scalar(randomness) if j != true else group.scalar(0) for j in range(len(branches))]
    commitments = [
        base ** (nonce + challenge * shift if shift else nonce)
        for branch, nonce, challenge in zip(branches, nonces, challenges, strict=True)
        for base, shift in branch
    ]
    challenges[true] = sum((-challenge for challenge in challenges), start=challenge_of(commitments))
    responses = tuple(respond(u, c, witness) for u, c in zip(nonces, challenges, strict=True))
    return ProofOfOne(tuple(challenges), responses)


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement with its proof, in one form for all: an OR of relations with one witness; of one, Schnorr's proof."""

    relations: tuple[Relation, ...]
    proof: ProofOfOne
    challenge_of: Challenge

    def holds(self) -> bool:
        """Return whether the proof verifies, by recomputing its commitments."""
        return self.verified() is not None

    def verified(self) -> tuple[Element, ...] | None:
        """Return the recomputed commitments of a proof that verifies; None for one that does not."""
        commitments = self.recomputed() if self._has_its_branches() else ()
        return commitments if commitments and self.is_of(commitments) else None

    def recomputed(self) -> tuple[Element, ...]:
        """Return the commitments of all branches, in order."""
        return _multiply(list(self.terms()))

    def is_of(self, commitments: Sequence[Element]) -> bool:
        """Return whether the proof has just its branches, and its challenges sum to the hash of these commitments."""
        challenges = self.proof.challenges
        return self._has_its_branches() and self.challenge_of(commitments) == sum(challenges[1:], start=challenges[0])

    def _has_its_branches(self) -> bool:
        return len(self.relations) == len(self.proof.challenges) == len(self.proof.responses)

    @property
    def commitments(self) -> int:
        """How many commitments the proof has."""
        return sum(len(relation) for relation in self.relations)

    def terms(self) -> Iterator[list[Term]]:
        """Yield for each commitment the terms whose product it has to be (EGDS (6.1), (6.2))."""
        for relation, c, v in zip(self.relations, self.proof.challenges, self.proof.responses, strict=True):
            for row in relation:
                yield _terms(row, c, (v,))
