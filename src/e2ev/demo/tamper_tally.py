"""Tamperings with cells, decryption, results and opened ballots: EGDS verifications 9 to 14, and ours."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial, reduce
from typing import Any

from e2ev import hashing
from e2ev.ballot import BallotSecret, EncryptedBallot, OpenedContest, OpenedSelection, open_contest
from e2ev.board.merkle import HASH_BYTES
from e2ev.contest_data import decrypt_contest_data
from e2ev.demo.forge import (
    Change,
    Forgery,
    Step,
    Tampering,
    add_one,
    always,
    flip,
    is_even,
    negate,
    over_q,
    trips,
    until,
)
from e2ev.demo.reseal import Votes, ballot_secret, counted_cells, decrypt, nonces_of, seal_ballot, settle
from e2ev.elgamal import Ciphertext
from e2ev.group import Element, Nonce
from e2ev.hashing import JointCommitments
from e2ev.record import bodies
from e2ev.record.codec import encode
from e2ev.record.kinds import Kind
from e2ev.sharing import TrusteeId, lagrange_coefficient
from e2ev.sigma import Proof, respond
from e2ev.tally import CountTask, DecryptedData, Opening

Cells = tuple[bodies.Cell, ...]


def _first(kind: Kind, *path: str | int, change: Callable[[Any], Any]) -> Change:
    """Change a value in the first entry of a kind, and nothing else."""
    return lambda forgery: forgery.edit(forgery.indices(kind)[0], change, *path)


def _tallied(*path: str | int, change: Callable[[Any], Any]) -> Change:
    """Change a value in the first tally, and decrypt what it then says."""
    changed = _first(Kind.TALLY, *path, change=change)
    return lambda forgery: decrypt(changed(forgery))


def _tallied_with(change: Callable[[Forgery], Cells]) -> Change:
    return lambda forgery: _tallied("cells", change=always(change(forgery)))(forgery)


_RESULT = ("cells", 0, "options", 0)
_SELECTION = ("contests", 0, "selections", 0)


# Cells


def _merged(cells: Cells) -> Cells:
    """Return the cells with the first contest's put together."""
    merged = [cell for cell in cells if cell.contest == cells[0].contest]
    return (reduce(_together, merged), *(cell for cell in cells if cell.contest != cells[0].contest))


def _together(left: bodies.Cell, right: bodies.Cell) -> bodies.Cell:
    totals = tuple(one * other for one, other in zip(left.totals, right.totals, strict=True))
    return bodies.Cell(left.contest, (*left.units, *right.units), left.ballots + right.ballots, totals)


def _lone_ballot(forgery: Forgery) -> Forgery:
    """Call all cast ballots but one abandoned, and decrypt that one."""
    lost = {forgery.steps[i].code for i in forgery.ballots("cast")[1:]}
    for i in forgery.indices(Kind.DECISION):
        if forgery.steps[i].body.ballot in lost:
            forgery = forgery.edit(i, always("abandoned"), "decision")
    return _tallied_with(partial(counted_cells, minimum=1))(settle(forgery))


def _other_cells_later(forgery: Forgery) -> Forgery:
    """Decrypt other cells in the second attempt, and publish their result."""
    second = forgery.indices(Kind.TALLY)[1]
    attempt = forgery.steps[second].body.attempt
    result = Step(forgery.administrator, Kind.RESULT, bodies.ResultBody(1, attempt, ()))
    changed = forgery.edit(second, always(_merged(forgery.said(Kind.TALLY)[0].cells)), "cells")
    return decrypt(changed.insert(changed.indices(Kind.RESPONSES)[-1] + 1, result))


def _stations_swapped(forgery: Forgery) -> Forgery:
    (result,) = forgery.indices(Kind.RESULT)
    first, second = (cell.units for cell in forgery.steps[result].body.cells[:2])
    return forgery.edit(result, always(second), "cells", 0, "units").edit(result, always(first), "cells", 1, "units")


def _counts_swapped(forgery: Forgery) -> Forgery:
    (result,) = forgery.indices(Kind.RESULT)
    first, second = (option.count for option in forgery.steps[result].body.cells[0].options[:2])
    forgery = forgery.edit(result, always(second), "cells", 0, "options", 0, "count")
    return forgery.edit(result, always(first), "cells", 0, "options", 1, "count")


# Decisions about tallies, and the trustees' messages


