"""A pool of replicas as a fluid queue in steps of a fifth of a second.

A replica has four slots and serves at a constant rate; all requests wait in one queue, first
come first served; latency is the wait and the service; who waited 30 s gives up. A replica
costs from its order and serves from when it is ready; the newest order is cancelled first.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from deployments.autoscaling.replay.trace import SUBSTEPS, Trace

STEP_S = 1 / SUBSTEPS
PATIENCE_S = 30.0
TINY = 1e-9


@dataclass(frozen=True)
class Second:
    """What a policy may look at when a second is over."""

    at_s: int
    arrived: int
    completed: float
    queued: float
    ongoing: float
    utilisation: float
    ready: int
    starting: int
    target: int


@dataclass
class Tally:
    """What is counted after the warm-up."""

    requests: float = 0
    late: float = 0
    dropped: float = 0
    replica_s: float = 0
    starts: int = 0
    peak: int = 0


class Pool:
    """One deployment; call `serve` and then `scale` for every second."""

    def __init__(self, trace: Trace, start_s: int, most: int = 400) -> None:
        self.tally = Tally()
        self._trace, self._start_s, self._most = trace, start_s, most
        self._rate, self._budget_s = trace.per_replica, trace.wait_budget_s
        self._parts = trace.parts
        self._queue: deque[list[float]] = deque()
        self._queued = 0.0
        self._ready = self._target = trace.first_replicas
        self._orders: deque[list[int]] = deque()
        window = max(1, round(trace.service_s / STEP_S))
        self._served: deque[float] = deque([0.0] * window, window)
        self._in_service = 0.0
        self._completed = 0.0

    def serve(self, at_s: int) -> Second:
        """Let one second pass."""
        while self._orders and self._orders[0][0] <= at_s:
            self._ready += self._orders.popleft()[1]
        counts = at_s >= self._trace.warm_up_s
        ongoing, used_s = 0.0, 0.0
        weight = self._trace.service_s / (len(self._served) * STEP_S)
        for part, arrived in enumerate(self._parts[at_s].tolist()):
            used = self._step(at_s + part * STEP_S, arrived, counts)
            self._in_service += used - self._served[0]
            self._served.append(used)
            ongoing += self._queued + self._in_service * weight
            used_s += used
        self._completed += used_s
        full = self._ready * self._rate
        starting = sum(count for _, count in self._orders)
        if counts:
            self.tally.replica_s += self._ready + starting
        self.tally.peak = max(self.tally.peak, self._ready + starting)
        return Second(
            at_s,
            int(self._parts[at_s].sum()),
            self._completed,
            self._queued,
            ongoing / SUBSTEPS,
            used_s / full if full else float(self._queued > 0),
            self._ready,
            starting,
            self._target,
        )

    def scale(self, at_s: int, target: int) -> None:
        """Order or give back replicas."""
        self._target = min(max(target, 0), self._most)
        change = self._target - self._ready - sum(count for _, count in self._orders)
        if change > 0:
            self._orders.append([at_s + max(1, self._start_s), change])
            if at_s >= self._trace.warm_up_s:
                self.tally.starts += change
        while change < 0 and self._orders:
            cancelled = min(-change, self._orders[-1][1])
            self._orders[-1][1] -= cancelled
            change += cancelled
            if not self._orders[-1][1]:
                self._orders.pop()
        self._ready = max(0, self._ready + min(change, 0))

    def _step(self, now_s: float, arrived: int, counts: bool) -> float:
        room = full = self._ready * self._rate * STEP_S
        if counts:
            self.tally.requests += arrived
        if not self._queue and arrived <= room:
            return float(arrived)
        if arrived:
            self._queue.append([arrived, now_s + STEP_S / 2])
            self._queued += arrived
        used = 0.0
        while self._queue and room > TINY:
            first = self._queue[0]
            taken = min(first[0], room)
            done_s = now_s + (used + taken / 2) / full * STEP_S
            if first[1] >= self._trace.warm_up_s and done_s - first[1] > self._budget_s:
                self.tally.late += taken
            first[0] -= taken
            room -= taken
            used += taken
            if first[0] <= TINY:
                self._queue.popleft()
        self._queued = max(0.0, self._queued - used) if self._queue else 0.0
        self._drop(now_s)
        return used

    def _drop(self, now_s: float) -> None:
        while self._queue and now_s - self._queue[0][1] > PATIENCE_S:
            count, since_s = self._queue.popleft()
            self._queued = max(0.0, self._queued - count) if self._queue else 0.0
            if since_s >= self._trace.warm_up_s:
                self.tally.late += count
                self.tally.dropped += count


def rounded_up(value: float) -> int:
    """The next whole number, a rounding error forgiven."""
    return int(np.ceil(value - TINY))
