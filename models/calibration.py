"""Temperatures: one number a member that makes its probabilities mean what they say. Pure.

Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
"""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.ensembles import softmax

Float = TypeVar("Float", bound=np.floating[Any])
Floats = NDArray[np.float64]
Classes = NDArray[np.int64]

WIDTH = 0.5
"""Spread of log temperatures that is expected before a photo is seen: with 20 photos, on
which a member may make no mistake at all, it must not become infinitely sure."""

LIMIT = 3.0
STEPS = 25
GOLDEN = (5**0.5 - 1) / 2


def tempered(logits: NDArray[Float], temperature: float) -> NDArray[Float]:
    """The distributions of `logits` [rows, classes] at a temperature; 1 is as it is."""
    if temperature == 1.0:
        return softmax(logits)
    return softmax(logits / logits.dtype.type(temperature))


def fit_temperature(logits: NDArray[Any], labels: Classes) -> float:
    """The temperature under which the true classes are likeliest.

    Args:
        logits: [n, classes].
        labels: the truth, [n].
    """
    raised = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    low, high = -LIMIT, LIMIT
    inner = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)]
    costs = [_cost(raised, labels, at) for at in inner]
    for _ in range(STEPS):
        if costs[0] < costs[1]:
            high, inner[1], costs[1] = inner[1], inner[0], costs[0]
            inner[0] = high - GOLDEN * (high - low)
            costs[0] = _cost(raised, labels, inner[0])
        else:
            low, inner[0], costs[0] = inner[0], inner[1], costs[1]
            inner[1] = low + GOLDEN * (high - low)
            costs[1] = _cost(raised, labels, inner[1])
    return float(np.exp((low + high) / 2))


def _cost(raised: Floats, labels: Classes, log_temperature: float) -> float:
    """The negative log-likelihood, and that of the temperature under its prior."""
    scaled = raised / np.exp(log_temperature)
    own = scaled[np.arange(len(labels)), labels]
    likely = np.log(np.exp(scaled).sum(axis=1)) - own
    return float(likely.sum()) + (log_temperature / WIDTH) ** 2 / 2
