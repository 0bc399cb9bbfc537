"""The fitted weights of a pipeline's ensemble: found on photos, measured, stored."""

from collections.abc import Sequence
from datetime import datetime, timezone

import numpy as np
from numpy.typing import NDArray

from configs.model import ImageSpec
from configs.pipeline import PipelineSpec
from models.card import Card, EnsembleCard
from models.choice import member_card
from models.ensembles import PRIOR_PHOTOS, fit_weights, log_loss, soft_vote, softmax
from models.errors import BuildFailed, StoreCorrupt, VariantNotFound
from models.evaluate import quality
from models.keys import RECIPE, hash_of
from models.runtime import Runner, logits_of_crops
from models.workshop import Built, Workshop

Floats = NDArray[np.float32]


def is_fitted(pipeline: PipelineSpec) -> bool:
    """Whether the pipeline's weights are to be found here."""
    return pipeline.ensemble.weights == "fitted"


def build_ensemble(workshop: Workshop, pipeline: PipelineSpec) -> Built:
    """Bring the fitted weights of `pipeline` up to date; its members must be stored.

    Raises:
        ModelError: a member is not in the store, or takes no photos.
    """
    members = member_cards(workshop, pipeline)
    key = _key(workshop, pipeline, members)
    try:
        card = workshop.store.ensemble(pipeline.id)
    except (VariantNotFound, StoreCorrupt):
        card = None
    if card is not None and card.build_key == key:
        return Built(card, fresh=False)
    made = _fit(workshop, pipeline, members, key)
    workshop.store.save_ensemble(made)
    return Built(made, fresh=True)


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
    specs = workshop.catalogue.models
    return [
        member_card(workshop.store, specs[member.model], member)
        for member in pipeline.ensemble.members
    ]


def _fit(
    workshop: Workshop, pipeline: PipelineSpec, members: Sequence[Card], key: str
) -> EnsembleCard:
    name = _fit_on(pipeline)
    dataset = workshop.materials.dataset(name)
    logits = [_logits(workshop, pipeline, card, name) for card in members]
    rows = np.arange(len(dataset.photos))
    likelihoods = np.stack(
        [softmax(own.astype(np.float64))[rows, dataset.labels] for own in logits]
    )
    found = fit_weights(likelihoods)
    weights = tuple(float(weight) for weight in found)
    equal = np.full(len(members), 1 / len(members))
    return EnsembleCard(
        pipeline=pipeline.id,
        build_key=key,
        created=datetime.now(tz=timezone.utc).isoformat(timespec="seconds"),
        members=tuple(card.model for card in members),
        member_files=tuple(card.model_file.sha256 for card in members),
        weights=weights,
        fitted_on=name,
        n=len(dataset.photos),
        log_loss_uniform=log_loss(likelihoods, equal),
        log_loss=log_loss(likelihoods, found),
        quality=(quality(dataset, soft_vote(logits, weights)),),
    )


def _logits(
    workshop: Workshop, pipeline: PipelineSpec, card: Card, dataset: str
) -> Floats:
    if card.image is None:
        reason = f"{card.model} takes no photos: give weights in the pipeline's spec"
        raise BuildFailed(pipeline.id, "fitting", reason)
    image: ImageSpec = card.image
    progress = workshop.progress_of(pipeline.id)
    crops = workshop.materials.crops(dataset, image, progress)
    runner = Runner(workshop.store.file(card.model_file))
    return logits_of_crops(runner, crops, image, progress)


def _key(workshop: Workshop, pipeline: PipelineSpec, members: Sequence[Card]) -> str:
    return hash_of(
        {
            "recipe": RECIPE,
            "members": [(card.model, card.model_file.sha256) for card in members],
            "dataset": workshop.materials.sha256(_fit_on(pipeline)),
            "prior_photos": PRIOR_PHOTOS,
        }
    )


def _fit_on(pipeline: PipelineSpec) -> str:
    if pipeline.ensemble.fit_on is None:  # the Spec has checked it
        raise BuildFailed(pipeline.id, "fitting", "fit_on names no dataset")
    return pipeline.ensemble.fit_on
