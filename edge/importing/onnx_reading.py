"""An .onnx as its protobuf says it, without a runtime; imports onnx."""

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from edge.importing.kernels import ONNX
from edge.importing.onnx_classes import End, OnnxFile, OnnxOp
from edge.importing.refusals import Refused, first_line
from models.litert.cost import Cost
from models.mobile.from_onnx import OWN, cost_of, rounds, uncounted

KNOWN = (*OWN, "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc")
"""Domains that ONNX Runtime has without libraries of others; `ai.onnx.…` beside them."""

COMPOSED = ("has_function", "has_context_dependent_function")
"""What a schema says of operators that others compose."""


def loaded(file: Path) -> onnx.ModelProto:
    """The model in `file`, which the checker of ONNX takes.

    Raises:
        Refused: it is none, or it holds no operator, or one of somebody's own.
    """
    try:
        model = onnx.load(file)
        onnx.checker.check_model(model)
    except (
        DecodeError,
        onnx.checker.ValidationError,
        ValueError,
        TypeError,
        OSError,
    ) as error:
        raise Refused("damaged", first_line(error)) from error
    if not model.graph.node:
        raise Refused("no_graph", "its graph has no operator")
    custom = sorted({op.name for op in _ops(model) if not _is_known(op)})
    if custom:
        raise Refused("custom_operator", f"nothing here has {', '.join(custom)}")
    return model


def described(
    model: onnx.ModelProto, ends: tuple[End, ...], size_bytes: int
) -> OnnxFile:
    """What is held against classes; a dimension that varies is taken as one."""
    left_out = uncounted(model)
    return OnnxFile(
        ops=tuple(_ops(model)),
        ends=ends,
        size_bytes=size_bytes,
        weights=sum(math.prod(one.dims) for one in model.graph.initializer),
        cost=None if left_out else _cost(model),
        arithmetic="int8" if rounds(model) else "float32",
        uncounted=left_out,
        opsets=_opsets(model),
        ir_version=model.ir_version,
    )


def _opsets(model: onnx.ModelProto) -> dict[str, int]:
    """What it and its functions import: the newest of each domain."""
    told = (model.opset_import, *(one.opset_import for one in model.functions))
    found: dict[str, int] = {}
    for one in (one for imports in told for one in imports):
        domain = one.domain or ONNX
        found[domain] = max(one.version, found.get(domain, 0))
    return found


def _ops(model: onnx.ModelProto) -> Iterator[OnnxOp]:
    versions = {one.domain: one.version for one in model.opset_import}
    local = {(one.domain, one.name) for one in model.functions}
    graphs = [model.graph.node, *(one.node for one in model.functions)]
    for node in (node for nodes in graphs for node in _nodes(nodes)):
        name = node.op_type if node.domain in OWN else f"{node.domain}:{node.op_type}"
        if (node.domain, node.op_type) in local:
            continue
        version = versions.get(node.domain, 1)
        try:
            known = onnx.defs.get_schema(node.op_type, version, node.domain)
        except onnx.defs.SchemaError:  # of another domain, ONNX Runtime's own
            yield OnnxOp(name, 1)
            continue
        composed = any(getattr(known, way) for way in COMPOSED)
        yield OnnxOp(name, known.since_version, composed)


def _is_known(op: OnnxOp) -> bool:
    domain = op.name.rpartition(":")[0]
    return domain in KNOWN or domain.startswith("ai.onnx.")


def _nodes(nodes: object) -> Iterator[onnx.NodeProto]:
    """Each node, and those of the graphs that it holds."""
    for node in nodes:  # type: ignore[attr-defined]
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _nodes(graph.node)


def _fixed(model: onnx.ModelProto, file: Path) -> bool:
    """Write it with shapes that do not vary; whether all of them could be inferred."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    held = {one.name for one in fixed.graph.initializer}
    for one in fixed.graph.input:
        for dim in one.type.tensor_type.shape.dim if one.name not in held else ():
            dim.dim_value = dim.dim_value or 1
    for one in fixed.graph.output:
        one.type.tensor_type.ClearField("shape")
    del fixed.graph.value_info[:]
    try:
        fixed = onnx.shape_inference.infer_shapes(fixed, data_prop=True)
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError):
        return False
    onnx.save(fixed, file)
    return _is_fixed(fixed.graph)


def _is_fixed(graph: onnx.GraphProto) -> bool:
    known = {
        one.name
        for one in (*graph.value_info, *graph.output)
        if one.type.tensor_type.HasField("shape")
        and all(dim.HasField("dim_value") for dim in one.type.tensor_type.shape.dim)
    }
    return all(name in known for node in graph.node for name in node.output if name)


def _cost(model: onnx.ModelProto) -> Cost | None:
    """None: shapes inside it vary, or an operator's sums are unlike those of a layer."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "fixed.onnx"
        try:
            return cost_of(file) if _fixed(model, file) else None
        except (KeyError, IndexError):
            return None
