"""Tamperings with who may vote: the roll, its credentials, the registrars, check-ins at the door."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from e2ev.demo.forge import Change, Forgery, Tampering, always, trips
from e2ev.demo.reseal import counted_cells, decrypt, partition
from e2ev.demo.tamper_board import fresh_ballots, other_author
from e2ev.demo.tamper_tally import cast_ballot_opened
from e2ev.record.codec import encode
from e2ev.record.eligibility import WHOLE, AuthorizationBody, RollBody, RollSection
from e2ev.record.kinds import Kind
from e2ev.signing import KEY_BYTES, SigningKey

STUFFED = 10


def _authorizations(forgery: Forgery) -> list[int]:
    return forgery.indices(Kind.AUTHORIZATION)


def _decision(forgery: Forgery, authorization: int) -> int:
    """Return the place of the decision about the ballot that an authorization is for."""
    code = forgery.steps[authorization].body.ballot
    return next(i for i in forgery.indices(Kind.DECISION) if forgery.steps[i].body.ballot == code)


def _without_voter(forgery: Forgery) -> Forgery:
    place = _authorizations(forgery)[-1]
    return forgery.without(place).until(_decision(forgery, place) - 1)


def _stuffed(forgery: Forgery) -> Forgery:
    """Let the device post and cast k ballots of its own before it closes."""
    (close,) = forgery.indices(Kind.DEVICE_CLOSED)
    made = fresh_ballots(forgery, forgery.steps[close].author, close, STUFFED)
    return forgery.insert(close, *made).until(close + len(made) - 1)


def _authorization(change: Callable[[Forgery, AuthorizationBody], AuthorizationBody]) -> Change:
    """Change the last authorization; its signatures stay as they are then."""

    def changed(forgery: Forgery) -> Forgery:
        place = _authorizations(forgery)[-1]
        body = encode(change(forgery, forgery.steps[place].body))
        return forgery.set(place, replace(forgery.steps[place], body=body)).until(place)

    return changed


def _of_another_ballot(forgery: Forgery, body: AuthorizationBody) -> AuthorizationBody:
    """Take signatures of the same voter that were made for the ballot before."""
    before = next(b for b in forgery.said(Kind.AUTHORIZATION) if b.row == body.row)
    return replace(body, signatures=before.signatures)


def _forged(_forgery: Forgery, body: AuthorizationBody) -> AuthorizationBody:
    """Sign with one registrar's key and with one of one's own, as that registrar alone could."""
    own = SigningKey.generate().sign(body.ballot)
    return replace(body, signatures=(body.signatures[0], own))


def _idle(forgery: Forgery) -> int:
    """Return a row of the last section that did not vote."""
    voted = {body.row for body in forgery.said(Kind.AUTHORIZATION)}
    return max(set(forgery.keys.credentials) - voted)


def _with_key(make: Callable[[Forgery], bytes]) -> Change:
    """Put a key in the place of the first one of a row that did not vote."""

    def changed(forgery: Forgery) -> Forgery:
        old, new = forgery.keys.credentials[_idle(forgery)][0].verify_key.raw, make(forgery)
        for place in forgery.indices(Kind.ROLL):
            for i in range(len(forgery.steps[place].body.sections)):
                forgery = forgery.edit(place, lambda keys: keys.replace(old, new), "sections", i, "keys")
        return forgery

    return changed


def _known_key(forgery: Forgery) -> bytes:
    return forgery.keys.credentials[0][1].verify_key.raw


def _never_endorsed(forgery: Forgery) -> Forgery:
    place, (opening,) = forgery.indices(Kind.ROLL_ENDORSED)[-1], forgery.indices(Kind.OPEN)
    return forgery.without(place).until(opening - 1)


def _grown(forgery: Forgery) -> Forgery:
    """Add a voter of one's own to the roll that the registrars had endorsed."""
    place, last = forgery.indices(Kind.ROLL_ENDORSED)[0], forgery.steps[forgery.indices(Kind.ROLL)[-1]]
    frozen = forgery.set(place, replace(forgery.steps[place], body=_endorsement(forgery)))
    keys = b"".join(SigningKey.generate().verify_key.raw for _ in forgery.keys.credentials[0])
    section = replace(last.body.sections[-1], keys=keys)
    body = RollBody(1, len(forgery.keys.credentials), (section,))
    return frozen.insert(place, replace(last, body=body)).until(place + 1)


