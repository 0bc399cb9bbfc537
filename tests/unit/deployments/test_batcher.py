import asyncio
import threading
import time

import pytest

from configs.model import BatchingSpec
from deployments.batcher import Batcher
from deployments.errors import BackendFailed, InvalidInput, NotReady, Overloaded
from deployments.slots import Slots


class Doubler:
    """Doubles numbers behind a gate; negative ones fail the whole run."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)

    def __call__(self, items):
        self.entered.release()
        assert self.gate.wait(timeout=30)
        self.batches.append(list(items))
        if any(item == -1 for item in items):
            raise ArithmeticError("at /somewhere/secret")
        if any(item == -2 for item in items):
            raise InvalidInput("m", "two is refused")
        return [item * 2 for item in items]

    async def wait_entered(self):
        await asyncio.to_thread(self.entered.acquire, timeout=30)


@pytest.fixture
def doubler():
    return Doubler()


@pytest.fixture
async def make(doubler):
    made = []

    def build(slots=1, **limits):
        limits.setdefault("max_batch_size", 4)
        batcher = Batcher("m", BatchingSpec(**limits), Slots(slots), doubler)
        made.append(batcher)
        return batcher

    yield build
    doubler.gate.set()
    for batcher in made:
        await batcher.close()


def start(batcher, *items, rows=1):
    return [asyncio.ensure_future(batcher.submit(item, rows)) for item in items]


async def test_every_item_gets_its_own_answer(make, doubler):
    doubler.gate.set()

    answers = await asyncio.gather(*start(make(), *range(20)))

    assert answers == [2 * item for item in range(20)]


async def test_batch_grows_while_the_slot_is_busy(make, doubler):
    batcher = make()
    first = start(batcher, 0)
    await doubler.wait_entered()
    rest = start(batcher, 1, 2, 3)
    await asyncio.sleep(0)

    doubler.gate.set()
    await asyncio.gather(*first, *rest)

    assert doubler.batches == [[0], [1, 2, 3]]


async def test_batch_never_holds_more_rows_than_allowed(make, doubler):
    doubler.gate.set()
    batcher = make(max_batch_size=4, batch_wait_timeout_s=0.05)

    await asyncio.gather(*start(batcher, *range(5), rows=3))

    assert [len(batch) for batch in doubler.batches] == [1, 1, 1, 1, 1]


async def test_partial_batch_waits_for_company(make, doubler):
    doubler.gate.set()
    batcher = make(max_batch_size=2, batch_wait_timeout_s=10)
    first = start(batcher, 1)
    await asyncio.sleep(0)

    await asyncio.gather(*first, *start(batcher, 2))

    assert doubler.batches == [[1, 2]]


async def test_lonely_item_leaves_when_its_time_is_over(make, doubler):
    doubler.gate.set()

    assert await make(batch_wait_timeout_s=0.01).submit(4, 1) == 8


async def test_two_slots_run_two_batches_at_once(make, doubler):
    batcher = make(slots=2, max_batch_size=1)
    waiting = start(batcher, 1, 2)
    await doubler.wait_entered()
    await doubler.wait_entered()

    doubler.gate.set()

    assert await asyncio.gather(*waiting) == [2, 4]


async def test_full_queue_refuses_with_a_time_to_come_back(make, doubler):
    batcher = make(max_queue_size=2)
    running = start(batcher, 0)
    await doubler.wait_entered()
    waiting = start(batcher, 1, 2)
    await asyncio.sleep(0)

    with pytest.raises(Overloaded, match="Exceeds maximum queue size") as refused:
        await batcher.submit(3, 1)

    assert refused.value.retry_after_s >= 1
    doubler.gate.set()
    assert await asyncio.gather(*running, *waiting) == [0, 2, 4]


async def test_bad_item_does_not_fail_its_neighbours(make, doubler):
    batcher = make()
    first = start(batcher, 0)
    await doubler.wait_entered()
    rest = start(batcher, 1, -1, 3)
    await asyncio.sleep(0)

    doubler.gate.set()
    answers = await asyncio.gather(*first, *rest, return_exceptions=True)

    assert [answers[0], answers[1], answers[3]] == [0, 2, 6]
    assert isinstance(answers[2], BackendFailed)


async def test_items_of_a_failed_batch_have_the_time_of_a_run_each():
    """Together they take longer than one run may."""

    def slow(items):
        time.sleep(0.05)
        if any(item == -1 for item in items):
            raise ArithmeticError
        return items

    slots = Slots(1, run_timeout_s=0.2)
    batcher = Batcher("m", BatchingSpec(max_batch_size=8), slots, slow)

    answers = await asyncio.gather(
        *start(batcher, 0, 1, 2, -1, 4, 5, 6, 7), return_exceptions=True
    )
    await batcher.close()

    assert isinstance(answers.pop(3), BackendFailed)
    assert answers == [0, 1, 2, 4, 5, 6, 7]
    assert slots.overdue == 0


async def test_caller_that_leaves_a_failed_batch_is_not_run_again(make, doubler):
    batcher = make(max_batch_size=4)
    bad, leaving, stays = start(batcher, -1, 5, 6)
    await doubler.wait_entered()

    leaving.cancel()
    doubler.gate.set()
    answers = await asyncio.gather(bad, leaving, stays, return_exceptions=True)

    assert isinstance(answers[0], BackendFailed)
    assert answers[2] == 12
    assert doubler.batches == [[-1, 5, 6], [-1], [6]]


async def test_failure_text_holds_nothing_internal(make, doubler):
    doubler.gate.set()

    with pytest.raises(BackendFailed) as failed:
        await make().submit(-1, 1)

    assert str(failed.value) == "'m' failed on this request"


async def test_runtime_that_loses_an_answer_fails_the_item_and_does_not_hang():
    batcher = Batcher[int, int]("m", BatchingSpec(), Slots(1), lambda items: items[1:])

    with pytest.raises(BackendFailed):
        await batcher.submit(1, 1)

    await batcher.close()


async def test_serving_error_of_the_runtime_reaches_its_caller(make, doubler):
    doubler.gate.set()

    with pytest.raises(InvalidInput, match="two is refused"):
        await make().submit(-2, 1)


async def test_cancelled_item_is_never_run(make, doubler):
    batcher = make()
    running = start(batcher, 0)
    await doubler.wait_entered()
    cancelled, kept = start(batcher, 1, 2)
    await asyncio.sleep(0)

    cancelled.cancel()
    await asyncio.sleep(0)
    doubler.gate.set()
    await asyncio.gather(*running, kept)

    assert doubler.batches == [[0], [2]]


async def test_cancelled_item_makes_room_in_the_queue(make, doubler):
    batcher = make(max_queue_size=1)
    running = start(batcher, 0)
    await doubler.wait_entered()
    (cancelled,) = start(batcher, 1)
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.sleep(0)

    (admitted,) = start(batcher, 2)
    doubler.gate.set()

    assert await asyncio.gather(*running, admitted) == [0, 4]


async def test_caller_that_leaves_a_running_batch_harms_nobody(make, doubler):
    batcher = make(max_batch_size=2, batch_wait_timeout_s=10)
    leaving, staying = start(batcher, 1, 2)
    await doubler.wait_entered()
    leaving.cancel()
    await asyncio.sleep(0)

    doubler.gate.set()

    assert await staying == 4


async def test_batcher_serves_on_after_everybody_cancelled(make, doubler):
    batcher = make()
    running = start(batcher, 0)
    await doubler.wait_entered()
    (cancelled,) = start(batcher, 1)
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.sleep(0)
    doubler.gate.set()
    await asyncio.gather(*running)

    assert await batcher.submit(5, 1) == 10
    assert batcher.healthy


async def test_stats_count_what_was_run_and_refused(make, doubler):
    doubler.gate.set()
    batcher = make()

    await asyncio.gather(*start(batcher, 1, 2, 3, rows=2))

    assert (batcher.stats.items, batcher.stats.rows) == (3, 6)


async def test_closed_batcher_refuses_at_once(make, doubler):
    batcher = make()
    await batcher.close()

    with pytest.raises(NotReady, match="'m' is not ready, try again"):
        await batcher.submit(1, 1)


async def test_closed_slots_refuse_and_do_not_hang(doubler):
    slots = Slots(1)
    slots.close()
    batcher = Batcher[int, int]("m", BatchingSpec(), slots, doubler)

    with pytest.raises(NotReady):
        await batcher.submit(1, 1)
    with pytest.raises(NotReady):
        await batcher.submit(2, 1)

    await batcher.close()


async def test_close_refuses_what_waits(make, doubler):
    batcher = make()
    running = start(batcher, 0)
    await doubler.wait_entered()
    (waiting,) = start(batcher, 1)
    await asyncio.sleep(0)

    closing = asyncio.ensure_future(batcher.close())
    doubler.gate.set()
    await closing

    with pytest.raises(NotReady):
        await waiting
    assert await running[0] == 0
