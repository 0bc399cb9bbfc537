"""When a batch leaves and what it holds. Pure: no clock, no queue, no runtime.

Late sealing: a batch is closed only once an execution slot is free, so it keeps growing
while the slots are busy (`@serve.batch` closes it earlier and starves the model).

- Items leave in the order they came.
- A batch never holds more than `full_batch_size` rows, unless its first item alone does.
- The oldest item waits at most `batch_wait_timeout_s` for company; a full batch never waits.
"""

from collections.abc import Iterable

from configs.model import BatchingSpec


def wait_s(queued_rows: int, oldest_age_s: float, limits: BatchingSpec) -> float:
    """Seconds to wait for more rows before a slot is asked for; 0: ask now."""
    if queued_rows >= limits.full_batch_size:
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


def admits(queued_rows: int, rows: int, limits: BatchingSpec) -> bool:
    """Whether `rows` more may queue; an empty queue takes any request the model takes."""
    return queued_rows == 0 or queued_rows + rows <= limits.max_queue_size


def retry_after_s(queued_rows: int, row_time_s: float, slots: int) -> float:
    """When a refused caller may come back: the time to work off what is queued."""
    return max(1.0, queued_rows * row_time_s / slots)
