"""One replica's models on a fake machine: no sleeping, every wait is for a state."""

import asyncio
import errno
import time
from pathlib import Path

import pytest

from deployments.errors import (
    DeadlineExceeded,
    LoadFailed,
    ModelNotFound,
    NoAvailableVersion,
    Overloaded,
)
from deployments.messages import Urgency
from deployments.residency.sizes import Sizes
from deployments.residency.soonest import LOADS
from models.errors import StoreCorrupt, StoreUnwritable
from tests.fakes_residency import Pool

SIZES = {"a": 10, "b": 10, "c": 10}


@pytest.fixture
async def pool():
    """Room for two of three models of ten bytes."""
    pool = Pool(SIZES, memory_bytes=20)
    yield pool
    for gate in pool.machine.gates.values():
        gate.set()
    await pool.residency.close()


async def until(true):
    """Let everything else go on until `true()`."""
    ends_s = time.monotonic() + 30
    while not true():
        assert time.monotonic() < ends_s
        await asyncio.sleep(0.001)


async def test_first_request_loads_its_model_and_the_next_finds_it(pool):
    await pool.use("a")
    await pool.use("a")

    account = pool.residency.accounts()[0]
    assert pool.machine.opens == ["a"]
    assert (account.uses, account.hits, account.tally.loads) == (2, 1, 1)
    assert pool.state("a").state == "READY"
    assert pool.state("a").resident_bytes == 10


async def test_many_requests_share_one_load(pool):
    gate = pool.machine.hold("a")
    asked = [asyncio.ensure_future(pool.use("a")) for _ in range(50)]
    await until(lambda: pool.state("a").state == "LOADING")

    gate.set()
    await asyncio.gather(*asked)

    assert pool.machine.opens == ["a"]


async def test_different_models_load_at_once(pool):
    gates = [pool.machine.hold("a"), pool.machine.hold("b")]
    asked = [asyncio.ensure_future(pool.use(name)) for name in "ab"]

    await until(lambda: len(pool.machine.opens) == 2)

    for gate in gates:
        gate.set()
    await asyncio.gather(*asked)
    assert sorted(pool.resident()) == ["a", "b"]


async def test_full_pool_evicts_who_is_wanted_least(pool):
    for name in ("a", "a", "a", "b"):
        await pool.use(name)

    await pool.use("c")

    assert sorted(pool.resident()) == ["a", "c"]
    assert pool.machine.most_bytes <= 20
    assert pool.state("b").reason == "loads on demand"
    assert pool.state("b").answers


async def test_model_in_use_is_never_evicted(pool):
    await pool.hold("a")
    await pool.use("b")

    await pool.use("c")

    assert sorted(pool.resident()) == ["a", "c"]
    pool.give_back("a")


async def test_model_that_computes_for_nobody_is_not_let_go(pool):
    """A caller that left does not end the run that it began."""
    await pool.use("a")
    host = pool.seats["a"].tenant.host
    host.idle.clear()
    leaving = asyncio.ensure_future(pool.residency.unload("a"))
    await until(lambda: not pool.seats["a"].ready)

    assert host.backend is not None
    assert pool.state("a").state == "UNLOADING"
    host.idle.set()
    await leaving
    assert host.backend is None


async def test_whoever_finds_all_in_use_waits_until_one_is_free(pool):
    for name in "ab":
        await pool.hold(name)
    asked = asyncio.ensure_future(pool.use("c"))
    await until(lambda: pool.seats["c"].waiting == 1)

    pool.give_back("b")
    await asked

    assert sorted(pool.resident()) == ["a", "c"]
    pool.give_back("a")


async def test_model_that_is_always_in_use_is_closed_for_one_that_waits_long(pool):
    """Its new requests wait in turn; nobody is refused."""
    for name in "ab":
        await pool.hold(name)
    asked = asyncio.ensure_future(pool.use("c"))
    await until(lambda: pool.seats["c"].waiting == 1)

    def one_is_closed():
        pool.clock.now_s += 1.0
        return len(pool.resident()) < 2

    await until(one_is_closed)
    closed = "b" if pool.seats["a"].ready else "a"
    again = asyncio.ensure_future(pool.use(closed))
    await until(lambda: pool.seats[closed].waiting == 1)
    pool.give_back(closed)
    await asked
    pool.give_back("a" if closed == "b" else "b")
    await again

    assert pool.machine.most_bytes <= 20


async def test_request_leaves_when_its_deadline_has_come(pool):
    pool.machine.hold("a")
    soon = Urgency(deadline_s=time.monotonic() + 0.05)

    with pytest.raises(DeadlineExceeded, match="'a'"):
        await pool.hold("a", soon)

    assert pool.seats["a"].waiting == 0


