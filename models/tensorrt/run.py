"""Runs an engine: rows go through pinned memory and one stream, a profile a bucket."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import EngineUnfit, ToolFailed
from models.tensorrt.api import Api
from models.tensorrt.engines import Engine
from models.tensorrt.memory import Bytes, Memory
from models.tensorrt.options import Bucket, bucket_for

Tensor = NDArray[Any]
Floats = NDArray[np.float32]

_DATATYPES: Mapping[str, type[np.generic]] = {
    "FLOAT": np.float32,
    "HALF": np.float16,
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT32": np.int32,
    "INT64": np.int64,
    "BOOL": np.bool_,
}
"""The names of TensorRT; a tensor of another type stays inside the engine."""


class EngineRunner:
    """One engine with its buffers; one thread at a time may run it."""

    def __init__(self, api: Api, engine: Engine, memory: Memory) -> None:
        self._errors: list[str] = []
        self._logger, self._memory = api.logger(self._errors), memory
        self._runtime = api.module.Runtime(self._logger)
        self._engine = self._runtime.deserialize_cuda_engine(engine.file.read_bytes())
        if self._engine is None:
            built = f"{engine.label['runtime']}"
            raise EngineUnfit(str(engine.file), built, self._reason())
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise self._failed("making a context")
        self._buckets = tuple(Bucket(**said) for said in engine.label["profiles"])
        self._profile = 0
        limit = self.max_rows(engine)
        self._slots = [_Slot(said, limit, memory) for said in engine.label["tensors"]]
        for slot in self._slots:
            self._context.set_tensor_address(slot.name, slot.address)

    @staticmethod
    def max_rows(engine: Engine) -> int:
        """The largest batch of one run."""
        sizes = [int(bucket["max"]) for bucket in engine.label["profiles"]]
        fixed = [int(tensor["shape"][0]) for tensor in engine.label["tensors"]]
        return max(sizes or fixed)

    def logits(self, rows: Floats) -> Floats:
        """The first output for `rows` of the first input, [n, classes]."""
        inputs = [slot for slot in self._slots if slot.is_input]
        outputs = [slot for slot in self._slots if not slot.is_input]
        answers = self.run({inputs[0].name: rows})
        return np.asarray(answers[outputs[0].name], dtype=np.float32)

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Every output for a batch of any size; a larger one than a run takes is cut.

        Raises:
            ToolFailed: the library refuses the run.
        """
        count, step = len(next(iter(inputs.values()))), self._slots[0].rows
        parts = [
            self._once(
                {name: rows[start : start + step] for name, rows in inputs.items()}
            )
            for start in range(0, count, step)
        ]
        return {
            name: np.concatenate([part[name] for part in parts]) for name in parts[0]
        }

    def _once(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        count = len(next(iter(inputs.values())))
        self._choose(count)
        for slot in self._slots:
            if slot.is_input:
                shape = slot.upload(inputs[slot.name], self._least(), self._memory)
                if not self._context.set_input_shape(slot.name, shape):
                    raise self._failed(f"a batch of {count} for {slot.name}")
        if not self._context.execute_async_v3(self._memory.stream):
            raise self._failed(f"a run of {count} rows")
        outputs = [slot for slot in self._slots if not slot.is_input]
        for slot in outputs:
            slot.download(
                tuple(self._context.get_tensor_shape(slot.name)), self._memory
            )
        self._memory.wait()
        return {slot.name: slot.content(count) for slot in outputs}

    def _choose(self, count: int) -> None:
        """Switch to the profile of a batch, which is not free, only when it is another."""
        wanted = bucket_for(self._buckets, count) or 0
        if wanted == self._profile:
            return
        stream = self._memory.stream
        if not self._context.set_optimization_profile_async(wanted, stream):
            raise self._failed(f"profile {wanted}")
        self._profile = wanted

    def _least(self) -> int:
        """The fewest rows that the profile takes; a smaller batch is filled up."""
        return self._buckets[self._profile].min if self._buckets else 1

    def _failed(self, doing: str) -> ToolFailed:
        return ToolFailed("tensorrt", doing, self._reason())

    def _reason(self) -> str:
        return "; ".join(self._errors[-2:]) or "the library gives no reason"


class _Slot:
    """One tensor of the engine: its buffers on both sides."""

    def __init__(self, said: Mapping[str, Any], rows: int, memory: Memory) -> None:
        self.name, self.is_input = str(said["name"]), said["role"] == "input"
        if said["datatype"] not in _DATATYPES:
            reason = f"must be one of {', '.join(_DATATYPES)}, got {said['datatype']}"
            raise ToolFailed("tensorrt", f"tensor {self.name}", reason)
        self.rows, self._row = rows, tuple(int(size) for size in said["shape"][1:])
        self._datatype = np.dtype(_DATATYPES[said["datatype"]])
        size_bytes = rows * self._bytes_of(self._row)
        self.address = memory.device(size_bytes)
        self._pinned = memory.pinned(size_bytes)
        self._shape: tuple[int, ...] = ()

    def upload(self, rows: Tensor, least: int, memory: Memory) -> tuple[int, ...]:
        """Have `rows` copied to the GPU, and zeros up to `least`; their shape then.

        Raises:
            ToolFailed: they do not have the shape of a row.
        """
        if rows.shape[1:] != self._row:
            reason = f"rows must be {list(self._row)}, got {list(rows.shape[1:])}"
            raise ToolFailed("tensorrt", f"input {self.name}", reason)
        self._shape = (max(len(rows), least), *self._row)
        np.copyto(self._typed()[: len(rows)], rows, casting="same_kind")
        self._typed()[len(rows) :] = 0
        memory.upload(self.address, self._used())
        return self._shape

    def download(self, shape: tuple[int, ...], memory: Memory) -> None:
        """Have what the run wrote copied back."""
        self._shape = shape
        memory.download(self._used(), self.address)

    def content(self, rows: int) -> Tensor:
        """The first `rows` of what was copied back, as an array of its own."""
        copied: Tensor = self._typed()[:rows].copy()
        return copied

    def _used(self) -> Bytes:
        used: Bytes = self._pinned[: self._bytes_of(self._shape)]
        return used

    def _typed(self) -> Tensor:
        typed: Tensor = self._used().view(self._datatype).reshape(self._shape)
        return typed

    def _bytes_of(self, shape: tuple[int, ...]) -> int:
        return int(np.prod(shape, dtype=np.int64)) * self._datatype.itemsize
