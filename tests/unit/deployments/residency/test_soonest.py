import pytest

from deployments.batching.outlook import PROBE_S
from deployments.residency.seat import Stage
from deployments.residency.soonest import needs_s
from tests.fakes_residency import Pool

NOW_S = 100.0
LEAST_S = 5.0


@pytest.fixture
def seat():
    """Of a model whose shortest load took five seconds; it left this moment."""
    seat = Pool({"a": 10}).seats["a"]
    seat.least_load_s, seat.since_s = LEAST_S, NOW_S
    return seat


def test_model_that_was_never_loaded_may_be_as_quick_as_it_likes(seat):
    seat.least_load_s = 0.0

    assert needs_s(seat, NOW_S) == 0


def test_model_that_is_not_here_needs_its_shortest_load(seat):
    assert needs_s(seat, NOW_S) == LEAST_S


def test_load_that_goes_on_needs_what_is_left_of_the_shortest(seat):
    seat.move(Stage.LOADING)
    seat.began_s = NOW_S - 3

    assert needs_s(seat, NOW_S) == 2
    assert needs_s(seat, NOW_S + 60) == 0


def test_model_without_a_load_for_a_while_is_tried_whatever_is_known(seat):
    assert needs_s(seat, NOW_S + PROBE_S) == 0
