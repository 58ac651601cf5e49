"""Everything that a ballot proves, as claims in one order.

Contest by contest its selections, its limit, its contest data; then the ballot nonce. Commitments stand in the same
order (`board.commitments`).
"""

from collections.abc import Iterator

from e2ev import hashing, proofs
from e2ev.ballot import BALLOT_NONCE_BYTES, BallotContext, EncryptedBallot, EncryptedContest, EncryptedSelection
from e2ev.contest_data import BLOCK_BYTES
from e2ev.elgamal import HashedCiphertext
from e2ev.group import Element
from e2ev.manifest import Option
from e2ev.sigma import Challenge, Claim, ProofOfOne


def selection_claim(
    key: Element, identifier_hash: bytes, contest: int, option: Option, selection: EncryptedSelection
) -> Claim:
    """The selection encrypts one of 0 .. R (EGDS verification 6)."""
    cipher = selection.ciphertext
    return Claim(
        proofs.in_range(cipher, key, option.limit),
        selection.proof,
        lambda h: hashing.selection_challenge(
            key.group, identifier_hash, contest, option.index, cipher.alpha, cipher.beta, h
        ),
    )


def limit_claim(
    key: Element, identifier_hash: bytes, limit: int, contest: EncryptedContest, *, by_factors: bool = False
) -> Claim:
    """The contest's selections sum to one of 0 .. L (EGDS verification 7).

    Args:
        key: K.
        identifier_hash: H_I.
        limit: L.
        contest: The contest.
        by_factors: Write the total as the product of its factors, whose powers a batch shares with other claims.
    """
    total = contest.total()
    parts = [selection.ciphertext for selection in contest.selections] if by_factors else [total]
    return Claim(
        proofs.sum_in_range(parts, key, limit),
        contest.limit_proof,
        lambda h: hashing.limit_challenge(key.group, identifier_hash, contest.contest, total.alpha, total.beta, h),
    )


def data_claim(identifier_hash: bytes, contest: int, cipher: HashedCiphertext) -> Claim:
    """Who encrypted the contest data knows its nonce (EGDS (69))."""
    group = cipher.c0.group
    return _knowledge(
        cipher,
        lambda h: hashing.contest_data_challenge(group, identifier_hash, contest, h[0], cipher.c0, cipher.c1),
    )


def nonce_claim(identifier_hash: bytes, cipher: HashedCiphertext) -> Claim:
    """Who encrypted the ballot nonce knows the nonce of that (EGDS (38))."""
    group = cipher.c0.group
    return _knowledge(
        cipher, lambda h: hashing.ballot_nonce_challenge(group, identifier_hash, h[0], cipher.c0, cipher.c1)
    )


def _knowledge(cipher: HashedCiphertext, challenge_of: Challenge) -> Claim:
    relation = proofs.knowledge((cipher.c0, cipher.c0.group.generator))
    return Claim((relation,), ProofOfOne((cipher.c2.challenge,), cipher.c2.responses), challenge_of)


def is_valid_selection(
    key: Element, identifier_hash: bytes, contest: int, option: Option, selection: EncryptedSelection
) -> bool:
    """Return whether the selection's proof has R+1 branches and verifies (EGDS 6.D)."""
    return selection_claim(key, identifier_hash, contest, option, selection).holds()


def is_valid_limit(key: Element, identifier_hash: bytes, limit: int, contest: EncryptedContest) -> bool:
    """Return whether the contest's limit proof has L+1 branches and verifies (EGDS 7.D)."""
    return limit_claim(key, identifier_hash, limit, contest).holds()


def is_valid_nonce_proof(identifier_hash: bytes, cipher: HashedCiphertext) -> bool:
    """Return whether the encrypted ballot nonce is 32 bytes and proves knowledge of its nonce (EGDS (38))."""
    return is_nonce_sized(cipher) and nonce_claim(identifier_hash, cipher).holds()


def is_valid_data_proof(identifier_hash: bytes, contest: int, cipher: HashedCiphertext) -> bool:
    """Return whether encrypted contest data is whole blocks and proves knowledge of its nonce (EGDS (69))."""
    return len(cipher.c1) % BLOCK_BYTES == 0 and data_claim(identifier_hash, contest, cipher).holds()


def is_nonce_sized(cipher: HashedCiphertext) -> bool:
    """Return whether an encrypted ballot nonce holds 32 bytes."""
    return len(cipher.c1) == BALLOT_NONCE_BYTES


def ballot_claims(context: BallotContext, ballot: EncryptedBallot, *, by_factors: bool = True) -> Iterator[Claim]:
    """Yield every claim of a ballot whose shape is the manifest's.

    Args:
        context: The election's.
        ballot: The ballot.
        by_factors: Write totals as products of their factors: for a batch, not for a claim by itself.
    """
    key, identifier_hash = context.vote_key, ballot.identifier_hash
    for encrypted in ballot.contests:
        contest = context.manifest.contest(encrypted.contest)
        for option, selection in zip(contest.options, encrypted.selections, strict=True):
            yield selection_claim(key, identifier_hash, contest.index, option, selection)
        yield limit_claim(key, identifier_hash, contest.selection_limit, encrypted, by_factors=by_factors)
        if encrypted.data is not None:
            yield data_claim(identifier_hash, contest.index, encrypted.data)
    yield nonce_claim(identifier_hash, ballot.nonce)
