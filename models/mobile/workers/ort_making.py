"""An ONNX model → ONNX Runtime's own format for one row, as its mobile builds load it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.tools.convert_onnx_models_to_ort import (
    OptimizationStyle,
    convert_onnx_models_to_ort,
)
from onnxruntime.tools.onnx_model_utils import fix_output_shapes, make_input_shape_fixed

from models.mobile.workers.ort_settling import settled


def answer(request: Mapping[str, Any], progress: Any) -> object:
    """Write `request["target"]` (.ort) and `request["config"]` from `request["source"]`.

    Request: `shape`, of the one input with a batch of 1; `fixed`, where the ONNX of that
    shape is put; `room`, an empty folder. The config lists the operators and their types
    for a build of ONNX Runtime that has no others.
    """
    progress("convert", 0, 1)
    fixed, room = Path(request["fixed"]), Path(request["room"])
    _fix(Path(request["source"]), fixed, request["shape"])
    convert_onnx_models_to_ort(
        fixed,
        output_dir=room,
        optimization_styles=[OptimizationStyle.Fixed],
        target_platform="arm",
        enable_type_reduction=True,
    )
    (made,), (config,) = room.glob("*.ort"), room.glob("*.config")
    Path(request["target"]).write_bytes(settled(made.read_bytes()))
    # Its comments name a folder of this machine.
    lines = config.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line and not line.startswith("#")]
    Path(request["config"]).write_text("\n".join([*kept, ""]), encoding="utf-8")
    progress("convert", 1, 1)
    return {"needs": kept}


def _fix(source: Path, target: Path, shape: list[int]) -> None:
    model = onnx.load(source)
    (image,) = model.graph.input
    make_input_shape_fixed(model.graph, image.name, shape)
    fix_output_shapes(model)
    onnx.save(model, target)
