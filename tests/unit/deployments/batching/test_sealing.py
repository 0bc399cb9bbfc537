import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.model import BatchingSpec
from deployments.batching.latency import Latency
from deployments.batching.sealing import (
    Demand,
    admits,
    cap_rows,
    defer_s,
    items_to_take,
    needed_rows,
    retry_after_s,
    wait_s,
)

ROWS = st.lists(st.integers(1, 40), max_size=50)
LIMITS = BatchingSpec(max_batch_size=8, batch_wait_timeout_s=0.5, max_queue_size=16)


@given(ROWS, st.integers(1, 64))
def test_batch_never_exceeds_the_limit_unless_one_item_does(rows, limit):
    taken = rows[: items_to_take(rows, limit)]

    assert sum(taken) <= limit or len(taken) == 1


@given(ROWS, st.integers(1, 64))
def test_batch_takes_every_item_that_still_fits(rows, limit):
    count = items_to_take(rows, limit)

    assert count == len(rows) or sum(rows[: count + 1]) > limit


@given(ROWS.filter(bool), st.integers(1, 64))
def test_batch_of_a_queue_with_items_is_never_empty(rows, limit):
    assert items_to_take(rows, limit) >= 1


def test_full_batch_does_not_wait():
    assert wait_s(8, 0.0, LIMITS) == 0.0


def test_preferred_batch_does_not_wait_for_a_larger_one():
    limits = LIMITS.model_copy(update={"preferred_batch_size": 4})

    assert wait_s(4, 0.0, limits) == 0.0


@pytest.mark.parametrize(("preferred", "full"), [(None, 8), (4, 4), (20, 8)])
def test_full_batch_is_the_preferred_one_within_the_limit(preferred, full):
    limits = LIMITS.model_copy(update={"preferred_batch_size": preferred})

    assert limits.full_batch_size == full


def test_partial_batch_waits_for_the_rest_of_its_time():
    assert wait_s(3, 0.2, LIMITS) == 0.5 - 0.2


@given(st.integers(0, 100), st.floats(0.5, 100))
def test_oldest_item_never_waits_longer_than_its_time(rows, age_s):
    assert wait_s(rows, age_s, LIMITS) == 0.0


def test_empty_queue_admits_a_request_larger_than_the_queue():
    assert admits(0, 20, LIMITS)


def test_full_queue_admits_nothing():
    assert not admits(16, 1, LIMITS)


def test_retry_after_is_the_time_to_work_off_the_queue():
    assert retry_after_s(1000, 0.01, 2) == 5.0


def test_retry_after_is_at_least_a_second():
    assert retry_after_s(1, 0.01, 2) == 1.0


def test_smallest_of_several_preferred_batches_does_not_wait():
    limits = LIMITS.model_copy(update={"preferred_batch_size": (2, 4)})

    assert wait_s(1, 0.0, limits) == 0.5
    assert wait_s(2, 0.0, limits) == 0.0


@pytest.mark.parametrize(("queued", "cap"), [(1, 8), (3, 8), (4, 4), (7, 4), (20, 8)])
def test_batch_is_closed_at_the_largest_preferred_size_that_is_there(queued, cap):
    assert cap_rows(queued, (4, 8)) == cap


def gains():
    """A run of one row takes 4.5 ms, of 32 rows 20 ms."""
    return Latency({rows: 0.004 + 0.0005 * rows for rows in (1, 8, 32)})


@pytest.mark.parametrize(
    ("rate", "slots", "needed"), [(10, 1, 1), (250, 1, 2), (1000, 1, 16), (250, 2, 1)]
)
def test_needed_batch_is_the_smallest_that_works_off_what_arrives(rate, slots, needed):
    assert needed_rows(rate, 32, slots, gains()) == needed


def test_no_batch_is_needed_when_none_is_enough():
    """They grow by themselves while the slots are busy."""
    assert needed_rows(5000, 32, 1, gains()) == 1


def test_no_batch_is_needed_when_large_ones_gain_nothing():
    flat = Latency({rows: 0.01 * rows for rows in (1, 8, 32)})

    assert needed_rows(84, 32, 1, flat) == 1


def test_batch_is_deferred_until_what_is_missing_has_arrived():
    assert defer_s(4, Demand(1000, 16), gains()) == pytest.approx(0.012)


def test_batch_is_deferred_for_a_run_at_most():
    expected_s = gains().expect_s(16)

    assert defer_s(1, Demand(100, 16), gains()) == pytest.approx(expected_s)


def test_batch_that_is_large_enough_is_not_deferred():
    assert defer_s(16, Demand(1000, 16), gains()) == 0