def _other_board(forgery: Forgery) -> Forgery:
    i = forgery.indices(Kind.TALLY)[0]
    body = replace(forgery.steps[i].body, board_size=i, board_root=bytes(32))
    return forgery.set(i, replace(forgery.steps[i], body=encode(body)))


def _quorum_too_small(forgery: Forgery) -> Forgery:
    i = forgery.indices(Kind.TALLY)[0]
    return forgery.edit(i, lambda quorum: quorum[:-1], "quorum").until(i)


def _opened_too_early(forgery: Forgery) -> Forgery:
    """Post the first openings before the last commitments of their attempt."""
    opening = forgery.indices(Kind.OPENINGS)[0]
    last = max(i for i in forgery.indices(Kind.COMMITMENTS) if i < opening)
    return forgery.without(opening).insert(last, forgery.steps[opening])


def _responses_shifted(forgery: Forgery) -> Forgery:
    first, second, *_ = forgery.indices(Kind.RESPONSES)
    forgery = forgery.edit(first, add_one, "responses", 0)
    return forgery.edit(second, lambda response: response - 1, "responses", 0)


def _negative_partial(forgery: Forgery) -> Forgery:
    """Let a trustee whose Lagrange coefficient is even open -M_i, which the joint proof does not notice."""
    attempt = forgery.said(Kind.TALLY)[0]
    weights = {i: lagrange_coefficient(forgery.group, attempt.quorum, i) for i in attempt.quorum}
    trustee = next(i for i, weight in weights.items() if weight.value % 2 == 0)
    said, opened = (_message(forgery, kind, trustee) for kind in (Kind.COMMITMENTS, Kind.OPENINGS))
    opening: Opening = forgery.steps[opened].body.openings[0]
    negative = replace(opening, partial=negate(opening.partial))
    task = CountTask(forgery.joint_keys.extended_hash, attempt.cells[0].contest, 1, attempt.cells[0].totals[0])
    commitment = task.commitment(trustee, negative, attempt.quorum)
    return forgery.edit(said, always(commitment), "commitments", 0).edit(opened, always(negative), "openings", 0)


def _message(forgery: Forgery, kind: Kind, trustee: TrusteeId) -> int:
    return next(i for i in forgery.indices(kind) if forgery.steps[i].body.trustee == trustee)


# Challenged ballots


def _reopened(votes: Votes) -> Change:
    """Put these votes on the challenged ballot that was opened by its nonces, and open it again."""

    def changed(forgery: Forgery) -> Forgery:
        (shown,) = forgery.indices(Kind.OPENED_BALLOT)
        code, context = forgery.steps[shown].body.ballot, forgery.context
        i = next(i for i in forgery.indices(Kind.BALLOT) if forgery.steps[i].code == code)
        secret = BallotSecret.random()
        ballot = seal_ballot(context, forgery.ballot(i), votes, secret)
        forgery = forgery.edit(i, always(ballot), "ballot")
        return settle(forgery.edit(shown, always(_opened(forgery, ballot, votes, secret)), "contests"))

    return changed


def _opened(forgery: Forgery, ballot: EncryptedBallot, votes: Votes, secret: BallotSecret) -> tuple[OpenedContest, ...]:
    context, held, made = forgery.context, ballot.identifier_hash, []
    for contest in ballot.contests:
        known = context.manifest.contest(contest.contest)
        nonces = nonces_of(context, held, contest.contest, secret)
        selections = tuple(
            OpenedSelection(option.label, value, nonce.publish())
            for option, value, nonce in zip(known.options, votes[contest.contest], nonces, strict=True)
        )
        data, nonce = b"", None
        if contest.data is not None:
            nonce = secret.data_nonce(context.group, held, contest.contest).publish()
            data = decrypt_contest_data(held, contest.contest, contest.data, context.data_key**nonce)
        made.append(OpenedContest(contest.contest, known.label, selections, data, nonce))
    return tuple(made)


def cast_ballot_opened(listed: bool, decision: str = "cast") -> Change:
    """Publish the nonces of a ballot that was not challenged, on a tally's order or without one."""

    def changed(forgery: Forgery) -> Forgery:
        ballot, context = forgery.ballot(forgery.ballots(decision)[0]), forgery.context
        secret = ballot_secret(forgery, ballot)
        contests = tuple(open_contest(context, ballot.identifier_hash, c, secret) for c in ballot.contests)
        opened = Step(forgery.administrator, Kind.OPENED_BALLOT, bodies.OpenedBallotBody(1, 1, ballot.code, contests))
        if listed:
            first = forgery.indices(Kind.TALLY)[0]
            forgery = forgery.edit(first, lambda codes: (*codes, ballot.code), "open_by_nonce")
        return forgery.insert(forgery.indices(Kind.RESULT)[0] + 1, opened)

    return changed


