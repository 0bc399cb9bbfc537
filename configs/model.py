"""The Spec of one model, and the words that others share with it."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from configs.audio import AudioSpec
from configs.spec import Spec
from configs.version_policy import VersionPolicySpec

Datatype = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
    "FP16", "FP32", "FP64", "BYTES",
]  # fmt: skip
Id = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=63)]
VariantName = Id
PreferredSize = Annotated[int, Field(ge=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Version = Annotated[int, Field(ge=1)]
Alias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=63)]


class Artefact(Spec):
    """A file somewhere, pinned by its content.

    `uri`: `package://DIST@VERSION/PATH/IN/PACKAGE`, `file://`, `https://`, `s3://`,
    `gs://` or `hf://OWNER/REPO@REVISION/PATH`.
    """

    uri: str = Field(pattern=r"^[a-z0-9]+://.+")
    sha256: Sha256


class TensorSpec(Spec):
    """One input or output of a model; `shape` leaves out the batch dimension, -1 varies."""

    name: str = Field(min_length=1)
    datatype: Datatype
    shape: tuple[Annotated[int, Field(ge=-1)], ...] = ()


class ImageSpec(Spec):
    """How a photo becomes a model's float input.

    The centre square of size_px / (size_px + margin_px) of the short side is resized
    to `size_px` (bicubic), then `(value - mean) / std`, RGB, channels first.
    """

    size_px: int = Field(ge=1, le=4096)
    margin_px: int = Field(0, ge=0)
    mean: float = 127.0
    std: float = Field(128.0, gt=0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a crop: height, width, channels."""
        return self.size_px, self.size_px, 3


FrontEnd = ImageSpec | AudioSpec
"""What makes bytes [n, height, width, channels] of photos or of recordings."""


class CalibrationSpec(Spec):
    """How activation ranges are found for static INT8 quantization."""

    dataset: Id
    method: Literal["minmax", "entropy", "percentile"] = "minmax"
    percentile: float = Field(99.99, gt=50, le=100)


class QueuePolicySpec(Spec):
    """What happens to a request that waits too long, or where too many wait already.

    The words and their meaning are Triton's; `max_queue_size` counts rows.
    """

    timeout_action: Literal["REJECT", "DELAY"] = Field(
        "REJECT", description="DELAY: serve it after all that have not timed out."
    )
    default_timeout_us: int | None = Field(
        None, ge=1, description="None: a request may wait for ever."
    )
    allow_timeout_override: bool = Field(
        False, description="A request's own `timeout` counts, where it is shorter."
    )
    max_queue_size: int | None = Field(None, ge=1)


