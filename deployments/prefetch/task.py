"""Looks every second whether a model should be loaded before its requests come."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Protocol

from deployments.autoscaling.timeline import Now
from deployments.prefetch.early import to_load
from deployments.prefetch.expected import Expected
from deployments.residency.demand import Forecast
from deployments.residency.seat import Standing
from deployments.residency.stats import Account

EVERY_S = 1.0

log = logging.getLogger(__name__)


class Shelf(Protocol):
    """What is needed of a residency."""

    def accounts(self) -> Sequence[Account]:
        """See `Residency.accounts`."""
        ...

    def states(self) -> Sequence[Standing]:
        """See `Residency.states`."""
        ...

    def foresee(self, forecast: Forecast) -> None:
        """See `Residency.foresee`."""
        ...

    async def prefetch(self, keys: Sequence[str]) -> Sequence[str]:
        """See `Residency.prefetch`."""
        ...


def clocks() -> Now:
    """This moment."""
    return Now(time.monotonic(), datetime.now(tz=timezone.utc).timestamp())


class Prefetch:
    """Of one replica; tells its residency what is expected and loads it in time."""

    def __init__(self, shelf: Shelf, clock: Callable[[], Now] = clocks) -> None:
        self._shelf, self._clock = shelf, clock
        self._expected = Expected()
        shelf.foresee(self._expected)

    async def look(self) -> list[str]:
        """Count, forecast and load; the keys that were to be loaded."""
        arrived = {one.key: one.uses for one in self._shelf.accounts()}
        # Tens of milliseconds every fifth second: not on the loop that serves.
        await asyncio.to_thread(self._expected.count, arrived, self._clock())
        standings = self._shelf.states()
        cold = [s.key for s in standings if s.state == "UNAVAILABLE" and s.answers]
        keys = to_load(self._expected.soon(), cold)
        if keys:
            await self._shelf.prefetch(keys)
        return keys

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.look()
            except Exception:  # the outermost loop: without it requests load models
                log.exception("nothing is loaded ahead of its requests this time")
