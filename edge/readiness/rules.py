"""What the Edge TPU's compiler maps: the documented limits of each operator. Pure.

Source: coral.ai "TensorFlow models on the Edge TPU", table of supported operations. The
limits of resizing, TILE and an LSTM's state were seen in compiled models; those of one row,
of reshaping and of dilation in reports of the compiler (benchmarks/edge_tpu_logs).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.readiness.findings import LIMITED, RANK, STRIDES, Status
from models.litert.graph import Graph, Op, Tensor


@dataclass(frozen=True, slots=True)
class Limit:
    """Why an operator is not mapped, what would help, and the compiler's words for it."""

    why: str
    fix: str
    status: Status = LIMITED


Rule = Callable[[Graph, Op], Limit | None]

_SUPPORTED = """ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS
    FULLY_CONNECTED L2_NORMALIZATION LOGISTIC LSTM UNIDIRECTIONAL_SEQUENCE_LSTM MAXIMUM
    MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE REDUCE_MAX REDUCE_MIN RELU RELU6
    RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SLICE SOFTMAX
    SPACE_TO_DEPTH SPLIT SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TILE
    TRANSPOSE TRANSPOSE_CONV"""
SUPPORTED = frozenset(_SUPPORTED.split())

SOFTMAX_MOST, RESIZE_MOST_TIMES = 16_000, 4
RESIZE_MOST, RESHAPE_MOST = 1 << 21, 1 << 20
"""Elements. Of published reports 1.4 million were mapped after a resize (EfficientDet-Lite4)
and 3.1 million were not (google-coral/edgetpu issue 597); 0.4 and 1.6 after a reshape."""
ROW_MOST = 192 * 1024
"""Bytes of a tensor that is one row, [1, places, channels], with channels in fours.

Not documented. Of the reports in `benchmarks/edge_tpu_logs` 76 824 bytes were mapped and
230 400 were not. Between them the line is drawn so that the heads of SSDLite MobileDet of
COCO pass ([1, 2034, 91], 187 128 bytes), which is published for the Edge TPU; no report of
it was read.
"""

WEIGHTED = frozenset(
    ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "LSTM",
     "UNIDIRECTIONAL_SEQUENCE_LSTM")
)  # fmt: skip
"""These have limits of their own."""


def limit(graph: Graph, op: Op) -> Limit | None:
    """The first documented limit that `op` breaks; None: none."""
    rules = (_at_most_three_dimensions, _short_row, *RULES.get(op.name, ()))
    return next((found for rule in rules if (found := rule(graph, op))), None)


def _at_most_three_dimensions(graph: Graph, op: Op) -> Limit | None:
    outer = [size for size in _output(graph, op).shape[:-3] if size > 1]
    if not outer:
        return None
    return Limit(
        f"tensors have at most three dimensions, outer ones are {outer}",
        "export it for one row at a time (batch 1)",
        RANK,
    )


def _short_row(graph: Graph, op: Op) -> Limit | None:
    if op.name in WEIGHTED:
        return None
    flows = graph.of((*graph.computed(op), *op.outputs))
    largest = max((_row_bytes(tensor) for tensor in flows), default=0)
    if largest <= ROW_MOST:
        return None
    return Limit(
        f"one row takes {largest} bytes, at most {ROW_MOST}",
        "end the file before it and leave it to the application",
    )


