"""The schedule of an open loop."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.arrivals import poisson_arrivals_s


@given(st.floats(1, 500), st.floats(0.1, 5), st.integers(0, 1000))
def test_arrivals_ascend_and_stay_within_the_time(rate_per_s, duration_s, seed):
    arrivals = poisson_arrivals_s(rate_per_s, duration_s, seed)

    assert arrivals == sorted(arrivals)
    assert all(0 <= arrival < duration_s for arrival in arrivals)


def test_same_seed_gives_the_same_schedule_and_another_seed_another():
    first = poisson_arrivals_s(100, 10, seed=1)

    assert poisson_arrivals_s(100, 10, seed=1) == first
    assert poisson_arrivals_s(100, 10, seed=2) != first


def test_long_schedule_has_the_rate_and_the_spread_of_a_poisson_process():
    arrivals = poisson_arrivals_s(200, 100, seed=3)
    gaps = [b - a for a, b in itertools.pairwise(arrivals)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)

    assert len(arrivals) == pytest.approx(20_000, rel=0.03)
    # Exponential gaps: the deviation equals the mean.
    assert variance**0.5 == pytest.approx(mean, rel=0.05)
