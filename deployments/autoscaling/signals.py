"""What is observed of each deployment, read so that no bad number gets further."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from deployments.autoscaling.arrivals import MOST_PER_S
from deployments.autoscaling.rows import Flags, Floats, Ints, Rows

ONGOING_S = 10


class Observation(NamedTuple):
    """One deployment as it is now; counters only grow, None means not known."""

    arrived: float | None
    completed: float | None
    queued: float
    ongoing: float
    ready: int
    target: int


@dataclass(frozen=True)
class Reading:
    """The observations of one tick as arrays, one row a deployment."""

    counts: Floats
    completed: Floats
    queued: Floats
    ongoing: Floats
    ready: Ints
    target: Ints
    silent_s: Ints

    @property
    def silent(self) -> Flags:
        """Of whom no counter came."""
        silent: Flags = self.silent_s > 0
        return silent


class Signals(Rows):
    """The last counters of each deployment."""

    def __init__(self, count: int) -> None:
        self.arrived: Floats = np.full(count, np.nan)
        self.completed: Floats = np.full(count, np.nan)
        self.silent_s: Ints = np.zeros(count, np.int64)
        self.ongoing: Floats = np.zeros(count)

    def fresh(self, count: int) -> "Signals":
        return Signals(count)

    def read(self, seen: Sequence[Observation], seconds: int, usual: Floats) -> Reading:
        """Turn counters into counts; what a lost or reset counter hides is `usual`."""
        table = _table(seen)
        arrived, completed, queued, ongoing, ready, target = table.T
        counts = arrived - self.arrived
        # What came while nothing was heard did not come in one second.
        counts = counts * (seconds / (self.silent_s + seconds))
        unknown = ~(counts >= 0)
        counts = np.where(unknown, usual * seconds, counts)
        first = np.isnan(self.arrived) & (arrived >= 0)
        counts = np.where(first, 0.0, np.minimum(counts, MOST_PER_S * seconds))
        served = completed - self.completed
        self.silent_s = np.where(np.isnan(arrived), self.silent_s + seconds, 0)
        self.arrived = np.where(np.isnan(arrived), self.arrived, arrived)
        self.completed = np.where(np.isnan(completed), self.completed, completed)
        pull = min(1.0, seconds / ONGOING_S)
        self.ongoing = self.ongoing + pull * (np.fmax(0, ongoing) - self.ongoing)
        return Reading(
            counts,
            np.where(served >= 0, served, np.nan),
            np.fmax(0, queued),
            self.ongoing,
            np.fmax(0, ready).astype(np.int64),
            np.fmax(0, target).astype(np.int64),
            self.silent_s,
        )


def _table(seen: Sequence[Observation]) -> Floats:
    """A row a deployment; None and what nothing can be counted as is NaN."""
    found = np.array(seen, np.float64).reshape(-1, len(Observation._fields))
    found[~((found >= 0) & (found < np.inf))] = np.nan
    return found
