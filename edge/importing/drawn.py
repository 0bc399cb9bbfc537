"""Inputs for a model that nobody described, and what it answers, in few words."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.importing.refusals import Refused, unwritable

Array = NDArray[Any]

MOST_BYTES = 1 << 30


def draw(shape: Sequence[int], dtype: np.dtype[Any], seed: int) -> Array:
    """Numbers of `dtype`: floats in steps between -1 and 1, whole ones small.

    Raises:
        Refused: so many would not fit into memory.
    """
    size = int(np.prod(shape, dtype=np.float64)) * dtype.itemsize
    if size > MOST_BYTES:
        raise Refused("huge_tensor", f"an input {list(shape)} takes {size} bytes")
    random = np.random.default_rng(seed)
    if np.issubdtype(dtype, np.floating):
        return (np.round(random.uniform(-128, 128, shape)) / 128).astype(dtype)
    if dtype == np.bool_:
        return random.integers(0, 2, shape).astype(dtype)
    if dtype.itemsize == 1:
        limits = np.iinfo(dtype)
        return random.integers(limits.min, limits.max + 1, shape).astype(dtype)
    if np.issubdtype(dtype, np.integer):
        return random.integers(0, 2, shape).astype(dtype)
    raise Refused("unknown_type", f"an input is of type {dtype}")


def summary(name: str, value: Array) -> Mapping[str, object]:
    """What was answered, so that two runs can be compared without the file."""
    wide = value.astype(np.float64) if value.dtype.kind in "fiub" else np.zeros(1)
    content = np.ascontiguousarray(value).tobytes()
    return {
        "name": name,
        "shape": list(value.shape),
        "datatype": str(value.dtype),
        "min": float(wide.min(initial=0)),
        "max": float(wide.max(initial=0)),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def check_answers(outputs: Mapping[str, Array], again: Mapping[str, Array]) -> None:
    """Hold two runs of the same inputs against each other.

    Raises:
        Refused: they differ, or an answer is no number.
    """
    for name, value in outputs.items():
        if np.issubdtype(value.dtype, np.floating) and not np.isfinite(value).all():
            raise Refused("not_finite", f"{name} holds NaN or infinity")
        if not np.array_equal(value, again[name]):
            raise Refused("not_repeatable", f"{name} differs between two runs")


def kept(
    file: str | None, inputs: Mapping[str, Array], outputs: Mapping[str, Array]
) -> None:
    """Write inputs and answers as `.npz`, where a file is named.

    Raises:
        Refused: it cannot be written.
    """
    if file is None:
        return
    arrays = {f"input:{name}": value for name, value in inputs.items()}
    arrays |= {f"output:{name}": value for name, value in outputs.items()}
    try:
        with open(file, "wb") as target:  # noqa: PTH123 - the name comes as text
            np.savez_compressed(target, allow_pickle=False, **arrays)
    except OSError as error:
        raise unwritable(file, error) from error
