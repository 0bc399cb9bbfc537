"""Bytes of a .tflite file → `Graph`; what is wrong with them is named, never a crash.

The generated code trusts what it reads, so every length is held against the size of
the file before it is walked, and every index before it is used.
"""

import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import BadModelFile
from models.litert.graph import BITS, NO_BYTES, Bytes, Graph, Op, Tensor
from models.litert.schema import datatypes, operators, option_tables, schema

MAGIC = b"TFL3"
MOST_OBJECTS = 1_000_000
MOST_ELEMENTS = 1 << 34

OPTIONS = (
    "FusedActivationFunction", "DilationHFactor", "DilationWFactor", "StrideH", "StrideW",
    "Padding", "DepthMultiplier", "WeightsFormat", "KeepNumDims", "KeepDims", "Axis",
    "FilterHeight", "FilterWidth", "EllipsisMask", "NewAxisMask",
)  # fmt: skip
"""Options that a check asks for; those an operator has not are left out."""

_GARBLED = (
    struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError,
)  # fmt: skip
"""What the generated code raises on offsets that lead nowhere."""


def read_file(file: Path) -> Graph:
    """What `file` holds.

    Raises:
        BadModelFile: it is no sound .tflite.
        OSError: it cannot be read.
    """
    return read(file.read_bytes(), file.name)


def read(content: bytes, name: str = "model.tflite") -> Graph:
    """What `content` holds.

    Raises:
        BadModelFile: it is no sound .tflite.
    """
    if not content:
        raise BadModelFile(name, "empty", "it has no bytes")
    if content[4:8] != MAGIC:
        raise BadModelFile(name, "not_tflite", "its bytes 4 to 8 are not TFL3")
    try:
        return _Reader(content, name).graph()
    except _GARBLED as error:
        raise BadModelFile(name, "damaged", f"it leads nowhere: {error}") from error


