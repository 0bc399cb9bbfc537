"""What a .tflite file holds, as plain values."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

NO_BYTES: Bytes = np.empty(0, np.uint8)

BITS: Mapping[str, int] = {
    "FLOAT32": 32, "FLOAT16": 16, "BFLOAT16": 16, "FLOAT64": 64, "INT2": 2, "INT4": 4,
    "UINT4": 4, "INT8": 8, "UINT8": 8, "BOOL": 8, "INT16": 16, "UINT16": 16,
    "INT32": 32, "UINT32": 32, "INT64": 64, "UINT64": 64, "COMPLEX64": 64,
    "COMPLEX128": 128,
}  # fmt: skip
"""Bits of one element; what is missing here (STRING) has no fixed size."""

DTYPES: Mapping[str, type[np.generic]] = {
    "FLOAT32": np.float32,
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
}


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """One tensor; `data` are its bytes where it is constant, else empty.

    `signature` has -1 where a dimension varies. `outside`: the bytes lie after the
    flatbuffer, where runtimes before TensorFlow 2.13 do not look.
    """

    name: str
    shape: tuple[int, ...]
    datatype: str
    signature: tuple[int, ...] = ()
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0
    data: Bytes = field(default_factory=lambda: NO_BYTES, repr=False)
    outside: bool = False

    @property
    def is_constant(self) -> bool:
        """Whether its value is in the file."""
        return self.data.size > 0

    @property
    def is_per_channel(self) -> bool:
        """Whether it has more than one scale."""
        return len(self.scales) > 1

    @property
    def elements(self) -> int:
        """How many there are."""
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """What its elements take; 0 where that is not fixed."""
        return (self.elements * BITS.get(self.datatype, 0) + 7) // 8

    def values(self) -> NDArray[np.generic]:
        """The constant as an array of its shape."""
        return self.data.view(DTYPES[self.datatype]).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Op:
    """One operator; -1 among `inputs` is one left out."""

    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, int] = field(default_factory=dict)
    custom: str = ""

    @property
    def given(self) -> tuple[int, ...]:
        """The inputs that are there."""
        return tuple(index for index in self.inputs if index >= 0)


@dataclass(frozen=True, slots=True)
class Graph:
    """The first subgraph of a file, which is what runs, and how many there are."""

    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int = 1
    description: str = ""
    metadata: tuple[str, ...] = ()

    def of(self, indexes: tuple[int, ...]) -> Iterator[Tensor]:
        """The tensors `indexes`."""
        return (self.tensors[index] for index in indexes)

    def computed(self, op: Op) -> tuple[int, ...]:
        """The inputs of `op` that are not constants."""
        return tuple(i for i in op.given if not self.tensors[i].is_constant)

    def versions(self) -> Mapping[str, int]:
        """The highest version of each operator."""
        found: dict[str, int] = {}
        for op in self.ops:
            name = f"CUSTOM:{op.custom}" if op.custom else op.name
            found[name] = max(found.get(name, 0), op.version)
        return dict(sorted(found.items()))
