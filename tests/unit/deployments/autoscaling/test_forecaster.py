import numpy as np
import pytest

from deployments.autoscaling.features import Clock
from deployments.autoscaling.forecaster import Forecast, Forecaster
from deployments.autoscaling.prior import packaged_priors

LEAD_S = 20


class Watch:
    """One deployment whose arrivals are forecast every second."""

    def __init__(self) -> None:
        self.forecaster = Forecaster(1)
        self.forecaster.adopt(0, packaged_priors().nearest(LEAD_S))
        self.step = 0

    def second(self, count: float) -> Forecast:
        self.step += 1
        lead = np.array([LEAD_S])
        clock = Clock(self.step, self.step - 1, lead, np.array([0.6]))
        self.forecaster.add(np.array([count]), clock)
        return self.forecaster.forecast(clock, lambda point: np.full(1, 0.99))

    def run(self, counts) -> list[Forecast]:
        return [self.second(float(count)) for count in counts]


@pytest.fixture
def watch():
    return Watch()


def test_outage_of_hours_changes_nothing_that_was_learnt(watch):
    draw = np.random.default_rng(0)
    watch.run(draw.poisson(50, 1200))
    watch.run(np.zeros(3610))
    before = watch.forecaster.pace.scale.copy(), watch.forecaster.mean.weights.copy()

    watch.run(np.zeros(1500))

    assert np.array_equal(watch.forecaster.pace.scale, before[0])
    assert np.array_equal(watch.forecaster.mean.weights, before[1])


def test_job_that_is_foreseen_keeps_no_capacity_for_itself_between_its_runs(watch):
    draw, every_s = np.random.default_rng(0), 600
    at_s = np.arange(18 * every_s)
    made = watch.run(draw.poisson(np.where(at_s % every_s < 40, 120, 20)))

    last = [float(one.quantile[0]) for one in made[-every_s:]]
    ready_for_it, between = last[every_s - LEAD_S + 2 :], last[150:450]

    assert min(ready_for_it) > 90
    assert np.mean(between) < 45
