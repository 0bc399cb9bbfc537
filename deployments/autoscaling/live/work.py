"""Work that requests do not tell: tokens of a language model, jobs of a queue.

Whoever sees the work counts it here, on any replica of the application; the policy reads it for a
deployment whose `capacity.unit` is not `requests`. Hot: additions only.
"""

import math

CAME, DONE, WAITING = "came", "done", "waiting"
APART = "|"


class Work:
    """The work that this replica has seen, by deployment, in the deployment's own unit."""

    def __init__(self) -> None:
        self._counts: dict[str, float] = {}

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

        Several replicas may say it of the same queue: the largest counts.

        Raises:
            ValueError: `units` is no number, or negative.
        """
        self._counts[f"{WAITING}{APART}{deployment}"] = _checked(deployment, units)

    def stats(self) -> dict[str, float]:
        """All counters, flat, as they travel."""
        return dict(self._counts)

    def _add(self, kind: str, deployment: str, units: float) -> None:
        name = f"{kind}{APART}{deployment}"
        more = _checked(deployment, units)
        self._counts[name] = self._counts.get(name, 0.0) + more


def _checked(deployment: str, units: float) -> float:
    if not 0 <= units < math.inf:
        raise ValueError(f"{deployment}: units must be a number >= 0, got {units}")
    return float(units)
