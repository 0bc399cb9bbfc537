"""The search for the highest rate that keeps an SLO. Pure.

It believes that a server which fails at one rate fails at every higher one, so one lucky
run above a failed one does not count.
"""

from collections.abc import Mapping
from dataclasses import dataclass

STEP = 1.15
"""How far the search goes beyond a rate that it has no bound for yet."""


@dataclass(frozen=True, slots=True)
class Effort:
    """When to stop: the rate is known to `resolution` of itself, or `runs` are spent."""

    resolution: float
    runs: int


def next_qps(
    tried: Mapping[float, bool], first_qps: float, effort: Effort
) -> float | None:
    """The rate to try next; None when the search is over.

    Args:
        tried: rate → whether the SLO was kept.
        first_qps: where to begin, a guess.
        effort: when to stop.
    """
    if not tried:
        return first_qps
    if len(tried) >= effort.runs:
        return None
    kept, failed = best_qps(tried), _lowest_failed(tried)
    if failed is None:
        return max(tried) * STEP
    if kept is None:
        return failed / STEP**2
    if failed - kept <= effort.resolution * failed:
        return None
    return (kept + failed) / 2


def best_qps(tried: Mapping[float, bool]) -> float | None:
    """The highest rate that kept the SLO below every rate that did not."""
    failed = _lowest_failed(tried)
    kept = [
        qps for qps, well in tried.items() if well and (failed is None or qps < failed)
    ]
    return max(kept, default=None)


def _lowest_failed(tried: Mapping[float, bool]) -> float | None:
    return min((qps for qps, well in tried.items() if not well), default=None)
