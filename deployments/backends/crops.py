"""Quantised image models on ONNX Runtime that take crops as they are; made by `models.cut`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from deployments.backends.onnx import OnnxBackend
from deployments.messages import Tensor

CROPS = "crops"
"""The input of the body, and the output of the head."""


class Head:
    """Makes crops [rows, s, s, 3] of floats [rows, 3, s, s]: the model's own first step."""

    def __init__(self, model: Path, floats: str) -> None:
        self._step, self._floats = OnnxBackend(model, optimised=True), floats

    def __call__(self, floats: Tensor) -> Tensor:
        """See the class."""
        return self._step.run({self._floats: floats})[CROPS]


class CropsBackend:
    """A model in two parts: its head takes floats, its body crops."""

    def __init__(self, body: Path, head: Path, floats: str) -> None:
        """Open both; `floats` is the name of the model's input."""
        self._body = OnnxBackend(body, optimised=True)
        self.to_crops = Head(head, floats)

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See `Backend.run`; the rows are floats or crops."""
        (rows,) = inputs.values()
        return self._body.run(
            {CROPS: rows if rows.dtype == np.uint8 else self.to_crops(rows)}
        )
