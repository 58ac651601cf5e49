"""Tamperings with genesis, the key ceremony and the devices: EGDS verifications 1 to 4, and 8.C, 8.F, 8.G."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from e2ev import arith, ceremony, chaining, hashing, proofs, sigma
from e2ev.ceremony import TrusteeKeys, TrusteeSecrets
from e2ev.demo.forge import Change, Forgery, Tampering, add_one, always, flip, is_even, negate, over_q, trips, until
from e2ev.group import Element, SecretScalar
from e2ev.record import bodies
from e2ev.record.kinds import Kind
from e2ev.sharing import Polynomial
from e2ev.sigma import Proof


def in_genesis(field: str, change: Callable[[Any], Any]) -> Change:
    """Return the change of one field of genesis."""
    return lambda forgery: forgery.edit(0, change, field)


def _in_keys(*path: str | int, change: Callable[[Any], Any]) -> Change:
    return lambda forgery: forgery.edit(forgery.indices(Kind.TRUSTEE_KEYS)[-1], change, "keys", *path)


def _in_first(kind: Kind, *path: str | int, change: Callable[[Any], Any]) -> Change:
    return lambda forgery: forgery.edit(forgery.indices(kind)[0], change, *path)


# The ceremony made again


def accept_again(forgery: Forgery) -> Forgery:
    """Return the forgery with joint keys, acceptances and rehearsals that follow from the trustees' keys."""
    keys, name = forgery.joint_keys, forgery.group.name
    roles = (bodies.RoleKey("vote", name, keys.vote_key), bodies.RoleKey("data", name, keys.data_key))
    for i in forgery.indices(Kind.ACCEPTANCE):
        forgery = forgery.edit(i, always(keys.trustee_record_hash), "trustee_record_hash")
    for i in forgery.indices(Kind.JOINT_KEYS):
        joint = bodies.JointKeysBody(1, 1, roles, keys.trustee_record_hash, keys.extended_hash)
        forgery = forgery.edit(i, always(joint))
    for i in forgery.indices(Kind.REHEARSAL):
        proof = ceremony.rehearse(keys, forgery.keys.shares[forgery.steps[i].body.trustee])
        forgery = forgery.edit(i, always(proof), "proof")
    return forgery


def admit_again(forgery: Forgery) -> Forgery:
    """Return the forgery with hashes of devices and starts of chains that follow from H_E."""
    extended = forgery.joint_keys.extended_hash
    for i in forgery.indices(Kind.DEVICE_ADMITTED):
        device = hashing.device_hash(extended, forgery.steps[i].body.information)
        start = chaining.chain_start(extended, device) if forgery.manifest.chaining == "simple" else None
        forgery = forgery.edit(i, always(device), "device_hash")
        forgery = forgery.edit(i, always(start), "chain_start")
    return forgery


def _publish(forgery: Forgery, change: Callable[[TrusteeSecrets], TrusteeSecrets]) -> Forgery:
    """Return the forgery in which the last trustee published other secrets, with good proofs."""
    i = forgery.indices(Kind.TRUSTEE_KEYS)[-1]
    trustee = forgery.steps[i].body.keys.trustee
    keys = ceremony.publish_keys(forgery.election, trustee, change(forgery.keys.secrets[trustee]))
    return forgery.edit(i, always(keys), "keys")


def _negative_key(forgery: Forgery) -> Forgery:
    i = forgery.indices(Kind.TRUSTEE_KEYS)[-1]
    keys: TrusteeKeys = forgery.steps[i].body.keys
    secrets, negative = forgery.keys.secrets[keys.trustee], negate(keys.communication_key)

    def prove(purpose: bytes, polynomial: Polynomial, commitments: tuple[Element, ...]) -> Proof:
        relation = proofs.possession(commitments, keys.communication_key)
        return sigma.prove(
            relation,
            (*polynomial.coefficients, secrets.communication),
            lambda h: hashing.trustee_keys_challenge(
                forgery.group, forgery.election.parameter_hash, purpose, keys.trustee, commitments, negative, h
            ),
        )

    changed = replace(
        keys,
        communication_key=negative,
        vote_proof=until(lambda: prove(b"pk_vote", secrets.vote, keys.vote_commitments), is_even),
        data_proof=until(lambda: prove(b"pk_data", secrets.data, keys.data_commitments), is_even),
    )
    return accept_again(forgery.edit(i, always(changed), "keys"))


def _one_key_twice(secrets: TrusteeSecrets) -> TrusteeSecrets:
    return replace(secrets, communication=secrets.vote.coefficients[0])


def _empty_key(secrets: TrusteeSecrets) -> TrusteeSecrets:
    return replace(secrets, communication=SecretScalar(secrets.communication.group, arith.integer(0)))


def _one_degree_more(secrets: TrusteeSecrets) -> TrusteeSecrets:
    group = secrets.communication.group
    vote, data = (Polynomial((*p.coefficients, group.random_secret())) for p in (secrets.vote, secrets.data))
    return replace(secrets, vote=vote, data=data)


