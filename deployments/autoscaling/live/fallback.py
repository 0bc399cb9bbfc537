"""What holds when deciding fails: the last answer for a minute, never less than reactive.

The simplest arithmetic there is, on purpose: this must work when all else does not.
"""

import math
from collections import deque
from dataclasses import dataclass

STALE_S = 60.0
HOLD_S = 120.0
MOST_KEPT = 512


@dataclass(frozen=True)
class Seen:
    """The least that is known of a deployment; `ongoing`: the cluster's own count."""

    ongoing: float
    per_replica: float
    ready: int
    target: int
    least: int
    most: int


class Fallback:
    """A reactive rule with a memory of two minutes, and the last good answers."""

    def __init__(self) -> None:
        self._good: dict[str, tuple[float, int]] = {}
        self._wants: dict[str, deque[tuple[float, int]]] = {}

    def remember(self, name: str, replicas: int, now_s: float) -> None:
        """An answer that was decided as it should be."""
        self._good[name] = (now_s, replicas)

    def answer(self, name: str, seen: Seen, now_s: float) -> int:
        """How many replicas to hold."""
        wants = self._wants.setdefault(name, deque(maxlen=MOST_KEPT))
        wants.append((now_s, reactive(seen)))
        while now_s - wants[0][0] > HOLD_S:
            wants.popleft()
        held = max(want for _, want in wants)
        at_s, good = self._good.get(name, (-math.inf, 0))
        if now_s - at_s <= STALE_S:
            held = max(held, good)
        return min(max(held, seen.least), seen.most)


def reactive(seen: Seen) -> int:
    """What Ray's own rule asks for: so many requests a replica, no forecast."""
    # With nothing running there is nothing to compare with.
    if seen.ready == 0 or not math.isfinite(seen.ongoing):
        return seen.target
    wanted = max(0.0, seen.ongoing) / max(1e-3, seen.per_replica)
    return math.ceil(min(wanted, seen.most))
