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
        (1, 2, 4), min_length=1, description="Answers must not depend on them."
    )
    oldest_runtime: bool = Field(
        True, description="Also tflite-runtime 2.14, which Python 3.12 has not."
    )
    min_agreement: float = Field(
        0.98, ge=0, le=1, description="Between any two ways of running the file."
    )
