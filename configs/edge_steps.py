"""The Specs of the steps that make and check files for devices."""

from typing import Literal

from pydantic import Field

from configs.model import Id
from configs.spec import Spec


class LitertConvertStep(Spec):
    """A torch piece becomes a float .tflite: batch 1, images with channels last."""

    step: Literal["litert-convert"]


class LitertQuantizeStep(Spec):
    """A float .tflite gets fewer bits, in words that the oldest runtimes read."""

    step: Literal["litert-quantize"]
    scheme: Literal["int8", "dynamic", "float16"] = Field(
        "int8", description="`int8`: all of it; the others compute in float."
    )
    ends: Literal["int8", "uint8"] = Field(
        "int8", description="Datatype of input and output, of scheme `int8`."
    )
    calibration: Id | None = Field(
        None, description="A dataset; none: the recipe's `data.calibration`."
    )
    channel_floor: float = Field(
        1e-4, ge=0, lt=1, description="Channels with smaller weights are lifted to it."
    )


class LitertCheckStep(Spec):
    """Nothing changes; the file is run by every runtime and the proof put beside it."""

    step: Literal["litert-check"]
    photos: int = Field(
        64, ge=1, le=1000, description="Of the first evaluation dataset; slow kernels."
    )
    threads: tuple[int, ...] = Field(
        (1, 2, 3, 4), min_length=1, description="Answers must not depend on them."
    )
    oldest_runtime: bool = Field(
        True, description="Also tflite-runtime 2.14, which Python 3.12 has not."
    )
    min_agreement: float = Field(
        0.98, ge=0, le=1, description="Between any two ways of running the file."
    )


class QatLitertStep(Spec):
    """A torch piece goes on training while it rounds as LiteRT's INT8 will."""

    step: Literal["qat-litert"]
    epochs: int = Field(2, ge=1)
    batch: int = Field(64, ge=1)
    lr: float = Field(1e-4, gt=0)
    calibration_batches: int = Field(8, ge=1)


class _PhoneStep(Spec):
    """What is asked of every file for phones before it is kept."""

    photos: int = Field(
        64, ge=1, le=1000, description="Of the first evaluation dataset, for the proof."
    )
    min_agreement: float = Field(
        0.9, ge=0, le=1, description="With what the file was made of, on those photos."
    )


class ExecutorchExportStep(_PhoneStep):
    """A torch piece becomes a .pte that XNNPACK runs; ExecuTorch answers for it here."""

    step: Literal["executorch-export"]
    scheme: Literal["int8", "float32"] = "int8"
    calibration: Id | None = Field(
        None, description="A dataset; none: the recipe's `data.calibration`."
    )
    channel_floor: float = Field(
        1e-4, gt=0, lt=1, description="Channels with smaller weights get its scale."
    )
    oldest_runtime: bool = Field(
        True, description="Also ExecuTorch 1.4, in an environment of its own."
    )
    threads: tuple[int, ...] = Field(
        (1, 2, 3, 4),
        min_length=1,
        description="Answers on each are held to those on one.",
    )


class CoremlExportStep(_PhoneStep):
    """A torch piece becomes a .mlpackage; its program is worked out, not run."""

    step: Literal["coreml-export"]
    scheme: Literal["float16", "int8"] = Field(
        "float16", description="Of weights; both compute in 16-bit floats."
    )
    minimum: Literal["iOS16", "iOS17", "iOS18"] = Field(
        "iOS17", description="The oldest system that is to open it."
    )


class OrtExportStep(_PhoneStep):
    """An ONNX piece becomes a .ort for one row, with the list of what it needs."""

    step: Literal["ort-export"]
    oldest_runtime: bool = Field(
        True, description="Also ONNX Runtime 1.18; not on Python 3.13, which it lacks."
    )
    threads: tuple[int, ...] = Field(
        (1, 2, 3, 4),
        min_length=1,
        description="Answers on each are held to those on one.",
    )


EdgeStep = (
    LitertConvertStep
    | LitertQuantizeStep
    | LitertCheckStep
    | QatLitertStep
    | ExecutorchExportStep
    | CoremlExportStep
    | OrtExportStep
)
"""All of them; `configs.steps` adds those for servers."""
