"""What crosses a handle: requests, replies, and the contract a request is held to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[Any]
"""A numpy array; BYTES tensors have dtype object and hold `bytes`."""

Parameter = bool | int | float | str

DTYPES: Mapping[str, np.dtype[np.generic]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(np.object_),
}
"""Open Inference Protocol datatype → numpy dtype (little-endian on the wire)."""

DATATYPES: Mapping[np.dtype[np.generic], str] = {v: k for k, v in DTYPES.items()}


@dataclass(frozen=True, slots=True)
class Request:
    """One inference asked of a node; every input's first dimension is the row."""

    model: str
    inputs: Mapping[str, Tensor]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a node answers; row i belongs to row i of the request."""

    outputs: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class TensorContract:
    """One input or output as clients see it: the batch dimension is in `shape` as -1."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Contract:
    """What one served name promises: its tensors, versions and limits.

    `alternatives`: other forms in which an input of the same name is taken.
    """

    name: str
    version: str
    platform: str
    inputs: tuple[TensorContract, ...]
    outputs: tuple[TensorContract, ...]
    max_batch_size: int
    title: str = ""
    preferred_batch_size: int | None = None
    batch_wait_timeout_s: float = 0.0
    max_queue_size: int = 0
    alternatives: tuple[TensorContract, ...] = ()
    members: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
