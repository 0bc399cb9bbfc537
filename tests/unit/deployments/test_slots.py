import asyncio
import threading

import pytest

from deployments.slots import Slots

NEVER_S = 30.0


@pytest.fixture
def gate():
    opened = threading.Event()
    yield opened
    opened.set()


async def start(slots, work):
    await slots.acquire()
    return asyncio.ensure_future(slots.run(work))


async def test_run_within_its_time_is_not_overdue():
    slots = Slots(1, run_timeout_s=NEVER_S)

    assert await (await start(slots, lambda: 7)) == 7
    assert (slots.overdue, slots.jammed) == (0, False)


async def test_caller_of_a_run_that_does_not_end_is_told(gate):
    slots = Slots(2, run_timeout_s=0.01)

    with pytest.raises(TimeoutError, match=r"a run takes longer than 0\.01 s"):
        await (await start(slots, gate.wait))

    assert (slots.overdue, slots.jammed) == (1, False)


async def test_other_slots_run_on(gate):
    slots = Slots(2, run_timeout_s=0.01)
    hung = await start(slots, gate.wait)
    await asyncio.wait([hung])

    assert await (await start(slots, lambda: 7)) == 7
    assert isinstance(hung.exception(), TimeoutError)


async def test_losing_the_last_slot_is_told_to_whoever_waits(gate):
    slots, told = Slots(1, run_timeout_s=0.01), []
    slots.when_jammed(lambda: told.append(slots.jammed))

    hung = await start(slots, gate.wait)
    await asyncio.wait([hung])

    assert told == [True]
    assert isinstance(hung.exception(), TimeoutError)


async def test_slot_comes_back_when_the_run_ends_after_all(gate):
    slots = Slots(1, run_timeout_s=0.01)
    with pytest.raises(TimeoutError):
        await (await start(slots, gate.wait))

    gate.set()
    await slots.acquire()

    assert (slots.overdue, slots.jammed) == (0, False)


async def test_run_whose_caller_has_left_is_watched_as_well(gate):
    slots, jammed = Slots(1, run_timeout_s=0.01), asyncio.Event()
    slots.when_jammed(jammed.set)
    caller = await start(slots, gate.wait)
    await asyncio.sleep(0)
    caller.cancel()

    await jammed.wait()

    assert slots.overdue == 1
