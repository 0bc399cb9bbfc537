import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.model import BatchingSpec
from deployments.batching import admits, items_to_take, retry_after_s, wait_s

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