async def test_nothing_is_loaded_for_a_deadline_that_is_over(pool):
    over = Urgency(deadline_s=time.monotonic() - 1)

    with pytest.raises(DeadlineExceeded, match="it is over before 'a' could answer"):
        await pool.hold("a", over)

    assert pool.machine.opens == []
    assert pool.seats["a"].waiting == 0


HOUR_S = 3600.0


def make_slow(seat):
    """As if no load of it had ever taken less than two hours."""
    seat.tally.loads, seat.least_load_s = LOADS, 2 * HOUR_S


async def test_request_that_no_load_was_ever_short_enough_for_is_refused_at_once(pool):
    gate = pool.machine.hold("a")
    make_slow(pool.seats["a"])
    first = asyncio.ensure_future(pool.use("a"))
    await until(lambda: pool.state("a").state == "LOADING")
    soon, late = (Urgency(time.monotonic() + s) for s in (HOUR_S, 3 * HOUR_S))
    patient = asyncio.ensure_future(pool.hold("a", late))

    with pytest.raises(DeadlineExceeded, match=r"needs 7200000\.0 ms at best"):
        await asyncio.wait_for(pool.hold("a", soon), 60)

    assert pool.seats["a"].tally.refused == 1
    gate.set()
    await asyncio.gather(first, patient)
    pool.give_back("a")


async def test_request_in_time_for_what_is_left_of_a_load_waits_for_it(pool):
    gate = pool.machine.hold("a")
    make_slow(pool.seats["a"])
    first = asyncio.ensure_future(pool.use("a"))
    await until(lambda: pool.state("a").state == "LOADING")
    pool.clock.now_s += 1.5 * HOUR_S

    asked = asyncio.ensure_future(pool.hold("a", Urgency(time.monotonic() + HOUR_S)))
    await until(lambda: pool.seats["a"].waiting == 2)
    gate.set()
    await asyncio.gather(first, asked)

    pool.give_back("a")
    assert pool.seats["a"].tally.refused == 0


async def test_load_that_became_shorter_serves_all_who_hoped_for_it(pool):
    gate, seat = pool.machine.hold("a"), pool.seats["a"]
    make_slow(seat)
    soon = Urgency(time.monotonic() + HOUR_S)
    first = asyncio.ensure_future(pool.hold("a", soon))
    await until(lambda: pool.state("a").state == "LOADING")

    others = [asyncio.ensure_future(pool.hold("a", soon)) for _ in range(19)]
    await until(lambda: seat.waiting == 20 or any(one.done() for one in others))
    gate.set()
    await asyncio.gather(first, *others)

    assert (seat.holds, seat.tally.refused) == (20, 0)
    assert seat.least_load_s < HOUR_S
    seat.holds = 0


async def test_load_after_one_for_the_hasty_refuses_again(pool):
    seat = pool.seats["a"]
    make_slow(seat)
    soon = Urgency(time.monotonic() + HOUR_S)
    await pool.hold("a", soon)
    pool.give_back("a")
    await pool.residency.unload("a")
    seat.unloaded = False  # as after an eviction
    gate = pool.machine.hold("a")
    make_slow(seat)
    early = asyncio.ensure_future(pool.residency.prefetch(["a"]))
    await until(lambda: pool.state("a").state == "LOADING")

    with pytest.raises(DeadlineExceeded):
        await asyncio.wait_for(pool.hold("a", soon), 60)

    gate.set()
    assert await early == ["a"]


async def test_model_that_only_the_hasty_want_gets_its_room_in_the_end():
    """Each leaves in its turn; as others wait, the model goes on to be wanted."""
    pool = Pool({"a": 10, "b": 10}, memory_bytes=10)
    seat = pool.seats["b"]
    make_slow(seat)
    await pool.hold("a")
    soon = Urgency(time.monotonic() + HOUR_S)
    asked = [asyncio.ensure_future(pool.hold("b", soon)) for _ in range(3)]
    await until(lambda: seat.waiting == 3 or any(one.done() for one in asked))
    way_in = seat.task
    asked[0].cancel()
    await until(lambda: asked[0].done())

    def place_is_made():
        pool.clock.now_s += 1.0
        return not pool.seats["a"].ready

    await until(place_is_made)
    assert seat.task is way_in
    pool.give_back("a")
    await asyncio.gather(*asked[1:])

    assert (seat.holds, seat.tally.refused) == (2, 0)
    await pool.residency.close()


