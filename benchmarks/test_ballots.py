"""Ballots of four shapes: encrypted, and verified with and without their commitments."""

import time

import pytest

from benchmarks import cases, ours
from benchmarks.conftest import Measure
from benchmarks.ours import EIGHTEEN, SEVEN, SINGLE, TWELVE, Sample, Shape
from e2ev.ballot import BULK
from e2ev.group import P4096

pytestmark = pytest.mark.benchmark(timer=time.thread_time)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return ours.sample(ours.context_of(P4096, SINGLE), SINGLE, 400)


@pytest.mark.parametrize(("shape", "count"), [(SINGLE, 8), (SEVEN, 6), (TWELVE, 2), (EIGHTEEN, 4)], ids=str)
def test_encryption(measure: Measure, shape: Shape, count: int) -> None:
    measure(cases.encrypt(P4096, shape, count))


@pytest.mark.parametrize(("shape", "count"), [(SINGLE, 8), (TWELVE, 2)], ids=str)
def test_encryption_in_bulk(measure: Measure, shape: Shape, count: int) -> None:
    with ours.context_of(P4096, shape).in_bulk(BULK):
        measure(cases.encrypt(P4096, shape, count, bulk=True))


def test_moment_of_voting(measure: Measure) -> None:
    measure(cases.seal(P4096, SINGLE))


@pytest.mark.parametrize(("shape", "count"), [(SINGLE, 12), (SEVEN, 6), (TWELVE, 1), (EIGHTEEN, 3)], ids=str)
def test_plain_verification(measure: Measure, shape: Shape, count: int) -> None:
    measure(cases.verify_plain(P4096, shape, count))


@pytest.mark.parametrize("count", [20, 100, 400])
def test_verification_in_batch(measure: Measure, sample: Sample, count: int) -> None:
    measure(cases.verify_batch(sample.first(count)))


def test_cost_of_types(measure: Measure) -> None:
    measure(cases.typed(P4096))


def test_share_of_hashing(measure: Measure, sample: Sample) -> None:
    measure(cases.hashing_share(sample.first(100)))


def test_share_of_decoding(measure: Measure, sample: Sample) -> None:
    measure(cases.decoding_share(sample.first(100)))


def test_strict_decoding(measure: Measure, sample: Sample) -> None:
    measure(cases.decoding(sample.first(50)))
