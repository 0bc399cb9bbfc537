"""What a cascade would do to photos it was not fitted on, and at other thresholds. Pure.

Held out by folds: the photos are dealt into `FOLDS`, weights, temperatures and threshold
are fitted on all but one fold and judged on that one. So every photo is judged once, by
a cascade that never saw it. What is served is fitted on all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.card import CascadeFact, HeldOutFact, PointFact
from models.cascade import NEVER, Climb, climb, fit_threshold, stages
from models.ensembles import Confidence
from models.statistics import drop_points, pair, wilson

Floats = NDArray[np.float32]
Classes = NDArray[np.int64]

FOLDS = 10
FEW_PHOTOS = 4 * FOLDS
POINTS = 21


@dataclass(frozen=True, slots=True)
class Voters:
    """Members in the order they are asked: what they say [n, classes], what they cost.

    `vote` gives their distributions at their temperatures and their weights, fitted on
    the photos of the given rows.
    """

    names: tuple[str, ...]
    costs_ms: tuple[float, ...]
    labels: Classes
    vote: Callable[[Classes], tuple[Sequence[Floats], Sequence[float]]]


@dataclass(frozen=True, slots=True)
class Promise:
    """What thresholds must keep, and by which kind of confidence."""

    confidence: Confidence
    max_drop_points: float
    min_accuracy: float | None = None


def fit_cascade(voters: Voters, promise: Promise) -> CascadeFact:
    """The threshold fitted on every photo, its curve, and how it does on held-out ones."""
    n = len(voters.labels)
    found = _climb(voters, promise, np.arange(n))
    threshold = fit_threshold(found, promise.max_drop_points, promise.min_accuracy)
    return CascadeFact(
        confidence=promise.confidence,
        order=voters.names,
        costs_ms=voters.costs_ms,
        thresholds=(threshold,) * (len(voters.names) - 1),
        max_drop_points=promise.max_drop_points,
        min_accuracy=promise.min_accuracy,
        held_out=held_out(voters, promise) if n >= FEW_PHOTOS else None,
        curve=curve(found, voters.costs_ms),
    )


def held_out(
    voters: Voters, promise: Promise, folds: int = FOLDS, seed: int = 0
) -> HeldOutFact:
    """The cascade by cross-fitting; every photo is judged by a fit without it."""
    n = len(voters.labels)
    fold = np.random.default_rng(seed).permutation(n) % folds
    stage = np.empty(n, np.int64)
    right, whole = np.empty(n, np.bool_), np.empty(n, np.bool_)
    for number in range(folds):
        fitted, judged = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        found = _climb(voters, promise, fitted)
        threshold = fit_threshold(
            found.part(fitted), promise.max_drop_points, promise.min_accuracy
        )
        stage[judged] = stages(found, threshold)[judged]
        right[judged] = found.right[stage[judged], judged]
        whole[judged] = found.right[-1, judged]
    return HeldOutFact(
        folds=folds,
        top1=wilson(int(right.sum()), n),
        whole_top1=wilson(int(whole.sum()), n),
        drop_points=drop_points(pair(whole, right)),
        members_run=float(stage.mean()) + 1,
        cost_share=cost_share(stage, voters.costs_ms),
        exits=tuple(float((stage == s).mean()) for s in range(len(voters.names))),
    )


def curve(found: Climb, costs_ms: Sequence[float]) -> tuple[PointFact, ...]:
    """Accuracy over compute: thresholds at which equal shares of photos stop early."""
    surest = np.sort(found.sure[:-1].max(axis=0))
    picked = np.linspace(0, len(surest) - 1, POINTS).round().astype(int)
    wanted = sorted({float(surest[at]) for at in picked} | {NEVER})
    return tuple(_point(found, costs_ms, threshold) for threshold in wanted)


def cost_share(stage: Classes, costs_ms: Sequence[float]) -> float:
    """The time of photos that stop at `stage` [n], of that of all members for all."""
    spent = np.cumsum(costs_ms)
    return float(spent[stage].mean() / spent[-1])


def _point(found: Climb, costs_ms: Sequence[float], threshold: float) -> PointFact:
    stage = stages(found, threshold)
    right = found.right[stage, np.arange(found.n)]
    return PointFact(
        threshold=threshold,
        cost_share=cost_share(stage, costs_ms),
        members_run=float(stage.mean()) + 1,
        top1=float(right.mean()),
        drop_points=100 * float(found.right[-1].mean() - right.mean()),
    )


def _climb(voters: Voters, promise: Promise, fitted: Classes) -> Climb:
    """Every photo at every stage, with weights and temperatures of the `fitted` rows."""
    distributions, weights = voters.vote(fitted)
    return climb(distributions, weights, voters.labels, promise.confidence)
