"""Exported torch programs: their operators, and their answers; imports torch."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.evaluate import Floats
from models.litert.cost import Cost
from models.mobile.nodes import Node, Widths, cost

_ATEN = torch.ops.aten


def cost_of(program: Path, widths: Widths) -> Cost:
    """What one run of the .pt2 file `program` costs, computed with `widths`."""
    graph = torch.export.load(program)
    signature = graph.graph_signature
    held = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    sizes = {node.name: _elements(node) for node in graph.graph.nodes}
    nodes = [
        _node(node, held, sizes)
        for node in graph.graph.nodes
        if node.op == "call_function"
    ]
    inputs = {str(name): sizes[str(name)] for name in signature.user_inputs}
    outputs = [str(name) for name in signature.user_outputs]
    return cost(nodes, inputs, outputs, widths)


def answers(program: Path, rows: Floats) -> Floats:
    """The logits of the .pt2 file `program` to `rows` [n, c, h, w], one at a time."""
    network = torch.export.load(program).module()
    with torch.no_grad():
        found = [network(torch.from_numpy(row[None])).numpy() for row in rows]
    return np.concatenate(found)


def _node(node: Any, held: Mapping[str, str], sizes: Mapping[str, int]) -> Node:
    inputs = [one.name for one in node.all_input_nodes]
    weights = sum(sizes[name] for name in inputs if name in held)
    reads = tuple(name for name in inputs if name not in held)
    return Node(reads, node.name, sizes[node.name], weights, _macs(node))


def _macs(node: Any) -> int:
    """Multiplications of a convolution or a full layer; of others none."""
    if node.target not in (_ATEN.conv2d.default, _ATEN.linear.default):
        return 0
    weights = node.args[1].meta["val"].shape
    return _elements(node) * math.prod(int(size) for size in weights[1:])


def _elements(node: Any) -> int:
    value = node.meta.get("val")
    return math.prod(value.shape) if isinstance(value, torch.Tensor) else 0
