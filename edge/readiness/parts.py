"""Which operators a delegate takes at once: the first connected part. Pure.

As `PartitionGraphIntoIndependentNodeSubsets` of TensorFlow Lite (graph_info.cc) divides a
graph: each part is of one kind and holds whatever can run before the other kind must. The
Edge TPU's compiler maps the first part that it can ("More than one subgraph is not
supported"), whatever ran on the CPU before.
"""

from collections.abc import Sequence

from models.litert.graph import Graph


def first_part(graph: Graph, able: Sequence[bool]) -> frozenset[int]:
    """The numbers of the operators in the first part of able ones; empty: there is none."""
    waiting = list(range(len(graph.ops)))
    missing = {tensor for op in graph.ops for tensor in op.outputs}
    while waiting:
        part: list[int] = []
        for number in waiting:
            op = graph.ops[number]
            is_kind = not part or able[number] == able[part[0]]
            if is_kind and not missing.intersection(op.given):
                part.append(number)
                missing.difference_update(op.outputs)
        if not part:  # what waits, waits for itself
            break
        if able[part[0]]:
            return frozenset(part)
        waiting = [number for number in waiting if number not in part]
    return frozenset()
