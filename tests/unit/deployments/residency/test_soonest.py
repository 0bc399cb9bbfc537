import pytest

from deployments.residency.seat import Stage
from deployments.residency.soonest import LOADS, is_probe, needs_s
from tests.fakes_residency import Pool

NOW_S = 100.0
LEAST_S = 5.0


@pytest.fixture
def seat():
    """Of a model that loads since three seconds; its shortest load took five."""
    seat = Pool({"a": 10}).seats["a"]
    seat.least_load_s, seat.tally.loads = LEAST_S, LOADS
    seat.move(Stage.LOADING)
    seat.began_s = NOW_S - 3
    return seat


def test_load_that_goes_on_needs_what_is_left_of_the_shortest(seat):
    assert needs_s(seat, NOW_S) == 2
    assert needs_s(seat, NOW_S + 60) == 0


def test_model_that_was_never_loaded_may_be_as_quick_as_it_likes(seat):
    seat.least_load_s, seat.tally.loads = 0.0, 0

    assert needs_s(seat, NOW_S) == 0
    assert not is_probe(seat, 0.001)


def test_first_load_says_nothing_of_the_next(seat):
    seat.tally.loads = 1

    assert needs_s(seat, NOW_S) == 0
    assert not is_probe(seat, LEAST_S - 1)


def test_model_that_waits_for_room_turns_nobody_away(seat):
    seat.stage = Stage.ABSENT

    assert needs_s(seat, NOW_S) == 0


def test_probe_is_tried_for_everybody(seat):
    seat.probes = True

    assert needs_s(seat, NOW_S) == 0


def test_load_for_who_has_less_time_than_any_took_is_a_probe(seat):
    assert is_probe(seat, LEAST_S - 1)
    assert not is_probe(seat, LEAST_S)
    assert not is_probe(seat, None)
