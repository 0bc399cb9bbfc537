"""ONNX files of any nodes, for tests of what goes wrong inside a runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

LOGITS = (("logits", ("batch", 3)),)


def write_onnx(
    file: Path,
    nodes: Sequence[NodeProto],
    constants: Sequence[tuple[str, NDArray[Any]]] = (),
    outputs: Sequence[tuple[str, Sequence[str | int]]] = LOGITS,
) -> Path:
    """A model of `features` [batch, 4]."""
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "test",
        [tensor("features", TensorProto.FLOAT, ["batch", 4])],
        [tensor(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants],
    )
    opset = helper.make_opsetid("", 18)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), file)
    return file
