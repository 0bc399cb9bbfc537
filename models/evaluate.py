"""How good logits are against labels and against FP32. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.card import BootstrapFact, Interval, QualityFact
from models.datasets import Dataset
from models.ensembles import softmax
from models.statistics import (
    BOOTSTRAP_ROUNDS,
    Flags,
    bootstrap_drop,
    bootstrap_share,
    drop_points,
    mcnemar,
    pair,
    wilson,
)

Floats = NDArray[np.float32]
Classes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which of n photos were classified right, and as what."""

    predicted: Classes
    right: Flags
    right_in_5: Flags


def judge(scores: Floats, labels: Classes) -> Verdict:
    """Hold `scores` [n, classes] (logits or probabilities) against `labels` [n]."""
    rows = np.arange(len(labels))
    own = scores[rows, labels][:, None]
    better = (scores > own).sum(axis=1)
    predicted = scores.argmax(axis=1)
    return Verdict(predicted, predicted == labels, better < 5)


def quality(
    dataset: Dataset, scores: Floats, reference: Floats | None = None
) -> QualityFact:
    """The measured quality of `scores` [n, classes] on `dataset`.

    Args:
        dataset: its labels are the truth.
        scores: logits or probabilities of what is judged.
        reference: those of FP32 on the same photos, to measure the loss against.
    """
    n, verdict = len(dataset.photos), judge(scores, dataset.labels)
    fact = QualityFact(
        dataset=dataset.name,
        dataset_sha256=dataset.sha256,
        top1=wilson(int(verdict.right.sum()), n),
        top5=wilson(int(verdict.right_in_5.sum()), n),
        bootstrap=BootstrapFact(top1=bootstrap_share(verdict.right)),
    )
    if reference is None:
        return fact
    truth = judge(reference, dataset.labels)
    paired = pair(truth.right, verdict.right)
    return fact.model_copy(
        update={
            "agreement": wilson(int((truth.predicted == verdict.predicted).sum()), n),
            "drop_points": drop_points(paired),
            "p_value": mcnemar(paired),
            "bootstrap": BootstrapFact(
                top1=bootstrap_share(verdict.right), drop_points=bootstrap_drop(paired)
            ),
        }
    )


def snr_db(reference: Floats, scores: Floats) -> float | None:
    """How far `scores` are from `reference`, 10 dB a factor of ten; None: not at all."""
    wanted = reference.astype(np.float64)
    noise = float(((wanted - scores) ** 2).sum())
    power = float((wanted**2).sum())
    if noise == 0.0 or power == 0.0:
        return None
    return round(10 * float(np.log10(power / noise)), 2)


def calibration_error(scores: Floats, labels: Classes, seed: int = 0) -> Interval:
    """How far stated confidence is from how often it is right, on average over photos.

    Expected calibration error over `ECE_BINS` bins of equal width (Naeini et al. 2015),
    with a 95% basic bootstrap interval: resampling inflates it, which that takes back.

    Args:
        scores: logits [n, classes], or probabilities.
        labels: the truth, [n].
        seed: of the bootstrap.
    """
    shares = scores if _are_shares(scores) else softmax(scores)
    surest = shares.max(axis=1).astype(np.float64)
    gaps = (shares.argmax(axis=1) == labels) - surest
    bins = np.minimum((surest * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    n, draw = len(labels), np.random.default_rng(seed)
    value = _binned_gap(bins, gaps)
    drawn = [
        _binned_gap(bins[rows], gaps[rows])
        for rows in (draw.integers(0, n, n) for _ in range(BOOTSTRAP_ROUNDS // 2))
    ]
    lower, upper = np.percentile(drawn, [2.5, 97.5])
    low, high = max(0.0, 2 * value - float(upper)), 2 * value - float(lower)
    return Interval(value=value, low=min(low, value), high=max(high, value))


def _binned_gap(bins: Classes, gaps: NDArray[np.float64]) -> float:
    return float(np.abs(np.bincount(bins, gaps, ECE_BINS)).sum() / len(bins))


def _are_shares(scores: Floats) -> bool:
    sums = scores.sum(axis=1, dtype=np.float64)
    return bool((scores >= 0).all() and np.allclose(sums, 1.0, atol=1e-3))


def too_bad(fact: QualityFact, max_drop_points: float) -> tuple[str, str] | None:
    """What is wanted and what came, when `fact` shows a variant below its bar.

    A few photos cannot measure a loss of one point, so a variant is refused only when
    the whole 95% interval lies beyond the bar: more photos make the bar sharper.
    """
    drop, agreement = fact.drop_points, fact.agreement
    if drop is not None and drop.low > max_drop_points:
        wanted = f"at most {max_drop_points:g} points of top-1 lost on {fact.dataset}"
        return wanted, f"{drop.value:.2f} (95% interval from {drop.low:.2f})"
    if agreement is not None and agreement.high < MIN_AGREEMENT:
        wanted = f"FP32's answer on {MIN_AGREEMENT:.0%} of {fact.dataset}"
        return wanted, f"{agreement.value:.1%} (95% interval to {agreement.high:.1%})"
    return None


MIN_AGREEMENT = 0.9
"""INT8 variants that are sound agree with FP32 on 95% and more of photos."""

ECE_BINS = 15
