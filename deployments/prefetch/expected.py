"""How much each model of a replica will be asked for soon, learnt from when it was. Pure.

The forecaster is that of autoscaling, with a row a model instead of a deployment.
"""

import math
from collections.abc import Mapping

import numpy as np

from deployments.autoscaling.features import Clock
from deployments.autoscaling.forecaster import LESSONS, Forecast, Forecaster
from deployments.autoscaling.rows import Floats
from deployments.autoscaling.timeline import Now, Timeline

LEAD_S = 10
"""How far it looks ahead: longer than a load takes, and two steps of the forecaster."""

EVERY_S = 5
KEPT = LEAD_S // EVERY_S + 1
"""A forecast counts until the moment that it was made for is over."""

WAIT_S = 0.5
MOST = 64
"""Models with a row of their own, 160 kB each; who was asked last is kept."""

GROWTH = 1.5
"""A forecast of less than that much more is not told: what is asked now says enough."""


class Expected:
    """Implements `deployments.residency.demand.Forecast`; call `count` every second."""

    def __init__(self, most: int = MOST) -> None:
        self._most, self._timeline = most, Timeline()
        self._forecaster = Forecaster(0)
        self._rows: dict[str, int] = {}
        self._arrived: dict[str, int] = {}
        self._told: list[Mapping[str, float]] = []

    def expect(self, key: str, now_s: float, horizon_s: float) -> float | None:
        """See `Forecast.expect`; the horizon is that of this forecaster."""
        most = max((told.get(_name(key), 0.0) for told in self._told), default=0.0)
        return most or None

    def soon(self) -> dict[str, float]:
        """Requests a second that are expected, of models that get many more than now."""
        found: dict[str, float] = {}
        for told in self._told:
            for name, rate in told.items():
                found[name] = max(rate, found.get(name, 0.0))
        return found

    def known(self) -> list[str]:
        """The models with a row of their own, in the order of names."""
        return sorted(self._rows)

    def count(self, arrived: Mapping[str, int], now: Now) -> None:
        """Take notice of all requests so far, by key, and look ahead."""
        passed = self._timeline.advance(now)
        if not passed.seconds:
            return
        if passed.lost:
            self._forecaster.forget_recent()
        counts = self._new(arrived)
        first = self._timeline.step - passed.seconds + 1
        for back, step in enumerate(range(first, self._timeline.step + 1)):
            wall_s = math.floor(now.wall_s) - passed.seconds + 1 + back
            self._second(step, wall_s, counts / passed.seconds)

    def _second(self, step: int, wall_s: int, counts: Floats) -> None:
        rows = len(counts)
        lead_s, wait_s = np.full(rows, LEAD_S), np.full(rows, WAIT_S)
        clock = Clock(step, wall_s, lead_s, wait_s)
        self._forecaster.add(counts, clock)
        if step % EVERY_S == 0 and rows:
            self._tell(self._forecaster.forecast(clock, _half))

    def _tell(self, forecast: Forecast) -> None:
        arrivals, pace = self._forecaster.arrivals, self._forecaster.pace
        peak, rate = arrivals.recent.max(axis=1), arrivals.rate(60)
        growth = np.divide(
            forecast.point, peak, out=np.zeros_like(peak), where=peak > 0
        )
        grown = np.where(pace.lessons >= LESSONS, rate * growth, 0.0)
        soon = np.maximum(grown, forecast.spike)
        told = {
            name: float(soon[row])
            for name, row in self._rows.items()
            if soon[row] > GROWTH * rate[row]
        }
        self._told = [*self._told, told][-KEPT:]

    def _new(self, arrived: Mapping[str, int]) -> Floats:
        """The requests of every row since the last time."""
        sums: dict[str, int] = {}
        for key, count in arrived.items():
            sums[_name(key)] = sums.get(_name(key), 0) + count
        fresh = {
            name: max(0, count - self._arrived.get(name, 0))
            for name, count in sums.items()
        }
        self._arrived = sums
        for name, count in fresh.items():
            if count and name not in self._rows:
                self._enter(name)
        counts = np.zeros(len(self._rows))
        for name, row in self._rows.items():
            counts[row] = fresh.get(name, 0)
        return counts

    def _enter(self, name: str) -> None:
        """Give a model a row: a new one, or that of whoever was not asked the longest."""
        parts = self._forecaster.parts().values()
        if len(self._rows) < self._most:
            self._rows[name] = len(self._rows)
            for part in parts:
                part.extend(1)
            return
        idle_s = self._forecaster.arrivals.idle_s
        left = max(self._rows, key=lambda one: int(idle_s[self._rows[one]]))
        row = self._rows[name] = self._rows.pop(left)
        for part in parts:
            part.clear(np.array([row]))


def _half(point: Floats) -> Floats:
    return np.full_like(point, 0.5)


def _name(key: str) -> str:
    """A rebuilt variant is asked for like the one before."""
    return key.partition("#")[0]
