"""Opens and drops backends in threads, and measures what that takes."""

import asyncio
import errno
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from configs.pool import PoolSpec
from deployments.backends.base import Backend
from deployments.errors import LoadFailed
from deployments.outputs import WrongAnswer
from deployments.residency.blackbox import BlackBox, Marked
from deployments.residency.eviction import Room
from deployments.residency.memory import Gauge, private, trim
from deployments.residency.seat import Tenant
from deployments.residency.sizes import Shares, Sizes, beyond, drift
from models.errors import EngineUnfit, NotServable, StoreCorrupt

TELLABLE = (EngineUnfit, NotServable, StoreCorrupt, WrongAnswer)
"""Errors whose words hold no path of this machine, and so may go to a client."""

NICE = 5
"""A loading thread gets about a third of what a computing one gets."""

UNMEASURED = "the memory that it takes cannot be measured"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """An open backend; `size` is what is counted for it.

    The backend is in a list, to be taken out: the future that brought it may outlive it.
    """

    backends: list[Backend]
    size: Room
    load_s: float
    note: str


class Loader:
    """At most `parallel` models open at once; one that does not end keeps its thread."""

    def __init__(
        self,
        parallel: int,
        timeout_s: float,
        gauge: Gauge,
        box: BlackBox | None = None,
        sizes: Sizes | None = None,
    ) -> None:
        self.sizes = sizes or Sizes()
        self.timeout_s = timeout_s
        self.overdue: set[str] = set()
        self._gauge, self._box = gauge, box
        self._shares, self._counting = Shares(), threading.Lock()
        self._threads = ThreadPoolExecutor(parallel, "load", _stand_back)
        # Apart from loads: what leaves must not wait for what comes.
        self._exits = ThreadPoolExecutor(1, "unload", _stand_back)

    def expect(self, tenant: Tenant) -> Room:
        """What a load will take."""
        return self.sizes.expect(tenant.digest, tenant.size_bytes)

    def crashes(self, tenant: Tenant) -> int:
        """How often the file of `tenant` has killed its replica."""
        return 0 if self._box is None else self._box.crashes(tenant.digest)

    async def crashes_now(self, tenant: Tenant) -> int:
        """The same from an event loop: the count is on the disk."""
        if self._box is None:
            return 0
        return await asyncio.to_thread(self.crashes, tenant)

    def did_well(self, tenant: Tenant) -> None:
        """The file of `tenant` has served long enough: it kills no replica."""
        if self._box is not None:
            self._box.forgive(tenant.digest)

    def accuse(self, after_s: float) -> None:
        """Hold the death to come against what has run for longer than `after_s`."""
        if self._box is not None:
            self._box.accuse(after_s)

    async def open(self, tenant: Tenant) -> Loaded:
        """Open in a thread.

        Raises:
            LoadFailed: it cannot be opened, or that takes too long.
        """
        loop = asyncio.get_running_loop()
        opening = loop.run_in_executor(self._threads, self.open_here, tenant)
        done, _ = await asyncio.wait([opening], timeout=self.timeout_s)
        if done:
            return opening.result()
        self.overdue.add(tenant.key)
        opening.add_done_callback(lambda _: self.overdue.discard(tenant.key))
        told = f"it is not loaded after {self.timeout_s:g} s"
        raise LoadFailed(tenant.name, told, self.timeout_s)

    def open_here(self, tenant: Tenant) -> Loaded:
        """Open in this thread; raises as `open` does."""
        expected = self.expect(tenant)
        known = self.sizes.knows(tenant.digest)
        full = not self.sizes.is_sure(tenant.digest)
        began_s = time.perf_counter()
        backends, grown, alone = self._open_measured(tenant, expected, full)
        load_s = time.perf_counter() - began_s
        taken, note = grown + Room(tenant.size_bytes), ""
        if alone and known:
            note = drift(expected, taken, full)
        elif alone:
            note = beyond(tenant.peak_bytes, taken)
        if note:
            log.warning("%s %s", tenant.key, note)
        if full:  # else it has not run what makes it grow
            self.sizes.learn(tenant.digest, tenant.size_bytes, grown, alone)
        return Loaded(backends, self.expect(tenant), load_s, note)

    def open_soon(self, tenant: Tenant) -> "Future[Loaded]":
        """Open in a thread; for where no event loop runs yet."""
        return self._threads.submit(self.open_here, tenant)

    async def drop(self, backends: list[Backend]) -> None:
        """Let go of the only reference, in a thread; `backends` is empty afterwards."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._exits, self._drop_here, backends)

    def close(self) -> None:
        """Take no more; what opens now ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._exits.shutdown(wait=False)

    def _open_measured(
        self, tenant: Tenant, expected: Room, full: bool
    ) -> tuple[list[Backend], Room, bool]:
        """Opens; tells also what that took, and whether nothing else came or went."""
        backends: list[Backend] = []
        try:
            self._begin(tenant, expected, full)
            try:
                backends.append(self._open(tenant, full))
            finally:
                grown, alone = self._end(tenant, full)
        except OSError as error:  # of the gauge: `_open` raises another
            backends.clear()  # what this error has passed through outlives the load
            log.exception("%s cannot be measured", tenant.key)
            raise LoadFailed(tenant.name, UNMEASURED, 0.0) from error
        return backends, grown, alone

    def _begin(self, tenant: Tenant, expected: Room, full: bool) -> None:
        with self._counting:
            if full:  # what is free already would hide what is taken
                self._apart(trim)
            self._shares.begin(tenant.key, expected, self._gauge())

    def _end(self, tenant: Tenant, full: bool) -> tuple[Room, bool]:
        with self._counting:
            try:
                if full:
                    trim()
                grown = self._shares.end(tenant.key, self._gauge())
                return grown, self._shares.was_alone(tenant.key)
            finally:
                self._shares.forget(tenant.key)

    def _apart(self, work: Callable[[], None]) -> None:
        """Do what changes memory and is no load's doing."""
        self._shares.pause(self._gauge())
        work()
        self._shares.resume(self._gauge())

    def _open(self, tenant: Tenant, full: bool) -> Backend:
        try:
            if self._box is None:
                return tenant.open(full)
            with self._box.loading(tenant.digest):
                backend = tenant.open(full)
        except Exception as error:
            log.exception("%s cannot be loaded", tenant.key)
            raise LoadFailed(tenant.name, _reason(error), 0.0) from error
        return Marked(backend, self._box, tenant.digest)

    def _drop_here(self, backends: list[Backend]) -> None:
        with self._counting:
            try:
                self._apart(lambda: _let_go(backends))
            except OSError as error:  # of the gauge: it must leave all the same
                log.warning("what an unload frees cannot be measured: %s", error)
                _let_go(backends)


def open_loader(spec: PoolSpec) -> Loader:
    """A loader as the Spec wants it, without a black box."""
    return Loader(spec.parallel_loads, spec.load_timeout_s, private)


def _let_go(backends: list[Backend]) -> None:
    backends.clear()
    trim()


def _stand_back() -> None:
    """Requests to models that are here go before this thread, where cores are short."""
    with suppress(OSError):  # not Linux, where a thread has no priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def _reason(error: Exception) -> str:
    if isinstance(error, TELLABLE):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if _is_full(error):
        return "the disk has no room for what is made of its file here"
    return f"its runtime refuses it ({type(error).__name__})"


def _is_full(error: Exception) -> bool:
    """Whether it is, or was raised for, a disk or a quota that is used up."""
    cause = error if isinstance(error, OSError) else error.__cause__
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
