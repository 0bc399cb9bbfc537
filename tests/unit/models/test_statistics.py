"""How sure a share is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics import (
    Paired,
    bootstrap_drop,
    bootstrap_share,
    drop_points,
    mcnemar,
    pair,
    wilson,
)


def test_wilson_interval_is_the_published_one():
    # Newcombe (1998), table I, method 3: 81 of 263.
    found = wilson(81, 263)

    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_share_and_stays_within_0_and_1(case):
    successes, n = case

    found = wilson(successes, n)

    assert 0 <= found.low <= found.value <= found.high <= 1


def test_twenty_of_twenty_is_not_certainty():
    assert wilson(20, 20).low == pytest.approx(0.8389, abs=1e-4)


def test_pair_counts_who_alone_was_right():
    first = np.array([True, True, False, False, True])
    second = np.array([True, False, True, False, False])

    assert pair(first, second) == Paired(n=5, only_first=2, only_second=1)


def test_drop_is_in_points_of_all_photos():
    assert drop_points(Paired(n=200, only_first=6, only_second=2)).value == 2.0


def test_no_difference_on_few_photos_is_not_certainty():
    found = drop_points(Paired(n=20, only_first=0, only_second=0))

    assert found.value == 0
    assert found.low < -5 < 5 < found.high


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 1000))
def test_drop_and_gain_mirror_each_other(lost, won, both):
    n = lost + won + both

    drop = drop_points(Paired(n, lost, won))
    gain = drop_points(Paired(n, won, lost))

    assert (drop.value, drop.low, drop.high) == pytest.approx(
        (-gain.value, -gain.high, -gain.low)
    )


def test_mcnemar_is_the_binomial_test_of_the_differing_photos():
    # 1 of 10 differing: 2 * (1 + 10) / 2**10.
    assert mcnemar(Paired(n=100, only_first=9, only_second=1)) == pytest.approx(
        22 / 1024
    )


def test_mcnemar_without_a_difference_is_1():
    assert mcnemar(Paired(n=100, only_first=0, only_second=0)) == 1.0


def test_bootstrap_drop_agrees_with_the_score_interval_on_many_photos():
    paired = Paired(n=5000, only_first=120, only_second=60)

    found, score = bootstrap_drop(paired), drop_points(paired)

    assert found.value == score.value
    assert (found.low, found.high) == pytest.approx((score.low, score.high), abs=0.05)


def test_bootstrap_of_a_share_agrees_with_wilson_on_many_photos():
    right = np.arange(4000) % 5 > 0

    found, score = bootstrap_share(right), wilson(3200, 4000)

    assert found.value == score.value
    assert (found.low, found.high) == pytest.approx((score.low, score.high), abs=2e-3)


def test_bootstrap_depends_on_nothing_but_its_seed():
    right = np.arange(100) % 3 > 0

    assert bootstrap_share(right, seed=1) == bootstrap_share(right, seed=1)
    assert bootstrap_share(right, seed=1) != bootstrap_share(right, seed=2)
