"""How many copies of a model there are, by its work."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.routing.spread import HOLD_S, Need, Spread, spread

ROOMS = [0.7, 0.7, 0.7, 0.7]


def settled(work, rooms, before=None):
    return spread(before or Spread(), Need(work, rooms), 0.0).copies


@pytest.mark.parametrize(
    ("work", "copies"), [(0.0, 1), (0.6, 1), (0.8, 2), (1.5, 3), (9.0, 4)]
)
def test_copies_have_room_for_the_work(work, copies):
    assert settled(work, ROOMS) == copies


def test_replica_that_others_fill_gives_no_room():
    assert settled(0.5, [0.1, 0.7, 0.7]) == 2


def test_small_model_does_not_flee_over_a_crowded_pool():
    assert settled(0.2, [0.0, 0.0, 0.0, 0.05]) == 2
    assert settled(0.2, [0.0] * 8) == 2


def test_nobody_to_hold_it_is_one_copy():
    assert settled(3.0, []) == 1


def test_copies_go_one_at_a_time_and_only_after_a_while():
    now = Spread(4)
    seen = []
    for second in range(int(4 * HOLD_S)):
        now = spread(now, Need(0.1, ROOMS), float(second))
        seen.append(now.copies)

    assert seen[: int(HOLD_S)] == [4] * int(HOLD_S)
    assert seen[-1] == 1
    assert all(0 <= a - b <= 1 for a, b in pairwise(seen))


def test_work_that_comes_back_in_time_keeps_its_copies():
    now = spread(Spread(3), Need(0.1, ROOMS), 0.0)
    now = spread(now, Need(2.0, ROOMS), HOLD_S - 1)

    assert spread(now, Need(0.1, ROOMS), HOLD_S + 1) == Spread(3, HOLD_S + 1)


def test_work_between_the_two_bounds_changes_nothing():
    """1.1 needs two copies; three are kept, as two would be filled to the brim."""
    now = Spread(3)
    for second in range(100):
        now = spread(now, Need(1.1, ROOMS), float(second))

    assert now == Spread(3)


@given(
    copies=st.integers(1, 6),
    work=st.floats(0, 20),
    rooms=st.lists(st.floats(0, 4), max_size=6),
    now_s=st.floats(0, 1e6),
)
def test_copies_are_never_none_and_never_more_than_replicas(copies, work, rooms, now_s):
    after = spread(Spread(copies), Need(work, rooms), now_s)

    assert 1 <= after.copies <= max(1, len(rooms))
