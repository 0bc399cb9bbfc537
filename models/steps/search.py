"""Step `search-int8`: the smallest INT8 model that clears the bar.

Every calibration method is tried on the whole model first. If none clears the bar, the
most sensitive layers of the best stay in float: one, two, four, … until it is cleared,
then as few as will do. What is chosen never loses more than the best uniform model on the
photos it was judged on; when nothing clears the bar, it is the best that was found.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from configs.model import CalibrationSpec
from configs.steps import SearchInt8Step
from models.card import QualityFact
from models.evaluate import quality, snr_db
from models.quantize import Calibrated, Calibration, Int8Form, calibrate
from models.recipes.bar import findings, refused
from models.recipes.bench import Bench
from models.recipes.judged import Judged
from models.recipes.pieces import Piece
from models.steps import onnx_static
from models.steps.onnx_graph import changed, load_sound
from models.steps.sensitivity import Photos, Sensitivity, sensitivities

SAME_SIZE = 1.01
"""Sizes this close count as one: quality then decides."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate and how it did, `quality` on each dataset it was judged on."""

    method: str
    kept: tuple[str, ...]
    piece: Piece
    size_bytes: int
    quality: tuple[QualityFact, ...]
    snr_db: float | None
    clears: bool

    @property
    def drop_points(self) -> float:
        """Top-1 points lost, where it is worst."""
        return max(one.drop_points.value for one in self.quality if one.drop_points)

    @property
    def agreement(self) -> float:
        """The share of unchanged answers, where it is worst."""
        return min(one.agreement.value for one in self.quality if one.agreement)

    def fact(self) -> Mapping[str, object]:
        """For a report."""
        return {
            "method": self.method,
            "keep_float": list(self.kept),
            "size_bytes": self.size_bytes,
            "drop_points": round(self.drop_points, 3),
            "agreement": round(self.agreement, 5),
            "snr_db": self.snr_db,
            "clears": self.clears,
        }


