"""Source → FP32 ONNX → INT8 → measured → stored, and nothing that is already there.

Every step lives in a module of its own; this one puts them in order.
"""

import tempfile
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path

from configs.model import Artefact, ModelSpec, VariantName
from models import keys, machine, quantize
from models.card import Card, FileFact, QualityFact, QuantizationFact
from models.collect import sweep
from models.errors import (
    BelowBar,
    BuildFailed,
)
from models.evaluate import too_bad
from models.fit import build_ensemble, has_members, is_fitted
from models.measure import measure_latency, measure_quality
from models.sources import fetch
from models.store import digest
from models.workshop import Built, Workshop


def build(workshop: Workshop, models: Collection[str] = ()) -> Iterator[Built]:
    """Bring `models` (none: all) and the ensembles they vote in up to date, one by one.

    Every version of a model that has weights is built, the oldest first. An ensemble
    whose other members were never built waits until they are.

    Raises:
        ModelError: one of the leaves of `models.errors`; what was built before stays.
    """
    sweep(workshop.store)
    wanted = models or _with_weights(workshop)
    for newest in [workshop.require(name) for name in wanted]:
        for spec in workshop.catalogue.versions(newest.id).values():
            if spec.weights is not None or spec == newest:
                yield from build_model(workshop.at(spec), spec)
    for pipeline in workshop.catalogue.pipelines.values():
        members = {member.model for member in pipeline.ensemble.members}
        touched = is_fitted(pipeline) and members & set(wanted)
        if touched and has_members(workshop, pipeline):
            yield build_ensemble(workshop, pipeline)


def _with_weights(workshop: Workshop) -> Collection[str]:
    models = workshop.catalogue.models.values()
    return [spec.id for spec in models if spec.weights is not None]


def build_model(workshop: Workshop, spec: ModelSpec) -> Iterator[Built]:
    """Bring the FP32 variant of `spec` and, where it has one, the INT8 up to date.

    Raises:
        ModelError: one of the leaves of `models.errors`.
    """
    fp32, fresh = build_fp32(workshop, spec)
    yield Built(fp32, fresh)
    if spec.calibration is not None:
        int8 = _reusable(workshop, spec, "int8-onnx")
        made = int8 or _make_int8(workshop, spec, fp32)
        yield Built(made, fresh=int8 is None)


def build_fp32(workshop: Workshop, spec: ModelSpec) -> tuple[Card, bool]:
    """Bring the FP32 variant of `spec` alone up to date, and say whether it was made now.

    Raises:
        ModelError: one of the leaves of `models.errors`.
    """
    found = _reusable(workshop, spec, "fp32-onnx")
    return found or _make_fp32(workshop, spec), found is None


def _reusable(workshop: Workshop, spec: ModelSpec, variant: VariantName) -> Card | None:
    """The card, here or in the remote store, of what was made from the same things."""
    return workshop.obtain(spec.id, variant, _key(workshop, spec, variant))


def _key(workshop: Workshop, spec: ModelSpec, variant: VariantName) -> str:
    inputs: dict[str, object] = {
        name: workshop.materials.sha256(name) for name in spec.evaluation
    }
    if spec.labels is not None:
        inputs["labels"] = digest(workshop.catalogue.root / spec.labels)
    if variant == "int8-onnx" and spec.calibration is not None:
        calibrated_on = spec.calibration.dataset
        inputs[calibrated_on] = workshop.materials.sha256(calibrated_on)
        inputs["reduce_range"] = machine.this_saturates()
    return keys.build_key(spec, variant, inputs)


def _source(spec: ModelSpec) -> Artefact:
    if spec.weights is None:
        reason = "it has no weights of its own; run `headwater optimize` on its recipe"
        raise BuildFailed(spec.id, "fetch", reason)
    return spec.weights


def _make_fp32(workshop: Workshop, spec: ModelSpec) -> Card:
    from models.convert import to_onnx

    progress = workshop.progress_of(spec.id)
    weights = fetch(_source(spec), workshop.cache, progress)
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "fp32.onnx"
        progress("export", 0, 1)
        to_onnx(spec, weights, model)
        progress("export", 1, 1)
        judged = measure_quality(workshop, spec, model)
        return _keep(workshop, _card(workshop, spec, "fp32-onnx", model, judged), model)


def _make_int8(workshop: Workshop, spec: ModelSpec, fp32: Card) -> Card:
    source = workshop.store.file(fp32.model_file)
    calibration = _calibration(workshop, spec)
    progress = workshop.progress_of(spec.id)
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "int8.onnx"
        quantize.to_int8(spec, source, model, calibration, progress)
        judged = measure_quality(workshop, spec, model, source)
        _hold_to_bar(spec, judged)
        card = _card(workshop, spec, "int8-onnx", model, judged)
        made = {"quantization": _quantization(workshop, calibration)}
        return _keep(workshop, card.model_copy(update=made), model)


def _hold_to_bar(spec: ModelSpec, judged: Iterable[QualityFact]) -> None:
    for fact in judged:
        below = too_bad(fact, spec.max_drop_points)
        if below is not None:
            raise BelowBar(spec.id, "int8-onnx", *below)


def _calibration(workshop: Workshop, spec: ModelSpec) -> quantize.Calibration:
    if spec.calibration is None or spec.image is None:
        raise BuildFailed(spec.id, "quantization", "photos need an image block")
    progress = workshop.progress_of(spec.id)
    return quantize.Calibration(
        spec.calibration,
        spec.image,
        workshop.materials.crops(spec.calibration.dataset, spec.image, progress),
        machine.this_saturates(),
    )


def _quantization(
    workshop: Workshop, calibration: quantize.Calibration
) -> QuantizationFact:
    dataset = calibration.spec.dataset
    return QuantizationFact(
        method=calibration.spec.method,
        dataset=dataset,
        dataset_sha256=workshop.materials.sha256(dataset),
        photos=len(calibration.crops),
        activations=quantize.ACTIVATIONS,
        weights=quantize.WEIGHTS,
        reduce_range=calibration.reduce_range,
    )


def _card(
    workshop: Workshop,
    spec: ModelSpec,
    variant: VariantName,
    model: Path,
    judged: tuple[QualityFact, ...],
) -> Card:
    return Card(
        model=spec.id,
        version=spec.version,
        variant=variant,
        title=spec.title,
        licence=spec.licence,
        build_key=_key(workshop, spec, variant),
        created=datetime.now(tz=timezone.utc).isoformat(timespec="seconds"),
        model_file=FileFact(sha256=digest(model), size_bytes=model.stat().st_size),
        inputs=spec.inputs,
        outputs=spec.outputs,
        image=spec.image,
        source_uri=_source(spec).uri,
        source_sha256=_source(spec).sha256,
        quality=judged,
        latency=measure_latency(workshop, spec, model),
        toolchain=keys.toolchain(spec),
        machine=machine.describe(),
    )


def _keep(workshop: Workshop, card: Card, model: Path) -> Card:
    """Store the files, then the card that makes them servable."""
    workshop.store.add_file(model)
    spec = workshop.catalogue.models[card.model]
    if spec.labels is not None:
        labels = workshop.store.add_file(workshop.catalogue.root / spec.labels)
        card = card.model_copy(update={"labels_file": labels})
    return workshop.publish(card)
