"""Whole seconds, whatever the clocks do: late ticks, steps forward and back."""

import math
from dataclasses import dataclass

LONGEST_GAP_S = 60


@dataclass(frozen=True)
class Now:
    """A clock that only runs, and the time of the epoch for days and weeks."""

    monotonic_s: float
    wall_s: float


@dataclass(frozen=True)
class Passed:
    """How many seconds to count, and whether more than those were lost."""

    seconds: int
    lost: bool


class Timeline:
    """Counts the seconds that passed between ticks."""

    def __init__(self) -> None:
        self.step = 0
        self._last: int | None = None

    def advance(self, now: Now) -> Passed:
        """Seconds since the last tick; zero within the same second."""
        if not math.isfinite(now.monotonic_s):
            return Passed(0, lost=False)
        second = math.floor(now.monotonic_s)
        last, self._last = self._last, second
        if last is None:
            return self._count(1, lost=False)
        if second == last:
            return Passed(0, lost=False)
        gap = second - last
        if gap < 0 or gap > LONGEST_GAP_S:
            return self._count(1, lost=True)
        return self._count(gap, lost=False)

    def _count(self, seconds: int, *, lost: bool) -> Passed:
        self.step += seconds
        return Passed(seconds, lost)
