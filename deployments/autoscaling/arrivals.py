"""What has arrived: rates over short and long windows, and the demand they make.

Demand is the smallest service rate at which no request would have waited longer than its
budget w: the largest A / (k + w) over the last k seconds in which A requests arrived. It
takes the place of a queueing formula: it assumes no distribution of arrivals, and a burst
counts for exactly what it would have made others wait.
"""

import numpy as np

from deployments.autoscaling.rows import Floats, Ints, Rows

LAGS_S: Ints = np.array([1, 2, 3, 5, 8, 15, 30, 60, 300, 900, 3600])
RATE_OVER = {int(lag): place for place, lag in enumerate(LAGS_S)}
DEMAND_LAGS = 8
RING_S = 4096
RECENT_S = 64
MOST_PER_S = 1e6


class Arrivals(Rows):
    """A ring of cumulative counts for each deployment, one slot a second."""

    def __init__(self, count: int) -> None:
        self.total: Floats = np.zeros(count)
        self.age: Ints = np.zeros(count, np.int64)
        self.ring: Floats = np.zeros((count, RING_S))
        self.recent: Floats = np.zeros((count, RECENT_S))
        self.rates: Floats = np.zeros((count, len(LAGS_S)))
        self.idle_s: Ints = np.zeros(count, np.int64)

    def fresh(self, count: int) -> "Arrivals":
        return Arrivals(count)

    def add(self, step: int, counts: Floats, wait_budget_s: Floats) -> None:
        """Count the arrivals of the second that ended at `step`."""
        counts = plausible(counts)
        self.total += counts
        self.age += 1
        self.idle_s = np.where(counts > 0, 0, self.idle_s + 1)
        self.ring[:, step % RING_S] = self.total
        lag = np.minimum(LAGS_S, self.age[:, None])
        rows = np.arange(len(self.total))[:, None]
        sums = self.total[:, None] - self.ring[rows, (step - lag) % RING_S]
        self.rates = sums / lag
        short = slice(0, DEMAND_LAGS)
        demand = sums[:, short] / (lag[:, short] + wait_budget_s[:, None])
        self.recent[:, step % RECENT_S] = demand.max(axis=1)

    def rate(self, over_s: int) -> Floats:
        """Requests a second over one of the windows."""
        return self.rates[:, RATE_OVER[over_s]]

    def demand(self, step: int, over_s: int) -> Floats:
        """The largest demand in the last `over_s` seconds, at most 64."""
        places = [(step - back) % RECENT_S for back in range(min(over_s, RECENT_S))]
        worst: Floats = self.recent[:, places].max(axis=1)
        return worst


def plausible(counts: Floats) -> Floats:
    """Counts with what cannot be (NaN, negative, endless) taken for nothing or the most."""
    return np.minimum(np.fmax(counts, 0.0), MOST_PER_S)
