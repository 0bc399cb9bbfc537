"""Who takes part when there is little time or much to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.rules import DegradeSpec
from deployments.ensembles.choice import (
    Candidate,
    Choice,
    Subsets,
    finish_s,
    under_pressure,
    within,
)

COSTS = [1.0, 2.0, 4.0]
costs = st.lists(st.floats(0.001, 10), min_size=1, max_size=5)


def subsets(values=()):
    return Subsets([0, 1, 2], [0.2, 0.3, 0.5], COSTS, values)


def test_all_are_the_best_when_nothing_was_fitted():
    assert subsets().ranked[0] == (0, 1, 2)


def test_fitted_values_rank_choices():
    ranked = subsets([((0,), -0.1), ((0, 1, 2), -0.5)]).ranked

    assert ranked.index((0,)) < ranked.index((0, 1, 2))


def test_of_equal_choices_the_cheaper_one_is_better():
    ranked = Subsets([0, 1], [0.5, 0.5], [2.0, 1.0]).ranked

    assert ranked == [(0, 1), (1,), (0,)]


def test_nobody_is_left_out_without_pressure():
    assert under_pressure(subsets(), DegradeSpec(), 0.49) == Choice((0, 1, 2))


@pytest.mark.parametrize(
    ("pressure", "members"), [(0.6, (0, 2)), (0.75, (0, 1)), (1.0, (0,)), (3.0, (0,))]
)
def test_the_higher_the_pressure_the_cheaper_the_choice(pressure, members):
    spec = DegradeSpec(at_pressure=0.5)

    assert under_pressure(subsets(), spec, pressure) == Choice(members, "overload")


def test_pressure_leaves_as_many_members_as_the_spec_says():
    spec = DegradeSpec(min_members=2)

    assert under_pressure(subsets(), spec, 9.0).members == (0, 1)


def test_best_choice_that_ends_in_time_is_taken():
    late_s = {chosen: subsets().cost_s(chosen) - 5.5 for chosen in subsets().ranked}

    found = within(subsets(), Choice((0, 1, 2)), late_s)

    assert found == Choice((0, 2), "budget")


def test_fastest_is_asked_when_nothing_ends_in_time():
    late_s = {chosen: subsets().cost_s(chosen) for chosen in subsets().ranked}

    assert within(subsets(), Choice((0, 1, 2)), late_s) == Choice((0,), "budget")


def test_time_chooses_only_among_those_that_pressure_left():
    late_s = dict.fromkeys(subsets().ranked, 0.0)
    left = Choice((0, 1), "overload")

    assert within(subsets(), left, late_s) == left


def test_members_that_share_threads_wait_for_each_other():
    candidates = [Candidate(1, 1, "here"), Candidate(2, 2, "here"), Candidate(4, 3)]

    assert finish_s([0, 1], candidates, {"here": 1}) == 3
    assert finish_s([0, 1], candidates, {"here": 2}) == 2
    assert finish_s([0, 2], candidates, {"here": 1}) == 4


@given(costs, st.floats(0, 3), st.floats(0, 0.99))
def test_pressure_never_leaves_nobody_and_costs_at_most_its_share(
    costs_s, pressure, start
):
    every = Subsets(range(len(costs_s)), [1.0] * len(costs_s), costs_s)

    found = under_pressure(every, DegradeSpec(at_pressure=start), pressure)

    assert found.members
    share = max(0.0, 1 - max(0.0, pressure - start) / (1 - start))
    allowed = max(share * every.cost_s(every.all), min(costs_s))
    assert every.cost_s(found.members) <= allowed + 1e-9
    assert (found.reason is None) == (found.members == every.all)


def test_many_members_are_left_out_from_the_dearest_on():
    every = Subsets(range(10), [1.0] * 10, [float(10 - at) for at in range(10)])

    assert len(every.ranked) == 10
    assert every.ranked[1] == tuple(range(1, 10))
