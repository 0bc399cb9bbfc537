"""What a graph costs: multiplications, bytes of weights, and the memory of one run. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.litert.graph import Graph, Op

ALIGNMENT = 16
"""Of each buffer of an arena, as LiteRT for microcontrollers aligns them."""


@dataclass(frozen=True, slots=True)
class Cost:
    """`arena_bytes`: room for every tensor that lives at once, laid out greedily."""

    macs: int
    weights_bytes: int
    arena_bytes: int


@dataclass(frozen=True, slots=True)
class Life:
    """When a computed tensor is written first and read last, and its size."""

    size_bytes: int
    first: int
    last: int


def cost(graph: Graph) -> Cost:
    """The cost of one run of `graph`."""
    weights = sum(tensor.data.size for tensor in graph.tensors)
    return Cost(sum(macs(graph, op) for op in graph.ops), weights, arena_bytes(graph))


def macs(graph: Graph, op: Op) -> int:
    """Multiplications of one operator; those without weights count none."""
    if op.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        return 0
    weights = graph.tensors[op.inputs[1]].shape
    outputs = graph.tensors[op.outputs[0]].elements
    if op.name == "DEPTHWISE_CONV_2D":
        return outputs * math.prod(weights[1:3])
    return outputs * math.prod(weights[1:])


def arena_bytes(graph: Graph) -> int:
    """The size of the memory that holds every tensor while it is needed."""
    return planned(tuple(lives(graph).values()))


def lives(graph: Graph) -> Mapping[int, Life]:
    """Of every computed tensor by its index; ends of the graph live to the end."""
    spans: dict[int, list[int]] = {index: [0, 0] for index in graph.inputs}
    for step, op in enumerate(graph.ops):
        for index in (*graph.computed(op), *op.outputs):
            spans.setdefault(index, [step, step])[1] = step
    for index in graph.outputs:
        spans[index][1] = len(graph.ops) - 1
    return {
        index: Life(_aligned(graph.tensors[index].size_bytes), first, last)
        for index, (first, last) in spans.items()
    }


def planned(held: Sequence[Life]) -> int:
    """Place the largest first, each at the lowest offset that is free while it lives."""
    placed: list[tuple[int, Life]] = []
    for one in sorted(held, key=lambda life: (-life.size_bytes, life.first)):
        meeting = [(at, other) for at, other in placed if _meet(one, other)]
        placed.append((_lowest(one, sorted(meeting, key=lambda pair: pair[0])), one))
    return max((at + life.size_bytes for at, life in placed), default=0)


def _lowest(one: Life, meeting: Sequence[tuple[int, Life]]) -> int:
    at = 0
    for start, other in meeting:
        if start - at >= one.size_bytes:
            return at
        at = max(at, start + other.size_bytes)
    return at


def _meet(one: Life, other: Life) -> bool:
    return one.first <= other.last and other.first <= one.last


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // ALIGNMENT) * ALIGNMENT
