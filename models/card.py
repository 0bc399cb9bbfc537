"""Cards: the measured facts of a variant and of a fitted ensemble, as stored."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from configs.audio import AudioSpec
from configs.model import ImageSpec, Sha256, TensorSpec, VariantName
from models.facts import (
    AgreedFact,
    BootstrapFact,
    Fact,
    FileFact,
    Interval,
    PreferenceFact,
    Proportion,
    QualityFact,
    RuntimeQualityFact,
    RuntimeTimeFact,
)

__all__ = [
    "AgreedFact",
    "BootstrapFact",
    "CalibrationFact",
    "Card",
    "CascadeFact",
    "EnsembleCard",
    "Fact",
    "FileFact",
    "HeldOutFact",
    "Interval",
    "LatencyFact",
    "MeasuredFact",
    "PointFact",
    "PreferenceFact",
    "Proportion",
    "QualityFact",
    "QuantizationFact",
    "RecipeFact",
    "RuntimeQualityFact",
    "RuntimeTimeFact",
    "SpeedFact",
    "StepFact",
    "SubsetFact",
    "TextFact",
    "TimedFact",
]


class QuantizationFact(Fact):
    """How activations and weights became INT8.

    `reduce_range`: weights use 7 bits, because the CPUs meant to run it add 8-bit
    products in 16 bits and would saturate.
    """

    method: str
    dataset: str
    dataset_sha256: Sha256
    photos: int = Field(ge=1)
    activations: str
    weights: str
    reduce_range: bool


class LatencyFact(Fact):
    """Time of one run of the runtime alone, on the machine that built the card."""

    batch_size: int = Field(ge=1)
    threads: int = Field(ge=1)
    p50_ms: float
    p99_ms: float
    runs: int = Field(ge=1)


class StepFact(Fact):
    """One step of a recipe: `key` names its piece, the digest is of what it told."""

    step: str
    key: Sha256
    facts_sha256: Sha256


class RecipeFact(Fact):
    """Which recipe made a variant, from what; `data` are digests by dataset."""

    id: str
    sha256: Sha256
    seed: int
    source_key: Sha256
    steps: tuple[StepFact, ...] = ()
    data: Mapping[str, Sha256] = {}


class TextFact(Fact):
    """How well a language model continues a text; `rise` is perplexity's, as a share."""

    dataset: str
    dataset_sha256: Sha256
    tokens: int = Field(ge=1)
    perplexity: Interval
    rise: Interval | None = None
    accuracy: Mapping[str, Proportion] = {}


class SpeedFact(Fact):
    """Tokens made a second by so many callers at once."""

    concurrency: int = Field(ge=1)
    tokens_per_s: float


class MeasuredFact(Fact):
    """What else was measured on this machine; None: it was not."""

    peak_memory_bytes: int | None = None
    calibration_error: Interval | None = None
    exact_agreement: Proportion | None = None
    text: tuple[TextFact, ...] = ()
    speed: tuple[SpeedFact, ...] = ()


class Card(Fact):
    """One variant of one model version: what it is, how it was made, how it does.

    `files` are what `form` needs beside `model_file`, by name (an LLM's folder). `prefers`:
    None is ONNX Runtime, for whatever has that form. `agreements`: of a file for devices,
    as its last export has found them; none: it was not exported here.
    """

    model: str
    version: int
    variant: VariantName
    title: str
    licence: str
    build_key: Sha256
    created: str
    model_file: FileFact
    labels_file: FileFact | None = None
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    image: ImageSpec | None = None
    audio: AudioSpec | None = None
    source_uri: str
    source_sha256: Sha256
    quantization: QuantizationFact | None = None
    quality: tuple[QualityFact, ...] = ()
    latency: tuple[LatencyFact, ...] = ()
    toolchain: Mapping[str, str] = {}
    machine: Mapping[str, str] = {}
    form: Literal[
        "onnx", "engine", "llm", "litert", "torch", "executorch", "coreml", "ort"
    ] = "onnx"
    files: Mapping[str, FileFact] = {}
    recipe: RecipeFact | None = None
    measured: MeasuredFact | None = None
    manifest: FileFact | None = None
    golden: FileFact | None = None
    prefers: PreferenceFact | None = None
    agreements: tuple[AgreedFact, ...] = ()

    def stored(self) -> Mapping[str, FileFact]:
        """Every file of the store that this card names, by what it is to it."""
        optional = {
            "labels": self.labels_file,
            "manifest": self.manifest,
            "golden": self.golden,
        }
        named = {name: fact for name, fact in optional.items() if fact is not None}
        return {"model": self.model_file, **named, **self.files}


class TimedFact(Fact):
    """A variant's file timed on another machine than the one that built it."""

    model_file: Sha256
    created: str
    latency: tuple[LatencyFact, ...]
    machine: Mapping[str, str]


class CalibrationFact(Fact):
    """One member's temperature and expected calibration error without and with it."""

    temperature: float = Field(gt=0)
    before: Interval
    after: Interval


class HeldOutFact(Fact):
    """A cascade on photos that its thresholds were not fitted on, each judged once.

    `drop_points` is against the whole ensemble on the same photos; `cost_share` is of
    its time; `exits`: the share of photos that stop after the first, second, ... member.
    """

    folds: int = Field(ge=2)
    top1: Proportion
    whole_top1: Proportion
    drop_points: Interval
    members_run: float
    cost_share: float
    exits: tuple[float, ...]


class PointFact(Fact):
    """What one threshold would do to the photos of the fit."""

    threshold: float
    cost_share: float
    members_run: float
    top1: float
    drop_points: float


class CascadeFact(Fact):
    """A fitted cascade: who goes first, how sure is enough, and what that promises.

    `costs_ms`: of one photo by card, in the order of `order`.
    """

    confidence: str
    order: tuple[str, ...]
    costs_ms: tuple[float, ...]
    thresholds: tuple[float, ...]
    max_drop_points: float
    min_accuracy: float | None = None
    held_out: HeldOutFact | None = None
    curve: tuple[PointFact, ...] = ()


class SubsetFact(Fact):
    """How some members do without the others; `members` counts them from 0."""

    members: tuple[int, ...]
    top1: float
    log_loss: float


class EnsembleCard(Fact):
    """What was fitted for the members of one pipeline, in the order of its spec.

    Cards of version 1 hold weights alone. `by_command`: somebody chose the photos, and
    `headwater models build` keeps to them; `folder`: where they lay, when they are no
    dataset of the catalogue. `member_versions`: of the members, in the same order.
    """

    version: Literal[1, 2] = 1
    pipeline: str
    build_key: Sha256
    created: str
    members: tuple[str, ...]
    member_files: tuple[Sha256, ...]
    weights: tuple[Annotated[float, Field(ge=0)], ...]
    fitted_on: str
    n: int
    log_loss_uniform: float
    log_loss: float
    quality: tuple[QualityFact, ...] = ()
    dataset_sha256: Sha256 | None = None
    by_command: bool = False
    folder: str | None = None
    member_versions: tuple[int, ...] = ()
    calibration: tuple[CalibrationFact, ...] = ()
    cascade: CascadeFact | None = None
    subsets: tuple[SubsetFact, ...] = ()
    warnings: tuple[str, ...] = ()
