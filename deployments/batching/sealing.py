"""When a batch leaves and what it holds. Pure functions of what is queued.

Late sealing: a batch is closed only once an execution slot is free, so it keeps growing
while the slots are busy (`@serve.batch` closes it earlier and starves the model).

- Items leave in the order they came.
- A batch never holds more than `full_batch_size` rows, unless its first item alone does.
- The oldest item waits at most `batch_wait_timeout_s` for company, or, with a deadline, as
  long as it can still be met; a batch of a preferred size never waits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

from configs.model import BatchingSpec
from deployments.batching.latency import Latency
from deployments.batching.waiting import Waiting

Item = TypeVar("Item", bound=Waiting)

AHEAD = 4
"""Full batches looked ahead when deadlines are in conflict."""

BUSY = 0.85
"""The part of the slots' time that a model should need."""

GAIN = 1.05
"""Larger batches must be so much cheaper a row to be worth a wait."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Rows that arrive a second, and the batches with which they are worked off."""

    rate: float = 0.0
    needed: int = 1


@dataclass(frozen=True, slots=True)
class Load:
    """What works off the queue; `over`: more arrives than it can."""

    latency: Latency
    slots: int
    over: bool


def wait_s(queued_rows: int, oldest_age_s: float, limits: BatchingSpec) -> float:
    """Seconds to wait for more rows before a slot is asked for; 0: ask now."""
    if queued_rows >= limits.preferred_sizes[0]:
        return 0.0
    return max(0.0, limits.batch_wait_timeout_s - oldest_age_s)


def items_to_take(rows: Iterable[int], full_batch_size: int) -> int:
    """How many of the oldest items (`rows` each, oldest first) form the next batch."""
    taken = total = 0
    for count in rows:
        if taken and total + count > full_batch_size:
            break
        taken, total = taken + 1, total + count
    return taken


def cap_rows(queued_rows: int, sizes: Sequence[int]) -> int:
    """The largest preferred size that is there; the largest of all when none is."""
    return next((s for s in reversed(sizes) if s <= queued_rows), sizes[-1])


def admits(queued_rows: int, rows: int, limits: BatchingSpec) -> bool:
    """Whether `rows` more may queue; an empty queue takes any request the model takes."""
    return queued_rows == 0 or queued_rows + rows <= limits.max_queue_size


def retry_after_s(queued_rows: int, row_time_s: float, slots: int) -> float:
    """When a refused caller may come back: the time to work off what is queued."""
    return max(1.0, queued_rows * row_time_s / slots)


def needed_rows(rate: float, full_rows: int, slots: int, latency: Latency) -> int:
    """The smallest batch with which `rate` rows a second keep the slots `BUSY` at most.

    1: there is nothing to wait for. So it is when larger batches gain nothing, and when
    even full ones keep the slots busier: then batches grow while they wait for a slot.
    """
    sizes = sorted({1, *(2**k for k in range(1, 13) if 2**k < full_rows), full_rows})
    first_s = latency.expect_s(1)
    for size in sizes:
        share_s = latency.expect_s(size) / size
        if share_s * rate <= slots * BUSY:
            return size if share_s * GAIN <= first_s else 1
    return 1


def defer_s(queued_rows: int, demand: Demand, latency: Latency) -> float:
    """Seconds in which the batch that is needed may fill; a run's time at most."""
    missing = demand.needed - queued_rows
    if missing <= 0 or demand.rate <= 0:
        return 0.0
    return min(missing / demand.rate, latency.expect_s(demand.needed))


def in_time(
    queue: Sequence[Item],
    now_s: float,
    full_rows: int,
    load: Load,
) -> list[Item]:
    """Of `queue`, in its order, the batch that keeps most deadlines.

    As many as fit, when all of them are then in time. Else the choice is between fewer,
    so that the oldest is in time, and a full batch of those who can still be in time
    with it, which passes the others over. What is better for the queue as a whole is
    found by looking a few batches ahead; a level counts more than all below it. Under
    overload the time that it takes counts too: others could be served in it.
    """
    fitting = items_to_take((item.rows for item in queue), full_rows)
    rows = list(accumulate(item.rows for item in queue[:fitting]))
    dates = list(accumulate((item.deadline_s for item in queue[:fitting]), min))
    punctual = _in_time_at(dates, now_s, [load.latency.late_s(size) for size in rows])
    if punctual == fitting:
        return list(queue[:fitting])
    sizes = sorted({-(-full_rows // part) for part in (1, 2, 4)}, reverse=True)
    choices: list[Sequence[Item]] = [queue[:punctual]]
    if not load.over:  # nobody needs to be passed over for a little risk
        takes_s = [load.latency.expect_s(size) for size in rows]
        choices += [queue[: _in_time_at(dates, now_s, takes_s)], queue[:fitting]]
    choices += [_able(queue, now_s, size, load.latency) for size in sizes]
    choices.append(queue[:1])
    ahead = _Ahead(queue, now_s, full_rows, load)
    best = max([choice for choice in choices if choice], key=ahead.kept)
    return list(best)


def _in_time_at(dates: Sequence[float], now_s: float, takes_s: Sequence[float]) -> int:
    """The most items of which all are in time, by the soonest date of so many."""
    for count in range(len(dates), 0, -1):
        if now_s + takes_s[count - 1] <= dates[count - 1]:
            return count
    return 0


def _able(
    queue: Sequence[Item], now_s: float, rows: int, latency: Latency
) -> list[Item]:
    """The first `rows` of those who are in time in a batch of that size."""
    rows = min(rows, sum(item.rows for item in queue))
    ends_s = now_s + latency.late_s(rows)
    able = [item for item in queue if item.deadline_s >= ends_s]
    return able[: items_to_take((item.rows for item in able), rows)]


@dataclass(frozen=True, slots=True)
class _Ahead(Generic[Item]):
    """What may become of a queue."""

    queue: Sequence[Item]
    now_s: float
    full_rows: int
    load: Load

    def kept(self, batch: Sequence[Item]) -> list[float]:
        """Rows of each level in time when `batch` leaves now and full ones follow."""
        kept = [0.0] * max(item.level for item in self.queue)
        rest, now_s, latency = list(self.queue), self.now_s, self.load.latency
        while batch:
            run_s = latency.expect_s(sum(item.rows for item in batch))
            gone = set(map(id, batch))
            for item in batch:
                kept[item.level - 1] += item.rows * (item.deadline_s >= now_s + run_s)
            now_s += run_s / self.load.slots  # by then another slot is free
            rest = [item for item in rest if id(item) not in gone]
            batch = _able(rest, now_s, self.full_rows, latency)
        if self.load.over:
            most = self.load.slots * self.full_rows / latency.expect_s(self.full_rows)
            kept[-1] -= most * (now_s - self.now_s)
        return kept
