"""What crosses a handle: requests, replies, and the contract a request is held to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from configs.model import BatchingSpec
from configs.version_policy import VersionPolicySpec

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
class Urgency:
    """How soon a request wants its answer, and who goes before whom.

    `deadline_s`: when the answer is of no use any more, None: never. `timeout_s`: the
    client's own `timeout`, counted from `asked_s`. Both moments are `time.monotonic()`
    of this machine; `shifted` makes them durations and back. `priority`: 1 goes first,
    0 does not care.
    """

    deadline_s: float | None = None
    timeout_s: float | None = None
    asked_s: float = 0.0
    priority: int = 0

    def shifted(self, by_s: float) -> "Urgency":
        """The same on a clock that shows `by_s` more."""
        if self.deadline_s is None and self.timeout_s is None:
            return self
        deadline_s = None if self.deadline_s is None else self.deadline_s + by_s
        return replace(self, deadline_s=deadline_s, asked_s=self.asked_s + by_s)

    def within(self, limit_s: float, now_s: float) -> "Urgency":
        """The same with its answer due `limit_s` after `now_s` at the latest."""
        due_s = now_s + limit_s
        if self.deadline_s is not None and self.deadline_s <= due_s:
            return self
        return replace(self, deadline_s=due_s)


CALM = Urgency()
"""Whenever it suits."""


class Deferred(Protocol):
    """A tensor that is made for whoever needs it, a row at a time; never leaves a replica.

    `spared`: rows that nobody has needed so far. `row_s`: what one takes.
    """

    async def rows(self, rows: NDArray[np.int64] | None) -> Tensor:
        """These rows, or all.

        Raises:
            ServingError: there is too much to do, or too little time.
        """
        ...

    @property
    def spared(self) -> int: ...

    @property
    def row_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Request:
    """One inference asked of a node; every input's first dimension is the row.

    `later`: inputs that need not be made for every answer, by name.
    """

    model: str
    inputs: Mapping[str, Tensor]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    id: str = ""
    urgency: Urgency = CALM
    later: Mapping[str, Deferred] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a node answers; row i belongs to row i of the request.

    `parameters` tell the client how the answer came about, where that is not as usual.
    `later`: see `Request`.
    """

    outputs: Mapping[str, Tensor]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    later: Mapping[str, Deferred] = field(default_factory=dict)


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
    batching: BatchingSpec | None = None
    version_policy: VersionPolicySpec = field(default_factory=VersionPolicySpec)
