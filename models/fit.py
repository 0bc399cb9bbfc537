"""What is fitted for a pipeline's ensemble: brought up to date, made from photos, stored.

Finding the numbers is in `models.cascade_fit` and its neighbours; here is what they are
found on, and when they are found again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.catalogue import Catalogue
from configs.model import ModelSpec
from configs.pipeline import CascadeSpec, MemberSpec, PipelineSpec
from models.card import Card, EnsembleCard
from models.choice import member_card
from models.costs import costs_ms
from models.datasets import Dataset, crops, open_folder
from models.ensembles import PRIOR_PHOTOS
from models.errors import (
    BuildFailed,
    NotInCatalogue,
    SourceUnreachable,
    StoreCorrupt,
    VariantNotFound,
)
from models.fitted import Fitting, fit_all
from models.keys import RECIPE, hash_of
from models.runtime import Runner, logits_of_crops
from models.workshop import Built, Workshop

Floats = NDArray[np.float32]

FIT = 2
"""Raised whenever the same photos would be made into other numbers."""


@dataclass(frozen=True, slots=True)
class Photos:
    """What to fit on; `crops` [n, s, s, 3] come from the workshop when it has them.

    `by_command`: somebody chose them. `folder`: where they lie, if they are no dataset of
    the catalogue.
    """

    dataset: Dataset
    by_command: bool = False
    folder: Path | None = None


def is_fitted(pipeline: PipelineSpec) -> bool:
    """Whether anything of the pipeline's ensemble is to be found here."""
    return bool(pipeline.ensemble.fits)


def build_ensemble(workshop: Workshop, pipeline: PipelineSpec) -> Built:
    """Bring what is fitted for `pipeline` up to date; its members must be stored.

    What was fitted on photos of somebody's choice stays as long as the members do; when
    they change, it is fitted again on the same photos, wherever these lay.

    Raises:
        ModelError: a member is not in the store, or takes no photos; or the photos that
            somebody chose are gone.
    """
    members = member_cards(workshop, pipeline)
    name, card = _fit_on(pipeline), _stored(workshop, pipeline, members)
    if card is not None:
        chosen = card.dataset_sha256 if card.by_command else None
        sha256 = chosen or workshop.materials.sha256(name)
        if card.build_key == _key(pipeline, members, sha256):
            return Built(card, fresh=False)
    if card is None or not card.by_command:
        photos = Photos(workshop.materials.dataset(name))
    else:
        photos = _chosen(workshop, pipeline, card)
    return Built(fit(workshop, pipeline, photos), fresh=True)


def fit(
    workshop: Workshop,
    pipeline: PipelineSpec,
    photos: Photos,
    versions: Mapping[str, int] | None = None,
) -> EnsembleCard:
    """Fit everything on `photos` and store it; what an earlier fit found is replaced.

    Args:
        workshop: has the members.
        pipeline: whose ensemble.
        photos: labelled.
        versions: of members, where they are not those that are served now; what is found
            is kept beside what was, and served once those versions are.

    Raises:
        ModelError: a member is not in the store, or takes no photos.
    """
    members, dataset = member_cards(workshop, pipeline, versions), photos.dataset
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
        member_files=_files(members),
        member_versions=tuple(card.version for card in members),
        fitted_on=dataset.name,
        dataset_sha256=dataset.sha256,
        by_command=photos.by_command,
        folder=None if photos.folder is None else str(photos.folder.resolve()),
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
    beside = bool(versions) and _served(workshop, pipeline) != card.member_files
    workshop.store.save_ensemble(card, beside)
    return card


def has_members(workshop: Workshop, pipeline: PipelineSpec) -> bool:
    """Whether every member of the pipeline is in the store."""
    try:
        return bool(member_cards(workshop, pipeline))
    except VariantNotFound:
        return False


def member_cards(
    workshop: Workshop,
    pipeline: PipelineSpec,
    versions: Mapping[str, int] | None = None,
) -> list[Card]:
    """The stored cards of the pipeline's members, in the order of its spec.

    `versions`: by model, of members that name none, in place of the one served now.

    Raises:
        VariantNotFound: a member was never built.
        NotInCatalogue: `versions` names what no member could be.
        NothingClears: a member is to be chosen and none is good enough.
    """
    wanted, members = versions or {}, pipeline.ensemble.members
    free = {member.model for member in members if member.version is None}
    for model, version in wanted.items():
        if model not in free or version not in workshop.catalogue.versions(model):
            could = [f"{m}@{v}" for m in sorted(free) for v in _numbers(workshop, m)]
            raise NotInCatalogue(f"{model}@{version}", tuple(could))
    return [
        member_card(
            workshop.store, member_spec(workshop.catalogue, member, wanted), member
        )
        for member in members
    ]


def member_spec(
    catalogue: Catalogue,
    member: MemberSpec,
    versions: Mapping[str, int] | None = None,
) -> ModelSpec:
    """The model of a member in the version that is asked; `versions` as above."""
    newest = catalogue.models[member.model]
    served = newest.aliases.get("stable", newest.version)
    version = member.version or (versions or {}).get(member.model, served)
    return catalogue.versions(member.model)[version]


def _numbers(workshop: Workshop, model: str) -> list[int]:
    return [*workshop.catalogue.versions(model)]


def _files(members: Sequence[Card]) -> tuple[str, ...]:
    return tuple(card.model_file.sha256 for card in members)


def _served(workshop: Workshop, pipeline: PipelineSpec) -> tuple[str, ...]:
    """The files of the members that are served now; nothing while one was not built."""
    try:
        return _files(member_cards(workshop, pipeline))
    except VariantNotFound:
        return ()


def _stored(
    workshop: Workshop, pipeline: PipelineSpec, members: Sequence[Card]
) -> EnsembleCard | None:
    try:
        return workshop.store.ensemble(pipeline.id, _files(members))
    except (VariantNotFound, StoreCorrupt):
        return None


def _chosen(workshop: Workshop, pipeline: PipelineSpec, card: EnsembleCard) -> Photos:
    """The photos that an earlier command chose.

    Raises:
        BuildFailed: they are gone.
    """
    name = card.fitted_on
    if card.folder is None and name in workshop.catalogue.datasets:
        return Photos(workshop.materials.dataset(name), by_command=True)
    try:
        folder = Path(card.folder or name)
        return Photos(open_folder(folder), by_command=True, folder=folder)
    except SourceUnreachable as error:
        reason = (
            f"its members have changed, and {name}, which `headwater models fit --on` "
            "chose, cannot be read; run `headwater models fit` with the photos to use"
        )
        raise BuildFailed(pipeline.id, "fitting", reason) from error


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
