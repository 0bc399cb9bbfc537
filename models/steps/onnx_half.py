"""Step `half`: 16-bit floats.

`fp16` turns the graph itself to FP16. ONNX Runtime's CPU kernels for it are few: it casts
around the others, so FP16 is smaller there but slower; it is meant for accelerators.
`bf16` keeps weights as BF16 in the file and casts them to FP32 when the model is loaded,
because its CPU kernels know no BF16: half the size, the time of FP32.
"""

import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization.onnx_model import ONNXModel

from configs.steps import HalfStep
from models.errors import BuildFailed
from models.recipes.bench import Bench
from models.recipes.pieces import Piece
from models.steps.onnx_graph import changed, load_sound, store

MIN_VALUES = 16
"""Smaller constants stay FP32: a cast would cost more than it saves."""

LARGEST_FP16 = 65504.0


def run(
    step: HalfStep, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Write the model with 16-bit weights.

    Raises:
        BuildFailed: the source is not sound, a weight is too large for FP16, or BF16
            inputs are asked for.
    """
    model, fp32 = load_sound(step.step, source, bench)
    if step.datatype == "bf16":
        if not step.keep_io:
            reason = "inputs and outputs in BF16 have no kernels; set keep_io: true"
            raise BuildFailed(bench.recipe.id, step.step, reason)
        made, computes = weights_to_bf16(model, step.keep), "fp32"
    else:
        _refuse_overflow(model, step, bench)
        made, computes = (
            _to_fp16(model, step),
            "fp16, with casts where CPU has no kernel",
        )
    facts = changed(fp32, store(step.step, made, target, bench), bench.seed)
    return {**facts, "datatype": step.datatype, "computes": computes}


def _refuse_overflow(model: onnx.ModelProto, step: HalfStep, bench: Bench) -> None:
    for held in model.graph.initializer:
        if held.data_type != TensorProto.FLOAT:
            continue
        largest = float(np.abs(numpy_helper.to_array(held)).max(initial=0.0))
        if largest > LARGEST_FP16:
            reason = f"{held.name} must be within {LARGEST_FP16:g}, got {largest:g}; "
            reason += "use bf16 or keep its operator"
            raise BuildFailed(bench.recipe.id, step.step, reason)


def _to_fp16(model: onnx.ModelProto, step: HalfStep) -> onnx.ModelProto:
    path = list(sys.path)
    try:  # importing the tool puts its folder on the path, with a `models` of its own
        from onnxruntime.transformers import float16
    finally:
        sys.path[:] = path
    made: onnx.ModelProto = float16.convert_float_to_float16(
        model,
        keep_io_types=step.keep_io,
        op_block_list=[*float16.DEFAULT_OP_BLOCK_LIST, *step.keep],
    )
    ONNXModel(made).topological_sort()  # the tool puts its casts at the end
    return made


def weights_to_bf16(model: onnx.ModelProto, keep: Collection[str]) -> onnx.ModelProto:
    """Store FP32 weights as BF16, with a Cast to FP32 behind each.

    Args:
        model: changed in place, and returned.
        keep: operator types whose weights stay FP32.
    """
    kept = {
        name for node in model.graph.node if node.op_type in keep for name in node.input
    }
    casts = []
    for held in model.graph.initializer:
        values = int(np.prod(held.dims))
        if held.data_type != TensorProto.FLOAT or held.name in kept:
            continue
        if values < MIN_VALUES:
            continue
        name, stored = held.name, f"{held.name}_bf16"
        bits = to_bf16(numpy_helper.to_array(held)).tobytes()
        held.CopyFrom(
            helper.make_tensor(
                stored, TensorProto.BFLOAT16, list(held.dims), bits, raw=True
            )
        )
        casts.append(
            helper.make_node("Cast", [stored], [name], stored, to=TensorProto.FLOAT)
        )
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def to_bf16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The upper 16 bits of finite `values`, rounded to the nearest, ties to even."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    upper: NDArray[np.uint16] = (rounded >> np.uint32(16)).astype(np.uint16)
    return upper
