"""UINT8 at the ends of a full-INT8 .tflite: one QUANTIZE beside input and output.

The two differ by their zero points alone, 128 apart, so nothing is rounded anew.
"""

import copy
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import BadModelFile
from models.litert.reading import read
from models.litert.rewriting import move_in, pack, unpack
from models.litert.schema import schema

APART = 128


def with_uint8_ends(source: Path, target: Path) -> None:
    """Write `source`, whose ends are INT8, so that they are UINT8.

    Raises:
        BadModelFile: it is no sound .tflite, or an end is not INT8.
    """
    content = source.read_bytes()
    read(content, source.name)
    model = unpack(content)
    move_in(model, content)
    (graph, kinds) = model.subgraphs[0], schema().TensorType
    for index in (*graph.inputs, *graph.outputs):
        if graph.tensors[index].type != kinds.INT8:
            reason = "UINT8 ends need INT8 inside, this one is float at its ends"
            raise BadModelFile(source.name, "not_int8", reason)
    code = _quantize_code(model)
    before = [_beside(graph, index, code, into=True) for index in graph.inputs]
    after = [_beside(graph, index, code, into=False) for index in graph.outputs]
    graph.operators = [*before, *graph.operators, *after]
    graph.inputs = np.array([op.inputs[0] for op in before], np.int32)
    graph.outputs = np.array([op.outputs[0] for op in after], np.int32)
    target.write_bytes(pack(model))


def _quantize_code(model: Any) -> int:
    code = schema().OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema().BuiltinOperator.QUANTIZE
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _beside(graph: Any, index: int, code: int, *, into: bool) -> Any:
    """A QUANTIZE between the INT8 tensor `index` and its UINT8 twin."""
    twin = copy.deepcopy(graph.tensors[index])
    twin.type = schema().TensorType.UINT8
    twin.name = f"t{len(graph.tensors)}".encode()
    twin.quantization.zeroPoint = [int(twin.quantization.zeroPoint[0]) + APART]
    graph.tensors.append(twin)
    new = len(graph.tensors) - 1
    op = schema().OperatorT()
    op.opcodeIndex = code
    op.inputs, op.outputs = ([new], [index]) if into else ([index], [new])
    op.builtinOptionsType = schema().BuiltinOptions.QuantizeOptions
    op.builtinOptions = schema().QuantizeOptionsT()
    return op
