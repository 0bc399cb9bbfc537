import numpy as np

from deployments.autoscaling.autoscaler import Autoscaler
from deployments.autoscaling.prior import packaged_priors
from tests.fakes_autoscaling import Town, spec


def test_batch_job_that_comes_back_is_expected_before_it_comes():
    every_s = 600
    town = Town(Autoscaler(priors=packaged_priors()))
    town.autoscaler.configure({"a": spec(start_s=20)})
    noise = np.random.default_rng(0)

    def job(second):
        rate = 120 if second % every_s < 40 else 20
        return {"a": float(noise.poisson(rate))}

    town.start_s = 20
    town.run(16 * every_s, job)
    town.run(every_s - 25, job)
    before = town.run(20, job)

    assert max(made["a"].replicas for made in before) >= 9


def test_noise_without_a_period_is_not_taken_for_one():
    town = Town(Autoscaler(priors=packaged_priors()))
    town.autoscaler.configure({"a": spec()})
    noise = np.random.default_rng(0)

    made = town.run(5000, lambda second: {"a": float(noise.poisson(50))})

    reasons = [one["a"].reason for one in made[-1000:]]
    assert reasons.count("spike") < 50
