"""Step `executorch-export`: a torch piece becomes a .pte for XNNPACK, proved by running it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from configs.edge_steps import ExecutorchExportStep
from models.convert import TOLERANCE
from models.errors import BuildFailed
from models.imaging import normalise
from models.litert.toolings import Tools
from models.mobile import toolings
from models.mobile.asking import Asked
from models.mobile.nodes import Widths
from models.mobile.proof import Made, Wanted, prove
from models.mobile.torch_made import TorchSource, torch_source
from models.recipes.bench import Bench
from models.recipes.pieces import Piece
from models.steps.litert_quantize import input_range

WIDTHS = {"int8": Widths(1, 1), "float32": Widths(4, 4)}


def run(
    step: ExecutorchExportStep,
    source: Piece | None,
    target: Path,
    bench: Bench,
    tools: Tools = toolings.environment,
) -> Mapping[str, object]:
    """Write the file, which takes one normalised image [1, c, h, w] FP32, and its proof.

    Raises:
        BuildFailed: the source is no torch piece, there is no dataset to calibrate on,
            or the file does not answer as its source does.
        ToolFailed: the converter or the runtime refuses.
    """
    network = torch_source(step.step, source, bench)
    file = Piece(target).main("executorch")
    request = _request(step, network, file, bench)
    told = tools(bench, toolings.mobile())("executorch_making", request)
    made = Made(
        Asked("executorch", file),
        f"executorch-{toolings.version('executorch')}",
        step.scheme,
        told["operators"],
        network.cost(WIDTHS[step.scheme]),
        network.answers,
    )
    facts = prove(made, _wanted(step), Piece(target), bench, tools)
    return {"size_bytes": file.stat().st_size, **facts}


def _request(
    step: ExecutorchExportStep, network: TorchSource, file: Path, bench: Bench
) -> Mapping[str, object]:
    said = {
        "program": str(network.program),
        "target": str(file),
        "scheme": step.scheme,
        "channel_floor": step.channel_floor,
    }
    whole = step.scheme == "int8"
    return {**said, **(_calibration(step, network, bench) if whole else {})}


def _wanted(step: ExecutorchExportStep) -> Wanted:
    exact = TOLERANCE if step.scheme == "float32" else None
    return Wanted(
        step.step,
        step.photos,
        step.threads,
        step.min_agreement,
        exact,
        step.oldest_runtime,
    )


def _calibration(
    step: ExecutorchExportStep, network: TorchSource, bench: Bench
) -> dict[str, object]:
    """Calibration rows on disk, and the range that every possible input lies in."""
    name = step.calibration or bench.data.calibration
    if name is None:
        reason = "int8 needs photos: name a dataset in data.calibration"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    crops = bench.materials.crops(name, network.seen, bench.progress)
    file = bench.scratch / "calibration.npy"
    np.save(file, normalise(crops, network.seen))
    low, high = input_range(network.seen)
    return {"rows": str(file), "low": low, "high": high}
