"""Step `litert-convert`: a torch piece becomes a float .tflite."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from configs.edge_steps import LitertConvertStep
from models.convert import TOLERANCE
from models.errors import BuildFailed
from models.evaluate import Floats
from models.litert import toolings
from models.litert.graph import Graph
from models.litert.reading import read_file
from models.recipes.bench import Bench
from models.recipes.pieces import Piece


def run(
    step: LitertConvertStep,
    source: Piece | None,
    target: Path,
    bench: Bench,
    tools: toolings.Tools = toolings.environment,
) -> Mapping[str, object]:
    """Write the float model, which takes one image [1, h, w, c].

    Raises:
        BuildFailed: the source is no torch piece, or what came has another shape or
            other answers.
        ToolFailed: the converter refuses.
    """
    from models.litert.programs import write_program

    shape = bench.spec.inputs[0].shape
    program = bench.scratch / "program.pt2"
    example = write_program(bench, source, shape, program)
    piece = Piece(target)
    told = {
        "program": str(program),
        "target": str(piece.litert),
        "channels_last": len(shape) == 3,
    }
    tools(bench, toolings.converter())("converting", told)
    graph = read_file(piece.litert)
    _check(step, graph, bench)
    rows = example.rows.transpose(0, 2, 3, 1) if len(shape) == 3 else example.rows
    found = _answers(piece.litert, rows, bench, tools)
    apart = float(np.abs(found - example.logits).max())
    if not apart <= TOLERANCE:  # also refuses NaN
        reason = f"logits must be within {TOLERANCE} of the source's, got {apart:.2g}"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    return {
        "operators": graph.versions(),
        "largest_difference": apart,
        "size_bytes": piece.litert.stat().st_size,
    }


def _answers(file: Path, rows: Floats, bench: Bench, tools: toolings.Tools) -> Floats:
    sent, out = bench.scratch / "rows.npy", bench.scratch / "answers.npy"
    np.save(sent, np.ascontiguousarray(rows))
    told = {"model": str(file.resolve()), "rows": str(sent), "out": str(out)}
    tools(bench, toolings.quantizer())("running", told)
    found: Floats = np.load(out)
    return found


def _check(step: LitertConvertStep, graph: Graph, bench: Bench) -> None:
    wanted = (1, *channels_last(bench.spec.inputs[0].shape))
    (given, *others) = graph.of(graph.inputs)
    if others or given.shape != wanted:
        reason = f"it must take one input {list(wanted)}, takes {list(given.shape)}"
        raise BuildFailed(bench.recipe.id, step.step, reason)


def channels_last(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of an image as devices hold it; other shapes as they are."""
    return (*shape[1:], shape[0]) if len(shape) == 3 else shape
