"""Handing a Serve file to the running cluster and waiting until it is healthy."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from configs.environment import Environment, inherited
from serve_app.cluster import dashboard, doors, health, lifecycle, plan, state
from serve_app.cluster.changes import changes
from serve_app.cluster.errors import (
    DeployRefused,
    SettingsChanged,
    StartFailed,
    Unhealthy,
)
from serve_app.cluster.serve_file import ServeFile, fixed_options
from serve_app.cluster.state import ClusterState

POLL_S = 0.5
DEPLOY_S = 180.0
LOG_LINES = 12

OnPending = Callable[[tuple[str, ...]], None]
"""Told what is still missing, at every look."""


def require_same_options(environment: Environment, file: ServeFile) -> None:
    """Check that a running Serve has the doors of the file; it cannot change them.

    Raises:
        SettingsChanged: naming each key that differs.
    """
    details = dashboard.serve_details(
        environment.dashboard_port, state.token_file(environment)
    )
    changed = changes(fixed_options(details), file.fixed)
    if changed:
        raise SettingsChanged("; ".join(changed))


def deploy(environment: Environment, file: Path) -> None:
    """Run `serve deploy FILE` against the local cluster.

    Raises:
        DeployRefused: with what the command said.
    """
    token = state.token_file(environment)
    try:
        done = subprocess.run(  # noqa: S603, nothing in it comes from a stranger
            [lifecycle.script("serve"), "deploy", str(file)],
            env={**inherited(), **plan.client_variables(environment, token)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEPLOY_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DeployRefused(file, f"no end after {DEPLOY_S:g} s") from error
    if done.returncode:
        raise DeployRefused(file, health.last_lines(done.stdout))


def wait_healthy(
    environment: Environment, file: ServeFile, on_pending: OnPending
) -> None:
    """Wait until every deployment is healthy and both doors answer.

    Raises:
        Unhealthy: naming the deployment and why, with the end of its log.
        StartFailed: the cluster itself ended.
    """
    cluster = lifecycle.require_running(environment)
    deadline = time.monotonic() + environment.deploy_timeout_s
    pending: tuple[str, ...] = ("Serve",)
    while time.monotonic() < deadline:
        pending = look(environment, file, cluster)
        on_pending(pending)
        if not pending:
            return
        time.sleep(POLL_S)
    waited = f"still so after {environment.deploy_timeout_s:.0f} s"
    raise Unhealthy("; ".join(pending), waited)


def look(
    environment: Environment, file: ServeFile, cluster: ClusterState
) -> tuple[str, ...]:
    """What is not ready now.

    Raises:
        Unhealthy: something will not become ready by waiting.
        StartFailed: the cluster ended.
    """
    if not lifecycle.running(cluster):
        raise StartFailed("its head process ended", lifecycle.log_file(environment))
    try:
        details = dashboard.serve_details(
            environment.dashboard_port, state.token_file(environment)
        )
    except dashboard.DashboardSilent as silence:
        return (f"dashboard: {silence}",)
    judged = health.judge(details, file.applications)
    if judged.fault is not None:
        raise Unhealthy(judged.fault.subject, _why(cluster, judged.fault))
    return judged.pending or doors.closed(file)


def _why(cluster: ClusterState, fault: health.Fault) -> str:
    log = _newest_log(cluster, fault)
    if log is None:
        return fault.reason
    tail = health.last_lines(log.read_text(errors="replace"), LOG_LINES)
    return f"{fault.reason}\nend of {log}:\n{tail}"


def _newest_log(cluster: ClusterState, fault: health.Fault) -> Path | None:
    folder = cluster.folder / "session_latest" / "logs" / "serve"
    pattern = f"replica_{fault.application}_{fault.deployment}_*.log"
    logs = [log for log in folder.glob(pattern) if log.stat().st_size]
    return max(logs, key=lambda log: log.stat().st_mtime, default=None)
