"""Where the requests of one node go, as one caller sees a pool. Pure.

Those who hold the model come first, in the order of its ranks; as many of them get
requests as its work needs. What nobody holds goes to the first rank alone: all callers
send it there, and it is loaded once.
"""

from collections.abc import Sequence

from deployments.routing.rank import ranked
from deployments.routing.seen import Seen
from deployments.routing.spread import FULL, Need, Spread, spread


class Choice:
    """The targets of every node; forget what was computed with `see`."""

    def __init__(self) -> None:
        self._pool: dict[str, Seen] = {}
        self._spreads: dict[str, Spread] = {}
        self._targets: dict[str, tuple[str, ...]] = {}

    def see(self, pool: Sequence[Seen]) -> None:
        """Replace what is known of the replicas."""
        self._pool = {one.replica: one for one in pool}
        self._targets = {}

    def lose(self, replica: str) -> None:
        """A replica died; the others are as they were."""
        if self._pool.pop(replica, None) is not None:
            self._targets = {}

    def targets(self, node: str, now_s: float) -> tuple[str, ...]:
        """The replicas that requests to `node` go to, the best one first."""
        found = self._targets.get(node)
        if found is None:
            found = self._targets[node] = self._decide(node, now_s)
        return found

    def holders(self, node: str) -> tuple[str, ...]:
        """The replicas on which `node` is loaded or loading."""
        return tuple(r for r, one in self._pool.items() if node in one.warm)

    def _decide(self, node: str, now_s: float) -> tuple[str, ...]:
        order = ranked(node, self._pool)
        held = [replica for replica in order if node in self._pool[replica].warm]
        order = held + [replica for replica in order if replica not in held]
        rooms = [self._room(replica, node) for replica in order]
        before = self._spreads.get(node, Spread())
        after = spread(before, Need(self._work(node), rooms, self._whole()), now_s)
        self._keep(node, after)
        # One new copy at a time: requests that go to it wait until it is loaded.
        return tuple(order[: min(after.copies, len(held) + 1)])

    def _keep(self, node: str, after: Spread) -> None:
        if after == Spread():
            self._spreads.pop(node, None)
        else:
            self._spreads[node] = after

    def _work(self, node: str) -> float:
        return sum(one.warm.get(node, 0.0) for one in self._pool.values())

    def _whole(self) -> float:
        return FULL * max((one.slots for one in self._pool.values()), default=1)

    def _room(self, replica: str, node: str) -> float:
        one = self._pool[replica]
        others = one.load() - one.warm.get(node, 0.0)
        return max(0.0, FULL * one.slots - others)