def _stranger_opened(forgery: Forgery) -> Forgery:
    """Let a tally order a ballot to be opened that nobody posted, and post what opens it."""
    nobody = bytes(HASH_BYTES)
    forgery = _first(Kind.TALLY, "open_by_nonce", change=lambda codes: (*codes, nobody))(forgery)
    return _first(Kind.OPENED_BALLOT, "ballot", change=always(nobody))(forgery)


def _other_data_nonce(forgery: Forgery) -> Forgery:
    """Show another nonce for contest data, with the bytes that it makes of the ciphertext."""
    (shown,) = forgery.indices(Kind.OPENED_BALLOT)
    body, context = forgery.steps[shown].body, forgery.context
    ballot = next(forgery.ballot(i) for i in forgery.indices(Kind.BALLOT) if forgery.steps[i].code == body.ballot)
    nonce, encrypted = forgery.group.random_nonce().publish(), ballot.contests[0].data
    if encrypted is None:
        raise ValueError("the ballot's first contest has no contest data")
    data = decrypt_contest_data(ballot.identifier_hash, 1, encrypted, context.data_key**nonce)
    forgery = forgery.edit(shown, always(nonce), "contests", 0, "data_nonce")
    return forgery.edit(shown, always(data), "contests", 0, "data")


def _contest_of_nobody(contests: tuple[OpenedContest, ...]) -> tuple[OpenedContest, ...]:
    return (*contests, OpenedContest(99, "of nobody", (), b"", None))


def _votes_moved(selections: tuple[OpenedSelection, ...]) -> tuple[OpenedSelection, ...]:
    """Return the selections with the vote shown for another option."""
    values = [selection.value for selection in selections]
    moved = (*values[1:], values[0])
    return tuple(replace(selection, value=value) for selection, value in zip(selections, moved, strict=True))


def _swap_labels(options: tuple[Any, ...]) -> tuple[Any, ...]:
    first, second, *rest = options
    return replace(first, label=second.label), replace(second, label=first.label), *rest


def _negative_data(forgery: Forgery) -> Forgery:
    """Let the quorum publish -β for the contest data of a ballot, with a proof that holds, and the noise it opens."""
    (shown,) = forgery.indices(Kind.DECRYPTED_BALLOT)
    body: bodies.DecryptedBallotBody = forgery.steps[shown].body
    ballot = next(forgery.ballot(i) for i in forgery.indices(Kind.BALLOT) if forgery.steps[i].code == body.ballot)
    encrypted, held, group = ballot.contests[0].data, ballot.identifier_hash, forgery.group
    if encrypted is None:
        raise ValueError("the ballot's first contest has no contest data")
    key = _data_key(forgery)
    negative, cipher, g = negate(encrypted.c0**key), encrypted.to_bytes(), group.generator

    def prove() -> Proof:
        u = group.random_nonce()
        joint = JointCommitments(g**u, encrypted.c0**u, negative)
        challenge = hashing.joint_contest_data_challenge(group, held, 1, cipher, joint)
        return Proof(challenge, (respond(u, challenge, key),))

    plain = decrypt_contest_data(held, 1, encrypted, negative)
    made = DecryptedData(negative, plain, until(prove, is_even))
    return forgery.edit(shown, always(made), "contests", 0, "data")


def _data_made_up(forgery: Forgery) -> Forgery:
    """Show the first contest's data a second time, with the last contest, which keeps none."""
    (shown,) = forgery.indices(Kind.DECRYPTED_BALLOT)
    data = forgery.steps[shown].body.contests[0].data
    return forgery.edit(shown, always(data), "contests", -1, "data")


def _data_key(forgery: Forgery) -> Nonce:
    """Return the secret key for contest data, put together from the shares."""
    shares, group = forgery.keys.shares, forgery.group
    total = sum(int((share.data * lagrange_coefficient(group, shares, i)).value) for i, share in shares.items())
    return Nonce(group, group.scalar(total).value)


def _times(power: int) -> Change:
    """Multiply the first aggregate's B by K^power."""

    def changed(forgery: Forgery) -> Forgery:
        key: Element = forgery.joint_keys.vote_key
        return _tallied("cells", 0, "totals", 0, "beta", change=lambda beta: beta * key**power)(forgery)

    return changed


