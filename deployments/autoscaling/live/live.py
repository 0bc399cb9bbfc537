"""One application's autoscaler beside its cluster: sights in, decisions and history out."""

import math
from collections.abc import Mapping, Sequence

from configs.autoscaling import AutoscalingSpec, CalendarSpec, FleetSpec
from deployments.autoscaling.autoscaler import Autoscaler
from deployments.autoscaling.decision import Decision
from deployments.autoscaling.live.feed import Feed, Totals
from deployments.autoscaling.live.keeper import Keeper
from deployments.autoscaling.live.ledger import Asked, Ledger
from deployments.autoscaling.live.room import Bundle, bundles
from deployments.autoscaling.live.scribe import Facts, Scribe
from deployments.autoscaling.live.sight import Sight, observe
from deployments.autoscaling.prior import Priors
from deployments.autoscaling.signals import Observation
from deployments.autoscaling.timeline import Now

FORESEE_S = 10.0
SETTLE_S = 30.0
"""A new controller finds its replicas again within this time."""


class Live:
    """Decides once a second and keeps the history; the caller obeys and catches."""

    def __init__(
        self, fleet: FleetSpec, priors: Priors | None, keeper: Keeper, now: Now
    ) -> None:
        self.decisions: dict[str, Decision] = {}
        self.totals: dict[str, Totals] = {}
        self.decided_s: float | None = None
        self.nodes: tuple[Bundle, ...] | None = None
        self._fleet, self._foreseen_s = fleet, -math.inf
        self._autoscaler = Autoscaler(fleet, priors)
        self._keeper, self._began_s = keeper, now.monotonic_s
        self._feed, self._ledger = Feed(now.monotonic_s), Ledger()
        self._scribe = Scribe()
        self._asked: dict[str, Asked] = {}
        self._unsettled = set(keeper.recall(self._autoscaler.memory, now.wall_s))
        self._terms: dict[str, tuple[AutoscalingSpec, CalendarSpec]] = {}

    def tick(self, now: Now, sights: Sequence[Sight]) -> Mapping[str, Decision]:
        """Decide for what is seen; a deployment that is not decided for stays as it is.

        When `decided_s` is this moment, `decisions` holds its answers, even if what comes
        after them has failed.
        """
        names = {sight.name for sight in sights}
        self.decisions = {k: v for k, v in self.decisions.items() if k in names}
        self._hear(now, sights)
        settled = [sight for sight in sights if self._settled(sight, now)]
        self._configure(settled)
        asked, seen = self._asked, self._observe(settled)
        self.decisions = dict(self._autoscaler.tick(now, seen))
        self.decided_s = now.monotonic_s
        self._asked = {
            name: Asked(one.replicas, one.reason, (now.monotonic_s, now.wall_s))
            for name, one in self.decisions.items()
            if one.acts
        }
        self._foresee(now, settled)
        self._trace(now, settled, asked)
        self._note(now, settled)
        return self.decisions

    def served(self) -> dict[str, float]:
        """Requests so far by the pipeline or model that clients named."""
        return self._feed.served()

    def _hear(self, now: Now, sights: Sequence[Sight]) -> None:
        reports = {k: v for sight in sights for k, v in sight.reports.items()}
        running = {replica for sight in sights for replica in sight.running}
        self._feed.hear(now.monotonic_s, reports, running)
        self.totals = {sight.name: self._feed.totals(sight.name) for sight in sights}

    def _settled(self, sight: Sight, now: Now) -> bool:
        """Whether a new controller knows again what it had; until then nothing changes.

        Replicas that it finds again would else be taken for starts, and fast ones.
        """
        if sight.name not in self._unsettled:
            return True
        late = now.monotonic_s - self._began_s > SETTLE_S
        if late or sight.ready >= sight.target:
            self._unsettled.discard(sight.name)
        return sight.name not in self._unsettled

    def _configure(self, sights: Sequence[Sight]) -> None:
        terms = {sight.name: (sight.spec, sight.calendar) for sight in sights}
        if terms == self._terms:
            return
        self._autoscaler.configure(
            {name: spec for name, (spec, _) in terms.items()},
            {name: calendar for name, (_, calendar) in terms.items()},
        )
        self._ledger.forget(terms)
        self._terms = terms

    def _foresee(self, now: Now, sights: Sequence[Sight]) -> None:
        """Every few seconds: what the cluster is to have room for soon."""
        ahead_s = self._fleet.node_start_s
        if ahead_s is None or 0 <= now.monotonic_s - self._foreseen_s < FORESEE_S:
            return
        self._foreseen_s = now.monotonic_s
        later = self._autoscaler.foresee(now, ahead_s)
        self.nodes = bundles(sights, later)

    def _observe(self, sights: Sequence[Sight]) -> dict[str, Observation]:
        reportable = any(sight.running for sight in sights)
        return {
            sight.name: observe(sight, self.totals[sight.name], reportable=reportable)
            for sight in sights
        }

    def _trace(
        self, now: Now, sights: Sequence[Sight], asked: Mapping[str, Asked]
    ) -> None:
        """Match replicas that have become ready to the decisions that ordered them."""
        clocks = (now.monotonic_s, now.wall_s)
        for sight in sights:
            if not self._ledger.knows(sight.name):
                self._ledger.open(sight.name, sight.target, sight.running, clocks)
                continue
            for start in self._ledger.follow(
                sight.name,
                sight.target,
                sight.running,
                asked.get(sight.name),
                clocks,
            ):
                self._scribe.started(sight.name, start, now.monotonic_s)

    def _note(self, now: Now, sights: Sequence[Sight]) -> None:
        loads = {name: self._feed.load_s(name) for name in self._scribe.waiting()}
        lines = list(self._scribe.starts(loads, now.monotonic_s))
        for sight in sights:
            decision = self.decisions.get(sight.name)
            if decision is None:
                continue
            totals, most = self.totals[sight.name], sight.spec.max_replicas
            facts = Facts(most, sight.ready, sight.target, totals)
            line = self._scribe.decision(decision, facts, now.wall_s)
            if line is not None:
                lines.append(line)
        self._keeper.write(lines)
        self._keeper.flush(self._autoscaler.memory, now.monotonic_s)