def run(
    step: SearchInt8Step, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Write the chosen model; the facts tell of every candidate.

    Raises:
        BuildFailed: the source is not sound, or the photos do not fit it.
        ModelError: the photos cannot be had.
    """
    fp32 = load_sound(step.step, source, bench).file
    search = _Search(step, Piece(fp32.parent, source.key if source else ""), bench)
    uniform = [search.attempt(method, ()) for method in dict.fromkeys(step.candidates)]
    best = chosen(uniform)
    layers = search.layers(best.method)
    if not best.clears:
        ranked = [one.unit.nodes for one in layers]
        most = min(step.max_float_layers, len(ranked))
        for count in counts(most, lambda: search.trials[-1].clears):
            if search.is_late:
                break
            kept = tuple(name for nodes in ranked[:count] for name in nodes)
            search.attempt(best.method, kept)
    winner = chosen(search.trials)
    shutil.copyfile(winner.piece.onnx, Piece(target).onnx)
    return {
        **changed(fp32, Piece(target).onnx, bench.seed),
        **onnx_static.described(search.photos(winner.method), bench),
        "judged_on": list(search.judged_on),
        "chosen": winner.fact(),
        "candidates": [trial.fact() for trial in search.trials],
        "sensitivity": [layer.fact() for layer in layers],
        "left_float": onnx_static.unknown(search.found(winner.method).file),
        "cut_short": search.is_late,
    }


def chosen(trials: Sequence[Trial]) -> Trial:
    """The smallest that clears the bar and loses no more than the best uniform one.

    Of equal size: what loses least, then what agrees most. Without any that clears: what
    loses least of all.
    """
    uniform = min((one.drop_points for one in trials if not one.kept), default=None)
    good = [
        one
        for one in trials
        if one.clears and (uniform is None or one.drop_points <= uniform)
    ]
    if not good:
        return min(trials, key=lambda one: (one.drop_points, -one.agreement))
    smallest = min(one.size_bytes for one in good)
    near = [one for one in good if one.size_bytes <= SAME_SIZE * smallest]
    return min(near, key=lambda one: (one.drop_points, -one.agreement))


def counts(most: int, cleared: Callable[[], bool]) -> Iterator[int]:
    """How many layers to leave in float next: doubling until `cleared`, then halving."""
    low, high = 0, 0
    while low < most and not high:
        count = min(max(1, 2 * low), most)
        yield count
        low, high = (low, count) if cleared() else (count, 0)
    while high - low > 1:
        count = (low + high) // 2
        yield count
        low, high = (low, count) if cleared() else (count, high)


@dataclass(slots=True)
class _Search:
    """What was calibrated and tried so far."""

    step: SearchInt8Step
    source: Piece
    bench: Bench
    trials: list[Trial] = field(default_factory=list)
    _found: dict[str, tuple[Calibrated, Calibration]] = field(default_factory=dict)
    _started_s: float = field(default_factory=time.monotonic)

    @property
    def is_late(self) -> bool:
        budget_s = self.step.budget_s
        return budget_s is not None and time.monotonic() - self._started_s > budget_s

    @property
    def judged_on(self) -> tuple[str, ...]:
        """Photos that were set aside for it, or else those of the bar."""
        data = self.bench.data
        if data.validation is not None:
            return (data.validation,)
        return data.evaluation or (onnx_static.dataset_of(self.step, self.bench),)

    def how(self, method: str) -> CalibrationSpec:
        dataset = onnx_static.dataset_of(self.step, self.bench)
        said = {
            "dataset": dataset,
            "method": method,
            "percentile": self.step.percentile,
        }
        return CalibrationSpec.model_validate(said)

    def found(self, method: str) -> Calibrated:
        return self._calibrated(method)[0]

    def photos(self, method: str) -> Calibration:
        return self._calibrated(method)[1]

    def layers(self, method: str) -> Sequence[Sensitivity]:
        """How much each layer suffers, the worst first."""
        found, given = self._calibrated(method)
        photos = Photos(given.crops, given.image)
        some = photos.some(self.step.max_photos, self.bench.seed)
        scratch, progress = self.bench.scratch, self.bench.progress
        return sensitivities(found, self._form(given), some, scratch, progress)

    def attempt(self, method: str, kept: tuple[str, ...]) -> Trial:
        """Write and judge one candidate."""
        found, given = self._calibrated(method)
        folder = self.bench.scratch / f"candidate-{len(self.trials)}"
        folder.mkdir()
        form = replace(self._form(given), keep_float=kept)
        file = onnx_static.write(self.step.step, found, form, folder, self.bench)
        self.trials.append(self._judged(Piece(folder), method, kept))
        self.bench.progress(f"candidate {file.parent.name}", 1, 1)
        return self.trials[-1]

    def _judged(self, piece: Piece, method: str, kept: tuple[str, ...]) -> Trial:
        bench, noise = self.bench, []
        own, reference = [], []
        for name in self.judged_on:
            dataset = bench.materials.dataset(name)
            wanted, got = (
                bench.logits_of(self.source, name),
                bench.logits_of(piece, name),
            )
            own.append(quality(dataset, got, wanted))
            reference.append(quality(dataset, wanted))
            noise.append(snr_db(wanted, got))
        size = piece.onnx.stat().st_size
        said = Judged(
            name="fp32", form="onnx", size_bytes=self.source.onnx.stat().st_size
        )
        fp32 = said.model_copy(update={"quality": tuple(reference)})
        judged = Judged(
            name=method,
            form="onnx",
            size_bytes=size,
            quality=tuple(own),
            reference=fp32,
        )
        # Time is not measured here, and may not refuse a candidate.
        untimed = {"max_latency_ms": None, "max_latency_share": None}
        bar = bench.bar.model_copy(update=untimed)
        clears = not refused(bar, findings(bar, judged))
        heard = [one for one in noise if one is not None]
        worst = min(heard, default=None)
        return Trial(method, kept, piece, size, tuple(own), worst, clears)

    def _form(self, given: Calibration) -> Int8Form:
        return Int8Form(given.reduce_range, bias_correction=self.step.bias_correction)

    def _calibrated(self, method: str) -> tuple[Calibrated, Calibration]:
        if method not in self._found:
            folder = self.bench.scratch / method
            folder.mkdir()
            given = onnx_static.calibration(self.step, self.how(method), self.bench)
            found = calibrate(
                self.bench.recipe.id,
                self.source.onnx,
                folder,
                given,
                self.bench.progress,
            )
            self._found[method] = found, given
        return self._found[method]
