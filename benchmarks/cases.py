"""Every case but those that need boards or processes: what is measured, beside what, and how much has to be reached."""

import secrets
from collections.abc import Callable, Sequence
from itertools import accumulate, repeat

import msgpack

from benchmarks import naive, ours
from benchmarks.naive import Election, Powmod, Tabled, ballot_of
from benchmarks.ours import AUTHOR, COUNTER, FIELD, SINGLE, Sample, Shape, Stream
from benchmarks.paired import Case, Figure, Kind, Work, equal
from e2ev import arith, prepared
from e2ev.arith import Integer, integer
from e2ev.group import Group, Residue

SHORT = 2.5
"""Seconds for the rounds of a primitive."""
EXPONENT_BYTES = 16
"""Of the random exponents in a batch."""

FIGURES = {"encrypt": Figure(9, 13), "plain": Figure(2, 3), "batch": Figure(11, 14), "types": Figure(8, 4)}
"""What a contest of four options has to reach."""


def always(_ours: object, _baseline: object) -> bool:
    """Return True: the sides do parts of the same work, which tests compare."""
    return True


# Primitives


def _scalar(group: Group) -> Integer:
    return group.random_scalar().value


def _members(group: Group, count: int) -> list[Integer]:
    step = arith.power(group.g, _scalar(group), group.p)
    return list(accumulate(repeat(step, count), lambda left, right: left * right % group.p))


def _times(number: int, function: Callable[[], object], powers: int = 1) -> Work:
    """Return the work of calling a function so often, which gives what its last call gave."""

    def run() -> object:
        for _ in range(number - 1):
            function()
        return function()

    return Work(run, number * powers)


def fixed_base(group: Group, window: int) -> Case:
    """A table of one base against powmod, with many exponents: one alone would be read from the processor's cache."""
    table = arith.FixedBase.of(group.g, group.p, group.q.bit_length(), window)
    exponents = [_scalar(group) for _ in range(400)]
    few = exponents[:10]
    return Case(
        f"fixed base, {window}-bit windows",
        "power",
        Work(lambda: [table.power(exponent) for exponent in exponents][: len(few)], len(exponents)),
        Work(lambda: [naive.power(group.g, exponent, group.p) for exponent in few], len(few)),
        seconds=SHORT,
    )


def shared_squarings(group: Group) -> Case:
    """Two powers of one base with one chain of squarings against two powmods."""
    (base,), exponents = _members(group, 1), [_scalar(group), _scalar(group)]
    return Case(
        "two powers of one base, squarings shared",
        "power",
        _times(5, lambda: arith.powers(base, exponents, group.p), 2),
        _times(5, lambda: [naive.power(base, exponent, group.p) for exponent in exponents], 2),
        seconds=SHORT,
    )


def secret_power(group: Group) -> Case:
    """What the constant time of a power by a long-lived secret costs."""
    (base,), exponent = _members(group, 1), _scalar(group)
    return Case(
        "power by a secret, constant time",
        "power",
        _times(5, lambda: arith.power_secret(base, exponent + group.q, group.p)),
        _times(5, lambda: naive.power(base, exponent, group.p)),
        seconds=SHORT,
    )


def multi_power(group: Group, count: int) -> Case:
    """A product of powers with 128-bit exponents against one powmod a base."""
    bases = _members(group, count)
    exponents = [integer(secrets.token_bytes(EXPONENT_BYTES)) for _ in bases]
    few = min(count, 50)

    def one_by_one() -> Integer:
        result = integer(1)
        for base, exponent in zip(bases[:few], exponents, strict=False):
            result = result * naive.power(base, exponent, group.p) % group.p
        return result

    ours_once = Work(lambda: arith.multi_power(bases, exponents, group.p), count)
    agree = equal if few == count else always
    name = f"product of {count} powers, 128 bits"
    return Case(name, "base", ours_once, Work(one_by_one, few), agree=agree, seconds=SHORT)


def membership(group: Group, count: int = 400) -> Case:
    """Membership of many residues at once against x^q of each."""
    residues = [Residue(group, value) for value in _members(group, count)]
    few = [residue.value for residue in residues[:20]]
    return Case(
        f"membership of {count} in batch",
        "residue",
        Work(lambda: group.find_non_members(residues) == [], count),
        Work(lambda: Powmod(group).are_members(few), len(few)),
        seconds=SHORT,
    )


def jacobi(group: Group) -> Case:
    """One Jacobi symbol against x^q."""
    values = _members(group, 50)
    return Case(
        "Jacobi symbol, for membership",
        "residue",
        Work(lambda: {arith.jacobi(value, group.p) for value in values} == {1}, len(values)),
        Work(lambda: Powmod(group).are_members(values[:5]), 5),
        seconds=SHORT,
    )


# Ballots


