import numpy as np
import pytest

from benchmarks.day import Day
from benchmarks.days_before import earlier, learnt, per_second
from configs.autoscaling import AutoscalingSpec, CapacitySpec

DAY = Day(1200, 20.0, seed=3)
SPEC = AutoscalingSpec(
    max_replicas=6, capacity=CapacitySpec(requests_per_s=8.0, slots=4)
)


def test_earlier_days_are_others_and_spike_at_another_time():
    days = earlier(DAY, 2)

    at_s = int(DAY.spike_at * DAY.seconds) + 1
    assert [day.seed for day in days] == [5, 4]
    assert all(day.intensity()[at_s] < DAY.intensity()[at_s] for day in days)
    assert days[0].spike_at != days[1].spike_at


def test_seconds_hold_every_arrival_of_all_days():
    counts = per_second([DAY, DAY])

    assert len(counts) == 2400
    assert sum(counts) == 2 * len(DAY.arrivals_s())


def test_what_was_learnt_knows_rates_and_starts():
    memory = learnt("ingress", SPEC, per_second(earlier(DAY, 1)), ends_s=1.78e9)

    assert memory.names == ["ingress"]
    block = memory.lasting(0)
    new = learnt("ingress", SPEC, [0], ends_s=1.78e9).lasting(0)
    assert any(
        not np.array_equal(old, new[part][key], equal_nan=True)
        for part, rows in block.items()
        for key, old in rows.items()
    )


@pytest.mark.parametrize("count", [0, 3])
def test_there_are_as_many_days_as_asked_for(count):
    assert len(earlier(DAY, count)) == count
