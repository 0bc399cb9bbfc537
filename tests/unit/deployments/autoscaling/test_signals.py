import numpy as np

from deployments.autoscaling.signals import Observation, Signals


def observed(arrived, completed=None):
    return Observation(arrived, completed, 0.0, 0.0, 1, 1)


def read(signals, arrived, seconds=1, usual=7.0):
    return signals.read([observed(arrived)], seconds, np.array([usual]))


def test_first_counter_is_no_burst():
    assert read(Signals(1), 1_000_000.0).counts[0] == 0


def test_growth_of_a_counter_is_what_arrived():
    signals = Signals(1)
    read(signals, 100.0)

    assert read(signals, 130.0).counts[0] == 30


def test_counter_that_fell_counts_as_the_usual_rate():
    signals = Signals(1)
    read(signals, 100.0)

    assert read(signals, 60.0).counts[0] == 7


def test_missing_counter_is_silence_and_the_usual_rate_goes_on():
    signals = Signals(1)
    read(signals, 100.0)

    reading = read(signals, None, seconds=2)

    assert (reading.counts[0], reading.silent_s[0]) == (14, 2)


def test_nan_and_negative_and_endless_counters_are_missing():
    for broken in (float("nan"), -1.0, float("inf")):
        signals = Signals(1)
        read(signals, 100.0)

        assert read(signals, broken).silent[0]


def test_counter_after_a_silence_is_not_a_burst_of_all_that_was_missed():
    signals = Signals(1)
    read(signals, 100.0)
    for _ in range(9):
        read(signals, None)

    assert read(signals, 200.0).counts[0] == 10
