"""Thresholds of a cascade: how sure is sure enough to ask no further member. Pure.

The threshold is the lowest one that keeps a promise on average over photos like those it
is fitted on (conformal risk control, Angelopoulos et al. 2024): of n photos so few may
come to harm that one more, harmed for certain, would still keep it. So n photos cannot
promise less than 1 / (n + 1), and with too few a cascade stops nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.ensembles import Confidence, confidence, mean_vote

Floats = NDArray[np.float32]
Sure = NDArray[np.float64]
Classes = NDArray[np.int64]
Flags = NDArray[np.bool_]

NEVER = 2.0
"""A threshold that nothing reaches: no kind of confidence is above 1."""

ALWAYS = 0.0


@dataclass(frozen=True, slots=True)
class Climb:
    """What a cascade would answer after each stage, and how sure it would be.

    `right` and `sure` are [stages, n]; a stage is one member more. What the last one
    says is the answer of the whole ensemble.
    """

    right: Flags
    sure: Sure

    @property
    def n(self) -> int:
        """How many photos there are."""
        return int(self.right.shape[1])

    def part(self, rows: Classes) -> "Climb":
        """The same for some photos."""
        return Climb(self.right[:, rows], self.sure[:, rows])


def climb(
    distributions: Sequence[Floats],
    weights: Sequence[float],
    labels: Classes,
    kind: Confidence,
) -> Climb:
    """Every stage for every photo.

    Args:
        distributions: of each member in the order they are asked, [n, classes].
        weights: one a member.
        labels: the truth, [n].
        kind: of confidence.
    """
    right, sure = [], []
    for stage in range(1, len(distributions) + 1):
        said, shares = distributions[:stage], weights[:stage]
        vote = mean_vote(said, shares)
        right.append(vote.argmax(axis=1) == labels)
        sure.append(confidence(kind, vote, said, shares).astype(np.float64))
    return Climb(np.stack(right), np.stack(sure))


def stages(found: Climb, threshold: float) -> Classes:
    """The stage at which each photo stops, from 0, [n]."""
    last = np.ones((1, found.n), np.bool_)
    stops = np.concatenate([found.sure[:-1] >= threshold, last])
    first: Classes = stops.argmax(axis=0)
    return first


def fit_threshold(
    found: Climb, max_drop_points: float, min_accuracy: float | None = None
) -> float:
    """The lowest threshold that keeps every promise, `NEVER` when none does.

    Args:
        found: on labelled photos that nothing else was fitted on but weights and
            temperatures.
        max_drop_points: photos that the whole ensemble gets right and the cascade does
            not, in points.
        min_accuracy: share of photos that the cascade gets right; None: no such promise.
    """
    whole = found.right[-1]
    lost = whole & ~found.right
    kept = _lowest(found, lost, max_drop_points / 100)
    if min_accuracy is None:
        return kept
    return max(kept, _lowest(found, ~found.right, 1 - min_accuracy))


def least_points(n: int) -> float:
    """The smallest drop in points that n photos can promise."""
    return 100 / (n + 1)


def _lowest(found: Climb, harm: Flags, max_risk: float) -> float:
    """The lowest threshold at which few enough photos come to harm.

    A photo counts as harmed at a threshold when it is at that one or at a higher one:
    only then does the promise hold for the lowest.
    """
    at, more = _harms(found, harm)
    so_far = harm[-1].sum() + np.cumsum(more)
    if harm[-1].sum() + 1 > max_risk * (found.n + 1):
        return NEVER
    too_many = so_far + 1 > max_risk * (found.n + 1)
    if not too_many.any():
        return ALWAYS
    return _between(at[too_many.argmax()], found.sure[:-1])


def _harms(found: Climb, harm: Flags) -> tuple[Sure, Classes]:
    """Thresholds, from the highest, at and below which so many photos more are harmed."""
    surest = np.maximum.accumulate(found.sure[:-1], axis=0)
    reached = np.diff(surest, axis=0, prepend=-np.inf) > 0
    at, harmed = [], harm[-1].copy()
    for stage in reversed(range(len(surest))):
        newly = reached[stage] & harm[stage] & ~harmed
        at.append(surest[stage][newly])
        harmed |= newly
    steps = np.sort(np.concatenate([*at, np.empty(0)]))[::-1]
    return steps, np.ones(len(steps), np.int64)


def _between(harmful: float, sure: Sure) -> float:
    """Half way from `harmful` to the next larger confidence that was seen."""
    above = sure[sure > harmful]
    return float((harmful + above.min()) / 2) if above.size else NEVER
