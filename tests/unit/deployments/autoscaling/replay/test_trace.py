from pathlib import Path

import numpy as np
import pytest

from deployments.autoscaling.errors import TraceUnreadable
from deployments.autoscaling.replay.trace import read_trace, trace_of

FILE = Path("somewhere.npz")


def test_seconds_are_taken_as_they_are_where_they_were_recorded():
    counts = np.arange(2000) % 9

    assert np.array_equal(trace_of(FILE, counts, 1).arrivals, counts)


def test_thin_days_are_redrawn_at_eighty_requests_a_second():
    counts = np.random.default_rng(0).poisson(0.5, 90_000)

    assert trace_of(FILE, counts, 1).arrivals.mean() == pytest.approx(80, rel=0.01)


def test_replica_is_so_fast_that_the_mean_load_fills_eight():
    made = trace_of(FILE, np.full(2000, 16), 1)

    assert (made.per_replica, made.service_s, made.wait_budget_s) == (2, 2, 1)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        (np.zeros(2000), "nothing arrives"),
        (np.full(2000, -1), "between 0 and a million"),
        (np.full(2000, np.nan), "between 0 and a million"),
        (np.ones(10), "at least 1200 counts"),
        (np.ones((50, 50)), "at least 1200 counts"),
    ],
)
def test_what_is_no_trace_is_refused(counts, reason):
    with pytest.raises(TraceUnreadable, match=reason):
        trace_of(FILE, counts, 1)


def test_file_without_counts_is_refused(tmp_path):
    file = tmp_path / "other.npz"
    np.savez(file, something=np.ones(3))

    with pytest.raises(TraceUnreadable, match="is no trace"):
        read_trace(file)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(TraceUnreadable, match="is no trace"):
        read_trace(tmp_path / "missing.npz")


def test_sub_second_arrivals_add_up():
    made = trace_of(FILE, np.arange(2000) % 9, 1)

    assert np.array_equal(made.parts.sum(axis=1), made.arrivals)
