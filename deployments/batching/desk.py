"""Decides for one model on one replica: who joins, when a batch leaves, who is refused.

Pure: the time is handed in, and whoever asks does what is answered. A shell runs it
against real clocks and threads (`deployments.batcher`), `replay` against a trace. Where
nobody has a level, a deadline or a timeout, an item costs a few additions more than a
plain queue.
"""

from functools import partial
from itertools import islice
from typing import Generic, TypeVar

from configs.model import BatchingSpec
from deployments.batching import sealing
from deployments.batching.latency import Latency
from deployments.batching.line import Line
from deployments.batching.outlook import PROBE_S, Outlook, Run
from deployments.batching.waiting import NEVER, Refused, Waiting

Item = TypeVar("Item", bound=Waiting)

RATE_S = 1.0
"""Over how long the rate of arrivals is smoothed."""

MEASURE_S = 0.02
SMALL_S = 1e-9

OVERLOAD = 1.05
"""Part of what full batches work off, beyond which somebody will be late."""


class Desk(Generic[Item]):
    """The queue of a model and everything that is known about its runs."""

    def __init__(
        self, limits: BatchingSpec, slots: int, latency: Latency | None = None
    ) -> None:
        self.latency = latency or Latency()
        self.line = Line[Item](limits)
        self._slots = slots
        self._sizes, self._full = limits.preferred_sizes, limits.full_batch_size
        self._most = limits.max_queue_size
        self._wait_s = limits.batch_wait_timeout_s
        self._single = limits.priority_levels == 1 and (
            limits.default_queue_policy.max_queue_size is None
        )
        self._running: set[Run] = set()
        self._idle_since_s = -NEVER
        self._offered = 0
        self._measured_s = 0.0
        self._demand = sealing.Demand()
        self._defer_share = limits.defer_share
        self.alarm_s = NEVER

    def offer(self, item: Item, now_s: float) -> Refused | None:
        """Let `item` join the queue, or say why it cannot."""
        self._offered += item.rows
        if not self._single or item.special:
            return self._offer_special(item, now_s)
        line = self.line
        if line.rows and line.rows + item.rows > self._most:
            return Refused.FULL
        line.put_plain(item)
        return None

    def wait_s(self, now_s: float) -> float:
        """Seconds to wait for company before a slot is asked for; 0: ask now.

        There must be somebody in the queue.
        """
        line = self.line
        if line.rows >= self._sizes[0]:
            return 0.0
        wait_s = self._wait_s
        if wait_s:
            wait_s = max(0.0, wait_s - (now_s - line.oldest.arrived_s))
        if line.plain:
            return wait_s
        return self._dated_wait_s(now_s, wait_s)

    def seal(self, now_s: float) -> list[Item]:
        """The next batch, which leaves the queue; empty when nobody waits."""
        line = self.line
        if not line.rows:
            return []
        full = self._full
        if len(self._sizes) > 1:
            full = sealing.cap_rows(line.rows, self._sizes)
        if line.plain:
            return line.pop(full)
        return self._seal_dated(full, now_s)

    def due(self, now_s: float) -> bool:
        """Whether `sift` may find somebody."""
        if self.line.plain:
            return False
        # Whoever is in the next batch anyway has no more to fear than his alarm.
        return now_s >= self.alarm_s or self.line.rows > self._full

    def sift(self, now_s: float) -> list[tuple[Item, Refused]]:
        """Who leaves the queue unanswered now; due when `alarm_s` has come."""
        hopeless = partial(self._hopeless, self._outlook(now_s), now_s)
        left = self.line.sift(now_s, hopeless)
        self.alarm_s = min((self._alarm_s(i, now_s) for i in self.line), default=NEVER)
        return left

    def started(self, rows: int, now_s: float) -> Run:
        """A batch of `rows` runs from now on."""
        run = Run(rows, now_s)
        self._running.add(run)
        return run

    def ended(self, run: Run, now_s: float, well: bool = True) -> None:
        """`run` is over; only one that went well teaches anything."""
        self._running.discard(run)
        self._idle_since_s = now_s
        if well:
            self.latency.learn(run.rows, now_s - run.started_s)

    def needs_s(self, item: Item, now_s: float) -> float:
        """Seconds until `item` could be answered at best, were it the last to come."""
        ahead = self._ahead(item)
        return self._outlook(now_s).soonest_s(item.rows, ahead) - now_s

    def _offer_special(self, item: Item, now_s: float) -> Refused | None:
        if not self.line.admits(item.rows, item.level):
            return Refused.FULL
        if item.deadline_s < NEVER and self._hopeless(
            self._outlook(now_s), now_s, item, self._ahead(item)
        ):
            return Refused.HOPELESS
        self.line.put(item)
        if item.special:
            self.alarm_s = min(self.alarm_s, self._alarm_s(item, now_s))
        return None

    def _alarm_s(self, item: Item, now_s: float) -> float:
        """When `item` must be looked at again, at the latest; always after `now_s`."""
        last_s = item.deadline_s - self.latency.least_s(item.rows)
        found_s = last_s if last_s > now_s else item.deadline_s
        return min(item.expires_s, found_s) if item.expires_s > now_s else found_s

    def _ahead(self, item: Item) -> int:
        # Rows of another bucket may go later, although they are before it.
        return 0 if self.line.shaped else self.line.rows_before(item.level)

    def _outlook(self, now_s: float) -> Outlook:
        return Outlook(now_s, self._slots, self._full, self._running, self.latency)

    def _hopeless(self, outlook: Outlook, now_s: float, item: Item, ahead: int) -> bool:
        if item.deadline_s <= now_s:
            return True
        if not (self._running or ahead) and now_s - self._idle_since_s >= PROBE_S:
            return False
        ahead = 0 if self.line.shaped else ahead
        return outlook.soonest_s(item.rows, ahead) > item.deadline_s

    def _seal_dated(self, full: int, now_s: float) -> list[Item]:
        line = self.line
        if line.rows <= full and not line.shaped:
            first_s = min(item.deadline_s for item in line)
            if first_s == NEVER or now_s + self.latency.late_s(line.rows) <= first_s:
                return line.take_all()
        queue = self._candidates()
        self._measure(now_s)
        most = self._slots * full / max(self.latency.expect_s(full), SMALL_S)
        over = self._demand.rate > OVERLOAD * most
        load = sealing.Load(self.latency, self._slots, over)
        batch = sealing.in_time(queue, now_s, full, load)
        overtaken = queue[: queue.index(batch[-1])]
        line.take(batch)
        line.set_back([item for item in overtaken if item not in batch])
        return batch

    def _dated_wait_s(self, now_s: float, wait_s: float) -> float:
        if self._defer_share:
            self._measure(now_s)
        if not wait_s and self.line.rows >= self._demand.needed:
            return 0.0
        queue = self._candidates()
        first_s = min(item.deadline_s for item in queue)
        if first_s == NEVER:
            return wait_s
        rows = sum(item.rows for item in queue)
        slack_s = max(0.0, first_s - self.latency.late_s(rows) - now_s)
        left_s = self._defer_share * slack_s - (now_s - self.line.oldest.arrived_s)
        deferred_s = min(left_s, sealing.defer_s(rows, self._demand, self.latency))
        return min(slack_s, max(wait_s, deferred_s))

    def _candidates(self) -> list[Item]:
        """Who may share the next batch, in order, for a few batches ahead."""
        bucket = self.line.oldest.bucket
        fitting = (item for item in self.line if item.bucket == bucket)
        return list(islice(fitting, sealing.AHEAD * self._full))

    def _measure(self, now_s: float) -> None:
        passed_s = now_s - self._measured_s
        if passed_s < MEASURE_S:
            return
        weight = min(1.0, passed_s / RATE_S)
        rate = self._demand.rate
        rate += weight * (self._offered / passed_s - rate)
        needed = sealing.needed_rows(rate, self._full, self._slots, self.latency)
        self._demand = sealing.Demand(rate, needed)
        self._offered, self._measured_s = 0, now_s
