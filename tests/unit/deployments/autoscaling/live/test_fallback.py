import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.autoscaling.live.fallback import (
    HOLD_S,
    STALE_S,
    Fallback,
    Seen,
    reactive,
)


def seen(ongoing=0.0, ready=2, target=2, least=1, most=10):
    return Seen(ongoing, 3.0, ready, target, least, most)


@pytest.fixture
def fallback():
    return Fallback()


def test_last_good_answer_holds_for_a_minute(fallback):
    fallback.remember("m", 7, 0.0)

    assert fallback.answer("m", seen(), STALE_S) == 7
    assert fallback.answer("m", seen(), STALE_S + 1) == 1


def test_answer_is_never_below_what_load_asks_for(fallback):
    fallback.remember("m", 1, 0.0)

    assert fallback.answer("m", seen(ongoing=20), 1.0) == math.ceil(20 / 3)


def test_what_load_asked_for_is_held_for_two_minutes(fallback):
    fallback.answer("m", seen(ongoing=20), 0.0)

    assert fallback.answer("m", seen(), HOLD_S) == 7
    assert fallback.answer("m", seen(), HOLD_S + 1) == 1


def test_nothing_ready_keeps_the_target(fallback):
    assert fallback.answer("m", seen(ongoing=50, ready=0, target=4), 0.0) == 4


@given(
    ongoing=st.floats(allow_nan=True, allow_infinity=True),
    ready=st.integers(0, 20),
    good=st.integers(0, 1000),
)
def test_answer_is_within_bounds_whatever_is_seen(ongoing, ready, good):
    fallback = Fallback()
    fallback.remember("m", good, 0.0)

    assert 1 <= fallback.answer("m", seen(ongoing, ready), 1.0) <= 10
    assert 0 <= reactive(seen(ongoing, ready)) <= 10
