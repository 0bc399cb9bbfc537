"""How far a shadow's answers are from those that were given. Pure.

The score of a row is the probability of its first class.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deployments.control import Counts

Floats = NDArray[np.float32]

BINS = 10
SMOOTHED = 0.5
"""Rows added to each bin, so that an empty one is not infinitely far."""


@dataclass(frozen=True, slots=True)
class Row:
    """One compared row.

    `gap`: by how much the two differ in the probability of the class that was given.
    `given`, `shadow`: the scores of the two answers.
    """

    agrees: bool
    gap: float
    given: float
    shadow: float


@dataclass(frozen=True, slots=True)
class Drift:
    """The figures of a window of `rows`.

    `agreement`: share of rows with the given answer. `score_gap`: the mean of `Row.gap`.
    `score_psi`: population stability index of the two distributions of scores; below 0.1
    is usually taken for the same, above 0.25 for another one.
    """

    rows: int
    agreement: float
    score_gap: float
    score_psi: float


def compared(given: Floats, shadow: Floats) -> list[Row]:
    """Row by row; both are probabilities [rows, classes]."""
    at = np.arange(len(given))
    first, other = given.argmax(axis=1), shadow.argmax(axis=1)
    gaps = np.abs(given[at, first] - shadow[at, first])
    columns = (first == other, gaps, given[at, first], shadow[at, other])
    return [
        Row(bool(same), float(gap), float(mine), float(theirs))
        for same, gap, mine, theirs in zip(*columns, strict=True)
    ]


class Window:
    """The last `size` rows; its sums go along, so that looking costs nothing."""

    def __init__(self, size: int) -> None:
        self._rows: deque[Row] = deque()
        self._size, self._agreed, self._gap_sum = size, 0, 0.0
        self._given, self._shadow = [0] * BINS, [0] * BINS

    def add(self, rows: list[Row]) -> None:
        """The oldest make room."""
        for row in rows:
            self._rows.append(row)
            self._count(row, 1)
            if len(self._rows) > self._size:
                self._count(self._rows.popleft(), -1)

    def drift(self) -> Drift:
        """Its figures; of no rows there is no drift."""
        count = len(self._rows)
        if not count:
            return Drift(0, 1.0, 0.0, 0.0)
        gap = max(0.0, self._gap_sum / count)
        distance = psi(self._given, self._shadow)
        return Drift(count, self._agreed / count, gap, distance)

    def _count(self, row: Row, times: int) -> None:
        self._agreed += times * row.agrees
        self._gap_sum += times * row.gap
        self._given[bin_of(row.given)] += times
        self._shadow[bin_of(row.shadow)] += times


@dataclass(slots=True)
class ShadowStats:
    """Counts since the replica started; those of several replicas add up.

    `dropped` and `failed` are rows that were to be compared and were not: there was too
    much to do, or the shadow could not answer. `given`, `shadow`: rows by score.
    """

    requests: int = 0
    rows: int = 0
    agreed: int = 0
    gap_sum: float = 0.0
    dropped: int = 0
    failed: int = 0
    given: list[int] = field(default_factory=lambda: [0] * BINS)
    shadow: list[int] = field(default_factory=lambda: [0] * BINS)

    def count(self, rows: list[Row]) -> None:
        """One compared request."""
        self.requests += 1
        self.rows += len(rows)
        self.agreed += sum(row.agrees for row in rows)
        self.gap_sum += sum(row.gap for row in rows)
        for row in rows:
            self.given[bin_of(row.given)] += 1
            self.shadow[bin_of(row.shadow)] += 1

    def told(self) -> Counts:
        """All of it in words and numbers; a bin is named by where it begins."""
        return {
            "requests": self.requests,
            "rows": self.rows,
            "agreed": self.agreed,
            "gap_sum": self.gap_sum,
            "dropped": self.dropped,
            "failed": self.failed,
            "scores_given": _named(self.given),
            "scores_shadow": _named(self.shadow),
        }


def bin_of(score: float) -> int:
    """Which of `BINS` equal parts of 0 to 1 a score is in."""
    return min(BINS - 1, max(0, int(score * BINS)))


def psi(one: list[int], other: list[int]) -> float:
    """The population stability index of two histograms; 0: they are alike."""
    shares = [
        (np.asarray(counts) + SMOOTHED) / (sum(counts) + SMOOTHED * len(counts))
        for counts in (one, other)
    ]
    return float(((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum())


def _named(counts: list[int]) -> Counts:
    return {f"{at / BINS:.1f}": count for at, count in enumerate(counts)}
