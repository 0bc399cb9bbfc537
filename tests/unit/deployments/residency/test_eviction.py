from hypothesis import given
from hypothesis import strategies as st

from deployments.residency.eviction import Resident, Room, victims

rooms = st.builds(Room, st.integers(0, 50), st.integers(0, 50))
residents = st.lists(
    st.builds(
        Resident,
        st.uuids().map(str),
        rooms,
        st.floats(0, 100),
        st.floats(0.01, 10),
    ),
    max_size=8,
)


def resident(key, size=10, demand=1.0, reload_s=1.0):
    return Resident(key, Room(size), demand, reload_s)


def test_least_wanted_model_leaves_first():
    movable = [resident("hot", demand=5), resident("cold", demand=1)]

    assert victims(movable, Room(10)) == ["cold"]


def test_model_that_is_dear_to_reload_stays():
    movable = [resident("dear", reload_s=9), resident("cheap", reload_s=0.1)]

    assert victims(movable, Room(10)) == ["cheap"]


def test_large_model_leaves_before_small_ones_of_equal_demand():
    movable = [resident("small", size=10), resident("large", size=40)]

    assert victims(movable, Room(10)) == ["large"]


def test_model_that_is_not_needed_for_the_room_stays():
    movable = [
        resident("a", size=5, demand=0.1),
        resident("b", size=50, demand=2),
        resident("c", size=50, demand=9),
    ]

    assert victims(movable, Room(50)) == ["b"]


def test_too_few_bytes_are_no_solution():
    assert victims([resident("a", size=5)], Room(6)) is None


def test_only_who_holds_device_memory_leaves_for_it():
    movable = [resident("host", demand=0.0), Resident("gpu", Room(1, 10), 5.0, 1.0)]

    assert victims(movable, Room(0, 10)) == ["gpu"]


@given(residents, rooms)
def test_victims_free_what_lacks_and_none_is_superfluous(movable, lack):
    chosen = victims(movable, lack)

    sizes = {r.key: r.size for r in movable}
    whole = sum(sizes.values(), Room())
    assert (chosen is None) == (not whole.holds(lack))
    if chosen is not None:
        freed = sum((sizes[key] for key in chosen), Room())
        assert freed.holds(lack)
        assert not any((freed - sizes[key]).holds(lack) for key in chosen)
        assert len(set(chosen)) == len(chosen)
