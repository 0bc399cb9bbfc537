"""The steps `qat` and `qat-litert`: what post-training quantization lost is trained back.

The network is folded and rounds as INT8 does, from the ranges that calibration gives;
it learns the labels and the answers of its own float form. Then its weights, which lie
on the steps they were trained for, are quantized the ordinary way. 4-bit weights are
stored as INT8: no CPU kernel of ONNX Runtime computes convolutions in fewer bits.
"""

from collections.abc import Mapping
from pathlib import Path

from configs.edge_steps import QatLitertStep
from configs.steps import QatStep
from models.recipes.bench import Bench
from models.recipes.pieces import Piece


def run(
    step: QatStep, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Train and quantize; an ONNX piece in QDQ form.

    Raises:
        ModelError: the source, the photos, the training or the quantizer fail.
    """
    from configs.steps import QuantizeStaticStep
    from models.steps import onnx_static, torch_onnx
    from models.training import rounding, session
    from models.training.fake_quant import settled

    network = session.source_network(bench, source)
    trained, facts = rounding.recover(step, network.module, bench)
    folder = bench.scratch / "float"
    folder.mkdir()
    torch_onnx.write_onnx(
        step.step, settled(trained), Piece(folder).onnx, bench, torch_onnx.OPSET
    )
    ordinary = QuantizeStaticStep(step="quantize-static")
    return {**onnx_static.run(ordinary, Piece(folder), target, bench), **facts}


def run_for_litert(
    step: QatLitertStep, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Train with rounding; a torch piece, for `litert-convert` and `litert-quantize`.

    Raises:
        ModelError: the source, the photos or the training fail.
    """
    from models.training import rounding, session, weights
    from models.training.fake_quant import settled
    from models.training.folding import unfolded

    network = session.source_network(bench, source)
    trained, facts = rounding.recover_for_litert(step, network.module, bench)
    module = unfolded(settled(trained))
    weights.save(weights.Network(module, network.name, network.options), target)
    return facts
