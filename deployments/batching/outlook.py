"""The soonest a request can be answered, when all goes as well as it ever did. Pure.

Only who cannot be answered in time even then is refused, so this is a lower bound: no run
is shorter than the shortest ever seen, every batch before the request's own is full, and
nobody else wants the slots.
"""

from collections.abc import Collection
from dataclasses import dataclass

from deployments.batching.latency import Latency

PROBE_S = 1.0
"""A model that has not run for so long tries again: its shortest run may be outdated."""


@dataclass(slots=True, eq=False)
class Run:
    """A batch of `rows` on a slot since `started_s`."""

    rows: int
    started_s: float


class Outlook:
    """What is known at one moment of one model's slots."""

    def __init__(
        self,
        now_s: float,
        slots: int,
        full_rows: int,
        running: Collection[Run],
        latency: Latency,
    ) -> None:
        self._slots, self._full, self._latency = slots, full_rows, latency
        self._row_s = latency.least_row_s(full_rows)
        self._free_s = self._now_s = now_s
        if len(running) >= slots:
            ends_s = [r.started_s + latency.least_s(r.rows) for r in running]
            self._free_s = max(now_s, min(ends_s))

    def soonest_s(self, rows: int, rows_ahead: int) -> float:
        """When a request of `rows` behind `rows_ahead` is answered at best."""
        starts_s = self._free_s
        # What does not fit into its own batch goes before; the last batches may still run.
        before = (
            rows_ahead + rows - max(rows, self._full) - self._full * (self._slots - 1)
        )
        if before > 0:
            work_s = self._free_s - self._now_s + before * self._row_s
            starts_s = max(starts_s, self._now_s + work_s / self._slots)
        return starts_s + self._latency.least_s(rows)
