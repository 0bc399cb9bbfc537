"""What a model keeps busy, from counters."""

import pytest

from deployments.routing.work import Counted, learn


def follow(*counted, every_s=0.5):
    work = learn(None, Counted(*counted[0]), 0.0)
    for step, one in enumerate(counted):
        work = learn(work, Counted(*one), step * every_s)
    return work.slots


def steady(arrive, run, run_s, steps=40):
    return follow(*((n * arrive, n * run, n * run_s) for n in range(steps)))


def test_half_a_slot_is_half():
    assert steady(5, 5, 0.25) == pytest.approx(0.5, abs=0.01)


def test_requests_that_wait_count_as_if_they_were_run():
    """Twice as many come as are run: the model would fill two slots."""
    assert steady(10, 5, 0.5) == pytest.approx(2.0, abs=0.05)


def test_model_that_nobody_asks_fades():
    busy = [(n, n, n * 0.5) for n in range(40)]

    assert follow(*busy, *[busy[-1]] * 40) < 0.01


def test_clock_that_stands_still_changes_nothing():
    work = learn(None, Counted(0, 0, 0.0), 1.0)

    assert learn(work, Counted(9, 9, 9.0), 1.0) is work
