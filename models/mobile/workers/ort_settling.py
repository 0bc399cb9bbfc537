"""A .ort file whose bytes do not depend on the run that wrote it.

ONNX Runtime keeps the types of its kernels in hash tables and writes them in the order in
which these happen to hold them. They stand in front of the model, so the front is written
anew in alphabetical order, and the model behind it is moved as it is: offsets of a
flatbuffer are relative. Fields are those of `ort.fbs` of ONNX Runtime.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
import onnxruntime.tools.ort_format_model  # noqa: F401 - puts its schema on the path
from flatbuffers import number_types
from ort_flatbuffers_py.fbs.InferenceSession import InferenceSession

IDENTIFIER = b"ORTM"
MODEL_FIELD = 6
"""Of the table `InferenceSession`, as flatbuffers count: 4, and 2 for each before it."""

ALIGNMENT = 16


def settled(content: bytes) -> bytes:
    """The same file with its front in order."""
    session = InferenceSession.GetRootAs(bytearray(content), 0)
    model = session.Model()._tab
    layout = model.Pos - model.Get(number_types.SOffsetTFlags, model.Pos)
    start = min(model.Pos, layout)
    front = bytearray(_front(session))
    front += bytes((start - len(front)) % ALIGNMENT)
    root = InferenceSession.GetRootAs(front, 0)._tab
    field = root.Pos + root.Offset(MODEL_FIELD)
    struct.pack_into("<I", front, field, len(front) + model.Pos - start - field)
    return bytes(front) + content[start:]


def _front(session: Any) -> bytes:
    """Everything but the model, in whose place an empty table stands."""
    builder = flatbuffers.Builder(1024)
    builder.StartObject(0)
    model = builder.EndObject()
    version = builder.CreateString(session.OrtVersion())
    kinds = _kinds(builder, session.KernelTypeStrResolver())
    root = _table(builder, 4, {0: version, 1: model, 3: kinds})
    builder.Finish(root, IDENTIFIER)
    return bytes(builder.Output())


def _kinds(builder: Any, resolver: Any) -> int:
    count = resolver.OpKernelTypeStrArgsLength()
    held = [resolver.OpKernelTypeStrArgs(n) for n in range(count)]
    return _table(builder, 1, {0: _vector(builder, held, _name, _operator)})


def _operator(builder: Any, operator: Any) -> int:
    count = operator.KernelTypeStrArgsLength()
    held = [operator.KernelTypeStrArgs(n) for n in range(count)]
    name = builder.CreateString(operator.OpId())
    return _table(builder, 2, {0: name, 1: _vector(builder, held, _kind_name, _kind)})


def _kind(builder: Any, kind: Any) -> int:
    held = [kind.Args(n) for n in range(kind.ArgsLength())]
    name = builder.CreateString(kind.KernelTypeStr())
    return _table(builder, 2, {0: name, 1: _vector(builder, held, _place, _argument)})


def _argument(builder: Any, argument: Any) -> int:
    builder.StartObject(2)
    builder.PrependInt8Slot(0, argument.ArgType(), 0)
    builder.PrependUint32Slot(1, argument.Index(), 0)
    return int(builder.EndObject())


def _name(operator: Any) -> bytes:
    return bytes(operator.OpId())


def _kind_name(kind: Any) -> bytes:
    return bytes(kind.KernelTypeStr())


def _place(argument: Any) -> tuple[int, int]:
    return argument.ArgType(), argument.Index()


def _vector(
    builder: Any,
    held: Sequence[Any],
    key: Callable[[Any], Any],
    write: Callable[[Any, Any], int],
) -> int:
    made = [write(builder, one) for one in sorted(held, key=key)]
    builder.StartVector(4, len(made), 4)
    for offset in reversed(made):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _table(builder: Any, fields: int, offsets: dict[int, int]) -> int:
    builder.StartObject(fields)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return int(builder.EndObject())
