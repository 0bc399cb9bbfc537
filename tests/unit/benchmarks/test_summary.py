"""Percentiles and summaries."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.facts import Outcome, RunName
from benchmarks.summary import MACHINE, WALL, best_per_s, middle, percentile, summarise
from tests.fakes_benchmarks import measurement

RUN = RunName(subject="x", load="closed", level=8, repeat=0)
VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=300)


def test_median_of_an_odd_number_is_the_middle_value():
    assert percentile([30.0, 10.0, 20.0], 0.5) == 20.0


def test_p99_of_a_hundred_values_is_the_ninety_ninth():
    assert percentile([float(i) for i in range(1, 101)], 0.99) == 99.0


def test_no_values_have_no_percentile():
    assert percentile([], 0.5) is None


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, 50])
def test_share_outside_its_range_is_refused(share):
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\]"):
        percentile([1.0], share)


@given(VALUES, st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_at_least_the_share_of_values_is_at_most_the_percentile(values, share):
    found = percentile(values, share)

    assert found in values
    assert sum(v <= found for v in values) >= math.floor(len(values) * share)


@given(VALUES)
def test_percentiles_grow_with_the_share(values):
    found = [percentile(values, share) or 0.0 for share in (0.1, 0.5, 0.9, 1.0)]

    assert found == sorted(found)
    assert found[-1] == max(values)


def test_cpu_time_is_divided_by_good_answers_only():
    outcome = Outcome(
        latencies_ms=(1.0, 2.0),
        errors={"http 503": 8},
        elapsed_s=2.0,
        client_cpu_s=0.5,
    )

    seen = summarise(RUN, outcome, {"HAProxy": 0.004})

    assert seen.throughput_per_s == 1.0
    assert seen.client_cores == 0.25
    assert seen.cpu_ms == {"HAProxy": 2.0}
    assert seen.errors == {"http 503": 8}


def test_what_the_machine_did_beside_us_is_counted_for_others():
    outcome = Outcome(latencies_ms=(1.0,), elapsed_s=2.0, client_cpu_s=0.5)
    clocks = {"HAProxy": 0.5, MACHINE: 3.0, WALL: 4.0}

    seen = summarise(RUN, outcome, clocks)

    assert seen.others_cores == 0.5
    assert seen.cpu_ms == {"HAProxy": 500.0}


def test_run_without_good_answers_has_no_latency_and_no_cpu_a_request():
    outcome = Outcome(
        latencies_ms=(), errors={"http 503": 3}, elapsed_s=1.0, client_cpu_s=0.1
    )

    seen = summarise(RUN, outcome, {"HAProxy": 1.0})

    assert (seen.p50_ms, seen.p99_ms, seen.cpu_ms) == (None, None, {})


def test_best_throughput_is_taken_once_a_repeat_from_closed_loops():
    seen = [
        measurement("a", 10.0, level=1),
        measurement("a", 50.0, level=8),
        measurement("a", 40.0, level=8, repeat=1),
        measurement("a", 99.0, load="open", level=100),
        measurement("b", 77.0),
    ]

    assert best_per_s(seen, "a") == [50.0, 40.0]


def test_middle_leaves_out_what_was_not_seen():
    assert middle([None, 3.0, 1.0, 2.0]) == 2.0
    assert middle([None]) is None
