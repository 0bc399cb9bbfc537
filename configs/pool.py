"""The Spec of a pool: which models share the memory of one replica, and how."""

from typing import Annotated

from pydantic import Field, model_validator

from configs.model import Id
from configs.spec import Spec

EVERY = "*"
PoolModel = Id | Annotated[str, Field(pattern=r"^\*$")]


class PoolSpec(Spec):
    """Bounds of every replica of one pool; the defaults load all at start and keep it."""

    models: tuple[PoolModel, ...] = Field(
        (), description='Which models live here; "*": all that can be served.'
    )
    memory_bytes: int | None = Field(
        None, ge=1, description="What the loaded models may take. None: nothing leaves."
    )
    device_memory_bytes: int | None = Field(
        None, ge=1, description="The same on the accelerator."
    )
    preload: bool | None = Field(
        None, description="Load all at start. None: where memory_bytes is None."
    )
    pinned: tuple[Id, ...] = Field((), description="Loaded at start; never leave.")
    idle_after_s: float | None = Field(
        None, gt=0, description="A model nobody asked for so long leaves. None: never."
    )
    min_resident_s: float = Field(
        1.0,
        ge=0,
        description="A loaded model stays at least so long, asked for or not.",
    )
    load_timeout_s: float = Field(
        60.0, gt=0, description="A longer load: the replica is replaced."
    )
    retry_failed_after_s: float = Field(
        30.0,
        ge=0,
        description="So long a model that failed to load is refused unasked.",
    )
    quarantine_after_crashes: int = Field(
        3,
        ge=1,
        description="Deaths of replicas by a model, until it is loaded no more.",
    )
    parallel_loads: int = Field(2, ge=1, le=64)
    max_waiting: int = Field(
        256, ge=0, description="Requests that may wait for loads; more are refused."
    )

    @model_validator(mode="after")
    def _pinned_live_here(self) -> "PoolSpec":
        strangers = [m for m in self.pinned if m not in self.models]
        if strangers and EVERY not in self.models:
            raise ValueError(f"pinned models must be among models: {strangers}")
        return self

    @property
    def loads_at_start(self) -> bool:
        """Whether everything is loaded before the first request."""
        return self.memory_bytes is None if self.preload is None else self.preload
