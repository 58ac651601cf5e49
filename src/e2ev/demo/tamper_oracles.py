"""Tamperings that ask trustees for more than they may give: copies opened as tests, keys that prove anything."""

from collections.abc import Mapping
from dataclasses import replace

from e2ev import arith, ceremony, hashing
from e2ev.ballot import BallotSecret, EncryptedBallot, open_contest
from e2ev.ceremony import KeyShare, TrusteeSecrets
from e2ev.demo.forge import Change, Forgery, Step, Tampering, always, flip, negate, put, trips
from e2ev.demo.reseal import decrypt, hashed, partition, seal_ballot, settle
from e2ev.demo.tamper_ballots import first_cast, ordinary
from e2ev.demo.tamper_setup import accept_again, admit_again
from e2ev.group import SecretScalar
from e2ev.record import bodies
from e2ev.record.kinds import Kind
from e2ev.sharing import Polynomial, TrusteeId
from e2ev.tally import CountTask

# Copies that are opened as tests


def _challenged(forgery: Forgery) -> int:
    return forgery.ballots("challenged")[0]


def _copied_into(copy: EncryptedBallot, victim: EncryptedBallot) -> EncryptedBallot:
    """Return a ballot with another one's ciphertexts and encrypted nonce under its own identifier."""
    contests = tuple(hashed(copy.identifier_hash, contest) for contest in victim.contests)
    return replace(copy, contests=contests, nonce=victim.nonce)


def exclusion(forgery: Forgery, code: bytes, check: str) -> Step:
    """Return the entry that excludes a ballot for a check."""
    return Step(forgery.administrator, Kind.EXCLUSION, bodies.ExclusionBody(1, code, check, "it does not verify"))


def _copy_as_test(forgery: Forgery) -> Forgery:
    """Put a cast ballot's ciphertexts on the challenged one, and exclude that for its proofs."""
    i, victim = _challenged(forgery), forgery.ballot(first_cast(forgery))
    forgery = settle(forgery.edit(i, lambda copy: _copied_into(copy, victim), "ballot"))
    close = forgery.indices(Kind.CLOSE)[-1]
    return forgery.insert(close + 1, exclusion(forgery, forgery.steps[i].code or b"", "6.D"))


def _copy_decrypted(forgery: Forgery) -> Forgery:
    """Have the copy decrypted selection by selection, and show the stranger's vote."""
    forgery = _copy_as_test(forgery)
    code, tally = forgery.steps[_challenged_code(forgery)].body.ballot, forgery.indices(Kind.TALLY)[0]
    forgery = forgery.edit(tally, always(()), "open_by_nonce").edit(tally, always((code,)), "open_by_selection")
    shown = Step(forgery.administrator, Kind.DECRYPTED_BALLOT, bodies.DecryptedBallotBody(1, 1, code, ()))
    return decrypt(forgery.set(forgery.indices(Kind.OPENED_BALLOT)[0], shown))


def _challenged_code(forgery: Forgery) -> int:
    return forgery.indices(Kind.EXCLUSION)[-1]


def _copy_listed(forgery: Forgery) -> Forgery:
    """Have the copy opened by its nonce, up to the tally: the trustees' nonce shares would open the cast ballot."""
    copied = _copy_as_test(forgery)
    return copied.until(copied.indices(Kind.TALLY)[0])


def copy_before(forgery: Forgery) -> tuple[Forgery, int]:
    """Return the forgery in which another device posts a copy of a ballot before it, without its nonces; and where.

    The copy's decision stands behind it, and then the true ballot.
    """
    i = forgery.ballots("cast")[-1]
    victim, author = forgery.ballot(i), forgery.steps[first_cast(forgery)].author
    copy = _copy_by(forgery, i, author, victim)
    decision = Step(author, Kind.DECISION, bodies.DecisionBody(1, copy.code, "abandoned", ""))
    posted = Step(author, Kind.BALLOT, bodies.BallotBody(1, copy), copy.code)
    return settle(forgery.insert(i, posted, decision)), i


def _true_ballot_excluded(forgery: Forgery) -> Forgery:
    """Exclude both the copy and the ballot that it was made of."""
    forgery, i = copy_before(forgery)
    close, codes = forgery.indices(Kind.CLOSE)[-1], (forgery.steps[i].code, forgery.steps[i + 2].code)
    excluded = [exclusion(forgery, c or b"", check) for c, check in zip(codes, ("6.D", "I.2"), strict=True)]
    return partition(forgery.insert(close + 1, *excluded))


