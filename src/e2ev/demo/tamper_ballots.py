"""Tamperings with ballots: EGDS verifications 5 to 8, and ours about independence, shape and encrypted nonces."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from e2ev import arith, chaining, hashing, proofs, sigma
from e2ev.ballot import BallotSecret, EncryptedBallot, EncryptedSelection
from e2ev.demo.forge import (
    Change,
    Forgery,
    Tampering,
    add_one,
    always,
    flip,
    is_even,
    negate,
    over_q,
    put,
    trips,
    until,
)
from e2ev.demo.reseal import (
    Twist,
    Votes,
    ballot_secret,
    hashed,
    nonces_of,
    partition,
    rename_all,
    seal_ballot,
    seal_contest,
    seal_data,
    settle,
)
from e2ev.elgamal import Ciphertext, HashedCiphertext
from e2ev.group import Element, Group
from e2ev.record.kinds import Kind
from e2ev.sigma import ProofOfOne


def ordinary(forgery: Forgery) -> dict[int, tuple[int, ...]]:
    """Return votes that no rule is against: one for the first option of every contest."""
    return {contest.index: (1,) + (0,) * (len(contest.options) - 1) for contest in forgery.manifest.contests}


# Which ballot is changed, and what is made again


def abandoned(forgery: Forgery) -> int:
    """Return the place of the abandoned ballot, the last of its device: nothing but its closing follows from it."""
    return forgery.ballots("abandoned")[-1]


def first_cast(forgery: Forgery) -> int:
    """Return the place of the first ballot that counts."""
    return forgery.ballots("cast")[0]


def _in_cast(*path: str | int, change: Callable[[Any], Any]) -> Change:
    """Change a value of a cast ballot that no hash covers but the header's."""
    return lambda forgery: forgery.edit(first_cast(forgery), change, "ballot", *path)


def _in_abandoned(*path: str | int, change: Callable[[Any], Any], again: bool = True) -> Change:
    """Change a value of the abandoned ballot; χ, its code and its device's closing follow."""

    def changed(forgery: Forgery) -> Forgery:
        i = abandoned(forgery)
        forgery = forgery.edit(i, change, "ballot", *path)
        return settle(forgery.edit(i, rehashed, "ballot") if again else forgery)

    return changed


def rehashed(ballot: EncryptedBallot) -> EncryptedBallot:
    """Return the ballot with every χ computed again."""
    return replace(ballot, contests=tuple(hashed(ballot.identifier_hash, contest) for contest in ballot.contests))


def _sealed_abandoned(twist: Twist) -> Change:
    def changed(forgery: Forgery) -> Forgery:
        seal = partial(seal_ballot, forgery.context, votes=ordinary(forgery), twist=twist)
        return settle(forgery.edit(abandoned(forgery), seal, "ballot"))

    return changed


def _sealed_cast(votes: Votes, further: int = 0) -> Change:
    """Put these votes in place of a cast ballot's, and count them."""

    def changed(forgery: Forgery) -> Forgery:
        seal = partial(seal_ballot, forgery.context, votes=votes, further=further)
        return partition(settle(forgery.edit(first_cast(forgery), seal, "ballot")))

    return changed


# The changes


def _negative_alpha(cipher: Ciphertext) -> Ciphertext:
    return Ciphertext(negate(cipher.alpha), cipher.beta)


def _negative_beta(cipher: Ciphertext) -> Ciphertext:
    return Ciphertext(cipher.alpha, negate(cipher.beta))


def _square_outside(element: Element) -> Element:
    """Return the element times one of order (p-1)/2q: its Jacobi symbol is that of a member."""
    group = element.group
    square = arith.power(arith.integer(3), 2 * group.q, group.p)
    return Element(group, element.value * square % group.p)


def _moved_challenges(proof: ProofOfOne) -> ProofOfOne:
    first, second, *rest = proof.challenges
    return replace(proof, challenges=(first + 1, second - 1, *rest))


