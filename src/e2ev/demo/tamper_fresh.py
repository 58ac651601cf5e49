"""Tamperings with what has to be fresh: nonces, commitments and keys that are used twice, or made from one another."""

from collections.abc import Callable
from dataclasses import replace

from e2ev import arith, ceremony
from e2ev.ballot import BallotSecret, EncryptedBallot, encrypt_ballot_nonce
from e2ev.ceremony import KeyShare, TrusteeSecrets
from e2ev.contest_data import BLOCK_BYTES, encode_contest_data, encrypt_contest_data
from e2ev.demo.forge import Change, Forgery, Keys, Tampering, always, trips
from e2ev.demo.reseal import ballot_secret, decrypt, hashed, nonces_of, seal_ballot, seal_contest, settle
from e2ev.demo.tamper_ballots import abandoned, ordinary
from e2ev.demo.tamper_setup import accept_again, admit_again
from e2ev.group import SYSTEM_RANDOMNESS, Nonce, Randomness, SecretScalar
from e2ev.record.kinds import Kind
from e2ev.sharing import Polynomial, TrusteeId

# Ballots


def _in_first_contest(forgery: Forgery, change: Callable[[EncryptedBallot], EncryptedBallot]) -> Forgery:
    """Change the abandoned ballot; χ of its first contest, its code and its device's closing follow."""
    i = abandoned(forgery)
    ballot = change(forgery.ballot(i))
    first = hashed(ballot.identifier_hash, ballot.contests[0])
    ballot = replace(ballot, contests=(first, *ballot.contests[1:]))
    return settle(forgery.edit(i, always(ballot), "ballot"))


def _shifted_nonces(forgery: Forgery) -> Forgery:
    """Encrypt a contest with the nonces of another ballot's, each plus the same number."""
    context, other = forgery.context, forgery.ballot(forgery.ballots("cast")[-1])
    held = nonces_of(context, other.identifier_hash, 1, ballot_secret(forgery, other))
    shift = forgery.group.random_nonce()

    def change(ballot: EncryptedBallot) -> EncryptedBallot:
        nonces = [nonce + shift for nonce in held]
        made = seal_contest(context, ballot.identifier_hash, 1, ordinary(forgery)[1], nonces)
        return replace(ballot, contests=(replace(made, data=ballot.contests[0].data), *ballot.contests[1:]))

    return _in_first_contest(forgery, change)


def _nonce_for_both(forgery: Forgery) -> Forgery:
    """Encrypt contest data with the nonce of a selection: who is shown the one can open the other."""
    context, secret = forgery.context, BallotSecret.random()

    def change(ballot: EncryptedBallot) -> EncryptedBallot:
        made = seal_ballot(context, ballot, ordinary(forgery), secret)
        nonce = nonces_of(context, made.identifier_hash, 1, secret)[0]
        return _with_data(forgery, made, nonce, SYSTEM_RANDOMNESS)

    return _in_first_contest(forgery, change)


def _one_commitment(forgery: Forgery) -> Forgery:
    """Prove the contest data and the ballot nonce with one and the same number."""
    drawn = SYSTEM_RANDOMNESS(forgery.group.scalar_bytes - 1)
    source = iter((SYSTEM_RANDOMNESS(forgery.group.scalar_bytes - 1),))

    def once_then_the_same(size: int) -> bytes:
        return next(source, drawn).rjust(size, b"\0")

    def change(ballot: EncryptedBallot) -> EncryptedBallot:
        secret, held = BallotSecret.random(), ballot.identifier_hash
        made = seal_ballot(forgery.context, ballot, ordinary(forgery), secret)
        nonce = encrypt_ballot_nonce(forgery.context, held, secret, once_then_the_same)
        own = secret.data_nonce(forgery.group, held, 1)
        return _with_data(forgery, replace(made, nonce=nonce), own, lambda size: drawn.rjust(size, b"\0"))

    return _in_first_contest(forgery, change)


