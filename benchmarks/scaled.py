"""What both live benchmarks of autoscaling share: contenders, replicas, and who watches them.

Every ready replica gets a fixed part of a core, so that two replicas serve twice what one does on
a machine with few cores; starts are not slowed.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks import payloads
from benchmarks.clusters import GRPC_PORT, HTTP_PORT, REPOSITORY, Cluster, Place
from benchmarks.cpu_share import Shares
from benchmarks.day import Day
from benchmarks.facts import ClosedLoop, HttpTarget, LoadJob
from configs.autoscaling import AutoscalingSpec, CapacitySpec
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
DEPLOYMENT = "ingress"
SLOTS = 4
CALIBRATION_S = 10.0
CALLERS = 8
LOOK_S = 0.5
TIMEOUT_S = 30.0
SPIKY_HOLD_S, SPIKY_HEADROOM = 120.0, 0.3
"""For a small fleet with spikes nobody announces: keep longer, have a little more."""

HEADWATER = ("headwater", "headwater-spiky", "headwater-new")


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
    days_before: int = 0

    def day(self, rate_per_s: float) -> Day:
        """The day that counts, when one replica serves `rate_per_s`."""
        noon_per_s = self.load * self.most * rate_per_s
        return Day(int(60 * self.minutes), noon_per_s, self.seed)


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

    def begin(self) -> None:
        """Forget what was counted so far."""
        self.replica_s, self.most = 0.0, 0

    def end(self) -> None:
        """Stop looking, and limit nobody any more."""
        self._ended.set()
        self.join()
        self._shares.hold([])

    def _replicas(self) -> list[dict[str, Any]]:
        deployments = self._cluster.details()["applications"][APP]["deployments"]
        found: list[dict[str, Any]] = deployments[DEPLOYMENT]["replicas"]
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
    if contender in HEADWATER:
        spec = scaling_of(contender, setting, rate_per_s)
        told = spec.model_dump(mode="json", exclude_unset=True)
        application["args"]["autoscaling"] = {"deployments": {DEPLOYMENT: told}}
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


def scaling_of(contender: str, setting: Setting, rate_per_s: float) -> AutoscalingSpec:
    """How a contender of Headwater's scales."""
    spiky = contender == "headwater-spiky"
    capacity = CapacitySpec(
        requests_per_s=rate_per_s,
        slots=SLOTS,
        wait_budget_s=0.6 * setting.slo_s,
        headroom=SPIKY_HEADROOM if spiky else 0.0,
    )
    return AutoscalingSpec(
        min_replicas=1,
        max_replicas=setting.most,
        hold_s=SPIKY_HOLD_S if spiky else None,
        capacity=capacity,
    )


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
