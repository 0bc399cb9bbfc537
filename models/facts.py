"""What cards are made of: measured numbers, files, and what was found out by them."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from configs.model import Sha256


class Fact(BaseModel):
    """Something measured or made; frozen, and strict about what it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileFact(Fact):
    """A file of the store, named by its content."""

    sha256: Sha256
    size_bytes: int = Field(ge=0)


class Proportion(Fact):
    """A share of n trials with its 95% interval (Wilson)."""

    value: float
    low: float
    high: float
    n: int = Field(ge=1)


class Interval(Fact):
    """A measured number with its 95% interval."""

    value: float
    low: float
    high: float


class BootstrapFact(Fact):
    """The same numbers with intervals from resampled photos."""

    top1: Interval
    drop_points: Interval | None = None


class QualityFact(Fact):
    """How good a variant is on one dataset.

    `agreement` is the share of photos with FP32's top-1, `drop_points` how many points
    of top-1 it loses against FP32 on the same photos, `p_value` McNemar's of that loss.
    """

    dataset: str
    dataset_sha256: Sha256
    top1: Proportion
    top5: Proportion
    agreement: Proportion | None = None
    drop_points: Interval | None = None
    p_value: float | None = None
    bootstrap: BootstrapFact | None = None


class AgreedFact(Fact):
    """How often a variant gives the answer of `against` on the rows of one dataset.

    `expected`: it is meant to; a student is not its teacher. `sure`: the same on the rows
    that are no close call of the other; None: all of them are.
    """

    against: str
    dataset: str
    same: Proportion
    expected: bool
    sure: Proportion | None = None


class RuntimeQualityFact(Fact):
    """A variant on another runtime than ONNX Runtime, on one dataset.

    `quality` is against FP32, as the card's own is; `same` the share of photos with the
    first class that the same file has on ONNX Runtime.
    """

    quality: QualityFact
    same: Proportion


class RuntimeTimeFact(Fact):
    """A run of so many rows on both runtimes in turns, one thread each.

    Medians of wall time; `cpu_share`: the median of what a run took of the CPU time of
    the other's run of the same turn.
    """

    batch_size: int = Field(ge=1)
    onnx_ms: float
    ms: float
    cpu_share: float = Field(gt=0)
    turns: int = Field(ge=1)


class PreferenceFact(Fact):
    """Why a variant is better run by another runtime than ONNX Runtime, and where.

    It holds on machines of the kind of `machine`, for the file of the card.
    """

    runtime: Literal["openvino"]
    created: str
    quality: tuple[RuntimeQualityFact, ...]
    times: tuple[RuntimeTimeFact, ...]
    toolchain: Mapping[str, str] = {}
    machine: Mapping[str, str] = {}
