"""Tensors on the wire, as JSON or as bytes, to numpy and back. Pure.

Everything here speaks of one tensor; a mismatch raises InvalidInput in the model's
name. Nothing is allocated before its size has been checked.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from deployments.contract import all_finite
from deployments.errors import InvalidInput
from deployments.messages import DTYPES, Tensor

MAX_DIMENSIONS = 32
MAX_ELEMENTS = 2**31 - 1
LENGTH = struct.Struct("<I")
"""What precedes every BYTES element."""

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Header:
    """What a message says about one input before its data."""

    model: str
    name: str
    datatype: str
    shape: tuple[int, ...]

    def refuse(self, reason: str) -> InvalidInput:
        """The error that says what is wrong with this input."""
        return InvalidInput(
            self.model, f"input '{self.name}' for model '{self.model}' {reason}"
        )

    @property
    def elements(self) -> int:
        """How many elements the shape holds."""
        return math.prod(self.shape)


def read_header(model: str, name: object, datatype: object, shape: object) -> Header:
    """Check name, datatype and shape as they came.

    Raises:
        InvalidInput: they cannot describe a tensor.
    """
    if not isinstance(name, str) or not name:
        raise InvalidInput(model, f"every input for model '{model}' must have a name")
    if not isinstance(datatype, str) or datatype not in DTYPES:
        raise InvalidInput(model, f"invalid datatype for input {name}")
    header = Header(model, name, datatype, ())
    if not isinstance(shape, list | tuple) or len(shape) > MAX_DIMENSIONS:
        raise header.refuse(
            f"must have a shape: a list of at most {MAX_DIMENSIONS} whole numbers"
        )
    if any(type(size) is not int or size < 0 for size in shape):
        raise header.refuse("has a shape with something else than whole numbers >= 0")
    # A zero hides the other sizes from the product, numpy refuses them all the same.
    if math.prod(max(size, 1) for size in shape) > MAX_ELEMENTS:
        raise header.refuse(f"has a shape of more than {MAX_ELEMENTS} elements")
    return Header(model, name, datatype, tuple(shape))


def from_json(header: Header, data: object) -> Tensor:
    """The tensor of `data`: a list of its elements, flat in row-major order or nested.

    Raises:
        InvalidInput: nesting, count, type or range of the elements do not fit.
    """
    if header.datatype == "FP16":
        raise header.refuse("is FP16, which only travels as binary data")
    if not isinstance(data, list):
        raise header.refuse("must have its data as a list")
    flat = _flatten(header, data)
    _check_count(header, flat)
    return _READERS[DTYPES[header.datatype].kind](header, flat).reshape(header.shape)


def from_elements(header: Header, elements: Sequence[int | float]) -> Tensor:
    """The tensor of `elements` that are known to be numbers or booleans.

    Raises:
        InvalidInput: one is out of the datatype's range, or their count is wrong.
    """
    _check_count(header, elements)
    flat: list[object] = list(elements)
    return _READERS[DTYPES[header.datatype].kind](header, flat).reshape(header.shape)


def from_binary(header: Header, data: Buffer) -> Tensor:
    """The tensor whose bytes are `data`; it shares their memory where that is in order.

    What does not lie on a boundary of its datatype is copied: a runtime need not take it.

    Raises:
        InvalidInput: `data` has another length than the shape wants, or a BYTES
            element another one than it says.
    """
    if header.datatype == "BYTES":
        return bytes_tensor(header, _split(header, data))
    dtype = DTYPES[header.datatype]
    wanted = header.elements * dtype.itemsize
    if len(data) != wanted:
        raise header.refuse(
            f"must have {wanted} bytes for shape {list(header.shape)}, got {len(data)}"
        )
    if header.datatype == "BOOL" and (np.frombuffer(data, np.uint8) > 1).any():
        raise header.refuse("has a BOOL element that is neither 0 nor 1")
    tensor = np.frombuffer(data, dtype).reshape(header.shape)
    return tensor if tensor.flags.aligned else tensor.copy()


def bytes_tensor(header: Header, elements: Sequence[bytes]) -> Tensor:
    """The BYTES tensor of `elements`.

    Raises:
        InvalidInput: there are more or fewer than the shape says.
    """
    _check_count(header, elements)
    tensor = np.empty(len(elements), np.object_)
    tensor[:] = list(elements)
    return tensor.reshape(header.shape)


def to_binary(tensor: Tensor) -> Buffer:
    """The bytes of `tensor`, without a copy where its memory already is in order."""
    if tensor.dtype == np.object_:
        parts = ((LENGTH.pack(len(e)), e) for e in tensor.ravel())
        return b"".join(chain.from_iterable(parts))
    if not tensor.size:
        return b""  # numpy gives no view of nothing
    return np.ascontiguousarray(tensor).data.cast("B")


def to_json(model: str, name: str, tensor: Tensor) -> list[str] | Tensor:
    """The elements of `tensor`, flat, in a form that orjson writes.

    Raises:
        InvalidInput: JSON cannot hold them; the client must ask for binary data.
    """
    if tensor.dtype == np.float16:
        raise InvalidInput(
            model, f"output '{name}' is FP16: ask for it with binary_data true"
        )
    if tensor.dtype.kind == "f" and not all_finite(tensor):
        raise InvalidInput(
            model,
            f"output '{name}' holds NaN or infinity, which JSON has no words for: ask "
            "for it with binary_data true",
        )
    if tensor.dtype != np.object_:
        return np.ascontiguousarray(tensor).reshape(-1)
    try:
        return [element.decode() for element in tensor.ravel()]
    except UnicodeDecodeError:
        raise InvalidInput(
            model,
            f"output '{name}' holds bytes that are not UTF-8: ask for it with "
            "binary_data true",
        ) from None


def nested_shape(data: object) -> tuple[int, ...]:
    """The shape that nested lists seem to have, judged by their first elements."""
    shape: list[int] = []
    while isinstance(data, list) and len(shape) <= MAX_DIMENSIONS:
        shape.append(len(data))
        data = data[0] if data else None
    return tuple(shape)


def _flatten(header: Header, data: list[object]) -> list[object]:
    """Take the nesting away, if there is one; it must be the shape's, level by level."""
    if not data or not isinstance(data[0], list):
        return data
    level: list[object] = [data]
    for size in header.shape:
        if any(not isinstance(part, list) or len(part) != size for part in level):
            raise header.refuse(f"is not nested as shape {list(header.shape)} says")
        level = list(chain.from_iterable(level))  # type: ignore[arg-type]
    return level


