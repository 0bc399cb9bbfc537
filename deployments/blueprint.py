"""All that a replica needs to build its nodes; made once, when the app is built.

What changes after that, because an operator asked, is in `deployments.repository`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from configs.catalogue import Catalogue
from configs.errors import ConfigError
from configs.model import ModelSpec
from configs.pipeline import (
    ImagePreprocessSpec,
    Layout,
    MemberSpec,
    PipelineSpec,
)
from configs.pool import PoolSpec
from configs.replica import ReplicaSpec
from configs.spec import SpecType
from deployments.editions import (
    DEFAULT,
    Asked,
    Edition,
    Wish,
    draw_wish,
    edition,
    words_of,
)
from deployments.layout import Plan, plan_layout
from models.card import Card
from models.choice import member_card
from models.errors import StoreCorrupt
from models.store import Store
from models.weights import Terms, ensemble_terms


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Specs, cards, fitted weights, the plan and bounds; no model files and no Ray.

    `models` and `cards` are by seat, see `MemberSpec.seat`: a name stands for the default
    version. `wishes`: every served version by name. `pools`: by deployment. `catalogue`:
    where the Specs were read. `shadows`: by pipeline, in the order of its spec.
    """

    store: Path
    plan: Plan
    models: Mapping[str, ModelSpec]
    cards: Mapping[str, Card]
    pipelines: Mapping[str, PipelineSpec]
    terms: Mapping[str, Terms]
    replica: ReplicaSpec = field(default_factory=ReplicaSpec)
    wishes: Mapping[str, Wish] = field(default_factory=dict)
    pools: Mapping[str, PoolSpec] = field(default_factory=dict)
    catalogue: Path = Path()
    shadows: Mapping[str, tuple[Edition, ...]] = field(default_factory=dict)

    def served_cards(self) -> list[Card]:
        """The card of every version that is served, and of every shadow."""
        served = [one.card for wish in self.wishes.values() for one in wish.editions]
        return [*served, *(one.card for s in self.shadows.values() for one in s)]


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
    members = [m for p in chosen.values() for m in p.ensemble.members]
    wishes = {
        name: draw_model(catalogue, store, chosen, name)
        for name in dict.fromkeys([*(m.model for m in members), *models])
    }
    seats = {name: wish.default for name, wish in wishes.items()}
    seats |= {m.seat: _of_member(wishes[m.model], m) for m in members}
    for pipeline in chosen.values():
        _check_members(catalogue, pipeline, {s: e.spec for s, e in seats.items()})
    return Blueprint(
        store=store.root,
        plan=plan_layout(catalogue, list(chosen), list(wishes), layout),
        models={seat: edition.spec for seat, edition in seats.items()},
        cards={seat: edition.card for seat, edition in seats.items()},
        pipelines=chosen,
        terms={
            name: ensemble_terms(
                store, spec, [seats[m.seat].card for m in spec.ensemble.members]
            )
            for name, spec in chosen.items()
        },
        wishes=wishes,
        catalogue=catalogue.root,
        shadows={
            name: draw_shadows(catalogue, store, spec)
            for name, spec in chosen.items()
            if spec.shadow is not None
        },
    )


def draw_model(
    catalogue: Catalogue,
    store: Store,
    pipelines: Mapping[str, PipelineSpec],
    name: str,
) -> Wish:
    """What is served under the name of one model.

    Raises:
        ConfigError: the catalogue has no such model, or see `draw_wish`.
        VariantNotFound, NotServable, NothingClears: see `draw_wish`.
    """
    _known(catalogue, "models", catalogue.models, name)
    asked = [
        (pipeline.id, member)
        for pipeline in pipelines.values()
        for member in pipeline.ensemble.members
        if member.model == name
    ]
    return draw_wish(store, catalogue.versions(name), Asked(catalogue.root, asked))


def draw_shadows(
    catalogue: Catalogue, store: Store, pipeline: PipelineSpec
) -> tuple[Edition, ...]:
    """The variants that shadow a pipeline.

    Raises:
        ConfigError: one is not in the catalogue, or takes or answers other tensors than
            every member does.
        VariantNotFound, NotServable: see `models.choice.member_card`.
    """
    file = catalogue.root / "pipelines" / f"{pipeline.id}.yaml"
    members = [catalogue.models[m.model] for m in pipeline.ensemble.members]
    found = []
    for said in pipeline.shadow.members if pipeline.shadow is not None else ():
        newest = _known(catalogue, "models", catalogue.models, said.model)
        versions = catalogue.versions(said.model)
        version = said.version or words_of(newest, versions)[DEFAULT]
        if version not in versions:
            reason = f"{said.model} has no version {version}: {sorted(versions)}"
            raise ConfigError(file, "shadow.members", reason)
        spec = versions[version]
        likes = [(m.inputs, m.front_end, m.outputs[0].shape) for m in members]
        if (spec.inputs, spec.front_end, spec.outputs[0].shape) not in likes:
            reason = f"{said.model} must take and answer what one of the members does"
            raise ConfigError(file, "shadow.members", reason)
        wanted = MemberSpec(model=said.model, variant=said.variant)
        found.append(edition(spec, member_card(store, spec, wanted)))
    return tuple(found)


def _of_member(wish: Wish, member: MemberSpec) -> Edition:
    return wish.default if member.version is None else wish.version(member.version)


def read_labels(blueprint: Blueprint, seat: str) -> tuple[str, ...]:
    """The labels of a model's classes; their numbers when it comes without labels.

    Raises:
        StoreCorrupt: there are more or fewer labels than classes.
    """
    return labels_of(blueprint.store, blueprint.cards[seat])


def labels_of(store: Path, card: Card) -> tuple[str, ...]:
    """See `read_labels`."""
    classes = card.outputs[0].shape[-1]
    if card.labels_file is None:
        return tuple(str(index) for index in range(classes))
    file = Store(store).file(card.labels_file)
    labels = tuple(file.read_text(encoding="utf-8").splitlines())
    if len(labels) != classes:
        raise StoreCorrupt(
            card.model, f"has {len(labels)} labels for {classes} classes"
        )
    return labels


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
    members = [specs[member.seat] for member in pipeline.ensemble.members]
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
