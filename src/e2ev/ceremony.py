"""The trustees' rounds (EGDS 2.1 §3.2.2): keys, sealed shares, acceptance; complaints name their culprit.

Each round is one pure function. Between the rounds a trustee keeps a `TrusteeSecrets`, later a `KeyShare`; neither
has a record codec.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from e2ev import hashing, proofs, sigma
from e2ev.elgamal import HashedCiphertext, encryption_pair, xor
from e2ev.errors import DataError, RejectedError
from e2ev.group import (
    SYSTEM_RANDOMNESS,
    Element,
    Group,
    Randomness,
    SecretScalar,
    product,
    secret_from_key_file,
)
from e2ev.sharing import Polynomial, TrusteeId, share_commitment
from e2ev.sigma import Proof

SHARE_BYTES = 32
"""Shares are sealed in 32 bytes in every group (EGDS (21))."""


@dataclass(frozen=True, slots=True)
class Election:
    """What all computations of one election stand on: the group, n, k and H_P, H_B."""

    group: Group
    trustees: int
    quorum: int
    parameter_hash: bytes
    base_hash: bytes

    @classmethod
    def of(cls, group: Group, trustees: int, quorum: int, manifest: bytes) -> "Election":
        """Return the election for n trustees, a quorum of k and the manifest file's bytes."""
        if not 1 <= quorum <= trustees:
            raise ValueError("the quorum lies between 1 and the number of trustees")
        parameter_hash = hashing.parameter_base_hash(group, trustees, quorum)
        return cls(group, trustees, quorum, parameter_hash, hashing.base_hash(parameter_hash, manifest))

    def everyone(self) -> tuple[TrusteeId, ...]:
        """Return all trustees, 1 .. n."""
        return tuple(TrusteeId(i) for i in range(1, self.trustees + 1))


@dataclass(frozen=True, slots=True)
class TrusteeSecrets:
    """What a trustee keeps between the first round and acceptance."""

    vote: Polynomial = field(repr=False)
    data: Polynomial = field(repr=False)
    communication: SecretScalar = field(repr=False)


@dataclass(frozen=True, slots=True)
class TrusteeKeys:
    """Round 1, published: commitments to both polynomials, the communication key, both proofs (EGDS (8)-(13))."""

    trustee: TrusteeId
    vote_commitments: tuple[Element, ...]
    data_commitments: tuple[Element, ...]
    communication_key: Element
    vote_proof: Proof
    data_proof: Proof


@dataclass(frozen=True, slots=True)
class SealedShare:
    """Round 2, from one trustee to another: both shares under the recipient's communication key (EGDS (19))."""

    sender: TrusteeId
    recipient: TrusteeId
    ciphertext: HashedCiphertext


@dataclass(frozen=True, slots=True)
class KeyShare:
    """A trustee's shares z_i and ẑ_i of the two election keys: all that it has to keep (EGDS (24))."""

    trustee: TrusteeId
    vote: SecretScalar = field(repr=False)
    data: SecretScalar = field(repr=False)


@dataclass(frozen=True, slots=True)
class JointKeys:
    """The election's public keys K and K̂, H_G and H_E (EGDS (25)-(27), (30))."""

    vote_key: Element
    data_key: Element
    trustee_record_hash: bytes
    extended_hash: bytes


@dataclass(frozen=True, slots=True)
class ShareComplaint:
    """Evidence that a sealed share is wrong: the share, its β = C_0^ζ and a proof of that."""

    share: SealedShare
    beta: Element
    proof: Proof


def generate(
    election: Election, trustee: TrusteeId, randomness: Randomness = SYSTEM_RANDOMNESS
) -> tuple[TrusteeSecrets, TrusteeKeys]:
    """Return a trustee's secrets and its message of round 1."""
    group = election.group
    secrets = TrusteeSecrets(
        Polynomial.random(group, election.quorum, randomness),
        Polynomial.random(group, election.quorum, randomness),
        group.random_secret(randomness),
    )
    return secrets, publish_keys(election, trustee, secrets, randomness)


