"""The policy: one tick a second for all deployments, from observations to decisions.

It reads no clock and knows no cluster: whoever calls it hands in the time and obeys.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from configs.autoscaling import AutoscalingSpec, CalendarSpec, FleetSpec
from deployments.autoscaling.bounds import Hours
from deployments.autoscaling.decision import Decision
from deployments.autoscaling.features import Clock
from deployments.autoscaling.forecaster import EVERY_S, LONGEST_LEAD_S
from deployments.autoscaling.inherit import experienced, prior_of
from deployments.autoscaling.memory import Memory
from deployments.autoscaling.policy import Policy
from deployments.autoscaling.prior import Priors
from deployments.autoscaling.reasons import decisions
from deployments.autoscaling.rows import Ints
from deployments.autoscaling.settings import settings
from deployments.autoscaling.signals import Observation, Reading
from deployments.autoscaling.starts import Orders, believe
from deployments.autoscaling.timeline import Now, Timeline

LEAST_FLEET = 3
LATEST_S = 2**32
NOTHING = Observation(None, None, 0.0, 0.0, 0, 0)


class Autoscaler:
    """Decides for all deployments of a fleet; what it has learnt is in `memory`."""

    def __init__(
        self, fleet: FleetSpec | None = None, priors: Priors | None = None
    ) -> None:
        self.memory = Memory()
        self._fleet, self._priors = fleet or FleetSpec(), priors
        self._specs: dict[str, AutoscalingSpec] = {}
        self._timeline, self._orders = Timeline(), Orders()
        self._last: dict[str, Decision] = {}
        self.configure({})

    def configure(
        self,
        specs: Mapping[str, AutoscalingSpec],
        calendars: Mapping[str, CalendarSpec] | None = None,
    ) -> None:
        """Decide for exactly these deployments from now on."""
        for name in set(self._specs) - set(specs):
            self._orders.forget(name)
        new = self.memory.arrange(list(specs))
        self._specs = {name: specs[name] for name in self.memory.names}
        self._last = {k: v for k, v in self._last.items() if k in specs}
        self._settings = settings(list(self._specs.values()))
        self._hours = Hours(self._specs, calendars or {})
        self.policy = Policy(self.memory, self._settings, self._fleet)
        self.memory.capacity.believe(self._settings.rate)
        self._believe_starts(np.arange(len(self._specs)))
        self._inherit(new)

    def tick(self, now: Now, seen: Mapping[str, Observation]) -> dict[str, Decision]:
        """Decide; within the second of the last tick the answers are those of then."""
        passed = self._timeline.advance(now)
        if not passed.seconds or not self._specs:
            return self._last
        if passed.lost:
            self.memory.forecaster.forget_recent()
            self.memory.signals.clear(np.arange(len(self._specs)))
        rows = [seen.get(name, NOTHING) for name in self.memory.names]
        usual = self.memory.forecaster.arrivals.rate(5)
        reading = self.memory.signals.read(rows, passed.seconds, usual)
        wall_s = int(now.wall_s) if 0 <= now.wall_s < LATEST_S else 0
        clock = self._count(reading, passed.seconds, wall_s)
        self._learn(reading, passed.seconds, clock, now)
        steps, facts = self.policy.decide(
            reading, clock, self._hours.at(clock), now.monotonic_s
        )
        acts = [not spec.shadow for spec in self._specs.values()]
        self._last = decisions(self.memory.names, acts, steps, facts)
        return self._last

    def foresee(self, now: Now, ahead_s: float) -> dict[str, int]:
        """Replicas that may be wanted within `ahead_s` beyond the usual horizon.

        Never fewer than decided now. The forecaster is the one that decides, asked about
        a later moment: a guess for whoever must begin early and may be wrong, as nodes.
        """
        wall_s = int(now.wall_s) if 0 <= now.wall_s < LATEST_S else 0
        clock = self._clock(self._timeline.step, wall_s, ahead_s)
        later = self.policy.foresee(clock, self._hours.ahead(clock))
        return {
            name: max(count, self._last[name].replicas)
            for name, count in zip(self.memory.names, later.tolist(), strict=True)
            if name in self._last
        }

    def _clock(self, step: int, wall_s: int, ahead_s: float = 0.0) -> Clock:
        start_s = self.memory.starts.expected_s + ahead_s
        lead_s = np.ceil(start_s / EVERY_S).astype(np.int64) * EVERY_S
        lead_s = np.minimum(np.maximum(lead_s, EVERY_S), LONGEST_LEAD_S)
        return Clock(step, wall_s, lead_s, self._settings.wait_budget_s)

    def _count(self, reading: Reading, seconds: int, wall_s: int) -> Clock:
        last = self._clock(self._timeline.step, wall_s)
        for back in range(seconds - 1, 0, -1):
            clock = replace(last, step=last.step - back, wall_s=wall_s - back)
            self.memory.forecaster.add(reading.counts / seconds, clock)
        self.memory.forecaster.add(reading.counts / seconds, last)
        return last

    def _learn(self, reading: Reading, seconds: int, clock: Clock, now: Now) -> None:
        memory, chosen = self.memory, self._settings
        memory.capacity.learn(reading, seconds, chosen.learns_rate, chosen.slots)
        measured = self._orders.follow(
            memory.names, memory.starts, reading.ready, reading.target, now.monotonic_s
        )
        self._believe_starts(measured)
        arrivals = memory.forecaster.arrivals
        memory.idle.learn(arrivals.idle_s, clock.wall_s)
        late = arrivals.demand(clock.step, 1) > reading.ready * memory.capacity.rate
        memory.tuning.learn(
            clock.step,
            np.where(late, reading.counts, 0.0),
            reading.counts,
            chosen.violation_target,
        )

    def _believe_starts(self, rows: Ints) -> None:
        chosen = self._settings
        believe(self.memory.starts, rows, chosen.start_prior_s, chosen.start_quantile)

    def _inherit(self, new: Ints) -> None:
        """New deployments begin with what others have learnt."""
        if self._priors is None:
            return
        forecaster, leads_s = self.memory.forecaster, self._clock(0, 0).lead_s
        for row in new.tolist():
            lead_s = int(leads_s[row])
            old = experienced(forecaster, leads_s, lead_s)
            if len(old) >= LEAST_FLEET:
                self._priors = self._priors.updated(lead_s, prior_of(forecaster, old))
            if not forecaster.pace.lessons[row]:
                forecaster.adopt(row, self._priors.nearest(lead_s))