async def test_shortest_load_is_remembered(pool):
    for _ in range(2):
        await pool.use("a")
        await pool.residency.unload("a")
        await pool.residency.load("a")
    tally = pool.seats["a"].tally

    assert tally.loads == 3
    assert 0 < pool.seats["a"].least_load_s <= tally.load_s / 3


async def test_more_than_may_wait_are_refused():
    pool = Pool(SIZES, memory_bytes=20, max_waiting=1)
    gate = pool.machine.hold("a")
    asked = asyncio.ensure_future(pool.use("a"))
    await until(lambda: pool.seats["a"].waiting == 1)

    with pytest.raises(Overloaded, match="'b' has 1 waiting"):
        await pool.use("b")

    gate.set()
    await asked
    await pool.residency.close()


async def test_model_larger_than_the_pool_is_refused_with_the_numbers():
    pool = Pool({"huge": 99}, memory_bytes=20)

    with pytest.raises(LoadFailed) as refused:
        await pool.use("huge")

    assert str(refused.value) == (
        "failed to load 'huge': it needs 99 bytes of memory, 20 can be free"
    )
    assert pool.machine.opens == []
    assert not pool.state("huge").answers
    await pool.residency.close()


async def test_model_that_fails_is_not_tried_again_at_once(pool):
    pool.machine.errors["a"] = StoreCorrupt("abc", "has changed in the store")
    with pytest.raises(LoadFailed, match="has changed in the store"):
        await pool.use("a")
    with pytest.raises(LoadFailed, match="has changed in the store"):
        await pool.use("a")
    assert pool.machine.opens == ["a"]
    assert pool.state("a").state == "UNAVAILABLE"

    pool.machine.errors.clear()
    pool.clock.now_s += pool.spec.retry_failed_after_s
    await pool.use("a")

    assert pool.resident() == ["a"]


def a_full_disk():
    return OSError(errno.ENOSPC, "No space left on device", "/somewhere/secret")


def refused_by_a_full_disk():
    error = StoreUnwritable(Path("/somewhere/secret"), "No space left on device")
    error.__cause__ = a_full_disk()
    return error


@pytest.mark.parametrize("error", [a_full_disk(), refused_by_a_full_disk()])
async def test_model_for_which_the_disk_has_no_room_is_refused_with_that_reason(
    pool, error
):
    pool.machine.errors["a"] = error

    with pytest.raises(LoadFailed) as refused:
        await pool.use("a")

    told = "the disk has no room for what is made of its file here"
    assert refused.value.reason == pool.state("a").reason == told


async def test_everybody_who_waits_for_a_load_that_fails_is_told(pool):
    gate = pool.machine.hold("a")
    pool.machine.errors["a"] = ValueError("bad node at /somewhere/secret")
    asked = [asyncio.ensure_future(pool.use("a")) for _ in range(5)]
    await until(lambda: pool.seats["a"].waiting == 5)

    gate.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)

    told = "failed to load 'a': its runtime refuses it (ValueError)"
    assert {(type(answer), str(answer)) for answer in answers} == {(LoadFailed, told)}
    assert pool.seats["a"].size.host == 0


async def test_unloaded_model_answers_no_more_until_it_is_loaded(pool):
    await pool.use("a")
    await pool.residency.unload("a")
    await pool.residency.unload("a")

    with pytest.raises(NoAvailableVersion, match="'a' has no available versions"):
        await pool.use("a")
    assert pool.state("a").reason == "unloaded"
    assert pool.machine.held_bytes == 0

    await pool.residency.load("a")
    await pool.residency.load("a")
    await pool.use("a")
    assert pool.machine.opens == ["a", "a"]


async def test_unload_waits_for_requests_in_flight(pool):
    await pool.hold("a")
    leaving = asyncio.ensure_future(pool.residency.unload("a"))
    await until(lambda: not pool.seats["a"].ready)

    with pytest.raises(NoAvailableVersion):
        await pool.use("a")
    assert pool.seats["a"].tenant.host.backend is not None

    pool.give_back("a")
    await leaving
    assert pool.machine.held_bytes == 0


async def test_unload_of_a_model_that_loads_lets_its_requests_know(pool):
    gate = pool.machine.hold("a")
    asked = asyncio.ensure_future(pool.use("a"))
    await until(lambda: pool.state("a").state == "LOADING")
    leaving = asyncio.ensure_future(pool.residency.unload("a"))
    await until(lambda: pool.seats["a"].unloaded)

    gate.set()
    await leaving

    with pytest.raises(NoAvailableVersion):
        await asked
    assert pool.machine.held_bytes == 0


