"""What an operator may ask of everything that is served, and the words for its state.

Source: the model repository and statistics extensions of the Open Inference Protocol.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Counts = Mapping[str, "float | Counts"]
"""Numbers by name, as deep as they go; those of several replicas add up."""

State = Literal["READY", "LOADING", "UNLOADING", "UNAVAILABLE"]


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """One version of one model on one replica.

    `reason` says why it is not ready, `runtime` what runs it there.
    """

    replica: str
    state: State
    reason: str = ""
    resident_bytes: int = 0
    runtime: str = ""


@dataclass(frozen=True, slots=True)
class Indexed:
    """One version of one served name, on all its replicas together."""

    name: str
    version: str
    state: State
    reason: str = ""
    replicas: tuple[ReplicaState, ...] = ()


@dataclass(frozen=True, slots=True)
class Duration:
    """How often something happened and how long it took in all."""

    count: int = 0
    ns: int = 0


@dataclass(frozen=True, slots=True)
class BatchStatistic:
    """The runs of one batch size, in rows."""

    batch_size: int
    compute_input: Duration = Duration()
    compute_infer: Duration = Duration()
    compute_output: Duration = Duration()


@dataclass(frozen=True, slots=True)
class ModelStatistics:
    """What one version of one name has done since its replicas started.

    `inference_count` counts rows, `execution_count` runs of the backend;
    `inference_stats` has Triton's keys: success, fail, queue, compute_input,
    compute_infer, compute_output, cache_hit, cache_miss. `memory_bytes`: by kind,
    "CPU" or "GPU", of every replica together. `ensemble`: what the ensemble of a
    pipeline counted, see `deployments.ensembles.stats`. `residency`: loads, hits and
    misses of a model, see `deployments.residency.stats`.
    """

    name: str
    version: str
    last_inference_ms: int = 0
    inference_count: int = 0
    execution_count: int = 0
    inference_stats: Mapping[str, Duration] = field(default_factory=dict)
    batch_stats: tuple[BatchStatistic, ...] = ()
    memory_bytes: Mapping[str, int] = field(default_factory=dict)
    ensemble: Counts = field(default_factory=dict)
    residency: Counts = field(default_factory=dict)


class Control(Protocol):
    """Acts on every replica that may host a model."""

    async def index(self, ready_only: bool = False) -> Sequence[Indexed]:
        """Every version of every name in a stable order."""
        ...

    async def load(
        self, name: str, override: Mapping[str, object] | None = None
    ) -> None:
        """Make a model ready on every replica of its pool; again does no harm.

        Args:
            name: a model or pipeline of the catalogue, which is read again.
            override: parts of Triton's ModelConfig that replace those of its file.

        Raises:
            ModelNotFound: the catalogue has no such name.
            InvalidInput: `override` makes no sense; nothing has changed.
            LoadFailed: it cannot be loaded; what served before serves on.
        """
        ...

    async def unload(self, name: str, dependents: bool = False) -> None:
        """Take a model (and, if `dependents`, a pipeline's members) off every replica.

        What it still works on is answered first; a name nobody knows is no error.
        """
        ...

    async def log(self, level: int) -> None:
        """Have every replica, those that start later too, write records from `level` on.

        Waits for no model that is being loaded.

        Args:
            level: a number of the `logging` module.
        """
        ...

    async def statistics(
        self, name: str = "", version: str = ""
    ) -> Sequence[ModelStatistics]:
        """Of one version, one name or (empty) everything, all replicas together.

        Raises:
            ModelNotFound: nothing of that name is served.
            VersionNotFound: the name is served, that version is not.
        """
        ...
