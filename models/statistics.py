"""How sure a measured share is. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.card import Interval, LatencyFact, Proportion

Z_95 = 1.959964
Flags = NDArray[np.bool_]

BOOTSTRAP_ROUNDS = 2000


def wilson(successes: int, n: int) -> Proportion:
    """A share with its 95% score interval (Wilson 1927); it holds near 0 and 1 too."""
    share, z2 = successes / n, Z_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == n else middle + half
    return Proportion(value=share, low=low, high=high, n=n)


def latency_fact(
    times_ms: Sequence[float], batch_size: int, threads: int
) -> LatencyFact:
    """What a card says of runs that took `times_ms`."""
    return LatencyFact(
        batch_size=batch_size,
        threads=threads,
        p50_ms=round(float(np.percentile(times_ms, 50)), 3),
        p99_ms=round(float(np.percentile(times_ms, 99)), 3),
        runs=len(times_ms),
    )


@dataclass(frozen=True, slots=True)
class Paired:
    """Two classifiers on the same n photos: how often only one of them was right."""

    n: int
    only_first: int
    only_second: int


def pair(first: Flags, second: Flags) -> Paired:
    """Count where `first` and `second` (right or wrong, [n]) differ."""
    return Paired(
        len(first), int((first & ~second).sum()), int((second & ~first).sum())
    )


def drop_points(paired: Paired) -> Interval:
    """By how many points the second is worse than the first, with its 95% interval.

    Agresti and Min (2005): half a photo is added to each cell, so that few photos
    without a difference do not pass for certainty.
    """
    n, lost, won = paired.n + 2.0, paired.only_first + 0.5, paired.only_second + 0.5
    centre = (lost - won) / n
    half = Z_95 * math.sqrt((lost + won) - (lost - won) ** 2 / n) / n
    value = (paired.only_first - paired.only_second) / paired.n
    return Interval(
        value=100 * value, low=100 * (centre - half), high=100 * (centre + half)
    )


def mcnemar(paired: Paired) -> float:
    """Two-sided exact p-value that both are right equally often (McNemar's test)."""
    differing = paired.only_first + paired.only_second
    fewer = min(paired.only_first, paired.only_second)
    tail = sum(math.comb(differing, k) for k in range(fewer + 1)) / 2**differing
    return min(1.0, 2.0 * float(tail))


def bootstrap_share(right: Flags, seed: int = 0) -> Interval:
    """A share with the 95% percentile interval of resampled photos (Efron 1979).

    Drawing photos again only draws how many are right, so that is drawn.
    """
    n, share = len(right), float(right.mean())
    drawn = np.random.default_rng(seed).binomial(n, share, BOOTSTRAP_ROUNDS) / n
    return _percentiles(share, drawn)


def bootstrap_drop(paired: Paired, seed: int = 0) -> Interval:
    """`drop_points` with the 95% percentile interval of resampled pairs."""
    n, lost, won = paired.n, paired.only_first, paired.only_second
    cells = [lost / n, won / n, 1 - (lost + won) / n]
    drawn = np.random.default_rng(seed).multinomial(n, cells, BOOTSTRAP_ROUNDS)
    points = 100 * (drawn[:, 0] - drawn[:, 1]) / n
    return _percentiles(100 * (lost - won) / n, points)


def _percentiles(value: float, drawn: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(value=value, low=float(low), high=float(high))
