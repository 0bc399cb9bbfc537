"""A network as operators with sizes, whatever it is kept as, and what a run costs. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from models.litert.cost import ALIGNMENT, Cost, Life, planned


@dataclass(frozen=True, slots=True)
class Node:
    """One operator: what it reads and writes, by name, and what it multiplies.

    `elements`: of what it writes; `weights`: of the constants that are its own.
    """

    reads: tuple[str, ...]
    writes: str
    elements: int
    weights: int = 0
    macs: int = 0


@dataclass(frozen=True, slots=True)
class Widths:
    """Bytes of one weight and of one element of what is computed."""

    weights: int
    activations: int


def cost(
    nodes: Sequence[Node],
    inputs: Mapping[str, int],
    outputs: Collection[str],
    widths: Widths,
) -> Cost:
    """What one run costs.

    Args:
        nodes: in the order in which they run.
        inputs: elements of what comes in, by name.
        outputs: what goes out, which lives to the end.
        widths: of the numbers it computes with.
    """
    spans = {name: [0, 0, elements] for name, elements in inputs.items()}
    for step, node in enumerate(nodes):
        spans.setdefault(node.writes, [step, step, node.elements])
        for name in (*node.reads, node.writes):
            if name in spans:
                spans[name][1] = step
    for name in spans.keys() & set(outputs):
        spans[name][1] = len(nodes) - 1
    lives = [
        Life(_aligned(elements * widths.activations), first, last)
        for first, last, elements in spans.values()
    ]
    weights = sum(node.weights for node in nodes) * widths.weights
    return Cost(sum(node.macs for node in nodes), weights, planned(lives))


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // ALIGNMENT) * ALIGNMENT
