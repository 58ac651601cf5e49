"""The trustees' rounds: honest ones agree, and each way to be wrong is named with its culprit."""

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from operator import mul

import pytest

from e2ev import ceremony, hashing, proofs, sigma
from e2ev.arith import integer
from e2ev.ceremony import Election, SealedShare, ShareComplaint, TrusteeKeys, TrusteeSecrets
from e2ev.demo.toy import TOY
from e2ev.elgamal import HashedCiphertext, encryption_pair, xor
from e2ev.errors import RejectedError
from e2ev.group import P3072, P4096, Group, SecretScalar
from e2ev.sharing import Polynomial, TrusteeId, combine_shares
from e2ev.sigma import Proof
from tests.groups import Ceremony, Stream, hold_ceremony, over

ONE, TWO, THREE = TrusteeId(1), TrusteeId(2), TrusteeId(3)

KNOWN_H_P = {
    (5, 3): "944286970eafdb6f347f4eb93b30d48fa3edcc89bfbaea6f5ae8f29afb05ddce",
    (3, 2): "51bca66c1792739f07526b7422771fc4aec7ad9a40e92c1bb03bfde12ae8b661",
    (1, 1): "742fdee2753d416b072d4735e7030721cefc4f7d34bac49a0d592aee3bc52d44",
}


@pytest.fixture(name="held")
def toy_ceremony() -> Ceremony:
    return hold_ceremony(TOY, 3, 2)


# Parameters


@pytest.mark.parametrize(("trustees", "quorum"), KNOWN_H_P)
def test_parameter_hash_of_the_standard_group_is_the_known_one(trustees: int, quorum: int) -> None:
    election = Election.of(P4096, trustees, quorum, b"any manifest")
    assert election.parameter_hash.hex() == KNOWN_H_P[trustees, quorum]


def test_base_hash_depends_on_each_byte_of_the_manifest() -> None:
    manifests = (b"", b"\0", b"a", b"a\n", b"A")
    assert len({Election.of(TOY, 3, 2, manifest).base_hash for manifest in manifests}) == len(manifests)


@pytest.mark.parametrize(("trustees", "quorum"), [(3, 0), (3, 4), (0, 0), (3, -1)])
def test_quorum_lies_between_one_and_the_number_of_trustees(trustees: int, quorum: int) -> None:
    with pytest.raises(ValueError, match="between 1 and the number of trustees"):
        Election.of(TOY, trustees, quorum, b"")


# Round 1


@pytest.mark.parametrize(("trustees", "quorum"), [(1, 1), (3, 2), (4, 4)])
def test_keys_of_honest_trustees_prove_themselves(trustees: int, quorum: int) -> None:
    held = hold_ceremony(TOY, trustees, quorum)
    assert [keys.trustee for keys in held.keys] == list(held.election.everyone())
    assert all(ceremony.has_valid_proofs(held.election, keys) for keys in held.keys)


@over(P3072, P4096)
def test_keys_prove_themselves_in_the_standard_groups_and_not_for_another_election(group: Group) -> None:
    election = Election.of(group, 3, 2, b"")
    _, keys = ceremony.generate(election, TWO, Stream("standard keys"))
    assert ceremony.has_valid_proofs(election, keys)
    assert not ceremony.has_valid_proofs(Election.of(group, 4, 2, b""), keys)


def test_proofs_fail_for_every_changed_part_of_the_keys(held: Ceremony) -> None:
    keys, g = held.keys[0], held.group.generator
    spoiled = {
        "index": replace(keys, trustee=TWO),
        "vote commitment": replace(keys, vote_commitments=(keys.vote_commitments[0], g**5)),
        "data commitment": replace(keys, data_commitments=(g**5, keys.data_commitments[1])),
        "communication key": replace(keys, communication_key=g**5),
        "vote challenge": replace(keys, vote_proof=bump_challenge(keys.vote_proof)),
        "data challenge": replace(keys, data_proof=bump_challenge(keys.data_proof)),
        "vote response": replace(keys, vote_proof=bump_response(keys.vote_proof, 2)),
        "data response": replace(keys, data_proof=bump_response(keys.data_proof, 0)),
        "one proof for the other": replace(keys, vote_proof=keys.data_proof, data_proof=keys.vote_proof),
        "another trustee's proof": replace(keys, vote_proof=held.keys[1].vote_proof),
    }
    for what, changed in spoiled.items():
        assert not ceremony.has_valid_proofs(held.election, changed), what


def bump_challenge(proof: Proof) -> Proof:
    return replace(proof, challenge=proof.challenge + 1)


def bump_response(proof: Proof, position: int) -> Proof:
    return replace(proof, responses=tuple(v + 1 if i == position else v for i, v in enumerate(proof.responses)))


