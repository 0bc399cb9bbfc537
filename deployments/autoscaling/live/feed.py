"""From what replicas report to what the policy observes, whoever comes, dies or falls silent.

Totals are built from differences, so a replica that dies takes nothing back, and one that is
silent for a moment is taken to go on as it did until its counters come and say.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from deployments.autoscaling.live import meter

FRESH_S = 3.0
"""A replica reports every second; one that is older than this is silent."""

PATIENCE_S = 60.0
"""For so long a silent replica is taken to receive what it did."""

PULL = 0.3
MOST = 1e15
"""No counter is larger; a number that is says nothing."""

ARRIVED = meter.key(meter.ARRIVED, "")
COUNTERS = (
    ARRIVED,
    meter.key(meter.COMPLETED, ""),
    meter.key(meter.SPENT, ""),
    meter.key(meter.SERVED, ""),
)


class Report(NamedTuple):
    """What one replica said last; `stamp` tells one report from the next."""

    stamp: float
    values: Mapping[str, float]


class Totals(NamedTuple):
    """The requests to one deployment; None: nobody reports it now; `counted`: so far."""

    counted: float
    arrived: float | None
    completed: float | None
    ongoing: float
    spent_s: float
    oldest_s: float


@dataclass
class _Source:
    """One replica that reports."""

    stamp: float
    heard_s: float
    values: dict[str, float] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    ahead: dict[str, float] = field(default_factory=dict)


class Feed:
    """Adds up the reports of all replicas of one application."""

    def __init__(self, now_s: float) -> None:
        self._born_s, self._last_s = now_s, now_s
        self._sources: dict[str, _Source] = {}
        self._totals: dict[str, float] = {}
        self._heard = self._sure = False
        self._known: list[dict[str, float]] = []

    def hear(
        self, now_s: float, reports: Mapping[str, Report], running: Collection[str]
    ) -> None:
        """Take what came since the last tick, by replica, and forget who is gone."""
        for replica in set(self._sources) - set(running):
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
        counted = self._total(meter.ARRIVED, deployment)
        ongoing = meter.key(meter.ONGOING, deployment)
        oldest = meter.key(meter.OLDEST, deployment)
        return Totals(
            counted,
            counted if self._heard else None,
            # Of what a silent replica completes nothing is known: no rate is learnt then.
            self._total(meter.COMPLETED, deployment) if self._sure else None,
            sum(values.get(ongoing, 0.0) for values in self._known),
            self._total(meter.SPENT, deployment),
            max((values.get(oldest, 0.0) for values in self._known), default=0.0),
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
        return source.values.get(meter.LOAD) if source else None

    def _total(self, kind: str, deployment: str) -> float:
        return self._totals.get(meter.key(kind, deployment), 0.0)

    def _judge(self, now_s: float) -> None:
        """Who has reported of late, once for all deployments."""
        silent_s = [now_s - one.heard_s for one in self._sources.values()]
        self._heard = any(one <= FRESH_S for one in silent_s)
        self._sure = self._heard and all(one <= FRESH_S for one in silent_s)
        self._known = [
            source.values
            for source, one in zip(self._sources.values(), silent_s, strict=True)
            if one <= PATIENCE_S
        ]

    def _take(self, replica: str, report: Report, now_s: float) -> None:
        known = self._sources.get(replica)
        if known is not None and known.stamp == report.stamp:
            return
        values = {k: v for k, v in report.values.items() if 0 <= v <= MOST}
        if known is None:
            known = self._sources[replica] = _Source(report.stamp, now_s)
            # One that is older than we are was counted by who was here before.
            if values.get(meter.AGE, 0.0) > now_s - self._born_s + FRESH_S:
                known.values = values
        since_s = now_s - known.heard_s or values.get(meter.AGE, 0.0)
        passed_s = max(1.0, since_s)
        for name, value in values.items():
            if name.startswith(COUNTERS):
                self._add(known, name, value, passed_s)
        if known.ahead and not any(known.ahead.values()):
            known.ahead.clear()
        known.stamp, known.heard_s, known.values = report.stamp, now_s, values

    def _add(self, source: _Source, name: str, value: float, passed_s: float) -> None:
        before = source.values.get(name, 0.0)
        more = value - before if value >= before else value
        if name.startswith(ARRIVED):
            pace = more / passed_s
            rate = source.rates.get(name, pace)
            source.rates[name] = rate + PULL * (pace - rate)
        if source.ahead:
            ahead = source.ahead.pop(name, 0.0)
            source.ahead[name] = max(0.0, ahead - more)
            more = max(0.0, more - ahead)
        self._totals[name] = self._totals.get(name, 0.0) + more

    def _guess(self, source: _Source, passed_s: float) -> None:
        for name, rate in source.rates.items():
            more = rate * passed_s
            source.ahead[name] = source.ahead.get(name, 0.0) + more
            self._totals[name] = self._totals.get(name, 0.0) + more
