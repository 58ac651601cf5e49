"""Decryption in commit and answer: every quorum agrees, and whoever lies is named before anybody answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations

import pytest

from e2ev import ballot, ceremony, tally
from e2ev.arith import integer
from e2ev.ballot import BallotContext, BallotSecret
from e2ev.contest_data import decrypt_contest_data, encrypt_contest_data
from e2ev.demo.toy import TOY
from e2ev.elgamal import Ciphertext, combine, encrypt
from e2ev.errors import NotReadyError, RejectedError
from e2ev.group import P4096, Element, Group, Nonce, Residue, Scalar, SecretScalar
from e2ev.manifest import read_manifest
from e2ev.sharing import TrusteeId
from e2ev.sigma import Proof
from e2ev.tally import CountTask, DataTask, Opening, Task
from tests.groups import Ceremony, Stream, hold_ceremony, over
from tests.make_vectors import MANIFEST

ONE, TWO, THREE, FOUR = (TrusteeId(i) for i in range(1, 5))
COUNT, BOUND = 37, 60
EVERYONE = [TrusteeId(i) for i in range(1, 6)]
QUORUMS = list(chain.from_iterable(combinations(EVERYONE, size) for size in (3, 4, 5)))


def count_task(held: Ceremony, value: int = COUNT) -> CountTask:
    cipher = encrypt(held.joint.vote_key, value, Nonce(held.group, integer(31415926)))
    return CountTask(held.joint.extended_hash, 2, 3, cipher)


def data_task(held: Ceremony) -> DataTask:
    nonce = Nonce(held.group, integer(2718281828))
    cipher = encrypt_contest_data(held.joint.data_key, b"I" * 32, 4, b"d" * 64, nonce, Stream("data"))
    return DataTask(b"I" * 32, 4, cipher)


@dataclass(frozen=True)
class Round:
    """What a quorum sent, and what only its members know."""

    commitments: dict[TrusteeId, bytes]
    openings: dict[TrusteeId, Opening]
    responses: dict[TrusteeId, Scalar]
    nonces: dict[TrusteeId, Nonce]


def decrypt_together(held: Ceremony, task: Task, quorum: Sequence[TrusteeId]) -> Round:
    stream = Stream(f"nonces of {quorum}")
    nonces = {i: held.group.random_nonce(stream) for i in quorum}
    made = {i: tally.commit(task, held.shares[i - 1], quorum, nonces[i]) for i in quorum}
    commitments = {i: commitment for i, (commitment, _) in made.items()}
    openings = {i: opening for i, (_, opening) in made.items()}
    responses = {i: tally.respond(task, held.shares[i - 1], nonces[i], openings) for i in quorum}
    return Round(commitments, openings, responses, nonces)


@pytest.fixture(name="held")
def five_of_whom_three() -> Ceremony:
    return hold_ceremony(TOY, 5, 3)


# Counts


def decrypts_to_count(held: Ceremony, quorum: Sequence[TrusteeId]) -> bool:
    task, key = count_task(held), held.joint.vote_key
    done = decrypt_together(held, task, quorum)
    tally.check_openings(task, done.commitments, done.openings)
    for i in quorum:
        keys = ceremony.share_keys(held.keys, i)
        assert tally.is_valid_response(task, i, keys, done.openings, done.responses[i])
    joint, proof = tally.join(done.openings), tally.joint_proof(task, done.openings, done.responses)
    found = tally.decrypt_count(task, key, joint, proof, BOUND)
    return found.count == COUNT and tally.is_valid_joint_proof(task, key, joint.partial, proof)


@pytest.mark.parametrize("quorum", QUORUMS, ids=str)
def test_every_quorum_of_five_and_three_decrypts_to_the_same_count_with_a_proof(
    held: Ceremony, quorum: tuple[TrusteeId, ...]
) -> None:
    assert decrypts_to_count(held, quorum)


def test_quorum_in_another_order_decrypts_too(held: Ceremony) -> None:
    assert decrypts_to_count(held, (FOUR, ONE, THREE))


@pytest.mark.parametrize("quorum", [(ONE, THREE), (ONE, TWO, THREE)], ids=str)
def test_quorum_in_the_standard_group_decrypts_with_a_proof(quorum: tuple[TrusteeId, ...]) -> None:
    assert decrypts_to_count(hold_ceremony(P4096, 3, 2), quorum)


@pytest.mark.parametrize("quorum", list(combinations(EVERYONE, 2))[:4], ids=str)
def test_fewer_than_the_quorum_decrypt_to_nothing_and_prove_nothing(
    held: Ceremony, quorum: tuple[TrusteeId, ...]
) -> None:
    task, key = count_task(held), held.joint.vote_key
    done = decrypt_together(held, task, quorum)
    joint, proof = tally.join(done.openings), tally.joint_proof(task, done.openings, done.responses)
    assert not tally.is_valid_joint_proof(task, key, joint.partial, proof)
    with pytest.raises(RejectedError, match="not a count"):
        tally.decrypt_count(task, key, joint, proof, BOUND)


def test_weighted_sum_of_ballots_is_what_is_decrypted(held: Ceremony) -> None:
    votes = ((1, 1), (0, 5), (3, 4))
    ciphers = [
        encrypt(held.joint.vote_key, value, Nonce(TOY, integer(100 + i))) ** weight
        for i, (value, weight) in enumerate(votes)
    ]
    task = CountTask(held.joint.extended_hash, 1, 1, combine(TOY, ciphers))
    done = decrypt_together(held, task, (ONE, TWO, THREE))
    proof = tally.joint_proof(task, done.openings, done.responses)
    assert tally.decrypt_count(task, held.joint.vote_key, tally.join(done.openings), proof, 20).count == 13


@pytest.mark.parametrize(("count", "bound"), [(61, 60), (1, 0), (-1, 60), (10**6, 1000)])
def test_count_out_of_bounds_is_refused(held: Ceremony, count: int, bound: int) -> None:
    task = count_task(held, count)
    done = decrypt_together(held, task, (ONE, TWO, THREE))
    proof = tally.joint_proof(task, done.openings, done.responses)
    with pytest.raises(RejectedError, match=f"not a count of 0 to {bound}"):
        tally.decrypt_count(task, held.joint.vote_key, tally.join(done.openings), proof, bound)


@pytest.mark.parametrize("count", [0, 60])
def test_count_at_each_end_of_the_bounds_is_found(held: Ceremony, count: int) -> None:
    task = count_task(held, count)
    done = decrypt_together(held, task, (ONE, TWO, THREE))
    proof = tally.joint_proof(task, done.openings, done.responses)
    assert tally.decrypt_count(task, held.joint.vote_key, tally.join(done.openings), proof, 60).count == count


# Openings


def changed_openings(opening: Opening) -> dict[str, Opening]:
    other = opening.a.group.generator**999
    return {name: replace(opening, **{name: other}) for name in ("a", "b", "partial")}


@pytest.mark.parametrize("field", ["a", "b", "partial"])
@pytest.mark.parametrize("make", [count_task, data_task])
def test_opening_that_was_not_committed_to_names_its_trustee(held: Ceremony, make: object, field: str) -> None:
    task = count_task(held) if make is count_task else data_task(held)
    done = decrypt_together(held, task, (ONE, THREE, FOUR))
    bad = done.openings | {THREE: changed_openings(done.openings[THREE])[field]}
    with pytest.raises(RejectedError, match="not what was committed to") as error:
        tally.check_openings(task, done.commitments, bad)
    assert error.value.culprit == "trustee 3"


def test_opening_under_another_trustees_number_is_refused(held: Ceremony) -> None:
    task = count_task(held)
    done = decrypt_together(held, task, (ONE, TWO, THREE))
    swapped = done.openings | {ONE: done.openings[TWO], TWO: done.openings[ONE]}
    with pytest.raises(RejectedError, match="not what was committed to"):
        tally.check_openings(task, done.commitments, swapped)


def test_commitment_is_to_the_task_and_to_the_quorum(held: Ceremony) -> None:
    task, share, nonce = count_task(held), held.shares[0], Nonce(TOY, integer(77))
    first, opening = tally.commit(task, share, (ONE, TWO, THREE), nonce)
    assert tally.commit(task, share, (THREE, ONE, TWO), nonce) == (first, opening)
    others = [
        tally.commit(task, share, (ONE, TWO, FOUR), nonce)[0],
        tally.commit(task, share, (ONE, TWO, THREE, FOUR), nonce)[0],
        tally.commit(replace(task, option=4), share, (ONE, TWO, THREE), nonce)[0],
        tally.commit(replace(task, contest=4), share, (ONE, TWO, THREE), nonce)[0],
        tally.commit(replace(task, extended_hash=bytes(32)), share, (ONE, TWO, THREE), nonce)[0],
        tally.commit(task, share, (ONE, TWO, THREE), Nonce(TOY, integer(78)))[0],
    ]
    assert len({first, *others}) == 7


def test_missing_opening_is_waited_for_and_one_too_many_names_its_trustee(held: Ceremony) -> None:
    task = count_task(held)
    done = decrypt_together(held, task, (ONE, TWO, THREE))
    late = decrypt_together(held, task, (ONE, TWO, FOUR)).openings[FOUR]
    with pytest.raises(NotReadyError, match="the opening of trustee 2 is missing"):
        tally.check_openings(task, done.commitments, {i: done.openings[i] for i in (ONE, THREE)})
    with pytest.raises(RejectedError, match="was not committed to") as error:
        tally.check_openings(task, done.commitments, done.openings | {FOUR: late})
    assert error.value.culprit == "trustee 4"


# Responses


@pytest.mark.parametrize("make", [count_task, data_task])
def test_bad_response_is_found_at_its_trustee_and_spoils_the_joint_proof(held: Ceremony, make: object) -> None:
    task: Task = count_task(held) if make is count_task else data_task(held)
    key = held.joint.vote_key if make is count_task else held.joint.data_key
    done = decrypt_together(held, task, (ONE, TWO, FOUR))
    bad = done.responses | {TWO: done.responses[TWO] + 1}
    wrong = [
        i
        for i, response in bad.items()
        if not tally.is_valid_response(task, i, ceremony.share_keys(held.keys, i), done.openings, response)
    ]
    assert wrong == [TWO]
    partial = tally.join(done.openings).partial
    assert tally.is_valid_joint_proof(task, key, partial, tally.joint_proof(task, done.openings, done.responses))
    assert not tally.is_valid_joint_proof(task, key, partial, tally.joint_proof(task, done.openings, bad))


def test_response_with_another_share_than_the_trustees_is_found(held: Ceremony) -> None:
    task, quorum = count_task(held), (ONE, TWO, THREE)
    lost = replace(held.shares[1], vote=SecretScalar(TOY, integer(5)))
    shares = {ONE: held.shares[0], TWO: lost, THREE: held.shares[2]}
    nonces = {i: Nonce(TOY, integer(1000 + i)) for i in quorum}
    made = {i: tally.commit(task, shares[i], quorum, nonces[i]) for i in quorum}
    openings = {i: opening for i, (_, opening) in made.items()}
    tally.check_openings(task, {i: commitment for i, (commitment, _) in made.items()}, openings)
    responses = {i: tally.respond(task, shares[i], nonces[i], openings) for i in quorum}
    valid = {
        i: tally.is_valid_response(task, i, ceremony.share_keys(held.keys, i), openings, responses[i]) for i in quorum
    }
    assert valid == {ONE: True, TWO: False, THREE: True}


def test_joint_proof_fails_for_every_changed_input(held: Ceremony) -> None:
    task, key = count_task(held), held.joint.vote_key
    done = decrypt_together(held, task, (ONE, TWO, THREE))
    partial, proof = tally.join(done.openings).partial, tally.joint_proof(task, done.openings, done.responses)
    assert tally.is_valid_joint_proof(task, key, partial, proof)
    other, cipher = TOY.generator**5, task.ciphertext
    changed: list[tuple[Task, Element, Element, Proof]] = [
        (replace(task, extended_hash=bytes(32)), key, partial, proof),
        (replace(task, contest=3), key, partial, proof),
        (replace(task, option=2), key, partial, proof),
        (replace(task, ciphertext=Ciphertext(other, cipher.beta)), key, partial, proof),
        (replace(task, ciphertext=Ciphertext(cipher.alpha, other)), key, partial, proof),
        (task, other, partial, proof),
        (task, key, other, proof),
        (task, key, partial, replace(proof, challenge=proof.challenge + 1)),
        (task, key, partial, replace(proof, responses=(proof.responses[0] + 1,))),
        (task, key, partial, replace(proof, responses=())),
        (task, key, partial, replace(proof, responses=proof.responses * 2)),
    ]
    for position, inputs in enumerate(changed):
        assert not tally.is_valid_joint_proof(*inputs), position


# Membership: what the proofs alone would let through


def negated(element: Element) -> Residue:
    return Residue(element.group, element.group.p - element.value)


@over(TOY, P4096)
def test_negated_partial_decryption_gets_no_further_than_the_door(group: Group) -> None:
    held = hold_ceremony(group, 3, 2)
    opening = decrypt_together(held, count_task(held), (ONE, TWO)).openings[ONE]
    assert group.element(Residue(group, opening.partial.value)) == opening.partial
    with pytest.raises(RejectedError, match="not in Z_p"):
        group.element(negated(opening.partial))
    with pytest.raises(TypeError, match="after its membership was checked"):
        opening.partial * negated(opening.partial)  # type: ignore[operator]  # that is the point


def test_negated_beta_would_pass_the_printed_check_whenever_the_challenge_is_even(held: Ceremony) -> None:
    task, key, quorum = data_task(held), held.joint.data_key, (ONE, TWO, THREE)
    outcomes = set()
    for attempt in range(20):
        stream = Stream(f"attempt {attempt}")
        nonces = {i: TOY.random_nonce(stream) for i in quorum}
        openings = {i: tally.commit(task, held.shares[i - 1], quorum, nonces[i])[1] for i in quorum}
        # Trustee 3 sends -m_3, an Element made past the door, as a verifier without membership has it; w_3 is odd.
        openings[THREE] = replace(openings[THREE], partial=Element(TOY, negated(openings[THREE].partial).value))
        responses = {i: tally.respond(task, held.shares[i - 1], nonces[i], openings) for i in quorum}
        partial, proof = tally.join(openings).partial, tally.joint_proof(task, openings, responses)
        assert not TOY.is_member(partial)
        outcomes.add((int(proof.challenge.value) % 2, tally.is_valid_joint_proof(task, key, partial, proof)))
    assert outcomes == {(0, True), (1, False)}


# Contest data


@over(TOY, P4096)
def test_contest_data_is_decrypted_by_every_quorum_with_a_proof(group: Group) -> None:
    held = hold_ceremony(group, 3, 2)
    task = data_task(held)
    for quorum in ((ONE, TWO), (TWO, THREE), (ONE, TWO, THREE)):
        done = decrypt_together(held, task, quorum)
        tally.check_openings(task, done.commitments, done.openings)
        beta, proof = tally.join(done.openings).partial, tally.joint_proof(task, done.openings, done.responses)
        assert tally.is_valid_joint_proof(task, held.joint.data_key, beta, proof)
        assert not tally.is_valid_joint_proof(task, held.joint.vote_key, beta, proof)
        assert decrypt_contest_data(task.identifier_hash, task.contest, task.ciphertext, beta) == b"d" * 64


def test_proof_for_contest_data_is_bound_to_ballot_contest_and_every_part_of_the_ciphertext(held: Ceremony) -> None:
    task, key = data_task(held), held.joint.data_key
    done = decrypt_together(held, task, (ONE, TWO, THREE))
    beta, proof = tally.join(done.openings).partial, tally.joint_proof(task, done.openings, done.responses)
    cipher, g = task.ciphertext, TOY.generator
    for other in (
        replace(task, identifier_hash=b"J" * 32),
        replace(task, contest=5),
        replace(task, ciphertext=replace(cipher, c0=g)),
        replace(task, ciphertext=replace(cipher, c1=bytes(64))),
        replace(task, ciphertext=replace(cipher, c2=Proof(cipher.c2.challenge + 1, cipher.c2.responses))),
        replace(task, ciphertext=replace(cipher, c2=Proof(cipher.c2.challenge, (TOY.scalar(0),)))),
    ):
        assert not tally.is_valid_joint_proof(other, key, beta, proof)
    assert tally.is_valid_joint_proof(task, key, beta, proof)


# Nonce shares


def encrypted_ballot(held: Ceremony) -> tuple[ballot.EncryptedBallot, BallotSecret]:
    keys = held.joint
    context = BallotContext(read_manifest(MANIFEST), keys.vote_key, keys.data_key, keys.extended_hash)
    contests = (ballot.PlainContest(1, (1, 0)), ballot.PlainContest(2, (2, 1)))
    plain = ballot.PlainBallot(1, 1, contests)
    return ballot.encrypt_ballot(context, plain, b"author", 1, bytes(36), Stream("challenged"))


@over(TOY, P4096)
def test_every_quorum_finds_the_ballot_nonce_and_each_share_proves_itself(group: Group) -> None:
    held = hold_ceremony(group, 3, 2)
    made, secret = encrypted_ballot(held)
    for quorum in ((ONE, TWO), (ONE, THREE), (ONE, TWO, THREE)):
        shares = {
            i: tally.nonce_share(made.identifier_hash, made.nonce.c0, held.shares[i - 1], Stream("share"))
            for i in quorum
        }
        for i, share in shares.items():
            keys = ceremony.share_keys(held.keys, i)
            assert tally.is_valid_nonce_share(made.identifier_hash, made.nonce.c0, i, keys, share)
        assert ballot.decrypt_ballot_nonce(made, tally.combine_nonce_shares(shares)) == secret


def test_one_share_too_few_finds_another_nonce(held: Ceremony) -> None:
    made, secret = encrypted_ballot(held)
    shares = {i: tally.nonce_share(made.identifier_hash, made.nonce.c0, held.shares[i - 1]) for i in (ONE, TWO)}
    assert ballot.decrypt_ballot_nonce(made, tally.combine_nonce_shares(shares)) != secret


def test_bad_nonce_share_is_found_at_its_trustee(held: Ceremony) -> None:
    made, _ = encrypted_ballot(held)
    identifier, c0, keys = made.identifier_hash, made.nonce.c0, ceremony.share_keys(held.keys, ONE)
    share = tally.nonce_share(identifier, c0, held.shares[0], Stream("share"))
    lost = replace(held.shares[0], data=SecretScalar(TOY, integer(5)))
    proof = share.proof
    bad = {
        "another ballot": (b"J" * 32, c0, ONE, keys, share),
        "another ciphertext": (identifier, c0 * c0, ONE, keys, share),
        "another trustee": (identifier, c0, TWO, ceremony.share_keys(held.keys, TWO), share),
        "another number": (identifier, c0, TWO, keys, share),
        "another partial": (identifier, c0, ONE, keys, replace(share, partial=share.partial * c0)),
        "a share that is lost": (identifier, c0, ONE, keys, tally.nonce_share(identifier, c0, lost)),
        "the vote share": (identifier, c0, ONE, keys[::-1], share),
        "challenge": (identifier, c0, ONE, keys, replace(share, proof=Proof(proof.challenge + 1, proof.responses))),
        "response": (identifier, c0, ONE, keys, replace(share, proof=Proof(proof.challenge, (TOY.scalar(0),)))),
        "no response": (identifier, c0, ONE, keys, replace(share, proof=Proof(proof.challenge, ()))),
        "two responses": (identifier, c0, ONE, keys, replace(share, proof=Proof(proof.challenge, proof.responses * 2))),
    }
    assert tally.is_valid_nonce_share(identifier, c0, ONE, keys, share)
    for what, inputs in bad.items():
        assert not tally.is_valid_nonce_share(*inputs), what
