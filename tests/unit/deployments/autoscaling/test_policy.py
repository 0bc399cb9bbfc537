import numpy as np

from configs.autoscaling import AutoscalingSpec, CapacitySpec, ColdStartSpec
from deployments.autoscaling.autoscaler import Autoscaler
from deployments.autoscaling.prior import packaged_priors
from tests.fakes_autoscaling import Town


def held(wait_budget_s: float) -> tuple[float, float]:
    """Mean replicas and the longest queue in requests, at a noisy 6 requests a second."""
    town = Town(Autoscaler(priors=packaged_priors()), rate=1.0)
    capacity = CapacitySpec(requests_per_s=1.0, wait_budget_s=wait_budget_s)
    town.autoscaler.configure(
        {"a": AutoscalingSpec(capacity=capacity, cold_start=ColdStartSpec(prior_s=10))}
    )
    draw, replicas, queues = np.random.default_rng(0), [], []
    for _ in range(900):
        made = town.second({"a": float(draw.poisson(6))})
        replicas.append(made["a"].replicas)
        queues.append(town.queued["a"])
    return float(np.mean(replicas[300:])), max(queues[300:])


def test_who_may_wait_half_a_minute_needs_less_in_reserve():
    hurried, _ = held(wait_budget_s=0.6)
    patient, queue = held(wait_budget_s=30.0)

    assert patient < 0.8 * hurried
    assert queue < 30 * 6


def test_deployment_that_went_to_zero_stays_there_until_somebody_comes():
    town = Town(Autoscaler(priors=packaged_priors()), rate=1.0)
    town.autoscaler.configure(
        {
            "a": AutoscalingSpec(
                mode="serverless",
                min_replicas=0,
                capacity=CapacitySpec(requests_per_s=1.0),
                cold_start=ColdStartSpec(prior_s=15),
            )
        }
    )
    for _ in range(300):
        town.second({"a": 3.0})
    made = [town.second({"a": 0.0})["a"] for _ in range(400)]

    at_zero = [one.replicas for one in made].index(0)
    after = made[at_zero : at_zero + 60]
    assert {(one.replicas, one.reason) for one in after} == {(0, "idle")}
