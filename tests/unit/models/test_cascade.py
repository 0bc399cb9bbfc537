"""Thresholds that keep a promise."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.cascade import (
    ALWAYS,
    NEVER,
    Climb,
    climb,
    fit_threshold,
    least_points,
    stages,
)
from models.cascade_fit import (
    FEW_PHOTOS,
    Promise,
    Voters,
    cost_share,
    curve,
    fit_cascade,
    held_out,
)

SURE = st.floats(0, 1, width=32)


@st.composite
def climbs(draw):
    shape = (draw(st.integers(2, 4)), draw(st.integers(1, 30)))
    sure = draw(arrays(np.float64, shape, elements=SURE))
    return Climb(draw(arrays(np.bool_, shape)), sure)


def harmed(found, threshold):
    """Photos that the whole ensemble gets right and the cascade does not."""
    own = found.right[stages(found, threshold), np.arange(found.n)]
    return set(np.flatnonzero(found.right[-1] & ~own))


def harmed_from(found, threshold):
    """The same at this threshold or at any higher one."""
    higher = found.sure[:-1][found.sure[:-1] >= threshold]
    return set().union(*(harmed(found, at) for at in [threshold, *higher]))


@given(climbs(), st.floats(0.1, 100))
def test_threshold_keeps_the_promise_with_one_photo_to_spare(found, points):
    threshold = fit_threshold(found, points)

    if threshold != NEVER:
        many = len(harmed_from(found, threshold))
        assert many + 1 <= points / 100 * (found.n + 1) + 1e-9


@given(climbs(), st.floats(0.1, 100))
def test_no_lower_threshold_would_keep_it(found, points):
    threshold = fit_threshold(found, points)
    if threshold in (ALWAYS, NEVER):
        return

    lower = found.sure[:-1][found.sure[:-1] < threshold].max()

    many = len(harmed_from(found, lower))
    assert many + 1 > points / 100 * (found.n + 1) - 1e-9


@given(climbs())
def test_the_higher_the_threshold_the_later_photos_stop(found):
    at = [stages(found, threshold) for threshold in (0.0, 0.3, 0.6, NEVER)]

    assert all((low <= high).all() for low, high in pairwise(at))
    assert (at[-1] == len(found.sure) - 1).all()


def drawn(n, seed=0):
    """Three members, the first unsure where it is wrong."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 3, n)
    skill = draw.normal(1.5, 1.5, (3, n, 1))
    noise = draw.normal(size=(3, n, 3))
    logits = noise + skill * np.eye(3)[labels]
    shares = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    return list(shares.astype(np.float32)), labels


def test_too_few_photos_promise_nothing():
    shares, labels = drawn(100)
    found = climb(shares, [1, 1, 1], labels, "margin")

    assert fit_threshold(found, max_drop_points=0.9) == NEVER
    assert fit_threshold(found, max_drop_points=5.0) < NEVER
    assert least_points(100) == pytest.approx(0.99, abs=0.01)


def test_promise_holds_on_average_over_photos_that_were_not_fitted_on():
    shares, labels = drawn(20_000)
    every = climb(shares, [1, 1, 1], labels, "margin")
    dealt = np.random.default_rng(1).permutation(20_000).reshape(40, 500)

    drops = []
    for fitted in dealt:
        threshold = fit_threshold(every.part(fitted), max_drop_points=1.0)
        rest = every.part(np.setdiff1d(np.arange(20_000), fitted))
        drops.append(100 * len(harmed(rest, threshold)) / rest.n)

    assert np.mean(drops) <= 1.0
    assert np.mean(drops) > 0.3  # and nothing is wasted


def test_accuracy_can_be_promised_too():
    shares, labels = drawn(5000)
    found = climb(shares, [1, 1, 1], labels, "margin")
    whole = float(found.right[-1].mean())

    threshold = fit_threshold(found, 100.0, min_accuracy=whole - 0.02)
    own = found.right[stages(found, threshold), np.arange(found.n)]

    assert own.mean() >= whole - 0.02
    assert threshold > fit_threshold(found, 100.0)
    assert fit_threshold(found, 100.0, min_accuracy=0.999) == NEVER


def test_one_member_alone_agrees_with_nobody():
    shares, labels = drawn(50)
    found = climb(shares, [1, 1, 1], labels, "agreement")

    assert (stages(found, ALWAYS) >= 1).all()


def voters(n):
    shares, labels = drawn(n)

    def vote(fitted):
        return shares, [1.0, 1.0, 1.0]

    return Voters(("a", "b", "c"), (1.0, 2.0, 3.0), labels, vote)


def test_cost_is_that_of_the_members_asked():
    assert cost_share(np.array([0, 1, 2]), (1.0, 2.0, 3.0)) == pytest.approx(10 / 18)


def test_curve_ends_where_every_member_is_asked():
    shares, labels = drawn(200)
    points = curve(climb(shares, [1, 1, 1], labels, "margin"), (1.0, 2.0, 3.0))

    assert [p.cost_share for p in points] == sorted(p.cost_share for p in points)
    assert (points[-1].cost_share, points[-1].drop_points) == (1.0, 0.0)


def test_every_photo_is_judged_by_a_fit_that_did_not_see_it():
    seen = []
    base = voters(100)

    def vote(fitted):
        seen.append(set(fitted.tolist()))
        return base.vote(fitted)

    spying = Voters(base.names, base.costs_ms, base.labels, vote)
    found = held_out(spying, Promise("margin", 5.0))

    left_out = [set(range(100)) - fitted for fitted in seen]
    assert set.union(*left_out) == set(range(100))
    assert sum(map(len, left_out)) == 100
    assert found.top1.n == 100
    assert sum(found.exits) == pytest.approx(1)


def test_fact_holds_the_order_and_one_threshold_a_stage():
    fact = fit_cascade(voters(400), Promise("margin", 5.0))

    assert fact.order == ("a", "b", "c")
    assert len(fact.thresholds) == 2
    assert fact.held_out is not None
    assert fact.held_out.cost_share < 1
    assert fit_cascade(voters(FEW_PHOTOS - 1), Promise("margin", 5.0)).held_out is None
