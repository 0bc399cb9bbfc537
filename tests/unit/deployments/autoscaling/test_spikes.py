import numpy as np

from deployments.autoscaling.autoscaler import Autoscaler
from deployments.autoscaling.prior import packaged_priors
from deployments.autoscaling.spikes import Spikes
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


def learn(spikes, seconds, job_every_s, first_s=0):
    """Jumps of 30 seconds at every start of the job, seen every five seconds."""
    row = np.array([0])
    for wall_s in range(first_s, first_s + seconds, 5):
        jump = 1.0 if wall_s % job_every_s < 30 else 0.0
        spikes.learn(row, wall_s, np.array([jump]), np.array([20.4 * np.expm1(jump)]))


def expects(spikes, wall_s):
    level, unit = np.array([20.0]), np.array([0.4])
    return bool(spikes.expected(np.array([wall_s]), level, unit)[0, -2:].any())


def test_period_that_nobody_listed_is_found():
    spikes = Spikes(1)

    learn(spikes, 15 * 1380, 1380)

    assert expects(spikes, 16 * 1380)
    assert not expects(spikes, 16 * 1380 + 690)


def test_listed_period_is_not_found_again():
    spikes = Spikes(1)

    learn(spikes, 6 * 3600, 1200)

    assert spikes.period_s[0, -2:].tolist() == [0, 0]


def test_hours_that_were_not_seen_hold_no_jumps():
    spikes = Spikes(1)
    learn(spikes, 3000, 420)

    learn(spikes, 5, 420, first_s=3000 + 86_400)

    assert np.count_nonzero(spikes.recent) <= 1


def test_expected_spike_has_room_for_the_scatter_of_its_arrivals():
    spikes = Spikes(1)
    learn(spikes, 4 * 3600, 3600)

    level, unit = np.array([20.0]), np.array([0.4])
    hourly = spikes.expected(np.array([4 * 3600]), level, unit)[0, 3]

    jumped = 20.4 * np.exp(1) - 0.4
    assert jumped * 1.05 < hourly < jumped * 1.5


def test_job_that_adds_the_same_at_any_level_is_not_multiplied_by_the_level():
    spikes, row = Spikes(1), np.array([0])
    for wall_s in range(0, 6 * 3600, 5):
        more = 30.0 if wall_s % 3600 < 30 else 0.0
        spikes.learn(row, wall_s, np.log1p([more / 5.4]), np.array([more]))

    level, unit = np.array([50.0]), np.array([0.4])
    hourly = spikes.expected(np.array([6 * 3600]), level, unit)[0, 3]

    assert 80 <= hourly < 110
