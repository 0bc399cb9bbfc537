"""What one run of an ONNX model of fixed shapes costs; imports onnx."""

import math
from collections.abc import Mapping
from pathlib import Path

import onnx

from models.litert.cost import Cost
from models.mobile.nodes import Node, Widths, cost

ROUNDING = ("QuantizeLinear", "DequantizeLinear")
SUMS = ("Conv", "Gemm", "MatMul")
WHOLE_NUMBERS = (
    "ConvInteger", "DynamicQuantizeLSTM", "DynamicQuantizeLinear",
    "DynamicQuantizeMatMul", "MatMulInteger", "MatMulIntegerToFloat", "QAttention",
    "QGemm", "QLinearConv", "QLinearMatMul",
)  # fmt: skip
"""Operators that take or give rounded numbers with no others around them."""

UNCOUNTED = (
    "Attention", "CausalConvWithState", "ConvInteger", "ConvTranspose", "DFT",
    "DeformConv", "Det", "Einsum", "GRU", "LSTM", "LinearAttention", "MatMulInteger",
    "QLinearConv", "QLinearMatMul", "RNN", "STFT",
)  # fmt: skip
"""Operators of ONNX that multiply otherwise than those of `SUMS`."""

OWN = ("", "ai.onnx")
"""Names of ONNX's own domain."""

INT8, FLOAT = Widths(1, 1), Widths(4, 4)


def cost_of(file: Path) -> Cost:
    """What one run of `file` costs; where it rounds, its sums are taken to be INT8."""
    model = onnx.shape_inference.infer_shapes(onnx.load(file), data_prop=True)
    graph = model.graph
    names = _names(graph)
    shapes = _shapes(graph)
    held = {names.get(one.name, one.name) for one in graph.initializer}
    nodes = [
        _node(one, names, shapes, held)
        for one in graph.node
        if one.op_type not in (*ROUNDING, "Constant")
    ]
    is_int8 = any(one.op_type in ROUNDING for one in graph.node)
    inputs = {
        one.name: math.prod(shapes[one.name])
        for one in graph.input
        if one.name not in held  # before version 4 of the format they are inputs too
    }
    outputs = [names.get(one.name, one.name) for one in graph.output]
    return cost(nodes, inputs, outputs, INT8 if is_int8 else FLOAT)


def is_rounded(file: Path) -> bool:
    """Whether `file` has operators that round to INT8 or compute in it."""
    return rounds(onnx.load(file))


def rounds(model: onnx.ModelProto) -> bool:
    """The same of a model that is loaded."""
    known = (*ROUNDING, *WHOLE_NUMBERS)
    return any(one.op_type in known for one in model.graph.node)


def uncounted(model: onnx.ModelProto) -> tuple[str, ...]:
    """Operators by name whose sums `cost_of` does not count; none: it counts all of them.

    Of another domain, a function of the file, or holding graphs of their own: it does not
    look into any.
    """
    local = {(one.domain, one.name) for one in model.functions}
    return tuple(sorted({
        one.op_type if one.domain in OWN else f"{one.domain}:{one.op_type}"
        for one in model.graph.node
        if (one.domain, one.op_type) in local or _is_left_out(one)
    }))  # fmt: skip


def _is_left_out(node: onnx.NodeProto) -> bool:
    if node.domain not in OWN:
        return node.op_type not in ROUNDING
    holds = any(one.HasField("g") or one.graphs for one in node.attribute)
    return holds or node.op_type in UNCOUNTED


def _names(graph: onnx.GraphProto) -> dict[str, str]:
    """What rounding gives → what it takes: both are one tensor for a fused operator."""
    names: dict[str, str] = {}
    for node in graph.node:
        if node.op_type in ROUNDING:
            before = node.input[0]
            names[node.output[0]] = names.get(before, before)
    return names


def _shapes(graph: onnx.GraphProto) -> Mapping[str, tuple[int, ...]]:
    known = {
        one.name: tuple(dim.dim_value for dim in one.type.tensor_type.shape.dim)
        for one in (*graph.value_info, *graph.input, *graph.output)
    }
    return known | {one.name: tuple(one.dims) for one in graph.initializer}


def _node(
    node: onnx.NodeProto,
    names: Mapping[str, str],
    shapes: Mapping[str, tuple[int, ...]],
    held: set[str],
) -> Node:
    inputs = [names.get(name, name) for name in node.input if name]
    reads = tuple(name for name in inputs if name not in held)
    elements = math.prod(shapes.get(node.output[0], (0,)))
    if node.op_type not in SUMS:  # what others hold are bounds and shapes
        return Node(reads, node.output[0], elements)
    weights = sum(math.prod(shapes.get(n, ())) for n in inputs if n in held)
    macs = elements * _reduced(node, shapes[inputs[1]])
    return Node(reads, node.output[0], elements, weights, macs)


def _reduced(node: onnx.NodeProto, weights: tuple[int, ...]) -> int:
    """How many products make one element of what `node` writes."""
    if node.op_type == "Conv":
        return math.prod(weights[1:])
    turned = any(a.name == "transB" and a.i for a in node.attribute)
    return weights[-1] if turned else weights[-2]
