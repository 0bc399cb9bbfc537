"""What a replica counts of the requests it sees, for the policy to read. Hot: additions only.

A request to a deployment is counted where it is first seen: at the ingress for the ingress
itself, at the caller for any other, so that requests which wait for a first replica count too.
"""

import time
from collections.abc import Callable
from typing import Protocol

from deployments.autoscaling.live.work import APART, Work
from deployments.messages import Reply, Request

AGE, LOAD, SERVED = "age_s", "load_s", "served"
ARRIVED, COMPLETED, ONGOING = "arrived", "completed", "ongoing"
SPENT, OLDEST = "spent_s", "oldest_s"

TOLD_S = 60.0
"""Long enough for the policy to have heard how long a replica took to load."""


def key(kind: str, name: str) -> str:
    """The name of a number under which it travels to the policy."""
    return f"{kind}{APART}{name}"


class Flow:
    """The requests of one deployment that this replica has seen."""

    __slots__ = ("arrived", "completed", "since", "spent_s")

    def __init__(self) -> None:
        self.arrived = self.completed = 0
        self.spent_s = 0.0
        # In the order in which they came, so the first is the oldest.
        self.since: dict[int, float] = {}


class Meter:
    """The counters of one replica; used from one event loop, so it needs no lock.

    `work` counts what requests do not tell. A `quiet` one says nothing from a minute after it
    has loaded on until it has counted something: most replicas only answer others, who count.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, quiet: bool = False
    ) -> None:
        self.work, self._quiet = Work(clock), quiet
        self._clock, self._born_s = clock, clock()
        self._load_s, self._told_s = 0.0, self._born_s + TOLD_S
        self._flows: dict[str, Flow] = {}
        self._served: dict[str, int] = {}

    def loaded(self) -> None:
        """The models of this replica are loaded now."""
        now_s = self._clock()
        self._load_s, self._told_s = now_s - self._born_s, now_s + TOLD_S

    def arrive(self, deployment: str) -> int:
        """Count a request that has come; gives its ticket."""
        flow = self._flows.get(deployment)
        if flow is None:
            flow = self._flows[deployment] = Flow()
        flow.arrived += 1
        flow.since[flow.arrived] = self._clock()
        return flow.arrived

    def leave(self, deployment: str, ticket: int, *, answered: bool) -> None:
        """Count a request out; one that was refused or given up was not completed."""
        flow = self._flows[deployment]
        took_s = self._clock() - flow.since.pop(ticket)
        if answered:
            flow.completed += 1
            flow.spent_s += took_s

    def serve(self, name: str) -> None:
        """Count a request for a pipeline or model by the name that the client used."""
        self._served[name] = self._served.get(name, 0) + 1

    def stats(self) -> dict[str, float]:
        """All counters, flat, as Ray carries them; counters only grow."""
        now_s = self._clock()
        counted = self.work.stats()
        if self._quiet and now_s > self._told_s and not (self._flows or counted):
            return {}
        found = {AGE: now_s - self._born_s, LOAD: self._load_s}
        for name, flow in self._flows.items():
            oldest_s = next(iter(flow.since.values()), now_s)
            found[key(ARRIVED, name)] = float(flow.arrived)
            found[key(COMPLETED, name)] = float(flow.completed)
            found[key(ONGOING, name)] = float(len(flow.since))
            found[key(SPENT, name)] = flow.spent_s
            found[key(OLDEST, name)] = now_s - oldest_s
        found |= {key(SERVED, name): float(n) for name, n in self._served.items()}
        return found | counted


class Answering(Protocol):
    """What is metered: a node, or a call to one elsewhere."""

    async def infer(self, request: Request) -> Reply:
        """See `deployments.nodes.Node.infer`."""
        ...


class Metered:
    """A node whose requests count as those of one deployment."""

    def __init__(self, node: Answering, meter: Meter, deployment: str) -> None:
        self._node, self._meter, self._deployment = node, meter, deployment

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        ticket, answered = self._meter.arrive(self._deployment), False
        try:
            reply = await self._node.infer(request)
            answered = True
        finally:
            self._meter.leave(self._deployment, ticket, answered=answered)
        return reply


class Named:
    """Counts requests by the name that clients use, in front of a node."""

    def __init__(self, node: Answering, meter: Meter, name: str) -> None:
        self._node, self._meter, self._name = node, meter, name

    async def infer(self, request: Request) -> Reply:
        """See `Node.infer`."""
        self._meter.serve(self._name)
        return await self._node.infer(request)
