"""The measured facts of a variant: how right, how fast."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.model import ImageSpec, ModelSpec
from models.card import LatencyFact, MeasuredFact, QualityFact
from models.errors import BuildFailed
from models.evaluate import calibration_error, judge, quality
from models.imaging import Pixels
from models.memory import peak_memory_bytes
from models.progress import Progress, silent
from models.runtime import Runner, latencies, latency, logits_of_crops
from models.statistics import wilson
from models.workshop import Workshop

Floats = NDArray[np.float32]

LATENCY_BATCHES = (1, 8, 32)
EXACT_PHOTOS = 200
"""Exact runs are ten times slower than what serves; these tell 1% apart from 5%."""


def measure_quality(
    workshop: Workshop, spec: ModelSpec, model: Path, fp32: Path | None = None
) -> tuple[QualityFact, ...]:
    """Judge `model` on each evaluation dataset of `spec`, against `fp32` if given.

    Raises:
        BuildFailed: the spec names photos but not how they become an input.
        ModelError: a dataset cannot be had.
    """
    facts = []
    for name in spec.evaluation:
        if spec.image is None:
            raise BuildFailed(spec.id, "evaluation", "photos need an image block")
        scores = _logits(workshop, spec, name, model)
        reference = None if fp32 is None else _logits(workshop, spec, name, fp32)
        facts.append(quality(workshop.materials.dataset(name), scores, reference))
    return tuple(facts)


def measure_latency(
    workshop: Workshop, spec: ModelSpec, model: Path
) -> tuple[LatencyFact, ...]:
    """Time `model` alone at each batch size; nothing for inputs of varying shape."""
    (first, *others) = spec.inputs
    if others or first.datatype != "FP32" or -1 in first.shape:
        return ()
    progress, facts = workshop.progress_of(spec.id), []
    for done, batch in enumerate(LATENCY_BATCHES):
        progress("time", done, len(LATENCY_BATCHES))
        draw = np.random.default_rng(0)
        rows = draw.normal(size=(batch, *first.shape)).astype(np.float32)
        facts.append(latency(model, rows))
    progress("time", len(LATENCY_BATCHES), len(LATENCY_BATCHES))
    return tuple(facts)


def measure_together(
    models: Sequence[Path], spec: ModelSpec, progress: Progress = silent
) -> list[tuple[LatencyFact, ...]]:
    """Time `models` in turns at each batch size, on one thread and on every core.

    All take what `spec` says; for inputs of varying shape nothing is measured.
    """
    (first, *others) = spec.inputs
    if others or first.datatype != "FP32" or -1 in first.shape:
        return [() for _ in models]
    columns: list[list[LatencyFact]] = []
    threads = sorted({1, os.cpu_count() or 1})
    plan = [(count, batch) for count in threads for batch in LATENCY_BATCHES]
    for done, (count, batch) in enumerate(plan):
        progress("time", done, len(plan))
        draw = np.random.default_rng(0)
        rows = draw.normal(size=(batch, *first.shape)).astype(np.float32)
        columns.append(latencies(models, rows, count))
    progress("time", len(plan), len(plan))
    return [tuple(column) for column in zip(*columns, strict=True)]


def measure_beside(
    model: Path,
    spec: ModelSpec,
    photos: tuple[Pixels, NDArray[np.int64]],
    scores: Floats,
    progress: Progress = silent,
) -> MeasuredFact:
    """Calibration error, peak memory, and agreement with an exact run of `model`.

    Args:
        model: one FP32 input.
        spec: what it takes.
        photos: crops [n, h, w, c] and their labels [n].
        scores: what `model` said to them, as it serves.
        progress: told of the exact run, which is slow.
    """
    crops, labels = photos
    image, some = spec.front_end or ImageSpec(size_px=1), slice(EXACT_PHOTOS)
    exact = logits_of_crops(Runner(model, exact=True), crops[some], image, progress)
    served = judge(scores[some], labels[some]).predicted
    same = int((judge(exact, labels[some]).predicted == served).sum())
    shape = (LATENCY_BATCHES[-1], *spec.inputs[0].shape)
    return MeasuredFact(
        peak_memory_bytes=peak_memory_bytes(model, shape),
        calibration_error=calibration_error(scores, labels),
        exact_agreement=wilson(same, len(exact)),
    )


def _logits(workshop: Workshop, spec: ModelSpec, dataset: str, model: Path) -> Floats:
    image = spec.image or ImageSpec(size_px=1)
    progress = workshop.progress_of(spec.id)
    crops = workshop.materials.crops(dataset, image, progress)
    return logits_of_crops(Runner(model), crops, image, progress)