class ShapeBucketsSpec(Spec):
    """Sizes up to which a dimension that varies is filled, so that rows share batches.

    Only for models whose answers do not depend on what is filled in.
    """

    sizes: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        min_length=1,
        description="Ascending; what is larger than all is left as it is.",
    )
    value: float = Field(0, description="What is filled in; texts get empty ones.")

    @field_validator("sizes")
    @classmethod
    def _ascend(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if list(sizes) != sorted({*sizes}):
            raise ValueError("sizes must ascend")
        return sizes


class BatchingSpec(Spec):
    """Limits of one model's queue on one replica; rows, not requests, are counted.

    Levels of priority start at 1, which goes first.
    """

    max_batch_size: int = Field(32, ge=1, le=4096)
    preferred_batch_size: PreferredSize | tuple[PreferredSize, ...] | None = Field(
        None,
        description="A batch is closed at so many rows; of several, at the most that "
        "are there. None: at the largest.",
    )
    batch_wait_timeout_s: float = Field(0.0, ge=0, le=10)
    defer_share: float = Field(
        0.25,
        ge=0,
        le=1,
        description="Part of the time to its deadline that a request may wait for "
        "company although a slot is free, when fuller batches are needed.",
    )
    max_queue_size: int = Field(256, ge=1)
    priority_levels: int = Field(1, ge=1, le=100)
    default_priority_level: int = Field(1, ge=1)
    default_queue_policy: QueuePolicySpec = QueuePolicySpec()
    priority_queue_policy: dict[int, QueuePolicySpec] = Field(
        {}, description="By level, where the default one does not hold."
    )

    shape_buckets: ShapeBucketsSpec | None = Field(
        None, description="None: only rows of equal shape share a batch."
    )

    @field_validator("preferred_batch_size")
    @classmethod
    def _sizes_ascend(cls, sizes: object) -> object:
        if isinstance(sizes, tuple) and (not sizes or list(sizes) != sorted({*sizes})):
            raise ValueError("several preferred sizes must ascend")
        return sizes

    @model_validator(mode="after")
    def _levels_exist(self) -> "BatchingSpec":
        named = (self.default_priority_level, *self.priority_queue_policy)
        if not all(1 <= level <= self.priority_levels for level in named):
            raise ValueError(f"levels go from 1 to {self.priority_levels}")
        return self

    @property
    def full_batch_size(self) -> int:
        """Rows at which a batch is closed; only a single larger request exceeds it."""
        return min(self.preferred_sizes[-1], self.max_batch_size)

    @property
    def preferred_sizes(self) -> tuple[int, ...]:
        """The sizes at which a batch is closed, ascending, never empty."""
        said = self.preferred_batch_size
        sizes = said if isinstance(said, tuple) else (said or self.max_batch_size,)
        return tuple(sorted({min(size, self.max_batch_size) for size in sizes}))

    def level(self, priority: int) -> int:
        """The level of a request that asks for `priority`; 0 and unknown: the default."""
        if 1 <= priority <= self.priority_levels:
            return priority
        return self.default_priority_level

    def policy(self, level: int) -> QueuePolicySpec:
        """What holds for the requests of one level."""
        return self.priority_queue_policy.get(level, self.default_queue_policy)


class ModelSpec(Spec):
    """One model of the catalogue: where its weights are and what it promises."""

    id: Id
    version: int = Field(1, ge=1)
    title: str
    licence: str
    weights: Artefact | None = Field(
        None, description="None: of architecture `recipe`, which only recipes make."
    )
    architecture: Literal[
        "onnx",
        "efficientnet-lite0",
        "efficientnet-lite1",
        "efficientnet-lite2",
        "recipe",
    ]
    inputs: tuple[TensorSpec, ...] = Field(min_length=1)
    outputs: tuple[TensorSpec, ...] = Field(min_length=1)
    labels: str | None = Field(
        None, description="File of one label a line, relative to the catalogue."
    )
    image: ImageSpec | None = None
    audio: AudioSpec | None = Field(
        None, description="How recordings become the input; not beside `image`."
    )
    calibration: CalibrationSpec | None = None
    max_drop_points: float = Field(
        1.0, ge=0, description="Top-1 points INT8 may lose against FP32."
    )
    evaluation: tuple[Id, ...] = ()
    variant: VariantName = "int8-onnx"
    backend: Literal["auto", "onnx", "openvino"] = Field(
        "auto",
        description="What runs an ONNX variant on a CPU; auto: what its card prefers, "
        "where that is installed.",
    )
    batching: BatchingSpec = BatchingSpec()
    version_policy: VersionPolicySpec = Field(
        VersionPolicySpec(), description="Which of its versions are served."
    )
    aliases: dict[Alias, Version] = Field(
        {},
        description="Words that clients may say for a version; requests that say none "
        "go to `stable`, where there is one, else to the newest version that is ready.",
    )

    @property
    def front_end(self) -> FrontEnd | None:
        """How photos or recordings become its input."""
        return self.image or self.audio

    @model_validator(mode="after")
    def _photos_are_the_one_input(self) -> "ModelSpec":
        if self.image is None:
            return self
        size, (first, *others) = self.image.size_px, self.inputs
        fits = first.datatype == "FP32" and first.shape[1:] == (size, size)
        if others or not fits or len(first.shape) != 3:
            raise ValueError(f"image needs one input, FP32 [channels, {size}, {size}]")
        return self

    @model_validator(mode="after")
    def _recordings_are_the_one_input(self) -> "ModelSpec":
        if self.audio is None:
            return self
        frames, bands, _ = self.audio.shape
        wanted = [("FP32", (1, frames, bands))]
        if [(one.datatype, one.shape) for one in self.inputs] != wanted:
            raise ValueError(f"audio needs one input, FP32 [1, {frames}, {bands}]")
        if self.image is not None:
            raise ValueError("name image or audio, not both")
        return self

    @model_validator(mode="after")
    def _buckets_have_something_to_fill(self) -> "ModelSpec":
        varies = any(-1 in tensor.shape for tensor in self.inputs)
        if self.batching.shape_buckets is not None and not varies:
            raise ValueError("shape_buckets needs an input with a size that varies")
        return self

    @model_validator(mode="after")
    def _int8_needs_calibration(self) -> "ModelSpec":
        if self.variant == "int8-onnx" and self.calibration is None:
            raise ValueError("variant int8-onnx needs a calibration block")
        return self

    @model_validator(mode="after")
    def _has_weights_or_a_recipe(self) -> "ModelSpec":
        if (self.weights is None) != (self.architecture == "recipe"):
            raise ValueError("weights are required, except of architecture recipe")
        return self
