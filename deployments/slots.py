"""Execution slots: how much a replica computes at once, off its event loop.

All nodes on a replica share its slots, so that they don't fight for its cores: a slot is
one thread, first come first served. Native code cannot be interrupted: a run that does
not end keeps its slot, is told to its caller, and makes the replica unhealthy.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from configs.replica import ReplicaSpec

Result = TypeVar("Result")


class Slots:
    """`count` threads with a fair queue before them."""

    def __init__(
        self, count: int, run_timeout_s: float = ReplicaSpec().run_timeout_s
    ) -> None:
        self.count, self.run_timeout_s = count, run_timeout_s
        self._free = asyncio.Semaphore(count)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="slot")
        self._overdue: set[asyncio.Future[Any]] = set()
        self._on_jam: list[Callable[[], None]] = []

    @property
    def overdue(self) -> int:
        """How many runs go on although their time is over."""
        return len(self._overdue)

    @property
    def jammed(self) -> bool:
        """Whether such runs hold every slot."""
        return len(self._overdue) >= self.count

    def when_jammed(self, tell: Callable[[], None]) -> None:
        """Call `tell` whenever the last slot is lost to a run that does not end."""
        self._on_jam.append(tell)

    def no_longer(self, tell: Callable[[], None]) -> None:
        """Undo `when_jammed`."""
        self._on_jam.remove(tell)

    async def acquire(self) -> None:
        """Wait for a free slot; every acquire needs one `run` or `release`."""
        await self._free.acquire()

    def release(self) -> None:
        """Give an acquired slot back unused."""
        self._free.release()

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run `work` on an acquired slot and give the slot back when it ends.

        A caller that leaves, cancelled or out of time, leaves the slot taken until the
        thread is done.

        Raises:
            TimeoutError: `work` goes on after `run_timeout_s`.
            RuntimeError: the slots are closed.
        """
        loop = asyncio.get_running_loop()
        try:
            running = loop.run_in_executor(self._threads, work)
        except RuntimeError:  # closed
            self._free.release()
            raise
        # One timer, and not `asyncio.wait`: that costs 20 µs more on every batch.
        told: asyncio.Future[None] = loop.create_future()
        watch = loop.call_later(self.run_timeout_s, self._give_up, running, told)
        running.add_done_callback(partial(self._end, watch, told))
        await told
        if not running.done():
            raise TimeoutError(f"a run takes longer than {self.run_timeout_s:g} s")
        return running.result()

    def close(self) -> None:
        """Let running work end and take no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _give_up(
        self, running: asyncio.Future[Any], told: asyncio.Future[None]
    ) -> None:
        if running.done():  # in this very moment
            return
        self._overdue.add(running)
        _tell(told)
        if self.jammed:
            for tell in self._on_jam:
                tell()

    def _end(
        self,
        watch: asyncio.TimerHandle,
        told: asyncio.Future[None],
        running: asyncio.Future[Any],
    ) -> None:
        watch.cancel()
        self._overdue.discard(running)
        self._free.release()
        _tell(told)


def _tell(told: asyncio.Future[None]) -> None:
    if not told.done():  # else the caller has left, or was told before
        told.set_result(None)
