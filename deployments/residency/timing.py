"""Times a backend that was just opened, where no card says how long its runs take here."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Protocol

from deployments.backends.base import Backend
from deployments.messages import Tensor

TURNS = 5

Opening = Callable[[bool], Backend]
"""Opens a backend; of the argument see `warming.open_warm`."""

Batches = Mapping[int, Mapping[str, Tensor]]
"""Inputs by their number of rows."""


class Learner(Protocol):
    """Who wants to know what runs of a backend take, as `Model`."""

    @property
    def has_run(self) -> bool:
        """Whether runs of its own have told already."""
        ...

    def timed(self, run_s: Mapping[int, float]) -> None:
        """Told the seconds of a run by rows."""
        ...


def open_timed(
    opening: Opening, batches: Callable[[], Batches], learner: Learner, full: bool
) -> Backend:
    """Open a backend and tell what its runs take, unless that is known.

    Args:
        opening: opens it warm, so that a first run is none of those that are timed.
        batches: what it is asked.
        learner: who is told.
        full: see `warming.open_warm`; a load that is not full is to be short.

    Raises:
        Exception: what `opening` raises, or a run.
    """
    backend = opening(full)
    if full and not learner.has_run:
        learner.timed(run_times(backend, batches()))
    return backend


def run_times(
    backend: Backend, batches: Batches, clock: Callable[[], float] = time.perf_counter
) -> dict[int, float]:
    """Seconds of a run by rows: the median of `TURNS`, after one that does not count."""
    return {rows: _run_s(backend, asked, clock) for rows, asked in batches.items()}


def _run_s(
    backend: Backend, asked: Mapping[str, Tensor], clock: Callable[[], float]
) -> float:
    backend.run(asked)
    took_s = []
    for _ in range(TURNS):
        began_s = clock()
        backend.run(asked)
        took_s.append(clock() - began_s)
    return median(took_s)