async def test_unload_of_a_model_that_waits_for_room_does_not_wait_for_room(pool):
    for name in "ab":
        await pool.hold(name)
    asked = asyncio.ensure_future(pool.use("c"))
    await until(lambda: pool.seats["c"].waiting == 1)

    await pool.residency.unload("c")

    with pytest.raises(NoAvailableVersion):
        await asked
    for name in "ab":
        pool.give_back(name)


async def test_load_of_an_unknown_key_is_refused(pool):
    with pytest.raises(ModelNotFound):
        await pool.residency.load("nope")
    await pool.residency.unload("nope")


async def test_withdrawn_model_can_be_offered_again(pool):
    await pool.use("a")
    with pytest.raises(ValueError, match="a is offered already"):
        pool.offer("a", 10)

    await pool.residency.withdraw("a")
    pool.seats["a"] = pool.offer("a", 5)
    await pool.use("a")

    assert pool.state("a").resident_bytes == 5


async def test_pinned_model_stays_although_it_is_wanted_least(pool):
    await pool.use("a")
    pool.residency.pin(["a"])
    for name in ("b", "b", "c", "b"):
        await pool.use(name)

    assert "a" in pool.resident()
    pool.seats["huge"] = pool.offer("huge", 11)
    with pytest.raises(LoadFailed, match="10 can be free"):
        await pool.use("huge")


async def test_idle_model_leaves_and_one_in_use_stays():
    pool = Pool(SIZES, memory_bytes=20, idle_after_s=0.01)
    await pool.hold("a")
    await pool.use("b")

    pool.clock.now_s += 60
    await until(lambda: pool.resident() == ["a"])

    assert pool.seats["b"].tally.idled == 1
    await pool.use("b")  # comes back by itself
    pool.give_back("a")
    await pool.residency.close()


async def test_prefetch_takes_free_room_but_nobodys_place(pool):
    await pool.use("a")

    assert await pool.residency.prefetch(["b", "c"]) == ["b"]

    assert pool.resident() == ["a", "b"]
    assert pool.seats["b"].tally.early == 1


class Says:
    """A forecast of fixed rates."""

    def __init__(self, **rates):
        self.rates = rates

    def expect(self, key, now_s, horizon_s):
        return self.rates.get(key)


async def test_prefetch_replaces_what_is_expected_to_be_wanted_less(pool):
    for name in "ab":
        await pool.use(name)
    pool.residency.foresee(Says(a=5.0, b=0.1, c=3.0))

    assert await pool.residency.prefetch(["c"]) == ["c"]

    assert pool.resident() == ["a", "c"]


async def test_forecast_decides_who_leaves(pool):
    for name in ("a", "a", "a", "b"):
        await pool.use(name)
    pool.residency.foresee(Says(a=0.0, b=9.0))

    await pool.use("c")

    assert sorted(pool.resident()) == ["b", "c"]


async def test_prefetch_that_fails_is_told_to_the_next_request(pool):
    pool.machine.errors["a"] = MemoryError()

    assert await pool.residency.prefetch(["a"]) == []

    with pytest.raises(LoadFailed, match="there is not enough memory"):
        await pool.use("a")


async def test_load_that_does_not_end_makes_the_replica_ill():
    pool = Pool(SIZES, memory_bytes=20, load_timeout_s=0.01)
    gate = pool.machine.hold("a")

    with pytest.raises(LoadFailed, match=r"it is not loaded after 0\.01 s"):
        await pool.use("a")

    assert pool.residency.illness == "a is not loaded after 0.01 s"
    gate.set()
    await until(lambda: pool.residency.illness is None)
    await pool.residency.close()


def test_unbounded_pool_loads_all_at_start():
    pool = Pool(SIZES)

    pool.residency.load_at_start()
    pool.residency.load_at_start()

    assert pool.resident() == ["a", "b", "c"]
    assert sorted(pool.machine.opens) == ["a", "b", "c"]


def test_unbounded_pool_does_not_start_with_a_model_that_fails():
    pool = Pool(SIZES)
    pool.machine.errors["b"] = StoreCorrupt("abc", "is missing from the store")

    with pytest.raises(StoreCorrupt, match="is missing from the store"):
        pool.residency.load_at_start()


def test_bounded_pool_starts_with_its_pinned_models_only():
    pool = Pool(SIZES, memory_bytes=20, pinned=("b",))

    pool.residency.load_at_start()

    assert pool.resident() == ["b"]


