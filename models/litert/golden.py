"""Golden inputs and outputs of a .tflite, in its own datatypes, for a device to repeat.

Kept as `.npz` (tensors only, never pickled): `input`, `output` and `tolerance`, the most
that an answer of another kernel or runtime may be off, in units of the output.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from models.litert.graph import DTYPES, Graph, Tensor

ROWS = 4
GOLDEN, CHECKS = "golden.npz", "checks.json"
NO_NUMBERS = "answers to drawn inputs must be numbers, some are not"


def drawn(graph: Graph, seed: int) -> np.ndarray:
    """Inputs [rows, …] that look like images: smooth, over the whole range, drawn."""
    (tensor,) = graph.of(graph.inputs)
    shape, draw = tensor.shape[1:], np.random.default_rng(seed)
    waves = np.zeros((ROWS, *shape), np.float64)
    for axis, size in enumerate(shape[:2]):
        place = np.linspace(0, 1, size).reshape(
            [-1 if n == axis else 1 for n in range(len(shape))]
        )
        turns, start = (
            draw.uniform(0.5, 3, (ROWS, *[1] * len(shape))),
            draw.uniform(0, 6, ROWS),
        )
        waves += np.sin(
            2 * np.pi * turns * place + start.reshape(ROWS, *[1] * len(shape))
        )
    waves += draw.uniform(-0.5, 0.5, (ROWS, *[1] * (len(shape) - 1), shape[-1]))
    shares = (waves - waves.min()) / max(float(np.ptp(waves)), 1e-9)
    return _in_range(shares, tensor)


def _in_range(shares: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Shares between 0 and 1 as values of `tensor`; floats in steps that take no room."""
    if tensor.datatype == "FLOAT32":
        return (np.round(shares * 256 - 128) / 128).astype(np.float32)
    limits = np.iinfo(np.dtype(DTYPES[tensor.datatype]))
    span = int(limits.max) - int(limits.min)
    steps = np.round(shares * span) + int(limits.min)
    return steps.astype(DTYPES[tensor.datatype])


def tolerance(output: np.ndarray, others: Iterable[np.ndarray]) -> float:
    """Twice what ways of running differ by, one step or a thousandth at the least.

    What is no number in one of them makes it none.
    """
    wide = output.astype(np.float64)
    apart = [2 * np.abs(wide - one).max() for one in others]
    quantized = np.issubdtype(output.dtype, np.integer)
    least = 1.0 if quantized else 1e-3 * float(np.ptp(wide))
    return float(np.max([least, *apart]))


def write(folder: Path, arrays: Mapping[str, np.ndarray], checks: object) -> None:
    """Put both files beside a model."""
    with (folder / GOLDEN).open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    text = json.dumps(checks, indent=1, sort_keys=True)
    (folder / CHECKS).write_text(f"{text}\n", encoding="utf-8")
