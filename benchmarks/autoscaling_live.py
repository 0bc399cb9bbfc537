"""A day in minutes on real replicas: `python -m benchmarks.autoscaling_live --minutes 20`.

The same arrivals meet Headwater's policy, Ray's default and Ray tuned, one cluster after the
other, all with the same INT8 model; `headwater-spiky` keeps replicas longer and a little more of
them than is forecast. Every ready replica gets a fixed part of a core, so that
two replicas serve twice what one does on a machine with few cores; starts are not slowed.
Counted are requests that were answered late or not at all, and replica-seconds from the order
to the end of each replica.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks import payloads
from benchmarks.clients import Caller
from benchmarks.clusters import GRPC_PORT, HTTP_PORT, REPOSITORY, Cluster, Place
from benchmarks.cpu_share import Shares
from benchmarks.day import Day
from benchmarks.facts import ClosedLoop, HttpTarget, LoadJob
from benchmarks.load import Record, closed_loop, open_loop
from configs.catalogue import load_catalogue, packaged_catalogue
from configs.environment import load_environment
from configs.model import ModelSpec
from deployments.autoscaling.guard import REACTIVE_PART
from deployments.autoscaling.live import journal
from deployments.autoscaling.live.journal import Line
from serve_app.cluster.dashboard import DashboardSilent
from serve_app.cluster.serve_file import OUR_POLICY
from serve_app.scaling.shell import folder_of

APP = "headwater"
SLOTS = 4
CALIBRATION_S = 10.0
CALLERS = 8
LOOK_S = 0.5
DRAIN_S = 30.0
TIMEOUT_S = 30.0
SPIKY = {"hold_s": 120, "headroom": 0.3}
"""For a small fleet with spikes nobody announces: keep longer, have a little more."""

CONTENDERS = ("headwater", "headwater-spiky", "ray-tuned", "ray-default")


@dataclass(frozen=True, slots=True)
class Setting:
    """What all contenders share."""

    model: str
    minutes: float
    cores: float
    most: int
    slo_s: float
    load: float
    seed: int


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


class Watch(threading.Thread):
    """Looks at the replicas twice a second: counts them, and limits those that are ready."""

    def __init__(self, cluster: Cluster, shares: Shares) -> None:
        super().__init__(daemon=True)
        self.replica_s, self.most = 0.0, 0
        self._cluster, self._shares = cluster, shares
        self._ended = threading.Event()

    def run(self) -> None:
        """Look until `end`."""
        before_s, count = time.monotonic(), 0
        while not self._ended.wait(LOOK_S):
            now_s = time.monotonic()
            self.replica_s += count * (now_s - before_s)
            before_s = now_s
            try:
                replicas = self._replicas()
            except DashboardSilent:
                continue
            count = sum(one["state"] != "STOPPING" for one in replicas)
            self.most = max(self.most, count)
            self._shares.hold(
                one["pid"] for one in replicas if one["state"] == "RUNNING"
            )

    def end(self) -> None:
        """Stop looking, and limit nobody any more."""
        self._ended.set()
        self.join()
        self._shares.hold([])

    def _replicas(self) -> list[dict[str, Any]]:
        deployments = self._cluster.details()["applications"][APP]["deployments"]
        found: list[dict[str, Any]] = deployments["ingress"]["replicas"]
        return found


def config_of(contender: str, setting: Setting, rate_per_s: float) -> dict[str, Any]:
    """The Serve config of a contender."""
    content = yaml.safe_load((REPOSITORY / "serve_config.yaml").read_text())
    content["http_options"] |= {"host": "127.0.0.1", "port": HTTP_PORT}
    content["grpc_options"] |= {"port": GRPC_PORT}
    application = content["applications"][0]
    application["args"] = {"pipelines": [], "models": [setting.model]}
    ingress = application["deployments"][0]
    # Logical only: what a replica really gets is its share.
    ingress["ray_actor_options"] = {"num_cpus": 0.25}
    del ingress["num_replicas"]
    bounds = {"min_replicas": 1, "max_replicas": setting.most}
    if contender.startswith("headwater"):
        capacity = {
            "requests_per_s": rate_per_s,
            "slots": SLOTS,
            "wait_budget_s": 0.6 * setting.slo_s,
        }
        spec: dict[str, Any] = bounds | {"capacity": capacity}
        if contender == "headwater-spiky":
            spec["hold_s"] = SPIKY["hold_s"]
            capacity["headroom"] = SPIKY["headroom"]
        application["args"]["autoscaling"] = {"deployments": {"ingress": spec}}
        application["autoscaling_policy"] = {"policy_function": OUR_POLICY}
    elif contender == "ray-tuned":
        ingress["autoscaling_config"] = bounds | {
            "target_ongoing_requests": REACTIVE_PART * SLOTS,
            "metrics_interval_s": 1,
            "look_back_period_s": 10,
            "upscale_delay_s": 0,
            "downscale_delay_s": 120,
        }
    elif contender == "ray-default":
        ingress["autoscaling_config"] = bounds
    else:
        ingress["num_replicas"] = 1
    return dict(content)


def caller_of(setting: Setting, folder: Path) -> LoadJob:
    """One random photo's pixels for the model."""
    spec: ModelSpec = load_catalogue(packaged_catalogue()).models[setting.model]
    if spec.image is None:
        raise SystemExit(f"{setting.model}: only image models are measured")
    side = spec.image.size_px
    draw = np.random.default_rng(setting.seed)
    pixels = draw.integers(0, 256, (1, side, side, 3), np.uint8)
    payload = payloads.oip_pixels(spec.inputs[0].name, pixels)
    body = folder / "body"
    body.write_bytes(payload.body)
    url = f"http://127.0.0.1:{HTTP_PORT}/v2/models/{setting.model}/infer"
    return LoadJob(
        target=HttpTarget(url=url, headers=payload.headers),
        body=body,
        loop=ClosedLoop(concurrency=CALLERS),
        warmup_s=0,
        duration_s=CALIBRATION_S,
        timeout_s=TIMEOUT_S,
    )