class _Reader:
    """Walks one file."""

    def __init__(self, content: bytes, name: str) -> None:
        self._content, self._name, self._seen = content, name, 0
        self._model = schema().Model.GetRootAs(content, 0)
        self._codes = self._each(
            self._model.OperatorCodesLength(), self._model.OperatorCodes
        )
        self._buffers = self._counted(self._model.BuffersLength())

    def graph(self) -> Graph:
        model = self._model
        count = model.SubgraphsLength()
        if count < 1:
            raise self._bad("no_graph", "it has no graph")
        first = model.Subgraphs(0)
        tensors = self._each(first.TensorsLength(), first.Tensors)
        found = tuple(self._tensor(n, one) for n, one in enumerate(tensors))
        raw = self._each(first.OperatorsLength(), first.Operators)
        ops = tuple(self._op(one, len(found)) for one in raw)
        if not ops:
            raise self._bad("no_graph", "its graph has no operator")
        metadata = self._each(model.MetadataLength(), model.Metadata)
        return Graph(
            found,
            ops,
            self._ends(first.InputsAsNumpy(), len(found), "inputs"),
            self._ends(first.OutputsAsNumpy(), len(found), "outputs"),
            self._counted(count),
            _text(model.Description()),
            tuple(_text(one.Name()) for one in metadata),
        )

    def _ends(self, said: Any, tensors: int, which: str) -> tuple[int, ...]:
        found = self._indexes(said, tensors)
        if not found or min(found) < 0:
            raise self._bad("no_graph", f"its graph has no {which}")
        return found

    def _tensor(self, number: int, raw: Any) -> Tensor:
        shape = self._ints(raw.ShapeAsNumpy())
        signature = self._ints(raw.ShapeSignatureAsNumpy())
        datatype = datatypes().get(raw.Type())
        if datatype is None:
            raise self._bad("unknown_type", f"tensor {number} is of type {raw.Type()}")
        if min(shape, default=0) < 0 or math.prod(shape) > MOST_ELEMENTS:
            raise self._bad("huge_tensor", f"tensor {number} has shape {list(shape)}")
        data, outside = self._constant(raw.Buffer())
        scales, points, axis = self._quantization(raw.Quantization())
        tensor = Tensor(
            _text(raw.Name()), shape, datatype, signature, scales, points, axis, data,
            outside,
        )  # fmt: skip
        self._check_size(number, tensor, raw.Sparsity() is not None)
        self._check_scales(number, tensor)
        return tensor

    def _constant(self, index: int) -> tuple[Bytes, bool]:
        if not 0 <= index < self._buffers:
            raise self._bad("damaged", f"there is no buffer {index}")
        buffer = self._model.Buffers(index)
        start, size = buffer.Offset(), buffer.Size()
        if start > 1 and size:
            if start + size > len(self._content):
                reason = f"buffer {index} ends at byte {start + size} of "
                raise self._bad("truncated", f"{reason}{len(self._content)}")
            found = np.frombuffer(self._content, np.uint8, size, start)
            return found, True
        data = buffer.DataAsNumpy()
        return (data, False) if isinstance(data, np.ndarray) else (NO_BYTES, False)

    def _quantization(self, raw: Any) -> tuple[tuple[float, ...], tuple[int, ...], int]:
        if raw is None:
            return (), (), 0
        scales, points = raw.ScaleAsNumpy(), raw.ZeroPointAsNumpy()
        known = isinstance(scales, np.ndarray)
        zeros = self._ints(points) if isinstance(points, np.ndarray) else ()
        held = tuple(float(one) for one in scales) if known else ()
        return held, zeros, raw.QuantizedDimension()

    def _check_size(self, number: int, tensor: Tensor, sparse: bool) -> None:
        if not tensor.is_constant or tensor.datatype not in BITS or sparse:
            return
        if tensor.size_bytes != tensor.data.size:
            reason = (
                f"tensor {number} {list(tensor.shape)} {tensor.datatype} must have "
            )
            reason += f"{tensor.size_bytes} bytes, has {tensor.data.size}"
            raise self._bad("lying_shape", reason)

    def _check_scales(self, number: int, tensor: Tensor) -> None:
        scales, shape = tensor.scales, tensor.shape
        if not all(math.isfinite(one) and one >= 0 for one in scales):
            raise self._bad("bad_quantization", f"tensor {number} has no sound scale")
        if tensor.is_per_channel and (
            not 0 <= tensor.axis < len(shape) or shape[tensor.axis] != len(scales)
        ):
            reason = f"tensor {number} {list(shape)} has {len(scales)} scales along "
            raise self._bad("bad_quantization", f"{reason}dimension {tensor.axis}")

    def _op(self, raw: Any, tensors: int) -> Op:
        index = raw.OpcodeIndex()
        if not 0 <= index < len(self._codes):
            raise self._bad("damaged", f"there is no operator code {index}")
        code = self._codes[index]
        # Files from before 2021 keep the number in one byte only.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = operators().get(number)
        if name is None:
            raise self._bad("unknown_operator", f"there is no operator {number}")
        return Op(
            name,
            code.Version(),
            self._indexes(raw.InputsAsNumpy(), tensors),
            self._indexes(raw.OutputsAsNumpy(), tensors),
            _options(raw),
            _text(code.CustomCode()) or "unnamed" if name == "CUSTOM" else "",
        )

    def _indexes(self, said: Any, tensors: int) -> tuple[int, ...]:
        found = self._ints(said)
        if not all(-1 <= index < tensors for index in found):
            raise self._bad("damaged", f"there are {tensors} tensors, not {found}")
        return found

    def _ints(self, said: Any) -> tuple[int, ...]:
        if not isinstance(said, np.ndarray):
            return ()
        self._counted(said.size)
        return tuple(int(one) for one in said)

    def _each(self, length: int, at: Callable[[int], Any]) -> list[Any]:
        return [at(index) for index in range(self._counted(length))]

    def _counted(self, length: int) -> int:
        """`length`, if a file of this size can hold as many; overlaps count again."""
        self._seen += length
        if length > len(self._content) or self._seen > MOST_OBJECTS:
            raise self._bad("damaged", f"it says to hold {length} of something")
        return length

    def _bad(self, code: str, reason: str) -> BadModelFile:
        return BadModelFile(self._name, code, reason)


def _options(raw: Any) -> dict[str, int]:
    table = raw.BuiltinOptions()
    if table is None:
        return {}
    kind = getattr(schema(), option_tables().get(raw.BuiltinOptionsType(), ""), None)
    if kind is None or not hasattr(kind, "Init"):
        return {}
    options = kind()
    options.Init(table.Bytes, table.Pos)
    known = (name for name in OPTIONS if hasattr(options, name))
    return {name: int(getattr(options, name)()) for name in known}


def _text(said: bytes | None) -> str:
    return (said or b"").decode("utf-8", errors="replace")
