"""Step `quantize-dynamic`: INT8 weights, activation ranges found anew in every run.

It suits models of matrix products; convolutions become several times slower.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from onnxruntime.quantization import QuantType, quantize_dynamic

from configs.steps import QuantizeDynamicStep
from models import machine
from models.errors import BuildFailed
from models.recipes.bench import Bench
from models.recipes.pieces import Piece
from models.steps.onnx_graph import changed, check, load_sound, operators

_INTEGER = {
    "MatMulInteger",
    "ConvInteger",
    "DynamicQuantizeMatMul",
    "DynamicQuantizeLSTM",
}
_LAYERS = ("Conv", "Gemm", "MatMul", "LSTM", "Attention")


def run(
    step: QuantizeDynamicStep, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Write the model with INT8 weights.

    Raises:
        BuildFailed: the source is not sound, or nothing in it can become INT8.
    """
    model, fp32 = load_sound(step.step, source, bench)
    # Exported shapes of layers that the quantizer rewrites contradict what it infers.
    del model.graph.value_info[:]
    file, reduced = Piece(target).onnx, machine.narrow(step.reduce_range)
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        quantize_dynamic(
            model,
            file,
            per_channel=step.per_channel,
            reduce_range=reduced,
            weight_type=QuantType.QInt8 if step.weights == "int8" else QuantType.QUInt8,
        )
    finally:
        logging.disable(before)
    made = operators(check(step.step, file, bench))
    if not _INTEGER & set(made):
        found = ", ".join(operators(fp32))
        reason = f"nothing became INT8: it wants {', '.join(_LAYERS)}, got {found}"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    left = {kind: made[kind] for kind in _LAYERS if kind in made}
    facts = changed(fp32, file, bench.seed)
    return {**facts, "reduce_range": reduced, "left_float": left}
