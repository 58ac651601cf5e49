"""One engine for all proofs: honest ones verify, everything else does not, and the order of draws is as documented."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2ev import proofs, sigma
from e2ev.arith import COUNTS, integer
from e2ev.demo.toy import TOY
from e2ev.elgamal import Ciphertext, encrypt
from e2ev.group import P3072, P4096, Element, Group, Nonce, Scalar, SecretScalar
from e2ev.sigma import Proof, ProofOfOne, Relation
from tests.groups import Script, Stream, law, over

Kind = type[Nonce] | type[SecretScalar]


def challenge_with(group: Group, statement: bytes) -> sigma.Challenge:
    def challenge(commitments: Sequence[Element]) -> Scalar:
        digest = sha256(statement + b"".join(each.to_bytes() for each in commitments)).digest()
        return group.scalar(integer(digest))

    return challenge


def knowledge_of(group: Group, kind: Kind, count: int) -> tuple[Relation, tuple[Nonce | SecretScalar, ...]]:
    """A Schnorr statement over `count` witnesses."""
    witnesses = tuple(kind(group, integer(1000 + i)) for i in range(count))
    return proofs.knowledge(*((group.generator**x, group.generator) for x in witnesses)), witnesses


# Schnorr's and Chaum and Pedersen's proofs


@pytest.mark.parametrize("kind", [Nonce, SecretScalar])
@pytest.mark.parametrize("count", [1, 3])
@over(TOY, P3072, P4096)
def test_proof_of_knowledge_verifies(group: Group, count: int, kind: Kind) -> None:
    relation, witnesses = knowledge_of(group, kind, count)
    challenge = challenge_with(group, b"knowledge")
    proof = sigma.prove(relation, witnesses, challenge, Stream("knowledge"))
    assert len(proof.responses) == count
    assert sigma.is_valid(relation, proof, challenge)


def test_proof_of_knowledge_fails_for_another_statement_target_base_challenge_or_response() -> None:
    relation, witnesses = knowledge_of(TOY, Nonce, 3)
    challenge = challenge_with(TOY, b"knowledge")
    proof = sigma.prove(relation, witnesses, challenge, Stream("knowledge"))
    assert not sigma.is_valid(relation, proof, challenge_with(TOY, b"another"))
    assert not sigma.is_valid(relation, replace(proof, challenge=proof.challenge + 1), challenge)
    for i in range(3):
        responses = tuple(v + 1 if i == j else v for j, v in enumerate(proof.responses))
        assert not sigma.is_valid(relation, replace(proof, responses=responses), challenge)
        for row in (replace(relation[i], target=((TOY.generator**999, 1),)),
                    replace(relation[i], bases=((TOY.generator**2, i),))):  # fmt: skip
            assert not sigma.is_valid((*relation[:i], row, *relation[i + 1 :]), proof, challenge)


@pytest.mark.parametrize("count", [1, 3])
def test_proof_with_a_response_too_few_or_too_many_is_invalid_and_no_error(count: int) -> None:
    relation, witnesses = knowledge_of(TOY, Nonce, count)
    challenge = challenge_with(TOY, b"knowledge")
    proof = sigma.prove(relation, witnesses, challenge, Stream("knowledge"))
    for responses in ((), proof.responses[:-1], (*proof.responses, TOY.scalar(0))):
        assert not sigma.is_valid(relation, replace(proof, responses=responses), challenge)


@over(TOY, P4096)
def test_proof_of_equal_logarithms_verifies_and_fails_where_they_differ(group: Group) -> None:
    base, x = group.generator**17, SecretScalar(group, integer(4711))
    challenge = challenge_with(group, b"equal")
    relation = proofs.equal_logarithms((group.generator**x, group.generator), (base**x, base))
    proof = sigma.prove(relation, (x,), challenge, Stream("equal"))
    assert sigma.is_valid(relation, proof, challenge)
    unequal = proofs.equal_logarithms((group.generator**x, group.generator), (base ** (x + 1), base))
    assert not sigma.is_valid(unequal, proof, challenge)
    assert not sigma.is_valid(unequal, sigma.prove(unequal, (x,), challenge, Stream("unequal")), challenge)


def test_commitments_recomputed_from_an_honest_proof_are_those_that_were_committed_to() -> None:
    relation, witnesses = knowledge_of(TOY, SecretScalar, 2)
    nonces = [Nonce(TOY, integer(11)), Nonce(TOY, integer(22))]
    c = TOY.scalar(31337)
    responses = [sigma.respond(u, c, x) for u, x in zip(nonces, witnesses, strict=True)]
    assert sigma.recompute(relation, c, responses) == sigma.commit(relation, nonces)


def test_proof_draws_one_nonce_a_witness_in_their_order_and_answers_u_minus_cx() -> None:
    relation, witnesses = knowledge_of(TOY, Nonce, 2)
    challenge = challenge_with(TOY, b"knowledge")
    script = Script((5).to_bytes(8, "big"), (6).to_bytes(8, "big"))
    proof = sigma.prove(relation, witnesses, challenge, script)
    assert script.left == []
    assert proof.challenge == challenge([TOY.generator**5, TOY.generator**6])
    expected = [(u - proof.challenge.value * x.value) % TOY.q for u, x in zip((5, 6), witnesses, strict=True)]
    assert [v.value for v in proof.responses] == expected


@law
@given(st.integers(min_value=0, max_value=2**64 - 60), st.integers(min_value=0, max_value=2**64 - 60))
def test_nonce_that_answers_two_challenges_gives_the_witness_away(x: int, u: int) -> None:
    witness, nonce = SecretScalar(TOY, integer(x)), Nonce(TOY, integer(u))
    first, second = TOY.scalar(12345), TOY.scalar(67890)
    difference = sigma.respond(nonce, first, witness) - sigma.respond(nonce, second, witness)
    assert (difference * (second - first).inverse()).value == witness.value


# One of several


def range_of(
    group: Group, value: int, limit: int, claimed: int | None = None, seed: str = "range"
) -> tuple[Ciphertext, Element, ProofOfOne]:
    """An encryption of `value` and a proof for 0 .. limit, whose maker takes `claimed` for the true branch."""
    key, nonce = (group.generator**424242).prepared(), Nonce(group, integer(171717))
    cipher = encrypt(key, value, nonce)
    known = proofs.in_range_known(key, value, limit)
    true = value if claimed is None else claimed
    return cipher, key, sigma.prove_one(known, true, nonce, challenge_with(group, b"range"), Stream(seed))


def verifies(group: Group, cipher: Ciphertext, key: Element, limit: int, proof: ProofOfOne) -> bool:
    return sigma.Claim(proofs.in_range(cipher, key, limit), proof, challenge_with(group, b"range")).holds()


@pytest.mark.parametrize(("value", "limit"), [(0, 0), (0, 1), (1, 1), (0, 5), (3, 5), (5, 5)])
@over(TOY, P4096)
def test_range_proof_of_each_value_verifies(group: Group, value: int, limit: int) -> None:
    cipher, key, proof = range_of(group, value, limit)
    assert verifies(group, cipher, key, limit, proof)


@pytest.mark.parametrize("claimed", [0, 1, 2, 3])
@pytest.mark.parametrize("value", [-1, 4, 10**6])
def test_range_proof_for_a_value_outside_fails_whatever_its_maker_claims(value: int, claimed: int) -> None:
    cipher, key, proof = range_of(TOY, value, 3, claimed)
    assert not verifies(TOY, cipher, key, 3, proof)


def test_range_proof_with_the_wrong_branch_taken_for_true_fails() -> None:
    cipher, key, proof = range_of(TOY, 2, 3, claimed=1)
    assert not verifies(TOY, cipher, key, 3, proof)


@pytest.mark.parametrize("position", range(4))
def test_range_proof_fails_for_any_changed_challenge_or_response(position: int) -> None:
    cipher, key, proof = range_of(TOY, 2, 3)

    def bumped(values: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
        return tuple(value + 1 if i == position else value for i, value in enumerate(values))

    assert not verifies(TOY, cipher, key, 3, replace(proof, challenges=bumped(proof.challenges)))
    assert not verifies(TOY, cipher, key, 3, replace(proof, responses=bumped(proof.responses)))


def test_range_proof_fails_for_another_ciphertext_key_or_statement() -> None:
    cipher, key, proof = range_of(TOY, 1, 1)
    other = TOY.generator**3
    assert not verifies(TOY, replace(cipher, alpha=other), key, 1, proof)
    assert not verifies(TOY, replace(cipher, beta=other), key, 1, proof)
    assert not verifies(TOY, cipher, other, 1, proof)
    assert not sigma.Claim(proofs.in_range(cipher, key, 1), proof, challenge_with(TOY, b"another")).holds()


def test_range_proof_with_another_number_of_branches_fails_in_each_direction() -> None:
    cipher, key, proof = range_of(TOY, 1, 2)
    for limit in (0, 1, 3):
        assert not verifies(TOY, cipher, key, limit, proof)
    zero = TOY.scalar(0)
    for challenges, responses in (((), ()), (proof.challenges, proof.responses[:-1]),
                                  (proof.challenges[:-1], proof.responses),
                                  ((*proof.challenges, zero), (*proof.responses, zero))):  # fmt: skip
        assert not verifies(TOY, cipher, key, 2, ProofOfOne(challenges, responses))


def test_range_proof_does_not_show_which_branch_is_true() -> None:
    shapes = {value: range_of(TOY, value, 3, seed=f"value {value}")[2] for value in range(4)}
    for proof in shapes.values():
        assert (len(proof.challenges), len(proof.responses)) == (4, 4)
        assert len({each.value for each in (*proof.challenges, *proof.responses)}) == 8


def test_range_proof_draws_every_u_and_then_c_for_each_false_branch() -> None:
    key, nonce, u, c = TOY.generator**9, Nonce(TOY, integer(17)), (101, 102, 103), {0: 201, 2: 203}
    script = Script(*(number.to_bytes(8, "big") for number in (*u, *c.values())))
    challenge = challenge_with(TOY, b"range")
    proof = sigma.prove_one(proofs.in_range_known(key, 1, 2), 1, nonce, challenge, script)
    assert script.left == []
    assert [proof.challenges[j].value for j in c] == list(c.values())
    # EGDS (57), (58): a_j = g^u_j, b_j = K^(u_j + (l-j)·c_j), and c_j = 0 has no part where j = l.
    commitments = [
        element
        for j in range(3)
        for element in (TOY.generator ** u[j], key ** (u[j] + (1 - j) * c.get(j, 0)))
    ]  # fmt: skip
    assert sum(proof.challenges, start=TOY.scalar(0)) == challenge(commitments)
    claim = sigma.Claim(proofs.in_range(encrypt(key, 1, nonce), key, 2), proof, challenge)
    assert list(claim.recomputed()) == commitments


def test_same_row_may_name_one_base_twice() -> None:
    g, x = TOY.generator, Nonce(TOY, integer(5))
    relation: Relation = (sigma.Row(((g**10, 1),), ((g, 0), (g, 0))),)
    challenge = challenge_with(TOY, b"twice")
    assert sigma.is_valid(relation, sigma.prove(relation, (x,), challenge, Stream("twice")), challenge)


def test_transcript_made_up_without_the_witness_fails_because_the_challenge_is_a_hash() -> None:
    relation, _ = knowledge_of(TOY, Nonce, 1)
    challenge = challenge_with(TOY, b"knowledge")
    for number in range(50):
        made_up = Proof(TOY.scalar(number), (TOY.scalar(number * number),))
        assert not sigma.is_valid(relation, made_up, challenge)


def test_branches_without_a_challenge_and_a_response_each_are_a_programmers_mistake() -> None:
    cipher, key, proof = range_of(TOY, 1, 2)
    for short in (replace(proof, challenges=proof.challenges[:-1]), replace(proof, responses=proof.responses[:-1])):
        with pytest.raises(ValueError, match="zip"):
            sigma.Claim(proofs.in_range(cipher, key, 2), short, challenge_with(TOY, b"range")).recomputed()


# The work that a proof takes


def test_element_without_a_table_that_stands_in_several_rows_squares_once() -> None:
    plain, other, base = TOY.generator**7, TOY.generator**9, TOY.generator
    rows = tuple(sigma.Row(((target, 1),), ((base, i),)) for i, target in enumerate((plain, other, plain)))
    responses = tuple(TOY.scalar(1000 + i) for i in range(3))
    COUNTS.reset()
    sigma.recompute(rows, TOY.scalar(77), responses)
    assert (COUNTS.shared_power, COUNTS.power, COUNTS.fixed_base) == (2, 1, 3)


def test_nonces_are_raised_one_by_one() -> None:
    plain = TOY.generator**7
    rows = tuple(sigma.Row(((plain, 1),), ((plain, i),)) for i in range(2))
    COUNTS.reset()
    sigma.commit(rows, [Nonce(TOY, integer(1000 + i)) for i in range(2)])
    assert (COUNTS.shared_power, COUNTS.power + COUNTS.power_secret) == (0, 2)
