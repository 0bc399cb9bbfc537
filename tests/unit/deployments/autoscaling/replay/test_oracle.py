import numpy as np
import pytest

from deployments.autoscaling.replay.oracle import required, schedule
from deployments.autoscaling.replay.runner import Case, replay
from tests.fakes_autoscaling import trace


def silent(done, total):
    pass


@pytest.mark.parametrize("start_s", [10, 40])
def test_hindsight_lets_nobody_wait_too_long(start_s):
    found = replay(Case(trace(burst_every_s=700), start_s), "oracle", None, silent)

    assert found.violations_percent == 0
    assert found.cost_vs_oracle == pytest.approx(1, abs=0.002)


def test_gap_is_bridged_only_when_a_start_would_cost_more():
    needed = np.array([1] * 5 + [0] * 4 + [1] * 5 + [0] * 30 + [1] * 5)

    held = schedule(needed, 10)

    assert held.tolist() == [1] * 14 + [0] * 20 + [1] * 15


def test_one_replica_less_would_let_somebody_wait():
    steady = trace(seconds=1300, rate=40)

    assert required(steady).min() >= 1
