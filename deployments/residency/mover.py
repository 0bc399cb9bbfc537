"""Takes models into memory and out of it, one way at a time for each.

A way is a task: in (wait for room, open) or out (wait for those it serves, let go).
Whoever wants something of a seat waits for its task and then looks again.
"""

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial

from deployments.errors import LoadFailed
from deployments.residency.admission import Never
from deployments.residency.entrance import Entrance
from deployments.residency.eviction import Room
from deployments.residency.failures import QUARANTINE_RETRY_S, Failure, refusal
from deployments.residency.ledger import Ledger
from deployments.residency.loading import Loaded, Loader
from deployments.residency.seat import Outcome, Seat, Stage

WELL_AFTER_S = 60.0
"""A model that has killed replicas and now stays so long is forgiven."""

LEARN = 0.3

log = logging.getLogger(__name__)


class Mover:
    """Owns the tasks of all seats; used from one event loop."""

    def __init__(self, ledger: Ledger, loader: Loader) -> None:
        self._ledger, self._loader = ledger, loader
        self.entrance = Entrance(ledger, self._evict)
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self.closed = False

    def bring_in(self, seat: Seat, early: bool = False) -> "asyncio.Task[Outcome]":
        """Begin to load an absent model; `early`: before anybody has asked for it."""
        return self._begin(seat, self._come(seat, early))

    def send_out(self, seat: Seat) -> "asyncio.Task[Outcome]":
        """Close a resident model to new requests and begin to unload it."""
        seat.move(Stage.DRAINING)
        return self._begin(seat, self._go(seat))

    def settle(self, seat: Seat, loaded: Loaded) -> None:
        """A model has been opened: it is resident from now on."""
        weight = LEARN if seat.reload_s else 1.0
        seat.reload_s += weight * (loaded.load_s - seat.reload_s)
        least_s = seat.least_load_s or loaded.load_s
        seat.least_load_s = min(least_s, loaded.load_s)
        seat.size = self._ledger.counted(seat, loaded.size)
        seat.note, seat.failure = loaded.note, None
        seat.tally.loads += 1
        seat.tally.load_s += loaded.load_s
        seat.backend = loaded.backends.pop()
        seat.tenant.host.seat(seat.backend)
        seat.since_s = self._ledger.clock()
        seat.move(Stage.RESIDENT)

    def fail(self, seat: Seat, reason: str, for_s: float | None = None) -> LoadFailed:
        """Remember why a model cannot be loaded, and for how long."""
        if for_s is None:
            for_s = self._ledger.spec.retry_failed_after_s
        seat.tally.failed_loads += 1
        seat.failure = Failure(reason, self._ledger.clock() + for_s)
        return LoadFailed(seat.tenant.name, reason, for_s)

    def quarantine(self, seat: Seat, crashes: int) -> LoadFailed | None:
        """Refuse a model that has killed too many replicas."""
        limit = self._ledger.spec.quarantine_after_crashes
        why = refusal(None, crashes, limit, self._ledger.clock())
        if why is None:
            return None
        log.error("%s is not loaded: %s", seat.key, why.reason)
        return self.fail(seat, why.reason, QUARANTINE_RETRY_S)

    async def close(self) -> None:
        """Begin nothing more; what opens ends by itself."""
        self.closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._loader.close()

    def _begin(
        self, seat: Seat, way: Coroutine[object, object, Outcome]
    ) -> "asyncio.Task[Outcome]":
        seat.task = task = asyncio.get_running_loop().create_task(way)
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, seat))
        return task

    def _ended(self, seat: Seat, task: "asyncio.Task[Outcome]") -> None:
        self._tasks.discard(task)
        if seat.task is task:
            seat.task, seat.probes = None, False
        self.entrance.stir()

    async def _come(self, seat: Seat, early: bool) -> Outcome:
        crashes = await self._loader.crashes_now(seat.tenant)
        failed = self.quarantine(seat, crashes)
        if failed is not None:
            return failed

        def wanted() -> bool:
            return bool(seat.waiting or early) and not (seat.unloaded or self.closed)

        never = await self.entrance.enter(seat, wanted)
        if never is not None:
            return self.fail(seat, _too_large(self._ledger.expect(seat), never))
        if seat.stage is not Stage.LOADING:
            return None
        return await self._load(seat, crashes)

    async def _load(self, seat: Seat, crashes: int) -> Outcome:
        try:
            loaded = await self._loader.open(seat.tenant)
        except LoadFailed as error:
            seat.move(Stage.ABSENT)
            seat.size = Room()
            return self.fail(seat, error.reason)
        self.settle(seat, loaded)
        fits = self._ledger.fits(seat)
        if crashes and fits:
            self._vouch_later(seat)
        if fits and not seat.unloaded:
            self._relieve(seat)
            return None
        size = seat.size
        seat.move(Stage.DRAINING)
        await self._leave(seat)
        if fits:
            return None
        return self.fail(seat, _too_large(size, Never(self._ledger.free_for(seat))))

    async def _go(self, seat: Seat) -> Outcome:
        await self.entrance.until(lambda: seat.holds == 0)
        await seat.tenant.host.drained()
        await self._leave(seat)
        return None

    async def _leave(self, seat: Seat) -> None:
        """Nobody uses it any more: let go of it and wait until the memory is free."""
        seat.move(Stage.LEAVING)
        seat.tenant.host.seat(None)
        backends = [] if seat.backend is None else [seat.backend]
        seat.backend = None
        await self._loader.drop(backends)
        seat.size = Room()
        seat.move(Stage.ABSENT)

    def _evict(self, key: str) -> None:
        seat = self._ledger.seats[key]
        seat.tally.evictions += 1
        self.send_out(seat)

    def _relieve(self, seat: Seat) -> None:
        """Evict for a model that turned out to be larger than it was expected to be."""
        for key in self._ledger.overrun(seat):
            self._evict(key)

    def _vouch_later(self, seat: Seat) -> None:
        since_s = seat.since_s
        asyncio.get_running_loop().call_later(WELL_AFTER_S, self._vouch, seat, since_s)

    def _vouch(self, seat: Seat, since_s: float) -> None:
        if seat.ready and seat.since_s == since_s and seat.used_s > since_s:
            self._loader.did_well(seat.tenant)


def _too_large(size: Room, never: Never) -> str:
    if size.host > never.free.host:
        return f"it needs {size.host} bytes of memory, {never.free.host} can be free"
    device, free = size.device, never.free.device
    return f"it needs {device} bytes of device memory, {free} can be free"
