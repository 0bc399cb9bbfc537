"""The soft vote of an ensemble, and its weights fitted on labelled photos. Pure."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Float = TypeVar("Float", bound=np.floating[Any])
Floats = NDArray[np.float64]

PRIOR_PHOTOS = 200.0
"""How many photos' worth of evidence say that all members are equally good.

A vote of similar models gains by averaging, whatever the weights; 20 photos, on which a
member may be right by luck, must not turn that into trust in one member. With 20 photos
the weights stay within a few hundredths of equal, with thousands the photos decide.
"""
STEPS, STOP_AT = 10_000, 1e-9


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
    kind = logits[0].dtype.type
    shares = np.asarray(weights, kind) / kind(sum(weights))
    vote = np.zeros_like(logits[0])
    for member, share in zip(logits, shares, strict=True):
        vote += share * softmax(member)
    return vote


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
