import asyncio
import threading
import time
import weakref

import pytest

from configs.model import BatchingSpec
from deployments.batcher import Batcher
from deployments.errors import (
    BackendFailed,
    DeadlineExceeded,
    InvalidInput,
    NotReady,
    Overloaded,
    QueueTimeout,
)
from deployments.messages import Urgency
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


def within(seconds, priority=0):
    return Urgency(time.monotonic() + seconds, priority=priority)


@pytest.fixture
async def busy(make, doubler):
    """Builds a batcher whose only slot is held until the gate opens."""

    async def build(**limits):
        batcher = make(**limits)
        running = start(batcher, 0)
        await doubler.wait_entered()
        return batcher, running

    return build


def later(batcher, item, urgency):
    return asyncio.ensure_future(batcher.submit(item, 1, urgency))


async def test_deadline_that_is_over_is_refused_and_nothing_is_run(make, doubler):
    doubler.gate.set()
    batcher = make()

    with pytest.raises(DeadlineExceeded, match="over before 'm' could answer"):
        await batcher.submit(1, 1, within(-0.001))

    assert (batcher.stats.late, doubler.batches) == (1, [])


async def test_request_whose_deadline_comes_while_it_waits_is_refused_then(busy):
    batcher, _ = await busy()

    with pytest.raises(DeadlineExceeded):
        await batcher.submit(1, 1, within(0.05))

    assert batcher.stats.late == 1


async def test_deadline_that_can_be_met_is_met(make, doubler):
    doubler.gate.set()

    assert await make().submit(1, 1, within(30)) == 2


async def test_deadline_below_the_shortest_run_is_refused_at_once():
    def slow(items):
        time.sleep(0.2)
        return items

    batcher = Batcher[int, int]("m", BatchingSpec(), Slots(1), slow)
    await batcher.submit(0, 1)

    with pytest.raises(DeadlineExceeded, match=r"needs \d+\.\d ms at best") as refused:
        await batcher.submit(1, 1, within(0.15))

    assert 0 < refused.value.left_s <= 0.15
    assert refused.value.needed_s >= 0.2
    await batcher.close()


async def test_high_priority_is_served_before_a_low_one_that_came_first(busy, doubler):
    batcher, running = await busy(priority_levels=2, max_batch_size=1)
    low = later(batcher, 1, Urgency(priority=2))
    high = later(batcher, 2, Urgency(priority=1))
    await asyncio.sleep(0)

    doubler.gate.set()
    await asyncio.gather(*running, low, high)

    assert doubler.batches == [[0], [2], [1]]


@pytest.mark.parametrize("priority", [0, 3, 99])
async def test_priority_that_does_not_exist_is_the_default_one(busy, doubler, priority):
    batcher, running = await busy(
        priority_levels=2, default_priority_level=2, max_batch_size=1
    )
    other = later(batcher, 1, Urgency(priority=priority))
    high = later(batcher, 2, Urgency(priority=1))
    await asyncio.sleep(0)

    doubler.gate.set()
    await asyncio.gather(*running, other, high)

    assert doubler.batches == [[0], [2], [1]]


async def test_request_that_waits_longer_than_its_policy_allows_is_rejected(busy):
    batcher, _ = await busy(default_queue_policy={"default_timeout_us": 20_000})

    with pytest.raises(QueueTimeout, match="Request timeout expired") as refused:
        await batcher.submit(1, 1)

    assert refused.value.waited_s >= 0.02
    assert batcher.stats.expired == 1


async def test_request_that_waited_too_long_is_served_last_under_delay(busy, doubler):
    policy = {
        "timeout_action": "DELAY",
        "default_timeout_us": 600_000_000,
        "allow_timeout_override": True,
    }
    batcher, running = await busy(max_batch_size=1, default_queue_policy=policy)
    delayed = later(batcher, 1, Urgency(timeout_s=0.001))
    others = [later(batcher, item, Urgency(priority=1)) for item in (2, 3)]
    await asyncio.sleep(0.02)

    doubler.gate.set()
    await asyncio.gather(*running, delayed, *others)

    assert doubler.batches == [[0], [2], [3], [1]]


async def test_own_timeout_is_a_deadline_where_the_policy_knows_no_override(busy):
    batcher, _ = await busy()

    with pytest.raises(DeadlineExceeded):
        await batcher.submit(1, 1, Urgency(None, 0.02, time.monotonic()))


async def test_own_timeout_ends_the_wait_where_the_policy_lets_it(busy):
    policy = {"default_timeout_us": 30_000_000, "allow_timeout_override": True}
    batcher, _ = await busy(default_queue_policy=policy)

    with pytest.raises(QueueTimeout):
        await batcher.submit(1, 1, Urgency(None, 0.02, time.monotonic()))


async def test_own_timeout_cannot_lengthen_the_one_of_the_policy(busy):
    policy = {"default_timeout_us": 20_000, "allow_timeout_override": True}
    batcher, _ = await busy(default_queue_policy=policy)

    with pytest.raises(QueueTimeout):
        await batcher.submit(1, 1, Urgency(None, 30.0, time.monotonic()))


async def test_items_of_different_buckets_are_not_run_together(busy, doubler):
    batcher, running = await busy()
    rest = [
        asyncio.ensure_future(batcher.submit(item, 1, bucket=item % 2))
        for item in (1, 2, 3, 4)
    ]
    await asyncio.sleep(0)

    doubler.gate.set()

    assert await asyncio.gather(*running, *rest) == [0, 2, 4, 6, 8]
    assert doubler.batches == [[0], [1, 3], [2, 4]]


async def test_cancelled_request_with_a_deadline_makes_room(busy, doubler):
    batcher, running = await busy(max_queue_size=1)
    leaving = later(batcher, 1, within(30))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)

    staying = later(batcher, 2, within(30))
    await asyncio.sleep(0)
    doubler.gate.set()

    assert await asyncio.gather(*running, staying) == [0, 4]


async def test_close_refuses_requests_with_deadlines_too(busy, doubler):
    batcher, running = await busy()
    waiting = later(batcher, 1, within(30))
    await asyncio.sleep(0)

    closing = asyncio.ensure_future(batcher.close())
    doubler.gate.set()
    await closing

    with pytest.raises(NotReady):
        await waiting
    assert await running[0] == 0


async def test_item_is_let_go_when_its_answer_is_given():
    class Item:
        """Something that can be watched."""

    slots = Slots(1)
    batcher: Batcher[Item, int] = Batcher(
        "m", BatchingSpec(max_batch_size=4), slots, lambda items: [1]
    )
    item = Item()
    held = weakref.ref(item)

    await batcher.submit(item, 1)
    del item
    await batcher.drained()
    await slots.acquire()
    await slots.run(lambda: None)  # the thread lets go of its last work with the next

    assert held() is None
    await batcher.close()
