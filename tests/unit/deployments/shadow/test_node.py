"""Shadows are asked after the reply, in bounds, and harm nobody."""

import asyncio
import os
import sys

import numpy as np
import pytest

from deployments.messages import Request
from deployments.shadow.node import MOST_BYTES, Shadowed
from deployments.shadow.runner import NICENESS, Runner
from tests.fakes_shadow import Scene, ToldBackend, Watcher

SURE_OF_0, SURE_OF_1 = [5.0, 0.0, 0.0], [0.0, 5.0, 0.0]


def logits(*rows):
    return np.array(rows, np.float32)


def alike():
    """A shadow that says class 0 to all rows but the last."""
    return ToldBackend(logits(*[SURE_OF_0] * 7, SURE_OF_1))


async def test_reply_is_that_of_the_node():
    scene = Scene(alike())

    reply = await scene.ask(0, 7)

    given = np.array([[0.8, 0.1, 0.1]] * 2, np.float32)
    np.testing.assert_array_equal(reply.outputs["probability"], given)


async def test_answers_are_compared_after_the_reply():
    scene = Scene(alike())

    await scene.ask(0, 1, 7)
    assert scene.shadow.stats.rows == 0
    await scene.shadow.rest()

    stats = scene.shadow.stats
    assert (stats.requests, stats.rows, stats.agreed) == (1, 3, 2)
    assert scene.shadow.drift.agreement == pytest.approx(2 / 3)
    assert scene.watcher.outcomes == ["compared"]


async def test_request_does_not_wait_for_a_shadow_that_hangs():
    backend = ToldBackend(logits(*[SURE_OF_0] * 8), held=True)
    scene = Scene(backend)

    for _ in range(5):
        await scene.ask(0)

    assert scene.shadow.stats.rows == 0
    backend.let_go()
    await scene.shadow.rest()
    assert scene.shadow.stats.rows == 5


async def test_what_would_wait_too_long_is_dropped_and_counted():
    backend = ToldBackend(logits(*[SURE_OF_0] * 8), held=True)
    scene = Scene(backend, max_waiting_rows=4)

    for _ in range(5):
        await scene.ask(0, 1)

    assert scene.shadow.stats.dropped == 6
    assert scene.watcher.outcomes == ["dropped"] * 3
    backend.let_go()
    await scene.shadow.rest()
    assert (scene.shadow.stats.rows, scene.shadow.stats.dropped) == (4, 6)
    await scene.ask(0, 1)
    await scene.shadow.rest()
    assert scene.shadow.stats.rows == 6


async def test_views_that_hold_large_bodies_are_dropped_although_their_rows_are_few():
    backend = ToldBackend(logits(*[SURE_OF_0] * 8), held=True)
    scene = Scene(backend)
    half = np.zeros((MOST_BYTES // 2 // 8, 1), np.int64)

    for _ in range(3):
        body = np.zeros_like(half)
        await scene.node.infer(Request("p", {"x": body[:1]}))

    # With its answer one body is more than half of what may wait.
    assert scene.watcher.outcomes == ["dropped"] * 2
    backend.let_go()
    await scene.shadow.rest()
    await scene.node.infer(Request("p", {"x": half[:1]}))
    await scene.shadow.rest()
    assert (scene.shadow.stats.rows, scene.shadow.stats.dropped) == (2, 2)


class Blind(Watcher):
    def show(self, *shown):
        super().show(*shown)
        raise OSError("nobody there")


async def test_watcher_that_fails_stops_no_shadow_and_no_request(caplog):
    scene = Scene(alike(), Blind(), max_waiting_rows=2)

    for _ in range(3):
        await scene.ask(0, 1)
        await scene.shadow.rest()
    await scene.ask(0, 1, 2)

    assert scene.watcher.outcomes == ["compared"] * 3 + ["dropped"]
    assert (scene.shadow.stats.rows, scene.shadow.stats.dropped) == (6, 3)
    assert caplog.messages == ["shadow m/int8 cannot be shown: nobody there"]


@pytest.mark.parametrize(("fraction", "asked"), [(1.0, 20), (0.25, 5), (0.1, 2)])
async def test_shadow_is_asked_about_its_part_of_the_requests(fraction, asked):
    scene = Scene(alike(), fraction=fraction)

    for _ in range(20):
        await scene.ask(0)
        await scene.shadow.rest()

    assert scene.shadow.stats.requests == asked


async def test_shadow_that_fails_is_counted_and_the_reply_is_there():
    scene = Scene(ToldBackend(logits(SURE_OF_0)))

    reply = await scene.ask(5)
    await scene.shadow.rest()

    assert reply.outputs["probability"].shape == (1, 3)
    assert (scene.shadow.stats.failed, scene.shadow.stats.rows) == (1, 0)
    assert scene.watcher.outcomes == ["failed"]
    await scene.ask(0)
    await scene.shadow.rest()
    assert scene.shadow.stats.rows == 1


async def test_variant_that_cannot_be_opened_harms_nobody():
    scene = Scene(None)

    await scene.ask(0)
    await scene.shadow.rest()

    assert scene.shadow.stats.failed == 1


async def test_node_that_fails_raises_and_nobody_is_asked():
    class Broken:
        async def infer(self, request):
            raise ValueError("broken")

    scene = Scene(alike())
    node = Shadowed(Broken(), [scene.shadow])

    with pytest.raises(ValueError, match="broken"):
        await node.infer(Request("p", {"x": np.zeros((1, 1), np.int64)}))

    assert scene.shadow.stats.requests == scene.shadow.stats.dropped == 0


async def test_input_that_was_not_made_for_the_answer_is_not_made_for_a_shadow():
    scene = Scene(alike())
    reply = await scene.ask(0)
    await scene.shadow.rest()

    scene.shadow.offer(Request("p", {"other": np.zeros((1, 1))}), reply)

    assert scene.shadow.stats.dropped == 1


async def test_variant_is_opened_once_and_runs_on_its_own_thread():
    backend = alike()
    scene = Scene(backend)

    for _ in range(3):
        await scene.ask(0)
        await scene.shadow.rest()

    assert scene.opened == 1
    assert [name.startswith("shadow") for name in backend.threads] == [True]


async def test_statistics_name_the_member():
    scene = Scene(alike())
    await scene.ask(0, 7)
    await scene.shadow.rest()

    told = scene.node.told()

    assert told == {"m/int8": scene.shadow.stats.told()}
    assert (scene.shadow.stats.rows, scene.shadow.stats.agreed) == (2, 1)


async def test_closing_forgets_what_waits():
    backend = ToldBackend(logits(*[SURE_OF_0] * 8), held=True)
    scene = Scene(backend)
    await scene.ask(0)
    await scene.ask(0)
    await asyncio.sleep(0)

    await scene.shadow.close()
    backend.let_go()
    await scene.shadow.rest()

    assert scene.shadow.stats.rows == 0


@pytest.mark.skipif(sys.platform != "linux", reason="niceness of a thread")
async def test_thread_of_a_shadow_steps_back_behind_the_others():
    class Asking:
        def run(self, inputs):
            found.append(os.getpriority(os.PRIO_PROCESS, 0))
            return {"logits": logits(SURE_OF_0)}

    before, found = os.getpriority(os.PRIO_PROCESS, 0), list[int]()

    await Runner(Asking, "logits").probabilities({"x": np.zeros((1, 1))})

    assert found == [max(before, NICENESS)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