def _share_for_nobody(forgery: Forgery) -> Forgery:
    i = forgery.indices(Kind.SHARES)[-1]
    return forgery.edit(i, lambda hashes: hashes[:-1], "share_hashes").until(i)


def _opened_early(forgery: Forgery) -> Forgery:
    (opened,) = forgery.indices(Kind.OPEN)
    return forgery.until(opened).without(forgery.indices(Kind.REHEARSAL)[-1])


def _zero_in_front(value: bytes) -> bytes:
    return b"\0" + value


_ANYWHERE = (
    Tampering("other-version", "Genesis claims an older version of the specification.", trips("1.A"),
              in_genesis("version", always("v2.0.0"))),
    Tampering("other-prime", "Genesis states another prime than the standard one.", trips("1.B"),
              in_genesis("p", flip)),
    Tampering("prime-written-longer", "Genesis states the right prime with a zero byte in front.", trips("1.B"),
              in_genesis("p", _zero_in_front)),
    Tampering("other-order", "Genesis states another order than the standard one.", trips("1.C"),
              in_genesis("q", flip)),
    Tampering("other-generator", "Genesis states another generator than the standard one.", trips("1.D"),
              in_genesis("g", flip)),
    Tampering("other-parameter-hash", "Genesis states another hash of the parameters.", trips("1.E"),
              in_genesis("parameter_hash", flip)),
    Tampering("other-base-hash", "Genesis states the hash of another manifest.", trips("1.F"),
              in_genesis("base_hash", flip)),
    Tampering("negative-communication-key",
              "A key holder publishes -κ, with proofs redrawn until they hold, and all sign it.",
              trips("2.A"), _negative_key),
    Tampering("key-proof-written-differently", "A response in a key holder's proof is written as v + q.", trips("2.B"),
              _in_keys("vote_proof", "responses", 0, change=over_q), needs_room=True),
    Tampering("key-not-proved", "A key holder's proof that it knows its secrets does not verify.", trips("2.C"),
              _in_keys("vote_proof", "challenge", change=add_one)),
    Tampering("degree-too-high", "A key holder uses a polynomial of one degree more: the quorum could never decrypt.",
              trips("2.C", "K.1"), lambda forgery: _publish(forgery, _one_degree_more)),
    Tampering("share-for-nobody", "A key holder posts one sealed share less than there are others.", trips("K.1"),
              _share_for_nobody),
    Tampering("joint-key-shifted", "The administrator states another joint key for votes.", trips("3.A"),
              _in_first(Kind.JOINT_KEYS, "keys", 0, "key", change=lambda key: key * key.group.generator)),
    Tampering("joint-data-key-shifted", "The administrator states another joint key for contest data.", trips("3.B"),
              _in_first(Kind.JOINT_KEYS, "keys", 1, "key", change=lambda key: key * key.group.generator)),
    Tampering("other-extended-hash", "The administrator states another extended base hash.", trips("4.A"),
              _in_first(Kind.JOINT_KEYS, "extended_hash", change=flip)),
    Tampering("accepted-something-else", "A key holder signed other keys than those on the board.", trips("K.2"),
              _in_first(Kind.ACCEPTANCE, "trustee_record_hash", change=flip)),
    Tampering("joint-keys-of-something-else", "The joint keys name another ceremony than the key holders signed.",
              trips("K.2"), _in_first(Kind.JOINT_KEYS, "trustee_record_hash", change=flip)),
    Tampering("one-key-twice", "A key holder uses one secret as its voting key and its communication key.",
              trips("K.3"), lambda forgery: accept_again(_publish(forgery, _one_key_twice))),
    Tampering("empty-key", "A key holder's communication key is 1: everybody can open what is sealed to it.",
              trips("K.3"), lambda forgery: accept_again(_publish(forgery, _empty_key))),
    Tampering("rehearsal-without-shares", "A key holder's rehearsal proves nothing.", trips("K.4"),
              _in_first(Kind.REHEARSAL, "proof", "challenge", change=add_one)),
    Tampering("opened-before-rehearsals", "Voting is opened while a key holder has not rehearsed.", trips("K.4"),
              _opened_early),
    Tampering("other-device-hash", "A device is admitted with the hash of another description.", trips("8.C"),
              _in_first(Kind.DEVICE_ADMITTED, "device_hash", change=flip)),
)  # fmt: skip
"""On any election."""

_CHAINED = (
    Tampering("chain-starts-elsewhere", "A device is admitted with another start of its chain of codes.", trips("8.F"),
              _in_first(Kind.DEVICE_ADMITTED, "chain_start", change=flip)),
    Tampering("chain-ends-elsewhere", "A device closes its chain over another code than its last.", trips("8.G"),
              _in_first(Kind.DEVICE_CLOSED, "closing_hash", change=flip)),
)  # fmt: skip
"""On an election with chains of codes."""

SETUP = (*(replace(tampering, base="plain") for tampering in _ANYWHERE), *_CHAINED)
"""Tamperings with what the administrator and the trustees state, and with the devices."""
