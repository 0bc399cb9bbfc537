"""How long starts take, measured from the order to the first ready second."""

from collections import deque

import numpy as np

from deployments.autoscaling.rows import Flags, Floats, Ints, Rows

KEPT = 50
LEAST = 3
OVERDUE = 3.0
LONGEST_S = 3600


class Starts(Rows):
    """Measured starts and the orders that are open, one row a deployment."""

    def __init__(self, count: int) -> None:
        self.seconds: Floats = np.full((count, KEPT), np.nan)
        self.measured: Ints = np.zeros(count, np.int64)
        self.expected_s: Floats = np.full(count, 15.0)
        self.open: Ints = np.zeros(count, np.int64)
        self.ordered_sum_s: Floats = np.zeros(count)
        self.oldest_s: Floats = np.full(count, np.nan)
        self.ready: Ints = np.zeros(count, np.int64)

    def fresh(self, count: int) -> "Starts":
        return Starts(count)

    def starting_for_s(self, now_s: float) -> Floats:
        """The mean age of the open orders."""
        mean = now_s - self.ordered_sum_s / np.maximum(1, self.open)
        return np.where(self.open > 0, np.maximum(0, mean), 0.0)

    def overdue(self, now_s: float) -> Flags:
        """Where the oldest order should have been ready long ago."""
        # No open order is NaN, which is never late.
        late: Flags = now_s - self.oldest_s > OVERDUE * self.expected_s + 10
        return late


class Orders:
    """Matches orders to replicas that became ready, the oldest first."""

    def __init__(self) -> None:
        self._open: dict[str, deque[float]] = {}

    def forget(self, name: str) -> None:
        """Drop the open orders of a deployment that is gone."""
        self._open.pop(name, None)

    def follow(
        self, names: list[str], starts: Starts, ready: Ints, target: Ints, now_s: float
    ) -> Ints:
        """Note what became ready or was ordered; gives the rows with a new measure."""
        wanted = np.maximum(0, target - ready)
        gained = np.maximum(0, ready - starts.ready)
        starts.ready = ready.copy()
        changed = np.flatnonzero((wanted != starts.open) | (gained > 0))
        measured = []
        for row in changed:
            queue = self._open.setdefault(names[row], deque(maxlen=10_000))
            for _ in range(min(int(gained[row]), len(queue))):
                took = now_s - queue.popleft()
                if not 0 < took <= LONGEST_S:
                    continue
                starts.seconds[row, starts.measured[row] % KEPT] = took
                starts.measured[row] += 1
                measured.append(row)
            while len(queue) > wanted[row]:
                queue.pop()
            while len(queue) < min(wanted[row], 10_000):
                queue.append(now_s)
            starts.open[row] = len(queue)
            starts.ordered_sum_s[row] = sum(queue)
            starts.oldest_s[row] = queue[0] if queue else np.nan
        return np.unique(np.array(measured, np.int64))


def believe(starts: Starts, rows: Ints, prior_s: Floats, quantile: Floats) -> None:
    """Set how long a start is expected to take in these rows."""
    for row in rows:
        if starts.measured[row] < LEAST:
            starts.expected_s[row] = prior_s[row]
        else:
            known = starts.seconds[row]
            known = known[~np.isnan(known)]
            starts.expected_s[row] = np.quantile(known, quantile[row])
