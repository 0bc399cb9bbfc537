"""What a queue has done so far. Pure."""

from dataclasses import dataclass, field

from deployments.batching.sealing import retry_after_s
from deployments.batching.waiting import Refused


@dataclass(slots=True)
class BatchStats:
    """What a batcher has done since it started; times are sums in seconds.

    `refused` found the queue full, `late` could not meet their deadline, `expired` waited
    longer than their queue's policy allows.
    """

    items: int = 0
    rows: int = 0
    batches: int = 0
    refused: int = 0
    cancelled: int = 0
    failed: int = 0
    queue_s: float = 0.0
    run_s: float = 0.0
    late: int = 0
    expired: int = 0

    def refuse(self, why: Refused) -> None:
        """Count a request that is not run."""
        self.refused += why is Refused.FULL
        self.expired += why is Refused.EXPIRED
        self.late += why is Refused.HOPELESS


@dataclass(slots=True)
class Pace:
    """Learns seconds a row, for Retry-After; an exponential mean over batches."""

    row_s: float = 0.01
    weight: float = field(default=0.2)

    def learn(self, rows: int, run_s: float) -> None:
        """Take note of a run."""
        self.row_s += self.weight * (run_s / rows - self.row_s)

    def retry_after_s(self, queued_rows: int, slots: int) -> float:
        """When a refused caller may come back."""
        return retry_after_s(queued_rows, self.row_s, slots)
