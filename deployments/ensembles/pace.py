"""What a member takes, as its ensemble sees it: by its card, and what is added here. Pure.

What is added (queues, another machine than the card's) is learned from answers as TCP
learns round trips: a smoothed mean and its deviation (Jacobson 1988). It fades when
nobody asks, so that a member that was too slow is tried again.
"""

import math
from collections.abc import Mapping

from deployments.batching.latency import Latency

GAIN, SWING_GAIN, SWINGS = 0.25, 0.25, 2.0

FADES_S = 2.0
"""After so long without an answer, 37% of what was learned is left."""


class Pace:
    """Learns of one member; all times are seconds of one monotonic clock."""

    def __init__(self, run_s: Mapping[int, float]) -> None:
        self._card = Latency(run_s)
        self.waiting_rows = 0
        self._added_s = self._swing_s = 0.0
        self._learned_s = -math.inf

    def started(self, rows: int) -> None:
        """So many rows are on their way."""
        self.waiting_rows += rows

    def ended(self, rows: int) -> None:
        """They are not any more, answered or not."""
        self.waiting_rows -= rows

    def learn(self, rows: int, took_s: float, now_s: float) -> None:
        """An answer for `rows` took so long."""
        added_s = max(0.0, took_s - self.alone_s(rows))
        believed_s, swing_s = self.wait_s(now_s), self._faded(self._swing_s, now_s)
        off_s = added_s - believed_s
        self._added_s = believed_s + GAIN * off_s
        self._swing_s = swing_s + SWING_GAIN * (abs(off_s) - swing_s)
        self._learned_s = now_s

    def alone_s(self, rows: int) -> float:
        """Seconds of a run by the card; 0 when it says nothing."""
        return self._card.expect_s(rows)

    def wait_s(self, now_s: float) -> float:
        """Seconds that are added to a run at the moment."""
        return self._faded(self._added_s, now_s)

    def expect_s(self, rows: int, now_s: float) -> float:
        """Seconds in which an answer for `rows` is to be expected, with some reserve."""
        reserve_s = SWINGS * self._faded(self._swing_s, now_s)
        return self.alone_s(rows) + self.wait_s(now_s) + reserve_s

    def _faded(self, learned_s: float, now_s: float) -> float:
        if not learned_s:
            return 0.0
        return learned_s * math.exp((self._learned_s - now_s) / FADES_S)
