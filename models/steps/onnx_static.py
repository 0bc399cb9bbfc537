"""Step `quantize-static`: INT8 in QDQ form, ranges found on calibration photos."""

from collections.abc import Mapping
from pathlib import Path

import onnx

from configs.model import CalibrationSpec
from configs.steps import QuantizeStaticStep, SearchInt8Step
from models import machine
from models.errors import BuildFailed
from models.quantize import (
    Calibrated,
    Calibration,
    Int8Form,
    calibrate,
    known_operators,
)
from models.recipes.bench import NO_IMAGE, Bench
from models.recipes.pieces import Piece
from models.steps.onnx_graph import changed, check, load_sound, operators
from models.steps.onnx_layers import with_activations

_INVISIBLE = {"Constant", "QuantizeLinear", "DequantizeLinear", "Cast", "Identity"}


def run(
    step: QuantizeStaticStep, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Write the INT8 model.

    Raises:
        BuildFailed: the source is not sound, the photos do not fit it, a node to keep
            is not there, or nothing can become INT8.
        ModelError: the photos cannot be had.
    """
    fp32 = load_sound(step.step, source, bench).file
    how = CalibrationSpec(
        dataset=dataset_of(step, bench), method=step.method, percentile=step.percentile
    )
    photos = calibration(step, how, bench)
    found = calibrate(bench.recipe.id, fp32, bench.scratch, photos, bench.progress)
    form = Int8Form(
        reduce_range=photos.reduce_range,
        per_channel=step.per_channel,
        bias_correction=step.bias_correction,
        style=step.style,
        keep_float=_kept(step, found.file, bench),
    )
    file = write(step.step, found, form, target, bench)
    facts = changed(fp32, file, bench.seed)
    return {
        **facts,
        **described(photos, bench),
        "style": step.style,
        "keep_float": list(step.keep_float),
        "left_float": unknown(found.file),
    }


def dataset_of(step: QuantizeStaticStep | SearchInt8Step, bench: Bench) -> str:
    """The calibration dataset of `step`.

    Raises:
        BuildFailed: neither it nor the recipe names one.
    """
    name = step.calibration or bench.data.calibration
    if name is None:
        reason = "it needs photos: name a dataset in data.calibration"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    return name


def calibration(
    step: QuantizeStaticStep | SearchInt8Step, how: CalibrationSpec, bench: Bench
) -> Calibration:
    """The photos, cropped for the model.

    Raises:
        BuildFailed: the model takes no photos.
        ModelError: the photos cannot be had.
    """
    image = bench.spec.front_end
    if image is None:
        raise BuildFailed(bench.recipe.id, step.step, NO_IMAGE)
    crops = bench.materials.crops(how.dataset, image, bench.progress)
    narrow = machine.narrow(step.reduce_range)
    return Calibration(how, image, crops, narrow)


def write(
    step: str, found: Calibrated, form: Int8Form, target: Path, bench: Bench
) -> Path:
    """Write one form as the piece in `target`, and check it.

    Raises:
        BuildFailed: nothing became INT8, or the result is not valid.
    """
    file = Piece(target).onnx
    found.write(file, form)
    if "QuantizeLinear" not in operators(file):
        has = ", ".join(operators(found.file))
        reason = f"nothing became INT8: it wants Conv, Gemm or MatMul, got {has}"
        raise BuildFailed(bench.recipe.id, step, reason)
    return check(step, file, bench)


def described(photos: Calibration, bench: Bench) -> dict[str, object]:
    """How ranges were found, for a report."""
    how = photos.spec
    return {
        "calibration": how.dataset,
        "photos": len(photos.crops),
        "skipped": list(bench.materials.broken(how.dataset)),
        "method": how.method,
        "reduce_range": photos.reduce_range,
    }


def unknown(file: Path) -> Mapping[str, int]:
    """Operators that stay in float because the quantizer does not know them."""
    known = {*known_operators(), *_INVISIBLE}
    return {kind: n for kind, n in operators(file).items() if kind not in known}


def _kept(step: QuantizeStaticStep, file: Path, bench: Bench) -> tuple[str, ...]:
    model = onnx.load(file)
    names = [node.name for node in model.graph.node]
    for name in step.keep_float:
        if name not in names:
            layers = [node.name for node in model.graph.node if len(node.input) > 1]
            reason = f"keep_float: no node is called {name}; it has {', '.join(layers)}"
            raise BuildFailed(bench.recipe.id, step.step, reason)
    return with_activations(model, step.keep_float)