def _copy_by(forgery: Forgery, place: int, author: bytes, victim: EncryptedBallot) -> EncryptedBallot:
    """Return a copy of a ballot as a device posts it at this place."""
    counter = 1 + sum(step.author == author for step in forgery.steps[:place])
    own = next(body for body in forgery.said(Kind.DEVICE_ADMITTED) if body.author == author)
    identifier = hashing.selection_identifier(author, counter, victim.salt)
    stated = hashing.identifier_hash(forgery.joint_keys.extended_hash, identifier)
    copy = replace(victim, identifier=identifier, identifier_hash=stated, unit=own.unit, code=flip(victim.code))
    return _copied_into(copy, victim)


# Keys


def _ceremony_with(forgery: Forgery, secrets: Mapping[TrusteeId, TrusteeSecrets]) -> Forgery:
    """Return the forgery with other secrets behind its keys, published, shared, accepted and rehearsed."""
    shares = {to: _share(secrets, to) for to in secrets}
    forgery = replace(forgery, keys=replace(forgery.keys, secrets=secrets, shares=shares))
    for i in forgery.indices(Kind.TRUSTEE_KEYS):
        trustee = forgery.steps[i].body.keys.trustee
        forgery = forgery.edit(i, always(ceremony.publish_keys(forgery.election, trustee, secrets[trustee])), "keys")
    return admit_again(accept_again(forgery))


def _share(secrets: Mapping[TrusteeId, TrusteeSecrets], to: TrusteeId) -> KeyShare:
    received = [(held.vote.at(to), held.data.at(to)) for i, held in secrets.items() if i != to]
    return ceremony.key_share(secrets[to], to, received)


def _lower_threshold(forgery: Forgery) -> Forgery:
    """Let every trustee use a polynomial that is constant, up to the opening: each share is then the secret itself."""
    zero = SecretScalar(forgery.group, arith.integer(0))
    secrets = {
        i: replace(held, vote=Polynomial((held.vote.coefficients[0], *(zero for _ in held.vote.coefficients[1:]))))
        for i, held in forgery.keys.secrets.items()
    }
    return _until_open(_ceremony_with(forgery, secrets))


def _until_open(forgery: Forgery) -> Forgery:
    return forgery.until(forgery.indices(Kind.OPEN)[0])


def _until_joint(forgery: Forgery) -> Forgery:
    """Return the forgery that ends with joint keys which follow from the trustees'; nobody rehearses."""
    accepted = accept_again(forgery)
    return accepted.until(accepted.indices(Kind.JOINT_KEYS)[0])


def _key_of_one(forgery: Forgery) -> Forgery:
    """Let the trustees' secrets sum to 0, hold the election under K = 1, and publish any result."""
    secrets, group = dict(forgery.keys.secrets), forgery.group
    *others, last = secrets
    total = sum(int(secrets[i].vote.coefficients[0].value) for i in others)
    opposite = SecretScalar(group, arith.integer(-total % int(group.q)))
    held = secrets[last]
    secrets[last] = replace(held, vote=Polynomial((opposite, *held.vote.coefficients[1:])))
    forgery = partition(_voted_again(_ceremony_with(forgery, secrets)))
    (result,) = forgery.indices(Kind.RESULT)
    first, second = (forgery.steps[result].body.cells[0].options[i].count for i in (0, 1))
    forgery = forgery.edit(result, always(replace(first, count=0)), "cells", 0, "options", 0, "count")
    return forgery.edit(result, always(replace(second, count=3)), "cells", 0, "options", 1, "count")


def _voted_again(forgery: Forgery) -> Forgery:
    """Return the forgery with every ballot made again under the keys as they are, and the opened one opened."""
    context, votes = forgery.context, ordinary(forgery)
    secret, shown = BallotSecret.random(), forgery.indices(Kind.OPENED_BALLOT)[0]
    challenged = _challenged(forgery)
    for i in forgery.indices(Kind.BALLOT):
        held = forgery.ballot(i)
        stated = hashing.identifier_hash(context.extended_hash, held.identifier)
        made = seal_ballot(context, replace(held, identifier_hash=stated), votes, secret if i == challenged else None)
        forgery = forgery.edit(i, always(made), "ballot")
    opened = forgery.ballot(challenged)
    contests = tuple(open_contest(context, opened.identifier_hash, c, secret) for c in opened.contests)
    contests = tuple(put(c, ("selections", j, "value"), always(v)) for c in contests for j, v in ((0, 1),))
    contests = tuple(put(c, ("selections", 1, "value"), always(0)) for c in contests)
    return settle(forgery.edit(shown, always(contests), "contests"))


def _index_zero(forgery: Forgery) -> Forgery:
    i = forgery.indices(Kind.TRUSTEE_KEYS)[-1]
    return forgery.edit(i, always(TrusteeId(0)), "keys", "trustee").until(i)


def _taken_index(forgery: Forgery) -> Forgery:
    i = forgery.indices(Kind.TRUSTEE_KEYS)[-1]
    return forgery.edit(i, always(TrusteeId(1)), "keys", "trustee").until(i)