def _with_data(forgery: Forgery, ballot: EncryptedBallot, nonce: Nonce, randomness: Randomness) -> EncryptedBallot:
    """Return the ballot with the contest data of its first contest encrypted with this nonce."""
    context, contest = forgery.context, forgery.manifest.contest(1)
    plain = encode_contest_data(contest, [0] * len(contest.options), ()).ljust(contest.data_blocks * BLOCK_BYTES, b"\0")
    data = encrypt_contest_data(context.data_key, ballot.identifier_hash, 1, plain, nonce, randomness)
    return replace(ballot, contests=(replace(ballot.contests[0], data=data), *ballot.contests[1:]))


# The ceremony


def _dealt(change: Callable[[TrusteeSecrets, list[TrusteeSecrets]], TrusteeSecrets]) -> Change:
    """Let the last trustee choose its secrets by those of the others, deal its shares, and all go on until the opening.

    Args:
        change: Returns the secrets; takes the trustee's own and those of the others.
    """

    def changed(forgery: Forgery) -> Forgery:
        last, held = TrusteeId(len(forgery.keys.secrets)), dict(forgery.keys.secrets)
        held[last] = change(held[last], [secrets for i, secrets in held.items() if i != last])
        shares = {i: _share(i, list(held.values())) for i in forgery.keys.shares}
        forgery = replace(forgery, keys=Keys(forgery.keys.signing, shares, held))
        keys = ceremony.publish_keys(forgery.election, last, held[last])
        forgery = forgery.edit(forgery.indices(Kind.TRUSTEE_KEYS)[-1], always(keys), "keys")
        return admit_again(accept_again(forgery)).until(forgery.indices(Kind.OPEN)[0])

    return changed


def _share(trustee: TrusteeId, dealt: list[TrusteeSecrets]) -> KeyShare:
    zero = SecretScalar(dealt[0].communication.group, arith.integer(0))
    return KeyShare(
        trustee,
        sum((secrets.vote.at(trustee) for secrets in dealt), start=zero),
        sum((secrets.data.at(trustee) for secrets in dealt), start=zero),
    )


def _with_coefficient(secrets: TrusteeSecrets, place: int, value: SecretScalar) -> TrusteeSecrets:
    coefficients = secrets.vote.coefficients
    return replace(secrets, vote=Polynomial((*coefficients[:place], value, *coefficients[place + 1 :])))


def _cancelling(own: TrusteeSecrets, others: list[TrusteeSecrets]) -> TrusteeSecrets:
    return _with_coefficient(own, 0, -others[0].vote.coefficients[0])


def _product_of_others(own: TrusteeSecrets, others: list[TrusteeSecrets]) -> TrusteeSecrets:
    return _with_coefficient(own, 0, others[0].vote.coefficients[0] + others[1].vote.coefficients[0])


# Decryption


def _answered_twice(forgery: Forgery) -> Forgery:
    """Let the first trustee answer for all tasks with one nonce."""
    one = forgery.group.random_nonce()
    return decrypt(forgery, lambda held, trustee, _task: one if trustee == 1 else held.group.random_nonce())


_ANYWHERE = (
    Tampering("decryption-nonce-used-twice", "A key holder answers twice with one nonce: its share can be computed.",
              trips("T.8"), _answered_twice),
)  # fmt: skip
"""On any election."""

_LARGER = (
    Tampering("keys-that-cancel", "A key holder's key is the inverse of another's, and cancels it.",
              trips("K.5"), _dealt(_cancelling)),
    Tampering("key-made-of-others", "A key holder's key is the product of two others.", trips("K.5"),
              _dealt(_product_of_others)),
    Tampering("nonces-shifted", "A device adds one number to another ballot's nonces: the two tell what differs.",
              trips("I.2"), _shifted_nonces),
    Tampering("nonce-used-for-data", "A device encrypts a mark and the contest data with one nonce.", trips("I.2"),
              _nonce_for_both),
    Tampering("proof-nonce-used-twice", "A device makes two proofs with one nonce: from both, anybody has the secret.",
              trips("I.4"), _one_commitment),
)  # fmt: skip
"""On an election with three trustees, contest data and an abandoned ballot."""

FRESH = (*(replace(tampering, base="plain") for tampering in _ANYWHERE), *_LARGER)
"""Tamperings with nonces and keys that are not fresh."""
