"""Which decision ordered which replica: orders go in as targets rise, starts come out.

The cluster does not say why a replica starts. Orders are matched to replicas that become
ready, the oldest first; one that no order explains is said to be the cluster's own.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

Cause = Literal["decision", "deployment", "replacement", "cluster"]
"""decision: this policy asked; deployment: it was deployed so; replacement: one is gone;
cluster: Ray changed the target by itself, or replaced a replica by one of a new version."""

MOST_OPEN = 10_000


@dataclass(frozen=True)
class Order:
    """One replica more, and why; `decision` is what the policy said when it asked."""

    at_s: float
    wall_s: float
    cause: Cause
    reason: str
    replicas: int


@dataclass(frozen=True)
class Start:
    """A replica that became ready."""

    replica: str
    order: Order
    took_s: float

    def as_dict(self) -> dict[str, Any]:
        """The start for the journal; times of the epoch."""
        order = asdict(self.order)
        del order["at_s"]
        order["ordered_at_s"] = order.pop("wall_s")
        return {"replica": self.replica, "took_s": round(self.took_s, 3), **order}


class Asked(NamedTuple):
    """What the policy answered last for a deployment, and when, by both clocks."""

    replicas: int
    reason: str
    at: tuple[float, float]


@dataclass
class _Page:
    target: int
    known: set[str]
    orders: deque[Order] = field(default_factory=lambda: deque(maxlen=MOST_OPEN))
    leaving: int = 0


class Ledger:
    """The open orders of every deployment."""

    def __init__(self) -> None:
        self._pages: dict[str, _Page] = {}

    def forget(self, names: Collection[str]) -> None:
        """Keep these deployments only."""
        self._pages = {k: v for k, v in self._pages.items() if k in names}

    def open(
        self, name: str, target: int, running: Collection[str], now: tuple[float, float]
    ) -> None:
        """Begin with a deployment: what is missing now was ordered by deploying it."""
        self._pages[name] = _Page(target, set(running))
        missing = max(0, target - len(running))
        self._order(self._pages[name], missing, Order(*now, "deployment", "", target))

    def knows(self, name: str) -> bool:
        """Whether a deployment has been opened."""
        return name in self._pages

    def follow(
        self,
        name: str,
        target: int,
        running: Collection[str],
        asked: Asked | None,
        now: tuple[float, float],
    ) -> list[Start]:
        """Note how target and replicas changed since the last tick; gives the starts.

        Args:
            name: the deployment.
            target: how many replicas the cluster wants now.
            running: the replicas that are ready.
            asked: what the policy had answered before this tick.
            now: the running clock and the time of the epoch.
        """
        page = self._pages[name]
        if target == page.target and not page.orders and page.known == set(running):
            return []
        self._turn(page, target, asked, now)
        gone, new = page.known - set(running), sorted(set(running) - page.known)
        left = min(page.leaving, len(gone))
        page.leaving -= left
        self._order(
            page,
            len(gone) - left,
            Order(*now, "replacement", "a replica is gone", target),
        )
        page.known = set(running)
        starts = [self._start(page, replica, now) for replica in new]
        # An update starts new replicas before the old ones go: nothing is missing then.
        while len(page.orders) > max(0, target - len(page.known)):
            page.orders.pop()
        return starts

    def _turn(
        self, page: _Page, target: int, asked: Asked | None, now: tuple[float, float]
    ) -> None:
        change, page.target = target - page.target, target
        if change > 0:
            order = Order(*now, "cluster", "", target)
            if asked is not None and asked.replicas == target:
                order = Order(*asked.at, "decision", asked.reason, target)
            # A replica that was about to leave leaves all the same.
            self._order(page, change, order)
        for _ in range(-change):
            if page.orders:
                page.orders.pop()
            else:
                page.leaving += 1

    def _order(self, page: _Page, count: int, order: Order) -> None:
        page.orders.extend([order] * min(max(0, count), MOST_OPEN))

    def _start(self, page: _Page, replica: str, now: tuple[float, float]) -> Start:
        if page.orders:
            order = page.orders.popleft()
            return Start(replica, order, now[0] - order.at_s)
        return Start(replica, Order(*now, "cluster", "", page.target), 0.0)
