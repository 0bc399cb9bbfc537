"""The queue of one model: levels of priority, each in order of arrival. Pure.

A level's requests that have timed out under DELAY stand behind its others. Within a level
and a bucket nobody overtakes.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Generic, TypeVar

from configs.model import BatchingSpec
from deployments.batching.waiting import NEVER, Refused, Waiting

Item = TypeVar("Item", bound=Waiting)


class Line(Generic[Item]):
    """Who waits, in the order in which they are served."""

    def __init__(self, limits: BatchingSpec) -> None:
        self._limits = limits
        levels = range(1, limits.priority_levels + 1)
        self._policies = [limits.policy(level) for level in levels]
        self._live: list[deque[Item]] = [deque() for _ in levels]
        self._delayed: list[deque[Item]] = [deque() for _ in levels]
        self._first = self._live[0]
        self._rows = [0] * limits.priority_levels
        self._back = [0] * limits.priority_levels
        self._single = limits.priority_levels == 1
        self._special = self._shaped = 0
        self.rows = 0

    def __len__(self) -> int:
        return sum(map(len, (*self._live, *self._delayed)))

    def __iter__(self) -> Iterator[Item]:
        for live, delayed in zip(self._live, self._delayed, strict=True):
            yield from live
            yield from delayed

    @property
    def plain(self) -> bool:
        """Whether nobody here has a level, a deadline, a timeout or a bucket."""
        return self._single and not self._special

    @property
    def shaped(self) -> bool:
        """Whether somebody here has a bucket."""
        return self._shaped > 0

    @property
    def oldest(self) -> Item:
        """Who is served first; there must be somebody."""
        return self._first[0] if self.plain else next(iter(self))

    def rows_before(self, level: int) -> int:
        """Rows that are served before one who joins `level` now."""
        return sum(self._rows[:level]) - sum(self._back[:level])

    def admits(self, rows: int, level: int) -> bool:
        """Whether `rows` more may join; an empty queue takes any request.

        Lower levels don't count: they must not keep a higher one out.
        """
        queued = self.rows if level == len(self._live) else sum(self._rows[:level])
        if queued and queued + rows > self._limits.max_queue_size:
            return False
        limit, own = self._policies[level - 1].max_queue_size, self._rows[level - 1]
        return limit is None or not own or own + rows <= limit

    def put(self, item: Item) -> None:
        """Let `item` join its level."""
        level, rows = item.level - 1, item.rows
        self._live[level].append(item)
        self.rows += rows
        self._rows[level] += rows
        if item.special:
            self._special += 1
            self._shaped += item.bucket is not None

    def put_plain(self, item: Item) -> None:
        """Let `item` join a queue of one level; it has no deadline, timeout or bucket."""
        self._first.append(item)
        self.rows += item.rows
        self._rows[0] += item.rows

    def remove(self, item: Item) -> bool:
        """Let `item` leave; False: it was not here."""
        if item in self._live[item.level - 1]:
            self._live[item.level - 1].remove(item)
        elif item in self._delayed[item.level - 1]:
            self._delayed[item.level - 1].remove(item)
            self._back[item.level - 1] -= item.rows
        else:
            return False
        self._forget(item)
        return True

    def pop(self, full_rows: int) -> list[Item]:
        """The next batch of a plain queue that is not empty."""
        first = self._first
        taken = [first.popleft()]
        rows = taken[0].rows
        while first and rows + first[0].rows <= full_rows:
            taken.append(first.popleft())
            rows += taken[-1].rows
        self.rows -= rows
        self._rows[0] = self.rows
        return taken

    def take_all(self) -> list[Item]:
        """Let everybody leave, in order."""
        taken = list(self)
        for queue in (*self._live, *self._delayed):
            queue.clear()
        self._rows = [0] * len(self._rows)
        self._back = [0] * len(self._back)
        self.rows = self._special = self._shaped = 0
        return taken

    def take(self, chosen: Sequence[Item]) -> None:
        """Let all of `chosen` leave, who may stand anywhere."""
        apart = set()
        for item in chosen:
            self._forget(item)
            queue = self._live[item.level - 1]
            if queue and queue[0] is item:
                queue.popleft()
            else:
                apart.add(id(item))
        if apart:
            self._keep(apart)

    def _keep(self, gone: Collection[int]) -> None:
        """Rebuild every queue without the items of these ids."""
        for queues in (self._live, self._delayed):
            for level, queue in enumerate(queues):
                queues[level] = deque(i for i in queue if id(i) not in gone)
        self._back = [sum(item.rows for item in queue) for queue in self._delayed]
        self._first = self._live[0]

    def set_back(self, items: Sequence[Item]) -> None:
        """Let `items` stand behind their levels: others are served before them."""
        apart = set(map(id, items))
        for level in {item.level - 1 for item in items}:
            queue = self._live[level]
            gone = [item for item in queue if id(item) in apart]
            self._live[level] = deque(i for i in queue if id(i) not in apart)
            self._delayed[level].extend(gone)
            self._back[level] += sum(item.rows for item in gone)
        self._first = self._live[0]

    def sift(
        self, now_s: float, hopeless: Callable[[Item, int], bool]
    ) -> list[tuple[Item, Refused]]:
        """Apply timeouts and deadlines; return who leaves, and why.

        Args:
            now_s: the time.
            hopeless: whether a request cannot be met with so many rows before it.
        """
        left: list[tuple[Item, Refused]] = []
        ahead = 0
        for level, policy in enumerate(self._policies):
            late = [i for i in self._live[level] if i.expires_s <= now_s]
            if late and policy.timeout_action == "REJECT":
                left += [(item, Refused.EXPIRED) for item in late]
                self.take(late)
            else:
                self.set_back(late)
            ahead = self._sift_level(level, ahead, hopeless, left)
        self.take([item for item, why in left if why is Refused.HOPELESS])
        return left

    def _sift_level(
        self,
        level: int,
        ahead: int,
        hopeless: Callable[[Item, int], bool],
        left: list[tuple[Item, Refused]],
    ) -> int:
        """Judge the deadlines of a level; return the rows before the next one."""
        for item in self._live[level]:
            if item.deadline_s < NEVER and hopeless(item, ahead):
                left.append((item, Refused.HOPELESS))
            else:
                ahead += item.rows
        for item in self._delayed[level]:  # whom nobody needs to let pass
            if item.deadline_s < NEVER and hopeless(item, 0):
                left.append((item, Refused.HOPELESS))
        return ahead

    def _forget(self, item: Item) -> None:
        self.rows -= item.rows
        self._rows[item.level - 1] -= item.rows
        if item.special:
            self._special -= 1
            self._shaped -= item.bucket is not None