def test_bounded_pool_starts_without_a_model_that_fails_or_finds_no_room():
    pool = Pool(SIZES, memory_bytes=20, preload=True, pinned=("c",))
    pool.machine.errors["a"] = StoreCorrupt("abc", "is missing from the store")

    pool.residency.load_at_start()

    assert pool.resident() == ["c"]
    assert pool.state("a").reason.startswith("abc is missing from the store")
    assert pool.state("b").reason == "loads on demand"


async def test_load_that_takes_more_than_was_expected_is_told(pool, caplog):
    seat = pool.offer("d", 10, takes_bytes=100 << 20)
    pool.seats["d"] = seat

    await pool.use("d")

    told = f"took {10 + (100 << 20)} bytes of memory, expected were 10"
    assert pool.state("d").reason == told
    assert f"d {told}" in caplog.messages


async def test_first_load_beyond_the_peak_of_its_card_is_told(caplog):
    pool = Pool({}, sizes=Sizes(), memory_bytes=1 << 40)
    for name, peak_bytes in (("a", 50 << 20), ("b", 200 << 20)):
        pool.seats[name] = pool.offer(name, 10, 100 << 20, peak_bytes)
        await pool.use(name)

    assert pool.state("a").reason.endswith(f"expected were {50 << 20}")
    assert pool.state("b").reason == ""
    assert len(caplog.messages) == 1
    await pool.residency.close()


def test_peak_that_a_card_has_measured_keeps_no_model_out():
    """It holds what is free again after a load, so it is many times what is kept."""
    pool = Pool({}, sizes=Sizes(), memory_bytes=100 << 20)
    for name in "abcd":
        pool.seats[name] = pool.offer(name, 4 << 20, 16 << 20, peak_bytes=101 << 20)

    pool.residency.load_at_start(["a", "b", "c", "d"])

    assert pool.resident() == ["a", "b", "c", "d"]


async def test_load_before_which_nothing_can_be_measured_fails_with_that_reason(pool):
    pool.machine.gauge_error = OSError("NVML answers 999")

    with pytest.raises(LoadFailed, match="memory that it takes cannot be measured"):
        await pool.use("a")

    assert pool.state("a").state == "UNAVAILABLE"
    assert pool.machine.opens == []
    pool.machine.gauge_error = None
    await pool.residency.load("a")
    assert pool.resident() == ["a"]


async def test_load_after_which_nothing_can_be_measured_leaves_nothing_behind():
    pool = Pool(SIZES, sizes=Sizes(), memory_bytes=1 << 40)
    gate = pool.machine.hold("a")
    asked = asyncio.ensure_future(pool.use("a"))
    await until(lambda: pool.machine.opens == ["a"])
    pool.machine.gauge_error = OSError("NVML answers 999")
    gate.set()

    with pytest.raises(LoadFailed, match="memory that it takes cannot be measured"):
        await asked

    assert pool.state("a").state == "UNAVAILABLE"
    assert pool.machine.held_bytes == 0
    pool.machine.gauge_error = None
    await pool.use("b")
    assert pool.loader.sizes.knows(pool.seats["b"].tenant.digest)  # loaded alone
    await pool.residency.close()


async def test_model_leaves_although_nothing_can_be_measured(pool):
    await pool.use("a")
    pool.machine.gauge_error = OSError("NVML answers 999")

    await pool.residency.unload("a")

    assert pool.state("a").state == "UNAVAILABLE"
    assert pool.machine.held_bytes == 0


async def test_cancelled_request_leaves_no_hold_behind(pool):
    gate = pool.machine.hold("a")
    asked = asyncio.ensure_future(pool.use("a"))
    await until(lambda: pool.state("a").state == "LOADING")

    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    gate.set()
    await until(lambda: pool.seats["a"].ready)

    assert (pool.seats["a"].holds, pool.seats["a"].waiting) == (0, 0)


async def test_storm_of_loads_and_unloads_ends_in_order(pool):
    async def client(number):
        for step in range(20):
            name = "abc"[(number + step) % 3]
            try:
                if number % 5 == 0:
                    await pool.residency.unload(name)
                elif number % 5 == 1:
                    await pool.residency.load(name)
                else:
                    await pool.use(name)
            except NoAvailableVersion:
                pass

    await asyncio.wait_for(asyncio.gather(*map(client, range(50))), 60)

    for name in "abc":
        await pool.residency.load(name)
        await pool.use(name)
    assert all(seat.holds == 0 == seat.waiting for seat in pool.seats.values())
    assert pool.machine.most_bytes <= 20
    assert pool.machine.held_bytes == 10 * len(pool.resident())