async def calibrate(job: LoadJob) -> float:
    """Requests a second of one limited replica that always has work."""
    async with Caller(job) as call:
        record = await closed_loop(call, CALLERS, CALIBRATION_S)
    return len(record.latencies_ms) / CALIBRATION_S


async def live_through(job: LoadJob, day: Day) -> Record:
    """Send the day's requests."""
    async with Caller(job) as call:
        return await open_loop(call, day.arrivals_s(), DRAIN_S)


@contextmanager
def watched(config: Mapping[str, Any], folder: Path, cores: float) -> Iterator[Watch]:
    """A cluster with `config` whose replicas are counted and get `cores` each."""
    with Cluster(Place(folder, load_environment()), "haproxy") as cluster:
        cluster.deploy(config)
        watch = Watch(cluster, Shares(folder.name, cores))
        watch.start()
        try:
            yield watch
        finally:
            watch.end()


def starts(folder: Path) -> list[Line]:
    """What the policy noted of the replicas that were started in the cluster of `folder`."""
    noted = journal.read(folder_of(folder / "home", APP))
    return [line for line in noted if line["kind"] == "start"]


def measure(contender: str, setting: Setting, rate_per_s: float) -> Outcome | float:
    """Run one contender; `one-replica` gives the rate of a replica instead."""
    with tempfile.TemporaryDirectory(prefix="day-", dir="/tmp") as name:
        folder = Path(name)
        job = caller_of(setting, folder)
        config = config_of(contender, setting, rate_per_s)
        with watched(config, folder, setting.cores) as watch:
            time.sleep(2 * LOOK_S)
            if contender == "one-replica":
                return asyncio.run(calibrate(job))
            noon_per_s = setting.load * setting.most * rate_per_s
            day = Day(int(60 * setting.minutes), noon_per_s, setting.seed)
            record = asyncio.run(live_through(job, day))
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
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--json", type=Path, help="Write settings and outcomes here.")
    asked = parser.parse_args()
    setting = Setting(
        asked.model, asked.minutes, asked.cores, asked.most, asked.slo, asked.load,
        asked.seed,
    )  # fmt: skip
    rate = measure("one-replica", setting, 1.0)
    assert isinstance(rate, float)
    say(f"one replica on {setting.cores:g} of a core serves {rate:.1f} requests/s\n")
    outcomes = []
    for contender in asked.only:
        found = measure(contender, setting, rate)
        assert isinstance(found, Outcome)
        outcomes.append(found)
        say(json.dumps(asdict(found)) + "\n")
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
