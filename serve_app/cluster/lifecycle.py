"""Starting and ending the local Ray head that belongs to this installation."""

import contextlib
import secrets
import shutil
import subprocess
import sysconfig
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import psutil

from configs.environment import Environment, inherited, variable_of
from serve_app.cluster import dashboard, plan, ports, processes, state
from serve_app.cluster.changes import changes
from serve_app.cluster.errors import (
    NotRunning,
    SettingsChanged,
    StartFailed,
    StillRunning,
)
from serve_app.cluster.state import ClusterState

Report = Callable[[str], None]
"""Told one line about each step."""

ATTEMPTS = 2
"""A raylet can abort on a machine that is too busy when it starts."""

POLL_S = 0.5
HEAD_ENDS_S = 15.0
FOLDER_PREFIX = "hw-"


def start(
    environment: Environment, report: Report, doors: Mapping[str, int] | None = None
) -> ClusterState:
    """Start the head, or find the one that already runs.

    Args:
        environment: where and on which ports.
        report: told about what is out of the ordinary.
        doors: further ports that must be free, by the setting that chooses each.

    Raises:
        ClusterError: a port is taken, the settings have changed, or Ray fails.
    """
    known = state.read_state(environment)
    if known is not None and running(known):
        _require_same_settings(known, environment)
        return known
    if known is not None:
        ended = stop(environment)
        report(f"cleaned up after run {known.run_id}: {ended}")
    internal = {variable_of(name): port for name, port in environment.ports().items()}
    ports.require_free({**internal, **(doors or {})})
    return _start_patiently(environment, report)


def running(cluster: ClusterState) -> bool:
    """Whether the head of a remembered cluster is alive."""
    return cluster.head is not None and processes.alive(cluster.head)


def require_running(environment: Environment) -> ClusterState:
    """The cluster that runs.

    Raises:
        NotRunning: none does.
    """
    known = state.read_state(environment)
    if known is None or not running(known):
        raise NotRunning
    return known


def stop(environment: Environment) -> str:
    """End every process of the remembered run; what was ended, in words.

    Raises:
        StillRunning: some cannot be ended; the run stays remembered.
    """
    known = state.read_state(environment)
    if known is None:
        return "nothing was running"
    found = processes.of_run(known.run_id)
    words = describe(found)
    _end_head(known)
    left = processes.end_all(lambda: processes.of_run(known.run_id))
    if left:
        raise StillRunning(
            known.run_id, tuple(processes.named(one.pid) for one in left)
        )
    _remove_folder(known.folder)
    state.forget_state(environment)
    return words


def describe(found: Sequence[psutil.Process]) -> str:
    """Processes by kind and number."""
    if not found:
        return "no process was left"
    kinds = Counter(_kind(process) for process in found)
    listed = ", ".join(f"{count} of {kind}" for kind, count in sorted(kinds.items()))
    word = "process" if len(found) == 1 else "processes"
    return f"{len(found)} {word} ({listed})"


def log_file(environment: Environment) -> Path:
    """What the head writes."""
    return environment.run / "ray.log"


def script(name: str) -> str:
    """A command that was installed next to ours."""
    return str(Path(sysconfig.get_path("scripts")) / name)


def _require_same_settings(known: ClusterState, environment: Environment) -> None:
    if known.fingerprint == plan.fingerprint(environment):
        return
    changed = changes(known.settings, plan.settings(environment))
    # Nothing changed by name: another Headwater starts Ray in another way.
    raise SettingsChanged("; ".join(changed) or "how Ray was started")


def _kind(process: psutil.Process) -> str:
    try:
        name = process.name()
    except psutil.NoSuchProcess:
        return "Ray"
    if name.startswith("ray::ServeReplica"):
        return "replicas"
    return "HAProxy" if name == "haproxy" else "Ray"


def _start_patiently(environment: Environment, report: Report) -> ClusterState:
    for attempt in range(1, ATTEMPTS + 1):
        cluster = _launch(environment)
        try:
            _wait(environment, cluster)
        except StartFailed as failure:
            # The log goes on to the next attempt; the folder of this one does not.
            stop(environment)
            if attempt == ATTEMPTS:
                raise
            report(f"{failure}; trying once more")
        else:
            break
    return cluster


def _launch(environment: Environment) -> ClusterState:
    environment.run.mkdir(parents=True, exist_ok=True)
    run_id = secrets.token_hex(4)
    token = state.token_file(environment)
    state.write_private(token, secrets.token_hex(32))
    folder = _private_folder()
    place = plan.Place(run_id, folder, token)
    cluster = ClusterState(
        run_id=run_id,
        started=datetime.now(tz=timezone.utc).isoformat(timespec="seconds"),
        head=None,
        folder=folder,
        fingerprint=plan.fingerprint(environment),
        settings=plan.settings(environment),
    )
    # Before the first process: whatever happens next, `down` can find them all.
    state.write_state(environment, cluster)
    child = _spawn(environment, place)
    # It outlives us; if it ends before we do, somebody has to take its exit status.
    threading.Thread(target=child.wait, daemon=True).start()
    cluster = cluster.model_copy(update={"head": processes.mark(child.pid)})
    state.write_state(environment, cluster)
    return cluster


def _private_folder() -> Path:
    """Ray's folder inside one that only we may enter: Ray opens its own to everybody.

    In /tmp whatever TMPDIR says, because `Place` wants it short.
    """
    return Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir="/tmp")) / "r"


def _remove_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parent.name.startswith(FOLDER_PREFIX):
        shutil.rmtree(folder.parent, ignore_errors=True)


def _spawn(environment: Environment, place: plan.Place) -> subprocess.Popen[bytes]:
    variables = {**inherited(), **plan.ray_variables(environment, place)}
    with log_file(environment).open("wb") as log:
        return subprocess.Popen(  # noqa: S603, nothing in it comes from a stranger
            [script("ray"), *plan.ray_arguments(environment, place)],
            cwd=environment.run,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C on `headwater up` ends the wait, not the cluster.
            start_new_session=True,
        )


def _wait(environment: Environment, cluster: ClusterState) -> None:
    deadline = time.monotonic() + environment.start_timeout_s
    reason = "no answer yet"
    while time.monotonic() < deadline:
        if not running(cluster):
            raise StartFailed("its head process ended", _keep_log(environment))
        try:
            dashboard.serve_details(
                environment.dashboard_port, state.token_file(environment)
            )
            dashboard.get(environment.dashboard_agent_port, "/api/local_raylet_healthz")
        except dashboard.DashboardSilent as silence:
            reason = str(silence)
            time.sleep(POLL_S)
        else:
            return
    waited = f"after {environment.start_timeout_s:.0f} s: {reason}"
    raise StartFailed(waited, _keep_log(environment))


def _keep_log(environment: Environment) -> Path:
    kept = environment.run / "ray-failed.log"
    shutil.copyfile(log_file(environment), kept)
    return kept


def _end_head(cluster: ClusterState) -> None:
    if cluster.head is None or not processes.alive(cluster.head):
        return
    # One that does not end in time is ended by force, in the sweep that follows.
    with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
        head = psutil.Process(cluster.head.pid)
        head.terminate()
        head.wait(timeout=HEAD_ENDS_S)
