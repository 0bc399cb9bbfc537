"""What holds for every trace, whatever arrives."""

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.arrivals import poisson_arrivals_s
from configs.model import BatchingSpec, QueuePolicySpec
from deployments.batching.latency import Latency
from deployments.batching.replay import Arrival, Replayed, Setting, replay
from deployments.batching.waiting import NEVER, Refused

FULL = 8
LIMITS = BatchingSpec(max_batch_size=FULL, max_queue_size=64)

tables = st.builds(
    lambda fixed_ms, row_ms: lambda rows: (fixed_ms + row_ms * rows) / 1e3,
    st.sampled_from([0.1, 2.0, 10.0]),
    st.sampled_from([0.05, 1.0, 7.5]),
)
"""What a run takes, by its rows: a fixed part and one for each row."""


DATED, SOME_DATED, UNDATED = (
    [3.0, 12.0, 50.0, 200.0],
    [3.0, 12.0, 50.0, NEVER],
    [NEVER],
)


@st.composite
def traces(draw, levels=1, deadlines=DATED, timeouts=False, buckets=1):
    gaps_ms = draw(
        st.lists(st.sampled_from([0.0, 0.1, 1.0, 5.0, 40.0, 1500.0]), max_size=60)
    )
    within_ms = st.sampled_from(deadlines)
    timeout_ms = st.sampled_from([1.0, 20.0, NEVER] if timeouts else [NEVER])
    return [
        Arrival(
            at_ms / 1e3,
            draw(st.integers(1, FULL)),
            draw(within_ms) / 1e3,
            draw(st.integers(1, levels)),
            draw(timeout_ms) / 1e3,
            draw(st.integers(0, buckets - 1)) if buckets > 1 else None,
        )
        for at_ms in accumulate(gaps_ms)
    ]


def known(takes):
    """A latency that has seen a run of every size."""
    latency = Latency()
    for rows in range(1, FULL + 1):
        latency.learn(rows, takes(rows))
    return latency


def setting(takes, slots=1, limits=LIMITS, **more):
    return Setting(limits, takes, slots, latency=known(takes), **more)


def rows_of(served: Replayed, batch):
    return sum(served.guests[number].rows for number in batch)


every = settings(max_examples=40, deadline=None)
TICK_S = 1e-5
"""The replay looks again after a microsecond; sums of floats are no exacter than that."""
LEVELS = LIMITS.model_copy(
    update={
        "priority_levels": 3,
        "batch_wait_timeout_s": 0.004,
        "priority_queue_policy": {
            2: QueuePolicySpec(timeout_action="DELAY", default_timeout_us=1),
            3: QueuePolicySpec(max_queue_size=16),
        },
    }
)


@every
@given(traces(levels=3, timeouts=True, buckets=2), tables, st.integers(1, 3))
def test_nobody_is_lost_or_served_twice(trace, takes, slots):
    served = replay(trace, setting(takes, slots, LEVELS))

    run = [number for batch in served.batches for number in batch]
    refused = [g.number for g in served.guests if g.refused is not None]
    assert sorted(run + refused) == list(range(len(trace)))


@every
@given(traces(levels=3, timeouts=True, buckets=2), tables, st.integers(1, 3))
def test_no_batch_is_too_large_and_none_mixes_buckets(trace, takes, slots):
    served = replay(trace, setting(takes, slots, LEVELS))

    for batch in served.batches:
        assert rows_of(served, batch) <= FULL
        assert len({trace[number].bucket for number in batch}) == 1


@every
@given(traces(levels=3, deadlines=UNDATED, buckets=2), tables, st.integers(1, 3))
def test_nobody_overtakes_within_a_level_and_a_bucket(trace, takes, slots):
    served = replay(trace, setting(takes, slots, LEVELS))

    for level in (1, 2, 3):
        for bucket in (0, 1):
            starts = [
                g.started_s
                for g in served.guests
                if (g.level, g.bucket) == (level, bucket) and g.refused is None
            ]
            assert starts == sorted(starts)


