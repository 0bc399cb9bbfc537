"""How far each operator of a rounded ONNX is from itself in float; imports onnx.

Both run as they are written, nothing fused, with every tensor kept. Operators are paired by
the names of what they write, which the quantizer keeps; a convolution and the bound behind
it are rounded as one, which has the bound's name.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import onnx

from models.evaluate import Floats
from models.runtime import Runner

ROUNDED = "_DequantizeLinear_Output"
"""What the quantizer adds to the name of a tensor that it has rounded."""

SAME_DB = 1000.0
"""Of an operator that rounding leaves as it is."""


def errors_db(wanted: Path, found: Path, rows: Floats) -> Mapping[str, float]:
    """The signal to noise ratio of every operator that both have, in dB, by its name.

    Args:
        wanted: the ONNX in float.
        found: the same with rounding (QDQ).
        rows: inputs [n, …] of both.
    """
    pairs = paired(onnx.load(wanted).graph, onnx.load(found).graph)
    plain = _keeping(wanted, {mine for _, mine, _ in pairs})
    rounded = _keeping(found, {theirs for _, _, theirs in pairs})
    sums = np.zeros((len(pairs), 2))
    for row in rows:
        exact, near = plain.tensors_for(row[None]), rounded.tensors_for(row[None])
        for place, (_, mine, theirs) in enumerate(pairs):
            sums[place] += _power_and_noise(exact[mine], near[theirs])
    told = zip(pairs, sums, strict=True)
    return {name: _db(*both) for (name, _, _), both in told if both[0] > 0}


def paired(
    wanted: onnx.GraphProto, found: onnx.GraphProto
) -> list[tuple[str, str, str]]:
    """Each operator of `wanted` in order, with what it writes there and in `found`."""
    there = {name for node in found.node for name in node.output}
    pairs = []
    for number, node in enumerate(wanted.node):
        own = node.output[0]
        other = next((o for o in (f"{own}{ROUNDED}", own) if o in there), None)
        if other is not None and node.op_type != "Constant":
            pairs.append((f"{number} {node.op_type}", own, other))
    return pairs


def _keeping(file: Path, names: Collection[str]) -> Runner:
    """The model in `file`, which also gives the tensors `names`."""
    model = onnx.load(file)
    given = {one.name for one in model.graph.output}
    for name in sorted(set(names) - given):
        model.graph.output.append(onnx.ValueInfoProto(name=name))
    return Runner(model.SerializeToString(), threads=1, exact=True)


def _power_and_noise(exact: np.ndarray, near: np.ndarray) -> tuple[float, float]:
    if exact.dtype != np.float32 or exact.shape != near.shape:
        return 0.0, 0.0
    wide = exact.astype(np.float64)
    return float((wide**2).sum()), float(((wide - near) ** 2).sum())


def _db(power: float, noise: float) -> float:
    return SAME_DB if noise == 0 else round(10 * float(np.log10(power / noise)), 2)
