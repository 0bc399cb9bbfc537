"""What precision an ONNX file asks a strongly typed builder for; read, never guessed."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Precision = Literal["fp16", "int8", "fp8"]

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")
SHOWN = 3

_BEFORE: Mapping[Precision, str] = {
    "fp16": "has no FP16 weights; put a step `half` before",
    "int8": (
        "has no INT8 Q/DQ; put `quantize-static` with style: tensorrt, or `qat`, before"
    ),
    "fp8": "has no FP8 Q/DQ; make it with a tool that writes them, ModelOpt for one",
}


@dataclass(frozen=True, slots=True)
class Precisions:
    """How many layers take weights of each type, and which Q/DQ nodes are asymmetric."""

    weights: Mapping[str, int]
    quantized: Mapping[str, int]
    asymmetric: tuple[str, ...]


def read_precisions(onnx_file: Path) -> Precisions:
    """Read them from the graph."""
    import onnx

    graph = onnx.load(onnx_file).graph
    constants = {held.name: held for held in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            held = {one.name: one.t for one in node.attribute}.get("value")
            if held is not None:
                constants[node.output[0]] = held
    pairs = [node for node in graph.node if node.op_type in QUANTIZERS]
    zeros = {
        node.name or node.output[0]: constants[node.input[2]]
        for node in pairs
        if len(node.input) > 2 and node.input[2] in constants
    }
    weights = (
        constants[name]
        for node in graph.node
        if node.op_type in LAYERS
        for name in node.input[1:2]
        if name in constants
    )
    return Precisions(
        weights=Counter(_type(held) for held in weights),
        quantized=Counter(_type(held) for held in zeros.values()),
        asymmetric=tuple(name for name, held in zeros.items() if _is_asymmetric(held)),
    )


def reason_against(found: Precisions, wanted: Precision) -> str | None:
    """Why no engine of the `wanted` precision can be made; None: it can."""
    if found.asymmetric:
        shown = ", ".join(found.asymmetric[:SHOWN])
        return (
            f"{len(found.asymmetric)} Q/DQ nodes have zero points or are UINT8 "
            f"({shown}{', ...' if len(found.asymmetric) > SHOWN else ''}); TensorRT "
            "takes symmetric INT8 only: use style: tensorrt in quantize-static"
        )
    present = {
        "fp16": found.weights.get("FLOAT16", 0),
        "int8": found.quantized.get("INT8", 0),
        "fp8": _float8(found.quantized),
    }
    return None if present[wanted] else f"the model {_BEFORE[wanted]}"


def _float8(types: Collection[str]) -> bool:
    return any(name.startswith("FLOAT8") for name in types)


def _type(held: Any) -> str:
    import onnx

    return str(onnx.TensorProto.DataType.Name(held.data_type))


def _is_asymmetric(held: Any) -> bool:
    from onnx import numpy_helper

    if _type(held).startswith("FLOAT8"):
        return False
    return _type(held) == "UINT8" or bool(numpy_helper.to_array(held).any())
