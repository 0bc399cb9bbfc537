"""A classifier → ONNX, its logits compared; importing this imports torch."""

from pathlib import Path

import numpy as np
import onnx
import torch

from models import torch_export
from models.convert import TOLERANCE
from models.errors import BuildFailed
from models.recipes.bench import Bench
from models.runtime import Runner
from models.steps.onnx_graph import check
from models.training.architectures import Classifier
from models.training.folding import folded

OPSET, ROWS = torch_export.OPSET, 3


def write_onnx(
    step: str, network: Classifier, target: Path, bench: Bench, opset: int
) -> dict[str, object]:
    """Write `network`, folded, to `target`; facts tell how far its logits are off.

    Raises:
        BuildFailed: it cannot be expressed, or its logits are not the network's.
    """
    shape = (ROWS, *bench.spec.inputs[0].shape)
    noise = np.random.default_rng(bench.seed).uniform(-1, 1, shape).astype(np.float32)
    images = torch.from_numpy(noise)
    names = bench.spec.inputs[0].name, bench.spec.outputs[0].name
    try:
        torch_export.export(folded(network), images, names, target, opset)
    except RuntimeError as error:
        reason = (str(error).strip() or "the exporter failed").splitlines()[0]
        raise BuildFailed(bench.recipe.id, step, reason) from error
    _forget_origin(target)
    check(step, target, bench)
    with torch.no_grad():
        wanted = network.eval()(images).numpy()
    apart = float(np.abs(Runner(target).logits(noise) - wanted).max())
    if not apart <= TOLERANCE:  # also refuses NaN
        reason = f"logits must be within {TOLERANCE} of the source's, got {apart:.2g}"
        raise BuildFailed(bench.recipe.id, step, reason)
    return {"largest_difference": apart, "opset": opset}


def _forget_origin(file: Path) -> None:
    """Take out which line of whose source each node came from: half of a small file."""
    model = onnx.load(file)
    graph = model.graph
    for part in (*graph.node, *graph.value_info, *graph.input, *graph.output, graph):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(model, file)
