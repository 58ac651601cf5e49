"""Rules about who may vote: registrars, the roll and its authorizations, check-ins at the door (specs/board.md)."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from e2ev.board.contents import Contents, Posted
from e2ev.board.objections import (
    Objection,
    before_open,
    by_administrator,
    by_device,
    keys_in_use,
    name_of,
    not_again,
)
from e2ev.board.roll import MAX_ROWS, Class
from e2ev.credentials import signed_message
from e2ev.errors import DataError, RejectedError
from e2ev.manifest import EligibilityRule
from e2ev.record import bodies
from e2ev.record.eligibility import (
    WHOLE,
    AuthorizationBody,
    CheckInBody,
    RegisterBody,
    RegistrarAdmittedBody,
    RollBody,
    RollEndorsedBody,
)
from e2ev.signing import VerifyKey, check_signature


def _asked(contents: Contents, mode: str) -> Iterator[Objection]:
    """Object unless the manifest shows in this way who may vote."""
    rule = contents.manifest.eligibility
    if rule is None or rule.mode != mode:
        yield Objection("R.1", f"the manifest does not ask for a {mode}")


def _by_registrar(contents: Contents, posted: Posted[Any], unit: int) -> Iterator[Objection]:
    """Object to whoever is no registrar of this unit."""
    held = contents.eligibility.registrars.get(posted.header.author)
    if held is None or held.body.form.unit != unit:
        who, place = name_of(contents, posted.header.author), contents.place(unit) if unit else "the whole election"
        yield Objection("B.7", f"{who} posts what only a registrar of {place} may post", who)


def admitted(contents: Contents, posted: Posted[RegistrarAdmittedBody]) -> Iterator[Objection]:
    """Object to a registrar who is admitted wrongly."""
    body, rule = posted.body.form, contents.manifest.eligibility
    yield from by_administrator(contents, posted)
    yield from not_again(contents.eligibility.registrars.get(body.author), "the same registrar is admitted")
    yield from before_open(contents, "a registrar is admitted")
    if rule is None or (rule.mode == "roll" and body.unit != WHOLE):
        yield Objection("R.1", "the manifest does not ask for such a registrar")
    elif body.unit == WHOLE and len(contents.eligibility.whole()) >= rule.registrars:
        yield Objection(
            "R.1", f"the manifest asks for {rule.registrars} registrars of the whole election, not for more"
        )
    if not 0 <= body.unit <= len(contents.manifest.reporting_units):
        yield Objection("R.1", f"reporting unit {body.unit} is not in the manifest")
    if body.author in keys_in_use(contents) - contents.eligibility.registrars.keys():
        yield Objection("B.7", "a registrar has a key of its own")


# The roll


def roll(contents: Contents, posted: Posted[RollBody]) -> Iterator[Objection]:
    """Object to a part of the roll that comes from the wrong person, too late, or is not made of rows."""
    body, held, rule = posted.body.form, contents.eligibility, contents.manifest.eligibility
    yield from _by_registrar(contents, posted, WHOLE)
    yield from _asked(contents, "roll")
    yield from before_open(contents, "a part of the roll")
    if held.endorsements:
        yield Objection("B.8", "a part of the roll after a registrar endorsed it")
    if rule is not None and len(held.whole()) != rule.registrars:
        yield Objection("B.8", f"a part of the roll before {rule.registrars} registrars were admitted")
    if body.first != held.roll.rows:
        yield Objection("R.1", f"a part of the roll begins with row {body.first}, and {held.roll.rows} rows stand here")
    yield from _sections(contents, body)


def _sections(contents: Contents, body: RollBody) -> Iterator[Objection]:
    manifest, held, rows = contents.manifest, contents.eligibility.roll, 0
    before = held.last_class()
    for i, section in enumerate(body.sections):
        now = Class(section.style, section.unit, section.weight)
        if not section.keys or not held.width or len(section.keys) % held.width:
            yield Objection("R.1", f"sections[{i}] does not hold whole rows")
            return
        rows += len(section.keys) // held.width
        known = 1 <= now.style <= len(manifest.ballot_styles) and now.weight in manifest.weights
        if not known or now.unit not in manifest.style(now.style).units:
            yield Objection("R.1", f"sections[{i}] has a style, unit or weight that the manifest does not have there")
        if before is not None and not _follows(before, now, first=i == 0):
            yield Objection("R.1", f"sections[{i}] does not follow by style, unit and weight")
        before = now
    if not rows or held.rows + rows > MAX_ROWS:
        yield Objection("R.1", f"a part of the roll has rows, and the roll at most {MAX_ROWS}")


def _follows(before: Class, now: Class, *, first: bool) -> bool:
    """Return whether a section comes behind another one; the first of an entry may go on with the last one."""
    pair = tuple((one.style, one.unit, one.weight) for one in (before, now))
    return pair[0] < pair[1] or (first and pair[0] == pair[1])


def endorsed(contents: Contents, posted: Posted[RollEndorsedBody]) -> Iterator[Objection]:
    """Object to an endorsement of another roll than the one that stands here."""
    body, held = posted.body.form, contents.eligibility
    yield from _by_registrar(contents, posted, WHOLE)
    yield from _asked(contents, "roll")
    yield from before_open(contents, "an endorsement of the roll")
    yield from not_again(held.endorsements.get(posted.header.author), "a registrar endorses the roll")
    if (body.rows, body.root) != (held.roll.rows, held.roll.tree.root()) or not body.rows:
        who = name_of(contents, posted.header.author)
        yield Objection("E.4", f"{who} endorses a roll of {body.rows} rows; here stands another one, of "
                        f"{held.roll.rows}", who)  # fmt: skip


def at_open(contents: Contents) -> Iterator[Objection]:
    """Object to an opening before it is fixed who may vote."""
    rule = contents.manifest.eligibility
    if rule is None:
        return
    held = contents.eligibility
    whole, said = held.whole(), held.endorsements if rule.mode == "roll" else held.registers
    check, what = ("E.4", "endorsed the roll") if rule.mode == "roll" else ("E.9", "stated the register")
    if len(whole) != rule.registrars:
        yield Objection(
            check, f"voting is opened with {len(whole)} registrars; the manifest asks for {rule.registrars}"
        )
    missing = [held.registrars[author].body.form.name for author in whole if author not in said]
    if missing:
        yield Objection(check, f"voting is opened, and these registrars have not {what}: " + ", ".join(missing))
    for contest, weight, voters in held.roll.too_small(contents.manifest):
        label, least = contents.manifest.contest(contest).label, contents.manifest.minimum_cell
        yield Objection("E.7", f"{voters} voters of {label} have weight {weight}; fewer than {least} hide nobody")


def authorization(contents: Contents, posted: Posted[AuthorizationBody]) -> Iterator[Objection]:
    """Object to an authorization that is not a voter's, or not for this ballot."""
    body, author, held = posted.body.form, posted.header.author, contents.eligibility
    who, place = name_of(contents, author), contents.ballots.get(body.ballot)
    yield from _asked(contents, "roll")
    if place is None or author != contents.holder(place.author):
        yield Objection("D.2", f"{who} authorizes a ballot that it did not post", who)
        return
    yield from by_device(contents, author)
    if body.ballot in contents.decisions:
        yield Objection("D.1", f"{who} authorizes a ballot that was decided about", who)
    ballot = contents.ballots.row(body.ballot)
    if ballot is not None and held.row(ballot) is not None:
        yield Objection("B.8", "the same ballot is authorized a second time")
    if body.row >= held.roll.rows:
        yield Objection("E.1", f"{who} names row {body.row} of a roll with {held.roll.rows} rows", who)
        return
    message = signed_message(contents.id, body.row, place.leaf_hash)
    keys = held.roll.keys_of(body.row)
    if len(keys) != len(body.signatures) or not all(map(_is_signed, keys, [message] * len(keys), body.signatures)):
        found = f"{who} posts a ballot that the credentials of row {body.row} did not all sign"
        yield Objection("E.2", found, who)


