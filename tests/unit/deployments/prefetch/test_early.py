"""Which models are loaded before anybody asks."""

from deployments.prefetch.early import to_load


def test_most_wanted_goes_first_and_who_is_not_expected_stays_away():
    soon = {"a:1": 0.5, "b:1": 9.0, "warm:1": 99.0, "rare:1": 0.01}
    cold = ["a:1#x", "b:1#y", "rare:1#z", "unknown:1#u"]

    assert to_load(soon, cold) == ["b:1#y", "a:1#x"]


def test_nothing_expected_is_nothing_loaded():
    assert to_load({}, ["a:1#x"]) == []
