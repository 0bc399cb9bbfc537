"""How much a model is wanted: what was asked lately, and what is expected. Pure."""

import math
from dataclasses import dataclass
from typing import Protocol

MEMORY_S = 20.0
"""What was asked so long ago counts a third (1/e) of what is asked now."""


class Forecast(Protocol):
    """Says how often a model will be asked for."""

    def expect(self, key: str, now_s: float, horizon_s: float) -> float | None:
        """Requests a second from `now_s` to `now_s + horizon_s`.

        `now_s` is `time.monotonic()`. None: not known; what was asked lately counts.
        """
        ...


@dataclass(slots=True)
class Demand:
    """Requests a second, exponentially weighted over `memory_s`.

    Told in bulk, so that a request costs its model no more than a count: dense traffic
    is ranked by frequency, sparse traffic by recency.
    """

    memory_s: float = MEMORY_S
    _uses: int = 0
    _weight: float = 0.0
    _at_s: float = 0.0

    def learn(self, uses: int, last_s: float) -> None:
        """All uses so far are `uses`, the latest was at `last_s`."""
        fresh = uses - self._uses
        if fresh:
            self._weight = self._faded(last_s) + fresh
            self._uses, self._at_s = uses, max(last_s, self._at_s)

    def rate(self, now_s: float) -> float:
        """Requests a second, seen from `now_s`."""
        return self._faded(now_s) / self.memory_s

    def _faded(self, at_s: float) -> float:
        passed_s = max(0.0, at_s - self._at_s)
        return self._weight * math.exp(-passed_s / self.memory_s)