def _is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        check_signature(VerifyKey(key), message, signature)
    except (DataError, RejectedError):
        return False
    return True


def decided(contents: Contents, posted: Posted[bodies.DecisionBody]) -> Iterator[Objection]:
    """Object to a ballot that is cast without a voter, or twice, or opened although a voter authorized it."""
    rule, body, held = contents.manifest.eligibility, posted.body.form, contents.eligibility
    ballot = contents.ballots.row(body.ballot)
    if rule is None or rule.mode != "roll" or ballot is None:
        return
    row, who, short = held.row(ballot), name_of(contents, posted.header.author), body.ballot.hex()[:12]
    if body.decision == "cast" and row is None:
        yield Objection("E.1", f"{who} casts ballot {short}, which no voter of the roll authorized", who)
    if body.decision == "challenged" and row is not None:
        yield Objection("E.11", f"{who} makes a test of ballot {short}, which a voter authorized", who)
    if body.decision == "cast" and row is not None and not held.supersedes and held.voted(row) is not None:
        yield Objection("E.6", f"{who} casts ballot {short}, the second one of row {row}", who)


# Check-ins


def register(contents: Contents, posted: Posted[RegisterBody]) -> Iterator[Objection]:
    """Object to a register that comes late, is not made of units, or is not the one that another registrar stated."""
    body, held = posted.body.form, contents.eligibility
    yield from _by_registrar(contents, posted, WHOLE)
    yield from _asked(contents, "check-in")
    yield from before_open(contents, "a register")
    yield from not_again(held.registers.get(posted.header.author), "a registrar states the register")
    units = [one.unit for one in body.units]
    if units != sorted(set(units)) or not set(units) <= set(range(1, len(contents.manifest.reporting_units) + 1)):
        yield Objection("R.1", "a register has units of the manifest, in increasing order")
    if any(stated.body.form.units != body.units for stated in held.registers.values()):
        yield Objection("E.9", "two registrars state different registers", name_of(contents, posted.header.author))