def _swapped_options(forgery: Forgery) -> Forgery:
    def swap(selections: tuple[EncryptedSelection, ...]) -> tuple[EncryptedSelection, ...]:
        first, second, *rest = selections
        return second, first, *rest

    i = first_cast(forgery)
    forgery = forgery.edit(i, swap, "ballot", "contests", 0, "selections")
    return partition(settle(forgery.edit(i, rehashed, "ballot")))


def _counted_twice(forgery: Forgery) -> Forgery:
    """Post a ballot of the first device again at its end, with the code that its place in the chain asks for."""
    i = first_cast(forgery)
    step = forgery.steps[i]
    decided = next(s for s in forgery.steps if s.kind == Kind.DECISION and s.body.ballot == step.code)
    new = hashing.contest_hash(step.code or b"", 0, (), b"copy")
    copy = replace(step, code=new, body=put(step.body, ("ballot", "code"), always(new)))
    end = _closing_of(forgery, step.author)
    return partition(settle(forgery.insert(end, copy, replace(decided, body=replace(decided.body, ballot=new)))))


def _closing_of(forgery: Forgery, author: bytes) -> int:
    return next(i for i in forgery.indices(Kind.DEVICE_CLOSED) if forgery.steps[i].author == author)


def _same_code_twice(forgery: Forgery) -> Forgery:
    step = forgery.steps[forgery.ballots("cast")[-1]]
    return forgery.insert(_closing_of(forgery, step.author), step)


def _identifier_used_twice(forgery: Forgery) -> Forgery:
    i, other = abandoned(forgery), forgery.ballot(first_cast(forgery))
    names = ("salt", "identifier", "identifier_hash")
    return _sealed_under(forgery, i, **{name: getattr(other, name) for name in names})


def _other_identifier_hash(forgery: Forgery) -> Forgery:
    i = abandoned(forgery)
    return _sealed_under(forgery, i, identifier_hash=flip(forgery.ballot(i).identifier_hash))


def _of_another_device(forgery: Forgery) -> Forgery:
    i = abandoned(forgery)
    author, salt = forgery.steps[first_cast(forgery)].author, forgery.ballot(i).salt
    identifier = hashing.selection_identifier(author, 1_000, salt)
    stated = hashing.identifier_hash(forgery.joint_keys.extended_hash, identifier)
    return _sealed_under(forgery, i, identifier=identifier, identifier_hash=stated)


def _sealed_under(forgery: Forgery, index: int, **identity: bytes) -> Forgery:
    ballot = replace(forgery.ballot(index), **identity)  # type: ignore[arg-type]  # only byte fields are named
    made = seal_ballot(forgery.context, ballot, ordinary(forgery))
    return settle(forgery.edit(index, always(made), "ballot"))


def _nonces_used_twice(forgery: Forgery) -> Forgery:
    i, other, context = abandoned(forgery), forgery.ballot(forgery.ballots("cast")[-1]), forgery.context
    secret, ballot = ballot_secret(forgery, other), forgery.ballot(i)
    nonces = nonces_of(context, other.identifier_hash, 1, secret)
    copied = seal_contest(context, ballot.identifier_hash, 1, ordinary(forgery)[1], nonces)
    copied = hashed(ballot.identifier_hash, replace(copied, data=ballot.contests[0].data))
    return settle(forgery.edit(i, always(copied), "ballot", "contests", 0))


def _negative_nonce(forgery: Forgery) -> Forgery:
    """Put -C_0 in place of C_0 in an encrypted ballot nonce, with a proof that holds."""
    i, group = first_cast(forgery), forgery.group
    held, nonce = forgery.ballot(i), group.random_nonce()
    c0 = negate(group.generator**nonce)
    challenge = partial(_nonce_challenge, group, held.identifier_hash, c0, held.nonce.c1)
    relation = proofs.knowledge((group.generator, group.generator))
    proof = until(lambda: sigma.prove(relation, (nonce,), challenge), is_even)
    return forgery.edit(i, always(HashedCiphertext(c0, held.nonce.c1, proof)), "ballot", "nonce")


def _nonce_challenge(group: Group, identifier_hash: bytes, c0: Element, c1: bytes, h: Sequence[Element]) -> Any:
    return hashing.ballot_nonce_challenge(group, identifier_hash, h[0], c0, c1)


