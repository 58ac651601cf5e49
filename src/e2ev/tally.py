"""Decryption by a quorum in commit and answer (EGDS 2.1 §3.6): of counts, of contest data, of ballot nonces.

A `Task` is one ciphertext that the quorum decrypts with a joint proof. Each trustee commits (d_i), opens (a_i, b_i,
M_i), and only then responds (v_i); anyone combines. Ballot nonces have no joint proof in EGDS: each trustee proves its
partial decryption to whoever combines (specs/protocol.md, "Nonce shares").
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from e2ev import hashing, proofs, sigma
from e2ev.ceremony import KeyShare
from e2ev.elgamal import Ciphertext, HashedCiphertext, discrete_logarithm
from e2ev.errors import NotReadyError, RejectedError
from e2ev.group import SYSTEM_RANDOMNESS, Element, Nonce, Randomness, Scalar, SecretScalar, product
from e2ev.hashing import JointCommitments
from e2ev.sharing import TrusteeId, combine_shares, lagrange_coefficient
from e2ev.sigma import Proof


class Task(Protocol):
    """One ciphertext to decrypt: the element that is raised, the share it is raised to, and the hashes that bind it."""

    @property
    def base(self) -> Element:
        """A or C_0."""

    def secret(self, share: KeyShare) -> SecretScalar:
        """Return z_i or ẑ_i."""

    def share_key(self, keys: tuple[Element, Element]) -> Element:
        """Return the one of (g^z_i, g^ẑ_i) that belongs to the task."""

    def commitment(self, trustee: TrusteeId, opening: "Opening", quorum: Sequence[TrusteeId]) -> bytes:
        """Return d_i."""

    def challenge(self, joint: "Opening") -> Scalar:
        """Return c."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A trustee's (a_i, b_i) and partial decryption M_i; or, combined, (a, b) and M."""

    a: Element
    b: Element
    partial: Element

    def _hashed(self) -> JointCommitments:
        return JointCommitments(self.a, self.b, self.partial)


@dataclass(frozen=True, slots=True)
class CountTask:
    """A tally (A, B) of one option, or one selection of a challenged ballot (EGDS §3.6.2-§3.6.5)."""

    extended_hash: bytes
    contest: int
    option: int
    ciphertext: Ciphertext

    @property
    def base(self) -> Element:
        """A."""
        return self.ciphertext.alpha

    def secret(self, share: KeyShare) -> SecretScalar:
        """Return z_i."""
        return share.vote

    def share_key(self, keys: tuple[Element, Element]) -> Element:
        """Return g^z_i."""
        return keys[0]

    def commitment(self, trustee: TrusteeId, opening: Opening, quorum: Sequence[TrusteeId]) -> bytes:
        """Return d_i (EGDS (88))."""
        return hashing.tally_commitment(
            self.extended_hash, self.contest, self.option, trustee,
            self.ciphertext.alpha, self.ciphertext.beta, opening._hashed(), quorum,
        )  # fmt: skip

    def challenge(self, joint: Opening) -> Scalar:
        """Return c (EGDS (90))."""
        cipher = self.ciphertext
        return hashing.tally_challenge(
            self.base.group, self.extended_hash, self.contest, self.option, cipher.alpha, cipher.beta, joint._hashed()
        )


@dataclass(frozen=True, slots=True)
class DataTask:
    """The contest data of one contest of a challenged ballot (EGDS §3.6.6)."""

    identifier_hash: bytes
    contest: int
    ciphertext: HashedCiphertext

    @property
    def base(self) -> Element:
        """C_0."""
        return self.ciphertext.c0

    def secret(self, share: KeyShare) -> SecretScalar:
        """Return ẑ_i."""
        return share.data

    def share_key(self, keys: tuple[Element, Element]) -> Element:
        """Return g^ẑ_i."""
        return keys[1]

    def commitment(self, trustee: TrusteeId, opening: Opening, quorum: Sequence[TrusteeId]) -> bytes:
        """Return d_i (EGDS (99))."""
        return hashing.contest_data_commitment(
            self.identifier_hash, self.contest, trustee, self.ciphertext.to_bytes(), opening._hashed(), quorum
        )

    def challenge(self, joint: Opening) -> Scalar:
        """Return c (EGDS (101))."""
        return hashing.joint_contest_data_challenge(
            self.base.group, self.identifier_hash, self.contest, self.ciphertext.to_bytes(), joint._hashed()
        )


@dataclass(frozen=True, slots=True)
class DecryptedCount:
    """T, the count t with T = K^t, and the joint proof (c, v)."""

    power: Element
    count: int
    proof: Proof


@dataclass(frozen=True, slots=True)
class DecryptedData:
    """β = C_0^ŝ, the bytes D it opens, and the joint proof (c, v)."""

    beta: Element
    data: bytes
    proof: Proof


@dataclass(frozen=True, slots=True)
class NonceShare:
    """A trustee's partial decryption m_i of a ballot nonce and the proof that it is C_0^ẑ_i."""

    partial: Element
    proof: Proof


def commit(task: Task, share: KeyShare, quorum: Sequence[TrusteeId], nonce: Nonce) -> tuple[bytes, Opening]:
    """Return d_i, and the opening that is kept back until every d_j is known (EGDS (84), (87), (88))."""
    opening = Opening(task.base.group.generator**nonce, task.base**nonce, task.base ** task.secret(share))
    return task.commitment(share.trustee, opening, quorum), opening


