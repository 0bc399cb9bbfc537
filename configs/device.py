"""The Spec of a device class: what a file must be to run there, and how fast it would."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import Field, model_validator

from configs.errors import ConfigError
from configs.model import Id
from configs.spec import Spec, read_spec

Datatype = Literal["int8", "uint8", "float32"]
Arithmetic = Literal["int8", "float16", "float32"]
Runtime = Literal[
    "tensorflow-2.5.0", "tflite-runtime-2.14.0", "litert-2.3.0", "litert-micro",
    "executorch-1.4", "executorch-1.5", "core-ml-7", "core-ml-8", "core-ml-9",
    "onnxruntime-1.18", "onnxruntime-1.31",
]  # fmt: skip
"""A runtime in its oldest version; the number of Core ML is that of the specification."""

DeviceForm = Literal["litert", "executorch", "coreml", "ort"]
FORMS: Mapping[str, DeviceForm] = {
    "tensorflow": "litert",
    "tflite-runtime": "litert",
    "litert": "litert",
    "executorch": "executorch",
    "core-ml": "coreml",
    "onnxruntime": "ort",
}
"""What a runtime reads, by its name without a version."""


def form_of(runtime: str) -> DeviceForm:
    """The form of files that `runtime` reads."""
    return FORMS[runtime.rpartition("-")[0]]


class ThroughputSpec(Spec):
    """What a class computes, from public figures; every time made of it is an estimate."""

    macs_per_s: Mapping[Arithmetic, float]
    bytes_per_s: float = Field(gt=0, description="Weights read from memory.")
    source: str = Field(description="Where the figures come from.")

    @model_validator(mode="after")
    def _is_positive(self) -> "ThroughputSpec":
        if not self.macs_per_s or min(self.macs_per_s.values()) <= 0:
            raise ValueError("macs_per_s must name at least one rate above 0")
        return self


class DeviceSpec(Spec):
    """One class of devices."""

    id: Id
    title: str
    runtimes: tuple[Runtime, ...] = Field(
        min_length=1, description="The oldest of each kind that a device may have."
    )
    metadata: bool = Field(
        False, description="Whether a .tflite says what it is and brings its labels."
    )
    accelerator: Literal["none", "edge-tpu"] = "none"
    inputs: tuple[Datatype, ...] = Field(min_length=1)
    outputs: tuple[Datatype, ...] = Field(min_length=1)
    memory_bytes: int = Field(gt=0, description="For the tensors of one run.")
    storage_bytes: int = Field(gt=0, description="For the file.")
    cache_bytes: int | None = Field(
        None, gt=0, description="Of an accelerator, for weights that stay there."
    )
    latency_budget_ms: float | None = Field(None, gt=0)
    throughput: ThroughputSpec

    @property
    def forms(self) -> tuple[DeviceForm, ...]:
        """The forms of files that it takes, those named first first."""
        return tuple(form_of(runtime) for runtime in self.runtimes)

    @property
    def litert(self) -> Runtime | None:
        """Its runtime for .tflite files; None: it has none."""
        return self.runtime_of("litert")

    def runtime_of(self, form: DeviceForm) -> Runtime | None:
        """Its runtime for `form`; None: it has none."""
        return next((one for one in self.runtimes if form_of(one) == form), None)

    @model_validator(mode="after")
    def _has_one_of_each(self) -> "DeviceSpec":
        if len(set(self.forms)) != len(self.forms):
            raise ValueError("runtimes must name one for each form of files")
        return self


def load_devices(root: Path) -> Mapping[str, DeviceSpec]:
    """Every `root`/devices/*.yaml, by id.

    Raises:
        ConfigError: naming the file and the key that must be mended.
    """
    found: dict[str, DeviceSpec] = {}
    for file in sorted((root / "devices").glob("*.yaml")):
        spec = read_spec(file, DeviceSpec)
        if spec.id != file.stem:
            raise ConfigError(file, "id", f"must be {file.stem!r}, got {spec.id!r}")
        found[spec.id] = spec
    return MappingProxyType(found)
