"""A floor under dead channels of a float .tflite, so that their INT8 scales stay sane.

A channel whose weights are all but zero gets a scale of the same smallness, and its bias,
in units of that scale, no longer fits 32 bits. One weight at the floor mends that.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.litert.reading import read
from models.litert.rewriting import move_in, name_of, pack, unpack
from models.litert.schema import schema

FLOOR = 1e-4
"""Of the largest weight of a channel; logits of EfficientNet-Lite0 move by 1e-5."""

_OUTPUT_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}


def raise_dead_channels(source: Path, target: Path, floor: float = FLOOR) -> int:
    """Write `source` with every channel of convolutions at `floor` or above.

    Returns:
        How many channels were below it.

    Raises:
        BadModelFile: the source is no sound .tflite.
    """
    content = source.read_bytes()
    read(content, source.name)
    model = unpack(content)
    move_in(model, content)
    raised = 0
    for graph in model.subgraphs:
        for op in graph.operators:
            axis = _OUTPUT_AXIS.get(name_of(model, op))
            if axis is not None:
                raised += _raise(model, graph.tensors[op.inputs[1]], axis, floor)
    target.write_bytes(pack(model))
    return raised


def _raise(model: Any, tensor: Any, axis: int, floor: float) -> int:
    buffer = model.buffers[tensor.buffer]
    if tensor.type != schema().TensorType.FLOAT32 or buffer.data is None:
        return 0
    held = np.asarray(buffer.data, np.uint8).view(np.float32)
    weights = np.moveaxis(held.reshape(tensor.shape).copy(), axis, 0)
    dead = lift(weights, floor)
    if dead:
        whole = np.ascontiguousarray(np.moveaxis(weights, 0, axis))
        buffer.data = whole.view(np.uint8).ravel()
    return dead


def lift(weights: NDArray[np.float32], floor: float) -> int:
    """Set one weight of each dead row of `weights` [channels, …] to `floor`, in place."""
    rows = weights.reshape(len(weights), -1)
    dead = np.abs(rows).max(axis=1) < floor
    rows[dead] = 0
    rows[dead, rows.shape[1] // 2] = floor
    weights[...] = rows.reshape(weights.shape)
    return int(dead.sum())