def publish_keys(
    election: Election, trustee: TrusteeId, secrets: TrusteeSecrets, randomness: Randomness = SYSTEM_RANDOMNESS
) -> TrusteeKeys:
    """Return the message of round 1 for these secrets, with fresh proofs."""
    communication_key = election.group.generator**secrets.communication

    def proof(purpose: bytes, polynomial: Polynomial, commitments: tuple[Element, ...]) -> Proof:
        relation = proofs.possession(commitments, communication_key)
        witnesses = (*polynomial.coefficients, secrets.communication)
        challenge = _possession_challenge(election, purpose, trustee, commitments, communication_key)
        return sigma.prove(relation, witnesses, challenge, randomness)

    vote, data = secrets.vote.commitments(), secrets.data.commitments()
    return TrusteeKeys(trustee, vote, data, communication_key,
                       proof(b"pk_vote", secrets.vote, vote), proof(b"pk_data", secrets.data, data))  # fmt: skip


def _possession_challenge(
    election: Election, purpose: bytes, trustee: TrusteeId, commitments: Sequence[Element], communication_key: Element
) -> sigma.Challenge:
    return lambda h: hashing.trustee_keys_challenge(
        election.group, election.parameter_hash, purpose, trustee, commitments, communication_key, h
    )


def has_valid_proofs(election: Election, keys: TrusteeKeys) -> bool:
    """Return whether the index is one of 1 .. n and both challenges are right, for k commitments each (EGDS 2.C)."""
    return keys.trustee in election.everyone() and all(
        len(commitments) == election.quorum
        and len(proof.responses) == election.quorum + 1
        and sigma.is_valid(
            proofs.possession(commitments, keys.communication_key),
            proof,
            _possession_challenge(election, purpose, keys.trustee, commitments, keys.communication_key),
        )
        for purpose, commitments, proof in (
            (b"pk_vote", keys.vote_commitments, keys.vote_proof),
            (b"pk_data", keys.data_commitments, keys.data_proof),
        )
    )


def coincidences(everyone: Sequence[TrusteeKeys]) -> Iterator[tuple[TrusteeId, str]]:
    """Yield whose key it is, and what is wrong, wherever a published key is the identity or the same as another.

    Every commitment counts: one that is the identity lowers the degree of its polynomial, and with all of them the
    number of trustees that can decrypt.
    """
    seen: dict[bytes, str] = {}
    for keys in everyone:
        named = [(f"K_{j}", element) for j, element in enumerate(keys.vote_commitments)]
        named += [(f"K̂_{j}", element) for j, element in enumerate(keys.data_commitments)]
        for name, element in (*named, ("κ", keys.communication_key)):
            if int(element.value) == 1:
                yield keys.trustee, f"{name} is the identity"
                continue
            whose = f"{name} of trustee {keys.trustee}"
            held = seen.setdefault(element.to_bytes(), whose)
            if held != whose:
                yield keys.trustee, f"{name} is {held}"


def seal_share(
    election: Election,
    secrets: TrusteeSecrets,
    sender: TrusteeId,
    recipient: TrusteeKeys,
    randomness: Randomness = SYSTEM_RANDOMNESS,
) -> SealedShare:
    """Return the recipient's shares of both polynomials, sealed to its communication key (EGDS (15)-(22)).

    Raises:
        ValueError: The recipient is not another one of the n trustees: a share at 0 would be the secret itself.
    """
    if recipient.trustee not in election.everyone() or recipient.trustee == sender:
        raise ValueError("shares go to the other trustees, 1 .. n")
    to, key = recipient.trustee, recipient.communication_key
    nonce = election.group.random_nonce(randomness)
    alpha, beta = encryption_pair(key, nonce)
    pads = hashing.share_pads(hashing.share_key(election.parameter_hash, sender, to, key, alpha, beta), sender, to)
    plain = b"".join(p.at(to).to_key_file().rjust(SHARE_BYTES, b"\0") for p in (secrets.vote, secrets.data))
    c1 = xor(plain, pads)
    proof = sigma.prove(
        proofs.knowledge((alpha, election.group.generator)),
        (nonce,),
        lambda h: hashing.share_challenge(election.group, election.parameter_hash, sender, to, h[0], alpha, c1),
        randomness,
    )
    return SealedShare(sender, to, HashedCiphertext(alpha, c1, proof))