def _one_vote_less(total: Ciphertext) -> Ciphertext:
    return replace(total, alpha=total.alpha * total.alpha.group.generator)


_ANYWHERE = (
    Tampering("one-vote-taken-away", "An aggregate is changed before it is decrypted, and a candidate has a vote less.",
              trips("9.A"), _tallied("cells", 0, "totals", 0, change=_one_vote_less)),
    Tampering("one-vote-added", "An aggregate is changed before it is decrypted, and a candidate has a vote more.",
              trips("9.B"), _times(1)),
    Tampering("thousand-votes-added", "A candidate has a thousand votes more than there are ballots.",
              trips("9.B", "T.6"), _times(1000)),
    Tampering("lone-ballot-decrypted", "A device calls all ballots but one abandoned, and that one is decrypted alone.",
              trips("C.1", "C.2"), _lone_ballot),
    Tampering("cast-ballot-opened", "A tally orders a cast ballot to be opened, and its vote is published.",
              trips("D.5"), cast_ballot_opened(listed=True)),
    Tampering("opened-without-order", "A cast ballot's vote is published though no tally ordered it.", trips("D.5"),
              cast_ballot_opened(listed=False)),
    Tampering("stranger-opened", "A tally orders a ballot to be opened that is not on the board, and it is shown.",
              trips("D.5"), _stranger_opened),
    Tampering("tally-of-another-board", "A tally names a state of the board that never was.", trips("T.1"),
              _other_board),
    Tampering("quorum-too-small", "A tally asks fewer key holders than the quorum.", trips("T.1"), _quorum_too_small),
    Tampering("opened-too-early", "A key holder opens its commitments before another one committed.", trips("T.2"),
              _opened_too_early),
    Tampering("commitment-left-out", "A key holder commits to one decryption less than it answers for.", trips("T.3"),
              _first(Kind.COMMITMENTS, "commitments", change=lambda commitments: commitments[:-1])),
    Tampering("opening-not-committed-to", "A key holder opens something else than it committed to.", trips("T.4"),
              _first(Kind.COMMITMENTS, "commitments", 0, change=flip)),
    Tampering("negative-partial-decryption", "A key holder opens -M, which the joint proof does not notice.",
              trips("T.4"), _negative_partial),
    Tampering("responses-shifted", "Two key holders answer wrongly so that their sum is right.", trips("T.5"),
              _responses_shifted),
    Tampering("count-proof-written-differently", "The response in the proof of a count is written as v + q.",
              trips("10.A"), _first(Kind.RESULT, *_RESULT, "count", "proof", "responses", 0, change=over_q),
              needs_room=True),
    Tampering("count-not-proved", "The proof of a count does not verify.", trips("10.B"),
              _first(Kind.RESULT, *_RESULT, "count", "proof", "challenge", change=add_one)),
    Tampering("votes-swapped-in-result", "Two candidates' counts are exchanged, each with its proof.", trips("10.B"),
              _counts_swapped),
    Tampering("count-plus-one", "A count is edited after it was published.", trips("10.C"),
              _first(Kind.RESULT, *_RESULT, "count", "count", change=lambda count: count + 1)),
    Tampering("unknown-option-in-result", "A candidate in the result is none of the manifest's.",
              trips("11.B", "11.C"), _first(Kind.RESULT, *_RESULT, "label", change=always("Nobody"))),
    Tampering("swapped-options-in-result", "Two candidates' names are exchanged in the result.", trips("11.C"),
              _first(Kind.RESULT, "cells", 0, "options", change=_swap_labels)),
    Tampering("option-missing-in-result", "The result leaves a candidate out.", trips("11.C"),
              _first(Kind.RESULT, "cells", 0, "options", change=lambda options: options[:-1])),
    Tampering("other-vote-shown", "An opened test ballot is shown with its vote for somebody else.", trips("13.B"),
              _first(Kind.OPENED_BALLOT, "contests", 0, "selections", change=_votes_moved)),
    Tampering("nonce-written-differently", "A published nonce is written as ξ + q.", trips("O.2"),
              _first(Kind.OPENED_BALLOT, *_SELECTION, "nonce", change=over_q), needs_room=True),
    Tampering("unknown-contest-shown", "An opened test ballot is shown with a contest that it does not have.",
              trips("14.A"), _first(Kind.OPENED_BALLOT, "contests", change=_contest_of_nobody)),
    Tampering("unknown-option-shown", "An opened test ballot is shown with a vote for nobody.", trips("14.C", "14.D"),
              _first(Kind.OPENED_BALLOT, *_SELECTION, "label", change=always("Nobody"))),
    Tampering("options-swapped-when-shown", "An opened test ballot is shown with two candidates' names exchanged.",
              trips("14.D"), _first(Kind.OPENED_BALLOT, "contests", 0, "selections", change=_swap_labels)),
)  # fmt: skip
"""On any election."""

