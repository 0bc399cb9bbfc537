"""Whatever clients do at once, the rules of residency hold."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.errors import LoadFailed, NoAvailableVersion
from tests.fakes_residency import Pool

LIMIT = 20
SIZES = {"a": 6, "b": 7, "c": 8, "d": 15, "huge": 30}
PINNED = "a"

acts = st.lists(
    st.tuples(
        st.sampled_from(["use", "use", "use", "load", "unload", "prefetch", "leave"]),
        st.sampled_from(sorted(SIZES)),
        st.integers(0, 3),
    ),
    max_size=12,
)


async def use(pool, name, turns):
    """A request of several turns; its model must be there all the time."""
    await pool.hold(name)
    try:
        for _ in range(turns + 1):
            assert pool.seats[name].tenant.host.backend is not None
            await asyncio.sleep(0)
    finally:
        pool.give_back(name)


async def leave(pool, name, turns):
    """A request whose caller leaves."""
    asked = asyncio.ensure_future(use(pool, name, turns))
    for _ in range(turns):
        await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)


async def act(pool, kind, name, turns):
    try:
        if kind == "use":
            await use(pool, name, turns)
        elif kind == "leave":
            await leave(pool, name, turns)
        elif kind == "prefetch":
            await pool.residency.prefetch([name])
        else:
            await getattr(pool.residency, kind)(name)
    except NoAvailableVersion:
        assert kind in ("use", "load")
    except LoadFailed:
        assert name == "huge" or name == "d"  # does not fit beside the pinned one


async def client(pool, script):
    for kind, name, turns in script:
        await act(pool, kind, name, turns)


async def storm(scripts):
    pool = Pool(SIZES, memory_bytes=LIMIT, pinned=(PINNED,), retry_failed_after_s=0)
    await pool.use(PINNED)
    clients = [client(pool, script) for script in scripts]
    await asyncio.wait_for(asyncio.gather(*clients), 60)
    await pool.residency.load(PINNED)
    await pool.use(PINNED)
    assert all(seat.holds == 0 == seat.waiting for seat in pool.seats.values())
    await pool.residency.close()
    return pool


@settings(max_examples=60, deadline=None)
@given(st.lists(acts, min_size=2, max_size=6))
def test_no_budget_is_exceeded_and_no_model_taken_from_its_user(scripts):
    pool = asyncio.run(storm(scripts))

    assert pool.machine.most_bytes <= LIMIT
    assert pool.seats[PINNED].tally.evictions == 0
    assert "huge" not in pool.machine.opens
