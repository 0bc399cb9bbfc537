"""What hindsight would have done: the cheapest schedule in which nobody waits too long."""

from functools import lru_cache

import numpy as np

from deployments.autoscaling.replay.trace import SUBSTEPS, Trace
from deployments.autoscaling.rows import Ints

STEP_S = 1 / SUBSTEPS
SLACK = 1e-9


@lru_cache(maxsize=8)
def required(trace: Trace) -> Ints:
    """The smallest number of ready replicas of every second, second by second."""
    needed = np.zeros(trace.seconds, np.int64)
    rate, budget_s = trace.per_replica, trace.wait_budget_s
    queue = 0.0
    for at_s, parts in enumerate(trace.parts.tolist()):
        replicas = _least(queue, parts, rate, budget_s)
        while not _suffices(replicas, queue, parts, (rate, budget_s)):
            replicas += 1
        for arrived in parts:
            queue = max(0.0, queue + arrived - replicas * rate * STEP_S)
        needed[at_s] = replicas
    return needed


def schedule(needed: Ints, start_s: int) -> Ints:
    """Replicas to pay for in every second, those that are starting included.

    Every level is its own ski rental with a known future: a gap that is no longer than a
    start is bridged, otherwise the replica is given back and ordered in time.
    """
    change = np.zeros(len(needed) + 1, np.int64)
    for level in range(1, int(needed.max(initial=0)) + 1):
        times = np.flatnonzero(needed >= level)
        breaks = np.flatnonzero(np.diff(times) - 1 > start_s)
        firsts = times[np.concatenate([[0], breaks + 1])]
        lasts = times[np.concatenate([breaks, [len(times) - 1]])]
        np.add.at(change, np.maximum(0, firsts - start_s), 1)
        np.add.at(change, lasts + 1, -1)
    held: Ints = np.cumsum(change)[:-1]
    return held


def _least(queue: float, parts: list[int], rate: float, budget_s: float) -> int:
    """So many are needed even if the queue never ran empty within the second."""
    most = queue / (rate * (1 + budget_s))
    total = queue
    for place, arrived in enumerate(parts):
        total += arrived
        most = max(most, (total - SLACK) / (rate * (budget_s + place * STEP_S)))
    return max(0, int(np.floor(most - SLACK)))


def _suffices(
    replicas: int, queue: float, parts: list[int], service: tuple[float, float]
) -> bool:
    rate, budget_s = service
    for arrived in parts:
        queue += arrived
        if queue > replicas * rate * budget_s + SLACK:
            return False
        queue = max(0.0, queue - replicas * rate * STEP_S)
    return True
