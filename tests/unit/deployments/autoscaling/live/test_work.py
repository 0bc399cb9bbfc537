import math

import pytest

from deployments.autoscaling.live.meter import Meter
from deployments.autoscaling.live.work import Work


def test_work_that_comes_and_is_done_only_grows():
    work = Work()
    work.come("chat", 120)
    work.come("chat", 30)
    work.done("chat", 120)

    assert work.stats() == {"came|chat": 150.0, "done|chat": 120.0}


def test_what_waits_is_what_was_said_last():
    work = Work()
    work.waiting("jobs", 40)
    work.waiting("jobs", 7)

    assert work.stats() == {"waiting|jobs": 7.0}


@pytest.mark.parametrize("units", [-1, math.nan, math.inf])
def test_work_that_cannot_be_is_refused(units):
    work = Work()

    for count in (work.come, work.done, work.waiting):
        with pytest.raises(ValueError, match=r"chat: units must be a number >= 0, got"):
            count("chat", units)
    assert work.stats() == {}


def test_work_travels_with_what_the_meter_tells():
    meter = Meter()
    meter.arrive("chat")
    meter.work.come("chat", 12)

    told = meter.stats()

    assert (told["arrived|chat"], told["came|chat"]) == (1.0, 12.0)
