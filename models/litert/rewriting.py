"""Rewrites a .tflite so that old runtimes and the Edge TPU's compiler can read it.

Weights move into the flatbuffer, operators get the lowest version that says what they
do, and what only new tools read goes: signatures, metadata, long names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np

from models.litert.reading import MAGIC, read
from models.litert.schema import operators, schema

LOWEST_INT8: Mapping[str, int] = {
    "ADD": 2, "AVERAGE_POOL_2D": 2, "CONCATENATION": 2, "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3, "DEQUANTIZE": 2, "FULLY_CONNECTED": 4, "HARD_SWISH": 1,
    "L2_NORMALIZATION": 2, "LOGISTIC": 2, "MAXIMUM": 2, "MAX_POOL_2D": 2, "MEAN": 2,
    "MINIMUM": 2, "MUL": 2, "PACK": 2, "PAD": 2, "QUANTIZE": 1, "RELU": 2, "RELU6": 2,
    "RESHAPE": 1, "RESIZE_BILINEAR": 2, "RESIZE_NEAREST_NEIGHBOR": 2, "SLICE": 2,
    "SOFTMAX": 2, "SPLIT": 2, "SQUEEZE": 1, "STRIDED_SLICE": 2, "SUB": 2, "SUM": 2,
    "TANH": 2, "TRANSPOSE": 2,
}  # fmt: skip
"""Of each operator with INT8 tensors, as TensorFlow's converter of 2021 wrote them."""

KEEPS_DIMENSIONS = 5
"""The version of FULLY_CONNECTED that can keep more than two dimensions."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What was changed: (operator, from version, to version), and buffers moved in."""

    versions: tuple[tuple[str, int, int], ...]
    moved_buffers: int


def normalise(source: Path, target: Path) -> Rewritten:
    """Write `source` to `target` in the oldest words that mean the same.

    Raises:
        BadModelFile: the source is no sound .tflite.
    """
    content = source.read_bytes()
    read(content, source.name)
    model = unpack(content)
    moved = move_in(model, content)
    changed = _lowered(model)
    for graph in model.subgraphs:
        for number, tensor in enumerate(graph.tensors):
            tensor.name = f"t{number}".encode()
    model.signatureDefs = model.metadata = model.metadataBuffer = None
    target.write_bytes(pack(model))
    return Rewritten(tuple(sorted(changed)), moved)


def unpack(content: bytes) -> Any:
    """The objects of a file that `read` has accepted."""
    kinds = schema()
    return kinds.ModelT.InitFromObj(kinds.Model.GetRootAs(content, 0))


def pack(model: Any) -> bytes:
    """A file of `model`."""
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), MAGIC)
    return bytes(builder.Output())


def name_of(model: Any, op: Any) -> str:
    """The name of an operator of `model`."""
    code = model.operatorCodes[op.opcodeIndex]
    return operators()[max(code.builtinCode, code.deprecatedBuiltinCode)]


def move_in(model: Any, content: bytes) -> int:
    """Put what lies after the flatbuffer into it; returns how many buffers that were."""
    moved = 0
    for buffer in model.buffers:
        if buffer.offset > 1 and buffer.size:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            moved += 1
        buffer.offset = buffer.size = 0
    return moved


def _lowered(model: Any) -> list[tuple[str, int, int]]:
    """Lower every operator code; what several share gets the highest that one needs."""
    wanted: dict[int, int] = {}
    for graph in model.subgraphs:
        for op in graph.operators:
            code = model.operatorCodes[op.opcodeIndex]
            needs = _wanted(name_of(model, op), op, graph, code.version)
            wanted[op.opcodeIndex] = max(needs, wanted.get(op.opcodeIndex, 0))
    changed = []
    for index, version in wanted.items():
        code = model.operatorCodes[index]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        code.deprecatedBuiltinCode = min(number, 127)
        if version != code.version:
            changed.append((operators()[number], code.version, version))
            code.version = version
    return changed


def _wanted(name: str, op: Any, graph: Any, version: int) -> int:
    kinds = schema().TensorType
    first = graph.tensors[op.inputs[0]]
    if first.type not in (kinds.INT8, kinds.UINT8):
        return version
    options = op.builtinOptions
    if name == "FULLY_CONNECTED" and getattr(options, "keepNumDims", False):
        if len(first.shape) > 2:
            return KEEPS_DIMENSIONS
        options.keepNumDims = False  # two dimensions are kept anyway
    return LOWEST_INT8.get(name, version)
