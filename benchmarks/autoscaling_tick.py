"""What a second costs the controller: `python -m benchmarks.autoscaling_tick`.

The whole tick of the live policy, from Ray's contexts to the answers, without the disk, which
other threads write. `benchmarks.autoscaling tick` measures the deciders alone.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from configs.autoscaling import AutoscalingSpec
from deployments.autoscaling.live.keeper import Job
from deployments.autoscaling.live.meter import Meter
from deployments.autoscaling.timeline import Now
from serve_app.scaling.shell import Shell
from serve_app.scaling.terms import Terms, carried

FLEETS = (1, 10, 100, 1000)
SECONDS, COUNTED = 240, 120
REPLICAS, CALLERS = 3, 2
REQUESTS = 200_000


class Elsewhere:
    """Runs jobs at once and keeps their time apart."""

    busy = False
    took_s = 0.0

    def start(self, job: Job) -> None:
        """See `Runner.start`."""
        began_s = time.process_time()
        job()
        self.took_s += time.process_time() - began_s


class Fleet:
    """So many deployments of three replicas, which all report; two call all the others."""

    def __init__(self, deployments: int) -> None:
        self.now_s = 0.0
        self._config = SimpleNamespace(
            policy=SimpleNamespace(
                policy_kwargs=carried(Terms(spec=AutoscalingSpec()))
            ),
            get_target_ongoing_requests=lambda: 3.0,
        )
        names = [f"m{number}" for number in range(deployments)]
        self._ids = {name: Id(name) for name in names}
        self._meters = {
            name: {
                ReplicaId(f"{name}-{n}"): Meter(lambda: self.now_s, quiet=name != "m0")
                for n in range(REPLICAS)
            }
            for name in names
        }

    def second(self) -> dict[Any, Any]:
        """Every deployment gets a request from each caller."""
        self.now_s += 1
        for caller in list(self._meters["m0"].values())[:CALLERS]:
            for name in self._ids:
                caller.leave(name, caller.arrive(name), answered=True)
        return {self._ids[name]: self._context(name) for name in self._ids}

    def _context(self, name: str) -> Any:
        meters, raw = self._meters[name], dict[str, dict[Any, Any]]()
        for key, meter in meters.items():
            for metric, value in meter.stats().items():
                point = SimpleNamespace(timestamp=self.now_s, value=value)
                raw.setdefault(metric, {})[key] = [point]
        return SimpleNamespace(
            config=self._config,
            current_num_replicas=REPLICAS,
            target_num_replicas=REPLICAS,
            running_replicas=list(meters),
            capacity_adjusted_min_replicas=1,
            capacity_adjusted_max_replicas=100,
            total_num_requests=1.0,
            raw_metrics=raw,
        )


class Id:
    """A deployment's id."""

    app_name = "app"

    def __init__(self, name: str) -> None:
        self.name = name


class ReplicaId:
    """A replica's id."""

    def __init__(self, unique_id: str) -> None:
        self.unique_id = unique_id


def tick(deployments: int) -> str:
    """CPU time of a tick."""
    fleet, elsewhere, took_s = Fleet(deployments), Elsewhere(), []
    with tempfile.TemporaryDirectory() as home:
        shell = Shell(
            Path(home),
            clock=lambda: Now(fleet.now_s, 1.75e9 + fleet.now_s),
            runner=elsewhere,
        )
        for _ in range(SECONDS):
            contexts, aside_s = fleet.second(), elsewhere.took_s
            took_s.append(_cpu_s(partial(shell.decide, contexts)))
            took_s[-1] -= elsewhere.took_s - aside_s
    took_ms = 1000 * np.array(took_s[COUNTED:])
    return (
        f"{deployments:5d} deployments: {took_ms.mean():.2f} ms a tick, "
        f"{np.quantile(took_ms, 0.99):.2f} ms at most in 99 of 100; "
        f"{shell.faults} failed\n"
    )


def meter() -> str:
    """CPU time that counting adds to a request."""
    counting = Meter()

    def count() -> None:
        for _ in range(REQUESTS):
            counting.leave("m", counting.arrive("m"), answered=True)

    return f"counting costs {1e6 * _cpu_s(count) / REQUESTS:.2f} us a request\n"


def _cpu_s(work: Callable[[], object]) -> float:
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def main() -> None:
    """Print a line a fleet."""
    for deployments in FLEETS:
        sys.stdout.write(tick(deployments))
        sys.stdout.flush()
    sys.stdout.write(meter())


if __name__ == "__main__":
    main()