def _row_bytes(tensor: Tensor) -> int:
    if len(tensor.shape) < 3 or tensor.shape[-3] != 1:
        return 0
    *_, places, channels = tensor.shape
    return places * -(-channels // 4) * 4


def _small_reshape(graph: Graph, op: Op) -> Limit | None:
    if _output(graph, op).elements <= RESHAPE_MOST:
        return None
    return Limit(
        f"{_output(graph, op).elements} elements, at most {RESHAPE_MOST}",
        "end the file before it and leave it to the application",
    )


def _no_fused_activation(graph: Graph, op: Op) -> Limit | None:
    if not op.options.get("FusedActivationFunction"):
        return None
    return Limit(
        "an activation is fused into it",
        "make the activation an operator of its own",
    )


def _equal_dilation(graph: Graph, op: Op) -> Limit | None:
    """Along a side where the kernel has one element, dilation changes nothing."""
    down, across = (op.options.get(f"Dilation{side}Factor", 1) for side in "HW")
    kernel = graph.tensors[op.inputs[1]].shape[1:3]
    if down == across or 1 in kernel:
        return None
    return Limit(
        f"dilation is {down} down and {across} across", "use the same for both"
    )


def _default_weights(graph: Graph, op: Op) -> Limit | None:
    if not op.options.get("WeightsFormat"):
        return None
    return Limit("its weights are shuffled", "convert it without shuffled weights")


def _one_dimension(graph: Graph, op: Op) -> Limit | None:
    shape = _output(graph, op).shape
    if math.prod(shape) == (shape[-1] if shape else 1):
        return None
    return Limit(
        f"its output {list(shape)} must be one-dimensional", "flatten its input"
    )


def _short_softmax(graph: Graph, op: Op) -> Limit | None:
    """Documented for one dimension; published reports have it mapped for many rows."""
    elements = _output(graph, op).elements
    if elements <= SOFTMAX_MOST:
        return None
    return Limit(
        f"{elements} elements, at most {SOFTMAX_MOST}", "leave it to the application"
    )


def _no_batch_reduction(graph: Graph, op: Op) -> Limit | None:
    if 0 not in _axes(graph, op):
        return None
    return Limit("it reduces the batch dimension", "reduce within a row only")


def _mean_over_depth(graph: Graph, op: Op) -> Limit | None:
    shape = graph.tensors[op.inputs[0]].shape
    if len(shape) - 1 not in _axes(graph, op) or shape[-1] % 4 == 0:
        return None
    return Limit(f"it reduces a depth of {shape[-1]}", "make the depth a multiple of 4")


def _stride_one(graph: Graph, op: Op) -> Limit | None:
    strides = _integers(graph, op, 3)
    if all(one == 1 for one in strides):
        return None
    return Limit(f"strides are {list(strides)}", "slice with stride 1", STRIDES)


def _no_masks(graph: Graph, op: Op) -> Limit | None:
    if not (op.options.get("EllipsisMask") or op.options.get("NewAxisMask")):
        return None
    return Limit(
        "it uses an ellipsis or a new axis", "say every dimension, reshape after it"
    )


def _small_resize(graph: Graph, op: Op) -> Limit | None:
    before, after = graph.tensors[op.inputs[0]].shape, _output(graph, op).shape
    if len(before) != 4 or len(after) != 4:
        return None
    times = max(after[1] / max(before[1], 1), after[2] / max(before[2], 1))
    if times <= RESIZE_MOST_TIMES and math.prod(after[1:]) <= RESIZE_MOST:
        return None
    return Limit(
        f"it scales {times:g} times to {list(after)}",
        f"scale at most {RESIZE_MOST_TIMES} times, to fewer elements",
    )


def _zero_constant(graph: Graph, op: Op) -> Limit | None:
    constants = [t for t in graph.of(op.given) if t.is_constant]
    if not constants:
        return None
    zeros = all(_is_zero(tensor) for tensor in constants)
    if zeros and len(op.given) == 2:
        return None
    return Limit(
        "a constant among its inputs must be all zeros, of two inputs", "pad instead"
    )


def _flat_alpha(graph: Graph, op: Op) -> Limit | None:
    alpha = graph.tensors[op.inputs[1]]
    if math.prod(alpha.shape[:-1]) == 1:
        return None
    return Limit(
        f"its alpha {list(alpha.shape)} must be one-dimensional",
        "share it over pixels",
    )


RULES: Mapping[str, tuple[Rule, ...]] = {
    "AVERAGE_POOL_2D": (_no_fused_activation,),
    "MAX_POOL_2D": (_no_fused_activation,),
    "CONCATENATION": (_no_fused_activation, _zero_constant),
    "CONV_2D": (_equal_dilation,),
    "DEPTHWISE_CONV_2D": (_equal_dilation,),
    "FULLY_CONNECTED": (_default_weights, _one_dimension),
    "SOFTMAX": (_short_softmax,),
    "MEAN": (_no_batch_reduction, _mean_over_depth),
    "SUM": (_no_batch_reduction,),
    "REDUCE_MAX": (_no_batch_reduction,),
    "REDUCE_MIN": (_no_batch_reduction,),
    "STRIDED_SLICE": (_stride_one, _no_masks),
    "RESHAPE": (_small_reshape,),
    "RESIZE_BILINEAR": (_small_resize,),
    "RESIZE_NEAREST_NEIGHBOR": (_small_resize,),
    "PRELU": (_flat_alpha,),
}


def _output(graph: Graph, op: Op) -> Tensor:
    return graph.tensors[op.outputs[0]]


def _axes(graph: Graph, op: Op) -> tuple[int, ...]:
    rank = len(graph.tensors[op.inputs[0]].shape)
    return tuple(axis % rank for axis in _integers(graph, op, 1)) if rank else ()


def _integers(graph: Graph, op: Op, number: int) -> tuple[int, ...]:
    """The constant input `number` of `op`; nothing where it is computed."""
    if number >= len(op.inputs) or op.inputs[number] < 0:
        return ()
    tensor = graph.tensors[op.inputs[number]]
    if not tensor.is_constant or tensor.datatype not in ("INT32", "INT64"):
        return ()
    return tuple(int(one) for one in tensor.values().ravel())


def _is_zero(tensor: Tensor) -> bool:
    zero = tensor.zero_points[0] if tensor.zero_points else 0
    return tensor.datatype in ("INT8", "UINT8") and bool(
        (tensor.values() == zero).all()
    )
