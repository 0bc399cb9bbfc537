"""What a server that costs nothing would reach, and how little one may cost. Pure.

Greedy workers: each takes whatever waits, up to a batch, for as long as the bare loop took
for a batch of that size; arrivals are Poisson. Where a batch costs little more than a row,
as on a GPU, a server that waits for company can do better; on a CPU there is little to
wait for.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.arrivals import poisson_arrivals_s

REQUESTS = 8_000
SEED = 1
PERCENTILE = 99
STEPS = 12
"""Halvings of an interval: the last is a four-thousandth of the first."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Model threads; `run_ms`: milliseconds a batch of so many rows takes one of them."""

    count: int
    run_ms: Mapping[int, float]
    cost_ms: float = 0.0
    """What each request costs a worker beside the model."""

    def takes_s(self, rows: int) -> float:
        """Seconds for a batch of `rows`; sizes between measured ones lie on a line."""
        sizes = sorted(self.run_ms)
        run = np.interp(rows, sizes, [self.run_ms[size] for size in sizes])
        return (float(run) + rows * self.cost_ms) / 1e3

    def limit_per_s(self) -> float:
        """Rows a second when something always waits, at the best batch."""
        return self.count * max(size / self.takes_s(size) for size in self.run_ms)


def free_qps(workers: Workers, slo_ms: float) -> float | None:
    """The highest rate with p99 within the SLO; None: a single request takes longer."""
    if 1e3 * workers.takes_s(1) > slo_ms:
        return None
    return max(_qps(workers, slo_ms, most) for most in workers.run_ms)


def cost_for(workers: Workers, slo_ms: float, qps: float) -> float | None:
    """Milliseconds a request may cost a worker beside the model, to keep up `qps`.

    None: not even one that costs nothing keeps it up.
    """

    def keeps_up(cost_ms: float) -> bool:
        costing = Workers(workers.count, workers.run_ms, cost_ms)
        return any(_in_time(costing, slo_ms, most, qps) for most in workers.run_ms)

    return _highest(keeps_up, 1e3 * workers.count / qps) if keeps_up(0.0) else None


def _qps(workers: Workers, slo_ms: float, most: int) -> float:
    return _highest(
        lambda qps: qps == 0 or _in_time(workers, slo_ms, most, qps),
        workers.limit_per_s(),
    )


def _highest(holds: Callable[[float], bool], bound: float) -> float:
    """The highest value below `bound` for which `holds`, which 0 does."""
    low, high = 0.0, bound
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _in_time(workers: Workers, slo_ms: float, most: int, qps: float) -> bool:
    arrivals_s = poisson_arrivals_s(qps, REQUESTS / qps, SEED)
    late_s = latencies_s(workers, arrivals_s, most)
    return 1e3 * float(np.percentile(late_s, PERCENTILE)) <= slo_ms


def latencies_s(
    workers: Workers, arrivals_s: Sequence[float], most: int
) -> list[float]:
    """Seconds from each arrival to its answer, in batches of at most `most` rows."""
    takes_s = [workers.takes_s(rows) for rows in range(most + 1)]
    free_s = [0.0] * workers.count
    latencies, first = [], 0
    while first < len(arrivals_s):
        starts_s = max(heapq.heappop(free_s), arrivals_s[first])
        last = first + 1
        while (
            last < len(arrivals_s)
            and last - first < most
            and arrivals_s[last] <= starts_s
        ):
            last += 1
        ends_s = starts_s + takes_s[last - first]
        latencies += [ends_s - arrival_s for arrival_s in arrivals_s[first:last]]
        heapq.heappush(free_s, ends_s)
        first = last
    return latencies
