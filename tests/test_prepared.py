"""Prepared ballots: as good as others, used once, and never out of their process."""

import copy
import os
import pickle
from pathlib import Path

import pytest

from e2ev import arith, ceremony, chaining
from e2ev.ballot import BallotContext, EncryptedBallot, PlainBallot, PlainContest
from e2ev.claims import ballot_claims
from e2ev.demo.toy import TOY
from e2ev.errors import ConflictError, DataError
from e2ev.group import P3072, Element, Group
from e2ev.manifest import read_manifest
from e2ev.prepared import Pool, Template, prepare, seal
from e2ev.verify.batch import certifiable, certify

FULL = (Path(__file__).parents[1] / "specs" / "examples" / "manifest-full.json").read_bytes()
AUTHOR, COUNTER = b"\x01" + b"a" * 32, 7
MANIFEST = read_manifest(FULL)
FIELD = chaining.chaining_field("simple", b"e" * 32, b"d" * 32, None)


def context_of(group: Group) -> BallotContext:
    election = ceremony.Election.of(group, 1, 1, FULL)
    _, keys = ceremony.generate(election, election.everyone()[0])
    joint = ceremony.joint_keys(election, [keys])
    return BallotContext(MANIFEST, joint.vote_key.prepared(), joint.data_key.prepared(), joint.extended_hash)


CONTEXT = context_of(TOY)


def votes(style: int, pick: int) -> PlainBallot:
    known = MANIFEST.style(style)
    chosen = tuple(
        PlainContest(index, tuple(int(i == pick % len(MANIFEST.contest(index).options))
                                  for i in range(len(MANIFEST.contest(index).options))))
        for index in known.contests
    )  # fmt: skip
    return PlainBallot(style, known.units[0], chosen)


def made(context: BallotContext, plain: PlainBallot) -> tuple[EncryptedBallot, list[Element]]:
    kept: list[Element] = []
    template = prepare(context, plain.style, AUTHOR, COUNTER)
    return seal(context, template, plain, FIELD, kept.extend), kept


@pytest.mark.parametrize("style", range(1, len(MANIFEST.ballot_styles) + 1))
@pytest.mark.parametrize("pick", [0, 1, 3])
def test_every_claim_of_a_prepared_ballot_holds(style: int, pick: int) -> None:
    sealed, _ = made(CONTEXT, votes(style, pick))
    assert all(claim.holds() for claim in ballot_claims(CONTEXT, sealed))


def test_a_prepared_ballot_in_a_real_group_holds_and_its_commitments_certify_it() -> None:
    context = context_of(P3072)
    sealed, kept = made(context, votes(1, 1))
    item = certifiable(list(ballot_claims(context, sealed)), kept)
    assert item is not None
    assert certify([item]) == [True]


def test_the_moment_of_voting_takes_no_exponentiation() -> None:
    plain = votes(1, 1)
    template = prepare(CONTEXT, plain.style, AUTHOR, COUNTER)
    arith.COUNTS.reset()
    seal(CONTEXT, template, plain, FIELD)
    spent = arith.COUNTS
    assert (spent.power, spent.power_secret, spent.fixed_base, spent.shared_power, spent.multi_power_bases) == (0,) * 5


def test_preparing_takes_tables_alone() -> None:
    arith.COUNTS.reset()
    prepare(CONTEXT, 1, AUTHOR, COUNTER)
    assert (arith.COUNTS.power, arith.COUNTS.shared_power) == (0, 0)


def test_a_template_of_another_style_is_refused() -> None:
    template = prepare(CONTEXT, 1, AUTHOR, COUNTER)
    with pytest.raises(ValueError, match="style"):
        seal(CONTEXT, template, votes(2, 0), FIELD)


def test_choices_that_do_not_fit_are_refused() -> None:
    plain = votes(1, 0)
    with pytest.raises(DataError):
        seal(CONTEXT, prepare(CONTEXT, 1, AUTHOR, COUNTER), PlainBallot(1, plain.unit, ()), FIELD)


def filled() -> tuple[Pool, Template]:
    pool, template = Pool(), prepare(CONTEXT, 1, AUTHOR, COUNTER)
    pool.put(template)
    return pool, template


def test_a_template_is_given_out_once() -> None:
    pool, template = filled()
    assert pool.take(1, AUTHOR, COUNTER) is template
    assert pool.take(1, AUTHOR, COUNTER) is None


@pytest.mark.parametrize("where", [(2, AUTHOR, COUNTER), (1, b"b" * 33, COUNTER), (1, AUTHOR, COUNTER + 1)])
def test_a_template_serves_its_own_entry_alone(where: tuple[int, bytes, int]) -> None:
    pool, _ = filled()
    assert pool.take(*where) is None
    assert len(pool) == 1


@pytest.mark.parametrize("spread", [pickle.dumps, copy.copy, copy.deepcopy])
def test_pools_and_templates_are_not_copied(spread: object) -> None:
    for secret in filled():
        with pytest.raises(TypeError):
            spread(secret)  # type: ignore[operator]  # one of three functions


def test_nothing_of_a_template_shows() -> None:
    _, template = filled()
    assert "mpz" not in repr(template)


def test_a_pool_is_empty_in_a_forked_process_and_full_in_its_own() -> None:
    pool, _ = filled()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            pool.take(1, AUTHOR, COUNTER)
            os.write(write, b"given")
        except ConflictError:
            os.write(write, b"%d" % len(pool))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 10) == b"0"
    assert len(pool) == 1
