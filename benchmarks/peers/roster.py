"""The peers: how each is started and what is sent to it. Pure but for `requirements`.

Each is as its documentation says it is fastest for one model with a binary tensor: one
worker a core, one thread a worker, at most 16 rows a batch, 5 ms to collect them.
"""

import json
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import Subject, Work
from benchmarks.peers import requests
from benchmarks.peers.requests import Door
from benchmarks.peers.servers import model
from models.environments import Tooling

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
_PORTS_FROM = 18200


@dataclass(frozen=True, slots=True)
class Ports:
    """Three ports on loopback."""

    http: int
    grpc: int
    metrics: int


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a peer runs: its environment, its own folder, its ports, its workers."""

    python: Path
    folder: Path
    ports: Ports
    workers: int


Command = Callable[[Setting], list[str]]
"""The command line; may write what the peer wants to read into its folder."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One model server beside us."""

    name: str
    title: str
    command: Command
    doors: tuple[Door, ...]

    def subjects(self, work: Work) -> tuple[Subject, ...]:
        """What is sent to it and how its answers are read."""
        ports = ports_of(self.name)
        return tuple(
            requests.subject(
                work, self.name, self.title, door, (ports.http, ports.grpc)
            )
            for door in self.doors
        )


def ports_of(name: str) -> Ports:
    """Ports of its own for each peer: closed connections linger on the last one's."""
    first = _PORTS_FROM + 10 * [peer.name for peer in PEERS].index(name)
    return Ports(first, first + 1, first + 2)


def tooling(name: str) -> Tooling:
    """The environment of a peer, from its file of pins."""
    return Tooling(f"peer-{name}", requirements(HERE / f"{name}.txt"), False)


def requirements(file: Path) -> tuple[str, ...]:
    """The pins of a requirements file, without its comments."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def variables(setting: Setting, model_file: Path) -> Mapping[str, str]:
    """What a peer's server reads from its environment."""
    libraries = sysconfig.get_config_var("LIBDIR") or ""
    return {
        model.MODEL: str(model_file.resolve()),
        model.HTTP_PORT: str(setting.ports.http),
        model.GRPC_PORT: str(setting.ports.grpc),
        model.METRICS_PORT: str(setting.ports.metrics),
        model.WORKERS: str(setting.workers),
        "PYTHONPATH": str(REPOSITORY),
        "LD_LIBRARY_PATH": libraries,  # Triton's core opens libpython
        "PYTRITON_HOME": str(setting.folder),
        "BENTOML_HOME": str(setting.folder),
        "BENTOML_DO_NOT_TRACK": "True",
    }


def _module(name: str) -> Command:
    return lambda at: [str(at.python), "-m", f"benchmarks.peers.servers.{name}"]


def _bentoml(at: Setting) -> list[str]:
    service = "benchmarks.peers.servers.bentoml_service:Classify"
    port = str(at.ports.http)
    program = str(at.python.with_name("bentoml"))
    return [program, "serve", service, "--host", model.HOST, "--port", port]


def _mlserver(at: Setting) -> list[str]:
    quiet = {"level": "WARNING"}
    settings = {
        "host": model.HOST,
        "http_port": at.ports.http,
        "grpc_port": at.ports.grpc,
        "metrics_port": at.ports.metrics,
        "debug": False,
        # A process of its own for the model pays where there is a core for it.
        "parallel_workers": at.workers if at.workers > 1 else 0,
        "logging_settings": {
            "version": 1,
            "disable_existing_loggers": False,
            "loggers": {"mlserver": quiet, "mlserver.grpc": quiet},
        },
    }
    served = {
        "name": model.NAME,
        "implementation": "benchmarks.peers.servers.mlserver_runtime.Classify",
        "max_batch_size": model.MAX_BATCH,
        "max_batch_time": model.WAIT_MS / 1000,
    }
    (at.folder / "settings.json").write_text(json.dumps(settings))
    (at.folder / "model-settings.json").write_text(json.dumps(served))
    return [str(at.python.with_name("mlserver")), "start", str(at.folder)]


PEERS: tuple[Peer, ...] = (
    Peer("mosec", "mosec", _module("mosec_server"), (requests.raw("/inference"),)),
    Peer(
        "pytriton",
        "PyTriton",
        _module("pytriton_server"),
        (requests.oip_http(model.NAME), requests.oip_grpc(model.NAME)),
    ),
    Peer(
        "litserve", "LitServe", _module("litserve_server"), (requests.raw("/predict"),)
    ),
    Peer(
        "bentoml",
        "BentoML",
        _bentoml,
        (requests.raw("/raw", "not batched"), requests.upload("/batched", "pixels")),
    ),
    Peer("mlserver", "MLServer", _mlserver, (requests.oip_grpc(model.NAME),)),
)
