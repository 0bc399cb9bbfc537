"""The models of one replica: who is loaded, who waits, who leaves. The door of the room.

Used from one event loop; only `Tenant.open` runs in threads.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence

from configs.pool import PoolSpec
from deployments.errors import (
    DeadlineExceeded,
    LoadFailed,
    ModelNotFound,
    NoAvailableVersion,
    Overloaded,
)
from deployments.messages import CALM, Urgency
from deployments.residency.admission import admit_early
from deployments.residency.demand import Forecast
from deployments.residency.failures import refusal
from deployments.residency.idle import idlers, next_look_s
from deployments.residency.ledger import Ledger
from deployments.residency.loading import Loader, open_loader
from deployments.residency.mover import Mover
from deployments.residency.seat import Seat, Stage, Standing, Tenant
from deployments.residency.soonest import is_probe, needs_s
from deployments.residency.standing import standing
from deployments.residency.start import load_at_start
from deployments.residency.stats import Account

COME_BACK_S = 1.0

log = logging.getLogger(__name__)


class Residency:
    """Loads models when they are asked for and makes room when there is none."""

    def __init__(
        self,
        spec: PoolSpec | None = None,
        loader: Loader | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spec = spec or PoolSpec()
        self._loader = loader or open_loader(self.spec)
        self._ledger = Ledger(self.spec, self._loader.sizes, clock)
        self._mover = Mover(self._ledger, self._loader)
        self._clock, self._waiting = clock, 0
        self._alarm: asyncio.TimerHandle | None = None

    def offer(self, tenant: Tenant) -> Seat:
        """Let a model live here; loads nothing.

        Raises:
            ValueError: the key is taken; withdraw it first, or use another.
        """
        if tenant.key in self._ledger.seats:
            raise ValueError(f"{tenant.key} is offered already")
        seat = self._ledger.seats[tenant.key] = Seat(tenant)
        return seat

    async def withdraw(self, key: str) -> None:
        """Unload a model and forget it; an unknown key is no error."""
        await self.unload(key)
        self._ledger.seats.pop(key, None)

    def load_at_start(self, keys: Collection[str] | None = None) -> None:
        """Load what the Spec (or `keys`) says before the first request; blocks.

        For a constructor: nothing else may use this residency meanwhile. What is
        quarantined or does not fit is left out and told in the log.

        Raises:
            Exception: what opening a model raised, where all are loaded at start; in a
                pool that loads on demand a model that fails does not keep it from
                starting.
        """
        load_at_start(self._ledger, self._loader, self._mover, keys)

    async def load(self, key: str) -> None:
        """Make a model resident, and open to requests after an explicit unload.

        Idempotent; joins a load that is under way. Tries again what failed before, but
        not what is quarantined (see `forgive`).

        Raises:
            ModelNotFound: the key was never offered.
            LoadFailed: it cannot be loaded, or is quarantined.
            Overloaded: too many wait for loads already.
        """
        seat = self._seat(key)
        seat.unloaded, seat.failure = False, None
        await self._until_ready(seat, CALM)
        self._watch_idlers()

    async def unload(self, key: str) -> None:
        """Refuse new requests, answer those in flight, give the memory back.

        Later requests get `NoAvailableVersion` until `load`. Idempotent; an unknown key
        is no error.
        """
        seat = self._ledger.seats.get(key)
        if seat is None:
            return
        seat.unloaded = True
        if seat.stage is Stage.ABSENT and seat.task is not None:
            seat.task.cancel()  # it only waits for room
        while seat.task is not None or (seat.unloaded and seat.ready):
            await asyncio.wait([seat.task or self._mover.send_out(seat)])
            await asyncio.sleep(0)  # the end of a task clears it from its seat

    async def prefetch(self, keys: Sequence[str]) -> Sequence[str]:
        """Load what fits without pushing out anything that is wanted more.

        Never raises for a model that fails: the next request is told. Returns which of
        `keys`, tried in their order, are resident now.
        """
        for key in keys:
            seat = self._ledger.seats.get(key)
            if seat is not None and self._may_come_early(seat):
                await self._come_early(seat)
        self._watch_idlers()
        seats = self._ledger.seats
        return [key for key in keys if key in seats and seats[key].ready]

    def pin(self, keys: Collection[str]) -> None:
        """These (and those of the Spec) never leave for others; replaces earlier pins."""
        self._ledger.pins = frozenset(keys)
        self._mover.entrance.stir()

    def forgive(self, key: str) -> None:
        """Forget that a model failed or crashed replicas: it may be tried again."""
        seat = self._seat(key)
        seat.failure = None
        self._loader.did_well(seat.tenant)

    def foresee(self, forecast: Forecast) -> None:
        """Ask `forecast` how much a model is wanted, from now on."""
        self._ledger.forecast = forecast

    def states(self) -> Sequence[Standing]:
        """Every model offered here, in the order of the offers."""
        now_s = self._clock()
        return [standing(seat, now_s) for seat in self._ledger.seats.values()]

    def accounts(self) -> Sequence[Account]:
        """What was done for each model, and what it holds."""
        return [
            Account(
                seat.key,
                seat.uses,
                seat.tally,
                seat.size.host,
                seat.size.device,
                seat.tenant.runtime,
            )
            for seat in self._ledger.seats.values()
        ]

    @property
    def illness(self) -> str | None:
        """Why this replica should be replaced: a load does not end."""
        if self._loader.overdue:
            late = ", ".join(sorted(self._loader.overdue))
            return f"{late} is not loaded after {self.spec.load_timeout_s:g} s"
        return None

    def accuse(self, after_s: float) -> None:
        """Hold the death to come against what has run for longer than `after_s`."""
        self._loader.accuse(after_s)

    async def take(self, seat: Seat, urgency: Urgency = CALM) -> None:
        """Hold a model that is not `ready`, loading it first; `give_back` it.

        `ResidentModel` does both; nobody else needs to.

        Raises:
            NoAvailableVersion: it was unloaded on purpose.
            LoadFailed: it cannot be loaded: lately tried, too large, or quarantined.
            Overloaded: too many wait for loads already.
            DeadlineExceeded: it would come too late.
        """
        seat.tally.misses += 1
        seat.uses += 1
        seat.used_s = self._clock()
        await self._until_ready(seat, urgency)
        seat.holds += 1
        self._watch_idlers()

    def freed(self, seat: Seat) -> None:
        """The last hold of a watched seat has ended."""
        seat.watched = False
        self._mover.entrance.stir()

    async def close(self) -> None:
        """Load nothing more."""
        if self._alarm is not None:
            self._alarm.cancel()
        await self._mover.close()

    async def _until_ready(self, seat: Seat, urgency: Urgency) -> None:
        if seat.ready:
            return
        self._check(seat)
        self._join(seat)
        try:
            while not seat.ready:
                self._check(seat)
                self._check_deadline(seat, urgency)
                if seat.task is None:
                    seat.probes = is_probe(seat, _left_s(urgency))
                task = seat.task or self._mover.bring_in(seat)
                await self._in_time(seat, task, urgency)
        finally:
            seat.waiting -= 1
            self._waiting -= 1
            self._mover.entrance.stir()

    def _join(self, seat: Seat) -> None:
        if self._waiting >= self.spec.max_waiting:
            seat.tally.refused += 1
            raise Overloaded(seat.tenant.name, self._waiting, COME_BACK_S)
        seat.waiting += 1
        self._waiting += 1

    async def _in_time(
        self, seat: Seat, task: "asyncio.Task[LoadFailed | None]", urgency: Urgency
    ) -> None:
        done, _ = await asyncio.wait([task], timeout=_left_s(urgency))
        if not done:
            seat.tally.refused += 1
            raise DeadlineExceeded(seat.tenant.name, 0.0, self._ledger.reload_s(seat))
        failed = None if task.cancelled() else task.result()
        if failed is not None:
            raise LoadFailed(failed.model, failed.reason, failed.retry_after_s)

    def _check(self, seat: Seat) -> None:
        if seat.unloaded or self._mover.closed:
            raise NoAvailableVersion(seat.tenant.name)
        limit = self.spec.quarantine_after_crashes
        why = refusal(seat.failure, 0, limit, self._clock())
        if why is not None:
            seat.tally.refused += 1
            raise LoadFailed(seat.tenant.name, why.reason, why.retry_after_s)

    def _check_deadline(self, seat: Seat, urgency: Urgency) -> None:
        """Refuse at once who is too late for what is left of the shortest load so far."""
        left_s, needed_s = _left_s(urgency), needs_s(seat, self._clock())
        if left_s is not None and (left_s <= 0 or left_s < needed_s):
            seat.tally.refused += 1
            raise DeadlineExceeded(seat.tenant.name, left_s, needed_s)

    def _may_come_early(self, seat: Seat) -> bool:
        idle = seat.stage is Stage.ABSENT and seat.task is None
        healthy = seat.failure is None and not seat.unloaded
        return idle and healthy and self._mover.entrance.is_free

    async def _come_early(self, seat: Seat) -> None:
        now_s = self._clock()
        newcomer = self._ledger.resident(seat, self._ledger.expect(seat), now_s)
        leaving = admit_early(newcomer, self._ledger.books())
        if leaving is None:
            return
        for key in leaving:
            self._ledger.seats[key].tally.evictions += 1
            self._mover.send_out(self._ledger.seats[key])
        seat.tally.early += 1
        await asyncio.wait([self._mover.bring_in(seat, early=True)])

    def _watch_idlers(self) -> None:
        after_s = self.spec.idle_after_s
        if after_s is None or self._alarm is not None or self._mover.closed:
            return
        next_s = next_look_s(self._ledger.last_uses(), after_s, self._clock())
        self._alarm = asyncio.get_running_loop().call_later(next_s, self._look, after_s)

    def _look(self, after_s: float) -> None:
        self._alarm = None
        for key in idlers(self._ledger.last_uses(), after_s, self._clock()):
            seat = self._ledger.seats[key]
            seat.tally.idled += 1
            self._mover.send_out(seat)
        if self._ledger.movable():
            self._watch_idlers()

    def _seat(self, key: str) -> Seat:
        seat = self._ledger.seats.get(key)
        if seat is None:
            raise ModelNotFound(key)
        return seat


def _left_s(urgency: Urgency) -> float | None:
    due_s = urgency.deadline_s
    return None if due_s is None else due_s - time.monotonic()
