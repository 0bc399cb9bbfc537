"""Traffic that outgrows what the model has learnt."""

import numpy as np
import pytest

from deployments.autoscaling.arrivals import Arrivals
from deployments.autoscaling.autoscaler import Autoscaler
from deployments.autoscaling.prior import packaged_priors
from deployments.autoscaling.surge import going_on
from tests.fakes_autoscaling import Town, spec


def arrivals(rates):
    found = Arrivals(1)
    for step, rate in enumerate(rates, start=1):
        found.add(step, np.array([float(rate)]), np.array([0.6]))
    return found


def expected(rates, lead_s):
    return float(going_on(arrivals(rates), np.array([lead_s]), np.array([0.6]))[0])


@pytest.mark.parametrize("lead_s", [10, 40])
def test_rise_goes_on_until_a_start_is_ready(lead_s):
    rises = [*[40] * 60, *range(40, 640, 20)]
    stays = [rises[-1]] * 90

    assert expected(rises, lead_s) >= 1.1 * expected(stays, lead_s)


@pytest.mark.parametrize("lead_s", [10, 40])
def test_rise_adds_at_most_half_of_what_is_there(lead_s):
    rates = [*[1] * 60, *[1000] * 5]

    assert expected(rates, lead_s) <= 1.5 * 1000


@pytest.mark.parametrize("lead_s", [10, 40])
def test_scatter_of_independent_arrivals_is_no_rise(lead_s):
    noise = np.random.default_rng(0).poisson(80, 2000)
    found = Arrivals(1)
    rises = 0
    for step, count in enumerate(noise.tolist(), start=1):
        found.add(step, np.array([float(count)]), np.array([0.6]))
        if step > 100:
            ahead = going_on(found, np.array([lead_s]), np.array([0.6]))[0]
            rises += bool(ahead > found.rate(5)[0] * 5 / 5.6 * (1 + 1e-9))

    assert rises < 0.01 * len(noise)


def test_those_who_may_wait_long_ask_for_less():
    rates = [40] * 60
    found = arrivals(rates)

    soon = going_on(found, np.array([10]), np.array([0.5]))
    later = going_on(found, np.array([10]), np.array([5.0]))

    assert later < 0.6 * soon


def test_crowd_after_an_hour_of_calm_is_followed_at_once_and_said_to_be_a_surge():
    town = Town(Autoscaler(priors=packaged_priors()))
    town.autoscaler.configure({"a": spec()})
    noise = np.random.default_rng(0)
    town.run(3600, lambda second: {"a": float(noise.poisson(40))})
    calm = town.now

    def crowd(second):
        return {"a": float(noise.poisson(40 + 4 * min(second - calm, 60)))}

    made = [one["a"] for one in town.run(60, crowd)]

    assert "surge" in {one.reason for one in made}
    assert 10 * made[40].replicas >= 40 + 4 * 40
