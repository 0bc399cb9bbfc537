"""A day in minutes on real replicas: `python -m benchmarks.autoscaling_live --minutes 20`.

The same arrivals meet Headwater's policy, Ray's default and Ray tuned, one cluster after the
other, all with the same INT8 model. `headwater-spiky` keeps replicas longer and a little more of
them than is forecast; `headwater-new` has never seen the deployment before, the others remember
`--days-before`. Counted are requests that were answered late or not at all, and replica-seconds
from the order to the end of each replica.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.clients import Caller
from benchmarks.day import Day
from benchmarks.days_before import earlier, learnt, per_second
from benchmarks.facts import LoadJob
from benchmarks.load import Record, closed_loop, open_loop
from benchmarks.scaled import (
    APP,
    CALIBRATION_S,
    CALLERS,
    DEPLOYMENT,
    HEADWATER,
    LOOK_S,
    Setting,
    Watch,
    caller_of,
    config_of,
    scaling_of,
    starts,
    watched,
)
from deployments.autoscaling import state
from serve_app.scaling.shell import clock, folder_of

DRAIN_S = 30.0
LEAD_S = 150
"""From the end of what was learnt to the day that counts; the cluster starts meanwhile."""

CONTENDERS = (*HEADWATER, "ray-tuned", "ray-default")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one contender made of the day; `causes`: of its starts, by what ordered them."""

    contender: str
    requests: int
    late: int
    failed: Mapping[str, int]
    late_percent: float
    replica_s: float
    most_replicas: int
    p50_ms: float
    p99_ms: float
    lag_p99_ms: float
    causes: Mapping[str, int]


async def calibrate(job: LoadJob) -> float:
    """Requests a second of one limited replica that always has work."""
    async with Caller(job) as call:
        record = await closed_loop(call, CALLERS, CALIBRATION_S)
    return len(record.latencies_ms) / CALIBRATION_S


async def live_through(job: LoadJob, arrivals_s: Sequence[float]) -> Record:
    """Send the requests of a day."""
    async with Caller(job) as call:
        return await open_loop(call, arrivals_s, DRAIN_S)


def live_on(job: LoadJob, before: Day, begins_s: float) -> None:
    """Send what is left of the day before, and wait for the one that counts.

    Raises:
        SystemExit: the cluster took too long to start.
    """
    left_s = begins_s - time.monotonic()
    if left_s < 0:
        raise SystemExit(f"the cluster was ready {-left_s:.0f} s too late; try again")
    passed_s = before.seconds - left_s
    asyncio.run(
        live_through(
            job, [at - passed_s for at in before.arrivals_s() if at > passed_s]
        )
    )
    time.sleep(max(0.0, begins_s - time.monotonic()))


def remember(
    contender: str, setting: Setting, rate_per_s: float, place: tuple[Path, float]
) -> None:
    """Leave what was learnt on earlier days where a new controller looks for it."""
    home, wall_s = place
    day = setting.day(rate_per_s)
    arrivals = per_second(earlier(day, setting.days_before))[:-LEAD_S]
    spec = scaling_of(contender, setting, rate_per_s)
    memory = learnt(DEPLOYMENT, spec, arrivals, wall_s)
    state.write(state.snapshot(memory), folder_of(home, APP) / "state.npz")


def replica_rate(setting: Setting) -> float:
    """Requests a second of one replica that always has work."""
    with tempfile.TemporaryDirectory(prefix="day-", dir="/tmp") as name:
        job = caller_of(setting, Path(name))
        with watched(config_of("one-replica", setting, 1.0), Path(name), setting.cores):
            time.sleep(2 * LOOK_S)
            return asyncio.run(calibrate(job))


def measure(contender: str, setting: Setting, rate_per_s: float) -> Outcome:
    """Let one contender live through the day."""
    day = setting.day(rate_per_s)
    with tempfile.TemporaryDirectory(prefix="day-", dir="/tmp") as name:
        folder, now = Path(name), clock()
        job = caller_of(setting, folder)
        if contender in HEADWATER and contender != "headwater-new":
            remember(contender, setting, rate_per_s, (folder / "home", now.wall_s))
        with watched(
            config_of(contender, setting, rate_per_s), folder, setting.cores
        ) as watch:
            live_on(job, earlier(day, 1)[0], now.monotonic_s + LEAD_S)
            watch.begin()
            record = asyncio.run(live_through(job, day.arrivals_s()))
        causes = Counter(
            f"{one['cause']}: {one['reason']}" if one["reason"] else one["cause"]
            for one in starts(folder)
        )
    return outcome(contender, record, watch, (setting.slo_s, causes))


def outcome(
    contender: str, record: Record, watch: Watch, told: tuple[float, Mapping[str, int]]
) -> Outcome:
    """The figures of one contender."""
    slo_s, causes = told
    took_ms = np.array(record.latencies_ms or [np.nan])
    failed = sum(record.errors.values())
    requests = len(record.latencies_ms) + failed
    late = int((took_ms > 1000 * slo_s).sum()) + failed
    return Outcome(
        contender,
        requests,
        late,
        dict(record.errors),
        100 * late / max(1, requests),
        watch.replica_s,
        watch.most,
        float(np.quantile(took_ms, 0.5)),
        float(np.quantile(took_ms, 0.99)),
        float(np.quantile(record.lag_ms or [0.0], 0.99)),
        dict(causes),
    )


def table(outcomes: list[Outcome]) -> str:
    """A Markdown table."""
    lines = [
        "| policy | requests | late | late % | replica-seconds | most | p50 ms | p99 ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.contender} | {one.requests} | {one.late} | {one.late_percent:.2f} | "
        f"{one.replica_s:.0f} | {one.most_replicas} | {one.p50_ms:.0f} | "
        f"{one.p99_ms:.0f} |"
        for one in outcomes
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure the contenders that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--model", default="efficientnet-lite0")
    parser.add_argument("--cores", type=float, default=0.15, help="Of one replica.")
    parser.add_argument("--most", type=int, default=6, help="Replicas.")
    parser.add_argument("--slo", type=float, default=1.0, help="Seconds.")
    parser.add_argument(
        "--load", type=float, default=0.5, help="Noon, in what all replicas serve."
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--days-before", type=int, default=2, help="What the policy remembers."
    )
    parser.add_argument(
        "--rate",
        type=float,
        help="Of one replica, from an earlier run on this machine.",
    )
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--json", type=Path, help="Write settings and outcomes here.")
    asked = parser.parse_args()
    setting = Setting(
        asked.model, asked.minutes, asked.cores, asked.most, asked.slo, asked.load,
        asked.seed, asked.days_before,
    )  # fmt: skip
    rate = asked.rate or replica_rate(setting)
    say(f"one replica on {setting.cores:g} of a core serves {rate:.1f} requests/s\n")
    outcomes = []
    for contender in asked.only:
        outcomes.append(measure(contender, setting, rate))
        say(json.dumps(asdict(outcomes[-1])) + "\n")
    say(table(outcomes))
    if asked.json is not None:
        told = {"setting": asdict(setting), "rate_per_s": rate}
        told["outcomes"] = [asdict(one) for one in outcomes]
        asked.json.write_text(json.dumps(told, indent=2) + "\n")


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
