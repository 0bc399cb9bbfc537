"""LiteRT on CPU: the very file that a device runs, for shadow comparison.

A file is run as it is, one row at a time with one thread: what a device would answer to
the same bytes, and nothing gained by a batch. Tensors go in and out as the model's card
has them: floats are quantised by the scale and zero point of the file, pictures
[c, h, w] become [h, w, c] where the file wants that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from configs.model import TensorSpec
from deployments.messages import DTYPES, Tensor


@dataclass(frozen=True, slots=True)
class End:
    """One input or output: `spec` as the card says, the rest as the file has it."""

    spec: TensorSpec
    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero: int

    def to_file(self, row: Tensor) -> Tensor:
        """A row of the card as the file takes it, [1, …]."""
        if self._turned(row.shape):
            row = row.transpose(1, 2, 0)
        if self.scale and row.dtype.kind == "f":
            row = quantised(row, self.scale, self.zero, self.dtype)
        return np.ascontiguousarray(row, self.dtype).reshape(self.shape)

    def to_card(self, found: Tensor) -> Tensor:
        """What the file answered, [1, …], as a row of the card, [1, …]."""
        wanted = DTYPES[self.spec.datatype]
        if self.scale and wanted.kind == "f":
            found = (found.astype(np.float32) - self.zero) * np.float32(self.scale)
        if found.ndim == 4 and self._turned(self.spec.shape):
            found = found.transpose(0, 3, 1, 2)
        return found.astype(wanted, copy=False)

    def _turned(self, shape: Sequence[int]) -> bool:
        """Whether the file has the channels of [c, h, w] last."""
        if len(shape) != 3 or len(self.shape) != 4 or tuple(shape) == self.shape[1:]:
            return False
        channels, height, width = shape
        return (height, width, channels) == self.shape[1:]


def quantised(values: Tensor, scale: float, zero: int, dtype: np.dtype[Any]) -> Tensor:
    """Floats in steps of `scale` around `zero`; what is out of range stays at its end."""
    limits = np.iinfo(dtype)
    steps = np.rint(values / np.float32(scale)) + zero
    clipped: Tensor = np.clip(steps, limits.min, limits.max).astype(dtype)
    return clipped


class LitertBackend:
    """One .tflite file of batch 1, with as many interpreters as threads ask at once."""

    def __init__(
        self, model: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
    ) -> None:
        """Open the file.

        Args:
            model: the file; it is mapped, so interpreters share its weights.
            inputs: of the card, in the order of the file's.
            outputs: likewise.

        Raises:
            ValueError: it is no such file, or has other inputs or outputs.
        """
        self._model = model
        first = self._open()
        self._inputs = _ends(inputs, first.get_input_details())
        self._outputs = _ends(outputs, first.get_output_details())
        # append and pop of a list are whole, whatever the threads do.
        self._idle = [first]

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See `Backend.run`."""
        rows = len(next(iter(inputs.values())))
        try:
            interpreter = self._idle.pop()
        except IndexError:
            interpreter = self._open()
        answers = [self._one(interpreter, inputs, row) for row in range(rows)]
        self._idle.append(interpreter)
        return {
            end.spec.name: np.concatenate([answer[n] for answer in answers])
            for n, end in enumerate(self._outputs)
        }

    def _one(
        self, interpreter: Any, inputs: Mapping[str, Tensor], row: int
    ) -> list[Tensor]:
        for end in self._inputs:
            interpreter.set_tensor(end.index, end.to_file(inputs[end.spec.name][row]))
        interpreter.invoke()
        return [end.to_card(interpreter.get_tensor(end.index)) for end in self._outputs]

    def _open(self) -> Any:
        interpreter = Interpreter(model_path=str(self._model), num_threads=1)
        interpreter.allocate_tensors()
        return interpreter


def _ends(
    specs: Sequence[TensorSpec], details: Sequence[Mapping[str, Any]]
) -> tuple[End, ...]:
    if len(specs) != len(details):
        raise ValueError(
            f"the card has {len(specs)} tensors on a side, the file {len(details)}"
        )
    return tuple(_end(*pair) for pair in zip(specs, details, strict=True))


def _end(spec: TensorSpec, said: Mapping[str, Any]) -> End:
    shape, dtype = tuple(map(int, said["shape"])), np.dtype(said["dtype"])
    scale, zero = said["quantization"]
    if shape[0] != 1:
        raise ValueError(f"'{spec.name}' must have batch 1 in the file, got {shape}")
    end = End(spec, int(said["index"]), shape, dtype, float(scale), int(zero))
    return end