def open_share(
    election: Election, secrets: TrusteeSecrets, share: SealedShare, sender: TrusteeKeys, recipient: TrusteeKeys
) -> tuple[SecretScalar, SecretScalar]:
    """Return P_i(l) and P̂_i(l), both checked against the sender's commitments (EGDS (23), (28), (29)).

    Raises:
        RejectedError: The share is wrong; the culprit is its sender, and `complain` makes the evidence.
    """
    _check_share_proof(election, share)
    beta = share.ciphertext.c0**secrets.communication
    return _unseal(election, share, sender, recipient, beta)


def _check_share_proof(election: Election, share: SealedShare) -> None:
    cipher = share.ciphertext
    valid = len(cipher.c1) == 2 * SHARE_BYTES and sigma.is_valid(
        proofs.knowledge((cipher.c0, election.group.generator)),
        cipher.c2,
        lambda h: hashing.share_challenge(
            election.group, election.parameter_hash, share.sender, share.recipient, h[0], cipher.c0, cipher.c1
        ),
    )
    if not valid:
        raise RejectedError("the proof in the sealed share does not verify", culprit=f"trustee {share.sender}")


def _unseal(
    election: Election, share: SealedShare, sender: TrusteeKeys, recipient: TrusteeKeys, beta: Element
) -> tuple[SecretScalar, SecretScalar]:
    cipher, to = share.ciphertext, share.recipient
    key = hashing.share_key(election.parameter_hash, share.sender, to, recipient.communication_key, cipher.c0, beta)
    plain = xor(cipher.c1, hashing.share_pads(key, share.sender, to))
    return (
        _checked_share(election, share, plain[:SHARE_BYTES], sender.vote_commitments),
        _checked_share(election, share, plain[SHARE_BYTES:], sender.data_commitments),
    )


def _checked_share(
    election: Election, share: SealedShare, plain: bytes, commitments: Sequence[Element]
) -> SecretScalar:
    width = election.group.scalar_bytes
    culprit = f"trustee {share.sender}"
    try:
        value = secret_from_key_file(election.group, plain[SHARE_BYTES - width :])
    except DataError as error:
        raise RejectedError("the sealed share holds no number below q", culprit=culprit) from error
    padded = any(plain[: SHARE_BYTES - width])
    if padded or election.group.generator**value != share_commitment(commitments, share.recipient):
        raise RejectedError("the share does not match the sender's commitments", culprit=culprit)
    return value


def complain(
    election: Election, secrets: TrusteeSecrets, share: SealedShare, randomness: Randomness = SYSTEM_RANDOMNESS
) -> ShareComplaint:
    """Return evidence on a share: β, and a proof that it is C_0 raised to the recipient's communication secret."""
    g = election.group.generator
    beta = share.ciphertext.c0**secrets.communication
    statement = (share.ciphertext.c0, g**secrets.communication, beta)
    relation = proofs.equal_logarithms((statement[1], g), (beta, statement[0]))
    proof = sigma.prove(
        relation, (secrets.communication,), _complaint_challenge(election, share, statement), randomness
    )
    return ShareComplaint(share, beta, proof)


def _complaint_challenge(election: Election, share: SealedShare, statement: Sequence[Element]) -> sigma.Challenge:
    return lambda h: hashing.complaint_challenge(
        election.group, election.parameter_hash, share.sender, share.recipient, statement, h
    )


