from deployments.autoscaling.timeline import Now, Passed, Timeline


def passed(*times):
    timeline = Timeline()
    return [timeline.advance(Now(at, at)) for at in times][-1]


def test_second_tick_within_a_second_counts_nothing():
    assert passed(10.0, 10.9) == Passed(0, lost=False)


def test_missed_ticks_are_made_up_for():
    assert passed(10.0, 14.2) == Passed(4, lost=False)


def test_long_gap_is_lost_time():
    assert passed(10.0, 500.0) == Passed(1, lost=True)


def test_clock_that_steps_back_is_lost_time_and_then_goes_on():
    assert passed(100.0, 40.0) == Passed(1, lost=True)
    assert passed(100.0, 40.0, 41.0) == Passed(1, lost=False)


def test_broken_clock_counts_nothing():
    assert passed(10.0, float("nan")) == Passed(0, lost=False)