@pytest.mark.parametrize("degree", [1, 3])
def test_keys_with_another_number_of_commitments_are_refused_though_their_proofs_hold(degree: int) -> None:
    election, stream = Election.of(TOY, 3, 2, b""), Stream("another degree")
    right, other = (Polynomial.random(TOY, count, stream) for count in (2, degree))
    for vote, data in ((other, right), (right, other), (other, other)):
        secrets = TrusteeSecrets(vote, data, TOY.random_secret(stream))
        keys = ceremony.publish_keys(election, ONE, secrets, stream)
        assert not ceremony.has_valid_proofs(election, keys)
    assert ceremony.has_valid_proofs(
        election, ceremony.publish_keys(election, ONE, TrusteeSecrets(right, right, secrets.communication), stream)
    )


@pytest.mark.parametrize("index", [0, 4, 300])
def test_keys_of_an_index_that_no_trustee_has_are_refused_and_get_no_share(held: Ceremony, index: int) -> None:
    _, keys = ceremony.generate(held.election, TrusteeId(index), Stream("stranger"))
    assert not ceremony.has_valid_proofs(held.election, keys)
    with pytest.raises(ValueError, match="shares go to the other trustees"):
        ceremony.seal_share(held.election, held.secrets[0], ONE, keys)


def test_nobody_seals_a_share_to_itself(held: Ceremony) -> None:
    with pytest.raises(ValueError, match="shares go to the other trustees"):
        ceremony.seal_share(held.election, held.secrets[0], ONE, held.keys[0])


# Round 2


@over(TOY, P4096)
def test_share_opens_to_the_polynomials_values(group: Group) -> None:
    held = hold_ceremony(group, 3, 2)
    sealed = ceremony.seal_share(held.election, held.secrets[0], ONE, held.keys[1], Stream("share"))
    opened = ceremony.open_share(held.election, held.secrets[1], sealed, held.keys[0], held.keys[1])
    assert opened == (held.secrets[0].vote.at(TWO), held.secrets[0].data.at(TWO))


def seal(held: Ceremony, plain: bytes) -> SealedShare:
    """Any 64 bytes, sealed from trustee 1 for trustee 2 with a proof that holds."""
    nonce, key = held.group.random_nonce(Stream("nonce")), held.keys[1].communication_key
    alpha, beta = encryption_pair(key, nonce)
    hashed = hashing.share_key(held.election.parameter_hash, ONE, TWO, key, alpha, beta)
    c1 = xor(plain, hashing.share_pads(hashed, ONE, TWO))
    return prove_again(held, SealedShare(ONE, TWO, HashedCiphertext(alpha, c1, held.keys[0].vote_proof)))


def prove_again(held: Ceremony, share: SealedShare) -> SealedShare:
    """The same share with a proof that fits it, as only the maker of `seal` can."""
    cipher, group = share.ciphertext, held.group
    proof = sigma.prove(
        proofs.knowledge((cipher.c0, group.generator)),
        (group.random_nonce(Stream("nonce")),),
        lambda h: hashing.share_challenge(
            group, held.election.parameter_hash, share.sender, share.recipient, h[0], cipher.c0, cipher.c1
        ),
        Stream("proof"),
    )
    return replace(share, ciphertext=replace(cipher, c2=proof))


def plain_share(held: Ceremony, vote: int | None = None, data: int | None = None) -> bytes:
    """Trustee 1's shares for trustee 2, one of them replaced."""
    right = (int(each.at(TWO).value) for each in (held.secrets[0].vote, held.secrets[0].data))
    values = (given if given is not None else known for given, known in zip((vote, data), right, strict=True))
    return b"".join(value.to_bytes(ceremony.SHARE_BYTES, "big") for value in values)


def with_bumped_proof(held: Ceremony) -> SealedShare:
    share = seal(held, plain_share(held))
    return replace(share, ciphertext=replace(share.ciphertext, c2=bump_response(share.ciphertext.c2, 0)))


def with_responses(held: Ceremony, count: int) -> SealedShare:
    share = seal(held, plain_share(held))
    proof = Proof(share.ciphertext.c2.challenge, share.ciphertext.c2.responses[:1] * count)
    return replace(share, ciphertext=replace(share.ciphertext, c2=proof))


def with_length(held: Ceremony, length: int) -> SealedShare:
    share = seal(held, plain_share(held))
    c1 = share.ciphertext.c1[:length].ljust(length, b"\0")
    return prove_again(held, replace(share, ciphertext=replace(share.ciphertext, c1=c1)))


