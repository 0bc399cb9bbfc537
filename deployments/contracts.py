"""What clients of a model or a pipeline are held to, from Specs and cards."""

from collections.abc import Sequence
from pathlib import Path

from configs.model import ModelSpec
from configs.pipeline import ImagePreprocessSpec, PipelineSpec, TopKPostprocessSpec
from deployments.blueprint import Blueprint, labels_of
from deployments.editions import Edition
from deployments.messages import Contract, TensorContract


def model_contract(blueprint: Blueprint, model: str) -> Contract:
    """Of the default version of a model."""
    return edition_contract(blueprint.store, blueprint.wishes[model].default)


def edition_contract(store: Path, edition: Edition) -> Contract:
    """Of one version of a model, served by its own name."""
    spec, card = edition.spec, edition.card
    return Contract(
        name=spec.id,
        version=str(spec.version),
        platform="onnxruntime_onnx",
        inputs=tuple(_with_rows(t.name, t.datatype, t.shape) for t in card.inputs),
        outputs=tuple(_with_rows(t.name, t.datatype, t.shape) for t in card.outputs),
        max_batch_size=spec.batching.max_batch_size,
        title=spec.title,
        preferred_batch_size=spec.batching.full_batch_size,
        batch_wait_timeout_s=spec.batching.batch_wait_timeout_s,
        max_queue_size=spec.batching.max_queue_size,
        batching=spec.batching,
        labels=labels_of(store, card) if card.labels_file else (),
        alternatives=_what_becomes(card.inputs[0].name, spec),
        properties={"variant": card.variant, "sha256": card.model_file.sha256},
    )


def _what_becomes(name: str, spec: ModelSpec) -> tuple[TensorContract, ...]:
    """The forms of which a replica makes the float input: pictures, and recordings."""
    if spec.front_end is None:
        return ()
    pictures = _with_rows(name, "UINT8", spec.front_end.shape)
    if spec.audio is None:
        return (pictures,)
    return pictures, _with_rows(name, "INT16", (spec.audio.samples,))


def pipeline_contract(blueprint: Blueprint, pipeline: str) -> Contract:
    """What clients of a pipeline are held to."""
    spec = blueprint.pipelines[pipeline]
    inputs = tuple(_with_rows(t.name, t.datatype, t.shape) for t in spec.inputs)
    alternatives: tuple[TensorContract, ...] = ()
    if isinstance(spec.preprocess, ImagePreprocessSpec):
        alternatives = (_with_rows(inputs[0].name, "UINT8", (-1, -1, 3)),)
    return Contract(
        name=pipeline,
        version=str(spec.version),
        platform="ensemble",
        inputs=inputs,
        outputs=_pipeline_outputs(blueprint, spec),
        max_batch_size=spec.max_rows,
        title=spec.title,
        alternatives=alternatives,
        members=tuple(member.model for member in spec.ensemble.members),
    )


def _pipeline_outputs(
    blueprint: Blueprint, spec: PipelineSpec
) -> tuple[TensorContract, ...]:
    if isinstance(spec.postprocess, TopKPostprocessSpec):
        # -1: a request may ask for another k.
        return (
            _with_rows("label", "BYTES", (-1,)),
            _with_rows("class_index", "INT64", (-1,)),
            _with_rows("probability", "FP32", (-1,)),
        )
    first = blueprint.cards[spec.ensemble.members[0].seat]
    return (_with_rows("probability", "FP32", first.outputs[0].shape),)


def _with_rows(name: str, datatype: str, shape: Sequence[int]) -> TensorContract:
    return TensorContract(name, datatype, (-1, *shape))