def _data_grown(forgery: Forgery) -> Forgery:
    i, context = abandoned(forgery), forgery.context
    data = seal_data(context, forgery.ballot(i).identifier_hash, 1, BallotSecret.random(), further=1)
    return _in_abandoned("contests", 0, "data", change=always(data))(forgery)


def _other_code(forgery: Forgery) -> Forgery:
    i = abandoned(forgery)
    old = forgery.ballot(i).code
    return settle(rename_all(forgery, {old: flip(old)}), i)


def _two_codes(forgery: Forgery) -> Forgery:
    i = abandoned(forgery)
    old, body = forgery.ballot(i).code, forgery.steps[i].body
    renamed = rename_all(forgery, {old: flip(old)})
    return settle(renamed.set(i, replace(renamed.steps[i], body=body)), i)


def _other_chaining(place: Callable[[Forgery], int], mode: bytes) -> Change:
    def changed(forgery: Forgery) -> Forgery:
        i = place(forgery)
        ballot = replace(forgery.ballot(i), chaining=mode + bytes(32))
        code = hashing.confirmation_code(
            ballot.identifier_hash, (contest.contest_hash for contest in ballot.contests), ballot.chaining
        )
        forgery = forgery.edit(i, always(ballot), "ballot")
        return settle(rename_all(forgery, {ballot.code: code}), i)

    return changed


_NO_PROOF_POSSIBLE = "no proof about such a value can be made, so 6.D and 7.D would object as well"
_TAKES_ITS_PLACE = "the second one would take the place of the first, and I.1, 8.E and B.9 would object"
_SELECTION = ("contests", 0, "selections", 0)

_ANYWHERE = (
    Tampering("challenge-written-differently", "A challenge in a selection's proof is written as c + q.", trips("6.B"),
              _in_cast(*_SELECTION, "proof", "challenges", 0, change=over_q), needs_room=True),
    Tampering("response-written-differently", "A response in a selection's proof is written as v + q.", trips("6.C"),
              _in_cast(*_SELECTION, "proof", "responses", 0, change=over_q), needs_room=True),
    Tampering("selection-not-proved", "A selection's proof was changed so that its challenges still sum up.",
              trips("6.D"), _in_cast(*_SELECTION, "proof", change=_moved_challenges)),
    Tampering("candidates-swapped-on-a-ballot", "The encrypted votes of two candidates are exchanged on a ballot.",
              trips("6.D"), _swapped_options),
    Tampering("limit-challenge-written-differently", "A challenge in a limit proof is written as c + q.", trips("7.B"),
              _in_cast("contests", 0, "limit_proof", "challenges", 0, change=over_q), needs_room=True),
    Tampering("limit-response-written-differently", "A response in a limit proof is written as v + q.", trips("7.C"),
              _in_cast("contests", 0, "limit_proof", "responses", 0, change=over_q), needs_room=True),
    Tampering("limit-not-proved", "A limit proof was changed so that its challenges still sum up.", trips("7.D"),
              _in_cast("contests", 0, "limit_proof", change=_moved_challenges)),
    Tampering("other-device-in-code", "Without chaining, a ballot's code names another device.", trips("8.D"),
              _other_chaining(first_cast, chaining.NO_CHAINING)),
    Tampering("ballot-nonce-not-proved", "The proof in an encrypted ballot nonce does not verify.", trips("N.1"),
              _in_cast("nonce", "c2", "challenge", change=add_one)),
    Tampering("negative-ballot-nonce", "An encrypted ballot nonce holds -C_0, with a proof that holds.", trips("N.1"),
              _negative_nonce),
)  # fmt: skip
"""On any election."""

