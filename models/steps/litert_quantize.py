"""Step `litert-quantize`: a float .tflite in fewer bits, readable by old runtimes."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from configs.edge_steps import LitertQuantizeStep
from configs.model import FrontEnd
from models.errors import BuildFailed
from models.imaging import normalise as normalised
from models.litert import edges, floor, rewriting, toolings
from models.litert.reading import read_file
from models.litert.versions import oldest_runtime
from models.recipes.bench import NO_IMAGE, Bench
from models.recipes.pieces import Piece

ROWS = 8
"""Calibration rows that layers are compared on; without a delegate a run is slow."""


def run(
    step: LitertQuantizeStep,
    source: Piece | None,
    target: Path,
    bench: Bench,
    tools: toolings.Tools = toolings.environment,
) -> Mapping[str, object]:
    """Lift dead channels, quantize, write in the oldest words.

    Raises:
        BuildFailed: there is no source, no dataset to calibrate on, or what came is
            not full INT8.
        ToolFailed: the quantizer refuses.
    """
    if source is None:
        raise BuildFailed(bench.recipe.id, step.step, "it needs a model before it")
    lifted, raw, ready = (bench.scratch / f"{n}.tflite" for n in ("a", "b", "c"))
    dead = floor.raise_dead_channels(source.litert, lifted, step.channel_floor)
    request = {"source": str(lifted), "target": str(raw), "scheme": step.scheme}
    calibrated = _calibration(step, bench) if step.scheme == "int8" else {}
    tools(bench, toolings.quantizer())("quantizing", {**request, **calibrated})
    changed = rewriting.normalise(raw, ready)
    layers = _layers((lifted, ready), calibrated, bench, tools)
    piece = Piece(target)
    if step.scheme == "int8" and step.ends == "uint8":
        edges.with_uint8_ends(ready, piece.litert)
    else:
        ready.replace(piece.litert)
    return {
        "scheme": step.scheme,
        "dead_channels": dead,
        "moved_buffers": changed.moved_buffers,
        **_checked(step, piece, bench),
        "sensitivity": layers,
    }


def _calibration(step: LitertQuantizeStep, bench: Bench) -> Mapping[str, object]:
    """Calibration rows on disk, and the range that every possible input lies in."""
    name, image = step.calibration or bench.data.calibration, bench.spec.front_end
    if name is None:
        reason = "int8 needs photos: name a dataset in data.calibration"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    if image is None:
        raise BuildFailed(bench.recipe.id, step.step, NO_IMAGE)
    crops = bench.materials.crops(name, image, bench.progress)
    rows = normalised(crops, image).transpose(0, 2, 3, 1)
    file = bench.scratch / "calibration.npy"
    np.save(file, np.ascontiguousarray(rows))
    low, high = input_range(image)
    return {"rows": str(file), "low": low, "high": high}


def _layers(
    files: tuple[Path, Path],
    calibrated: Mapping[str, object],
    bench: Bench,
    tools: toolings.Tools,
) -> list[dict[str, object]]:
    """How far each operator's output is from its own in float, on calibration rows."""
    if not calibrated:
        return []
    wanted, found = (read_file(file) for file in files)
    pairs = zip(wanted.ops, found.ops, strict=True)
    some = bench.scratch / "some.npy"
    np.save(some, np.load(str(calibrated["rows"]))[:ROWS])
    request = {
        "wanted": str(files[0]),
        "found": str(files[1]),
        "rows": str(some),
        "pairs": [(one.outputs[0], other.outputs[0]) for one, other in pairs],
    }
    sums = tools(bench, toolings.quantizer())("layers", request)
    return [
        {"layer": f"{number} {op.name}", "snr_db": _decibels(*said)}
        for number, (op, said) in enumerate(zip(found.ops, sums, strict=True))
    ]


def _decibels(power: float, noise: float) -> float:
    """Ten for each factor of ten; what is exact counts as 120."""
    return round(min(120.0, 10 * np.log10(power / noise)), 2) if noise else 120.0


def input_range(image: FrontEnd) -> tuple[float, float]:
    """What the darkest and the brightest pixel become.

    Of mean 127 and std 128 one step of the input is then one step of the pixel.
    """
    return (0 - image.mean) / image.std, (255 - image.mean) / image.std


def _checked(
    step: LitertQuantizeStep, piece: Piece, bench: Bench
) -> Mapping[str, object]:
    graph = read_file(piece.litert)
    floats = sorted({op.name for op in graph.ops for t in graph.of(op.outputs)
                     if t.datatype == "FLOAT32"})  # fmt: skip
    if step.scheme == "int8" and floats:
        reason = f"all of it must become INT8, {', '.join(floats)} stayed in float"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    return {
        "operators": graph.versions(),
        "oldest_runtime": oldest_runtime(graph) or "none known",
        "size_bytes": piece.litert.stat().st_size,
    }
