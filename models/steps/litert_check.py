"""Step `litert-check`: the file stays as it is; its proof is put beside it.

Every way of running it (runtimes old and new, fast and plain kernels, threads) must give
the answers of the first; the oldest runtime is not asked for operators that it lacks, and
the checks say so. Answers to photos and to drawn inputs, the operators and the cost go into
files that travel with the model.
"""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from configs.edge_steps import LitertCheckStep
from models.audio import device
from models.errors import BuildFailed
from models.evaluate import Classes, Floats
from models.litert import golden, toolings
from models.litert.asking import NEWEST, Asker, Way
from models.litert.cost import cost
from models.litert.described import describe, prove
from models.litert.graph import Graph, Tensor
from models.litert.reading import read_file
from models.litert.versions import oldest_runtime, unknown_to
from models.recipes.bench import Bench
from models.recipes.pieces import Piece
from models.statistics import Flags, wilson


@dataclass(frozen=True, slots=True)
class Agreed:
    """How one way of running compares with the first, on photos.

    `same`: how often it has the first's answer, `top1`: how often the right one; both
    with their 95% interval.
    """

    way: str
    photos: int
    agreement: float
    largest_difference: float
    same: Mapping[str, float]
    top1: Mapping[str, float]


def run(
    step: LitertCheckStep,
    source: Piece | None,
    target: Path,
    bench: Bench,
    tools: toolings.Tools = toolings.environment,
) -> Mapping[str, object]:
    """Copy the file, run it every way, write golden answers and the checks.

    Raises:
        BuildFailed: there is no file, two ways do not agree, an answer is no number, or
            metadata disturbs one.
        ToolFailed: a runtime refuses it.
    """
    if source is None or not bench.data.evaluation:
        reason = "it needs a model before it and photos under data.evaluation"
        raise BuildFailed(bench.recipe.id, step.step, reason)
    piece, graph = Piece(target), read_file(source.litert)
    shutil.copyfile(source.litert, piece.litert)
    asker, others = Asker(piece.litert, bench, tools), _ways(step, graph)
    agreed = _agreed(asker, others, step, bench)
    inputs = golden.drawn(graph, bench.seed)
    answers = {way: asker.raw(inputs, way) for way in (NEWEST, *others)}
    output = answers[NEWEST]
    allowed = golden.tolerance(output, [answers[way] for way in others])
    if not np.isfinite(allowed):
        raise BuildFailed(bench.recipe.id, step.step, golden.NO_NUMBERS)
    arrays = {"input": inputs, "output": output, "tolerance": np.float64(allowed)}
    carried = describe(piece, graph, bench, tools)
    prove(piece, bench, inputs, answers, tools)
    checks = {
        **described(graph, bench, agreed, allowed),
        "metadata": carried,
        "oldest_runtime_not_asked": list(_lacking(step, graph)),
    }
    golden.write(target, arrays, checks)
    if bench.spec.audio is not None:
        device.write(target, bench.spec.audio, bench.seed)
    return checks


def _lacking(step: LitertCheckStep, graph: Graph) -> tuple[str, ...]:
    """Why the oldest runtime cannot be asked, in words; empty: it can, if it should."""
    return unknown_to(graph, toolings.OLDEST) if step.oldest_runtime else ()


def _ways(step: LitertCheckStep, graph: Graph) -> list[Way]:
    more = [Way(threads=count) for count in step.threads if count != NEWEST.threads]
    ways = [Way(kernels="reference"), *more]
    if step.oldest_runtime and not _lacking(step, graph):
        ways.append(Way(toolings.OLDEST))
    return ways


def _agreed(
    asker: Asker, others: Sequence[Way], step: LitertCheckStep, bench: Bench
) -> list[Agreed]:
    dataset, found = bench.data.evaluation[0], []
    first = asker.logits(dataset, NEWEST, step.photos)
    labels = bench.materials.dataset(dataset).labels[: len(first)]
    for way in others:
        logits = asker.logits(dataset, way, step.photos)
        found.append(_beside(way, logits, first, labels))
        same = found[-1].same["value"]
        if not same >= step.min_agreement:
            reason = f"{way} must give the answers of {NEWEST} on "
            reason += f"{step.min_agreement:.0%} of photos, gives {same:.1%}"
            raise BuildFailed(bench.recipe.id, step.step, reason)
    return found


def _beside(way: Way, logits: Floats, first: Floats, labels: Classes) -> Agreed:
    """Logits [n, classes] of one way beside the first's and the right classes [n]."""
    same, top1 = (
        _share(logits.argmax(1) == wanted) for wanted in (first.argmax(1), labels)
    )
    apart = round(float(np.abs(logits - first).max()), 5)
    return Agreed(str(way), len(first), same["value"], apart, same, top1)


def _share(hits: Flags) -> Mapping[str, float]:
    found = wilson(int(hits.sum()), len(hits))
    return {name: round(getattr(found, name), 6) for name in ("value", "low", "high")}


def described(
    graph: Graph, bench: Bench, agreed: Sequence[Agreed], allowed: float
) -> dict[str, object]:
    """What a device, and whoever checks the file, must know of it."""
    counted = Counter((op.name, op.version) for op in graph.ops)
    seen = bench.spec.front_end
    return {
        "operators": [
            {"operator": name, "version": version, "count": count}
            for (name, version), count in sorted(counted.items())
        ],
        "oldest_runtime": oldest_runtime(graph) or "none known",
        "cost": asdict(cost(graph)),
        "input": end(next(graph.of(graph.inputs))),
        "output": end(next(graph.of(graph.outputs))),
        "front_end": None if seen is None else seen.model_dump(mode="json"),
        "golden_tolerance": allowed,
        "ways": [asdict(one) for one in agreed],
    }


def end(tensor: Tensor) -> dict[str, object]:
    """An input or output: value = (step - zero_point) * scale."""
    return {
        "shape": list(tensor.shape),
        "datatype": tensor.datatype,
        "scale": tensor.scales[0] if tensor.scales else None,
        "zero_point": tensor.zero_points[0] if tensor.zero_points else None,
    }