_LARGER = (
    Tampering("vote-counted-twice", "A device posts a voter's ballot once more, with a new code, and both are counted.",
              trips("5.A", "I.1", "I.2", "I.4"), _counted_twice),
    Tampering("identifier-used-twice", "A device gives a ballot the identifier of another one.", trips("5.A", "I.1"),
              _identifier_used_twice),
    Tampering("other-identifier-hash", "A ballot is encrypted under a hash that is not that of its identifier.",
              trips("5.B"), _other_identifier_hash),
    Tampering("negative-alpha", "A ballot holds -α, with proofs redrawn until they hold.", trips("6.A", "7.A"),
              _sealed_abandoned(_negative_alpha)),
    Tampering("negative-beta", "A ballot holds -β, with proofs redrawn until they hold: the tally would not decrypt.",
              trips("6.A", "7.A"), _sealed_abandoned(_negative_beta)),
    Tampering("square-outside-the-group", "A ballot holds an α that only the full membership test finds.",
              trips("6.A", "7.A"), _in_abandoned(*_SELECTION, "ciphertext", "alpha", change=_square_outside),
              no_control=_NO_PROOF_POSSIBLE),
    Tampering("negative-vote", "A device encrypts -2 votes for one candidate and 3 for another: together they are 1.",
              trips("6.D"), _sealed_cast({1: (-2, 3, 0), 2: (1, 0, 0)})),
    Tampering("overvote-counted", "A device encrypts votes for two candidates where one may be chosen.", trips("7.D"),
              _sealed_cast({1: (1, 1, 0), 2: (1, 0, 0)})),
    Tampering("other-contest-hash", "A ballot's code is computed from a contest hash that is none.", trips("8.A"),
              _in_abandoned("contests", 0, "contest_hash", change=flip, again=False)),
    Tampering("other-code", "A ballot has a confirmation code that does not follow from it.", trips("8.B"),
              _other_code),
    Tampering("chain-broken", "A ballot's code does not continue its device's chain: one before it could be missing.",
              trips("8.E"), _other_chaining(abandoned, chaining.SIMPLE_CHAINING)),
    Tampering("two-codes", "A ballot's header states another code than the ballot.", trips("B.4"), _two_codes),
    Tampering("ballot-of-another-device", "A device posts a ballot that was made for another device.", trips("I.1"),
              _of_another_device),
    Tampering("nonces-used-twice", "A device encrypts two ballots with the same nonces: one opens the other.",
              trips("I.2"), _nonces_used_twice),
    Tampering("same-code-twice", "A device posts a ballot a second time as it is.", trips("I.3"), _same_code_twice,
              no_control=_TAKES_ITS_PLACE),
    Tampering("contest-data-not-proved", "The proof in a ballot's contest data does not verify.", trips("N.2"),
              _in_abandoned("contests", 0, "data", "c2", "challenge", change=add_one)),
    Tampering("contest-left-out", "A ballot lacks a contest of its style.", trips("S.1"),
              _in_abandoned("contests", change=lambda contests: contests[:1])),
    Tampering("ballot-of-another-style", "A ballot counts in a contest that its style does not have.", trips("S.1"),
              _in_cast("style", change=always(2))),
    Tampering("option-left-out", "A ballot lacks an option.", trips("S.2"),
              _in_abandoned("contests", 0, "selections", change=lambda selections: selections[:-1])),
    Tampering("three-votes-for-one", "A selection proves 0 to 3 where the manifest allows 2, and 3 votes are counted.",
              trips("6.D", "S.2"), _sealed_cast({1: (1, 0, 0), 2: (3, 0, 0)}, further=1)),
    Tampering("contest-data-grown", "A ballot has more contest data than others: it can be told apart.", trips("S.3"),
              _data_grown),
    Tampering("contest-data-left-out", "A ballot lacks the contest data that all others have.", trips("S.3"),
              _in_abandoned("contests", 0, "data", change=always(None))),
    Tampering("weight-of-five", "A ballot states a weight that the manifest does not know.", trips("S.4"),
              _in_abandoned("weight", change=always(5))),
    Tampering("vote-at-another-station", "A ballot counts at another station than its device stands in.",
              trips("S.4"), _in_abandoned("unit", change=always(1))),
)  # fmt: skip
"""On an election with several contests, chains of codes and an abandoned ballot."""

BALLOTS = (*(replace(tampering, base="plain") for tampering in _ANYWHERE), *_LARGER)
"""Tamperings with ballots that are on the board."""