def judge_complaint(
    election: Election, complaint: ShareComplaint, sender: TrusteeKeys, recipient: TrusteeKeys
) -> TrusteeId:
    """Return who is at fault, which anyone can compute: the sender, or the recipient if the share is right."""
    share = complaint.share
    statement = (share.ciphertext.c0, recipient.communication_key, complaint.beta)
    relation = proofs.equal_logarithms((statement[1], election.group.generator), (complaint.beta, statement[0]))
    if not sigma.is_valid(relation, complaint.proof, _complaint_challenge(election, share, statement)):
        return share.recipient
    try:
        _check_share_proof(election, share)
        _unseal(election, share, sender, recipient, complaint.beta)
    except RejectedError:
        return share.sender
    return share.recipient


def joint_keys(election: Election, everyone: Sequence[TrusteeKeys]) -> JointKeys:
    """Return K, K̂, H_G and H_E from all messages of round 1, in order of the trustees (EGDS (25)-(27), (30))."""
    if [keys.trustee for keys in everyone] != list(election.everyone()):
        raise ValueError("joint keys need the keys of every trustee, in order")
    vote_key = product(election.group, (keys.vote_commitments[0] for keys in everyone))
    data_key = product(election.group, (keys.data_commitments[0] for keys in everyone))
    record = hashing.trustee_record_hash(
        election.base_hash, vote_key, data_key,
        [element for keys in everyone for element in keys.vote_commitments],
        [element for keys in everyone for element in keys.data_commitments],
        [keys.communication_key for keys in everyone],
    )  # fmt: skip
    return JointKeys(vote_key, data_key, record, hashing.extended_base_hash(election.base_hash, vote_key, data_key))


def key_share(
    secrets: TrusteeSecrets, trustee: TrusteeId, received: Sequence[tuple[SecretScalar, SecretScalar]]
) -> KeyShare:
    """Return z_i and ẑ_i: the sum of the own shares and of those received from all others (EGDS (24))."""
    vote, data = secrets.vote.at(trustee), secrets.data.at(trustee)
    for vote_share, data_share in received:
        vote, data = vote + vote_share, data + data_share
    return KeyShare(trustee, vote, data)


def share_keys(everyone: Sequence[TrusteeKeys], trustee: TrusteeId) -> tuple[Element, Element]:
    """Return g^z_i and g^ẑ_i from the published commitments (EGDS (94))."""
    group = everyone[0].communication_key.group
    return (
        product(group, (share_commitment(keys.vote_commitments, trustee) for keys in everyone)),
        product(group, (share_commitment(keys.data_commitments, trustee) for keys in everyone)),
    )


def rehearse(keys: JointKeys, share: KeyShare, randomness: Randomness = SYSTEM_RANDOMNESS) -> Proof:
    """Return a proof of knowledge of z_i and ẑ_i over H_G. No element from outside is raised to a secret."""
    g = keys.vote_key.group.generator
    shares = (g**share.vote, g**share.data)
    return sigma.prove(
        proofs.knowledge(*((element, g) for element in shares)),
        (share.vote, share.data),
        _rehearsal_challenge(keys, share.trustee, shares),
        randomness,
    )


def _rehearsal_challenge(keys: JointKeys, trustee: TrusteeId, shares: Sequence[Element]) -> sigma.Challenge:
    group = keys.vote_key.group
    return lambda h: hashing.rehearsal_challenge(group, keys.trustee_record_hash, trustee, shares, h)


def is_rehearsed(keys: JointKeys, everyone: Sequence[TrusteeKeys], trustee: TrusteeId, proof: Proof) -> bool:
    """Return whether the rehearsal proves that `trustee` holds its shares."""
    shares = share_keys(everyone, trustee)
    g = keys.vote_key.group.generator
    relation = proofs.knowledge(*((element, g) for element in shares))
    return len(proof.responses) == len(shares) and sigma.is_valid(
        relation, proof, _rehearsal_challenge(keys, trustee, shares)
    )