def check_in(contents: Contents, posted: Posted[CheckInBody]) -> Iterator[Objection]:
    """Object to a statement of a check-in desk that contradicts itself, the register or the legal cap."""
    body, held, rule = posted.body.form, contents.eligibility, contents.manifest.eligibility
    yield from _by_registrar(contents, posted, body.unit)
    yield from _asked(contents, "check-in")
    yield from not_again(held.check_ins.get(body.unit), "the check-in of the same place")
    if contents.opened is None or contents.closed is not None:
        yield Objection("B.8", "a check-in is stated while voting is open")
    if not 1 <= body.unit <= len(contents.manifest.reporting_units):
        yield Objection("R.1", f"reporting unit {body.unit} is not in the manifest")
        return
    place, who = contents.place(body.unit), name_of(contents, posted.header.author)
    if body.checked_in > body.registered:
        yield Objection("E.8", f"{body.checked_in} checked in at {place}, where {body.registered} are registered", who)
    if body.registered != held.register_of(body.unit):
        found = f"{place} states {body.registered} registered voters; {held.register_of(body.unit)} were before voting"
        yield Objection("E.9", found, who)
    yield from _outcomes(body, rule, place, who)


def _outcomes(body: CheckInBody, rule: EligibilityRule | None, place: str, who: str) -> Iterator[Objection]:
    if body.matched + body.override != body.checked_in:
        found = f"{body.matched} matched and {body.override} let in at {place} are not the {body.checked_in} checked in"
        yield Objection("E.10", found, who)
    if rule is not None and body.override * 1000 > rule.override_cap * body.checked_in:
        found = f"{body.override} of {body.checked_in} at {place} were let in against the device"
        yield Objection("E.10", f"{found}; {rule.override_cap} of 1,000 are the most", who)


def at_close(contents: Contents) -> Iterator[Objection]:
    """Object to a close over more ballots at a place than people who checked in there."""
    rule = contents.manifest.eligibility
    if rule is None or rule.mode != "check-in":
        return
    for unit, ballots in sorted(ballots_cast(contents).items()):
        said, place = contents.eligibility.check_ins.get(unit), contents.place(unit)
        if said is None:
            yield Objection("E.8", f"{ballots} ballots were cast at {place}, and its desk states no check-ins")
        elif ballots > said.body.form.checked_in:
            yield Objection(
                "E.8", f"{ballots} ballots were cast at {place}, and {said.body.form.checked_in} checked in"
            )


def ballots_cast(contents: Contents) -> Counter[int]:
    """Return by reporting unit how many ballots were cast, those on paper among them; no unit without any."""
    word, ballots, counts = contents.decisions.word, contents.ballots, Counter[int]()
    for row in range(len(ballots)):
        if word(row) == "cast":
            counts[contents.devices[ballots.at(row).author].unit] += 1
    for unit, paper in contents.paper.items():
        counts[unit] += paper.body.form.ballots
    return +counts


# What an entry changes


def take_admitted(contents: Contents, posted: Posted[RegistrarAdmittedBody]) -> None:
    """Note a registrar."""
    contents.eligibility.registrars[posted.body.form.author] = posted


def take_roll(contents: Contents, posted: Posted[RollBody]) -> None:
    """Take in rows; the entry itself is not kept."""
    for section in posted.body.form.sections:
        contents.eligibility.roll.add(section)


def take_endorsed(contents: Contents, posted: Posted[RollEndorsedBody]) -> None:
    """Note an endorsement."""
    contents.eligibility.endorsements[posted.header.author] = posted


def take_authorization(contents: Contents, posted: Posted[AuthorizationBody]) -> None:
    """Note which row a ballot belongs to."""
    ballot = contents.ballots.row(posted.body.form.ballot)
    if ballot is not None:
        contents.eligibility.authorize(ballot, posted.body.form.row)


def take_decided(contents: Contents, posted: Posted[bodies.DecisionBody]) -> None:
    """Note that a row of the roll has voted."""
    ballot = contents.ballots.row(posted.body.form.ballot)
    if ballot is not None and posted.body.form.decision == "cast":
        contents.eligibility.cast(ballot)


def take_register(contents: Contents, posted: Posted[RegisterBody]) -> None:
    """Note a register."""
    contents.eligibility.registers[posted.header.author] = posted


def take_check_in(contents: Contents, posted: Posted[CheckInBody]) -> None:
    """Note how many came to a place."""
    contents.eligibility.check_ins[posted.body.form.unit] = posted
