"""Every stored variant and ensemble, judged on one set of labelled photos."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.model import ImageSpec
from configs.pipeline import PipelineSpec
from models.calibration import tempered
from models.card import Card, Interval, QualityFact
from models.datasets import Dataset, crops
from models.ensembles import mean_vote
from models.errors import NothingClears
from models.evaluate import judge, quality
from models.fit import has_members, member_cards
from models.imaging import Pixels
from models.runtime import Runner, logits_of_crops
from models.statistics import drop_points, mcnemar, pair
from models.weights import ensemble_terms
from models.workshop import Workshop

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One variant: its card and how it does on these photos."""

    card: Card
    quality: QualityFact


@dataclass(frozen=True, slots=True)
class EnsembleRow:
    """One ensemble beside its best member: `gain_points` of top-1 on the same photos."""

    pipeline: str
    weights: tuple[float, ...]
    quality: QualityFact
    best_member: str
    gain_points: Interval
    p_value: float


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found on one dataset."""

    dataset: str
    sha256: str
    n: int
    variants: tuple[VariantRow, ...]
    ensembles: tuple[EnsembleRow, ...]


def survey(workshop: Workshop, dataset: Dataset) -> Survey:
    """Judge everything in the store that takes photos on `dataset`.

    Raises:
        ModelError: a photo cannot be read or a stored file is missing.
    """
    cards = [card for card in workshop.store.cards() if card.image is not None]
    scores = _all_logits(workshop, dataset, cards)
    return Survey(
        dataset.name,
        dataset.sha256,
        len(dataset.photos),
        tuple(_variant_row(dataset, card, cards, scores) for card in cards),
        tuple(
            _ensemble_row(workshop, dataset, pipeline, scores)
            for pipeline in workshop.catalogue.pipelines.values()
            if _is_votable(workshop, pipeline, scores)
        ),
    )


def _all_logits(
    workshop: Workshop, dataset: Dataset, cards: list[Card]
) -> Mapping[str, Floats]:
    """The logits of every card on the photos, by the digest of its file."""
    cropped: dict[ImageSpec, Pixels] = {}
    scores = {}
    for card in cards:
        image = card.image or ImageSpec(size_px=1)
        progress = workshop.progress_of(
            f"{card.model} {card.variant} on {dataset.name}"
        )
        if image not in cropped:
            cropped[image] = crops(dataset, image, progress)
        runner = Runner(workshop.store.file(card.model_file))
        found = logits_of_crops(runner, cropped[image], image, progress)
        scores[card.model_file.sha256] = found
    return scores


def _variant_row(
    dataset: Dataset, card: Card, cards: list[Card], scores: Mapping[str, Floats]
) -> VariantRow:
    """Hold `card` against the labels and, unless it is FP32, against its FP32."""
    references = [
        scores[other.model_file.sha256]
        for other in cards
        if (other.model, other.version) == (card.model, card.version)
        and other.variant == "fp32-onnx" != card.variant
    ]
    own = scores[card.model_file.sha256]
    return VariantRow(card, quality(dataset, own, *references))


def _is_votable(
    workshop: Workshop, pipeline: PipelineSpec, scores: Mapping[str, Floats]
) -> bool:
    try:
        if not has_members(workshop, pipeline):
            return False
    except NothingClears:
        return False
    members = member_cards(workshop, pipeline)
    return all(card.model_file.sha256 in scores for card in members)


def _ensemble_row(
    workshop: Workshop,
    dataset: Dataset,
    pipeline: PipelineSpec,
    scores: Mapping[str, Floats],
) -> EnsembleRow:
    members = member_cards(workshop, pipeline)
    terms = ensemble_terms(workshop.store, pipeline, members)
    own = [scores[card.model_file.sha256] for card in members]
    said = zip(own, terms.temperatures, strict=True)
    voted = mean_vote([tempered(logits, at) for logits, at in said], terms.weights)
    rights = [judge(logits, dataset.labels).right for logits in own]
    best = max(range(len(own)), key=lambda member: int(rights[member].sum()))
    paired = pair(judge(voted, dataset.labels).right, rights[best])
    return EnsembleRow(
        pipeline.id,
        terms.weights,
        quality(dataset, voted),
        members[best].model,
        drop_points(paired),
        mcnemar(paired),
    )
