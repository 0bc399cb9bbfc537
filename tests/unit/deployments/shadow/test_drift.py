"""Figures of drift: over a window, and as counts that add up."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.shadow.drift import (
    BINS,
    Row,
    ShadowStats,
    Window,
    bin_of,
    compared,
    psi,
)

shares = st.floats(0, 1)
some_rows = st.lists(st.builds(Row, st.booleans(), shares, shares, shares), max_size=60)


def test_rows_are_compared_in_the_class_that_was_given():
    given_ = np.array([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4]], np.float32)
    shadow = np.array([[0.6, 0.3, 0.1], [0.1, 0.3, 0.6]], np.float32)

    same, other = compared(given_, shadow)

    assert (same.agrees, other.agrees) == (True, False)
    assert same.gap == pytest.approx(0.1)
    assert other.gap == pytest.approx(0.2)
    assert (other.given, other.shadow) == pytest.approx((0.5, 0.6))


def test_window_forgets_what_is_older_than_its_size():
    window = Window(10)

    window.add([Row(False, 1.0, 0.9, 0.9)] * 10)
    assert window.drift().agreement == 0
    window.add([Row(True, 0.0, 0.9, 0.9)] * 10)

    drift = window.drift()
    assert (drift.rows, drift.agreement, drift.score_gap) == (10, 1.0, 0.0)


@given(st.lists(some_rows, max_size=4), st.integers(1, 30))
def test_sums_of_a_window_are_those_of_its_rows(parts, size):
    window = Window(size)
    for part in parts:
        window.add(part)

    last = [row for part in parts for row in part][-size:]
    drift = window.drift()
    assert drift.rows == len(last)
    if last:
        assert drift.agreement == sum(row.agrees for row in last) / len(last)
        gap = math.fsum(row.gap for row in last) / len(last)
        assert drift.score_gap == pytest.approx(gap, abs=1e-9)
        counts = [[0] * BINS, [0] * BINS]
        for row in last:
            counts[0][bin_of(row.given)] += 1
            counts[1][bin_of(row.shadow)] += 1
        assert drift.score_psi == psi(*counts)


def test_no_rows_are_no_drift():
    drift = Window(10).drift()

    assert (drift.rows, drift.agreement, drift.score_psi) == (0, 1.0, 0.0)


@given(st.lists(st.integers(0, 50), min_size=BINS, max_size=BINS))
def test_a_histogram_is_not_away_from_itself(counts):
    assert psi(counts, counts) == 0


def test_scores_that_moved_are_far_away():
    sure, unsure = [0] * BINS, [0] * BINS
    sure[9], unsure[3] = 100, 100

    assert psi(sure, unsure) > 1
    assert psi(sure, unsure) == pytest.approx(psi(unsure, sure))


def test_every_score_has_a_bin():
    assert [bin_of(score) for score in (-0.1, 0.0, 0.05, 0.95, 1.0, 1.1)] == [
        0, 0, 0, 9, 9, 9,
    ]  # fmt: skip


def test_counts_are_told_by_score():
    stats = ShadowStats()

    stats.count([Row(True, 0.1, 0.95, 0.85), Row(False, 0.3, 0.45, 0.55)])

    none = {f"0.{at}": 0 for at in range(BINS)}
    assert stats.told() == {
        "requests": 1, "rows": 2, "agreed": 1, "gap_sum": pytest.approx(0.4),
        "dropped": 0, "failed": 0,
        "scores_given": none | {"0.9": 1, "0.4": 1},
        "scores_shadow": none | {"0.8": 1, "0.5": 1},
    }  # fmt: skip
