import numpy as np
import pytest

from deployments.autoscaling.arrivals import Arrivals, plausible

BUDGET = np.array([0.6])


def fed(counts):
    arrivals = Arrivals(1)
    for step, count in enumerate(counts, 1):
        arrivals.add(step, np.array([float(count)]), BUDGET)
    return arrivals, len(counts)


def test_demand_is_the_rate_at_which_nobody_waits_too_long():
    arrivals, step = fed([10] * 20 + [100])

    expected = max((100 + 10 * (k - 1)) / (k + 0.6) for k in (1, 2, 3, 5, 8, 15))
    assert arrivals.demand(step, 1)[0] == pytest.approx(expected)


def test_rates_of_a_newcomer_count_only_the_time_it_is_known():
    arrivals, _ = fed([6, 6, 6])

    assert arrivals.rate(3600)[0] == pytest.approx(6)


def test_what_cannot_be_counted_counts_as_nothing():
    counts = np.array([np.nan, -5.0, np.inf, 3.0])

    assert plausible(counts).tolist() == [0, 0, 1e6, 3]


def test_idle_seconds_are_counted_since_the_last_arrival():
    arrivals, _ = fed([1, 0, 0, 0])

    assert arrivals.idle_s[0] == 3
