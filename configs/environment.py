"""Where this installation keeps things and listens; the only reader of the environment."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from configs.errors import ConfigError
from configs.spec import Spec

Port = Annotated[int, Field(ge=1024, le=65535)]
RangeStart = Annotated[int, Field(ge=1024, le=64000)]

PORT_RANGE = 1000
"""Ports of one range: workers, replicas over HTTP, replicas over gRPC."""

FRAMING_BYTES = 2**20
"""What a gRPC message may hold beside its tensors: names, shapes, parameters."""

LEAST_HOP_BYTES = 64 * 2**20
"""Crops and distributions of a full batch stay large when bodies may not be."""


class Environment(Spec):
    """One installation; each field is read from `HEADWATER_<FIELD>` when that is set.

    The ports of the public HTTP and gRPC doors are not here: they are part of what is
    deployed (`http_options` and `grpc_options` of the Serve file). No default lies in
    the range that Linux hands out to outgoing connections (32768 to 60999).
    """

    home: Path = Field(Path(".headwater"), description="Store, cache and run state.")
    catalogue: Path | None = Field(None, description="None: the packaged one.")
    remote_store: str | None = Field(
        None,
        pattern=r"^(s3|gs|file)://.+",
        description="A store that machines share; None: each builds for itself.",
    )
    cpus: int = Field(8, ge=1, description="Logical CPUs of the local cluster.")
    object_store_bytes: int = Field(256 * 2**20, ge=80 * 2**20)
    max_body_bytes: int = Field(
        32 * 2**20,
        ge=1024,
        le=512 * 2**20,
        description="Of one request; the gRPC doors take their limits from it.",
    )
    start_timeout_s: float = Field(180.0, gt=0)
    deploy_timeout_s: float = Field(300.0, gt=0)

    ray_port: Port = 6379
    ray_client_port: Port = 10001
    dashboard_port: Port = 8265
    dashboard_agent_port: Port = 26365
    dashboard_agent_grpc_port: Port = 26366
    runtime_env_agent_port: Port = 26367
    node_metrics_port: Port = 26368
    node_manager_port: Port = 26369
    object_manager_port: Port = 26370
    dashboard_metrics_port: Port = 26371
    autoscaler_metrics_port: Port = 26372
    fallback_http_port: Port = 8500
    fallback_grpc_port: Port = 9500
    haproxy_stats_port: Port = 8404
    haproxy_metrics_port: Port = 9101
    worker_ports_from: RangeStart = 20000
    replica_http_ports_from: RangeStart = 30000
    replica_grpc_ports_from: RangeStart = 31000

    @property
    def store(self) -> Path:
        """Where verified variants are kept."""
        return self.home / "store"

    @property
    def workshop(self) -> Path:
        """Where recipes keep their pieces; safe to delete, they are made again."""
        return self.home / "workshop"

    @property
    def reports(self) -> Path:
        """Where recipes leave their reports."""
        return self.home / "reports"

    @property
    def run(self) -> Path:
        """Where the state, token and log of a running local cluster are."""
        return self.home / "run"

    @property
    def message_bytes(self) -> int:
        """The largest gRPC message a door reads; a larger body is refused behind it."""
        return self.max_body_bytes + FRAMING_BYTES

    @property
    def hop_bytes(self) -> int:
        """The largest message between replicas."""
        return max(LEAST_HOP_BYTES, 2 * self.max_body_bytes)

    def ports(self) -> dict[str, int]:
        """Every single port, by field name; the ranges are not among them."""
        return {
            name: getattr(self, name)
            for name in Environment.model_fields
            if name.endswith("_port")
        }

    def port_ranges(self) -> dict[str, range]:
        """Every range of ports, by field name."""
        starts = {
            name: getattr(self, name)
            for name in Environment.model_fields
            if name.endswith("_ports_from")
        }
        return {name: range(at, at + PORT_RANGE) for name, at in starts.items()}

    @model_validator(mode="after")
    def _ports_differ(self) -> "Environment":
        used = Counter(self.ports().values())
        for numbers in self.port_ranges().values():
            used.update(numbers)
        twice = sorted(port for port, times in used.items() if times > 1)
        if twice:
            raise ValueError(f"port {twice[0]} is given twice")
        return self


def load_environment(variables: Mapping[str, str] = os.environ) -> Environment:
    """Read the environment; paths come back absolute.

    Raises:
        ConfigError: a variable holds a value that its field refuses.
    """
    values = {
        name: variables[variable_of(name)]
        for name in Environment.model_fields
        if variables.get(variable_of(name))
    }
    try:
        read = Environment.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = variable_of(str(first["loc"][0])) if first["loc"] else "HEADWATER_*_PORT"
        raise ConfigError(Path("environment"), key, first["msg"]) from error
    catalogue = read.catalogue.expanduser().resolve() if read.catalogue else None
    return read.model_copy(
        update={"home": read.home.expanduser().resolve(), "catalogue": catalogue}
    )


def variable_of(field: str) -> str:
    """The environment variable that sets a field."""
    return f"HEADWATER_{field.upper()}"


def inherited(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment a child process gets: ours, without a stranger's Ray settings.

    What an operator set for Ray on purpose (`RAY_...`) stays, except the ones that
    would send our commands to another cluster.
    """
    foreign = ("RAY_ADDRESS", "RAY_DASHBOARD_ADDRESS", "RAY_AUTH_TOKEN")
    return {name: value for name, value in variables.items() if name not in foreign}