Q = int(TOY.q)
BAD_SHARES: dict[str, tuple[Callable[[Ceremony], SealedShare], str]] = {
    "a proof that fails": (with_bumped_proof, "the proof in the sealed share does not verify"),
    "a proof without response": (lambda held: with_responses(held, 0), "the proof in the sealed share"),
    "a proof with two responses": (lambda held: with_responses(held, 2), "the proof in the sealed share"),
    "63 bytes": (lambda held: with_length(held, 63), "the proof in the sealed share"),
    "65 bytes": (lambda held: with_length(held, 65), "the proof in the sealed share"),
    "another vote share": (lambda held: seal(held, plain_share(held, vote=7)), "does not match"),
    "another data share": (lambda held: seal(held, plain_share(held, data=7)), "does not match"),
    "a vote share of q": (lambda held: seal(held, plain_share(held, vote=Q)), "no number below q"),
    "a data share above q": (lambda held: seal(held, plain_share(held, data=2**64 - 1)), "no number below q"),
    "a right share plus 2^64": (
        lambda held: seal(held, plain_share(held, vote=2**64 + int(held.secrets[0].vote.at(TWO).value))),
        "does not match",
    ),
    "both shares exchanged": (
        lambda held: seal(held, plain_share(held)[32:] + plain_share(held)[:32]),
        "does not match",
    ),
}


def test_share_made_by_hand_is_as_good_as_one_made_by_seal(held: Ceremony) -> None:
    opened = ceremony.open_share(
        held.election, held.secrets[1], seal(held, plain_share(held)), held.keys[0], held.keys[1]
    )
    assert opened == (held.secrets[0].vote.at(TWO), held.secrets[0].data.at(TWO))


@pytest.mark.parametrize("kind", BAD_SHARES)
def test_bad_share_is_refused_and_names_its_sender(held: Ceremony, kind: str) -> None:
    make, message = BAD_SHARES[kind]
    with pytest.raises(RejectedError, match=message) as error:
        ceremony.open_share(held.election, held.secrets[1], make(held), held.keys[0], held.keys[1])
    assert error.value.culprit == "trustee 1"


def test_share_for_somebody_else_does_not_open(held: Ceremony) -> None:
    sealed = ceremony.seal_share(held.election, held.secrets[0], ONE, held.keys[2], Stream("for 3"))
    with pytest.raises(RejectedError):
        ceremony.open_share(held.election, held.secrets[1], sealed, held.keys[0], held.keys[1])
    redirected = replace(sealed, recipient=TWO)
    with pytest.raises(RejectedError, match="the proof in the sealed share"):
        ceremony.open_share(held.election, held.secrets[1], redirected, held.keys[0], held.keys[1])


# Complaints


@pytest.mark.parametrize("kind", BAD_SHARES)
def test_complaint_about_a_bad_share_convicts_its_sender(held: Ceremony, kind: str) -> None:
    complaint = ceremony.complain(held.election, held.secrets[1], BAD_SHARES[kind][0](held), Stream("complaint"))
    assert ceremony.judge_complaint(held.election, complaint, held.keys[0], held.keys[1]) == ONE


def honest_complaint(held: Ceremony) -> ShareComplaint:
    sealed = ceremony.seal_share(held.election, held.secrets[0], ONE, held.keys[1], Stream("share"))
    return ceremony.complain(held.election, held.secrets[1], sealed, Stream("complaint"))


@over(TOY, P4096)
def test_complaint_about_a_right_share_convicts_the_one_who_complains(group: Group) -> None:
    held = hold_ceremony(group, 3, 2)
    assert ceremony.judge_complaint(held.election, honest_complaint(held), held.keys[0], held.keys[1]) == TWO


@pytest.mark.parametrize("kind", ["beta", "challenge", "response", "no response", "two responses", "another's proof"])
def test_complaint_whose_beta_is_not_proved_convicts_the_one_who_complains(held: Ceremony, kind: str) -> None:
    bad = BAD_SHARES["another vote share"][0](held)
    complaint = ceremony.complain(held.election, held.secrets[1], bad, Stream("complaint"))
    proof = complaint.proof
    forged = {
        "beta": replace(complaint, beta=held.group.generator**5),
        "challenge": replace(complaint, proof=bump_challenge(proof)),
        "response": replace(complaint, proof=bump_response(proof, 0)),
        "no response": replace(complaint, proof=Proof(proof.challenge, ())),
        "two responses": replace(complaint, proof=Proof(proof.challenge, proof.responses * 2)),
        "another's proof": replace(
            complaint, proof=ceremony.complain(held.election, held.secrets[2], bad, Stream("complaint")).proof
        ),
    }
    assert ceremony.judge_complaint(held.election, complaint, held.keys[0], held.keys[1]) == ONE
    assert ceremony.judge_complaint(held.election, forged[kind], held.keys[0], held.keys[1]) == TWO