def _endorsement(forgery: Forgery) -> bytes:
    return encode(forgery.said(Kind.ROLL_ENDORSED)[0])


def _heavier(forgery: Forgery) -> Forgery:
    """Let a voter's ballot count twice."""
    code = forgery.said(Kind.AUTHORIZATION)[0].ballot
    place = next(i for i in forgery.indices(Kind.BALLOT) if forgery.steps[i].code == code)
    return partition(forgery.edit(place, always(2), "ballot", "weight"))


def _twice(forgery: Forgery) -> Forgery:
    """Let the voter of the first ballot authorize the second one too."""
    first, second = _authorizations(forgery)[:2]
    row = forgery.steps[first].body.row
    return forgery.edit(second, always(row), "row").until(_decision(forgery, second))


def _betraying(forgery: Forgery) -> Forgery:
    """Leave one voter alone with a weight, before voting opens."""
    (opening,) = forgery.indices(Kind.OPEN)
    parts = forgery.indices(Kind.ROLL)
    lone = [i for i in parts if forgery.steps[i].body.sections[-1].weight == 2]
    width = KEY_BYTES * len(forgery.keys.credentials[0])
    forgery = forgery.edit(lone[0], lambda sections: tuple(map(_first_row(width), sections)), "sections")
    return forgery.without(*lone[1:]).until(opening - len(lone[1:]))


def _first_row(width: int) -> Callable[[RollSection], RollSection]:
    return lambda one: replace(one, keys=one.keys[:width]) if one.weight == 2 else one


def _opened(forgery: Forgery) -> Forgery:
    place = _decision(forgery, _authorizations(forgery)[-1])
    return forgery.edit(place, always("challenged"), "decision").until(place)


def _superseded_counted(forgery: Forgery) -> Forgery:
    """Decrypt sums that have a superseded ballot in them."""
    of_all = counted_cells(forgery.without(*_authorizations(forgery)))
    tally = next(i for i in forgery.indices(Kind.TALLY) if forgery.steps[i].body.cells)
    return decrypt(forgery.edit(tally, always(of_all), "cells"))


def _check_in(**changes: Any) -> Change:
    """Change what the first desk states; the record ends there."""

    def changed(forgery: Forgery) -> Forgery:
        place = forgery.indices(Kind.CHECK_IN)[0]
        body = forgery.steps[place].body
        made = {name: change(body) if callable(change) else change for name, change in changes.items()}
        return forgery.set(place, replace(forgery.steps[place], body=replace(body, **made))).until(place)

    return changed


def _too_many_ballots(forgery: Forgery) -> Forgery:
    place, (close,) = forgery.indices(Kind.CHECK_IN)[0], forgery.indices(Kind.CLOSE)
    body = forgery.steps[place].body
    fewer = replace(body, checked_in=2, matched=2, override=0)
    return forgery.set(place, replace(forgery.steps[place], body=fewer)).until(close)


def _silent_desk(forgery: Forgery) -> Forgery:
    (close,) = forgery.indices(Kind.CLOSE)
    return forgery.without(forgery.indices(Kind.CHECK_IN)[0]).until(close - 1)


def _never_stated(forgery: Forgery) -> Forgery:
    (opening,) = forgery.indices(Kind.OPEN)
    return forgery.without(*forgery.indices(Kind.REGISTER)).until(opening - 1)


def _registrar(forgery: Forgery) -> bytes:
    found = next(body.author for body in forgery.said(Kind.REGISTRAR_ADMITTED) if body.unit == WHOLE)
    return bytes(found)


_SMALL = bytes(KEY_BYTES)
"""y = 0: a point of order 4."""

