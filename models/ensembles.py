"""How members vote, how sure a vote is, and weights fitted on labelled photos. Pure."""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Float = TypeVar("Float", bound=np.floating[Any])
Floats = NDArray[np.float64]
Confidence = Literal["margin", "probability", "agreement"]

PRIOR_PHOTOS = 200.0
"""How many photos' worth of evidence say that all members are equally good.

A vote of similar models gains by averaging, whatever the weights; 20 photos, on which a
member may be right by luck, must not turn that into trust in one member. With 20 photos
the weights stay within a few hundredths of equal, with thousands the photos decide.
"""
STEPS, STOP_AT = 10_000, 1e-9

TIE = 1e-3
"""What the mean distribution counts in a majority vote: less than any member's vote."""


def softmax(logits: NDArray[Float]) -> NDArray[Float]:
    """Probabilities of each row, in the precision of `logits`; both [rows, classes]."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[Float] = raised / raised.sum(axis=1, keepdims=True)
    return shares


def soft_vote(
    logits: Sequence[NDArray[Float]], weights: Sequence[float]
) -> NDArray[Float]:
    """The weighted mean of the members' probabilities, [rows, classes].

    Serving and evaluation both vote here, so what is measured is what is served.

    Args:
        logits: one [rows, classes] array a member, all of one precision.
        weights: one number a member, >= 0 and not all zero; their sum need not be 1.
    """
    return mean_vote([softmax(member) for member in logits], weights)


def mean_vote(
    distributions: Sequence[NDArray[Float]], weights: Sequence[float]
) -> NDArray[Float]:
    """The weighted mean of distributions; members without any weight count alike."""
    kind = distributions[0].dtype.type
    if sum(weights) <= 0:
        weights = [1.0] * len(distributions)
    shares = np.asarray(weights, kind) / kind(sum(weights))
    vote = np.zeros_like(distributions[0])
    for member, share in zip(distributions, shares, strict=True):
        vote += share * member
    return vote


def majority_vote(
    distributions: Sequence[NDArray[Float]], weights: Sequence[float]
) -> NDArray[Float]:
    """The share of the weight that is for each class, [rows, classes].

    A member is for the class it finds most probable. `TIE` of the mean distribution is
    mixed in, so that a tie goes to the class that is more probable on the whole.
    """
    kind = distributions[0].dtype.type
    first = [np.zeros_like(member) for member in distributions]
    for votes, member in zip(first, distributions, strict=True):
        np.put_along_axis(votes, member.argmax(axis=1)[:, None], kind(1), axis=1)
    votes, mean = mean_vote(first, weights), mean_vote(distributions, weights)
    mixed: NDArray[Float] = (votes + kind(TIE) * mean) / kind(1 + TIE)
    return mixed


def confidence(
    kind: Confidence,
    vote: NDArray[Float],
    distributions: Sequence[NDArray[Float]],
    weights: Sequence[float],
) -> NDArray[Float]:
    """How sure a vote is of each row, [rows]; the larger, the surer.

    Args:
        kind: `probability` of the first class, its `margin` before the second, or the
            `agreement`: the share of the weight whose first class it is. One member
            alone agrees with nobody: -1.
        vote: the mean of `distributions`, [rows, classes].
        distributions: one a member that has a say.
        weights: theirs.
    """
    if kind == "agreement":
        if len(distributions) < 2:
            return np.full(len(vote), -1, vote.dtype)
        chosen = vote.argmax(axis=1)
        same = [(m.argmax(axis=1) == chosen).astype(vote.dtype) for m in distributions]
        return mean_vote(same, weights)
    if kind == "probability" or vote.shape[1] < 2:
        highest: NDArray[Float] = vote.max(axis=1)
        return highest
    best = np.partition(vote, -2, axis=1)
    gap: NDArray[Float] = best[:, -1] - best[:, -2]
    return gap


def fit_weights(likelihoods: Floats, prior_photos: float = PRIOR_PHOTOS) -> Floats:
    """The weights [members], summing to 1, under which the true classes are likeliest.

    Maximises the likelihood of the weighted mean of the members' distributions, under a
    Dirichlet prior centred on equal weights, by expectation maximisation: the problem
    is concave, each step gains, and the end does not depend on the start.

    Args:
        likelihoods: the probability each member gave the true class, [members, photos].
        prior_photos: the strength of the prior, in photos.
    """
    members, photos = likelihoods.shape
    weights = np.full(members, 1 / members)
    floor = np.maximum(likelihoods, np.finfo(np.float64).tiny)
    for _ in range(STEPS):
        shares = weights[:, None] * floor
        shares /= shares.sum(axis=0)
        counts = shares.sum(axis=1) + prior_photos / members
        moved = counts / (photos + prior_photos)
        if np.abs(moved - weights).max() < STOP_AT:
            break
        weights = moved
    return weights


def log_loss(likelihoods: Floats, weights: Floats) -> float:
    """Mean negative log-likelihood of the true classes under the weighted vote."""
    mixed = np.maximum(weights @ likelihoods, np.finfo(np.float64).tiny)
    return float(-np.log(mixed).mean())
