"""Work that requests do not tell: tokens of a language model, jobs of a queue.

Whoever sees the work counts it here, on any replica of the application; the policy reads it for a
deployment whose `capacity.unit` is not `requests`. Hot: additions only.
"""

import math
import time
from collections.abc import Callable

CAME, DONE, WAITING = "came", "done", "waiting"
APART = "|"

WAITING_S = 30.0
"""What was said to wait is forgotten after this: who said it may see the queue no more."""


class Work:
    """The work that this replica has seen, by deployment, in the deployment's own unit."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, float] = {}
        self._waiting: dict[str, tuple[float, float]] = {}  # units, when it was said

    def come(self, deployment: str, units: float) -> None:
        """Count work when it arrives: prompt and expected tokens, a job that is put in line.

        Raises:
            ValueError: `units` is no number, or negative.
        """
        self._add(CAME, deployment, units)

    def done(self, deployment: str, units: float) -> None:
        """Count work out: finished, failed or given up.

        Raises:
            ValueError: `units` is no number, or negative.
        """
        self._add(DONE, deployment, units)

    def waiting(self, deployment: str, units: float) -> None:
        """Say how much waits in a queue outside of the replicas, as a whole, now.

        Several replicas may say it of the same queue: the largest counts. Say it again at
        least every `WAITING_S`, also when it is the same.

        Raises:
            ValueError: `units` is no number, or negative.
        """
        name = f"{WAITING}{APART}{deployment}"
        self._waiting[name] = _checked(deployment, units), self._clock()

    def stats(self) -> dict[str, float]:
        """All counters, flat, as they travel."""
        now_s = self._clock()
        for name, (_, said_s) in list(self._waiting.items()):
            if now_s - said_s > WAITING_S:
                del self._waiting[name]
        return self._counts | {
            name: units for name, (units, _) in self._waiting.items()
        }

    def _add(self, kind: str, deployment: str, units: float) -> None:
        name = f"{kind}{APART}{deployment}"
        more = _checked(deployment, units)
        self._counts[name] = self._counts.get(name, 0.0) + more


def _checked(deployment: str, units: float) -> float:
    if not 0 <= units < math.inf:
        raise ValueError(f"{deployment}: units must be a number >= 0, got {units}")
    return float(units)
