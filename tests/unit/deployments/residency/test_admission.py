import math

from hypothesis import given
from hypothesis import strategies as st

from deployments.residency.admission import (
    MARGIN,
    PATIENCE_S,
    Books,
    Enter,
    Evict,
    Never,
    Occupant,
    Wait,
    admit,
    admit_early,
)
from deployments.residency.eviction import Resident, Room

NOW_S = 100.0


def occupant(key, size=10, demand=1.0, in_use=False, pinned=False, since_s=0.0):
    return Occupant(Resident(key, Room(size), demand, 1.0), in_use, pinned, since_s)


def books(*occupants, limit=30, leaving=0, min_resident_s=1.0):
    occupied = sum(o.resident.size.host for o in occupants) + leaving
    return Books(
        limit=Room(limit, limit),
        occupied=Room(occupied),
        leaving=Room(leaving),
        occupants=occupants,
        min_resident_s=min_resident_s,
        now_s=NOW_S,
    )


def test_model_enters_where_there_is_room():
    assert admit(Room(10), books(occupant("a"), occupant("b")), 0) == Enter()


def test_idle_model_is_evicted_before_one_in_use_that_is_wanted_less():
    full = books(
        occupant("idle", demand=9),
        occupant("used", demand=1, in_use=True),
        occupant("pinned", demand=0, pinned=True),
    )

    assert admit(Room(10), full, 0) == Evict(["idle"])


def test_whoever_waited_long_enough_has_a_model_in_use_closed():
    full = books(*(occupant(k, in_use=True, demand=d) for d, k in enumerate("abc")))

    assert admit(Room(10), full, 0) == Wait(PATIENCE_S)
    assert admit(Room(10), full, PATIENCE_S) == Evict(["a"])


def test_model_that_has_just_come_is_not_evicted():
    full = books(*(occupant(key, since_s=NOW_S - 0.4) for key in "abc"))

    verdict = admit(Room(10), full, PATIENCE_S)

    assert isinstance(verdict, Wait)
    assert math.isclose(verdict.again_s, 0.6)


def test_nobody_else_is_evicted_while_enough_is_leaving():
    full = books(occupant("a"), occupant("b"), leaving=10)

    assert admit(Room(10), full, 10) == Wait(math.inf)


def test_model_that_does_not_fit_beside_pinned_ones_never_enters():
    pinned = books(occupant("a", pinned=True), limit=30)

    assert admit(Room(21), pinned, 0) == Never(Room(20, 30))


def test_expected_model_does_not_push_out_one_that_is_wanted_as_much():
    full = books(*(occupant(key, demand=1.0) for key in "abc"))

    assert admit_early(Resident("new", Room(10), MARGIN, 1.0), full) is None
    assert admit_early(Resident("new", Room(10), 2 * MARGIN, 1.0), full) == ["a"]


sizes = st.integers(1, 20)
occupants = st.lists(
    st.builds(
        Occupant,
        st.builds(
            Resident,
            st.uuids().map(str),
            sizes.map(Room),
            st.floats(0, 9),
            st.floats(0.01, 9),
        ),
        st.booleans(),
        st.booleans(),
        st.floats(90, 100),
    ),
    max_size=6,
)


@given(occupants, sizes, st.integers(1, 60), st.floats(0, 1), st.floats(0, 5))
def test_verdict_never_breaks_a_rule(here, need, limit, waited_s, min_resident_s):
    counted = books(*here, limit=limit, min_resident_s=min_resident_s)

    verdict = admit(Room(need), counted, waited_s)

    by_key = {o.resident.key: o for o in here}
    occupied = counted.occupied.host
    if isinstance(verdict, Enter):
        assert occupied + need <= limit
    if isinstance(verdict, Evict):
        gone = [by_key[key] for key in verdict.keys]
        assert not any(o.pinned for o in gone)
        assert all(NOW_S - o.since_s >= min_resident_s for o in gone)
        assert waited_s >= PATIENCE_S or not any(o.in_use for o in gone)
        assert occupied + need - sum(o.resident.size.host for o in gone) <= limit
    if isinstance(verdict, Never):
        assert need + sum(o.resident.size.host for o in here if o.pinned) > limit
    if isinstance(verdict, Wait):
        assert verdict.again_s > 0
