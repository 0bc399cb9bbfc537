"""What holds whatever is forecast: bounds of the hour, special days, the budget."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from configs.autoscaling import DAYS, AutoscalingSpec, CalendarSpec, ScheduleSpec
from deployments.autoscaling.features import Clock
from deployments.autoscaling.rows import Floats, Ints

NO_DAYS = CalendarSpec()


@dataclass(frozen=True)
class Bounds:
    """What one deployment is held to at one moment."""

    least: int
    most: int
    factor: float


def bounds_at(spec: AutoscalingSpec, special: CalendarSpec, wall_s: int) -> Bounds:
    """The bounds of this moment; the first schedule that fits wins."""
    local = datetime.fromtimestamp(wall_s, tz=spec.zone)
    least, most = spec.min_replicas, spec.max_replicas
    for span in spec.schedule:
        if _holds(span, local):
            least = least if span.min_replicas is None else span.min_replicas
            most = most if span.max_replicas is None else span.max_replicas
            break
    factors = [
        day.factor
        for day in special.special_days
        if day.first <= local.date() <= day.last
    ]
    return Bounds(least, most, max(factors, default=1.0))


def _holds(span: ScheduleSpec, local: datetime) -> bool:
    clock = local.time()
    if span.start < span.end:
        return DAYS[local.weekday()] in span.days and span.start <= clock < span.end
    if clock >= span.start:
        return DAYS[local.weekday()] in span.days
    yesterday = DAYS[(local - timedelta(days=1)).weekday()]
    return clock < span.end and yesterday in span.days


def within_budget(
    wants: Ints,
    least: Ints,
    prices: Floats,
    budget: float,
    worth: Callable[[int, int], float],
) -> Ints:
    """Take away the least useful replicas until the rest can be paid.

    `worth(row, replicas)`: what the last of so many replicas of a row is worth, in its
    own price; it falls with the number, so taking the smallest first is the best choice.
    """
    kept: Ints = wants.copy()
    cost = float((kept * prices).sum())
    heap = [
        (worth(row, int(kept[row])), row)
        for row in range(len(kept))
        if kept[row] > least[row]
    ]
    heapq.heapify(heap)
    while cost > budget + 1e-9 and heap:
        _, row = heapq.heappop(heap)
        kept[row] -= 1
        cost -= float(prices[row])
        if kept[row] > least[row]:
            heapq.heappush(heap, (worth(row, int(kept[row])), row))
    return kept


@dataclass(frozen=True)
class Limits:
    """The bounds of this minute as arrays, one row a deployment."""

    least: Ints
    most: Ints
    factor: Floats


class Hours:
    """Bounds by the hour, worked out once a minute."""

    def __init__(
        self,
        specs: Mapping[str, AutoscalingSpec],
        calendars: Mapping[str, CalendarSpec],
    ) -> None:
        self._specs, self._calendars = specs, calendars
        self._minute: int | None = None
        self._limits = _stacked([])

    def at(self, clock: Clock) -> Limits:
        """The bounds of now; a minimum that begins soon is started in time for it."""
        minute = clock.wall_s // 60
        if minute != self._minute:
            self._limits, self._minute = self.ahead(clock), minute
        return self._limits

    def ahead(self, clock: Clock) -> Limits:
        """The same, worked out anew: for a clock that looks ahead unlike the last one."""
        found = []
        for lead_s, (name, spec) in zip(
            clock.lead_s.tolist(), self._specs.items(), strict=True
        ):
            days = self._calendars.get(name, NO_DAYS)
            here = bounds_at(spec, days, clock.wall_s)
            soon = bounds_at(spec, days, clock.wall_s + 60 + lead_s)
            least = min(max(here.least, soon.least), here.most)
            factor = max(here.factor, soon.factor)
            found.append(Bounds(least, here.most, factor))
        return _stacked(found)


def _stacked(found: Sequence[Bounds]) -> Limits:
    least = np.array([one.least for one in found], np.int64)
    most = np.array([one.most for one in found], np.int64)
    return Limits(least, most, np.array([one.factor for one in found], np.float64))
