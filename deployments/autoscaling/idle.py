"""When nothing arrives: whether to keep, drop or start the one replica of a deployment.

A replica may wait for any time: the chance that a request comes meanwhile, times what a cold
request costs, must exceed the replica-seconds of the wait. The lengths of past silences give
the chance. Looking a start ahead makes the same rule start it before its time.
"""

import numpy as np

from deployments.autoscaling.rows import Flags, Floats, Ints, Rows

BINS = 64
PER_E = 4.5
KEEP = 0.995
HOURS = 24
LEAST_GAP_S = 2
_EDGES: Floats = np.expm1(np.arange(BINS + 1) / PER_E)


class Idle(Rows):
    """Lengths of past silences, and the hours of the day that had any traffic."""

    def __init__(self, count: int) -> None:
        self.gaps: Floats = np.full((count, BINS), 0.02)
        self.busy: Floats = np.ones((count, HOURS))
        self.total: Floats = np.full((count, HOURS), 2.0)
        self.idle_s: Ints = np.zeros(count, np.int64)

    def fresh(self, count: int) -> "Idle":
        return Idle(count)

    def learn(self, idle_s: Ints, wall_s: int) -> None:
        """Note the silences that ended in this second."""
        ended = np.flatnonzero((idle_s == 0) & (self.idle_s >= LEAST_GAP_S))
        if len(ended):
            self.gaps[ended] *= KEEP
            self.gaps[ended, _bin(self.idle_s[ended])] += 1
        self.idle_s = idle_s.copy()
        if wall_s % 60 == 0:
            hour = (wall_s // 3600) % HOURS
            self.busy[:, hour] = KEEP * self.busy[:, hour] + (idle_s < 60)
            self.total[:, hour] = KEEP * self.total[:, hour] + 1

    def worth_keeping(self, wall_s: int, start_s: Floats, worth_s: Floats) -> Flags:
        """Where a request is likely enough to come while a replica waits for it."""
        rows = np.arange(len(self.idle_s))
        odds = self.busy / self.total
        hour = ((wall_s + start_s).astype(np.int64) // 3600) % HOURS
        usual = self.busy.sum(axis=1) / self.total.sum(axis=1)
        lift = np.sqrt(odds[rows, hour] / np.maximum(1e-3, usual))
        lift = np.minimum(np.maximum(lift, 0.2), 5)
        # An open wait looks a start ahead: what comes sooner would be cold anyway.
        index = np.maximum(self._index(self.idle_s), self._index(self.idle_s + start_s))
        keep: Flags = index * lift * worth_s > 1
        return keep

    def _index(self, idle_s: Floats | Ints) -> Floats:
        """The best chance of a request for a second of waiting, over all waits."""
        bins = _bin(idle_s)
        ahead = np.arange(BINS) >= bins[:, None]
        mass = np.where(ahead, self.gaps, 0.0)
        # Of the bin at hand only what lies ahead; else the chance leaps at every edge.
        left = (_EDGES[bins + 1] - idle_s) / (_EDGES[bins + 1] - _EDGES[bins])
        mass[np.arange(len(bins)), bins] *= np.clip(left, 1e-6, 1.0)
        chance = np.cumsum(mass, axis=1) / mass.sum(axis=1, keepdims=True)
        wait_s = np.maximum(1.0, _EDGES[1:] - np.asarray(idle_s)[:, None])
        best: Floats = np.where(ahead, chance / wait_s, 0.0).max(axis=1)
        return best


def _bin(idle_s: Floats | Ints) -> Ints:
    place = PER_E * np.log1p(np.asarray(idle_s, np.float64))
    return np.clip(place, 0, BINS - 1).astype(np.int64)
