"""Step `weight-only`: matrix weights in blocks of 4 or 8 bits, activations in float.

Runs as `MatMulNBits`. A Gemm with constant weights is first written as MatMul and Add;
convolutions stay as they are.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import matmul_nbits_quantizer

from configs.steps import WeightOnlyStep
from models.errors import BuildFailed
from models.recipes.bench import Bench
from models.recipes.pieces import Piece
from models.steps.onnx_graph import changed, load_sound, operators, store


def run(
    step: WeightOnlyStep, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Write the model with packed weights.

    Raises:
        BuildFailed: the source is not sound, or has no matrix product to pack.
    """
    model, fp32 = load_sound(step.step, source, bench)
    split_gemms(model)
    quantizer = matmul_nbits_quantizer.MatMulNBitsQuantizer(
        model,
        bits=step.bits,
        block_size=step.block_size,
        is_symmetric=step.symmetric,
        accuracy_level=step.accuracy_level,
    )
    quantizer.process()
    packed = quantizer.model.model
    count = sum(node.op_type == "MatMulNBits" for node in packed.graph.node)
    if count == 0:
        found = ", ".join(operators(fp32))
        reason = f"it packs MatMul and Gemm with constant weights, got {found}"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    file = store(step.step, packed, target, bench)
    facts = changed(fp32, file, bench.seed)
    return {**facts, "packed": count, "bits_a_weight": _bits_a_weight(step)}


def split_gemms(model: onnx.ModelProto) -> int:
    """Write each Gemm with constant weights as MatMul and Add; return how many."""
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    count = 0
    for node in model.graph.node:
        split = _split(node, held, model.graph)
        nodes += split or [node]
        count += bool(split)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    _drop_unused(model.graph)
    return count


def _split(
    node: onnx.NodeProto, held: Mapping[str, onnx.TensorProto], graph: onnx.GraphProto
) -> list[onnx.NodeProto]:
    said = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    plain = said.get("alpha", 1.0) == said.get("beta", 1.0) == 1.0
    if node.op_type != "Gemm" or said.get("transA", 0) or not plain:
        return []
    if node.input[1] not in held:
        return []
    weight = numpy_helper.to_array(held[node.input[1]])
    if said.get("transB", 0):
        weight = np.ascontiguousarray(weight.T)
    name = f"{node.input[1]}_{node.name or node.output[0]}_matrix"
    graph.initializer.append(numpy_helper.from_array(weight, name))
    biased = len(node.input) > 2 and bool(node.input[2])
    product = f"{node.output[0]}_product" if biased else node.output[0]
    title = node.name or node.output[0]
    made = [helper.make_node("MatMul", [node.input[0], name], [product], title)]
    if biased:
        inputs = [product, node.input[2]]
        made.append(helper.make_node("Add", inputs, [node.output[0]], f"{title}_bias"))
    return made


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    used |= {output.name for output in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _bits_a_weight(step: WeightOnlyStep) -> float:
    """With the FP32 scale, and the zero point where there is one, of each block."""
    zero_point = 0 if step.symmetric else step.bits
    return step.bits + (32 + zero_point) / step.block_size
