"""The layers of a graph that may become INT8 or stay in float, as units.

A unit is a layer and the activations only it feeds: quantizing between the two would
cost accuracy that no real model loses, since runtimes fuse them.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import onnx

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Add")
_ACTIVATIONS = {"Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish"}


@dataclass(frozen=True, slots=True)
class Unit:
    """Layers that are quantized together, by the names of their nodes."""

    layers: tuple[str, ...]
    nodes: tuple[str, ...]

    @property
    def title(self) -> str:
        """What it is called in reports."""
        first, *others = self.layers
        return f"{first} (and {len(others)} more)" if others else first


def units(model: onnx.ModelProto, at_most: int) -> list[Unit]:
    """The layers in the order of the graph; neighbours share a unit when there are many."""
    found = [
        Unit((node.name,), with_activations(model, [node.name]))
        for node in model.graph.node
        if node.op_type in LAYERS
    ]
    size = -(-len(found) // max(1, at_most))
    return [_joined(found[at : at + size]) for at in range(0, len(found), size or 1)]


def with_activations(model: onnx.ModelProto, names: Collection[str]) -> tuple[str, ...]:
    """`names` and the activations that only they feed."""
    readers = Counter(name for node in model.graph.node for name in set(node.input))
    outputs = {output.name for output in model.graph.output}
    kept, open_ends = list(names), set[str]()
    for node in model.graph.node:
        follows = node.op_type in _ACTIVATIONS and node.input[0] in open_ends
        if follows and node.name not in names:
            kept.append(node.name)
        if follows or node.name in names:
            open_ends |= {
                name
                for name in node.output
                if readers[name] == 1 and name not in outputs
            }
    return tuple(kept)


def _joined(parts: Sequence[Unit]) -> Unit:
    return Unit(
        tuple(name for part in parts for name in part.layers),
        tuple(dict.fromkeys(name for part in parts for name in part.nodes)),
    )
