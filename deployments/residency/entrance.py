"""Where models wait for room, first come first served. A thin shell around `admission`."""

import asyncio
import math
from collections.abc import Callable

from deployments.residency.admission import Evict, Never, Wait, admit
from deployments.residency.ledger import Ledger
from deployments.residency.seat import Seat, Stage

Wanted = Callable[[], bool]


class Entrance:
    """One door: who is at its head has others evicted or waits, the rest stand behind."""

    def __init__(self, ledger: Ledger, evict: Callable[[str], object]) -> None:
        self._ledger, self._evict = ledger, evict
        self._line = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def is_free(self) -> bool:
        """Whether nobody waits."""
        return not self._line.locked()

    def stir(self) -> None:
        """Something has changed: whoever waits looks again."""
        self._changed.set()

    async def until(self, true: Callable[[], bool]) -> None:
        """Return when `true()`, which only changes together with a `stir`."""
        while not true():
            await self._change(math.inf)

    async def enter(self, seat: Seat, wanted: Wanted) -> Never | None:
        """Wait for room, take it and make the seat LOADING; or leave it as it is.

        That is where `wanted()` is false by now, or where it never fits.
        """
        asked_s = self._ledger.clock()
        async with self._line:
            while wanted():
                need = self._ledger.expect(seat)
                waited_s = self._ledger.clock() - asked_s
                verdict = admit(need, self._ledger.books(), waited_s)
                if isinstance(verdict, Never):
                    return verdict
                if isinstance(verdict, Evict):
                    for key in verdict.keys:
                        self._evict(key)
                elif isinstance(verdict, Wait):
                    await self._change(verdict.again_s)
                else:
                    seat.move(Stage.LOADING)
                    seat.size, seat.began_s = need, self._ledger.clock()
                    break
        return None

    async def _change(self, within_s: float) -> None:
        self._changed.clear()
        for seat in self._ledger.seats.values():
            seat.watched = True  # the end of its last hold is a change
        limit_s = None if within_s == math.inf else within_s
        try:
            await asyncio.wait_for(self._changed.wait(), limit_s)
        except asyncio.TimeoutError:
            return
