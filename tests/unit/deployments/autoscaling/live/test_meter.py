import asyncio

import pytest

from deployments.autoscaling.live.meter import Meter, Metered, Named
from deployments.errors import Overloaded
from deployments.messages import Request
from tests.fakes import EchoNode, StuckNode, floats


class Watch:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def meter(watch):
    return Meter(watch)


def request():
    return Request("vision", {"x": floats(1)}, {}, "")


async def test_answered_request_is_arrived_and_completed_and_its_time_is_spent(meter):
    node = Named(Metered(EchoNode(), meter, "ingress"), meter, "vision")

    await node.infer(request())

    told = meter.stats()
    assert told["arrived|ingress"] == told["completed|ingress"] == 1
    assert told["served|vision"] == 1
    assert told["ongoing|ingress"] == 0


async def test_refused_request_has_arrived_and_is_not_completed(meter):
    full = EchoNode()
    full.error = Overloaded("vision", 9, 1.0)

    with pytest.raises(Overloaded):
        await Metered(full, meter, "ingress").infer(request())

    told = meter.stats()
    assert (told["arrived|ingress"], told["completed|ingress"]) == (1, 0)
    assert told["ongoing|ingress"] == 0


async def test_caller_that_leaves_frees_its_place(meter):
    stuck = StuckNode()
    task = asyncio.ensure_future(Metered(stuck, meter, "ingress").infer(request()))
    await stuck.asked.wait()
    assert meter.stats()["ongoing|ingress"] == 1

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert meter.stats()["ongoing|ingress"] == 0
    assert meter.stats()["completed|ingress"] == 0


def test_age_of_the_oldest_request_is_told_whoever_leaves_first(meter, watch):
    first = meter.arrive("ingress")
    watch.now_s += 2
    second = meter.arrive("ingress")
    watch.now_s += 3

    assert meter.stats()["oldest_s|ingress"] == 5
    meter.leave("ingress", first, answered=True)
    assert meter.stats()["oldest_s|ingress"] == 3
    meter.leave("ingress", second, answered=True)
    assert meter.stats()["oldest_s|ingress"] == 0
    assert meter.stats()["spent_s|ingress"] == 5 + 3


def test_load_time_is_from_birth_to_loaded(meter, watch):
    watch.now_s += 7

    meter.loaded()
    watch.now_s += 1

    assert (meter.stats()["load_s"], meter.stats()["age_s"]) == (7, 8)


def test_deployments_are_counted_apart(meter):
    meter.arrive("ingress")
    meter.arrive("model:a")
    meter.arrive("model:a")

    told = meter.stats()

    assert (told["arrived|ingress"], told["arrived|model:a"]) == (1, 2)


def test_quiet_one_tells_its_load_and_then_speaks_only_of_what_it_counted(watch):
    meter = Meter(watch, quiet=True)
    watch.now_s += 90
    meter.loaded()
    born = meter.stats()
    watch.now_s += 61
    later = meter.stats()
    meter.arrive("model:a")

    assert (set(born), later) == ({"age_s", "load_s"}, {})
    assert meter.stats()["arrived|model:a"] == 1
