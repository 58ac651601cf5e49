"""Cells: the laws of the one partition that everybody computes, over any counted ballots."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2ev.arith import integer
from e2ev.ballot import EncryptedBallot, EncryptedContest, EncryptedSelection
from e2ev.counting import CountedCell, Pile, Place, add_piles, cells, piles_of
from e2ev.demo.toy import TOY
from e2ev.elgamal import Ciphertext, discrete_logarithm, encrypt
from e2ev.group import Nonce, SecretScalar
from tests.groups import law
from tests.records import sample

SECRET = SecretScalar(TOY, integer(123456789))
KEY = TOY.generator**SECRET
SOME: EncryptedBallot = sample(EncryptedBallot)
CONTEST: EncryptedContest = sample(EncryptedContest)
SELECTION: EncryptedSelection = sample(EncryptedSelection)


@dataclass(frozen=True)
class Vote:
    """A counted ballot: where it was cast, its weight, and by contest the values of its two options."""

    unit: int
    weight: int
    choices: tuple[tuple[int, tuple[int, int]], ...]

    def encrypted(self) -> EncryptedBallot:
        contests = tuple(
            replace(CONTEST, contest=contest, selections=tuple(map(encrypted, values)))
            for contest, values in self.choices
        )
        return replace(SOME, unit=self.unit, weight=self.weight, contests=contests)


ENCRYPTED = {value: encrypt(KEY, value, Nonce(TOY, integer(1000 + value))) for value in range(3)}


def encrypted(value: int) -> EncryptedSelection:
    return replace(SELECTION, ciphertext=ENCRYPTED[value])


def decrypted(cipher: Ciphertext, bound: int) -> int:
    return discrete_logarithm(KEY, cipher.beta / cipher.alpha**SECRET, bound)


CHOICES = st.dictionaries(st.integers(1, 3), st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=3)
VOTES = st.lists(
    st.builds(
        Vote,
        st.integers(1, 6),
        st.sampled_from((1, 1, 1, 2)),
        CHOICES.map(lambda chosen: tuple(sorted(chosen.items()))),
    ),
    max_size=40,
)
MINIMUM = st.integers(1, 6)


def piles(votes: Sequence[Vote]) -> dict[Place, Pile]:
    return add_piles(piles_of(vote.encrypted()) for vote in votes)


def partition(votes: Sequence[Vote], minimum: int) -> tuple[CountedCell, ...]:
    """Return the cells of the contests whose ballots are enough; the others stay closed."""
    held = piles(votes)
    total = {contest: total_of(held, contest) for contest, _ in held}
    return cells({place: pile for place, pile in held.items() if total[place[0]].hides(minimum)}, minimum)


def total_of(held: dict[Place, Pile], contest: int) -> Pile:
    first, *others = [pile for (found, _), pile in held.items() if found == contest]
    return sum(others, start=first)


@law
@given(VOTES, MINIMUM)
def test_each_place_is_in_exactly_one_cell(votes: list[Vote], minimum: int) -> None:
    found = [(cell.contest, unit) for cell in partition(votes, minimum) for unit in cell.units]
    held = piles(votes)
    assert sorted(found) == sorted(place for place in held if total_of(held, place[0]).hides(minimum))


@law
@given(VOTES, MINIMUM)
def test_each_cell_hides_every_weight_class_in_it(votes: list[Vote], minimum: int) -> None:
    for cell in partition(votes, minimum):
        inside = [vote for vote in votes if vote.unit in cell.units and cell.contest in dict(vote.choices)]
        for weight in {vote.weight for vote in inside}:
            assert sum(vote.weight == weight for vote in inside) >= minimum
        assert cell.pile.ballots == len(inside)


@law
@given(VOTES, MINIMUM)
def test_cells_hold_the_weighted_sums_of_their_ballots(votes: list[Vote], minimum: int) -> None:
    for cell in partition(votes, minimum):
        inside = [vote for vote in votes if vote.unit in cell.units and cell.contest in dict(vote.choices)]
        sums = [sum(vote.weight * dict(vote.choices)[cell.contest][option] for vote in inside) for option in (0, 1)]
        assert cell.pile.bound == sum(vote.weight for vote in inside)
        assert [decrypted(cipher, 2 * cell.pile.bound) for cipher in cell.pile.totals] == sums


@law
@given(VOTES, MINIMUM)
def test_cells_of_a_contest_multiply_to_the_total_of_its_ballots(votes: list[Vote], minimum: int) -> None:
    found = partition(votes, minimum)
    for contest in {cell.contest for cell in found}:
        total = total_of(piles(votes), contest)
        for option in (0, 1):
            product = prod((cell.pile.totals[option] for cell in found if cell.contest == contest), start=ONE)
            assert product == total.totals[option]


def test_cells_come_in_order_of_contests_of_any_number() -> None:
    # in a set these two stand the other way round
    held = {(contest, 1): Pile(((1, 5),), (ONE,)) for contest in (8, 1)}
    assert [cell.contest for cell in cells(held, 3)] == [1, 8]


ONE = Ciphertext(TOY.identity, TOY.identity)


@law
@given(VOTES, MINIMUM)
def test_cells_come_in_order_and_hold_neighbours(votes: list[Vote], minimum: int) -> None:
    found = partition(votes, minimum)
    assert [(cell.contest, cell.units) for cell in found] == sorted((cell.contest, cell.units) for cell in found)
    for contest in {cell.contest for cell in found}:
        units = [unit for cell in found if cell.contest == contest for unit in cell.units]
        assert units == sorted(units)


@law
@given(VOTES, MINIMUM)
def test_no_cell_but_the_last_of_its_contest_could_have_ended_earlier(votes: list[Vote], minimum: int) -> None:
    found, held = partition(votes, minimum), piles(votes)
    for cell, following in pairwise(found):
        for count in range(1, len(cell.units) if following.contest == cell.contest else 1):
            first, *others = [held[cell.contest, unit] for unit in cell.units[:count]]
            assert not sum(others, start=first).hides(minimum)


@law
@given(VOTES.flatmap(lambda votes: st.tuples(st.just(votes), st.permutations(votes))), MINIMUM)
def test_order_and_grouping_of_the_parts_do_not_matter(twice: tuple[list[Vote], list[Vote]], minimum: int) -> None:
    votes, shuffled = twice
    halves = add_piles([piles(shuffled[: len(votes) // 2]), {}, piles(shuffled[len(votes) // 2 :])])
    assert halves == piles(votes)
    assert partition(shuffled, minimum) == partition(votes, minimum)


@law
@given(VOTES, MINIMUM)
def test_contest_with_too_few_ballots_has_no_cell_and_the_others_have(votes: list[Vote], minimum: int) -> None:
    held = piles(votes)
    contests = {contest for contest, _ in held}
    hiding = {contest for contest in contests if total_of(held, contest).hides(minimum)}
    assert {cell.contest for cell in cells(held, minimum)} == hiding


@settings(deadline=None)
@given(VOTES)
def test_every_place_is_a_cell_where_one_ballot_is_enough(votes: list[Vote]) -> None:
    assert {(cell.contest, cell.units) for cell in cells(piles(votes), 1)} == {(c, (u,)) for c, u in piles(votes)}


def at(unit: int, count: int, weight: int = 1) -> list[Vote]:
    return [Vote(unit, weight, ((1, (1, 0)),))] * count


@pytest.mark.parametrize(
    ("votes", "units"),
    [
        (at(1, 5) + at(2, 5), [(1,), (2,)]),
        (at(1, 2) + at(2, 3) + at(3, 5), [(1, 2), (3,)]),
        (at(1, 5) + at(2, 2), [(1, 2)]),
        (at(1, 5) + at(2, 2) + at(4, 2), [(1, 2, 4)]),
        (at(1, 5) + at(2, 5) + at(3, 5) + at(6, 1), [(1,), (2,), (3, 6)]),
        (at(1, 5) + at(1, 1, weight=2) + at(2, 4, weight=2) + at(3, 5), [(1, 2), (3,)]),
        (at(1, 5) + at(2, 5) + at(2, 4, weight=2) + at(3, 1, weight=2) + at(3, 9), [(1,), (2, 3)]),
        (at(1, 5) + at(1, 4, weight=2) + at(2, 5) + at(3, 5) + at(3, 1, weight=2), [(1, 2, 3)]),
        (at(1, 5, weight=2) + at(2, 5) + at(3, 1, weight=2), [(1, 2, 3)]),
        ([], []),
        (at(1, 12) + at(2, 3, weight=2), []),
    ],
    ids=["each alone", "two small", "small at the end", "two small at the end", "last one joins", "small class waits",
         "class is filled next door", "class spans all", "leftover class joins backwards", "nothing",
         "class too small for all"],
)  # fmt: skip
def test_cells_of_five_follow_the_rule(votes: list[Vote], units: list[tuple[int, ...]]) -> None:
    assert [cell.units for cell in cells(piles(votes), 5)] == units


def test_weight_of_a_ballot_is_in_its_ciphertexts() -> None:
    (pile,) = piles_of(Vote(1, 2, ((1, (2, 1)),)).encrypted()).values()
    assert [decrypted(cipher, 10) for cipher in pile.totals] == [4, 2]
    assert (pile.classes, pile.ballots, pile.bound) == (((2, 1),), 1, 2)
