"""Ballots of every kind of limit: encrypted, proved, coded and opened; and what each hash covers."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from e2ev import ballot, chaining, claims, contest_data, hashing, proofs, sigma
from e2ev.arith import integer
from e2ev.ballot import (
    BallotContext,
    BallotSecret,
    EncryptedBallot,
    EncryptedContest,
    EncryptedSelection,
    PlainBallot,
    PlainContest,
)
from e2ev.demo.toy import TOY
from e2ev.elgamal import HashedCiphertext, encrypt
from e2ev.errors import DataError, RejectedError
from e2ev.group import P4096, Group, Nonce, Scalar
from e2ev.hashing import JointCommitments
from e2ev.manifest import Option, Text, read_manifest
from e2ev.sigma import Proof, ProofOfOne
from tests.groups import TOY32, Stream, over
from tests.make_vectors import recording

MANIFEST = read_manifest(b"""{"format": "e2ev manifest 1", "label": "Kinds", "name": {"en": "Kinds"},
 "date": "2027-05-06", "contests": [
  {"label": "single", "selection_limit": 1, "contest_data": {"blocks": 2}, "write_ins": 1,
   "options": [{"label": "a"}, {"label": "b"}, {"label": "c"}]},
  {"label": "two of three", "selection_limit": 2, "options": [{"label": "a"}, {"label": "b"}, {"label": "c"}]},
  {"label": "approval", "selection_limit": 3, "options": [{"label": "a"}, {"label": "b"}, {"label": "c"}]},
  {"label": "cumulative", "selection_limit": 5, "option_limit": 3, "contest_data": {"blocks": 1},
   "options": [{"label": "a"}, {"label": "b", "limit": 2}]},
  {"label": "score", "selection_limit": 6, "option_limit": 3, "options": [{"label": "a"}, {"label": "b"}]}],
 "reporting_units": [{"label": "hall"}, {"label": "post"}],
 "ballot_styles": [{"label": "all", "contests": ["single", "two of three", "approval", "cumulative", "score"]},
  {"label": "short", "contests": ["single", "score"], "units": ["hall"]}],
 "weights": {"classes": [1, 4]}}""")

VOTE_SECRET, DATA_SECRET = 1111, 2222
AUTHOR, FIELD = b"author's key", bytes(36)


def context_of(group: Group) -> BallotContext:
    g = group.generator
    return BallotContext(MANIFEST, (g**VOTE_SECRET).prepared(), (g**DATA_SECRET).prepared(), b"E" * 32)


CONTEXT = context_of(TOY)

VOTES = {
    "normal": ((1, 0, 0), (1, 0, 1), (1, 1, 1), (3, 2), (3, 3)),
    "undervote": ((0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1), (2, 0)),
    "null vote": ((0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0), (0, 0)),
    "overvote of the contest": ((1, 1, 0), (1, 1, 1), (1, 1, 1), (3, 3), (3, 3)),
    "overvote of an option": ((2, 0, 0), (0, 2, 0), (0, 0, 2), (0, 3), (4, 0)),
}


def encrypted(
    votes: tuple[tuple[int, ...], ...], context: BallotContext = CONTEXT, write_in: str = "", seed: str = "ballot"
) -> tuple[EncryptedBallot, BallotSecret]:
    contests = [PlainContest(i, selections) for i, selections in enumerate(votes, 1)]
    contests[0] = replace(contests[0], write_ins=(write_in,) if write_in else ())
    plain = PlainBallot(style=1, unit=2, contests=tuple(contests))
    return ballot.encrypt_ballot(context, plain, AUTHOR, 7, FIELD, Stream(seed))


def has_valid_proofs(context: BallotContext, made: EncryptedBallot) -> bool:
    for contest in made.contests:
        known = context.manifest.contest(contest.contest)
        where = (context.vote_key, made.identifier_hash, contest.contest)
        pairs = zip(known.options, contest.selections, strict=True)
        if not all(claims.is_valid_selection(*where, option, selection) for option, selection in pairs):
            return False
        if not claims.is_valid_limit(*where[:2], known.selection_limit, contest):
            return False
        if contest.data and not claims.is_valid_data_proof(*where[1:], contest.data):
            return False
    return claims.is_valid_nonce_proof(made.identifier_hash, made.nonce)


def opened(context: BallotContext, made: EncryptedBallot, secret: BallotSecret) -> list[ballot.OpenedContest]:
    return [ballot.open_contest(context, made.identifier_hash, contest, secret) for contest in made.contests]


# Every kind of contest and of vote


@pytest.mark.parametrize("kind", VOTES)
def test_ballot_of_each_kind_proves_itself_and_opens_to_what_counts(kind: str) -> None:
    made, secret = encrypted(VOTES[kind])
    assert has_valid_proofs(CONTEXT, made)
    for plain, contest, shown in zip(VOTES[kind], MANIFEST.contests, opened(CONTEXT, made, secret), strict=True):
        counts = (0,) * len(plain) if contest_data.is_overvote(contest, plain) else plain
        assert tuple(each.value for each in shown.selections) == counts
        assert [each.label for each in shown.selections] == [option.label for option in contest.options]
        assert (shown.contest, shown.label) == (contest.index, contest.label)


@pytest.mark.parametrize("kind", VOTES)
def test_contest_data_says_what_kind_of_vote_it_was(kind: str) -> None:
    made, secret = encrypted(VOTES[kind])
    cumulative = contest_data.decode_contest_data(opened(CONTEXT, made, secret)[3].data)
    assert cumulative.status == kind.partition(" of ")[0]
    assert cumulative.marks == (VOTES[kind][3] if kind.startswith("overvote") else ())


def test_overvote_counts_for_nobody_and_its_marks_stand_in_the_contest_data() -> None:
    made, secret = encrypted(VOTES["overvote of an option"])
    cumulative = opened(CONTEXT, made, secret)[3]
    assert [each.value for each in cumulative.selections] == [0, 0]
    data = contest_data.decode_contest_data(cumulative.data)
    assert (data.status, data.marks) == ("overvote", (0, 3))


def test_write_in_stands_in_the_contest_data_of_its_contest() -> None:
    made, secret = encrypted(VOTES["normal"], write_in="Şebnem")
    assert contest_data.decode_contest_data(opened(CONTEXT, made, secret)[0].data).write_ins == ("Şebnem",)


def test_contest_data_has_the_manifests_length_whatever_was_voted() -> None:
    for kind, votes in VOTES.items():
        made, _ = encrypted(votes)
        lengths = [len(contest.data.c1) if contest.data else 0 for contest in made.contests]
        assert lengths == [64, 0, 0, 32, 0], kind


def test_ballot_in_the_standard_group_proves_itself_and_opens() -> None:
    context = context_of(P4096)
    plain = PlainBallot(2, 1, (PlainContest(1, (0, 1, 0)), PlainContest(5, (3, 1))), weight=4)
    made, secret = ballot.encrypt_ballot(context, plain, AUTHOR, 1, FIELD, Stream("standard"))
    assert has_valid_proofs(context, made)
    shown = opened(context, made, secret)
    assert [[each.value for each in contest.selections] for contest in shown] == [[0, 1, 0], [3, 1]]
    assert (made.style, made.unit, made.weight) == (2, 1, 4)


# Codes and identifiers


def test_identifier_binds_author_and_counter_and_opens_by_the_salt() -> None:
    made, _ = encrypted(VOTES["normal"])
    assert made.identifier == hashing.selection_identifier(AUTHOR, 7, made.salt)
    assert made.identifier_hash == hashing.identifier_hash(CONTEXT.extended_hash, made.identifier)
    assert made.identifier != hashing.selection_identifier(AUTHOR, 8, made.salt)


def test_code_covers_all_contest_hashes_in_order_and_the_chaining_field() -> None:
    made, _ = encrypted(VOTES["normal"])
    hashes = [contest.contest_hash for contest in made.contests]
    assert made.code == hashing.confirmation_code(made.identifier_hash, hashes, FIELD)
    assert made.code != hashing.confirmation_code(made.identifier_hash, hashes[::-1], FIELD)
    for contest in made.contests:
        parts = (made.identifier_hash, contest.contest, contest.selections, contest.data)
        assert contest.contest_hash == ballot.contest_hash(*parts)


def test_contest_hash_covers_every_ciphertext_and_the_contest_data_but_no_proof() -> None:
    made, _ = encrypted(VOTES["normal"])
    contest = made.contests[0]
    assert contest.data is not None
    first = contest.selections[0]

    def hash_with(selections: tuple[EncryptedSelection, ...], data: HashedCiphertext | None) -> bytes:
        return ballot.contest_hash(made.identifier_hash, 1, selections, data)

    other = replace(first, ciphertext=replace(first.ciphertext, beta=TOY.generator))
    swapped = (contest.selections[1], contest.selections[0], contest.selections[2])
    for selections, data in (((other, *contest.selections[1:]), contest.data), (swapped, contest.data),
                             (contest.selections, None), (contest.selections, replace(contest.data, c1=bytes(64))),
                             (contest.selections, replace(contest.data, c2=first_as_proof(first)))):  # fmt: skip
        assert hash_with(selections, data) != contest.contest_hash
    bare = tuple(replace(each, proof=ProofOfOne((), ())) for each in contest.selections)
    assert hash_with(bare, contest.data) == contest.contest_hash


def first_as_proof(selection: EncryptedSelection) -> Proof:
    return Proof(selection.proof.challenges[0], selection.proof.responses[:1])


def test_two_ballots_with_the_same_choices_have_nothing_in_common() -> None:
    one, two = (encrypted(VOTES["normal"], seed=seed)[0] for seed in ("one", "two"))
    assert (one.identifier, one.code, one.nonce) != (two.identifier, two.code, two.nonce)
    ciphers = [
        {each.ciphertext.alpha.value for c in made.contests for each in c.selections}
        | {each.ciphertext.beta.value for c in made.contests for each in c.selections}
        for made in (one, two)
    ]
    assert ciphers[0].isdisjoint(ciphers[1])
    assert len(ciphers[0]) == 2 * 13


def test_ballot_draws_its_salt_and_its_nonce_first() -> None:
    stream = Stream("order")
    plain = PlainBallot(2, 1, (PlainContest(1, (1, 0, 0)), PlainContest(5, (0, 0))))
    made, secret = ballot.encrypt_ballot(CONTEXT, plain, AUTHOR, 1, FIELD, stream)
    assert [made.salt, secret.ballot_nonce] == stream.given[:2]


def test_choices_and_secret_do_not_show_themselves() -> None:
    plain = PlainContest(1, (98765, 0, 0), ("a name",))
    for shown in (repr(plain), repr(PlainBallot(1, 1, (plain,))), repr(BallotSecret(b"a secret ballot nonce"))):
        assert not any(text in shown for text in ("98765", "a name", "secret ballot"))


# What does not fit the manifest


def short_ballot(*contests: PlainContest, unit: int = 1, weight: int = 1) -> PlainBallot:
    return PlainBallot(2, unit, contests, weight)


ONE, FIVE = PlainContest(1, (1, 0, 0)), PlainContest(5, (1, 2))
MISFITS = {
    "a contest is missing": (short_ballot(ONE), "not those of style short"),
    "a contest too many": (short_ballot(ONE, PlainContest(2, (0, 0, 0)), FIVE), "not those of style short"),
    "another order": (short_ballot(FIVE, ONE), "not those of style short"),
    "an option is missing": (short_ballot(ONE, PlainContest(5, (1,))), "2 numbers from 0 up are needed"),
    "an option too many": (short_ballot(ONE, PlainContest(5, (1, 0, 0))), "2 numbers from 0 up are needed"),
    "a negative number": (short_ballot(ONE, PlainContest(5, (1, -1))), "2 numbers from 0 up are needed"),
    "another unit": (short_ballot(ONE, FIVE, unit=2), "not voted at reporting unit 2"),
    "another weight": (short_ballot(ONE, FIVE, weight=3), "weight 3 is not among"),
    "no such style": (PlainBallot(3, 1, (ONE, FIVE)), "no ballot style has the index 3"),
    "a write-in that is not kept": (short_ballot(ONE, replace(FIVE, write_ins=("x",))), "the contest keeps none"),
    "two write-ins": (short_ballot(replace(ONE, write_ins=("x", "y")), FIVE), "2 write-ins where the contest keeps 1"),
    "a long write-in": (short_ballot(replace(ONE, write_ins=("x" * 60,)), FIVE), "the manifest keeps 64"),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_choices_that_do_not_fit_the_manifest_are_refused(kind: str) -> None:
    plain, message = MISFITS[kind]
    with pytest.raises(DataError, match=message):
        ballot.encrypt_ballot(CONTEXT, plain, AUTHOR, 1, FIELD, Stream("misfit"))


# Proofs


def option(index: int, limit: int) -> Option:
    return Option(index, f"option {index}", Text(), Text(), limit)


@pytest.mark.parametrize("limit", [1, 3])
@over(TOY, P4096)
def test_selection_proof_fails_for_every_changed_input(group: Group, limit: int) -> None:
    context, chosen, identifier = context_of(group), option(2, limit), b"I" * 32
    nonce = Nonce(group, integer(123456))
    made = ballot.encrypt_selection(context.vote_key, identifier, 3, chosen, 1, nonce, Stream("selection"))
    assert claims.is_valid_selection(context.vote_key, identifier, 3, chosen, made)
    cipher, proof, other = made.ciphertext, made.proof, group.generator**7
    changes: list[tuple[Any, ...]] = [
        (other, identifier, 3, chosen, made),
        (context.vote_key, b"J" * 32, 3, chosen, made),
        (context.vote_key, identifier, 4, chosen, made),
        (context.vote_key, identifier, 3, option(3, limit), made),
        (context.vote_key, identifier, 3, option(2, limit + 1), made),
        (context.vote_key, identifier, 3, option(2, limit - 1), made),
        (context.vote_key, identifier, 3, chosen, replace(made, ciphertext=replace(cipher, alpha=other))),
        (context.vote_key, identifier, 3, chosen, replace(made, ciphertext=replace(cipher, beta=other))),
    ]
    for changed in (*changed_at_each_place(proof.challenges), *changed_at_each_place(proof.responses)):
        for altered in (replace(proof, challenges=changed), replace(proof, responses=changed)):
            changes.append((context.vote_key, identifier, 3, chosen, replace(made, proof=altered)))
    for change in changes:
        assert not claims.is_valid_selection(*change)


def changed_at_each_place(values: tuple[Scalar, ...]) -> list[tuple[Scalar, ...]]:
    return [tuple(v + 1 if i == j else v for j, v in enumerate(values)) for i in range(len(values))]


def test_limit_proof_fails_for_every_changed_input() -> None:
    made, _ = encrypted(VOTES["normal"])
    contest = made.contests[1]
    assert claims.is_valid_limit(CONTEXT.vote_key, made.identifier_hash, 2, contest)
    first, proof = contest.selections[0], contest.limit_proof
    moved = replace(first, ciphertext=first.ciphertext * encrypt(CONTEXT.vote_key, 0, Nonce(TOY, integer(5))))
    changes: list[tuple[Any, ...]] = [
        (TOY.generator, made.identifier_hash, 2, contest),
        (CONTEXT.vote_key, bytes(32), 2, contest),
        (CONTEXT.vote_key, made.identifier_hash, 1, contest),
        (CONTEXT.vote_key, made.identifier_hash, 3, contest),
        (CONTEXT.vote_key, made.identifier_hash, 2, replace(contest, contest=3)),
        (CONTEXT.vote_key, made.identifier_hash, 2, replace(contest, selections=contest.selections[:2])),
        (CONTEXT.vote_key, made.identifier_hash, 2, replace(contest, selections=(moved, *contest.selections[1:]))),
    ]
    for changed in changed_at_each_place(proof.challenges):
        altered = replace(proof, challenges=changed)
        changes.append((CONTEXT.vote_key, made.identifier_hash, 2, replace(contest, limit_proof=altered)))
    for changed in changed_at_each_place(proof.responses):
        altered = replace(proof, responses=changed)
        changes.append((CONTEXT.vote_key, made.identifier_hash, 2, replace(contest, limit_proof=altered)))
    for change in changes:
        assert not claims.is_valid_limit(*change)


def test_proof_of_a_selection_is_none_of_a_limit_though_both_hash_under_0x24() -> None:
    plain = PlainContest(2, (1, 0, 0))
    secret = BallotSecret(b"s" * 32)
    contest = ballot.encrypt_contest(CONTEXT, b"I" * 32, secret, plain, Stream("limit"))
    lone = replace(contest, selections=contest.selections[:1], limit_proof=contest.selections[0].proof)
    assert not claims.is_valid_limit(CONTEXT.vote_key, b"I" * 32, 1, lone)


def test_more_votes_than_the_limit_cannot_be_proved_by_leaving_out_the_check() -> None:
    nonces = [Nonce(TOY, integer(number)) for number in (11, 22)]
    votes = [
        ballot.encrypt_selection(CONTEXT.vote_key, b"I" * 32, 1, option(j, 1), 1, nonce, Stream(f"{j}"))
        for j, nonce in enumerate(nonces, 1)
    ]
    assert all(claims.is_valid_selection(CONTEXT.vote_key, b"I" * 32, 1, option(j, 1), each)
               for j, each in enumerate(votes, 1))  # fmt: skip
    total = votes[0].ciphertext * votes[1].ciphertext
    known = proofs.in_range_known(CONTEXT.vote_key, 2, 1)
    for claimed in (0, 1):
        forged = sigma.prove_one(
            known, claimed, nonces[0] + nonces[1],
            lambda h: hashing.limit_challenge(TOY, b"I" * 32, 1, total.alpha, total.beta, h), Stream("forged"),
        )  # fmt: skip
        contest = EncryptedContest(1, tuple(votes), forged, None, b"")
        assert not claims.is_valid_limit(CONTEXT.vote_key, b"I" * 32, 1, contest)


def test_nonce_proof_fails_for_every_changed_part_and_every_other_length() -> None:
    made, _ = encrypted(VOTES["normal"])
    cipher, zero = made.nonce, TOY.scalar(0)
    assert not claims.is_valid_nonce_proof(bytes(32), cipher)
    for changed in (
        replace(cipher, c0=TOY.generator),
        replace(cipher, c1=bytes(32)),
        replace(cipher, c1=cipher.c1 + b"\0"),
        replace(cipher, c2=Proof(zero, cipher.c2.responses)),
        replace(cipher, c2=Proof(cipher.c2.challenge, (zero,))),
        replace(cipher, c2=Proof(cipher.c2.challenge, ())),
        replace(cipher, c2=Proof(cipher.c2.challenge, cipher.c2.responses * 2)),
    ):
        assert not claims.is_valid_nonce_proof(made.identifier_hash, changed)


@pytest.mark.parametrize(("length", "valid"), [(0, False), (31, False), (32, True), (33, False)])
def test_encrypted_nonce_of_another_length_is_invalid_even_with_a_proof(length: int, valid: bool) -> None:
    nonce, g, c1 = Nonce(TOY, integer(99)), TOY.generator, bytes(length)
    proof = sigma.prove(
        proofs.knowledge((g**nonce, g)),
        (nonce,),
        lambda h: hashing.ballot_nonce_challenge(TOY, b"I" * 32, h[0], g**nonce, c1),
        Stream("length"),
    )
    assert claims.is_valid_nonce_proof(b"I" * 32, HashedCiphertext(g**nonce, c1, proof)) is valid


# Opening


def test_ballot_nonce_comes_back_from_beta_and_no_other_element() -> None:
    made, secret = encrypted(VOTES["normal"])
    beta = made.nonce.c0**DATA_SECRET
    assert ballot.decrypt_ballot_nonce(made, beta) == secret
    assert ballot.decrypt_ballot_nonce(made, beta * TOY.generator) != secret


def test_published_nonces_encrypt_the_shown_values_again() -> None:
    made, secret = encrypted(VOTES["normal"])
    for contest, shown in zip(made.contests, opened(CONTEXT, made, secret), strict=True):
        for selection, each in zip(contest.selections, shown.selections, strict=True):
            assert encrypt(CONTEXT.vote_key, each.value, each.nonce) == selection.ciphertext


def test_wrong_ballot_nonce_opens_nothing_and_says_where() -> None:
    made, _ = encrypted(VOTES["normal"])
    with pytest.raises(RejectedError, match="does not open the selection") as error:
        opened(CONTEXT, made, BallotSecret(bytes(32)))
    assert error.value.where == "single, a"


def test_contest_data_under_another_nonce_does_not_open() -> None:
    made, secret = encrypted(VOTES["normal"])
    contest = made.contests[0]
    assert contest.data is not None
    moved = replace(contest, data=replace(contest.data, c0=TOY.generator**3))
    with pytest.raises(RejectedError, match="does not open the contest data") as error:
        ballot.open_contest(CONTEXT, made.identifier_hash, moved, secret)
    assert error.value.where == "single"


def test_selection_above_its_limit_on_a_challenged_ballot_is_refused() -> None:
    secret, identifier = BallotSecret(b"s" * 32), b"I" * 32
    selections = tuple(
        EncryptedSelection(
            encrypt(CONTEXT.vote_key, 4, secret.selection_nonce(TOY, identifier, 5, j)), ProofOfOne((), ())
        )
        for j in (1, 2)
    )
    with pytest.raises(RejectedError, match="not a count of 0 to 3"):
        ballot.open_contest(CONTEXT, identifier, EncryptedContest(5, selections, ProofOfOne((), ()), None, b""), secret)


def test_contest_without_data_opens_to_no_data_and_no_nonce() -> None:
    made, secret = encrypted(VOTES["normal"])
    shown = opened(CONTEXT, made, secret)
    assert [(contest.data == b"", contest.data_nonce is None) for contest in shown] == [
        (False, False), (True, True), (True, True), (False, False), (True, True)]  # fmt: skip


# What each hash covers

E = [TOY.generator**exponent for exponent in range(2, 9)]
JOINT = JointCommitments(E[0], E[1], E[2])
SMALL: tuple[Any, ...] = (1, 2, 257, 1 + 2**24)
ELEMENT: tuple[Any, ...] = (E[0], E[1])
ELEMENTS: tuple[Any, ...] = (tuple(E[:2]), (E[1], E[0]), (E[0], E[2]), (E[0],), tuple(E[:3]), ())
DIGEST: tuple[Any, ...] = (b"a" * 32, b"b" + b"a" * 31, b"a" * 31 + b"b")
BYTES: tuple[Any, ...] = (b"bytes", b"byte", b"bytes\0", b"\0bytes", b"")

VALUES: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("trustees", "trustee", "sender", "recipient", "contest", "option", "counter"), SMALL),
    **dict.fromkeys(("blocks",), (1, 2, 3)),
    **dict.fromkeys(("quorum",), (1, 2, 257)),
    **dict.fromkeys(("parameter_hash", "base", "extended", "identifier", "key", "last_code", "salt"), DIGEST),
    **dict.fromkeys(("ballot_nonce", "trustee_record"), DIGEST),
    **dict.fromkeys(("chaining", "first_chaining"), (b"c" * 36, b"d" + b"c" * 35, b"c" * 35 + b"d")),
    **dict.fromkeys(("manifest", "c1", "data", "ciphertext", "genesis", "author"), BYTES),
    **dict.fromkeys(("alpha", "beta", "c0", "commitment", "recipient_key", "communication_key"), ELEMENT),
    **dict.fromkeys(("vote_key", "data_key"), ELEMENT),
    **dict.fromkeys(("commitments", "proof_commitments", "vote_commitments", "data_commitments"), ELEMENTS),
    **dict.fromkeys(("communication_keys", "ciphertexts", "shares", "statement"), ELEMENTS),
    **dict.fromkeys(("opening", "joint"), (JOINT, *(JOINT._replace(**{name: E[5]}) for name in JOINT._fields))),
    "group": (TOY, TOY32, P4096),
    "purpose": (b"pk_vote", b"pk_data"),
    "device": ("device", "devicE", "", "device\0", "dévice"),
    "contest_hashes": ((b"a" * 32, b"b" * 32), (b"b" * 32, b"a" * 32), (b"a" * 32,), ()),
}
QUORUMS: tuple[Any, ...] = ((1, 3), (1, 2), (1, 2, 3), (3,))

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: value
    for name, value in vars(hashing).items()
    if inspect.isfunction(value) and value.__module__ == hashing.__name__ and not name.startswith("_")
}


def values_of(function: str, parameter: str) -> tuple[Any, ...]:
    is_sequence = parameter == "quorum" and function != "parameter_base_hash"
    return QUORUMS if is_sequence else VALUES[parameter]


def transcript(function: str, **changed: Any) -> list[tuple[bytes, bytes]]:
    """Every (key, message) that a hash function evaluates on its usual arguments but for the changed ones."""
    names = inspect.signature(FUNCTIONS[function]).parameters
    arguments = {name: values_of(function, name)[0] for name in names} | changed
    with recording() as calls:
        FUNCTIONS[function](**arguments)
    return [(call.key, call.message) for call in calls]


def covered() -> list[tuple[str, str]]:
    """Each function with each parameter; the group of an H_q stands for the reduction alone."""
    return [
        (function, parameter)
        for function in FUNCTIONS
        for parameter in inspect.signature(FUNCTIONS[function]).parameters
        if parameter != "group" or function == "parameter_base_hash"
    ]


@pytest.mark.parametrize(("function", "parameter"), covered())
def test_hash_changes_with_each_single_argument(function: str, parameter: str) -> None:
    transcripts = [transcript(function, **{parameter: value}) for value in values_of(function, parameter)]
    assert all(transcripts), "nothing was hashed"
    assert all(one != other for i, one in enumerate(transcripts) for other in transcripts[:i])


@pytest.mark.parametrize("function", ["tally_commitment", "contest_data_commitment"])
def test_quorum_is_hashed_in_increasing_order_whatever_order_it_is_given_in(function: str) -> None:
    assert transcript(function, quorum=(3, 1)) == transcript(function, quorum=(1, 3))


def test_no_two_functions_hash_the_same_message_under_one_key() -> None:
    seen: dict[tuple[bytes, bytes], str] = {}
    for function in FUNCTIONS:
        for call in transcript(function):
            assert seen.setdefault(call, function) == function
    assert len(seen) >= len(FUNCTIONS)


def test_device_chain_and_ballot_are_tied_together_from_end_to_end() -> None:
    device = hashing.device_hash(CONTEXT.extended_hash, "station 4")
    field = chaining.chaining_field("simple", CONTEXT.extended_hash, device, None)
    plain = PlainBallot(2, 1, (ONE, FIVE))
    first, _ = ballot.encrypt_ballot(CONTEXT, plain, AUTHOR, 1, field, Stream("first"))
    following = chaining.chaining_field("simple", CONTEXT.extended_hash, device, first.code)
    second, _ = ballot.encrypt_ballot(CONTEXT, plain, AUTHOR, 2, following, Stream("second"))
    assert second.chaining == chaining.SIMPLE_CHAINING + first.code
    hashes = [contest.contest_hash for contest in second.contests]
    assert second.code != hashing.confirmation_code(second.identifier_hash, hashes, field)
