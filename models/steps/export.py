"""The step `export`: a torch piece becomes ONNX with a batch dimension of any size.

The weights stay beside it, so that a recipe's last piece can be judged as what is served
and still teach with its features, be trained further or be pruned.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from configs.steps import ExportStep
from models.recipes.bench import Bench
from models.recipes.pieces import Piece


def run(
    step: ExportStep, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Write the ONNX model; normalisations are folded, logits compared.

    Raises:
        BuildFailed: the source is no torch piece, or the result is not its equal.
    """
    from models.steps import torch_onnx
    from models.training import session

    network = session.source_network(bench, source)
    written = Piece(target).onnx
    if source is not None:
        shutil.copyfile(source.weights, Piece(target).weights)
        shutil.copyfile(source.architecture, Piece(target).architecture)
    return torch_onnx.write_onnx(step.step, network.module, written, bench, step.opset)
