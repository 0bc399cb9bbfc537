"""All that a replica needs to build its nodes; made once, when the app is built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from configs.catalogue import Catalogue
from configs.errors import ConfigError
from configs.model import ModelSpec
from configs.pipeline import (
    ImagePreprocessSpec,
    Layout,
    PipelineSpec,
    TopKPostprocessSpec,
)
from configs.replica import ReplicaSpec
from configs.spec import SpecType
from deployments.layout import Plan, plan_layout
from deployments.messages import Contract, TensorContract
from models.card import Card
from models.choice import member_card
from models.errors import StoreCorrupt
from models.store import Store
from models.weights import member_weights


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Specs, cards, fitted weights, the plan and bounds; no model files and no Ray."""

    store: Path
    plan: Plan
    models: Mapping[str, ModelSpec]
    cards: Mapping[str, Card]
    pipelines: Mapping[str, PipelineSpec]
    weights: Mapping[str, tuple[float, ...]]
    replica: ReplicaSpec = field(default_factory=ReplicaSpec)


def draw(
    catalogue: Catalogue,
    store: Store,
    pipelines: Sequence[str] | None = None,
    models: Sequence[str] = (),
    layout: Layout | None = None,
) -> Blueprint:
    """Collect what serving `pipelines` (None: all) and further `models` takes.

    Raises:
        ConfigError: an id is not in the catalogue, or members do not fit together.
        VariantNotFound: something was not built yet, or from another spec.
        NothingClears: a member says `auto` and no variant is good enough.
    """
    chosen = {
        name: _known(catalogue, "pipelines", catalogue.pipelines, name)
        for name in (catalogue.pipelines if pipelines is None else pipelines)
    }
    wanted = [m.model for p in chosen.values() for m in p.ensemble.members]
    specs = {
        name: _known(catalogue, "models", catalogue.models, name)
        for name in dict.fromkeys([*wanted, *models])
    }
    for pipeline in chosen.values():
        _check_members(catalogue, pipeline, specs)
    cards = {
        name: _card(catalogue, store, spec, list(chosen.values()))
        for name, spec in specs.items()
    }
    return Blueprint(
        store=store.root,
        plan=plan_layout(catalogue, list(chosen), list(specs), layout),
        models=specs,
        cards=cards,
        pipelines=chosen,
        weights={
            name: member_weights(
                store, spec, [cards[member.model] for member in spec.ensemble.members]
            )
            for name, spec in chosen.items()
        },
    )


def read_labels(blueprint: Blueprint, model: str) -> tuple[str, ...]:
    """The labels of a model's classes; their numbers when it comes without labels.

    Raises:
        StoreCorrupt: there are more or fewer labels than classes.
    """
    card = blueprint.cards[model]
    classes = card.outputs[0].shape[-1]
    if card.labels_file is None:
        return tuple(str(index) for index in range(classes))
    file = Store(blueprint.store).file(card.labels_file)
    labels = tuple(file.read_text(encoding="utf-8").splitlines())
    if len(labels) != classes:
        raise StoreCorrupt(model, f"has {len(labels)} labels for {classes} classes")
    return labels


def model_contract(blueprint: Blueprint, model: str) -> Contract:
    """What clients of a model served by its own name are held to."""
    spec, card = blueprint.models[model], blueprint.cards[model]
    alternatives: tuple[TensorContract, ...] = ()
    if spec.image is not None:
        crop = (spec.image.size_px, spec.image.size_px, 3)
        alternatives = (_with_rows(card.inputs[0].name, "UINT8", crop),)
    return Contract(
        name=model,
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
        labels=read_labels(blueprint, model) if card.labels_file else (),
        alternatives=alternatives,
        properties={"variant": card.variant, "sha256": card.model_file.sha256},
    )


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
    first = blueprint.cards[spec.ensemble.members[0].model]
    return (_with_rows("probability", "FP32", first.outputs[0].shape),)


def _with_rows(name: str, datatype: str, shape: Sequence[int]) -> TensorContract:
    return TensorContract(name, datatype, (-1, *shape))


def _known(
    catalogue: Catalogue, kind: str, specs: Mapping[str, SpecType], name: str
) -> SpecType:
    if name not in specs:
        raise ConfigError(
            catalogue.root / kind, name, f"is not in the catalogue: {sorted(specs)}"
        )
    return specs[name]


def _check_members(
    catalogue: Catalogue, pipeline: PipelineSpec, specs: Mapping[str, ModelSpec]
) -> None:
    file = catalogue.root / "pipelines" / f"{pipeline.id}.yaml"
    members = [specs[member.model] for member in pipeline.ensemble.members]
    classes = {member.outputs[0].shape for member in members}
    if len(classes) != 1:
        raise ConfigError(
            file, "ensemble.members", f"must have one output shape, have {classes}"
        )
    for member in members:
        limit = min(member.batching.max_batch_size, member.batching.max_queue_size)
        if pipeline.max_rows > limit:
            raise ConfigError(
                file, "max_rows", f"{member.id} takes {limit} rows, got more"
            )
    is_image = isinstance(pipeline.preprocess, ImagePreprocessSpec)
    for member in members:
        if is_image and (member.image is None or len(member.inputs) != 1):
            raise ConfigError(
                file, "preprocess", f"{member.id} has no image block or several inputs"
            )
        if not is_image and member.inputs != pipeline.inputs:
            raise ConfigError(
                file, "inputs", f"must be those of {member.id}: {member.inputs}"
            )


def _card(
    catalogue: Catalogue, store: Store, spec: ModelSpec, pipelines: list[PipelineSpec]
) -> Card:
    """The card of the one variant that is served under a model's name."""
    asked = [
        (pipeline.id, member_card(store, spec, member))
        for pipeline in pipelines
        for member in pipeline.ensemble.members
        if member.model == spec.id
    ]
    if len({card.variant for _, card in asked}) > 1:
        told = ", ".join(f"{card.variant} by {name}" for name, card in asked)
        reason = f"{spec.id} is served in one variant, asked for are {told}"
        raise ConfigError(catalogue.root / "pipelines", "ensemble.members", reason)
    return asked[0][1] if asked else member_card(store, spec, None)
