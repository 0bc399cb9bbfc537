"""A replica follows wishes without a request in between that finds nothing."""

import asyncio
from dataclasses import replace

import pytest

from deployments.errors import ModelNotFound, NoAvailableVersion, VersionNotFound
from deployments.messages import Request
from deployments.repository.hosting import Hosting, Switch
from tests.fakes import floats
from tests.fakes_control import FakeSeats
from tests.unit.deployments.repository.test_plan import AGAIN, ONE, TWO, a_wish

ASKED = Request("tiny", {"x": floats(1)})


@pytest.fixture
def seats():
    return FakeSeats()


@pytest.fixture
def hosting(seats):
    hosting = Hosting(seats)
    hosting.begin(a_wish(ONE))
    return hosting


async def ask(hosting, name="model:tiny"):
    await hosting.infer(name, ASKED)


async def test_words_lead_to_the_version_they_stand_for(hosting, seats):
    await hosting.follow(a_wish(ONE, TWO, stable=1))

    for word in ("", ":1", ":2", ":stable"):
        await ask(hosting, f"model:tiny{word}")

    assert seats.asked == [TWO.key, ONE.key, TWO.key, ONE.key]


async def test_what_is_not_served_is_told_apart(hosting):
    with pytest.raises(VersionNotFound, match="'tiny' version 9 is not found"):
        hosting.node("model:tiny:9")
    with pytest.raises(ModelNotFound):
        hosting.node("model:other")

    await hosting.follow(a_wish(ONE, presence="unloaded", serial=1))

    with pytest.raises(NoAvailableVersion, match="'tiny' has no available versions"):
        await ask(hosting)
    (report,) = hosting.reports()
    assert (report.state, report.reason) == ("UNAVAILABLE", "unloaded")


async def test_unloaded_model_comes_back_when_it_is_asked_for(hosting, seats):
    await hosting.follow(a_wish(ONE, presence="unloaded", serial=1))
    await hosting.follow(a_wish(ONE, presence="loaded", serial=2))

    await ask(hosting)

    assert seats.here == {ONE.key: "READY"}
    assert hosting.asked() == [ONE.key]


async def test_version_that_does_not_load_leaves_everything_as_it_was(hosting, seats):
    seats.broken.add(TWO.key)

    await hosting.follow(a_wish(TWO, presence="loaded", serial=1))
    await ask(hosting)

    assert seats.asked == [ONE.key]
    assert hosting.failures == {"tiny": "it is broken"}
    seats.broken.clear()
    await hosting.follow(a_wish(TWO, presence="loaded", serial=1))
    await ask(hosting)
    assert (seats.asked, hosting.failures) == ([ONE.key, TWO.key], {})
    assert seats.here == {TWO.key: "READY"}


async def test_prepared_editions_get_no_requests_and_can_be_abandoned(hosting, seats):
    await hosting.prepare("tiny", [TWO])
    await ask(hosting)

    assert seats.asked == [ONE.key]
    assert seats.here[TWO.key] == "READY"
    await hosting.abandon("tiny")
    assert list(seats.here) == [ONE.key]


async def test_request_that_waited_for_a_replaced_edition_gets_the_new_one(seats):
    hosting = Hosting(seats)
    hosting.begin(a_wish(ONE))
    seats.gate.clear()
    waiting = asyncio.ensure_future(ask(hosting))
    await asyncio.sleep(0)
    await hosting.follow(a_wish(TWO))
    seats.gate.set()

    await waiting

    assert seats.asked == [TWO.key]


async def test_switches_under_load_fail_no_request(hosting, seats):
    """Requests in every step of the event loop, while versions come and go."""
    over = asyncio.Event()
    switch = Switch(hosting, "model:tiny")

    async def ask_on():
        while not over.is_set():
            await switch.infer(ASKED)

    clients = [asyncio.ensure_future(ask_on()) for _ in range(8)]
    wishes = [
        a_wish(ONE, TWO, stable=1),
        a_wish(ONE, TWO, stable=2),
        a_wish(TWO),
        a_wish(AGAIN, TWO),
        a_wish(AGAIN),
        a_wish(ONE),
    ]
    for serial, wish in enumerate(wishes * 5):
        presence = ("lazy", "loaded")[serial % 2]
        await hosting.follow(replace(wish, presence=presence, serial=serial))
    over.set()

    await asyncio.gather(*clients)
    assert hosting.failures == {}
    assert {*seats.asked} == {ONE.key, TWO.key, AGAIN.key}
