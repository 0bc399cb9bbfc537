"""Replays traces through a policy and says what it cost and whom it let wait."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from configs.autoscaling import AutoscalingSpec, CapacitySpec, ColdStartSpec, Mode
from deployments.autoscaling.autoscaler import Autoscaler
from deployments.autoscaling.decision import Decision
from deployments.autoscaling.errors import PolicyUnknown
from deployments.autoscaling.prior import Priors
from deployments.autoscaling.replay.baselines import BASELINES, Scaler, baseline
from deployments.autoscaling.replay.oracle import required, schedule
from deployments.autoscaling.replay.pool import Pool, Second
from deployments.autoscaling.replay.trace import SLOTS, Trace
from deployments.autoscaling.signals import Observation
from deployments.autoscaling.timeline import Now

OURS: dict[str, Mode] = {
    "headwater": "hybrid",
    "hybrid": "hybrid",
    "predictive": "predictive",
    "reactive": "reactive",
    "serverless": "serverless",
    "always-warm": "always_warm",
}
POLICIES = (*BASELINES, *OURS)
COMPARED = (*BASELINES, "headwater")
MOST = 400

Told = Callable[[int, int], None]
Watch = Callable[[Second, Decision], None]


@dataclass(frozen=True)
class Case:
    """One trace with one length of starts."""

    trace: Trace
    start_s: int
    capacity_error: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What one policy did on one case, after the warm-up."""

    trace: str
    policy: str
    cold_start_s: int
    violations_percent: float
    cost_vs_oracle: float
    replica_seconds: float
    oracle_replica_seconds: float
    requests: int
    dropped_percent: float
    starts_per_day: float
    peak_replicas: int

    def as_dict(self) -> dict[str, Any]:
        """The outcome for JSON."""
        return asdict(self)


def replay(case: Case, policy: str, priors: Priors | None, told: Told) -> Outcome:
    """Replay one case through one policy; `told` hears how far it is.

    Raises:
        PolicyUnknown: there is no policy of this name.
    """
    if policy in OURS:
        return replay_ours([case], policy, priors, told)[0]
    scaler = baseline(policy, case.trace, case.start_s)
    if scaler is None:
        raise PolicyUnknown(policy, POLICIES)
    pool = _follow(case, scaler, told)
    return _outcome(case, policy, pool)


def replay_ours(
    cases: Sequence[Case],
    policy: str,
    priors: Priors | None,
    told: Told,
    watch: Watch | None = None,
) -> list[Outcome]:
    """Replay cases of one length side by side, as the deployments of one fleet."""
    names = [str(number) for number in range(len(cases))]
    pools = [Pool(case.trace, case.start_s, MOST) for case in cases]
    autoscaler = Autoscaler(priors=priors)
    specs = [_spec(case, OURS[policy]) for case in cases]
    autoscaler.configure(dict(zip(names, specs, strict=True)))
    arrived = [0.0] * len(cases)
    for at_s in range(cases[0].trace.seconds):
        seen = {}
        for place, pool in enumerate(pools):
            second = pool.serve(at_s)
            arrived[place] += second.arrived
            seen[names[place]] = observed(second, arrived[place])
        made = autoscaler.tick(Now(at_s, at_s), seen)
        for name, pool in zip(names, pools, strict=True):
            pool.scale(at_s, made[name].replicas)
        if watch is not None:
            watch(second, made[names[-1]])
        if at_s % 3600 == 0:
            told(at_s, cases[0].trace.seconds)
    told(cases[0].trace.seconds, cases[0].trace.seconds)
    return [
        _outcome(case, policy, pool) for case, pool in zip(cases, pools, strict=True)
    ]


def _follow(case: Case, scaler: Scaler, told: Told) -> Pool:
    pool = Pool(case.trace, case.start_s, MOST)
    for at_s in range(case.trace.seconds):
        pool.scale(at_s, scaler.decide(pool.serve(at_s)))
        if at_s % 3600 == 0:
            told(at_s, case.trace.seconds)
    told(case.trace.seconds, case.trace.seconds)
    return pool


def _spec(case: Case, mode: Mode) -> AutoscalingSpec:
    rate = case.trace.per_replica * (1 + case.capacity_error)
    return AutoscalingSpec(
        mode=mode,
        min_replicas=1,
        max_replicas=MOST,
        cold_start=ColdStartSpec(prior_s=case.start_s),
        capacity=CapacitySpec(
            requests_per_s=rate,
            slots=SLOTS,
            wait_budget_s=min(600.0, case.trace.wait_budget_s),
        ),
    )


def observed(second: Second, arrived: float) -> Observation:
    """What the autoscaler sees of a second, after `arrived` requests in all."""
    return Observation(
        arrived,
        second.completed,
        second.queued,
        second.ongoing,
        second.ready,
        second.target,
    )


def _outcome(case: Case, policy: str, pool: Pool) -> Outcome:
    trace, tally = case.trace, pool.tally
    best = float(schedule(required(trace), case.start_s)[trace.warm_up_s :].sum())
    requests = max(1.0, tally.requests)
    return Outcome(
        trace.name,
        policy,
        case.start_s,
        round(100 * tally.late / requests, 4),
        round(tally.replica_s / max(1.0, best), 4),
        tally.replica_s,
        best,
        int(tally.requests),
        round(100 * tally.dropped / requests, 4),
        round(tally.starts / ((trace.seconds - trace.warm_up_s) / 86_400), 1),
        tally.peak,
    )