# What everybody has at the end


@over(TOY, P4096)
def test_joint_keys_are_products_and_shares_are_shares_of_their_secrets(group: Group) -> None:
    held = hold_ceremony(group, 3, 2)
    votes = [secret.vote.coefficients[0] for secret in held.secrets]
    assert held.joint.vote_key == group.generator ** reduce(SecretScalar.__add__, votes)
    assert held.joint.data_key == reduce(mul, (keys.data_commitments[0] for keys in held.keys))
    for quorum in ((ONE, TWO), (ONE, THREE), (TWO, THREE), (ONE, TWO, THREE)):
        known = {i: ceremony.share_keys(held.keys, i) for i in quorum}
        assert combine_shares({i: vote for i, (vote, _) in known.items()}) == held.joint.vote_key
        assert combine_shares({i: data for i, (_, data) in known.items()}) == held.joint.data_key


def test_share_of_each_trustee_is_the_logarithm_of_its_public_share(held: Ceremony) -> None:
    for share in held.shares:
        g = held.group.generator
        assert ceremony.share_keys(held.keys, share.trustee) == (g**share.vote, g**share.data)


def test_record_hash_covers_every_key_and_extended_hash_the_joint_keys(held: Ceremony) -> None:
    g, before = held.group.generator, held.joint
    moved = replace(held.keys[2], communication_key=g**5)
    after = ceremony.joint_keys(held.election, (*held.keys[:2], moved))
    assert after.trustee_record_hash != before.trustee_record_hash
    assert after.extended_hash == before.extended_hash
    moved = replace(held.keys[2], data_commitments=(g**5, held.keys[2].data_commitments[1]))
    after = ceremony.joint_keys(held.election, (*held.keys[:2], moved))
    assert after.extended_hash != before.extended_hash


def test_joint_keys_want_every_trustee_in_order(held: Ceremony) -> None:
    for everyone in (held.keys[:2], held.keys[::-1], (*held.keys, held.keys[0]), ()):
        with pytest.raises(ValueError, match="every trustee, in order"):
            ceremony.joint_keys(held.election, everyone)


def test_nothing_that_a_trustee_keeps_shows_itself(held: Ceremony) -> None:
    for kept in (held.secrets[0], held.shares[0]):
        numbers = [each.value for each in vars_of(kept)]
        assert not any(str(number) in repr(kept) for number in numbers)


def vars_of(kept: TrusteeSecrets | ceremony.KeyShare) -> list[SecretScalar]:
    if isinstance(kept, ceremony.KeyShare):
        return [kept.vote, kept.data]
    return [*kept.vote.coefficients, *kept.data.coefficients, kept.communication]


# Rehearsal


@over(TOY, P4096)
def test_rehearsal_of_each_trustee_verifies_and_for_no_other_trustee_or_ceremony(group: Group) -> None:
    held = hold_ceremony(group, 3, 2)
    proof = ceremony.rehearse(held.joint, held.shares[0], Stream("rehearsal"))
    assert ceremony.is_rehearsed(held.joint, held.keys, ONE, proof)
    assert not ceremony.is_rehearsed(held.joint, held.keys, TWO, proof)
    elsewhere = replace(held.joint, trustee_record_hash=bytes(32))
    assert not ceremony.is_rehearsed(elsewhere, held.keys, ONE, proof)


def test_forged_rehearsals_fail(held: Ceremony) -> None:
    proof = ceremony.rehearse(held.joint, held.shares[0], Stream("rehearsal"))
    one, two = held.shares[:2]
    lost = replace(one, vote=SecretScalar(TOY, integer(12345)))
    forged = {
        "a share that is lost": ceremony.rehearse(held.joint, lost, Stream("forged")),
        "exchanged shares": ceremony.rehearse(held.joint, replace(one, vote=one.data, data=one.vote), Stream("forged")),
        "another's shares": ceremony.rehearse(held.joint, replace(two, trustee=ONE), Stream("forged")),
        "challenge": bump_challenge(proof),
        "first response": bump_response(proof, 0),
        "second response": bump_response(proof, 1),
        "one response": Proof(proof.challenge, proof.responses[:1]),
        "three responses": Proof(proof.challenge, (*proof.responses, TOY.scalar(0))),
    }
    for kind, made in forged.items():
        assert not ceremony.is_rehearsed(held.joint, held.keys, ONE, made), kind


def test_keys_are_a_different_draw_each_time_by_default() -> None:
    election = Election.of(TOY, 1, 1, b"")
    made: list[TrusteeKeys] = [ceremony.generate(election, ONE)[1] for _ in range(2)]
    assert made[0].vote_commitments != made[1].vote_commitments
    assert made[0].communication_key != made[1].communication_key
