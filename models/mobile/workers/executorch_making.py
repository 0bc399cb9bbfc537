"""An exported torch program → a .pte whose operators XNNPACK runs; where ExecuTorch is."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch


def answer(request: Mapping[str, Any], progress: Any) -> object:
    """Write `request["target"]` from `request["program"]` (`torch.export.save`, .pt2).

    Request: `scheme` (float32, int8); of int8 also `rows`, a .npy of calibration inputs
    [n, …], `low` and `high`, the range of the input, and `channel_floor`. Answers with
    each operator, how many there are, and how many of them XNNPACK took.
    """
    torch.set_num_threads(1)
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import (
        XnnpackPartitioner,
    )
    from executorch.exir import to_edge_transform_and_lower

    program = torch.export.load(request["program"])
    if request["scheme"] == "int8":
        program = _quantized(program, request, progress)
    progress("lower", 0, 1)
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    operators = _operators(lowered.exported_program().graph_module)
    Path(request["target"]).write_bytes(lowered.to_executorch().buffer)
    progress("lower", 1, 1)
    return {"operators": operators}


def _quantized(program: Any, request: Mapping[str, Any], progress: Any) -> Any:
    """The program in INT8, ranges from the smallest and the largest value of all rows."""
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    from models.mobile.workers.executorch_quantizer import Int8

    rows = np.load(request["rows"])
    example = torch.from_numpy(rows[:1])
    quantizer = Int8(request["channel_floor"])
    prepared = prepare_pt2e(program.module(), quantizer)
    with torch.no_grad():
        for number, row in enumerate(rows, start=1):
            prepared(torch.from_numpy(row[None]))
            progress("calibrate", number, len(rows))
    _pin_input(prepared, request["low"], request["high"])
    return torch.export.export(convert_pt2e(prepared), (example,))


def _pin_input(prepared: Any, low: float, high: float) -> None:
    """Give the input the range that its normalisation has, whatever the rows hold."""
    (image,) = (node for node in prepared.graph.nodes if node.op == "placeholder")
    for user in image.users:
        observer = getattr(prepared, str(user.target), None)
        if user.op == "call_module" and observer is not None:
            observer.min_val.fill_(low)
            observer.max_val.fill_(high)


def _operators(graph_module: Any) -> list[Mapping[str, object]]:
    """Every operator with how often it is there and how often XNNPACK runs it."""
    total, taken = Counter[str](), Counter[str]()
    for node in graph_module.graph.nodes:
        if node.op == "get_attr" and node.name.startswith("lowered_module_"):
            inner = getattr(graph_module, node.name).original_module.graph
            found = Counter(_names(inner.nodes))
            total, taken = total + found, taken + found
    total += Counter(_names(graph_module.graph.nodes))
    return [
        {"operator": name, "count": count, "delegated": taken[name]}
        for name, count in sorted(total.items())
    ]


def _names(nodes: Any) -> list[str]:
    """The operators among `nodes`; those that only move tuples and blobs are none."""
    called = (node.target for node in nodes if node.op == "call_function")
    names = (getattr(target, "__name__", str(target)) for target in called)
    operators = (name.split(".") for name in names)
    return [
        parts[1] for parts in operators if len(parts) > 1
    ]  # not getitem, a delegate
