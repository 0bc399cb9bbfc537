"""A Ray head for one contender, on ports of its own, ended when the block is left.

Started with the command line, the settings and the checks of `headwater up`; the
default mode leaves out the settings that choose the front door.
"""

import secrets
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import psutil
import yaml

from configs.environment import Environment, inherited, variable_of
from serve_app.cluster import (
    dashboard,
    deploy,
    lifecycle,
    plan,
    ports,
    processes,
    state,
)
from serve_app.cluster.errors import StartFailed
from serve_app.cluster.serve_file import ServeFile
from serve_app.cluster.state import ClusterState

REPOSITORY = Path(__file__).parents[1]
HTTP_PORT = 18000
GRPC_PORT = 19000

Mode = Literal["haproxy", "default"]
_FRONT_DOOR = (
    "RAY_SERVE_ENABLE_HA_PROXY",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED",
    "RAY_SERVE_HAPROXY_",
    "RAY_SERVE_DIRECT_INGRESS_",
)
_PORTS: Mapping[str, int] = {
    "ray_port": 16379,
    "ray_client_port": 16380,
    "dashboard_port": 18265,
    "dashboard_agent_port": 27365,
    "dashboard_agent_grpc_port": 27366,
    "runtime_env_agent_port": 27367,
    "node_metrics_port": 27368,
    "node_manager_port": 27369,
    "object_manager_port": 27370,
    "dashboard_metrics_port": 27371,
    "autoscaler_metrics_port": 27372,
    "fallback_http_port": 18500,
    "fallback_grpc_port": 19500,
    "haproxy_stats_port": 18404,
    "haproxy_metrics_port": 18101,
    "worker_ports_from": 22000,
    "replica_http_ports_from": 24000,
    "replica_grpc_ports_from": 25000,
}
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cluster lives; `folder` must be short, for sockets are made below it."""

    folder: Path
    installation: Environment


class Cluster:
    """One Ray head on loopback with token authentication."""

    def __init__(self, place: Place, mode: Mode) -> None:
        self._environment = _environment(place)
        ports.require_free(
            {variable_of(k): v for k, v in self._environment.ports().items()}
        )
        self._cluster = _launch(self._environment, place.folder, mode)

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        lifecycle.stop(self._environment)

    def processes(self) -> list[psutil.Process]:
        """Every process of the cluster."""
        return processes.of_run(self._cluster.run_id)

    def deploy(self, config: Mapping[str, object]) -> None:
        """Run `serve deploy` with a config and wait until all of it is healthy.

        Raises:
            ClusterError: naming what did not start, and why.
        """
        self._wait_for_dashboard()
        file = self._environment.run / "serve.yaml"
        file.write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
        deploy.deploy(self._environment, file)
        names = tuple(one["name"] for one in _applications(config))
        wanted = ServeFile(file, names, HTTP_PORT, GRPC_PORT)
        deploy.wait_healthy(self._environment, wanted, lambda _: None)

    def details(self) -> dict[str, Any]:
        """Serve's own account of itself.

        Raises:
            DashboardSilent: it does not answer now.
        """
        token = state.token_file(self._environment)
        return dict(dashboard.serve_details(self._environment.dashboard_port, token))

    def _wait_for_dashboard(self) -> None:
        environment, log = self._environment, lifecycle.log_file(self._environment)
        ends_s = time.monotonic() + environment.start_timeout_s
        token = state.token_file(environment)
        while time.monotonic() < ends_s:
            if not lifecycle.running(self._cluster):
                raise StartFailed("its head process ended", log)
            try:
                dashboard.serve_details(environment.dashboard_port, token)
            except dashboard.DashboardSilent:
                time.sleep(_POLL_S)
            else:
                return
        raise StartFailed(f"no answer in {environment.start_timeout_s:.0f} s", log)


def _environment(place: Place) -> Environment:
    """The installation with other ports and a home of its own, the same store in it."""
    home = place.folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    (home / "store").symlink_to(place.installation.store)
    moved = {"home": home, **_PORTS}
    return Environment.model_validate(place.installation.model_dump() | moved)


def _launch(environment: Environment, folder: Path, mode: Mode) -> ClusterState:
    environment.run.mkdir(parents=True)
    token, run_id = state.token_file(environment), secrets.token_hex(4)
    state.write_private(token, secrets.token_hex(32))
    place = plan.Place(run_id, folder / "r", token)
    cluster = ClusterState(
        run_id=run_id,
        started=datetime.now(tz=timezone.utc).isoformat(timespec="seconds"),
        head=None,
        folder=place.folder,
        fingerprint=plan.fingerprint(environment),
    )
    state.write_state(environment, cluster)
    with lifecycle.log_file(environment).open("wb") as log:
        child = subprocess.Popen(
            [lifecycle.script("ray"), *plan.ray_arguments(environment, place)],
            cwd=environment.run,
            env=variables(environment, place, mode),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    cluster = cluster.model_copy(update={"head": processes.mark(child.pid)})
    state.write_state(environment, cluster)
    return cluster


def variables(
    environment: Environment, place: plan.Place, mode: Mode
) -> dict[str, str]:
    """What the head and all its children read from their environment."""
    ours = plan.ray_variables(environment, place)
    if mode == "default":
        ours = {k: v for k, v in ours.items() if not k.startswith(_FRONT_DOOR)}
    # The plain deployments live in this repository, not in the installed package.
    return {**inherited(), **ours, "PYTHONPATH": str(REPOSITORY)}


def _applications(config: Mapping[str, object]) -> list[dict[str, str]]:
    applications = config["applications"]
    return applications if isinstance(applications, list) else []