@every
@given(traces(), tables, st.integers(1, 3))
def test_who_is_overtaken_could_not_have_been_in_time_in_that_batch(
    trace, takes, slots
):
    served = replay(trace, setting(takes, slots))

    for batch in served.batches:
        last = served.guests[batch[-1]]
        ends_s = last.started_s + takes(rows_of(served, batch))
        for guest in served.guests[: batch[-1]]:
            waited = min(guest.started_s, guest.refused_s) > last.started_s
            if waited and guest.refused is not Refused.FULL:
                assert guest.due_s < ends_s + takes(FULL)


@every
@given(traces(deadlines=UNDATED), tables)
def test_nobody_waits_longer_than_those_before_him_and_the_wait_for_company(
    trace, takes
):
    limits = LIMITS.model_copy(update={"batch_wait_timeout_s": 0.01})

    served = replay(trace, setting(takes, 1, limits))

    for guest in served.guests:
        if guest.refused is None:
            before = [g for g in served.guests[: guest.number] if g.refused is None]
            busy_s = sum(
                takes(g.rows) for g in before if g.ended_s > guest.arrived_s
            ) + takes(FULL)
            assert guest.started_s - guest.arrived_s <= busy_s + 0.01 * (
                1 + len(served.batches)
            )


def left_s(guest):
    """When a guest left the queue, for a run or for nothing."""
    return min(guest.started_s, guest.refused_s)


@every
@given(traces(levels=3, timeouts=True, buckets=2), tables, st.integers(1, 3))
def test_nobody_waits_longer_than_until_his_deadline(trace, takes, slots):
    served = replay(trace, setting(takes, slots, LEVELS))

    for guest in served.guests:
        assert left_s(guest) <= guest.due_s + TICK_S


@every
@given(traces(levels=3, deadlines=SOME_DATED, buckets=2), tables, st.integers(1, 3))
def test_nobody_without_a_deadline_is_overtaken_in_his_level_by_those_with_one(
    trace, takes, slots
):
    served = replay(trace, setting(takes, slots, LEVELS))

    for guest in served.guests:
        if guest.due_s == NEVER and guest.refused is None:
            peers = [
                one
                for one in served.guests[guest.number :]
                if (one.level, one.bucket) == (guest.level, guest.bucket)
            ]
            assert all(guest.started_s <= one.started_s for one in peers)


@every
@given(traces(levels=3, buckets=2), tables, st.integers(1, 3))
def test_who_overtakes_in_his_level_leaves_only_those_behind_who_would_be_late(
    trace, takes, slots
):
    served = replay(trace, setting(takes, slots, LEVELS))

    for batch in served.batches:
        rows = rows_of(served, batch)
        for number in batch:
            last = served.guests[number]
            ends_s = last.started_s + takes(rows)
            for guest in served.guests[:number]:
                same = (guest.level, guest.bucket) == (last.level, last.bucket)
                if same and guest.refused is not Refused.FULL:
                    late = guest.due_s < ends_s + takes(FULL)
                    assert late or left_s(guest) <= last.started_s


@every
@given(traces(deadlines=SOME_DATED), tables)
def test_who_has_no_deadline_waits_for_those_before_him_and_for_company_at_most(
    trace, takes
):
    limits = LIMITS.model_copy(update={"batch_wait_timeout_s": 0.01})

    served = replay(trace, setting(takes, 1, limits))

    for guest in served.guests:
        if guest.due_s == NEVER and guest.refused is None:
            before = [
                batch
                for batch in served.batches
                if served.guests[batch[0]].started_s < guest.started_s
                and served.guests[batch[0]].ended_s > guest.arrived_s
            ]
            assert all(number < guest.number for batch in before for number in batch)
            runs_s = sum(takes(rows_of(served, batch)) for batch in before)
            company_s = (1 + len(before)) * (0.01 + takes(FULL))
            assert guest.started_s - guest.arrived_s <= runs_s + company_s


