"""Asks the variants that a file is held against; what was asked before is on the shelf."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge.evidence.agreement import (
    Distances,
    Other,
    agreement,
    compared,
    explained,
    unexplained,
)
from edge.evidence.asking import float_logits, logits_of
from edge.evidence.facts import ConfusionFact, Counts, Evidence
from edge.evidence.layers import layers, why_no_layers
from models.card import Card, Proportion
from models.evaluate import Classes, Floats
from models.litert.toolings import Tools
from models.recipes.inspected import Inspected
from models.recipes.pieces import ONNX, Piece
from models.recipes.voting import voted_logits
from models.store import Store

MOST_LABELS = 100
"""Classes for which a confusion matrix can still be read."""


@dataclass(frozen=True, slots=True)
class Found:
    """The evidence, and the distances behind its explanation, for a picture."""

    evidence: Evidence
    every: Distances
    differing: Distances


def gather(
    inspected: Inspected,
    served: tuple[Store, Card] | None,
    labels: Sequence[str],
    tools: Tools | None = None,
) -> Found | None:
    """Hold the last piece of a recipe against its reference and against what is served.

    Args:
        inspected: the pieces, on their bench.
        served: the stored ONNX variant that the cluster serves; None: there is none.
        labels: of the classes.
        tools: finds the environment that runs the file; None: the one of its form.

    Returns:
        None where the recipe names no photos.

    Raises:
        ModelError: a dataset cannot be had, or the runtime refuses the file.
    """
    bench, piece = inspected.bench, inspected.pieces[-1]
    if not bench.data.evaluation:
        return None
    name = bench.data.evaluation[0]
    truth = bench.materials.dataset(name).labels
    file = logits_of(piece, bench, tools)(name)
    others = list(_others(inspected, served, tools))
    is_readable = file.shape[1] == len(labels) <= MOST_LABELS
    evidence = Evidence(
        dataset=name,
        rows=len(truth),
        agreements=tuple(agreement(one, file, truth) for one in others),
        served=_served_share(others, truth) if served is not None else None,
        layers=layers(inspected),
        not_known=why_no_layers(piece),
        labels=tuple(labels) if is_readable else (),
        confusion=_confusion(others, file, truth) if is_readable else (),
    )
    said = {"explanation": explained(evidence), "unexplained": unexplained(evidence)}
    told = evidence.model_copy(update=said)
    return Found(told, *_distances(told, others, file))


def _served_share(others: Sequence[Other], truth: Classes) -> Proportion | None:
    """Agreement of the last, which is served, with the first, where that is its float."""
    if len(others) < 2 or not others[0].expected:
        return None
    return agreement(others[0], others[-1].scores, truth).agreement


def _distances(
    told: Evidence, others: Sequence[Other], file: Floats
) -> tuple[Distances, Distances]:
    """Of all rows and of those that differ, beside the first that must be explained."""
    for fact, other in zip(told.agreements, others, strict=True):
        if not fact.is_enough:
            apart = compared(other.scores, file)
            return apart.before, apart.before[apart.differs]
    return np.empty(0), np.empty(0)


def _others(
    inspected: Inspected, served: tuple[Store, Card] | None, tools: Tools | None
) -> Iterator[Other]:
    """What the bar is against, the file itself in float, and what the cluster serves."""
    bench = inspected.bench
    dataset, is_student = bench.data.evaluation[0], bench.bar.against is not None
    scores = voted_logits(inspected.reference, dataset, bench)
    if scores is not None:
        yield Other(inspected.reference_name, scores, expected=not is_student)
    own = float_logits(inspected, dataset, tools) if is_student else None
    if own is not None:
        yield Other("itself in float", own)
    if served is None:
        return
    store, card = served
    folder = bench.scratch / "served"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(store.file(card.model_file), folder / ONNX)
    piece = Piece(folder, card.model_file.sha256)
    answers = bench.logits_of(piece, dataset)
    yield Other(f"{card.model} {card.variant}", answers, expected=not is_student)


def _confusion(
    others: Sequence[Other], file: Floats, truth: Classes
) -> tuple[ConfusionFact, ...]:
    """Of the first that the file is held against, and of the file."""
    shown = [*others[:1], Other("this file", file)]
    return tuple(
        ConfusionFact(name=one.name, counts=counted(one.scores, truth)) for one in shown
    )


def counted(scores: Floats, truth: Classes) -> Counts:
    """How often each class (rows) was answered with each (columns)."""
    classes = scores.shape[1]
    pairs = truth * classes + scores.argmax(axis=1)
    table = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    return tuple(tuple(int(one) for one in row) for row in table)