_ON_ROLL = (
    Tampering("vote-without-a-voter", "A ballot is cast that no voter of the roll authorized.", trips("E.1"),
              _without_voter),
    Tampering("ballots-stuffed-without-voters", "A device posts ballots of its own and casts them.",
              trips("E.1"), _stuffed),
    Tampering("voter-beyond-the-roll", "A ballot is authorized by a row that the roll does not have.", trips("E.1"),
              _authorization(lambda _forgery, body: replace(body, row=1000))),
    Tampering("credential-forged", "One registrar alone signs for a voter who did not come.", trips("E.2"),
              _authorization(_forged)),
    Tampering("registrar-left-out", "A ballot is authorized with the key of one registrar where there are two.",
              trips("E.2"), _authorization(lambda _forgery, body: replace(body, signatures=body.signatures[:1]))),
    Tampering("authorization-moved", "What a voter signed for one ballot is shown for another one.", trips("E.2"),
              _authorization(_of_another_ballot)),
    Tampering("voter-twice-on-the-roll", "A key stands on the roll twice, in one row and in another.", trips("E.3"),
              _with_key(_known_key)),
    Tampering("key-of-small-order-on-the-roll", "A key of the roll is one under which anybody can sign.", trips("E.3"),
              _with_key(lambda _forgery: _SMALL)),
    Tampering("registrar-never-endorsed", "Voting opens before a registrar endorsed the roll.", trips("E.4"),
              _never_endorsed),
    Tampering("roll-grown-after-endorsement", "A voter is added to the roll that the registrars endorsed.",
              trips("E.4"), _grown),
    Tampering("weight-not-the-voters", "A voter's ballot counts twice, and the roll gives the voter one vote.",
              trips("E.5"), _heavier),
    Tampering("weight-betrays-its-voter", "One voter alone has a weight, so that the result shows that vote.",
              trips("E.7"), _betraying),
    Tampering("authorized-ballot-as-test", "A device makes a test of a ballot that a voter authorized, to have it "
              "opened.", trips("E.11"), _opened),
    Tampering("superseded-ballot-counted", "A ballot counts besides the later one of the same voter.",
              trips("C.1", "9.A", "9.B"), _superseded_counted),
    Tampering("superseded-ballot-opened", "A ballot that its voter replaced is opened, and the vote published.",
              trips("D.5"), cast_ballot_opened(listed=True, decision="superseded")),
    Tampering("registrar-of-ones-own", "The record is perfect and one of its registrars is somebody else.",
              trips("A.7"), other_author(_registrar), knows=("registrars",)),
)  # fmt: skip

_ON_DESKS = (
    Tampering("more-ballots-than-people", "At a place more ballots are cast than people checked in.", trips("E.8"),
              _too_many_ballots),
    Tampering("more-people-than-voters", "At a place more people check in than are registered.", trips("E.8"),
              _check_in(checked_in=7, matched=7, override=0)),
    Tampering("desk-that-says-nothing", "Ballots are cast at a place whose desk states no check-ins.", trips("E.8"),
              _silent_desk),
    Tampering("register-that-grew", "A desk states more registered voters than there were before voting.",
              trips("E.9"), _check_in(registered=lambda body: body.registered + 10)),
    Tampering("register-never-stated", "Voting opens before anybody stated the register.", trips("E.9"),
              _never_stated),
    Tampering("overrides-above-the-cap", "Most people of a place were let in against the device.", trips("E.10"),
              _check_in(matched=1, override=3)),
    Tampering("outcomes-do-not-add-up", "The outcomes of identification are more than the people who came.",
              trips("E.10"), _check_in(matched=lambda body: body.matched + 1)),
)  # fmt: skip

ELIGIBILITY = (
    *(replace(tampering, base="roll") for tampering in _ON_ROLL),
    Tampering("voter-counted-twice", "A voter casts a second ballot where each may cast one.", trips("E.6"), _twice,
              base="once"),
    *(replace(tampering, base="desks") for tampering in _ON_DESKS),
)  # fmt: skip
"""Tamperings with who may vote."""
