import numpy as np
import pytest

from deployments.autoscaling.guard import backlog_wants
from deployments.autoscaling.signals import Reading


def reading(queued, ready, target):
    def one(value):
        return np.array([float(value)])

    counts = np.array([ready]), np.array([target]), np.array([0])
    return Reading(one(0), one(0), one(queued), one(4 * ready), *counts)


def asked(queued, point, rate, budget_s, start_s=10.0, ready=4, target=4):
    timing = np.array([start_s]), np.array([0.0]), np.array([budget_s])
    seen = reading(queued, ready, target)
    return int(backlog_wants(seen, np.array([point]), np.array([rate]), timing)[0])


def test_queue_within_half_its_budget_asks_for_nothing():
    assert asked(queued=1, point=40.0, rate=10.0, budget_s=0.6) == 0


@pytest.mark.parametrize("budget_s", [0.6, 8.0, 32.0])
def test_nobody_waits_longer_than_a_long_budget_once_a_start_is_ready(budget_s):
    point, rate, ready, start_s = 4.0, 1.0, 4, 10.0
    queued = 0.6 * budget_s * rate * ready

    replicas = asked(queued, point, rate, budget_s, start_s, ready, ready)

    queue_then = queued + start_s * (point - ready * rate)
    assert replicas * rate > point
    assert queue_then / (replicas * rate) < budget_s


def test_what_is_already_starting_counts_for_the_time_it_will_help():
    alone = asked(queued=30, point=40.0, rate=10.0, budget_s=0.6)

    timing = np.array([10.0]), np.array([9.0]), np.array([0.6])
    seen = reading(queued=30, ready=4, target=8)
    helped = backlog_wants(seen, np.array([40.0]), np.array([10.0]), timing)

    assert alone > 4
    assert helped[0] == 0
