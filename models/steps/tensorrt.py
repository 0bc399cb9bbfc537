"""Step `tensorrt`: an engine for one GPU from ONNX; nothing of the ONNX is changed.

Builders are strongly typed: FP16 and INT8 are what the steps before have written.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from configs.steps import TensorrtStep
from models.errors import BuildFailed
from models.recipes.bench import Bench
from models.recipes.pieces import ONNX, Piece
from models.tensorrt.engines import Engine
from models.tensorrt.maker import maker_here
from models.tensorrt.options import Bucket, EngineOptions
from models.tensorrt.precision import Precisions, read_precisions, reason_against


def run(
    step: TensorrtStep, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Write the engine, its label, and the ONNX beside them.

    Raises:
        BuildFailed: the source is not of the precision that is asked for, or no engine
            can be made of it.
        ToolFailed: the builder cannot be had.
    """
    if source is None or not source.is_onnx:
        reason = "only ONNX becomes an engine; put a step `export` before"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    found = read_precisions(source.onnx)
    against = reason_against(found, step.precision)
    if against is not None:
        raise BuildFailed(bench.recipe.id, step.step, against)
    options = options_of(step)
    maker = maker_here(bench.rooms.home, bench.progress)
    engine = maker.make(bench.recipe.id, source.onnx, options)
    engine.copy_to(target)
    # A replica with another GPU or library builds its own from this.
    shutil.copyfile(source.onnx, target / ONNX)
    return _facts(engine, found)


def options_of(step: TensorrtStep) -> EngineOptions:
    """The one profile that the step names; INT8 weights would be stored once a profile."""
    profile = step.profile
    only = Bucket(profile.min, profile.opt, profile.max)
    return EngineOptions((only,), step.refit)


def _facts(engine: Engine, found: Precisions) -> Mapping[str, object]:
    return {
        "runtime": engine.label["runtime"],
        "engine_key": engine.label["key"],
        "profiles": engine.label["profiles"],
        "tensors": engine.label["tensors"],
        "size_bytes": engine.file.stat().st_size,
        "layer_weights": dict(found.weights),
        "quantizers": dict(found.quantized),
    }