_LARGER = (
    Tampering("cells-merged", "Two stations are decrypted together though each has ballots enough.", trips("C.1"),
              _tallied("cells", change=_merged)),
    Tampering("cell-too-small", "A station with two ballots is decrypted alone.", trips("C.1", "C.2"),
              _tallied_with(partial(counted_cells, minimum=1))),
    Tampering("cells-changed-later", "A second attempt decrypts other cells: the difference could be a ballot.",
              trips("C.1", "C.3"), _other_cells_later),
    Tampering("stations-swapped-in-result", "The result names each of two stations for the other.", trips("C.4"),
              _stations_swapped),
    Tampering("excluded-ballot-opened", "A ballot is excluded, and then opened and published.", trips("D.5"),
              cast_ballot_opened(listed=True, decision="excluded")),
    Tampering("unknown-contest-in-result", "A cell of the result bears the name of no contest.", trips("11.A"),
              _first(Kind.RESULT, "cells", 0, "label", change=always("major"))),
    Tampering("contest-missing-in-result", "The result leaves a contest out.", trips("11.D", "C.4"),
              _first(Kind.RESULT, "cells", change=lambda cells: cells[:-1])),
    Tampering("empty-result", "The result is published with nothing in it.", trips("11.D", "C.4"),
              _first(Kind.RESULT, "cells", change=always(()))),
    Tampering("data-proof-written-differently", "The response in the proof of contest data is written as v + q.",
              trips("12.A"), _first(Kind.DECRYPTED_BALLOT, "contests", 0, "data", "proof", "responses", 0,
                                    change=over_q), needs_room=True),
    Tampering("data-not-proved", "The proof of decrypted contest data does not verify.", trips("12.B"),
              _first(Kind.DECRYPTED_BALLOT, "contests", 0, "data", "proof", "challenge", change=add_one)),
    Tampering("other-data-decrypted", "Decrypted contest data is shown as something else.", trips("12.C"),
              _first(Kind.DECRYPTED_BALLOT, "contests", 0, "data", "data", change=flip)),
    Tampering("data-not-shown", "The contest data of a decrypted test ballot is kept back.", trips("12.C"),
              _first(Kind.DECRYPTED_BALLOT, "contests", 0, "data", change=always(None))),
    Tampering("data-made-up", "A decrypted test ballot is shown with contest data where it has none.", trips("12.C"),
              _data_made_up),
    Tampering("negative-data", "The quorum publishes -β for contest data, with a proof that holds, and shows noise.",
              trips("T.7"), _negative_data),
    Tampering("other-data-shown", "The contest data of an opened test ballot is shown as something else.",
              trips("13.A"), _first(Kind.OPENED_BALLOT, "contests", 0, "data", change=flip)),
    Tampering("other-data-nonce", "An opened test ballot shows a wrong nonce, and the noise that it makes of the data.",
              trips("O.1"), _other_data_nonce),
    Tampering("contest-not-shown", "A test ballot is shown without one of its contests.", trips("14.B"),
              _first(Kind.DECRYPTED_BALLOT, "contests", change=lambda contests: contests[:-1])),
    Tampering("contests-shown-in-other-order", "A test ballot is shown with its contests in another order.",
              trips("14.B"), _first(Kind.OPENED_BALLOT, "contests", change=lambda contests: contests[::-1])),
    Tampering("three-votes-shown", "An opened test ballot held three votes for an option that takes two.",
              trips("14.E", "6.D"), _reopened({1: (1, 0, 0), 2: (3, 0, 0)})),
    Tampering("four-votes-shown", "An opened test ballot held four votes in a contest that takes three.",
              trips("14.F", "7.D"), _reopened({1: (1, 0, 0), 2: (2, 2, 0)})),
)  # fmt: skip
"""On an election with several contests and cells, contest data, and a ballot that was decrypted by selection."""

TALLY = (*(replace(tampering, base="plain") for tampering in _ANYWHERE), *_LARGER)
"""Tamperings with everything that comes after the close."""
