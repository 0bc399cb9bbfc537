"""What the policy is told, in requests or in the deployment's own unit."""

import pytest

from configs.autoscaling import AutoscalingSpec, CalendarSpec, CapacitySpec
from deployments.autoscaling.live.feed import Totals
from deployments.autoscaling.live.sight import Sight, observe


def sight(unit="tokens", ready=1, ongoing=0.0):
    spec = AutoscalingSpec(capacity=CapacitySpec(unit=unit, slots=4))
    return Sight("chat", spec, CalendarSpec(), ready, ready, ("r",), ongoing, {})


def totals(**rest):
    empty = dict.fromkeys(Totals._fields, 0.0)
    return Totals(**{**empty, **rest})


def test_tokens_are_what_arrives_and_is_served():
    told = totals(counted=10, arrived=10, completed=8, came=5000, done=4000, ongoing=2)

    seen = observe(sight(), told, reportable=True)

    assert (seen.arrived, seen.completed, seen.queued, seen.ongoing) == (
        5000,
        4000,
        0,
        2,
    )


def test_requests_beyond_the_slots_queue_with_their_usual_tokens():
    told = totals(counted=10, arrived=10, completed=0, came=5000, ongoing=10)

    seen = observe(sight(), told, reportable=True)

    assert (seen.queued, seen.ongoing) == (6 * 500, 10)


def test_jobs_that_wait_outside_are_a_queue():
    told = totals(counted=0, arrived=0, completed=0, came=60, done=20, waiting=36)

    seen = observe(sight("jobs"), told, reportable=True)

    assert (seen.arrived, seen.completed, seen.queued, seen.ongoing) == (60, 20, 36, 36)


def test_requests_without_tokens_are_silence_and_not_emptiness():
    told = totals(counted=10, arrived=10, completed=8, ongoing=6)

    seen = observe(sight(), told, reportable=True)

    assert (seen.arrived, seen.completed) == (None, None)
    assert seen.ongoing == 6


def test_silence_is_no_silence_where_nothing_could_speak():
    told = totals(counted=10, came=5000)._replace(arrived=None, completed=None)

    asleep = observe(sight(ready=0), told, reportable=False)
    silent = observe(sight(ongoing=3.0), told, reportable=True)

    assert (asleep.arrived, silent.arrived) == (5000, None)
    assert silent.ongoing == 3.0


@pytest.mark.parametrize("unit", ["requests", "tokens", "jobs"])
def test_cluster_count_that_cannot_be_is_nothing(unit):
    told = totals()._replace(arrived=None, completed=None)

    seen = observe(sight(unit, ongoing=float("nan")), told, reportable=True)

    assert (seen.ongoing, seen.queued) == (0.0, 0.0)
