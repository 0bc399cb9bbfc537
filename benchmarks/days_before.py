"""What the policy had learnt before the day that counts: earlier days, replayed in the simulator.

The controller finds it where one that was restarted finds what it knew (`state.npz`). Earlier days
have other arrivals, and their spikes at other times: nobody can foresee the one that counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.day import Day
from configs.autoscaling import AutoscalingSpec
from deployments.autoscaling.autoscaler import Autoscaler
from deployments.autoscaling.memory import Memory
from deployments.autoscaling.prior import packaged_priors
from deployments.autoscaling.replay.pool import Pool
from deployments.autoscaling.replay.runner import observed
from deployments.autoscaling.replay.trace import Trace
from deployments.autoscaling.timeline import Now

SPIKES_AT = (0.3, 0.8, 0.15, 0.45)
START_S = 5


@dataclass(frozen=True, eq=False)
class Days(Trace):
    """Days one after the other, in front of replicas with these terms."""

    spec: AutoscalingSpec

    @property
    def per_replica(self) -> float:
        """See `Trace`."""
        return self.spec.capacity.requests_per_s

    @property
    def service_s(self) -> float:
        """See `Trace`."""
        return self.spec.capacity.slots / self.per_replica

    @property
    def wait_budget_s(self) -> float:
        """See `Trace`."""
        return self.spec.capacity.wait_budget_s


def earlier(day: Day, count: int) -> list[Day]:
    """Days before `day`, oldest first: other arrivals, the spike at another time."""
    return [
        Day(
            day.seconds, day.noon_per_s, day.seed + ago, SPIKES_AT[ago % len(SPIKES_AT)]
        )
        for ago in range(count, 0, -1)
    ]


def per_second(days: Sequence[Day]) -> list[int]:
    """Arrivals in every second of days that follow one another."""
    counts = [
        np.bincount(np.array(day.arrivals_s(), np.int64), minlength=day.seconds)
        for day in days
    ]
    return [int(count) for part in counts for count in part]


def learnt(
    name: str, spec: AutoscalingSpec, arrivals: Sequence[int], ends_s: float
) -> Memory:
    """What the policy knows of deployment `name` after `arrivals`, the last at `ends_s` of the epoch."""
    days = Days("days before", np.array(arrivals, np.int64), spec)
    pool, autoscaler = (
        Pool(days, START_S, spec.max_replicas),
        Autoscaler(priors=packaged_priors()),
    )
    autoscaler.configure({name: spec})
    arrived = 0.0
    for at_s in range(days.seconds):
        second = pool.serve(at_s)
        arrived += second.arrived
        now = Now(at_s, ends_s - days.seconds + at_s)
        pool.scale(
            at_s, autoscaler.tick(now, {name: observed(second, arrived)})[name].replicas
        )
    return autoscaler.memory
