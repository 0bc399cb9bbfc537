"""TFLite metadata for a checked file, and the proof that runtimes are not disturbed."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from models.errors import BuildFailed
from models.litert import toolings
from models.litert.asking import Asker, Way
from models.litert.graph import DTYPES, Graph, Tensor
from models.litert.metadata import LABELS, METADATA, READABLE, attached
from models.recipes.bench import Bench
from models.recipes.pieces import Piece

AUTHOR = "headwater"
INPUT = "Pixels of the front end, normalised as said here."
OUTPUT = "Logits, one a label: the largest is the answer, softmax makes them shares."


def describe(
    piece: Piece, graph: Graph, bench: Bench, tools: toolings.Tools
) -> Mapping[str, object]:
    """Write `metadata.bin` and `metadata.json` beside the file; what a reader finds.

    Raises:
        BuildFailed: what is read back is not what was written.
        ToolFailed: the library refuses.
    """
    file, labels = piece.folder / METADATA, bench.materials.labels(bench.spec)
    tool = tools(bench, toolings.describer())
    request = {"model": str(piece.litert), "target": str(file)}
    tool("describing", {**request, "said": said(graph, bench)})
    found = tool("describing", {"model": str(twin(piece, bench))})
    wanted = {} if labels is None else {LABELS: labels.decode("utf-8")}
    if found["files"] != wanted:
        reason = (
            f"metadata must bring {sorted(wanted)}, brings {sorted(found['files'])}"
        )
        raise BuildFailed(bench.recipe.id, "litert-check", reason)
    text = json.dumps(found["metadata"], indent=1, sort_keys=True)
    (piece.folder / READABLE).write_text(f"{text}\n", encoding="utf-8")
    return {"bytes": file.stat().st_size, "files": sorted(wanted)}


def twin(piece: Piece, bench: Bench) -> Path:
    """The file of `piece` as a class gets it that wants metadata, in the scratch folder."""
    labels = bench.materials.labels(bench.spec)
    files = {} if labels is None else {LABELS: labels}
    metadata = (piece.folder / METADATA).read_bytes()
    file = bench.scratch / "described.tflite"
    file.write_bytes(attached(piece.litert.read_bytes(), metadata, files))
    return file


def prove(
    piece: Piece,
    bench: Bench,
    inputs: np.ndarray,
    answers: Mapping[Way, np.ndarray],
    tools: toolings.Tools,
) -> None:
    """Ask the file with metadata every way it was asked without.

    Raises:
        BuildFailed: an answer has changed.
        ToolFailed: a runtime refuses it.
    """
    asker = Asker(twin(piece, bench), bench, tools)
    for way, answer in answers.items():
        if not np.array_equal(asker.raw(inputs, way), answer):
            reason = f"metadata must change no answer, it does for {way}"
            raise BuildFailed(bench.recipe.id, "litert-check", reason)


def said(graph: Graph, bench: Bench) -> Mapping[str, object]:
    """What the metadata says, as its worker takes it."""
    spec, recipe = bench.spec, bench.recipe
    return {
        "title": spec.title,
        "description": f"{recipe.title} ({recipe.variant})",
        "version": str(spec.version),
        "author": AUTHOR,
        "licence": spec.licence,
        "input": _input(next(graph.of(graph.inputs)), bench),
        "output": {
            "name": "logits",
            "description": OUTPUT,
            "labels": None if spec.labels is None else LABELS,
            **_limits(next(graph.of(graph.outputs))),
        },
    }


def _input(tensor: Tensor, bench: Bench) -> Mapping[str, object]:
    seen = bench.spec.front_end
    mean, std = (0.0, 1.0) if seen is None else (seen.mean, seen.std)
    limits = _limits(tensor)
    if tensor.datatype == "FLOAT32":
        limits = {"low": (0 - mean) / std, "high": (255 - mean) / std}
    height, width, channels = tensor.shape[1:] if len(tensor.shape) == 4 else (1, 1, 1)
    return {
        "name": "image" if bench.spec.image is not None else "features",
        "description": INPUT,
        "is_image": bench.spec.image is not None,
        "size": [height, width],
        "channels": channels,
        "mean": mean,
        "std": std,
        **limits,
    }


def _limits(tensor: Tensor) -> dict[str, float]:
    """What the numbers of a tensor can be; of floats, the largest there are."""
    kind = np.dtype(DTYPES[tensor.datatype])
    limits = np.iinfo(kind) if kind.kind in "iu" else np.finfo(kind)
    return {"low": float(limits.min), "high": float(limits.max)}
