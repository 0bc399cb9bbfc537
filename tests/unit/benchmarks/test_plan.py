"""The order and the amount of measuring."""

import pytest

from benchmarks.plan import FULL, QUICK, bare_threads, turned


def test_each_repeat_begins_with_another_contender():
    assert turned(["a", "b", "c"], 0) == ["a", "b", "c"]
    assert turned(["a", "b", "c"], 1) == ["b", "c", "a"]
    assert turned(["a", "b", "c"], 3) == ["a", "b", "c"]


def test_nothing_can_be_turned():
    assert turned([], 2) == []


@pytest.mark.parametrize(("slots", "threads"), [(1, (1,)), (2, (1, 2)), (4, (1, 4))])
def test_bare_loop_runs_alone_and_on_all_slots(slots, threads):
    assert bare_threads(slots) == threads


def test_full_plan_repeats_and_loads_as_the_docs_promise():
    assert FULL.repeats >= 3
    assert FULL.concurrency == (1, 8, 32)
    assert FULL.open_percent == (50, 80, 100)


def test_quick_plan_measures_less_than_the_full_one():
    assert QUICK.repeats * QUICK.duration_s < FULL.repeats * FULL.duration_s
