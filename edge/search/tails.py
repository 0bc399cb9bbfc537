"""The steps that make a file of a form, in the place of those that make a .tflite. Pure."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from configs.device import DeviceForm
from configs.edge_search import Quantization
from configs.edge_steps import (
    CoremlExportStep,
    ExecutorchExportStep,
    LitertCheckStep,
    LitertQuantizeStep,
    OrtExportStep,
)
from configs.steps import AnyStep, ExportStep, QuantizeStaticStep

Kind = TypeVar("Kind", LitertQuantizeStep, LitertCheckStep)

FOR_LITERT = ("litert-convert", "litert-quantize", "litert-check")
"""The steps that other forms have nothing of."""


def tail(
    form: DeviceForm, quantization: Quantization, steps: Sequence[AnyStep]
) -> Iterator[AnyStep]:
    """What makes and proves a file of `form`; of LiteRT nothing, its steps stand there.

    Calibration, photos and threads are those that `steps` name for LiteRT.
    """
    quantize = _first(steps, LitertQuantizeStep) or LitertQuantizeStep(
        step="litert-quantize"
    )
    check = _first(steps, LitertCheckStep) or LitertCheckStep(step="litert-check")
    if form == "executorch":
        yield _executorch(quantization, quantize, check)
    elif form == "coreml":
        scheme = "float16" if quantization == "float16" else "int8"
        yield CoremlExportStep(step="coreml-export", scheme=scheme, photos=check.photos)
    elif form == "ort":
        yield from _ort(quantization, quantize, check)


def _executorch(
    quantization: Quantization, quantize: LitertQuantizeStep, check: LitertCheckStep
) -> ExecutorchExportStep:
    made = ExecutorchExportStep(
        step="executorch-export",
        scheme="float32" if quantization == "float32" else "int8",
        calibration=quantize.calibration,
        photos=check.photos,
        threads=check.threads,
        oldest_runtime=check.oldest_runtime,
    )
    floor = quantize.channel_floor  # 0 lifts none, and here there must be a scale
    return made.model_copy(update={"channel_floor": floor}) if floor else made


def _ort(
    quantization: Quantization, quantize: LitertQuantizeStep, check: LitertCheckStep
) -> Iterator[AnyStep]:
    yield ExportStep(step="export")
    if quantization != "float32":
        yield QuantizeStaticStep(
            step="quantize-static",
            calibration=quantize.calibration,
            reduce_range="false",  # phones add products in 32 bits
        )
    yield OrtExportStep(
        step="ort-export",
        photos=check.photos,
        threads=check.threads,
        oldest_runtime=check.oldest_runtime,
    )


def _first(steps: Sequence[AnyStep], kind: type[Kind]) -> Kind | None:
    return next((one for one in steps if isinstance(one, kind)), None)