def encrypt(group: Group, shape: Shape, count: int = 8, *, bulk: bool = False) -> Case:
    """Ballots with their proofs; in the rehearsal both sides make the same ones.

    Args:
        group: The group.
        shape: Of the ballots.
        count: How many at once.
        bulk: Whether the case runs inside of `BallotContext.in_bulk`, as where a device encrypts a thousand ballots.
    """
    context = ours.context_of(group, shape)
    plain = Election.of(context, Powmod(group))
    few = max(1, count // 4)

    def by_hand() -> list[naive.Ballot]:
        stream = Stream()
        return [plain.encrypt(shape.values(), AUTHOR, COUNTER, FIELD, stream) for _ in range(few)]

    return Case(
        f"encrypt {shape} with proofs, {'in bulk' if bulk else 'a few'}",
        "ballot",
        Work(lambda: ours.encrypt(context, shape, count, Stream()), count),
        Work(by_hand, few),
        figure=FIGURES["encrypt"] if bulk and shape == SINGLE else None,
        agree=_same_ballots,
    )


def seal(group: Group, shape: Shape, count: int = 8) -> Case:
    """The moment of voting, where the device has prepared: ballots from templates."""
    context = ours.context_of(group, shape)
    templates = [prepared.prepare(context, 1, AUTHOR, COUNTER) for _ in range(count)]
    plain = Election.of(context, Powmod(group))
    return Case(
        f"encrypt {shape}, prepared before",
        "ballot",
        Work(lambda: len([prepared.seal(context, held, shape.plain(), FIELD) for held in templates]), count),
        Work(lambda: plain.encrypt(shape.values(), AUTHOR, COUNTER, FIELD)),
        agree=always,
        seconds=SHORT,
    )


def _same_ballots(made: object, expected: object) -> bool:
    if not isinstance(made, list) or not isinstance(expected, list):
        return False
    return [ballot_of(one) for one in made[: len(expected)]] == expected


def _by_hand(sample: Sample, arithmetic: Powmod, count: int) -> Work:
    election = Election.of(sample.context, arithmetic)
    ballots = [ballot_of(one) for one in sample.first(count).ballots()]
    return Work(lambda: election.verify(ballots), count)


def verify_plain(group: Group, shape: Shape, count: int) -> Case:
    """Ballots of a bare record."""
    sample = ours.sample(ours.context_of(group, shape), shape, count)
    return Case(
        f"verify {shape} plain",
        "ballot",
        Work(lambda: ours.verify_plain(sample), count),
        _by_hand(sample, Powmod(group), max(1, count // 6)),
        figure=FIGURES["plain"] if shape == SINGLE else None,
    )


def verify_batch(sample: Sample) -> Case:
    """Ballots of one contest of four options, with their commitments, in one batch."""
    count = len(sample.bodies)
    return Case(
        f"verify {SINGLE} in batch of {count} contests",
        "ballot",
        Work(lambda: ours.verify_batch(sample), count),
        _by_hand(sample, Powmod(sample.group), min(count, 4 if count < 100 else 8)),
        figure=FIGURES["batch"] if count >= 400 else None,
        seconds=10 if count < 400 else 20,
        least=3,
    )


def typed(group: Group, count: int = 8) -> Case:
    """What the types cost: plain verification against the same formulas on bare integers."""
    sample = ours.sample(ours.context_of(group, SINGLE), SINGLE, count)
    return Case(
        "types, in plain verification",
        "ballot",
        Work(lambda: ours.verify_plain(sample), count),
        _by_hand(sample, Tabled(group), count),
        versus="bare integers",
        kind=Kind.OVERHEAD,
        figure=FIGURES["types"],
        seconds=8,
    )


# Shares of a verification


def hashing_share(sample: Sample) -> Case:
    """All hashes of a verification, against the whole of it in batch."""
    judged, count = sample.ballots(), len(sample.bodies)
    whole = Work(lambda: ours.verify_batch(sample), count)
    hashes = Work(lambda: ours.hash_all(sample, judged), count)
    name = f"hashing, in a batch of {count}"
    return Case(name, "ballot", hashes, whole, "the whole", Kind.SHARE, seconds=SHORT, least=3)


def decoding_share(sample: Sample) -> Case:
    """Decoding of bodies, against their verification in batch."""
    count = len(sample.bodies)
    whole = Work(lambda: ours.verify_batch(sample), count)
    decoding = Work(lambda: len(ours.decode_all(sample.group, sample.encoded)) == count, count)
    name = f"decoding, beside a batch of {count}"
    return Case(name, "ballot", decoding, whole, "verification", Kind.SHARE, seconds=SHORT, least=3)


def decoding(sample: Sample) -> Case:
    """Strict decoding of bodies against MessagePack and bare integers, with nothing checked."""
    count = len(sample.bodies)

    def loosely() -> int:
        return len([_integers(msgpack.unpackb(data)) for data in sample.encoded])

    return Case(
        "strict decoding",
        "ballot",
        Work(lambda: len(ours.decode_all(sample.group, sample.encoded)), count),
        Work(loosely, count),
        versus="bare MessagePack",
        seconds=SHORT,
    )


def _integers(value: object) -> object:
    if isinstance(value, Sequence) and not isinstance(value, bytes | str):
        return [_integers(item) for item in value]
    return integer(value) if isinstance(value, bytes) else value