def check_openings(task: Task, commitments: Mapping[TrusteeId, bytes], openings: Mapping[TrusteeId, Opening]) -> None:
    """Check that each opening of the quorum is what was committed to (EGDS §3.6.5).

    Raises:
        NotReadyError: One is missing.
        RejectedError: One is wrong, or nobody committed to it; its trustee is the culprit.
    """
    for trustee in sorted(commitments.keys() ^ openings.keys()):
        if trustee in commitments:
            raise NotReadyError(f"the opening of trustee {trustee} is missing")
        raise RejectedError("the opening was not committed to", culprit=f"trustee {trustee}")
    quorum = sorted(commitments)
    for trustee in quorum:
        if task.commitment(trustee, openings[trustee], quorum) != commitments[trustee]:
            raise RejectedError("the opening is not what was committed to", culprit=f"trustee {trustee}")


def join(openings: Mapping[TrusteeId, Opening]) -> Opening:
    """Return a, b and M of the quorum that the keys are (EGDS (86), (89))."""
    group = next(iter(openings.values())).a.group
    return Opening(
        product(group, (opening.a for opening in openings.values())),
        product(group, (opening.b for opening in openings.values())),
        combine_shares({trustee: opening.partial for trustee, opening in openings.items()}),
    )


def respond(task: Task, share: KeyShare, nonce: Nonce, openings: Mapping[TrusteeId, Opening]) -> Scalar:
    """Return v_i for the joint challenge (EGDS (91), (92)). A nonce answers once: the caller sees to it."""
    return sigma.respond(nonce, _own_challenge(task, openings, share.trustee), task.secret(share))


def _own_challenge(task: Task, openings: Mapping[TrusteeId, Opening], trustee: TrusteeId) -> Scalar:
    return task.challenge(join(openings)) * lagrange_coefficient(task.base.group, openings, trustee)


def is_valid_response(
    task: Task,
    trustee: TrusteeId,
    keys: tuple[Element, Element],
    openings: Mapping[TrusteeId, Opening],
    response: Scalar,
) -> bool:
    """Return whether one trustee's response fits its opening and its public share (EGDS (94), (95))."""
    opening = openings[trustee]
    relation = proofs.equal_logarithms((task.share_key(keys), task.base.group.generator), (opening.partial, task.base))
    challenge = _own_challenge(task, openings, trustee)
    return sigma.recompute(relation, challenge, (response,)) == (opening.a, opening.b)


def joint_proof(task: Task, openings: Mapping[TrusteeId, Opening], responses: Mapping[TrusteeId, Scalar]) -> Proof:
    """Return (c, v) (EGDS (90), (93))."""
    total = sum(responses.values(), start=task.base.group.scalar(0))
    return Proof(task.challenge(join(openings)), (total,))


def is_valid_joint_proof(task: Task, key: Element, partial: Element, proof: Proof) -> bool:
    """Return whether (c, v) shows that M = A^s for the s of `key` (EGDS verifications 10.B and 12.B)."""
    relation = proofs.equal_logarithms((key, key.group.generator), (partial, task.base))
    return len(proof.responses) == 1 and sigma.is_valid(
        relation, proof, lambda h: task.challenge(Opening(h[0], h[1], partial))
    )


def decrypt_count(task: CountTask, key: Element, joint: Opening, proof: Proof, bound: int) -> DecryptedCount:
    """Return T and t (EGDS (82)).

    Raises:
        RejectedError: No t of 0 to `bound` has K^t = T.
    """
    power = task.ciphertext.beta / joint.partial
    return DecryptedCount(power, discrete_logarithm(key, power, bound), proof)


def nonce_share(
    identifier_hash: bytes, c0: Element, share: KeyShare, randomness: Randomness = SYSTEM_RANDOMNESS
) -> NonceShare:
    """Return m_i = C_0^ẑ_i with its proof (EGDS (107))."""
    g = c0.group.generator
    partial, public = c0**share.data, g**share.data
    relation = proofs.equal_logarithms((public, g), (partial, c0))
    challenge = _nonce_share_challenge(identifier_hash, share.trustee, (public, c0, partial))
    return NonceShare(partial, sigma.prove(relation, (share.data,), challenge, randomness))


def _nonce_share_challenge(
    identifier_hash: bytes, trustee: TrusteeId, statement: Sequence[Element]
) -> Callable[[Sequence[Element]], Scalar]:
    group = statement[0].group
    return lambda h: hashing.nonce_share_challenge(group, identifier_hash, trustee, statement, h)


def is_valid_nonce_share(
    identifier_hash: bytes, c0: Element, trustee: TrusteeId, keys: tuple[Element, Element], share: NonceShare
) -> bool:
    """Return whether m_i is C_0 raised to the trustee's share of the data key."""
    public = keys[1]
    relation = proofs.equal_logarithms((public, c0.group.generator), (share.partial, c0))
    challenge = _nonce_share_challenge(identifier_hash, trustee, (public, c0, share.partial))
    return len(share.proof.responses) == 1 and sigma.is_valid(relation, share.proof, challenge)


def combine_nonce_shares(shares: Mapping[TrusteeId, NonceShare]) -> Element:
    """Return β_B (EGDS (108))."""
    return combine_shares({trustee: share.partial for trustee, share in shares.items()})
