"""Takes the first step of a quantised image model out of its graph.

Such a model begins by turning normalised floats into bytes. Where its scale and zero point
undo the normalisation, those bytes are the pixels: a crop then needs neither step, and goes
through a batch in a quarter of the room. The rest of the graph takes crops, the step taken
out makes crops of floats. Needs the package onnx, which only building needs otherwise.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
"""Where colours stand, in pixels and in the model's input."""


def cut(source: Path, crops: str) -> tuple[bytes, bytes] | None:
    """Two models for the one in an ONNX file: floats to crops, and crops to answers.

    None: it does not begin in that way. Whether the crops are pixels is not looked at.

    Args:
        source: the file.
        crops: what the output of the first and the input of the second is called.

    Raises:
        ValueError: it is larger than a message of its format may be.
    """
    model = onnx.load(source)
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    inputs = [one for one in graph.input if one.name not in constants]
    first = _first_step(graph, [one.name for one in inputs])
    if first is None or any(name not in constants for name in first.input[1:]):
        return None
    shape = _shape(inputs[0])
    terms = [constants[name] for name in first.input[1:]]
    if len(shape) != len(TO_LAST) or not _is_scalar_of_bytes(terms):
        return None
    turned = [shape[axis] for axis in TO_LAST]
    value = helper.make_tensor_value_info(crops, TensorProto.UINT8, turned)
    head = helper.make_model(
        _head(inputs[0], first, terms, value),
        opset_imports=model.opset_import,
        ir_version=model.ir_version,
    )
    _behead(graph, inputs[0], first, value)
    return head.SerializeToString(), model.SerializeToString()


def _first_step(graph: Any, inputs: list[str]) -> Any | None:
    """The node that alone takes the only input, if it quantises it."""
    if len(inputs) != 1:
        return None
    takers = [node for node in graph.node if inputs[0] in node.input]
    if len(takers) != 1 or takers[0].op_type != "QuantizeLinear":
        return None
    if any(output.name == takers[0].output[0] for output in graph.output):
        return None
    return takers[0]


def _shape(value: Any) -> list[int | str | None]:
    sizes = value.type.tensor_type.shape.dim
    return [size.dim_value or size.dim_param or None for size in sizes]


def _is_scalar_of_bytes(terms: list[Any]) -> bool:
    """Whether these are one scale and one zero point, of UINT8."""
    if len(terms) != 2:
        return False
    scale, zero = (numpy_helper.to_array(term) for term in terms)
    return bool(scale.size == 1 and zero.size == 1 and zero.dtype == np.uint8)


def _head(given: Any, first: Any, terms: list[Any], crops: Any) -> Any:
    """The graph from floats [n, 3, s, s] to crops [n, s, s, 3]."""
    node = helper.make_node
    turn = node("Transpose", list(first.output), [crops.name], perm=TO_LAST)
    return helper.make_graph([first, turn], "head", [given], [crops], terms)


def _behead(graph: Any, given: Any, first: Any, crops: Any) -> None:
    """Let the graph begin with crops."""
    node = helper.make_node
    turn = node("Transpose", [crops.name], list(first.output), perm=TO_FIRST)
    graph.node.remove(first)
    graph.node.insert(0, turn)
    graph.input.remove(given)
    graph.input.append(crops)