def passed_over(served, guest):
    """Whether a batch left without `guest`, who was refused, for somebody later."""
    return any(
        batch[-1] > guest.number
        and guest.arrived_s <= served.guests[batch[-1]].started_s <= guest.refused_s
        for batch in served.batches
    )


@settings(max_examples=50, deadline=None, derandomize=True)
@given(traces(), tables, st.integers(1, 2))
def test_who_is_refused_would_have_been_late_in_its_turn(trace, takes, slots):
    """As if it had no deadline, with nobody else treated otherwise.

    Only who was passed over, so that more of the others are in time, might have made it.
    """
    served = replay(trace, setting(takes, slots))

    for guest in served.guests:
        if guest.refused is Refused.HOPELESS and not passed_over(served, guest):
            again = replay(trace, setting(takes, slots, untold={guest.number}))
            # A batch is cut with a margin for noise, which this model has not.
            late_s = guest.due_s - 0.05 * takes(FULL)
            assert again.guests[guest.number].ended_s > late_s


def poisson(rate, seconds, within_s, rows=1):
    """A Poisson process of `rate` rows a second, the same each time."""
    return [
        Arrival(at_s, rows, within_s)
        for at_s in poisson_arrivals_s(rate / rows, seconds, 1)
    ]


def share_in_time(trace, served):
    return sum(guest.in_time for guest in served.guests) / len(trace)


def gpu(rows):
    return 0.004 + 0.0005 * rows


def cpu(rows):
    return 0.0005 + 0.0075 * rows


@pytest.mark.parametrize("takes", [gpu, cpu], ids=["gpu", "cpu"])
def test_under_overload_the_slots_are_spent_on_who_can_still_be_in_time(takes):
    most = FULL / takes(FULL)
    trace = poisson(2 * most, 3, 8 * takes(FULL))
    blind = Setting(LIMITS, takes, deadlines=False)

    told = replay(trace, Setting(LIMITS, takes))

    assert share_in_time(trace, replay(trace, blind)) < 0.2
    assert share_in_time(trace, told) > 0.4  # 0.5 can be worked off


@pytest.mark.parametrize("takes", [gpu, cpu], ids=["gpu", "cpu"])
def test_half_loaded_model_refuses_nobody(takes):
    trace = poisson(0.5 * FULL / takes(FULL), 3, 20 * takes(FULL))

    served = replay(trace, Setting(LIMITS, takes))

    assert share_in_time(trace, served) == 1


def test_batches_are_deferred_where_that_saves_work_and_nobody_is_late():
    trace = poisson(1.2 * FULL / gpu(FULL), 3, 0.1)
    hasty = LIMITS.model_copy(update={"defer_share": 0.0})

    at_once = replay(trace, Setting(hasty, gpu, slots=2))
    deferred = replay(trace, Setting(LIMITS, gpu, slots=2))

    assert share_in_time(trace, deferred) == 1
    assert deferred.busy_s < 0.95 * at_once.busy_s


def test_batches_are_never_deferred_where_larger_ones_gain_nothing():
    trace = poisson(60, 3, 0.5)
    hasty = LIMITS.model_copy(update={"defer_share": 0.0})

    at_once = replay(trace, Setting(hasty, cpu))
    told = replay(trace, Setting(LIMITS, cpu))

    assert told.batches == at_once.batches


def test_same_trace_is_served_the_same_way_twice():
    trace = poisson(900, 1, 0.05)

    one, other = (replay(trace, Setting(LIMITS, gpu)) for _ in range(2))

    assert one.batches == other.batches


def test_model_that_became_faster_is_tried_again():
    """Its shortest run forbids every request; without a trial nobody would know."""
    latency = Latency()
    latency.learn(1, 10.0)
    trace = [Arrival(float(second), 1, 0.1) for second in range(2, 6)]

    served = replay(trace, Setting(LIMITS, gpu, latency=latency))

    assert all(guest.in_time for guest in served.guests)
