"""What one replica serves, corrected from what it was seen to serve.

Only a replica that always had work shows its rate: where requests queued through the whole
second. Its rate at that moment includes what batching gives and what neighbours take. A
rate believed too high loses requests, so it is cut at once and raised slowly.
"""

import numpy as np

from deployments.autoscaling.rows import Flags, Floats, Ints, Rows
from deployments.autoscaling.signals import Reading

CUT, RAISE = 0.5, 0.05
MOST_RAISE = 1.02
BUSY, SLOW, SURE = 0.6, 0.02, 0.97
# A ceiling is doubted by a tenth a day.
FORGET = 1.1 ** (1 / 86_400)
QUEUE_S = 0.8
WINDOW_S = 5
LOWEST, HIGHEST = 0.2, 5.0


class Capacity(Rows):
    """Requests a second of one full replica."""

    def __init__(self, count: int) -> None:
        self.rate: Floats = np.ones(count)
        self.believed: Floats = np.ones(count)
        self.queued: Floats = np.zeros(count)
        self.ready: Ints = np.zeros(count, np.int64)
        self.steady_s: Ints = np.zeros(count, np.int64)
        self.served: Floats = np.zeros((count, WINDOW_S))
        self.ceiling: Floats = np.full(count, 1e9)
        self.pace: Floats = np.zeros(count)
        self.busy: Floats = np.ones(count)

    def fresh(self, count: int) -> "Capacity":
        return Capacity(count)

    def believe(self, rates: Floats) -> None:
        """Take the rates of the Specs; what was learnt on top of them stays."""
        changed = rates != self.believed
        self.rate = np.where(changed, rates, self.rate)
        self.believed = rates.copy()

    def learn(self, seen: Reading, seconds: int, allowed: Flags, slots: Ints) -> None:
        """Correct the rates by the service since the last tick."""
        same = (seen.ready == self.ready) & (seen.ready > 0)
        same &= ~np.isnan(seen.completed)
        self.steady_s = np.where(same, self.steady_s + 1, 0)
        served = np.fmax(seen.completed, 0) / seconds / np.maximum(1, seen.ready)
        self.served[:, :-1] = self.served[:, 1:]
        self.served[:, -1] = served
        backlog = QUEUE_S * self.rate * seen.ready
        saturated = same & (self.queued >= backlog) & (seen.queued >= 0.5 * backlog)
        saturated &= allowed
        pull = np.where(served < self.rate, CUT, RAISE)
        corrected = self.rate + pull * (served - self.rate)
        self.rate = np.where(saturated, corrected, self.rate)
        self.ceiling = np.where(
            saturated, self.rate, np.minimum(self.ceiling * FORGET, 1e9)
        )
        self._raise(allowed & ~saturated, seen, slots)
        least, most = LOWEST * self.believed, HIGHEST * self.believed
        self.rate = np.minimum(np.maximum(self.rate, least), most)
        self.queued, self.ready = seen.queued, seen.ready

    def _raise(self, rows: Flags, seen: Reading, slots: Ints) -> None:
        """Trust what was served, and what busy slots say the others would serve.

        Slots that slow each other down make the second too high: what was last seen
        under saturation bounds it.
        """
        known = self.steady_s >= WINDOW_S
        busy = seen.ongoing / np.maximum(1, seen.ready * slots)
        usable = known & (seen.queued <= 0)
        self.pace += np.where(usable, SLOW, 0) * (self.served[:, -1] - self.pace)
        self.busy += np.where(usable, SLOW, 0) * (busy - self.busy)
        told = SURE * self.pace / np.maximum(self.busy, BUSY)
        told = np.where(self.busy >= BUSY, told, 0.0)
        proven = np.where(known, self.served.sum(axis=1) / WINDOW_S, 0.0)
        proven = np.maximum(proven, np.minimum(told, self.ceiling))
        raised = np.minimum(proven, self.rate * MOST_RAISE)
        self.rate = np.where(rows & (proven > self.rate), raised, self.rate)
