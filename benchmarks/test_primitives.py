"""Exponentiation in all its forms, in the standard group."""

import time

import pytest

from benchmarks import cases
from benchmarks.conftest import Measure
from e2ev.group import P4096

pytestmark = pytest.mark.benchmark(timer=time.thread_time)


@pytest.mark.parametrize("window", [8, 12])
def test_fixed_base(measure: Measure, window: int) -> None:
    measure(cases.fixed_base(P4096, window))


def test_shared_squarings(measure: Measure) -> None:
    measure(cases.shared_squarings(P4096))


def test_power_by_a_secret(measure: Measure) -> None:
    measure(cases.secret_power(P4096))


@pytest.mark.parametrize("count", [20, 100, 400, 2000])
def test_product_of_powers(measure: Measure, count: int) -> None:
    measure(cases.multi_power(P4096, count))


def test_membership(measure: Measure) -> None:
    measure(cases.membership(P4096))


def test_jacobi_symbol(measure: Measure) -> None:
    measure(cases.jacobi(P4096))
