"""A local Ray of our own for tests: other ports, a temporary home, the real store."""

import shutil
import time
from pathlib import Path

import psutil
import yaml

from configs.catalogue import load_catalogue, packaged_catalogue
from configs.environment import Environment, load_environment, variable_of
from models.build import build
from models.store import Store
from models.workshop import Workshop
from serve_app.cluster import dashboard, deploy, lifecycle, processes, state
from serve_app.cluster.serve_file import ServeFile, read_serve_file
from tests.tiny_models import (
    add_endless_model,
    add_mapped_pipeline,
    add_slow_model,
    add_slow_pipeline,
    build_tiny_store,
    make_tiny_catalogue,
)

ABORTING, DYING, HANGING = "tiny-aborting", "tiny-dying", "tiny-hanging"
"""Models that tests have replicas die at: a slow one, and two whose load does not end.

Deaths are counted by file and outlive a deploy, so no two tests share one.
"""

ROOT = Path(__file__).parents[2]
SERVE_FILE = ROOT / "serve_config.yaml"

SHARED_PORTS = 11000
"""Base of the cluster that most tests share; see `environment_at`."""

LIFECYCLE_PORTS = 15000
"""Base of the cluster that the tests of the command line start and end."""


def build_store():
    """Build what is missing in the checkout's own home; its environment."""
    environment = Environment(home=load_environment().home)
    catalogue = load_catalogue(packaged_catalogue())
    store, cache = Store(environment.store), environment.home / "cache"
    list(build(Workshop(catalogue, store, cache)))
    return environment


def environment_at(base, home, built):
    """An environment with 4000 ports from `base` and the models of `built`."""
    home.mkdir(parents=True)
    for name in ("store", "cache"):
        (home / name).symlink_to(built.home / name)
    fields = Environment.model_fields
    singles = [name for name in fields if name.endswith("_port")]
    ranges = [name for name in fields if name.endswith("_ports_from")]
    ports = {name: base + 10 + at for at, name in enumerate(singles)}
    ports |= {name: base + 1000 * at for at, name in enumerate(ranges, start=1)}
    return Environment(home=home, start_timeout_s=240, **ports)


def as_variables(environment):
    """The variables that make `headwater` read this environment."""
    changed = environment.model_dump(exclude_none=True)
    return {variable_of(name): str(value) for name, value in changed.items()}


def serve_file_at(base, target, config=SERVE_FILE, edit=lambda content: None):
    """Write a Serve file with its doors moved to `base`, after `edit`; `target`."""
    content = yaml.safe_load(config.read_text()) if isinstance(config, Path) else config
    content.setdefault("http_options", {}).update(host="127.0.0.1", port=base)
    content.setdefault("grpc_options", {}).update(port=base + 1)
    edit(content)
    target.write_text(yaml.safe_dump(content))
    return target


class Cluster:
    """One local Ray, started on first use of the fixture and ended with the session."""

    def __init__(self, base, environment):
        self.environment, self._base = environment, base
        self._file: ServeFile | None = None
        self._layout = ""
        lifecycle.start(environment, lambda line: None)

    @property
    def http(self):
        """`http://host:port` of the front door."""
        return f"http://127.0.0.1:{self._base}"

    @property
    def grpc(self):
        """`host:port` of the gRPC door."""
        return f"127.0.0.1:{self._base + 1}"

    def deploy(self, config=SERVE_FILE, edit=lambda content: None):
        """Run `serve deploy` with a file or a dict, doors moved, and wait."""
        target = self.environment.home / "serve.yaml"
        serve_file_at(self._base, target, config, edit)
        self._layout = ""
        deploy.deploy(self.environment, target)
        self.follow(target)

    def serve(self, layout):
        """Deploy vision and tiny, fused slow too, in one layout, unless that is what runs."""
        if self._layout != layout:
            self.deploy(edit=lambda content: _serve_both(content, layout))
            self._layout = layout

    def wait_replicas(self, count, deployment="ingress"):
        """Wait until that many replicas run."""
        ends = time.monotonic() + self.environment.deploy_timeout_s
        while len(self.replica_pids(deployment)) != count:
            assert time.monotonic() < ends, self.details()
            time.sleep(0.5)

    def follow(self, deployed):
        """Wait for a Serve file that somebody has deployed."""
        self._file = read_serve_file(deployed)
        self.wait_healthy()

    def wait_healthy(self):
        """Wait until what was deployed last is healthy."""
        assert self._file is not None, "deploy something first"
        deploy.wait_healthy(self.environment, self._file, lambda pending: None)

    def details(self):
        """Serve's own account of itself."""
        port, token = (
            self.environment.dashboard_port,
            state.token_file(self.environment),
        )
        return dashboard.serve_details(port, token)

    def replica_pids(self, deployment="ingress"):
        """Processes of the running replicas of a deployment."""
        applications = self.details()["applications"].values()
        return [
            replica["pid"]
            for application in applications
            for replica in application["deployments"][deployment]["replicas"]
            if replica["state"] == "RUNNING"
        ]

    def logs(self):
        """Serve's log files."""
        known = state.read_state(self.environment)
        assert known is not None
        return sorted(
            (known.folder / "session_latest" / "logs" / "serve").glob("*.log")
        )

    def end(self):
        """End it."""
        lifecycle.stop(self.environment)


def _serve_both(content, layout):
    application = content["applications"][0]
    pipelines = ["vision", "tiny", *(["slow"] if layout == "fused" else [])]
    application["args"] = {"pipelines": pipelines, "layout": layout}


def with_tiny(environment, folder):
    """The environment with the tiny models beside the packaged ones."""
    catalogue = make_tiny_catalogue(folder)
    add_mapped_pipeline(catalogue)
    add_slow_pipeline(catalogue)
    add_slow_model(catalogue, ABORTING)
    for name in (DYING, HANGING):
        add_endless_model(catalogue, name)
    store = environment.store
    real = store.resolve()
    store.unlink()
    shutil.copytree(real, store)
    build_tiny_store(catalogue, store)
    shutil.copytree(packaged_catalogue(), catalogue, dirs_exist_ok=True)
    return environment.model_copy(update={"catalogue": catalogue, "cpus": 12})


def processes_of(run_id):
    """The processes of a run that are still at work."""
    found = processes.of_run(run_id)
    return [one for one in found if one.status() != psutil.STATUS_ZOMBIE]
