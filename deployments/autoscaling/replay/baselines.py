"""Other autoscalers, as their documentation and code say they decide, at usual settings."""

import math
from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np

from deployments.autoscaling.replay.oracle import required, schedule
from deployments.autoscaling.replay.pool import Second, rounded_up
from deployments.autoscaling.replay.trace import FULL_REPLICAS, SLOTS, Trace


class Scaler(Protocol):
    """Says how many replicas there should be, once a second."""

    def decide(self, second: Second) -> int: ...


class Window:
    """The mean of the last seconds."""

    def __init__(self, seconds: int) -> None:
        self._values: deque[float] = deque(maxlen=seconds)

    def add(self, value: float) -> None:
        """Take in one second."""
        self._values.append(value)

    def mean(self) -> float:
        """The mean of what is there."""
        return math.fsum(self._values) / max(1, len(self._values))


class Static:
    """A fixed number."""

    def __init__(self, replicas: int) -> None:
        self._replicas = replicas

    def decide(self, second: Second) -> int:
        return self._replicas


class Oracle:
    """The schedule of hindsight."""

    def __init__(self, trace: Trace, start_s: int) -> None:
        self._held = schedule(required(trace), start_s)

    def decide(self, second: Second) -> int:
        return int(self._held[second.at_s])


class RayServe:
    """Ray Serve's own policy: ongoing requests a replica, pushed and delayed."""

    def __init__(
        self,
        per_replica: float,
        look_back_s: int,
        push_s: int,
        delays_s: tuple[int, int],
    ) -> None:
        self._per_replica, self._push_s = per_replica, push_s
        self._up_s, self._down_s = delays_s
        self._window, self._metric = Window(look_back_s), 0.0
        self._rising_since: int | None = None
        self._falling_since: int | None = None

    def decide(self, second: Second) -> int:
        self._window.add(second.ongoing)
        if second.at_s % self._push_s == 0:
            self._metric = self._window.mean()
        if second.ready == 0:
            busy = second.queued > 0 or self._metric > 0
            self._rising_since = self._falling_since = None
            return max(1, second.target) if busy else second.target
        wanted = max(1, rounded_up(self._metric / self._per_replica))
        if wanted > second.target:
            return self._rise(second, wanted)
        if wanted < second.target:
            return self._fall(second, wanted)
        self._rising_since = self._falling_since = None
        return second.target

    def _rise(self, second: Second, wanted: int) -> int:
        self._falling_since = None
        if self._rising_since is None:
            self._rising_since = second.at_s
        if second.at_s - self._rising_since < self._up_s:
            return second.target
        self._rising_since = None
        return wanted

    def _fall(self, second: Second, wanted: int) -> int:
        self._rising_since = None
        if self._falling_since is None:
            self._falling_since = second.at_s
        if second.at_s - self._falling_since < self._down_s:
            return second.target
        self._falling_since = None
        return wanted


class Knative:
    """Concurrency over a stable minute, and over six seconds when that doubles."""

    STABLE_S, PANIC_S, TARGET, PANIC = 60, 6, 0.7 * SLOTS, 2.0

    def __init__(self) -> None:
        self._stable, self._short = Window(self.STABLE_S), Window(self.PANIC_S)
        self._panic_until, self._panic_most = -1, 0

    def decide(self, second: Second) -> int:
        self._stable.add(second.ongoing)
        self._short.add(second.ongoing)
        if second.at_s % 2:
            return second.target
        ready = max(1, second.ready)
        stable = self._bounded(self._stable.mean(), ready)
        wanted_now = rounded_up(self._short.mean() / self.TARGET)
        short = self._bounded(self._short.mean(), ready)
        if wanted_now / ready >= self.PANIC:
            self._panic_until = second.at_s + self.STABLE_S
            self._panic_most = self._panic_most or ready
        if second.at_s < self._panic_until:
            self._panic_most = max(self._panic_most, short)
            return self._panic_most
        self._panic_most = 0
        return max(1, stable)

    def _bounded(self, ongoing: float, ready: int) -> int:
        wanted = rounded_up(ongoing / self.TARGET)
        return max(min(wanted, 1000 * ready), ready // 2)


class Hpa:
    """The pod autoscaler of Kubernetes at 70 % utilisation."""

    SYNC_S, TARGET, TOLERANCE, DOWN_S = 15, 0.7, 0.1, 300

    def __init__(self) -> None:
        self._window = Window(60)
        self._wants: deque[int] = deque(maxlen=self.DOWN_S // self.SYNC_S + 1)

    def decide(self, second: Second) -> int:
        self._window.add(second.utilisation)
        if second.at_s % self.SYNC_S:
            return second.target
        ratio = self._window.mean() / self.TARGET
        ready = max(1, second.ready)
        wanted = ready
        if abs(ratio - 1) > self.TOLERANCE:
            wanted = rounded_up(ready * ratio)
        if ratio > 1:
            wanted = max(wanted, second.target)
        wanted = max(1, min(wanted, max(second.target + 4, 2 * second.target)))
        self._wants.append(wanted)
        if wanted > second.target:
            return wanted
        return min(second.target, max(self._wants))


class KeepAlive:
    """What functions do: start what is needed now, keep it for ten minutes."""

    KEEP_S = 600

    def __init__(self) -> None:
        self._last = np.full(1001, -self.KEEP_S, np.int64)

    def decide(self, second: Second) -> int:
        needed = min(1000, rounded_up(second.ongoing / SLOTS))
        self._last[:needed] = second.at_s
        return int((second.at_s - self._last[:-1] < self.KEEP_S).sum())


def baseline(name: str, trace: Trace, start_s: int) -> Scaler | None:
    """The baseline of this name, new; None if there is none."""
    makers: dict[str, Callable[[], Scaler]] = {
        "static": lambda: Static(rounded_up(FULL_REPLICAS / 0.8)),
        "static-peak": lambda: Static(int(required(trace).max())),
        "ray-default": lambda: RayServe(2, 30, 10, (30, 600)),
        "ray-tuned": lambda: RayServe(0.75 * SLOTS, 10, 1, (0, 120)),
        "knative": Knative,
        "hpa": Hpa,
        "keep-alive": KeepAlive,
        "oracle": lambda: Oracle(trace, start_s),
    }
    return makers[name]() if name in makers else None


BASELINES = (
    "static",
    "static-peak",
    "ray-default",
    "ray-tuned",
    "knative",
    "hpa",
    "keep-alive",
    "oracle",
)
