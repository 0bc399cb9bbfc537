"""The search for the highest rate that keeps an SLO."""

import pytest

from benchmarks.peers.search import Effort, best_qps, next_qps

EFFORT = Effort(resolution=0.02, runs=20)


def search(limit_qps, first_qps, effort=EFFORT):
    """Rates tried against a server that keeps its SLO up to `limit_qps`."""
    tried: dict[float, bool] = {}
    while qps := next_qps(tried, first_qps, effort):
        tried[qps] = qps <= limit_qps
    return tried


@pytest.mark.parametrize("limit_qps", [7.0, 90.0, 100.0, 101.0, 180.0, 900.0])
def test_search_ends_just_below_what_the_server_can(limit_qps):
    best = best_qps(search(limit_qps, 100.0))

    assert 0.98 * limit_qps <= best <= limit_qps


def test_search_begins_with_the_guess():
    assert next_qps({}, 100.0, EFFORT) == 100.0


def test_search_goes_up_while_nothing_has_failed_and_down_while_nothing_was_kept():
    up, down = (next_qps({100.0: kept}, 100.0, EFFORT) for kept in (True, False))

    assert up is not None
    assert up > 100.0
    assert down is not None
    assert down < 100.0


def test_search_ends_when_its_runs_are_spent():
    tried = search(1e9, 100.0, Effort(resolution=0.02, runs=4))

    assert len(tried) == 4


def test_server_that_never_keeps_its_slo_has_no_best_rate():
    tried = search(0.0, 100.0)

    assert len(tried) == EFFORT.runs
    assert best_qps(tried) is None


def test_lucky_run_above_a_failed_one_does_not_count():
    assert best_qps({100.0: True, 120.0: False, 140.0: True}) == 100.0


def test_nothing_kept_below_the_lowest_failure_is_no_rate():
    assert best_qps({100.0: False, 120.0: True}) is None
