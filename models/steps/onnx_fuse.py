"""Step `fuse`: ONNX Runtime's fusions and folded constants, written into the graph."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from configs.steps import FuseStep
from models.errors import BuildFailed
from models.recipes.bench import Bench
from models.recipes.pieces import Piece
from models.steps.onnx_graph import answers, changed, load_finite, store

TOLERANCE = 1e-3
"""Largest difference that fusing may cause, as a share of the largest answer."""


def run(
    step: FuseStep, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Write the fused model; numbers are compared with the source's.

    Raises:
        BuildFailed: the source is not sound, or fusing changed its answers.
    """
    model, _ = load_finite(step.step, source, bench)
    before, fused = bench.scratch / "before.onnx", bench.scratch / "fused.onnx"
    onnx.save(model, before)
    _optimise(before, fused, step.level)
    file = store(step.step, _without_stale_shapes(onnx.load(fused)), target, bench)
    facts = changed(before, file, bench.seed)
    limit = TOLERANCE * float(np.abs(answers(before, bench.seed)).max(initial=0.0))
    apart = facts["largest_difference"]
    if not (isinstance(apart, float) and apart <= limit):  # also refuses NaN
        reason = f"answers must stay within {limit:.2g} of the source's, got {apart}"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    return {**facts, "level": step.level, "only_this_cpu": step.level == "all"}


def _optimise(before: Path, after: Path, level: str) -> None:
    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(after)
    options.graph_optimization_level = {
        "basic": levels.ORT_ENABLE_BASIC,
        "extended": levels.ORT_ENABLE_EXTENDED,
        "all": levels.ORT_ENABLE_ALL,
    }[level]
    onnxruntime.InferenceSession(
        str(before), options, providers=["CPUExecutionProvider"]
    )


def _without_stale_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Shapes of tensors that were fused away say nothing and may contradict others."""
    del model.graph.value_info[:]
    return model
