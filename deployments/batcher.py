"""The queue of one model on one replica: a thin shell around `deployments.batching`.

Promises: an item is run once or refused once; one item's failure is its own; a cancelled
item that still waits leaves the queue and is never run.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from configs.model import BatchingSpec
from deployments import batching
from deployments.errors import BackendFailed, NotReady, Overloaded, ServingError
from deployments.slots import Slots

Item = TypeVar("Item")
Result = TypeVar("Result")
Run = Callable[[Sequence[Item]], Sequence[Result]]

COME_BACK_S = 1.0

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Entry(Generic[Item, Result]):
    item: Item
    rows: int
    arrived_s: float
    answer: "asyncio.Future[Result]"


@dataclass(frozen=True, slots=True)
class _Broken:
    """What the runtime raised for a whole batch."""

    error: Exception


@dataclass(slots=True)
class BatchStats:
    """What a batcher has done since it started; times are sums in seconds."""

    items: int = 0
    rows: int = 0
    batches: int = 0
    refused: int = 0
    cancelled: int = 0
    failed: int = 0
    queue_s: float = 0.0
    run_s: float = 0.0


@dataclass(slots=True)
class _Pace:
    """Learns seconds a row, for Retry-After; an exponential mean over batches."""

    row_s: float = 0.01
    weight: float = field(default=0.2)

    def learn(self, rows: int, run_s: float) -> None:
        self.row_s += self.weight * (run_s / rows - self.row_s)


class Batcher(Generic[Item, Result]):
    """Collects items into batches and runs them on the replica's slots."""

    def __init__(
        self, model: str, limits: BatchingSpec, slots: Slots, run: Run[Item, Result]
    ) -> None:
        self.model, self.limits = model, limits
        self.stats = BatchStats()
        self._slots, self._run = slots, run
        self._queue: deque[_Entry[Item, Result]] = deque()
        self._queued_rows = 0
        self._grown = asyncio.Event()
        self._pace = _Pace()
        self._pump: asyncio.Task[None] | None = None
        self._closed = False
        self._running: set[asyncio.Task[None]] = set()
        self._apart: set[_Entry[Item, Result]] = set()
        slots.when_jammed(self._refuse_waiting)

    @property
    def healthy(self) -> bool:
        """Whether batches still leave the queue."""
        return self._pump is None or not self._pump.done()

    async def submit(self, item: Item, rows: int) -> Result:
        """Queue `item` and wait for its answer.

        Raises:
            Overloaded: the queue is full; nothing was queued.
            NotReady: the batcher is closed, or no slot ever becomes free.
            BackendFailed: the runtime failed on this item, not on a neighbour, or a run
                with it does not end.
        """
        if self._closed or self._slots.jammed:
            raise NotReady(self.model, COME_BACK_S)
        if not batching.admits(self._queued_rows, rows, self.limits):
            self.stats.refused += 1
            raise Overloaded(self.model, self._queued_rows, self._retry_after_s())
        entry = self._enqueue(item, rows)
        try:
            return await entry.answer
        except asyncio.CancelledError:
            self._drop(entry)
            raise

    async def close(self) -> None:
        """Refuse what waits and comes, let what runs end."""
        self._closed = True
        if self._pump is not None:
            self._pump.cancel()
        self._refuse_waiting()
        if self._running:
            await asyncio.wait(self._running)

    def _refuse_waiting(self) -> None:
        for entry in (*self._take(len(self._queue)), *self._apart):
            _settle(entry, NotReady(self.model, COME_BACK_S))

    def _enqueue(self, item: Item, rows: int) -> _Entry[Item, Result]:
        loop = asyncio.get_running_loop()
        entry = _Entry[Item, Result](item, rows, time.monotonic(), loop.create_future())
        self._queue.append(entry)
        self._queued_rows += rows
        self._grown.set()
        if self._pump is None:
            self._pump = loop.create_task(self._seal_forever())
        return entry

    def _drop(self, entry: _Entry[Item, Result]) -> None:
        self.stats.cancelled += 1
        if entry in self._queue:
            self._queue.remove(entry)
            self._queued_rows -= entry.rows

    async def _seal_forever(self) -> None:
        while True:
            await self._gather_company()
            await self._slots.acquire()
            batch = self._take(
                batching.items_to_take(
                    (entry.rows for entry in self._queue), self.limits.full_batch_size
                )
            )
            if not batch:  # everybody cancelled while we waited for the slot
                self._slots.release()
                continue
            task = asyncio.get_running_loop().create_task(self._execute(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _gather_company(self) -> None:
        """Return when a batch should ask for a slot."""
        while True:
            self._grown.clear()
            if not self._queue:
                await self._grown.wait()
                continue
            age_s = time.monotonic() - self._queue[0].arrived_s
            left_s = batching.wait_s(self._queued_rows, age_s, self.limits)
            if left_s <= 0:
                return
            try:
                await asyncio.wait_for(self._grown.wait(), left_s)
            except asyncio.TimeoutError:
                return

    def _take(self, count: int) -> list[_Entry[Item, Result]]:
        batch = [self._queue.popleft() for _ in range(count)]
        self._queued_rows -= sum(entry.rows for entry in batch)
        return batch

    async def _execute(self, batch: list[_Entry[Item, Result]]) -> None:
        started_s = time.monotonic()
        outcomes = await self._on_slot(batch)
        self._count(batch, started_s, time.monotonic() - started_s)
        if not isinstance(outcomes, _Broken):
            self._settle_all(batch, outcomes)
        elif len(batch) == 1:
            self._settle_all(batch, [self._as_serving_error(outcomes.error)])
        else:
            await self._execute_apart(batch)

    async def _execute_apart(self, batch: list[_Entry[Item, Result]]) -> None:
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
        self, batch: Sequence[_Entry[Item, Result]]
    ) -> "Sequence[Result | ServingError] | _Broken":
        try:
            return await self._slots.run(lambda: self._attempt(batch))
        except TimeoutError as error:
            log.exception("%s does not answer; replace its replica", self.model)
            return [BackendFailed(self.model, str(error)) for _ in batch]
        except RuntimeError:  # the slots are closed
            return [NotReady(self.model, COME_BACK_S) for _ in batch]

    def _attempt(
        self, batch: Sequence[_Entry[Item, Result]]
    ) -> "Sequence[Result | ServingError] | _Broken":
        try:
            return self._run_whole([entry.item for entry in batch])
        except Exception as error:  # noqa: BLE001, a runtime may raise anything
            return _Broken(error)

    def _settle_all(
        self,
        batch: Sequence[_Entry[Item, Result]],
        outcomes: "Sequence[Result | ServingError]",
    ) -> None:
        for entry, outcome in zip(batch, outcomes, strict=True):
            self.stats.failed += isinstance(outcome, ServingError)
            _settle(entry, outcome)

    def _run_whole(self, items: Sequence[Item]) -> Sequence[Result]:
        outcomes = self._run(items)
        if len(outcomes) != len(items):
            raise ValueError(f"{len(items)} items gave {len(outcomes)} outcomes")
        return outcomes

    def _count(
        self, batch: Sequence[_Entry[Item, Result]], started_s: float, run_s: float
    ) -> None:
        rows = sum(entry.rows for entry in batch)
        self._pace.learn(rows, run_s)
        self.stats.batches += 1
        self.stats.items += len(batch)
        self.stats.rows += rows
        self.stats.run_s += run_s
        self.stats.queue_s += sum(started_s - entry.arrived_s for entry in batch)

    def _retry_after_s(self) -> float:
        return batching.retry_after_s(
            self._queued_rows, self._pace.row_s, self._slots.count
        )

    def _as_serving_error(self, error: Exception) -> ServingError:
        if isinstance(error, ServingError):
            return error
        log.error("%s failed", self.model, exc_info=error)
        return BackendFailed(self.model, f"{type(error).__name__}: {error}")


def _settle(entry: _Entry[Item, Result], outcome: Result | ServingError) -> None:
    if entry.answer.done():  # its caller has left
        return
    if isinstance(outcome, ServingError):
        entry.answer.set_exception(outcome)
    else:
        entry.answer.set_result(outcome)
