"""The queue of one model on one replica: a thin shell around `deployments.batching.desk`.

Promises: an item is run once or refused once; one item's failure is its own; a cancelled
item that still waits leaves the queue and is never run.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from configs.model import BatchingSpec
from deployments.batching.desk import Desk
from deployments.batching.entry import Entry
from deployments.batching.latency import Latency
from deployments.batching.outlook import Run as Running
from deployments.batching.stats import BatchStats, Pace
from deployments.batching.terms import has_policy, set_terms
from deployments.batching.waiting import NEVER, Refused
from deployments.errors import (
    BackendFailed,
    DeadlineExceeded,
    NotReady,
    Overloaded,
    QueueTimeout,
    ServingError,
)
from deployments.messages import CALM, Urgency
from deployments.slots import Slots

Item = TypeVar("Item")
Result = TypeVar("Result")
Run = Callable[[Sequence[Item]], Sequence[Result]]

COME_BACK_S = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Broken:
    """What the runtime raised for a whole batch."""

    error: Exception


class Batcher(Generic[Item, Result]):
    """Collects items into batches and runs them on the replica's slots."""

    def __init__(
        self, model: str, limits: BatchingSpec, slots: Slots, run: Run[Item, Result]
    ) -> None:
        self.model, self.limits = model, limits
        self.stats = BatchStats()
        self._slots, self._run = slots, run
        self._desk = Desk[Entry[Item, Result]](limits, slots.count)
        self._has_policy = has_policy(limits)
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_s = NEVER
        self._grown = asyncio.Event()
        self._pace = Pace()
        self._pump: asyncio.Task[None] | None = None
        self._closed = False
        self._running: set[asyncio.Task[None]] = set()
        self._apart: set[Entry[Item, Result]] = set()
        slots.when_jammed(self._refuse_waiting)

    @property
    def healthy(self) -> bool:
        """Whether batches still leave the queue."""
        return self._pump is None or not self._pump.done()

    @property
    def busy(self) -> bool:
        """Whether a batch runs, also one whose callers have left."""
        return bool(self._running)

    @property
    def latency(self) -> Latency:
        """What it knows of how long runs take."""
        return self._desk.latency

    async def submit(
        self, item: Item, rows: int, urgency: Urgency = CALM, bucket: object = None
    ) -> Result:
        """Queue `item` and wait; only items of equal buckets share a batch.

        Raises:
            Overloaded: the queue is full; nothing was queued.
            NotReady: the batcher is closed, or no slot ever becomes free.
            DeadlineExceeded: it cannot be answered in time; it was not run.
            QueueTimeout: it waited longer than the policy of its level allows.
            BackendFailed: the runtime failed on this item, not on a neighbour, or a run
                with it does not end.
        """
        if self._closed or self._slots.jammed:
            self.stats.turn_away()
            raise NotReady(self.model, COME_BACK_S)
        loop, now_s = asyncio.get_running_loop(), time.monotonic()
        entry: Entry[Item, Result] = Entry(item, rows, now_s, loop.create_future())
        if bucket is not None:
            entry.bucket = bucket
        if urgency is not CALM or self._has_policy:
            set_terms(entry, urgency, self.limits)
        why = self._desk.offer(entry, now_s)
        if why is not None:
            raise self._refusal(entry, why, now_s)
        if self._desk.alarm_s < self._alarm_s:
            self._arm(loop, now_s)
        self._grown.set()
        if self._pump is None:
            self._pump = loop.create_task(self._seal_forever())
        try:
            return await entry.answer
        except asyncio.CancelledError:
            self._drop(entry)
            raise

    async def close(self) -> None:
        """Refuse what waits and comes, let what runs end."""
        if not self._closed:
            self._slots.no_longer(self._refuse_waiting)
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()
        if self._pump is not None:
            self._pump.cancel()
        self._refuse_waiting()
        await self.drained()

    async def drained(self) -> None:
        """Return when no batch runs."""
        while self._running:
            await asyncio.wait(self._running)

    def _refuse_waiting(self) -> None:
        now_s = time.monotonic()
        for entry in (*self._desk.line.take_all(), *self._apart):
            if not entry.answer.done():
                self.stats.turn_away(now_s - entry.arrived_s)
                entry.settle(NotReady(self.model, COME_BACK_S))

    def _refusal(
        self, entry: Entry[Item, Result], why: Refused, now_s: float
    ) -> ServingError:
        self.stats.refuse(why, now_s - entry.arrived_s)
        if why is Refused.FULL:
            rows = self._desk.line.rows
            back_s = self._pace.retry_after_s(rows, self._slots.count)
            return Overloaded(self.model, rows, back_s)
        if why is Refused.EXPIRED:
            return QueueTimeout(self.model, now_s - entry.arrived_s)
        needed_s = self._desk.needs_s(entry, now_s)
        return DeadlineExceeded(self.model, entry.deadline_s - now_s, needed_s)

    def _arm(self, loop: asyncio.AbstractEventLoop, now_s: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_s = self._desk.alarm_s
        self._alarm = loop.call_later(self._alarm_s - now_s, self._ring)

    def _ring(self) -> None:
        self._alarm, self._alarm_s = None, NEVER
        self._sift()

    def _sift(self) -> None:
        """Refuse whoever cannot be served in time any more."""
        now_s = time.monotonic()
        for entry, why in self._desk.sift(now_s):
            entry.settle(self._refusal(entry, why, now_s))
        # One that is set too early only looks once too often.
        if self._desk.alarm_s < self._alarm_s:
            self._arm(asyncio.get_running_loop(), now_s)

    def _drop(self, entry: Entry[Item, Result]) -> None:
        if entry.answer.cancelled():  # else its answer came at the same moment
            self.stats.leave(time.monotonic() - entry.arrived_s)
        self._desk.line.remove(entry)

    async def _seal_forever(self) -> None:
        while True:
            await self._gather_company()
            await self._slots.acquire()
            now_s = time.monotonic()
            if self._desk.due(now_s):
                self._sift()
            batch = self._desk.seal(now_s)
            if not batch:  # everybody cancelled while we waited for the slot
                self._slots.release()
                continue
            task = asyncio.get_running_loop().create_task(self._execute(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            del batch  # whose items may be views of whole bodies, until the next comes

    async def _gather_company(self) -> None:
        """Return when a batch should ask for a slot."""
        while True:
            self._grown.clear()
            if not self._desk.line.rows:
                await self._grown.wait()
                continue
            left_s = self._desk.wait_s(time.monotonic())
            if left_s <= 0:
                return
            try:
                await asyncio.wait_for(self._grown.wait(), left_s)
            except asyncio.TimeoutError:
                return

    async def _execute(self, batch: list[Entry[Item, Result]]) -> None:
        rows = sum(entry.rows for entry in batch)
        run = self._desk.started(rows, time.monotonic())
        outcomes = await self._on_slot(batch)
        ended_s = time.monotonic()
        self._desk.ended(run, ended_s, well=_went_well(outcomes))
        self._count(batch, run, ended_s - run.started_s)
        if not isinstance(outcomes, _Broken):
            self._settle_all(batch, outcomes, run.started_s)
        elif len(batch) == 1:
            error = self._as_serving_error(outcomes.error)
            self._settle_all(batch, [error], run.started_s)
        else:
            await self._execute_apart(batch)

    async def _execute_apart(self, batch: list[Entry[Item, Result]]) -> None:
        """Run each item of a failed batch alone, so that only the culprit fails."""
        self._apart.update(batch)
        for entry in batch:
            await self._slots.acquire()
            self._apart.discard(entry)
            if entry.answer.done():  # its caller has left, or no slot became free
                self._slots.release()
            else:
                await self._execute([entry])

    async def _on_slot(
        self, batch: Sequence[Entry[Item, Result]]
    ) -> "Sequence[Result | ServingError] | _Broken":
        try:
            return await self._slots.run(lambda: self._attempt(batch))
        except TimeoutError as error:
            log.exception("%s does not answer; replace its replica", self.model)
            return [BackendFailed(self.model, str(error)) for _ in batch]
        except RuntimeError:  # the slots are closed
            return [NotReady(self.model, COME_BACK_S) for _ in batch]

    def _attempt(
        self, batch: Sequence[Entry[Item, Result]]
    ) -> "Sequence[Result | ServingError] | _Broken":
        try:
            return self._run_whole([entry.item for entry in batch])
        except Exception as error:  # noqa: BLE001, a runtime may raise anything
            return _Broken(error)

    def _settle_all(
        self,
        batch: Sequence[Entry[Item, Result]],
        outcomes: "Sequence[Result | ServingError]",
        began_s: float,
    ) -> None:
        now_s = time.monotonic()
        for entry, outcome in zip(batch, outcomes, strict=True):
            if entry.answer.done():  # its caller has left, and was counted then
                continue
            took_s, queued_s = now_s - entry.arrived_s, began_s - entry.arrived_s
            self.stats.answer(not isinstance(outcome, ServingError), took_s, queued_s)
            entry.settle(outcome)

    def _run_whole(self, items: Sequence[Item]) -> Sequence[Result]:
        outcomes = self._run(items)
        if len(outcomes) != len(items):
            raise ValueError(f"{len(items)} items gave {len(outcomes)} outcomes")
        return outcomes

    def _count(
        self, batch: Sequence[Entry[Item, Result]], run: Running, run_s: float
    ) -> None:
        self._pace.learn(run.rows, run_s)
        self.stats.batches += 1
        self.stats.items += len(batch)
        self.stats.rows += run.rows
        self.stats.run_s += run_s
        self.stats.queue_s += sum(run.started_s - entry.arrived_s for entry in batch)

    def _as_serving_error(self, error: Exception) -> ServingError:
        if isinstance(error, ServingError):
            return error
        log.error("%s failed", self.model, exc_info=error)
        return BackendFailed(self.model, f"{type(error).__name__}: {error}")


def _went_well(outcomes: "Sequence[Result | ServingError] | _Broken") -> bool:
    """Whether a run says how long runs take."""
    if isinstance(outcomes, _Broken):
        return False
    return not isinstance(outcomes[0], ServingError)
