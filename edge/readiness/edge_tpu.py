"""Which operators the Edge TPU's compiler would map, predicted from the file alone. Pure.

It maps one connected part: an operator after one that fell back stays on the CPU too.
The compiler remains the judge; `edge.readiness.compiler` asks it where it is installed,
`python -m benchmarks.edge_tpu` holds the prediction to reports that others published.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from edge.readiness.findings import (
    DATATYPE,
    LIMITED,
    MAPPED,
    SUBGRAPH,
    UNSUPPORTED,
    VERSION,
    Finding,
)
from edge.readiness.parts import first_part
from edge.readiness.rules import SUPPORTED, limit
from models.litert.graph import Graph, Op
from models.litert.versions import registry

COMPILER = "tensorflow-2.5.0"
EIGHT_BITS = frozenset(("INT8", "UINT8"))
FIXES: Mapping[str, str] = {
    "QUANTIZE": "let the file take INT8",
    "DEQUANTIZE": "let the file give INT8",
    "CUSTOM": "compute it in the application",
}
"""What helps an operator at the ends that works on floats; the rest is to be INT8."""


def predicted(graph: Graph) -> tuple[Finding, ...]:
    """One finding for each operator, in order."""
    alone = [_alone(graph, op) for op in graph.ops]
    first = first_part(graph, [finding.is_mapped for finding in alone])
    return tuple(
        _outside(finding) if finding.is_mapped and number not in first else finding
        for number, finding in enumerate(alone)
    )


def fatal(graph: Graph) -> tuple[str, ...]:
    """Why the compiler would refuse the whole file, with what helps."""
    return tuple(dict.fromkeys(_refusals(graph)))


def _alone(graph: Graph, op: Op) -> Finding:
    """The verdict on one operator, whatever is around it, in the compiler's order."""
    said = Finding(op.custom or op.name, op.version, MAPPED)
    others = _datatypes(graph, op) - EIGHT_BITS
    if others:
        # Published reports call a QUANTIZE from floats limited, not of a wrong datatype.
        status = LIMITED if op.name == "QUANTIZE" else DATATYPE
        why, fix = (
            ", ".join(sorted(others)),
            FIXES.get(op.name, "quantize all of it to INT8"),
        )
        return replace(said, status=status, why=why, fix=fix)
    if op.name not in SUPPORTED:
        fix = "compute it in the application, or with operators that are supported"
        return replace(said, status=UNSUPPORTED, fix=fix)
    if op.version > registry(COMPILER).get(op.name, 0):
        why = f"version {op.version} is newer than the compiler knows"
        return replace(said, status=VERSION, why=why, fix="write it in older words")
    found = limit(graph, op)
    if found is not None:
        return replace(said, status=found.status, why=found.why, fix=found.fix)
    return said


def _datatypes(graph: Graph, op: Op) -> set[str]:
    """Of what flows through `op`; an LSTM keeps its state in 16 bits, which is taken."""
    flows = graph.computed(op) or op.given[:1]
    if "LSTM" in op.name:
        flows = op.given[:1]
    found = {tensor.datatype for tensor in graph.of((*flows, *op.outputs))}
    return found - {"INT16"} if op.name == "QUANTIZE" else found


def _outside(finding: Finding) -> Finding:
    why = "it comes after an operator on the CPU"
    return replace(finding, status=SUBGRAPH, why=why)


def _refusals(graph: Graph) -> Iterator[str]:
    if graph.subgraphs != 1:
        yield f"the file has {graph.subgraphs} subgraphs, the compiler takes one"
    if any(tensor.outside for tensor in graph.tensors):
        yield "weights lie outside the flatbuffer; the step litert-quantize moves them in"
    varying = [list(t.signature) for t in graph.tensors if -1 in t.signature]
    if varying:
        yield f"{len(varying)} tensors vary in shape, as {varying[0]}; export fixed ones"
    yield from _too_new(graph)
    for op in graph.ops:
        if op.name == "FULLY_CONNECTED" and graph.tensors[op.inputs[1]].is_per_channel:
            yield (
                "FULLY_CONNECTED has a scale for each output; runtimes of 2021 use the "
                "first for all and answer nonsense; quantize it with one scale"
            )


def _too_new(graph: Graph) -> Iterator[str]:
    known = registry(COMPILER)
    for name, version in graph.versions().items():
        if not name.startswith("CUSTOM") and version > known.get(name, 0):
            words = f"version {version} of {name} is unknown to the compiler"
            yield f"{words}, which knows {known.get(name, 'none')}; write older words"
