"""Whether a stored variant is better run by another runtime than ONNX Runtime.

Measured here, decided here; the runtimes are handed in as they would serve, so nothing is
known of them.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from configs.model import ImageSpec
from models.card import Card, PreferenceFact, RuntimeQualityFact, RuntimeTimeFact
from models.datasets import Dataset
from models.evaluate import MIN_AGREEMENT, judge, quality, too_bad
from models.imaging import Pixels, normalise
from models.progress import Progress, silent
from models.statistics import wilson

Floats = NDArray[np.float32]
Tensors = Mapping[str, NDArray[Any]]

MARGIN = 0.05
"""So much less of the CPU a full batch must take, and so much more no batch may."""

BATCH = 32
WARM, TURNS = 3, 25


class Runs(Protocol):
    """A variant opened on some runtime."""

    def run(self, inputs: Tensors) -> Tensors:
        """One batch through the model."""
        ...


@dataclass(frozen=True, slots=True)
class Entrant:
    """A variant opened on one runtime; `takes_crops`: UINT8 [n, s, s, 3] as they are."""

    runs: Runs
    takes_crops: bool = False


@dataclass(frozen=True, slots=True)
class Contest:
    """One variant opened on ONNX Runtime and on the other runtime, one thread each.

    Both begin with crops, as a replica does: what makes floats of them is a part of it.
    """

    card: Card
    image: ImageSpec
    onnx: Entrant
    other: Entrant

    def ask(self, entrant: Entrant, crops: Pixels) -> Floats:
        """The logits of crops [n, s, s, 3], [n, classes]."""
        rows = crops if entrant.takes_crops else normalise(crops, self.image)
        answers = entrant.runs.run({self.card.inputs[0].name: rows})
        logits: Floats = answers[self.card.outputs[0].name]
        return logits


@dataclass(frozen=True, slots=True)
class Photos:
    """Labelled photos, cut as the variant wants them: `crops` [n, s, s, 3].

    `fp32`: the logits of the model's FP32 variant, [n, classes]; None: it is this one.
    """

    dataset: Dataset
    crops: Pixels
    fp32: Floats | None = None


def refusal(fact: PreferenceFact, max_drop_points: float) -> str:
    """Why a variant stays with ONNX Runtime; empty: nothing speaks for it."""
    if not fact.quality or not fact.times:
        return "it was not measured"
    for one in fact.quality:
        below = too_bad(one.quality, max_drop_points)
        if below is not None:
            return f"must have {below[0]}, got {below[1]}"
        if one.same.high < MIN_AGREEMENT:
            wanted = f"ONNX Runtime's answer on {MIN_AGREEMENT:.0%} of photos"
            return f"must have {wanted}, got {one.same.value:.1%}"
    return _slow(fact.times)


def judge_runtimes(
    contest: Contest, photos: Photos, progress: Progress = silent
) -> RuntimeQualityFact:
    """How right the variant is on the other runtime, and how often both say the same."""
    here = _logits(contest, contest.onnx, photos.crops, progress)
    there = _logits(contest, contest.other, photos.crops, progress)
    labels = photos.dataset.labels
    ours, theirs = judge(here, labels).predicted, judge(there, labels).predicted
    reference = here if photos.fp32 is None else photos.fp32
    return RuntimeQualityFact(
        quality=quality(photos.dataset, there, reference),
        same=wilson(int((ours == theirs).sum()), len(labels)),
    )


def time_runtimes(contest: Contest, rows: int, turns: int = TURNS) -> RuntimeTimeFact:
    """Time batches of `rows` in turns: what else the machine does falls on both alike."""
    side = contest.image.size_px
    draw = np.random.default_rng(0)
    crops = draw.integers(0, 256, (rows, side, side, 3), np.uint8)
    runtimes = (contest.onnx, contest.other)
    both: list[Sequence[tuple[float, float]]] = []
    for turn in range(WARM + turns):
        took = tuple(_timed(contest, one, crops) for one in runtimes)
        if turn >= WARM:
            both.append(took)
    return RuntimeTimeFact(
        batch_size=rows,
        onnx_ms=round(statistics.median(onnx[0] for onnx, _ in both), 3),
        ms=round(statistics.median(other[0] for _, other in both), 3),
        cpu_share=round(statistics.median(o[1] / a[1] for a, o in both), 4),
        turns=turns,
    )


def _slow(times: Sequence[RuntimeTimeFact]) -> str:
    for one in times:
        if one.cpu_share > 1 + MARGIN:
            more = one.cpu_share - 1
            return f"a batch of {one.batch_size} takes {more:.0%} more of the CPU"
    full = max(times, key=lambda one: one.batch_size)
    if full.cpu_share > 1 - MARGIN:
        less = max(0.0, 1 - full.cpu_share)
        told = f"a batch of {full.batch_size} takes {less:.1%} less of the CPU"
        return f"{told}, {MARGIN:.0%} are worth another runtime"
    return ""


def _timed(contest: Contest, entrant: Entrant, crops: Pixels) -> tuple[float, float]:
    """Milliseconds on the clock and of the CPU."""
    # First it pays for what the other one left in the caches.
    contest.ask(entrant, crops)
    began_ns, cpu_began_ns = time.perf_counter_ns(), time.process_time_ns()
    contest.ask(entrant, crops)
    spent_ns = time.process_time_ns() - cpu_began_ns
    return (time.perf_counter_ns() - began_ns) / 1e6, max(1, spent_ns) / 1e6


def _logits(
    contest: Contest, entrant: Entrant, crops: Pixels, progress: Progress
) -> Floats:
    answers = []
    for start in range(0, len(crops), BATCH):
        answers.append(contest.ask(entrant, crops[start : start + BATCH]))
        progress("evaluate", min(start + BATCH, len(crops)), len(crops))
    return np.concatenate(answers)
