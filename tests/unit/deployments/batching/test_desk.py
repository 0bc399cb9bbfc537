import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.model import BatchingSpec
from deployments.batching.desk import Desk
from deployments.batching.latency import Latency
from deployments.batching.waiting import NEVER, Refused, Waiting

FULL = 8


def takes(rows):
    return 0.002 + 0.001 * rows


def waiting(rows=1, deadline_s=NEVER, arrived_s=0.0, level=1, bucket=None):
    item = Waiting(rows, arrived_s)
    item.level, item.deadline_s, item.bucket = level, deadline_s, bucket
    return item


def desk(slots=1, **limits):
    latency = Latency()
    for rows in range(400):
        latency.learn(1 + rows % FULL, takes(1 + rows % FULL))
        latency.expect_s(1)
    limits.setdefault("max_batch_size", FULL)
    made = Desk[Waiting](BatchingSpec(**limits), slots, latency)
    made.ended(made.started(1, 0.0), takes(1), well=False)  # not idle for ever
    return made


def test_deadline_that_is_over_is_refused():
    assert desk().offer(waiting(deadline_s=1.0), 1.0) is Refused.HOPELESS


def test_deadline_shorter_than_any_run_is_refused():
    assert desk().offer(waiting(4, deadline_s=0.1059), 0.1) is Refused.HOPELESS
    assert desk().offer(waiting(4, deadline_s=0.1061), 0.1) is None


def test_deadline_is_judged_behind_the_run_that_holds_the_slot():
    busy = desk()
    busy.started(8, 0.1)  # until 0.110 at best

    assert busy.offer(waiting(deadline_s=0.1129), 0.101) is Refused.HOPELESS
    assert busy.offer(waiting(deadline_s=0.1131), 0.101) is None


def test_free_slot_needs_no_wait_for_the_other_one():
    busy = desk(slots=2)
    busy.started(8, 0.1)

    assert busy.offer(waiting(deadline_s=0.1041), 0.101) is None


def test_request_without_a_deadline_is_never_hopeless():
    busy = desk()
    for _ in range(20):
        assert busy.offer(waiting(8), 0.1) is None


def shortest_s(rows):
    """The soonest end of the last of these requests, over every way to cut batches."""
    best = [0.0]
    for end in range(1, len(rows) + 1):
        best.append(
            min(
                best[start] + takes(sum(rows[start:end]))
                for start in range(end)
                if sum(rows[start:end]) <= FULL
            )
        )
    return best[-1]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(1, FULL), max_size=12),
    st.integers(1, FULL),
    st.integers(1, 60),
)
def test_nobody_is_refused_whom_some_choice_of_batches_would_serve_in_time(
    before, rows, left_ms
):
    queue = desk()
    for earlier in before:
        assert queue.offer(waiting(earlier), 0.1) is None

    refused = queue.offer(waiting(rows, deadline_s=0.1 + left_ms / 1e3), 0.1)

    if refused is Refused.HOPELESS:
        assert shortest_s([*before, rows]) > left_ms / 1e3 - 1e-9


def test_hopeless_request_is_refused_at_once_although_it_still_waits():
    busy = desk()
    run = busy.started(8, 0.1)
    item = waiting(deadline_s=0.12)
    assert busy.offer(item, 0.1) is None

    busy.sift(0.118)  # the run takes longer than ever
    assert busy.alarm_s == NEVER
    assert busy.line.rows == 0
    busy.ended(run, 0.119)


def test_alarm_rings_when_the_last_moment_has_passed():
    busy = desk()
    busy.started(8, 0.1)
    busy.offer(waiting(deadline_s=0.2), 0.1)

    assert busy.alarm_s == pytest.approx(0.2 - takes(1))


def test_batch_is_cut_so_that_the_oldest_is_in_time():
    queue = desk()
    urgent = waiting(deadline_s=0.1 + (takes(2) + takes(3)) / 2)
    for item in (urgent, *(waiting(deadline_s=9.0) for _ in range(7))):
        queue.offer(item, 0.1)

    batch = queue.seal(0.1)

    assert batch[0] is urgent
    assert len(batch) == 2


def test_full_batch_leaves_when_all_of_it_is_in_time():
    queue = desk()
    for _ in range(10):
        queue.offer(waiting(deadline_s=9.0), 0.1)

    assert len(queue.seal(0.1)) == FULL


def test_high_level_is_not_passed_over_for_many_of_a_low_one():
    queue = desk(priority_levels=2)
    high = waiting(deadline_s=0.1 + takes(1) + 1e-4)
    lows = [
        waiting(deadline_s=0.1 + takes(FULL) + 1e-4, level=2) for _ in range(2 * FULL)
    ]
    for item in (*lows, high):
        queue.offer(item, 0.1)

    assert queue.seal(0.1)[0] is high


def test_batch_of_a_high_level_is_filled_up_with_a_low_one():
    queue = desk(priority_levels=2)
    low, high = waiting(level=2), waiting(level=1)
    queue.offer(low, 0.1)
    queue.offer(high, 0.1)

    assert queue.seal(0.1) == [high, low]


def test_only_equal_buckets_share_a_batch():
    queue = desk()
    items = [waiting(bucket=bucket) for bucket in "abab"]
    for item in items:
        queue.offer(item, 0.1)

    assert queue.seal(0.1) == [items[0], items[2]]
    assert queue.seal(0.1) == [items[1], items[3]]


@pytest.mark.parametrize(
    ("queued", "expected"), [(3, 3), (4, 4), (5, 4), (7, 4), (8, 8), (9, 8)]
)
def test_largest_preferred_size_that_is_there_leaves(queued, expected):
    queue = desk(preferred_batch_size=(4, 8))
    for _ in range(queued):
        queue.offer(waiting(), 0.1)

    assert len(queue.seal(0.1)) == expected


def test_wait_for_company_ends_before_the_oldest_would_be_late():
    queue = desk(batch_wait_timeout_s=5.0)
    queue.offer(waiting(deadline_s=0.2, arrived_s=0.1), 0.1)

    wait_s = queue.wait_s(0.1)

    assert 0 < wait_s <= 0.1 - takes(1)


def test_request_without_deadline_waits_as_long_as_it_may():
    queue = desk(batch_wait_timeout_s=5.0)
    queue.offer(waiting(arrived_s=0.1), 0.1)

    assert queue.wait_s(1.1) == pytest.approx(4.0)


def test_failed_run_teaches_nothing():
    queue = desk()

    queue.ended(queue.started(4, 1.0), 1.000001, well=False)

    assert queue.latency.least_s(4) == pytest.approx(takes(4))
