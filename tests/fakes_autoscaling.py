"""A town of deployments for the autoscaler: replicas start, serve and stop as told."""

from collections.abc import Mapping

import numpy as np

from configs.autoscaling import AutoscalingSpec, CapacitySpec, ColdStartSpec
from deployments.autoscaling.autoscaler import Autoscaler
from deployments.autoscaling.decision import Decision
from deployments.autoscaling.replay.trace import Trace
from deployments.autoscaling.signals import Observation
from deployments.autoscaling.timeline import Now


def spec(rate=10.0, start_s=10.0, **rest) -> AutoscalingSpec:
    return AutoscalingSpec(
        cold_start=ColdStartSpec(prior_s=start_s),
        capacity=CapacitySpec(requests_per_s=rate),
        **rest,
    )


class Town:
    """Every replica serves `rate` requests a second and starts in `start_s`."""

    def __init__(self, autoscaler: Autoscaler, rate=10.0, start_s=10) -> None:
        self.autoscaler, self.rate, self.start_s = autoscaler, rate, start_s
        self.now = 0
        self.arrived: dict[str, float] = {}
        self.completed: dict[str, float] = {}
        self.queued: dict[str, float] = {}
        self.ready: dict[str, int] = {}
        self.targets: dict[str, int] = {}
        self.orders: dict[str, list[int]] = {}

    def second(self, counts: Mapping[str, float]) -> dict[str, Decision]:
        """Let one second pass with these arrivals."""
        self.now += 1
        seen = {name: self._serve(name, count) for name, count in counts.items()}
        made = self.autoscaler.tick(Now(self.now, self.now), seen)
        for name, decision in made.items():
            self._scale(name, decision.replicas)
        return made

    def run(self, seconds: int, counts) -> list[dict[str, Decision]]:
        """Many seconds; `counts(second)` says what arrives in each."""
        return [self.second(counts(self.now + 1)) for _ in range(seconds)]

    def _serve(self, name: str, count: float) -> Observation:
        orders = self.orders.setdefault(name, [])
        ready = self.ready.get(name, 0) + sum(at <= self.now for at in orders)
        self.orders[name] = [at for at in orders if at > self.now]
        self.ready[name] = ready
        work = self.queued.get(name, 0.0) + count
        done = min(work, ready * self.rate)
        self.arrived[name] = self.arrived.get(name, 0.0) + count
        self.completed[name] = self.completed.get(name, 0.0) + done
        self.queued[name] = work - done
        target = self.targets.get(name, 0)
        ongoing = self.queued[name] + done / self.rate * 4
        return Observation(
            self.arrived[name],
            self.completed[name],
            self.queued[name],
            ongoing,
            ready,
            target,
        )

    def _scale(self, name: str, replicas: int) -> None:
        orders = self.orders.setdefault(name, [])
        change = replicas - self.ready.get(name, 0) - len(orders)
        orders += [self.now + self.start_s] * max(0, change)
        while change < 0 and orders:
            orders.pop()
            change += 1
        self.ready[name] = max(0, self.ready.get(name, 0) + min(0, change))
        self.targets[name] = replicas


def trace(seconds=3600, rate=60.0, seed=0, burst_every_s=0) -> Trace:
    """Independent arrivals around a slow wave, with bursts if wanted."""
    at = np.arange(seconds)
    intensity = rate * (1 + 0.3 * np.sin(2 * np.pi * at / 2400))
    if burst_every_s:
        intensity = np.where(at % burst_every_s < 30, 2.5 * intensity, intensity)
    return Trace("made", np.random.default_rng(seed).poisson(intensity))