def _copied_keys(forgery: Forgery) -> Forgery:
    """Let the last trustee post the first one's keys and proofs as its own."""
    first, last = forgery.indices(Kind.TRUSTEE_KEYS)[0], forgery.indices(Kind.TRUSTEE_KEYS)[-1]
    keys, own = forgery.steps[first].body.keys, forgery.steps[last].body.keys.trustee
    return _until_joint(forgery.edit(last, always(replace(keys, trustee=own)), "keys"))


def _rogue_key(forgery: Forgery) -> Forgery:
    """Let the last trustee publish a key that cancels the others', which it can only simulate a proof about."""
    i, group = forgery.indices(Kind.TRUSTEE_KEYS)[-1], forgery.group
    mine, chosen = forgery.steps[i].body.keys, group.generator ** group.random_nonce()
    for keys in forgery.trustee_keys[:-1]:
        chosen = chosen / keys.vote_commitments[0]
    proof = replace(mine.vote_proof, challenge=group.random_scalar())
    rogue = replace(mine, vote_commitments=(chosen, *mine.vote_commitments[1:]), vote_proof=proof)
    return _until_joint(forgery.edit(i, always(rogue), "keys"))


# Quorum


def _quorum(*quorum: int) -> Change:
    def changed(forgery: Forgery) -> Forgery:
        i = forgery.indices(Kind.TALLY)[0]
        return forgery.edit(i, always(tuple(TrusteeId(n) for n in quorum)), "quorum").until(i)

    return changed


def _negated_pair(forgery: Forgery) -> Forgery:
    """Let two trustees open -M each: the product is right, and so is everything that follows from it."""
    tally: bodies.TallyBody = forgery.said(Kind.TALLY)[0]
    total = tally.cells[0].totals[0]
    task = CountTask(forgery.joint_keys.extended_hash, tally.cells[0].contest, 1, total)
    for i in forgery.indices(Kind.OPENINGS)[: len(tally.quorum)]:
        trustee, opening = forgery.steps[i].body.trustee, forgery.steps[i].body.openings[0]
        negative = replace(opening, partial=negate(opening.partial))
        said = next(j for j in forgery.indices(Kind.COMMITMENTS) if forgery.steps[j].body.trustee == trustee)
        commitment = task.commitment(trustee, negative, tally.quorum)
        forgery = forgery.edit(said, always(commitment), "commitments", 0)
        forgery = forgery.edit(i, always(negative), "openings", 0)
    return forgery


_ANYWHERE = (
    Tampering("copy-decrypted-as-test", "A cast ballot is copied onto a test ballot, which is excluded and decrypted.",
              trips("D.5"), _copy_decrypted),
    Tampering("copy-opened-as-test", "A cast ballot is copied, nonce and all, and the copy is to be opened as a test.",
              trips("D.5"), _copy_listed),
    Tampering("threshold-lowered", "Every key holder uses a constant polynomial: any one of them could decrypt.",
              trips("K.3"), _lower_threshold),
    Tampering("key-of-one", "The key holders' secrets sum to 0, so that any result can be proved.",
              trips("K.3", "K.5", "I.2"), _key_of_one),
    Tampering("index-of-zero", "A key holder posts keys for the index 0, at which shares are the secret.",
              trips("B.7"), _index_zero),
    Tampering("index-of-another", "A key holder posts keys for the index of another one.", trips("B.7", "B.8"),
              _taken_index, no_control="the second keys take the place of the first, and do not verify (2.C)"),
    Tampering("keys-copied", "A key holder posts another one's keys and proofs as its own.", trips("2.C", "K.3"),
              _copied_keys),
    Tampering("rogue-key", "The last key holder chooses its key so that the joint key is its own.", trips("2.C"),
              _rogue_key),
    Tampering("quorum-with-one-twice", "A tally names one key holder twice toward the quorum.", trips("T.1"),
              _quorum(1, 1)),
    Tampering("quorum-with-a-stranger", "A tally names a key holder whom there is not.", trips("T.1"),
              _quorum(1, 9)),
    Tampering("negative-pair", "Two key holders open -M each, so that the signs cancel.", trips("T.4"), _negated_pair),
)  # fmt: skip
"""On any election of two trustees or more."""

_LARGER = (
    Tampering("excluded-for-a-copy", "A copy is posted before the true ballot, and both of them are excluded.",
              trips("D.3"), _true_ballot_excluded),
)  # fmt: skip
"""On an election with two devices."""

ORACLES = (*(replace(tampering, base="plain") for tampering in _ANYWHERE), *_LARGER)
"""Tamperings with what trustees are asked, with whom, and with keys that would prove anything."""
