"""From what replicas report to what the policy observes, whoever comes, dies or falls silent.

Totals are built from differences, so a replica that dies takes nothing back, and one that is
silent for a moment is taken to go on as it did until its counters come and say.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from deployments.autoscaling.live import meter, work

FRESH_S = 3.0
"""A replica reports every second; one that is older than this is silent."""

PATIENCE_S = 60.0
"""For so long a silent replica is taken to receive what it did."""

PULL = 0.3
MOST = 1e15
"""No counter is larger; a number that is says nothing."""

PACED = (meter.key(meter.ARRIVED, ""), meter.key(work.CAME, ""))
COUNTERS = (
    *PACED,
    meter.key(meter.COMPLETED, ""),
    meter.key(work.DONE, ""),
    meter.key(meter.SPENT, ""),
    meter.key(meter.SERVED, ""),
)
OWN = (meter.AGE, meter.LOAD)
"""What a replica says of itself."""

ADDED = meter.key(meter.ONGOING, "")
"""Of the numbers that go up and down this is added up over replicas; else the largest counts."""


class Report(NamedTuple):
    """What one replica said last; `stamp` tells one report from the next."""

    stamp: float
    values: Mapping[str, float]


class Totals(NamedTuple):
    """The requests to one deployment; None: nobody reports it now; `counted`: so far.

    `came`, `done` and `waiting` are of the work that is counted beside them.
    """

    counted: float
    arrived: float | None
    completed: float | None
    ongoing: float
    spent_s: float
    oldest_s: float
    came: float = 0.0
    done: float = 0.0
    waiting: float = 0.0


class _Keys(NamedTuple):
    """The names of the numbers of one deployment, in the order of `Totals`."""

    arrived: str
    completed: str
    ongoing: str
    spent: str
    oldest: str
    came: str
    done: str
    waiting: str


KINDS = (
    meter.ARRIVED,
    meter.COMPLETED,
    meter.ONGOING,
    meter.SPENT,
    meter.OLDEST,
    work.CAME,
    work.DONE,
    work.WAITING,
)


@dataclass
class _Source:
    """One replica that reports: its counters, and of the rest what is above zero."""

    stamp: float
    heard_s: float
    load_s: float | None = None
    counters: dict[str, float] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    ahead: dict[str, float] = field(default_factory=dict)


class Feed:
    """Adds up the reports of all replicas of one application."""

    def __init__(self, now_s: float) -> None:
        self._born_s, self._last_s = now_s, now_s
        self._sources: dict[str, _Source] = {}
        self._totals: dict[str, float] = {}
        self._gauges: dict[str, float] = {}
        self._counts: dict[str, bool] = {}
        self._keys: dict[str, _Keys] = {}
        self._heard = self._sure = False

    def hear(
        self, now_s: float, reports: Mapping[str, Report], running: Collection[str]
    ) -> None:
        """Take what came since the last tick, by replica, and forget who is gone."""
        for replica in self._sources.keys() - running:
            del self._sources[replica]
        for replica, report in reports.items():
            self._take(replica, report, now_s)
        passed_s = max(0.0, now_s - self._last_s)
        self._last_s = now_s
        for source in self._sources.values():
            if FRESH_S < now_s - source.heard_s <= PATIENCE_S:
                self._guess(source, passed_s)
        self._judge(now_s)

    def totals(self, deployment: str) -> Totals:
        """The requests to one deployment, of which nobody may have seen any yet."""
        keys = self._keys.get(deployment)
        if keys is None:
            named = [meter.key(kind, deployment) for kind in KINDS]
            keys = self._keys[deployment] = _Keys(*named)
        total, gauge = self._totals.get, self._gauges.get
        counted = total(keys.arrived, 0.0)
        return Totals(
            counted,
            counted if self._heard else None,
            # Of what a silent replica completes nothing is known: no rate is learnt then.
            total(keys.completed, 0.0) if self._sure else None,
            gauge(keys.ongoing, 0.0),
            total(keys.spent, 0.0),
            gauge(keys.oldest, 0.0),
            total(keys.came, 0.0),
            total(keys.done, 0.0),
            gauge(keys.waiting, 0.0),
        )

    def served(self) -> dict[str, float]:
        """Requests so far by the name that clients used."""
        start = meter.key(meter.SERVED, "")
        return {
            name.removeprefix(start): total
            for name, total in self._totals.items()
            if name.startswith(start)
        }

    def load_s(self, replica: str) -> float | None:
        """How long a replica took to load its models; None: it has not said yet."""
        source = self._sources.get(replica)
        return source.load_s if source else None

    def _judge(self, now_s: float) -> None:
        """Who has reported of late, and what they have now, once for all deployments."""
        sources = self._sources.values()
        # Who has nothing to count may be quiet.
        telling = [one for one in sources if one.counters] or sources
        fresh = [now_s - one.heard_s <= FRESH_S for one in telling]
        self._heard = any(fresh)
        self._sure = self._heard and all(fresh)
        self._gauges = found = dict[str, float]()
        for source in sources:
            if not source.gauges or now_s - source.heard_s > PATIENCE_S:
                continue
            for name, value in source.gauges.items():
                before = found.get(name, 0.0)
                added = name.startswith(ADDED)
                found[name] = before + value if added else max(before, value)

    def _take(self, replica: str, report: Report, now_s: float) -> None:
        stamp, values = report
        known = self._sources.get(replica)
        if known is not None and known.stamp == stamp:
            return
        age_s = _number(values, meter.AGE) or 0.0
        counters, gauges = self._split(values)
        if known is None:
            known = self._sources[replica] = _Source(stamp, now_s)
            # One that is older than we are was counted by who was here before.
            if age_s > now_s - self._born_s + FRESH_S:
                known.counters = counters
        if counters:
            self._count(known, counters, max(1.0, now_s - known.heard_s or age_s))
            known.counters = known.counters | counters
        known.stamp, known.heard_s = stamp, now_s
        known.load_s, known.gauges = _number(values, meter.LOAD), gauges

    def _split(
        self, values: Mapping[str, float]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Counters, and what goes up and down; without what is zero or no number."""
        counters, gauges, counts = dict[str, float](), dict[str, float](), self._counts
        for name, value in values.items():
            if not 0 <= value <= MOST or name in OWN:
                continue
            known = counts.get(name)
            if known is None:
                known = counts[name] = name.startswith(COUNTERS)
            if known:
                counters[name] = value
            elif value:
                gauges[name] = value
        return counters, gauges

    def _count(
        self, source: _Source, counters: Mapping[str, float], passed_s: float
    ) -> None:
        old, rates, totals = source.counters, source.rates, self._totals
        for name, value in counters.items():
            before = old.get(name, 0.0)
            more = value - before if value >= before else value
            if name.startswith(PACED):
                pace = more / passed_s
                rate = rates.get(name, pace)
                rates[name] = rate + PULL * (pace - rate)
            if source.ahead:
                ahead = source.ahead.pop(name, 0.0)
                source.ahead[name] = max(0.0, ahead - more)
                more = max(0.0, more - ahead)
            if more:
                totals[name] = totals.get(name, 0.0) + more
        if source.ahead and not any(source.ahead.values()):
            source.ahead.clear()

    def _guess(self, source: _Source, passed_s: float) -> None:
        for name, rate in source.rates.items():
            more = rate * passed_s
            source.ahead[name] = source.ahead.get(name, 0.0) + more
            self._totals[name] = self._totals.get(name, 0.0) + more


def _number(values: Mapping[str, float], name: str) -> float | None:
    """None: it was not said, or is no number that can be."""
    value = values.get(name, math.nan)
    return value if 0 <= value <= MOST else None