def _read_bools(header: Header, flat: list[object]) -> Tensor:
    _check_types(header, flat, {bool}, "true or false")
    return np.array(flat, np.bool_)


def _read_integers(header: Header, flat: list[object]) -> Tensor:
    _check_types(header, flat, {int}, "a whole number")
    dtype = DTYPES[header.datatype]
    limits = np.iinfo(dtype)  # type: ignore[type-var]
    numbers: list[int] = flat  # type: ignore[assignment]
    if numbers and (min(numbers) < limits.min or max(numbers) > limits.max):
        raise header.refuse(f"has an element out of the range of {header.datatype}")
    return np.array(numbers, dtype)


def _read_floats(header: Header, flat: list[object]) -> Tensor:
    _check_types(header, flat, {int, float}, "a number")
    wide = np.array(flat, np.float64)
    with np.errstate(over="ignore"):
        tensor = wide.astype(DTYPES[header.datatype], copy=False)
    if not np.array_equal(np.isfinite(tensor), np.isfinite(wide)):
        raise header.refuse(f"has an element out of the range of {header.datatype}")
    return tensor


def _read_strings(header: Header, flat: list[object]) -> Tensor:
    _check_types(header, flat, {str}, "a string")
    texts: list[str] = flat  # type: ignore[assignment]
    return bytes_tensor(header, [text.encode() for text in texts])


_READERS = {
    "b": _read_bools,
    "i": _read_integers,
    "u": _read_integers,
    "f": _read_floats,
    "O": _read_strings,
}
"""By the kind of the numpy dtype."""


def _check_count(header: Header, elements: Sequence[object]) -> None:
    if len(elements) != header.elements:
        raise header.refuse(
            f"must have {header.elements} elements for shape {list(header.shape)}, "
            f"got {len(elements)}"
        )


def _check_types(
    header: Header, flat: Sequence[object], wanted: set[type], words: str
) -> None:
    for found in set(map(type, flat)) - wanted:
        raise header.refuse(
            f"is {header.datatype}, every element must be {words}, "
            f"got {_JSON_WORDS.get(found, found.__name__)}"
        )


_JSON_WORDS = {
    bool: "a boolean",
    int: "a whole number",
    float: "a number with a fraction",
    str: "a string",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def _split(header: Header, data: Buffer) -> list[bytes]:
    """Cut length-prefixed elements apart."""
    if header.elements * LENGTH.size > len(data):
        raise header.refuse(
            f"must have {header.elements} elements for shape {list(header.shape)}, "
            f"its {len(data)} bytes cannot hold so many"
        )
    view, start = memoryview(data), 0
    elements: list[bytes] = []
    # One element too many is enough to refuse the rest.
    while start < len(view) and len(elements) <= header.elements:
        if len(view) - start < LENGTH.size:
            raise header.refuse("ends within the length of a BYTES element")
        (size,) = LENGTH.unpack_from(view, start)
        start += LENGTH.size
        if size > len(view) - start:
            raise header.refuse("ends within a BYTES element")
        elements.append(bytes(view[start : start + size]))
        start += size
    return elements
