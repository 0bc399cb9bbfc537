import math

import pytest

from deployments.autoscaling.live.meter import Meter
from deployments.autoscaling.live.work import WAITING_S, Work


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


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.mark.parametrize("make", [Work, lambda clock: Meter(clock).work])
def test_what_waits_is_forgotten_when_nobody_says_it_again(make):
    clock = Clock()
    work = make(clock)
    work.come("jobs", 9)
    work.waiting("jobs", 40)
    work.waiting("others", 3)
    clock.now_s = WAITING_S
    assert work.stats()["waiting|jobs"] == 40.0
    work.waiting("others", 3)

    clock.now_s += 1

    assert work.stats() == {"came|jobs": 9.0, "waiting|others": 3.0}


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
