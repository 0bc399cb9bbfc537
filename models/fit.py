"""What is fitted for a pipeline's ensemble: brought up to date, made from photos, stored.

Finding the numbers is in `models.cascade_fit` and its neighbours; here is what they are
found on, and when they are found again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np
from numpy.typing import NDArray

from configs.catalogue import Catalogue
from configs.model import ModelSpec
from configs.pipeline import CascadeSpec, MemberSpec, PipelineSpec
from models.card import Card, EnsembleCard
from models.choice import member_card
from models.costs import costs_ms
from models.datasets import Dataset, crops
from models.ensembles import PRIOR_PHOTOS
from models.errors import BuildFailed, StoreCorrupt, VariantNotFound
from models.fitted import Fitting, fit_all
from models.keys import RECIPE, hash_of
from models.runtime import Runner, logits_of_crops
from models.workshop import Built, Workshop

Floats = NDArray[np.float32]

FIT = 2
"""Raised whenever the same photos would be made into other numbers."""


@dataclass(frozen=True, slots=True)
class Photos:
    """What to fit on; `crops` [n, s, s, 3] come from the workshop when it has them."""

    dataset: Dataset
    by_command: bool = False


def is_fitted(pipeline: PipelineSpec) -> bool:
    """Whether anything of the pipeline's ensemble is to be found here."""
    return bool(pipeline.ensemble.fits)


def build_ensemble(workshop: Workshop, pipeline: PipelineSpec) -> Built:
    """Bring what is fitted for `pipeline` up to date; its members must be stored.

    What was fitted on photos of somebody's choice stays as long as the members do.

    Raises:
        ModelError: a member is not in the store, or takes no photos.
    """
    members = member_cards(workshop, pipeline)
    name = _fit_on(pipeline)
    try:
        card = workshop.store.ensemble(pipeline.id)
    except (VariantNotFound, StoreCorrupt):
        card = None
    if card is not None:
        chosen = card.dataset_sha256 if card.by_command else None
        sha256 = chosen or workshop.materials.sha256(name)
        if card.build_key == _key(pipeline, members, sha256):
            return Built(card, fresh=False)
    made = fit(workshop, pipeline, Photos(workshop.materials.dataset(name)))
    return Built(made, fresh=True)


def fit(workshop: Workshop, pipeline: PipelineSpec, photos: Photos) -> EnsembleCard:
    """Fit everything on `photos` and store it; what an earlier fit found is replaced.

    Raises:
        ModelError: a member is not in the store, or takes no photos.
    """
    members, dataset = member_cards(workshop, pipeline), photos.dataset
    costs, told = costs_ms(workshop.store, members)
    fitting = Fitting(
        pipeline,
        dataset,
        tuple(_logits(workshop, pipeline, card, dataset) for card in members),
        costs,
    )
    found = fit_all(fitting, workshop.progress_of(pipeline.id))
    card = EnsembleCard(
        version=2,
        pipeline=pipeline.id,
        build_key=_key(pipeline, members, dataset.sha256),
        created=datetime.now(tz=timezone.utc).isoformat(timespec="seconds"),
        members=tuple(card.model for card in members),
        member_files=tuple(card.model_file.sha256 for card in members),
        fitted_on=dataset.name,
        dataset_sha256=dataset.sha256,
        by_command=photos.by_command,
        n=len(dataset.photos),
        weights=found.weights,
        log_loss_uniform=found.log_loss_uniform,
        log_loss=found.log_loss,
        quality=(found.quality,),
        calibration=found.calibration,
        cascade=found.cascade,
        subsets=found.subsets,
        warnings=(*([told] if told else []), *found.warnings),
    )
    workshop.store.save_ensemble(card)
    return card


def has_members(workshop: Workshop, pipeline: PipelineSpec) -> bool:
    """Whether every member of the pipeline is in the store."""
    try:
        return bool(member_cards(workshop, pipeline))
    except VariantNotFound:
        return False


def member_cards(workshop: Workshop, pipeline: PipelineSpec) -> list[Card]:
    """The stored cards of the pipeline's members, in the order of its spec.

    Raises:
        VariantNotFound: a member was never built.
        NothingClears: a member is to be chosen and none is good enough.
    """
    return [
        member_card(workshop.store, _spec_of(workshop.catalogue, member), member)
        for member in pipeline.ensemble.members
    ]


def _spec_of(catalogue: Catalogue, member: MemberSpec) -> ModelSpec:
    newest = catalogue.models[member.model]
    version = member.version or newest.aliases.get("stable", newest.version)
    return catalogue.versions(member.model)[version]


def _logits(
    workshop: Workshop, pipeline: PipelineSpec, card: Card, dataset: Dataset
) -> Floats:
    if card.image is None:
        reason = f"{card.model} takes no photos: give weights in the pipeline's spec"
        raise BuildFailed(pipeline.id, "fitting", reason)
    progress = workshop.progress_of(pipeline.id)
    if dataset.name in workshop.catalogue.datasets:
        cropped = workshop.materials.crops(dataset.name, card.image, progress)
    else:
        cropped = crops(dataset, card.image, progress)
    runner = Runner(workshop.store.file(card.model_file))
    progress = workshop.progress_of(f"{pipeline.id}: {card.model}")
    return logits_of_crops(runner, cropped, card.image, progress)


def _key(pipeline: PipelineSpec, members: Sequence[Card], dataset_sha256: str) -> str:
    spec = pipeline.ensemble
    promise = None
    if isinstance(spec, CascadeSpec):
        promise = spec.model_dump(include={"confidence", "max_drop_points"})
        promise |= {"order": spec.order, "min_accuracy": spec.min_accuracy}
    return hash_of(
        {
            "recipe": [RECIPE, FIT],
            "members": [(card.model, card.model_file.sha256) for card in members],
            "fallbacks": [member.fallback for member in spec.members],
            "fits": [*spec.fits],
            "cascade": promise,
            "dataset": dataset_sha256,
            "prior_photos": PRIOR_PHOTOS,
        }
    )


def _fit_on(pipeline: PipelineSpec) -> str:
    if pipeline.ensemble.fit_on is None:  # the Spec has checked it
        raise BuildFailed(pipeline.id, "fitting", "fit_on names no dataset")
    return pipeline.ensemble.fit_on
