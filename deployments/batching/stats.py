"""What a queue has done so far. Pure."""

import time
from dataclasses import dataclass, field, replace
from threading import Lock

from deployments.batching.sealing import retry_after_s
from deployments.batching.waiting import Refused


@dataclass(slots=True)
class Stages:
    """How long so many runs, or waits for them, took in all, by stage."""

    count: int = 0
    input_ns: int = 0
    infer_ns: int = 0
    output_ns: int = 0

    def add(self, times: int, input_ns: int, infer_ns: int, output_ns: int) -> None:
        """Count what took so long, `times` times."""
        self.count += times
        self.input_ns += times * input_ns
        self.infer_ns += times * infer_ns
        self.output_ns += times * output_ns


class StageStats:
    """The stages of every run that went well, by its rows; any thread may add.

    `_waited` counts a run once for each of its requests, as all of them waited for it.
    """

    def __init__(self) -> None:
        self._by_rows: dict[int, Stages] = {}
        self._waited = Stages()
        self._lock = Lock()
        self._last_ns = 0

    def add(
        self, rows: int, requests: int, clock_ns: tuple[int, int, int, int]
    ) -> None:
        """Count a run.

        Args:
            rows: of all its requests.
            requests: that shared it.
            clock_ns: when its input began, the backend began, the backend ended and
                its output ended, on `time.perf_counter_ns`.
        """
        began, ready, ran, ended = clock_ns
        took_ns = (ready - began, ran - ready, ended - ran)
        with self._lock:
            stages = self._by_rows.get(rows)
            if stages is None:
                stages = self._by_rows[rows] = Stages()
            stages.add(1, *took_ns)
            self._waited.add(requests, *took_ns)
            self._last_ns = ended

    @property
    def last_ms(self) -> int:
        """When the last run ended, in ms since 1970; 0: there was none."""
        if not self._last_ns:
            return 0
        ago_ns = time.perf_counter_ns() - self._last_ns
        return (time.time_ns() - ago_ns) // 1_000_000

    def waited(self) -> Stages:
        """A copy for a reader: what requests waited for."""
        with self._lock:
            return replace(self._waited)

    def by_rows(self) -> list[tuple[int, Stages]]:
        """A copy for a reader, the smallest runs first."""
        with self._lock:
            return sorted((rows, replace(s)) for rows, s in self._by_rows.items())


@dataclass(slots=True)
class BatchStats:
    """What a batcher has done since it started; times are sums in seconds.

    `refused` found the queue full, `late` could not meet their deadline, `expired` waited
    longer than their queue's policy allows, `turned_away` found nothing that could run
    them: their model does not load, or the replica ends. `well_s` and `badly_s` are from
    the arrival to the answer, of items that were answered and of all others, `well_queue_s`
    the part of `well_s` before their run. `stages` are counted by whoever runs the
    batches, if it knows them.
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
    turned_away: int = 0
    well: int = 0
    well_s: float = 0.0
    well_queue_s: float = 0.0
    badly_s: float = 0.0
    stages: StageStats = field(default_factory=StageStats)

    @property
    def badly(self) -> int:
        """How many items got no answer."""
        refused = self.refused + self.late + self.expired + self.turned_away
        return self.failed + refused + self.cancelled

    def answer(self, is_well: bool, took_s: float, queued_s: float = 0.0) -> None:
        """Count an item that was run."""
        if is_well:
            self.well += 1
            self.well_s += took_s
            self.well_queue_s += queued_s
        else:
            self.failed += 1
            self.badly_s += took_s

    def waited_before(self, waited_s: float) -> None:
        """Count the wait for its model of a request that was answered."""
        self.well_s += waited_s
        self.well_queue_s += waited_s

    def turn_away(self, waited_s: float = 0.0) -> None:
        """Count a request for which there is nothing to run it."""
        self.turned_away += 1
        self.badly_s += waited_s

    def leave(self, waited_s: float) -> None:
        """Count a request whose caller did not wait for its answer."""
        self.cancelled += 1
        self.badly_s += waited_s

    def refuse(self, why: Refused, waited_s: float = 0.0) -> None:
        """Count a request that is not run."""
        self.badly_s += waited_s
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
