"""Measures a .tflite piece on the recipe's photos and on this machine's CPU."""

import os
from collections.abc import Callable, Sequence

from models.card import LatencyFact, MeasuredFact, QualityFact
from models.evaluate import Floats, calibration_error, judge, quality
from models.litert import toolings
from models.litert.asking import Asker, Way
from models.measure import measure_together
from models.recipes.bench import Bench, Teacher
from models.recipes.judged import Judged
from models.recipes.pieces import Piece
from models.recipes.voting import voted_logits
from models.statistics import latency_fact, wilson

RUNS, WARM, PLAIN_PHOTOS = 60, 5, 50
MOST_THREADS = 4
"""What a device gives to one model at the most; more are timed only where all cores are."""


def judge_litert(
    piece: Piece,
    reference: Sequence[Teacher],
    bench: Bench,
    tools: toolings.Tools = toolings.environment,
) -> Judged:
    """Everything a card says of `piece`, beside `reference` where there is one.

    Raises:
        ModelError: a dataset cannot be read, or the runtime refuses the file.
    """
    asker = Asker(piece.litert, bench, tools)
    own, other = qualities(asker.logits, reference, bench)
    times = [_time(asker, count) for count in thread_counts(os.cpu_count() or 1)]
    return Judged(
        name=bench.recipe.variant,
        form="litert",
        size_bytes=piece.litert.stat().st_size,
        quality=tuple(own),
        latency=tuple(fact for fact, _ in times),
        measured=_beside(asker, bench, times[0][1]),
        reference=reference_of(reference, other, bench),
    )


def thread_counts(cores: int) -> tuple[int, ...]:
    """The numbers of threads that are timed: one to four, as far as cores go, and all."""
    return tuple(sorted({*range(1, min(MOST_THREADS, cores) + 1), cores}))


def _time(asker: Asker, threads: int) -> tuple[LatencyFact, int | None]:
    told = asker.timed(Way(threads=threads), RUNS + WARM)
    return latency_fact(told["times_ms"][WARM:], 1, threads), told["grown_bytes"]


def _beside(asker: Asker, bench: Bench, grown: int | None) -> MeasuredFact | None:
    """What only the first dataset is asked for; plain kernels are the exact ones."""
    if not bench.data.evaluation:
        return None
    name = bench.data.evaluation[0]
    labels, scores = bench.materials.dataset(name).labels, asker.logits(name)
    plain = asker.logits(name, Way(kernels="reference"), PLAIN_PHOTOS)
    some = slice(len(plain))
    served = judge(scores[some], labels[some]).predicted
    same = int((judge(plain, labels[some]).predicted == served).sum())
    return MeasuredFact(
        peak_memory_bytes=grown,
        calibration_error=calibration_error(scores, labels),
        exact_agreement=wilson(same, len(plain)),
    )


def qualities(
    logits: Callable[[str], Floats], reference: Sequence[Teacher], bench: Bench
) -> tuple[list[QualityFact], list[QualityFact]]:
    """How right the answers of `logits` are on each dataset, and how right the reference."""
    own, other = [], []
    for name in bench.data.evaluation:
        dataset = bench.materials.dataset(name)
        voted = voted_logits(reference, name, bench)
        own.append(quality(dataset, logits(name), voted))
        if voted is not None:
            other.append(quality(dataset, voted))
    return own, other


def reference_of(
    teachers: Sequence[Teacher], facts: Sequence[QualityFact], bench: Bench
) -> Judged | None:
    """What it is held against; the times of an ensemble's members add up."""
    if not teachers:
        return None
    times = [
        measure_together([one.piece.onnx], one.spec, bench.progress)[0]
        for one in teachers
    ]
    return Judged(
        name=" + ".join(teacher.spec.id for teacher in teachers),
        form="onnx",
        size_bytes=sum(one.piece.onnx.stat().st_size for one in teachers),
        quality=tuple(facts),
        latency=tuple(_summed(column) for column in zip(*times, strict=True)),
    )


def _summed(column: Sequence[LatencyFact]) -> LatencyFact:
    return column[0].model_copy(
        update={
            "p50_ms": round(sum(fact.p50_ms for fact in column), 3),
            "p99_ms": round(sum(fact.p99_ms for fact in column), 3),
        }
    )
