import numpy as np
import pytest

from deployments.autoscaling.periods import SLOT_S, SLOTS, periods


def jobs(*every_s, lasting=6):
    """Flags of slots in which one of these jobs begins or still jumps."""
    hits = np.zeros(SLOTS, bool)
    for period_s in every_s:
        for start_s in np.arange(0, SLOTS * SLOT_S, period_s):
            first = int(start_s // SLOT_S)
            hits[first : first + lasting] = True
    return hits


@pytest.mark.parametrize("every_s", [300, 420, 1000, 1380, 3000, 6000])
def test_job_is_found_whatever_its_period(every_s):
    assert periods(jobs(every_s), 2) == [every_s]


def test_period_between_slots_is_found_to_the_second():
    (found,) = periods(jobs(423), 2)

    assert found == pytest.approx(423, abs=0.3)


def test_two_jobs_are_told_apart():
    assert sorted(periods(jobs(1380, 3000), 2)) == [1380, 3000]


def test_job_is_found_among_jumps_that_come_at_any_time():
    noise = np.random.default_rng(0).random(SLOTS) < 0.01

    assert periods(jobs(1380) | noise, 1) == [1380]


@pytest.mark.parametrize("often", [0, 0.002, 0.01, 0.05, 0.3, 1])
def test_chance_makes_no_period(often):
    hits = np.random.default_rng(1).random(SLOTS) < often

    assert periods(hits, 2) == []
