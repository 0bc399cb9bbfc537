"""The weights of a Core ML program held against those of the torch program it is of."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from models.mobile.workers.coreml_package import held

ATEN = torch.ops.aten
SUMS = {ATEN.conv2d.default: "conv", ATEN.linear.default: "linear"}


def compared(program: Any, operations: Any) -> Mapping[str, Any]:
    """How many weights there are in each, and how far they are apart.

    `largest_share`: the largest difference as a share of the largest weight of its
    tensor; `snr_db`: of all of them together.

    Raises:
        ValueError: the two do not have the same sums in the same order.
    """
    wanted, found = list(_of_torch(program)), list(_of_package(operations))
    kinds = [(kind, one.shape) for kind, one in wanted]
    others = [(kind, one.shape) for kind, one in found]
    if kinds != others:
        raise ValueError(f"the package must hold {kinds}, it holds {others}")
    power = noise = largest = 0.0
    for (_, one), (_, other) in zip(wanted, found, strict=True):
        apart = np.abs(one - other)
        power, noise = power + float((one**2).sum()), noise + float((apart**2).sum())
        share = apart.max() / max(np.abs(one).max(), 1e-12)
        largest = float(np.maximum(largest, share))  # what is no number stays
    return {
        "sums": len(wanted),
        "weights": int(sum(one.size for _, one in wanted)),
        "largest_share": largest,
        "snr_db": 10 * float(np.log10(power / noise)) if noise else None,
    }


def _of_package(operations: Any) -> Iterator[tuple[str, Any]]:
    for op in operations:
        if op.op_type in SUMS.values():
            weight = op.inputs["weight"]
            value = weight.val if weight.val is not None else held(weight.op)
            yield op.op_type, np.asarray(value, np.float64)


def _of_torch(program: Any) -> Iterator[tuple[str, Any]]:
    """Weights of convolutions and full layers, normalisations behind them folded in."""
    names = {
        **program.graph_signature.inputs_to_parameters,
        **program.graph_signature.inputs_to_buffers,
    }

    def value(node: Any) -> Any:
        return program.state_dict[names[node.name]].detach().double().numpy()

    for node in program.graph.nodes:
        if node.target in SUMS:
            weight = value(node.args[1])
            norms = (u for u in node.users if u.target == ATEN.batch_norm.default)
            norm = next(norms, None)
            if norm is not None:
                scale, variance = value(norm.args[1]), value(norm.args[4])
                step = scale / np.sqrt(variance + float(norm.args[7]))
                weight = weight * step.reshape(-1, *[1] * (weight.ndim - 1))
            yield SUMS[node.target], weight
