import numpy as np
import pytest

from deployments.autoscaling.capacity import Capacity
from deployments.autoscaling.signals import Reading

YES = np.array([True])


SLOTS = np.array([4])


def reading(completed, queued, ready=4, ongoing=0):
    def one(value):
        return np.array([float(value)])

    count = np.array([ready])
    return Reading(
        one(0), one(completed), one(queued), one(ongoing), count, count, one(0)
    )


def believing(rate):
    capacity = Capacity(1)
    capacity.believe(np.array([float(rate)]))
    return capacity


def test_rate_believed_too_high_is_cut_while_requests_queue():
    capacity = believing(12)

    for _ in range(6):
        capacity.learn(reading(completed=40, queued=100), 1, YES, SLOTS)

    assert capacity.rate[0] == pytest.approx(10, rel=0.05)


def test_rate_believed_too_low_rises_to_what_was_served():
    capacity = believing(8)

    for _ in range(60):
        capacity.learn(reading(completed=40, queued=0), 1, YES, SLOTS)

    assert capacity.rate[0] == pytest.approx(10, rel=0.01)


def test_busy_slots_tell_what_the_free_ones_would_serve():
    capacity = believing(8)

    for _ in range(400):
        capacity.learn(reading(28, queued=0, ongoing=11.2), 1, YES, SLOTS)

    assert capacity.rate[0] == pytest.approx(10, rel=0.04)


def test_what_saturation_showed_bounds_what_slots_tell():
    capacity = believing(12)
    for _ in range(6):
        capacity.learn(reading(completed=40, queued=100), 1, YES, SLOTS)

    for _ in range(400):
        capacity.learn(reading(36, queued=0, ongoing=11.2), 1, YES, SLOTS)

    assert capacity.rate[0] == pytest.approx(10, rel=0.05)


def test_idle_replicas_say_nothing_about_their_rate():
    capacity = believing(10)

    for _ in range(60):
        capacity.learn(reading(completed=3, queued=0), 1, YES, SLOTS)

    assert capacity.rate[0] == 10


def test_rate_stays_when_learning_is_off():
    capacity = believing(12)

    for _ in range(6):
        capacity.learn(reading(completed=40, queued=100), 1, ~YES, SLOTS)

    assert capacity.rate[0] == 12


def test_rate_of_the_spec_replaces_what_was_learnt_about_another():
    capacity = believing(12)
    for _ in range(6):
        capacity.learn(reading(completed=40, queued=100), 1, YES, SLOTS)

    capacity.believe(np.array([20.0]))

    assert capacity.rate[0] == 20
