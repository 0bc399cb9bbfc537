"""How much work a model makes on one replica, from counters that only grow. Pure."""

import math
from dataclasses import dataclass

MEMORY_S = 3.0


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one model: requests that came, requests that were run, seconds of slots."""

    arrived: int
    run: int
    run_s: float


@dataclass(frozen=True, slots=True)
class Work:
    """`slots` busy with a model, or that would be if all that came were run at once."""

    at_s: float
    counted: Counted
    slots: float = 0.0


def learn(before: Work | None, counted: Counted, now_s: float) -> Work:
    """The work as of now; the past fades over some seconds."""
    if before is None or now_s <= before.at_s:
        return before or Work(now_s, counted)
    passed_s = now_s - before.at_s
    arrived = counted.arrived - before.counted.arrived
    each_s = counted.run_s / counted.run if counted.run else 0.0
    busy_s = max(counted.run_s - before.counted.run_s, arrived * each_s)
    old = math.exp(-passed_s / MEMORY_S)
    slots = old * before.slots + (1 - old) * busy_s / passed_s
    return Work(now_s, counted, slots)
