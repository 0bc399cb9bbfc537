"""Perplexity and what it rose by, with intervals over windows of text. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.card import Interval, Proportion
from models.statistics import wilson

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Scores:
    """What one model made of one text: nats and tokens by window, answers that were right."""

    losses: tuple[float, ...]
    tokens: tuple[int, ...]
    hits: tuple[int, ...] = ()
    right: tuple[bool, ...] = ()

    @property
    def perplexity(self) -> float:
        """The exponential of the mean loss of a token."""
        return float(np.exp(sum(self.losses) / sum(self.tokens)))


def scores_from(told: Mapping[str, Any]) -> Scores:
    """What `models.llm.workers.score` answered."""
    return Scores(
        tuple(told["losses"]),
        tuple(told["tokens"]),
        tuple(told.get("hits", ())),
        tuple(told.get("right", ())),
    )


def perplexity(scores: Scores, seed: int = 0) -> Interval:
    """With the 95% bootstrap interval over windows."""
    losses, tokens = _columns(scores)
    drawn = _draws(len(losses), seed)
    resampled = np.exp(losses[drawn].sum(axis=1) / tokens[drawn].sum(axis=1))
    return _interval(scores.perplexity, resampled)


def rise(reference: Scores, scores: Scores, seed: int = 0) -> Interval:
    """By which share of the reference's the perplexity rose; the windows are paired.

    Raises:
        ValueError: they did not read the same windows.
    """
    if reference.tokens != scores.tokens:
        raise ValueError("both must read the same windows")
    (before, tokens), (after, _) = _columns(reference), _columns(scores)
    drawn = _draws(len(tokens), seed)
    more = (after - before)[drawn].sum(axis=1) / tokens[drawn].sum(axis=1)
    value = scores.perplexity / reference.perplexity - 1
    return _interval(value, np.expm1(more))


def accuracies(scores: Scores) -> dict[str, Proportion]:
    """How often the next token was the likeliest, and the true ending of several."""
    found = {}
    if scores.hits:
        found["next-token"] = wilson(sum(scores.hits), sum(scores.tokens))
    if scores.right:
        found["true-ending"] = wilson(sum(scores.right), len(scores.right))
    return found


Floats = NDArray[np.float64]


def _columns(scores: Scores) -> tuple[Floats, Floats]:
    return np.array(scores.losses, np.float64), np.array(scores.tokens, np.float64)


def _draws(count: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))


def _interval(value: float, resampled: Sequence[float] | Floats) -> Interval:
    low, high = np.quantile(np.asarray(resampled), (0.025, 0.975))
    return Interval(value=value, low=float(low), high=float(high))
