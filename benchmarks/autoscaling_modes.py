"""What each mode means for users and for the bill: `python -m benchmarks.autoscaling_modes`.

One deployment lives through working weeks in the simulator: office hours with a wave and a batch
job every half hour, nights in which a report comes every two hours, weekends with nothing else.
The modes run side by side on the same arrivals; the first week is served but not counted.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from configs.autoscaling import AutoscalingSpec, CapacitySpec, ColdStartSpec, Mode
from deployments.autoscaling.autoscaler import Autoscaler
from deployments.autoscaling.prior import packaged_priors
from deployments.autoscaling.replay.oracle import required
from deployments.autoscaling.replay.pool import Pool, Second
from deployments.autoscaling.replay.trace import DAY_S, Trace
from deployments.autoscaling.rows import Ints
from deployments.autoscaling.signals import Observation
from deployments.autoscaling.timeline import Now

MODES: Mapping[str, Mode] = {
    "always warm": "always_warm",
    "auto-scaling": "reactive",
    "predictive": "predictive",
    "serverless": "serverless",
    "hybrid": "hybrid",
}
MONDAY_S = 1_780_272_000
WEEK_S = 7 * DAY_S
PER_REPLICA, SERVICE_S = 8.0, 0.5
OPEN_S, CLOSE_S = 8 * 3600, 18 * 3600
NOON_PER_S = 40.0
JOB_EVERY_S, JOB_S, JOB_PER_S = 1800, 60, 30.0
REPORT_EVERY_S, REPORT = 7200, 6


@dataclass(frozen=True, eq=False)
class Office(Trace):
    """A deployment whose replica is what it is, whatever the mean load."""

    @property
    def per_replica(self) -> float:
        """See `Trace.per_replica`."""
        return PER_REPLICA

    @property
    def service_s(self) -> float:
        """See `Trace.service_s`."""
        return SERVICE_S

    @property
    def warm_up_s(self) -> int:
        """See `Trace.warm_up_s`."""
        return WEEK_S

    @property
    def first_replicas(self) -> int:
        """See `Trace.first_replicas`."""
        return 1


@dataclass
class Seen:
    """What is counted beside the pool's own tally."""

    cold: int = 0
    ready_s: int = 0
    served: float = 0.0


def weeks(count: int, seed: int) -> Office:
    """The arrivals, one number a second, from a Monday's midnight on."""
    at = np.arange(count * WEEK_S)
    of_day, day = at % DAY_S, at // DAY_S % 7
    works = (day < 5) & (of_day >= OPEN_S) & (of_day < CLOSE_S)
    wave = np.sin(np.pi * (of_day - OPEN_S) / (CLOSE_S - OPEN_S))
    rate = np.where(works, NOON_PER_S * np.maximum(0, wave), 0.0)
    rate += np.where(works & (of_day % JOB_EVERY_S < JOB_S), JOB_PER_S, 0.0)
    arrivals: Ints = np.random.default_rng(seed).poisson(rate).astype(np.int64)
    arrivals[~works & (of_day % REPORT_EVERY_S == 0)] += REPORT
    return Office("office", arrivals)


def spec(mode: Mode, start_s: int, most: int) -> AutoscalingSpec:
    """The terms of one mode; all but the first two may go to zero where it can."""
    to_zero = mode in ("serverless", "hybrid")
    return AutoscalingSpec(
        mode=mode,
        min_replicas=0 if to_zero else 1,
        max_replicas=most,
        cold_start=ColdStartSpec(prior_s=start_s),
        capacity=CapacitySpec(requests_per_s=PER_REPLICA, wait_budget_s=0.6),
    )


def table(trace: Office, start_s: int) -> str:
    """A Markdown table, one row a mode."""
    counted = trace.seconds - trace.warm_up_s
    need = required(trace)[trace.warm_up_s :]
    most, needed_s = int(need.max()), float(need.sum())
    pools = {name: Pool(trace, start_s, most) for name in MODES}
    seen = {name: Seen() for name in MODES}
    autoscaler = Autoscaler(priors=packaged_priors())
    specs = {name: spec(mode, start_s, most) for name, mode in MODES.items()}
    autoscaler.configure(specs)
    arrived = 0.0
    for at_s in range(trace.seconds):
        seconds = {name: pool.serve(at_s) for name, pool in pools.items()}
        arrived += float(trace.arrivals[at_s])
        made = autoscaler.tick(Now(at_s, MONDAY_S + at_s), _observed(seconds, arrived))
        for name, pool in pools.items():
            if at_s >= trace.warm_up_s:
                _count(seen[name], seconds[name])
            pool.scale(at_s, made[name].replicas)
    lines = [
        "| mode | late % | met no replica % | starts a day | busy % | "
        "replica-hours a day | in the hours needed |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, pool in pools.items():
        lines.append(_row(name, pool, seen[name], (counted / DAY_S, needed_s)))
    return "\n".join(lines) + "\n"


def _observed(seconds: Mapping[str, Second], arrived: float) -> dict[str, Observation]:
    return {
        name: Observation(
            arrived, one.completed, one.queued, one.ongoing, one.ready, one.target
        )
        for name, one in seconds.items()
    }


def _count(seen: Seen, second: Second) -> None:
    seen.cold += second.arrived if not second.ready else 0
    seen.ready_s += second.ready
    seen.served += second.utilisation * second.ready


def _row(name: str, pool: Pool, seen: Seen, counted: tuple[float, float]) -> str:
    days, needed_s = counted
    tally = pool.tally
    hours = tally.replica_s / 3600 / days
    return (
        f"| {name} | {100 * tally.late / tally.requests:.3f} | "
        f"{100 * seen.cold / tally.requests:.3f} | {tally.starts / days:.1f} | "
        f"{100 * seen.served / max(1, seen.ready_s):.0f} | {hours:.1f} | "
        f"{tally.replica_s / needed_s:.2f} |"
    )


def main() -> None:
    """Print the table of every length of starts that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=2)
    parser.add_argument("--cold-start", nargs="+", type=int, default=[10, 40])
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    trace = weeks(asked.weeks, asked.seed)
    for start_s in asked.cold_start:
        sys.stdout.write(f"Starts take {start_s} s\n\n{table(trace, start_s)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
